"""Each attack's own test goes red where the defence it is about is taken away (`mutants`).

That each row still fits the code is asked always. To have every one applied, in a copy of the tree, and its test run there, which
takes some minutes: `CMI_SWITCH_MUTANTS=FILE tools/test tests/e2e/test_mutants.py`; the file then has what each test had to say.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.e2e import test_attacks, test_attacks_on_keys
from tests.e2e.mutants import KEYS, LINKS, Edit

ROOT = Path(__file__).parents[2]
PARTS = ("switch", "tests", "specs", "docs", "tools", "pyproject.toml")
MUTANTS = {
    **{f"test_attacks.py::{{}}[{what}]": edits for what, edits in LINKS.items()},
    **{f"test_attacks_on_keys.py::{{}}[plain-{what}]": edits for what, edits in KEYS.items()},
}
TEST = "test_an_attack_meets_its_reaction_and_others_go_on"
REPORT = os.environ.get("CMI_SWITCH_MUTANTS", "")
wanted = pytest.mark.skipif(not REPORT, reason="set CMI_SWITCH_MUTANTS to the file for a report to run these")


def test_every_attack_has_a_mutant_that_fits_the_code() -> None:
    assert list(LINKS) == [attack.what for attack in test_attacks.ATTACKS]
    assert list(KEYS) == [attack.what for attack in test_attacks_on_keys.ATTACKS]
    for what, edits in MUTANTS.items():
        for edit in edits:
            text = (ROOT / edit.file).read_text()
            assert text.count(edit.old) == 1, f"{what}: {edit.file} has this {text.count(edit.old)} times: {edit.old}"
            compile(text.replace(edit.old, edit.new), edit.file, "exec")


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    made = tmp_path_factory.mktemp("mutants")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, made / part, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy(source, made / part)
    yield made
    shutil.rmtree(made)


def played(copy: Path, tests: Sequence[str]) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-n", "0", "-m", "", "-p", "no:cacheprovider", *tests]
    there = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(command, cwd=copy, env=there, capture_output=True, text=True, timeout=300, check=False)


@wanted
def test_without_a_mutant_all_are_green(copy: Path) -> None:
    """Else red would say nothing."""
    asked = played(copy, [f"tests/e2e/{what.format(TEST)}" for what in MUTANTS])
    assert asked.returncode == 0, asked.stdout[-3_000:]


@wanted
@pytest.mark.parametrize("what", MUTANTS)
def test_without_its_defence_the_attack_is_seen(copy: Path, what: str) -> None:
    edits = MUTANTS[what]
    kept = {edit.file: (copy / edit.file).read_text() for edit in edits}
    try:
        for edit in edits:
            _apply(copy, edit)
        asked = played(copy, [f"tests/e2e/{what.format(TEST)}"])
    finally:
        for file, text in kept.items():
            (copy / file).write_text(text)
    said = [line for line in asked.stdout.splitlines() if line.startswith(("E  ", "FAILED", "ERROR"))]
    with Path(REPORT).open("a") as report:
        report.write("\n".join([what, *(line[:300] for line in said[:8]), ""]))
    assert asked.returncode == 1, asked.stdout[-3_000:]
    assert "\nFAILED " in asked.stdout, asked.stdout[-3_000:]


def _apply(copy: Path, edit: Edit) -> None:
    path = copy / edit.file
    path.write_text(path.read_text().replace(edit.old, edit.new))
