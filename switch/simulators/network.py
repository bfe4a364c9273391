"""An international card network, as the switch meets it: one link, traffic both ways.

Towards the switch it is the issuer of foreign cards: it converts the amount (DE5, 6, 9, 10, 16, 50, 51) with its margin, has its
foreign issuers decide, and answers after a while. From abroad it acquires: Moroccan banks' cards used at foreign
merchants come as its own requests, in the merchant's currency, with the billing amount in DE6. Where it keeps a journal, a
request leaves once it is recorded; after a restart, what has no end on record is reversed.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from switch.money.convert import RateError, convert, encode_rate
from switch.simulators import messages
from switch.simulators.accounts import Ledger
from switch.simulators.acquirer_records import AcquirerRecords
from switch.simulators.acquiring import Acquiring
from switch.simulators.cards import TestCard
from switch.simulators.comparing import Comparing
from switch.simulators.de48 import Private48, private_elements, with_private
from switch.simulators.endpoint import Heard, Line, Speech
from switch.simulators.faults import FaultPlan, RandomSource
from switch.simulators.host import CATCH_UP, MS
from switch.simulators.issuer import Issuer
from switch.simulators.journal_records import HostEntry
from switch.simulators.messages import Place, Web
from switch.simulators.minds import PLAIN_MIND, Mind
from switch.simulators.own_totals import ADVICE, ADVICE_OF_ACQUIRER, OwnTotals
from switch.simulators.postings import Taken
from switch.simulators.proofs import demo_proof
from switch.simulators.reconciliation import AcquirerBook
from switch.simulators.rules import Verdict
from switch.simulators.under_way import Plan, Timeouts
from switch.wire.vocabulary import APPROVALS, DE, RECONCILED, RESPONSES, Document

SETTLEMENT = "840"
"""both schemes settle in US dollars with the demo's acquirers (assumed)"""
_VOIDED, _WEB, _CASH, _DOMESTIC = 0.04, 0.25, 0.10, 0.02
"""shares of the traffic from abroad; `_DOMESTIC`: with a card that works at home only, to be refused"""

_MERCHANTS = (
    ("250", "FR", "978", "LIBRAIRIE DU CANAL", "PARIS"),
    ("724", "ES", "978", "BODEGA DEL PUERTO", "MALAGA"),
    ("840", "US", "840", "HUDSON HARDWARE", "NEW YORK"),
    ("826", "GB", "826", "THAMES TEA ROOM", "LONDON"),
)


class Abroad(msgspec.Struct, frozen=True, kw_only=True):
    """Traffic from abroad."""

    rate: float = 0.0
    """payments a second"""
    payments: int = 0
    """no more once so many were sent; 0: no bound"""
    cards: tuple[TestCard, ...] = ()
    """home cards of this scheme"""
    domestic: tuple[TestCard, ...] = ()
    """home cards that work at home only: used abroad by mistake now and then"""


class Exchange(msgspec.Struct, frozen=True, kw_only=True):
    """Rates (units of one common currency) and the network's margin on them."""

    rates: Mapping[str, Decimal]
    margin: Decimal


def foreign_places(institution: str) -> tuple[Place, ...]:
    """One merchant per foreign country; its acquirer (DE32) is numbered after the network and the country."""
    return tuple(
        Place(
            institution=f"{institution[:3]}{country}", terminal=f"{alpha}{institution[:2]}0001", merchant=f"{alpha}0000000001",
            title=title, city=city, country=country, country_alpha=alpha, currency=currency,
        )
        for country, alpha, currency, title, city in _MERCHANTS
    )  # fmt: skip


class CardNetwork(Issuer):
    """Visa or Mastercard, by `scheme` and `speech`. Its ledger holds the foreign cards."""

    reconciles_by = ADVICE

    def __init__(
        self, scheme: str, speech: Speech, ledger: Ledger, rng: RandomSource, plan: FaultPlan, exchange: Exchange, abroad: Abroad,
        timeouts: Timeouts | None = None, mind: Mind = PLAIN_MIND,
    ) -> None:  # fmt: skip
        super().__init__(scheme, speech, ledger, rng, plan, mind=mind)
        self.scheme = scheme
        self._exchange = exchange
        self._abroad = abroad
        self._places = foreign_places(speech.own)
        self._acquiring = Acquiring(
            self, self._signed_on_line, lambda _: self.next_stan(), timeouts or Timeouts(),
            record=self.record, cards=(*abroad.cards, *abroad.domestic), day=lambda: self.ledger.period,
        )  # fmt: skip
        self.comparing_abroad = Comparing(self, ADVICE_OF_ACQUIRER, speech.own, self.signed_on_line)
        self._resumed = False
        self._interval_ns = int(1e9 / abroad.rate) if abroad.rate > 0 and abroad.cards else 0
        self._next_ns = 0
        self._sending = False

    def fold(self, entry: HostEntry) -> None:
        """Remember a record of an earlier life, of either side. KeyError: it is about a card that is not on file."""
        if isinstance(entry, Taken):
            super().fold(entry)
        else:
            self._acquiring.fold(entry)
            self._stan = int(self.acquirer_records.last_stan)

    @property
    def acquirer_records(self) -> AcquirerRecords:
        """What was asked abroad, and how it ended."""
        return self._acquiring.records

    def abroad_book(self) -> AcquirerBook:
        """What was sent from abroad and what came of it."""
        return self._acquiring.book(f"{self.scheme}-abroad")

    @property
    def unfinished(self) -> int:
        """Payments from abroad that something is still to come for, or (with a bound on them) that are still to be made."""
        return self._acquiring.unfinished + max(0, self._abroad.payments - self._acquiring.sent)

    @property
    def totals(self) -> OwnTotals:
        """What answers to its payments from abroad have come to."""
        return self._acquiring.totals

    def reconcile(self, day: str, now: int) -> None:
        """Of both sides: what it has answered, and what it has brought."""
        super().reconcile(day, now)
        days = self._acquiring.totals.days
        for of, currency in [key for key in days if not key[0]]:  # before the first day that it was told of
            days[day, currency] = days.pop((of, currency))
        self.comparing_abroad.close(day, self._acquiring.totals, now)

    # -- as issuer of foreign cards

    def enrich(self, internal: Document, now: int) -> Document:
        """Add the billing and settlement amounts, for a card that is on file."""
        account = self.ledger.accounts.get(internal.get(DE.PAN, ""))
        if account is None or DE.AMOUNT not in internal or DE.CURRENCY not in internal:
            return internal
        amounts = self._convert(int(internal[DE.AMOUNT]), internal[DE.CURRENCY], account.card.currency, now)
        return internal if amounts is None else internal | amounts

    def _convert(self, amount: int, currency: str, billed: str, now: int) -> Document | None:
        """As `converted`; None where a rate is missing, which is logged."""
        try:
            return self.converted(amount, currency, billed, now)
        except RateError as error:
            hint = "add the currency to [rates] of the network file"
            self.log("error", "conversion.impossible", reason=str(error), hint=hint)
            return None

    def converted(self, amount: int, currency: str, billing: str, now: int) -> Document:
        """DE5, 6, 9, 10, 16, 50, 51 of `amount` (minor units of `currency`). RateError: no rate."""
        rates, margin = self._exchange.rates, self._exchange.margin
        settled, settlement_rate = convert(amount, currency, SETTLEMENT, rates)
        billed, billing_rate = convert(amount, currency, billing, rates, margin)
        return {
            DE.AMOUNT_SETTLEMENT: f"{settled:012d}",
            DE.AMOUNT_BILLING: f"{billed:012d}",
            DE.RATE_SETTLEMENT: encode_rate(settlement_rate),
            DE.RATE_BILLING: encode_rate(billing_rate),
            DE.CONVERSION_DATE: self.moment(now).sent_at[:4],
            DE.CURRENCY_SETTLEMENT: SETTLEMENT,
            DE.CURRENCY_BILLING: billing,
        }

    def decide(self, internal: Document, now: int) -> Verdict:
        """The foreign issuer's verdict, with the network's conversion and reference."""
        enriched = self.enrich(internal, now)
        at = self.moment(now)

        def dress(verdict: Verdict) -> Verdict:
            extra = {de: enriched[de] for de in _CONVERSION if de in enriched} if verdict.de39 in APPROVALS else {}
            extra |= verdict.extra
            extra[DE.SETTLEMENT_DATE] = at.sent_at[:4]
            private = private_elements(extra) | {Private48.REFERENCE: self._reference(at.sent_at)}
            return msgspec.structs.replace(verdict, extra=with_private(extra, private))

        return self.ledger.authorize(enriched, at, dress)

    def _reference(self, sent_at: str) -> str:
        """The network's own name for a transaction: 15 digits at Visa; at Mastercard code, Banknet number and date."""
        number = self.ledger.holdings.taken + 1
        if self.scheme == "mastercard":
            return f"MCC{number % 10**9:09d}{sent_at[:4]}"
        return f"3{sent_at[:8]}{number % 10**6:06d}"

    # -- as acquirer abroad

    def on_connected(self, line: Line, now: int) -> None:
        """Look now and then whether the switch has signed on, and traffic can begin."""
        super().on_connected(line, now)
        if not self._resumed:
            self._resumed = True
            self._acquiring.resume(now)
        if self._interval_ns and not self._sending:
            self._sending = True
            self._next_ns = now + self._interval_ns
            self.at(self._next_ns, self._send_due)

    def _signed_on_line(self, terminal: str) -> Line | None:
        del terminal
        return self.signed_on_line()

    def _send_due(self, now: int) -> None:
        """Send what is due by now, `CATCH_UP` at most; what is beyond is left out, and said."""
        if self.draining or self._enough():
            return
        if self._signed_on_line("") is None or self.why_closed():
            self._next_ns = now + 100 * MS
        for _ in range(CATCH_UP):
            if self._next_ns > now or self._enough():
                break
            self._next_ns += self._interval_ns
            self._pay(now)
        missed = max(0, (now - self._next_ns) // self._interval_ns + 1)
        if missed and not self._enough():
            self._next_ns += missed * self._interval_ns
            self.log(
                "warning", "payments.skipped", times=missed, reason="this process is too slow for so many from abroad"
            )
        self.at(self._next_ns, self._send_due)

    def _enough(self) -> bool:
        return 0 < self._abroad.payments <= self._acquiring.sent

    def _pay(self, now: int) -> None:
        rng, abroad = self._rng, self._abroad
        cards: Sequence[TestCard] = abroad.cards
        if abroad.domestic and rng.random() < _DOMESTIC:
            cards = abroad.domestic
        card = cards[rng.randrange(0, len(cards))]
        place = self._places[rng.randrange(0, len(self._places))]
        amount = min(max(2_00, int(rng.lognormvariate(8.0, 0.8))), 800_00)
        at, stan, chance = self.moment(now), self.next_stan(), rng.random()
        kind, web, plan = messages.PURCHASE, None, Plan()
        if chance < _WEB:
            kind, web = (
                messages.WEB,
                Web(card.cvv2, "05", demo_proof(card)) if rng.random() < 0.5 else Web(card.cvv2),
            )
        elif chance < _WEB + _CASH:
            kind, amount = messages.CASH, rng.randrange(1, 11) * 20_00
        elif chance < _WEB + _CASH + _VOIDED:
            plan = Plan(void_after_ns=1_000 * MS)
        document = messages.request(kind, card, amount, place, at, stan, at.rrn_prefix + stan, web)
        if kind != messages.CASH:
            document[DE.MTI] = "0100"
        amounts = self._convert(amount, place.currency, card.currency, now)
        if amounts is None:
            return
        document |= amounts
        self._acquiring.pay(document, kind, f"{self.scheme}-abroad", plan, now)

    def on_response(self, line: Line, heard: Heard, now: int) -> None:
        """An answer to traffic from abroad, or one of the network's own messages."""
        if heard.internal[DE.MTI] in RESPONSES - RECONCILED and heard.internal[DE.MTI] != "0810":
            self._acquiring.take_response(line, heard.internal, now)
            self._leave_if_done(now)
        elif not self.comparing_abroad.take_answer(heard.internal):
            super().on_response(line, heard, now)

    def drain(self, now: int) -> None:
        """Send nothing more from abroad; sign off once what was sent has ended, reversals included."""
        self.draining = True
        self._leave_if_done(now)

    def _leave_if_done(self, now: int) -> None:
        if self.draining and not self._acquiring.unfinished:
            self.sign_off(now)

    def tick(self, now: int) -> None:
        """Run the timers that are due; one of them may have ended the last open payment."""
        super().tick(now)
        self._leave_if_done(now)

    def drained(self) -> bool:
        """Every answer has left, and what was sent from abroad has ended."""
        return super().drained() and not self._acquiring.unfinished


_CONVERSION = (
    DE.AMOUNT_SETTLEMENT, DE.AMOUNT_BILLING, DE.RATE_SETTLEMENT, DE.RATE_BILLING, DE.CONVERSION_DATE, DE.CURRENCY_SETTLEMENT,
    DE.CURRENCY_BILLING,
)  # fmt: skip
