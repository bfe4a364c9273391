"""`cmi-switch settle --as … --out …`: files whole or absent, the same when made again, and one form a window."""

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.cli.check import command as check
from switch.core.records.records import AnyEntry
from switch.ledger.clearing import check_file
from switch.money.fee_line import Fee
from tests.cli.test_settle import a_day, settle, sides
from tests.journal.samples import catch_up, written
from tests.ledger.stories import Sides, cutover, records
from tests.ledger.test_exchange import through

NETWORK = Path(__file__).parents[2] / "specs" / "networks" / "morocco.toml"


def journal(state: Path, story: list[AnyEntry] | None = None) -> Path:
    state.mkdir()
    written(state, story or a_day())
    return state


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return journal(tmp_path / "state")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    return tmp_path / "out"


def write(state: Path, form: str, out: Path, *arguments: str) -> Result:
    return settle(state, "--as", form, "--out", str(out), *arguments)


def all_of(out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(out.iterdir()) if path.is_file()} if out.exists() else {}


@pytest.mark.parametrize(("form", "other"), [("pacs.029", "pacs.009"), ("pacs.009", "pacs.029")])
def test_a_window_is_instructed_in_one_form(state: Path, out: Path, form: str, other: str) -> None:
    said = write(state, form, out)
    assert said.exit_code == 0, said.output
    found = all_of(out)
    assert list(found) == [f"2026-11-27-1.MAD.{form}.xml"]
    assert (
        b"<?xml version='1.0' encoding='UTF-8'?>\n<Document xmlns=\"urn:iso:std:iso:20022:tech:xsd:"
        in found[f"2026-11-27-1.MAD.{form}.xml"]
    )
    assert b'Ccy="MAD">596.70<' in found[f"2026-11-27-1.MAD.{form}.xml"]
    (mark,) = (state / "settlement").iterdir()
    modes = [path.stat().st_mode & 0o777 for path in (mark.parent, mark, next(out.iterdir()))]
    assert modes[:2] == [0o700, 0o600] != modes[1:], "beside the journal as the journal is; the files are for others"
    for where in (out, out / "elsewhere"):
        refused = write(state, other, where)
        assert refused.exit_code == 1
        assert f"window 2026-11-27/1 is instructed as {form} already" in refused.output
        assert f"{other} would move the same money once more" in refused.output
    assert all_of(out / "elsewhere") == {}
    assert write(state, form, out / "elsewhere").exit_code == 0
    assert all_of(out / "elsewhere") == found, "the same once more moves nothing more"


def test_an_instruction_with_other_amounts_or_names_is_refused_wherever_it_goes(
    state: Path, out: Path, tmp_path: Path
) -> None:
    assert write(state, "pacs.029", out).exit_code == 0
    network = tmp_path / "mine.toml"
    network.write_text(NETWORK.read_text().replace('bic = "RIFBMAM0XXX"\n', 'bic = "RIFBMAM0ABC"\n'))
    said = write(state, "pacs.029", tmp_path / "elsewhere", str(network))
    assert said.exit_code == 1
    assert "is instructed as pacs.029 already, with another document than this one" in said.output
    assert all_of(tmp_path / "elsewhere") == {}


def test_both_instructions_at_once_are_refused(state: Path, out: Path) -> None:
    said = write(state, "pacs.029", out, "--as", "pacs.009")
    assert said.exit_code == 2
    assert "move the same money" in said.output
    assert not out.exists()


def test_files_made_again_are_the_same_and_what_is_missing_comes_back(state: Path, out: Path) -> None:
    for form in ("pacs.029", "clearing"):
        assert write(state, form, out).exit_code == 0
    found = all_of(out)
    assert len(found) == 4
    for name in found:
        (out / name).unlink()
        again = [write(state, form, out) for form in ("pacs.029", "clearing")]
        assert [said.exit_code for said in again] == [0, 0]
        assert sum(said.output.count("as it was") for said in again) == 3
        assert all_of(out) == found


def test_each_member_gets_a_clearing_file_that_comes_to_its_position(state: Path, out: Path) -> None:
    assert write(state, "clearing", out).exit_code == 0
    found = all_of(out)
    assert {name: check_file(data.splitlines(keepends=True)) for name, data in found.items()} == {
        "2026-11-27-1.atlas.MAD.clearing.csv": 7,
        "2026-11-27-1.rif.MAD.clearing.csv": 5,
        "2026-11-27-1.souss.MAD.clearing.csv": 0,
    }
    trailer = found["2026-11-27-1.rif.MAD.clearing.csv"].splitlines()[-1].decode()
    assert trailer.startswith("T,5,0000000000040680,0000000000100260,")


@pytest.mark.parametrize("form", ["pacs.029", "clearing"])
def test_a_file_that_says_something_else_stays(state: Path, out: Path, form: str) -> None:
    assert write(state, form, out).exit_code == 0
    path = next(path for path in out.iterdir() if path.suffix in (".xml", ".csv"))
    path.write_bytes(path.read_bytes() + b"\n")
    before = all_of(out)
    said = write(state, form, out)
    assert said.exit_code == 1
    assert "is there already and says something else" in said.output
    assert all_of(out) == before


@pytest.mark.parametrize("form", ["pacs.029", "pacs.009", "clearing"])
def test_an_open_window_has_no_files(state: Path, out: Path, form: str) -> None:
    said = write(state, form, out, "--window", "2026-11-28/1")
    assert said.exit_code == 1
    assert "window 2026-11-28/1 is open" in said.output
    assert not out.exists()


def test_a_member_without_a_bic_is_named_and_nothing_is_written(state: Path, out: Path, tmp_path: Path) -> None:
    network = tmp_path / "mine.toml"
    network.write_text(NETWORK.read_text().replace('bic = "RIFBMAM0XXX"\n', ""))
    said = write(state, "pacs.029", out, str(network))
    assert said.exit_code == 1
    assert 'rif has no BIC, so no settlement system knows it: add `bic` in its [[member]] "rif"' in said.output
    assert not out.exists()


def test_who_has_no_bic_is_said_to_be_in_no_instruction_before_one_is_asked_for(state: Path, tmp_path: Path) -> None:
    network = tmp_path / "mine.toml"
    network.write_text(NETWORK.read_text().replace('bic = "RIFBMAM0XXX"\n', ""))
    told = settle(state, str(network)).output
    (note,) = [line for line in told.splitlines() if "BIC" in line]
    assert re.fullmatch(r"note: rif has no BIC, so its net of -?[\d,.]+ MAD is not instructed: --as refuses .*", note)
    assert "BIC" not in settle(state).output
    checked = CliRunner().invoke(check, [str(network)]).output
    assert 'warning: [[member]] "rif" has no BIC: a window in which its net is not zero is not instructed' in checked


def test_a_payee_of_fees_is_instructed_and_has_a_clearing_file(tmp_path: Path, out: Path) -> None:
    fee = Fee(rule="g", kind="gateway", payer="merchant:M1", payee="maroc-telecommerce", amount=2_00)
    state = journal(tmp_path / "paid", [*records("0200 100.00", Sides(fees=(fee,)), 10), cutover(20)])
    said = write(state, "pacs.029", out, "--as", "clearing", "--as", "camt.053")
    assert said.exit_code == 0, said.output
    assert "<AnyBIC>MTCOMAM1XXX</AnyBIC>" in (out / "2026-11-27-1.MAD.pacs.029.xml").read_text()
    name = "2026-11-27-1.maroc-telecommerce.MAD.clearing.csv"
    assert (out / name).read_text().splitlines()[1].endswith(",rif,M1,gateway,200")
    assert name in (out / "2026-11-27-1.maroc-telecommerce.MAD.camt.053.xml").read_text()

    unknown = tmp_path / "mine.toml"
    unknown.write_text(NETWORK.read_text().replace(', bic = "MTCOMAM1XXX" }', " }"))
    refused = write(state, "pacs.029", tmp_path / "other", str(unknown))
    assert 'maroc-telecommerce = { title = "…", bic = "…" } in [payees]' in refused.output
    warned = CliRunner().invoke(check, [str(unknown)]).output
    assert "warning: maroc-telecommerce of [payees] has no BIC" in warned


def test_a_window_of_zeros_has_nothing_to_instruct(tmp_path: Path, out: Path) -> None:
    state = journal(tmp_path / "quiet", [*records("0100 800.00", sides("souss", "rif"), 30), cutover(50)])
    said = write(state, "pacs.009", out)
    assert (said.exit_code, out.exists()) == (0, False)
    assert "all nets are zero, so there is nothing to instruct" in said.output


@pytest.mark.parametrize("call", ["fsync", "link"])
def test_a_disk_that_fails_leaves_no_part_of_a_file(
    state: Path, out: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(os, call, fail)
        said = write(state, "pacs.029", out)
    assert said.exit_code == 1
    assert "No space left on device" in said.output
    assert all_of(out) == {}
    assert write(state, "pacs.029", out).exit_code == 0
    assert len(all_of(out)) == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--as", "pacs.029"), "it takes both"),
        (("--out", "somewhere"), "it takes both"),
        (("--as", "clearing", "--out", "somewhere", "--json"), "neither --explain nor --json"),
    ],
)
def test_options_that_do_not_go_together(state: Path, arguments: tuple[str, ...], message: str) -> None:
    said = settle(state, *arguments)
    assert said.exit_code == 2
    assert message in said.output


def test_every_file_of_a_window_in_one_run_and_the_next_statement_goes_on(tmp_path: Path, out: Path) -> None:
    day = [*a_day(), cutover(70, "2026-11-28", "2026-11-29")]
    state = journal(tmp_path / "two", day)
    every = ("camt.053", "camt.054", "clearing", "networks")
    more = [part for form in every for part in ("--as", form)]
    assert write(state, "pacs.029", out, *more, "--window", "2026-11-27/1").exit_code == 0
    names = set(all_of(out))
    assert names >= {
        "2026-11-27-1.MAD.pacs.029.xml",
        "2026-11-27-1.atlas.MAD.camt.053.xml",
        "2026-11-27-1.atlas.MAD.camt.054.xml",
        "2026-11-27-1.souss.MAD.camt.053.xml",
        "2026-11-27-1.visa.MAD.bilateral.csv",
    }
    assert "2026-11-27-1.souss.MAD.camt.054.xml" not in names, "nothing was booked"
    said = write(state, "camt.053", out, "--window", "2026-11-28/1")
    assert said.exit_code == 0, said.output
    first, second = ((out / f"2026-11-2{n}-1.atlas.MAD.camt.053.xml").read_text() for n in (7, 8))
    closing = first.split("CLBD")[1].partition("</Bal>")[0]
    assert 'Ccy="MAD">596.70<' in closing
    assert closing.partition("<Dt>")[0] == second.split("OPBD")[1].partition("<Dt>")[0]


def test_the_mastercard_file_has_what_members_presented_and_no_card_number(tmp_path: Path, out: Path) -> None:
    mciipm = pytest.importorskip(
        "cardutil.mciipm", reason="cardutil is in requirements-dev.lock: make the environment again"
    )
    abroad = Sides(issuer="mastercard", acquirer="atlas")
    said = {"5": "000000000802", "9": "71003009", "50": "840", "38": "A1B2C3"}
    day = [*through("0200 80.00, 0420 left 50.00, chargeback", said, abroad), *a_day()]
    assert write(journal(tmp_path / "state", day), "ipm", out).exit_code == 0
    with (out / "2026-11-27-1.mastercard.ipm").open("rb") as file:
        header, first, back, trailer = mciipm.IpmReader(file, encoding="cp500", blocked=True)
    assert (first["DE4"], first["DE2"], first["DE5"], first["DE38"]) == (80_00, "950401******0001", 802, "A1B2C3")
    assert (first["DE37"], first["DE42"].strip(), first["DE3"]) == (f"{1:012d}", "M1", "000000")
    assert (back["DE4"], back["PDS0025"], back["DE31"], back["DE5"]) == (30_00, "R261127", first["DE31"], 3_00)
    assert (header["DE24"], int(trailer["PDS0301"]), int(trailer["PDS0306"])) == ("697", 110_00, 4)


def test_without_anything_presented_there_is_no_mastercard_file(state: Path, out: Path) -> None:
    assert write(state, "ipm", out).exit_code == 0
    assert not out.exists()


def test_what_is_taken_back_in_a_later_window_has_the_approval_and_rate_of_its_payment(
    tmp_path: Path, out: Path
) -> None:
    mciipm = pytest.importorskip(
        "cardutil.mciipm", reason="cardutil is in requirements-dev.lock: make the environment again"
    )
    abroad = Sides(issuer="mastercard", acquirer="atlas")
    said = {"5": "000000000802", "9": "71003009", "50": "840", "38": "A1B2C3"}
    first, answer, back = through("0200 80.00, 0420", said, abroad)
    state = journal(tmp_path / "state", [first, answer, cutover(2), back, cutover(4, "2026-11-28", "2026-11-29")])

    def presented() -> dict[str, object]:
        for path in out.glob("*.ipm"):
            path.unlink()
        assert write(state, "ipm", out).exit_code == 0
        with (out / "2026-11-28-1.mastercard.ipm").open("rb") as file:
            _, found, _ = mciipm.IpmReader(file, encoding="cp500", blocked=True)
        return dict(found)

    found = presented()
    assert (found["DE5"], found["DE50"], found["DE38"], found["PDS0025"]) == (802, "840", "A1B2C3", "R261127")
    catch_up(state)
    assert presented() == found, "from tables it is the same"


def test_without_room_for_temporary_files_nothing_is_written_and_it_says_where_to_find_some(
    state: Path, out: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SQLITE_TMPDIR", str(tmp_path / "none"))
    said = write(state, "clearing", out)
    assert (said.exit_code, out.exists()) == (1, False)
    assert "No such file or directory; SQLITE_TMPDIR names a directory that has room for them" in said.output


def test_a_file_is_of_the_window_that_is_asked_for_whatever_lies_before_and_behind_it(
    tmp_path: Path, out: Path
) -> None:
    """Four windows, the third without a payment, the last one open; in the second is what no Mastercard file can hold."""
    abroad = Sides(issuer="mastercard", acquirer="atlas")
    days = ["2026-11-27", "2026-11-28", "2026-11-29", "2026-11-30"]
    state = journal(
        tmp_path / "state",
        [
            *records("0200 10.00", abroad, 10),
            cutover(20, *days[:2]),
            *records("0200 20.00", Sides(issuer="mastercard", acquirer="atlas", merchant="M" * 16), 30),
            cutover(40, *days[1:3]),
            cutover(60, *days[2:]),
            *records("0200 40.00", abroad, 70),
        ],
    )

    def rows(window: str, *forms: str) -> list[str]:
        run = write(
            state, "clearing", out, *(["--window", window] if window else []), *(x for f in forms for x in ("--as", f))
        )
        assert run.exit_code == 0, run.output
        name = f"{(window or '2026-11-29/1').replace('/', '-')}.atlas.MAD.clearing.csv"
        return [line.rpartition(",")[2] for line in (out / name).read_text().splitlines()[1:-1]]

    for _ in ("from the log", "from tables"):
        assert rows("2026-11-27/1", "ipm") == ["1000"]
        assert rows("2026-11-28/1") == ["2000"]
        assert rows("", "ipm") == [], "the last that is closed"
        refused = write(state, "ipm", out, "--window", "2026-11-28/1")
        assert "DE42 'MMMMMMMMMMMMMMMM' has 16 characters, and not 15" in refused.output
        assert sorted(path.name for path in out.glob("*.ipm")) == ["2026-11-27-1.mastercard.ipm"]
        catch_up(state)


@pytest.mark.parametrize("cold", [True, False])
def test_members_steps_of_disputes_are_in_mastercards_file_and_its_own_are_not(
    tmp_path: Path, out: Path, cold: bool
) -> None:
    """A foreign card's payment is presented again in part; a member's card was used abroad, and is claimed back whole, twice."""
    mciipm = pytest.importorskip(
        "cardutil.mciipm", reason="cardutil is in requirements-dev.lock: make the environment again"
    )
    foreign = records("0200 100.00, chargeback, representment 40.00", Sides(issuer="mastercard", acquirer="atlas"), 10)
    story = "0200 70.00, chargeback, representment, pre-arbitration, closed acquirer"
    abroad = records(story, Sides(issuer="atlas", acquirer="mastercard"), 100)
    state = journal(tmp_path / "state", [*foreign, *abroad, cutover(200)])
    if not cold:
        catch_up(state)
    assert write(state, "ipm", out).exit_code == 0
    with (out / "2026-11-27-1.mastercard.ipm").open("rb") as file:
        _, *found, trailer = mciipm.IpmReader(file, encoding="cp500", blocked=True)
    told = [(one["MTI"], one["DE24"], one["DE4"], one.get("DE30", "")[:12], one["DE37"].strip()) for one in found]
    assert told == [
        ("1240", "200", 100_00, "", f"{10:012d}"),
        ("1240", "282", 40_00, "000000010000", f"{10:012d}"),
        ("1442", "450", 70_00, "000000007000", f"{100:012d}"),
        ("1442", "451", 70_00, "000000007000", f"{100:012d}"),
    ]
    assert ["DE31" in one for one in found] == [True, True, False, False]
    assert int(trailer["PDS0301"]) == 280_00
