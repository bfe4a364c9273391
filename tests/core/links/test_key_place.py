"""Where messages have new keys, in the dialects that say so."""

import pytest

from switch.core.links.key_place import MAC, KeyPlace, KeyWord
from switch.wire import Dialect


@pytest.mark.parametrize(
    "data", ["00112233445566778899AABBCCDDEEFF" * 2, "D0112M3TC00E0000ABCDEF", "41" * 16, "41" * 24]
)
def test_a_key_in_an_element_of_bytes_is_its_own_bytes_or_its_blocks_characters(data: str) -> None:
    """ISO 8583:1993 has DE96 in bytes: of a bare key those that are encrypted, not the characters of their digits."""
    place = KeyPlace(Dialect.load("iso93"))
    said = place.compose(KeyWord(MAC, "01", "ABCDEF", data))
    assert len(said["96"]) == (len(data) if len(data) in (32, 48) else 2 * len(data))
    assert place.read(said) == KeyWord(MAC, "01", "ABCDEF", data)
