"""Clearing files for card networks: for Mastercard its own form, IPM."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.journal.ledgers import LedgerView
    from switch.journal.network_messages import Said
    from switch.ledger.entries import Entry, Window
    from switch.ledger.ipm import Presentment


def write_ipm(
    network: "Network",
    state_dir: Path,
    ledger: "LedgerView",
    window: "Window",
    begin: Callable[[str], Callable[[bytes], object]],
) -> list[str]:
    """Into `begin(name)`, the file of each Mastercard host that members have presented anything to; the names. IpmError."""
    from switch.journal.network_messages import said_to
    from switch.ledger.ipm import ipm_file, ipm_name

    names = []
    for host in network.hosts:
        if host.role != "network" or host.scheme != "mastercard":
            continue
        wanted = {entry.txn for entry in ledger.entries(window) if _is_presented(entry, host.name)}
        if not wanted:
            continue
        said = said_to(state_dir, host.name, wanted)
        names.append(ipm_name(window, host.name))
        write = begin(names[-1])
        presented = _presentments(ledger.entries(window), host.name, said)
        for block in ipm_file(window, network.institution, presented):
            write(block)
    return names


def _presentments(entries: "Iterator[Entry]", host: str, said: "dict[int, Said]") -> "Iterator[Presentment]":
    from switch.journal.network_messages import Said
    from switch.ledger.entries import PAYMENT
    from switch.ledger.ipm import Presentment

    unknown = Said("", "", "", "", "", "", "")
    for entry in entries:
        if not _is_presented(entry, host):
            continue
        of = said.get(entry.txn, unknown)
        with_host = (m for m in entry.moves if host in (m.payer, m.payee) and m.kind == PAYMENT)
        foreign = sum(m.amount for m in with_host if m.currency == of.settles_in)
        settled = (f"{foreign:012d}", of.rate, of.settles_in) if foreign else None
        yield Presentment(
            reference=entry.counters or entry.sequence,
            at_us=entry.at_us,
            amount=abs(entry.amount),
            currency=entry.currency,
            back=entry.what == "reversal",
            of_day=entry.of_day,
            institution=of.institution,
            pan=of.pan,
            processing=of.processing,
            mcc=of.mcc,
            rrn=of.rrn,
            approval=of.approval,
            terminal=of.terminal,
            merchant=entry.merchant,
            settled=settled,
        )


def _is_presented(entry: "Entry", host: str) -> bool:
    """False for steps of a dispute, too: they are other messages (1442), and in no presentment."""
    from switch.core.records.disputes import Step

    return entry.issuer == host and entry.amount != 0 and entry.what not in list(Step)
