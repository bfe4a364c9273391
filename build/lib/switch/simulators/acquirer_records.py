"""What an acquiring party remembers: what it has asked for, and how that ended. Only `AcquirerRecords.apply` changes it.

Where a party keeps a journal (a card network's side abroad), these are its records: an `Asked` is durable before its request
leaves, so that a party that was killed knows what it may have begun. What has no `Ended` then is reversed.

Nothing secret is in a record: a card is known by its name, and what a reversal does not repeat of a request is left out.
"""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Final, TypeAlias

from switch.core.records.entry import Entry
from switch.core.records.lifecycle import Status
from switch.simulators.messages import REVERSAL_ECHO
from switch.simulators.reconciliation import AcquirerBook, Payment
from switch.wire.vocabulary import DE, Document

KEEP: Final = 1_000_000
"""payments a book lists one by one"""
_FORMERLY: Final = {"unanswered": Status.OPEN}
"""what books of the first release called it"""
_KEPT: Final = frozenset({DE.MTI, DE.STAN, DE.TRANSMISSION_TIME, *REVERSAL_ECHO}) - {DE.PAN}


class Asked(Entry, frozen=True, kw_only=True, tag="ask"):
    """A payment was begun."""

    at_us: int
    key: str
    """payment key (DE32/DE41/DE37)"""
    card: str
    """its name"""
    kind: str
    route: str
    request: Document
    """what a reversal needs of it, without the PAN"""


class Ended(Entry, frozen=True, kw_only=True, tag="end"):
    """Nothing more is to come for it."""

    at_us: int
    key: str
    outcome: str
    """the `Status` it ended in, or one of `_FORMERLY`"""
    amount: int
    """signed minor units that stand"""
    currency: str
    de39: str


AcquirerRecord: TypeAlias = Asked | Ended


def without_secrets(request: Document) -> Document:
    """What is recorded of a request."""
    return {de: value for de, value in request.items() if de in _KEPT}


class AcquirerRecords:
    """The fold of `Asked` and `Ended`. Bounded: a book lists the newest payments one by one."""

    def __init__(self, keep: int = KEEP) -> None:
        self.open: dict[str, Asked] = {}
        """oldest first"""
        self.sent = 0
        self.last_stan = ""
        """DE11 of the newest request"""
        self._listed: deque[Payment] = deque(maxlen=keep)
        self._statuses: Counter[Status] = Counter()
        self._declined: Counter[str] = Counter()
        self._amounts: Counter[str] = Counter()

    def apply(self, entry: AcquirerRecord) -> None:
        """Fold one record. KeyError: it ends what is not open."""
        if isinstance(entry, Asked):
            self.sent += 1
            self.last_stan = entry.request[DE.STAN]
            self.open[entry.key] = entry
            return
        asked = self.open.pop(entry.key)
        status = _FORMERLY.get(entry.outcome) or Status(entry.outcome)
        self._statuses[status] += 1
        if status is Status.DECLINED:
            self._declined[entry.de39] += 1
        amount = entry.amount if status is Status.APPROVED else 0
        self._amounts[entry.currency] += amount
        self._listed.append(
            Payment(
                key=entry.key,
                status=status,
                amount=amount,
                currency=entry.currency,
                de39=entry.de39,
                kind=asked.kind,
                route=asked.route,
            )
        )

    def book(
        self, name: str, waiting: Iterable[Payment] = (), latency_us: "Mapping[str, Mapping[int, int]] | None" = None
    ) -> AcquirerBook:
        """What was sent and what came of it; what something is still to come for (`waiting`) is listed last."""
        waiting = tuple(waiting)
        statuses, amounts = Counter(self._statuses), Counter(self._amounts)
        for payment in waiting:
            statuses[payment.status] += 1
            amounts[payment.currency] += payment.amount
        return AcquirerBook(
            name=name,
            payments=(*self._listed, *waiting),
            left_out=sum(self._statuses.values()) - len(self._listed),
            sent=self.sent,
            approved=statuses[Status.APPROVED],
            declined=dict(sorted(self._declined.items())),
            reversed=statuses[Status.REVERSED],
            open=statuses[Status.OPEN],
            amounts={currency: amount for currency, amount in sorted(amounts.items()) if amount},
            latency_us={route: dict(sorted(c.items())) for route, c in sorted((latency_us or {}).items())},
        )
