"""How other libraries write a field, each rule written down from its own source, apart from how we read their files.

A rule is given what its file says of a field and a value, and answers the bytes. It is no packer: whole messages are put together
by `message`, the same for all.
"""

from collections.abc import Callable, Mapping

Rule = Callable[[str], bytes]


def packed(digits: str, fill: str, before: bool) -> bytes:
    """Two digits a byte; an odd number is filled."""
    if len(digits) % 2:
        digits = fill + digits if before else digits + fill
    return bytes.fromhex(digits)


def length(n: int, digits: int, form: str) -> bytes:
    """A length as it stands before a value: `ascii`, `ebcdic`, `bcd`, or `binary`, whose digits are bytes."""
    if form == "binary":
        return n.to_bytes(digits, "big")
    text = str(n).rjust(digits, "0")
    return packed(text, "0", True) if form == "bcd" else text.encode("cp037" if form == "ebcdic" else "ascii")


# -- jPOS: org.jpos.iso.IF*, each class an interpreter, a prefixer and a padder


def jpos(name: str, size: int, pad: bool, value: str) -> bytes:
    """`name`, `size` and `pad` as in a packager file; values of bytes are hex."""
    room, _, kind = name.partition("_")
    letters = kind[: len(kind) - len(kind.lstrip("LH"))] if kind.startswith("L") else ""
    if kind.startswith(("LLHE", "LLLHE")):
        letters = letters.rstrip("E")
        room = "IFE"
    of = kind[len(letters) :].removeprefix("E")
    digits, hexed = letters.count("L"), "H" in letters
    raw = "BINARY" in of or of == "BITMAP"
    if room == "IFB" and of in ("NUMERIC", "NUM", "AMOUNT2003"):
        data = packed(value, "0", pad)
    elif room == "IFB" and of == "AMOUNT":
        data = value[:1].encode() + packed(value[1:], "0", pad)
    elif raw and room == "IFA" and not digits:
        data = value.upper().encode()
    elif raw:
        data = bytes.fromhex(value)
    else:
        data = value.encode("cp037" if room == "IFE" else "latin-1")
    if not digits:
        assert room == "IFB" or raw or len(data) == size, (name, value)
        return data
    counted = len(value) // 2 if raw else len(value)
    form = "binary" if hexed else {"IFA": "ascii", "IFE": "ebcdic", "IFB": "bcd", "IF": "ascii"}[name.partition("_")[0]]
    return length(counted, digits - 1 if hexed else digits, form) + data


# -- moov-io/iso8583: field/*.go, encoding/*.go, prefix/*.go


def moov(field: Mapping[str, object], value: str) -> bytes:
    """A field of a spec; values of bytes are hex."""
    enc, prefix = str(field["enc"]), str(field["prefix"])
    data, counted = {
        "ASCII": (lambda: (value.encode(), len(value))),
        "EBCDIC": (lambda: (value.encode("cp037"), len(value))),
        "EBCDIC1047": (lambda: (value.encode("cp037"), len(value))),
        "BCD": (lambda: (packed(value, "0", True), len(value))),
        "LBCD": (lambda: (packed(value, "0", False), len(value))),
        "Binary": (lambda: (bytes.fromhex(value), len(value) // 2)),
        "HexToASCII": (lambda: (value.upper().encode(), len(value) // 2)),
        "ASCIIToHex": (lambda: (bytes.fromhex(value), len(value) // 2)),
    }[enc]()
    family, _, form = prefix.partition(".")
    if form == "Fixed":
        return data
    forms = {"ASCII": "ascii", "EBCDIC": "ebcdic", "EBCDIC1047": "ebcdic", "BCD": "bcd", "Binary": "binary"}
    return length(counted, len(form), forms[family]) + data


# -- j8583: IsoValue.write, IsoType


J8583_DIGITS = {
    "NUMERIC": 0,
    "AMOUNT": 12,
    "DATE10": 10,
    "DATE4": 4,
    "DATE_EXP": 4,
    "TIME": 6,
    "DATE12": 12,
    "DATE14": 14,
}


def j8583(kind: str, binary: bool, value: str) -> bytes:
    """A field of a type; `binary`: setUseBinaryMessages(true). Values of bytes are hex."""
    if kind in J8583_DIGITS:
        return packed(value, "0", True) if binary else value.encode()
    if kind == "ALPHA":
        return value.encode("latin-1")
    if kind == "BINARY":
        return bytes.fromhex(value) if binary else value.upper().encode()
    digits = kind.count("L", 0, 4 if kind.startswith("LLLL") else 3 if kind.startswith("LLL") else 2)
    raw = kind.endswith("BIN")
    data = bytes.fromhex(value) if raw and binary else value.encode("latin-1")
    return length(len(data), digits, "bcd" if binary else "ascii") + data


def message(mti: bytes, bitmap: Callable[[bytes], bytes], fields: Mapping[int, bytes]) -> bytes:
    """MTI, bitmaps (the second where it is needed) and fields in their order. `bitmap`: eight bytes as they travel."""
    bits = sum(1 << (128 - n) for n in fields)
    if any(n > 64 for n in fields):
        bits |= 1 << 127
    whole = bits.to_bytes(16, "big")
    maps = bitmap(whole[:8]) + (bitmap(whole[8:]) if whole[0] & 0x80 else b"")
    return mti + maps + b"".join(fields[n] for n in sorted(fields))
