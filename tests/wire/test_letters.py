"""Letters in text on a link of ASCII: each element of each dialect is read with them, or is refused as it always was."""

import pytest

from switch.wire import DecodeError, Dialect, Document
from switch.wire.dialect import names
from switch.wire.letters import Lettered, decode_anyway, is_lettered, read_with_letters
from tests.wire.letters import Writer, latin, utf8_in_bytes, utf8_in_characters, utf8_in_units
from tests.wire.samples import HEADERS, purchase

DIALECTS = {name: Dialect.load(name) for name in names()}
ASCII = [name for name, dialect in DIALECTS.items() if any(map(is_lettered, dialect.elements.values()))]
HEAD = b"02100020000000100000000001"
"""of a 0210 with DE11 and DE44"""
TEXTS = [
    (name, de)
    for name in ASCII
    for de, e in DIALECTS[name].elements.items()
    if e.content in ("a", "an", "ans") and de != "h" and e.text is not None
]


def read(dialect: Dialect, data: bytes) -> Lettered | None:
    with pytest.raises(DecodeError) as refused:
        dialect.decode(data)
    return read_with_letters(dialect, data, refused.value)


def message(dialect: Dialect, de: str, value: str) -> Document:
    """The smallest message with this element and a few behind it."""
    head = {"h": HEADERS[dialect.name]} if dialect.name in HEADERS else {}
    behind = {other: text for other, text in purchase(dialect).items() if other in ("4", "11", "49", "102")}
    return {**head, "t": f"{dialect.version}210", **behind, de: value}


def valued(dialect: Dialect, de: str) -> str:
    """A value with a letter in the middle, as long as the element is."""
    e = dialect.elements[de]
    size = 8 if e.length_bytes else e.size
    return ("x" * (size // 2) + "é").ljust(size, "y")


def test_dialects_of_ascii_are_these() -> None:
    assert ASCII == ["ascii87", "base24", "cmi87", "cmi87b", "iso2003", "iso93", "unionpay"]


@pytest.mark.parametrize("write", [latin, utf8_in_characters])
@pytest.mark.parametrize(("name", "de"), TEXTS)
def test_each_element_of_text_is_read_with_a_letter(name: str, de: str, write: Writer) -> None:
    dialect = DIALECTS[name]
    document = message(dialect, de, valued(dialect, de))
    data = write(dialect, document)
    found = read(dialect, data)
    assert found is not None
    assert {key: found.document[key] for key in document} == document
    byte = 0xE9 if write is latin else 0xC3
    assert [(place.element, place.offset, place.byte) for place in found.places] == [(de, data.index(byte), byte)]
    assert found.by_character == (write is utf8_in_characters)


@pytest.mark.parametrize("name", ASCII)
def test_any_other_byte_with_its_high_bit_set_is_refused_as_it_was(name: str) -> None:
    """Each byte of a message in turn: what is no text is read by nobody."""
    dialect = DIALECTS[name]
    document = purchase(dialect)
    data = dialect.encode(document)
    at, read_at, refused = 0, 0, 0
    spans: dict[int, str] = {}
    for de in dialect.decode(data):
        e = dialect.elements[de]
        size = len(document.get(de, "0" * e.digits))
        n = e.length_bytes + (size if e.text else (size + 1) // 2)
        spans |= dict.fromkeys(range(at + e.length_bytes, at + n), de)
        at += n
    assert at == len(data)
    binary = {
        at for at, de in spans.items() if dialect.elements[de].text is None and dialect.elements[de].content == "b"
    }
    for place in range(len(data)):
        spoiled = data[:place] + b"\xe9" + data[place + 1 :]
        found = read(dialect, spoiled) if place not in binary else None
        of = dialect.elements[spans[place]] if place in spans else None
        assert (found is not None) == (of is not None and is_lettered(of)), place
        read_at, refused = read_at + (found is not None), refused + (found is None)
    assert read_at >= 20
    assert refused >= 40


@pytest.mark.parametrize("text", ["é", "L’ÉPICERIE", "مقهى", "€ œ ½"])
@pytest.mark.parametrize("write", [utf8_in_bytes, utf8_in_characters])
def test_utf_8_is_read_whichever_way_its_lengths_count(text: str, write: Writer) -> None:
    dialect = DIALECTS["cmi87"]
    document = {"t": "0210", "11": "000001", "39": "00", "44": text, "48": f"70{len(text):02d}{text}", "49": "504"}
    if write is utf8_in_bytes:
        document["48"] = f"70{len(text.encode()):02d}{text}"
    found = read(dialect, write(dialect, document))
    assert found is not None
    assert found.by_character == (write is utf8_in_characters)
    if found.by_character:
        assert {de: found.document[de] for de in document} == document
    else:
        assert found.document["44"].encode("latin-1").decode() == text
    assert found.document["49"] == "504"


@pytest.mark.parametrize("write", [utf8_in_bytes, utf8_in_characters, utf8_in_units])
@pytest.mark.parametrize("text", ["merci 😀", "😀😀 é", "𝄞"])
@pytest.mark.parametrize("name", ["cmi87", "cmi87b", "iso93"])
def test_what_has_four_bytes_counts_one_or_two_or_four(name: str, text: str, write: Writer) -> None:
    """An emoji is two of Java's `char`, and one of Python's or Go's runes."""
    dialect = DIALECTS[name]
    document = message(dialect, "44", text)
    found = read(dialect, write(dialect, document))
    assert found is not None
    assert found.by_character == (write is not utf8_in_bytes)
    said = found.document["44"]
    assert (said if found.by_character else said.encode("latin-1").decode()) == text
    assert {de: found.document[de] for de in document if de != "44"} == {k: v for k, v in document.items() if k != "44"}


def test_half_a_character_is_no_end_of_a_value() -> None:
    assert read(DIALECTS["cmi87"], HEAD + b"01" + "😀".encode() + b"x") is None


def test_on_a_link_of_iso_8859_1_only_lengths_that_count_characters_are_read_otherwise() -> None:
    dialect = Dialect.load("cmi87+latin-1")
    document = {"t": "0210", "11": "000001", "39": "00", "44": "à l’unité", "49": "504"}
    found = read(dialect, utf8_in_characters(DIALECTS["cmi87"], document))
    assert found is not None
    assert found.by_character
    assert found.document["44"] == "à l’unité"


@pytest.mark.parametrize(
    "data",
    [
        HEAD + b"99" + "é".encode(),
        HEAD + b"02\xe9",
        HEAD + "01é!".encode(),
        HEAD + b"01\xf0\x9f\x98",
        HEAD + b"\xe902xx",
        HEAD + b"26" + b"\xe9" * 26,
    ],
)
def test_what_does_not_end_where_it_should_is_not_read(data: bytes) -> None:
    assert read(DIALECTS["cmi87"], data) is None


def test_who_needs_one_element_reads_it_whatever_letters_are_in_others() -> None:
    dialect = DIALECTS["cmi87"]
    document = {"t": "0210", "11": "000001", "44": "été"}
    assert decode_anyway(dialect, latin(dialect, document))["11"] == "000001"
    assert decode_anyway(dialect, dialect.encode({**document, "44": "ete"}))["44"] == "ete"
    with pytest.raises(DecodeError, match="a length of 2 digits"):
        decode_anyway(dialect, b"02100020000000100000000001xxyy")
