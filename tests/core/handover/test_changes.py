"""What differs between two network files, in words, and what is in the way."""

from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from switch.config.load import SHIPPED, load_network
from switch.core.handover.changes import LATER, changes, obstacles
from switch.core.hooks import Hooks
from switch.core.network import Address, Capture, JournalFiles, Network
from switch.core.shards import of_shard
from tests.core.handover.test_succession import changed, without
from tests.core.scripts import morocco
from tests.sharded import sharded


def with_bins(network: Network, **changes_of_first: object) -> Network:
    first = msgspec.structs.replace(network.bins[0], **changes_of_first)
    return msgspec.structs.replace(network, bins=(first, *network.bins[1:]))


def test_the_same_file_has_no_differences() -> None:
    assert changes(morocco(), morocco()) == []


def test_a_line_moved_and_another_file_are_no_differences() -> None:
    network = msgspec.structs.replace(with_bins(morocco(), line=9_999), source="elsewhere.toml")
    assert changes(morocco(), network) == []


def test_each_difference_is_one_line_by_section_and_name() -> None:
    before = morocco()
    limits = msgspec.structs.replace(before.limits, pending=30_000)
    after = changed(before, "hosts", "atlas", timeout_ms=9_000, connect=Address("10.0.0.1", 8591))
    after = without(after, "listeners", "pos")
    after = with_bins(after, product="credit")
    rates = {**after.rates, "978": Decimal("10.9")}
    after = msgspec.structs.replace(after, limits=limits, rates=rates, duplicate_window_s=3_600)
    assert changes(before, after) == [
        "[[listener]] pos: removed",
        "[[host]] atlas: connect: 127.0.0.1:8591 -> 10.0.0.1:8591",
        "[[host]] atlas: timeout_ms: 10000 -> 9000",
        "[[bin]] 950401: product: debit -> credit",
        f"[rates] 978: {before.rates['978']} -> 10.9",
        "duplicate_window_s: 86400 -> 3600",
        "[limits] pending: 20000 -> 30000",
    ]


def test_what_came_and_what_went_is_named() -> None:
    before, after = without(morocco(), "hosts", "souss"), morocco()
    assert changes(before, after)[:2] == ["[[host]] souss: added", "[[bin]] 950403: added"]
    assert changes(after, before)[:2] == ["[[host]] souss: removed", "[[bin]] 950403: removed"]


def test_a_section_that_came_or_went_is_told_by_its_keys_without_the_text_of_its_file() -> None:
    before = morocco()
    capture = Capture(file="a.pcapng", file_bytes=4_096, files=2, clear_cards=("9504 01",), from_start=True)
    rules = Hooks(file="rules.py", source="class Rules: ...", digest="abc")
    after = msgspec.structs.replace(before, capture=capture, hooks=rules)
    (one, other) = changes(before, after)
    assert one == "[capture]: none -> file a.pcapng, file_bytes 4096, files 2, clear_cards 9504 01, from_start True"
    assert other == "[hooks]: none -> file rules.py, digest abc, when_off open, budget_ms 20"
    assert changes(after, before)[0].endswith("-> none")


def test_what_a_reload_does_not_bring_into_effect_is_said_with_when_it_is() -> None:
    before = morocco()
    files = msgspec.structs.replace(before.journal, store="postgresql://u@h/d", head_copy="/mnt/head")
    assert changes(before, msgspec.structs.replace(before, journal=files)) == [
        "[journal] head_copy: none -> /mnt/head, at the next `cmi-switch restart`",
        "[journal] store: none -> postgresql://u@h/d, at the next start of the process",
    ]
    keys = {key for section, key in LATER if section == "journal"}
    assert keys == set(JournalFiles.__struct_fields__), "each key of [journal] is of the next start, and docs say so"


def test_what_the_journal_rests_on_cannot_change() -> None:
    other = msgspec.structs.replace(morocco(), name="tunisia", currency="788")
    found = obstacles(morocco(), other)
    assert [o.sentence for o in found] == [
        "name is morocco and would become tunisia",
        "currency is 504 and would become 788",
    ]


@pytest.mark.parametrize("shard", ["a", "b", "c"])
def test_a_shard_does_not_get_another_number_in_any_of_them(shard: str, tmp_path: Path) -> None:
    """Those that it stays with know it by that: it could not sign on there any more."""
    file = tmp_path / "sharded.toml"
    file.write_text(sharded((SHIPPED / "morocco.toml").read_text(), "abc"))
    before = load_network(str(file))
    after = changed(before, "shards", "a", number=7)
    (found,) = obstacles(of_shard(before, shard), of_shard(after, shard))
    assert "1 and would become 7" in found.sentence


def test_a_member_that_moves_is_told_with_what_stays_behind(tmp_path: Path) -> None:
    file = tmp_path / "sharded.toml"
    file.write_text(sharded((SHIPPED / "morocco.toml").read_text(), "ab"))
    before = of_shard(load_network(str(file)), "a")
    said = "[[member]] rif: shard: b -> a, where nothing is known of its payments of before"
    assert changes(before, changed(before, "members", "rif", shard="a")) == [said]


def test_a_host_does_not_become_another() -> None:
    (found,) = obstacles(morocco(), changed(morocco(), "hosts", "visa", scheme="mastercard"))
    assert found.sentence == "scheme of host visa is visa and would become mastercard"
