"""The page about the hop log keeps its word: its examples run, its table has the keys that lines have."""

import pathlib
import re

from switch.observe.lines import HopLine

PAGE = (pathlib.Path(__file__).parents[2] / "docs" / "hop-log.md").read_text()


def test_its_examples_run() -> None:
    scope: dict[str, object] = {}
    examples = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        exec(example, scope)


def test_its_table_has_every_key_of_a_hop_in_order() -> None:
    table = PAGE.split("## Keys of a hop")[1].split("##")[0]
    assert tuple(re.findall(r"^\| `(\w+)` \|", table, re.MULTILINE)) == HopLine.__struct_fields__
