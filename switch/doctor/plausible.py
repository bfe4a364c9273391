"""How much a decoded message looks like a real one: dates that are dates, currencies that exist, text that can be read.

A wrong reading decodes by accident now and then; it seldom looks right as well.
"""

import re
from collections.abc import Callable
from typing import Final

from switch.money.currency import CURRENCIES
from switch.wire import Document
from switch.wire.vocabulary import ANSWER_NAMES, DE, RESPONSE_CODES

_MTI: Final = re.compile(r"[0129][1-8][0-9][0-59]")
_MMDD: Final = r"(0[1-9]|1[0-2])(0[1-9]|[12][0-9]|3[01])"
_HHMMSS: Final = r"([01][0-9]|2[0-3])[0-5][0-9][0-5][0-9]"
_NAME_END: Final = re.compile(r".*[A-Za-z]{2}\s*", re.DOTALL)
_REF: Final = re.compile(r"[0-9A-Za-z]+ *")
_TERMINAL: Final = re.compile(r"[0-9A-Za-z][0-9A-Za-z/._-]* *")
_HEX_OF_HEX: Final = re.compile(r"(3[0-9]|4[1-6]|6[1-6]){8,}")
_TEXT: Final = re.compile(r"[ -~\u00a0-\u00ff]*")


def _like(pattern: str) -> Callable[[str], bool]:
    compiled = re.compile(pattern)
    return lambda value: compiled.fullmatch(value) is not None


def _currency(value: str) -> bool:
    return value.rjust(3, "0")[-3:] in CURRENCIES


_CHECKS: Final[dict[str, Callable[[str], bool]]] = {
    DE.PAN: _like(r"[2-9][0-9]{11,18}"),
    DE.PROCESSING_CODE: _like(r"[0-9]{6}"),
    DE.AMOUNT: _like(r"0[0-9]{11}"),
    DE.TRANSMISSION_TIME: _like(_MMDD + _HHMMSS),
    DE.LOCAL_TIME: _like(rf"({_HHMMSS}|[0-9]{{2}}{_MMDD}{_HHMMSS})"),
    DE.LOCAL_DATE: _like(rf"({_MMDD}|[0-9]{{2}}(0[1-9]|1[0-2]))"),
    DE.EXPIRY: _like(r"[0-9]{2}(0[1-9]|1[0-2])"),
    DE.SETTLEMENT_DATE: _like(rf"([0-9]{{2}})?{_MMDD}"),
    DE.CONVERSION_DATE: _like(_MMDD),
    DE.CAPTURE_DATE: _like(_MMDD),
    DE.ACQUIRER_COUNTRY: _like(r"0*[0-8][0-9]{2}"),
    DE.ACQUIRER: _like(r"[0-9]{3,11}"),
    DE.FORWARDER: _like(r"[0-9]{3,11}"),
    DE.MERCHANT_TYPE: _like(r"0[7-9][0-9]{2}|[1-9][0-9]{3}"),
    DE.PAN_SEQUENCE: _like(r"[0-9]{3}"),
    DE.NII: _like(r"[0-9]{3}"),
    DE.CONDITION_CODE: _like(r"0[0-9]|1[0-9]|5[0-9]|71|[1-8][0-9]{3}"),
    DE.ENTRY_MODE: _like(r"(0[0-9]|10|79|8[0-2]|9[0-6])[0-9]0?|[0-9A-Z]{12}"),
    DE.TRACK2: _like(r"[0-9]{12,19}[=D][0-9]{4,}F?"),
    DE.ICC: lambda v: not _HEX_OF_HEX.fullmatch(v),
    DE.RRN: _like(r"[0-9A-Za-z]{6,12} *"),
    DE.APPROVAL_CODE: lambda v: _REF.fullmatch(v) is not None,
    DE.RESPONSE_CODE: lambda v: v in ANSWER_NAMES or v in RESPONSE_CODES,
    DE.TERMINAL: lambda v: _TERMINAL.fullmatch(v) is not None,
    DE.MERCHANT: lambda v: _TERMINAL.fullmatch(v) is not None,
    DE.MERCHANT_NAME: lambda v: _NAME_END.fullmatch(v) is not None and v[:1].isalpha(),
    DE.CURRENCY: _currency,
    DE.CURRENCY_SETTLEMENT: _currency,
    DE.CURRENCY_BILLING: _currency,
    DE.ADDITIONAL_AMOUNTS: _like(r"([0-9]{4}[0-9]{3}[CD][0-9]{12})*"),
    DE.NETWORK_CODE: _like(r"[0-3][0-9]{2}"),
}


_SELDOM: Final[dict[str, float]] = {
    DE.PAN: 0.02,
    DE.AMOUNT: 0.1,
    DE.TRANSMISSION_TIME: 0.02,
    DE.LOCAL_TIME: 0.03,
    DE.LOCAL_DATE: 0.03,
    DE.EXPIRY: 0.05,
    DE.SETTLEMENT_DATE: 0.05,
    DE.RRN: 0.1,
    DE.APPROVAL_CODE: 0.1,
    DE.RESPONSE_CODE: 0.05,
    DE.TERMINAL: 0.15,
    DE.MERCHANT: 0.15,
    DE.MERCHANT_NAME: 0.3,
    DE.CURRENCY: 0.02,
    DE.ACQUIRER: 0.05,
    DE.TRACK2: 0.02,
    DE.ICC: 0.05,
}
"""How often a real message has a value that fails its check."""
_SELDOM_ELSE: Final = 0.2
_WORDS_MIN: Final = 4
_TRACKS_PAN: Final = re.compile(r"([0-9]+)[=D]([0-9]{4})")


def odds(de: str, value: str) -> float:
    """1 for a value that looks right, else how often real ones look so wrong."""
    return 1.0 if looks_right(de, value) else _SELDOM.get(de, _SELDOM_ELSE)


def plausibility(document: Document) -> float:
    """1 where each value looks right and none contradicts another; each that does not takes what it is met more seldom."""
    found = _agreement(document)
    for de, value in document.items():
        if de.isdecimal() and not looks_right(de, value):
            found *= _SELDOM.get(de, _SELDOM_ELSE)
    return found


def _agreement(document: Document) -> float:
    """1 where elements that say the same thing agree, less for each that does not: times and dates, track and PAN."""
    agreed = 1.0
    sent, local = document.get(DE.TRANSMISSION_TIME, ""), document.get(DE.LOCAL_TIME, "")
    if sent and local and sent[-4:] != local[-4:]:
        agreed *= 0.6
    if sent and len(document.get(DE.LOCAL_DATE, "")) == len("MMDD") and sent[:4] != document[DE.LOCAL_DATE]:
        agreed *= 0.4
    track = _TRACKS_PAN.match(document.get(DE.TRACK2, ""))
    if track is not None:
        agreed *= 1.0 if document.get(DE.PAN, track[1]) == track[1] else 0.1
        agreed *= 1.0 if document.get(DE.EXPIRY, track[2]) == track[2] else 0.3
    return agreed


def likeliness(document: Document, version: str) -> float:
    """0 to 1: the share of what can be judged that looks right; less than half for an MTI of another edition."""
    mti = document.get(DE.MTI, "")
    judged, right = 1.0, float(_MTI.fullmatch(mti) is not None)
    for de, value in document.items():
        if de in (DE.MTI, DE.HEADER, DE.BITMAP, DE.BITMAP_SECONDARY):
            continue
        check = _CHECKS.get(de)
        judged += 1 if check is not None else 0.3
        if check(value) if check is not None else _TEXT.fullmatch(value) is not None:
            right += 1 if check is not None else 0.3
    share = right / judged
    if mti[:1] != version:
        share *= 0.4
    if DE.STAN not in document:
        share *= 0.7
    return share


def looks_right(de: str, value: str) -> bool:
    """Whether one element's value looks like one, where that can be judged."""
    check = _CHECKS.get(de)
    return check(value) if check is not None else _TEXT.fullmatch(value) is not None


def is_ebcdic(value: str) -> bool:
    """Whether text, read as ISO 8859-1, is plain words in EBCDIC."""
    words = value.encode("latin-1", "replace").decode("cp037")
    return (
        len(words) >= _WORDS_MIN
        and words.isascii()
        and words.isprintable()
        and sum(map(str.isalnum, words)) * 2 >= len(words)
    )


def is_mti(text: str) -> bool:
    """Four digits that may begin a message."""
    return _MTI.fullmatch(text) is not None
