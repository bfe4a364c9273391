"""Currencies of ISO 4217: numeric code (as in DE49), letters, number of decimals. Amounts are integers of minor units.

Codes in use as of 2026, without metals, units of account and test codes that have no minor unit; and BGN, whose place the euro
took on 2026-01-01, as refunds and disputes of payments before that are in it.
"""

import re
from typing import Final

import msgspec


class Currency(msgspec.Struct, frozen=True):
    """One currency: `504`, `MAD`, 2 decimals."""

    numeric: str
    alpha: str
    exponent: int
    """decimals of the major unit: 12345 minor units of exponent 2 are 123.45"""


class CurrencyError(ValueError):
    """No such currency, or an amount that cannot be one of it. The message says which and why."""


_CODES: Final[dict[int, str]] = {
    2: (
        "AED784 AFN971 ALL008 AMD051 AOA973 ARS032 AUD036 AWG533 AZN944 BAM977 BBD052 BDT050 BGN975 BMD060 BND096 BOB068 "
        "BOV984 BRL986 BSD044 BTN064 BWP072 BYN933 BZD084 CAD124 CDF976 CHE947 CHF756 CHW948 CNY156 COP170 COU970 CRC188 "
        "CUP192 CVE132 CZK203 DKK208 DOP214 DZD012 EGP818 ERN232 ETB230 EUR978 FJD242 FKP238 GBP826 GEL981 GHS936 GIP292 "
        "GMD270 GTQ320 GYD328 HKD344 HNL340 HTG332 HUF348 IDR360 ILS376 INR356 IRR364 JMD388 KES404 KGS417 KHR116 KPW408 "
        "KYD136 KZT398 LAK418 LBP422 LKR144 LRD430 LSL426 MAD504 MDL498 MGA969 MKD807 MMK104 MNT496 MOP446 MRU929 MUR480 "
        "MVR462 MWK454 MXN484 MXV979 MYR458 MZN943 NAD516 NGN566 NIO558 NOK578 NPR524 NZD554 PAB590 PEN604 PGK598 PHP608 "
        "PKR586 PLN985 QAR634 RON946 RSD941 RUB643 SAR682 SBD090 SCR690 SDG938 SEK752 SGD702 SHP654 SLE925 SOS706 SRD968 "
        "SSP728 STN930 SVC222 SYP760 SZL748 THB764 TJS972 TMT934 TOP776 TRY949 TTD780 TWD901 TZS834 UAH980 USD840 USN997 "
        "UYU858 UZS860 VED926 VES928 WST882 XAD396 XCD951 XCG532 YER886 ZAR710 ZMW967 ZWG924"
    ),
    0: (
        "BIF108 CLP152 DJF262 GNF324 ISK352 JPY392 KMF174 KRW410 PYG600 RWF646 UGX800 UYI940 VND704 VUV548 XAF950 XOF952 "
        "XPF953"
    ),
    3: ("BHD048 IQD368 JOD400 KWD414 LYD434 OMR512 TND788"),
    4: ("CLF990 UYW927"),
}
"""exponent -> codes, letters and number run together"""

CURRENCIES: Final[dict[str, Currency]] = {
    code[3:]: Currency(code[3:], code[:3], exponent) for exponent, codes in _CODES.items() for code in codes.split()
}
"""By numeric code."""

BY_ALPHA: Final[dict[str, Currency]] = {c.alpha: c for c in CURRENCIES.values()}

_AMOUNT: Final = re.compile(r"(?P<sign>-?)(?P<whole>[0-9]{1,12})(?:\.(?P<decimals>[0-9]{1,4}))?")


def currency(code: str) -> Currency:
    """The currency of a numeric (`504`) or alphabetic (`MAD`, either case) code. CurrencyError: there is none."""
    found = CURRENCIES.get(code) or BY_ALPHA.get(code.upper())
    if found is None:
        raise CurrencyError(f"{code!r} is no ISO 4217 currency code")
    return found


def format_amount(minor: int, code: str) -> str:
    """`12345, "504"` -> `123.45 MAD`. A currency that is not known shows minor units: `12345 (minor units of 999)`."""
    found = CURRENCIES.get(code) or BY_ALPHA.get(code.upper())
    if found is None:
        return f"{minor} (minor units of {code})"
    if not found.exponent:
        return f"{minor} {found.alpha}"
    sign, digits = "-" if minor < 0 else "", str(abs(minor)).rjust(found.exponent + 1, "0")
    return f"{sign}{digits[: -found.exponent]}.{digits[-found.exponent :]} {found.alpha}"


def parse_amount(text: str, code: str) -> int:
    """`"123.45", "504"` -> 12345 minor units. CurrencyError: no number, or more decimals than the currency has."""
    unit = currency(code)
    found = _AMOUNT.fullmatch(text.strip())
    if found is None:
        raise CurrencyError(f"{text!r} is no amount: 1 to 12 digits, with a decimal point such as 123.45")
    decimals = found["decimals"] or ""
    if len(decimals) > unit.exponent:
        raise CurrencyError(f"{text!r} has more decimals than {unit.alpha}, which has {unit.exponent}")
    minor = int(found["whole"] + decimals.ljust(unit.exponent, "0"))
    return -minor if found["sign"] else minor


def parse_money(text: str, default: str) -> tuple[int, str]:
    """`"123.45 MAD"` -> (12345, "504"); without a code, of currency `default`. CurrencyError as above."""
    number, _, code = text.strip().partition(" ")
    if not code and number[:-3] and number[-3:].isalpha():
        number, code = number[:-3], number[-3:]
    unit = currency(code.strip() or default)
    return parse_amount(number, unit.numeric), unit.numeric
