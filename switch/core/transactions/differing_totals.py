"""Why a party's totals may differ from ours: what speaks for it in the numbers themselves.

In: both sides' totals by position (`core.records.totals`), and ours of the periods beside. Out: a few words. Banks count by rules
of their own: each such rule, applied to what was counted here, says what they would have come to; where that is what they said,
it is named. It is likely, not sure: who answers a difference looks at single payments.
"""

from collections.abc import Callable, Mapping
from typing import Final

from switch.core.records.totals import AMOUNTS, CREDIT, CREDIT_BACK, DEBIT, DEBIT_BACK, SIZE, net_of

Sums = tuple[int, ...]
"""Numbers, then amounts, of credits, purchases taken back, debits, refunds taken back."""
_PAIRS: Final = ((CREDIT, DEBIT), (CREDIT_BACK, DEBIT_BACK))
_UNITS: Final = (10, 100, 1_000)


def _swapped(sums: Sums, *pairs: tuple[int, int]) -> Sums:
    found = list(sums)
    for one, other in pairs:
        for base in (0, AMOUNTS):
            found[base + one], found[base + other] = sums[base + other], sums[base + one]
    return tuple(found)


def _below_zero(sums: Sums) -> Sums:
    """Refunds as purchases below zero, their numbers among those of purchases."""
    found = list(sums)
    for base, sign in ((0, 1), (AMOUNTS, -1)):
        found[base + DEBIT] += sign * found[base + CREDIT]
        found[base + CREDIT_BACK] += sign * found[base + DEBIT_BACK]
        found[base + CREDIT] = found[base + DEBIT_BACK] = 0
    return tuple(found)


_MINDS: Final[Mapping[str, Callable[[Sums], Sums]]] = {
    "credits and debits are the other way round": lambda sums: _swapped(sums, *_PAIRS),
    "DE75 and 77 are read the other way (`reversals` of its dialect)": lambda sums: _swapped(sums, _PAIRS[1]),
    "refunds are counted as purchases below zero": _below_zero,
}


def likely_cause(theirs: Sums, ours: Sums, beside: Mapping[str, Sums]) -> str:
    """Of two totals that differ, each with its net last. `beside`: ours of other periods, by name, without a net."""
    said, counted = theirs[: 2 * AMOUNTS], ours[: 2 * AMOUNTS]
    if said == counted:
        of_money = theirs[SIZE] == ours[SIZE]
        return "inquiries or holds" if of_money else "the sign or the sum of DE97 alone"
    for cause, mind in _MINDS.items():
        if said == mind(counted):
            return cause
    if any(counted):
        for name, sums in beside.items():
            if said == sums[: 2 * AMOUNTS]:
                return f"these are the totals of {name}"
    return _of_money(said, counted) or _plain(said, counted)


def _of_money(said: Sums, counted: Sums) -> str:
    """What the amounts alone speak for."""
    amounts, here = said[AMOUNTS:], counted[AMOUNTS:]
    stands = (here[CREDIT] - here[DEBIT_BACK], here[DEBIT] - here[CREDIT_BACK])
    nothing_back = not any(said[base + at] for base in (0, AMOUNTS) for at in (CREDIT_BACK, DEBIT_BACK))
    if nothing_back and (amounts[CREDIT], amounts[DEBIT]) == stands:
        return "what was taken back is left out, with what it takes back"
    if nothing_back and not amounts[CREDIT] and amounts[DEBIT] == stands[1] - stands[0]:
        return "only what stands is counted, refunds as purchases below zero"
    for unit in _UNITS:
        if amounts == tuple(unit * one for one in here) or here == tuple(unit * one for one in amounts):
            return f"amounts in another unit: {unit} times"
    return ""


def _plain(said: Sums, counted: Sums) -> str:
    back = {base + at for base in (0, AMOUNTS) for at in (CREDIT_BACK, DEBIT_BACK)}
    differing = {at for at, (there, here) in enumerate(zip(said, counted, strict=True)) if there != here}
    if net_of(said) == net_of(counted):
        return "a payment that was taken back, which one side has never seen approved"
    if differing <= back:
        return "what was taken back: late, and counted in its payment's day, or missing"
    numbers = any(at < AMOUNTS for at in differing)
    return "missing, doubled, or in another window" if numbers else "an amount"
