"""Keys of a network file that is checked where its key file is at hand: no master key is needed to find the wrong one."""

import json
import os
import re
from pathlib import Path

import pytest

from switch.config import ConfigErrors, parse_network
from switch.security.keyring import KeyRing
from switch.security.lmk import clear_lmk
from switch.wire.dialect import DIRECTORY

BASE = (Path(__file__).parent / "base.toml").read_text()


@pytest.fixture
def files(tmp_path: Path) -> str:
    ring = KeyRing(tmp_path / "keys.json", clear_lmk(bytes(32)), os.urandom)
    for name, kind in (("atlas-zak", "zak"), ("atlas-zpk", "zpk")):
        with ring.audit.turn():
            ring.generate(name, kind, "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
    return f'\n[security]\nkeys = "{tmp_path}/keys.json"\nlmk = "{tmp_path}/lmk.key"\n'


def with_keys(line: str, files: str) -> str:
    return BASE.replace('institution = "504101"', f'institution = "504101"\n{line}') + files


def test_keys_that_are_there_and_of_their_use_are_no_mistake(files: str) -> None:
    network = parse_network(with_keys('mac_key = "atlas-zak"\npin_key = "atlas-zpk"', files), "small.toml")
    assert network.members[0].keys.mac_key == "atlas-zak"
    assert network.security.lmk.endswith("/lmk.key")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('mac_key = "atlas-zac"', 'no key is called "atlas-zac"'),
        ('mac_key = "atlas-zpk"', '"atlas-zpk" is a PIN encryption key, mode B'),
        ('pin_key = "atlas-zak"', '"atlas-zak" is a MAC key (ISO 9797-1 algorithm 3), mode C'),
    ],
)
def test_a_key_of_another_use_is_pointed_at(files: str, line: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse_network(with_keys(line, files), "small.toml")
    assert said in caught.value.render()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('cvv_key = "atlas-zak"', "`cvv_key` is a key that checks card values"),
        ('chip_key = "atlas-zpk"', "`chip_key` is a key that checks cryptograms of chips"),
        ('chip_key = "atlas-zpc"', 'no key is called "atlas-zpc"'),
        ('cavv_key = "atlas-zak"', "`cavv_key` is a key that checks CAVVs"),
        ('aav_key = "atlas-zpk"', "`aav_key` is a key that checks AAVs"),
    ],
)
def test_a_cards_key_of_another_use_is_pointed_at(files: str, line: str, said: str) -> None:
    text = BASE.replace('role = "issuer"\n', f'role = "issuer"\n{line}\n', 1) + files
    assert line in text
    with pytest.raises(ConfigErrors) as caught:
        parse_network(text, "small.toml")
    assert said in caught.value.render()


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('hardware = "127.0.0.1:1500"', "`hardware` without `hardware_keys`"),
        ('hardware_keys = "k.json"', "`hardware_keys` without `hardware`"),
        ('hardware = "127.0.0.1"\nhardware_keys = "k.json"', "127.0.0.1"),
        ('hardware = "127.0.0.1:1500"\nhardware_keys = "k.json"\nmodule = "s"', "one of them has the keys"),
    ],
)
def test_a_hardware_module_has_its_keys_and_no_other_beside_it(lines: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse_network(BASE + f"\n[security]\n{lines}\n", "small.toml")
    assert said in caught.value.render()


def test_names_of_keys_of_a_hardware_module_are_its_own_affair() -> None:
    lines = '\n[security]\nhardware = "127.0.0.1:1500"\nhardware_keys = "k.json"\n'
    network = parse_network(with_keys('mac_key = "any-name"', lines), "small.toml")
    assert (network.security.hardware, network.security.hardware_keys) == ("127.0.0.1:1500", "k.json")


def at_the_port(lines: str, files: str) -> str:
    """The port, as one of terminals."""
    return BASE.replace('role = "acquirer"', f'role = "terminal"\n{lines}') + files


@pytest.fixture
def bdk(files: str) -> str:
    path = Path(files.split('"')[1])
    ring = KeyRing(path, clear_lmk(bytes(32)), os.urandom)
    with ring.audit.turn():
        ring.reload()
        ring.generate("pos-bdk", "bdk", "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
        ring.generate("zmk", "zmk", "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
    return files


def test_terminals_that_derive_keys_name_a_base_derivation_key_and_a_place(bdk: str) -> None:
    network = parse_network(at_the_port('pin_key = "pos-bdk"\nmac_key = "pos-bdk"\nksn = "62"', bdk), "small.toml")
    assert network.listeners[0].keys.ksn == "62"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('pin_key = "pos-bdk"', '"pos-bdk" is a base derivation key, mode X'),
        ('pin_key = "atlas-zpk"\nksn = "62"', '"atlas-zpk" is a PIN encryption key, mode B'),
        ('ksn = "62"', "no key it could be of"),
        ('pin_key = "pos-bdk"\nksn = "62.1"', "is no place of a key serial number"),
    ],
)
def test_mistakes_of_a_port_with_derived_keys_are_pointed_at(bdk: str, lines: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse_network(at_the_port(lines, bdk), "small.toml")
    assert said in caught.value.render()


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('mac_key = "atlas-zak"\nzone_key = "zmk"\nkey_form = "ecb"', ""),
        ('zone_key = "zmk"', "there is no key that could change"),
        ('mac_key = "atlas-zak"\nzone_key = "atlas-zpk"', '"atlas-zpk" is a PIN encryption key'),
        ('mac_key = "atlas-zak"\nzone_key = "zmk"\nkey_form = "ebc"', 'did you mean "ecb"'),
    ],
)
def test_keys_that_change_by_message(bdk: str, line: str, said: str) -> None:
    if not said:
        assert parse_network(with_keys(line, bdk), "small.toml").members[0].keys.key_form == "ecb"
        return
    with pytest.raises(ConfigErrors) as caught:
        parse_network(with_keys(line, bdk), "small.toml")
    assert said in caught.value.render()


@pytest.mark.parametrize(("line", "expected"), [("", "acs-cavv"), ('cavv_key = "its-own"\n', "its-own")])
def test_an_issuer_checks_what_its_access_control_server_makes(line: str, expected: str) -> None:
    acs = '[[acs]]\nname = "one"\nissuers = ["atlas"]\naddress = "127.0.0.1:8700"\ncavv_key = "acs-cavv"\n'
    text = BASE.replace('role = "issuer"\n', f'role = "issuer"\n{line}', 1)
    network = parse_network(f'{text}\n[security]\nmodule = "var/security.sock"\n{acs}', "small.toml")
    assert network.hosts[0].card_keys.cavv_key == expected


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('on_behalf = ["chip"]', '"chip" is checked with `chip_key`, and there is none'),
        ('on_behalf = ["web"]', '"web" is checked with `cavv_key` or `aav_key`'),
        ('on_behalf = ["chop"]', 'did you mean "chip"'),
        ('on_behalf_wrong = "pass"', "nothing is checked that could be wrong"),
    ],
)
def test_what_is_to_be_checked_on_behalf_has_its_key(lines: str, said: str) -> None:
    text = BASE.replace('role = "issuer"\n', f'role = "issuer"\n{lines}\n', 1)
    with pytest.raises(ConfigErrors) as caught:
        parse_network(text, "small.toml")
    assert said in caught.value.render()


def test_a_network_checks_the_cards_of_its_issuers_itself() -> None:
    text = BASE.replace('role = "network"\n', 'role = "network"\nchip_key = "x"\non_behalf = ["chip"]\n', 1)
    with pytest.raises(ConfigErrors) as caught:
        parse_network(text, "small.toml")
    assert "a network checks cards of its issuers itself" in caught.value.render()


def test_checks_on_behalf_are_kept_in_the_order_in_which_they_count() -> None:
    lines = 'cvv_key = "x"\nchip_key = "y"\non_behalf = ["cvv2", "chip"]\non_behalf_wrong = "pass"\n'
    text = BASE.replace('role = "issuer"\n', f'role = "issuer"\n{lines}', 1)
    keys = parse_network(f'{text}\n[security]\nmodule = "var/security.sock"\n', "small.toml").hosts[0].card_keys
    assert (keys.on_behalf, keys.wrong_goes_on) == (("chip", "cvv2"), True)


PVK_IBM = 'pin_key = "atlas-zpk"\npvv_key = "ibm"\n'
PVK = 'pin_key = "atlas-zpk"\npvv_key = "pvk"\n'


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (PVK + 'pvki = "10"', '"10" is no index of a pair of keys'),
        (PVK + 'pvki = "x"', "one digit; Visa gives out 0 to 6"),
        (PVK + 'validation_data = "N"', "this is the other method's"),
        (PVK_IBM + 'pvki = "3"', "this is the other method's"),
        (PVK_IBM + 'decimalization_table = "0000000000000000"', "none more than four times"),
        (PVK_IBM + 'decimalization_table = "012345678901234"', "has 16 decimal digits"),
        (PVK_IBM + 'validation_data = "123456789012N"', "up to 16 digits"),
        (PVK_IBM + 'validation_data = "4000NN"', "with one N"),
        ('pvki = "3"', "add `pvv_key`"),
    ],
)
def test_how_pins_are_verified_is_what_the_method_of_their_key_takes(files: str, lines: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse_network(at_the_issuer(lines, files), "small.toml")
    assert said in caught.value.render()


def test_how_an_issuer_verifies_pins_is_read(files: str) -> None:
    lines = PVK_IBM + 'decimalization_table = "9876543210987654"\nvalidation_data = "4000N"'
    rules = next(h for h in parse_network(at_the_issuer(lines, files), "small.toml").hosts if h.pvv_key).pin_rules
    assert (rules.decimalization_table, rules.validation_data) == ("9876543210987654", "4000N")


def at_the_issuer(lines: str, files: str) -> str:
    path = Path(files.split('"')[1])
    ring = KeyRing(path, clear_lmk(bytes(32)), os.urandom)
    with ring.audit.turn():
        for name, kind in (("pvk", "pvk"), ("ibm", "pvk-ibm")):
            ring.generate(name, kind, "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
    return BASE.replace('role = "issuer"\n', f'role = "issuer"\n{lines}\n', 1) + files


def own_dialect(tmp_path: Path, key_data: str, change: dict[str, object]) -> Path:
    """The house's own with keys in another element, which is changed so."""
    raw = json.loads((DIRECTORY / "cmi87.json").read_text())
    raw["dialect"] |= {"name": "theirs", "key_data": key_data}
    raw[key_data] |= change
    path = tmp_path / "theirs.json"
    path.write_text(json.dumps(raw))
    return path


@pytest.mark.parametrize(
    ("key_data", "form", "change", "said"),
    [
        ("120", "block", {"sensitive": True}, ""),
        ("123", "ecb", {"sensitive": True, "max_len": 32}, ""),
        ("96", "ecb", {"sensitive": True, "max_len": 32}, ""),
        (
            "48",
            "block",
            {"sensitive": True},
            "is DE48, which says something else in an 0800 (DE48.70 which key is meant",
        ),
        ("53", "ecb", {"max_len": 64}, "is DE53, which says something else in an 0800"),
        (
            "96",
            "ecb",
            {"sensitive": True},
            'is DE96, which has room for 16 characters: key_form "ecb" needs 32 or more',
        ),
        (
            "96",
            "block",
            {"sensitive": True, "max_len": 32},
            'room for 16 characters: key_form "block" needs 80 or more',
        ),
        ("120", "block", {}, "is DE120, which is not `sensitive`: keys would stand in captures"),
    ],
)
def test_where_a_new_key_cannot_travel_is_said_before_one_has_to(
    tmp_path: Path, key_data: str, form: str, change: dict[str, object], said: str
) -> None:
    """DE48 (Mastercard's), DE53 with DE96 (ISO 13492), DE120 to 128: hosts have keys in each of them."""
    ring = KeyRing(tmp_path / "keys.json", clear_lmk(bytes(32)), os.urandom)
    for name, kind in (("zak", "zak"), ("zmk", "zmk")):
        with ring.audit.turn():
            ring.generate(name, kind, "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
    dialect = own_dialect(tmp_path, key_data, change)
    keys = f'mac_key = "zak"\nzone_key = "zmk"\nkey_form = "{form}"\npass_pin = false\n'
    head, host = BASE.split("[[host]]", 1)
    host = host.replace('role = "issuer"\n', f'role = "issuer"\n{keys}', 1)
    host = re.sub(r'dialect = "\w+"', f'dialect = "{dialect}"', host, count=1)
    text = f'{head}[[host]]{host}\n[security]\nkeys = "{tmp_path}/keys.json"\nlmk = "{tmp_path}/lmk.key"\n'
    if not said:
        parse_network(text, "small.toml")
        return
    with pytest.raises(ConfigErrors) as caught:
        parse_network(text, "small.toml")
    assert said in caught.value.render()


def test_keys_of_a_hardware_module_do_not_change_by_message(tmp_path: Path) -> None:
    text = with_keys('mac_key = "zak"\nzone_key = "zmk"', "")
    text += f'\n[security]\nhardware = "127.0.0.1:1500"\nhardware_keys = "{tmp_path}/hsm-keys.json"\n'
    with pytest.raises(ConfigErrors) as caught:
        parse_network(text, "small.toml")
    assert "keys of a hardware module do not change by message here" in caught.value.render()
