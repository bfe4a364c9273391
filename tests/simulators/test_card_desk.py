"""Cards at a simulated issuer: real cryptograms of every version, and each way in which a card is not the one it says it is."""

from typing import Any
from zlib import crc32

import pytest
from msgspec.structs import replace

from switch.core.messages.chip import ATC_AHEAD_MAX, CHIP_DATA, chip_question, chip_tags
from switch.core.network import CardKeys, Network
from switch.security import emv
from switch.security.commands import MakeCryptogram
from switch.security.key_blocks import Header, KeyBlock
from switch.security.module import NO_MODULE, ClearKeys, SecurityModule, SoftwareModule
from switch.security.simulated import counted
from switch.simulators.accounts import Ledger
from switch.simulators.card_desk import CardDesk
from switch.simulators.cards import TestCard, demo_cards
from switch.simulators.clock import Calendar
from switch.simulators.messages import Place, Web, request
from switch.simulators.personalized import Chips, PersonalizationError, personalized
from switch.simulators.rules import Verdict
from switch.wire.vocabulary import Document
from tests.core.scripts import morocco
from tests.simulators.test_pins import PLACE

CALENDAR = Calendar()
IMK = counted(crc32(b"imk"))(16)


def key(usage: str, mode: str) -> KeyBlock:
    return KeyBlock(Header(version="D", usage=usage, algorithm="T", mode=mode), counted(crc32(usage.encode()))(16))


KEYS = ClearKeys(
    {
        "cvk": key("C0", "C"),
        "imk": KeyBlock(key("E0", "N").header, IMK),
        "checks-only": KeyBlock(key("E0", "X").header, IMK),
        "changes": key("E4", "N"),
        "changes-checked-only": KeyBlock(key("E4", "X").header, key("E4", "N").key),
    }
)
MODULE = SoftwareModule(KEYS, counted(1))
BOTH = CardKeys(cvv_key="cvk", chip_key="imk")


def with_keys(keys: CardKeys) -> Network:
    network = morocco()
    return replace(network, hosts=tuple(replace(h, card_keys=keys) if h.name == "atlas" else h for h in network.hosts))


class Bank:
    """Atlas, and a terminal at which its cards pay."""

    def __init__(
        self,
        keys: CardKeys = BOTH,
        module: SecurityModule = MODULE,
    ) -> None:
        network = with_keys(keys)
        self.cards = {card.name: card for card in personalized(demo_cards(network), network, MODULE)}
        self.card = self.cards["atlas-approved"]
        self.chips = Chips(with_keys(BOTH), MODULE, {})
        self.ledger = Ledger("atlas", [card for card in self.cards.values() if card.issuer == "atlas"])
        self.ledger.cards = CardDesk(module, keys)
        self._n = 0

    def asks(self, card: TestCard | None = None, web: Web | None = None) -> Document:
        self._n += 1
        at = CALENDAR.at(1_764_072_000_000_000_000 + self._n * 1_000_000_000)
        stan = f"{self._n:06d}"
        place: Place = PLACE
        return request("purchase", card or self.card, 100_00, place, at, stan, at.rrn_prefix + stan, web)

    def chip(self, wrong: str = "", card: TestCard | None = None) -> Document:
        return self.chips.read(self.asks(card), card or self.card, "251125", self._n.to_bytes(4, "big"), wrong)

    def takes(self, document: Document) -> Verdict:
        return self.ledger.authorize(document, CALENDAR.at(1_764_072_000_000_000_000 + self._n * 1_000_000_000))

    def again(self) -> "Bank":
        """The same bank after it was killed."""
        other = Bank()
        other._n, other.chips = self._n, self.chips
        for entry in self.ledger.fresh:
            other.ledger.holdings.apply(entry)
        return other


def changed(document: Document, **tags: str) -> Document:
    read = CHIP_DATA.read(document["55"])
    return document | {"55": CHIP_DATA.build({**read, **{tag[1:]: value for tag, value in tags.items()}})}


@pytest.mark.parametrize("name", ["atlas-approved", "atlas-visa", "atlas-mastercard"])
def test_a_chip_is_approved_and_its_answer_holds_in_the_card(name: str) -> None:
    """The card checks the answer by itself: from its own key, made here once more of the issuer's."""
    bank = Bank()
    card = bank.cards[name]
    asked = bank.chip(card=card)
    verdict = bank.takes(asked)
    assert (verdict.de39, verdict.reason) == ("00", "")
    tags = chip_tags(asked)
    scheme, code = ("mastercard", b"\x00\x10") if card.scheme == "mastercard" else ("visa", b"00")
    chip = emv.chip_of(scheme, IMK, card.pan, "01", "A", tags)
    assert chip_tags(verdict.extra) == {"91": chip.arpc(tags["9F26"], code)}
    assert chip.version == emv.VERSIONS[scheme, {"cmi": 10, "visa": 18, "mastercard": 20}[card.scheme]]


@pytest.mark.parametrize(("scheme", "version"), list(emv.VERSIONS))
def test_every_version_is_checked_and_each_covered_tag_counts(scheme: str, version: int) -> None:
    bank = Bank()
    card = bank.cards["atlas-mastercard" if scheme == "mastercard" else "atlas-visa"]
    data = {"visa": f"0601{version:02X}03A00000", "mastercard": f"01{version:02X}A50003220000" + "00" * 10}[scheme]
    asked = changed(bank.chip(card=card), _9F10=data)
    question = chip_question("imk", card.scheme, card.pan, asked, chip_tags(asked))
    (made,) = MODULE.ask([MakeCryptogram("imk", scheme, card.pan, "01", question.tags)])
    asked = changed(asked, _9F26=made.value.hex().upper())
    for tag in ("9F03", "9F1A", "95", "9A", "9C", "9F37", "82", "9F36", "9F10"):
        value = bytearray(chip_tags(asked)[tag])
        value[3 if tag == "9F10" else 0] ^= 1
        verdict = bank.takes(
            changed(asked, **{f"_{tag}": value.hex().upper()}) | {"11": f"9{tag[-1:]:0>5}", "37": f"{tag:>12}"}
        )
        assert verdict.de39 == "63", tag
    assert bank.takes(asked).de39 == "00"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"wrong": "cryptogram"}, "the chip's cryptogram does not hold"),
        ({"wrong": "amount"}, "DE4=000000010000, and the chip was asked for 9F02=000000005000"),
        ({"wrong": "stripe"}, "the iCVV of track 2 is not the card's"),
        ({"49": "978"}, "DE49=978, and the chip was asked in 5F2A=0504"),
        ({"55": ""}, "a chip was read (DE22), and its cryptogram is not there (DE55)"),
        ({"55": "9F2608AB"}, "DE55 is no chip data"),
        ({"twice": "9F26081122334455667788"}, "DE55 has tag 9F26 twice"),
        ({"_9F36": "01"}, "tag 9F36 (ATC) is not there, or not of 2 bytes"),
        ({"_9F27": "40"}, "9F27=40: the chip has not asked its issuer"),
        ({"35": "9504010000090019=31122010000000000"}, "track 2 (DE35) is another card's"),
    ],
)
def test_what_is_not_the_cards_is_declined_with_63_and_said(change: dict[str, str], reason: str) -> None:
    bank = Bank()
    asked = bank.chip(change.pop("wrong", ""))
    asked = asked | {"55": asked["55"] + change.pop("twice", "")}
    asked = changed(asked, **{tag: change.pop(tag) for tag in list(change) if tag.startswith("_")}) if change else asked
    verdict = bank.takes({de: value for de, value in (asked | change).items() if value})
    assert (verdict.de39, reason in verdict.reason) == ("63", True), verdict
    assert bank.card.pan not in verdict.reason
    assert bank.ledger.accounts[bank.card.pan].atc == -1, "what is not proved moves no counter"


def test_a_counter_never_goes_back_also_after_a_kill() -> None:
    bank = Bank()
    first = bank.chip()
    assert bank.takes(first).de39 == "00"
    assert bank.takes(first).repeated, "the same message is a repeat, and is answered so"
    for bank_now in (bank, bank.again()):
        verdict = bank_now.takes(first | {"11": "000777", "37": "532912000777"})
        assert (verdict.de39, "its counter (ATC) goes back, 1 after 1" in verdict.reason) == ("63", True)
    assert bank.takes(bank.chip("counter")).de39 == "63"
    assert bank.takes(bank.chip()).de39 == "00"
    bank.chips._counters[bank.card.name] += ATC_AHEAD_MAX
    assert "ahead of the last one" in bank.takes(bank.chip()).reason


def test_a_chips_data_on_a_stripe_do_not_pay() -> None:
    """What is read from a chip makes no stripe, and the other way round."""
    bank = Bank()
    stripe = bank.asks()
    assert (stripe["22"], bank.takes(stripe).de39) == ("021", "00")
    copied = bank.asks() | {"35": bank.chip()["35"]}
    verdict = bank.takes(copied)
    assert (verdict.de39, verdict.reason) == ("63", "the CVV of track 2 is not the card's")
    short = bank.asks() | {"35": f"{bank.card.pan}=3112201"}
    assert bank.takes(short).de39 == "63"


def test_printed_values_are_the_keys_and_not_those_of_another() -> None:
    bank = Bank()
    plain = {card.name: card for card in demo_cards(morocco())}[bank.card.name]
    assert bank.card.cvv2 != plain.cvv2
    assert bank.takes(bank.asks(web=Web(bank.card.cvv2))).de39 == "00"
    wrong = bank.takes(bank.asks(web=Web(plain.cvv2)))
    assert (wrong.de39, wrong.extra["48"]) == ("N7", "8701N")


@pytest.mark.parametrize("keys", [CardKeys(chip_key="imk"), CardKeys(cvv_key="cvk"), CardKeys()])
def test_what_has_no_key_is_not_asked_for(keys: CardKeys) -> None:
    bank = Bank(keys)
    assert (
        bank.takes(bank.chip("" if keys.chip_key else "cryptogram") | ({"35": ""} if keys.cvv_key else {})).de39 == "00"
    )
    assert bank.takes(bank.asks()).de39 == "00"


@pytest.mark.parametrize(
    ("keys", "module", "reason"),
    [
        (CardKeys(chip_key="imk"), NO_MODULE, "this process has no keys"),
        (CardKeys(chip_key="cvk"), MODULE, "it does not check cryptograms"),
        (CardKeys(cvv_key="nobodys"), MODULE, "there is no key 'nobodys'"),
    ],
)
def test_where_nobody_can_tell_it_is_96(keys: CardKeys, module: SecurityModule, reason: str) -> None:
    bank = Bank()
    asked: dict[str, Any] = bank.chip()
    bank.ledger.cards = CardDesk(module, keys)
    verdict = bank.takes(asked)
    assert (verdict.de39, reason in verdict.reason) == ("96", True)


def test_a_key_that_checks_cryptograms_makes_none() -> None:
    chips = Chips(with_keys(CardKeys(chip_key="checks-only")), MODULE, {})
    bank = Bank(CardKeys(chip_key="checks-only"))
    with pytest.raises(PersonalizationError, match="mode X: it does not make cryptograms"):
        chips.read(bank.asks(), bank.card, "251125", bytes(4))
    assert bank.takes(bank.chip()).de39 == "00"


def test_no_record_of_a_bank_has_what_a_card_carries() -> None:
    bank = Bank()
    asked = bank.chip()
    bank.takes(asked)
    kept = repr(bank.ledger.fresh)
    assert bank.card.pan not in kept
    assert chip_tags(asked)["9F26"].hex().upper() not in kept
    assert bank.card.icvv not in (entry.reason for entry in bank.ledger.fresh)
