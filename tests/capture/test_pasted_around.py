"""Bytes among what people and logs put around them: times, line numbers, sentences, quotes; and forms that say little."""

from collections.abc import Callable
from random import Random

import pytest

from switch.capture.pasted import readings, text_of, written
from tests.capture.test_pasted import FORMS, MESSAGES, quoted
from tests.capture.test_pasted_elsewhere import partly


def each(before: str) -> Callable[[str], str]:
    return lambda text: "\n".join(before.format(n) + line for n, line in enumerate(text.split("\n")))


AROUND: dict[str, Callable[[str], str]] = {
    "a day and a time": each("2026-11-28 10:11:12.{:03d} "),
    "a time of ISO 8601 and a level": each("2026-11-28T10:11:12.{:03d}Z DEBUG "),
    "a time in brackets": each("[10:11:12.{:03d}] "),
    "what log4j puts before each line": each("10:11:12.{:03d} [pool-1-thread-3] INFO  c.bank.Rx - "),
    "syslog": each("Nov 28 10:11:{:02d} host switchd[123]: "),
    "seconds of the epoch": each("1795860672.{:06d} "),
    "line numbers": each("{:3d}  "),
    "sentences": lambda text: f"Hello, the host sends us this:\n\n{text}\n\nWhat is wrong with it?",
    "letters outside ASCII": lambda text: f"Voici le message re\u00e7u \u2192\n\n{text}\n\nMerci d\u2019avance",
    "a line before it": lambda text: f"Got this from the host:\n{text}",
    "what a mail answers": each("> "),
    "backticks": lambda text: f"`{text}`",
    "Windows": lambda text: text.replace("\n", "\r\n"),
    "colours": lambda text: f"\x1b[32m{text}\x1b[0m",
}
GO = "Go printed"
MANY = ["xxd", "hexdump -C", "jPOS", "Wireshark", "C", "Java", "list", "Python", "bytearray", "base64", "bytea", GO]


@pytest.mark.parametrize("form", MANY)
@pytest.mark.parametrize("around", AROUND)
def test_a_message_is_found_in_what_stands_around_it(around: str, form: str) -> None:
    if around == "line numbers" and form == GO:
        pytest.skip("a list of numbers behind a number is one")
    for data in MESSAGES.values():
        text = text_of(AROUND[around](FORMS[form](data)).encode())
        assert text is not None
        assert written(text) == data, text


LITTLE: dict[str, Callable[[bytes], str]] = {
    "Rust's {:x?}": lambda d: f"[{quoted(d, '{:x}', ', ')}]",
    "Rust's {:02x?}": lambda d: f"[{quoted(d, '{:02x}', ', ')}]",
    "hex between commas": lambda d: quoted(d, "{:02X}", ","),
    "NSData": lambda d: f"<{d.hex(' ', -4)}>",
    "Kotlin": lambda d: f"byteArrayOf({', '.join(f'0x{b:02X}' + '.toByte()' * (b > 127) for b in d)})",
    "a dump with tabs": lambda d: "\n".join(
        f"{at:08x}\t{d[at : at + 8].hex(' ')}\t{d[at + 8 : at + 16].hex(' ')}\t|{'.' * len(d[at : at + 16])}|"
        for at in range(0, len(d), 16)
    ),
}


@pytest.mark.parametrize("form", LITTLE)
def test_a_form_that_does_not_say_that_it_is_hex_is_told_by_its_digits(form: str) -> None:
    rng = Random(form)
    for _ in range(20):
        data = rng.choice(list(MESSAGES.values()))[: rng.randrange(40, 300)]
        if not form.startswith("Rust") or any(b > 0x99 or b & 15 > 9 for b in data):
            assert written(LITTLE[form](data)) == data, LITTLE[form](data)


@pytest.mark.parametrize("form", ["\\x{:02x}", "<{:02X}>", "\\u{:04x}", "[{:02X}]"])
@pytest.mark.parametrize("before", [b"", b"\x02", b"\x01\x1f", b"\x00\x3f\x00\x00"])
def test_a_message_in_ascii_behind_a_length_of_few_escapes_is_whole(form: str, before: bytes) -> None:
    data = before + MESSAGES["cmi87"]
    assert readings(f'"{partly(data, form)}"')[0] == data


def test_bytes_that_are_no_text_are_not_searched_for_hex() -> None:
    assert text_of(b"\x02\x1a" + MESSAGES["cmi87"]) is None
    assert text_of("0800 re\u00e7u".encode()) is None
