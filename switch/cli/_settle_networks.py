"""Clearing files for card networks: for Mastercard its own form, IPM."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from switch.core.messages.iso93 import pos_data_code
from switch.core.records.disputes import Step
from switch.journal.network_messages import Heard, Said
from switch.ledger.entries import DISPUTE, PAYMENT
from switch.ledger.ipm import IpmFile, More, Presentment, ipm_name
from switch.ledger.rules import What

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.ledger.entries import Entry, Window

_FUNCTIONS: Final[Mapping[str, tuple[str, str]]] = {
    Step.CHARGEBACK: ("450", "453"),
    Step.PRE_ARBITRATION: ("451", "454"),
    Step.REPRESENTMENT: ("205", "282"),
}
"""DE24 of a step of a dispute about all of a payment, and about a part"""
_CLAIMED: Final = frozenset({What.CHARGEBACK, What.PRE_ARBITRATION})
"""what members claim of a network that has brought a payment"""
_PRESENTED: Final = frozenset(What) - _CLAIMED - {What.RULING}
"""what they present to one whose card has paid; all else the network's own side says"""
_UNKNOWN: Final = Said("", "", "", "", "", "")


def ipm_hosts(network: "Network") -> list[str]:
    """Links to networks that take such a file."""
    return [host.name for host in network.card_networks if host.scheme == "mastercard"]


class IpmFiles:
    """Of a window, the file of each Mastercard host that members have presented anything to. Methods raise IpmError."""

    def __init__(
        self, network: "Network", window: "Window", heard: Heard, begin: Callable[[str], Callable[[bytes], object]]
    ) -> None:
        """`heard`: what messages with these hosts have said up to each entry. `begin`: file name -> what takes its bytes."""
        self._hosts = frozenset(ipm_hosts(network))
        self._institution, self._window = network.institution, window
        self._heard, self._begin = heard, begin
        self._files: dict[str, IpmFile] = {}
        self._points: dict[tuple[str, str], More] = {}
        """what a point of service is, by DE22 and DE25 of 1987: few, for very many"""

    def add(self, entry: "Entry") -> None:
        """The next one of the window."""
        if entry.issuer in self._hosts:
            if entry.amount and entry.what in _PRESENTED:
                self._present(entry, entry.issuer, entry.counters or entry.sequence)
        elif entry.acquirer in self._hosts and entry.amount and entry.what in _CLAIMED:
            self._present(entry, entry.acquirer, 0)

    def end(self) -> None:
        """All entries have come."""
        for file in self._files.values():
            file.end()

    def _present(self, entry: "Entry", host: str, reference: int) -> None:
        file = self._files.get(host)
        if file is None:
            file = IpmFile(self._window, self._institution, self._begin(ipm_name(self._window, host)))
            self._files[host] = file
        said = self._heard.said(entry.txn) or _UNKNOWN
        foreign = sum(
            amount
            for payer, payee, kind, code, amount in entry.moves
            if code != entry.currency
            and code == said.settles_in
            and kind in (PAYMENT, DISPUTE)
            and host in (payer, payee)
        )
        file.add(
            Presentment(
                reference=reference,
                at_us=entry.at_us,
                amount=abs(entry.amount),
                currency=entry.currency,
                back=(entry.of_day or entry.window.day) if entry.what == What.REVERSAL else "",
                institution=said.institution,
                pan=said.pan,
                processing=said.processing,
                mcc=said.mcc,
                rrn=said.rrn,
                approval=said.approval,
                terminal=said.terminal,
                merchant=entry.merchant,
                settled=(f"{foreign:012d}", said.rate, said.settles_in) if foreign else None,
                more=self._more(entry, said),
            )
        )

    def _more(self, entry: "Entry", said: Said) -> More:
        """What its point of service was; of a step of a dispute, which one, why, and of how much."""
        at = said.entry_mode, said.condition
        point = self._points.get(at)
        if point is None:
            point = self._points[at] = More(pos_data_code(*at) if said.entry_mode else "")
        functions = _FUNCTIONS.get(entry.what)
        if functions is None:
            return point
        reason = "" if entry.what == Step.REPRESENTMENT else self._heard.reason(entry.txn, entry.what)
        return More(point.pos_data_code, functions[abs(entry.amount) != said.amount], reason, said.amount)
