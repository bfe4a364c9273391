"""Other forms one element may have: longer, another length before it, packed, raw, in another character set.

Each is an `Element` to read with instead of the dialect's, the words for it, and how often such a thing is met.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

import msgspec

from switch.doctor.tables import Habits
from switch.wire.element import Element, known_encoding
from switch.wire.vocabulary import DE

ASCII: Final = known_encoding("ascii")
EBCDIC: Final = known_encoding("cp037")
LATIN: Final = known_encoding("latin-1")
LONGER_MAX: Final = 12
"""units by which a fixed element is tried longer or shorter"""

_CODE_WITH_LENGTH, _ONE_DIGIT = 0.75, 0.75
"""how much more seldom codes, dates and amounts are led by a length, and lengths have one digit"""
_WHOLE, _INSTITUTIONS = 0.7, (DE.ACQUIRER, DE.FORWARDER)
"""of an institution that always has its full size, where others lead it by a length"""
_LOOSE: Final = frozenset(
    {DE.ENTRY_MODE, DE.MERCHANT_NAME, DE.ADDITIONAL_RESPONSE, DE.PRIVATE_48, DE.SECURITY, DE.ADDITIONAL_AMOUNTS, DE.REPLACEMENT}
    | {str(n) for n in (*range(54, 64), *range(82, 128))}
)  # fmt: skip
"""What specifications disagree about most."""
_FIRM: Final = frozenset(
    {DE.PROCESSING_CODE, DE.AMOUNT, DE.TRANSMISSION_TIME, DE.STAN, DE.LOCAL_TIME, DE.RRN, DE.RESPONSE_CODE}
)
"""What they hardly ever disagree about."""


class Form(NamedTuple):
    """Another form."""

    element: Element
    words: str
    """after the element's name: `is 3 bytes longer than the dialect says (43, not 40)`"""
    setting: str
    """what to write into the element's entry of the dialect file"""
    prior: float
    """0 to 1: how often it is met"""
    bias: int = 0
    """units that the element has beyond what its length says"""
    peer: str = ""
    """what the peer is to change, where no file of ours can help"""


def forms(e: Element, habits: Habits) -> Iterator[Form]:
    """The other forms of an element, without order."""
    weight = 1.0 if e.key in _LOOSE else 0.8 if e.key in _FIRM else 0.9
    for form in (*_sizes(e), *_lengths(e, habits), *_codings(e), *_missing(e)):
        yield form._replace(prior=form.prior * weight)


def unknown(key: str, habits: Habits, most: int) -> Iterator[Form]:
    """What an element may be that the dialect does not have; `most`: bytes it can have."""
    charset = EBCDIC if habits.charset == "ebcdic" else ASCII
    packed = habits.digits == "packed"
    base = Element(key, "", "ans", charset, charset, False, 0, 1, False, "", "", False)
    for digits, size in ((2, 99), (3, 999)):
        if packed:
            made = msgspec.structs.replace(
                base, length=None, length_bcd=True, length_bytes=(digits + 1) // 2, size=size
            )
        else:
            made = msgspec.structs.replace(base, length_bytes=digits, size=size)
        yield Form(made, f"is no element of the dialect; it reads as text behind {_length_words(made)}",
                   f'"len_type": {made.length_bytes}, "max_len": {size}', 1.0)  # fmt: skip
        raw = msgspec.structs.replace(made, text=None, content="b")
        yield Form(raw, f"is no element of the dialect; it reads as bytes behind {_length_words(raw)}",
                   f'"data_enc": "b", "len_type": {raw.length_bytes}, "max_len": {size}', 0.9)  # fmt: skip
    for size in range(1, min(most, 64) + 1):
        made = msgspec.structs.replace(base, size=size)
        yield Form(
            made,
            f"is no element of the dialect; it reads as {size} characters",
            f'"len_type": 0, "max_len": {size}',
            0.8,
        )


def _missing(e: Element) -> Iterator[Form]:
    """Nothing at all, or no sign."""
    replace = msgspec.structs.replace
    none = replace(e, length_bytes=0, size=0, nibbles=False, text=ASCII, content="ans", left_pad="", right_pad="")
    yield Form(
        none, "is announced by the bitmap and is not there", "", 0.85, peer=f"clear bit {e.key}, or send DE{e.key}"
    )
    if e.content != "x+n":
        return
    said = f"has no sign (C or D) before its digits; the dialect says {e.digits} characters with one"
    for size in (e.size - 1, e.size):
        bare = replace(e, content="n", size=size) if e.text else replace(e, content="n", size=2 * size, nibbles=True)
        yield Form(bare, said, "", 0.95, peer=f"send DE{e.key} with its sign: C where the cardholder gets it, else D")


def _sizes(e: Element) -> Iterator[Form]:
    """Longer or shorter by some."""
    unit = e.unit
    for by in range(1, LONGER_MAX + 1):
        prior = 0.9 - 0.03 * by if e.content == "n" else 1.0 - 0.015 * by
        step = by * 2 if e.nibbles else by
        for sign, word in ((1, "longer"), (-1, "shorter")):
            if e.length_bytes:
                if by <= 6:
                    counts = "too few" if sign > 0 else "too many"
                    yield Form(
                        e, f"says a length that counts {_count(step, unit)} {counts}", "", 0.7 * prior, sign * step
                    )
                continue
            size = e.size + sign * step
            if size < 1 or e.key in ("p", "1"):
                continue
            made = msgspec.structs.replace(e, size=size)
            if e.content == "b" and e.text and size % 2:
                continue
            yield Form(made, f"is {_count(step, unit)} {word} than the dialect says ({size}, not {e.size})",
                       f'"max_len": {size}', prior)  # fmt: skip
    if e.length_bytes:
        most = (
            10 ** (e.length_bytes * (1 if e.length else 2)) - 1 if e.length or e.length_bcd else 256**e.length_bytes - 1
        )
        if most > e.size:
            yield Form(msgspec.structs.replace(e, size=most), f"is longer than the {e.size} {unit} the dialect allows",
                       '"max_len": {n}', 1.0)  # fmt: skip


def _lengths(e: Element, habits: Habits) -> Iterator[Form]:
    """Another length before it, or one where the dialect has none."""
    charset = EBCDIC if habits.charset == "ebcdic" else ASCII
    size = max(e.size, 99)
    kinds = [
        (charset, False, 2), (charset, False, 3), (charset, False, 4), (charset, False, 1),
        (None, True, 1), (None, True, 2), (None, False, 1), (None, False, 2),
        (EBCDIC if charset is ASCII else ASCII, False, 2), (EBCDIC if charset is ASCII else ASCII, False, 3),
    ]  # fmt: skip
    said = (
        f"the dialect says {_length_words(e)}"
        if e.length_bytes
        else f"the dialect says {_count(e.size, e.unit)}, no length"
    )
    for length, bcd, size_bytes in kinds:
        if e.length_bytes == size_bytes and e.length == length and e.length_bcd == bcd:
            continue
        made = msgspec.structs.replace(e, length=length, length_bcd=bcd, length_bytes=size_bytes, size=size)
        alike = (length, bcd) == (e.length, e.length_bcd) if e.length_bytes else length is charset or bcd
        seldom = _CODE_WITH_LENGTH if not e.length_bytes and e.content == "n" else 1.0
        seldom *= _ONE_DIGIT if length is not None and size_bytes == 1 else 1.0
        prior = (0.95 if alike else 0.75) * seldom
        yield Form(made, f"has {_length_words(made)} before it; {said}", _length_setting(made), prior)
    if e.length_bytes:
        for fixed in range(1, 41):
            made = msgspec.structs.replace(e, length_bytes=0, size=fixed * 2 if e.nibbles else fixed)
            yield Form(made, f"is {_count(made.size, made.unit)} without a length; {said}",
                       f'"len_type": 0, "max_len": {made.size}', _whole(e, fixed))  # fmt: skip


def _whole(e: Element, fixed: int) -> float:
    """How often an element has a fixed size where the dialect leads it by a length."""
    return _WHOLE if fixed == e.size and e.key in _INSTITUTIONS else 0.5


def _codings(e: Element) -> Iterator[Form]:
    """The same value in other bytes."""
    replace = msgspec.structs.replace
    if e.nibbles:
        if e.length_bytes:
            yield Form(replace(e, nibbles=False), "has a length that counts bytes; the dialect counts digits",
                       '"len_count": "bytes"', 0.95)  # fmt: skip
        for charset, name in ((ASCII, "ASCII"), (EBCDIC, "EBCDIC")):
            yield Form(replace(e, text=charset, nibbles=False, left_pad="", right_pad=""),
                       f"is {name} digits; the dialect says packed BCD", f'"data_enc": "{charset.name}"', 0.9)  # fmt: skip
        for left, right in (("0", ""), ("", "0"), ("", "F"), ("F", "")):
            if (left, right) != (e.left_pad, e.right_pad):
                where = f"{left or right} {'before' if left else 'behind'}"
                yield Form(replace(e, left_pad=left, right_pad=right), f"is filled with a {where} its digits",
                           f'"{"left" if left else "right"}_pad": "{left or right}"', 0.95)  # fmt: skip
        return
    if e.text is None:
        for charset, name in ((ASCII, "ASCII"), (EBCDIC, "EBCDIC")):
            yield Form(replace(e, text=charset, size=min(9_999, e.size * 2)),
                       f"is {name} hex digits; the dialect says raw bytes",
                       f'"data_enc": "{charset.name}", "max_len": {e.size * 2}', 0.9)  # fmt: skip
        return
    if e.text.ascii and e.content not in ("n", "z", "x+n", "b"):
        words = (
            'has a character of ISO 8859-1 in it; the dialect says ASCII, and charset = "latin-1" of its link takes it'
        )
        yield Form(replace(e, text=LATIN, content="ans"), words, '"data_enc": "latin-1"', 0.97)
    other = ASCII if e.text.to_latin is not None else EBCDIC
    name = "ASCII" if other is ASCII else "EBCDIC"
    theirs = "EBCDIC" if other is ASCII else "ASCII"
    yield Form(replace(e, text=other), f"is {name}; the dialect says {theirs}", f'"data_enc": "{other.name}"', 0.9)
    if e.content == "b":
        yield Form(replace(e, text=None, size=e.size // 2), "is raw bytes; the dialect says hex digits",
                   f'"data_enc": "b", "max_len": {e.size // 2}', 0.95)  # fmt: skip
        return
    if e.content in ("n", "z"):
        for pads in (("0", ""), ("", "F")):
            yield Form(replace(e, text=None, nibbles=True, left_pad=pads[0], right_pad=pads[1]),
                       f"is packed BCD; the dialect says {theirs} digits",
                       f'"data_enc": "b", "len_count": "nibbles", "{"left" if pads[0] else "right"}_pad": "{"".join(pads)}"',
                       0.9)  # fmt: skip
        yield Form(replace(e, content="ans"), "holds other characters than digits; the dialect says digits only",
                   '"content": "ans"', 0.85)  # fmt: skip


def _length_words(e: Element) -> str:
    if e.length is not None:
        charset = "EBCDIC" if e.length.to_latin is not None else "ASCII"
        return f"a length of {e.length_bytes} {charset} digits"
    kind = "BCD" if e.length_bcd else "binary"
    return f"a {kind} length of {_count(e.length_bytes, 'bytes')}"


def _length_setting(e: Element) -> str:
    coding = e.length.name if e.length is not None else "bcd" if e.length_bcd else "b"
    return f'"len_enc": "{coding}", "len_type": {e.length_bytes}'


def _count(n: int, unit: str) -> str:
    return f"{n} {unit[:-1] if n == 1 else unit}"
