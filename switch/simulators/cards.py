"""The demo's test cards, made from the BIN table: the same network file gives the same cards, to the digit.

They are for testing only: PAN, CVV2 and PIN are shown in full by `cmi-switch cards`, and belong to no one. CVV2 is what the card
schemes' algorithm makes of PAN and expiry with `TEST_CVK`, which is the key of every textbook and protects nothing; the expiry
goes in as each scheme has it. A PIN is a hash of the PAN.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

from switch.core.network import DOMESTIC_SCHEME, SCHEMES, BinRange, Network
from switch.security.card_values import CVV2_SERVICE_CODE, CardValues, printed_expiry
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import ACTION_CODES, RESPONSE_CODES, Answer, Processing

PLAIN_PER_BANK = 40
"""cards for load: ordinary ones, each with money for a long time"""
PLAIN_PER_FOREIGN_RANGE = 4
PLENTY = 100_000_000_00
"""minor units: a balance that lasts"""
SHOWCASE_BALANCE = 50_000_00
TEST_CVK: Final = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
"""what CVV2 of these cards are made with, here and at their simulated issuers"""
EXPIRY: Final = "3112"
"""of all that are to be taken, and of load"""
EXPIRED: Final = "2401"
NUMBER: Final = "#"
"""in the name of a card that is one of a population, before its number"""
SILENT, LATE, SLOW = "silent", "late", "slow"


class TestCard(msgspec.Struct, frozen=True, kw_only=True):
    """One card and the account behind it."""

    __test__ = False  # a card, not a test case

    name: str
    """short, unique: `atlas-51`, `fr-visa`; what `cmi-switch pay --card` takes"""
    pan: str
    expiry: str
    """YYMM, as in DE14"""
    cvv2: str
    pin: str
    cvv: str = "000"
    """of its stripe; 000: its issuer checks none"""
    icvv: str = "000"
    """of its chip, likewise"""
    chip: bool = False
    """True: its issuer checks cryptograms, so that a load, which makes none, reads its stripe"""
    issuer: str
    """member name, or the scheme of a foreign card"""
    scheme: str
    """`cmi`, `visa` or `mastercard`"""
    product: str
    country: str
    """of the issuer, ISO 3166 numeric"""
    currency: str
    """of the account, ISO 4217 numeric"""
    balance: int
    """minor units of `currency`"""
    per_transaction: int = 0
    """limit in minor units; 0: none"""
    per_day: int = 0
    status: str = "active"
    """`active`, `lost`, `stolen`, `restricted` or `refused`"""
    forbidden: tuple[str, ...] = ()
    """transaction types (first two digits of DE3) that its product does not allow"""
    on_file: bool = True
    """False: the number is well formed, the issuer does not know it"""
    fault: str = ""
    """`silent`, `late` or `slow`: how the issuer's host treats requests for this card"""
    shows: str = ""
    """what it is there to show; "" for a plain card"""
    de39: str = Answer.APPROVED
    """the answer it is there to show"""

    @property
    def plain(self) -> bool:
        """True for an ordinary card, made for load."""
        return not self.shows


def printed_value(values: CardValues, pan: str, expiry: str, scheme: str, digits: int = 3) -> str:
    """The CVV2, CVC2 or CID of a card: three digits, or four. Mastercard's takes the expiry as MMYY."""
    return values.value(pan, printed_expiry(expiry, scheme), CVV2_SERVICE_CODE, digits)


def grouped(pan: str) -> str:
    """`9504 0100 0009 0010`, as embossed."""
    return " ".join(pan[i : i + 4] for i in range(0, len(pan), 4))


def _pin(pan: str) -> str:
    return f"{int.from_bytes(hashlib.sha256(f'pin {pan}'.encode()).digest()[:8], 'big') % 10_000:04d}"


class _Scenario(msgspec.Struct, frozen=True):
    """What one showcase card is like."""

    name: str
    shows: str
    de39: str
    settings: dict[str, object]


SCENARIOS = (
    _Scenario("approved", "an ordinary approval; abroad 57, it is domestic only", Answer.APPROVED, {}),
    _Scenario("51", "not sufficient funds: the account holds 10.00", Answer.INSUFFICIENT_FUNDS, {"balance": 10_00}),
    _Scenario("54", "expired card", Answer.EXPIRED, {"expiry": EXPIRED}),
    _Scenario("57", "cash is not permitted on this card; purchases are", Answer.NOT_PERMITTED_CARDHOLDER,
              {"forbidden": (Processing.CASH, Processing.CASH_BACK), "product": "prepaid"}),
    _Scenario("61", "above 500.00 it exceeds its limit per transaction", Answer.EXCEEDS_AMOUNT,
              {"per_transaction": 500_00}),
    _Scenario("61-day", "above 1000.00 a day it exceeds its daily limit", Answer.EXCEEDS_AMOUNT, {"per_day": 1_000_00}),
    _Scenario("62", "restricted card", Answer.RESTRICTED, {"status": "restricted"}),
    _Scenario("05", "the issuer does not honour it, and does not say why", Answer.DO_NOT_HONOUR, {"status": "refused"}),
    _Scenario("14", "a well-formed number that the issuer does not know", Answer.INVALID_CARD, {"on_file": False}),
    _Scenario("41", "lost card", Answer.LOST, {"status": "lost"}),
    _Scenario("43", "stolen card", Answer.STOLEN, {"status": "stolen"}),
    _Scenario("n7", "on the web with another CVV2 than its own: N7; with its own: approved", Answer.CVV2_FAILURE, {}),
    _Scenario("silent", "the issuer never answers: 91 at the switch's deadline, then a reversal",
              Answer.ISSUER_INOPERATIVE, {"fault": SILENT}),
    _Scenario("late", "the issuer approves after the switch has given up: 91, a late answer in the log, a reversal",
              Answer.ISSUER_INOPERATIVE, {"fault": LATE}),
    _Scenario("slow", "the issuer takes two seconds to approve", Answer.APPROVED, {"fault": SLOW}),
)  # fmt: skip
"""One card each, a bank, in its first domestic range."""

FOREIGN_SCENARIOS = (
    _Scenario("approved", "a foreign card in Morocco: approved by its scheme's network, with conversion", "00", {}),
    _Scenario("51", "not sufficient funds at a foreign issuer", Answer.INSUFFICIENT_FUNDS, {"balance": 1_00}),
)

_COUNTRIES = {"250": "fr", "724": "es", "840": "us", "826": "gb"}


def country_tag(numeric: str) -> str:
    """Two letters for a country the demo knows, else its number."""
    return _COUNTRIES.get(numeric, numeric)


class _Mint:
    """Makes cards of one range, and sees to it that each belongs to that range and no longer one."""

    def __init__(self, bins: tuple[BinRange, ...]) -> None:
        self._bins = bins
        self._values = CardValues(TEST_CVK)

    def owner(self, pan: str) -> BinRange | None:
        """The longest range that holds `pan`, as the switch routes it."""
        found = None
        for bin_range in self._bins:
            if bin_range.low <= pan[: len(bin_range.low)] <= bin_range.high and (
                found is None or len(bin_range.low) > len(found.low)
            ):
                found = bin_range
        return found

    def card(self, bin_range: BinRange, number: int, name: str, scenario: _Scenario | None = None) -> TestCard | None:
        """Card `number` of a range; None where another, longer range owns that number."""
        size = bin_range.digits - 1
        body = f"{bin_range.low}{number:0{size - len(bin_range.low)}d}"[:size]
        pan = body + luhn_digit(body)
        if self.owner(pan) is not bin_range:
            return None
        settings: dict[str, object] = {
            "expiry": EXPIRY,
            "product": bin_range.product,
            "balance": PLENTY,
        }
        if scenario is not None:
            settings |= {
                "shows": scenario.shows,
                "de39": scenario.de39,
                "balance": SHOWCASE_BALANCE,
            } | scenario.settings
        cvv2 = printed_value(self._values, pan, str(settings["expiry"]), bin_range.scheme, bin_range.value_digits)
        settings |= {
            "name": name, "pan": pan, "pin": _pin(pan), "cvv2": cvv2,
            "issuer": bin_range.issuer or bin_range.scheme, "scheme": bin_range.scheme, "country": bin_range.country,
            "currency": bin_range.currency,
        }  # fmt: skip
        return msgspec.convert(settings, TestCard)


class Population:
    """Plain cards of one range, by number from 0 on: none is kept, each is made again as it is asked for."""

    def __init__(self, network: Network, bin_range: BinRange, count: int) -> None:
        """ValueError: the range has no room for so many."""
        self._mint, self._range, self._count = _Mint(network.bins), bin_range, count
        room = 10 ** (bin_range.digits - 1 - len(bin_range.low))
        if count > room or bin_range.low != bin_range.high:
            raise ValueError(f"range {bin_range.low} has no room for {count:,} cards")

    def number(self, pan: str) -> int | None:
        """The number of the card with this PAN; None: it is none of them."""
        low, size = self._range.low, self._range.digits
        if len(pan) != size or not pan.startswith(low) or not pan.isdecimal() or luhn_digit(pan[:-1]) != pan[-1]:
            return None
        number = int(pan[len(low) : -1])
        return number if number < self._count and self._mint.owner(pan) is self._range else None

    def card(self, number: int) -> TestCard:
        """The card with this number. KeyError: there is none."""
        name = f"{self._range.issuer}{NUMBER}{number}"
        card = self._mint.card(self._range, number, name) if 0 <= number < self._count else None
        if card is None:
            raise KeyError(name)
        return card

    def named(self, name: str) -> int:
        """The number of the card that is on file under this name. KeyError: it is none of them."""
        issuer, _, number = name.partition(NUMBER)
        if issuer != self._range.issuer or not number.isdecimal():
            raise KeyError(name)
        return int(number)


def population_of(network: Network, member: str, count: int) -> Population:
    """So many cards of a bank, in its first domestic range. ValueError: it has none, or no room in it."""
    for bin_range in network.bins:
        if bin_range.issuer == member and bin_range.scheme == DOMESTIC_SCHEME:
            return Population(network, bin_range, count)
    raise ValueError(f"{member} has no range of {DOMESTIC_SCHEME} cards in {network.source}")


def _as_heard(scenario: _Scenario, dialect: str) -> _Scenario:
    """The scenario as an acquirer sees it: ISO 8583:1993 has fewer answers, so that N7 comes back as 63."""
    if dialect != "iso93":
        return scenario
    heard = RESPONSE_CODES.get(ACTION_CODES[scenario.de39], scenario.de39)
    if heard == scenario.de39:
        return scenario
    shows = scenario.shows.replace(scenario.de39, f"{heard} (as ISO 8583:1993 says {scenario.de39})")
    return msgspec.structs.replace(scenario, de39=heard, shows=shows)


def demo_cards(network: Network) -> tuple[TestCard, ...]:
    """All test cards of a network: per bank, its plain cards over all its ranges and one showcase per scenario; per
    foreign range of one issuer (four digits or more), some plain ones and its showcases. In the order of the BIN table.
    """
    mint = _Mint(network.bins)
    cards: list[TestCard | None] = []
    for member in network.members:
        ranges = [b for b in network.bins if b.issuer == member.name]
        domestic = next((b for b in ranges if b.scheme == DOMESTIC_SCHEME), ranges[0] if ranges else None)
        if domestic is None:
            continue
        dialect = next((h.dialect for h in network.hosts if h.member == member.name), "")
        for i, scenario in enumerate(SCENARIOS):
            heard = _as_heard(scenario, dialect)
            cards.append(mint.card(domestic, 9001 + i, f"{member.name}-{scenario.name}", heard))
        for scheme in dict.fromkeys((*SCHEMES[1:], *(h.scheme for h in network.hosts if h.scheme))):
            own = next((b for b in ranges if b.scheme == scheme), None)
            if own is not None:
                shown = _Scenario(
                    "approved", f"a Moroccan bank's {scheme} card: domestic at home, works abroad", "00", {}
                )
                cards.append(mint.card(own, 9001, f"{member.name}-{scheme}", shown))
        for i in range(PLAIN_PER_BANK):
            bin_range = ranges[i % len(ranges)]
            cards.append(mint.card(bin_range, 1 + i, f"{member.name}-{bin_range.scheme}-{i + 1:02d}"))
    seen: dict[str, int] = {}
    for bin_range in network.bins:
        catch_all = len(bin_range.low) < 4 or bin_range.low != bin_range.high
        if bin_range.issuer or catch_all or bin_range.country == network.country:
            continue
        tag = f"{country_tag(bin_range.country)}-{bin_range.scheme}"
        seen[tag] = seen.get(tag, 0) + 1
        if seen[tag] > 1:
            tag = f"{tag}{seen[tag]}"
        for i, s in enumerate(FOREIGN_SCENARIOS):
            cards.append(mint.card(bin_range, 9001 + i, tag if s.name == "approved" else f"{tag}-{s.name}", s))
        cards += [mint.card(bin_range, 1 + i, f"{tag}-{i + 1:02d}") for i in range(PLAIN_PER_FOREIGN_RANGE)]
    return tuple(c for c in cards if c is not None)


def find_card(cards: Iterable[TestCard], wanted: str) -> TestCard | None:
    """The card with this PAN, name, or place (1, 2, 3 …) among the showcases; None if there is none.

    A scenario's name alone (`51`, `silent`) finds the first card that shows it. Names come before places.
    """
    cards = list(cards)
    digits = wanted.replace(" ", "")
    for card in cards:
        if wanted.lower() in (card.name, card.pan) or digits == card.pan:
            return card
    for card in cards:
        if card.shows and card.name.endswith(f"-{wanted.lower()}"):
            return card
    shown = [c for c in cards if c.shows]
    if digits.isdecimal() and len(digits) < 4 and 1 <= int(digits) <= len(shown):
        return shown[int(digits) - 1]
    return None
