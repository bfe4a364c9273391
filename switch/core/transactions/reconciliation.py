"""Reconciliation: a party says what it has counted of a business day (0500, 0520; an issuer 0502, 0522), the switch what it has.

In: a message with its numbers and amounts of one business day (DE15), or of one window of it (DE48.64), in one currency (DE50,
else DE49). Out: its answer, with DE66 and the switch's own of the same (`core.records.totals`), and a record of both. Nothing
waits for it and nothing is changed by it: a day is closed whether they agree or not, and differences are settled afterwards.

An answer's DE39 says the same as its DE66 (1 they agree: 00; 2 they differ, 3 not reconciled: 95; 3 and no totals of that day:
25); an advice is acknowledged (00) in any case, for it would be sent again else. A repeat is answered as it was at first.
"""

from collections.abc import Iterable
from datetime import date
from typing import Final

import msgspec

from switch.core.kernel import Kernel
from switch.core.links.session import Session, significant
from switch.core.links.states import SessionState
from switch.core.messages.dates import date_mistake
from switch.core.messages.internal import Private48, answer, private_elements
from switch.core.records.day_records import Reconciled
from switch.core.records.totals import (
    AMOUNTS,
    AS_ACQUIRER,
    AS_ISSUER,
    AUTHORIZATIONS,
    CREDIT_BACK,
    DEBIT_BACK,
    INQUIRIES,
    Cell,
    Period,
    net_of,
)
from switch.core.records.windows import NUMBER_MAX, name_of, parts_of
from switch.core.transactions.differing_totals import likely_cause
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.replies import reply
from switch.core.transactions.transaction import Refusal, check_institutions, check_link_state, hop_of, missing, take
from switch.wire.dates import nearest
from switch.wire.dialect import BY_KIND
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, Answer, Document

AGREE: Final = "1"
DIFFER: Final = "2"
NOT_RECONCILED: Final = "3"
"""DE66."""

SAID: Final = (
    DE.CREDITS,
    DE.CREDITS_REVERSAL,
    DE.DEBITS,
    DE.DEBITS_REVERSAL,
    DE.CREDITS_AMOUNT,
    DE.CREDITS_REVERSAL_AMOUNT,
    DE.DEBITS_AMOUNT,
    DE.DEBITS_REVERSAL_AMOUNT,
    DE.INQUIRIES,
    DE.AUTHORIZATIONS,
    DE.NET,
)
"""Elements in the order of totals; the last one has a sign."""
OPTIONAL: Final = (INQUIRIES, AUTHORIZATIONS)
"""positions that need not be said; what is not said is not compared"""
NOT_SAID: Final = -1
REQUIRED: Final = frozenset({DE.TRANSMISSION_TIME, DE.STAN, DE.SETTLEMENT_DATE}) | {
    de for at, de in enumerate(SAID) if at not in OPTIONAL
}
_NUMBER_DIGITS: Final = 10
_AMOUNT_DIGITS: Final = 16


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What a message asks to be compared."""

    party: str
    cells: tuple[Cell, ...]
    """role, party or host, and currency of the totals that are its own"""
    period: Period
    theirs: tuple[int, ...]


class Reconciliation:
    """Answers a party's totals with the switch's, and records how they compare."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._terminals = {listener.name for listener in kernel.network.listeners if listener.role == "terminal"}
        self._institutions = {
            member.name: frozenset(map(significant, (member.institution, *member.institutions)))
            for member in kernel.network.members
        }

    def handle(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0500, 0520, 0502, 0522 and their repeats."""
        kernel = self._kernel
        message = take(kernel, session, document, raw, now)
        try:
            asked = self._read(message)
            if kernel.journal_down or kernel.journal_full():
                why = f"the journal cannot take it: {kernel.journal_down or 'too much waits'}"
                raise Refusal(Answer.MALFUNCTION, why)
        except Refusal as refusal:
            said = {"mti": document[DE.MTI], "de11": document.get(DE.STAN, ""), "de39": refusal.de39}
            kernel.log("warning", "reconciliation.refused", link=session.link, **said, reason=refusal.reason)
            self._answer(message, refusal.de39, {}, refusal.reason)
            return
        known = self._asked_before(message, asked)
        entry = known or self._compare(message, asked)
        if known is None:
            kernel.record(entry)
            self._tell(session, entry)
        self._answer(message, _code(document[DE.MTI], entry), self._totals(session, entry), entry.reason)

    # -- what it asks

    def _read(self, message: Incoming) -> Asked:
        """Raises Refusal where it cannot be compared with anything, ever."""
        session, document = message.session, message.document
        if session.state is not SessionState.UP:
            check_link_state(message)
        self._check_speaker(message)
        if session.name in self._terminals:
            why = (
                "a terminal's own totals are not kept: those that are reconciled are its bank's, on an acquirer's link"
            )
            raise Refusal(Answer.NOT_SUPPORTED, why)
        absent = REQUIRED - document.keys()
        currency = document.get(DE.CURRENCY_SETTLEMENT) or document.get(DE.CURRENCY, "")
        if absent or not currency:
            raise missing(absent | (set() if currency else {DE.CURRENCY_SETTLEMENT}))
        if not session.dates.exist(message.raw, message.txn):
            raise Refusal(Answer.FORMAT_ERROR, date_mistake(message.raw, session.dialect.family, message.txn))
        day = nearest(document[DE.SETTLEMENT_DATE], date.fromisoformat(self._kernel.business_day(message.now)))
        if day is None:
            raise Refusal(Answer.FORMAT_ERROR, f"DE15 {document[DE.SETTLEMENT_DATE]} is no date: expected MMDD")
        party, names, role = self._party(session, document[DE.MTI])
        cells = tuple((role, name, currency) for name in names)
        period = day.isoformat(), _window(document)
        return Asked(party=party, cells=cells, period=period, theirs=self._said(session, document))

    def _check_speaker(self, message: Incoming) -> None:
        """Raise Refusal where DE32 is another's. An issuer's host speaks for its member, which it does in nothing else."""
        session, called = message.session, significant(message.document.get(DE.ACQUIRER, ""))
        member = session.host.config.member if session.host is not None else ""
        if not member:
            check_institutions(self._kernel, message)
        elif called and called not in self._institutions.get(member, ()):
            why = f"DE32 names institution {called}, and this is a link of {member}, which does not speak for it"
            raise Refusal(Answer.NOT_PERMITTED_TERMINAL, why)

    def _party(self, session: Session, mti: str) -> tuple[str, tuple[str, ...], str]:
        """Whose totals: the party, the names they are counted under, and its role. A member's hosts answer for one issuer."""
        host = session.host.config if session.host is not None else None
        party = session.source if host is None else host.member or host.name
        if mti[3] not in "23":
            return party, (party,), AS_ACQUIRER
        hosts = tuple(h.name for h in self._kernel.network.hosts if party in (h.member, h.name))
        if not hosts:
            why = f"{party} answers for no card here: no [[host]] of the network file has it for its member"
            raise Refusal(Answer.NOT_PERMITTED_TERMINAL, why)
        return party, hosts, AS_ISSUER

    @staticmethod
    def _said(session: Session, document: Document) -> tuple[int, ...]:
        """The numbers and amounts of a message, by position. Raises Refusal for what is none."""
        found = []
        for de in _elements(session):
            text = document.get(de, "")
            sign = text[:1] if de == DE.NET else ""
            digits = text[len(sign) :]
            if not text:
                found.append(NOT_SAID)
            elif not (digits.isascii() and digits.isdecimal()) or (de == DE.NET and sign not in ("C", "D")):
                expected = "C or D and digits" if de == DE.NET else "digits"
                raise Refusal(Answer.FORMAT_ERROR, f'DE{de} is "{text}": expected {expected}')
            else:
                found.append(-int(digits) if sign == "D" else int(digits))
        return tuple(found)

    # -- what comes of it

    def _asked_before(self, message: Incoming, asked: Asked) -> Reconciled | None:
        """The record of the message that this one repeats."""
        role, _, currency = asked.cells[0]
        known = self._kernel.state.totals.asked.get((asked.period, (role, asked.party, currency)))
        document = message.document
        same = known is not None and (known.stan, known.sent_at, known.theirs) == (
            document[DE.STAN],
            document[DE.TRANSMISSION_TIME],
            asked.theirs,
        )
        return known if same else None

    def _compare(self, message: Incoming, asked: Asked) -> Reconciled:
        kernel, document = self._kernel, message.document
        role, _, currency = asked.cells[0]
        ours, result, reason = self._judge(asked, kernel.window(message.now))
        return Reconciled(
            at_us=kernel.wall_us(message.now),
            txn=message.txn,
            link=message.session.name,
            mti=document[DE.MTI],
            stan=document[DE.STAN],
            sent_at=document[DE.TRANSMISSION_TIME],
            role=role,
            party=asked.party,
            currency=currency,
            day=asked.period[0],
            window=asked.period[1],
            result=result,
            theirs=asked.theirs,
            ours=ours,
            reason=reason,
        )

    def _judge(self, asked: Asked, window: str) -> tuple[tuple[int, ...], str, str]:
        """What was counted here, DE66, and why. `window`: the one in force."""
        totals, (day, number) = self._kernel.state.totals, asked.period
        _, today, now = parts_of(window)
        called = f"window {name_of(day, number)}" if number else f"business day {day}"
        if (day, number) > (today, now):
            return (), NOT_RECONCILED, f"{called} has not begun: it is {window}"
        if day <= totals.not_whole:
            why = f"{day} was counted by an older release, or in part: there are totals of the days after {totals.not_whole}"
            return (), NOT_RECONCILED, why
        if day <= totals.dropped:
            why = f"{day} is older than the totals that are kept (limit totals_days={totals.keep})"
            return (), NOT_RECONCILED, why
        if number > totals.last.get(day, now if day == today else 1):
            return (), NOT_RECONCILED, f"there was no {called}: the day's last is {totals.last.get(day, 1)}"
        sums = totals.of(asked.period, asked.cells)
        ours = (*sums, net_of(sums))
        if (day, number or now) == (today, now):
            return ours, NOT_RECONCILED, f"{called} is not closed yet: totals so far"
        differing = differences(asked.theirs, ours)
        if not differing:
            return ours, AGREE, "they agree"
        cause = likely_cause(asked.theirs, ours, self._beside(asked))
        return ours, DIFFER, f"they differ, likely: {cause}"

    def _beside(self, asked: Asked) -> dict[str, tuple[int, ...]]:
        """What was counted of the days before and after, and of windows, where that is not what is asked about."""
        totals, (day, number) = self._kernel.state.totals, asked.period
        days = {parts_of(name)[1] for name in totals.windows}
        periods = [(one, 0) for one in sorted(days)] + [
            (day, parts_of(name)[2]) for name in totals.windows if day in name
        ]
        return {
            name_of(one, n) if n else one: totals.of((one, n), asked.cells)
            for one, n in periods
            if (one, n) != (day, number)
        }

    def _tell(self, session: Session, entry: Reconciled) -> None:
        elements = _elements(session)
        about = {
            "party": entry.party,
            "role": entry.role,
            "business_day": entry.day,
            "window": entry.window,
            "currency": entry.currency,
        }
        if entry.result == AGREE:
            self._kernel.log("info", "reconciliation.agrees", link=session.link, **about)
        elif entry.result == DIFFER:
            differing = [
                f"DE{elements[at]} {theirs} there, {ours} here"
                for at, theirs, ours in differences(entry.theirs, entry.ours)
            ]
            hint = "the day stays closed; `cmi-switch reconcile FILE` compares single payments"
            about |= {"differing": differing, "reason": entry.reason, "hint": hint}
            self._kernel.log("warning", "reconciliation.differs", link=session.link, **about)
        else:
            self._kernel.log("warning", "reconciliation.not_done", link=session.link, **about, reason=entry.reason)

    # -- its answer

    @staticmethod
    def _totals(session: Session, entry: Reconciled) -> Document:
        """What an answer has beside what it echoes."""
        said: Document = {DE.SETTLEMENT_CODE: entry.result}
        for at, (de, theirs, ours) in enumerate(zip(_elements(session), entry.theirs, entry.ours, strict=False)):
            if de == DE.NET:
                said[de] = f"{'D' if ours < 0 else 'C'}{abs(ours):0{_AMOUNT_DIGITS}d}"
            elif at not in OPTIONAL or theirs != NOT_SAID:
                said[de] = f"{ours:0{_NUMBER_DIGITS if at < AMOUNTS or at in OPTIONAL else _AMOUNT_DIGITS}d}"
        return said

    def _answer(self, message: Incoming, de39: str, extra: Document, note: str) -> None:
        kernel, session, document = self._kernel, message.session, message.document
        said = {de: document[de] for de in (DE.SETTLEMENT_DATE, DE.PRIVATE_48) if de in document}
        answered = answer(document, de39, said | extra)
        hop = hop_of("hop.sent", message, answered, session.link, "", de39, note)
        reply(kernel, session, answered, message.raw, after=kernel.position if extra else 0, hop=hop)


def differences(theirs: Iterable[int], ours: Iterable[int]) -> list[tuple[int, int, int]]:
    """Positions that differ, with both values; what was not said is not compared."""
    both = enumerate(zip(theirs, ours, strict=True))
    return [(at, there, here) for at, (there, here) in both if there != here and not (at in OPTIONAL and there < 0)]


def _window(document: Document) -> int:
    """The number of the window that a message names; 0: it names none. Raises Refusal where it is none. A DE48 of another making
    names none."""
    try:
        text = private_elements(document).get(Private48.WINDOW, "")
    except SubfieldError:
        return 0
    if text and not (text.isascii() and text.isdecimal() and 0 < int(text) <= NUMBER_MAX):
        raise Refusal(Answer.FORMAT_ERROR, f'DE48.64 is "{text}": expected the number of a window, 001 to {NUMBER_MAX}')
    return int(text or 0)


def _elements(session: Session) -> tuple[str, ...]:
    """The elements of the totals in their order, as the link's dialect reads what was taken back."""
    if session.dialect.reversals != BY_KIND:
        return SAID
    turned = list(SAID)
    for at in (CREDIT_BACK, AMOUNTS + CREDIT_BACK):
        other = at + DEBIT_BACK - CREDIT_BACK
        turned[at], turned[other] = turned[other], turned[at]
    return tuple(turned)


def _code(mti: str, entry: Reconciled) -> str:
    """DE39 of the answer."""
    if mti[2] == "2" or entry.result == AGREE:
        return Answer.APPROVED
    return Answer.RECONCILE_ERROR if entry.ours else Answer.RECORD_NOT_FOUND
