"""What the switch checks of a card on its issuer's behalf, while that issuer is there: `on_behalf` of its `[[host]]`.

In: a request that is about to leave for its issuer. Out: the same with what was found (DE48.71, DE48.87), and what an answer
says of it beside what the issuer says; or a refusal. Rule: what an issuer reads there is the switch's own word, or a card
network's: what an acquirer has put there goes no further.

Results are written as Mastercard writes them in DE48.71 (service, then result), in pairs of 2 + 1 characters: services 02, the
chip's cryptogram, and 05, the authentication value; V it holds, I it does not, U nobody could tell. DE48.87: M, N, U of a printed
value, else Y of a stripe that is wrong. Source: public pages about subelement 71 (the services' numbers and results); which
characters of it stand here is assumed.
"""

from typing import Final

from switch.core.kernel import Kernel
from switch.core.links.session import HostState
from switch.core.messages.internal import Private48, private_elements, with_private, without_private
from switch.core.network import HostLink
from switch.core.records.devices import ChipCounted
from switch.core.routing.decision import Decision
from switch.core.transactions.card_proofs import CHIP, PRINT, STRIPE, WEB, Card, Finding, check_card
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.transaction import Refusal
from switch.security.module import NO_MODULE
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, Answer, Document

_SERVICES: Final = {CHIP: "02", WEB: "05"}
VALID: Final = "V"
INVALID: Final = "I"
UNABLE: Final = "U"
_PRINTED: Final = {VALID: "M", INVALID: "N", UNABLE: "U"}
_WRONG_STRIPE: Final = "Y"


def check_on_behalf(kernel: Kernel, message: Incoming, decision: Decision, host: HostState) -> Document:
    """Have what `host` asks for checked; `message` goes on with what was found. Returns elements that an approval gets where it
    has none of them. Raises Refusal."""
    _take_off_claimed(message)
    keys = host.config.card_keys
    if not keys.on_behalf or not message.pan or decision.bin is None or host.config.passed_by:
        return {}  # where another shard owns the host, that one checks: it has all of a card's counters
    digest, document = kernel.vault.digest(message.pan), message.document
    atc, scheme = last_counter(kernel, digest), decision.bin.scheme
    card = Card(pan=message.pan, expiry=document.get(DE.EXPIRY, ""), scheme=scheme, atc=atc)
    proof = check_card(kernel.module or NO_MODULE, keys, card, document, keys.on_behalf)
    if proof.atc >= 0:  # also where something else is wrong, which could be tried again and again by one cryptogram
        kernel.record(ChipCounted(at_us=kernel.wall_us(message.now), card=digest, counter=proof.atc))
    if proof.wrong is not None:
        _decide(kernel, message, decision, host.config, proof.wrong)
    found = _results(proof.findings)
    for name, text in found.items():
        value = with_private(message.document.get(DE.PRIVATE_48, ""), name, text)
        message.document = {**message.document, DE.PRIVATE_48: value}
    said = dict(proof.response)
    if any(finding.what == PRINT for finding in proof.findings):
        said[DE.PRIVATE_48] = with_private("", Private48.CVV2_RESULT, found[Private48.CVV2_RESULT])
    return said


def last_counter(kernel: Kernel, card: bytes) -> int:
    """The highest counter (ATC) that a card's chip has proved to this switch; -1: none is remembered. `card`: its digest."""
    state = kernel.state
    return max(state.standin_counters.counter_of(card), state.chips.get(card, -1))


def say_found(document: Document, found: Document, *, approved: bool) -> None:
    """An answer says what was checked, where its issuer says nothing of it; only an approval answers the chip."""
    if approved and DE.ICC in found:
        document.setdefault(DE.ICC, found[DE.ICC])
    try:
        if DE.PRIVATE_48 in found and Private48.CVV2_RESULT not in private_elements(document):
            result = private_elements(found)[Private48.CVV2_RESULT]
            value = with_private(document.get(DE.PRIVATE_48, ""), Private48.CVV2_RESULT, result)
            document[DE.PRIVATE_48] = value
    except SubfieldError:
        return  # the issuer's DE48 is not ours to add to


def refused_because(de39: str) -> Document:
    """What the switch says beside DE39 where it declines itself: of a printed value that is wrong, its result."""
    if de39 != Answer.CVV2_FAILURE:
        return {}
    return {DE.PRIVATE_48: with_private("", Private48.CVV2_RESULT, _PRINTED[INVALID])}


def _decide(kernel: Kernel, message: Incoming, decision: Decision, host: HostLink, wrong: Finding) -> None:
    """What does not hold is declined, unless its issuer wants to decide itself. Raises Refusal."""
    if host.card_keys.wrong_goes_on:
        hint = "its issuer is told (DE48.71, DE48.87), and decides: `on_behalf_wrong` of its [[host]]"
        kernel.log("warning", "card.not_proved", txn=f"{message.txn:x}", host=host.name, check=wrong.what,
                   reason=wrong.reason, hint=hint)  # fmt: skip
        return
    raise Refusal(wrong.de39, f"checked on behalf of {host.name}: {wrong.reason}", decision.route)


def _take_off_claimed(message: Incoming) -> None:
    """Results of checks that an acquirer claims: only a card network's host has made any."""
    if message.session.host is not None:
        return
    for name in (Private48.ON_BEHALF, Private48.CVV2_RESULT):
        value, claimed = without_private(message.document.get(DE.PRIVATE_48, ""), name)
        if claimed:
            message.document = {**message.document, DE.PRIVATE_48: value}
            if not value:
                del message.document[DE.PRIVATE_48]


def _results(findings: tuple[Finding, ...]) -> dict[str, str]:
    """Subelements of DE48 with what was found."""
    letters = {finding.what: _letter(finding) for finding in findings}
    services = "".join(f"{_SERVICES[what]}{letter}" for what, letter in letters.items() if what in _SERVICES)
    made = {Private48.ON_BEHALF: services} if services else {}
    if PRINT in letters:
        made[Private48.CVV2_RESULT] = _PRINTED[letters[PRINT]]
    elif letters.get(STRIPE) == INVALID:
        made[Private48.CVV2_RESULT] = _WRONG_STRIPE
    return made


def _letter(finding: Finding) -> str:
    if not finding.de39:
        return VALID
    return UNABLE if finding.de39 == Answer.MALFUNCTION else INVALID
