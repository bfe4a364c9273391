"""Which payment a message means: the original of a reversal, the hold of a completion, the first copy of a marked repeat.

Hosts in the field leave DE41 out of a reversal, fill DE7 of DE90 with zeros, have local time there or in DE56 (1993), or name the
original by DE37 alone. What is looked for is always the same acquirer's: who signed on, never what DE32 says. In this order:

1. the whole key that DE90 names;
2. DE11 of DE90, of the same class where DE90 says one: its time is that of DE90 (as DE7 or as local date and time), or two of
   DE37, DE41, DE2 and DE4 agree and its day is near. Where DE90 has another second than a clock of another zone would show, a
   reversal of another amount wants three: terminals of one bank may count alike, and a card pay at two of them;
3. where DE90 has no DE11: DE37, with DE41 or DE2 agreeing.

One that another element contradicts (DE37, DE41, DE2) is none of these, whatever agrees. Of several, those whose time, DE37,
DE41, DE4 and DE2 agree, and those that stand, go before the others; if there are several still, nobody can tell.

A reversal means what it names: of a hold, all of it; of an increment (`increments`), that alone. What follows a payment means the
hold, whichever of its requests it names. An increment has a DE37 and may have a DE41 of its own: these contradict nothing in it.
"""

from collections.abc import Callable, Iterable
from itertools import chain, islice

from switch.core.kernel import Kernel
from switch.core.links.session import significant
from switch.core.messages.internal import Original, parse_original
from switch.core.messages.meaning import direction_of
from switch.core.records.outcomes import Outcome
from switch.core.records.records import (
    ACQUIRER,
    INSTITUTION,
    MTI_CLASS,
    STAN,
    TERMINAL,
    TRANSMISSION_TIME,
    Forwarded,
    Key,
)
from switch.core.transactions.candidate import Candidate
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.transaction import Refusal
from switch.wire.dates import seconds_between
from switch.wire.vocabulary import ADVICES, DE, MTI, REQUESTS, Answer, Document, is_repeat

PAYMENTS = MTI.AUTHORIZATION + MTI.FINANCIAL
"""message classes of what can be meant"""
NAMES = (DE.ACQUIRER, DE.RRN, DE.TERMINAL, DE.MERCHANT)
"""Elements by which hosts know a payment: what follows it and leaves one out gets that of what it follows"""
CANDIDATES_MAX = 256
"""payments of one name that are looked at, newest first"""
LOOKED_AT_MAX = 4_096
"""payments of all acquirers that are looked at where no name leads to one"""
NEAR_S = 36 * 3_600
"""a day and a time zone: further from each other, two times name two days"""
ZONE_S = 900
"""time zones are so far apart, or some times that: one hour mostly, a quarter of one at least"""
AGREEING_MIN = 2
"""elements that must agree where no time does"""


class Ambiguous(Refusal):
    """Several payments may be meant."""


def original_of_message(message: Incoming) -> Original | None:
    """DE90, read; None where there is none, or nothing but zeros. Raises Refusal where it cannot be read, or names a reversal."""
    text = message.document.get(DE.ORIGINAL)
    if text is None or not text.strip("0 "):
        return None
    try:
        original = parse_original(text)
    except ValueError as error:
        raise Refusal(Answer.FORMAT_ERROR, f"DE90: {error}") from None
    if original.mti[1] == MTI.REVERSAL:
        raise Refusal(Answer.INVALID_TRANSACTION, "a reversal cannot be reversed")
    return original


def named_key(message: Incoming, original: Original | None) -> Key | None:
    """The key that the message's original would have, by DE90; None where DE90 does not say which."""
    if original is None:
        return None
    key = message.key
    return (key[ACQUIRER], original.mti[1], original.stan, original.sent_at, key[INSTITUTION], key[TERMINAL])


def find_original(
    kernel: Kernel, message: Incoming, original: Original | None, follows: str | None = None
) -> Candidate | None:
    """The payment that `message` names; None where none is known. `original`: its DE90 (`original_of_message`).

    `follows`: it takes nothing back, and means a hold, never an increment of one. DE38 that what it names must have been approved
    with; "": any.

    Raises Refusal: there is nothing to name one by, or (`Ambiguous`) it may be one of several.
    """
    rrn = _said(message.document, DE.RRN)
    if original is None and not rrn:
        raise Refusal(
            Answer.FORMAT_ERROR, "a reversal needs DE90 (original data elements) or DE37 to name its original"
        )
    whole = named_key(message, original)
    if whole is not None and (found := _candidate(kernel, whole)) is not None:
        return found if follows is None else _hold_of(kernel, found)
    names, acquirer = kernel.state.names, message.key[ACQUIRER]
    meant = _Meant(message, original, kernel, follows)
    if meant.stan:
        keys = names.with_stan(acquirer, meant.stan)
        agrees: Callable[[Candidate], bool] = meant.is_named_by_stan
    else:
        keys = names.with_rrn(acquirer, rrn)
        agrees = meant.is_named_by_rrn
    there = (
        c for key in keys[: -CANDIDATES_MAX - 1 : -1] if (c := _candidate(kernel, key, remembered=True)) is not None
    )
    found_all = [c for c in there if c.key[MTI_CLASS] in PAYMENTS and agrees(c)]
    for name in (meant.stan, rrn) if not found_all else ():
        if name and not found_all:
            found_all = [c for c in _of_history(kernel, acquirer, name) if c.key[MTI_CLASS] in PAYMENTS and agrees(c)]
    if follows is not None:
        holds = (_hold_of(kernel, c) for c in found_all)
        found_all = list({hold.key: hold for hold in holds if hold is not None}.values())
    return _one(found_all, meant)


def _hold_of(kernel: Kernel, candidate: Candidate) -> Candidate | None:
    """The hold that an increment adds to; any other payment itself."""
    hold = candidate.request.hold if candidate.request is not None else None
    return candidate if hold is None else _candidate(kernel, hold.key)


def find_namesake(kernel: Kernel, message: Incoming, original: Original) -> Outcome | None:
    """The hold that stands here under DE37 of a message that names (DE90) another request, which is not known; None: there is
    none. Increments may have DE37 of their holds; they are asked for where the hold was, and are no purchases."""
    acquirer, rrn = message.key[ACQUIRER], _said(message.document, DE.RRN)
    if not rrn or not original.stan.strip("0") or original.mti[1:2] == MTI.FINANCIAL:
        return None
    keys = kernel.state.names.with_rrn(acquirer, rrn)
    there = [
        c for key in keys[: -CANDIDATES_MAX - 1 : -1] if (c := _candidate(kernel, key, remembered=True)) is not None
    ]
    for candidate in there or _of_history(kernel, acquirer, rrn):
        outcome, request = candidate.outcome, candidate.request
        if outcome is None or request is None or not outcome.approved or request.hold is not None:
            continue
        if request.key[MTI_CLASS] != MTI.AUTHORIZATION or message.masked not in ("", request.pan):
            continue
        if not _is_elsewhere(message, request):
            return outcome
    return None


def _is_elsewhere(message: Incoming, request: Forwarded) -> bool:
    """True where a message names terminal or merchant (DE41, DE42), and none that it names is the request's."""
    terminal, merchant = message.key[TERMINAL].strip(), _said(message.document, DE.MERCHANT)
    there = request.key[TERMINAL].strip(), _said(request.elements, DE.MERCHANT)
    named = [(said, known) for said, known in zip((terminal, merchant), there, strict=True) if said]
    return bool(named) and all(said != known for said, known in named)


def find_alike(kernel: Kernel, message: Incoming, original: Original) -> Candidate | None:
    """A payment that stands here, and that a host may take for what `message` names (`original`: its DE90), which is not known
    here; None: there is none. A host knows no DE11 but the switch's: without DE37 it has terminal, card and amount to go by.

    Where DE90 has the original's local time, one of another local time is told apart by that.
    """
    document = message.document
    if _said(document, DE.RRN):
        return None
    local = document.get(DE.LOCAL_DATE, "") + document.get(DE.LOCAL_TIME, "")
    meant = _Meant(message, original, kernel, None)
    for key in islice(_of_terminal(kernel, message.key), CANDIDATES_MAX):
        found = _candidate(kernel, key, remembered=True) if key[MTI_CLASS] in PAYMENTS else None
        if found is None or not meant.same_card(found) or not meant.same_amount(found) or not found.stands:
            continue
        if original.sent_at != local or _local_of(found) in ("", local):
            return found
    return None


def _of_terminal(kernel: Kernel, key: Key) -> Iterable[Key]:
    """Payments of the same acquirer at the same terminal, newest first; where none is said, its last ones at any."""
    state = kernel.state
    if key[TERMINAL].strip():
        return state.names.of_terminal(key[ACQUIRER], key[TERMINAL])
    waiting = (request.key for request in reversed(state.open.values()))
    newest = islice(chain(waiting, reversed(state.recent)), LOOKED_AT_MAX)
    return (other for other in newest if other[ACQUIRER] == key[ACQUIRER])


def find_first(kernel: Kernel, message: Incoming) -> Candidate | None:
    """What a repeat repeats although its key is another: the same DE11, DE32, DE41, card and amount, of the last while; and
    unless it is marked as one, the same DE7.

    Payments are told apart by what identifies them; DE7 is stamped anew by hosts that repeat, and zeros before an institution say
    nothing (`_is_institution`). None: it is not known here.
    """
    key = message.key
    others = kernel.state.names.with_stan(key[ACQUIRER], key[STAN])
    if not others:
        return None
    marked = is_repeat(message.document[DE.MTI])
    for other in reversed(others[-CANDIDATES_MAX:]):
        if (other[MTI_CLASS], other[TERMINAL]) != (key[MTI_CLASS], key[TERMINAL]):
            continue
        if not (marked or other[TRANSMISSION_TIME] == key[TRANSMISSION_TIME]) or not _is_institution(message, other):
            continue
        found = _candidate(kernel, other, remembered=True)
        if found is None or found.request is None or not _is_same(found.request, message):
            continue
        if kernel.within_window(found.request.at_us):
            return found
    return None


def _is_institution(message: Incoming, other: Key) -> bool:
    """True if the two name one institution: DE32 is n..11, and DE90 has it filled with zeros to eleven, so that zeros before it
    cannot tell two apart; without any other digit it is who signed on."""
    said, known = message.key[INSTITUTION], other[INSTITUTION]
    own = message.session.institution
    return said == known or significant(significant(said) or own) == significant(significant(known) or own)


def is_overtaken(kernel: Kernel, message: Incoming) -> Outcome | None:
    """The reversal that was here before this request and names it with less than its whole key; None where there is none."""
    key = message.key
    others = kernel.state.names.with_stan(key[ACQUIRER], key[STAN])
    if not others:
        return None
    document = message.document
    rrn, local = _said(document, DE.RRN), document.get(DE.LOCAL_DATE, "") + document.get(DE.LOCAL_TIME, "")
    for other in others:
        if other == key or other[MTI_CLASS] != key[MTI_CLASS]:
            continue
        if other[INSTITUTION].strip("0 ") and not _is_institution(message, other):
            continue
        if not all(
            other[at] in (key[at], "") or not other[at].strip("0 ") or (at == TRANSMISSION_TIME and other[at] == local)
            for at in (TRANSMISSION_TIME, TERMINAL)
        ):
            continue
        outcome = kernel.state.recent.get(other)
        overtook = outcome is not None and outcome.reversed_by and not outcome.packed
        if overtook and outcome is not None and (not rrn or not outcome.rrn or rrn == outcome.rrn):
            return outcome
    return None


def _is_same(request: Forwarded, message: Incoming) -> bool:
    rrn, other = _said(message.document, DE.RRN), _said(request.elements, DE.RRN)
    same_payment = (request.pan, request.amount, request.currency) == (message.masked, message.amount, message.currency)
    return same_payment and (not rrn or not other or rrn == other)


def _candidate(kernel: Kernel, key: Key, *, remembered: bool = False) -> Candidate | None:
    """What is known by this key; `remembered`: as far as memory goes."""
    pending = kernel.pending.get(key)
    if pending is not None:
        return Candidate(key=key, request=kernel.state.open[pending.txn], pending=pending)
    outcome = kernel.state.recent.get(key) if remembered else kernel.find(key)
    if outcome is None or not kernel.of_this_year(outcome):
        return None
    return Candidate(key=key, request=outcome.request, outcome=outcome)


def _of_history(kernel: Kernel, acquirer: str, name: str) -> Iterable[Candidate]:
    if acquirer not in kernel.state.horizons:
        return  # memory has let go of nothing of theirs
    for outcome in kernel.history.find_named(acquirer, name):
        if outcome.de39 and kernel.of_this_year(outcome):
            yield Candidate(key=outcome.key, request=outcome.request, outcome=outcome)


class _Meant:
    """What a message says of the payment it means."""

    def __init__(self, message: Incoming, original: Original | None, kernel: Kernel, follows: str | None) -> None:
        document = message.document
        self._code = follows or ""
        self._takes_back = follows is None
        self._adds = follows is not None and document[DE.MTI] in REQUESTS
        self._refunds = self._adds and direction_of(document) < 0
        self._kernel = kernel
        self._class = original.mti[1] if original is not None and original.mti.strip("0") else ""
        self.is_advice = original is not None and original.mti[2] == "2"
        self.stan = original.stan if original is not None and original.stan.strip("0") else ""
        self._sent_at = original.sent_at if original is not None and original.sent_at.strip("0") else ""
        self._rrn = _said(document, DE.RRN)
        self._terminal = _said(document, DE.TERMINAL)
        self._pan = message.masked
        self._amount = message.amount
        self._now = kernel.de7_now

    def is_named_by_stan(self, candidate: Candidate) -> bool:
        """Rule 2."""
        if candidate.key[STAN] != self.stan or (self._class and candidate.key[MTI_CLASS] != self._class):
            return False
        if self._is_contradicted(candidate):
            return False
        if self.same_time(candidate):
            return True
        sent_at = self._sent_at or self._now
        apart = seconds_between(sent_at, candidate.key[TRANSMISSION_TIME], self._kernel.today())
        if apart is None or apart > NEAR_S:
            return False
        another = self._takes_back and self._sent_at and apart % ZONE_S and not self.same_amount(candidate)
        return self.agreeing(candidate) >= AGREEING_MIN + (1 if another else 0)

    def is_named_by_rrn(self, candidate: Candidate) -> bool:
        """Rule 3."""
        if self._is_contradicted(candidate) or not self.same_rrn(candidate):
            return False
        return self.same_terminal(candidate) or self.same_card(candidate)

    def _is_contradicted(self, candidate: Candidate) -> bool:
        pairs = (
            ("" if self._adds else self._rrn, _rrn_of(candidate)),
            ("" if self._adds else self._terminal, candidate.key[TERMINAL].strip()),
            (self._pan, candidate.request.pan if candidate.request is not None else ""),
        )
        if self._code and (candidate.outcome is None or candidate.outcome.elements.get(DE.APPROVAL_CODE) != self._code):
            return True
        if self._refunds and candidate.request is not None and direction_of(candidate.request.elements) < 0:
            return True  # refunds may have the DE37 of their payment
        return any(said and known and said != known for said, known in pairs)

    def agreeing(self, candidate: Candidate) -> int:
        """How many of DE37, DE41, DE2 and DE4 agree."""
        return sum(same(candidate) for same in (self.same_rrn, self.same_terminal, self.same_card, self.same_amount))

    def same_time(self, candidate: Candidate) -> bool:
        """DE90's time is the payment's DE7, or its local date and time."""
        if not self._sent_at:
            return False
        return self._sent_at in (candidate.key[TRANSMISSION_TIME], _local_of(candidate))

    def same_rrn(self, candidate: Candidate) -> bool:
        """DE37."""
        return bool(self._rrn) and self._rrn == _rrn_of(candidate)

    def same_terminal(self, candidate: Candidate) -> bool:
        """DE41."""
        return bool(self._terminal) and self._terminal == candidate.key[TERMINAL].strip()

    def same_card(self, candidate: Candidate) -> bool:
        """DE2, as far as it is kept."""
        return bool(self._pan) and candidate.request is not None and self._pan == candidate.request.pan

    def same_amount(self, candidate: Candidate) -> bool:
        """DE4: what was asked, or what was approved of it."""
        request, outcome = candidate.request, candidate.outcome
        if not self._amount or request is None:
            return False
        return self._amount == request.amount or (outcome is not None and self._amount == outcome.authorized)


def _one(found: list[Candidate], meant: _Meant) -> Candidate | None:
    """The one of them that is meant. Raises Ambiguous."""
    preferences: tuple[Callable[[Candidate], bool], ...] = (
        lambda c: (_mti_of(c) in ADVICES) is meant.is_advice,
        meant.same_time,
        meant.same_rrn,
        meant.same_terminal,
        meant.same_amount,
        meant.same_card,
        lambda c: c.stands,
    )
    for preferred in preferences:
        if len(found) > 1:
            found = [c for c in found if preferred(c)] or found
    if len(found) > 1:
        which = ", ".join(f"{txn_of(c):x}" for c in found[:5])
        raise Ambiguous(Answer.NO_ACTION, f"it may mean one of {len(found)} payments: {which}")
    return found[0] if found else None


def _local_of(candidate: Candidate) -> str:
    """Its local date and time, as DE90 may name it; "" where they are not known."""
    elements: Document = candidate.request.elements if candidate.request is not None else {}
    return elements.get(DE.LOCAL_DATE, "") + elements.get(DE.LOCAL_TIME, "")


def _mti_of(candidate: Candidate) -> str:
    if candidate.outcome is not None:
        return candidate.outcome.mti
    return candidate.request.mti if candidate.request is not None else ""


def txn_of(candidate: Candidate) -> int:
    """The switch's id of it."""
    return candidate.outcome.txn if candidate.outcome is not None else candidate.request.txn if candidate.request else 0


def _rrn_of(candidate: Candidate) -> str:
    if candidate.outcome is not None:
        return candidate.outcome.rrn.strip()
    return _said(candidate.request.elements, DE.RRN) if candidate.request is not None else ""


def _said(document: Document, de: str) -> str:
    """The element without the blanks around it; "" where it is absent, or zeros fill it."""
    value = document.get(de, "").strip()
    return value if value.strip("0") else ""
