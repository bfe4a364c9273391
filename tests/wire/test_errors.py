"""What a wrong message or document is told: which field, which byte, what was expected, what was found; and no secrets."""

import pytest

from switch.wire import DecodeError, Dialect, Document, EncodeError
from tests.wire.samples import purchase

CMI87, CMI87B, VISA, MASTERCARD = (Dialect.load(name) for name in ("cmi87", "cmi87b", "visa", "mastercard"))
H = bytes.fromhex("6000030000")
H22 = bytes(22)


def bits(*numbers: int) -> int:
    return sum(1 << (64 - n) for n in numbers)


def text(*numbers: int) -> bytes:
    return f"{bits(*numbers):016X}".encode()


def raw(*numbers: int) -> bytes:
    return bits(*numbers).to_bytes(8, "big")


DECODE = [
    (CMI87, b"", "t", 0, "4 digits", "0 bytes before the message ends"),
    (CMI87, b"02", "t", 0, "4 digits", "2 bytes before the message ends"),
    (CMI87, b"02x0", "t", 2, "4 digits", '"02x0"'),
    (CMI87, b"02\xe90", "t", 2, "an ASCII character", "byte E9"),
    (CMI87, b"0200", "p", 4, "16 hex digits", "0 bytes before the message ends"),
    (CMI87, b"0200" + b"00G" + b"0" * 13, "p", 6, "16 hex digits", '"00G0…"'),
    (CMI87, b"0200" + b"00 0" + b"0" * 12, "p", 6, "16 hex digits", '"00 0…"'),
    (CMI87, b"0200" + text(1) + b"0" * 15, "1", 20, "16 hex digits", "15 bytes before the message ends"),
    (CMI87, b"0200" + text(1) + text(1), "1", 20, "no third bitmap", "bit 65 set"),
    (CMI87, b"0200" + text(), "p", 20, "the end of the message", None),
    (CMI87, b"0200" + text(3) + b"00000", "3", 20, "6 digits", "5 bytes before the message ends"),
    (CMI87, b"0200" + text(4) + b"00000001234x", "4", 31, "12 digits", '"00000001234x"'),
    (CMI87, b"0200" + text(2) + b"1", "2", 20, "2 bytes of length", "1 byte before the message ends"),
    (CMI87, b"0200" + text(2) + b"+5" + b"12345", "2", 20, "a length of 2 digits", '"+5"'),
    (CMI87, b"0200" + text(2) + b"20" + b"1" * 20, "2", 20, "a length up to 19", "20"),
    (CMI87, b"0200" + text(2) + b"19" + b"1" * 18, "2", 22, "19 digits", "18 bytes before the message ends"),
    (CMI87, b"0200" + text(2) + b"1650473912345678x0", "2", 36, "digits", '"504739******78x0"'),
    (CMI87, b"0200" + text(35) + b"055047?", "35", 26, "track data (digits, = or D)", '"?" (the rest is not shown)'),
    (CMI87, b"0200" + text(28) + b"X00000000", "28", 20, "a sign (C or D) and digits", '"X00000000"'),
    (CMI87, b"0200" + text(55) + b"0049F2G", "55", 26, "hex digits", '"G" (the rest is not shown)'),
    (CMI87, b"0200" + text(55) + b"0039F2", "55", 23, "an even number of hex digits", "3"),
    (CMI87, b"0200" + text(41) + b"TERM\r001x", "41", 28, "the end of the message", "1 byte more"),
    (CMI87, b"0200" + text(3) + b"00\n000", "3", 22, "6 digits", r'"00\n000"'),
    (CMI87B, b"\x60\x00", "h", 0, "10 digits", "2 bytes before the message ends"),
    (CMI87B, H + b"\x02\x0a", "t", 6, "4 digits", '"020A"'),
    (CMI87B, H + b"\x02\x00" + raw(3) + b"\x00\xa0\x00", "3", 16, "6 digits", '"00A000"'),
    (CMI87B, H + b"\x02\x00" + raw(2) + b"\x1a", "2", 15, "a length of 2 digits", '"1A"'),
    (CMI87B, H + b"\x02\x00" + raw(2) + b"\x03\x11\x23", "2", 16, '"0" to fill half a byte', '"1"'),
    (CMI87B, H + b"\x02\x00" + raw(19) + b"\x15\x04", "19", 15, '"0" to fill half a byte', '"1"'),
    (CMI87B, H + b"\x02\x00" + raw(35) + b"\x03\x12\x30", "35", 17, '"F" to fill half a byte', '"0"'),
    (VISA, H22 + b"\x02\x00" + raw(2) + b"\x14" + b"\x11" * 10, "2", 32, "a length up to 19", "20"),
    (VISA, H22 + b"\x02\x00" + raw(28) + b"\xc5" + bytes(4), "28", 32, "a sign (C or D) and digits", '"C500000000"'),
    (VISA, H22 + b"\x02\x00" + raw(60) + b"\x01\x0f", "60", 33, "digits", '"0F"'),
    (MASTERCARD, "02".encode("cp037") + b"02", "t", 2, "4 digits", None),
]


@pytest.mark.parametrize(("dialect", "data", "field", "offset", "expected", "found"), DECODE)
def test_bytes_that_are_no_message(
    dialect: Dialect, data: bytes, field: str, offset: int, expected: str, found: str | None
) -> None:
    if field == "p" and expected.startswith("the end"):
        data, found = data + b"!!", "2 bytes more"
    with pytest.raises(DecodeError) as caught:
        dialect.decode(data)
    error = caught.value
    assert (error.field, error.offset, error.expected) == (field, offset, expected)
    assert found is None or error.found == found
    assert error.dialect == dialect.name
    assert error.name == dialect.names[field]


ENCODE: list[tuple[Dialect, Document, str, int, str, str]] = [
    (CMI87, {}, "t", 0, "a value", "none"),
    (CMI87, {"t": "02000"}, "t", 0, "4 digits", "5"),
    (CMI87, {"t": "0200", "4": "1234"}, "4", 0, "12 digits", "4"),
    (CMI87, {"t": "0200", "4": "00000000123x"}, "4", 11, "12 digits", '"00000000123x"'),
    (CMI87, {"t": "0200", "3": "00000٣"}, "3", 5, "6 digits", '"00000٣"'),
    (CMI87, {"t": "0200", "2": "1" * 20}, "2", 0, "at most 19 digits", "20"),
    (CMI87, {"t": "0200", "43": "é" * 40}, "43", 0, "a character of ascii", "U+00E9"),
    (CMI87, {"t": "0200", "52": "0123456789ABCDE"}, "52", 15, "an even number of hex digits", "15"),
    (CMI87, {"t": "0200", "x": "1"}, "x", 0, "an element of cmi87", "key 'x'"),
    (CMI87, {"t": "0200", "65": "1"}, "65", 0, "an element of cmi87", "key '65'"),
    (CMI87, {"t": "0200", "02": "1"}, "02", 0, "an element of cmi87", "key '02'"),
    (CMI87, {"t": "0200", "3": 0}, "3", 0, "a str", "int"),  # type: ignore[dict-item]  # what a caller may well pass
    (CMI87B, {"t": "0200"}, "h", 0, "a value", "none"),
    (CMI87B, {"h": "6000030000", "t": "0200", "35": "5047=12"}, "35", 4, "hex digits", '"=" (the rest is not shown)'),
    (CMI87B, {"h": "6000030000", "t": "0200", "55": "9F2"}, "55", 3, "an even number of hex digits", "3"),
]


@pytest.mark.parametrize(("dialect", "document", "field", "offset", "expected", "found"), ENCODE)
def test_documents_that_are_no_message(
    dialect: Dialect, document: Document, field: str, offset: int, expected: str, found: str
) -> None:
    with pytest.raises(EncodeError) as caught:
        dialect.encode(document)
    error = caught.value
    assert (error.field, error.offset, error.expected, error.found) == (field, offset, expected, found)
    assert error.document == document


def test_what_is_no_message_at_all() -> None:
    with pytest.raises(EncodeError, match="cmi87 message at character 0: expected a dict of str, found list"):
        CMI87.encode([])  # type: ignore[arg-type]  # what a caller may well pass
    with pytest.raises(DecodeError, match="cmi87 message at byte 0: expected bytes, found str"):
        CMI87.decode("0200")  # type: ignore[arg-type]


def test_an_error_reads_as_one_line() -> None:
    with pytest.raises(DecodeError) as caught:
        CMI87.decode(b"0200" + text(3, 4) + b"000000" + b"00000001234x")
    assert str(caught.value) == (
        'cmi87 0200 DE4 (Amount, Transaction) at byte 37: expected 12 digits, found "00000001234x"'
    )
    assert caught.value.mti == "0200"
    assert caught.value.document == {"t": "0200", "p": "3000000000000000", "3": "000000"}


def test_an_element_the_dialect_lacks_is_named_by_the_byte_of_its_bit() -> None:
    spec = {k: v for k, v in CMI87.spec.items() if k != "40"}
    with pytest.raises(DecodeError) as caught:
        Dialect.from_spec(spec, "small").decode(b"0200" + text(40) + b"000")
    assert str(caught.value) == "small 0200 DE40 at byte 13: expected an element of small, found bit 40 set"


@pytest.mark.parametrize("dialect", [CMI87, CMI87B, VISA, MASTERCARD], ids=repr)
def test_no_error_shows_a_pan_or_a_track_not_even_where_a_wrong_bitmap_makes_them_something_else(
    dialect: Dialect,
) -> None:
    document = purchase(dialect) | {"2": "5047391827364509", "35": "5047391827364509=28122010000918273645".replace(
        "=", "=" if dialect.elements["35"].text else "D")}  # fmt: skip
    wire = dialect.encode(document)
    texts = []
    for at in range(len(wire)):
        for byte in (0x2E, 0xFF, *(wire[at] ^ 1 << bit for bit in range(8))):
            try:
                dialect.decode(wire[:at] + bytes([byte]) + wire[at + 1 :])
            except DecodeError as error:
                texts.append(str(error))
    assert len(texts) > len(wire)
    for secret in (document["2"], document["35"]):
        pieces = {secret[i : i + 11] for i in range(len(secret) - 10)}
        assert not [line for line in texts if any(piece in line for piece in pieces)]
