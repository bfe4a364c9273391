"""The day that settlement is measured with is one a switch would have recorded, and its settlement comes to zero."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from switch.bench import settlement
from switch.bench.journals import write_journal
from switch.cli._settle_files import FORMS
from switch.config import load_network
from switch.journal.ledgers import open_ledger
from switch.journal.verify import verify
from switch.ledger.entries import Entry
from switch.ledger.netting import settle
from switch.ledger.rules import What


def test_its_day_has_all_kinds_of_payments_and_comes_to_zero(tmp_path: Path) -> None:
    network = load_network("morocco")
    day = settlement.Day(network, 1_500, settlement.START_US)
    records = write_journal(tmp_path, network.name, day.records(), lambda _: None)
    found = verify(tmp_path)
    assert (found.damage, found.records) == ([], records)
    with open_ledger(tmp_path, network.currency) as ledger:
        (closed,) = ledger.closed
        entries: list[Entry] = list(ledger.entries(closed.window))
        cells = ledger.positions(closed.window)
    assert {What(entry.what) for entry in entries} == {
        What.PURCHASE,
        What.CASH,
        What.REFUND,
        What.COMPLETION,
        What.REVERSAL,
    }
    assert not [entry.unpriced for entry in entries if entry.unpriced]
    members = [member.name for member in network.members]
    made = settle(closed.window, cells, members=members, networks={"visa", "mastercard"}, home=network.currency)
    assert len(made.bilateral) == 2 * len({host.member for host in network.hosts if host.member})
    assert all(sum(p.net for p in netted.positions) == 0 for netted in (*made.net, *made.bilateral))


def test_it_is_measured_cold_to_all_files_and_indexed_to_nets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert {*settlement.FILES, "pacs.009"} == set(FORMS)
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(settlement.main, ["--transactions", "200", "--json"])
    assert done.exit_code == 0, done.output
    made = msgspec.json.decode(done.output)
    assert (made["transactions"], made["files_bytes"] > 30_000) == (200, True)
    assert all(made[name]["cpu_s"] > 0 and made[name]["memory_mib"] > 10 for name in ("cold", "indexed"))
    assert list(Path("var").iterdir()) == []


def test_what_was_measured_is_said_a_payment_beside_what_is_aimed_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(settlement, "run", lambda *_: settlement.Took(cpu_s=0.25, wall_s=0.5, memory_mib=80))
    done = CliRunner().invoke(settlement.main, ["--transactions", "10"])
    assert done.exit_code == 0, done.output
    assert "that is 25000.0 µs a payment; aimed at: 20 µs, 300 MiB" in done.output
