"""docs/doctor.md says what happens: its table has every cause, the event is as it shows. Its examples are typed by tests/docs."""

import json
import re
from pathlib import Path

from switch.doctor.diagnosis import Cause
from switch.doctor.envelopes import LOOKED_AT
from switch.sim.playbook import Playbook
from tests.core.link_control.test_diagnosis import HELLO, SHIPPED, book, framed, said, stranger

PAGE = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")


def test_every_cause_is_in_the_table() -> None:
    table = PAGE.split("| cause |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| (`[^|]+`) \| ", table, re.MULTILINE)
    assert {name.strip("` ") for row in rows for name in row.split(",")} == {cause.value for cause in Cause}


def test_the_event_looks_as_it_shows() -> None:
    scene: Playbook = book()
    stranger(scene).sends_bytes(framed("ascii4", SHIPPED["cmi87"].encode(HELLO)))
    (shown,) = re.findall(r'```json\n(\{"event".+?)\n```', PAGE, re.DOTALL)
    event = said(scene)
    assert json.loads(shown) == {"event": event.event, "level": event.level, **event.fields}


def test_its_bounds_are_those_that_hold() -> None:
    assert f"the first {LOOKED_AT:,} bytes" in PAGE
