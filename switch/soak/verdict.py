"""Whether all books agree when a soak is over, and the story of whatever does not.

In: what the run has left in its directory. Out: differences, each with the payment it is about; and for a payment, everything
that any log has of it.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random

import msgspec

from switch.core.limits import Limits
from switch.core.network import Network
from switch.core.records.day_records import Cutover
from switch.core.records.entry import Entry
from switch.core.records.lifecycle import Status
from switch.core.records.records import AnyEntry
from switch.journal.log import Log, segments
from switch.journal.recovery import Fold, decode_as, entries_of, journal_directory, recover
from switch.journal.reports import Filters, Reports
from switch.journal.verify import verify
from switch.observe.transaction import read_reference
from switch.observe.waterfall import waterfall
from switch.sim.claims import Claim, disagreements
from switch.sim.dates import Dates
from switch.simulators.build import make_issuer, make_network
from switch.simulators.issuer import Issuer
from switch.simulators.journal_records import DECODER, HostEntry
from switch.simulators.journal_records import SCHEMA as HOST_SCHEMA
from switch.simulators.network import CardNetwork
from switch.simulators.postings import Taken
from switch.simulators.reconciliation import (
    Books,
    Difference,
    IssuerBook,
    JournalRow,
    journal_rows,
    reconcile,
)
from switch.soak.closes import closed_once


class Verdict(msgspec.Struct, kw_only=True):
    """What the books say."""

    payments: int
    """over all acquirers"""
    approved: int
    declined: int
    reversed: int
    standing: dict[str, int]
    """currency -> minor units that stand, by the acquirers' books"""
    records: int
    """in the switch's journal"""
    closes: int = 0
    """of windows and business days, in it"""
    disputes: int = 0
    """that banks have opened"""
    differences: list[Difference]


def count_owed(state: Path) -> int:
    """Messages that the switch still owes its hosts."""
    return sum(row.owed for row in journal_rows(entries_of(state)))


def host_fold(network: Network, name: str) -> Fold:
    """How the journal of host `name` is read."""

    def fresh(_: object) -> Issuer:
        host, rng = next(h for h in network.hosts if h.name == name), Random(0)  # noqa: S311 - it is never rolled
        return make_issuer(network, name, rng) if host.role == "issuer" else make_network(network, name, rng)

    return Fold(
        HOST_SCHEMA, DECODER.decode, fresh, lambda host, entry: host.fold(entry), "is about card {}, not on file"
    )


def judge(
    network: Network,
    state: Path,
    hosts: Path,
    books: Books,
    named: Sequence[str] | None = None,
    claims: dict[str, Claim] | None = None,
) -> Verdict:
    """Lay everyone's books beside each other: acquirers', the switch's journal, the hosts' and the hosts' journals.

    `named`: the days and windows that were to be closed, each once; `claims`: what banks have claimed back, by their own books;
    None: nobody has noted them.
    """
    rows = journal_rows(entries_of(state))
    differences = reconcile(books.terminals, books.networks, books.issuers, rows, declines_lost=True)
    verified = verify(state)
    differences += [Difference(key="", sentence=f"journal verify: {damage}") for damage in verified.damage]
    differences += _compare_reports(state, rows)
    cutovers = [entry for entry in entries_of(state) if isinstance(entry, Cutover)]
    differences += _dated(state) if named is None else [*_dated(state), *closed_once(named, cutovers)]
    wrong = disagreements(claims, entries_of(state), network.currency) if claims is not None else ()
    differences += [Difference(key="", sentence=sentence) for sentence in wrong]
    for book in books.issuers:
        differences += _kept(network, hosts, book, books)
    acquirers = (*books.terminals, *books.networks)
    standing: dict[str, int] = {}
    for acquirer in acquirers:
        for currency, amount in acquirer.amounts.items():
            standing[currency] = standing.get(currency, 0) + amount
    return Verdict(
        payments=sum(b.sent for b in acquirers),
        approved=sum(b.approved for b in acquirers),
        declined=sum(sum(b.declined.values()) for b in acquirers),
        reversed=sum(b.reversed for b in acquirers),
        standing=standing,
        records=verified.records,
        closes=len(cutovers),
        disputes=len(claims or ()),
        differences=differences,
    )


def _dated(state: Path) -> list[Difference]:
    """Each outcome says the window in which it stands."""
    dates = Dates()
    return [Difference(key="", sentence=wrong) for entry in entries_of(state) if (wrong := dates.fold(entry))]


def _compare_reports(state: Path, rows: list[JournalRow]) -> list[Difference]:
    """The index and the reports made from it say what the records say."""
    reports = Reports(state)
    listed = reports.transactions(Filters(status="approved"))
    reports.close()
    approved = sum(row.status is Status.APPROVED for row in rows)
    if len(listed) == approved:
        return []
    return [
        Difference(
            key="",
            sentence=f"the journal has {approved} approved payments, `journal list --status approved` {len(listed)}",
        )
    ]


def _kept(network: Network, hosts: Path, book: IssuerBook, books: Books) -> list[Difference]:
    """A host's own journal makes the books that its process wrote."""
    host = recover(hosts / book.name, Limits(), host_fold(network, book.name)).state
    found = []
    if host.book() != book:
        found.append(
            Difference(key="", sentence=f"{book.name}: the fold of its journal is not the book its process wrote")
        )
    if isinstance(host, CardNetwork):
        kept = host.abroad_book()
        wrote = [msgspec.structs.replace(b, latency_us={}) for b in books.networks if b.name == kept.name]
        if wrote != [kept]:
            found.append(
                Difference(key="", sentence=f"{kept.name}: the fold of its journal is not the book its process wrote")
            )
    return found


# -- the story of a payment


def story(network: Network, state: Path, hosts: Path, log: Path, key: str) -> str:
    """Everything about one payment (DE32/DE41/DE37): its waterfalls, and the records of switch and hosts that are about it."""
    rrn = key.rpartition("/")[2]
    parts = [f"── {key}", *_waterfalls(log, rrn, network.currency)]
    parts += [f"switch: {_line_of(entry)}" for entry in _about(state, rrn)]
    for host in network.hosts:
        directory = journal_directory(hosts / host.name)
        fold = host_fold(network, host.name)
        for segment, record in Log(directory, HOST_SCHEMA, segments(directory)):
            entry: HostEntry = decode_as(fold, segment, record)
            if _is_about(entry, key):
                parts.append(f"{host.name}: {_line_of(entry)}")
    return "\n".join(parts)


def _about(state: Path, rrn: str) -> Iterator[AnyEntry]:
    """The switch's records about the payment with this DE37: those that name it, and those of the same transactions."""
    txns: set[int] = set()
    for entry in entries_of(state):
        txn = getattr(entry, "txn", 0)
        if txn in txns or getattr(entry, "original", 0) in txns or rrn in repr(entry):
            txns.add(txn)
            yield entry


def _is_about(entry: HostEntry, key: str) -> bool:
    if not isinstance(entry, Taken):
        return entry.key == key
    return key in (entry.message[3], entry.early, entry.posting.key if entry.posting is not None else "")


def _line_of(entry: Entry) -> str:
    """A record on one line, without the sealed PAN."""
    members = (f"{n}={getattr(entry, n)!r}" for n in entry.__struct_fields__ if n != "sealed")
    return f"{type(entry).__name__}({', '.join(members)})"


def _waterfalls(log: Path, rrn: str, currency: str) -> list[str]:
    """One a transaction: a payment's own, its reversal's or its completion's."""
    return [waterfall(hops, events, currency) for hops, events in read_reference(log, rrn).values()]
