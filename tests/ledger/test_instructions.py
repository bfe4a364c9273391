"""Instructions: the four members worked by hand, valid by the schemas, and what schemas accept refused all the same."""

from pathlib import Path

import pytest

from switch.ledger.entries import PAYMENT, SWITCH, Window
from switch.ledger.instructions import (
    FORMS,
    PACS_009,
    PACS_029,
    Instruction,
    Movement,
    check_document,
    document,
    instruct,
    settlement_day,
)
from switch.ledger.iso20022 import InstructionError
from tests.ledger.test_netting import MAD, WINDOW, WORKED, settled

SCHEMAS = Path(__file__).parents[1] / "vectors" / "iso20022"
BICS = {name: f"{name}BNKMAM0XXX" for name in "ANRS"} | {SWITCH: "CMISMAM0XXX"}
CLOSED_US = 1_795_820_700_000_000
"""2026-11-27T23:05Z"""


def instruction(currency: str = MAD, *amounts: int) -> Instruction:
    """The four members' window, or one of these amounts."""
    if amounts:
        movements = tuple(Movement(party=p, bic=BICS[p], amount=a) for p, a in zip("ANRS", amounts, strict=False))
        return Instruction(window=WINDOW, closed_us=CLOSED_US, currency=currency, bic=BICS[SWITCH], movements=movements)
    moves = []
    for issuer, acquirer, amount, interchange in WORKED:
        moves.append((issuer, acquirer, PAYMENT, currency, amount))
        moves.append((acquirer, issuer, "interchange", currency, interchange))
        moves.append((acquirer, SWITCH, "switch", currency, 30))
    (net,) = settled(moves).net
    return instruct(net, WINDOW, CLOSED_US, BICS)


def test_the_multilateral_request_has_each_net_once() -> None:
    text = document(PACS_029, instruction()).decode()
    for bic, amount, side in (
        ("ABNKMAM0XXX", "288.13", "DBIT"),
        ("NBNKMAM0XXX", "1867.83", "DBIT"),
        ("RBNKMAM0XXX", "173.21", "CRDT"),
        ("SBNKMAM0XXX", "1980.35", "CRDT"),
        ("CMISMAM0XXX", "2.40", "CRDT"),
    ):
        record = next(part for part in text.split("<MvmntRcrd>") if f"<AnyBIC>{bic}" in part)
        assert f'<Amt Ccy="MAD">{amount}</Amt>' in record
        assert f"<CdtDbt>{side}</CdtDbt>" in record
    assert "<SttlmCycl>2026-11-27/1</SttlmCycl>" in text
    assert "<NbOfMvmntRcrds>5</NbOfMvmntRcrds>" in text
    assert "<CreDtTm>2026-11-27T23:05:00+00:00</CreDtTm>" in text


def test_transfers_go_through_the_switchs_account_which_keeps_its_own_net() -> None:
    text = document(PACS_009, instruction()).decode()
    assert text.count("<CdtTrfTxInf>") == 4
    assert '<TtlIntrBkSttlmAmt Ccy="MAD">4309.52</TtlIntrBkSttlmAmt>' in text
    assert "<NbOfTxs>4</NbOfTxs>" in text
    assert "<IntrBkSttlmDt>2026-11-30</IntrBkSttlmDt>" in text
    paid, got = 288_13 + 1867_83, 173_21 + 1980_35
    assert (paid - got, paid + got) == (2_40, 4309_52)


@pytest.mark.parametrize("form", FORMS)
def test_documents_are_valid_by_their_schema(form: str) -> None:
    etree = pytest.importorskip("lxml.etree", reason="lxml is in requirements-dev.lock: make the environment again")
    (path,) = SCHEMAS.glob(f"{form}.*.xsd")
    schema = etree.XMLSchema(etree.parse(path))
    for made in (instruction(), instruction("392", -5, 5), instruction("788", -12_345, 12_345)):
        schema.assertValid(etree.fromstring(document(form, made)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(("currency", "text"), [("392", "5"), ("504", "0.05"), ("788", "0.005")])
def test_amounts_have_the_decimals_of_their_currency(form: str, currency: str, text: str) -> None:
    assert f">{text}</" in document(form, instruction(currency, -5, 5)).decode()


@pytest.mark.parametrize(
    ("form", "was", "now", "says"),
    [
        (PACS_029, "288.13", "288.12", "the document moves"),
        (PACS_029, "288.13", "288.130", "which has 2 decimals"),
        (PACS_029, "288.13", "-288.13", "not above zero"),
        (PACS_029, "DBIT", "CRDT", "the document moves"),
        (PACS_029, 'Ccy="MAD"', 'Ccy="EUR"', "no amount of MAD"),
        (PACS_029, "Rcrds>5<", "Rcrds>4<", "it counts 4 records, and has 5"),
        (PACS_029, "ABNKMAM0XXX", "NBNKMAM0XXX", "the document moves"),
        (PACS_009, "Txs>4<", "Txs>5<", "it counts 5 records, and has 4"),
        (PACS_009, "4309.52", "4309.51", "its total"),
        (PACS_009, "<BICFI>CMISMAM0XXX", "<BICFI>RBNKMAM0XXX", "does not go through"),
        (PACS_009, "Dbtr>", "Cdtr>", "has no Dbtr"),
    ],
)
def test_what_a_schema_would_accept_is_refused_before_it_is_written(form: str, was: str, now: str, says: str) -> None:
    text = document(form, instruction()).decode()
    assert was in text
    changed = text.replace(was, now) if was == "Dbtr>" else text.replace(was, now, 1)
    with pytest.raises(InstructionError, match=says):
        check_document(form, changed.encode(), instruction())


@pytest.mark.parametrize("amounts", [(-5, 4), (-5, 5, 0)])
def test_movements_come_to_zero_and_each_moves_something(amounts: tuple[int, ...]) -> None:
    with pytest.raises(InstructionError, match="movements of nothing, or not of zero in all"):
        instruction(MAD, *amounts)


@pytest.mark.parametrize(
    ("party", "where"), [("R", 'its \\[\\[member\\]\\] "R"'), (SWITCH, "the top of the network file")]
)
def test_who_has_no_bic_is_named(party: str, where: str) -> None:
    (net,) = settled([("A", "R", PAYMENT, MAD, 5)]).net
    with pytest.raises(InstructionError, match=f"{party} has no BIC.*{where}"):
        instruct(net, WINDOW, CLOSED_US, BICS | {party: ""})


def test_a_network_settles_apart() -> None:
    (visa,) = settled([("visa", "R", PAYMENT, MAD, 5)]).bilateral
    with pytest.raises(InstructionError, match="visa is a network"):
        instruct(visa, WINDOW, CLOSED_US, BICS)


def test_a_window_of_zeros_instructs_nothing() -> None:
    (net,) = settled([("A", "R", PAYMENT, MAD, 5), ("R", "A", PAYMENT, MAD, 5)]).net
    with pytest.raises(InstructionError, match="nothing to instruct"):
        document(PACS_029, instruct(net, WINDOW, CLOSED_US, BICS))


@pytest.mark.parametrize(
    ("day", "settles"), [("2026-11-26", "2026-11-27"), ("2026-11-27", "2026-11-30"), ("2026-12-31", "2027-01-01")]
)
def test_a_window_settles_on_the_next_weekday(day: str, settles: str) -> None:
    assert settlement_day(Window(day, 1)).isoformat() == settles
