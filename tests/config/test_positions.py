"""The key-to-line index, with tomllib as its judge: same keys, and each value's text reads as the same value."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.config.positions import Path, scan

ODD = {
    "comments with brackets": 'a = 1 # ] [x] "\n# [not]\nb = [1, # ]\n 2]\n',
    "strings with brackets": 'a = "x # ] = \\" \\\\"\nb = \'c:\\ # "\'\n[t]\nc = "]"\n',
    "multi-line strings": 'a = """\n[x]\nk = 1 \\\n  "" \\""" """\nb = \'\'\'\n"""#\n\'\'\'\nc = 1\n',
    "quotes at the end of multi-line strings": 'a = """x"""""\nb = \'\'\'y\'\'\'\'\nc = """"""\nd = \'\'\n',
    "dotted keys": "a.b.c = 1\na . d = 2\n[t.u]\nv.w = 3\n",
    "quoted keys": '"a b" = 1\n\'c.d\'."e\\u0041" = 2\n["x ] y"]\nz = 3\n',
    "inline tables": 'a = {b = 1, c = {d = "}", e = [1, {f = 2}]}}\nempty = {}\n',
    "nested arrays": "a = [[1, 2], [], [ # c\n [3],\n],]\n",
    "dates and floats": "a = 1979-05-27T07:32:00Z\nb = 1979-05-27 07:32:00\nc = -1e-3\nd = [inf, nan]\ne = 0xFF\n",
    "arrays of tables": "[[a]]\nb = 1\n[[a.c]]\nd = 2\n[[a.c]]\nd = 3\n[[a]]\n[a.e]\nf = 4\n[[a.c]]\nd = 5\n",
    "tables above themselves": "[a.b.c]\nx = 1\n[a]\ny = 2\n",
    "carriage returns": 'a = 1\r\nb = """\r\nx"""\r\n[c]\r\nd = true\r\n',
    "no newline at the end": "a = 1\nb = [1]",
    "nothing": "\n# only this\n",
}


def leaves(value: Any, path: Path = ()) -> dict[Path, Any]:
    """Every value that is no table, by its path; arrays count as values and their items too."""
    if isinstance(value, dict):
        return {p: v for key, item in value.items() for p, v in leaves(item, (*path, key)).items()}
    found = {path: value}
    if isinstance(value, list):
        tables = bool(value) and all(isinstance(item, dict) for item in value)
        found = {} if tables else found
        for n, item in enumerate(value):
            found |= leaves(item, (*path, n))
    return found


def agree(text: str) -> None:
    data, index = tomllib.loads(text), scan(text)
    expected = leaves(data)
    for path, value in expected.items():
        start, end = index.value(path)
        assert repr(tomllib.loads(f"x = {text[start:end]}\n")["x"]) == repr(value), path
    for path in index.spans:
        node: Any = data
        for part in path:
            node = node[part]


@pytest.mark.parametrize("text", ODD.values(), ids=ODD.keys())
def test_an_odd_file_is_indexed_as_tomllib_reads_it(text: str) -> None:
    agree(text)


def test_the_shipped_network_is_indexed_as_tomllib_reads_it() -> None:
    from switch.config.load import SHIPPED

    agree((SHIPPED / "morocco.toml").read_text())


def test_a_key_stands_where_it_is_written() -> None:
    index = scan('[[host]]\nname = "a"\n[[host]]\n  name = "b" # here\n')
    start, end = index.value(("host", 1, "name"))
    assert index.text[start:end] == '"b"'
    assert index.line_column(start) == (4, 10)
    assert index.line_column(index.key(("host", 1, "name"))[0]) == (4, 3)


def test_what_is_not_there_is_shown_at_the_table_above_it() -> None:
    index = scan("[a]\nb = 1\n")
    assert index.key(("a", "c")) == index.key(("a",)) == (0, 3)


KEYS = st.one_of(
    st.from_regex(r"[a-z_-]{1,4}", fullmatch=True), st.sampled_from(['"a b"', "'#'", '"]"', '"=\\""', "''"])
)
PLAIN = st.sampled_from(
    [
        "1",
        "-0.5",
        "true",
        '"]#"',
        "'\"'",
        '"""\n#]\n"""',
        "'''\n[x]\n'''",
        '""',
        "07:32:00",
        "1979-05-27 07:32:00",
        '"\\\\"',
    ]
)
SPACE = st.sampled_from(["", " ", "\t"])
BREAK = st.sampled_from(["", " ", "\n", " # ]}\n"])


@st.composite
def arrays(draw: st.DrawFn, of: st.SearchStrategy[str]) -> str:
    items = draw(st.lists(of, max_size=3))
    return "[" + ",".join(draw(BREAK) + item + draw(BREAK) for item in items) + draw(BREAK) + "]"


@st.composite
def inlines(draw: st.DrawFn, of: st.SearchStrategy[str]) -> str:
    pairs = draw(st.lists(st.tuples(KEYS, of), max_size=3))
    return "{" + ",".join(f"{draw(SPACE)}{k}{draw(SPACE)}={draw(SPACE)}{v}{draw(SPACE)}" for k, v in pairs) + "}"


VALUES = st.recursive(PLAIN, lambda inner: st.one_of(arrays(inner), inlines(inner)), max_leaves=6)


@st.composite
def documents(draw: st.DrawFn) -> str:
    lines = []
    for _ in range(draw(st.integers(1, 8))):
        kind = draw(st.sampled_from(["pair", "pair", "dotted", "table", "array", "comment"]))
        key = draw(KEYS)
        if kind == "table":
            lines.append(f"[{draw(SPACE)}{key}{draw(SPACE)}]{draw(SPACE)}# [x]")
        elif kind == "array":
            lines.append(f"[[{key}{draw(SPACE)}]]")
        elif kind == "comment":
            lines.append("  # a = [")
        else:
            if kind == "dotted":
                key = f"{key}{draw(SPACE)}.{draw(SPACE)}{draw(KEYS)}"
            lines.append(f"{draw(SPACE)}{key}{draw(SPACE)}={draw(SPACE)}{draw(VALUES)}{draw(SPACE)}")
    return "\n".join(lines) + draw(st.sampled_from(["", "\n"]))


@given(documents())
def test_whatever_tomllib_accepts_is_indexed_as_it_reads_it(text: str) -> None:
    try:
        tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    agree(text)


def test_a_table_that_only_headers_below_it_name_stands_at_the_first_of_them() -> None:
    index = scan("x = 1\n[a.b]\n[c.d]\n[c.e]\n[[f.g]]\n[c]\n")
    assert [index.line_column(index.key((name,))[0])[0] for name in ("a", "c", "f")] == [2, 6, 5]
