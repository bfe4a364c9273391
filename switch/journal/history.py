"""What memory has let go: outcomes looked up in the index and, behind it, in the log. The running switch's
`core.records.outcomes.History`.

In: a key. Out: the outcome, made by the same `apply` that made it the first time. The rule: right however far the index lags,
even where there is none; the further it lags, the more of the log's tail is searched (about a gigabyte a second). And it never
waits for the process that builds the index, which has the lowest priority: payments would wait with it.
"""

import struct
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

from switch.core.limits import Limits
from switch.core.records.fold import apply
from switch.core.records.outcomes import Outcome, outcome_of
from switch.core.records.records import (
    ACQUIRER,
    ENCODER,
    SCHEMA,
    STAN,
    AnyEntry,
    Declined,
    Forwarded,
    Key,
    Owed,
    StoodIn,
)
from switch.core.records.state import State
from switch.journal.index import Index, IndexBusyError, IndexDamagedError, inode_of, remove_index
from switch.journal.log import HEADER, JournalError, Log, Place, Segment, segments
from switch.journal.places import places_named, places_with_key, record_at, segment_paths, spellings
from switch.journal.projections.projection import PLACE
from switch.journal.projections.transactions import Transactions
from switch.journal.recovery import decode, journal_directory
from switch.journal.scan import Record

_BLOCK = 4 << 20
_UNBOUNDED = Limits(recent_transactions=1 << 60)
_Found = TypeVar("_Found")


class SegmentMissingError(JournalError):
    """What was asked for lies in a segment that is gone."""


class _Damaged(Exception):  # noqa: N818 - caught here, and never seen by anybody else
    """The index cannot answer, or says what the log does not."""


class IndexHistory:
    """Looks outcomes up in one state directory. Keeps the index open; notices where it was deleted or made anew.

    A damaged index answers nothing: it is removed, `on_damage` hears why, and the log answers until another one is built.
    """

    def __init__(self, state_dir: Path | str, on_damage: Callable[[str], None] | None = None) -> None:
        """`on_damage`: called with a sentence for people."""
        self._state_dir = state_dir
        self._on_damage = on_damage
        self._directory = journal_directory(state_dir)
        self._paths: dict[int, str] = {}
        self._index: Index | None = None
        self._inode = 0
        self._without_index = False

    def find(self, key: Key) -> Outcome | None:
        """The outcome of the newest transaction with this key; DE39 "" while it is open; None where there is none.

        Raises JournalError where the log cannot be read.
        """
        return self._despite_damage(lambda: self._find(key))

    def find_named(self, acquirer: str, name: str) -> list[Outcome]:
        """The outcomes of this acquirer's transactions with this DE37 or, if it is six digits, DE11; newest first, a few at most.

        Raises JournalError where the log cannot be read.
        """
        return self._despite_damage(lambda: self._find_named(acquirer, name))

    def reached(self) -> int:
        """Number of the last record that the index answers for; 0: it answers for none."""
        return self._despite_damage(self._reached)

    def _reached(self) -> int:
        index = self._opened()
        place = self._place(index) if index is not None else None
        return place.sequence if place is not None else 0

    def _despite_damage(self, look_up: Callable[[], _Found]) -> _Found:
        """What `look_up` finds; where the index is damaged, or not to be read just now, what it finds without one."""
        try:
            return look_up()
        except IndexBusyError:
            pass
        except _Damaged as error:
            self.close()
            remove_index(self._state_dir)
            if self._on_damage is not None:
                self._on_damage(str(error))
        self._without_index = True  # another one may be there already, and be built just now
        try:
            return look_up()
        finally:
            self._without_index = False

    def _find(self, key: Key) -> Outcome | None:
        place, entries = self._indexed(key)
        entries.update(self._tail(key, place, entries))
        state = State(_UNBOUNDED, open={}, owed={}, stans={}, horizons={})
        for _, entry in sorted(entries.items()):
            try:
                apply(state, entry)
            except KeyError as error:
                raise JournalError(f"{self._directory}: the records of transaction {error} are incomplete") from None
        ended = state.recent.get(key)
        for request in reversed(state.open.values()):
            if request.key == key and (ended is None or request.txn > ended.txn):
                return outcome_of(request, "", {})
        return ended

    def _find_named(self, acquirer: str, name: str) -> list[Outcome]:
        index = self._opened()
        place = self._place(index) if index is not None else None
        needles = [ENCODER.encode(each) for each in spellings(name)]
        tail = self._after(place, needles)
        later = [decode(s, r) for s, r in tail if any(needle in r.payload for needle in needles)]
        indexed = self._read(index, lambda: places_named(index.look, acquirer, name)) if index and place else {}
        entries = [*reversed(later), *(entry for _, entry in sorted(indexed.items(), reverse=True))]
        keys = dict.fromkeys(entry.key for entry in entries if isinstance(entry, Forwarded | Declined | Owed | StoodIn))
        found = (self._find(key) for key in keys if key[ACQUIRER] == acquirer)
        named = (
            outcome for outcome in found if outcome is not None and name in (outcome.key[STAN], outcome.rrn.strip())
        )
        return sorted(named, key=lambda outcome: outcome.txn, reverse=True)

    def _opened(self) -> Index | None:
        """The index as it is now; None where there is none."""
        if self._without_index:
            return None
        inode = inode_of(self._state_dir)
        if inode != self._inode:
            self.close()
            try:
                self._index = Index(self._state_dir, at_once=True) if inode else None
            except JournalError:  # not to be opened now: the log answers, and the next question tries again
                return None
            self._inode = inode
        return self._index

    def _indexed(self, key: Key) -> tuple[Place | None, dict[int, AnyEntry]]:
        """How far the index is, and what it has of the key: entries by sequence number."""
        index = self._opened()
        if index is None:
            return None, {}
        place = self._place(index)  # first: what is indexed meanwhile is then found twice, not missed
        if place is None:
            return None, {}
        try:
            return place, self._read(index, lambda: places_with_key(index.look, key))
        except (_Damaged, SegmentMissingError):  # or pruned in between: the index let go of it before its file went
            return place, self._read(index, lambda: places_with_key(index.look, key))

    def _place(self, index: Index) -> Place | None:
        """Up to where its transactions answer; None: they do not, as nothing is indexed yet, or they are being built again."""
        return self._ask(index, lambda: index.place(Transactions.name))

    def _ask(self, index: Index, question: Callable[[], _Found]) -> _Found:
        """What the index answers. Raises _Damaged where it cannot, IndexBusyError where it cannot now."""
        try:
            return question()
        except IndexDamagedError as error:
            raise _Damaged(str(error)) from None
        except (TypeError, ValueError, struct.error) as error:
            raise _Damaged(f"{index.path}: {error}") from None

    def _read(self, index: Index, question: Callable[[], list[tuple[int, bytes]]]) -> dict[int, AnyEntry]:
        """The entries of transactions as the index lists them. Raises _Damaged where it lists what the log has not."""
        entries: dict[int, AnyEntry] = {}
        for _, places in self._ask(index, question):
            try:
                entries.update(entries_at(self._directory, self._paths, places))
            except SegmentMissingError:
                raise  # the index is right, and the log is not whole
            except (JournalError, TypeError, struct.error) as error:
                raise _Damaged(f"{index.path} says what the log does not: {error}") from None
        return entries

    def _tail(self, key: Key, place: Place | None, known: dict[int, AnyEntry]) -> dict[int, AnyEntry]:
        """What the log has beyond `place` of the key, and of the transactions that `known` is of."""
        txns = {entry.txn for entry in known.values() if hasattr(entry, "txn")}
        needles = [ENCODER.encode(key), *(ENCODER.encode(txn) for txn in txns)]
        found: dict[int, AnyEntry] = {}
        for segment, record in self._after(place, needles):
            if any(needle in record.payload for needle in needles):
                entry = decode(segment, record)
                txn = getattr(entry, "txn", 0)
                if key in (getattr(entry, "key", None), getattr(entry, "undoes", None)) or txn in txns:
                    if txn not in txns:
                        txns.add(txn)
                        needles.append(ENCODER.encode(txn))
                    found[record.sequence] = entry
                elif isinstance(entry, Owed) and entry.original in txns:
                    found[record.sequence] = entry
                elif isinstance(entry, Forwarded) and (of := entry.hold or entry.gives_back) and of.txn in txns:
                    txns.add(txn)
                    needles.append(ENCODER.encode(txn))
                    found[record.sequence] = entry
        return found

    def _after(self, place: Place | None, needles: list[bytes]) -> Iterable[tuple[Segment, Record]]:
        """The log's records beyond `place`, if any of `needles` occurs there; else none. `needles` may grow meanwhile."""
        listed = [s for s in segments(self._directory) if place is None or not s.end or s.end > place.sequence + 1]
        starts = [place.offset if place and place.ordinal == s.ordinal else HEADER.size for s in listed]
        if not any(holds(s.path, start, needles) for s, start in zip(listed, starts, strict=True)):
            return ()
        return Log(self._directory, SCHEMA, listed, place)

    def close(self) -> None:
        """Release the index."""
        if self._index is not None:
            self._index.close()
        self._index, self._inode = None, 0


def entries_at(directory: str, paths: dict[int, str], places: bytes) -> list[tuple[int, AnyEntry]]:
    """(sequence, entry) at each of the `places`. `paths`: as `segment_paths` gave it, brought up to date here."""
    found = []
    for at in range(0, len(places), PLACE.size):
        place = places[at : at + PLACE.size]
        sequence, ordinal, offset = PLACE.unpack(place)
        if ordinal not in paths:
            paths.update(segment_paths(directory))
        try:
            there = record_at(paths, place) if ordinal in paths else None
        except FileNotFoundError:
            paths.pop(ordinal)
            there = None
        if there is None and ordinal not in paths:
            raise SegmentMissingError(
                f"{directory}: segment {ordinal} is missing, and record {sequence} lies there: bring it back, or restore a backup"
            )
        if there is None:
            raise JournalError(
                f"{paths[ordinal]} at byte {offset}: record {sequence} is not there: damaged, or removed"
            )
        found.append((sequence, decode(*there)))
    return found


def holds(path: str, start: int, needles: list[bytes]) -> bool:
    """True if any of `needles` occurs in the file from `start` on."""
    overlap = max(map(len, needles)) - 1
    with open(path, "rb", buffering=0) as file:
        file.seek(start)
        block = b""
        while more := file.read(_BLOCK):
            block = block[-overlap:] + more if overlap else more
            if any(needle in block for needle in needles):
                return True
    return False
