"""`cmi-switch merchant` and `gateway`: shops are kept, their keys sealed and shown once; mistakes in addresses are said."""

import re
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.main import main
from switch.gateway.merchants import Registry, check_password


def merchant(state: Path, *arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(main, ["merchant", *arguments, "--state", str(state)])
    assert done.exit_code == code, done.output
    return done.output


@pytest.fixture
def state(tmp_path: Path) -> Path:
    merchant(tmp_path / "g", "add", "600000001", "--title", "Argan", "--host", "shop.example", "--key", "K-IN-CLEAR|1")
    return tmp_path / "g"


def kept(state: Path) -> bytes:
    return b"".join(path.read_bytes() for path in state.iterdir())


def test_a_key_is_shown_once_and_sealed(state: Path) -> None:
    assert b"K-IN-CLEAR" not in kept(state)
    assert "K-IN-CLEAR" not in merchant(state, "show", "600000001")
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in state.iterdir())
    found = re.search("Store key: (.*)", merchant(state, "rotate-key", "600000001"))
    assert found is not None
    registry = Registry.at(state)
    (one,) = registry.store.merchants()
    assert registry.key_of(one) == found[1] != "K-IN-CLEAR|1"
    assert found[1].encode() not in kept(state)
    registry.store.close()


@pytest.mark.parametrize(
    "asked", ["list", "show 6", "change 6 --hold-days 3", "rotate-key 6", "password 6", "suspend 6", "calls", "refused"]
)
def test_only_the_first_shop_makes_what_keeps_them(tmp_path: Path, asked: str) -> None:
    assert "no merchants here" in merchant(tmp_path / "elsewhere", *asked.split(), code=1)
    assert not list(tmp_path.iterdir())


def test_where_nothing_has_been_called_or_refused_that_is_said(state: Path) -> None:
    assert merchant(state, "calls") == "no shop has been called yet\n"
    assert merchant(state, "refused", "600000001") == "nothing was refused of merchant 600000001\n"


def test_an_api_password_is_kept_as_a_digest(tmp_path: Path) -> None:
    said = merchant(tmp_path, "add", "600000002", "--title", "B", "--host", "b.example")
    found = re.search(r"name (\S+), password (\S+)", said)
    assert found is not None
    registry = Registry.at(tmp_path)
    (one,) = registry.store.merchants()
    assert check_password(one, found[1], found[2])
    assert not check_password(one, found[1], "wrong")
    assert not check_password(one, "wrong", found[2])
    assert found[2].encode() not in kept(tmp_path)
    registry.store.close()


def test_a_merchant_is_changed_and_suspended(state: Path) -> None:
    merchant(state, "change", "600000001", "--host", "a.example", "--accepts", "byte-order", "--hold-days", "3")
    merchant(state, "suspend", "600000001")
    said = merchant(state, "show", "600000001")
    assert "a.example" in said
    assert "byte-order" in said
    assert "suspended" in merchant(state, "list")
    merchant(state, "suspend", "600000001", "--end")
    assert "may ask" in merchant(state, "list")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("add", "6000x", "--title", "X", "--host", "x"), "expected 1 to 15 digits"),
        (("add", "600000001", "--title", "X", "--host", "x"), "is there already"),
        (("add", "600000009", "--title", "X", "--host", "x", "--accepts", "md4"), "is none of"),
        (("show", "600000009"), "no merchant 600000009"),
        (("calls", "--resend", "7"), "no call 7"),
        (("show", "6\udce9"), r"6\udce9 is not UTF-8"),
        (("refused", "6\udce9"), r"6\udce9 is not UTF-8"),
    ],
)
def test_mistakes_are_said(state: Path, arguments: tuple[str, ...], said: str) -> None:
    done = CliRunner().invoke(main, ["merchant", *arguments, "--state", str(state)])
    assert done.exit_code != 0
    assert said in done.output


@pytest.mark.parametrize("option", ["--url", "--results-url"])
def test_an_address_that_no_bank_would_take_is_refused_at_the_start(state: Path, option: str) -> None:
    for text in ("pay.example", "ftp://pay.example", "https://"):
        done = CliRunner().invoke(main, ["gateway", "--state", str(state), option, text])
        assert done.exit_code == 2, done.output
        assert f"{text!r}: expected an address such as https://pay.example" in done.output


@pytest.mark.parametrize(
    "host", ["http://shop.example/", "shop.example/x", "a:b", "shop.example:99999", "amina@shop.example", ""]
)
def test_what_is_no_host_is_not_kept_as_one(state: Path, host: str) -> None:
    for asked in (["change", "600000001"], ["add", "600000003", "--title", "C"]):
        assert "expected HOST or HOST:PORT" in merchant(state, *asked, "--host", host, code=2)
    assert "shop.example" in merchant(state, "show", "600000001")
    for good in ("127.0.0.1:9000", "[::1]:9000", "Shop.Example"):
        merchant(state, "change", "600000001", "--host", good)


@pytest.mark.parametrize(
    "asked",
    [
        ["merchant", "calls", "--resend", "9" * 25],
        ["merchant", "calls", "--resend", "0"],
        ["merchant", "add", "600000004", "--title", "D", "--host", "d", "--hold-days", "-3"],
        ["merchant", "add", "600000004", "--title", "D", "--host", "d", "--hold-days", "9" * 12],
        ["threeds", "acs", "atlas", "--idle", "-5"],
        ["threeds", "acs", "atlas", "--idle", "nan"],
        ["certify", "acquirer-basic", "127.0.0.1:1", "--wait", "nan"],
        ["watch", "--interval", "inf"],
        ["shop", "--gateway", "nonsense"],
        ["shop", "--console", "nonsense"],
        ["console", "--password", ""],
        ["console", "--password", "amina", "--second-factor", "amina"],
    ],
    ids=" ".join,
)
def test_an_option_that_could_never_work_is_refused(asked: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(main, [*asked, *(["--state", str(tmp_path)] if asked[0] == "merchant" else [])])
    assert (done.exit_code, done.exception.__class__) == (2, SystemExit), done.output
    assert re.search("range|no number|expected|name of somebody", done.output), done.output
