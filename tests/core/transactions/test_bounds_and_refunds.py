"""Playbooks: rows with a least and a most of their own, on each leg, as payments shrink; and a refund of which nobody here knows
the payment, through to the nets, what explains them, and disputes."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from switch.cli.main import main
from switch.core.network import Network
from switch.core.operator.command import Unable
from switch.core.records.records import Answered, Owed
from switch.ledger.fold import LedgerFold
from switch.money.fees import FeeRule
from switch.sim.playbook import Playbook
from tests.core.operator.test_disputes import claim
from tests.core.scripts import Scene, morocco
from tests.core.transactions.test_reconciliation import pays, takes_back
from tests.journal.samples import written
from tests.ledger.stories import MAD


def bounded() -> Network:
    """Service 1.5 %, from 2.00 to 10.00, with 10 % VAT; interchange 0.65 %, at most 4.00; 0.30 for the switch."""
    service: dict[str, Any] = {
        "payer": "merchant",
        "payee": "acquirer",
        "percent": Decimal("0.015"),
        "vat": Decimal("0.1"),
    }
    interchange: dict[str, Any] = {"payer": "acquirer", "payee": "issuer", "percent": Decimal("0.0065"), "most": 400}
    rows = (
        FeeRule(id="service", kind="service", least=200, most=1_000, **service),
        FeeRule(id="interchange", kind="interchange", **interchange),
        FeeRule(id="switch", kind="switch", payer="acquirer", payee="switch", fixed=30),
    )
    return msgspec.structs.replace(morocco(), fees=rows, tariffs=())


def charged(entry: Answered | Owed) -> tuple[int, int, int]:
    """Service, VAT on it, interchange."""
    assert entry.priced is not None
    amounts = {fee.kind: (fee.amount, fee.vat) for fee in entry.priced.fees}
    return *amounts.get("service", (0, 0)), amounts.get("interchange", (0, 0))[0]


def positions(scene: Scene) -> dict[str, int]:
    """What each party comes to, by kind of money between rif and others, minor units."""
    ledger, sums = LedgerFold(MAD), dict[str, int]()
    for sequence, record in enumerate(scene.book.entries, 1):
        ledger.fold(sequence, record)
    for cells in ledger.positions.values():
        for cell, found in cells.items():
            sums[cell.payer] = sums.get(cell.payer, 0) - found.amount
            sums[cell.payee] = sums.get(cell.payee, 0) + found.amount
    return sums


def test_bounds_hold_for_what_stands_on_each_leg_and_nothing_is_left_of_nothing() -> None:
    scene = Scene(Playbook(bounded()))
    sent = pays(scene, "000001", "1000.00")
    assert charged(scene.book.recorded(Answered)[-1]) == (1_000, 100, 400), "15.00 and 6.50, bounded"
    wanted = {
        "900.00": (0, 0, 0),
        "300.00": (450 - 1_000, 45 - 100, 195 - 400),
        "100.00": (200 - 450, 20 - 45, 65 - 195),
    }
    for number, (left, change) in enumerate({**wanted, "1.00": (0, 0, 1 - 65), "": (-200, -20, -1)}.items(), 11):
        takes_back(scene, sent, f"{number:06d}", left)
        assert charged(scene.book.recorded(Owed)[-1]) == change, left
    assert positions(scene) == {"atlas": 0, "rif": 0, "switch": 0}


def test_a_refund_of_a_little_gives_back_the_least_and_of_much_the_most() -> None:
    scene = Scene(Playbook(bounded()))
    for stan, amount, change in (("000001", "50.00", (-200, -20, -33)), ("000002", "5000.00", (-1_000, -100, -400))):
        sent = pays(scene, stan, amount, de3="200000")
        assert charged(scene.book.recorded(Answered)[-1]) == change
        takes_back(scene, sent, f"1{stan[1:]}")
    assert positions(scene) == {"atlas": 0, "rif": -60 + 60, "switch": 0}


def test_a_refund_that_names_nothing_moves_money_is_explained_and_is_no_dispute(tmp_path: Path) -> None:
    """80.00 to a Cmi card: service of 0.64 and interchange of 0.40 go back, the switch's 0.30 are charged again."""
    scene = Scene()
    pays(scene, "000001", "80.00", de3="200000", de37="", de52="")
    refund = scene.book.recorded(Answered)[-1]
    assert charged(refund) == (-64, -6, -40)
    with pytest.raises(Unable, match="is a refund: what it gave to the cardholder is not claimed back"):
        claim(scene.book, refund.txn)
    scene.book.asks("day.close", again=True)
    written(tmp_path, scene.book.entries)

    def said(*arguments: str) -> str:
        result = CliRunner().invoke(main, [*arguments, "--state", str(tmp_path)])
        assert result.exit_code == 0, result.output
        return result.output

    (net,) = json.loads(said("settle", "--json"))["net"]
    nets = {position["party"]: position["net"] for position in net["positions"]}
    assert (nets["atlas"], nets["rif"], nets["switch"], sum(nets.values())) == (80_00 - 40, -80_00 + 40 - 30, 30, 0)
    lines = [json.loads(line) for line in said("settle", "--explain", "rif", "--json").splitlines()]
    assert sum(line["amount"] for line in lines if line.get("currency") == MAD and "kind" in line) == nets["rif"]
    assert "-0.64 MAD" in said("fees", "explain", f"{refund.txn:x}")
