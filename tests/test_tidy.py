"""The house is tidy: rooms and functions stay small enough to hold one idea; nothing calls a wall clock where it may not."""

import ast
import re
import tokenize
from collections.abc import Callable
from pathlib import Path
from typing import get_args

import pytest

from switch.core.records.records import AnyEntry

ROOT = Path(__file__).parent.parent
SOURCES = sorted((ROOT / "switch").rglob("*.py"))
TESTS = sorted((ROOT / "tests").rglob("*.py"))
PURE = ("wire", "doctor", "core", "simulators", "money", "ledger", "statements")
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 500
FILE_LINES_WISHED = 400
RECORDS = {kind.__name__ for kind in get_args(AnyEntry)}


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_no_file_and_no_function_outgrows_one_idea(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= FILE_LINES_MAX
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < FUNCTION_LINES_MAX, f"{name(path)}: {node.name}"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_module_that_is_run_runs_last(path: Path) -> None:
    """What is defined below `if __name__ == "__main__"` is there for who imports the module, and not for who runs it."""
    *above, _ = ast.parse(path.read_text()).body or [ast.Pass()]
    assert not any(isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'" for node in above)


@pytest.mark.parametrize("path", [p for p in SOURCES if p.relative_to(ROOT / "switch").parts[0] in PURE], ids=name)
def test_pure_rooms_ask_nobody_for_the_time(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Attribute):
            asked = node.value.id if isinstance(node.value, ast.Name) else ""
            asks = node.attr in {"now", "today", "utcnow"} and asked in {"datetime", "date", "time"}
            assert not asks, f"line {node.lineno}"


def left_as_written(path: Path) -> int:
    """Lines that the formatter may not touch."""
    with path.open("rb") as file:
        comments = [token.string for token in tokenize.tokenize(file.readline) if token.type == tokenize.COMMENT]
    return sum(comment.startswith(("# fmt: skip", "# fmt: off")) for comment in comments)


def overlong(path: Path) -> int:
    """1 for a file over 400 lines."""
    return int(path.read_text().count("\n") > FILE_LINES_WISHED)


def records_by_position(path: Path) -> int:
    """Records made of values without their names, where two swapped ones would pass."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    names = (call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func) for call in calls)
    return sum(len(call.args) > 1 and name in RECORDS for call, name in zip(calls, names, strict=True))


def structs_by_position(path: Path) -> int:
    """Structs that may be made of two texts or more without their names, where swapped ones would pass."""
    structs = [
        n
        for n in ast.walk(ast.parse(path.read_text()))
        if isinstance(n, ast.ClassDef) and any(ast.unparse(base).endswith("Struct") for base in n.bases)
    ]
    by_position = [s for s in structs if not any(k.arg == "kw_only" for k in s.keywords)]
    return sum(sum(is_text(n) for n in s.body) > 1 for s in by_position)


def is_text(node: ast.stmt) -> bool:
    """True for a member that is a text and has no default."""
    return isinstance(node, ast.AnnAssign) and node.value is None and ast.unparse(node.annotation) == "str"


def without_types(path: Path) -> int:
    """Functions that do not say what they take and return."""
    functions = [
        n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return sum(f.returns is None or any(a.annotation is None for a in taken(f)) for f in functions)


EMPTY_DOCSTRING = re.compile(
    r"(Of (one|all|a|an|the|this) [\w ]+|The handlers?|One of them|All of them|All|All there are"
    r"|Its address(es)?|The (whole|end)|One more)\."
)


def empty_docstrings(path: Path) -> int:
    """Docstrings that say of what something is, and not what it does or holds."""
    kinds = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, kinds)]
    return sum(EMPTY_DOCSTRING.fullmatch(ast.get_docstring(n) or "") is not None for n in nodes)


def taken(function: ast.FunctionDef | ast.AsyncFunctionDef) -> list[ast.arg]:
    """Its arguments but `self` and `cls`."""
    of = function.args
    every = [*of.posonlyargs, *of.args, *of.kwonlyargs, *filter(None, (of.vararg, of.kwarg))]
    return [a for a in every if a.arg not in ("self", "cls")]


@pytest.mark.parametrize(
    ("count", "paths", "most"),
    [
        (left_as_written, SOURCES, 243),
        (left_as_written, TESTS, 116),
        (overlong, SOURCES, 11),
        (overlong, TESTS, 4),
        (records_by_position, SOURCES, 0),
        (records_by_position, TESTS, 0),
        (structs_by_position, SOURCES, 39),
        (without_types, SOURCES, 0),
        (without_types, TESTS, 0),
        (empty_docstrings, SOURCES, 0),
    ],
    ids=lambda value: getattr(value, "__name__", "") or (f"at most {value}" if isinstance(value, int) else "in"),
)
def test_what_is_to_become_fewer_does_not_become_more(
    count: Callable[[Path], int], paths: list[Path], most: int
) -> None:
    """A ratchet: who takes one away lowers the number, nobody raises it."""
    found = {name(path): n for path in paths if (n := count(path))}
    assert sum(found.values()) <= most, found
