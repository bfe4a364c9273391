"""`cmi-switch journal show`: every record that there is, as an operator reads it."""

import json
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from switch.cli.find import command as find
from switch.cli.journal import command
from switch.core.records.records import SCHEMA, Answered, Booted, Owed
from switch.journal.views import time_text
from switch.money.fee_line import Fee
from tests.cli.test_reconcile import a_day
from tests.journal.samples import written


@pytest.fixture
def state(tmp_path: Path) -> Path:
    moved = [msgspec.structs.replace(one, posts={"504": -3_000}) if isinstance(one, Owed) else one for one in a_day()]
    written(tmp_path, moved)
    return tmp_path


def journal(state: Path, *arguments: str) -> Result:
    return CliRunner().invoke(command, [*arguments, "--state", str(state)])


def test_each_transaction_of_a_day_is_shown(state: Path) -> None:
    rows = [
        json.loads(line)
        for line in journal(state, "list", "--json", "--limit", "0").output.splitlines()
        if line[0] == "{"
    ]
    assert {"0200", "0420"} <= {row["mti"] for row in rows}
    for row in rows:
        shown = journal(state, "show", row["txn"])
        assert shown.exit_code == 0, shown.output
        assert f"Transaction {row['txn']}: " in shown.output


def test_what_a_reversal_has_taken_back_is_shown_with_its_currency(state: Path) -> None:
    rows = [
        json.loads(line)
        for line in journal(state, "list", "--json", "--limit", "0").output.splitlines()
        if line[0] == "{"
    ]
    (taken,) = (journal(state, "show", row["txn"]).output for row in rows if row["mti"] == "0420")
    assert "    posts     -30.00 MAD\n" in taken


@pytest.mark.parametrize(
    ("currency", "said"), [("504", "1.20 MAD and 0.24 MAD VAT"), ("", "120 (minor units) and 24 (minor units) VAT")]
)
def test_a_price_is_shown_in_words_with_its_currency(tmp_path: Path, currency: str, said: str) -> None:
    """Which is the network's: a journal of an older release does not say."""
    fee = Fee(rule="local", kind="interchange", payer="rif", payee="atlas", amount=120, vat=24)
    entries = [
        msgspec.structs.replace(one, priced=msgspec.structs.replace(one.priced, fees=(fee,), region="domestic"))
        if isinstance(one, Answered) and one.priced is not None
        else one
        for one in a_day()
    ]
    start = Booted(at_us=entries[0].at_us, network="morocco", schema=SCHEMA, currency=currency)
    written(tmp_path, [start, *entries])
    txn = next(one.txn for one in entries if isinstance(one, Answered) and one.priced is not None)
    shown = journal(tmp_path, "show", f"{txn:x}").output
    assert (
        "    priced    payment of 2026-11-27, rif -> atlas, cmi, debit, pos, domestic, merchant M1, MCC 5411\n"
        f"              interchange (rule local), rif -> atlas: {said}\n"
    ) in shown


def test_as_json_a_price_has_its_members_by_name(tmp_path: Path) -> None:
    """In the record they are packed without names, which nobody could read who has not this program."""
    fee = Fee(rule="local", kind="interchange", payer="rif", payee="atlas", amount=120, vat=24)
    entries = [
        msgspec.structs.replace(one, priced=msgspec.structs.replace(one.priced, fees=(fee,)))
        if isinstance(one, Answered) and one.priced is not None
        else one
        for one in a_day()
    ]
    written(tmp_path, entries)
    priced = next(one for one in entries if isinstance(one, Answered) and one.priced is not None)
    shown = [json.loads(line) for line in journal(tmp_path, "show", f"{priced.txn:x}", "--json").output.splitlines()]
    (found,) = (record["priced"] for record in shown if record["fact"] == "Answered")
    assert (found["day"], found["fees"]) == (priced.priced and priced.priced.day, [msgspec.structs.asdict(fee)])


def test_where_there_is_none_it_is_said_how_far_the_journal_is(state: Path) -> None:
    """On a node that stands by it is behind, and what was paid a moment ago is not in it yet."""
    last = a_day()[-1].at_us
    said = time_text(last)
    assert (
        f"no transaction f1 in the journal, which is written up to {said}; `cmi-switch"
        in journal(state, "show", "f1").output
    )
    assert f", which is written up to {said}\n" in CliRunner().invoke(find, ["999999", "--state", str(state)]).output
