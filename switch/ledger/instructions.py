"""A settled window -> what the settlement system is asked to do: movements in one currency, and their ISO 20022 documents.

Two forms, which instruct the same money. *pacs.029*: one multilateral request, a record a party, done all or none. *pacs.009*:
credit transfers, each debtor's to the account of the switch, and from there each creditor's. In: a `Netted` and BICs; out:
bytes, which are the same for the same window. What is written is read back and compared before anybody gets it, because a schema
accepts debits that are no credits, and amounts with more decimals than their currency has.
"""

from datetime import date, timedelta
from typing import Final
from xml.etree import ElementTree as ET

import msgspec

from switch.ledger.entries import SWITCH, Window
from switch.ledger.iso20022 import ID_LONGEST, InstructionError, made_at, put, put_amount, read_amount, text_at
from switch.ledger.netting import Netted
from switch.money.currency import currency

PACS_029: Final = "pacs.029"
PACS_009: Final = "pacs.009"
FORMS: Final = (PACS_029, PACS_009)
_NAMESPACES: Final = {
    form: f"urn:iso:std:iso:20022:tech:xsd:{form}.001.{v}" for form, v in zip(FORMS, ("02", "12"), strict=True)
}
_SATURDAY: Final = 5


class Movement(msgspec.Struct, frozen=True, kw_only=True):
    """What one party pays or gets."""

    party: str
    bic: str
    amount: int
    """minor units; above zero: it gets them"""


class Instruction(msgspec.Struct, frozen=True, kw_only=True):
    """All that moves for a window in one currency. Raises InstructionError unless it comes to zero."""

    window: Window
    closed_us: int
    """wall-clock µs, which is also when the document was made: made again, it is the same"""
    currency: str
    """ISO 4217, numeric"""
    bic: str
    """the switch's own"""
    movements: tuple[Movement, ...]
    """none: all nets are zero, and there is nothing to instruct"""

    def __post_init__(self) -> None:
        if sum(m.amount for m in self.movements) or not all(m.amount for m in self.movements):
            raise InstructionError(f"{self.window}: movements of nothing, or not of zero in all: {self.movements}")

    @property
    def name(self) -> str:
        """The message's: `CMISMAM0XXX-20261127-1-MAD`."""
        day = self.window.day.replace("-", "")
        return f"{self.bic}-{day}-{self.window.number}-{currency(self.currency).alpha}"

    @property
    def total(self) -> int:
        """Minor units that are paid, which are those that are got."""
        return sum(m.amount for m in self.movements if m.amount > 0)


def instruct(netted: Netted, window: Window, closed_us: int, bics: dict[str, str]) -> Instruction:
    """`bics`: of parties by name, the switch among them. Parties whose net is zero move nothing. Raises InstructionError."""
    if netted.network:
        raise InstructionError(f"{netted.network} is a network: it settles apart, and no multilateral file is for it")
    moving = [p for p in netted.positions if p.net]
    bic = bic_of(SWITCH, bics)
    movements = tuple(Movement(party=p.party, bic=bic_of(p.party, bics), amount=p.net) for p in moving)
    return Instruction(window=window, closed_us=closed_us, currency=netted.currency, bic=bic, movements=movements)


def bic_of(party: str, bics: dict[str, str]) -> str:
    """InstructionError: it has none."""
    if not bics.get(party):
        where = f'in its [[member]] "{party}"; where it is a payee of fees, {party} = {{ title = "…", bic = "…" }} in [payees]'
        where = "at the top of the network file" if party == SWITCH else where
        raise InstructionError(f"{party} has no BIC, so no settlement system knows it: add `bic` {where}")
    return bics[party]


def document(form: str, instruction: Instruction) -> bytes:
    """The document of a form, UTF-8, checked. Raises InstructionError, also where there is nothing to instruct."""
    if not instruction.movements:
        raise InstructionError(f"{instruction.window}: all nets are zero, so there is nothing to instruct")
    root = ET.Element("Document", xmlns=_NAMESPACES[form])
    (_multilateral if form == PACS_029 else _transfers)(root, instruction)
    ET.indent(root, " ")
    text: bytes = ET.tostring(root, encoding="UTF-8", xml_declaration=True) + b"\n"
    check_document(form, text, instruction)
    return text


def settlement_day(window: Window) -> date:
    """The weekday after the business day: an assumption, which knows no public holidays."""
    day = date.fromisoformat(window.day) + timedelta(days=1)
    while day.weekday() >= _SATURDAY:
        day += timedelta(days=1)
    return day


def check_document(form: str, text: bytes, instruction: Instruction) -> None:
    """Read a document, and compare each movement, decimals, counts and sums. InstructionError: it says something else."""
    root = ET.fromstring(text)  # noqa: S314 - written above, or by a test: nobody else's
    space = f"{{{_NAMESPACES[form]}}}"
    records = list(root.iter(f"{space}{'MvmntRcrd' if form == PACS_029 else 'CdtTrfTxInf'}"))
    found: list[tuple[str, int]] = []
    for record in records:
        amount = read_amount(record, space, "Amt/Amt" if form == PACS_029 else "IntrBkSttlmAmt", instruction.currency)
        if form == PACS_029:
            sign = {"DBIT": -1, "CRDT": 1}[text_at(record, space, "Amt/CdtDbt")]
            found.append((text_at(record, space, "Ptcpt/Id/OrgId/AnyBIC"), sign * amount))
            continue
        debtor, creditor = (text_at(record, space, f"{side}/FinInstnId/BICFI") for side in ("Dbtr", "Cdtr"))
        if (debtor == instruction.bic) == (creditor == instruction.bic):
            raise InstructionError(
                f"{instruction.name}: {debtor} to {creditor} does not go through the switch's account"
            )
        found.append((debtor, -amount) if creditor == instruction.bic else (creditor, amount))
    wanted = [(m.bic, m.amount) for m in _through(form, instruction)]
    if sorted(found) != sorted(wanted):
        raise InstructionError(f"{instruction.name}: the document moves {sorted(found)}, the window {sorted(wanted)}")
    if form == PACS_029 and sum(amount for _, amount in found) != 0:
        raise InstructionError(f"{instruction.name}: debits are not credits: {found}")
    where = "MulSttlmReq/SttlmReq/NbOfMvmntRcrds" if form == PACS_029 else "FICdtTrf/GrpHdr/NbOfTxs"
    if text_at(root, space, where) != str(len(found)):
        raise InstructionError(
            f"{instruction.name}: it counts {text_at(root, space, where)} records, and has {len(found)}"
        )
    if form == PACS_009:
        total = read_amount(root, space, "FICdtTrf/GrpHdr/TtlIntrBkSttlmAmt", instruction.currency)
        if total != sum(abs(amount) for _, amount in found):
            raise InstructionError(f"{instruction.name}: its total of {total} minor units is not that of its transfers")
    for element in root.iter():
        if element.tag.endswith(("Id", "SttlmCycl")) and len(element.text or "") > ID_LONGEST:
            raise InstructionError(f"{instruction.name}: {element.text} is longer than {ID_LONGEST} characters")


def _through(form: str, instruction: Instruction) -> list[Movement]:
    """Records of a form: debtors first. Of pacs.009 the switch is no party, but the account in between."""
    of = [m for m in instruction.movements if form == PACS_029 or m.party != SWITCH]
    return sorted(of, key=lambda m: (m.amount > 0, m.party))


def _multilateral(root: ET.Element, instruction: Instruction) -> None:
    """pacs.029: one request, whose cycle is the window."""
    body = ET.SubElement(root, "MulSttlmReq")
    header = ET.SubElement(body, "GrpHdr")
    put(header, "MsgId", instruction.name)
    put(header, "CreDtTm", made_at(instruction.closed_us))
    put(header, "NbOfSttlmReqs", "1")
    put(ET.SubElement(header, "SttlmInf"), "SttlmMtd", "CLRG")
    request = ET.SubElement(body, "SttlmReq")
    records = _through(PACS_029, instruction)
    put(request, "InstrId", instruction.name)
    put(request, "SttlmCycl", str(instruction.window))
    put(request, "NbOfMvmntRcrds", str(len(records)))
    for number, movement in enumerate(records, 1):
        record = ET.SubElement(request, "MvmntRcrd")
        put(record, "Id", f"{instruction.name}-{number}")
        put(record, "SeqNb", str(number))
        amount = ET.SubElement(record, "Amt")
        put_amount(amount, "Amt", abs(movement.amount), instruction.currency)
        put(amount, "CdtDbt", "CRDT" if movement.amount > 0 else "DBIT")
        participant = ET.SubElement(record, "Ptcpt")
        put(ET.SubElement(ET.SubElement(participant, "Id"), "OrgId"), "AnyBIC", movement.bic)


def _transfers(root: ET.Element, instruction: Instruction) -> None:
    """pacs.009: a transfer a party but the switch, to or from the switch's account."""
    body = ET.SubElement(root, "FICdtTrf")
    records = _through(PACS_009, instruction)
    header = ET.SubElement(body, "GrpHdr")
    put(header, "MsgId", instruction.name)
    put(header, "CreDtTm", made_at(instruction.closed_us))
    put(header, "NbOfTxs", str(len(records)))
    put_amount(header, "TtlIntrBkSttlmAmt", sum(abs(m.amount) for m in records), instruction.currency)
    put(header, "IntrBkSttlmDt", settlement_day(instruction.window).isoformat())
    put(ET.SubElement(header, "SttlmInf"), "SttlmMtd", "CLRG")
    for number, movement in enumerate(records, 1):
        transfer = ET.SubElement(body, "CdtTrfTxInf")
        names = ET.SubElement(transfer, "PmtId")
        put(names, "InstrId", f"{instruction.name}-{number}")
        put(names, "EndToEndId", f"{instruction.name}-{number}")
        put_amount(transfer, "IntrBkSttlmAmt", abs(movement.amount), instruction.currency)
        pair = (instruction.bic, movement.bic) if movement.amount > 0 else (movement.bic, instruction.bic)
        for side, bic in zip(("Dbtr", "Cdtr"), pair, strict=True):
            put(ET.SubElement(ET.SubElement(transfer, side), "FinInstnId"), "BICFI", bic)
