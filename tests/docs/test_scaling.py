"""docs/scaling.md: what a month costs on paper follows from what it says, and from what a payment's records are."""

import re
from pathlib import Path

import pytest

from switch.core.records.records import ENCODER, Answered, Forwarded
from switch.sim.playbook import Playbook
from tests.core.scripts import morocco, purchase

PAGE = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text(encoding="utf-8")
PER_SECOND = 10_000
SEALED = 60
"""about so many bytes a sealed PAN is longer than a clear one"""


def said(pattern: str) -> list[float]:
    """The numbers at this place of the page."""
    found = re.search(pattern, " ".join(PAGE.split()))
    assert found is not None, pattern
    return [float(number.replace(",", "")) for number in found.groups()]


def test_a_month_on_paper_adds_up() -> None:
    (rate,) = said(r"A month at ([\d,]+) payments a second")
    (payments,) = said(r"on paper: ([\d.]+) × 10¹⁰ payments")
    size, per_s, per_day, per_month = said(
        r"about (\d+) bytes of records each, so ([\d.]+) MB/s, (\d+) GB a day and (\d+) TB a month"
    )
    assert rate == PER_SECOND
    assert round(rate * 86_400 * 30 / 1e10, 1) == payments
    assert round(rate * size / 1e6, 1) == per_s
    assert round(rate * size * 86_400 / 1e9, -1) == per_day
    assert round(rate * size * 86_400 * 30 / 1e12) == per_month
    least, most = said(r"At the ([\d.]+) to (\d+) µs of server CPU a record")
    cores = said(r"two records a payment: ([\d.]+) to ([\d.]+) of a core")
    assert [round(2 * rate * us / 1e6, 1) for us in (least, most)] == cores


def test_a_payments_records_are_about_as_large_as_the_page_says() -> None:
    book = Playbook(morocco())
    atlas, rif = book.host("atlas"), book.acquirer("acquirers", "504102")
    rif.sends(purchase())
    atlas.answers(atlas.gets(), de38="123456")
    records = [*book.recorded(Forwarded), *book.recorded(Answered)]
    assert len(records) == 2
    (size,) = said(r"about (\d+) bytes of records each")
    assert 0.75 * size < sum(len(ENCODER.encode(entry)) for entry in records) + SEALED < 1.25 * size


PLAYED = {
    "the switch's process": "e2e/test_standby.py::test_what_a_lost_node_has_approved_the_other_goes_on_with",
    "its machine": "e2e/test_standby.py::test_what_a_lost_node_has_approved_the_other_goes_on_with",
    "its writer, stopped or killed": (
        "journal/store/test_postgresql.py::test_a_writer_that_is_killed_is_brought_back_with_what_it_never_acknowledged"
    ),
    "the way to the database": "journal/store/test_connecting.py::test_a_way_that_is_half_open_is_given_up",
    "one standby of two": "journal/store/test_losses.py::test_one_standby_of_two_may_be_away",
    "both standbys": "journal/store/test_postgresql.py::test_without_a_standby_nothing_is_said_and_nothing_is_cancelled",
    "the primary": "journal/store/test_lease.py::test_a_standby_outlives_the_primary_that_it_waits_by",
    "the primary, and the standby that is promoted": (
        "journal/store/test_postgresql.py::test_a_primary_that_lacks_what_was_acknowledged_is_refused"
    ),
    "the same, and the node that claims never had": "journal/store/test_patroni.py::test_what_is_unsafe_is_said",
    "the disk of the primary's server is full": (
        "journal/store/test_damage.py::test_a_full_disk_stops_approvals_and_room_brings_them_back"
    ),
    "the disk of its write-ahead log is": (
        "journal/store/test_full_disk.py"
        "::test_a_full_disk_of_the_log_ends_the_server_and_room_brings_back_all_that_was_acknowledged"
    ),
    "no connection is left on the server": (
        "journal/store/test_losses.py"
        "::test_where_no_connection_is_left_who_is_to_take_over_says_so_and_goes_on_when_there_is_one"
    ),
    "the provider makes the database read-only": (
        "journal/store/test_damage.py::test_a_role_that_may_not_write_is_told_so"
    ),
    "the name server": (
        "journal/store/test_connecting.py::test_a_resolver_that_says_nothing_holds_up_no_server_that_is_known"
    ),
    "the clock of the database's machine is put forward": (
        "journal/store/test_losses.py"
        "::test_a_database_whose_clock_is_put_forward_ends_a_lease_and_its_owner_approves_nothing_more"
    ),
    "it is put back": (
        "journal/store/test_opening.py::test_a_database_whose_clock_is_put_back_a_day_keeps_no_lease_for_a_day"
    ),
    "an owner that slept": "e2e/test_standby.py::test_a_node_that_slept_ends_when_it_wakes",
}
"""row of the failure table, as it begins -> the test that plays it"""


def test_each_row_of_the_failure_table_is_played_by_a_test() -> None:
    table = PAGE.partition("### What fails, and what you do")[2].partition("###")[0]
    rows = [line[2:] for line in table.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(PLAYED)
    for row, begins in zip(rows, PLAYED, strict=True):
        assert row.startswith(begins)


@pytest.mark.parametrize("played", sorted(set(PLAYED.values())))
def test_what_plays_it_is_there(played: str) -> None:
    file, _, name = played.partition("::")
    assert f"def {name}(" in (Path(__file__).parents[1] / file).read_text()


def test_transaction_numbers_last_as_long_as_the_page_says() -> None:
    millions, days, rate = said(r"(\d+) million of them .{0,40} are ([\d.]+) days of ([\d,]+) appends a second")
    assert round(millions * 1e6 / rate / 86_400, 1) == days
