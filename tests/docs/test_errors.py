"""docs/errors.md has each code that is refused with, and the code gives each of them somewhere."""

import ast
import re
from pathlib import Path

from switch.core.operator.errors import ErrorCode

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "errors.md").read_text()
TABLE = ROOT / "switch" / "core" / "operator" / "errors.py"


def given() -> set[str]:
    """Names of the codes that something in the switch gives."""
    return {
        node.attr
        for path in (ROOT / "switch").rglob("*.py")
        if path != TABLE
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ErrorCode"
    }


def test_the_page_has_a_row_for_every_code_in_the_tables_order() -> None:
    assert re.findall(r"^\| `([a-z_.]+)` \| .+ \| .+ \|$", PAGE, re.MULTILINE) == [code.value for code in ErrorCode]


def test_every_code_is_given_by_something() -> None:
    assert given() == set(ErrorCode.__members__)


def test_a_codes_name_is_its_text() -> None:
    assert {code.name: code.value for code in ErrorCode} == {
        code.name: code.value for code in ErrorCode if code.name == code.value.replace(".", "_").upper()
    }
