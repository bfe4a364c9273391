"""Host commands as hardware modules of the payShield family speak them over TCP: messages made, and taken apart. Pure.

A message is 2 bytes of length, a header of 4 characters that comes back unchanged, a command of 2 letters, and fields behind one
another; its answer has the command's next letter, and an error code of 2 digits. Rule: what no public page describes is not
guessed: it is refused, and says so.

Sources: pages of Thales host commands on the web (KQ), EFTlab's knowledge base (names), nickntg/thalessimulatorlibrary (M6, M8,
CC, CW, CY, EC), Shulyaka/iso8583tools (CC, CW, CY), softwaregroup-bg/ut-codec-payshield (B2). Assumed: algorithm 6 of M6 and M8
is CMAC, key type FFF and scheme S are of key blocks, PIN block codes 05 and 47 are formats 1 and 3.
"""

from collections.abc import Callable
from typing import Final

import msgspec

LENGTH: Final = 2
HEADER: Final = 4
ECHO: Final = "B2"
MAC_ALGORITHMS: Final = {"M0": "1", "M1": "1", "M3": "3", "M6": "6"}
"""by the key's use (X9.143)"""
PIN_FORMATS: Final = {0: "01", 1: "05", 3: "47"}
"""ISO 9564-1's to those of the commands. Format 4 (48) takes fields that no public page describes"""
OK: Final = "00"
FAILED: Final = "01"
"""all in order, and the value is another"""
BAD_BLOCKS: Final = ("20", "24")
"""no PIN block under this key, for this PAN"""
KEY_PROBLEMS: Final = {
    "10": "parity of the first key",
    "11": "parity of the second key",
    "12": "no such key is stored",
    "13": "the key is not under this LMK",
    "29": "the key is for something else",
    "67": "command not licensed",
    "68": "command disabled",
}
SCHEMES: Final = {"U": 32, "X": 32, "T": 48, "Y": 48, "Z": 16}
"""key schemes of variant LMKs -> hex digits behind the letter"""


class HostMessageError(ValueError):
    """A message that is none; says which field."""


class Reader:
    """Fields of one message, one behind the other."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int, what: str) -> bytes:
        """The next `size` bytes. Raises HostMessageError."""
        part = self.data[self.at : self.at + size]
        if len(part) < size:
            raise HostMessageError(f"{what} at byte {self.at}: {size} bytes, and {len(part)} are left")
        self.at += size
        return part

    def text(self, size: int, what: str) -> str:
        """The same as characters."""
        return self.take(size, what).decode("latin-1")

    def hex(self, size: int, what: str) -> bytes:
        """The same as hex digits."""
        try:
            return bytes.fromhex(self.text(size, what))
        except ValueError:
            raise HostMessageError(f"{what} at byte {self.at - size}: no hex digits") from None

    def number(self, size: int, what: str, base: int = 10) -> int:
        """The same as a number."""
        try:
            return int(self.text(size, what), base)
        except ValueError:
            raise HostMessageError(f"{what} at byte {self.at - size}: no number") from None

    def until(self, end: str, what: str) -> str:
        """What stands before a delimiter, which is passed."""
        stop = self.data.find(end.encode(), self.at)
        if stop < 0:
            raise HostMessageError(f"{what} at byte {self.at}: no {end!r} behind it")
        found = self.text(stop - self.at, what)
        self.at += 1
        return found

    def key(self, what: str) -> str:
        """A key: a block (S, with its length in it), or one of a variant LMK."""
        scheme = self.text(1, what)
        if scheme == "S":
            head = self.text(5, what)
            self.at -= 5
            if not head[1:].isdecimal():
                raise HostMessageError(f"{what}: a key block without its length")
            return scheme + self.text(int(head[1:]), what)
        if scheme not in SCHEMES:
            raise HostMessageError(f"{what}: key scheme {scheme!r} is not known here")
        return scheme + self.text(SCHEMES[scheme], what)


class Asked(msgspec.Struct, frozen=True):
    """One command: its code and fields, and what its answer says."""

    code: str
    fields: bytes
    value: Callable[[Reader], bytes] = lambda _: b""
    """what was made, of an answer that says 00"""

    def message(self, header: str) -> bytes:
        """As it goes out."""
        body = header.encode() + self.code.encode() + self.fields
        return len(body).to_bytes(LENGTH, "big") + body

    @property
    def answered_by(self) -> str:
        """The code of its answer."""
        return answer_code(self.code)


def answer_code(code: str) -> str:
    """`M6` -> `M7`, `CC` -> `CD`."""
    return code[0] + chr(ord(code[1]) + 1)


def echo(text: str = "there?") -> Asked:
    """B2: says again what it is told."""
    return Asked(ECHO, f"{len(text):04X}{text}".encode())


def mac(key: str, usage: str, padding: int, data: bytes, size: int) -> Asked:
    """M6: a MAC of 4 or 8 bytes over the whole message, given in binary. Raises HostMessageError."""
    return Asked("M6", _mac_fields(key, usage, padding, data, size), lambda reader: reader.hex(2 * size, "MAC"))


def check_mac(key: str, usage: str, padding: int, data: bytes, code: bytes) -> Asked:
    """M8: the same, held against `code`."""
    return Asked("M8", _mac_fields(key, usage, padding, data, len(code)) + code.hex().upper().encode())


def _mac_fields(key: str, usage: str, padding: int, data: bytes, size: int) -> bytes:
    algorithm = MAC_ALGORITHMS.get(usage)
    if algorithm is None or size not in (4, 8) or padding not in (1, 2):
        raise HostMessageError(
            f"a MAC of {size} bytes by {usage or 'an unknown use'}, padding {padding}: not with M6, M8"
        )
    kind = "FFF" if key.startswith("S") else "008"
    # mode 0: the only block; input 0: binary; size 0: 8 hex digits, 1: 16
    return f"00{size // 4 - 1}{algorithm}{padding}{kind}{key}{len(data):04X}".encode() + data


def account(pan: str) -> str:
    """The 12 digits that PIN commands take: the last but the check digit."""
    return pan[:-1][-12:].rjust(12, "0")


def translate_pin(source: str, target: str, block: bytes, pan: str, formats: tuple[int, int]) -> Asked:
    """CC: from one zone's key to another's. Raises HostMessageError."""
    codes = [_pin_format(each) for each in formats]
    fields = f"{source}{target}12{block.hex().upper()}{codes[0]}{codes[1]}{account(pan)}"

    def made(reader: Reader) -> bytes:
        reader.number(2, "PIN length")
        return reader.hex(16, "PIN block")

    return Asked("CC", fields.encode(), made)


def verify_pvv(zone: str, pvk: str, block: bytes, pin_format: int, pan: str, index: str, pvv: str) -> Asked:
    """EC: whether a PIN has this PVV. Raises HostMessageError."""
    return Asked("EC", f"{zone}{pvk}{block.hex().upper()}{_pin_format(pin_format)}{account(pan)}{index}{pvv}".encode())


def _pin_format(number: int) -> str:
    if number not in PIN_FORMATS:
        raise HostMessageError(f"PIN format {number}: CC and EC are spoken with 0, 1 and 3")
    return PIN_FORMATS[number]


def card_value(key: str, pan: str, expiry: str, service_code: str) -> Asked:
    """CW: a CVV, iCVV or CVV2."""
    return Asked("CW", f"{key}{pan};{expiry}{service_code}".encode(), lambda reader: reader.take(3, "CVV"))


def check_card_value(key: str, value: str, pan: str, expiry: str, service_code: str) -> Asked:
    """CY: the same, held against `value`."""
    return Asked("CY", f"{key}{value}{pan};{expiry}{service_code}".encode())


def check_cryptogram(
    key: str,
    scheme: str,
    card: bytes,
    counter: bytes,
    unpredictable: bytes,
    data: bytes,
    cryptogram: bytes,
    code: bytes,
) -> Asked:
    """KQ, mode 1: an ARQC checked, its ARPC (method 1) made. `scheme`: 0 Visa with the card's own key, 1 M/Chip; `card`: PAN and
    sequence number, 8 bytes; `data`: padded by who asks."""
    fields = f"1{scheme}{key}".encode() + card + counter + unpredictable + f"{len(data):02X}".encode() + data + b";"
    return Asked("KQ", fields + cryptogram + code, lambda reader: reader.take(8, "ARPC"))
