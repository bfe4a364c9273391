"""Whose card it is, and where that sends it."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.config import load_network
from switch.core.network import BinRange, Network
from switch.core.routing.decision import Decision
from switch.core.routing.routing import Router
from switch.wire.pans import luhn_digit, luhn_valid

MOROCCO = load_network("morocco")
ROUTER = Router(MOROCCO)


def card(prefix: str, length: int = 16) -> str:
    body = prefix.ljust(length - 1, "0")
    return body + luhn_digit(body)


CMI = card("950401")
HOME_VISA = card("45504102")
FRENCH_VISA = card("4970")
FOREIGN_MASTERCARD = card("2720")


def route(
    pan: str, source: str = "member", source_host: str = "", acquirer: str = "504", merchant: str = "MA"
) -> Decision:
    return ROUTER.route(
        pan, source=source, source_host=source_host, acquirer_country=acquirer, merchant_country=merchant
    )


def test_a_domestic_card_goes_to_its_bank() -> None:
    decision = route(CMI)
    assert (decision.host, decision.route, decision.de39, decision.refused) == ("atlas", "domestic", "", False)


def test_a_banks_visa_card_stays_in_the_country() -> None:
    assert (route(HOME_VISA).host, route(HOME_VISA).route) == ("rif", "domestic")


def test_a_foreign_card_goes_to_its_schemes_network() -> None:
    assert (route(FRENCH_VISA).host, route(FRENCH_VISA).route) == ("visa", "visa")
    assert (route(FOREIGN_MASTERCARD).host, route(FOREIGN_MASTERCARD).route) == ("mastercard", "mastercard")


def test_a_banks_visa_card_used_abroad_comes_home() -> None:
    decision = route(HOME_VISA, "network", "visa", "250", "FR")
    assert (decision.host, decision.de39) == ("rif", "")


def test_a_card_of_no_range_has_no_issuer() -> None:
    decision = route(card("99"))
    assert (decision.host, decision.route, decision.de39) == ("", "refused", "15")


@pytest.mark.parametrize("pan", ["", "4", "95040100000", CMI[:-1] + "2", "9504O10000000001", "9" * 20, "٤" * 16])
def test_what_is_no_card_number_is_refused_as_such(pan: str) -> None:
    assert route(pan).de39 == "14"


@pytest.mark.parametrize(
    ("source", "host", "acquirer", "merchant", "why"),
    [
        ("network", "visa", "504", "MA", "came from a card network"),
        ("member", "", "250", "MA", "the acquirer's country (DE19) is 250"),
        ("member", "", "504", "FR", "the merchant's country (end of DE43) is FR"),
    ],
)
def test_a_domestic_card_is_for_use_at_home_and_the_log_says_why(
    source: str, host: str, acquirer: str, merchant: str, why: str
) -> None:
    decision = route(CMI, source, host, acquirer, merchant)
    assert (decision.de39, decision.route, decision.host) == ("57", "refused", "")
    assert why in decision.rule


@pytest.mark.parametrize("merchant", ["", "MA", "  ", "00", "M ", "ma"])
def test_what_is_no_country_at_the_end_of_de43_refuses_nothing(merchant: str) -> None:
    assert route(CMI, merchant=merchant).host == "atlas"


def test_an_acquirer_that_sends_no_country_is_taken_to_be_at_home() -> None:
    assert route(CMI, acquirer="").host == "atlas"


def test_a_foreign_card_from_a_network_is_not_sent_back_to_one() -> None:
    decision = route(FRENCH_VISA, "network", "mastercard", "250", "FR")
    assert (decision.de39, decision.host) == ("92", "")
    assert decision.rule.endswith("the network mastercard")


def test_a_rule_names_the_line_of_the_network_file() -> None:
    decision = route(CMI)
    assert decision.bin is not None
    assert decision.rule.startswith(f"{MOROCCO.source}:{decision.bin.line}: cmi cards 950401 ")


def test_of_nested_ranges_the_longest_wins() -> None:
    inside, outside = ROUTER.lookup(card("95040195")), ROUTER.lookup(card("95040189"))
    assert inside is not None
    assert outside is not None
    assert (inside.product, outside.product) == ("prepaid", "debit")


@pytest.mark.parametrize("length", [12, 13, 16, 18, 19])
def test_a_pan_of_any_length_finds_its_range(length: int) -> None:
    found = ROUTER.lookup(card("4970", length))
    assert found is not None
    assert found.low == "4970"


@given(st.text("0123456789", min_size=11, max_size=18))
def test_one_check_digit_of_ten_is_right(body: str) -> None:
    right = [digit for digit in "0123456789" if luhn_valid(body + digit)]
    assert right == [luhn_digit(body)]


@given(st.text("0123456789", min_size=11, max_size=18), st.integers(0, 18), st.integers(1, 9))
def test_a_mistyped_digit_is_noticed(body: str, at: int, by: int) -> None:
    pan = body + luhn_digit(body)
    at %= len(pan)
    assert not luhn_valid(pan[:at] + str((int(pan[at]) + by) % 10) + pan[at + 1 :])


@st.composite
def ranges(draw: st.DrawFn) -> tuple[BinRange, ...]:
    """Few digits in use, so that ranges nest, overlap and repeat."""
    found = []
    for line in range(draw(st.integers(0, 12))):
        length = draw(st.sampled_from([1, 2, 2, 3, 3, 4, 12]))
        ends = sorted(draw(st.lists(st.text("0129", min_size=length, max_size=length), min_size=2, max_size=2)))
        low, high = ends if draw(st.booleans()) else (ends[0], ends[0])
        found.append(
            BinRange(
                low=low, high=high, scheme="visa", issuer="", country="840", currency="840", product="x", line=line
            )
        )
    return tuple(found)


def longest_prefix(bins: tuple[BinRange, ...], pan: str) -> BinRange | None:
    """The plain reading of the rule: of all ranges that hold the PAN's first digits, the longest; of equals the first."""
    holding = [b for b in bins if b.low <= pan[: len(b.low)] <= b.high]
    return max(holding, key=lambda b: len(b.low), default=None)


def network_with(bins: tuple[BinRange, ...]) -> Network:
    return msgspec.structs.replace(MOROCCO, bins=bins)


@given(ranges(), st.lists(st.text("01289", min_size=12, max_size=19), max_size=20))
def test_a_lookup_finds_what_a_scan_of_the_table_finds(bins: tuple[BinRange, ...], pans: list[str]) -> None:
    router = Router(network_with(bins))
    edges = [end.ljust(16, fill) for b in bins for end in (b.low, b.high) for fill in "09"]
    for pan in [*pans, *edges]:
        assert router.lookup(pan) == longest_prefix(bins, pan)


@pytest.mark.parametrize("pan", ["", "49", "x" * 16, "９" * 16])
def test_what_is_no_pan_is_in_no_range(pan: str) -> None:
    assert ROUTER.lookup(pan) is None
