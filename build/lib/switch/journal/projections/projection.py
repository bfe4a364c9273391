"""What a projection is: tables derived from the journal, which may be thrown away at any time and are then built again.

In: the journal's records in their order, each with its place. Out: rows for the projection's tables, as SQL statements with
values; whoever keeps the tables runs them (`switch.journal.index`). Nothing here opens a file or imports a database.

Theory of operation
-------------------
A projection is a pure fold. What its tables hold after record N depends on the records 1 to N alone: not on the time, on how
many of them came at once, on crashes in between, or on who asks. So tables built live and tables built again are the same.

Records come in batches. `fold` begins one: it asks its tables, by `look`, for what earlier batches wrote, and remembers itself
what this batch changes. Each record goes to the function that `takes` has for its kind. At the end `writes` says what is to be
written; it is written in one step with the place of the last record, so that no record counts twice and none is left out.

Without tables (`look` is `nothing`) the same fold runs in memory, over a whole journal: in a test, in the simulation, and over
what the index has not reached yet.

A projection may `need` others, and is told what their folds find out as it happens (`Days` needs `Transactions`). They are at
one place always; where only one of them is built again, those it needs are folded beside it, and their tables are left alone.

Who changes what a table holds, its columns or its meaning, raises the `version`: it is then built again, and nothing else is.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import Struct
from typing import Any, Final, Protocol

PLACE: Final = Struct(">QIQ")
"""A record's place in the log, as projections are given it: sequence number, segment's ordinal, offset. They sort as they lie."""

Values = tuple[Any, ...]
Look = Callable[[str, Values], Iterable[Values]]
"""A query of the tables, and its parameters -> rows: of what was written before this batch"""
Take = Callable[[Any, int, bytes], None]
"""(entry, sequence number, PLACE): fold one record"""
Write = tuple[str, Iterable[Values]]
"""A statement, and the parameters of each time it is run"""


class Fold(Protocol):
    """A projection over one batch of records."""

    @property
    def takes(self) -> Mapping[type, Take]:
        """By kind of record: what folds it. Kinds that are not here change nothing."""

    def writes(self) -> Iterable[Write]:
        """What the batch changed."""


class Projection(Protocol):
    """Something derived from the journal. Values only: one object serves everybody."""

    @property
    def name(self) -> str:
        """What people call it, as in `cmi-switch journal rebuild NAME`."""

    @property
    def version(self) -> int:
        """Of what its tables hold and mean; tables of another one are built again."""

    @property
    def tables(self) -> Mapping[str, Sequence[str]]:
        """Each of its tables by name, with the statements that make it and its indexes. No two projections share a name."""

    @property
    def needs(self) -> Sequence[str]:
        """Names of the projections whose folds it is told of; they are listed before it."""

    def fold(self, look: Look, needed: Mapping[str, Fold], /) -> Fold:
        """Begin a batch. `needed`: the folds, over the same batch, of what it `needs`."""

    def forget(self, first: int, /) -> Iterable[Write]:
        """The records before `first` are about to be pruned: what is to leave the tables."""


def nothing(_statement: str, _values: Values) -> Iterable[Values]:
    """A `Look` where there are no tables, or nothing is in them."""
    return ()


class Folding:
    """Folds side by side over the same records."""

    def __init__(self, folds: Iterable[Fold]) -> None:
        """`folds`: each is given a record after those before it."""
        takers: dict[type, tuple[Take, ...]] = {}
        for fold in folds:
            for kind, take in fold.takes.items():
                takers[kind] = (*takers.get(kind, ()), take)
        self._takers = takers

    def add(self, entry: Any, sequence: int, ordinal: int, offset: int) -> None:
        """Fold one record, found at this place of the log."""
        takers = self._takers.get(type(entry))
        if takers is not None:
            place = PLACE.pack(sequence, ordinal, offset)
            for take in takers:
                take(entry, sequence, place)


def begin(projections: Sequence[Projection], look: Look = nothing) -> dict[str, Fold]:
    """A fold of each projection, by name, in their order."""
    folds: dict[str, Fold] = {}
    for projection in projections:
        folds[projection.name] = projection.fold(look, {name: folds[name] for name in projection.needs})
    return folds


def check(projections: Sequence[Projection]) -> None:
    """Raises ValueError where these cannot be kept together, and says why."""
    tables: dict[str, str] = {}
    names: list[str] = []
    for projection in projections:
        if projection.name in names:
            raise ValueError(f"two projections are called {projection.name}: give one of them another name")
        missing = [name for name in projection.needs if name not in names]
        if missing:
            raise ValueError(f"projection {projection.name} needs {', '.join(missing)}: list that before it")
        for table in projection.tables:
            if table in tables:
                raise ValueError(f"projections {tables[table]} and {projection.name} both have a table {table}")
            tables[table] = projection.name
        names.append(projection.name)


def with_needed(projections: Sequence[Projection], names: Iterable[str]) -> list[Projection]:
    """Those of these names and all they need, in order."""
    wanted = set(names)
    for projection in reversed(projections):
        if projection.name in wanted:
            wanted.update(projection.needs)
    return [projection for projection in projections if projection.name in wanted]
