"""Answers that nothing waits for, at an acquirer: late, second, and those that match nothing, with what they resemble."""

from collections import OrderedDict
from collections.abc import Iterable
from typing import NamedTuple

from switch.simulators.endpoint import Line
from switch.simulators.host import Host
from switch.wire.vocabulary import DE, Document

PAST_KEEP = 4_096
"""messages no longer waited for that a late or second answer is known by"""


class MatchKey(NamedTuple):
    """What ties an answer to its request."""

    mti_class: str
    stan: str
    de7: str
    terminal: str


class Past:
    """What was waited for, bounded."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._past: OrderedDict[MatchKey, str] = OrderedDict()

    def report(self, line: Line, document: Document, key: MatchKey, waiting: Iterable[MatchKey]) -> None:
        """Log an answer that nothing waits for, with what it most resembles of what does."""
        past = self._past.get(key)
        if past is not None:
            event = "answer.late" if past == "given up" else "answer.doubled"
            self._host.log("warning", event, link=line.link, mti=document[DE.MTI], de11=key.stan, de41=key.terminal,
                           de39=document.get(DE.RESPONSE_CODE, ""), hint=f"its request was {past} before")  # fmt: skip
            return
        self._host.log("warning", "answer.unmatched", link=line.link, mti=document[DE.MTI], de11=key.stan, de7=key.de7,
                       de41=key.terminal, nearest=_nearest(key, waiting))  # fmt: skip

    def remember(self, key: MatchKey, what: str) -> None:
        """It is waited for no longer: it was `answered`, or `given up`."""
        self._past[key] = what
        if len(self._past) > PAST_KEEP:
            self._past.popitem(last=False)


def _nearest(key: MatchKey, waiting: Iterable[MatchKey]) -> str:
    """The waiting message that resembles the answer most, and where they differ; looks at the newest 512."""
    names = ("MTI class", "DE11", "DE7", "DE41")
    best: tuple[int, str] = (1, "nothing that waits for an answer resembles it")
    for other in list(waiting)[::-1][:512]:
        differing = [f"{n} {a or 'absent'} (sent: {b})" for n, a, b in zip(names, key, other, strict=True) if a != b]
        alike = len(names) - len(differing)
        if alike > best[0]:
            best = (alike, f"a request that differs in {', '.join(differing)}")
    return best[1]
