"""A message of a talk in one line, and what conditions (`--where`) may ask of it."""

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from switch.capture.pairing import agreement, answers
from switch.capture.talks import Said
from switch.wire import Dialect, Document
from switch.wire.describe import Paint, as_shown
from switch.wire.printable import printable
from switch.wire.vocabulary import APPROVALS, DE, answer_1987, answer_name, mask_pan

WAITING_MAX: Final = 4_096
"""requests whose answers are awaited, a talk; the oldest is let go"""


class _Waiting(NamedTuple):
    from_client: bool
    at_ns: int
    document: Document


class Pairs:
    """Which answer belongs to which request of one talk, and how long it took."""

    def __init__(self) -> None:
        self._waiting: list[_Waiting] = []

    def response_time(self, message: Said) -> int:
        """ns since its request; -1 where it is a request, or its request is not known."""
        if message.wrong:
            return -1
        if message.asks:
            self._waiting.append(_Waiting(message.from_client, message.at_ns, message.document))
            del self._waiting[:-WAITING_MAX]
            return -1
        asked = [
            x for x in self._waiting if x.from_client != message.from_client and answers(x.document, message.document)
        ]
        if not asked:
            return -1
        best = max(asked, key=lambda x: agreement(x.document, message.document))
        self._waiting.remove(best)
        return message.at_ns - best.at_ns


def facts(dialect: Dialect, message: Said, link: str, took_ns: int) -> dict[str, Any]:
    """What conditions may ask: `mti`, `stan`, `rrn`, `bin`, `amount`, `de39`, `deN`, `link`, `side`, `elapsed_us`, `wrong`."""
    document = message.document
    made: dict[str, Any] = {f"de{de}": value for de, value in as_shown(dialect, document).items() if de.isdecimal()}
    pan = document.get(DE.PAN, "")
    made |= {"mti": message.mti, "link": link, "side": "client" if message.from_client else "server"}
    for key, de in (("stan", DE.STAN), ("rrn", DE.RRN), ("amount", DE.AMOUNT)):
        if de in document:
            made[key] = document[de]
    if pan:
        made |= {"bin": pan[:6], "pan": mask_pan(pan)}
    if took_ns >= 0:
        made["elapsed_us"] = took_ns // 1_000
    if message.wrong:
        made["wrong"] = message.wrong
    return made


def line_of(
    dialect: Dialect, message: Said, took_ns: int, paint: Paint, clock: Callable[[int], str] | None = None
) -> str:
    """`12:00:01.250000  ──▶ 0200  STAN 000123  950401******0016  150.00 …`, secrets masked."""
    document = message.document
    when = clock(message.at_ns) if clock is not None else _time_of_day(message.at_ns)
    arrow = "──▶" if message.from_client else "◀──"
    parts = [f"  {paint('label', when)}  {arrow} {printable(message.mti) or '????'}"]
    if DE.STAN in document:
        parts.append(f"STAN {printable(document[DE.STAN])}")
    if DE.NETWORK_CODE in document:
        parts.append(f"DE70 {printable(document[DE.NETWORK_CODE])}")
    if DE.PAN in document:
        parts.append(mask_pan(document[DE.PAN].strip()))
    amount = document.get(DE.AMOUNT, "")
    if amount.isdecimal():
        parts.append(f"DE4 {int(amount):,} {printable(document.get(DE.CURRENCY, ''))}".rstrip())
    code = document.get(DE.RESPONSE_CODE)
    if code is not None:
        style = "good" if answer_1987(code, dialect.version) in APPROVALS else "error"
        parts.append(paint(style, f"{printable(code)} {answer_name(code, dialect.version)}".rstrip()))
    if took_ns >= 0 and message.at_ns:
        parts.append(f"after {took_ns / 1e6:,.3f} ms")
    if message.wrong:
        parts.append(paint("error", f"does not decode: {printable(message.wrong)}"))
    return "  ".join(parts)


def _time_of_day(at_ns: int) -> str:
    """UTC, µs; blanks where it is not known."""
    if not at_ns:
        return " " * 15
    seconds, ns = divmod(at_ns, 1_000_000_000)
    minutes, second = divmod(seconds % 86_400, 60)
    return f"{minutes // 60:02d}:{minutes % 60:02d}:{second:02d}.{ns // 1_000:06d}"
