"""A third network by files alone: American Express, as far as the field knows it: PANs of 15 digits, a CID of four."""

import json
from pathlib import Path

from click.testing import CliRunner

from switch.cli import pay
from switch.cli.check import command as check
from switch.config import load_network
from switch.dialects.files import dump
from switch.loopback import free_ports, ports_in
from switch.simulators.cards import demo_cards
from switch.wire import Dialect

from .conftest import Running

FILE = """
[[host]]
name = "amex"
role = "network"
scheme = "amex"
institution = "370000"
connect = "127.0.0.1:0"
dialect = "./amex.json"
framing = "ebcdic4"

[[bin]]
range = "3782"
scheme = "amex"
country = "US"
currency = "USD"
product = "credit"
digits = 15
value_digits = 4

[[tariff]]
network = "amex"
per_transaction = "0.50 MAD"
ad_valorem = "0.25 %"
"""


def dialect() -> str:
    """A dialect in EBCDIC with raw bitmaps, of the standard's forms."""
    spec = {}
    for key, e in Dialect.load("cmi87").spec.items():
        spec[key] = {k: "cp037" if v == "ascii" else v for k, v in e.items()}
    for key in ("p", "1"):
        spec[key] |= {"data_enc": "b", "max_len": 8}
    return dump({"name": "amex", "family": "cmi", "framing": "ebcdic4"}, spec)


def test_a_third_network_takes_a_dialect_file_and_rows_of_the_network_file(here: Path, running: Running) -> None:
    (here / "amex.json").write_text(dialect())
    file = here / "net.toml"
    text = file.read_text()
    (port,) = free_ports(1, ports_in(text))
    file.write_text(text + FILE.replace("127.0.0.1:0", f"127.0.0.1:{port}"))
    assert CliRunner().invoke(check, ["net.toml"]).exit_code == 0
    card = next(c for c in demo_cards(load_network("net.toml")) if c.name == "us-amex")
    assert (len(card.pan), len(card.cvv2), card.pan[:4]) == (15, 4, "3782")
    with (
        running("network", "amex", "--network", "net.toml", "--latency", "0"),
        running("serve", "net.toml", "--state", "st", "--no-show"),
    ):
        where = ["--network", "net.toml", "--card", "us-amex", "--quiet"]
        shop = CliRunner().invoke(pay.command, where)
        web = CliRunner().invoke(pay.command, [*where, "--channel", "web"])
        wrong = CliRunner().invoke(pay.command, [*where, "--channel", "web", "--cvv2", "0000"])
    assert shop.output.startswith("Approved: purchase of 100.00 MAD with 378200*****"), shop.output
    assert "USD" in shop.output
    assert web.output.startswith("Approved"), web.output
    assert wrong.output.startswith("Declined"), wrong.output
    routed = {json.loads(line).get("route") for line in (here / "st" / "hops.jsonl").read_text().splitlines()}
    assert "amex" in routed


def test_a_slip_of_a_known_scheme_is_still_one(here: Path) -> None:
    file = here / "net.toml"
    file.write_text(file.read_text().replace('scheme = "visa"', 'scheme = "viza"', 1))
    result = CliRunner().invoke(check, ["net.toml"])
    assert result.exit_code
    assert '"viza" is no scheme of a network' in result.output
    assert 'did you mean "visa"?' in result.output
