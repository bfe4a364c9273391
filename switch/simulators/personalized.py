"""Test cards as their issuers' keys make them: the values of stripe, chip and print, and the cryptograms of chips.

In: a network's test cards, the security module that has its issuers' keys. Out: the same cards with values that hold. An issuer
without keys has cards as `cards.demo_cards` made them. A chip's cryptogram is made by the module with its issuer's master key,
which must be one for test cards (`imk-ac-test`): a key that checks cryptograms makes none.
"""

from collections.abc import Iterable, MutableMapping
from typing import Final

from msgspec.structs import replace

from switch.core.messages.chip import CHIP_DATA, chip_question, chip_scheme
from switch.core.messages.stripe import CONTACTLESS_STRIPE, stripe_of
from switch.core.network import CardKeys, Network
from switch.security.card_values import CVV2_SERVICE_CODE, ICVV_SERVICE_CODE, printed_expiry
from switch.security.commands import Command, MakeCardValue, MakeCryptogram, MakeDynamicValue, Reply
from switch.security.emv import MASTERCARD
from switch.security.module import NO_MODULE, SecurityModule
from switch.simulators.cards import TestCard
from switch.simulators.messages import SERVICE_CODE, track_2
from switch.wire.vocabulary import DE, Document

WRONG: Final = ("cryptogram", "counter", "amount", "stripe")
"""what a test card may say otherwise than it is"""
SEQUENCE: Final = "01"
_ISSUER_DATA: Final = {
    "visa": "06011203A00000",  # version 18
    MASTERCARD: "0114A50003220000" + "00" * 10,  # version 20, its counters zero
}
"""9F10 by scheme, as VIS and M/Chip lay it out"""
_DOMESTIC: Final = "06010A03A00000"
"""version 10"""
_TERMINAL: Final = {"82": "3900", "95": "0000008000", "9F27": "80", "9F33": "E0F8C8", "9F34": "1F0302", "9F35": "22"}
"""what is the same in each payment: an attended terminal that is online, no PIN"""


class PersonalizationError(ValueError):
    """A module that makes no values for a test card; says which, and why."""


def card_keys(network: Network) -> dict[str, CardKeys]:
    """The keys that issuers check cards with, by member, or scheme of foreign cards."""
    return {
        host.member or host.scheme: host.card_keys
        for host in network.hosts
        if host.card_keys.cvv_key or host.card_keys.chip_key or host.card_keys.dynamic_key
    }


def personalized(cards: Iterable[TestCard], network: Network, module: SecurityModule | None) -> tuple[TestCard, ...]:
    """The cards with the values that their issuers' keys make, in one question; without a module as they are. Raises
    PersonalizationError."""
    keys, made = card_keys(network), list(cards)
    if not keys or module is None:
        return tuple(made)
    mine = [(n, card, keys[card.issuer]) for n, card in enumerate(made) if card.issuer in keys]
    asked: list[Command] = []
    for _, card, its in mine:
        orders = (
            (printed_expiry(card.expiry, card.scheme), CVV2_SERVICE_CODE),
            (card.expiry, SERVICE_CODE),
            (card.expiry, ICVV_SERVICE_CODE),
        )
        asked += [MakeCardValue(its.cvv_key, card.pan, expiry, code) for expiry, code in orders if its.cvv_key]
    values = iter(_made(module.ask(asked), "values"))
    for n, card, its in mine:
        made[n] = replace(card, chip=bool(its.chip_key))
        if its.cvv_key:
            cvv2, cvv, icvv = (next(values).decode() for _ in range(3))
            made[n] = replace(made[n], cvv2=cvv2, cvv=cvv, icvv=icvv)
    return tuple(made)


class Chips:
    """Chips of test cards, which count their payments."""

    def __init__(self, network: Network, module: SecurityModule | None, counters: MutableMapping[str, int]) -> None:
        """`counters`: the last counter (ATC) of each card by its name; changed by each payment."""
        self._keys = card_keys(network)
        self._module = module or NO_MODULE
        self._counters = counters

    def has(self, card: TestCard) -> bool:
        """True where the issuer checks cryptograms."""
        return bool(self._keys.get(card.issuer, CardKeys()).chip_key)

    def changes_stripe(self, card: TestCard) -> bool:
        """True where the issuer checks values of stripes that change."""
        return bool(self._keys.get(card.issuer, CardKeys()).dynamic_key)

    def tap(self, request: Document, card: TestCard, unpredictable: str, wrong: str = "") -> Document:
        """The request of a terminal without contact that reads stripes only: DE22, DE23, and a track 2 that changes each time.
        `unpredictable`: a digit. `wrong`: `counter` or `stripe`. Raises PersonalizationError."""
        atc = self._counters[card.name] = self._counters.get(card.name, 0) + 1
        if wrong == "counter":
            atc = max(0, atc - 3)
        still = stripe_of(track_2(card, "000")).template
        key = self._keys[card.issuer].dynamic_key
        asked = MakeDynamicValue(key, card.scheme, SEQUENCE, still, atc, unpredictable)
        (made,) = _made(self._module.ask([asked]), "values of stripes")
        value = card.cvv if wrong == "stripe" else made.decode()
        track = f"{still[:-8].replace('D', '=')}{value}{atc % 10_000:04d}{unpredictable}"
        entry = {DE.ENTRY_MODE: f"{CONTACTLESS_STRIPE}1", DE.PAN_SEQUENCE: SEQUENCE.rjust(3, "0")}
        return request | entry | {DE.TRACK2: track}

    def read(self, request: Document, card: TestCard, day: str, unpredictable: bytes, wrong: str = "") -> Document:
        """The request of a terminal that reads the chip: DE55, DE23, DE22, and the chip's track 2. `day`: YYMMDD. `wrong`: one of
        `WRONG`, that it is to say otherwise. Raises PersonalizationError."""
        atc = self._counters[card.name] = self._counters.get(card.name, 0) + 1
        if wrong == "counter":
            atc = max(0, atc - 3)
        amount = request[DE.AMOUNT] if wrong != "amount" else f"{int(request[DE.AMOUNT]) // 2:012d}"
        tags = _TERMINAL | {
            "5F2A": request[DE.CURRENCY].rjust(4, "0"),
            "5F34": SEQUENCE,
            "9A": day,
            "9C": request[DE.PROCESSING_CODE][:2],
            "9F02": amount,
            "9F03": "0" * 12,
            "9F10": _ISSUER_DATA.get(card.scheme, _DOMESTIC),
            "9F1A": request[DE.ACQUIRER_COUNTRY].rjust(4, "0"),
            "9F36": f"{atc:04X}",
            "9F37": unpredictable.hex().upper(),
        }
        covered = {tag: bytes.fromhex(value) for tag, value in tags.items()}
        question = chip_question(self._keys[card.issuer].chip_key, card.scheme, card.pan, request, covered)
        asked = MakeCryptogram(question.key, chip_scheme(card.scheme), card.pan, SEQUENCE, question.tags)
        (cryptogram,) = _made(self._module.ask([asked]), "cryptogram")
        if wrong == "cryptogram":
            cryptogram = bytes([cryptogram[0] ^ 1]) + cryptogram[1:]
        data = CHIP_DATA.build(tags | {"9F26": cryptogram.hex().upper()})
        track = track_2(card, card.icvv if wrong != "stripe" else card.cvv)
        return request | {
            DE.ENTRY_MODE: "051",
            DE.PAN_SEQUENCE: SEQUENCE.rjust(3, "0"),
            DE.TRACK2: track,
            DE.ICC: data,
        }


def _made(replies: list[Reply], what: str) -> list[bytes]:
    for reply in replies:
        if not reply.ok:
            raise PersonalizationError(f"no {what} of test cards can be made: {reply.reason}")
    return [reply.value for reply in replies]
