"""`cmi-switch settle --check`: a file that is not the ledger's is refused whole, with each field and both values."""

from pathlib import Path

import pytest
from click.testing import Result

from tests.cli.test_settle import a_day, settle
from tests.cli.test_settle_files import write
from tests.journal.samples import written

FORMS = ("pacs.029", "camt.053", "camt.054", "clearing", "networks")
ATLAS = "2026-11-27-1.atlas.MAD.clearing.csv"


@pytest.fixture
def state(tmp_path: Path) -> Path:
    state = tmp_path / "state"
    state.mkdir()
    written(state, a_day())
    more = [part for form in FORMS[1:] for part in ("--as", form)]
    assert write(state, FORMS[0], tmp_path / "out", *more).exit_code == 0
    return state


@pytest.fixture
def out(state: Path) -> Path:
    return state.parent / "out"


def check(state: Path, path: Path) -> Result:
    return settle(state, "--check", str(path))


def test_every_file_that_was_written_passes(state: Path, out: Path) -> None:
    paths = sorted(out.iterdir())
    assert len(paths) == 10
    for path in paths:
        said = check(state, path)
        assert (said.exit_code, said.output) == (0, f"{path}: as the ledger has it, to the byte\n")
    assert sorted(out.iterdir()) == paths


@pytest.mark.parametrize(
    ("name", "was", "now", "says"),
    [
        (ATLAS, "-100000", "-100001", ("line 2, amount: the file says -100001, the ledger -100000",)),
        (ATLAS, "payment", "fee", ("line 2, kind: the file says fee, the ledger payment",)),
        (
            ATLAS,
            "\nR,2,a,purchase,,,cmi,rif,M1,payment,-100000",
            "",
            ("line 2: the ledger has one more: R,2,a,purchase",),
        ),
        (ATLAS, "\nT,", "\nR,9,9,x,,,,,,,1\nT,", ("the file has one more",)),
        (ATLAS, "atlas,MAD,1", "rif,MAD,1", ("line 1, member: the file says rif, the ledger atlas",)),
        (ATLAS, "\n", "\r\n", ("its bytes are not: other ends of lines",)),
        (
            "2026-11-27-1.MAD.pacs.029.xml",
            ">596.70<",
            ">596.71<",
            ("/MulSttlmReq[1]/SttlmReq[1]/MvmntRcrd[1]/Amt[1]/Amt[1]: the file says 596.71, the ledger 596.70",),
        ),
        ("2026-11-27-1.MAD.pacs.029.xml", 'Ccy="MAD"', 'Ccy="EUR"', ("@Ccy: the file says EUR, the ledger MAD",)),
        ("2026-11-27-1.MAD.pacs.029.xml", "<Document", "<!DOCTYPE x []><Document", ("a document type",)),
        ("2026-11-27-1.MAD.pacs.029.xml", "</Document>", "", ("it is no XML",)),
        ("2026-11-27-1.atlas.MAD.camt.053.xml", "CLBD", "CLAV", ("the file says CLAV, the ledger CLBD",)),
        ("2026-11-27-1.visa.MAD.bilateral.csv", "N,atlas", "N,rif", ("member: the file says rif, the ledger atlas",)),
    ],
)
def test_what_differs_is_refused_whole_with_both_values(
    state: Path, out: Path, name: str, was: str, now: str, says: tuple[str, ...]
) -> None:
    path = out / name
    text = path.read_bytes().decode()
    assert was in text
    path.write_bytes(text.replace(was, now, -1 if was == "\n" else 1).encode())
    said = check(state, path)
    assert said.exit_code == 1
    assert "is refused whole; it is not what the ledger has" in said.output
    for sentence in says:
        assert sentence in said.output


@pytest.mark.parametrize(
    ("name", "data", "says"),
    [
        (ATLAS, b"H," + b"1" * 200_000 + b"\n", "field larger than field limit"),
        (
            "2026-11-27-1.MAD.pacs.029.xml",
            b'<?xml version="1.0" encoding="nonsense"?><a/>',
            "it is no XML: unknown encoding",
        ),
        ("2026-11-27-1.MAD.pacs.029.xml", b'<?xml version="1.0" encoding="big5"?><a/>', "it is no XML: multi-byte"),
        (
            "2026-11-27-1.MAD.pacs.029.xml",
            b"<a>" * 20_000 + b"</a>" * 20_000,
            "and more: the first 20 are shown",
        ),
    ],
    ids=["field", "encoding", "multi-byte", "depth"],
)
def test_what_no_parser_takes_is_refused_in_a_sentence(
    state: Path, out: Path, name: str, data: bytes, says: str
) -> None:
    (out / name).write_bytes(data)
    said = check(state, out / name)
    assert (said.exit_code, says in said.output, "is refused whole" in said.output) == (1, True, True), said.output[
        -500:
    ]


def test_a_file_full_of_differences_shows_the_first(state: Path, out: Path) -> None:
    path = out / ATLAS
    path.write_text(path.read_text().splitlines()[0] + "\nR,1\n" * 50)
    said = check(state, path).output
    assert said.count("the file says") <= 20
    assert "and more: the first 20 are shown" in said


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("statement.csv", "is no name of a settlement file"),
        ("2026-11-27-1.mastercard.ipm", "write it again with `settle --as ipm --out DIR`, and compare the bytes"),
        ("2026-11-27-1.nobody.MAD.clearing.csv", "is no file of window 2026-11-27/1 in the form clearing; there are:"),
        ("2026-11-28-1.atlas.MAD.clearing.csv", "window 2026-11-28/1 is open"),
    ],
)
def test_a_file_of_another_name_is_not_guessed_at(state: Path, out: Path, name: str, says: str) -> None:
    path = out / name
    path.write_bytes((out / ATLAS).read_bytes())
    said = check(state, path)
    assert said.exit_code == 1
    assert says in said.output


def test_it_goes_with_nothing_that_writes(state: Path, out: Path) -> None:
    said = settle(state, "--check", str(out / ATLAS), "--json")
    assert said.exit_code == 2
    assert "takes the window from the file's name" in said.output
