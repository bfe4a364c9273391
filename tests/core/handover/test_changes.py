"""What differs between two network files, in words, and what is in the way."""

from decimal import Decimal

import msgspec

from switch.core.handover.changes import changes, obstacles
from switch.core.network import Address, Network
from tests.core.handover.test_succession import changed, without
from tests.core.scripts import morocco


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


def test_what_the_journal_rests_on_cannot_change() -> None:
    other = msgspec.structs.replace(morocco(), name="tunisia", currency="788")
    found = obstacles(morocco(), other)
    assert [o.sentence for o in found] == [
        "name is morocco and would become tunisia",
        "currency is 504 and would become 788",
    ]


def test_a_host_does_not_become_another() -> None:
    (found,) = obstacles(morocco(), changed(morocco(), "hosts", "visa", scheme="mastercard"))
    assert found.sentence == "scheme of host visa is visa and would become mastercard"
