"""README, CONTRIBUTING and docs are true: the tour's Python runs, commands and links exist."""

import re
from pathlib import Path

import click
import pytest

from switch.cli.main import main

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
TOUR = (ROOT / "docs" / "tour.md").read_text()


@pytest.mark.parametrize("code", re.findall(r"```python\n(.*?)```", TOUR, re.DOTALL))
def test_its_python_runs(code: str) -> None:
    exec(compile(code, "tour.md", "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_its_commands_exist(page: Path) -> None:
    names = set(re.findall(r"cmi-switch ([a-z][a-z-]*)", page.read_text()))
    known = set(main.list_commands(click.Context(main)))
    assert names <= known


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_its_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target
