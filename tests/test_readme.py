"""README, CONTRIBUTING and docs are true: the tour's Python runs, commands and links exist."""

import re
from functools import cache
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


def options_of(command: click.Command) -> set[str]:
    """All it takes; of a group, what its commands take, too."""
    below = list(command.commands.values()) if isinstance(command, click.Group) else []
    return {option for c in (command, *below) for p in c.params for option in (*p.opts, *p.secondary_opts)} | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_its_commands_exist_and_take_the_options_it_gives_them(page: Path) -> None:
    text = page.read_text()
    known = set(main.list_commands(click.Context(main)))
    assert set(re.findall(r"cmi-switch ([a-z][a-z-]*)", text)) <= known
    for name, rest in re.findall(r"(?:`|\$ |\()cmi-switch ([a-z][a-z-]*)([^`\n|;&)$]*)", text):
        command = main.get_command(click.Context(main), name)
        assert command is not None
        given = set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", rest.partition(" # ")[0]))
        assert given <= options_of(command), f"cmi-switch {name}{rest}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_its_links_lead_somewhere(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#]*)#?([^)]*)\)", page.read_text()):
        if "://" in target:
            continue
        there = page.parent / target if target else page
        assert there.exists(), target
        assert not heading or heading in headings(there), f"{target}#{heading}"


@cache
def headings(page: Path) -> set[str]:
    """The names by which a page's headings are linked to."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    titles = [re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)]
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
