"""Two faults as partners have them: sizes, lengths and codings that other specifications give an element, with values that fit.

`python -m tests.doctor.natural` counts how many are named. It is drawn apart from `drawn.py`, whose faults are by one and by
three wherever they fall and filled with one letter: what is done for the one must not be paid by the other.
"""

import sys
from collections import Counter
from collections.abc import Iterator
from random import Random

import msgspec

from switch.doctor.forms import ASCII
from switch.wire import Dialect, Document
from switch.wire.element import Element
from tests.doctor.drawn import drawn
from tests.doctor.planted import Planted, examined, names, written
from tests.doctor.sent import SHIPPED

CASES = 60
DIALECTS = ("cmi87", "ascii87", "base24", "mastercard", "iso93")
"""Those in which a character is a byte, so that one form fits all."""


def _fixed(e: Element, size: int) -> Element:
    return msgspec.structs.replace(e, length_bytes=0, length=None, length_bcd=False, size=size)


def _led(e: Element, digits: int, dialect: Dialect) -> Element:
    charset = dialect.elements["2"].length or ASCII
    size = max(e.size, 10 ** min(digits, 3) - 1)
    return msgspec.structs.replace(e, length=charset, length_bcd=False, length_bytes=digits, size=size)


def natural(key: str, dialect: Dialect, document: Document, rng: Random) -> tuple[Element, str] | None:
    """Another form that the element has elsewhere, and its value in it."""
    e, value = dialect.elements[key], document[key]
    digits = "".join(rng.choice("0123456789") for _ in range(16))
    forms = {
        "4": [(_fixed(e, 13), "0" + value), (_fixed(e, 10), value[-10:]), (_fixed(e, 16), "0000" + value)],
        "7": [(_fixed(e, 12), "26" + value), (_fixed(e, 14), "2026" + value)],
        "11": [(_fixed(e, 12), "000000" + value), (_fixed(e, 9), "001" + value), (_fixed(e, 8), "00" + value)],
        "12": [(_fixed(e, 12), "260615" + value), (_fixed(e, 14), "20260615" + value)] if len(value) == 6 else [],
        "13": [(_fixed(e, 6), "26" + value), (_fixed(e, 8), "2026" + value)] if len(value) == 4 else [],
        "14": [(_fixed(e, 6), "20" + value)],
        "22": [(_fixed(e, 4), value + "0"), (_fixed(e, 4), "0" + value)] if len(value) == 3 else [],
        "25": [(_fixed(e, 4), "00" + value)] if len(value) == 2 else [],
        "32": [
            (_fixed(e, 11), value.rjust(11, "0")),
            (_led(e, 3, dialect), value),
            (_fixed(e, 6), value[-6:].rjust(6, "0")),
        ],
        "37": [(_fixed(e, 15), value + digits[:3]), (_led(e, 2, dialect), value), (_fixed(e, 20), value + digits[:8])],
        "38": [(_fixed(e, 8), value.ljust(8)), (_led(e, 2, dialect), value)],
        "39": [(_fixed(e, len(value) + 1), "0" + value)],
        "41": [
            (_fixed(e, 16), value.strip().ljust(16)),
            (_led(e, 2, dialect), value.strip()),
            (_fixed(e, 10), value[:8] + "01"),
        ],
        "42": [(_fixed(e, 16), "0" + value), (_led(e, 2, dialect), value.strip()), (_fixed(e, 20), value.ljust(20))],
        "43": [
            (_led(e, 2, dialect), value.strip()),
            (_fixed(e, 44), value[:38] + "    MA"),
            (_led(e, 3, dialect), value),
        ],
        "48": [(_led(e, 2, dialect), value[:90]), (_led(e, 4, dialect), value)],
        "49": [(_fixed(e, 4), "0" + value)],
        "54": [(_led(e, 2, dialect), value)],
        "55": [(_led(e, 4, dialect), value)],
    }
    chosen = [pair for pair in forms.get(key, []) if (pair[0].length_bytes, pair[0].size) != (e.length_bytes, e.size)]
    return rng.choice(chosen) if chosen else None


def cases(name: str, count: int = CASES) -> Iterator[Planted]:
    """Messages with two elements, not neighbours, each in a form it has elsewhere."""
    rng, dialect = Random(f"natural {name}"), SHIPPED[name]
    made = 0
    while made < count:
        document = drawn(dialect, rng)
        bent: dict[str, Element] = {}
        for key in rng.sample([k for k in document if k.isdecimal()], len(document) - 2):
            form = natural(key, dialect, document, rng)
            if form is not None and all(abs(int(key) - int(other)) > 3 for other in bent):
                bent[key], document[key] = form
            if len(bent) == 2:
                for planted in written("two natural faults", dialect, document, bent):
                    made += 1
                    yield planted
                break


def main() -> None:
    """Run them all."""
    for name in DIALECTS:
        found = Counter(names(planted, examined(planted, "bare")) for planted in cases(name))
        sys.stdout.write(f"{name:12}{found['first']:5}{found['listed']:5}{found['no']:5}\n")


if __name__ == "__main__":
    main()
