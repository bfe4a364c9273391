"""`cmi-switch settle`: what a journal's windows came to, and what a net is made of."""

import json
import re
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from switch.cli.settle import command
from switch.config.load import SHIPPED
from switch.core.records.records import AnyEntry
from switch.money.fee_line import Fee
from tests.journal.samples import written
from tests.ledger.stories import Sides, cutover, records


def sides(issuer: str, acquirer: str, interchange: int = 0) -> Sides:
    fees = (
        Fee(rule="ic", kind="interchange", payer=acquirer, payee=issuer, amount=interchange),
        Fee(rule="sw", kind="switch", payer=acquirer, payee="switch", amount=30),
    )
    return Sides(issuer=issuer, acquirer=acquirer, fees=fees)


def a_day() -> list[AnyEntry]:
    unpriced = [
        msgspec.structs.replace(entry, priced=None) if hasattr(entry, "priced") else entry
        for entry in records("0200 5.00", sides("souss", "rif"), 60)
    ]
    return [
        *records("0200 1000.00", sides("atlas", "rif", 6_50), 10),
        *records("0200 400.00", sides("rif", "atlas", 2_60), 20),
        *records("0100 800.00", sides("souss", "rif"), 30),
        *records("0200 80.00", sides("visa", "atlas"), 40),
        cutover(50),
        *unpriced,
    ]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    written(tmp_path, a_day())
    return tmp_path


def settle(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, ["--state", str(state), *arguments])


def test_the_last_closed_window_is_shown_with_sums_of_zero(state: Path) -> None:
    said = settle(state)
    assert said.exit_code == 0, said.output
    assert said.output.startswith("Window 2026-11-27/1 of morocco, closed 2026-11-27T09:00:00Z by operator\n")
    lines = [line.split() for line in said.output.splitlines()]
    assert ["PARTY", "OWES", "OWED", "PAYMENT", "INTERCHANGE", "SWITCH", "NET", "MAD"] in lines
    assert ["atlas", "1003.20", "406.50", "-600.00", "3.90", "-0.60", "-596.70"] in lines
    assert ["rif", "406.80", "1002.60", "600.00", "-3.90", "-0.30", "595.80"] in lines
    assert ["souss", "0.00", "0.00", "0.00", "0.00", "0.00", "0.00"] in lines
    assert ["switch", "0.00", "0.90", "0.00", "0.00", "0.90", "0.90"] in lines
    assert "gross 1400.00 MAD; 596.70 MAD moves instead" in said.output
    assert "Apart from the net, with visa:" in said.output
    assert "held, not posted: 800.00 MAD (souss at rif)" in said.output


def test_json_has_the_same_in_minor_units(state: Path) -> None:
    found = json.loads(settle(state, "--json").output)
    assert (found["window"], found["closed"], found["unpriced"]) == ("2026-11-27/1", True, 0)
    (net,) = found["net"]
    assert {p["party"]: p["net"] for p in net["positions"]} == {
        "atlas": -596_70,
        "rif": 595_80,
        "souss": 0,
        "switch": 90,
    }
    (visa,) = found["bilateral"]
    assert (visa["network"], [p["net"] for p in visa["positions"]]) == ("visa", [80_00, -80_00])
    assert found["held"] == [{"acquirer": "rif", "issuer": "souss", "currency": "504", "count": 1, "amount": 800_00}]


def test_an_open_window_is_shown_as_it_stands_and_says_what_has_no_price(state: Path) -> None:
    said = settle(state, "--window", "2026-11-28/1").output
    assert said.startswith("Window 2026-11-28/1 of morocco, open\n")
    assert "note: 1 of its payments have no price: recorded by a release that named no price" in said


def test_a_net_opens_into_the_messages_that_it_is_made_of(state: Path) -> None:
    said = settle(state, "--explain", "rif").output.splitlines()
    assert said[1:] == [
        "2  a  purchase  atlas  payment  1000.00 MAD",
        "2  a  purchase  atlas  interchange  -6.50 MAD",
        "2  a  purchase  switch  switch  -0.30 MAD",
        "4  14  purchase  atlas  payment  -400.00 MAD",
        "4  14  purchase  atlas  interchange  2.60 MAD",
        "net: 595.80 MAD",
    ]
    assert settle(state, "--explain", "atlas").output.splitlines()[-2:] == ["net: -596.70 MAD", "with visa: 80.00 MAD"]


def test_the_nets_of_a_network_and_of_the_switch_open_too(state: Path) -> None:
    assert settle(state, "--explain", "visa").output.splitlines()[1:] == [
        "8  28  purchase  atlas  payment  -80.00 MAD",
        "with atlas: -80.00 MAD",
    ]
    assert settle(state, "--explain", "switch").output.splitlines()[-1] == "net: 0.90 MAD"


def test_lines_as_json_come_to_the_nets(state: Path) -> None:
    found = [json.loads(line) for line in settle(state, "--explain", "atlas", "--json").output.splitlines()]
    lines, nets = [one for one in found if "txn" in one], [one for one in found if "net" in one]
    assert lines[0] == {
        "sequence": 2,
        "txn": "a",
        "what": "purchase",
        "of_day": "",
        "with": "rif",
        "kind": "payment",
        "currency": "504",
        "amount": -1000_00,
    }
    assert nets == [
        {"net": -596_70, "currency": "504", "apart": ""},
        {"net": 80_00, "currency": "504", "apart": "visa"},
    ]
    assert sum(one["amount"] for one in lines) == sum(one["net"] for one in nets)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("--window", "2026-11-30/1"),
            "no window 2026-11-30/1 in the journal; the last ones are: 2026-11-27/1, 2026-11-28/1",
        ),
        (("--explain", "nobody"), "nobody has no position in 2026-11-27/1; there are: atlas, rif, souss, switch, visa"),
    ],
)
def test_what_is_not_there_is_refused_with_what_is(state: Path, arguments: tuple[str, ...], message: str) -> None:
    said = settle(state, *arguments)
    assert said.exit_code == 2
    assert message in said.output.replace("\n", " ")


def test_no_journal(tmp_path: Path) -> None:
    said = settle(tmp_path)
    assert said.exit_code == 1
    assert "no journal here" in said.output


# -- who has left


def without_visa(tmp_path: Path, more: str = "") -> str:
    """The shipped network after Visa has left it: its host, its cards and its tariff."""
    parts = re.split(r"(?m)^(?=\[)", (SHIPPED / "morocco.toml").read_text())
    kept = [part for part in parts if not _is_visas(part)]
    path = tmp_path / "left.toml"
    path.write_text("".join(kept) + more)
    return str(path)


def _is_visas(part: str) -> bool:
    names = {"[[host]]": 'name = "visa"', "[[bin]]": 'scheme = "visa"', "[[tariff]]": 'network = "visa"'}
    return names.get(part.partition("\n")[0], "no such") in part and "issuer =" not in part


def test_a_network_that_has_left_settles_apart_as_it_did(state: Path, tmp_path: Path) -> None:
    """Else its payments would be netted among the banks, in windows that are settled already, too."""
    left = without_visa(tmp_path, '[former_networks]\nvisa = "visa"\n')
    assert settle(state, left).output == settle(state).output
    assert "Apart from the net, with visa:" in settle(state, left).output


@pytest.mark.parametrize("arguments", [(), ("--json",), ("--as", "clearing", "--out", "OUT"), ("--explain", "atlas")])
def test_a_party_that_the_file_does_not_name_is_netted_by_no_guess(
    state: Path, tmp_path: Path, arguments: tuple[str, ...]
) -> None:
    left = without_visa(tmp_path)
    said = settle(state, left, *(str(tmp_path / "out") if one == "OUT" else one for one in arguments))
    assert said.exit_code == 1
    assert said.output == (
        f"Error: visa has a position in 2026-11-27/1, and {left} does not say what it is. A bank or payee that has left, or has "
        'another name now, goes into [payees]; a network into [former_networks], as visa = "its scheme"\n'
    )
    assert not list(tmp_path.glob("out/*"))


def test_a_bank_that_has_left_is_settled_with_the_others_and_has_its_files(state: Path, tmp_path: Path) -> None:
    path, out = tmp_path / "left.toml", tmp_path / "out"
    told = (SHIPPED / "morocco.toml").read_text().replace('"atlas"', '"marina"')
    path.write_text(told.replace("[payees]", '[payees]\natlas = { title = "left", bic = "ATLSMAM1" }\n#'))
    said = settle(state, str(path))
    assert ["atlas", "1003.20", "406.50"] in [line.split()[:3] for line in said.output.splitlines()]
    files = settle(state, str(path), "--as", "clearing", "--as", "pacs.029", "--out", str(out))
    assert files.exit_code == 0, files.output
    assert "<AnyBIC>ATLSMAM1</AnyBIC>" in (out / "2026-11-27-1.MAD.pacs.029.xml").read_text()
    assert (out / "2026-11-27-1.atlas.MAD.clearing.csv").read_text().count("\nR,") == 7
