"""`cmi-switch till`: a classic terminal at a running switch, over real sockets, a connection a message."""

from pathlib import Path

from click.testing import CliRunner, Result

from switch.cli import till
from switch.loopback import free_ports
from switch.observe.model import Model

from .conftest import Running

PORT = """
[[listener]]
name = "tills"
role = "terminal"
profile = "classic"
members = ["rif"]
address = "127.0.0.1:{}"
dialect = "cmi87b"
framing = "tpdu"
"""


def at(*arguments: str) -> Result:
    return CliRunner().invoke(till.command, [*arguments, "--network", "net.toml"])


def test_a_day_at_a_till(here: Path, running: Running) -> None:
    network = here / "net.toml"
    network.write_text(network.read_text() + PORT.format(free_ports(1)[0]))
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
        assert settled.output == "Settled: batch 1, 1 sales of 150.00 MAD, 1 refunds of 5.00 MAD.\n"
        assert at("void").exit_code == 1, "settled"
    model = Model()
    model.feed_all((here / "var/morocco/hops.jsonl").read_bytes().splitlines())
    assert not model.warnings.keys() & {"batch.differs", "message.refused"}


def test_a_network_without_such_a_port_says_what_is_missing(here: Path) -> None:
    result = at("sale")
    assert result.exit_code == 2
    assert 'no [[listener]] with profile = "classic"' in result.output
