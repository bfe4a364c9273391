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

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

import msgspec

from switch.ledger.entries import Window
from switch.wire.pans import luhn_digit

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
_ORDER: Final = tuple(sorted((*_FIXED, *_LENGTHS)))
_EBCDIC: Final = bytes(range(256)).decode("latin-1").encode(CODE_PAGE)
"""Latin-1 -> the code page, which has the same characters: one translation a record takes a third of what the codec does"""
_LONGEST_48: Final = 999
_AT_HOME: Final = ("", "", "")
"""DE5, 9, 50 of what is settled in its own currency"""
_FLUSH_RECORDS: Final = 500


class IpmError(ValueError):
    """A presentment that the layout cannot hold. The message says which element, and what it is."""


class _Layout(NamedTuple):
    """How records are written whose elements are as long as those of one."""

    bitmaps: bytes
    form: str
    """of its elements, those that are not there among them, for `%`"""


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


class IpmFile:
    """One file, written as its presentments come. Methods raise IpmError."""

    def __init__(self, window: Window, institution: str, write: Callable[[bytes], object]) -> None:
        """`institution`: who sends it, up to 11 digits. `write`: takes the bytes, in their order."""
        day = window.day.replace("-", "")[2:]
        self._named = f"002{day}{institution.rjust(11, '0')}{window.number:05d}"
        self._write = write
        self._waiting: list[bytes] = []
        """bytes that are not written yet"""
        self._number = 0
        self._total = 0
        self._second = -1
        self._clock = ("", "")
        """DE12 of that second, and its day (YDDD)"""
        self._layouts: dict[tuple[int, ...], _Layout] = {}
        """by the lengths of a record's elements: few, for very many"""
        self._put("1644", _only({24: "697", 48: _pds({105: self._named, 122: "T"})}))

    def add(self, one: Presentment) -> None:
        """The next one of the window."""
        self._total += one.amount
        self._put("1442" if one.more.function[0] == "4" else "1240", self._presented(one))

    def end(self) -> None:
        """All have come: the trailer."""
        closing = _pds({105: self._named, 301: f"{self._total:016d}", 306: f"{self._number + 1:08d}"})
        self._put("1644", _only({24: "695", 48: closing}))
        self._waiting.append(bytes(4))
        self._flush()
        if self._waiting[0]:
            self._write(self._waiting[0].ljust(BLOCK, _FILLER[:1]) + _FILLER)

    def _put(self, mti: str, texts: tuple[str, ...]) -> None:
        """A message, of its elements but for the last: that is its number in the file. One that is blank is left out."""
        self._number += 1
        texts = (*texts, f"{self._number:08d}")
        if any(map(str.isspace, texts)):
            texts = tuple("" if text.isspace() else text for text in texts)
        lengths = tuple(map(len, texts))
        layout = self._layouts.get(lengths)
        if layout is None:
            layout = self._layouts[lengths] = _lay_out(texts)
        try:
            said = (mti + layout.form % texts).encode("latin-1").translate(_EBCDIC)
        except UnicodeEncodeError as error:
            raise IpmError(f"an element has {error.object[error.start]!r}, which {CODE_PAGE} has not") from None
        record = said[:4] + layout.bitmaps + said[4:]
        self._waiting += (len(record).to_bytes(4, "big"), record)
        if self._number % _FLUSH_RECORDS == 0:
            self._flush()

    def _flush(self) -> None:
        """Write whole blocks; what is left waits."""
        data = b"".join(self._waiting)
        whole = len(data) - len(data) % BLOCK
        self._write(b"".join([data[at : at + BLOCK] + _FILLER for at in range(0, whole, BLOCK)]))
        self._waiting = [data[whole:]]

    def _presented(self, one: Presentment) -> tuple[str, ...]:
        """Its elements in their order, without its number."""
        second = one.at_us // 1_000_000
        if second != self._second:
            at = datetime.fromtimestamp(second, UTC)
            self._second, self._clock = (
                second,
                (at.strftime("%y%m%d%H%M%S"), f"{at.year % 10}{at.timetuple().tm_yday:03d}"),
            )
        at_second, day = self._clock
        more, (settled, rate, settles_in) = one.more, one.settled or _AT_HOME
        return (
            one.pan,
            one.processing,
            f"{one.amount:012d}",
            settled,  # DE5
            rate,
            at_second,
            more.pos_data_code,  # DE22
            more.function,
            more.reason if len(more.reason) == _FIXED[25] else "",
            one.mcc,
            f"{more.original:012d}{'0' * 12}" if more.original else "",  # DE30
            acquirer_reference(one.institution, day, one.reference) if one.reference else "",
            one.institution,
            one.rrn.ljust(12),  # DE37
            one.approval.ljust(6),
            one.terminal.ljust(8),
            one.merchant.ljust(15),  # DE42
            _pds({25: f"R{one.back.replace('-', '')[2:]}"}) if one.back else "",
            one.currency,
            settles_in,
        )


def acquirer_reference(institution: str, day: str, number: int) -> str:
    """DE31, 23 digits: a digit of mixed use, 6 of the acquirer, its day (YDDD), 11 of its own, a check digit (Luhn)."""
    digits = f"1{institution[:6].rjust(6, '0')}{day}{number % 10**11:011d}"
    return f"{digits}{luhn_digit(digits)}"


def _pds(elements: Mapping[int, str]) -> str:
    """Private data in DE48: tag 4, length 3."""
    text = "".join(f"{tag:04d}{len(value):03d}{value}" for tag, value in elements.items())
    if len(text) > _LONGEST_48:
        raise IpmError(f"DE48 of {len(text)} characters: {_LONGEST_48} at most")
    return text


def _only(elements: Mapping[int, str]) -> tuple[str, ...]:
    """These elements in their order, as `_put` takes them."""
    return tuple(elements.get(de, "") for de in _ORDER[:-1])


def _lay_out(texts: tuple[str, ...]) -> _Layout:
    """Both bitmaps, and where which length stands, of a record of these elements. IpmError: one of them is too long or short."""
    bits, form = 1 << 127, ""
    for de, text in zip(_ORDER, texts, strict=True):
        digits = _LENGTHS.get(de)
        if text:
            bits |= 1 << (128 - de)
            if digits is not None:
                form += f"{len(text):0{digits}d}"
            elif len(text) != _FIXED[de]:
                raise IpmError(f"DE{de} {text!r} has {len(text)} characters, and not {_FIXED[de]}")
        form += "%s"
    return _Layout(bits.to_bytes(16, "big"), form)
