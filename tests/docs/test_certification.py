"""docs/certification.md, typed: a switch and its issuers certified, then a switch that pays whoever plays its issuer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.reader import ROOT, Reader, agree, blocks, steps

BLOCKS = blocks((ROOT / "docs" / "certification.md").read_text())
MINE = "run by tests/docs/test_certification.py"

pytestmark = pytest.mark.long


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    one = Reader(tmp_path, in_process=True)
    yield one
    one.close()


def types(reader: Reader, *, endpoint: bool) -> int:
    """Type the blocks about the endpoint, or all others; how many commands."""
    count = 0
    for block in BLOCKS:
        if block.name:
            (reader.directory / block.name).write_text(block.text)
        elif block.elsewhere == MINE and ("--forever" in block.text) is endpoint:
            for command, printed in steps(block):
                said = reader.type(command, printed)
                assert agree(said, printed), f"$ {command}\n{said}"
                count += 1
    return count


def test_a_switch_passes_and_a_wrong_card_fails_on_its_points(reader: Reader) -> None:
    assert types(reader, endpoint=False) == 5
    assert "950401******0010" in (reader.directory / "report.html").read_text()


def test_an_endpoint_goes_on_and_reports_when_it_is_ended(reader: Reader) -> None:
    assert types(reader, endpoint=True) == 6
    assert "950402******0019" in (reader.directory / "issuer.html").read_text()
