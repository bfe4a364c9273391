"""One transaction's messages, wherever in the captures of a switch they stand, and nothing in them that must not be shown."""

from collections.abc import Iterator
from pathlib import Path

from switch.capture.pcapng import Writer
from switch.capture.transaction import capture_files, caught
from switch.console.on_the_wire import shown
from switch.wire import Dialect
from switch.wire.framing import make_framing
from tests.capture.packets import both_ways

CMI87 = Dialect.load("cmi87")
PAN, PIN_BLOCK = "9504010000000016", "D1E2F3A4B5C6D7E8"
ASK = {"t": "0200", "2": PAN, "3": "000000", "4": "000000015000", "11": "000001", "49": "504", "52": PIN_BLOCK}
SAY = {"t": "0210", "2": PAN, "3": "000000", "4": "000000015000", "11": "000001", "39": "51", "49": "504"}


def write(path: Path, about: str, comments: list[str]) -> None:
    """A capture of the two, each packet with data under one of the comments."""
    frame = make_framing("length2").frame
    talk = iter([(True, frame(CMI87.encode(ASK))), (False, frame(CMI87.encode(SAY)))])
    writer, left = Writer(path), iter(comments)
    link = writer.interface("acquirers", about)
    for packet in both_ways(("10.0.0.1", 50_000), ("10.0.0.2", 8583), talk):
        writer.packet(link, 1, packet, next(left, "") if len(packet) > 60 else "")
    writer.close()


def comments(*hops: int) -> Iterator[str]:
    return (f"link=acquirers#1 txn=1f hop={hop}" for hop in hops)


def test_its_messages_are_found_in_the_order_of_its_hops_whatever_file_they_are_in(tmp_path: Path) -> None:
    path, about = tmp_path / "today.pcapng", "dialect=cmi87 framing=length2"
    write(tmp_path / "today.1.pcapng", about, list(comments(1, 4)))
    write(path, about, ["link=acquirers#1 txn=1f0 hop=1", "link=acquirers#1 txn=2 hop=1"])
    assert [file.name for file in capture_files(path)] == ["today.1.pcapng", "today.pcapng"]
    found = caught(path, "1f")
    assert [(one.link, one.hop, one.message.document["t"]) for one in found] == [
        ("acquirers#1", 1, "0200"),
        ("acquirers#1", 4, "0210"),
    ]
    assert [one.hop for one in caught(path, "2")] == [1]
    assert caught(path, "3") == []
    assert caught(tmp_path / "none.pcapng", "1f") == []


def test_a_capture_that_keeps_test_cards_in_clear_is_shown_masked(tmp_path: Path) -> None:
    path = tmp_path / "today.pcapng"
    write(path, "dialect=cmi87 framing=length2", list(comments(1, 4)))
    assert PAN.encode() in path.read_bytes()
    asked, said = shown(caught(path, "1f"))
    text = f"{asked.dump}{asked.lines}{said.dump}{said.lines}"
    assert PAN not in text
    assert bytes.fromhex(PIN_BLOCK).hex(" ") not in text
    assert PAN.encode().hex(" ")[:24] not in asked.dump.replace("\n", " ")
    assert "950401******0016" in text
    assert ("DE39", "51") in {(line.key, line.value) for line in said.lines}
    assert asked.dump.splitlines()[0].startswith("0000  30 32 30 30")


def test_older_files_are_found_whatever_the_name_has_in_it(tmp_path: Path) -> None:
    newest = tmp_path / "day[1].pcapng"
    for path in (newest, newest.with_suffix(".1.pcapng")):
        path.write_bytes(b"")
    assert [path.name for path in capture_files(newest)] == ["day[1].1.pcapng", "day[1].pcapng"]
