"""docs/journal.md keeps its word: its commands run, in its order, and its tables name what there is."""

import re
import shlex
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.journal import command
from switch.core.limits import Limits
from switch.core.records import SCHEMA
from switch.journal.log import HEADER
from switch.journal.prune import KEEP_S
from switch.journal.recovery import recover
from tests.config.test_docs import PAGE as NETWORK_FILE
from tests.journal.samples import answered, booted, forwarded, written

PAGE = (Path(__file__).parents[2] / "docs" / "journal.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.split(f"\n## {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_backup_restore_and_prune_run_as_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    from switch.security.vault import KeyVault

    vault = KeyVault.at(Path("var/morocco/vault.key"))
    written(Path("var/morocco"), [booted(), *(e for n in range(1, 20) for e in (forwarded(n, vault), answered(n)))])
    ran = []
    for title in ("Backup and restore", "Keeping it small"):
        for line in re.findall(r"^    cmi-switch journal (.*)$", section(title), re.MULTILINE):
            words = shlex.split(line)
            if words[0] == "restore":  # as the page says: the key is not in the backup
                Path("var/restored").mkdir()
                shutil.copy2("var/morocco/vault.key", "var/restored/vault.key")
            result = CliRunner().invoke(command, words)
            assert result.exit_code == 0, f"{line}: {result.output}"
            ran.append(words[0])
    assert ran == ["backup", "verify", "backup", "restore", "prune"]
    assert recover("var/restored", Limits()).state == recover("var/morocco", Limits()).state


def test_every_schema_there_has_been_is_in_the_table() -> None:
    rows = re.findall(r"^\| (\d+) \|", section("How schemas move"), re.MULTILINE)
    assert rows == [str(n) for n in range(1, SCHEMA + 1)]


def test_its_numbers_hold() -> None:
    assert f"| {HEADER.size - 4} | 4 | CRC-32 of bytes 0 to {HEADER.size - 5} |" in PAGE
    assert f"the last {KEEP_S // 86_400} days" in section("Keeping it small")
    longest = re.search(r"`duplicate_window_s` \|.*?(\d+) s to (\d+) days", NETWORK_FILE)
    assert longest
    assert (int(longest[2]) + 1) * 86_400 == KEEP_S
