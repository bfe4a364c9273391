"""The internal format: a message as the switch thinks of it, whatever link it came on.

An internal document is a 1987 document as the dialect `cmi87` has it, without header. What networks keep in places of their own
(CVV2, e-commerce data, their reference of a transaction) stands in DE48 as numbered subelements: two digits id, two digits
length, data. That convention is assumed: the centre's own manual is not public.
"""

from typing import Final, NamedTuple

from switch.wire.subfields import SubfieldError, form_of
from switch.wire.vocabulary import DE, KNOWN_MTIS, RESPONSES, Document, response_mti


class Private48:
    """Subelements of the internal format's DE48, in the order they are written."""

    ECI: Final = "42"
    """electronic commerce indicator, 2 digits: 05 authenticated, 06 attempted, 07 not authenticated"""
    CAVV: Final = "43"
    """cardholder authentication value (CAVV, UCAF): 20 bytes, base64 (28 characters). Sensitive"""
    STAND_IN: Final = "60"
    """the switch answered in the issuer's place: why, as a message reason code of ISO 8583:1993"""
    PARTIAL: Final = "61"
    """in requests: 1, the terminal can take an approval of less than it asks (DE39=10)"""
    REFERENCE: Final = "63"
    """the network's name of a transaction: Visa's transaction identifier (15 digits), or Mastercard's network code, Banknet
    reference number and settlement date (3 + 9 + 4)"""
    WINDOW: Final = "64"
    """number of the window of the business day (DE15), 3 digits; the 1993 edition has DE29 for it"""
    KEY: Final = "70"
    """in network management: P or M (the PIN's or the MAC's key), number of its set (2), check value (6 hex digits)"""
    ON_BEHALF: Final = "71"
    """in requests: what was checked on the issuer's behalf, and what came of it (`core.transactions.on_behalf`)"""
    CVV2_RESULT: Final = "87"
    """M match, N no match; in requests beside 71, U not checked, Y the stripe's value is wrong"""
    CVV2: Final = "92"
    """3 or 4 digits. Sensitive"""


ISSUER_UNAVAILABLE: Final = "1003"
"""Message reason code: card issuer unavailable (assumed, as the edition's code list is not public)."""

PRIVATE: Final = form_of({"form": "numbered", "id_len": 2, "len_len": 2})

ECHOED: Final = (
    DE.PAN, DE.PROCESSING_CODE, DE.AMOUNT, DE.AMOUNT_SETTLEMENT, DE.AMOUNT_BILLING, DE.TRANSMISSION_TIME, DE.RATE_SETTLEMENT,
    DE.RATE_BILLING, DE.STAN, DE.LOCAL_TIME, DE.LOCAL_DATE, DE.CONDITION_CODE, DE.ACQUIRER, DE.RRN, DE.TERMINAL, DE.MERCHANT,
    DE.CURRENCY, DE.CURRENCY_SETTLEMENT, DE.CURRENCY_BILLING, DE.NETWORK_CODE,
)  # fmt: skip
"""What a response repeats of its request (ISO 8583:1987; DE70 in network management)."""

_RESPONSES: Final = {mti: response_mti(mti) for mti in sorted(KNOWN_MTIS - RESPONSES)}


class Original(NamedTuple):
    """DE90, read: the message a reversal or completion refers to."""

    mti: str
    stan: str
    sent_at: str
    """DE7: MMDDhhmmss"""
    acquirer: str
    """DE32 without its leading zeros: compare it with an id so stripped"""


def answer(request: Document, de39: str, extra: Document | None = None) -> Document:
    """The response to `request` (internal format): its MTI, what a response echoes, DE39, and `extra`, which wins.

    >>> answer({"t": "0201", "3": "000000", "11": "000042", "22": "051"}, "51")
    {'t': '0210', '3': '000000', '11': '000042', '39': '51'}
    """
    mti = request[DE.MTI]
    document = {DE.MTI: _RESPONSES.get(mti) or response_mti(mti)}
    for de in ECHOED:
        if de in request:
            document[de] = request[de]
    document[DE.RESPONSE_CODE] = de39
    if extra:
        document.update(extra)
    return document


def original_data(mti: str, stan: str, de7: str, de32: str, de33: str = "") -> str:
    """DE90 (n 42): MTI 4, DE11 6, DE7 10, DE32 11, DE33 11; ids right-justified, zero-filled.

    >>> original_data("0200", "42", "1125093000", "504001")
    '020000004211250930000000050400100000000000'
    """
    return f"{mti:0>4}{stan:0>6}{de7:0>10}{de32:0>11}{de33:0>11}"


def parse_original(de90: str) -> Original:
    """DE90 read back. ValueError: it is not 42 digits.

    >>> parse_original("020000004211250930000000050400100000000000")
    Original(mti='0200', stan='000042', sent_at='1125093000', acquirer='504001')
    """
    if len(de90) != 42 or not (de90.isascii() and de90.isdecimal()):
        raise ValueError(f"original data elements are 42 digits, found {len(de90)} characters")
    return Original(de90[:4], de90[4:10], de90[10:20], de90[20:31].lstrip("0"))


def replacement_amounts(actual_minor: int) -> str:
    """DE95 (an 42) of a partial reversal: what remains of the transaction, in minor units of DE49; no other amounts.

    >>> replacement_amounts(1500)
    '000000001500000000000000C00000000C00000000'
    """
    return f"{actual_minor:012d}{0:012d}C{0:08d}C{0:08d}"


def private_elements(document: Document) -> dict[str, str]:
    """Subelements of the internal format's DE48 by id; empty where there is none. SubfieldError: it does not divide."""
    value = document.get(DE.PRIVATE_48)
    return PRIVATE.read(value) if value else {}


def with_private(value: str, name: str, data: str) -> str:
    """DE48 with one subelement more, or another value of it; as it is where it does not divide.

    >>> with_private("420205", Private48.WINDOW, "002")
    '4202056403002'
    """
    if not value:
        return f"{name}{len(data):02d}{data}"
    try:
        parts = dict(PRIVATE.read(value))
    except SubfieldError:
        return value
    parts[name] = data
    return PRIVATE.build(parts)


def without_private(value: str, name: str) -> tuple[str, str]:
    """DE48 without one subelement, and what that had; as it is, and "", where it has none, or does not divide.

    >>> without_private("4202056403002", Private48.WINDOW)
    ('420205', '002')
    """
    if name not in value:
        return value, ""
    try:
        parts = dict(PRIVATE.read(value))
    except SubfieldError:
        return value, ""
    data = parts.pop(name, "")
    return (PRIVATE.build(parts) if parts else "", data) if data else (value, "")


class Additional:
    """Amount types of DE54 (ISO 8583; 57 as card networks use it)."""

    LEDGER: Final = "01"
    AVAILABLE: Final = "02"
    CASH_BACK: Final = "40"
    ORIGINAL: Final = "57"
    """what was asked, in a partial approval"""


def additional_amount(kind: str, currency: str, minor: int, sign: str = "") -> str:
    """One amount of DE54: account type 00, amount type, currency, C or D (by `minor` unless given), twelve digits.

    >>> additional_amount(Additional.CASH_BACK, "504", 20000, "D")
    '0040504D000000020000'
    """
    return f"00{kind}{currency}{sign or ('D' if minor < 0 else 'C')}{abs(minor):012d}"


def additional_amounts(document: Document) -> dict[str, int]:
    """Amounts of DE54 by amount type, unsigned minor units; what cannot be read is left out."""
    found: dict[str, int] = {}
    value = document.get(DE.ADDITIONAL_AMOUNTS, "")
    for at in range(0, len(value) - 19, 20):
        digits = value[at + 8 : at + 20]
        if digits.isascii() and digits.isdecimal():
            found[value[at + 2 : at + 4]] = int(digits)
    return found
