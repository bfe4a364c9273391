"""What docs/dialects.md shows is what happens: its files are written, its commands run, in its order."""

import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.dialect import command
from switch.wire import Dialect

PAGE = Path(__file__).parents[2] / "docs" / "dialects.md"
BLOCK = re.compile(r"^```(\w+) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)

CMI87 = Dialect.load("cmi87")
MONDAY = [
    {"t": "0200", "2": "4111111111111111", "3": "000000", "4": "000000012345", "11": "000042", "38": "A*1234"},
    {
        "t": "0200",
        "3": "000000",
        "4": "000000009900",
        "11": "000043",
        "48": "420205990217",
        "55": "9F0206000000009900DF19010A",
    },
    {"t": "0200", "3": "000000", "4": "000000001000", "11": "000044", "55": "DF19010B"},
]


def blocks() -> list[tuple[str, str, str]]:
    return [(m[1], m[2], m[3]) for m in BLOCK.finditer(PAGE.read_text(encoding="utf-8"))]


def outcome(line: str) -> str:
    """What a command prints, both streams, as a terminal shows it."""
    words = shlex.split(line.removeprefix("$ "))
    assert words[:2] == ["cmi-switch", "dialect"]
    return CliRunner().invoke(command, words[2:]).output


def test_the_page_tells_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "monday.hex").write_text("".join(CMI87.encode(d).hex() + "\n" for d in MONDAY))
    count = 0
    for language, name, text in blocks():
        if name:
            (tmp_path / name).write_text(text, encoding="utf-8")
        elif language == "console":
            lines = text.splitlines(keepends=True)
            commands = [line.strip() for line in lines if line.startswith("$ ")]
            assert text == "".join(f"{line}\n{outcome(line)}" for line in commands)
            count += len(commands)
    assert count >= 8
