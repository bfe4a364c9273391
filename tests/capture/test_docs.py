"""docs/captures.md says what holds: the table of rules, the form of a diff."""

import re
from pathlib import Path

from switch.capture.compare import DEFAULT_RULES, RULES
from tests.capture.test_replay import DAY, PLANTED, Host, run

PAGE = (Path(__file__).parents[2] / "docs" / "captures.md").read_text(encoding="utf-8")


def test_its_table_of_rules_is_the_one_that_holds() -> None:
    said = {}
    for elements, rule in re.findall(r"^\| (header|DE[\d, DE]+) \| (\w+) \|$", PAGE, re.MULTILINE):
        for element in elements.split(", "):
            said["h" if element == "header" else element.removeprefix("DE")] = rule
    assert said == {de: rule for de, rule in DEFAULT_RULES.items() if de not in ("p", "1")}
    assert set(re.findall(r"^\| `(\w+)` \| ", PAGE, re.MULTILINE)) == set(RULES)


def test_a_difference_looks_as_it_shows() -> None:
    line = str(run(DAY, Host(DAY, PLANTED["an approval becomes 91"]))).splitlines()[1]
    assert line in PAGE
