"""Bytes in every form that people paste are the bytes."""

import base64
import pprint
import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from switch.capture.pasted import readings, written
from switch.cli.decode import command as decode
from switch.cli.doctor import command as doctor
from switch.wire import Dialect
from tests.wire.samples import purchase

DIALECTS = {name: Dialect.load(name) for name in ("cmi87", "cmi87b", "visa", "mastercard")}
MESSAGES = {name: dialect.encode(purchase(dialect)) for name, dialect in DIALECTS.items()}


def shown(chunk: bytes) -> str:
    return "".join(chr(b) if 0x20 <= b < 0x7F else "." for b in chunk)


def rows(data: bytes, row: Callable[[int, bytes], str], end: str = "") -> str:
    lines = [row(at, data[at : at + 16]) for at in range(0, len(data), 16)]
    return "\n".join([*lines, end.format(len(data))] if end else lines) + "\n"


def spaced(chunk: bytes) -> str:
    return f"{chunk[:8].hex(' ')}  {chunk[8:].hex(' ')}".strip()


def swapped(chunk: bytes) -> str:
    chunk += b"\0" * (len(chunk) % 2)
    return " ".join(chunk[i : i + 2][::-1].hex() for i in range(0, len(chunk), 2))


def xxd_words(chunk: bytes) -> str:
    return re.sub(r"(.{4})", r"\1 ", chunk.hex()).strip()


def octal_words(chunk: bytes) -> str:
    return " ".join(f"{int.from_bytes((chunk + b'0')[i : i + 2], 'little'):06o}" for i in range(0, len(chunk) & ~1, 2))


def characters(chunk: bytes) -> str:
    named = {0: r"\0", 7: r"\a", 8: r"\b", 9: r"\t", 10: r"\n", 11: r"\v", 12: r"\f", 13: r"\r"}
    return "".join(f"{named.get(b) or (chr(b) if 0x20 <= b < 0x7F else f'{b:03o}'):>4}" for b in chunk)


def quoted(data: bytes, each: str, between: str = "") -> str:
    return between.join(each.format(b) for b in data)


def commented(data: bytes) -> str:
    """As Wireshark copies a packet for C, with the text of each row behind it."""
    lines = (data[at : at + 8] for at in range(0, len(data), 8))
    return "\n".join(
        f"  {quoted(c, '0x{:02x}', ', ')}, /* {shown(c).replace('*', '.').replace('/', '.')} */" for c in lines
    )


BORDER = "+--------+-------------------------------------------------+----------------+"
STAMP = "2026-11-28 12:00:01,123 DEBUG [channel-1] c.b.Channel - "
LATER: dict[str, Callable[[bytes], str]] = {
    "od -b": lambda d: rows(d, lambda at, c: f"{at:07o} {quoted(c, '{:03o}', ' ')}", "{:07o}"),
    "od -c": lambda d: rows(d, lambda at, c: f"{at:07o}{characters(c)}".rstrip(), "{:07o}"),
    "tcpdump -X": lambda d: (
        "12:00:01.5 IP 10.0.0.1.40112 > 10.0.0.2.8583: Flags [P.], length 99\n"
        + rows(d, lambda at, c: f"\t0x{at:04x}:  {xxd_words(c):<40} {shown(c)}")
    ),
    "Netty": lambda d: (
        f"         +{'-' * 49}+\n         |  0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f |\n{BORDER}\n"
        + rows(d, lambda at, c: f"|{at:08x}| {c.hex(' '):<48}|{shown(c):<16}|")
        + BORDER
    ),
    "Format-Hex": lambda d: (
        "           00 01 02 03 04 05 06 07 08 09 0A 0B 0C 0D 0E 0F\n\n"
        + rows(d, lambda at, c: f"{at:08X}   {c.hex(' ').upper():<48} {shown(c)}")
    ),
    "jPOS's log": lambda d: (
        '<log realm="channel/127.0.0.1:8583" at="2026-11-28T12:00:01.123">\n <receive>\n'
        + rows(d, lambda at, c: f"    {at:04X}  {spaced(c).upper():<49} {shown(c)}")
        + " </receive>\n</log>\n"
    ),
    "rows in a log": lambda d: rows(d, lambda at, c: f"{STAMP}{at:04X}: {c.hex(' ').upper()}  {shown(c)}"),
    "from an address": lambda d: rows(d, lambda at, c: f"{0x7FFE0000 + at:08x}  {c.hex(' '):<48} {shown(c)}"),
    "Go hex.Dump": lambda d: rows(d, lambda at, c: f"{at:08x}  {spaced(c):<49} |{shown(c)}|"),
    "C with comments": lambda d: (
        f"/* Frame (99 bytes) */\nstatic const unsigned char pkt1[99] = {{\n{commented(d)}\n}};"
    ),
    "Java decimal": lambda d: f"new byte[]{{{quoted(bytes(d), '{}', ', ')}}}",
    "Go %v": lambda d: f"[{quoted(d, '{}', ' ')}]",
    "Go %#v": lambda d: f"[]byte{{{quoted(d, '{:#x}', ', ')}}}",
    "Node": lambda d: f"<Buffer {d.hex(' ')}>",
    "Node JSON": lambda d: f'{{"type":"Buffer","data":[{quoted(d, "{}", ",")}]}}',
    "BitConverter": lambda d: d.hex("-").upper(),
    "JSON of hex": lambda d: f"[{quoted(d, chr(34) + '{:02x}' + chr(34), ', ')}]",
    "URL": lambda d: quoted(d, "%{:02X}"),
    "JSON escapes": lambda d: f'"{quoted(d, chr(92) + "u{:04x}")}"',
    "octal escapes": lambda d: f'"{quoted(d, chr(92) + "{:03o}")}"',
    "bytea": lambda d: f"\\\\x{d.hex()}".replace("\\\\", "\\"),
    "one number": lambda d: f"0x{d.hex().upper()}",
    "SQL": lambda d: f"INSERT INTO raw VALUES (X'{d.hex()}');",
    "base64": lambda d: base64.encodebytes(d).decode(),
    "YAML": lambda d: "# Packet 4\n  - peer: 0\n    data: !!binary |\n      " + base64.b64encode(d).decode() + "\n",
    "hex in a log": lambda d: f"{STAMP}Received: {d.hex().upper()}",
    "hex in brackets": lambda d: f"2026-11-28T12:00:01.123Z sent [{d.hex()}] (len={len(d)})",
    "pairs in a log": lambda d: f"{STAMP}in <- {d.hex(' ')}",
    "pprint": lambda d: pprint.pformat(d, width=60),
}
"""What other programs and their logs have."""
FORMS: dict[str, Callable[[bytes], str]] = {
    **LATER,
    "xxd": lambda d: rows(d, lambda at, c: f"{at:08x}: {xxd_words(c):<40} {shown(c)}"),
    "xxd -g1 -u": lambda d: rows(d, lambda at, c: f"{at:08X}: {c.hex(' ').upper():<48} {shown(c)}"),
    "hexdump -C": lambda d: rows(d, lambda at, c: f"{at:08x}  {spaced(c):<48}  |{shown(c)}|", "{:08x}"),
    "hexdump": lambda d: rows(d, lambda at, c: f"{at:07x} {swapped(c)}", "{:07x}"),
    "od": lambda d: rows(d, lambda at, c: f"{at:07o} {c.hex(' ')}", "{:07o}"),
    "od -Ax": lambda d: rows(d, lambda at, c: f"{at:06x} {c.hex(' ')}", "{:06x}"),
    "jPOS": lambda d: rows(d, lambda at, c: f"{at:04x}  {spaced(c).upper() + ' ':<49} {shown(c)}"),
    "Wireshark": lambda d: rows(d, lambda at, c: f"{at:04x}   {c.hex(' ')}   {shown(c)}"),
    "C": lambda d: "unsigned char msg[] = {\n  " + ", ".join(f"0x{b:02x}" for b in d) + "\n};\n",
    "Java": lambda d: "byte[] m = new byte[] {" + ",".join(f"(byte) 0x{b:X}" for b in d) + "};",
    "list": lambda d: " ".join(f"0x{b:02X}," for b in d),
    "Java printed": lambda d: str([b - 256 if b > 127 else b for b in d]),
    "Go printed": lambda d: str(list(d)),
    "Python": repr,
    "Python, named": lambda d: f"data = {d!r}",
    "Python, in pieces": lambda d: "\n".join(repr(d[i : i + 30]) for i in range(0, len(d), 30)),
    "bytearray": lambda d: repr(bytearray(d)),
    "C string": lambda d: '"' + "".join(f"\\x{b:02x}" for b in d) + '"',
    "shell": lambda d: "$'" + "".join(f"\\x{b:02X}" for b in d) + "'",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_message_in_any_form_is_its_bytes_whatever_its_length(form: str) -> None:
    rng = Random(form)
    for _ in range(60):
        data = rng.choice(list(MESSAGES.values()))[: rng.randrange(24, 300)]
        assert written(FORMS[form](data)) == data, FORMS[form](data)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", ["cmi87b"])
def test_decode_and_doctor_take_it_as_argument_file_and_standard_input(form: str, name: str, tmp_path: Path) -> None:
    text = FORMS[form](MESSAGES[name])
    (tmp_path / "pasted.txt").write_text(text)
    for argument, given in ((text, None), (str(tmp_path / "pasted.txt"), None), ("-", text)):
        for command, said in ((decode, "Primary Account Number"), (doctor, f"of {name}")):
            result = CliRunner().invoke(command, [argument], input=given)
            assert (result.exit_code, said in result.output) == (0, True), result.output


def test_repeated_rows_that_a_dump_leaves_out_are_there() -> None:
    data = b"0800" + b"\0" * 12 + b"\0" * 64 + b"end"
    text = (
        "00000000  30 38 30 30 00 00 00 00  00 00 00 00 00 00 00 00  |0800............|\n"
        "00000010  00 00 00 00 00 00 00 00  00 00 00 00 00 00 00 00  |................|\n*\n"
        "00000050  65 6e 64                                          |end|\n00000053\n"
    )
    assert written(text) == data


@pytest.mark.parametrize(
    "text",
    [
        "0800822000000000000004000000000000001125120000000001301",
        "3038 3030 3832",
        "30:38:30:30",
        "",
        "zz",
        "b'unfinished",
        "00000010: 3038",
        "0000  30 38\n0020  30 38",
        "0x30, 0x38",
        "[1, 2, 3]",
        "[300, 1, 2, 3, 4, 5, 6, 7, 8]",
        "30 38 30 30 38 32\n32 30 30 30",
        "0x30 0x38 then something else 0x30 0x30 0x30 0x30 0x30 0x30 0x30!",
    ],
)
def test_plain_hex_text_and_what_is_no_dump_are_nobody_elses(text: str) -> None:
    assert written(text) is None


@pytest.mark.parametrize("around", ["{}", "[{}] (226 bytes)", '"{}"', "'{}' sent"])
def test_a_log_may_have_a_messages_own_text(around: str) -> None:
    text = MESSAGES["cmi87"].decode("ascii")
    found = readings(f"{STAMP}Sending: {around.format(text)}\n")
    assert text.rstrip() in [data.decode("latin-1") for data in found]


def test_a_log_with_several_messages_is_all_of_them() -> None:
    frames = [MESSAGES["cmi87b"], MESSAGES["visa"]]
    assert written("\n".join(f"{STAMP}in: {frame.hex()}" for frame in frames)) == b"".join(frames)


@pytest.mark.parametrize(
    "text",
    [
        "ISO 8583 is a standard of 1987: 0200 asks, 0210 answers",
        "0200B2200000001000000000000000800000201234000000010000011072218012345606A5DFGR021ABCDEFGHIJ 1234567890",
        "Hello World this is text of some length, and no base64",
        "0000000   `  \\0 003\n0000020 nothing",
        "[1 2 3 4 5 6 7 8 999]",
    ],
)
def test_text_of_other_things_is_no_bytes(text: str) -> None:
    assert readings(text) == []
