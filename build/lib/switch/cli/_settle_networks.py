"""Clearing files for card networks: for Mastercard its own form, IPM."""

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.journal.ledgers import LedgerView
    from switch.journal.network_messages import Heard, Said
    from switch.ledger.entries import Entry, Window
    from switch.ledger.ipm import More, Presentment


_STEPS: Final = ("chargeback", "representment", "pre-arbitration", "closed")
"""of a dispute, that move money"""
_CLAIMS: Final = ("chargeback", "pre-arbitration")
_FUNCTIONS: Final = {"chargeback": ("450", "453"), "pre-arbitration": ("451", "454"), "representment": ("205", "282")}
"""DE24 of a step about all of a payment, and about a part"""


def ipm_hosts(network: "Network") -> list[str]:
    """Links to networks that take such a file."""
    return [host.name for host in network.hosts if host.role == "network" and host.scheme == "mastercard"]


class Kept(NamedTuple):
    """What a presentment needs of an entry."""

    txn: int
    reference: int
    at_us: int
    amount: int
    """signed"""
    currency: str
    back: str
    """business day of what it takes back; "": it does not"""
    step: str
    """of a dispute; "": it is none"""
    merchant: str
    foreign: tuple[tuple[str, int], ...]
    """by currency, what the network pays in another one"""


class Presented:
    """The entries of a window that are presented to each of some networks, kept as they go by."""

    def __init__(self, hosts: Iterable[str]) -> None:
        self.of: dict[str, list[Kept]] = {host: [] for host in hosts}
        self.whole = False
        """all of the window's have been seen"""

    def seeing(self, entries: "Iterable[Entry]") -> "Iterator[Entry]":
        """The same entries; once they are through, all have been seen."""
        of = self.of
        for entry in entries:
            if entry.amount and (entry.issuer in of or entry.acquirer in of):
                self._keep(entry)
            yield entry
        self.whole = True

    def _keep(self, entry: "Entry") -> None:
        from switch.core.records.disputes import Step
        from switch.ledger.entries import PAYMENT
        from switch.ledger.rules import What

        brought = entry.issuer not in self.of
        host, code, step = entry.acquirer if brought else entry.issuer, entry.currency, ""
        if entry.what in _STEPS:
            step = entry.what
        if step not in (_CLAIMS if brought else ("", Step.REPRESENTMENT)):
            return  # the network's own side says it
        foreign = tuple(
            (m.currency, m.amount)
            for m in entry.moves
            if m.currency != code and m.kind == PAYMENT and host in (m.payer, m.payee)
        )
        self.of[host].append(
            Kept(
                entry.txn,
                0 if brought else entry.counters or entry.sequence,
                entry.at_us,
                entry.amount,
                code,
                (entry.of_day or entry.window.day) if entry.what == What.REVERSAL else "",
                step,
                entry.merchant,
                foreign,
            )
        )


def write_ipm(
    network: "Network",
    state_dir: Path,
    ledger: "LedgerView",
    window: "Window",
    presented: Presented,
    begin: Callable[[str], Callable[[bytes], object]],
) -> list[str]:
    """Into `begin(name)`, the file of each Mastercard host that members have presented anything to; the names. IpmError."""
    from switch.journal.network_messages import said_to
    from switch.ledger.ipm import ipm_file, ipm_name

    if not presented.whole:
        for _ in presented.seeing(ledger.entries(window)):
            pass
    names = []
    for host, kept in presented.of.items():
        if not kept:
            continue
        heard = ledger.heard
        if heard is None or heard.dropped:
            heard = said_to(state_dir, host, {one.txn for one in kept})
        names.append(ipm_name(window, host))
        write = begin(names[-1])
        for block in ipm_file(window, network.institution, _presentments(kept, heard)):
            write(block)
    return names


def _presentments(kept: Iterable[Kept], heard: "Heard") -> "Iterator[Presentment]":
    from switch.journal.network_messages import Said
    from switch.ledger.ipm import Presentment

    unknown = Said("", "", "", "", "", "", "")
    for one in kept:
        of = heard.said(one.txn) or unknown
        foreign = sum(amount for code, amount in one.foreign if code == of.settles_in)
        yield Presentment(
            reference=one.reference,
            at_us=one.at_us,
            amount=abs(one.amount),
            currency=one.currency,
            back=one.back,
            institution=of.institution,
            pan=of.pan,
            processing=of.processing,
            mcc=of.mcc,
            rrn=of.rrn,
            approval=of.approval,
            terminal=of.terminal,
            merchant=one.merchant,
            settled=(f"{foreign:012d}", of.rate, of.settles_in) if foreign else None,
            more=_more(one, of, heard),
        )


def _more(one: Kept, of: "Said", heard: "Heard") -> "More":
    """What its point of service was; of a step of a dispute, which one, why, and of how much."""
    from switch.core.messages.iso93 import pos_data_code
    from switch.ledger.ipm import More

    code = pos_data_code(of.entry_mode, of.condition) if of.entry_mode else ""
    if not one.step:
        return More(code)
    reason = "" if one.step == "representment" else heard.reason(one.txn)
    return More(code, _FUNCTIONS[one.step][abs(one.amount) != of.amount], reason, of.amount)
