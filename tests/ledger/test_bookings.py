"""Bookings and statements: valid by the schemas, and what schemas accept refused all the same."""

import pytest

from switch.ledger.bookings import CAMT_053, CAMT_054, FORMS, Booking, booking_document, check_booking
from switch.ledger.iso20022 import InstructionError
from tests.ledger.test_instructions import CLOSED_US, SCHEMAS
from tests.ledger.test_netting import MAD, WINDOW


def booking(net: int = -596_70, opening: int = 100_00, currency: str = MAD) -> Booking:
    return Booking(
        window=WINDOW,
        closed_us=CLOSED_US,
        currency=currency,
        bic="ATLSMAM0XXX",
        servicer="CMISMAM0XXX",
        number=2,
        opening=opening,
        net=net,
        payments="2026-11-27-1.atlas.MAD.clearing.csv",
    )


@pytest.mark.parametrize("form", FORMS)
def test_documents_are_valid_by_their_schema(form: str) -> None:
    etree = pytest.importorskip("lxml.etree", reason="lxml is in requirements-dev.lock: make the environment again")
    (path,) = SCHEMAS.glob(f"{form}.*.xsd")
    schema = etree.XMLSchema(etree.parse(path))
    made = [booking(), booking(5, -5), booking(5, 0, "392"), booking(-12_345, 1, "788")]
    for one in [*made, booking(0)] if form == CAMT_053 else made:
        schema.assertValid(etree.fromstring(booking_document(form, one)))


def test_a_statement_goes_from_what_was_before_to_what_is_after() -> None:
    text = booking_document(CAMT_053, booking()).decode()
    balances = text.split("<Bal>")[1:]
    assert [("OPBD" in b, 'Ccy="MAD">100.00<' in b, "CRDT" in b.partition("<Dt>")[0]) for b in balances[:1]] == [
        (True, True, True)
    ]
    closing = balances[1].partition("</Bal>")[0]
    assert "CLBD" in closing
    assert 'Ccy="MAD">496.70<' in closing
    assert "DBIT" in closing
    assert "<ElctrncSeqNb>2</ElctrncSeqNb>" in text
    assert "<Dt>2026-11-30</Dt>" in text


def test_a_notification_names_instruction_and_clearing_file_and_no_payment() -> None:
    text = booking_document(CAMT_054, booking()).decode()
    assert text.count("<Ntry>") == 1
    assert "<NtryRef>CMISMAM0XXX-20261127-1-MAD</NtryRef>" in text
    assert "its payments: 2026-11-27-1.atlas.MAD.clearing.csv" in text
    assert "<TxDtls>" not in text


def test_of_nothing_there_is_a_statement_and_no_notification() -> None:
    text = booking_document(CAMT_053, booking(0)).decode()
    assert "<Ntry>" not in text
    assert text.count('Ccy="MAD">100.00<') == 2
    with pytest.raises(InstructionError, match="nothing is booked"):
        booking_document(CAMT_054, booking(0))


@pytest.mark.parametrize(
    ("form", "was", "now", "says"),
    [
        (CAMT_054, 'Ccy="MAD">596.70<', 'Ccy="MAD">596.71<', "it books"),
        (CAMT_054, 'Ccy="MAD">596.70<', 'Ccy="MAD">596.7<', "which has 2 decimals"),
        (CAMT_054, 'Ccy="MAD">596.70<', 'Ccy="EUR">596.70<', "no amount of MAD"),
        (CAMT_054, "<NbOfNtries>1<", "<NbOfNtries>2<", "it sums up 2 bookings"),
        (CAMT_054, "<Sum>596.70<", "<Sum>596.71<", "it sums up 1 bookings of 596.71"),
        (CAMT_054, "<CdtDbtInd>DBIT", "<CdtDbtInd>CRDT", "the sign of its sum"),
        (CAMT_053, 'Ccy="MAD">496.70<', 'Ccy="MAD">496.71<', "balances"),
        (CAMT_053, "<CdtDbtInd>CRDT", "<CdtDbtInd>DBIT", "balances"),
        (CAMT_053, "<Cd>OPBD<", "<Cd>PRCD<", "balances"),
    ],
)
def test_what_a_schema_would_accept_is_refused_before_it_is_written(form: str, was: str, now: str, says: str) -> None:
    text = booking_document(form, booking()).decode()
    assert was in text
    with pytest.raises(InstructionError, match=says):
        check_booking(form, text.replace(was, now, 1).encode(), booking())
