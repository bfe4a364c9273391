"""A hardware module's host commands, spoken by software: to try `payshield.HostModule`, and others' hosts, without the hardware.

In: messages of `host_messages`, whose keys are key blocks under this server's master key (scheme S). Out: answers with error
codes as such a module has them. Rule: it computes with `SoftwareModule` and its refusals; it is no hardware, and protects
nothing.
"""

import socket
from collections.abc import Callable

from switch.security import emv, host_messages, pin_blocks
from switch.security.commands import (
    BAD_BLOCK,
    NOT_PERMITTED,
    UNKNOWN_KEY,
    WRONG,
    CheckCardValue,
    CheckMac,
    Command,
    MakeCardValue,
    MakeMac,
    PinReference,
    TranslatePin,
    VerifyPin,
)
from switch.security.host_messages import FAILED, HEADER, LENGTH, OK, HostMessageError, Reader, answer_code
from switch.security.key_source import KeySource
from switch.security.macs import agrees
from switch.security.module import SoftwareModule
from switch.security.remote import Server

_ERRORS = {WRONG: FAILED, BAD_BLOCK: "20", UNKNOWN_KEY: "13", NOT_PERMITTED: "29"}
_INVALID = "15"
_UNKNOWN_COMMAND = "68"
_FORMATS = {code: number for number, code in host_messages.PIN_FORMATS.items()}
_USAGES = {digit: usage for usage, digit in host_messages.MAC_ALGORITHMS.items()}


class HostServer(Server):
    """Answers host commands at a TCP port."""

    def __init__(
        self, module: SoftwareModule, keys: KeySource, address: tuple[str, int], log: Callable[[str], None]
    ) -> None:
        """`keys`: those of `module`. Raises OSError where nothing can listen there."""
        self._module, self._keys = module, keys
        listening = socket.socket()
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        self.address: tuple[str, int] = listening.getsockname()[:2]
        self._does: dict[str, Callable[[Reader], bytes]] = {
            "M6": self._make_mac,
            "M8": self._check_mac,
            "CC": self._translate_pin,
            "EC": self._verify_pin,
            "CW": self._make_card_value,
            "CY": self._check_card_value,
            "KQ": self._check_cryptogram,
            host_messages.ECHO: _echo,
        }
        super().__init__(listening, LENGTH, self.answer, log)

    def answer(self, message: bytearray) -> bytes:
        """The answer to one message, without their lengths. Raises HostMessageError: not even a header and a code."""
        reader = Reader(bytes(message))
        header, code = reader.take(HEADER, "header"), reader.text(2, "command code")
        does = self._does.get(code)
        try:
            said = does(reader) if does is not None else _UNKNOWN_COMMAND.encode()
            if does is not None and reader.at != len(reader.data):
                raise HostMessageError(f"{len(reader.data) - reader.at} bytes too many")
        except (HostMessageError, KeyError, ValueError):
            said = _INVALID.encode()
        return header + answer_code(code).encode() + said

    def _ask(self, command: Command, made: Callable[[bytes], bytes] = lambda _: b"") -> bytes:
        (reply,) = self._module.ask([command])
        return OK.encode() + made(reply.value) if reply.ok else _ERRORS.get(reply.code, _INVALID).encode()

    def _key(self, reader: Reader, what: str) -> str:
        """A key block, which the module takes in a name's place."""
        key = reader.key(what)
        if not key.startswith("S"):
            raise HostMessageError(f"{what}: this module has a key block LMK, and {key[0]} is of a variant one")
        return key[1:]

    def _mac_of(self, reader: Reader) -> tuple[str, bytes, int, int]:
        """Key, data, padding and size of M6 and M8."""
        flags, kind = reader.text(5, "flags"), reader.text(3, "key type")
        key = self._key(reader, "key")
        data = reader.take(reader.number(4, "message length", 16), "message")
        found = self._keys.find(key)
        if flags[:2] != "00" or kind != "FFF" or (found is not None and found.header.usage != _USAGES[flags[3]]):
            raise HostMessageError("mode, input format, key type or algorithm: not as this module has them")
        return key, data, int(flags[4]), 4 * (int(flags[2]) + 1)

    def _make_mac(self, reader: Reader) -> bytes:
        key, data, padding, size = self._mac_of(reader)
        return self._ask(MakeMac(key, data, padding, size), lambda value: value.hex().upper().encode())

    def _check_mac(self, reader: Reader) -> bytes:
        key, data, padding, size = self._mac_of(reader)
        return self._ask(CheckMac((key,), data, reader.hex(2 * size, "MAC"), padding))

    def _translate_pin(self, reader: Reader) -> bytes:
        source, target = self._key(reader, "source ZPK"), self._key(reader, "destination ZPK")
        reader.number(2, "maximum PIN length")
        block, formats = reader.hex(16, "PIN block"), (reader.text(2, "format"), reader.text(2, "format"))
        pan = reader.text(12, "account number") + "0"
        asked = TranslatePin(source, target, block, pan, _FORMATS[formats[0]], _FORMATS[formats[1]])

        def said(value: bytes) -> bytes:
            found = self._keys.find(source)
            assert found is not None, "its PIN has just been translated"
            pin = pin_blocks.decrypt_pin(pin_blocks.tdes_cipher(found.key), asked.from_format, block, pan)
            return f"{len(pin):02d}{value.hex().upper()}{formats[1]}".encode()

        return self._ask(asked, said)

    def _verify_pin(self, reader: Reader) -> bytes:
        zone, pvk = self._key(reader, "ZPK"), self._key(reader, "PVK")
        block, code = reader.hex(16, "PIN block"), reader.text(2, "format")
        pan = reader.text(12, "account number") + "0"
        index = reader.text(1, "PVKI")
        wanted = PinReference("pvv", reader.text(4, "PVV"), index)
        return self._ask(VerifyPin(zone, pvk, block, pan, wanted, _FORMATS[code]))

    def _make_card_value(self, reader: Reader) -> bytes:
        key, pan = self._key(reader, "CVK"), reader.until(";", "PAN")
        return self._ask(MakeCardValue(key, pan, reader.text(4, "expiry"), reader.text(3, "service code")), bytes)

    def _check_card_value(self, reader: Reader) -> bytes:
        key, value = self._key(reader, "CVK"), reader.text(3, "CVV")
        pan = reader.until(";", "PAN")
        return self._ask(CheckCardValue(key, pan, reader.text(4, "expiry"), reader.text(3, "service code"), value))

    def _check_cryptogram(self, reader: Reader) -> bytes:
        if reader.text(1, "mode") != "1":
            raise HostMessageError("mode: an ARQC is checked, and its ARPC made")
        scheme, key = reader.text(1, "scheme"), self._key(reader, "MK-AC")
        card, counter, unpredictable = reader.take(8, "PAN"), reader.take(2, "ATC"), reader.take(4, "UN")
        data = reader.take(reader.number(2, "data length", 16), "data")
        if reader.text(1, "delimiter") != ";" or scheme not in ("0", "1"):
            raise HostMessageError("delimiter or scheme")
        cryptogram, code = reader.take(8, "ARQC"), reader.take(2, "ARC")
        found = self._keys.find(key)
        if found is None or found.header.usage != "E0":
            return _ERRORS[UNKNOWN_KEY if found is None else NOT_PERMITTED].encode()
        own = emv.card_key(found.key, card.hex()[:14], card.hex()[14:])
        session = own if scheme == "0" else emv.session_key(own, emv.mchip_diversifier(counter, unpredictable))
        if not agrees(emv.cryptogram(session, data, emv.PADDING_1), cryptogram):
            return FAILED.encode()
        return OK.encode() + emv.response_1(own, cryptogram, code)


def _echo(reader: Reader) -> bytes:
    return OK.encode() + reader.take(reader.number(4, "length", 16), "data")
