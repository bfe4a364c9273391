"""Stand-in: the switch approves small payments itself while a domestic issuer's host is away (docs/stand-in.md).

Theory of operation. Only a payment that has not left the switch is stood in for: the issuer's host is not there, so that nobody
can have approved it already; after a timeout there is a reversal instead. Limits are the network file's, a product; counters are
part of the state. One record holds the request, the approval and the advice (0120) owed to the issuer: the approval leaves when
that is durable, and the advice when the host is back. Over a limit the answer is what it would be without stand-in, 91.
"""

from datetime import UTC, datetime
from typing import Final

from switch.core.kernel import Kernel
from switch.core.messages.cardholder_proof import FULL
from switch.core.messages.internal import (
    ISSUER_UNAVAILABLE,
    PRIVATE,
    Private48,
    answer,
    original_data,
    private_elements,
)
from switch.core.messages.stripe import earliest_expiry
from switch.core.network import StandInRule
from switch.core.records.records import ACQUIRER, ADVICE, Forwarded, Owed, StoodIn, own_key
from switch.core.records.standin_counters import STAND_IN
from switch.core.routing.decision import Decision
from switch.core.saf.forwarder import Forwarder
from switch.core.shards import about_parts
from switch.core.transactions.card_proofs import Card, CardRefusedError, Proof, prove_card
from switch.core.transactions.hot_cards import listed_reason
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.on_behalf import last_counter
from switch.core.transactions.pricing import Pricing
from switch.core.transactions.replies import reply
from switch.core.transactions.transaction import NOT_STORED, Refusal, hop_of, kept_of
from switch.money.currency import format_amount
from switch.security.module import NO_MODULE
from switch.wire.pans import keepable
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import ANSWER_NAMES, DE, MTI, Answer, Document, Processing, original_of

READ: Final = frozenset({"02", "05", "07", "90", "91"})
"""PAN entry modes (DE22) of a card that was read: stripe, chip, contactless"""
ECOMMERCE: Final = "81"


class StandIn:
    """Decides for issuers that are away."""

    def __init__(self, kernel: Kernel, forwarder: Forwarder, pricing: Pricing) -> None:
        self._kernel = kernel
        self._forwarder = forwarder
        self._pricing = pricing
        self._rules = {
            host.config.name: {rule.product: rule for rule in host.config.standin}
            for host in kernel.hosts.values()
            if host.config.standin
        }

    def approve(self, message: Incoming, decision: Decision, refusal: Refusal) -> bool:
        """Approve a request whose issuer is away, if its product's limits allow it. False: `refusal` stands, and says why.

        A card on its issuer's stop list is refused for that, with or without stand-in.
        """
        listed = listed_reason(self._kernel, message.pan)
        if listed:
            refusal.de39 = listed
            refusal.go_on(f"; its issuer has listed the card: {ANSWER_NAMES[listed]}")
            return False
        rules = self._rules.get(decision.host)
        if rules is None or decision.bin is None:
            return False
        rule = rules.get(decision.bin.product)
        if rule is None:
            refusal.go_on(f"; no stand-in for product {decision.bin.product}")
            return False
        why = self._reason_against(message, decision.host, rule)
        if why:
            refusal.go_on(f"; no stand-in: {why}")
            return False
        config = self._kernel.hosts[decision.host].config
        atc = last_counter(self._kernel, self._kernel.vault.digest(message.pan))
        card = Card(pan=message.pan, expiry=message.document.get(DE.EXPIRY, ""), scheme=decision.bin.scheme, atc=atc)
        try:
            proof = prove_card(self._kernel.module or NO_MODULE, config.card_keys, card, message.document)
        except CardRefusedError as unproved:
            refusal.de39 = unproved.de39
            refusal.go_on(f"; no stand-in: {unproved.reason}")
            return False
        self._record_approval(message, decision, rule, refusal.reason, proof)
        return True

    # -- what speaks against it

    def _reason_against(self, message: Incoming, host: str, rule: StandInRule) -> str:
        """The first reason not to, "" where there is none."""
        kernel = self._kernel
        if message.session.host is not None:
            return "the message came from a card network, which stands in for issuers itself"
        full = kernel.journal_full()
        if full:
            return f"limit {full} reached"
        if self._forwarder.full(host):
            return f"limit owed_per_host={kernel.limits.owed_per_host} reached"
        return self._kind(message, rule) or self._card(message, rule) or self._counters(message, host, rule)

    def _kind(self, message: Incoming, rule: StandInRule) -> str:
        """The payment itself: its type, its amount."""
        kind, home = message.document[DE.PROCESSING_CODE][:2], self._kernel.network.currency
        if kind not in (Processing.PURCHASE, Processing.CASH):
            return f"transaction type {kind} (DE3) is its issuer's to decide"
        if message.currency != home:
            return f"the amount is in currency {message.currency}, limits are in {home}"
        if DE.RRN not in message.document:
            return "without DE37 its issuer could not tell it from others later"
        name, floor = ("floor", rule.floor) if kind == Processing.PURCHASE else ("cash_floor", rule.cash_floor)
        if not 0 < message.amount <= floor:
            return f"above {name} of {format_amount(floor, home)} for product {rule.product}"
        return ""

    def _card(self, message: Incoming, rule: StandInRule) -> str:
        """What only the issuer could check."""
        document = message.document
        if DE.PIN in document and not rule.unverified_pin:
            return "only its issuer can verify the PIN"
        entry = document.get(DE.ENTRY_MODE, "")[:2]
        if entry == ECOMMERCE:
            if not (rule.ecommerce and _authenticated(document)):
                return "a payment on the web that is not authenticated, or stand-in without `ecommerce`"
        elif entry not in READ:
            return f"the card was not read (DE22 {document.get(DE.ENTRY_MODE, 'absent')})"
        expiry = earliest_expiry(document)
        if not expiry:
            return "nothing says until when the card is valid (DE14, DE35)"
        today = datetime.fromtimestamp(self._kernel.wall_us(message.now) // 1_000_000, UTC)
        return f"the card has expired ({expiry}, DE14 or DE35)" if expiry < f"{today:%y%m}" else ""

    def _counters(self, message: Incoming, host: str, rule: StandInRule) -> str:
        """What has been approved so far."""
        kernel, amount = self._kernel, message.amount
        home, standin_counters, now_us = (
            kernel.network.currency,
            kernel.state.standin_counters,
            kernel.wall_us(message.now),
        )
        config = kernel.hosts[host].config
        part = about_parts(kernel.network, config)
        count, spent = standin_counters.of_card(kernel.vault.digest(message.pan), now_us)
        if count >= rule.per_card_count:
            return f"the card has had per_card_count={rule.per_card_count} in 24 hours{part}"
        if spent + amount > rule.per_card_amount:
            limit = format_amount(rule.per_card_amount, home)
            return f"above per_card_amount of {limit} in 24 hours: {format_amount(spent, home)} so far{part}"
        total = config.standin_total
        if standin_counters.unadvised.get(host, 0) + amount > total:
            return self._reached("standin_total", total, f"[[host]] {host}", part)
        if standin_counters.full(kernel.limits.standin_payments, now_us):
            return self._reached("standin_payments", kernel.limits.standin_payments, "[limits]")
        return ""

    def _reached(self, limit: str, value: int, where: str, part: str = "") -> str:
        self._kernel.log("warning", "standin.limit", limit=limit, value=value,
                         hint=f"raise {limit} in {where} of the network file{part}")  # fmt: skip
        return f"limit {limit}={value} reached{part}"

    # -- yes

    def _record_approval(
        self, message: Incoming, decision: Decision, rule: StandInRule, away: str, proof: Proof
    ) -> None:
        """Record it, answer once that is durable, owe the issuer an advice."""
        kernel, document, txn, now, host = self._kernel, message.document, message.txn, message.now, decision.host
        stan, de7, at_us = kernel.next_stan(host), kernel.de7(now), kernel.wall_us(now)
        sealed = kernel.vault.seal(message.pan, txn)
        said: Document = {
            DE.APPROVAL_CODE: f"S{txn % 100_000:05d}",
            DE.PRIVATE_48: PRIVATE.build({Private48.STAND_IN: ISSUER_UNAVAILABLE}),
        }
        request = Forwarded(
            txn=txn,
            at_us=at_us,
            key=message.key,
            link=message.session.name,
            host=host,
            route=STAND_IN,
            mti=document[DE.MTI],
            stan=stan,
            sent_at=de7,
            pan=message.masked,
            sealed=sealed,
            amount=message.amount,
            currency=message.currency,
            elements=kept_of(document),
        )
        advice = Owed(
            txn=kernel.next_txn(now),
            at_us=at_us,
            kind=ADVICE,
            reason=STAND_IN,
            host=host,
            original=txn,
            key=own_key(MTI.AUTHORIZATION, stan, de7),
            link=message.session.name,
            pan=message.masked,
            sealed=sealed,
            amount=message.amount,
            currency=message.currency,
            message=keepable(self._advice_message(document, said, stan, de7)),
        )
        digest = kernel.vault.digest(message.pan)
        position = kernel.record(
            StoodIn(
                request=request,
                de39=Answer.APPROVED,
                elements=said | proof.response,
                advice=advice,
                card=digest,
                product=rule.product,
                priced=self._pricing.of_approval(document, message.key[ACQUIRER], decision, message.amount, now),
                window=kernel.window(now),
                atc=proof.atc,
            )
        )
        self._forwarder.enqueue(advice, position, now)
        note = f"stand-in for {rule.product}: {away}"
        approved = answer(document, Answer.APPROVED, said | proof.response)
        hop = hop_of("hop.sent", message, approved, message.session.link, STAND_IN, Answer.APPROVED, note)
        reply(kernel, message.session, approved, message.raw, after=position, txn=txn, hop=hop)
        kernel.log("info", "standin.approved", txn=f"{txn:x}", host=host, product=rule.product, advice=f"{advice.txn:x}",
                   untold=kernel.state.standin_counters.unadvised[host],
                   hint="its issuer is told by 0120 when it is back")  # fmt: skip

    def _advice_message(self, document: Document, said: Document, stan: str, de7: str) -> Document:
        """The advice: the request as it came, what it was answered, and DE90 with the MTI it came under."""
        elements = {de: value for de, value in document.items() if de not in NOT_STORED}
        mti, acquirer = original_of(document[DE.MTI]), document.get(DE.ACQUIRER, "")
        return {
            **elements,
            DE.MTI: MTI.AUTHORIZATION_ADVICE,
            DE.STAN: stan,
            DE.TRANSMISSION_TIME: de7,
            DE.FORWARDER: self._kernel.network.institution,
            DE.RESPONSE_CODE: Answer.APPROVED,
            DE.ORIGINAL: original_data(mti, document[DE.STAN], document[DE.TRANSMISSION_TIME], acquirer),
            **said,
        }


def _authenticated(document: Document) -> bool:
    """True where the cardholder was authenticated (ECI 05) and there is a value to prove it."""
    try:
        private = private_elements(document)
    except SubfieldError:
        return False
    return private.get(Private48.ECI) == FULL and Private48.CAVV in private
