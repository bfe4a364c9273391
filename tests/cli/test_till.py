"""`cmi-switch till`: a classic terminal at a running switch, over real sockets, a connection a message."""

import signal
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from switch.children import start
from switch.cli import exceptions, till
from switch.loopback import free_ports
from switch.observe.model import Model
from switch.simulators.classic import APPROVED, Memory, Receipt
from switch.wire.vocabulary import Document
from tests.tills import CLASSIC_PORT

from .conftest import Running


def at(*arguments: str) -> Result:
    return CliRunner().invoke(till.command, [*arguments, "--network", "net.toml"])


def test_a_day_at_a_till(here: Path, running: Running) -> None:
    network = here / "net.toml"
    network.write_text(network.read_text() + CLASSIC_PORT.format(free_ports(1)[0]))
    with running("issuer", "atlas", "--network", "net.toml"), running("serve", "net.toml", "--no-show"):
        sold = at("sale", "--amount", "150")
        assert sold.output.startswith("Approved: sale of 150.00 MAD with 950401******0010, STAN 000001, approval code ")
        declined = at("sale", "--card", "51")
        assert (declined.exit_code, "DE39=51, not sufficient funds" in declined.output) == (3, True)
        assert at("sale", "--amount", "20").exit_code == 0
        assert at("void").output == "Voided: sale of 20.00 MAD with 950401******0010, STAN 000003.\n"
        assert at("refund", "--amount", "5").exit_code == 0
        assert "approved" in at("show").output
        settled = at("settle")
        assert settled.output == "Settled: batch 1, 1 sale of 150.00 MAD, 1 refund of 5.00 MAD.\n"
        assert at("void").exit_code == 1, "settled"
    model = Model()
    model.feed_all((here / "var/morocco/hops.jsonl").read_bytes().splitlines())
    assert not model.warnings.keys() & {"batch.differs", "message.refused"}


@pytest.mark.long
def test_a_terminal_loses_power_and_a_switch_is_killed_while_it_uploads(here: Path, running: Running) -> None:
    """The terminal's paper, what the issuer's host was told, and the totals must say the same."""
    network = here / "net.toml"
    network.write_text(network.read_text() + CLASSIC_PORT.format(free_ports(1)[0]))
    memory, hops = here / "var/morocco/till-TILL0001.json", here / "var/morocco/hops.jsonl"
    with ExitStack() as parties:
        bank, _ = parties.enter_context(running("issuer", "atlas", "--network", "net.toml"))
        switch, _ = parties.enter_context(running("serve", "net.toml", "--no-show"))
        assert at("sale", "--amount", "150").exit_code == 0

        bank.send_signal(signal.SIGSTOP)  # the power fails between request and answer
        with start(
            [sys.executable, "-m", "switch.cli.main", "till", "sale", "--network", "net.toml"], cwd=here
        ) as asking:
            until = time.monotonic() + 20
            while b'"mti":"0200","stan":"000002"' not in hops.read_bytes() and time.monotonic() < until:
                time.sleep(0.02)
            asking.kill()
        bank.send_signal(signal.SIGCONT)
        assert "a reversal of STAN 000002 goes first" in at("show").output
        sold = at("sale", "--amount", "20")
        assert (sold.exit_code, "STAN 000003" in sold.output) == (0, True), sold.output
        assert "taken back" in at("show").output

        paper = msgspec.json.decode(memory.read_bytes(), type=Memory)
        foreign = msgspec.structs.replace(paper.receipts[0], stan="000009", rrn="0" * 12, amount=700)
        memory.write_bytes(msgspec.json.encode(msgspec.structs.replace(paper, receipts=[*paper.receipts, foreign])))
        counter = till.Counter({"network": "net.toml", "port": "", "terminal": "TILL0001", "again": 1, "tls_dir": None})

        def killed_behind_the_first(message: Document) -> Document | None:
            answered = counter.ask(message)
            if message["t"] == "0320" and not switch.returncode:
                switch.kill()
                switch.wait()
                parties.enter_context(running("serve", "net.toml", "--no-show"))
            return answered

        with counter as terminal:
            settled = terminal.settle(killed_behind_the_first)
        assert settled is not None
        assert (settled.de39, settled.uploaded, settled.totals) == ("00", True, (3, 17_700, 0, 0))
        listed = CliRunner().invoke(exceptions.command, ["list", "--network", "net.toml"]).output
        assert "batch-only-terminal" in listed
        assert "batch-only-switch" not in listed


@pytest.fixture
def classic(here: Path) -> Path:
    """Where a terminal of `net.toml`, which has a classic port that nobody listens on, keeps what it has not settled."""
    network = here / "net.toml"
    network.write_text(network.read_text() + CLASSIC_PORT.format(free_ports(1)[0]))
    return here / "var/morocco/till-TILL0001.json"


def test_what_a_terminal_cannot_read_of_its_batch_is_not_thrown_away(classic: Path) -> None:
    classic.parent.mkdir(parents=True)
    classic.write_text('{"terminal": "TILL0001", "batch": 7, "owed": {"11"')
    for said in (at("show"), at("sale"), at("settle")):
        assert (said.exit_code, "what this terminal has not settled cannot be read" in said.output) == (1, True)
    assert '"batch": 7' in classic.read_text()


@pytest.mark.parametrize("name", ["", "TILL00001", "a/b", "Éa"])
def test_a_terminal_has_a_name_that_de41_can_have(classic: Path, name: str) -> None:
    said = at("show", "--terminal", name)
    assert (said.exit_code, "as DE41 has them" in said.output) == (2, True)


def test_a_void_of_a_card_that_the_network_file_has_lost_is_a_sentence(classic: Path) -> None:
    classic.parent.mkdir(parents=True)
    receipt = Receipt(kind="sale", stan="000001", rrn="1" * 12, pan="411111******1111", amount=100, status=APPROVED)
    classic.write_bytes(msgspec.json.encode(Memory(terminal="TILL0001", receipts=[receipt])))
    said = at("void")
    assert (said.exit_code, "411111******1111, which paid, is no test card of net.toml any more" in said.output) == (
        1,
        True,
    )


def test_a_network_without_such_a_port_says_what_is_missing(here: Path) -> None:
    result = at("sale")
    assert result.exit_code == 2
    assert 'no [[listener]] with profile = "classic"' in result.output
