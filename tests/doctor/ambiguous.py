"""Of two planted faults that are not named first: do the bytes tell no more, or is the search or its order weak?

`python -m tests.doctor.ambiguous` sorts all of `drawn` (120 of 256 first, 135 ambiguous, 1 weak) and `natural` (151 of 300 first,
145 ambiguous, 4 weak). Ambiguous is a message whose very same bytes another pair,
or one element alone, explains at least as likely; weak is one whose own pair is not found, or is likeliest and yet not first.
"""

import sys
from collections import Counter
from collections.abc import Iterator

from switch.doctor.envelopes import NOTHING, Cut
from switch.doctor.fields import explanations
from switch.doctor.suspects import Suspect
from switch.doctor.tables import own, walk
from tests.doctor import drawn, natural
from tests.doctor.planted import Planted, examined, names
from tests.doctor.sent import SHIPPED

_SAME = 1e-4


def sorted_out(planted: Planted) -> str:
    """`first`, `ambiguous` or `weak`; the latter two with what the doctor says of it: `listed` or `no`."""
    said = names(planted, examined(planted, "bare"))
    if said == "first":
        return said
    ranks = _ranks(planted)
    mine = ranks.get(frozenset(planted.keys))
    others = max((rank for keys, rank in ranks.items() if keys != frozenset(planted.keys)), default=0.0)
    ambiguous = mine is not None and others >= mine * (1 - _SAME)
    return f"{'ambiguous' if ambiguous else 'weak'}, {said}"


def _ranks(planted: Planted) -> dict[frozenset[str], float]:
    """How likely each explanation of the bytes is, by the elements it names."""
    spoken, data = own(planted.dialect), planted.message
    read = walk(spoken.table, data, spoken.header)
    cut = Cut(NOTHING, ((0, len(data)),), (0,), None, 0, 0)
    suspect = Suspect(cut, spoken, spoken.header, len(data), spoken.header, read, 1.0)
    found: dict[frozenset[str], float] = {}
    for keys, rank in explanations(data, suspect):
        found[frozenset(keys)] = max(rank, found.get(frozenset(keys), 0.0))
    return found


def counted(cases: Iterator[Planted]) -> Counter[str]:
    return Counter(sorted_out(planted) for planted in cases)


def main() -> None:
    """Sort out both sets."""
    for name, cases in (
        ("drawn", (p for d in SHIPPED.values() for p in drawn.cases("two faults", d))),
        ("natural", (p for d in natural.DIALECTS for p in natural.cases(d))),
    ):
        sys.stdout.write(f"{name}: {', '.join(f'{n} {what}' for what, n in sorted(counted(cases).items()))}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
