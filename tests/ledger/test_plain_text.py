"""The ledger as text for bookkeeping programs: what it says, that no two accounts are one, and what beancount and ledger find."""

import re
import subprocess
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from switch.core.records.records import AnyEntry
from switch.ledger.entries import MERCHANT, Account, Entry, Window
from switch.ledger.fold import LedgerFold
from switch.ledger.plain_text import Form, Journal, name, number
from switch.money.currency import currency
from switch.money.fee_line import Fee
from tests.ledger.stories import MAD, Sides, answered, cutover, forwarded, records
from tests.ledger.test_exchange import SAID, through

FEES = (
    Fee(rule="s", kind="service", payer="merchant:M1", payee="rif", amount=150, vat=15),
    Fee(rule="i", kind="interchange", payer="rif", payee="atlas", amount=65),
    Fee(rule="w", kind="switch", payer="rif", payee="switch", amount=30),
)
SIDES = Sides(fees=FEES)
PROGRAMS = {Form.BEANCOUNT: ["bean-check"], Form.LEDGER: ["ledger", "balance", "-f"]}
checked_by_both = pytest.mark.parametrize(
    "form", [pytest.param(form, marks=pytest.mark.outside(program[0])) for form, program in PROGRAMS.items()]
)


def a_day() -> Iterator[AnyEntry]:
    """Purchases, cash, a refund, a reversal of yesterday's; dinars with three decimals, yen without."""
    yield from records("0200 100.00, 0420 left 30.00", SIDES, 10)
    yield from records("0200 200.00 cash", SIDES, 20)
    yield from records("0200 50.00 refund", SIDES, 30)
    yield from records("0100 800.00, 0220 650.00", SIDES, 40)
    for txn, code, amount in ((50, "788", 10_001), (51, "788", 7), (60, "392", 1_000)):
        yield forwarded(txn, "0200", amount, "00", SIDES, code)
        yield answered(txn, 1, sides=SIDES)
    yield from through("0200 80.00, 0420 left 33.33", SAID)
    yield cutover(70)
    yield from records("0200 12.34", Sides(issuer="visa", merchant="Café 1"), 80)


def text(form: Form, story: Iterator[AnyEntry]) -> str:
    journal = Journal(form)
    pieces = [journal.begin("morocco", "all windows")]
    ledger = LedgerFold(MAD, lambda entry: pieces.append(journal.post(entry)))
    for sequence, record in enumerate(story, 1):
        ledger.fold(sequence, record)
    return "".join(chain(pieces, journal.end(ledger.positions)))


def refused(form: Form, path: Path, written: str) -> str:
    """What the program finds wrong; "": nothing."""
    path.write_text(written)
    found = run(*PROGRAMS[form], path)
    return found.stdout + found.stderr if found.returncode else ""


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=900)


@pytest.mark.parametrize("form", Form)
def test_every_transaction_comes_to_zero_and_the_end_is_what_was_posted(form: Form) -> None:
    written, sums, transactions = text(form, a_day()), dict[tuple[str, str], str](), 0
    held: dict[tuple[str, str], int] = {}
    for block in written.split("\n\n"):
        of: dict[str, int] = {}
        for account, figure, unit in re.findall(r"^ +(Assets:\S+)  (-?[\d.]+) ([A-Z]{3})$", block, re.MULTILINE):
            minor = int(figure.replace(".", ""))
            held[account, unit] = held.get((account, unit), 0) + minor
            of[unit] = of.get(unit, 0) + minor
        transactions += bool(of)
        assert not any(of.values()), block
        said = re.findall(r"(Assets:\S+)  (?:\S+ [A-Z]{3} = )?(-?[\d.]+) (?:~ [0.]+ )?([A-Z]{3})$", block, re.MULTILINE)
        if "what every account comes to" in block or " balance " in block:
            sums = {(account, unit): figure for account, figure, unit in said}
    assert transactions == 11
    assert {key: int(figure.replace(".", "")) for key, figure in sums.items()} == held
    assert all(len(figure.partition(".")[2]) == currency(unit).exponent for (_, unit), figure in sums.items())


def test_a_correction_names_what_it_corrects() -> None:
    first, second, *_ = text(Form.BEANCOUNT, a_day()).split("\n\n")[1:]
    assert first.startswith('2026-11-27 * "atlas at rif" "purchase" ^record-2\n  txn: "a"\n  window: "2026-11-27/1"\n')
    assert second.startswith('2026-11-27 * "atlas at rif" "reversal" ^record-3 ^record-2\n')
    assert "  Assets:Settlement:Atlas:Rif:Payment  70.00 MAD\n" in second
    _, second, *_ = text(Form.LEDGER, a_day()).split("\n\n")[1:]
    assert second.startswith("2026-11-27 * (3) reversal, atlas at rif\n    ; txn b, window 2026-11-27/1, counters 2\n")


def test_what_moves_nothing_is_a_comment() -> None:
    entry = Entry(
        sequence=4,
        at_us=0,
        window=Window("2026-11-27", 1),
        txn=1,
        what="cash",
        acquirer="rif",
        issuer="rif",
        currency=MAD,
        amount=100,
    )
    assert Journal(Form.LEDGER).post(entry) == "; 2026-11-27 record 4, cash, rif at rif: nothing to move\n\n"


PARTIES = st.text(st.sampled_from("aAxX019-.:é \u041b"), max_size=4)


def test_a_position_in_foreign_currency_is_in_no_settlement() -> None:
    for one in (Account("atlas", "fx:atlas", "fx"), Account("fx-difference:atlas", "atlas", "fx")):
        assert name(one).startswith("Assets:Exchange:")
    exchanged = [line for line in text(Form.LEDGER, a_day()).splitlines() if "Assets:Exchange:" in line]
    assert any("USD" in line for line in exchanged)
    assert any("MAD" in line for line in exchanged)


@given(st.lists(st.tuples(PARTIES, PARTIES, st.booleans(), st.booleans()), min_size=2, max_size=2, unique=True))
@example([("A", "b", False, False), ("a", "b", False, False)])
@example([("x-", "b", False, False), ("x", "b", False, False)])
@example([("", "b", False, False), ("x", "b", False, False)])
@example([("m", "b", True, False), ("M", "b", True, False)])
@example([("aɏ", "b", False, False), ("a/F", "b", False, False)])
def test_two_accounts_never_share_a_name(parties: list[tuple[str, str, bool, bool]]) -> None:
    accounts = [
        Account((MERCHANT if pays else "") + owner, (MERCHANT if shop and not pays else "") + other, "vat")
        for owner, other, pays, shop in parties
    ]
    assert (name(accounts[0]) == name(accounts[1])) == (accounts[0] == accounts[1])
    for account in accounts:
        assert all(re.fullmatch(r"[A-Z0-9][A-Za-z0-9-]*", part) for part in name(account).split(":"))


# -- programs of others


@checked_by_both
def test_a_day_is_accepted(form: Form, tmp_path: Path) -> None:
    assert refused(form, tmp_path / "day", text(form, a_day())) == ""


FAULTS = (
    ("a line of an entry", "{}  100.00 MAD", "{}  100.01 MAD", 1),
    ("a line in dinars", "{}  0.007 TND", "{}  0.008 TND", 1),
    ("a line in yen", "{}  1000 JPY", "{}  1001 JPY", 1),
    ("both lines of a move", "  {}100.00 MAD", "  {}100.01 MAD", 2),
    ("both lines in dinars", "  {}0.007 TND", "  {}0.008 TND", 2),
    ("both lines in yen", "  {}1000 JPY", "  {}1001 JPY", 2),
)


@checked_by_both
@pytest.mark.parametrize(("what", "right", "wrong", "lines"), FAULTS, ids=[fault[0] for fault in FAULTS])
def test_a_minor_unit_too_many_is_refused(
    form: Form, what: str, right: str, wrong: str, lines: int, tmp_path: Path
) -> None:
    written = text(form, a_day())
    signs = ("-", "") if lines == 2 else ("Assets:Merchants:M1:Rif:Payment",)
    broken = written
    for sign in signs:
        assert right.format(sign) in broken
        broken = broken.replace(right.format(sign), wrong.format(sign), 1)
    assert refused(form, tmp_path / "day", broken)


@checked_by_both
@pytest.mark.parametrize(("unit", "step"), [("MAD", "0.01"), ("TND", "0.001"), ("JPY", "1")])
def test_an_account_said_to_have_a_minor_unit_more_is_refused(form: Form, unit: str, step: str, tmp_path: Path) -> None:
    code = currency(unit)
    pattern = r"(?:= )(-?[\d.]+) " if form is Form.LEDGER else r"(?:balance \S+  )(-?[\d.]+) ~ \S+ "
    written = text(form, a_day())
    *_, said = re.finditer(pattern + unit, written)
    minor = int(said[1].replace(".", "")) + 1
    assert number(1, code.numeric).split()[0].lstrip("0.") == step.lstrip("0.")
    broken = written[: said.start(1)] + number(minor, code.numeric).split()[0] + written[said.end(1) :]
    assert refused(form, tmp_path / "day", broken)


@pytest.mark.outside("ledger")
def test_ledger_accepts_a_million_entries_and_no_centime_more(tmp_path: Path) -> None:
    """Withdrawals, two postings each: some minutes, and two gigabytes of ledger's."""
    path, wanted, journal = tmp_path / "million", 1_000_000, Journal(Form.LEDGER)
    with path.open("w") as file:
        file.write(journal.begin("morocco", "a million"))
        ledger = LedgerFold(MAD, lambda entry: file.write(journal.post(entry)))
        sides = [Sides(issuer=a, acquirer=b) for a, b in (("atlas", "rif"), ("rif", "souss"), ("souss", "atlas"))]
        for n in range(wanted):
            who, txn = sides[n % 3], n + 1
            ledger.fold(2 * n + 1, forwarded(txn, "0200", 100 + n % 9_973, "01", who))
            ledger.fold(2 * n + 2, answered(txn, 1, sides=who))
        assert ledger.windows.now is not None
        file.writelines(journal.end(ledger.positions))
    found = run("ledger", "-f", path, "balance", "Settlement")
    assert found.returncode == 0, found.stderr[:500]
    (atlas_rif,) = (s.amount for c, s in ledger.positions[ledger.windows.now].items() if c.payer == "atlas")
    assert f"{number(-atlas_rif, MAD)}      Rif:Payment" in found.stdout
    with path.open("r+b") as file:
        file.seek(-200, 2)
        tail = file.read()
        file.seek(-200, 2)
        last = tail.rindex(b" MAD")
        digit = tail[last - 1 : last]
        file.write(tail[: last - 1] + (b"1" if digit == b"0" else b"0") + tail[last:])
    again = run("ledger", "-f", path, "balance", "Settlement")
    assert again.returncode
    assert "Balance assertion off by" in again.stderr
