"""docs/network-file.md names each key there is, no other, and the defaults that hold."""

import re
from pathlib import Path

import msgspec
import pytest

from switch.config import ConfigErrors, parse_network
from switch.config.authentication import ASKS
from switch.core.hooks import Hooks
from switch.core.limits import Limits
from switch.core.network import HopLogFiles, JournalFiles, StandInRule

BASE = (Path(__file__).parent / "base.toml").read_text()
FEE = '\n[[fee]]\nname = "switch"\nkind = "switch"\npayer = "acquirer"\npayee = "switch"\nfixed = "0.30 MAD"\n'
OPERATORS = "".join(f'\n[[operator]]\nuser = "{name}"\nrole = "supervisor"\n' for name in ("amina", "brahim"))
MERCHANT_FEE = (
    '\n[[merchant_fee]]\nname = "set-up"\nkind = "set-up"\nevery = "once"\npayee = "switch"\namount = "3000.00 MAD"\n'
    'merchant = "M1"\nacquirer = "rif"\n'
)
ACS = '\n[[acs]]\nname = "x"\naddress = "127.0.0.1:1"\nissuers = ["rif"]\n'
SHARD = '\n[[shard]]\nname = "a"\nnumber = 1\naddress = "127.0.0.1:2"\n'
RATE = '\n[[rate]]\ncurrency = "EUR"\nrate = 10.9\nfrom = 2026-12-01\n'
PAGE = (Path(__file__).parents[2] / "docs" / "network-file.md").read_text()
STAND_IN = (Path(__file__).parents[2] / "docs" / "stand-in.md").read_text()
HEADINGS = {"": "The file itself"} | {
    name: f"`[[{name}]]`"
    for name in (
        "shard",
        "member",
        "listener",
        "host",
        "bin",
        "fee",
        "merchant_fee",
        "tariff",
        "rate",
        "operator",
        "acs",
    )
}


def documented(heading: str) -> dict[str, str]:
    """Key -> default, of the table with a header `key` under a heading that begins so."""
    (section,) = (part for part in PAGE.split("\n## ")[1:] if part.startswith(heading))
    rows = section.split("| key |")[1].split("\n\n")[0].split("\n")[2:]
    return {cells[1].strip(" `"): cells[2].strip() for cells in (row.split("|") for row in rows if row)}


def known(section: str) -> set[str]:
    """Keys the reader asks for, as it lists them beside an unknown one."""
    if not section:
        texts = [f"qqqqqqqqqqqq = 1\n{BASE}"]
    else:
        whole = BASE + FEE + MERCHANT_FEE + RATE + OPERATORS + ACS + (SHARD if section == "shard" else "")
        at = [m.end() for m in re.finditer(rf"\[\[{section}\]\]\n", whole)]
        texts = [f"{whole[:n]}qqqqqqqqqqqq = 1\n{whole[n:]}" for n in at]
    keys: set[str] = set()
    for text in texts:
        with pytest.raises(ConfigErrors) as caught:
            parse_network(text, "x")
        (mistake,) = (one for one in caught.value.mistakes if "unknown key" in one.message)
        keys.update(mistake.hint.removeprefix("known: ").split(", "))
    return keys


@pytest.mark.parametrize("section", HEADINGS, ids=lambda section: section or "file")
def test_every_key_is_explained_and_no_other(section: str) -> None:
    tables = {
        "rates",
        "limits",
        "capture",
        "business_day",
        "hop_log",
        "former_networks",
        "hooks",
        "journal",
        "payees",
        "regions",
        "security",
        "threeds",
    }
    sections = set(HEADINGS) | tables if not section else set()
    assert set(documented(HEADINGS[section])) == known(section) - sections


def test_every_limit_is_explained_with_its_default() -> None:
    defaults = {field.name: str(field.default) for field in msgspec.structs.fields(Limits)}
    assert documented("`[limits]`") == defaults


def test_both_ends_of_the_cutover_window_are_explained() -> None:
    window = parse_network(f'{BASE}\n[business_day]\nfrom = "20:00"\nto = "02:00"\n', "x").cutover_window
    assert str(window) == "20:00 to 02:00 UTC"
    schedule = parse_network(
        f'{BASE}\n[business_day]\nzone = "UTC"\nclose = "23:00"\nwindows = ["12:00"]\n', "x"
    ).cutover_schedule
    assert str(schedule) == "close 23:00, windows 12:00, UTC"
    assert documented("`[business_day]`").keys() == {"from", "to", "zone", "close", "windows"}


def test_every_key_of_a_capture_is_explained_with_its_default() -> None:
    capture = parse_network(f'{BASE}\n[capture]\nclear_cards = ["9504 01"]\n', "x").capture
    assert capture is not None
    assert capture.clear_cards == ("950401",)
    said = documented("`[capture]`")
    assert said.pop("clear_cards") == "[]"
    assert said.pop("file").replace("STATE_DIR", "var/small") == capture.file
    assert said == {key: str(getattr(capture, key)).lower() for key in ("file_bytes", "files", "from_start")}


def test_a_capture_may_not_keep_more_than_test_cards() -> None:
    with pytest.raises(ConfigErrors, match='"95" names no test cards'):
        parse_network(f'{BASE}\n[capture]\nclear_cards = ["95"]\nfiles = 0\n', "x")
    assert parse_network(BASE, "x").capture is None


def test_every_key_of_stand_in_is_explained_and_its_page_shows_a_part_that_is_sound() -> None:
    example = STAND_IN.split("```toml\n")[1].split("```")[0]
    host = BASE[BASE.index('[[host]]\nname = "atlas"') : BASE.index('[[host]]\nname = "rif-host"')]
    ranges = """
[[bin]]
range = "9504 01"
scheme = "cmi"
issuer = "atlas"
product = "debit"

[[bin]]
range = "9504 0155"
scheme = "cmi"
issuer = "atlas"
product = "credit"
"""
    old = '[[bin]]\nrange = "9504 01"\nscheme = "cmi"\nissuer = "atlas"\n'
    text = BASE.replace(host, example).replace(old, ranges)
    debit, credit = parse_network(text, "x").hosts[0].standin
    assert (debit.floor, debit.per_card_count, debit.per_card_amount, debit.cash_floor) == (300_00, 3, 600_00, 0)
    assert (credit.cash_floor, credit.ecommerce, debit.ecommerce, debit.unverified_pin) == (200_00, True, False, False)
    assert set(documented("`[[host.standin]]`")) == {field.name for field in msgspec.structs.fields(StandInRule)}


@pytest.mark.parametrize(
    "key",
    ["timeout_ms", "echo_s", "retry_ms", "backoff_min_ms", "backoff_max_ms", "max_pending", "connections", "owed_per_second",
     "owed_tries_max", "owed_give_up_s"],
)  # fmt: skip
def test_a_host_links_documented_defaults_are_the_ones_that_hold(key: str) -> None:
    host = parse_network(BASE, "x").hosts[0]
    assert documented(HEADINGS["host"])[key] == str(getattr(host, key))


def test_what_is_kept_of_the_journal_elsewhere_is_explained() -> None:
    nowhere = dict.fromkeys(("head_copy", "store", "patroni"), "none")
    assert documented("`[journal]`") == nowhere | {"replicated": "true", "lease_ms": "1000"}
    network = parse_network(f'{BASE}\n[journal]\nhead_copy = "/mnt/second/head"\n', "x")
    assert network.journal == JournalFiles(head_copy="/mnt/second/head")
    assert parse_network(BASE, "x").journal == JournalFiles()


def test_own_rules_are_explained_with_their_defaults() -> None:
    defaults = {field.name: field.default for field in msgspec.structs.fields(Hooks)}
    assert documented("`[hooks]`") == {
        "file": "",
        "when_off": f'`"{defaults["when_off"]}"`',
        "budget_ms": str(defaults["budget_ms"]),
    }


def test_what_is_kept_of_the_hop_log_is_explained_with_its_defaults() -> None:
    defaults = {field.name: str(field.default).lower() for field in msgspec.structs.fields(HopLogFiles)}
    assert documented("`[hop_log]`") == defaults
    said = parse_network(f"{BASE}\n[hop_log]\nfiles = 3\ncompress = true\n", "x").hop_log
    assert said == HopLogFiles(files=3, compress=True)


def test_how_cardholders_are_asked_is_explained() -> None:
    assert documented("`[threeds]`").keys() == {"address", "url"}
    assert documented("`[[acs.range]]`").keys() == {"range", "asks"}
    (section,) = (part for part in PAGE.split("\n## ")[1:] if part.startswith("`[[acs.range]]`"))
    words = re.findall(r"^\| `([a-z-]+)( \d+\.00 MAD)?` \|", section.split("| asks |")[1], re.MULTILINE)
    assert {word for word, _ in words} == {*ASKS, "above"}
