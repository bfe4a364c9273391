"""A second factor: the codes of RFC 6238, each taken once, recovery codes, and how one is given and taken away."""

import base64
import re
import socket
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP

from switch.cli.main import main
from switch.console import accounts
from switch.console.accounts import Accounts, AccountsError
from switch.console.second_factor import address_of, make_recovery, spelled, step_of
from tests.console.scene import Scene

SECRET = b"12345678901234567890"
"""of RFC 6238, appendix B; its codes there have eight digits, of which the last six are these"""
PASSWORD = "a long one, please"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "WORK", 2)


@pytest.mark.parametrize(
    ("at", "code"),
    [(59, "287082"), (1111111109, "081804"), (1111111111, "050471"), (1234567890, "005924"), (2000000000, "279037")],
)
def test_codes_are_those_of_the_standard(at: int, code: str) -> None:
    assert step_of(SECRET, f" {code[:3]} {code[3:]}", at) == at // 30
    assert [step_of(SECRET, code, at + apart) is not None for apart in (-61, -30, 30, 61)] == [False, True, True, False]
    assert step_of(SECRET, code[:5], at) is None
    assert step_of(SECRET, "٢٨٧٠٨٢", 59) is None


def guarded(tmp_path: Path) -> tuple[Accounts, list[str]]:
    kept = Accounts(tmp_path / "accounts.json")
    kept.set_password("amina", PASSWORD)
    codes = [make_recovery(Random(n).randrange) for n in range(2)]
    kept.set_second_factor("amina", SECRET, codes)
    return kept, codes


def test_a_code_is_taken_once_by_whichever_console(tmp_path: Path) -> None:
    kept, _ = guarded(tmp_path)
    assert not kept.check("amina", PASSWORD, "", 59)
    assert not kept.check("amina", "another password", "287082", 59)
    assert kept.check("amina", PASSWORD, "287082", 59)
    assert not kept.check("amina", PASSWORD, "287082", 61), "who looked on does not come in with it"
    assert not Accounts(tmp_path / "accounts.json").check("amina", PASSWORD, "287082", 61), "nor after a restart"
    assert kept.check("amina", PASSWORD, "081804", 1111111109)


def test_a_recovery_code_is_taken_once_and_another_password_keeps_the_factor(tmp_path: Path) -> None:
    kept, (first, second) = guarded(tmp_path)
    kept.set_password("amina", "another long one")
    assert kept.check("amina", "another long one", first.upper().replace("-", " "), 59)
    assert not kept.check("amina", "another long one", first, 59)
    assert kept.check("amina", "another long one", second, 59)
    assert first.encode() not in (tmp_path / "accounts.json").read_bytes()
    kept.set_second_factor("amina", b"", ())
    assert kept.check("amina", "another long one", "", 59)
    with pytest.raises(AccountsError, match="brahim has no password yet"):
        kept.set_second_factor("brahim", SECRET, ())


@pytest.mark.parametrize("code", ["287082", "recovery"])
def test_a_password_set_during_a_login_is_neither_lost_nor_overtaken_by_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    """Who takes somebody's password away while they log in: the console writes that a code was taken, and nothing else."""
    kept, codes = guarded(tmp_path)
    typed = codes[0] if code == "recovery" else code
    looked_at = accounts._digest

    def slowly(password: str, salt: bytes) -> bytes:
        monkeypatch.setattr(accounts, "_digest", looked_at)
        Accounts(tmp_path / "accounts.json").set_password("amina", "another long one")
        return looked_at(password, salt)

    monkeypatch.setattr(accounts, "_digest", slowly)
    assert not kept.check("amina", PASSWORD, typed, 59), "it is theirs no more"
    assert not Accounts(tmp_path / "accounts.json").check("amina", PASSWORD, typed, 59)
    assert kept.check("amina", "another long one", typed, 59), (
        "the password that was set, and a code that nobody has used"
    )


def test_a_code_that_two_consoles_look_at_at_once_is_taken_by_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, _ = guarded(tmp_path)
    looked_at = accounts._digest
    other: list[bool] = []

    def meanwhile(password: str, salt: bytes) -> bytes:
        monkeypatch.setattr(accounts, "_digest", looked_at)
        other.append(bool(Accounts(tmp_path / "accounts.json").check("amina", PASSWORD, "287082", 59)))
        return looked_at(password, salt)

    monkeypatch.setattr(accounts, "_digest", meanwhile)
    assert (bool(kept.check("amina", PASSWORD, "287082", 59)), other) == (False, [True])


def test_a_file_of_before_is_read(tmp_path: Path) -> None:
    kept, _ = guarded(tmp_path)
    password = kept._kept["amina"].password
    (tmp_path / "accounts.json").write_bytes(msgspec.json.encode({"amina": password}))
    assert Accounts(tmp_path / "accounts.json").check("amina", PASSWORD, "", 0)


def test_what_an_application_reads() -> None:
    assert spelled(SECRET) == "GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ"
    assert base64.b32decode(spelled(SECRET).replace(" ", "")) == SECRET
    address = address_of(SECRET, "amina", "cmi-switch morocco")
    assert address.startswith("otpauth://totp/cmi-switch%20morocco:amina?")
    assert "secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ" in address


async def test_who_has_one_logs_in_with_a_code(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.desk.accounts.set_password("root", PASSWORD)
    scene.desk.accounts.set_second_factor("root", SECRET, ())
    scene.wall = 59
    browser = scene.browser()
    refused = await browser.post("/login", user="root", password=PASSWORD)
    assert refused.status == 403
    assert "a name, its password and its code" in refused.text
    assert ("login.refused", "wrong name, password or code") in [(e, f.get("reason")) for e, f in scene.events]
    assert (await browser.post("/login", user="root", password=PASSWORD, code="287082")).status == 303
    assert (await scene.browser().post("/login", user="root", password=PASSWORD, code="287082")).status == 403
    scene.close()


def test_it_is_given_once_a_code_was_typed_and_taken_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def run(*arguments: str, typed: str = "") -> Any:
        return CliRunner().invoke(main, ["console", "--state", str(tmp_path), *arguments], input=typed)

    monkeypatch.setattr("secrets.token_bytes", lambda count: SECRET[:count])
    monkeypatch.setattr("time.time", lambda: 59.0)
    assert "--password amina` first" in run("--second-factor", "amina").output
    assert run("--password", "amina", typed=f"{PASSWORD}\n").exit_code == 0
    assert "nothing was changed; do the clocks agree?" in run("--second-factor", "amina", typed="111111\n").output
    given = run("--second-factor", "amina", typed="287082\n")
    assert "Secret: GEZD GNBV" in given.output
    codes = re.findall(r"^  ([a-z2-9]{4}-[a-z2-9]{4}-[a-z2-9]{4})$", given.output, re.MULTILINE)
    assert len(set(codes)) == 10
    kept = Accounts(tmp_path / "console" / "accounts.json")
    assert kept.guarded == ["amina"]
    assert kept.check("amina", PASSWORD, codes[3], 59)
    assert "Taken away" in run("--no-second-factor", "amina").output
    kept.follow()
    assert kept.guarded == []


def test_every_code_is_right_in_its_time() -> None:
    totp = TOTP(SECRET, 6, SHA1(), 30)
    assert all(step_of(SECRET, totp.generate(at).decode(), at) == at // 30 for at in range(0, 3_000, 17))


def test_an_address_that_is_taken_is_a_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = "{}:{}".format(*taken.getsockname())
        done = CliRunner().invoke(main, ["console", "--state", str(tmp_path), "--listen", address])
    assert (done.exit_code, f"{address}: Address already in use" in done.output) == (1, True), done.output
