"""The quick look at a clear block of format 0 says what reading it says, of blocks that hold a PIN and of any others."""

from contextlib import suppress

from hypothesis import example, given
from hypothesis import strategies as st

from switch.security.pin_blocks import PinBlockError, clear_block, read_clear, tdes_cipher, translate

KEY, OTHER = tdes_cipher(bytes(range(16))), tdes_cipher(bytes(range(16, 32)))
PANS = st.text("0123456789", max_size=19) | st.sampled_from(
    ["", "1", "47617390010101a9", "４７６１７３９００１０１０１１９"]
)
ANY = st.binary(min_size=8, max_size=8)


@st.composite
def nearly(draw: st.DrawFn) -> tuple[str, bytes]:
    """A good block with a half byte of it changed, perhaps."""
    pan = draw(st.text("0123456789", min_size=2, max_size=19))
    block = clear_block(0, draw(st.text("0123456789", min_size=4, max_size=12)), pan)
    changed = draw(st.sampled_from([0, *(1 << bit for bit in range(64))]))
    return pan, (int.from_bytes(block, "big") ^ changed).to_bytes(8, "big")


def outcome(pan: str, clear: bytes) -> str:
    with suppress(PinBlockError):
        return OTHER.decrypt(translate(KEY, 0, KEY.encrypt(clear), pan, OTHER, 0, b"")).hex()
    return "refused"


@given(nearly() | st.tuples(PANS, ANY))
@example(("", bytes(8)))
def test_a_block_is_passed_on_where_it_can_be_read_and_only_there(made: tuple[str, bytes]) -> None:
    pan, clear = made
    read = ""
    with suppress(PinBlockError):
        read = read_clear(0, clear, pan)
    assert outcome(pan, clear) == (clear.hex() if read else "refused")
