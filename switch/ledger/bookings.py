"""What a member is told of its settlement account: camt.054, that a window's net is booked; camt.053, the statement with it.

In: the member's nets of the windows up to one, and its BIC. Out: documents of ISO 20022, which are the same for the same window.
Single payments are in none of them: those stand in the member's clearing file. What is written is read back and compared, since a
schema accepts a closing balance that is not what was booked.

The rule. The account is what settlement through the switch makes of it: it begins at zero with the ledger's first window, and
each window books its net, on the day it is settled. What else a member does with its account there is not known.
"""

from typing import Final
from xml.etree import ElementTree as ET

import msgspec

from switch.ledger.entries import Window
from switch.ledger.instructions import settlement_day
from switch.ledger.iso20022 import (
    ID_LONGEST,
    InstructionError,
    decimal_text,
    made_at,
    put,
    put_amount,
    read_amount,
    text_at,
)
from switch.money.currency import currency

CAMT_053: Final = "camt.053"
CAMT_054: Final = "camt.054"
FORMS: Final = (CAMT_053, CAMT_054)
_SPACE: Final = "urn:iso:std:iso:20022:tech:xsd:{}.001.12"
_BODIES: Final = {CAMT_053: ("BkToCstmrStmt", "Stmt"), CAMT_054: ("BkToCstmrDbtCdtNtfctn", "Ntfctn")}
_CODE: Final = "CARD-NET"
"""what kind of booking it is, in our own words (BkTxCd/Prtry)"""


class Booking(msgspec.Struct, frozen=True, kw_only=True):
    """A window's net in one currency, booked on a member's account. Raises InstructionError: an identification is too long."""

    window: Window
    closed_us: int
    """wall-clock µs"""
    currency: str
    """numeric"""
    bic: str
    """the member's"""
    servicer: str
    """the switch's BIC"""
    number: int
    """of the statement: which window it is of, from 1"""
    opening: int
    """what all windows before have come to, minor units; below zero: the member has paid them"""
    net: int
    """0: nothing is booked"""
    payments: str
    """name of the clearing file"""

    def __post_init__(self) -> None:
        if len(self.name) + 2 > ID_LONGEST:
            raise InstructionError(f"{self.name} is longer than an identification may be ({ID_LONGEST} characters)")

    @property
    def name(self) -> str:
        """`ATLSMAM0XXX-20261127-1-MAD`."""
        return _name(self.bic, self)

    @property
    def reference(self) -> str:
        """The reference of the instruction that it was settled by."""
        return _name(self.servicer, self)


def _name(bic: str, booking: Booking) -> str:
    day = booking.window.day.replace("-", "")
    return f"{bic}-{day}-{booking.window.number}-{currency(booking.currency).alpha}"


def booking_document(form: str, booking: Booking) -> bytes:
    """The document of a form, UTF-8, checked. InstructionError: a notification of nothing, or what cannot be written."""
    if form == CAMT_054 and not booking.net:
        raise InstructionError(f"{booking.name}: nothing is booked, so there is nothing to notify")
    root = ET.Element("Document", xmlns=_SPACE.format(form))
    outer, inner = _BODIES[form]
    body = ET.SubElement(root, outer)
    header = ET.SubElement(body, "GrpHdr")
    name = f"{booking.name}-{'S' if form == CAMT_053 else 'N'}"
    put(header, "MsgId", name)
    put(header, "CreDtTm", made_at(booking.closed_us))
    told = ET.SubElement(body, inner)
    put(told, "Id", name)
    if form == CAMT_053:
        put(told, "ElctrncSeqNb", str(booking.number))
    put(told, "CreDtTm", made_at(booking.closed_us))
    _put_account(told, booking)
    if form == CAMT_053:
        _put_balance(told, "OPBD", booking.opening, booking)
        _put_balance(told, "CLBD", booking.opening + booking.net, booking)
    _put_summary(told, booking)
    if booking.net:
        _put_entry(told, booking)
    ET.indent(root, " ")
    text: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"
    check_booking(form, text, booking)
    return text


def _put_account(told: ET.Element, booking: Booking) -> None:
    account = ET.SubElement(told, "Acct")
    put(ET.SubElement(ET.SubElement(account, "Id"), "Othr"), "Id", f"{booking.bic}-{currency(booking.currency).alpha}")
    put(account, "Ccy", currency(booking.currency).alpha)
    owner = ET.SubElement(ET.SubElement(ET.SubElement(account, "Ownr"), "Id"), "OrgId")
    put(owner, "AnyBIC", booking.bic)


def _put_balance(told: ET.Element, code: str, minor: int, booking: Booking) -> None:
    balance = ET.SubElement(told, "Bal")
    put(ET.SubElement(ET.SubElement(balance, "Tp"), "CdOrPrtry"), "Cd", code)
    put_amount(balance, "Amt", abs(minor), booking.currency)
    put(balance, "CdtDbtInd", _side(minor))
    put(ET.SubElement(balance, "Dt"), "Dt", settlement_day(booking.window).isoformat())


def _put_summary(told: ET.Element, booking: Booking) -> None:
    total = ET.SubElement(ET.SubElement(told, "TxsSummry"), "TtlNtries")
    put(total, "NbOfNtries", str(int(booking.net != 0)))
    put(total, "Sum", decimal_text(abs(booking.net), booking.currency))
    if booking.net:
        net = ET.SubElement(total, "TtlNetNtry")
        put(net, "Amt", decimal_text(abs(booking.net), booking.currency))
        put(net, "CdtDbtInd", _side(booking.net))


def _put_entry(told: ET.Element, booking: Booking) -> None:
    day = settlement_day(booking.window).isoformat()
    entry = ET.SubElement(told, "Ntry")
    put(entry, "NtryRef", booking.reference)
    put_amount(entry, "Amt", abs(booking.net), booking.currency)
    put(entry, "CdtDbtInd", _side(booking.net))
    put(ET.SubElement(entry, "Sts"), "Cd", "BOOK")
    put(ET.SubElement(entry, "BookgDt"), "Dt", day)
    put(ET.SubElement(entry, "ValDt"), "Dt", day)
    kind = ET.SubElement(ET.SubElement(entry, "BkTxCd"), "Prtry")
    put(kind, "Cd", _CODE)
    put(kind, "Issr", booking.servicer)
    put(entry, "AddtlNtryInf", f"net of window {booking.window}; its payments: {booking.payments}")


def _side(minor: int) -> str:
    return "DBIT" if minor < 0 else "CRDT"


def check_booking(form: str, text: bytes, booking: Booking) -> None:
    """Read a document, and compare entries, balances, sums, counts, signs, decimals. InstructionError: it says something else."""
    space, code = f"{{{_SPACE.format(form)}}}", booking.currency
    root = ET.fromstring(text)  # noqa: S314 - written above, or by a test: nobody else's
    inner = "/".join(_BODIES[form])
    (told,) = root.iterfind("/".join(f"{space}{part}" for part in inner.split("/")))
    entries = [_signed(entry, space, code, least=1) for entry in told.iterfind(f"{space}Ntry")]
    if entries != ([booking.net] if booking.net else []):
        raise InstructionError(f"{booking.name}: it books {entries}, the window {booking.net} minor units")
    count, total = (text_at(told, space, f"TxsSummry/TtlNtries/{tag}") for tag in ("NbOfNtries", "Sum"))
    if count != str(len(entries)) or total != decimal_text(sum(map(abs, entries)), code):
        raise InstructionError(f"{booking.name}: it sums up {count} bookings of {total}, and has {entries}")
    if entries and text_at(told, space, "TxsSummry/TtlNtries/TtlNetNtry/CdtDbtInd") != _side(sum(entries)):
        raise InstructionError(f"{booking.name}: the sign of its sum is not that of {entries}")
    if form == CAMT_053:
        balances = {
            text_at(balance, space, "Tp/CdOrPrtry/Cd"): _signed(balance, space, code, least=0)
            for balance in told.iterfind(f"{space}Bal")
        }
        wanted = {"OPBD": booking.opening, "CLBD": booking.opening + sum(entries)}
        if balances != wanted:
            raise InstructionError(f"{booking.name}: balances {balances} minor units, where there were {wanted}")


def _signed(of: ET.Element, space: str, code: str, *, least: int) -> int:
    amount = read_amount(of, space, "Amt", code, least=least)
    return -amount if text_at(of, space, "CdtDbtInd") == "DBIT" else amount
