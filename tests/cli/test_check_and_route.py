"""`cmi-switch check` and `cmi-switch route`, as typed."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.cli.main import main

BASE = (Path(__file__).parents[1] / "config" / "base.toml").read_text()


def run(*args: str) -> Result:
    return CliRunner().invoke(main, args)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "small.toml"
    path.write_text(BASE)
    return path


def test_check_sums_up_a_file_without_mistakes(small: Path) -> None:
    result = run("check", "small.toml")
    assert result.exit_code == 0
    assert result.output == (
        "small.toml: network small has 2 members, 1 listener, 2 issuer links, 1 network link, 3 BIN ranges and "
        "2 currencies; no mistakes\n"
    )


@pytest.mark.parametrize(
    ("address", "allow", "warned"),
    [
        ("0.0.0.0:8583", "", True),
        ("192.0.2.1:8583", "", True),
        ("[::]:8583", "", True),
        ("switch.example:8583", "", True),
        ("0.0.0.0:8583", '\nallow = ["10.0.0.0/8"]', False),
        ("localhost:8583", "", False),
        ("[::1]:8583", "", False),
    ],
)
def test_check_warns_of_a_port_that_strangers_reach(small: Path, address: str, allow: str, warned: bool) -> None:
    small.write_text(BASE.replace('"127.0.0.1:8583"', f'"{address}"{allow}'))
    result = run("check", "small.toml")
    assert result.exit_code == 0
    assert ('warning: [[listener]] "acquirers" listens on ' in result.output) is warned


def test_check_shows_every_mistake_on_stderr_and_exits_with_1(small: Path) -> None:
    small.write_text(BASE.replace('"cmi87"', '"cmi78"', 1).replace('"USD"', '"EUR"'))
    result = run("check", "small.toml")
    assert result.exit_code == 1
    assert result.stdout == ""
    assert "small.toml:18:11: no dialect is called" in result.stderr
    assert "has no rate for EUR" in result.stderr
    assert "2 mistakes" in result.stderr
    assert "Traceback" not in result.output
    assert "\x1b" not in result.output


def test_check_of_the_shipped_network_needs_no_argument() -> None:
    assert "network morocco has 4 members" in run("check").output


def test_route_shows_a_domestic_payment() -> None:
    result = run("route", "9504 0100 0000 0001", "--amount", "250.00")
    assert result.exit_code == 0
    assert "card   950401******0001  cmi debit, of atlas" in result.output
    assert "route  domestic, to issuer link atlas (127.0.0.1:8591, dialect cmi87, 10 s to answer)" in result.output
    assert "cost   0.00 MAD for 250.00 MAD" in result.output


def test_route_shows_what_a_foreign_hop_costs() -> None:
    output = run("route", "4970000000000008", "--amount", "250.00 EUR").output
    assert "route  visa, to network link visa" in output
    assert (
        "cost   56.38 MAD for 250.00 EUR (0.55 MAD processing + 1.15 % interchange + 0.11 % scheme + 0.80 % cross-border)"
        in output
    )


def test_route_names_the_answer_and_the_rule_of_a_refusal() -> None:
    output = run("route", "9504010000000001", "--merchant-country", "fr").output
    assert "refused, DE39=57 (not permitted to cardholder)" in output
    assert "the merchant's country (end of DE43) is FR" in output
    assert "cost" not in output


def test_route_tells_what_the_last_digit_should_have_been() -> None:
    assert "for this one it would be 1" in run("route", "9504010000000002").output


def test_route_of_a_moroccan_card_used_abroad() -> None:
    answer = json.loads(run("route", "4550410200000005", "--from", "visa", "--json").output)
    assert answer["from_role"] == "network"
    assert (answer["host"], answer["route"], answer["de39"]) == ("rif", "domestic", "")


def test_a_foreign_payment_as_json_has_its_cost_in_minor_units() -> None:
    answer = json.loads(run("route", "4970000000000008", "--amount", "250.00 EUR", "--json").output)
    assert (answer["amount"], answer["currency"], answer["cost"], answer["cost_currency"]) == (
        25_000,
        "978",
        5_638,
        "504",
    )
    assert "morocco.toml:" in answer["rule"]


@pytest.mark.parametrize("args", [(), ("--json",)])
def test_route_never_shows_the_middle_of_a_pan(args: tuple[str, ...]) -> None:
    pan = "4970123456789013"
    assert pan[6:-4] not in run("route", pan, *args).output


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--from", "vis"), 'is no member or network of morocco; did you mean "visa"?'),
        (("--amount", "ten"), "'ten' is no amount"),
        (("--amount=-5",), "not below 0"),
        (("--amount", "1 AUD"), "no rate for AUD in [rates]"),
        (("--merchant-country", "XY"), "'XY' is no ISO 3166 country"),
    ],
)
def test_a_wrong_option_is_named_and_exits_with_2(args: tuple[str, ...], said: str) -> None:
    result = run("route", "4970000000000008", *args)
    assert result.exit_code == 2
    assert said in result.stderr


def test_route_with_a_network_file_that_has_mistakes_shows_them(small: Path) -> None:
    small.write_text("name = 1\n")
    result = run("route", "4970000000000008", "--network", "small.toml")
    assert result.exit_code == 1
    assert "small.toml:1:8: `name` is a string, not a whole number" in result.stderr
