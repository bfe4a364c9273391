"""The codec against pyiso8583: the same documents, the same bytes, the same refusals."""

from collections.abc import Callable
from typing import Any

import iso8583
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from switch.wire import DecodeError, Dialect, Document, EncodeError, careful
from switch.wire.codec import COMPILE_AFTER
from switch.wire.decoder import decoder
from switch.wire.encoder import encoder
from switch.wire.layout_source import GIVES_UP
from tests.wire.oracle import DIALECTS, NAMES, damaged, documents, oracle_decode, oracle_encode
from tests.wire.samples import PURCHASE, changed, purchase

many = settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
each = pytest.mark.parametrize("name", NAMES)


def elements_at(dialect: Dialect, document: Document) -> int:
    """Where the data elements begin."""
    sizes = [dialect.elements[k] for k in ("h", "t", "p", "1") if k in document and k in dialect.elements]
    return sum((e.size + 1) // 2 if e.nibbles else e.size for e in sizes)


def compiled(dialect: Dialect, document: Document, data: bytes) -> tuple[Any, Any]:
    """The compiled pair for this very layout, `document` being `data` decoded."""
    table = dialect.codec.table
    return decoder(table, document, elements_at(dialect, document)), encoder(table, document)


def decoded(function: Callable[[bytes], Document], data: bytes) -> Document | None:
    try:
        return function(data)
    except (DecodeError, *GIVES_UP):
        return None


def refusal(dialect: Dialect, data: bytes) -> DecodeError | None:
    try:
        dialect.decode(data)
    except DecodeError as error:
        return error
    return None


def encoded(function: Callable[[Document], bytes], document: Document) -> bytes | None:
    try:
        return function(document)
    except (EncodeError, *GIVES_UP):
        return None


@each
@many
@given(st.data())
def test_any_document_is_written_and_read_as_pyiso8583_does(name: str, data: st.DataObject) -> None:
    dialect = DIALECTS[name]
    document = data.draw(documents(dialect))
    wire = dialect.encode(document)
    assert wire == bytes(iso8583.encode(dict(document), dialect.spec)[0])
    back = dialect.decode(wire)
    oracle = iso8583.decode(wire, dialect.spec)[0]
    assert back == oracle
    assert list(back) == list(oracle)
    assert {k: v for k, v in back.items() if k not in ("p", "1")} == document
    decode, encode = compiled(dialect, back, wire)
    assert decode(wire) == back
    assert list(decode(wire)) == list(back)
    assert encode is None or encode(back) == wire


@each
@many
@given(st.data())
def test_damaged_bytes_are_refused_where_pyiso8583_refuses_them_or_where_we_are_stricter(
    name: str, data: st.DataObject
) -> None:
    dialect = DIALECTS[name]
    wire = dialect.encode(data.draw(documents(dialect)))
    layout = dialect.decode(wire)
    decode, _ = compiled(dialect, layout, wire)
    for _ in range(10):
        bad = data.draw(damaged(wire))
        ours = decoded(dialect.decode, bad)
        assert ours == oracle_decode(dialect, bad)
        start, end = elements_at(dialect, layout), elements_at(dialect, {k: v for k, v in layout.items() if k == "h"})
        if bad[end:start] == wire[end:start]:
            assert decoded(decode, bad) == ours
        if ours is not None:
            again = dialect.encode(ours)
            assert {k: v for k, v in dialect.decode(again).items() if k not in "p1"} == {
                k: v for k, v in ours.items() if k not in "p1"
            }


@each
@many
@given(st.data())
def test_a_changed_document_is_refused_where_pyiso8583_refuses_it_or_where_we_are_stricter(
    name: str, data: st.DataObject
) -> None:
    dialect = DIALECTS[name]
    document = data.draw(documents(dialect))
    _, encode = compiled(dialect, {"p": "", **document}, b"")
    changes = st.one_of(
        st.text(st.sampled_from("0123456789ABCDEFabcd =٣é€\n"), max_size=30),
        st.integers(),
        st.binary(max_size=8),
        st.none(),
    )
    for _ in range(10):
        key = data.draw(st.sampled_from(sorted(document)))
        value = data.draw(st.one_of(changes, st.just(str(document[key])[:-1]), st.just(str(document[key]) + "0")))
        changed: dict[str, Any] = document | {key: value}
        ours = encoded(dialect.encode, changed)
        assert ours == oracle_encode(dialect, changed)
        if changed["t"] == document["t"] and encode is not None:
            assert encoded(encode, {"p": "", **changed}) == ours


@each
@many
@given(st.binary(max_size=80))
def test_no_bytes_raise_anything_but_a_decode_error(name: str, data: bytes) -> None:
    dialect = DIALECTS[name]
    assert decoded(dialect.decode, data) == oracle_decode(dialect, data)
    error = refusal(dialect, data)
    if error is not None:
        assert 0 <= error.offset <= len(data)
        assert "\n" not in str(error)


@each
def test_the_purchase_goes_the_compiled_way_and_comes_out_the_same(name: str) -> None:
    dialect = Dialect.load(name)
    document = purchase(dialect)
    wire = dialect.encode(document)
    careful_document = dialect.decode(wire)
    for _ in range(COMPILE_AFTER):
        assert dialect.decode(wire) == careful_document
        assert dialect.encode(document) == wire
    (decode,) = dialect.codec.decoders.compiled.values()
    (encode,) = dialect.codec.encoders.compiled.values()
    assert decode(wire) == dialect.decode(wire) == careful_document
    assert encode(document) == dialect.encode(document) == wire


@each
def test_every_byte_of_a_purchase_is_looked_at(name: str) -> None:
    """Each byte in turn replaced by each of a few: compiled, careful and pyiso8583 agree on what is still a message."""
    dialect = DIALECTS[name]
    more = {
        "2": "5047391234567890123",
        "33": "12345",
        "90": "0" * dialect.elements.get("90", dialect.elements["4"]).size,
    }
    wire = dialect.encode(purchase(dialect) | {de: value for de, value in more.items() if de in dialect.elements})
    layout = dialect.decode(wire)
    decode, _ = compiled(dialect, layout, wire)
    table, start = dialect.codec.table, elements_at(dialect, layout)
    for at in range(len(wire)):
        for byte in {wire[at] ^ 0x01, wire[at] ^ 0x10, wire[at] ^ 0x30, 0x20, 0xC1, 0xF9}:
            bad = wire[:at] + bytes([byte]) + wire[at + 1 :]
            ours = decoded(lambda data: careful.decode(table, data), bad)
            assert ours == oracle_decode(dialect, bad)
            if at >= start:
                assert decoded(decode, bad) == ours


def test_encode_leaves_its_document_alone_and_makes_the_bitmaps_itself() -> None:
    dialect = Dialect.load("cmi87")
    document = PURCHASE | {"p": "wrong", "1": "wrong"}
    before = dict(document)
    for _ in range(2 * COMPILE_AFTER):
        assert dialect.encode(document) == dialect.encode(PURCHASE)
    assert document == before


def test_documents_of_one_mti_and_size_but_other_keys_do_not_get_in_each_others_way() -> None:
    dialect = Dialect.load("cmi87")
    one = {"t": "0200", "3": "000000", "4": "000000001000", "11": "000001"}
    other = {"t": "0200", "3": "000000", "11": "000001", "39": "00"}
    for _ in range(2 * COMPILE_AFTER):
        assert dialect.encode(one).endswith(b"000000000000001000000001")
        assert dialect.encode(other).endswith(b"00000000000100")


def test_a_stream_of_new_bitmaps_neither_fills_memory_nor_is_compiled() -> None:
    dialect = Dialect.load("cmi87", layouts=8)
    for i in range(3_000):
        numbers = [n for n in range(12) if i >> n & 1]
        document = {
            "t": "0200",
            "3": "000000",
            **{str(66 + n): "0" * dialect.elements[str(66 + n)].size for n in numbers},
        }
        assert dialect.decode(dialect.encode(document))["t"] == "0200"
    for layouts in (dialect.codec.decoders, dialect.codec.encoders):
        assert not layouts.compiled
        assert len(layouts.seen) <= 32


def test_compiled_layouts_share_their_tables_of_lengths() -> None:
    """A thousand entries an element each: of their own they would be most of a layout's memory."""
    dialect = Dialect.load("cmi87")
    for document in ({"t": "0200", "46": "x", "48": "y"}, {"t": "0210", "47": "x", "48": "y"}):
        for _ in range(COMPILE_AFTER):
            dialect.decode(dialect.encode(document))
    for layouts in (dialect.codec.decoders, dialect.codec.encoders):
        one, other = [
            [id(v) for v in made.__globals__.values() if isinstance(v, dict | tuple) and len(v) == 1_000]
            for made in layouts.compiled.values()
        ]
        assert one
        assert set(one) == set(other)


def test_the_oldest_compiled_layout_makes_room_for_a_new_one() -> None:
    dialect = Dialect.load("cmi87", layouts=2)
    messages = [{"t": mti, "11": "000001", "70": "301"} for mti in ("0800", "0810", "0820")]
    for document in messages:
        for _ in range(COMPILE_AFTER):
            dialect.decode(dialect.encode(document))
    assert [key[:4] for key in dialect.codec.decoders.compiled] == [b"0810", b"0820"]  # type: ignore[index]
    assert [key[0] for key in dialect.codec.encoders.compiled] == ["0810", "0820"]  # type: ignore[index]
    assert dialect.decode(dialect.encode(messages[0]))["70"] == "301"


def test_layouts_0_compiles_nothing() -> None:
    dialect = Dialect.load("cmi87", layouts=0)
    for _ in range(COMPILE_AFTER + 1):
        dialect.decode(dialect.encode(PURCHASE))
    assert not dialect.codec.decoders.compiled
    assert not dialect.codec.encoders.compiled


def test_a_bad_message_of_a_compiled_layout_gets_the_exact_error() -> None:
    dialect = Dialect.load("cmi87")
    wire = dialect.encode(PURCHASE)
    for _ in range(COMPILE_AFTER + 1):
        dialect.decode(wire)
    at = wire.index(b"000000012350") + 11
    with pytest.raises(DecodeError) as caught:
        dialect.decode(wire[:at] + b"x" + wire[at + 1 :])
    assert (caught.value.field, caught.value.offset) == ("4", at)
    assert caught.value.document["3"] == "000000"


def test_bytearray_and_memoryview_are_bytes_too() -> None:
    dialect = Dialect.load("cmi87")
    wire = dialect.encode(PURCHASE)
    assert dialect.decode(bytearray(wire)) == dialect.decode(memoryview(wire)) == dialect.decode(wire)  # type: ignore[arg-type]


def test_the_careful_way_is_the_only_definition() -> None:
    """A compiled function that gives up on a right message costs time, never the message."""
    dialect = Dialect.load("cmi87")
    wire = dialect.encode(PURCHASE)
    key = wire[:36]
    dialect.codec.decoders.keep(key, _gives_up)
    assert dialect.decode(wire) == careful.decode(dialect.codec.table, wire)


def _gives_up(_: Any) -> Any:
    raise ValueError


def test_a_sensitive_amount_of_no_characters_is_an_error_of_its_place() -> None:
    fee = {"content": "x+n", "data_enc": "ascii", "len_enc": "ascii", "len_type": 2, "max_len": 9, "sensitive": True}
    dialect = changed("cmi87", de28=fee)
    with pytest.raises(DecodeError, match=r"DE28 .* at byte 22: expected a sign"):
        dialect.decode(b"0200" + b"0000001000000000" + b"00")
    with pytest.raises(EncodeError, match=r"DE28 .*: expected a sign"):
        dialect.encode({"t": "0200", "28": ""})
