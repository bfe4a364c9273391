"""Mastercard's clearing file (IPM) of a window: what members present to the network, as far as its layout is public.

In: presentments, in their order. Out: bytes: messages of ISO 8583:1993 in EBCDIC (code page 500), each behind its length in 4
bytes, a length of 0 at the end; cut into blocks of 1014 bytes, of which the last two are X'40'. A header (1644/697), first
presentments (1240/200), members' steps of disputes (second presentments 1240/205, 282; chargebacks 1442/450, 453, 451, 454), a
trailer (1644/695) with the sum of DE4 and the count. What is public of it is what readers in the open have (PyPI `cardutil`, npm
`iso_8583_exos`).

The rule. The card number is masked, as everywhere outside of a link: the network finds the payment by DE31, 37 and 38. Assumed:
the acquirer's reference (DE31) counts by the sequence of the payment's first entry; what is taken back is a presentment of it
with PDS 0025 `R`; times are UTC.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from switch.ledger.entries import Window
from switch.wire.pans import luhn_rest

CODE_PAGE: Final = "cp500"
BLOCK: Final = 1012
_FILLER: Final = b"\x40\x40"
_FIXED: Final[Mapping[int, int]] = {
    3: 6,
    4: 12,
    5: 12,
    9: 8,
    12: 12,
    22: 12,
    24: 3,
    25: 4,
    26: 4,
    30: 24,
    37: 12,
    38: 6,
    41: 8,
    42: 15,
    49: 3,
    50: 3,
    71: 8,
}
"""data element -> characters"""
_LENGTHS: Final[Mapping[int, int]] = {2: 2, 31: 2, 32: 2, 48: 3}
"""data element of variable length -> digits of its length"""
_LONGEST_48: Final = 999


class IpmError(ValueError):
    """A presentment that the layout cannot hold. The message says which element, and what it is."""


class More(NamedTuple):
    """What not every message has."""

    pos_data_code: str = ""
    """DE22 of 1993, 12 characters"""
    function: str = "200"
    """DE24: 200 a first presentment; 205, 282 a second one, of all, of a part; 450, 453 a first chargeback, 451, 454 one more"""
    reason: str = ""
    """DE25: of a chargeback"""
    original: int = 0
    """DE30: minor units of the payment that a step of a dispute is about"""


class Presentment(msgspec.Struct, frozen=True, kw_only=True):
    """One entry with the network, and what its messages said."""

    reference: int
    """sequence of the payment's first entry; 0: its reference is the network's own"""
    at_us: int
    amount: int
    """minor units of `currency`, above zero"""
    currency: str
    """numeric"""
    back: str
    """it takes back, in whole or in part, what was presented on this business day (YYYY-MM-DD); "": it does not"""
    institution: str
    """DE32: the acquirer"""
    pan: str
    """masked"""
    processing: str
    """DE3"""
    mcc: str
    rrn: str
    approval: str
    terminal: str
    merchant: str
    settled: tuple[str, str, str] | None = None
    """DE5, 9, 50, where the network settles it in another currency"""
    more: More = More()


def ipm_name(window: Window, network: str) -> str:
    """`2026-11-27-1.mastercard.ipm`."""
    return f"{window.day}-{window.number}.{network}.ipm"


def ipm_file(
    window: Window, institution: str, presentments: Iterable[Presentment], *, test: bool = True
) -> Iterator[bytes]:
    """The file, in blocks. `institution`: who sends it, up to 11 digits. `test`: PDS 0122 says that it is no real one."""
    return _blocked(_records(window, institution, presentments, test=test))


def _records(window: Window, institution: str, presentments: Iterable[Presentment], *, test: bool) -> Iterator[bytes]:
    day = window.day.replace("-", "")[2:]
    named = f"002{day}{institution.rjust(11, '0')}{window.number:05d}"
    yield _record("1644", {24: "697", 48: _pds({105: named, 122: "T" if test else "P"}), 71: f"{1:08d}"})
    number, total = 1, 0
    for number, one in enumerate(presentments, 2):
        total += one.amount
        yield _record("1442" if one.more.function[0] == "4" else "1240", _presented(one, number))
    closing = _pds({105: named, 301: f"{total:016d}", 306: f"{number + 1:08d}"})
    yield _record("1644", {24: "695", 48: closing, 71: f"{number + 1:08d}"})


def _presented(one: Presentment, number: int) -> dict[int, str]:
    at = datetime.fromtimestamp(one.at_us // 1_000_000, UTC)
    elements = {
        2: one.pan,
        3: one.processing,
        4: f"{one.amount:012d}",
        12: at.strftime("%y%m%d%H%M%S"),
        22: one.more.pos_data_code,
        24: one.more.function,
        25: one.more.reason if len(one.more.reason) == _FIXED[25] else "",
        26: one.mcc,
        30: f"{one.more.original:012d}{'0' * 12}" if one.more.original else "",
        31: acquirer_reference(one.institution, at, one.reference) if one.reference else "",
        32: one.institution,
        37: one.rrn.ljust(12),
        38: one.approval.ljust(6),
        41: one.terminal.ljust(8),
        42: one.merchant.ljust(15),
        48: _pds({25: f"R{one.back.replace('-', '')[2:]}"} if one.back else {}),
        49: one.currency,
        71: f"{number:08d}",
    }
    if one.settled is not None:
        elements[5], elements[9], elements[50] = one.settled
    return {de: text for de, text in elements.items() if text.strip()}


def acquirer_reference(institution: str, at: datetime, number: int) -> str:
    """DE31, 23 digits: a digit of mixed use, 6 of the acquirer, its day (YDDD), 11 of its own, a check digit (Luhn)."""
    digits = f"1{institution[:6].rjust(6, '0')}{at.year % 10}{at.timetuple().tm_yday:03d}{number % 10**11:011d}"
    return f"{digits}{-luhn_rest(f'{digits}0') % 10}"


def _pds(elements: Mapping[int, str]) -> str:
    """Private data in DE48: tag 4, length 3."""
    text = "".join(f"{tag:04d}{len(value):03d}{value}" for tag, value in sorted(elements.items()))
    if len(text) > _LONGEST_48:
        raise IpmError(f"DE48 of {len(text)} characters: {_LONGEST_48} at most")
    return text


def _record(mti: str, elements: Mapping[int, str]) -> bytes:
    """A message: MTI, both bitmaps, elements in their order."""
    bits, body = 1 << 127, [mti]
    for de, text in sorted(elements.items()):
        bits |= 1 << (128 - de)
        if de in _LENGTHS:
            body.append(f"{len(text):0{_LENGTHS[de]}d}")
        elif len(text) != _FIXED[de]:
            raise IpmError(f"DE{de} {text!r} has {len(text)} characters, and not {_FIXED[de]}")
        body.append(text)
    try:
        said = "".join(body).encode(CODE_PAGE)
    except UnicodeEncodeError as error:
        raise IpmError(f"an element has {error.object[error.start]!r}, which {CODE_PAGE} has not") from None
    return said[:4] + bits.to_bytes(16, "big") + said[4:]


def _blocked(records: Iterable[bytes]) -> Iterator[bytes]:
    """Records behind their lengths, in blocks."""
    waiting = b""
    for record in records:
        waiting += len(record).to_bytes(4, "big") + record
        while len(waiting) >= BLOCK:
            yield waiting[:BLOCK] + _FILLER
            waiting = waiting[BLOCK:]
    waiting += bytes(4)
    for at in range(0, len(waiting), BLOCK):
        yield waiting[at : at + BLOCK].ljust(BLOCK, b"\x40") + _FILLER
