"""The house is tidy: rooms and functions stay small enough to hold one idea; nothing calls a wall clock where it may not."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "switch").rglob("*.py"))
PURE = ("wire", "doctor", "core", "simulators", "money")
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_file_and_no_function_outgrows_one_idea(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= FILE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, f"{name(path)}: {node.name}"


@pytest.mark.parametrize("path", [p for p in SOURCES if p.relative_to(ROOT / "switch").parts[0] in PURE], ids=name)
def test_pure_rooms_ask_nobody_for_the_time(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            asked = node.value.id if isinstance(node.value, ast.Name) else ""
            asks = node.attr in {"now", "today", "utcnow"} and asked in {"datetime", "date", "time"}
            assert not asks, f"line {node.lineno}"
