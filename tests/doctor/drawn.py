"""Faults planted by chance: 33 messages of each kind in each shipped dialect, drawn from a seed, pasted bare and framed.

`python -m tests.doctor.drawn` counts for each kind and dialect how many are named first, or among three. A message here has
other elements and values each time, as a day's traffic has.
"""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from random import Random

from switch.wire import Dialect, Document
from switch.wire.element import Element
from tests.doctor.planted import BENDS, Planted, examined, names, written
from tests.doctor.sent import SHIPPED, documents

CASES = 33
_NAMES = ("EPICERIE DU PORT", "PHARMACIE AL AMAL", "HOTEL ATLAS", "SNACK BAB DOUKKALA", "MARJANE HAY RIAD")
_CITIES = ("CASABLANCA", "RABAT", "FES", "TANGER")


def drawn(dialect: Dialect, rng: Random) -> Document:
    """A message with values of its own."""
    document = dict(rng.choice(documents(dialect)))
    day = f"{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
    time = f"{rng.randint(0, 23):02d}{rng.randint(0, 59):02d}{rng.randint(0, 59):02d}"
    dated = dialect.family == "iso93"
    pan, expiry = f"5047{rng.randrange(10**12):012d}", f"{rng.randint(27, 31)}{rng.randint(1, 12):02d}"
    split = "D" if "D" in document.get("35", "") else "="
    values = {
        "2": pan,
        "4": f"{rng.randrange(100, 10**6):012d}",
        "7": day + time,
        "11": f"{rng.randrange(1, 10**6):06d}",
        "12": f"26{day}{time}" if dated else time,
        "13": expiry if dated else day,
        "14": expiry,
        "18": rng.choice(("5411", "5812", "7011", "5912")),
        "32": f"5041{rng.randint(1, 99):02d}",
        "35": f"{pan}{split}{expiry}2010000012300000",
        "37": f"6{rng.randrange(10**11):011d}",
        "38": f"{rng.randrange(10**6):06d}",
        "42": f"{rng.randrange(10**12):015d}",
        "43": f"{rng.choice(_NAMES):<25}{rng.choice(_CITIES):<13}MA",
    }
    if len(document.get("41", "")) == len("POS00017"):
        values["41"] = f"T{rng.randrange(10**7):07d}"
    return document | {key: value for key, value in values.items() if key in document}


def one(kind: str) -> Callable[[Dialect, Random], Iterator[Planted]]:
    """One element in another form."""

    def plant(dialect: Dialect, rng: Random) -> Iterator[Planted]:
        document = drawn(dialect, rng)
        for key in rng.sample([k for k in document if k.isdecimal()], len(document) - 2):
            made = BENDS[kind](dialect.elements[key], dialect)
            if made is not None:
                yield from written(kind, dialect, document, {key: made})
                return

    return plant


def two(dialect: Dialect, rng: Random) -> Iterator[Planted]:
    """Two elements that are not neighbours, each in another form."""
    document = drawn(dialect, rng)
    made: dict[str, Element] = {}
    for key in rng.sample([k for k in document if k.isdecimal()], len(document) - 2):
        bent = rng.choice(list(BENDS.values()))(dialect.elements[key], dialect)
        if bent is not None and all(abs(int(key) - int(other)) > 3 for other in made):
            made[key] = bent
        if len(made) == 2:
            yield from written("two faults", dialect, document, made)
            return


KINDS: dict[str, Callable[[Dialect, Random], Iterator[Planted]]] = {
    **{kind: one(kind) for kind in BENDS},
    "two faults": two,
}


def cases(kind: str, dialect: Dialect, count: int = CASES) -> Iterator[Planted]:
    """So many messages with a fault of a kind; fewer where the dialect has no element that can have it."""
    rng = Random(f"{kind} {dialect.name}")
    made = 0
    for _ in range(4 * count):
        for planted in KINDS[kind](dialect, rng):
            yield planted
            made += 1
        if made >= count:
            return


def counted(kind: str, dialect: Dialect, how: str, count: int = CASES) -> Counter[str]:
    """How many are named `first`, `listed`, or not (`no`)."""
    return Counter(names(planted, examined(planted, how)) for planted in cases(kind, dialect, count))


def main() -> None:
    """Run them all."""
    for kind in KINDS:
        for how in ("bare", "framed"):
            for dialect in SHIPPED.values():
                found = counted(kind, dialect, how)
                if found:
                    row = f"{found['first']:5}{found['listed']:5}{found['no']:5}"
                    sys.stdout.write(f"{kind:22}{how:7}{dialect.name:12}{row}\n")
                    sys.stdout.flush()


if __name__ == "__main__":
    main()
