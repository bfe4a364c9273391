"""docs/simulation.md keeps its word: its examples run, and its table has every kind of fault."""

import re
from pathlib import Path

from switch.sim.faults import Kind

PAGE = (Path(__file__).parents[2] / "docs" / "simulation.md").read_text()


def test_its_examples_run() -> None:
    examples = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        exec(example, {"__name__": "example"})


def test_its_table_has_every_kind_of_fault() -> None:
    table = PAGE.split("## What goes wrong")[1].split("##")[0]
    named = {
        name for row in re.findall(r"^\| (`.*?) \|", table, re.MULTILINE) for name in re.findall(r"`([a-z-]+)`", row)
    }
    assert named == {kind.value for kind in Kind}
