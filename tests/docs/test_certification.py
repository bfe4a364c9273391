"""The endpoint of docs/certification.md, typed: a switch that pays, certified by whoever plays its issuer."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.reader import ROOT, Reader, agree, blocks, steps

PAGE = (ROOT / "docs" / "certification.md").read_text()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    one = Reader(tmp_path, in_process=True)
    yield one
    one.close()


@pytest.mark.long
def test_an_endpoint_goes_on_and_reports_when_it_is_ended(reader: Reader) -> None:
    (block,) = (block for block in blocks(PAGE) if block.elsewhere == "run by tests/docs/test_certification.py")
    for command, printed in steps(block):
        said = reader.type(command, printed)
        assert agree(said, printed), f"$ {command}\n{said}"
    assert "950402******0019" in (reader.directory / "issuer.html").read_text()
