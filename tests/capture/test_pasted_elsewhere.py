"""Bytes as debuggers, databases, mails, tickets and other machines write them; several messages in one text; what is cut off."""

import base64
import quopri
import time
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random
from urllib.parse import quote_from_bytes

import pytest
from click.testing import CliRunner

from switch.capture.layers import Connection
from switch.capture.literals import cut
from switch.capture.pasted import pieces, readings, text_of, tidied, written
from switch.cli.decode import command as decode
from switch.cli.doctor import command as doctor
from tests.capture.test_pasted import MESSAGES, STAMP, quoted, rows, shown
from tests.doctor.sent import SHIPPED, documents

SIGN_ON = "0800822000000000000004000000000000001125120000000001001"
"""of cmi87, hex digits alone"""
SEEN = frozenset(range(0x20, 0x7F)) - set(b"\\\"'%<>[]&=")


def signed(b: int) -> int:
    return b - 256 if b > 127 else b


def partly(data: bytes, form: str) -> str:
    """Text of which only what cannot be printed is escaped, as loggers and databases do."""
    return "".join(chr(b) if b in SEEN else form.format(b) for b in data)


def words(chunk: bytes, size: int = 8) -> str:
    return " ".join(chunk.hex().upper()[i : i + size] for i in range(0, 2 * len(chunk), size))


def wrapped(text: str, width: int, end: str = "\n") -> str:
    return end.join(text[i : i + width] for i in range(0, len(text), width))


def octal_words(data: bytes) -> str:
    """Words in octal with the high byte first, offsets in words."""
    pairs = [f"{int.from_bytes(data[i : i + 2], 'big'):06o}" for i in range(0, len(data), 2)]
    return "\n".join(f"{at:06o}: {' '.join(pairs[at : at + 8])}  ........" for at in range(0, len(pairs), 8))


def zoned(data: bytes) -> str:
    return "\n".join((shown(data), "".join(f"{b >> 4:X}" for b in data), "".join(f"{b & 15:X}" for b in data)))


FORMS: dict[str, Callable[[bytes], str]] = {
    "groups of any size in brackets": lambda d: f"({d[:2].hex()} {d[2:10].hex()} {d[10:].hex()})",
    "groups of any size in quotes, over lines": lambda d: f"'{d[:5].hex(' ')} \n{d[5:9].hex(' ')}\n{d[9:].hex(' ')}'",
    "angle brackets": lambda d: f"<{d.hex()}>",
    "Python's bytes of its hex": lambda d: f"(\n b'{d[:30].hex()}'\n b'{d[30:].hex()}'\n)",
    "offsets with an h": lambda d: rows(d, lambda at, c: f"{at:08x}h {c.hex(' '):47} {shown(c):16}"),
    "IntelliJ's array": lambda d: "\n".join(f"{i} = {signed(b)}" for i, b in enumerate(d)),
    "IntelliJ's array, typed": lambda d: "\n".join(f"[{i}] = {{byte}} {signed(b)}" for i, b in enumerate(d)),
    "IntelliJ's value": lambda d: f"result = {{byte[{len(d)}]@1234}} [{quoted(d, '{}', ', ')}]",
    "VS Code's array": lambda d: "\n".join(f"{i}: {b}" for i, b in enumerate(d)),
    "Visual Studio's watch": lambda d: "\n".join(f"[{i}]\t0x{b:02x}\tbyte" for i, b in enumerate(d)),
    "Uint8Array": lambda d: f"Uint8Array({len(d)}) [\n  {quoted(d, '{}', ', ')}\n]",
    "JSON of a Buffer in a log": lambda d: f'{STAMP}{{"msg":{{"type":"Buffer","data":[{quoted(d, "{}", ",")}]}}}}',
    "JSON of a Buffer, in lines": lambda d: (
        f'{{\n "type": "Buffer",\n "data": [\n{quoted(d, "  {}", "," + chr(10))}\n ]\n}}'
    ),
    "Python, broken by a mail": lambda d: wrapped(repr(d), 76),
    "BitConverter in a log": lambda d: f"{STAMP}Sent: {d.hex('-').upper()}",
    "BitConverter, wrapped": lambda d: wrapped(d.hex("-").upper(), 60),
    "Delphi, an array": lambda d: f"const M: array[0..{len(d) - 1}] of Byte = (\n  {quoted(d, '${:02X}', ', ')});",
    "Delphi, a string": lambda d: f"Msg := {quoted(d, '#{}')};",
    "Delphi, a string in hex": lambda d: f"Msg := {quoted(d, '#${:02X}')};",
    "Visual Basic": lambda d: quoted(d, "&H{:02X}", ", "),
    "an assembler": lambda d: f"db {quoted(d, '0{:02X}h', ', ')}",
    "Rust": lambda d: f"[{quoted(d, '0x{:02x}u8', ', ')}]",
    "Rust, a string": lambda d: f'b"{quoted(d, chr(92) + "x{:02x}")}"',
    "Elixir": lambda d: f"<<{quoted(d, '{}', ', ')}>>",
    "PowerShell": lambda d: f"[byte[]] $m = {quoted(d, '0x{:02X}', ',')}",
    "gdb, x/xb": lambda d: rows(d, lambda at, c: f"0x7ffe{at:04x} <msg+{at}>:\t" + quoted(c, "0x{:02x}", "\t")),
    "gdb, print": lambda d: f"$1 = {{{quoted(d, '0x{:x}', ', ')}}}",
    "COBOL": lambda d: f"MOVE X'{d.hex().upper()}' TO WS-MSG.",
    "ISPF, HEX ON": zoned,
    "Oracle, RAW": lambda d: f"HEXTORAW('{d.hex().upper()}')",
    "Oracle, DUMP 16": lambda d: f"Typ=23 Len={len(d)}: {quoted(d, '{:x}', ',')}",
    "Oracle, DUMP": lambda d: f"Typ=1 Len={len(d)} CharacterSet=AL32UTF8: {quoted(d, '{}', ',')}",
    "Splunk": lambda d: f'11/28/26 12:00:00.000 PM\tlevel=INFO host=pos01 msg_hex="{d.hex().upper()}" len={len(d)}',
    "base64 of URLs": lambda d: base64.urlsafe_b64encode(d).decode().rstrip("="),
    "base64 in a log": lambda d: f"{STAMP}payload={base64.b64encode(d).decode()}",
    "base64 in JSON": lambda d: f'{{"payload": "{base64.b64encode(d).decode()}"}}',
    "base64 in armour": lambda d: f"-----BEGIN MESSAGE-----\n{base64.encodebytes(d).decode()}-----END MESSAGE-----",
    "base64 in a program": lambda d: f'Buffer.from("{base64.b64encode(d).decode()}", "base64")',
    "HTML": lambda d: quoted(d, "&#{};"),
    "HTML in hex": lambda d: quoted(d, "&#x{:02X};"),
    "bits": lambda d: quoted(d, "{:08b}", " "),
    "Wireshark, escaped": lambda d: '"' + wrapped(quoted(d, "\\x{:02x}"), 64, '" \\\n"') + '"',
    "line numbers": lambda d: "\n".join(
        f"{n}: {d[i:j].hex(' ')}" for n, (i, j) in enumerate(pairwise([*range(0, len(d), 16), len(d)]), 1)
    ),
    "a dump of 32 bytes a row": lambda d: "\n".join(
        f"{at:06X}   {words(d[at : at + 32])}   *{shown(d[at : at + 32])}*" for at in range(0, len(d), 32)
    ),
    "a dump in words": lambda d: rows(d, lambda at, c: f"{at:08X}  {words(c):<36} |{shown(c)}|"),
    "a dump with +": lambda d: rows(d, lambda at, c: f"+{at:04X}  {words(c):<36} *{shown(c)}*"),
    "a dump in a fence": lambda d: (
        "```text\n" + rows(d, lambda at, c: f"{at:04x}  {c.hex(' '):<47}  {shown(c)}") + "```"
    ),
    "a dump, answered": lambda d: rows(d, lambda at, c: f"> {at:04x}  {c.hex(' '):<47}  {shown(c)}"),
    "a dump with other blanks": lambda d: rows(d, lambda at, c: f"{at:04x}  {c.hex(' ')}").replace(" ", "\u00a0"),
    "a dump of Windows": lambda d: rows(d, lambda at, c: f"{at:04x}  {c.hex(' ')}").replace("\n", "\r\n"),
    "quotes of a word processor": lambda d: f"\u201c{quoted(d, chr(92) + 'x{:02x}')}\u201d",
    "dashes of a word processor": lambda d: d.hex("-").upper().replace("-", "\u2013"),
    "one sign between": lambda d: quoted(d, "{:02X}", "|"),
    "hex that says so": lambda d: f"{d.hex().upper()}h",
    "a frame": lambda d: Connection(("10.0.0.1", 40_000), ("10.0.0.2", 8_583)).data(d, from_client=True)[0].hex("-"),
}
ALIKE: dict[str, Callable[[bytes], str]] = {
    "\\x": lambda d: partly(d, "\\x{:02X}"),
    "octal": lambda d: partly(d, "\\{:03o}"),
    "JSON": lambda d: f'"{partly(d, chr(92) + "u{:04x}")}"',
    "angles": lambda d: partly(d, "<{:02X}>"),
    "brackets": lambda d: partly(d, "[{:02X}]"),
    "quoted-printable": lambda d: quopri.encodestring(d, quotetabs=True).decode(),
    "URL": quote_from_bytes,
    "in a log": lambda d: f"{STAMP}raw={partly(d, chr(92) + 'x{:02x}')}",
}
"""Forms in which what can be printed is itself."""


@pytest.mark.parametrize("form", FORMS)
def test_a_message_is_its_bytes_wherever_it_was_printed(form: str) -> None:
    rng = Random(form)
    for _ in range(20):
        data = rng.choice(list(MESSAGES.values()))[: rng.randrange(40, 300)]
        assert written(FORMS[form](data)) == data, FORMS[form](data)


@pytest.mark.parametrize("form", ALIKE)
@pytest.mark.parametrize("name", ["cmi87b", "visa", "mastercard"])
def test_bytes_among_text_that_is_itself_are_bytes(form: str, name: str) -> None:
    assert written(ALIKE[form](MESSAGES[name])) == MESSAGES[name]


@pytest.mark.parametrize("times", [2, pytest.param(16, marks=pytest.mark.long)])
def test_text_that_was_damaged_is_read_or_not_and_is_no_error(times: int) -> None:
    rng, forms = Random(20), {**FORMS, **ALIKE}
    for name in [*forms] * times:
        text = forms[name](rng.choice(list(MESSAGES.values())))
        for _ in range(rng.randint(1, 4)):
            at = rng.randrange(len(text) + 1)
            text = (
                text[:at] + rng.choice("\\\"'<>[](){}#$&%=\n \u00a0x0\u00e9\ud800;,:-") + text[at + rng.randrange(3) :]
            )
        assert all(isinstance(data, bytes) for data in (*readings(text), *pieces(text)))


@pytest.mark.parametrize(
    "part",
    ["a", "0", " ", "\\x30", "[1,", "<30>", "A1b", "30 ", "0x30 ", "=41", "> ", "30-", "1: 30\n", "b'0'\n"],
)
def test_a_text_eight_times_as_long_takes_about_eight_times_as_long(part: str) -> None:
    """Never the square of it: the better of three of each, one after the other, of this process alone."""

    def took(times: int) -> float:
        began = time.process_time()
        readings(part * times)
        pieces(part * times)
        return time.process_time() - began

    pairs = [(took(500), took(4_000)) for _ in range(3)]
    assert min(long for _, long in pairs) < 24 * min(short for short, _ in pairs) + 0.1


def test_words_in_octal_have_their_high_byte_first() -> None:
    assert written(octal_words(MESSAGES["mastercard"])) == MESSAGES["mastercard"]


@pytest.mark.parametrize(
    "content",
    [
        ("\ufeff" + MESSAGES["cmi87b"].hex()).encode("utf-16"),
        MESSAGES["cmi87b"].hex().encode("utf-16-le"),
        ("\ufeff" + MESSAGES["cmi87b"].hex()).encode(),
        f"\x93{MESSAGES['cmi87b'].hex()}\x94".encode("latin-1"),
        MESSAGES["cmi87b"].hex(" ").replace(" ", "\u00a0").encode(),
        f"```\r\n{MESSAGES['cmi87b'].hex(' ')}\r\n```\r\n".encode(),
        ("> " + "\n> ".join(wrapped(MESSAGES["cmi87b"].hex(" "), 48).split("\n"))).encode(),
        rows(MESSAGES["cmi87b"], lambda at, c: f"{at:08x}  {c.hex(' ')}").encode("utf-16"),
        FORMS["a frame"](MESSAGES["cmi87b"]).replace("-", "").encode(),
    ],
    ids=[
        "UTF-16",
        "UTF-16 without a mark",
        "a mark",
        "quotes",
        "blanks",
        "fence",
        "answered",
        "a dump in UTF-16",
        "a frame",
    ],
)
def test_a_file_of_another_programs_text_is_read_by_both_commands(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "pasted.txt").write_bytes(content)
    for argument in (str(tmp_path / "pasted.txt"), "-"):
        for command, said in ((decode, "Primary Account Number"), (doctor, "of cmi87b")):
            result = CliRunner().invoke(command, [argument], input=content)
            assert (result.exit_code, said in result.output) == (0, True), result.output


def test_a_frame_of_which_the_end_was_not_copied_is_a_frame() -> None:
    whole = bytes.fromhex(FORMS["a frame"](MESSAGES["visa"]).replace("-", ""))
    assert written(whole[:-20].hex("-")) == MESSAGES["visa"][:-20]
    damaged = whole[:24] + bytes([whole[24] ^ 1]) + whole[25:-20]
    assert written(damaged.hex("-")) == damaged, "whose checksum is wrong is none"


@pytest.mark.parametrize("text", [MESSAGES["cmi87"].decode() + "\n", "\n".join(wrapped(SIGN_ON, 40).split("\n"))])
def test_a_messages_own_text_is_one_whatever_an_editor_or_a_page_made_of_its_lines(text: str, tmp_path: Path) -> None:
    """One line end behind it, or lines of one width: a text of hex digits alone is not hex for that."""
    (tmp_path / "pasted.txt").write_text(text)
    for argument in (str(tmp_path / "pasted.txt"), "-"):
        said = CliRunner().invoke(doctor, [argument], input=text)
        assert "healthy: 1 message" in said.output, said.output
        assert "cmi87 with no length header" in said.output
        assert "cmi87" in CliRunner().invoke(decode, [argument], input=text).output.splitlines()[0]


def test_a_cash_machines_own_protocol_is_called_by_its_name() -> None:
    """What is seen behind the length of a port that a cash machine was pointed at: fields between 1C bytes."""
    for text in (b"11\x1c002\x1c\x1c\x1c1;\x1c;9504", b"\0\x2122\x1c000000001\x1c\x1c9\x1cA"):
        assert "a cash machine" in CliRunner().invoke(doctor, [text.hex()]).output
    digits = CliRunner().invoke(doctor, ["-"], input=b"<0200" + MESSAGES["cmi87"][4:20] + b">").output
    assert "XML" not in digits, "a bracket before digits begins no element"


def test_text_with_letters_of_its_own_and_messages_are_no_text() -> None:
    assert text_of("0200 CAFÉ".encode("latin-1")) is None
    assert all(text_of(MESSAGES[name]) is None for name in ("cmi87b", "visa", "mastercard"))


def test_what_the_client_sent_keeps_its_sign() -> None:
    talk = "\n".join(f"> {MESSAGES[name].hex()}" for name in ("cmi87b", "cmi87"))
    assert tidied(talk) == talk


# -- several


def hexes(messages: list[bytes]) -> str:
    return "\n".join(m.hex() for m in messages)


SEVERAL: dict[str, Callable[[list[bytes]], str]] = {
    "lines": hexes,
    "paragraphs": lambda ms: "\n\n".join(wrapped(m.hex(), 60) for m in ms),
    "a log": lambda ms: "\n".join(f"{STAMP}in: {m.hex()}" for m in ms),
    "dumps": lambda ms: "".join(rows(m, lambda at, c: f"{at:04x}  {c.hex(' ')}") for m in ms),
    "a list of Python's": repr,
    "Python, a line each": lambda ms: "\n".join(map(repr, ms)),
    "base64": lambda ms: "\n".join(base64.b64encode(m).decode() for m in ms),
}


@pytest.mark.parametrize("form", SEVERAL)
@pytest.mark.parametrize("name", ["cmi87", "cmi87b", "mastercard"])
def test_several_messages_in_one_text_are_each_read(form: str, name: str) -> None:
    messages = [SHIPPED[name].encode(document) for document in documents(SHIPPED[name])[:3]]
    assert pieces(SEVERAL[form](messages)) == messages


def test_one_of_several_that_is_wrong_is_named_and_the_others_are_shown() -> None:
    dialect = SHIPPED["cmi87"]
    messages = [dialect.encode(document) for document in documents(dialect)[:3]]
    messages[1] = messages[1][:-3]
    text = hexes(messages)
    result = CliRunner().invoke(decode, ["-", "--dialect", "cmi87"], input=text)
    assert result.exit_code == 1
    assert "message 3 of 3" in result.output
    assert "DE102" in CliRunner().invoke(doctor, ["-", "--dialect", "cmi87"], input=text).output


@pytest.mark.parametrize("form", ["lines of one", "a dump"])
def test_one_message_in_rows_is_one(form: str) -> None:
    data = MESSAGES["cmi87b"]
    text = wrapped(data.hex(), 60) if form == "lines of one" else rows(data, lambda at, c: f"{at:04x}  {c.hex(' ')}")
    assert pieces(text) == []


# -- what is not there


@pytest.mark.parametrize(
    ("text", "missing", "how"),
    [
        (f"<Buffer {MESSAGES['visa'][:50].hex(' ')} ... 176 more bytes>", 176, "toString('hex')"),
        (f"[{quoted(MESSAGES['visa'][:100], '{}', ', ')}, ... 126 more items ]", 126, "toString('hex')"),
        (f"<<{quoted(MESSAGES['visa'][:50], '{}', ', ')}, ...>>", None, "Base.encode16"),
    ],
)
def test_a_program_that_left_bytes_out_is_told_of_with_how_to_print_them(
    text: str, missing: int | None, how: str
) -> None:
    found = cut(text)
    assert found is not None
    assert (found.missing, how in found.whole) == (missing, True)
    for command in (decode, doctor):
        assert how in CliRunner().invoke(command, [text]).output
    assert readings(text)[0] == MESSAGES["visa"][: len(readings(text)[0])]


def test_a_file_of_packets_is_called_one_and_who_reads_it_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.pcap").write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000"))
    result = CliRunner().invoke(decode, [str(tmp_path / "a.pcap")])
    assert result.exit_code == 2
    assert "is a packet capture: cmi-switch capture show" in result.output
