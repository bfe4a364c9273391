"""A plan's file: every mistake is named with its line and what to write; the shipped ones have none."""

import re
from random import Random

import pytest

from switch.certify.plan_file import load_plan, parse_plan
from switch.certify.words import Words
from switch.config import ConfigErrors
from switch.config.mistakes import Mistake
from switch.shipped import shipped

PLAN = """\
name = "mine"
title = "Mine"
plays = "acquirer"
certifies = "a switch"
[values]
card = "9504010000090010"
[parts.payment]
t = "0200"
2 = "{card}"
[[test]]
id = "T1"
title = "one"
[[test.step]]
name = "sale"
like = "payment"
send = { 11 = "{stan}" }
[test.step.points]
equals = { 39 = "00" }
save = { approval = "38" }
[[test.step]]
again = "sale"
send = { t = "0400", 38 = "{approval}", 90 = "{sale.original}" }
"""


def test_a_plan_is_read() -> None:
    plan = parse_plan(PLAN, "mine.toml")
    sale, again = plan.tests[0].steps
    assert sale.send == {"t": "0200", "2": "{card}", "11": "{stan}"}
    assert (again.again, again.name) == ("sale", "step2")


@pytest.mark.parametrize(
    ("old", "new", "line", "said"),
    [
        ('plays = "acquirer"', 'plays = "aquirer"', 3, 'did you mean "acquirer"?'),
        ('11 = "{stan}"', '11 = "{stam}"', 16, "nothing is called {stam} here"),
        ('11 = "{stan}"', '1129 = "{stan}"', 16, '"1129" is no element'),
        ('like = "payment"', 'like = "paymnt"', 15, "there is no [parts.paymnt]"),
        ('again = "sale"', 'again = "sail"', 21, 'no step before this is called "sail"'),
        ("{sale.original}", "{later.original}", 22, "nothing is called {later.original} here"),
        ('equals = { 39 = "00" }', 'equal = { 39 = "00" }', 18, 'unknown key "equal"'),
        ('like = "payment"', 'like = "payment"\nhang_up = true', 13, "a step has one of"),
        ('equals = { 39 = "00" }', 'form = { 38 = "[0-9" }', 18, "is no regular expression"),
        ('equals = { 39 = "00" }', 'mti = "210"', 18, '"210" is no MTI'),
        ('t = "0200"\n', "", 15, "a message has no MTI"),
        ('card = "9504010000090010"', 'stan = "1"', 6, "what each message has of its own"),
        ('id = "T1"', 'id = "T 1"', 11, '"T 1" is no id'),
        ('title = "Mine"', 'title = "Mine"\ndialect = "cmi88"', 3, "no dialect of this name; did you mean cmi87?"),
        ('title = "Mine"', 'title = "Mine"\nown = "{stan}"', 3, "no value is called {stan}"),
        ('card = "9504010000090010"', f"card = {'[' * 3_000}", 6, "nested deeper"),
    ],
)
def test_a_mistake_is_named_where_it_is(old: str, new: str, line: int, said: str) -> None:
    with pytest.raises(ConfigErrors) as found:
        parse_plan(PLAN.replace(old, new, 1), "mine.toml")
    assert f"mine.toml:{line}:" in str(found.value)
    assert said in str(found.value)


ODD = (
    *(
        "1",
        "-1",
        "1.5",
        "true",
        "[]",
        "[1]",
        '["a", 2]',
        "{}",
        "{ a = 1 }",
        '""',
        '"{"',
        '"{nope}"',
        '"{sale.original.x}"',
    ),
    *(
        "2026-01-01",
        '"\\u0000"',
        "nan",
        "99999999999999999999",
        '"[0-9"',
        '"(?P<x"',
        "[{}]",
        '"DE200"',
        '"{this.answer}"',
    ),
    f'"{"9" * 3_000}"',
)
LINES = ("x = 1", "[test]", "[[test]]", "[[test.step]]", "[values]", "parts = 3", "[[always]]", "[otherwise]", '"" = 1')


def broken(text: str, random: Random) -> str:
    """A plan with one to three mistakes of a kind that hands and programs make."""
    lines = text.split("\n")
    for _ in range(random.choice((1, 1, 2, 3))):
        at, kind = random.randrange(len(lines)), random.randrange(6)
        line = lines[at]
        quoted = list(re.finditer(r'"[^"]*"', line))
        if kind < 3 and quoted:
            value = random.choice(quoted)
            lines[at] = line[: value.start()] + random.choice(ODD) + line[value.end() :]
        elif kind == 3:
            lines.insert(at, random.choice(LINES))
        elif kind == 4:
            lines[at] = line[: random.randrange(len(line) + 1)]
        else:
            place = random.randrange(len(line) + 1)
            lines[at] = line[:place] + random.choice('"{}[]=#\\\0é.,') + line[place:]
    return "\n".join(lines)


def test_whatever_is_in_a_file_it_is_a_plan_or_its_mistakes_with_their_lines() -> None:
    random, mistakes = Random(21), list[Mistake]()
    texts = [path.read_text() for path in sorted(shipped("plans").glob("*.toml"))]
    for _ in range(100):
        text = broken(random.choice(texts), random)
        try:
            plan = parse_plan(text, "mine.toml")
        except ConfigErrors as errors:
            mistakes += errors.mistakes
        else:
            Words(plan.values).fill(plan.own)
    assert len(mistakes) > 100
    assert [
        m for m in mistakes if m.file != "mine.toml" or not m.message or not (m.line or m.message.startswith("has no"))
    ] == []


def test_a_plan_without_tests_is_none() -> None:
    with pytest.raises(ConfigErrors, match="has no"):
        parse_plan(PLAN[: PLAN.index("[[test]]")], "mine.toml")


@pytest.mark.parametrize(
    ("name", "said"), [("acquirer", "acquirer-basic, issuer-basic, pos"), ("no/such.toml", "No such file")]
)
def test_a_plan_that_is_not_there_is_said(name: str, said: str) -> None:
    with pytest.raises(ConfigErrors, match=said):
        load_plan(name)


@pytest.mark.parametrize("path", sorted(shipped("plans").glob("*.toml")), ids=lambda path: str(path.stem))
def test_each_shipped_plan_is_named_as_its_file_and_has_no_mistake(path: object) -> None:
    stem = str(path).rpartition("/")[2].removesuffix(".toml")
    assert load_plan(stem).name == stem
