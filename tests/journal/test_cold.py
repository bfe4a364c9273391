"""What a cold ledger keeps outside of memory: payments found again, whatever came of them, and what messages said."""

from pathlib import Path

import pytest

from switch.core.records.records import AnyEntry
from switch.journal import cold, network_messages
from switch.journal.cold import ColdLedger, Spool
from switch.journal.log import segments
from switch.journal.network_messages import Heard, said_to
from switch.journal.recovery import journal_directory
from switch.ledger.entries import Window
from tests.journal.samples import written
from tests.ledger.stories import DAY, Sides, cutover, fold, records


def day() -> list[AnyEntry]:
    """Payments whose reversals, completions, increments and claims come after many others."""
    begun = [
        *records("0200 100.00", first=10),
        *records("0100 800.00", first=20),
        *records("0200 60.00 declined", first=30),
        *records("0200 40.00", Sides(issuer="mastercard"), first=40),
    ]
    others = [entry for n in range(100, 160, 2) for entry in records("0200 1.00", first=n)]
    return [
        *begun,
        *others,
        *list(records("0200 100.00, 0420 left 30.00", first=10))[2:],
        *list(records("0100 800.00, 0220 650.00", first=20))[2:],
        *list(records("0200 40.00, 0420", Sides(issuer="mastercard"), first=40))[2:],
        cutover(500),
        *records("0200 5.00", first=600),
    ]


@pytest.mark.parametrize("step", [1, 3, 7, 1_000])
def test_however_often_memory_is_emptied_it_is_the_same_ledger(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:

    state = tmp_path
    entries = day()
    written(state, entries)
    monkeypatch.setattr(cold, "STEP_RECORDS", step)
    ledger, posted = fold(entries)
    heard = Heard(["mastercard"])
    made = ColdLedger(heard)
    directory = journal_directory(state)
    seen: list[tuple[int, int]] = []
    made.build(directory, segments(directory), len(entries), lambda *at: seen.append(at))
    assert made.fold.positions == ledger.positions
    assert made.fold.windows.closed == ledger.windows.closed
    window = Window(DAY, 1)
    assert [e.sequence for e in made.of_window(window)] == [e.sequence for e in posted if e.window == window]
    assert [e.amount for e in made.of_window(window)] == [e.amount for e in posted if e.window == window]
    assert list(made.of_window(Window("2030-01-01", 1))) == []
    assert seen[-1] == (len(entries), len(entries))
    again = said_to(state, "mastercard", {40, 41})
    assert [heard.said(txn) for txn in (40, 41)] == [again.said(txn) for txn in (40, 41)]
    assert heard.said(41) is not None
    made.close()


def test_what_is_remembered_of_messages_is_bounded_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network_messages, "KEPT_MAX", 2)
    heard = Heard(["mastercard"])
    for first in (10, 20):
        for entry in records("0200 40.00", Sides(issuer="mastercard"), first=first):
            heard.take(entry)
    assert not heard.dropped
    for entry in records("0200 40.00", Sides(issuer="mastercard"), first=30):
        heard.take(entry)
    assert heard.dropped
    assert heard.said(10) is None


def test_pieces_are_read_again_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cold, "_BLOCK", 7)
    spool = Spool()
    pieces = [bytes([n]) * (n % 5 + (20 if n == 9 else 1)) for n in range(30)]
    for piece in pieces:
        spool.put(piece)
    spool.flush()
    assert list(spool.pieces(0, 30, 0)) == pieces
    offset = sum(map(len, pieces[:8]))
    assert list(spool.pieces(8, 12, offset)) == pieces[8:12]
    spool.close()
