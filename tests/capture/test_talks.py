"""Files of every kind read as messages; what cannot be read is said beside what can."""

from pathlib import Path

import pytest

from switch.capture.pcapng import CaptureError, Writer
from switch.capture.streams import streams
from switch.capture.talks import Known, Talk, as_hex, as_lines, load, said
from switch.wire import Dialect
from switch.wire.framing import make_framing
from tests.capture.packets import both_ways

CMI87 = Dialect.load("cmi87")
KNOWN = Known(CMI87)
ASK, ANSWER = (CMI87.encode({"t": mti, "7": "1125120000", "11": "000001", "70": "301"}) for mti in ("0800", "0810"))
CLIENT, SERVER = ("10.0.0.1", 50_000), ("10.0.0.2", 8583)


def framed(message: bytes) -> bytes:
    return make_framing("length2").frame(message)


def capture(path: Path, packets: list[bytes], about: str = "") -> Path:
    writer = Writer(path)
    for n, packet in enumerate(packets):
        writer.packet(writer.interface("x", about), 1_000 + n, packet)
    writer.close()
    return path


def talking(*talk: tuple[bool, bytes]) -> list[bytes]:
    return list(both_ways(CLIENT, SERVER, iter(talk)))


def shown(talk: Talk) -> list[tuple[bool, str]]:
    return [(m.from_client, m.mti) for m in talk.said]


BOTH = [(True, "0800"), (False, "0810")]


def test_a_capture_of_someone_elses_reads_with_the_dialect_it_is_told(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcapng", talking((True, framed(ASK)), (False, framed(ANSWER))))
    (talk,) = load(path, KNOWN)
    assert shown(talk) == BOTH
    with pytest.raises(CaptureError, match=r"does not say in which dialect .* speaks: give --dialect"):
        load(path, Known())


def test_a_message_that_does_not_decode_is_kept_with_the_reason(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcapng", talking((True, framed(b"0200zzzzzzzzzzzzzzzz")), (True, framed(ASK))))
    (talk,) = load(path, KNOWN)
    assert [m.wrong[:24] for m in talk.said] == ["cmi87 0200 primary bitma", ""]


def test_a_hole_is_said_and_reading_goes_on_behind_it(tmp_path: Path) -> None:
    half = framed(ASK)
    packets = talking((True, half[:20]), (True, half[20:]), (True, framed(ASK)), (False, framed(ANSWER)))
    del packets[4]
    (talk,) = load(capture(tmp_path / "a.pcapng", packets), KNOWN)
    assert shown(talk) == BOTH
    assert talk.troubles == [
        f"{len(half) - 20} of the client's bytes never came, after its message 0; "
        "20 bytes of the message they cut are left out"
    ]


def test_a_stream_of_another_framing_is_said_with_the_place(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcapng", talking((True, b"0047" + ASK)))
    (talk,) = load(path, Known(CMI87, "length2"))
    assert talk.said == []
    assert "bytes at the end are an unfinished message" in talk.troubles[0]
    (talk,) = load(path, Known(CMI87, "tpdu"))
    assert talk.troubles, "said, whatever it is"
    (talk,) = load(capture(tmp_path / "b.pcapng", talking((True, b"0041" + ASK[:41]))), Known(CMI87, "ascii4"))
    assert len(talk.said) == 1


def test_a_file_without_a_conversation_on_the_port_is_refused(tmp_path: Path) -> None:
    path = capture(tmp_path / "a.pcapng", talking((True, framed(ASK))))
    with pytest.raises(CaptureError, match="no TCP conversation with port 9999"):
        load(path, Known(CMI87, "", 9999))


def test_json_lines_and_hex_bring_back_what_was_exported(tmp_path: Path) -> None:
    about = "dialect=cmi87 framing=length2"
    talks = load(capture(tmp_path / "a.pcapng", talking((True, framed(ASK)), (False, framed(ANSWER))), about), Known())
    (tmp_path / "a.jsonl").write_text("\n".join(as_lines(talks)))
    (tmp_path / "a.hex").write_text("\n".join(as_hex(talks)))
    (again,) = load(tmp_path / "a.jsonl", Known())
    assert (again.said, again.name, again.link, again.framing) == (talks[0].said, talks[0].name, "x", "length2")
    (again,) = load(tmp_path / "a.hex", Known())
    assert [m.data for m in again.said] == [m.data for m in talks[0].said]
    assert shown(again) == BOTH


def test_an_export_of_a_dialect_that_is_a_file_of_ones_own_says_what_the_file_says(tmp_path: Path) -> None:
    """Once a file; hex, which has no room for it, names a file to lay beside it, and never a shipped dialect of the same name."""
    amount = {**CMI87.spec["4"], "data_enc": "b", "max_len": 6}
    own = Dialect.from_spec({"dialect": {"name": "cmi87"}, **CMI87.spec, "4": amount})
    message = said(own, own.encode({"t": "0200", "4": "000000012350", "11": "000001"}), 0, True)
    talks = [Talk(name=name, dialect=own, framing="length2", said=[message, message]) for name in "ab"]
    first, last = (Talk(name=n, dialect=CMI87, framing="length2", said=[said(CMI87, ASK, 0, True)]) for n in "cd")
    file = tmp_path / "a.jsonl"
    file.write_text("\n".join(as_lines([first, *talks, last])))
    assert file.read_text().count('"spec"') == 2, "what the name means, each time it means something else"
    read = load(file, Known())
    amounts = [[(m.wrong, m.document.get("4", "")) for m in talk.said] for talk in read]
    assert amounts == [[("", "")], [("", "000000012350")] * 2, [("", "000000012350")] * 2, [("", "")]]
    assert [s.speaks.spec == own.spec for s in streams(file) if s.speaks] == [False, True, True, False]
    (tmp_path / "a.hex").write_text("\n".join(as_hex(talks)))
    with pytest.raises(CaptureError, match=r"a\.hex: cmi87\.json: cannot be read: No such file"):
        load(tmp_path / "a.hex", Known())


def test_json_lines_may_be_written_by_hand(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text(
        '{"document": {"t": "0800", "11": "000001"}}\n\n{"from": "server", "at": "2026-01-02T03:04:05.5Z", '
        '"document": {"t": "0810", "11": "000001"}}\n'
    )
    (talk,) = load(tmp_path / "a.jsonl", KNOWN)
    assert shown(talk) == BOTH
    assert [m.at_ns for m in talk.said] == [0, 1_767_323_045_500_000_000]


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ('{"document": {"t": "0800", "11": "1"}}', "line 1: cmi87 0800 DE11"),
        ('{"hex": "3"}', "line 1: `hex` is no hex"),
        ('{"hexx": "30"}', "line 1: Object contains unknown field `hexx`"),
        ('{"hex": "30", "from": "me"}', "line 1: `from` is client or server"),
        ('{"hex": "30", "at": "noon"}', "line 1: 'noon' is no time"),
        ("{", "line 1: Input data was truncated"),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, says: str) -> None:
    (tmp_path / "a.jsonl").write_text(line)
    with pytest.raises(CaptureError, match=says):
        load(tmp_path / "a.jsonl", KNOWN)


@pytest.mark.parametrize(
    "text",
    [
        f"> {ASK.hex()}\n< {ANSWER.hex()}",
        f"{ASK.hex()}\n{ANSWER.hex(' ')}",
        f"{framed(ASK).hex()}\n{framed(ANSWER).hex()}",
        "".join(
            f"{indent}{at:08x}  {data[at : at + 16].hex(' ')}  ........\n"
            for indent, data in (("", framed(ASK)), ("    ", framed(ANSWER)))
            for at in range(0, len(data), 16)
        ),
    ],
    ids=["marked", "plain", "plain and framed", "a dump with offsets, the server's indented"],
)
def test_hex_of_every_usual_look_is_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "a.txt").write_text(text)
    (talk,) = load(tmp_path / "a.txt", KNOWN)
    assert shown(talk) == BOTH
    assert [m.data for m in talk.said] == [ASK, ANSWER]


def test_text_that_is_no_hex_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("> 30\nhello\n")
    with pytest.raises(CaptureError, match="line 2 is no hex"):
        load(tmp_path / "a.txt", KNOWN)


def test_a_talk_in_two_dialects_is_two_whichever_its_lines_name(tmp_path: Path) -> None:
    amount = {**CMI87.spec["4"], "data_enc": "b", "max_len": 6}
    own = Dialect.from_spec({"dialect": {"name": "cmi87"}, **CMI87.spec, "4": amount})
    sale = {"t": "0200", "4": "000000001234"}
    talks = [
        Talk(name="x", dialect=d, framing="length2", said=[said(d, d.encode(sale), 0, True)]) for d in (CMI87, own)
    ]
    file = tmp_path / "x.jsonl"
    once = "\n".join(as_lines(talks)) + "\n"
    file.write_text(once + '{"talk": "x", "from": "server", "document": {"t": "0210", "4": "000000001234"}}\n')
    found = load(file, Known())
    assert [(talk.dialect.spec == own.spec, shown(talk)) for talk in found] == [
        (False, [(True, "0200")]),
        (True, [(True, "0200"), (False, "0210")]),
    ], "a line that names no dialect goes on in that of the line before it"
    assert all(not message.wrong for talk in found for message in talk.said)
    assert [(s.from_client, s.speaks.spec == own.spec) for s in streams(file) if s.speaks] == [
        (True, False),
        (True, True),
        (False, True),
    ]
    file.write_text("\n".join(as_lines(talks[1:])) + "\n" + "\n".join(as_lines(talks[1:])) + "\n")
    assert len(load(file, Known())) == 1, "the same said twice is one"
    assert len(streams(file)) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.jsonl", '{"talk":"a","from":"client","dialect":"cmi87","framing":"nope","hex":"30"}\n'),
        ("a.hex", "# a dialect=cmi87 framing=nope\n> 3032\n"),
    ],
)
def test_a_framing_that_is_none_is_named_with_those_there_are(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(CaptureError, match="no framing is called 'nope'; there are length2"):
        load(tmp_path / name, Known())


@pytest.mark.parametrize(
    "at", ["1969-12-31T23:59:59Z", "2026-09-21T14:13:21.-5Z", "2026-09-21T14:13:21.5+02:00", "soon"]
)
def test_a_time_that_is_none_is_told(tmp_path: Path, at: str) -> None:
    line = f'{{"talk":"a","from":"client","at":"{at}","dialect":"cmi87","hex":"30"}}\n'
    (tmp_path / "a.jsonl").write_text(line)
    with pytest.raises(CaptureError, match="is no time such as"):
        load(tmp_path / "a.jsonl", Known())
