"""Each command that others connect to says to programs where, once they can."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from switch.cli import issuer, tap
from switch.loopback import free_ports
from switch.server.app import SwitchReady
from tests.cli.conftest import Running

TALK = """\
{"dialect": "cmi87", "from": "client", "document": {"t": "0800", "7": "0105100000", "11": "000001", "70": "301"}}
{"dialect": "cmi87", "from": "server", "document": {"t": "0810", "7": "0105100000", "11": "000001", "70": "301", "39": "00"}}
"""


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        (("issuer", "atlas", "rif", "--network", "net.toml"), {"atlas", "rif"}),
        (("network", "visa", "--network", "net.toml"), {"visa"}),
        (("tap", "127.0.0.1:0", "127.0.0.1:1", "--dialect", "cmi87"), {"tap"}),
        (("replay", "talk.jsonl", "--to", "127.0.0.1:0", "--side", "server"), {"replay"}),
        (("doctor", "127.0.0.1:0"), {"doctor"}),
    ],
)
def test_the_file_says_where(arguments: tuple[str, ...], names: set[str], here: Path, running: Running) -> None:
    (here / "talk.jsonl").write_text(TALK)
    with running(*arguments) as (process, ready):
        assert set(ready.listeners) == names
        assert all(address in ready.sentence for address in ready.listeners.values())
        process.terminate() if arguments[0] in ("issuer", "network") else process.send_signal(2)
        process.wait(30)
    assert not (here / "ready.json").exists()


def test_a_switch_says_more_and_only_while_it_runs(here: Path, running: Running) -> None:
    with running("serve", "net.toml", "--state", "st") as (process, ready):
        said = msgspec.json.decode((here / "ready.json").read_bytes(), type=SwitchReady)
        assert (said.pid, set(said.listeners)) == (process.pid, {"acquirers", "pos"})
        assert all(address in ready.sentence for address in said.listeners.values())
        assert (said.network, said.hosts_up, len(said.hosts_away)) == ("morocco", [], 5)
        assert (said.recovered_records, said.restarts, said.log) == (0, 0, "st/hops.jsonl")
        process.terminate()
        process.wait(30)
    assert not (here / "ready.json").exists()


def test_a_file_that_cannot_be_written_is_a_sentence(here: Path) -> None:
    there = ["--ready", "net.toml/ready.json"]
    result = CliRunner().invoke(issuer.command, ["--network", "net.toml", *there])
    assert (result.exit_code, "net.toml" in result.output) == (1, True), result.output
    port = free_ports(1)[0]
    result = CliRunner().invoke(tap.command, [f"127.0.0.1:{port}", "127.0.0.1:1", "--dialect", "cmi87", *there])
    assert (result.exit_code, "net.toml" in result.output) == (1, True), result.output
