"""Classic terminals as others have built them: each test has the mind of one, and the issuer's side and the journal judge.

The minds are those of terminals' public source code, and of public lists of what hosts take: MTI, DE3 and elements of each
message.
"""

import pytest

from switch.wire.vocabulary import Document
from tests.core.tills import Shop


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize(
    ("de3", "answered", "event"),
    [
        ("", "00", ""),
        ("000000", "00", ""),
        ("990000", "00", ""),
        ("920000", "00", "terminal.asked_keys"),
        ("930000", "40", "terminal.refused"),
        ("940000", "40", "terminal.refused"),
        ("950000", "40", "terminal.refused"),
        ("960000", "40", "terminal.refused"),
        ("970000", "40", "terminal.refused"),
        ("510000", "40", "terminal.refused"),
    ],
)
def test_what_an_0800_asks_by_de3_is_answered_or_refused_by_name(
    shop: Shop, de3: str, answered: str, event: str
) -> None:
    """A terminal that is told 00 loads what is not there."""
    asked: Document = {"t": "0800", "3": de3, "11": "000001", "24": "003"}
    heard = shop.till.asks({de: value for de, value in asked.items() if value})
    assert (heard["t"], heard["39"]) == ("0810", answered)
    for name in ("terminal.asked_keys", "terminal.refused"):
        assert [line.fields["de3"] for line in shop.book.logged(name)] == ([de3[:2]] if name == event else [])
