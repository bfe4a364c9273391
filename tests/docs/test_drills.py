"""The drills of docs/drills.md, typed against a network of real processes: what breaks, what says so, what mends it."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.reader import FILE, ROOT, Reader, agree, blocks, steps

PAGE = (ROOT / "docs" / "drills.md").read_text()
MINE = "run by tests/docs/test_drills.py"
DRILLS = [part.partition("\n")[0] for part in PAGE.split("\n## ")[1:]]
CLOCK = """
import os
import time

real, path = time.time_ns, os.environ["DRILL_CLOCK"]
time.time_ns = lambda: real() + int(open(path).read())
"""
"""A wall clock that is set by writing to a file: the machine's own stays as it is."""
HOUR_NS = 3_600_000_000_000

pytestmark = pytest.mark.long


class Crew(Reader):
    """Readers who may set the clock of all processes of theirs."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, in_process=True)
        (directory / "clock").write_text("0")
        (directory / "site").mkdir()
        (directory / "site" / "sitecustomize.py").write_text(CLOCK)
        self._environment["DRILL_CLOCK"] = str(directory / "clock")
        self._environment["PYTHONPATH"] = f"{directory / 'site'}:{self._environment['PYTHONPATH']}"

    def type(self, command: str, printed: str, *, exact: bool = False) -> str:
        found = re.fullmatch(r"date -s '(\d) hours( ago)?'", command)
        if found is None:
            return super().type(command, printed, exact=exact)
        clock = self.directory / "clock"
        moved = int(found[1]) * HOUR_NS * (-1 if found[2] else 1)
        clock.write_text(str(int(clock.read_text()) + moved))
        return printed

    def drill(self, name: str) -> int:
        """Type the blocks of a section; how many commands. AssertionError: something else was said."""
        (section,) = (part for part in PAGE.split("\n## ") if part.startswith(f"{name}\n"))
        count = 0
        for block in blocks(section):
            for command, printed in steps(block) if block.elsewhere == MINE else ():
                said = self.type(command, printed)
                assert agree(said, printed), f"$ {command}\n{said}"
                count += 1
        return count


@pytest.fixture(scope="module")
def crew(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """The network of the page, up: its first section."""
    one = Crew(tmp_path_factory.mktemp("drills"))
    path = one.directory / FILE
    text = path.read_text()
    for section, more in (("member", 'mac_key = "rif-zak"'), ("host", "max_pending = 20")):
        text = re.sub(rf'(\[\[{section}\]\]\nname = "rif"\n)', rf"\1{more}\n", text)
    text = re.sub(r"(timeout_ms = 10_000.*\n)", r"\1backoff_max_ms = 500\n", text, count=1)
    for keys, file in (("keys.json", path), ("theirs.json", one.directory / "theirs.toml")):
        file.write_text(f'{text}\n[security]\nkeys = "{one.directory / keys}"\nlmk = "{one.directory / "lmk.key"}"\n')
    try:
        one.drill(DRILLS[0])
        yield one
    finally:
        one.close()


def test_the_page_has_six_drills_and_the_first_section_sets_the_scene() -> None:
    assert len(DRILLS) == 7


@pytest.mark.parametrize("name", DRILLS[1:])
def test_a_drill_goes_as_its_section_says(name: str, crew: Crew) -> None:
    assert crew.drill(name) or "tests/e2e/test_disk_full.py" in PAGE.split(f"\n## {name}\n")[1].partition("\n## ")[0]
