"""A dialect file's mistakes, all at once, each with its place."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.dialects.lint import lint
from switch.dialects.positions import scan
from switch.wire.dialect import DIRECTORY, names

GOOD = (DIRECTORY / "cmi87.json").read_text(encoding="utf-8")

PLANTED = [
    ('"max_len": 12}', '"max_len": "12"}', '4.max_len: expected a whole number from 0 to 999999, found "12"', '"12"'),
    ('"framing": "length2"', '"framing": "lenght2"', "did you mean length2?", '"lenght2"'),
    ('"content": "x+n"', '"conten": "x+n"', "28.conten: unknown key", '"conten"'),
    ('"form": "numbered"', '"form": "numberd"', "48.subfields.form: expected one of", '"numberd"'),
    ('"id": "9F41"', '"id": "9f41"', "expected a tag, pairs of hex digits in upper case", '"9f41"'),
    ('"41": {', '"42": {', "42 is given twice", '"42"'),
    ('"128": {', '"129": {', "129: no such element", '"129"'),
    (
        '"len_type": 3, "max_len": 999}',
        '"len_type": 7, "max_len": 999}',
        "46.len_type: expected a whole number from 0 to 6",
        "7",
    ),
    ('"sensitive": true', '"sensitive": 1', "expected true or false, found 1", "1"),
]


def planted(*changes: tuple[str, str, str, str]) -> str:
    text = GOOD
    for old, new, _, _ in changes:
        assert old in text
        text = text.replace(old, new, 1)
    return text


@pytest.mark.parametrize("name", names())
def test_the_dialects_that_ship_have_no_mistake(name: str) -> None:
    assert lint(name, (DIRECTORY / f"{name}.json").read_bytes()) == []


@pytest.mark.parametrize("change", PLANTED, ids=lambda c: c[1])
def test_a_mistake_has_a_caret_under_what_is_wrong(change: tuple[str, str, str, str]) -> None:
    text = planted(change)
    (found,) = lint("x.json", text.encode())
    shown = found.render()
    assert change[2] in shown
    line = text.split("\n")[found.line - 1]
    assert line[found.column - 1 :].startswith(change[3])
    source, carets = shown.split("\n")[1:3]
    assert source[carets.index("^") : carets.rindex("^") + 1].startswith(change[3])


def test_all_mistakes_come_at_once_in_the_order_of_their_lines() -> None:
    found = lint("x.json", planted(*PLANTED).encode())
    assert len(found) == len(PLANTED)
    assert [m.line for m in found] == sorted(m.line for m in found)


def test_a_missing_key_is_told_at_the_element_that_lacks_it() -> None:
    text = GOOD.replace('"len_type": 0, "max_len": 12}', '"max_len": 12}', 1)
    (found,) = lint("x.json", text.encode())
    assert found.message == "4.len_type: missing"
    assert text.split("\n")[found.line - 1].startswith('  "4"')
    text = re.sub(r'  "p": .*\n', "", GOOD)
    assert [m.render() for m in lint("x.json", text.encode())] == ["x.json: p: missing"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b'{"h": {},\n "t": 1,}', "x.json:2:"),  # Python 3.13 points at the comma, before it at what follows
        (b'{"h": {}\n "t": 1}', "is a comma missing before it?"),
        (b"\xff\xfe{}", "not UTF-8: byte FF at offset 0, line 1\n  save it as UTF-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b'{"h": ' + b"9" * 5_000 + b"}", "no JSON: Exceeds the limit"),
        (b"[]", "expected an object of data elements"),
        (b"", "no JSON"),
    ],
)
def test_what_is_no_json_is_told_too(text: bytes, says: str) -> None:
    assert says in "\n".join(m.render() for m in lint("x.json", text))


def test_what_loads_and_cannot_be_meant_is_told() -> None:
    text = re.sub(r'("35": .*), "sensitive": true}', r"\1}", GOOD)
    (found,) = lint("x.json", text.encode())
    assert "is not marked sensitive" in found.message
    raw = json.loads(GOOD)
    raw["3"]["subfields"]["parts"][0]["len"] = 3
    (found,) = lint("x.json", json.dumps(raw).encode())
    assert found.message == "3.subfields: its parts take 7 characters, 3 has 6"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=12,
)


@given(values, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_value_of_any_json_is_found_where_it_stands(value: object, indent: int | str | None, plain: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=plain)
    index, twice = scan(text)
    assert not twice

    def check(path: tuple[str | int, ...], here: object) -> None:
        span = index.spans[path]
        assert json.loads(text[span.value_start : span.value_end]) == here
        for key, inner in here.items() if isinstance(here, dict) else enumerate(here) if isinstance(here, list) else ():
            check((*path, key), inner)

    check((), value)


def test_linting_a_file_on_disk_and_loading_it_agree(tmp_path: Path) -> None:
    from switch.wire import Dialect, DialectError

    for change in PLANTED:
        path = tmp_path / "x.json"
        path.write_text(planted(change), encoding="utf-8")
        with pytest.raises(DialectError):
            Dialect.load(str(path))


def test_a_file_nested_deeper_than_can_be_followed_is_told() -> None:
    assert [m.message for m in lint("x.json", b"[" * 700 + b"]" * 700)] == ["nested too deeply to be a dialect"]
