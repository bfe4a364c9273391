"""What the pages say about the code is so: names, files, lists; and they say it in plain words."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from switch.core.messages.internal import ECHOED
from switch.core.transactions.transaction import KEPT, REQUIRED, REQUIRED_WITH_MONEY, RESTORED

ROOT = Path(__file__).parents[2]
ARCHITECTURE = (ROOT / "docs" / "architecture.md").read_text()
CONTRACT = (ROOT / "docs" / "contract.md").read_text()
README = (ROOT / "README.md").read_text()
PROSE = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").rglob("*.md")),
    *sorted((ROOT / "specs" / "networks").glob("*.toml")),
]
CODE = sorted((ROOT / "switch").rglob("*.py"))
QUAINT = (
    r"how-manieth|for want of|heeds?|heeded|bury|buried|burial|befalls?|lest|whence|thither|hither|betwixt|naught|unto"
)


def rooms(directory: Path) -> set[str]:
    """Packages in it, as the pages write them."""
    return {str(path.parent.relative_to(ROOT)) for path in directory.glob("*/__init__.py")}


def section(page: str, title: str) -> str:
    return re.split(r"^## ", page.split(f"\n## {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def elements(row: str) -> set[str]:
    """Data elements of a row of the contract's first table."""
    (cell,) = re.findall(rf"^\| {re.escape(row)} \| DE([\d, ]+)", CONTRACT, re.MULTILINE)
    return set(re.findall(r"\d+", cell))


def test_the_code_map_has_every_room_and_every_module_that_is_in_none() -> None:
    first = re.findall(r"^\| ((?:`switch/[\w/.]+`(?:, )?)+) \|", section(ARCHITECTURE, "Code map"), re.MULTILINE)
    mapped = set(re.findall(r"`([^`]+)`", " ".join(first)))
    alone = {str(path.relative_to(ROOT)) for path in (ROOT / "switch").glob("[a-z]*.py")}
    folders = [ROOT / "switch", ROOT / "switch" / "core", ROOT / "switch" / "journal"]
    assert mapped == alone.union(*map(rooms, folders))


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_says_in_its_first_line_what_it_is_for(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text())) or ""
    assert said.partition("\n\n")[0].endswith((".", ":", "?")), "a sentence, and then a blank line"


def test_the_readme_has_every_room() -> None:
    assert set(re.findall(r"`(switch/[a-z_]+)`", section(README, "Rooms"))) == rooms(ROOT / "switch")


@pytest.mark.parametrize("page", PROSE[:-2], ids=lambda page: str(page.relative_to(ROOT)))
def test_files_named_are_there(page: Path) -> None:
    named = re.findall(r"`((?:switch|specs|tests|tools)/[\w./-]*\w)`", page.read_text())
    assert [name for name in named if "NAME" not in name and not (ROOT / name).exists()] == []


def test_an_authorization_goes_through_functions_that_are_there() -> None:
    text = section(ARCHITECTURE, "One authorization, file by file")
    steps = re.findall(r"^\| \d+ \| `([^`]+)` \| ([^|]+) \|", text, re.MULTILINE)
    steps += re.findall(r"`(switch/[\w/]+\.py)`: (`\w+`(?:, `\w+`)*)", text)
    assert len(steps) > 20
    for file, functions in steps:
        code = (ROOT / file).read_text()
        for name in re.findall(r"`(\w+)`", functions):
            assert re.search(rf"def {name}\(", code), f"{file} has no {name}"


def test_the_contracts_lists_are_the_codes() -> None:
    assert elements("a request must have") == REQUIRED
    assert elements("… and, unless it is an inquiry (DE3 31, 38)") == REQUIRED_WITH_MONEY
    restored = {*RESTORED, "7", "11"}
    assert elements("what the acquirer gets back as it sent it, whatever the issuer answered") == restored
    assert elements("what an answer of the switch's own repeats of its request") == set(ECHOED)
    assert elements("what a reversal of the switch's repeats of its original") == set(KEPT)


def test_the_readme_explains_every_dependency() -> None:
    needed = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    said = re.findall(r"^\| ([\w-]+) \|", section(README, "Dependencies"), re.MULTILINE)
    assert {re.split(r"[><=\[]", name)[0] for name in needed} <= set(said)


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) <= 120


@pytest.mark.parametrize("page", [*PROSE, *CODE], ids=lambda page: str(page.relative_to(ROOT)))
def test_plain_words(page: Path) -> None:
    assert re.findall(rf"(?i)\b(?:{QUAINT})\b", page.read_text()) == []
