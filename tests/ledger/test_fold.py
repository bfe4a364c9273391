"""The fold: the rows of docs/settlement.md as they stand there, and what no row can say."""

from pathlib import Path

import msgspec
import pytest

from switch.ledger.entries import Entry, Move, Window, is_merchant
from switch.ledger.fold import NOT_PRICED, LedgerFold
from switch.ledger.netting import settle
from switch.ledger.rules import RULES
from switch.money.currency import format_amount
from switch.money.fee_line import Fee
from switch.wire.dates import DAY_US
from tests.ledger.balance import check_balance
from tests.ledger.stories import DAY, MAD, START_US, Sides, answered, charged, cutover, fold, forwarded, owed, records

PAGE = (Path(__file__).parents[2] / "docs" / "settlement.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """Cells of the table whose first heading is this."""
    lines = PAGE.splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith(f"| {heading} |")) + 2
    found = []
    while lines[at].startswith("|"):
        found.append([cell.strip() for cell in lines[at].strip("|").split("|")])
        at += 1
    return found


def said(amount: int) -> str:
    return format_amount(amount, MAD).removesuffix(" MAD")


def sentence(entry: Entry) -> str:
    return f"{entry.what} {said(entry.amount)}{f' of {entry.of_day}' if entry.of_day else ''}"


@pytest.mark.parametrize(("what", "story", "entries", "stands", "held"), rows("what happens"))
def test_the_page_says_what_is_posted(what: str, story: str, entries: str, stands: str, held: str) -> None:
    ledger, posted = fold(records(story.strip("`")))
    assert "; ".join(map(sentence, posted)) == entries, what
    assert "".join(said(sum(e.amount for e in posted)) if posted else "") == stands
    assert "".join(said(sum(h.amount for h in ledger.holds.values())) if ledger.holds else "") == held
    for entry in posted:
        check_balance(entry.lines)
        assert entry.counters == (0 if entry is posted[0] else posted[0].sequence), "what changes another one names it"
        given = [m.amount if m.payer == "atlas" else -m.amount for m in entry.moves if "atlas" in m]
        assert sum(given) == entry.amount


def test_every_rule_is_on_the_page() -> None:
    told = " ".join(row[2] for row in rows("what happens"))
    assert {what for what in RULES if RULES[what].posts and what not in told} == set()


WEB = (
    Fee(rule="svc", kind="service", payer="merchant:M1", payee="rif", amount=18_52, vat=1_85),
    Fee(rule="ic", kind="interchange", payer="rif", payee="atlas", amount=8_02),
    Fee(rule="sw", kind="switch", payer="rif", payee="switch", amount=30),
)


def test_the_worked_example_to_the_centime() -> None:
    ledger, (entry,) = fold(records("0200 1234.50", Sides(fees=WEB)))
    names = {"atlas": "issuer", "rif": "acquirer", "merchant:M1": "merchant", "switch": "switch"}
    moved = [[names[m.payer], names[m.payee], m.kind, f"{m.amount / 100:,.2f}"] for m in entry.moves]
    assert moved == rows("from")
    (net,) = settle(
        Window(DAY, 1), ledger.positions[Window(DAY, 1)], members=("atlas", "rif"), networks=(), home=MAD
    ).net
    assert {p.party: p.net for p in net.positions} == {"atlas": -1226_48, "rif": 1226_18, "switch": 30}
    paid = sum(line.amount for line in entry.lines if is_merchant(line.account.owner))
    tax = sum(m.amount for m in entry.moves if m.kind == "vat")
    assert (paid, net.of("rif").net - paid - tax) == (1214_13, 10_20)


def test_what_a_merchant_owes_to_others_goes_through_its_acquirer() -> None:
    fee = Fee(rule="gw", kind="gateway", payer="merchant:M1", payee="gateway", amount=1_00, vat=10)
    _, (entry,) = fold(records("0200 100.00", Sides(fees=(fee,))))
    assert [(m.payer, m.payee, m.kind, m.amount) for m in entry.moves[2:]] == [
        ("merchant:M1", "rif", "gateway", 1_00),
        ("rif", "gateway", "gateway", 1_00),
        ("merchant:M1", "rif", "vat", 10),
        ("rif", "gateway", "vat", 10),
    ]


GATEWAY = Fee(rule="gw", kind="gateway", payer="merchant:M1", payee="gateway", amount=1_00, vat=10)


@pytest.mark.parametrize("issuer", ["visa", "rif"])
@pytest.mark.parametrize("story", [row[1].strip("`") for row in rows("what happens")])
def test_without_merchants_there_is_what_settles_and_no_more(story: str, issuer: str) -> None:
    history = [*records(story, Sides(issuer=issuer, fees=(*WEB, GATEWAY))), charged(9_000, GATEWAY, "2026-11")]
    whole, posted = fold(history)
    kept: list[Entry] = []
    without = LedgerFold(MAD, kept.append, merchants=False)
    for sequence, record in enumerate(history, 1):
        without.fold(sequence, record)
    assert without.positions == whole.positions
    assert any(is_merchant(one.payer) or is_merchant(one.payee) for entry in posted for one in entry.moves)
    for entry, short in zip(posted, kept, strict=True):
        settling = tuple(one for one in entry.moves if not (is_merchant(one.payer) or is_merchant(one.payee)))
        assert short == msgspec.structs.replace(entry, moves=settling)


def test_a_card_at_a_merchant_of_its_own_bank_moves_nothing_between_banks() -> None:
    _, (entry,) = fold(records("0200 100.00", Sides(issuer="rif")))
    assert [(m.payer, m.payee) for m in entry.moves] == [("rif", "merchant:M1")]


def test_a_merchants_fee_without_a_payment_goes_through_its_bank() -> None:
    fee = Fee(rule="m", kind="monthly", payer="merchant:M1", payee="gateway", amount=250_00, vat=25_00)
    free = msgspec.structs.replace(fee, amount=0, vat=0)
    _, posted = fold([charged(1, fee, "2026-11"), charged(2, free, "2026-12")])
    assert posted[0].moves == (
        Move("merchant:M1", "rif", "monthly", MAD, 250_00),
        Move("rif", "gateway", "monthly", MAD, 250_00),
        Move("merchant:M1", "rif", "vat", MAD, 25_00),
        Move("rif", "gateway", "vat", MAD, 25_00),
    )
    assert [(entry.what, entry.amount, len(entry.moves)) for entry in posted] == [("charge", 0, 4), ("charge", 0, 0)]


def test_a_completion_in_another_currency_gives_back_what_stood() -> None:
    ledger, posted = fold(
        [forwarded(1, "0200", 100_00, "00"), answered(1, 1), owed(2, 1, "0220", 9_00, currency="978")]
    )
    assert [(m.payer, m.payee, m.currency, m.amount) for m in posted[1].moves] == [
        ("rif", "atlas", MAD, 100_00),
        ("merchant:M1", "rif", MAD, 100_00),
        ("atlas", "rif", "978", 9_00),
        ("rif", "merchant:M1", "978", 9_00),
    ]
    check_balance(posted[1].lines)
    assert (found := ledger.payments.find(1)) is not None
    assert found.stands == 9_00


def test_what_an_older_release_approved_is_posted_unpriced() -> None:
    answer = msgspec.structs.replace(answered(1, 1), priced=None)
    ledger, (entry,) = fold([forwarded(1, "0200", 100_00, "00"), answer])
    assert (entry.acquirer, entry.issuer, entry.merchant) == ("rif", "atlas", "M1")
    assert entry.unpriced == NOT_PRICED
    assert ledger.unpriced == [entry]


@pytest.mark.parametrize(
    "story", ["0100 800.00, 0220 650.00, 0420, 0120 700.00", "0100 800.00, 0220 0.00, 0120 700.00"]
)
def test_a_completion_ends_a_hold_for_good(story: str) -> None:
    """Nothing else would ever let go of what an advice of it, come late, held again."""
    ledger, _ = fold(records(story))
    assert [(held.count, held.amount) for held in ledger.holds.values()] == [(0, 0)]


def test_a_reversal_of_what_was_pruned_posts_what_it_says_itself() -> None:
    _, (entry,) = fold([owed(9, 1, "0420", 100_00, left=30_00)])
    assert (entry.amount, entry.counters) == (-70_00, 0)
    _, posted = fold([owed(9, 1, "0420", 100_00, reason="timeout")])
    assert posted == []


def test_windows_are_decided_by_the_cutovers_before_a_record() -> None:
    ledger = LedgerFold(MAD)
    told = (
        *records("0200 1.00"),
        cutover(10),
        *records("0200 2.00", first=11),
        cutover(20, "2026-11-28", "2026-11-28", window=2),
        *records("0200 4.00", first=21),
        cutover(30, "2026-11-28", "2026-11-30", ended=2),
        cutover(40, "2026-11-30", "2026-12-01"),
        *records("0200 8.00", first=41),
    )
    for sequence, entry in enumerate(told, 1):
        ledger.fold(sequence, entry)
    wanted = {(DAY, 1): 1_00, ("2026-11-28", 1): 2_00, ("2026-11-28", 2): 4_00, ("2026-12-01", 1): 8_00}
    moved = {w: sum(s.amount for c, s in cells.items() if c.payer == "atlas") for w, cells in ledger.positions.items()}
    assert moved == wanted
    assert [str(one.window) for one in ledger.closed] == [
        "2026-11-27/1",
        "2026-11-28/1",
        "2026-11-28/2",
        "2026-11-30/1",
    ]


def test_before_the_first_cutover_days_are_the_calendars() -> None:
    ledger = LedgerFold(MAD)
    ledger.windows.at(START_US, 1)
    assert str(ledger.windows.at(START_US + DAY_US, 2)) == "2026-11-28/1"
    ledger.windows.cut(cutover(2 * DAY_US, "2026-11-29", "2026-11-30"), 3)
    assert [(str(c.window), c.by) for c in ledger.closed] == [
        ("2026-11-27/1", "calendar"),
        ("2026-11-28/1", "calendar"),
        ("2026-11-29/1", "operator"),
    ]
