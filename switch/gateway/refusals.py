"""What was refused, said in the log at once and kept for a list: of forms, cards, passwords, API requests.

In: what, from where, why. Out: an event, and rows of the store in a batch. The one rule: a refusal costs no flush of its own, so
that nobody can make the disk busy with them; after a kill, those of its last second may be missing from the list.
"""

from collections import deque
from typing import Final

from switch.gateway.orders.order import Refusal
from switch.gateway.shops import Report, now_us

_WAITING_MAX: Final = 1_000
"""that are not yet in the store; more in a second are in the log only"""
_TEXT_MAX: Final = 300


class Refusals:
    """Logs each refusal at once, and holds the newest until they are written to the list."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._waiting: deque[Refusal] = deque(maxlen=_WAITING_MAX)

    def note(self, what: str, reason: str, *, client: str, clientid: str = "", oid: str = "", hint: str = "") -> None:
        """Say it now, keep it soon. `what`: `form`, `card`, `login` or `api`."""
        clientid, oid, reason = clientid[:15], oid[:64], reason[:_TEXT_MAX]
        fields = {"order": oid, "merchant": clientid, "client": client, "reason": reason, "hint": hint}
        self._report(f"{what}.refused", {name: value for name, value in fields.items() if value})
        self._waiting.append(Refusal(now_us(), what, clientid, oid, client, reason))

    def take(self) -> list[Refusal]:
        """Those that are to be kept; they are asked for once."""
        taken = list(self._waiting)
        self._waiting.clear()
        return taken
