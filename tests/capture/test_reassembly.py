"""Streams from packets: any order, any repetition, any overlap give the same bytes; a hole is said where it is."""

import random
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from switch.capture.layers import Connection
from switch.capture.pcapng import Interface, Packet
from switch.capture.reassembly import Chunk, Conversation, conversations
from tests.capture.packets import both_ways

CLIENT, SERVER = ("10.0.0.1", 50_000), ("10.0.0.2", 8583)
ETHERNET = Interface()


def timed(packets: list[bytes]) -> list[Packet]:
    return [Packet(n, packet, ETHERNET) for n, packet in enumerate(packets, 1)]


def said(conversation: Conversation, from_client: bool) -> bytes:
    return b"".join(chunk.data for chunk in conversation.chunks if chunk.from_client == from_client)


def pieces(stream: bytes, initial: int, cuts: list[tuple[int, int]]) -> list[bytes]:
    """Packets of a client's stream for ranges of it."""
    packets = []
    for start, end in cuts:
        connection = Connection(CLIENT, SERVER, initial + start)
        packets += connection.data(stream[start:end], from_client=True)
    return packets


@given(talk=st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=30)), min_size=1, max_size=10))
def test_a_plain_connection_reads_as_it_was_said(talk: list[tuple[bool, bytes]]) -> None:
    (found,) = conversations(timed(list(both_ways(CLIENT, SERVER, iter(talk)))))
    assert [(chunk.from_client, chunk.data) for chunk in found.chunks] == talk
    assert (found.client, found.server, found.began_whole) == (CLIENT, SERVER, True)


@given(
    stream=st.binary(min_size=2, max_size=60),
    initial=st.sampled_from([1_000, 0xFFFFFFF0, 0x7FFFFFF0]),
    data=st.data(),
)
def test_reordered_repeated_and_overlapping_segments_give_each_byte_once(
    stream: bytes, initial: int, data: st.DataObject
) -> None:
    ends = sorted({0, len(stream), *data.draw(st.lists(st.integers(1, len(stream) - 1), max_size=6))})
    cuts = list(pairwise(ends))
    spans = st.integers(0, len(stream) - 1).flatmap(lambda a: st.tuples(st.just(a), st.integers(a + 1, len(stream))))
    cuts += data.draw(st.lists(spans, max_size=6))
    packets = pieces(stream, initial + 1, data.draw(st.permutations(cuts)))
    (found,) = conversations(timed([*Connection(CLIENT, SERVER, initial).handshake(), *packets]))
    assert said(found, True) == stream
    assert not any(chunk.missing for chunk in found.chunks)


def test_a_segment_that_never_came_is_a_hole_of_its_size() -> None:
    packets = list(both_ways(CLIENT, SERVER, iter([(True, b"aaaa"), (True, b"bbb"), (False, b"xx"), (True, b"cc")])))
    del packets[4]
    (found,) = conversations(timed(packets))
    assert [(c.from_client, c.data, c.missing) for c in found.chunks] == [
        (True, b"aaaa", 0),
        (False, b"xx", 0),
        (True, b"", 3),
        (True, b"cc", 0),
    ]


def test_a_chunk_has_the_time_at_which_it_could_be_read() -> None:
    packets = list(both_ways(CLIENT, SERVER, iter([(True, b"aaaa"), (True, b"bbb"), (False, b"xx")])))
    packets[3], packets[4] = packets[4], packets[3]
    (found,) = conversations(timed(packets))
    assert found.chunks == [Chunk(5, True, b"aaaa"), Chunk(5, True, b"bbb"), Chunk(6, False, b"xx")]


def test_a_capture_begun_in_the_middle_still_reads_and_the_higher_port_is_the_client() -> None:
    packets = list(both_ways(CLIENT, SERVER, iter([(False, b"one"), (False, b"two"), (True, b"three")])))[3:6]
    packets[0], packets[1] = packets[1], packets[0]
    (found,) = conversations(timed(packets))
    assert (said(found, False), said(found, True)) == (b"onetwo", b"three")
    assert (found.client, found.began_whole) == (CLIENT, False)


def test_the_same_ports_used_again_are_another_conversation() -> None:
    first = list(both_ways(CLIENT, SERVER, iter([(True, b"one")])))
    second = list(both_ways(CLIENT, SERVER, iter([(True, b"two")])))
    assert [said(c, True) for c in conversations(timed(first + second))] == [b"one", b"two"]


def test_a_port_chooses_the_conversations_and_others_are_left_out() -> None:
    other = both_ways(("10.0.0.3", 51_000), ("10.0.0.2", 22), iter([(True, b"ssh")]))
    packets = [*both_ways(CLIENT, SERVER, iter([(True, b"one")])), *other]
    random.Random(1).shuffle(packets)
    found = conversations(timed(packets), port=8583)
    assert [(c.name, said(c, True)) for c in found] == [("10.0.0.1:50000 > 10.0.0.2:8583", b"one")]
