"""Hosts that think otherwise: what other people's issuers, networks and acquirers do, each with its source, or marked as assumed.

A *mind* is what an issuer's or network's host believes is right; a *manner* is how an acquirer's host names what it takes back.
Neither is a fault: such hosts do it always, or to every payment of a kind. Which payments those are follows from DE37, so that a
repeat fares as its original. Frozen values; the parties that have them are `issuer.Issuer` and `acquiring.Acquiring`.
"""

from collections.abc import Callable
from typing import Final
from zlib import crc32

import msgspec

from switch.simulators.own_totals import APART
from switch.wire.vocabulary import DE, MTI, Answer, Document

REMEMBERS, UNKNOWN, FORGETS = "remembers", "unknown", "forgets"
"""What becomes of a reversal whose original has not been posted: it is accepted and the original refused; answered 25, and the
original posted when it comes; accepted, and the original posted all the same."""
ECHOES, ABSENT, RESTAMPS = "echoes", "absent", "restamps"
"""DE7 of answers."""


class Habit(msgspec.Struct, frozen=True, kw_only=True):
    """How a host writes its answers, whatever it thinks. Shares are of payments, 0 to 1."""

    name: str
    source: str
    """of the behaviour, or that it is assumed"""
    omits: tuple[str, ...] = ()
    """elements that its answers lack, though their requests have them"""
    blanks: tuple[str, ...] = ()
    """elements of its answers that are blanks"""
    done_before_as: str = ""
    """DE39, in internal format, of a reversal that it has taken back already; "": the usual"""
    strays: float = 0.0
    """led by the same answer under the next DE11"""
    echoes: float = 0.0
    """advices and reversals that it sends back as they came, before it answers them"""


NO_HABIT: Final = Habit(name="none", source="ISO 8583 as this project reads it")

HABITS: Final = (
    Habit(name="answers 25 to a reversal it has taken back before", done_before_as=Answer.RECORD_NOT_FOUND,
          source="jPOS-CMF's result code 1824, previously reversed; that others say it with 25 is assumed"),
    Habit(name="omits DE37", omits=(DE.RRN,), source="jPOS's tutorial of QMUX: answers found by DE11 alone"),
    Habit(name="omits DE41 in answers", omits=(DE.TERMINAL,),
          source="juks/iso-8583-socket-queue, issue 21: an answer without DE41 that finds no request"),
    Habit(name="leaves the approval code blank", blanks=(DE.APPROVAL_CODE,), source="assumed: six blanks in DE38"),
    Habit(name="omits the approval code", omits=(DE.APPROVAL_CODE,), source="assumed: an approval without DE38"),
    Habit(name="leads with an answer to another DE11", strays=0.1, source="assumed: a host that mixes up two sessions"),
    Habit(name="sends advices back before it answers", echoes=0.2, source="assumed: an echo server before the host"),
)  # fmt: skip
"""Of any edition."""


def happens(what: str, share: float, document: Document) -> bool:
    """True for so many payments, the same whenever they are asked about."""
    return bool(share) and crc32(f"{what} {document.get(DE.RRN, '')}".encode()) % 10_000 < share * 10_000


class Mind(msgspec.Struct, frozen=True, kw_only=True):
    """What a host makes of what it is asked. Shares are of payments, 0 to 1."""

    name: str
    source: str
    """of the behaviour, or that it is assumed"""
    early: str = REMEMBERS
    posts_late: float = 0.0
    """taken only after `late_ms`: above the switch's deadline, with its reversal on the way"""
    late_ms: int = 0
    de7: str = ECHOES
    twice: float = 0.0
    """answered two times"""
    approves_less: float = 0.0
    """approved for half of what was asked, though nobody said that less would do"""
    approves_part: float = 0.0
    """approved in part (10) where the terminal can take less (DE48.61), whatever there is"""
    approves_as: str = ""
    """DE39 of every approval, by the link's own codes; "": the usual"""
    unlisted: float = 0.0
    """approved with `unlisted_code`, which no table has"""
    unlisted_code: str = ""
    takes_back_as: str = ""
    """DE39 of every accepted reversal; "": the usual"""
    habit: Habit = NO_HABIT
    counts: str = APART
    """how its totals count (`own_totals`)"""
    hangs_up: float = 0.0
    """ends the connection instead of reading it"""

    def code(self, reply: Document, *, accepted: bool) -> str:
        """DE39 as this host says it, by its link's own codes; "": the usual one. `accepted`: it approves, or takes back."""
        if not accepted:
            return ""
        if reply[DE.MTI][1] == MTI.REVERSAL:
            return self.takes_back_as
        if reply[DE.MTI][2] == "1" and happens("unlisted", self.unlisted, reply):
            return self.unlisted_code
        return self.approves_as if reply[DE.MTI][2] == "1" else ""


PLAIN_MIND: Final = Mind(name="plain", source="ISO 8583 as this project reads it")

MINDS_87: Final = (
    Mind(name="answers 25 to an early reversal and approves later", early=UNKNOWN, posts_late=0.03,
         source="response code 25 (unable to locate record) in an answer to 0420; that the host posts later is assumed"),
    Mind(name="forgets an early reversal", early=FORGETS, posts_late=0.03,
         source="an advice is acknowledged whatever comes of it (ISO 8583); that it is forgotten is assumed"),
    Mind(name="echoes no DE7", de7=ABSENT, source="assumed: DE7 left out of answers"),
    Mind(name="restamps DE7", de7=RESTAMPS, source="assumed: DE7 is the time of the answer"),
    Mind(name="answers twice", twice=0.2, source="assumed: two threads of one host answer"),
    Mind(name="approves less", approves_less=0.05, source="assumed: an issuer approves what there is with 00"),
    Mind(name="sends codes of its own", approves_as="08", unlisted=0.05, unlisted_code="ZZ",
         source="processors' lists of response codes: 08 approves, private codes beside it"),
    Mind(name="closes the connection on one message", hangs_up=0.02, source="assumed: a parser that ends the session"),
)  # fmt: skip
"""Of hosts that speak the 1987 edition."""

MINDS_93: Final = (
    *(msgspec.structs.replace(mind, approves_as="001" if mind.approves_as else "",
                              unlisted_code="777" if mind.unlisted_code else "") for mind in MINDS_87),
    Mind(name="answers a reversal with action code 480", takes_back_as="480",
         source="PayEx's IFSF specification: 1430 has action code 400 or 480"),
)  # fmt: skip
"""Of hosts that speak the 1993 edition."""


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How an acquirer's host names the payment that a reversal or a completion is about."""

    name: str
    source: str
    without: tuple[str, ...] = ()
    """elements it leaves out"""
    original: Callable[[Document, str], str] | None = None
    """DE90 as it writes it, of the payment's request and the whole DE90; None: whole"""
    renumbers: bool = False
    """sends a reversal that is not acknowledged as a new one: another DE11 and DE7, and not marked"""
    ahead_h: int = 0
    """hours by which its clock, and DE7 with it, is ahead of UTC"""

    def name_original(self, message: Document, request: Document) -> Document:
        """The message as this host says it."""
        said = {de: value for de, value in message.items() if de not in self.without}
        if self.original is not None and DE.ORIGINAL in said:
            said[DE.ORIGINAL] = self.original(request, said[DE.ORIGINAL])
        return said


def _zeros(request: Document, whole: str) -> str:
    """DE90 with MTI and DE11 alone."""
    del request
    return whole[:10] + "0" * (len(whole) - 10)


def _local(request: Document, whole: str) -> str:
    """DE90 with the local date and time in DE7's place, as DE56 of the 1993 edition has it."""
    return whole[:10] + request.get(DE.LOCAL_DATE, "") + request.get(DE.LOCAL_TIME, "") + whole[20:]


PLAIN_MANNER: Final = Manner(name="plain", source="ISO 8583 as this project reads it")

MANNERS: Final = (
    Manner(name="omits DE41", without=(DE.TERMINAL,), source="assumed: no DE41 in 0400"),
    Manner(name="zero-fills DE90", original=_zeros, source="assumed: parts of DE90 that are not used are zeros"),
    Manner(name="names the local time", original=_local, source="DE56 of ISO 8583:1993: DE12 of the original"),
    Manner(name="sends the local time without DE37", original=_local, without=(DE.RRN,),
           source="PayEx's IFSF specification: 1420 has DE56 and DE12, and no DE37"),
    Manner(name="names by DE37 alone", without=(DE.ORIGINAL,), source="assumed: a gateway that keeps the RRN alone"),
    Manner(name="zero-fills DE32", without=(DE.ACQUIRER,), source="assumed: terminals that leave the acquirer to their host"),
    Manner(name="clocks in local time", ahead_h=9, source="assumed: DE7 is local time"),
    Manner(name="clocks behind", ahead_h=-5, source="the same, to the west"),
)  # fmt: skip
