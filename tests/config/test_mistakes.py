"""Every kind of mistake, as its author sees it. `mistakes.txt` holds edits of `base.toml` and what is said about each.

After a wording changed: `GOLDEN=write pytest tests/config/test_mistakes.py` rewrites the file; read the difference.

A case is a line `=== title`, then edits, then the output. An edit is a line `- old`, whose text (`\\n`: a line's end) must stand
once in the file, and a line `+ new`; lines `+` with no `-` before them go to the file's end.
"""

import os
from pathlib import Path

import pytest

from switch.config import ConfigErrors, parse_network
from switch.config.hiding import hide

HERE = Path(__file__).parent
BASE = (HERE / "base.toml").read_text()
GOLDEN = HERE / "mistakes.txt"


class Case:
    def __init__(self, block: str) -> None:
        self.title, *lines = block.rstrip("\n").split("\n")
        self.edits = [line for line in lines if line[:2] in ("- ", "+ ") or line == "+"]
        self.expected = "\n".join(lines[len(self.edits) :])

    def text(self) -> str:
        text, old = BASE, None
        for line in self.edits:
            part = line[2:].replace("\\n", "\n")
            if line.startswith("-"):
                old = part
            elif old is not None:
                assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in base.toml"
                text, old = text.replace(old, part), None
            else:
                text += part + "\n"
        return text

    def said(self) -> str:
        with pytest.raises(ConfigErrors) as caught:
            parse_network(self.text(), "small.toml")
        return caught.value.render()

    def block(self) -> str:
        return "\n".join(["=== " + self.title, *self.edits, self.said()]) + "\n"


CASES = [Case(block) for block in GOLDEN.read_text().split("=== ")[1:]]

if os.environ.get("GOLDEN") == "write":
    GOLDEN.write_text("\n".join(case.block() for case in CASES))


def test_the_file_the_cases_edit_has_no_mistake() -> None:
    assert parse_network(BASE, "small.toml").name == "small"


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_mistake_is_shown_with_its_place_and_a_remedy(case: Case) -> None:
    assert case.said() == case.expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.title)
def test_a_caret_stands_under_text_of_its_line(case: Case) -> None:
    with pytest.raises(ConfigErrors) as caught:
        parse_network(case.text(), "small.toml")
    lines = case.text().split("\n")
    for mistake in caught.value.mistakes:
        if mistake.line:
            assert mistake.snippet == hide(lines[mistake.line - 1])
            assert 1 <= mistake.column <= len(mistake.snippet) + 1
            assert mistake.width >= 1
