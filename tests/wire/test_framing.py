import gzip
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.wire.framing import BASE1_BYTES, FRAMINGS, FramingError, make_framing

LIMIT = 400


def _fit(name: str, body: bytes) -> bytes:
    """A message this framing accepts: led by what it wants to see at its beginning."""
    if name == "tpdu":
        return bytes.fromhex("6000010002") + body
    if name == "base1":
        return bytes([BASE1_BYTES]) + b"\x01\x02" + (len(body) + BASE1_BYTES).to_bytes(2, "big") + b"\0" * 17 + body
    if name == "stxetx":
        return body.replace(b"\x03", b"\x04")
    return body


def _pieces(stream: bytes, cuts: list[int]) -> list[bytes]:
    edges = sorted({min(c, len(stream)) for c in cuts} | {0, len(stream)})
    return [stream[a:b] for a, b in pairwise(edges)]


names = st.sampled_from(sorted(FRAMINGS))


@settings(deadline=None)
@given(names, st.lists(st.binary(min_size=1, max_size=LIMIT - 30), max_size=8), st.lists(st.integers(0, 4_000)))
def test_any_split_of_the_stream_gives_the_same_messages(name: str, bodies: list[bytes], cuts: list[int]) -> None:
    messages = [_fit(name, body) for body in bodies]
    framing = make_framing(name, LIMIT)
    stream = b"".join(framing.frame(m) for m in messages)
    came = [m for piece in _pieces(stream, cuts) for m in framing.feed(piece)]
    assert came == messages
    assert framing.waiting == 0


@settings(deadline=None)
@given(names, st.lists(st.binary(max_size=40), max_size=20))
def test_any_bytes_give_messages_or_a_framing_error_and_nothing_is_held_beyond_one_frame(
    name: str, chunks: list[bytes]
) -> None:
    framing = make_framing(name, LIMIT)
    for chunk in chunks:
        failure = None
        try:
            framing.feed(chunk)
        except FramingError as error:
            failure = error
        assert framing.waiting <= LIMIT + (66 if name == "gzip" else 6)
        if failure is not None:
            assert 0 <= failure.offset <= sum(map(len, chunks))
            assert framing.waiting == 0
            return


@pytest.mark.parametrize("name", sorted(FRAMINGS))
def test_a_byte_at_a_time_is_as_good_as_all_at_once(name: str) -> None:
    framing = make_framing(name, LIMIT)
    message = _fit(name, b"0800" + b"x" * 60)
    stream = framing.frame(message) * 2
    assert [m for b in stream for m in framing.feed(bytes([b]))] == [message, message]


@pytest.mark.parametrize(
    ("name", "message", "stream"),
    [
        ("length2", b"0800abc", "0007 30383030616263"),
        ("length2-inclusive", b"0800abc", "0009 30383030616263"),
        ("length4", b"0800abc", "00000007 30383030616263"),
        ("length4-inclusive", b"0800abc", "0000000b 30383030616263"),
        ("visa4", b"0800abc", "00070000 30383030616263"),
        ("ascii4", b"0800abc", "30303037 30383030616263"),
        ("bcd2", b"0800abcdefgh", "0012 303830306162636465666768"),
        ("tpdu", bytes.fromhex("60000100020800"), "0007 60000100020800"),
        ("stxetx", b"0800abc", "02 30383030616263 03 6b"),
        ("length2-etx", b"0800abc", "0008 30383030616263 03"),
        ("length3", b"0800abc", "000007 30383030616263"),
    ],
)
def test_each_framing_writes_the_bytes_its_name_says(name: str, message: bytes, stream: str) -> None:
    framing = make_framing(name, LIMIT)
    assert framing.frame(message) == bytes.fromhex(stream)
    assert framing.feed(bytes.fromhex(stream)) == [message]


@pytest.mark.parametrize("name", sorted(FRAMINGS))
def test_an_empty_frame_is_a_keepalive_and_delivers_nothing(name: str) -> None:
    framing = make_framing(name, LIMIT)
    empty = {
        "length2-inclusive": "0002",
        "length4-inclusive": "00000004",
        "ascii4": "30303030",
        "ascii3": "303030",
        "ascii5": "3030303030",
        "ascii6": "303030303030",
        "ascii4-inclusive": "30303034",
        "hex4": "30303030",
        "ebcdic4": "F0F0F0F0",
        "bcd2-inclusive": "0002",
        "length2-little-inclusive": "0200",
        "stxetx": "020303",
    }.get(name)
    empty = empty or "00" * FRAMINGS[name].head
    message = _fit(name, b"0800")
    assert framing.feed(bytes.fromhex(empty) * 3 + framing.frame(message)) == [message]
    assert framing.keepalives == 3


@pytest.mark.parametrize("name", [name for name in FRAMINGS if name.endswith("inclusive")])
def test_a_length_of_nothing_at_all_is_one_too_where_lengths_count_themselves(name: str) -> None:
    framing = make_framing(name, LIMIT)
    poll = (b"0" if name.startswith("ascii") else b"\0") * FRAMINGS[name].head
    assert framing.feed(poll + framing.frame(b"0800") + poll) == [b"0800"]
    assert framing.keepalives == 2


def test_an_unfinished_frame_is_held_and_counted() -> None:
    framing = make_framing("length2", LIMIT)
    assert framing.feed(b"\x00\x04080") == []
    assert framing.waiting == 5
    assert framing.feed(b"0\x00") == [b"0800"]
    assert framing.waiting == 1


def _broken(name: str, data: bytes, *, before: bytes = b"") -> FramingError:
    framing = make_framing(name, 8_192)
    if before:
        framing.feed(before)
    with pytest.raises(FramingError) as caught:
        framing.feed(data)
    return caught.value


@pytest.mark.parametrize(
    ("name", "data", "offset", "expected", "says"),
    [
        ("length2", b"GET / HTTP/1.1\r\n", 0, "from 1 to 8192", "reads as 18245"),
        ("length2", b"GET / HTTP/1.1\r\n", 0, "from 1 to 8192", "the text 'GET'; is the peer speaking HTTP?"),
        ("length4", b"\x16\x03\x01\x02\x00", 0, "from 1 to 8192", "speaks TLS"),
        ("length2", b"0800822000", 0, "from 1 to 8192", "an MTI without a length header"),
        ("length2", b"0064" + b"x" * 64, 0, "from 1 to 8192", "ascii4"),
        ("length2", b"\x20\x01", 0, "from 1 to 8192", "20 01 reads as 8193"),
        ("length2-inclusive", b"\x00\x01x", 0, "from 3 to 8194", "00 01 reads as 1"),
        ("length4", b"\xff\xff\xff\xff", 0, "from 1 to 8192", "reads as 4294967295"),
        ("visa4", b"\x00\x04\x00\x01", 0, "from 1 to 8192", "does not end in two zero bytes"),
        ("ascii4", b"00a4", 0, "from 1 to 8192", "is not four ASCII digits"),
        ("ascii4", b"1_00", 0, "from 1 to 8192", "is not four ASCII digits"),
        ("bcd2", b"\x0a\x00", 0, "from 1 to 8192", "is not four BCD digits"),
        ("tpdu", b"\x00\x060800AB", 2, "a TPDU id from 60 to 6f", "found 30 38"),
        ("tpdu", b"\x00\x03\x60\x00\x01", 5, "a TPDU of 5 bytes", "a frame of 3"),
        ("stxetx", b"\x02ab\x03\x01", 4, "the LRC 00", "found 01"),
        ("stxetx", b"\x02" + b"x" * 8_300, 8_193, "03 within 8192 bytes", "found none"),
        ("stxetx", b"\x05\x15", 1, "a frame", "NAK"),
        ("stxetx", b"\x06\x060800", 2, "02 before a message", "an MTI without a length header"),
        ("base1", b"\x00\x04\x00\x00\x08\x00\x00\x00", 4, "a BASE I header length of 16", "08 00"),
        ("base1", b"\x00\x16\x00\x00\x16\x01\x02\x00\x17" + b"\0" * 17, 7, "own length 0016 (22)", "0017 (23)"),
    ],
)
def test_what_cannot_be_a_frame_is_refused_with_its_place_and_a_guess(
    name: str, data: bytes, offset: int, expected: str, says: str
) -> None:
    error = _broken(name, data)
    assert error.offset == offset
    assert expected in error.expected
    assert says in str(error)


def test_the_offset_counts_from_the_first_byte_of_the_connection() -> None:
    error = _broken("length2", b"\x00\xff\xff", before=b"\x00\x03abc\x00")
    assert error.offset == 7


def test_messages_before_the_bad_length_are_in_the_error_and_the_stream_is_dead_after_it() -> None:
    framing = make_framing("length2", LIMIT)
    framing.feed(b"\x00\x03ab")
    with pytest.raises(FramingError) as caught:
        framing.feed(b"c\x00\x01d\xff\xff\x00\x01e")
    assert caught.value.frames == [b"abc", b"d"]
    assert caught.value.offset == 8
    with pytest.raises(FramingError) as again:
        framing.feed(b"\x00\x01f")
    assert again.value.frames == []


def test_no_more_than_four_bytes_of_a_broken_stream_are_shown() -> None:
    track = b"\x7f\x7f;5399000000000001=2512"
    assert _broken("length2", track).found == "7f 7f 3b 35"


@pytest.mark.parametrize("name", sorted(FRAMINGS))
def test_a_message_longer_than_the_limit_is_not_sent(name: str) -> None:
    with pytest.raises(FramingError, match="the limit is 400"):
        make_framing(name, LIMIT).frame(_fit(name, b"x" * (LIMIT + 1)))


def test_four_digits_cannot_say_more_than_9999() -> None:
    with pytest.raises(FramingError, match="9999"):
        make_framing("ascii4", 100_000).frame(b"x" * 10_000)


def test_stxetx_sends_no_message_with_its_end_in_it_and_hears_line_controls_between_frames() -> None:
    framing = make_framing("stxetx", LIMIT)
    with pytest.raises(FramingError, match=r"a byte 03 at 4 .* dialects of text"):
        framing.frame(b"0800\x03")
    assert framing.feed(b"\x05\x06" + framing.frame(b"0800") + b"\x04") == [b"0800"]
    assert framing.keepalives == 3


def test_base1_tolerates_a_zero_total_and_writes_the_right_one() -> None:
    framing = make_framing("base1", LIMIT)
    unfilled = bytes([BASE1_BYTES]) + b"\0" * 21 + b"\x08\x00"
    assert framing.feed(b"\x00\x18\x00\x00" + unfilled) == [unfilled]
    assert framing.frame(unfilled)[4:][3:5] == b"\x00\x18"


def test_base1_sends_nothing_without_its_header() -> None:
    with pytest.raises(FramingError, match="BASE I header"):
        make_framing("base1", LIMIT).frame(b"\x08\x00")


def test_an_unknown_framing_names_those_there_are() -> None:
    with pytest.raises(ValueError, match=r"'length9'.*length2, length2-inclusive"):
        make_framing("length9", LIMIT)


def test_gzip_counts_the_message_and_unpacks_no_more_than_it_says() -> None:
    framing = make_framing("gzip", LIMIT)
    sent = framing.frame(b"0800" + b"\0" * 200)
    assert sent[:2] == (204).to_bytes(2, "big")
    assert gzip.decompress(sent[2:]) == b"0800" + b"\0" * 200
    bomb = (20).to_bytes(2, "big") + gzip.compress(b"0" * 10_000_000)
    with pytest.raises(FramingError, match="a message of 20 bytes in its gzip stream, found 21 and more"):
        make_framing("gzip", LIMIT).feed(bomb[:80])
    with pytest.raises(FramingError, match="a gzip stream behind the length"):
        make_framing("gzip", LIMIT).feed(b"\0\x140800 and no stream at all")


@pytest.mark.parametrize(
    ("name", "header"),
    [
        ("length2-little", b"\x0c\x01"),
        ("length2-little-inclusive", b"\x0e\x01"),
        ("length4-little", b"\x0c\x01\0\0"),
        ("length3", b"\0\x01\x0c"),
        ("ascii3", b"268"),
        ("ascii5", b"00268"),
        ("ascii6", b"000268"),
        ("ascii4-inclusive", b"0272"),
        ("hex4", b"010c"),
        ("ebcdic4", b"\xf0\xf2\xf6\xf8"),
        ("bcd2-inclusive", b"\x02\x70"),
    ],
)
def test_what_leads_a_message_of_268_bytes(name: str, header: bytes) -> None:
    assert make_framing(name, LIMIT).frame(b"x" * 268) == header + b"x" * 268


@pytest.mark.parametrize(
    ("name", "before", "behind"),
    [
        ("ascii4", b"0000", b"what"),
        ("bcd2", b"\0\0", b"\xff\xff"),
        ("visa4", bytes(4), b"\0\1\0\1"),
        ("tpdu", b"\0\0", b"\0\1x"),
        ("base1", bytes(4), b"\0\1\0\0x"),
        ("stxetx", b"\x05\x06", b"what"),
        ("gzip", b"\0\0", b"\0\5what is"),
        ("length2-inclusive", b"\0\2\0\0", b"\0\1what"),
        ("length2-etx", b"\0\0", b"\0\4what"),
        ("hex4", b"0000", b"what"),
    ],
)
def test_where_a_stream_breaks_the_error_has_all_that_was_not_read(name: str, before: bytes, behind: bytes) -> None:
    framing = make_framing(name)
    message = (
        bytes([0x60]) + b"0800" * 9 if name == "tpdu" else bytes([22]) + bytes(40) if name == "base1" else b"0800" * 9
    )
    sent = before + make_framing(name).frame(message) + before + behind
    framing.feed(sent[:7])
    with pytest.raises(FramingError) as caught:
        framing.feed(sent[7:])
    assert caught.value.rest == behind
    with pytest.raises(FramingError) as again:
        framing.feed(b"more")
    assert again.value.rest == b"more"
