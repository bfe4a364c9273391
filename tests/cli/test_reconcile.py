"""`cmi-switch reconcile`: a member's list against the ledger, each difference with its likely cause, and what messages said."""

import hashlib
import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from switch.cli.reconcile import command
from switch.cli.settle import command as settle
from switch.core.records.day_records import Reconciled
from switch.core.records.records import AnyEntry
from tests.journal.samples import written
from tests.ledger.stories import START_US, Sides, cutover, records

ATLAS_AT_RIF = Sides(issuer="atlas", acquirer="rif")


def said(result: str, net: int) -> Reconciled:
    return Reconciled(
        at_us=START_US + 60,
        txn=60,
        link="acquirers",
        mti="0520",
        stan="000001",
        sent_at="1127090000",
        role="acquirer",
        party="rif",
        currency="504",
        day="2026-11-27",
        result=result,
        theirs=(0, 0, 5, 0, 0, 0, 1, 0, -1, -1, net),
        ours=(0, 0, 5, 0, 0, 0, 1, 0, 0, 0, -1),
        reason="they differ" if result == "2" else "they agree",
    )


def a_day() -> list[AnyEntry]:
    """RRNs are twelve digits of the transaction."""
    return [
        *records("0200 100.00", ATLAS_AT_RIF, 10),
        *records("0200 20.00", ATLAS_AT_RIF, 11),
        *records("0200 30.00, 0420", ATLAS_AT_RIF, 12),
        *records("0200 50.00 refund", ATLAS_AT_RIF, 14),
        *records("0200 7.00", Sides(issuer="souss", acquirer="atlas"), 15),
        cutover(50),
        *records("0200 9.00", ATLAS_AT_RIF, 51),
        cutover(80, "2026-11-28", "2026-11-29"),
    ]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    written(tmp_path, a_day())
    return tmp_path


def rrn(txn: int) -> str:
    return f"{txn:012d}"


def reconcile(
    state: Path, *lines: str, options: tuple[str, ...] = ("--member", "rif"), header: str = "rrn,amount"
) -> Result:
    window = () if "--window" in options or not options else ("--window", "2026-11-27/1")
    text = "\n".join((header, *lines)) + "\n"
    return CliRunner().invoke(command, ["-", "--state", str(state), *window, *options], input=text)


ALL = (f"{rrn(10)},100.00", f"{rrn(11)},20.00", f"{rrn(14)},-50.00")


def test_a_list_that_agrees_says_so_whether_it_has_what_was_taken_back_or_not(state: Path) -> None:
    for lines in (ALL, (*ALL, f"{rrn(12)},30.00", f"{rrn(12)},-30.00")):
        result = reconcile(state, *lines)
        assert (result.exit_code, "all agree" in result.output) == (0, True), result.output


@pytest.mark.parametrize(
    ("lines", "name", "here", "there", "cause"),
    [
        (ALL[1:], 10, 10_000, None, "missing there"),
        ((*ALL, f"{rrn(99)},5.00"), 99, None, 500, "missing here"),
        ((f"{rrn(10)},101.00", *ALL[1:]), 10, 10_000, 10_100, "amount"),
        ((*ALL, ALL[1]), 11, 2_000, 4_000, "doubled there"),
        ((*ALL, f"{rrn(51)},9.00"), 51, None, 900, "other window"),
    ],
)
def test_each_difference_has_both_values_and_its_likely_cause(
    state: Path, lines: tuple[str, ...], name: int, here: int | None, there: int | None, cause: str
) -> None:
    result = reconcile(state, *lines, options=("--member", "rif", "--json"))
    assert result.exit_code == 1, result.output
    found = json.loads(result.output)
    assert (found["window"], found["member"], found["role"], found["agree"]) == (
        "2026-11-27/1",
        "rif",
        "acquirer",
        False,
    )
    (one,) = found["differences"]
    assert (one["name"], one["here"], one["there"], one["cause"], one["currency"]) == (
        rrn(name),
        here,
        there,
        cause,
        "MAD",
    )


def test_a_late_reversal_that_they_have_not_is_called_late(tmp_path: Path) -> None:
    early, reversed_later = (
        list(records("0200 100.00, 0420", ATLAS_AT_RIF, 10))[:2],
        list(records("0200 100.00, 0420", ATLAS_AT_RIF, 10))[2:],
    )
    written(tmp_path, [*early, cutover(50), *reversed_later, cutover(80, "2026-11-28", "2026-11-29")])
    result = reconcile(tmp_path, options=("--member", "rif", "--window", "2026-11-28/1", "--json"))
    (one,) = json.loads(result.output)["differences"]
    assert (one["cause"], one["note"], one["here"]) == ("late", "it takes back a payment of 2026-11-27", -10_000)


def test_what_was_claimed_back_and_is_not_in_their_list_is_called_a_dispute(tmp_path: Path) -> None:
    written(tmp_path, [*records("0200 100.00, chargeback, representment 40.00", ATLAS_AT_RIF, 10), cutover(80)])
    result = reconcile(tmp_path, f"{rrn(10)},100.00", options=("--member", "rif", "--window", "2026-11-27/1", "--json"))
    (one,) = json.loads(result.output)["differences"]
    assert (one["cause"], one["note"], one["here"]) == ("dispute", "60.00 MAD of it has been claimed back", 4_000)


def test_an_issuers_list_is_compared_with_what_its_cards_paid(state: Path) -> None:
    result = reconcile(state, f"{rrn(15)},7", options=("--member", "souss", "--as", "issuer"))
    assert result.exit_code == 0, result.output


def test_lines_of_other_days_are_left_out(state: Path) -> None:
    lines = (*(f"{line},2026-11-27,1" for line in ALL), f"{rrn(51)},9.00,2026-11-28,1")
    result = reconcile(state, *lines, header="rrn,amount,day,window")
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize(
    ("header", "line", "why"),
    [
        ("rrn,amuont", "1,2", "line 1: no column amount; there are: rrn, amuont"),
        ("rrn,amount", "1,2.3456", "line 2: '2.3456': '2.3456' has more decimals than MAD"),
        ("rrn,amount", "1,", "line 2: '' is no amount"),
        ("rrn,amount", "1,2.00 C", "line 2: '2.00 C' is no amount: expected such as 1234.50, or -1234.50"),
        ("rrn,amount", "1,--2.00", "line 2: '--2.00' is no amount"),
        ("rrn,amount", "1,2.345", "line 2: nothing in the file says whether 2.345 has decimals or thousands"),
        ("rrn;amount", "1;12 34,50", "line 2: '12 34,50' is no amount: expected such as 1234,50"),
        ("rrn,amount,currency", '1,"1,234",TND', "line 2: nothing in the file says whether 1,234 has"),
        ("rrn,amount,currency", "1,80.00 EUR,MAD", "line 2: the amount is in EUR, and the currency is MAD"),
        ("rrn,amount,amount", "1,2,3", "line 1: there are 2 columns amount"),
        ("rrn,amount,window", "1,2,1", "line 1: a column window, and none of the day"),
        ("A bank\nNovember\nrrn,amount,amount", "1,2,3", "line 3: there are 2 columns amount"),
        ("sep=,\nA bank\nrrn,amount,window", "1,2,1", "line 3: a column window, and none of the day"),
        (
            "rrn,amount,day,window",
            "1,2,2026-11-27,1000",
            "line 2: window '1000': expected its number in a day, 1 to 999",
        ),
        ("rrn,amount,day", "1,2,11/28/2026", "line 2: '11/28/2026' is no day: expected 2026-11-27 or 27/11/2026"),
        ("rrn,amount,day,window", "1,2,2026-11-27,x", "line 2: window 'x': expected its number"),
        ("rrn,amount", "6.33208E+11,2", "line 2: a spreadsheet has rounded rrn 6.33208E+11"),
        ("rrn,amount", "1", "line 2: expected 2 fields"),
        ("rrn,amount,currency", "1,2,MAX", "line 2: 'MAX' is no ISO 4217 currency code"),
        ("rrn,amount", ",2", "line 2: rrn is empty"),
    ],
)
def test_a_line_that_cannot_be_read_is_named_and_nothing_compared(
    state: Path, header: str, line: str, why: str
) -> None:
    result = reconcile(state, line, header=header)
    assert result.exit_code == 2
    assert why in result.output


def exported(state: Path, text: str, encoding: str = "utf-8", options: tuple[str, ...] = ()) -> Result:
    """A file as a bank's system has written it."""
    file = state / "list.csv"
    file.write_bytes(text.encode(encoding))
    about = ["--state", str(state), "--window", "2026-11-27/1", "--member", "rif"]
    return CliRunner().invoke(command, [str(file), *about, *options])


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16"])
def test_a_spreadsheets_list_is_read_and_it_is_said_how(state: Path, encoding: str) -> None:
    text = (
        "sep=;\r\nDate;RRN;Libellé;Amount;Currency\r\n"
        f"27/11/2026;{rrn(10)};Épicerie;100,00;MAD\r\n27.11.2026;{rrn(11)};;20,00 MAD;\r\n"
        f"20261127;{rrn(14)};;50,00-;mad\r\n27-11-2026;{rrn(12)};;1 030,00;MAD\r\n"
        f"2026-11-27;{rrn(12)};;(1.030,00);MAD\r\n28/11/2026;{rrn(51)};;9,00;MAD\r\n;;;;\r\n"
    )
    result = exported(state, text, encoding, ("--column", "day=Date"))
    assert (result.exit_code, "all agree" in result.output) == (0, True), result.output
    for said in (
        "separated by ;",
        "decimal comma",
        "not read: Libellé",
        "of other windows, which are left out: 1 (2026-11-28)",
    ):
        assert said in result.output, result.output
    assert ("Latin-1" in result.output, "UTF-16" in result.output) == (encoding == "latin-1", encoding == "utf-16")


AS_A_SPREADSHEET: dict[str, tuple[str, str]] = {
    "digits kept as text by a formula": (
        f'rrn;amount\r\n="{rrn(10)}";100,00\r\n="{rrn(11)}";20,00\r\n="{rrn(14)}";-50,00\r\n',
        "",
    ),
    "or by an apostrophe": (f"rrn;amount\n'{rrn(10)};100,00\n'{rrn(11)};20,00\n'{rrn(14)};-50,00\n", ""),
    "zeros lost": ("rrn;amount\n10;100,00\n11;20,00\n14;-50,00\n", "3 of DE37 without the zeros"),
    "their sum below": (
        f"rrn;amount\n{rrn(10)};100,00\n{rrn(11)};20,00\n{rrn(14)};-50,00\nTotal;70,00\n",
        "is their sum",
    ),
    "a bank's name above": (
        f"Banque;\r\nRelevé du 27/11/2026;\r\n\r\nrrn;amount\r\n{rrn(10)};100,00\r\n{rrn(11)};20,00\r\n{rrn(14)};-50,00\r\n",
        "3 lines before the header",
    ),
    "dirhams as people write them": (
        f"rrn;amount\n{rrn(10)};100,00 DH\n{rrn(11)};20,00 Dhs\n{rrn(14)};-50,00 MAD\n",
        "",
    ),
}


@pytest.mark.parametrize("what", AS_A_SPREADSHEET)
def test_what_a_spreadsheet_does_to_a_list_is_undone(state: Path, what: str) -> None:
    text, note = AS_A_SPREADSHEET[what]
    result = exported(state, text)
    assert (result.exit_code, "all agree" in result.output, note in result.output) == (0, True, True), result.output


def test_a_list_whose_own_sum_is_another_is_refused_whole(state: Path) -> None:
    result = exported(state, f"rrn;amount\n{rrn(10)};100,00\n{rrn(11)};20,00\nTotal;120,01\n")
    assert result.exit_code == 2
    assert "line 4: it says that the lines come to 120.01 MAD, and they come to 120.00 MAD" in result.output


@pytest.mark.parametrize(
    ("begins", "what"), [(b"PK\x03\x04\x14", "(.xlsx)"), (b"\x1f\x8b\x08", "compressed"), (b"%PDF-1.7", "a page (PDF)")]
)
def test_a_file_that_is_no_text_is_called_what_it_is(state: Path, begins: bytes, what: str) -> None:
    (state / "list.csv").write_bytes(begins + bytes(range(256)))
    result = CliRunner().invoke(command, [str(state / "list.csv"), "--state", str(state), "--member", "rif"])
    assert result.exit_code == 2
    assert what in result.output, result.output


@pytest.mark.parametrize("text", ["x" * 200_000, f"rrn,amount\n{'1' * 200_000},5\n"])
def test_a_line_that_no_table_has_is_said(state: Path, text: str) -> None:
    result = exported(state, text)
    assert (result.exit_code, "line " in result.output) == (2, True), result.output[-300:]


def test_a_bank_calls_its_columns_otherwise(state: Path) -> None:
    text = "Référence\tMontant\n" + "".join(f"{line}\n".replace(",", "\t") for line in ALL)
    missing = exported(state, text)
    assert (missing.exit_code, "no column rrn; there are: Référence, Montant" in missing.output) == (2, True)
    named = ("--column", "rrn=référence", "--column", "amount=Montant")
    assert exported(state, text, options=named).exit_code == 0
    wrong = exported(state, text, options=("--column", "pan=X"))
    assert (wrong.exit_code, "one of rrn, amount, currency, day, window" in wrong.output) == (2, True)
    absent = exported(state, text, options=(*named, "--column", "day=Jour"))
    assert (absent.exit_code, "no column Jour" in absent.output) == (2, True)


def test_a_mark_that_nothing_explains_is_read_as_it_is_told(state: Path) -> None:
    text = f"rrn;amount\n{rrn(10)};1.234\n"
    assert exported(state, text).exit_code == 2
    assert "there 1234.00 MAD" in exported(state, text, options=("--decimal", ",")).output
    assert "has more decimals than MAD" in exported(state, text, options=("--decimal", ".")).output


@pytest.mark.parametrize(
    ("line", "header", "cause", "note"),
    [
        (f"{rrn(10)},100.00,EUR", "rrn,amount,currency", "currency", "it is 100.00 EUR there"),
        (f"{rrn(10)},-100.00", "rrn,amount", "sign", "above zero the cardholder pays"),
        (f"{rrn(10)},10000", "rrn,amount", "amount", "100 times as much there: in minor units?"),
        (f"{rrn(10)},100.00,2026-11-28", "rrn,amount,day", "other window", "it is in 2026-11-28 there"),
    ],
)
def test_what_is_written_otherwise_is_named(state: Path, line: str, header: str, cause: str, note: str) -> None:
    result = reconcile(state, line, options=("--member", "rif", "--json"), header=header)
    found = [one for one in json.loads(result.output)["differences"] if one["name"] == rrn(10)]
    assert (found[0]["cause"], found[0]["note"]) == (cause, note)
    assert len(found) == (2 if cause == "currency" else 1)


def test_a_member_that_there_is_not_and_a_file_that_there_is_not(state: Path) -> None:
    assert "none is not one of atlas, rif, souss" in reconcile(state, options=("--window", "2026-11-27/1")).output
    result = CliRunner().invoke(command, [str(state / "no.csv"), "--state", str(state), "--member", "rif"])
    assert (result.exit_code, "No such file" in result.output) == (2, True)


def test_a_clearing_file_is_compared_move_by_move(state: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    made = CliRunner().invoke(
        settle, ["--state", str(state), "--window", "2026-11-27/1", "--as", "clearing", "--out", str(out)]
    )
    assert made.exit_code == 0, made.output
    (file,) = out.glob("*.rif.MAD.clearing.csv")
    same = CliRunner().invoke(command, [str(file), "--state", str(state)])
    assert (same.exit_code, "all agree" in same.output) == (0, True), same.output
    file.write_bytes(file.read_bytes().replace(b",10000\n", b",10100\n"))
    changed = CliRunner().invoke(command, [str(file), "--state", str(state)])
    assert (changed.exit_code, "the trailer's" in changed.output) == (2, True)


@pytest.mark.parametrize(
    ("above", "says"),
    [
        (
            "H,file,2026-11-27/1,rif,XXX,1\n",
            "is no ISO 4217 currency code): expected H,file,window,member,currency,version",
        ),
        ("H,file,2026-11-27/1,rif,MAD,2,more\n", "expected H,file,window,member,currency,version"),
        (f"H,file,2026-11-27/1,rif,MAD,1\nR,{'1' * 200_000}\n", "a line between header and trailer is no row"),
    ],
)
def test_a_clearing_file_of_another_making_is_refused_in_a_sentence(state: Path, above: str, says: str) -> None:
    digest = hashlib.sha256(above.encode()).hexdigest()
    rows = above.count("R,")
    (state / "list.csv").write_text(f"{above}T,{rows},{0:016d},{0:016d},{digest}\n")
    result = CliRunner().invoke(command, [str(state / "list.csv"), "--state", str(state)])
    assert (result.exit_code, says in result.output) == (2, True), result.output[-300:]


def test_what_was_said_by_message_is_listed_and_the_last_word_counts(tmp_path: Path) -> None:
    nobody = tmp_path / "nobody"
    written(nobody, a_day())
    assert "nobody has reconciled" in CliRunner().invoke(command, ["--state", str(nobody)]).output
    nowhere = CliRunner().invoke(command, ["--state", str(tmp_path / "no")])
    assert (nowhere.exit_code, "no journal here" in nowhere.output) == (2, True), nowhere.output
    written(tmp_path / "differ", [*a_day(), said("2", -2)])
    differ = CliRunner().invoke(command, ["--state", str(tmp_path / "differ")])
    assert (differ.exit_code, "DE97  here -1  there -2" in differ.output) == (1, True), differ.output
    written(tmp_path / "agree", [*a_day(), said("2", -2), msgspec.structs.replace(said("1", -1), txn=61)])
    agree = CliRunner().invoke(command, ["--state", str(tmp_path / "agree"), "--json"])
    rows = json.loads(agree.output)
    assert (agree.exit_code, [row["de66"] for row in rows]) == (0, ["2", "1"])
    assert rows[0]["differences"] == [{"element": "DE97", "there": -2, "here": -1}]
