"""docs/doctor.md says what happens: its examples print what they show, its table has every cause."""

import json
import re
import shlex
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.doctor import command
from switch.doctor.diagnosis import Cause
from switch.doctor.envelopes import LOOKED_AT
from switch.sim.playbook import Playbook
from tests.core.link_control.test_diagnosis import HELLO, SHIPPED, book, framed, said, stranger

PAGE = (Path(__file__).parents[2] / "docs" / "doctor.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```\n\$ cmi-switch (doctor [^\n]*)\n(.+?)\n```", PAGE, re.DOTALL)
SHOWN = [(line, output) for line, output in BLOCKS if not output.startswith("$ ")]


@pytest.mark.parametrize(("line", "output"), SHOWN, ids=[line[:40] for line, _ in SHOWN])
def test_an_example_prints_what_the_page_shows(
    line: str, output: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (talk,) = re.findall(r'```json\n(\{"from".+?)\n```', PAGE, re.DOTALL)
    (tmp_path / "talk.jsonl").write_text(talk)
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(command, shlex.split(line)[1:])
    assert result.output.rstrip() == output.rstrip()
    assert result.exit_code == int("advice" in output)


def test_there_are_examples_and_every_cause_is_in_the_table() -> None:
    assert len(SHOWN) >= 6
    rows = re.findall(r"^\| (`[^|]+`) \| ", PAGE, re.MULTILINE)
    assert {name.strip("` ") for row in rows for name in row.split(",")} == {cause.value for cause in Cause}


def test_the_event_looks_as_it_shows() -> None:
    scene: Playbook = book()
    stranger(scene).sends_bytes(framed("ascii4", SHIPPED["cmi87"].encode(HELLO)))
    (shown,) = re.findall(r'```json\n(\{"event".+?)\n```', PAGE, re.DOTALL)
    event = said(scene)
    assert json.loads(shown) == {"event": event.event, "level": event.level, **event.fields}


def test_its_bounds_are_those_that_hold() -> None:
    assert f"the first {LOOKED_AT:,} bytes" in PAGE
