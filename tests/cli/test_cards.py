"""`cmi-switch cards`."""

import json

from click.testing import CliRunner, Result

from switch.cli.cards import command
from switch.wire.pans import luhn_valid


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


def test_the_table_shows_each_showcase_with_its_number_and_what_it_shows() -> None:
    lines = run().output.splitlines()
    assert lines[0].split() == [
        "#",
        "NAME",
        "PAN",
        "EXPIRY",
        "CVV2",
        "PIN",
        "ISSUER",
        "CARD",
        "BALANCE",
        "DE39",
        "SHOWS",
    ]
    row = next(line for line in lines if " atlas-51 " in line)
    assert "9504 0100" in row
    assert "10.00 MAD" in row
    assert [line.split()[0] for line in lines[1:4]] == ["1", "2", "3"]


def test_json_has_every_card_in_full_and_all_of_them_on_request() -> None:
    shown, every = json.loads(run("--json").output), json.loads(run("--json", "--all").output)
    assert all(luhn_valid(c["pan"]) and len(c["cvv2"]) == 3 and len(c["pin"]) == 4 for c in every)
    assert all(c["shows"] for c in shown)
    assert len(every) > len(shown) + 100


def test_one_issuers_cards_keep_their_numbers() -> None:
    whole = {line.split()[1]: line.split()[0] for line in run().output.splitlines()[1:]}
    some = [line.split()[:2] for line in run("--issuer", "rif").output.splitlines()[1:]]
    assert some
    assert all(whole[name] == number for number, name in some)


def test_an_unknown_issuer_is_refused_with_those_there_are() -> None:
    result = run("--issuer", "bnp")
    assert result.exit_code == 2
    assert "there are cards of atlas, mastercard, rif, souss, visa" in result.output
