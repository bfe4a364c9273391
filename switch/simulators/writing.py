"""How one host writes its answers: by what it thinks (`minds.Mind`) and by its habit, whatever it was asked."""

from collections.abc import Iterator

from switch.simulators.minds import ABSENT, RESTAMPS, Mind, happens
from switch.wire.vocabulary import DE, REQUESTS, REVERSALS, Document


def under_another(reply: Document, by: int) -> Document:
    """The answer under another DE11, so much higher; what has none gets one."""
    stan = reply.get(DE.STAN, "")
    return {**reply, DE.STAN: f"{(int(stan if stan.isdecimal() else 0) + by) % 1_000_000:06d}"}


class Writing:
    """Writes an answer as this host would: its code, which elements it leaves out, what it says besides."""

    def __init__(self, mind: Mind) -> None:
        self._mind = mind
        self._taken_back: set[tuple[str, str]] = set()
        """DE11 and DE37 of reversals (`Habit.done_before_as`)"""

    def answer(self, reply: Document, request: Document, sent_at: str, *, accepted: bool) -> tuple[Document, str]:
        """The answer as this host writes it, and DE39 by its link's own codes ("": the usual). `sent_at`: DE7 of this moment."""
        mind = self._mind
        if accepted and self._took_back_before(request):
            reply, accepted = {**reply, DE.RESPONSE_CODE: mind.habit.done_before_as}, False
        code = mind.code(reply, accepted=accepted)
        if mind.de7 == RESTAMPS:
            reply = {**reply, DE.TRANSMISSION_TIME: sent_at}
        omitted = (*mind.habit.omits, *((DE.TRANSMISSION_TIME,) if mind.de7 == ABSENT else ()))
        blank = {de: " " * len(reply[de]) for de in mind.habit.blanks if de in reply}
        return {de: blank.get(de, value) for de, value in reply.items() if de not in omitted}, code

    def besides(self, reply: Document, request: Document) -> Iterator[Document]:
        """What leaves before the answer: what was asked itself, or the answer under another DE11."""
        habit = self._mind.habit
        if request[DE.MTI] not in REQUESTS and happens("echoes", habit.echoes, request):
            yield request
        if happens("strays", habit.strays, request):
            yield under_another(reply, 1)

    def _took_back_before(self, document: Document) -> bool:
        """Whether this host says of a reversal that it was here before, and it was."""
        if not self._mind.habit.done_before_as or document[DE.MTI] not in REVERSALS:
            return False
        name = document[DE.STAN], document.get(DE.RRN, "")
        before = name in self._taken_back
        self._taken_back.add(name)
        return before
