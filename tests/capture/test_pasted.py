"""Bytes in every form that people paste are the bytes."""

import re
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from click.testing import CliRunner

from switch.capture.pasted import written
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


FORMS: dict[str, Callable[[bytes], str]] = {
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
        if form in ("Java printed", "Go printed") and len(data) < 8:
            continue
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
