"""No warning without a word on what to do: the runbook has every event of level warning or error that the code logs."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.runbook import command
from switch.observe.runbook import page, read_runbook

ROOT = Path(__file__).parents[2]
ELSEWHERE = ("specs", "sim", "simulators", "soak", "bench")
"""rooms whose events are no running switch's"""
LEVELS = {"warning", "error", "critical"}
REPORTS = {"report", "_report"}
"""calls of the processes that people and peers meet by HTTP: each says an event and its fields, and no level"""
NEWS = {"http.reloaded", "login.done", "logout.done", "challenges.resumed"}
"""what they report that is as it should be"""


def texts(node: ast.expr) -> set[str]:
    """What may stand there: a text, or either of two."""
    nodes = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    return {n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)}


def reported(call: ast.Call) -> set[str]:
    """Events that a call reports without a level."""
    function = call.func
    name = (
        function.attr if isinstance(function, ast.Attribute) else function.id if isinstance(function, ast.Name) else ""
    )
    said = texts(call.args[0]) if call.args else set()
    if name == "note":
        return {f"{what}.refused" for what in said}
    return said - NEWS if name in REPORTS else set()


def logged() -> Iterator[str]:
    """Events that stand behind a level of warning or worse in some call, and those that are reported."""
    for path in (ROOT / "switch").rglob("*.py"):
        if path.relative_to(ROOT / "switch").parts[0] in ELSEWHERE:
            continue
        for call in (n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)):
            yield from (name for name in reported(call) if "." in name and " " not in name)
            for level, event in zip(call.args, call.args[1:], strict=False):
                if texts(level) & LEVELS:
                    yield from (name for name in texts(event) if "." in name and " " not in name)


def test_it_has_every_warning_and_error_that_there_is_and_no_other() -> None:
    assert set(read_runbook().events) == set(logged())


def test_its_page_is_made_of_it() -> None:
    assert (ROOT / "docs" / "runbook.md").read_text() == page(read_runbook()), (
        "python -m switch.observe.runbook > docs/runbook.md"
    )


@pytest.mark.parametrize("event", sorted(read_runbook().events))
def test_an_entry_says_what_it_means_and_what_to_do_in_whole_sentences(event: str) -> None:
    runbook = read_runbook()
    entry = runbook.events[event]
    assert entry.group in runbook.groups
    for text in (entry.means, entry.do):
        assert text.rstrip(")")[-1] in ".?`", text
        assert "|" not in text


def run(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(command, list(arguments))
    return result.exit_code, result.output


def test_the_command_says_it_too() -> None:
    code, text = run("journal.down")
    assert code == 0
    assert text.startswith("journal.down\n\nThe journal's writer has ended")
    assert "\nDo: " in text
    code, text = run()
    assert len(text.splitlines()) == len(read_runbook().events)
    code, text = run("journal.donw")
    assert (code, "did you mean journal.down?" in text) == (2, True)
