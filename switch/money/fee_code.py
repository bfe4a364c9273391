"""The lines of a plan as one function: what is the same for all payments of a kind is decided once, and no loop is left.

In: lines made ready (`Line`). Out: amount and DE42 -> `Fee`s. Functions are written for a *shape* (which line has a percentage, a
bound, a tax …) and hold the numbers of their lines; there are few shapes, and each is compiled once. `tests/money/test_splits.py`
holds what they say against plain arithmetic.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Final, NamedTuple

from switch.money.fee_line import MERCHANT_ACCOUNT, Fee

Priced = Callable[[int, str], tuple[Fee, ...]]
"""(minor units of the payment's currency, DE42) -> what it costs"""
SHAPES_MAX: Final = 512


class Line(NamedTuple):
    """A rule made ready for one kind of payment and one direction: whole numbers only."""

    whole: Fee | None
    """all of it, where the amount and the merchant change nothing"""
    rule: str
    kind: str
    payer: str
    payee: str
    """"": the merchant's account, which each payment has its own of"""
    fixed: int
    after: int
    before: int
    """twice the numerators of what this pair owes by percentage with this line and before it"""
    half: int
    double: int
    """once and twice their denominator"""
    least: int
    most: int
    """bounds; -1: none"""
    vat: int
    vat_half: int
    """twice the tax's numerator, and its denominator"""
    sign: int


def compiled(lines: tuple[Line, ...], acquirer: str) -> Priced:
    """The function of these lines. `acquirer`: whose account stands for the merchant's where there is no DE42."""
    make = _maker(tuple(_shape(line) for line in lines))
    function: Priced = make(Fee, acquirer, lines)
    return function


class _Shape(NamedTuple):
    """What decides how a line is computed."""

    whole: bool
    percent: bool
    before: bool
    least: bool
    most: bool
    vat: bool
    pays: bool
    gets: bool
    """the merchant"""
    back: bool


def _shape(line: Line) -> _Shape:
    return _Shape(
        line.whole is not None,
        bool(line.after),
        bool(line.before),
        line.least >= 0,
        line.most >= 0,
        bool(line.vat),
        not line.payer,
        not line.payee,
        line.sign < 0,
    )


@lru_cache(maxsize=SHAPES_MAX)
def _maker(shapes: tuple[_Shape, ...]) -> Callable[[type[Fee], str, tuple[Line, ...]], Priced]:
    """Makes the functions of lines of these shapes."""
    held, body, made = [], [], []
    for n, shape in enumerate(shapes):
        held.append(
            f"    whole{n}, rule{n}, kind{n}, payer{n}, payee{n}, fixed{n}, after{n}, before{n}, half{n}, double{n}, "
        )
        held[-1] += f"least{n}, most{n}, vat{n}, vat_half{n}, _ = lines[{n}]"
        if shape.whole:
            made.append(f"whole{n}")
            continue
        body += _value(n, shape)
        sign = "-" if shape.back else ""
        tax = f"{sign}((v{n} * vat{n} + vat_half{n}) // (2 * vat_half{n}))" if shape.vat else "0"
        payer, payee = "own" if shape.pays else f"payer{n}", "own" if shape.gets else f"payee{n}"
        made.append(f"Fee(rule=rule{n}, kind=kind{n}, payer={payer}, payee={payee}, amount={sign}v{n}, vat={tax})")
    account = f"        own = {MERCHANT_ACCOUNT!r} + (merchant or acquirer)"
    own = [account] if any(s.pays or s.gets for s in shapes) else []
    text = [
        "def make(Fee, acquirer, lines):",
        *held,
        "    def fees(amount, merchant):",
        *own,
        *(f"        {line}" for line in body),
        f"        return ({', '.join(made)}{',' if made else ''})",
        "    return fees",
    ]
    room: dict[str, Callable[[type[Fee], str, tuple[Line, ...]], Priced]] = {}
    exec("\n".join(text), room)  # noqa: S102 - of names of ours and numbers of lines alone
    return room["make"]


def _value(n: int, shape: _Shape) -> list[str]:
    """Statements that make `vN` of the amount: half away from zero, cut from what the pair owes in sum, then bounded."""
    terms = f"fixed{n}"
    if shape.percent:
        terms += f" + (amount * after{n} + half{n}) // double{n}"
    if shape.before:
        terms += f" - (amount * before{n} + half{n}) // double{n}"
    made = [f"v{n} = {terms}"]
    if shape.least:
        made += [f"if v{n} < least{n}:", f"    v{n} = least{n}"]
    if shape.most:
        made += [f"if v{n} > most{n}:", f"    v{n} = most{n}"]
    return made
