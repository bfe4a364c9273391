"""A network file made ready for a soak, however it is written."""

import re
from pathlib import Path

import pytest

from switch.config.load import parse_network
from switch.core.network import Address
from switch.soak.network_file import hurried, led_through

MOROCCO = Path("specs/networks/morocco.toml").read_text(encoding="utf-8")


def rewritten(pattern: str, by: str) -> str:
    """The shipped file with its times and addresses written otherwise."""
    return re.sub(rf"(?m)^{pattern}", by, MOROCCO)


WRITTEN = {
    "as shipped": MOROCCO,
    "without blanks": rewritten(r"(timeout_ms|connect|address) = ", r"\1="),
    "indented": rewritten(r"(timeout_ms|connect|address) = ", r"\t  \1\t=  "),
    "by default": rewritten(r"timeout_ms = .*\n", ""),
    "other quotes": rewritten(r'connect = "(\S+)"', r"connect = '\1'  # where it is"),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_no_host_has_long_to_answer(written: str) -> None:
    network = parse_network(hurried(WRITTEN[written]), "morocco.toml")
    assert {(h.timeout_ms, h.retry_ms, h.backoff_min_ms, h.backoff_max_ms) for h in network.hosts} == {
        (2_000, 2_000, 100, 1_000)
    }
    assert [h.name for h in network.hosts] == [h.name for h in parse_network(MOROCCO, "morocco.toml").hosts]


@pytest.mark.parametrize("written", WRITTEN)
def test_every_link_leads_where_it_can_be_broken(written: str) -> None:
    network = parse_network(MOROCCO, "morocco.toml")
    places = [h.connect for h in network.hosts if h.connect] + [x.address for x in network.listeners]
    through = {place: Address("127.0.0.1", 20_000 + n) for n, place in enumerate(places)}
    led = parse_network(led_through(WRITTEN[written], through, "host", "connect"), "morocco.toml")
    assert [h.connect for h in led.hosts] == [through[h.connect] if h.connect else None for h in network.hosts]
    assert [x.address for x in led.listeners] == [x.address for x in network.listeners]
    led = parse_network(led_through(WRITTEN[written], through, "listener", "address"), "morocco.toml")
    assert [x.address for x in led.listeners] == [through[x.address] for x in network.listeners]


def test_tables_in_one_line_are_changed_in_it() -> None:
    text = 'host = [{name = "a", timeout_ms = 9_000}, { name = "b" }]\n'
    assert hurried(text).count("timeout_ms = 2_000") == 2
    assert "9_000" not in hurried(text)
