"""Key blocks of ANSI X9.143 (formerly TR-31): a key, encrypted and bound to what it may be used for.

In: a key block protection key (KBPK), a header, a key, and padding drawn at random by the caller. Out: the block as text, or
the key of one. Rule: nothing of a block is believed before its MAC holds; versions B (triple DES) and D (AES) are made, A and C
are read only, as their keys are mere variants of the KBPK.

Header: version 1, length 4, usage 2, algorithm 1, mode 1, key version 2, exportability 1, number of optional blocks 2, context 2;
then optional blocks, each an id of 2, its length in hex, its data. Body: E(key's length in bits 2 | key | padding) | MAC, in hex.
"""

from typing import Final, NamedTuple, TypeAlias

import msgspec

from switch.security import aes, des
from switch.security.check_values import is_check_value
from switch.security.des import Transform
from switch.security.macs import AES_CMAC, ALGORITHM_1, TDES_CMAC, agrees, mac_maker

HEADER_CHARS: Final = 16
LENGTH_MAX: Final = 9_999
OPTIONAL_MAX: Final = 99
HIDDEN_BYTES: Final = {"A": 32, "T": 24, "D": 8}
"""as long as the longest key of its kind is each of them made, so that a block does not tell how long its key is"""


class KeyBlockError(ValueError):
    """Text that is no key block, or one that was changed or is under another key; says which part, and no key."""


class _Kind(NamedTuple):
    block: int
    mac: int
    kbpk: tuple[int, ...]


_KINDS: Final = {
    "A": _Kind(8, 4, (16, 24)),
    "B": _Kind(8, 8, (16, 24)),
    "C": _Kind(8, 4, (16, 24)),
    "D": _Kind(16, 16, (16, 24, 32)),
}
MADE: Final = ("B", "D")
_SCHEME: Final = "R"
"""what payShields put before a key block that is not under their own master key"""
_COMPONENT: Final = "c"
"""in the first place of a key version: what the block has is one component of a key"""
SHA256: Final = "21"
"""of the optional block HM: the hash that an HMAC key is for"""


class OptionalBlock(msgspec.Struct, frozen=True):
    """One optional block of a header: `KS` a KSN, `KC` a check value, `LB` a label …"""

    id: str
    data: str


class Header(msgspec.Struct, frozen=True, kw_only=True):
    """What a block says of its key, in X9.143's letters."""

    version: str
    usage: str
    """`P0` PIN encryption, `M3` MAC algorithm 3, `K0` key encryption …"""
    algorithm: str
    """`A` AES, `T` triple DES, `D` DES, `H` HMAC"""
    mode: str
    """`B` both ways, `E` encrypts, `D` decrypts, `G` generates, `V` verifies, `C` MAC both ways, `X` derives, `N` no limit"""
    key_version: str = "00"
    exportability: str = "N"
    """`E` under any trusted key, `N` not, `S` also under others"""
    context: str = "00"
    blocks: tuple[OptionalBlock, ...] = ()

    def __post_init__(self) -> None:
        fields = (
            (self.version, 1),
            (self.usage, 2),
            (self.algorithm, 1),
            (self.mode, 1),
            (self.key_version, 2),
            (self.exportability, 1),
            (self.context, 2),
            *((b.id, 2) for b in self.blocks),
        )
        if not all(len(text) == size and text.isascii() and text.isalnum() for text, size in fields):
            raise KeyBlockError("key block header: each field is of letters and digits, of the length X9.143 gives it")
        if not all(block.data.isascii() and block.data.isprintable() for block in self.blocks):
            raise KeyBlockError("key block header: optional blocks hold printable ASCII")


class KeyBlock(msgspec.Struct, frozen=True):
    """A block taken apart: `key` in clear. Never shown, logged or kept."""

    header: Header
    key: bytes


class BlockKeys:
    """What a protection key comes to for blocks of one version: who has these two needs it no more. None is in `repr`."""

    __slots__ = ("authentication", "encryption", "version")

    def __init__(self, version: str, encryption: bytes, authentication: bytes) -> None:
        self.version = version
        self.encryption = encryption
        self.authentication = authentication


Protection: TypeAlias = bytes | BlockKeys
"""a KBPK, or what was derived of one that stays elsewhere"""


def derived_d(cmac: Transform, key_bytes: int) -> BlockKeys:
    """The keys of version D, by the CMACs that an AES key of `key_bytes` makes wherever it is."""
    return BlockKeys("D", *_derive(cmac, {16: 2, 24: 3, 32: 4}[key_bytes], 16, key_bytes))


# -- making


def padding_bytes(version: str, algorithm: str, key_bytes: int) -> int:
    """How many random bytes `wrap` takes for such a key: so many that its length stays hidden."""
    hidden = max(HIDDEN_BYTES.get(algorithm, key_bytes), key_bytes)
    size = _KINDS[version].block
    return hidden - key_bytes + -(2 + hidden) % size


def wrap(kbpk: Protection, header: Header, key: bytes, padding: bytes) -> str:
    """The key block. `padding`: random, `padding_bytes` of it, or as much as fills whole blocks. Raises KeyBlockError."""
    if header.version not in MADE:
        raise KeyBlockError(
            f"key block: version {header.version} is not made any more; D under AES, B under triple DES"
        )
    kind = _kind(header.version, kbpk)
    clear = (8 * len(key)).to_bytes(2, "big") + key + padding
    if len(clear) % kind.block:
        raise KeyBlockError(
            f"key block: key and padding of {len(clear)} bytes do not fill whole blocks of {kind.block}"
        )
    text = _header_text(header, 2 * (len(clear) + kind.mac), kind.block)
    encryption, authentication = _derived(header.version, kbpk)
    mac = _mac(header.version, authentication, text.encode() + clear)
    return text + (_encrypt(kind, encryption, mac, clear) + mac).hex().upper()


def _header_text(header: Header, body_chars: int, block: int) -> str:
    blocks = [_optional_text(b) for b in header.blocks if b.id != "PB"]
    used = sum(map(len, blocks))
    if used % block:
        # PB, the last one, makes the header whole blocks: 4 characters of its own, the rest zeros
        blocks.append(_optional_text(OptionalBlock("PB", "0" * (-(used + 4) % block))))
    total = HEADER_CHARS + sum(map(len, blocks)) + body_chars
    if total > LENGTH_MAX or len(blocks) > OPTIONAL_MAX:
        raise KeyBlockError(f"key block of {total} characters and {len(blocks)} optional blocks: too long")
    h = header
    return (
        f"{h.version}{total:04d}{h.usage}{h.algorithm}{h.mode}{h.key_version}{h.exportability}{len(blocks):02d}{h.context}"
        + "".join(blocks)
    )


def _optional_text(block: OptionalBlock) -> str:
    size = 4 + len(block.data)
    return f"{block.id}{size:02X}{block.data}" if size < 256 else f"{block.id}0002{size + 6:04X}{block.data}"


# -- reading


def without_scheme(text: str) -> str:
    """The block of a text in which a payShield's letter may stand before it, and white space around it."""
    text = text.strip()
    return text[1:] if text[:1] == _SCHEME and text[1:2] in _KINDS else text


def read_header(text: str) -> Header:
    """What a block says of its key, before anything is proved. Raises KeyBlockError."""
    return _split(text)[0]


def unwrap(kbpk: Protection, text: str) -> KeyBlock:
    """The key of a block. Raises KeyBlockError: not a block, another KBPK, or changed in any bit."""
    header, end = _split(text)
    kind = _kind(header.version, kbpk)
    if isinstance(kbpk, bytes):
        algorithm = "A" if kind.block == aes.BLOCK_BYTES else "T"
        _check_said(header, "KP", algorithm, kbpk, "it is under a protection key with check value")
    head = text[:end].encode()
    try:
        body = bytes.fromhex(text[end:])
    except ValueError:
        raise KeyBlockError("key block: behind its header stand characters that are no hex digits") from None
    encrypted, mac = body[: -kind.mac], body[-kind.mac :]
    if len(encrypted) < kind.block or len(encrypted) % kind.block or " " in text[end:]:
        raise KeyBlockError(f"key block: {len(encrypted)} encrypted bytes are no whole blocks of {kind.block}")
    encryption, authentication = _derived(header.version, kbpk)
    if header.version in ("A", "C"):
        if not agrees(_mac(header.version, authentication, head + encrypted), mac):
            raise _mac_error()
        return _whole(header, _key_in(header, des.cbc_decrypt(encryption, head[:8], encrypted)))
    clear = _decrypt(kind, encryption, mac, encrypted)
    if not agrees(_mac(header.version, authentication, head + clear), mac):
        raise _mac_error()
    return _whole(header, _key_in(header, clear))


def _whole(header: Header, key: bytes) -> KeyBlock:
    """What a block holds, unless the block itself says that it is something else."""
    if header.key_version[0] == _COMPONENT:
        said = f"it holds component {header.key_version[1]} of a key, and no key"
        raise KeyBlockError(f"key block: {said}: ask for the key itself in a block")
    _check_said(header, "KC", header.algorithm, key, "it says that its key has check value")
    for block in header.blocks:
        if block.id == "HM" and header.algorithm == "H" and block.data != SHA256:
            raise KeyBlockError(
                f"key block: its key is for HMAC with hash {block.data}; {SHA256} (SHA-256) is spoken here"
            )
    return KeyBlock(header, key)


def _check_said(header: Header, block_id: str, algorithm: str, key: bytes, says: str) -> None:
    """Optional blocks KC, KP: how a check value is made (2 digits), and the value."""
    for block in header.blocks:
        if block.id == block_id and algorithm in "ATD" and not is_check_value(algorithm, key, block.data[2:]):
            raise KeyBlockError(f"key block: {says} {block.data[2:]} ({block_id}), which is another's")


def _mac_error() -> KeyBlockError:
    return KeyBlockError("key block: its MAC does not hold: another protection key, or changed on the way")


def _split(text: str) -> tuple[Header, int]:
    """The header, and where it ends."""
    if not text.isascii() or len(text) < HEADER_CHARS:
        raise KeyBlockError(f"key block: {len(text)} characters, at least {HEADER_CHARS} of ASCII expected")
    if text[0] not in _KINDS:
        raise KeyBlockError(f"key block: version {text[0]!r} is not known; A, B, C, D are")
    if not text[1:5].isdecimal() or int(text[1:5]) != len(text):
        raise KeyBlockError(f"key block: it says it is {text[1:5]!r} characters long, and is {len(text)}")
    if not text[12:14].isdecimal():
        raise KeyBlockError(f"key block: the number of its optional blocks is {text[12:14]!r}")
    blocks, at = [], HEADER_CHARS
    for _ in range(int(text[12:14])):
        block, at = _optional_at(text, at)
        blocks.append(block)
    if (at - HEADER_CHARS) % _KINDS[text[0]].block:
        raise KeyBlockError("key block: its optional blocks do not fill whole blocks")
    header = Header(
        version=text[0],
        usage=text[5:7],
        algorithm=text[7],
        mode=text[8],
        key_version=text[9:11],
        exportability=text[11],
        context=text[14:16],
        blocks=tuple(blocks),
    )
    return header, at


def _optional_at(text: str, at: int) -> tuple[OptionalBlock, int]:
    try:
        size, begin = int(text[at + 2 : at + 4], 16), at + 4
        if size == 0:
            digits = 2 * int(text[at + 4 : at + 6], 16)
            size, begin = int(text[at + 6 : at + 6 + digits], 16), at + 6 + digits
    except ValueError:
        raise KeyBlockError(f"key block: optional block at character {at}: its length is no hex number") from None
    if size < begin - at or at + size > len(text):
        raise KeyBlockError(f"key block: optional block at character {at}: {size} characters do not fit")
    return OptionalBlock(text[at : at + 2], text[begin : at + size]), at + size


def _key_in(header: Header, clear: bytes) -> bytes:
    bits = int.from_bytes(clear[:2], "big")
    if bits % 8 or not 8 <= bits <= 8 * (len(clear) - 2):
        raise KeyBlockError(f"key block: it says its key has {bits} bits, which do not fit")
    key = clear[2 : 2 + bits // 8]
    sizes = {"A": (16, 24, 32), "T": (16, 24), "D": (8,)}.get(header.algorithm)
    if sizes is not None and len(key) not in sizes:
        raise KeyBlockError(f"key block: a key of {bits} bits is none of algorithm {header.algorithm}")
    return key


# -- what differs by version


def _kind(version: str, kbpk: Protection) -> _Kind:
    kind = _KINDS[version]
    if isinstance(kbpk, BlockKeys):
        if kbpk.version != version:
            raise KeyBlockError(f"key block: version {version}; this protection key has blocks of {kbpk.version} only")
        return kind
    if len(kbpk) not in kind.kbpk:
        expected = " or ".join(map(str, kind.kbpk))
        raise KeyBlockError(
            f"key block: version {version} takes a protection key of {expected} bytes, this one has {len(kbpk)}"
        )
    return kind


def _derived(version: str, kbpk: Protection) -> tuple[bytes, bytes]:
    """The keys that encrypt and that authenticate."""
    if isinstance(kbpk, BlockKeys):
        return kbpk.encryption, kbpk.authentication
    if version in ("A", "C"):
        return des.xor(kbpk, b"E" * len(kbpk)), des.xor(kbpk, b"M" * len(kbpk))
    if version == "B":
        return _derive(mac_maker(TDES_CMAC, kbpk), {16: 0, 24: 1}[len(kbpk)], 8, len(kbpk))
    keys = derived_d(mac_maker(AES_CMAC, kbpk), len(kbpk))
    return keys.encryption, keys.authentication


def _derive(make: Transform, algorithm: int, step: int, key_bytes: int) -> tuple[bytes, bytes]:
    bits, counts = 8 * key_bytes, range(1, -(-key_bytes // step) + 1)

    def derive(use: int) -> bytes:
        data = use.to_bytes(2, "big") + b"\x00" + algorithm.to_bytes(2, "big") + bits.to_bytes(2, "big")
        return b"".join(make(bytes((n,)) + data) for n in counts)[:key_bytes]

    return derive(0), derive(1)


def _mac(version: str, key: bytes, data: bytes) -> bytes:
    algorithm = {"A": ALGORITHM_1, "B": TDES_CMAC, "C": ALGORITHM_1, "D": AES_CMAC}[version]
    return mac_maker(algorithm, key)(data)[: _KINDS[version].mac]


def _encrypt(kind: _Kind, key: bytes, vector: bytes, clear: bytes) -> bytes:
    encrypt = aes.cbc_encrypt if kind.block == aes.BLOCK_BYTES else des.cbc_encrypt
    return encrypt(key, vector, clear)


def _decrypt(kind: _Kind, key: bytes, vector: bytes, data: bytes) -> bytes:
    decrypt = aes.cbc_decrypt if kind.block == aes.BLOCK_BYTES else des.cbc_decrypt
    return decrypt(key, vector, data)
