"""PINs at a simulated issuer: right, wrong, tried too often; and that a host that is killed forgets no try."""

from collections.abc import Sequence
from zlib import crc32

import pytest

from switch.core.network import LinkKeys, PinRules
from switch.security.commands import Command, EncryptPin, PinReference, Reply, VerifyPin
from switch.security.key_blocks import Header, KeyBlock
from switch.security.module import ClearKeys, SecurityModule, SoftwareModule
from switch.security.simulated import SimulatedModule, counted
from switch.simulators.accounts import Ledger
from switch.simulators.cards import TestCard, demo_cards
from switch.simulators.clock import Calendar
from switch.simulators.messages import Place, request
from switch.simulators.pins import PinDesk
from switch.simulators.rules import Verdict
from tests.core.scripts import morocco

PLACE = Place(
    institution="504102",
    terminal="102A0001",
    merchant="504102000001",
    title="SHOP",
    city="FES",
    country="504",
    country_alpha="MA",
    currency="504",
)
CALENDAR = Calendar()


def key(name: str, usage: str, mode: str) -> KeyBlock:
    return KeyBlock(Header(version="D", usage=usage, algorithm="T", mode=mode), counted(crc32(name.encode()))(16))


KEYS = ClearKeys({"zpk": key("zpk", "P0", "B"), "pvk": key("pvk", "V2", "C"), "ibm": key("ibm", "V1", "C")})
ATLAS = tuple(card for card in demo_cards(morocco()) if card.issuer == "atlas")
CARD = next(card for card in ATLAS if card.name == "atlas-approved")


class Bank:
    def __init__(self, module: SecurityModule, pvv_key: str = "pvk", rules: PinRules = PinRules()) -> None:  # noqa: B008
        self.module = module
        self.ledger = Ledger("atlas", ATLAS)
        self.ledger.pins = PinDesk(module, LinkKeys(pin_key="zpk"), pvv_key, None, rules)
        self._stan = 0

    def pays(self, pin: str, card: TestCard = CARD, block: str = "") -> Verdict:
        self._stan += 1
        at = CALENDAR.at(1_764_072_000_000_000_000 + self._stan * 1_000_000_000)
        stan = f"{self._stan:06d}"
        document = request("purchase", card, 100, PLACE, at, stan, at.rrn_prefix + stan)
        if pin or block:
            (reply,) = self.module.ask([EncryptPin("zpk", pin or "0000", card.pan)])
            document["52"] = block or reply.value.hex().upper()
        return self.ledger.authorize(document, at)

    def again(self) -> "Bank":
        """The same bank after it was killed: what it knows is the fold of its records."""
        other = Bank(self.module)
        other._stan = self._stan
        for entry in self.ledger.fresh:
            other.ledger.holdings.apply(entry)
        other.ledger.fresh = list(self.ledger.fresh)
        return other


@pytest.fixture(params=["software", "simulated"])
def module(request: pytest.FixtureRequest) -> SecurityModule:
    return SoftwareModule(KEYS, counted(1)) if request.param == "software" else SimulatedModule.of(KEYS, 1)


def wrong(card: TestCard = CARD) -> str:
    return f"{(int(card.pin) + 1) % 10_000:04d}"


@pytest.mark.parametrize("pvv_key", ["pvk", "ibm"])
def test_a_right_pin_pays_and_a_wrong_one_does_not(module: SecurityModule, pvv_key: str) -> None:
    bank = Bank(module, pvv_key)
    assert [bank.pays(pin).de39 for pin in (CARD.pin, wrong(), CARD.pin, CARD.pin + "1", "")] == [
        "00",
        "55",
        "00",
        "55",
        "00",
    ]


@pytest.mark.parametrize(
    ("pvv_key", "rules"),
    [
        ("pvk", PinRules(pvki="4")),
        ("ibm", PinRules(decimalization_table="9876543210987654")),
        ("ibm", PinRules(validation_data="4000N")),
        ("ibm", PinRules(validation_data="1234567890123456")),
    ],
)
def test_pins_are_verified_as_the_network_file_says(pvv_key: str, rules: PinRules) -> None:
    """A value made in one way is no good in the other: told by what is kept of the card."""
    kept = []
    for way in (rules, PinRules()):
        asked: list[PinReference] = []

        class Hears(SoftwareModule):
            def ask(self, commands: Sequence[Command]) -> list[Reply]:
                """See SecurityModule."""
                asked.extend(command.reference for command in commands if isinstance(command, VerifyPin))  # noqa: B023
                return super().ask(commands)

        bank = Bank(Hears(KEYS, counted(1)), pvv_key, way)
        assert [bank.pays(pin).de39 for pin in (CARD.pin, wrong(), CARD.pin)] == ["00", "55", "00"]
        kept.append(asked[0].value)
    assert kept[0] != kept[1]


def test_three_wrong_pins_are_the_last_even_where_the_next_is_right(module: SecurityModule) -> None:
    bank = Bank(module)
    assert [bank.pays(pin).de39 for pin in (wrong(), wrong(), wrong(), CARD.pin, wrong())] == [
        "55",
        "55",
        "55",
        "75",
        "75",
    ]
    other = next(card for card in ATLAS if card.name == "atlas-cmi-01")
    assert bank.pays(other.pin, other).de39 == "00", "another card's tries are its own"


def test_a_right_pin_begins_anew(module: SecurityModule) -> None:
    bank = Bank(module)
    pins = (wrong(), wrong(), CARD.pin, wrong(), wrong(), CARD.pin)
    assert [bank.pays(pin).de39 for pin in pins] == ["55", "55", "00", "55", "55", "00"]


def test_a_bank_that_is_killed_between_tries_forgets_none(module: SecurityModule) -> None:
    bank = Bank(module)
    for _ in range(3):
        assert bank.pays(wrong()).de39 == "55"
        bank = bank.again()
    assert bank.again().pays(CARD.pin).de39 == "75"


def test_no_record_of_a_bank_has_a_pin_or_a_block(module: SecurityModule) -> None:
    bank = Bank(module)
    bank.pays(CARD.pin)
    bank.pays(wrong())
    (block,) = module.ask([EncryptPin("zpk", CARD.pin, CARD.pan)])
    assert block.value.hex().upper() not in repr(bank.ledger.fresh)
    assert [entry.pin for entry in bank.ledger.fresh if entry.pin] == [bank.ledger.fresh[1].pin]


def test_a_broken_block_is_no_try(module: SecurityModule) -> None:
    bank = Bank(module)
    for block in ("0123456789ABCDEF", "no hex", "00"):
        verdict = bank.pays("", block=block)
        assert (verdict.de39, "its PIN cannot be verified" in verdict.reason) == ("96", True)
    assert bank.ledger.accounts[CARD.pan].pin_tries == 0


def test_a_card_that_is_refused_for_itself_is_asked_for_no_pin(module: SecurityModule) -> None:
    bank = Bank(module)
    lost = next(card for card in ATLAS if card.name == "atlas-41")
    assert bank.pays(wrong(lost), lost).de39 == "41"
    assert bank.ledger.accounts[lost.pan].pin_tries == 0


def test_a_bank_without_a_key_for_it_takes_any_pin(module: SecurityModule) -> None:
    assert Bank(module, "").pays(wrong()).de39 == "00"


def test_a_bank_whose_key_is_another_says_so(module: SecurityModule) -> None:
    verdict = Bank(module, "zpk").pays(CARD.pin)
    assert (verdict.de39, "PIN encryption key" in verdict.reason) == ("96", True)
