"""Where a MAC stands, in dialects whose bitmaps are one, two, or always two."""

import pytest

from switch.wire import Dialect
from switch.wire.mac_place import MacPlace
from switch.wire.vocabulary import Document
from tests.wire.samples import changed

MAC = bytes(range(1, 9))


@pytest.mark.parametrize("bitmaps", ["as needed", "both"])
@pytest.mark.parametrize(
    "document", [{"t": "0200", "11": "000001"}, {"t": "0800", "11": "000001", "70": "301"}], ids=["64", "128"]
)
def test_a_mac_that_was_put_is_found(document: Document, bitmaps: str) -> None:
    dialect = changed("cmi87", {"bitmaps": bitmaps})
    place = MacPlace(dialect)
    message = place.put(dialect.encode(place.reserve(document)), MAC)
    assert place.find(message) == (place.covered(message), MAC)
    assert dialect.decode(message)["128" if "70" in document else "64"] == MAC.hex().upper()


def test_a_header_of_an_odd_number_of_half_bytes_is_whole_bytes_on_the_wire() -> None:
    raw = Dialect.load("cmi87b")
    header = {
        "data_enc": "b",
        "len_enc": "b",
        "len_type": 0,
        "max_len": 5,
        "len_count": "nibbles",
        "left_pad": "0",
        "desc": "Header",
    }
    dialect = Dialect.from_spec({"dialect": {"name": "odd"}, **raw.spec, "h": header})
    place = MacPlace(dialect)
    message = place.put(dialect.encode(place.reserve({"h": "12345", "t": "0200", "11": "000001"})), MAC)
    assert place.find(message) == (message[3:-8], MAC)
