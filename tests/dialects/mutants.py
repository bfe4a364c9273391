"""Others' packagers and specs, changed: an attribute dropped, another class or length, a line moved; and what becomes of each.

`python -m tests.dialects.mutants [N]` changes N of them: import answers with a dialect or with mistakes, and whatever comes in
is right for the linter, loads, and writes messages that it reads back.
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Callable
from random import Random
from typing import Final

from switch.dialects import jpos_classes, kinds
from switch.dialects.foreign import Wanted
from switch.dialects.lint import lint
from switch.wire import Dialect
from switch.wire.element import Element
from tests.dialects import of_others as theirs
from tests.dialects.jpos_files import FORMS, POSTILION, POSTILION_127, xml
from tests.dialects.test_moov import ISO87
from tests.dialects.test_of_others import value

FILES: Final[dict[str, bytes]] = {
    **theirs.JPOS_FILES,
    **{name: content for name, (content, _) in theirs.JPOS_REFUSED.items()},
    **{name: xml(form) for name, form in FORMS.items()},
    "postpack": xml(POSTILION, POSTILION_127),
    **{name: text.encode() for name, text in {**theirs.JAVA, **theirs.J8583, **theirs.PYISO}.items()},
    "moov": json.dumps({"name": "m", "fields": ISO87}).encode(),
}
_CLASSES: Final = (*jpos_classes._CLASSES, *jpos_classes._UNLIKE, *jpos_classes.NAMES, "IFA_TTLLCHAR", "IFEMC_LLCHAR")
_SIZES: Final = (
    0,
    1,
    2,
    3,
    7,
    8,
    9,
    15,
    16,
    17,
    64,
    65,
    99,
    100,
    128,
    129,
    192,
    255,
    256,
    999,
    1_000,
    99_999,
    999_999,
    -1,
)
_ENCODINGS: Final = ("ASCII", "BCD", "LBCD", "EBCDIC", "EBCDIC1047", "Binary", "HexToASCII", "ASCIIToHex", "BerTLVTag")
_PREFIXES: Final = tuple(
    f"{of}.{form}" for of in ("ASCII", "BCD", "EBCDIC", "Binary", "Hex") for form in ("Fixed", "LL", "LLLL")
)
_TYPES: Final = (
    "String",
    "Numeric",
    "Binary",
    "Bitmap",
    "Composite",
    "Track2",
    "Hex",
    "NUMERIC",
    "ALPHA",
    "LLVAR",
    "LLLBIN",
    "TIME",
)
_CHANGES: Final[tuple[tuple[str, Callable[[Random, str], str]], ...]] = (
    (r'\s\w+="[^"]*"', lambda rng, was: ""),
    (r"IF[A-Z]*_\w+", lambda rng, was: rng.choice(_CLASSES)),
    (r'(?<=[\s":(,])\d+(?=[\s",)}])', lambda rng, was: str(rng.choice(_SIZES))),
    (r'"(?:ASCII|BCD|Binary|HexToASCII)"', lambda rng, was: f'"{rng.choice(_ENCODINGS)}"'),
    (r'"(?:ASCII|BCD|Binary|Hex)\.\w+"', lambda rng, was: f'"{rng.choice(_PREFIXES)}"'),
    (r'(?<=type[=:])\s?"\w+"', lambda rng, was: f'"{rng.choice(_TYPES)}"'),
    (r'"\w+":\s*(?:"[^"]*"|\d+|true|false),?\s*', lambda rng, was: rng.choice(("", was + was))),
    (r'="(?:true|false)"', lambda rng, was: f'="{rng.choice(("true", "false", "yes", ""))}"'),
)
"""What is looked for, and what stands there then."""


def changed(text: str, rng: Random) -> str:
    """A file with one to three changes."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        pattern, change = rng.choice(_CHANGES)
        if rng.random() < 1 / (len(_CHANGES) + 1):
            lines = text.split("\n")
            n, other = rng.randrange(len(lines)), rng.randrange(len(lines))
            lines[n], lines[other] = rng.choice(((lines[other], lines[n]), ("", lines[other]), (lines[n], lines[n])))
            text = "\n".join(lines)
            continue
        places = list(re.finditer(pattern, text))
        if places:
            at = rng.choice(places)
            text = text[: at.start()] + change(rng, at[0]) + text[at.end() :]
    return text


def one(name: str, content: bytes, rng: Random) -> str:
    """`refused` or `came`; AssertionError: what came is no dialect that can be used."""
    wanted = Wanted("x", skip=rng.random() < 0.5, header_bytes=rng.choice((0, 5)))
    found = kinds.read(name, content, wanted, None)
    assert found.text or found.mistakes
    assert all(mistake.render() for mistake in (*found.mistakes, *found.notes))
    if not found.text:
        return "refused"
    assert not lint("x.json", found.text.encode())
    dialect = Dialect.from_spec(json.loads(found.text), "x.json")
    keys = [key for key in dialect.elements if key.isdecimal() and key not in ("1", "65")]
    for _ in range(2):
        document = {key: _value(dialect.elements[key], rng) for key in rng.sample(keys, min(len(keys), 9))}
        size = dialect.elements["h"].size if "h" in dialect.elements else 0
        header = {"h": dialect.header or "00" * size} if size else {}
        document = {**header, "t": "0200", **document}
        back = dialect.decode(dialect.encode(document))
        assert {key: got for key, got in back.items() if key not in ("p", "1")} == document, document
    return "came"


def _value(e: Element, rng: Random) -> str:
    """A value of an element; digits in half bytes that nothing fills are even in number."""
    made = value(e, rng)
    if e.nibbles and not e.length_bytes:
        return made.ljust(e.digits, "0")
    return (
        made + "0" * (len(made) % 2)
        if e.nibbles and not e.left_pad and not e.right_pad and len(made) < e.digits
        else made
    )


def run(count: int, seed: int) -> Counter[str]:
    """So many changed files; the sum of what became of them."""
    rng, names = Random(seed), sorted(FILES)
    tally = Counter[str]()
    for number in range(count):
        name = names[number % len(names)]
        content = changed(FILES[name].decode(), rng).encode("utf-8", "replace")
        try:
            tally[one(name, content, rng)] += 1
        except Exception as error:
            error.add_note(f"{name}, number {number} of seed {seed}:\n{content.decode()}")
            raise
    return tally


def main() -> None:
    """Change as many as are asked for."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000
    sys.stdout.write(f"{dict(run(count, count))}\n")


if __name__ == "__main__":
    main()
