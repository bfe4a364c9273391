"""What docs/wire.md and the docstrings show is what happens."""

import doctest
from pathlib import Path

from switch.wire import dialect


def test_docs_wire_md_tells_the_truth() -> None:
    result = doctest.testfile(str(Path(__file__).parents[2] / "docs" / "wire.md"), module_relative=False)
    assert (result.failed, result.attempted > 5) == (0, True)


def test_the_dialects_docstring_tells_the_truth() -> None:
    result = doctest.testmod(dialect)
    assert (result.failed, result.attempted > 2) == (0, True)
