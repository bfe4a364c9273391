"""A new key to seal with: what was sealed before opens still, the chain goes on, and the file is whole or as it was."""

import os
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.main import main
from switch.journal.keys import KEY_FILE, key_check, open_vault, vault_key_path
from switch.journal.log import segments
from switch.journal.recovery import journal_directory
from switch.journal.verify import verify
from switch.security.vault import KeyVault, VaultError, add_key
from switch.server.operators import audit_of
from tests.journal.samples import PAN, answered, booted, day, forwarded
from tests.journal.test_keys import append


def test_where_there_is_no_journal_no_key_is_made_for_one(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["journal", "rekey", "--state", str(tmp_path / "nothing")])
    assert (done.exit_code, list(tmp_path.iterdir())) == (1, [])
    assert "no journal here" in done.output


def test_the_audit_log_says_a_path_that_is_no_utf8_all_the_same(tmp_path: Path) -> None:
    state = tmp_path / os.fsdecode(b"\xe9tat") / "state"
    append(state, day(5))
    done = CliRunner().invoke(main, ["journal", "rekey", "--state", str(state)])
    assert done.exit_code == 0, done.output
    (act,) = audit_of(state, open_vault(state).audit_secret).verify()
    assert r"\udce9tat" in act.key


def test_old_seals_open_new_ones_need_the_new_key_and_the_chain_goes_on(tmp_path: Path) -> None:
    state = tmp_path / "state"
    append(state, day(20))
    first = open_vault(state)
    old = first.seal(PAN, 1)
    done = CliRunner().invoke(main, ["journal", "rekey", "--state", str(state)])
    assert done.exit_code == 0, done.output
    assert "has 2 keys" in done.output
    acts = audit_of(state, open_vault(state).audit_secret).verify()
    assert [act.act for act in acts] == ["journal.rekey"], (
        "whoever did it is known, and the chain holds under the new keys"
    )
    second = open_vault(state)
    sealed = second.seal(PAN, 2)
    assert [second.open(one) for one in (old, sealed)] == [PAN, PAN]
    with pytest.raises(VaultError, match="not sealed with this key"):
        first.open(sealed)
    assert second.digest(PAN) == first.digest(PAN), "cards that are counted go on being counted"
    append(state, day(20, first=41))
    assert key_check(segments(journal_directory(state))) == first.check_value
    found = verify(state)
    assert (found.damage, found.notes, found.keyed) == ([], [], True)


def test_the_key_does_not_lie_in_the_state_directory(tmp_path: Path) -> None:
    state = tmp_path / "state"
    append(state, [booted(), forwarded(1, open_vault(state)), answered(1)])
    assert not list(state.rglob(f"*{KEY_FILE}*"))
    path = vault_key_path(state)
    assert path == tmp_path / "keys" / f"state.{KEY_FILE}"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    secret = path.read_bytes().split()[1]
    copied = [file.read_bytes() for file in state.rglob("*") if file.is_file()]
    assert not any(PAN.encode() in data or secret in data or bytes.fromhex(secret.decode()) in data for data in copied)


def test_one_that_an_older_release_made_there_is_used_where_it_lies(tmp_path: Path) -> None:
    vault = KeyVault.at(tmp_path / "state" / KEY_FILE)
    assert open_vault(tmp_path / "state").check_value == vault.check_value


def test_a_file_that_is_no_key_file_stays_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / KEY_FILE
    path.write_text("hello")
    path.chmod(0o600)
    with pytest.raises(VaultError, match="not a vault key"):
        add_key(path)
    assert path.read_text() == "hello"
    path.unlink()
    KeyVault.at(path)
    for _ in range(63):
        add_key(path)
    with pytest.raises(VaultError, match="as many as one may have"):
        add_key(path)
