"""A hardware module of the payShield family as the switch's security module: its commands as host commands over TCP.

In: commands that name keys. Out: replies. Keys are in a file by name, each as the hardware module wraps it (under its LMK):
nothing in this process, or in that file, is of use without it. All commands of a batch are sent one behind the other, and answers
are told apart by their headers, so that a batch costs about one round trip. Rule: what has no host command here, or would need
one that no public page describes, is refused, and says so (`host_messages`).
"""

import socket
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from switch.security import emv, host_messages
from switch.security.commands import (
    BAD_BLOCK,
    BAD_REQUEST,
    NOT_PERMITTED,
    UNKNOWN_KEY,
    WRONG,
    CheckCardValue,
    CheckCryptogram,
    CheckMac,
    Command,
    MakeCardValue,
    MakeMac,
    Reply,
    TranslatePin,
    VerifyPin,
)
from switch.security.host_messages import BAD_BLOCKS, FAILED, HEADER, LENGTH, OK, Asked, HostMessageError, Reader
from switch.security.remote import TIMEOUT_S, FarModule

PROBE_HEADER: Final = "PING"
IN_FLIGHT: Final = 64
"""commands sent before the first answer is read: hardware modules queue so many"""
_CARDS: Final = {"card": "0", "mchip": "1"}
"""scheme of KQ by how the session key is made"""


class HostKey(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A key as the hardware module has wrapped it."""

    key: str
    """with its scheme: `U` and 32 hex digits under a variant LMK, `S` and a key block under a key block LMK"""
    usage: str = ""
    """X9.143's, for MAC keys: M1, M3 or M6"""


class HostKeysError(ValueError):
    """A file of keys that cannot be read; names it."""


def read_host_keys(path: Path) -> dict[str, HostKey]:
    """The keys of a file: JSON, an object a key by its name. Raises HostKeysError."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[str, HostKey])
    except (OSError, msgspec.MsgspecError) as error:
        raise HostKeysError(f'{path}: {error}; expected {{"NAME": {{"key": "U…", "usage": "M3"}}}}') from None


class _UnsaidError(Exception):
    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.reason)
        self.reply = reply


class HostModule(FarModule):
    """Asks a hardware module."""

    hint = "is it there, does it take this address (its console: QH), and are its host commands enabled?"

    def __init__(self, address: tuple[str, int], keys: Mapping[str, HostKey], timeout_s: float = TIMEOUT_S) -> None:
        """`keys`: by name, as it has wrapped them."""
        super().__init__(address, timeout_s)
        self._keys = dict(keys)
        self._count = 0
        echo = host_messages.echo()
        self.probe = echo.message(PROBE_HEADER)
        told = f"{PROBE_HEADER}{echo.answered_by}{OK}".encode() + echo.fields[4:]
        self.alive = len(told).to_bytes(LENGTH, "big") + told
        self._says: dict[type, Callable[..., Asked]] = {
            MakeMac: self._make_mac,
            CheckMac: self._check_mac,
            TranslatePin: self._translate_pin,
            VerifyPin: self._verify_pin,
            MakeCardValue: self._make_card_value,
            CheckCardValue: self._check_card_value,
            CheckCryptogram: self._check_cryptogram,
        }

    def _converse(self, sock: socket.socket, commands: Sequence[Command]) -> list[Reply]:
        replies: list[Reply] = []
        for begin in range(0, len(commands), IN_FLIGHT):
            replies += self._some(sock, commands[begin : begin + IN_FLIGHT])
        for number, (command, reply) in enumerate(zip(commands, replies, strict=True)):
            if isinstance(command, CheckMac) and reply.code == WRONG:
                replies[number] = self._by_the_others(sock, command, reply)
            elif isinstance(command, CheckCryptogram) and reply.ok:
                replies[number] = Reply(True, reply.value + command.code)
        return replies

    def _by_the_others(self, sock: socket.socket, command: CheckMac, reply: Reply) -> Reply:
        """A MAC that is not of the first key: of the one before a rotation?"""
        for name in command.keys[1:]:
            if name in self._keys:
                (other,) = self._some(sock, [CheckMac((name,), command.data, command.mac, command.padding)])
                if other.ok:
                    return Reply(True, name.encode())
        return reply

    def _some(self, sock: socket.socket, commands: Sequence[Command]) -> list[Reply]:
        replies: dict[int, Reply] = {}
        waiting: dict[str, tuple[int, Asked]] = {}
        out = b""
        for number, command in enumerate(commands):
            try:
                asked = self._say(command)
            except _UnsaidError as refused:
                replies[number] = refused.reply
                continue
            self._count = (self._count + 1) % 10**HEADER
            header = f"{self._count:0{HEADER}d}"
            waiting[header] = number, asked
            out += asked.message(header)
        sock.sendall(out)
        rest = b""
        while waiting:
            rest = self._received(sock, rest, LENGTH)
            size = LENGTH + int.from_bytes(rest[:LENGTH], "big")
            rest = self._received(sock, rest, size)
            number, reply = _answered(Reader(rest[LENGTH:size]), waiting)
            replies[number], rest = reply, rest[size:]
        return [replies[number] for number in range(len(commands))]

    def _say(self, command: Command) -> Asked:
        says = self._says.get(type(command))
        if says is None:
            what = type(command).__name__
            raise _UnsaidError(Reply(False, b"", NOT_PERMITTED, f"{what}: hardware modules are not asked for it here"))
        try:
            return says(command)
        except (HostMessageError, emv.ChipDataError) as error:
            raise _UnsaidError(Reply(False, b"", BAD_REQUEST, str(error))) from None

    def _key(self, name: str) -> HostKey:
        found = self._keys.get(name)
        if found is None:
            raise _UnsaidError(
                Reply(False, b"", UNKNOWN_KEY, f"there is no key {name!r} in the file of `hardware_keys`")
            )
        return found

    # -- as host commands

    def _make_mac(self, command: MakeMac) -> Asked:
        key = self._key(command.key)
        return host_messages.mac(key.key, key.usage, command.padding, command.data, command.size)

    def _check_mac(self, command: CheckMac) -> Asked:
        key = self._key(command.keys[0])
        return host_messages.check_mac(key.key, key.usage, command.padding, command.data, command.mac)

    def _translate_pin(self, command: TranslatePin) -> Asked:
        if command.ksn:
            raise HostMessageError("a PIN under DUKPT: hardware modules are not asked for it here")
        source, target = self._key(command.from_key).key, self._key(command.to_key).key
        formats = command.from_format, command.to_format
        return host_messages.translate_pin(source, target, command.block, command.pan, formats)

    def _verify_pin(self, command: VerifyPin) -> Asked:
        if command.reference.method != "pvv":
            raise HostMessageError("PINs are verified by PVV: IBM 3624 is not spoken with hardware modules here")
        zone, pvk = self._key(command.key).key, self._key(command.verification_key).key
        index, pvv = command.reference.key_index, command.reference.value
        return host_messages.verify_pvv(zone, pvk, command.block, command.format, command.pan, index, pvv)

    def _make_card_value(self, command: MakeCardValue) -> Asked:
        return host_messages.card_value(self._key(command.key).key, command.pan, command.expiry, command.service_code)

    def _check_card_value(self, command: CheckCardValue) -> Asked:
        key = self._key(command.key).key
        return host_messages.check_card_value(key, command.value, command.pan, command.expiry, command.service_code)

    def _check_cryptogram(self, command: CheckCryptogram) -> Asked:
        tags = command.tags
        version = emv.VERSIONS.get((command.scheme, emv.version_of(command.scheme, tags.get("9F10", b""))))
        if version is None or version.session not in _CARDS or (command.option or version.card_keys) != "A":
            raise HostMessageError(
                "a cryptogram with EMV's common session key: KQ is spoken for versions 10, 16 and 17"
            )
        data = emv.covered(version, tags) + (b"\x80" if version.padding == emv.PADDING_2 else b"")
        card = bytes.fromhex((command.pan + command.sequence)[-16:].rjust(16, "0"))
        key, scheme = self._key(command.key).key, _CARDS[version.session]
        return host_messages.check_cryptogram(
            key, scheme, card, tags["9F36"], tags["9F37"], data + bytes(-len(data) % 8), tags["9F26"], command.code
        )


def _answered(reader: Reader, waiting: dict[str, tuple[int, Asked]]) -> tuple[int, Reply]:
    """Which command was answered, and what. Raises HostMessageError: an answer to nothing."""
    header = reader.text(HEADER, "header")
    code, error = reader.text(2, "answer code"), reader.text(2, "error code")
    if header not in waiting or waiting[header][1].answered_by != code:
        raise HostMessageError(f"an answer {code} that nothing was asked for")
    number, asked = waiting.pop(header)
    if error == OK:
        return number, Reply(True, asked.value(reader))
    if error == FAILED:
        return number, Reply(False, b"", WRONG, "all was in order, and the value is another")
    if error in BAD_BLOCKS:
        return number, Reply(False, b"", BAD_BLOCK, f"no PIN block under this key, for this PAN (error {error})")
    why = host_messages.KEY_PROBLEMS.get(error, "see its manual")
    return number, Reply(
        False, b"", NOT_PERMITTED, f"the hardware module refuses {asked.code} with error {error}: {why}"
    )
