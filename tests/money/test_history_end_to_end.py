"""2007 and 2013 from the wire to the statement: messages are priced, recorded, posted, netted and stated, and each figure is one
that was worked out by hand from the tables of those years.

A merchant behind Maroc Telecommerce, acquired by CMI, on the web: 1,234.50 with a Cmi card, 400.00 with a Visa card of Atlas of
which 100.50 are left, 80.00 with a French one, and 50.00 given back to the Cmi card. Percentages of each are rounded by
themselves; beside them goes 10 % VAT on service and gateway.
"""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import pytest
from click.testing import CliRunner

from switch.cli.main import main
from switch.sim.playbook import Peer, Playbook
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import Document
from tests.core.scripts import morocco, purchase, reversal
from tests.core.transactions.test_reconciliation import gets_past_cutover
from tests.journal.samples import written

MERCHANT: Final = "MTC000000000001"
CMI, LOCAL, FRENCH = (bin_ + luhn_digit(bin_) for bin_ in ("950401000000001", "455041110000000", "497000000009001"))
S_NS: Final = 1_000_000_000


class Year(NamedTuple):
    """What a day came to; minor units."""

    day: str
    service: tuple[int, ...]
    """of the four payments, and by what the reversal changes it"""
    gateway: tuple[int, ...]
    vat: tuple[int, ...]
    """on both"""
    monthly: int
    """with a set-up fee of 3,000.00 beside it, both with 10 % VAT"""
    atlas: int
    cmi: int
    gateways: int
    """nets: of these two, and of Maroc Telecommerce"""
    merchant: int
    """what its bank owes it"""


# 2.0, 2.5 and 3.0 % service, 1.75 % gateway; of 100.50: 2.51 and 1.76. CMI: 1,285.00 - 13.06 - 1.20 - 23.88 - 2.39 - 3,575.00
IN_2007 = Year(
    day="2007-06-01",
    service=(24_69, 10_00, 2_40, -1_00, -7_49),
    gateway=(21_60, 7_00, 1_40, -88, -5_24),
    vat=(2_47 + 2_16, 1_00 + 70, 24 + 14, -10 - 9, -75 - 52),
    monthly=250_00,
    atlas=-1_271_94,
    cmi=-2_330_53,
    gateways=3_601_27,
    merchant=-2_267_73,
)
# 1.4, 1.5 and 2.5 %, 0.5 %; of 100.50: 1.51 and 0.50; half a year is free. CMI: 1,285.00 - 13.06 - 1.20 - 6.82 - 0.68 - 3,300.00
IN_2013 = Year(
    day="2013-10-01",
    service=(17_28, 6_00, 2_00, -70, -4_49),
    gateway=(6_17, 2_00, 40, -25, -1_50),
    vat=(1_73 + 62, 60 + 20, 20 + 4, -7 - 3, -45 - 15),
    monthly=0,
    atlas=-1_271_94,
    cmi=-2_036_76,
    gateways=3_307_50,
    merchant=-1_964_60,
)


def a_day_of(year: Year) -> Playbook:
    """The messages of that day, and its close."""
    day = date.fromisoformat(year.day)
    seconds = (day - date(1970, 1, 1)).days * 86_400 + 10 * 3_600
    book = Playbook(morocco(), wall_offset_ns=seconds * S_NS)
    cmi, hosts = book.acquirer("acquirers", "504100"), {name: book.host(name) for name in ("atlas", "visa")}
    at = f"{day:%m%d}"

    def pays(stan: str, card: str, amount: int, host: Peer, **more: str) -> Document:
        when = {"de7": f"{at}100000", "de12": "100000", "de13": at, "de14": "3012"}
        web = {"de18": "5999", "de22": "812", "de25": "59", "de32": "504100", "de42": MERCHANT, "de52": ""}
        sent = purchase(stan, de2=card, de4=f"{amount:012d}", **when, **web, **more)
        cmi.sends(sent)
        host.answers(gets_past_cutover(host), "00", de38="A00001")
        answer = gets_past_cutover(cmi)
        assert (answer["39"], answer["15"]) == ("00", at)
        return sent

    pays("000001", CMI, 1_234_50, hosts["atlas"])
    local = pays("000002", LOCAL, 400_00, hosts["atlas"])
    pays("000003", FRENCH, 80_00, hosts["visa"])
    pays("000004", CMI, 50_00, hosts["atlas"], de3="200000")
    left = f"{100_50:012d}" + "0" * 12 + "C00000000C00000000"
    cmi.sends(reversal(local, "000005", de7=f"{at}100100", de95=left))
    assert gets_past_cutover(cmi)["39"] == "00"
    book.asks("day.close", date=(day + timedelta(1)).isoformat(), again=True)
    return book


def said(state: Path, *arguments: str) -> Any:
    """What a command says of the journal, as JSON."""
    result = CliRunner().invoke(main, [*arguments, "--state", str(state)])
    assert result.exit_code == 0, result.output
    return json.loads(result.output)


@pytest.fixture(scope="module", params=[IN_2007, IN_2013], ids=["2007", "2013"])
def day(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Year, Path]:
    state = tmp_path_factory.mktemp("state")
    written(state, a_day_of(request.param).entries)
    return request.param, state


def test_nets_are_those_worked_out_by_hand(day: tuple[Year, Path]) -> None:
    year, state = day
    settled = said(state, "settle", "--window", f"{year.day}/1", "--json")
    (net,), (visa,) = settled["net"], settled["bilateral"]
    assert {position["party"]: position["net"] for position in net["positions"]} == {
        "atlas": year.atlas,
        "cmi": year.cmi,
        "maroc-telecommerce": year.gateways,
        "rif": 0,
        "souss": 0,
        "switch": 4 * 30,
    }
    assert {position["party"]: position["net"] for position in visa["positions"]} == {"cmi": 77_72, "visa": -77_72}
    assert settled["unpriced"] == 0
    told = {party["party"]: party for party in net["positions"]}
    assert told["atlas"]["kinds"] == {"payment": -1_285_00, "interchange": 13_06}
    assert told["cmi"]["kinds"]["gateway"] == -sum(year.gateway)


def test_the_merchants_statement_has_each_line_to_the_centime(day: tuple[Year, Path]) -> None:
    year, state = day
    told = said(state, "statement", "merchant", MERCHANT, "--period", year.day, "--format", "json")
    lines = [line for line in told["lines"] if line["what"] != "charge"]
    assert tuple(-line["charges"]["service"] for line in lines) == year.service
    assert tuple(-line["charges"]["gateway"] for line in lines) == year.gateway
    assert tuple(-line["vat"] for line in lines) == year.vat
    assert (told["gross"], told["net"]) == (1_365_00, year.merchant)
    assert told["standing"] == {"set-up": -3_000_00} | ({"monthly": -year.monthly} if year.monthly else {})
    levels = [told["levels"][level] for level in ("national", "local", "foreign")]
    rates = [level["charge"] / level["amount"] for level in levels]
    assert rates == sorted(rates), "Cmi < local circuits < foreign"


def test_each_line_is_explained_by_a_row_that_held_on_that_day(day: tuple[Year, Path]) -> None:
    year, state = day
    told = said(state, "statement", "merchant", MERCHANT, "--period", year.day, "--format", "json")
    for line, service in zip(told["lines"], year.service, strict=False):
        answer = said(state, "fees", "explain", line["txn"], "--json")
        (row,) = [one for one in answer["lines"] if one["kind"] == "service"]
        assert row["amount"] == service
        assert year.day[:4] in row["rule"]
        assert "changed since" not in row["rounding"]
