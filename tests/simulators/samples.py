"""Cards, moments and messages for tests of hosts."""

from msgspec.structs import replace

from switch.security.card_values import CVV2_SERVICE_CODE, card_value
from switch.simulators.cards import TEST_CVK, TestCard
from switch.simulators.clock import Calendar, Moment
from switch.simulators.messages import Place, Web, request
from switch.wire.vocabulary import Document
from tests.simulators.world import EPOCH_NS

PAN = "9504010000000019"
CVV2 = card_value(TEST_CVK, PAN, "3112", CVV2_SERVICE_CODE)
CARD = TestCard(
    name="sample", pan=PAN, expiry="3112", cvv2=CVV2, pin="1234", issuer="atlas", scheme="cmi",
    product="debit", country="504", currency="504", balance=1_000_00,
)  # fmt: skip
PLACE = Place(
    institution="504102", terminal="102A0001", merchant="504102000001", title="EPICERIE", city="RABAT", country="504",
    country_alpha="MA", currency="504",
)  # fmt: skip


def at(seconds: int = 0) -> Moment:
    return Calendar().at(EPOCH_NS + seconds * 1_000_000_000)


def pay(
    kind: str = "purchase", amount: int = 100_00, number: int = 1, *, card: TestCard = CARD, web: Web | None = None,
    when: Moment | None = None, **changes: str,
) -> Document:  # fmt: skip
    """A request; `number` makes its STAN and RRN; changes as `de49="978"`, an empty value removes."""
    stan = f"{number:06d}"
    when = when or at()
    document = request(kind, card, amount, PLACE, when, stan, when.rrn_prefix + stan, web)
    document.update({name.removeprefix("de"): value for name, value in changes.items()})
    return {de: value for de, value in document.items() if value}


def card(**changes: object) -> TestCard:
    return replace(CARD, **changes)
