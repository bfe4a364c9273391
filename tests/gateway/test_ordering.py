"""The orders of field names: PHP's own natcasesort and JavaScript's own localeCompare say what they are."""

import json
import random
import subprocess

import pytest

from switch.gateway.protocol import ordering

ALPHABETS = ("abAB_.19 0", "abcXYZ019_.", "aA01 ", "a0123.", "TDS2.x_é0")
PHP = "$o=[];foreach(json_decode(stream_get_contents(STDIN)) as $x){natcasesort($x);$o[]=array_values($x);}echo json_encode($o);"
NODE = """const sort = l => l.sort((a, b) => a.localeCompare(b, undefined, {numeric: true, sensitivity: 'base'}));
console.log(JSON.stringify(JSON.parse(require('fs').readFileSync(0)).map(sort)))"""


def lists(seed: int, alphabets: tuple[str, ...], count: int) -> list[list[str]]:
    rng = random.Random(seed)
    return [["".join(rng.choices(rng.choice(alphabets), k=rng.randint(1, 9))) for _ in range(2)] for _ in range(count)]


def asked(command: list[str], names: list[list[str]]) -> list[list[str]]:
    told = subprocess.run(command, input=json.dumps(names), capture_output=True, text=True, check=True).stdout
    found: list[list[str]] = json.loads(told)
    return found


@pytest.mark.outside("php")
def test_natural_order_is_that_of_php() -> None:
    names = lists(1, ALPHABETS, 40_000)
    assert [ordering.natural(n) for n in names] == asked(["php", "-r", PHP], names)


@pytest.mark.outside("node")
def test_icu_order_is_that_of_node() -> None:
    names = lists(2, ("abcXYZ019_.", "BillTo12_", "a-b.1"), 20_000)
    assert [ordering.as_icu(n) for n in names] == asked(["node", "-e", NODE], names)


@pytest.mark.parametrize(
    ("names", "natural"),
    [
        (["BillToStreet12", "BillToStreet2"], ["BillToStreet2", "BillToStreet12"]),
        (["a_b", "aZ"], ["aZ", "a_b"]),
        (["a1", "a."], ["a.", "a1"]),
        (["b", "A", "a"], ["A", "a", "b"]),
        (["a.2", "a.010"], ["a.010", "a.2"]),
        (["07", "6"], ["6", "07"]),
        (["a b", "aa"], ["aa", "a b"]),
    ],
)
def test_natural_order(names: list[str], natural: list[str]) -> None:
    assert ordering.natural(names) == natural


def test_a_key_says_what_the_comparison_does() -> None:
    """Names without zeros inside and without blanks are ordered by keys, all others by comparing: both are one order."""
    for names in lists(3, ("abXY19_.é", "aA12"), 5_000):
        by_keys = ordering.natural(names)
        compared = [name for name in ordering.natural([*names, " "]) if name != " "]
        assert by_keys == compared, names
