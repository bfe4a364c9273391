"""Statements: what merchants, members and a day are told, and that it is what the settlement says, to the centime."""

import csv
import io
import json
import re
import subprocess
from collections.abc import Callable
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from switch.cli import settle as settle_command
from switch.cli.statement import command
from switch.core.records.records import AnyEntry
from switch.ledger.netting import settle
from switch.money.currency import parse_amount
from switch.money.fee_line import Fee
from switch.statements.page import page
from switch.statements.statement import Period, day_statement, merchant_statement, merchants_of
from switch.statements.words import Language, Words
from tests.docs.reader import ROOT, blocks
from tests.journal.samples import written
from tests.ledger.stories import DAY, MAD, Sides, answered, charged, cutover, fold, forwarded, owed, records

FRENCH = Words(Language.FRENCH, UTC)
ENGLISH = Words(Language.ENGLISH, UTC)
SCHEMES = {"visa": "visa", "mastercard": "mastercard"}


def sides(issuer: str, acquirer: str, merchant: str = "M1", service: int = 1_00, scheme: int = 0) -> Sides:
    fees = (
        Fee(rule="s", kind="service", payer=f"merchant:{merchant}", payee=acquirer, amount=service, vat=service // 10),
        Fee(rule="i", kind="interchange", payer=acquirer, payee=issuer, amount=65),
        *([Fee(rule="n", kind="scheme", payer=acquirer, payee=issuer, amount=scheme)] if scheme else []),
        Fee(rule="w", kind="switch", payer=acquirer, payee="switch", amount=30),
    )
    return Sides(issuer=issuer, acquirer=acquirer, merchant=merchant, fees=fees)


def a_day() -> list[AnyEntry]:
    """Four banks' cards at three merchants; a reversal, a refund, cash, a payment in euros; then another day."""
    return [
        *records("0200 100.00, 0420 left 30.00", sides("atlas", "rif"), 10),
        *records("0200 1234.50", sides("visa", "rif", service=37_04, scheme=11_78), 20),
        *records("0200 50.00 refund", sides("souss", "rif", service=-50), 30),
        *records("0200 80.00", sides("rif", "atlas", "M2"), 40),
        *records("0200 60.00", sides("souss", "souss", "M3"), 45),
        *records("0200 200.00 cash", Sides(issuer="atlas", acquirer="souss"), 50),
        forwarded(60, "0200", 10_00, "00", sides("visa", "rif"), "978"),
        answered(60, 1, sides=sides("visa", "rif")),
        cutover(70),
        *records("0200 7.00", sides("atlas", "rif"), 80),
    ]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    written(tmp_path / "state", a_day())
    return tmp_path / "state"


Run = Callable[..., str]


@pytest.fixture
def run(state: Path) -> Run:
    def invoke(*arguments: str) -> str:
        said = CliRunner().invoke(command, [*arguments, "--state", str(state)])
        assert said.exit_code == 0, said.output
        return said.output

    return invoke


def settled(state: Path) -> dict[str, Any]:
    said = CliRunner().invoke(settle_command.command, ["--json", "--state", str(state)])
    assert said.exit_code == 0, said.output
    found: dict[str, Any] = json.loads(said.output)
    return found


def rows(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


# -- sums


def test_a_merchants_lines_come_to_what_its_bank_owes_it(run: Run) -> None:
    told = json.loads(run("merchant", "M1", "--format", "json"))
    lines = rows(run("merchant", "M1", "--format", "csv"))
    assert [line["what"] for line in lines] == ["purchase", "reversal", "purchase", "refund", "purchase"]
    home = [line for line in lines if line["currency"] == "MAD"]
    assert told["gross"] == sum(int(line["gross"]) for line in home) == 1_214_50
    assert told["charges"] == {"service": -37_54 - 1_00}
    assert told["net"] == sum(int(line["net"]) for line in lines)
    assert told["net"] == told["gross"] + sum(told["charges"].values()) + told["vat"]
    assert told["elsewhere"] == {"EUR": 10_00}
    assert [line["card"] for line in lines] == ["national", "national", "foreign", "national", "foreign"]
    assert (told["acquirers"], told["period"]["open"]) == (["rif"], False)


def test_an_advice_in_another_currency_is_a_line_a_currency_and_in_no_sum_of_both() -> None:
    told = [*records("0200 100.00", sides("atlas", "rif"), 10), owed(20, 10, "0220", 90_00, currency="978")]
    _, entries = fold(told)
    period = Period(name=DAY, windows=(str(entries[0].window),), open=False)
    found = merchant_statement("morocco", "M1", period, entries, SCHEMES, MAD)
    assert [(line.what, line.currency, line.gross) for line in found.lines] == [
        ("purchase", MAD, 100_00),
        ("correction", MAD, -100_00),
        ("correction", "978", 90_00),
    ]
    assert (found.gross, found.elsewhere) == (0, (("978", 90_00),))
    assert found.net == sum(line.net for line in found.lines) == -1_10, (
        "the service charge of the purchase, and its tax"
    )
    assert found.levels["national"].amount == 0


def test_merchants_together_are_what_the_settlement_pays_their_banks(run: Run, state: Path) -> None:
    """Cash and a bank's own cards apart: the one has no merchant, the other no settlement."""
    paid = sum(
        int(line["gross"])
        for merchant in ("M1", "M2")
        for line in rows(run("merchant", merchant, "--format", "csv"))
        if line["currency"] == "MAD"
    )
    found = settled(state)
    owed = {"atlas": 0, "rif": 0}
    for netted in (*found["net"], *found["bilateral"]):
        if netted["currency"] == MAD:
            for position in netted["positions"]:
                if position["party"] in owed:
                    owed[position["party"]] += position["kinds"].get("payment", 0)
    with_cash = 200_00  # with a card of atlas
    with_cards = {"atlas": 30_00 + with_cash, "rif": 80_00}
    assert paid == sum(owed.values()) + sum(with_cards.values())


@pytest.mark.parametrize("arguments", [("day",), ("member", "rif"), ("member", "atlas"), ("member", "souss")])
def test_positions_are_those_of_the_settlement_to_the_centime(
    run: Run, state: Path, arguments: tuple[str, ...]
) -> None:
    told: dict[tuple[str, str, str], dict[str, int]] = {}
    for row in rows(run(*arguments, "--format", "csv")):
        told.setdefault((row["party"], row["with"], row["currency"]), {})[row["kind"]] = int(row["amount"])
    found = settled(state)
    wanted = {}
    for netted in (*found["net"], *found["bilateral"]):
        for position in netted["positions"]:
            if arguments[0] == "day" or position["party"] == arguments[1]:
                unit = {"504": "MAD", "978": "EUR"}[netted["currency"]]
                key = (position["party"], netted.get("network", ""), unit)
                wanted[key] = {**position["kinds"], "net": position["net"]}
    assert told == wanted
    for kinds in told.values():
        assert kinds["net"] == sum(amount for kind, amount in kinds.items() if kind != "net")
    if arguments[0] == "day":
        assert sum(kinds["net"] for (_, _, unit), kinds in told.items() if unit == "MAD") == 0


def test_a_member_is_told_by_whom_its_net_is_owed_and_what_it_owes_its_merchants(run: Run) -> None:
    told = json.loads(run("member", "rif", "--format", "json"))
    (net,) = [part for part in told["parts"] if not part["counterpart"]]
    assert sum(told["with_members"].values()) == net["net"]
    merchant = json.loads(run("merchant", "M1", "--format", "json"))
    assert told["merchants"] == {"M1": merchant["net"]}
    assert told["levels"]["foreign"]["network"] == 11_78
    assert told["levels"]["foreign"]["kept"] == 37_04 - 65 - 11_78 - 30


def test_a_day_says_what_each_kind_of_fee_came_to_before_netting(run: Run) -> None:
    told = json.loads(run("day", "--format", "json"))
    fees = {(fee["kind"], fee["currency"]): fee["amount"] for fee in told["fees"]}
    assert fees == {("interchange", "MAD"): 5 * 65, ("scheme", "MAD"): 11_78, ("switch", "MAD"): 6 * 30}
    assert (told["gross"], told["unpriced"]) == (100_00 + 70_00 + 50_00 + 80_00 + 200_00, 0)


# -- what is asked for


def test_a_month_holds_its_days_and_the_last_is_open(run: Run) -> None:
    told = json.loads(run("merchant", "M1", "--format", "json", "--period", "2026-11"))
    assert told["period"] == {"name": "2026-11", "windows": ["2026-11-27/1", "2026-11-28/1"], "open": True}
    assert len(told["lines"]) == 6
    assert "novembre 2026" in run("merchant", "M1", "--period", "2026-11")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("merchant", "M9"), "no merchant M9 was paid in 2026-11-27; there are: M1, M2, M3"),
        (("member", "nobody"), "'nobody' is no member of specs/networks/morocco.toml; there are: atlas, rif, souss"),
        (
            ("day", "--period", "2025-01-01"),
            "nothing is recorded of 2025-01-01; the last business days are: 2026-11-27",
        ),
        (("day", "--zone", "Mars/Base"), "--zone Mars/Base: no such zone in tzdata"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(state: Path, arguments: tuple[str, ...], message: str) -> None:
    said = CliRunner().invoke(command, [*arguments, "--state", str(state)])
    assert said.exit_code == 2
    assert message in " ".join(said.output.split())


def test_a_file_is_written_whole_and_the_same_again(run: Run, tmp_path: Path) -> None:
    out = tmp_path / "new" / "m1.html"
    assert run("merchant", "M1", "--out", str(out)) == f"{out}: {out.stat().st_size:,} bytes\n"
    first = out.read_bytes()
    run("merchant", "M1", "--out", str(out))
    assert out.read_bytes() == first
    assert [path.name for path in out.parent.iterdir()] == ["m1.html"]


# -- the page


@pytest.mark.parametrize("what", [("merchant", "M1"), ("member", "rif"), ("day",)])
@pytest.mark.parametrize("language", ["fr", "en"])
def test_a_page_is_whole_and_loads_nothing(run: Run, what: tuple[str, ...], language: str) -> None:
    text = run(*what, "--language", language)
    assert text.startswith(f'<!doctype html>\n<html lang="{language}">')
    assert text.endswith("</main></body></html>\n")
    assert "<script" not in text
    assert set(re.findall(r"https?://[^\"' <]+", text)) <= {"http://www.w3.org/2000/svg"}
    for tag in ("table", "section", "svg", "tr", "td", "div"):
        assert len(re.findall(rf"<{tag}[ >]", text)) == text.count(f"</{tag}>"), tag
    assert "<svg" in text


def test_french_and_english_write_numbers_and_days_their_own_way(run: Run) -> None:
    french, english = (run("merchant", "M1", "--language", language) for language in ("fr", "en"))
    assert "Net à verser</span><b>1\u202f172,11\u00a0MAD</b>" in french
    assert "To be paid</span><b>1,172.11\u00a0MAD</b>" in english
    assert "−38,54" in french
    assert "−38.54" in english
    assert "27 novembre 2026" in french
    assert "27 November 2026" in english
    assert FRENCH.day("2026-08-01") == "1er août 2026"
    assert (FRENCH.number(-1_234_567, "788"), ENGLISH.number(-1_234_567, "788")) == ("−1\u202f234,567", "−1,234.567")
    assert FRENCH.number(1_000, "392") == "1\u202f000"


def test_what_strangers_name_themselves_is_text(run: Run) -> None:
    name = '<b onload="x">&'
    _, entries = fold(records("0200 5.00", sides("atlas", "rif", name)))
    assert merchants_of(entries) == {name: "rif"}
    period = Period(name="2026-11-27/1", windows=("2026-11-27/1",))
    text = page(merchant_statement("net", name, period, entries, SCHEMES, MAD), FRENCH)
    assert "<b onload" not in text
    assert "&lt;b onload=&quot;x&quot;&gt;&amp;" in text


def test_a_merchant_without_payments_is_told_so() -> None:
    period = Period(name="2026-11-27/1", windows=("2026-11-27/1",), open=True)
    text = page(merchant_statement("net", "M1", period, [], SCHEMES, MAD), FRENCH)
    assert "Aucune opération dans cette période." in text
    assert "en cours, provisoire" in text


@pytest.mark.outside("chromium")
@pytest.mark.parametrize("what", [("merchant", "M1"), ("member", "rif"), ("day",)])
def test_a_browser_prints_it(run: Run, tmp_path: Path, what: tuple[str, ...]) -> None:
    out, pdf = tmp_path / "page.html", tmp_path / "page.pdf"
    run(*what, "--out", str(out))
    flags = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
    own = (f"--user-data-dir={tmp_path}/profile", "--disable-sync", f"--print-to-pdf={pdf}")
    subprocess.run(["chromium", *flags, *own, out.as_uri()], check=True, capture_output=True, timeout=120)
    data = pdf.read_bytes()
    assert data.startswith(b"%PDF-")
    assert 1 <= len(re.findall(rb"/Type /Page\b", data)) <= 3


def test_the_page_of_the_docs_is_true(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    text = (ROOT / "docs" / "settlement.md").read_text()
    (block,) = (b for b in blocks(text) if b.elsewhere == f"run by {Path(__file__).relative_to(ROOT)}")
    monkeypatch.chdir(tmp_path)
    for line in block.text.splitlines():
        command_, *arguments = line.removeprefix("$ cmi-switch ").split()
        assert command_ == "statement"
        run(*arguments)
    assert sorted(path.name for path in tmp_path.glob("*.*ml")) == ["atlas.html", "day.html", "shop.html"]
    header, *_ = run("merchant", "M1", "--format", "csv").splitlines()
    assert f"`{header.replace(',', ', ')}`" in text
    header, *_ = run("day", "--format", "csv").splitlines()
    assert f"`{header.replace(',', ', ')}`" in text


# -- fees without a payment


@pytest.fixture
def with_charges(tmp_path: Path) -> Run:
    """The day, and before its close set-up and a month of M1's, for a gateway and for its bank."""
    fees = (
        Fee(rule="s", kind="set-up", payer="merchant:M1", payee="maroc-telecommerce", amount=3_000_00, vat=300_00),
        Fee(rule="m", kind="monthly", payer="merchant:M1", payee="rif", amount=250_00, vat=25_00),
    )
    day, follows = a_day(), next(n for n, entry in enumerate(a_day()) if type(entry).__name__ == "Cutover")
    written(tmp_path, [*day[:follows], *(charged(66 + n, fee, "") for n, fee in enumerate(fees)), *day[follows:]])

    def invoke(*arguments: str) -> str:
        said = CliRunner().invoke(command, [*arguments, "--state", str(tmp_path)])
        assert said.exit_code == 0, said.output
        return said.output

    return invoke


def test_a_merchant_is_told_what_it_is_charged_without_a_payment(with_charges: Run, run: Run) -> None:
    before = json.loads(run("merchant", "M1", "--format", "json"))
    told = json.loads(with_charges("merchant", "M1", "--format", "json"))
    assert told["net"] == before["net"] - 3_575_00
    assert (told["vat"], told["gross"]) == (before["vat"] - 325_00, before["gross"])
    assert told["standing"] == {"set-up": -3_000_00, "monthly": -250_00}
    assert told["levels"] == before["levels"], "no card has cost it"
    lines = [line for line in rows(with_charges("merchant", "M1", "--format", "csv")) if line["what"] == "charge"]
    assert [
        (line["card"], line["scheme"], line["gross"], line["charges"], line["vat"], line["net"]) for line in lines
    ] == [
        ("", "", "0", "-300000", "-30000", "-330000"),
        ("", "", "0", "-25000", "-2500", "-27500"),
    ]
    printed = with_charges("merchant", "M1", "--language", "en")
    assert re.search(r"<h2>Fees without a payment</h2>.*Set-up.*3,000\.00", printed, re.DOTALL)
    assert "Mise en service" in with_charges("merchant", "M1")
    assert "Fees without a payment" not in run("merchant", "M1", "--language", "en")


def test_member_and_day_say_it_apart_from_what_cards_cost(with_charges: Run, run: Run) -> None:
    for asked in (("member", "rif"), ("day",)):
        before, told = (json.loads(say(*asked, "--format", "json")) for say in (run, with_charges))
        assert told["standing"] == {"set-up": -3_000_00, "monthly": -250_00}
        assert (told["levels"], before["standing"]) == (before["levels"], {})
        assert "Frais fixes, sans opération" in with_charges(*asked)
    earned = {fee["kind"]: fee["amount"] for fee in json.loads(with_charges("day", "--format", "json"))["fees"]}
    assert earned["set-up"] == 3_000_00
    assert "monthly" not in earned, "it stays with the merchant's bank, and is in no settlement"
    assert json.loads(with_charges("member", "atlas", "--format", "json"))["standing"] == {}


def test_charges_of_more_kinds_than_a_sheet_has_room_for_share_a_column(with_charges: Run, run: Run) -> None:
    many, few = with_charges("merchant", "M1", "--language", "en"), run("merchant", "M1", "--language", "en")
    heads = [re.findall(r"<thead>(.*?)</thead>", text, re.DOTALL)[-1].count("<th") for text in (many, few)]
    assert heads == [9, 9]
    assert re.search(r"<td class=\"text wrap\">Set-up</td>[^\n]*3,000\.00", many)


def test_a_table_too_wide_for_a_sheet_is_set_smaller() -> None:
    """A month of a whole country's payments: its last columns lay outside of the paper."""
    sizes = []
    for amount in ("100.00", "9999999999.99"):
        charge = parse_amount(amount, "MAD") // 50
        fee = Fee(rule="s", kind="service", payer="merchant:M1", payee="rif", amount=charge)
        large = Sides(issuer="atlas", acquirer="rif", merchant="M1", fees=(fee,))
        ledger, entries = fold(records(f"0200 {amount}", large))
        (window,) = ledger.positions
        made = settle(window, ledger.positions[window], members=("atlas", "rif"), networks=SCHEMES, home=MAD)
        text = page(day_statement("net", Period(name=DAY, windows=(str(window),)), made, entries, SCHEMES, MAD), FRENCH)
        sizes.append([float(size) for size in re.findall(r'<table style="font-size: ([0-9.]+)pt"', text)])
    assert (sizes[0], len(sizes[1])) == ([], 1)
    assert 6 < sizes[1][0] < 9
