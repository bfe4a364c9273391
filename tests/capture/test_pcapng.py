"""Capture files: what is written is read back; what others wrote is read in either byte order; damage ends reading, said."""

import os
import stat
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.capture.layers import Connection, Segment, checksum, segment_of
from switch.capture.pcapng import CaptureError, Interface, Reading, Writer
from tests.capture.packets import both_ways

AT = 1_764_072_000_123_456_789


def classic(order: str, magic: int, linktype: int, packets: list[tuple[int, int, bytes]]) -> bytes:
    data = struct.pack(f"{order}IHHiIII", magic, 2, 4, 0, 0, 65_535, linktype)
    for seconds, fraction, packet in packets:
        data += struct.pack(f"{order}IIII", seconds, fraction, len(packet), len(packet)) + packet
    return data


def big_endian_pcapng(unit: int, packet: bytes) -> bytes:
    def block(kind: int, body: bytes) -> bytes:
        return struct.pack(">II", kind, len(body) + 12) + body + struct.pack(">I", len(body) + 12)

    section = block(0x0A0D0D0A, struct.pack(">IHHq", 0x1A2B3C4D, 1, 0, -1))
    interface = block(1, struct.pack(">HHI", 1, 0, 0) + struct.pack(">HHB3x", 9, 1, unit) + b"\0\0\0\0")
    time = AT // 10 ** (9 - unit)
    padding = b"\0" * (-len(packet) % 4)
    comment = struct.pack(">HH", 1, 5) + b"hello\0\0\0" + b"\0\0\0\0"
    head = struct.pack(">IIIII", 0, time >> 32, time & 0xFFFFFFFF, len(packet), len(packet))
    return section + interface + block(6, head + packet + padding + comment)


def test_what_is_written_is_read_back_with_its_time_link_and_comment(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    writer = Writer(path)
    pos, host = writer.interface("pos", "dialect=cmi87b framing=tpdu"), writer.interface("atlas")
    writer.packet(pos, AT, b"abc", "txn 1f")
    writer.packet(host, AT + 1, b"defg")
    writer.close()
    first, second = Reading(path)
    assert (first.at_ns, first.data, first.comment) == (AT, b"abc", "txn 1f")
    assert (first.interface.name, first.interface.description) == ("pos", "dialect=cmi87b framing=tpdu")
    assert (second.at_ns, second.data, second.interface.name, second.comment) == (AT + 1, b"defg", "atlas", "")


def test_a_capture_is_its_owners_alone_and_so_is_what_is_turned_over_from_it(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        writer = Writer(tmp_path / "deep" / "a.pcapng", file_bytes=10)
        writer.packet(writer.interface("pos"), AT, b"abc")
        writer.close()
    finally:
        os.umask(before)
    kept = [tmp_path / "deep", tmp_path / "deep" / "a.pcapng", tmp_path / "deep" / "a.1.pcapng"]
    assert [stat.S_IMODE(path.stat().st_mode) for path in kept] == [0o700, 0o600, 0o600]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize(("magic", "fraction"), [(0xA1B2C3D4, 123_456), (0xA1B23C4D, 123_456_000)])
def test_classic_pcap_is_read_in_both_byte_orders_and_both_resolutions(
    tmp_path: Path, order: str, magic: int, fraction: int
) -> None:
    path = tmp_path / "a.pcap"
    path.write_bytes(classic(order, magic, 1, [(5, fraction, b"one"), (6, 0, b"two")]))
    reading = Reading(path)
    assert [(p.at_ns, p.data) for p in reading] == [(5_123_456_000, b"one"), (6_000_000_000, b"two")]
    assert reading.trouble == ""


@pytest.mark.parametrize("unit", [6, 9])
def test_big_endian_pcapng_is_read_at_its_own_resolution(tmp_path: Path, unit: int) -> None:
    path = tmp_path / "a.pcapng"
    path.write_bytes(big_endian_pcapng(unit, b"abcde"))
    (packet,) = Reading(path)
    assert (packet.data, packet.comment) == (b"abcde", "hello")
    assert packet.at_ns == AT // 10 ** (9 - unit) * 10 ** (9 - unit)


@given(cut=st.integers(28, 400))
def test_a_file_cut_anywhere_gives_the_packets_before_and_says_where_it_ends(
    tmp_path_factory: pytest.TempPathFactory, cut: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "cut.pcapng"
    writer = Writer(path)
    for n in range(8):
        writer.packet(writer.interface("x"), AT + n, b"12345678")
    writer.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:cut])
    reading = Reading(path)
    packets = list(reading)
    assert [p.at_ns for p in packets] == [AT + n for n in range(len(packets))]
    assert bool(reading.trouble) == (whole[:cut] != whole and not clean(whole, cut))


def clean(whole: bytes, cut: int) -> bool:
    """True where `cut` falls between two blocks."""
    at = 0
    while at < min(cut, len(whole)):
        at += struct.unpack_from("<I", whole, at + 4)[0]
    return at == cut or cut >= len(whole)


@given(data=st.binary(max_size=300))
def test_damage_is_never_more_than_the_end_of_reading(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    path = tmp_path_factory.getbasetemp() / "damage.pcapng"
    for magic in (b"\x0a\x0d\x0d\x0a", b"\xd4\xc3\xb2\xa1", b"\xa1\xb2\x3c\x4d"):
        path.write_bytes(magic + data)
        list(Reading(path))


def test_a_file_that_is_no_capture_is_refused_with_its_first_bytes(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("0800")
    with pytest.raises(CaptureError, match="neither pcapng nor pcap: it begins with 30 38 30 30"):
        Reading(path)
    with pytest.raises(CaptureError, match="cannot be read: No such file"):
        Reading(tmp_path / "none.pcap")


def test_a_file_turns_over_at_its_size_and_each_is_whole_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.pcapng"
    writer = Writer(path, file_bytes=600, files=3)
    for n in range(60):
        writer.packet(writer.interface("pos", "dialect=cmi87", "own"), AT + n, b"x" * 20)
        writer.flush()
    writer.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.1.pcapng", "a.2.pcapng", "a.pcapng"]
    times = [p.at_ns for name in ("a.2", "a.1", "a") for p in Reading(tmp_path / f"{name}.pcapng")]
    assert times == list(range(times[0], AT + 60)), "in order, without a gap, up to the newest"
    said = {
        (p.interface.name, p.interface.comment) for x in ("a.2", "a.1", "a") for p in Reading(tmp_path / f"{x}.pcapng")
    }
    assert said == {("pos", "own")}


@given(talk=st.lists(st.tuples(st.booleans(), st.binary(min_size=1, max_size=60)), max_size=12))
def test_synthetic_layers_have_checksums_that_hold_and_numbers_that_count(talk: list[tuple[bool, bytes]]) -> None:
    expected = {True: 1_000, False: 2_000}
    for packet in both_ways(("10.0.0.1", 50_000), ("10.0.0.2", 8583), iter(talk)):
        ip, tcp = packet[14:34], packet[34:]
        assert checksum(ip) == 0
        assert checksum(ip[12:20] + struct.pack(">BBH", 0, 6, len(tcp)) + tcp) == 0
        segment = segment_of(1, packet)
        assert segment is not None
        side = segment.source == ("10.0.0.1", 50_000)
        assert segment.sequence == expected[side]
        expected[side] += len(segment.payload) + bool(segment.flags & 2) + bool(segment.flags & 1)
        acknowledged = struct.unpack_from(">I", tcp, 8)[0]
        assert acknowledged in (0, expected[not side])


def test_segments_are_found_under_other_link_layers_and_in_ipv6() -> None:
    connection = Connection(("10.0.0.1", 50_000), ("10.0.0.2", 8583))
    (packet,) = connection.data(b"hello", from_client=True)
    ip = packet[14:]
    tcp = ip[20:]
    ipv6 = struct.pack(">IHBB", 0x60000000, len(tcp) + 8, 0, 64) + b"\0" * 15 + b"\1" + b"\0" * 15 + b"\2"
    ipv6 += bytes([6, 0, 0, 0, 0, 0, 0, 0]) + tcp
    plain = Segment(("10.0.0.1", 50_000), ("10.0.0.2", 8583), 1_000, 0x18, b"hello")
    assert segment_of(1, packet) == plain
    assert segment_of(1, packet + b"\0\0") == plain, "Ethernet pads short frames"
    assert segment_of(1, packet[:12] + b"\x81\0\0\x05" + packet[12:]) == plain, "VLAN"
    assert segment_of(101, ip) == plain
    assert segment_of(113, b"\0" * 14 + b"\x08\0" + ip) == plain
    assert segment_of(276, b"\x08\0" + b"\0" * 18 + ip) == plain
    assert segment_of(0, b"\2\0\0\0" + ip) == plain
    assert segment_of(101, ipv6) == Segment(("::1", 50_000), ("::2", 8583), 1_000, 0x18, b"hello")
    assert segment_of(1, packet[:40]) is None, "cut short"
    assert segment_of(105, packet) is None, "another link layer"


@given(data=st.binary(max_size=80), linktype=st.sampled_from([0, 1, 101, 113, 276]))
def test_any_packet_is_a_segment_or_none(data: bytes, linktype: int) -> None:
    segment_of(linktype, data)


def test_an_ipv6_host_gets_a_stand_in_and_keeps_its_port() -> None:
    (packet,) = Connection(("::1", 50_000), ("10.0.0.2", 8583)).data(b"x", from_client=True)
    segment = segment_of(1, packet)
    assert segment is not None
    assert segment.source[0].startswith("192.0.2.")
    assert segment.source[1] == 50_000


def test_an_interface_is_ethernet_in_microseconds_unless_it_says_otherwise() -> None:
    assert (Interface().linktype, Interface().per_second) == (1, 1_000_000)


def test_a_time_beyond_all_calendars_is_none(tmp_path: Path) -> None:
    """As a damaged resolution makes it: read on, it would end whatever writes the time."""
    path = tmp_path / "a.pcapng"
    writer = Writer(path)
    writer.packet(writer.interface("a"), (1 << 64) - 1, b"x" * 60)
    writer.close()
    resolution = struct.pack("<HHB", 9, 1, 9)
    data = path.read_bytes()
    assert resolution in data
    path.write_bytes(data.replace(resolution, struct.pack("<HHB", 9, 1, 0)))
    assert [packet.at_ns for packet in Reading(path)] == [0]
