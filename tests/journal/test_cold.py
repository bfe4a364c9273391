"""What a cold ledger keeps outside of memory: payments found again, whatever came of them, and what messages said."""

from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from switch.core.records.records import AnyEntry
from switch.journal import cold, network_messages, spool
from switch.journal.cold import ColdLedger
from switch.journal.copying import unwatched
from switch.journal.log import segments
from switch.journal.network_messages import Heard, Said, said_to
from switch.journal.recovery import journal_directory
from switch.journal.spool import Spool
from switch.ledger.entries import Entry, Window, is_merchant
from tests.journal.samples import written
from tests.ledger.stories import DAY, MAD, Sides, cutover, fold, records


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
    made = ColdLedger(MAD)
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
    made.close()


class Seen:
    """A collector that keeps everything, and asks of each entry what its message has said."""

    def __init__(self) -> None:
        self.heard = Heard(["mastercard"])
        self.takes, self.rest = self.heard.takes, self.heard.rest
        self.entries: list[Entry] = []
        self.said: list[Said | None] = []

    def post(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.said.append(self.heard.said(entry.txn))


def settling(entry: Entry) -> Entry:
    """Without what is between merchants and their acquirer."""
    moves = (one for one in entry.moves if not (is_merchant(one.payer) or is_merchant(one.payee)))
    return msgspec.structs.replace(entry, moves=tuple(moves))


@pytest.mark.parametrize("step", [1, 3, 7, 1_000])
def test_a_collector_sees_all_entries_and_what_their_messages_said_as_the_log_has_it(
    tmp_path: Path, step: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    entries = day()
    written(tmp_path, entries)
    monkeypatch.setattr(cold, "STEP_RECORDS", step)
    monkeypatch.setattr(network_messages, "STEP_RECORDS", step)
    _, posted = fold(entries)
    seen = Seen()
    directory = journal_directory(tmp_path)
    with (
        closing(seen.heard),
        closing(ColdLedger(MAD, seen)) as made,
        closing(said_to(tmp_path, ["mastercard"])) as again,
    ):
        made.build(directory, segments(directory), len(entries), unwatched)
        assert seen.entries == [settling(entry) for entry in posted]
        assert seen.said == [again.said(entry.txn) for entry in posted]
    assert sum(said is not None for said in seen.said) == 2, "the payment with Mastercard, and what takes it back"


def test_pieces_are_read_again_from_anywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spool, "_BLOCK", 7)
    made = Spool()
    pieces = [bytes([n]) * (n % 5 + (20 if n == 9 else 1)) for n in range(30)]
    for piece in pieces:
        made.put(piece)
    made.flush()
    assert list(made.pieces(0, 30, 0)) == pieces
    offset = sum(map(len, pieces[:8]))
    assert list(made.pieces(8, 12, offset)) == pieces[8:12]
    made.close()
