"""A healthy link gets no advice: random valid messages of every dialect, rightly configured, split anywhere.

`python -m tests.doctor.healthy [--frames 1000000] [--seed 1]` counts; it stops at the first advice.
"""

import argparse
import sys
from random import Random

from switch.doctor.diagnosis import Configured, Verdict
from switch.wire import Dialect, Document
from switch.wire.element import Element
from switch.wire.framing import FRAMINGS, make_framing
from tests.doctor.sent import DIALECTS, DOCTOR, documents

TEXT = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789      -./'&,"
ENOUGH = ("7", "11")
SPLITS = 40
"""one stream in so many is looked at in pieces, too"""


def value(rng: Random, e: Element) -> str:
    """Any value an element may have."""
    size = rng.randint(1, min(e.digits, 60)) if e.length_bytes else e.digits
    if e.content == "b":
        size += size & 1 and (1 if size < e.digits or not e.length_bytes else -1)
        return "".join(rng.choices("0123456789ABCDEF", k=size))
    if e.content == "x+n":
        signs = ("C", "D") if e.text else ("C3", "C4")
        sign = rng.choice(signs)
        return sign + "".join(rng.choices("0123456789", k=size - len(sign)))
    if e.content == "z" and size > 20:
        track = "".join(rng.choices("0123456789", k=size - 1))
        return f"{track[:16]}{'=' if e.text else 'D'}{track[16:]}"
    if e.content in ("n", "z") or not e.text:
        size += size & 1 if not e.text and not e.nibbles else 0
        return "".join(rng.choices("0123456789", k=size))
    return "".join(rng.choices(TEXT, k=size))


def message(rng: Random, dialect: Dialect) -> Document:
    """A real message with some elements anew, or any elements at all."""
    document = dict(rng.choice(documents(dialect)))
    numbers = [k for k in dialect.elements if k.isdecimal() and k not in ("1", "65")]
    if rng.random() < 0.5:
        document = {k: v for k, v in document.items() if k in ("h", "t", *ENOUGH)}
        document["t"] = dialect.version + rng.choice("12348") + rng.choice("01234") + "0"
    for key in rng.sample(numbers, rng.randint(0, 12)):
        document[key] = value(rng, dialect.elements[key])
    return document


def stream(rng: Random, name: str, framing: str) -> tuple[bytes, int]:
    """Up to eight messages framed, a keep-alive between now and then; and how many they are."""
    dialect, made = DIALECTS[name], make_framing(framing)
    data, count = b"", rng.randint(1, 8)
    for number in range(count):
        wire = dialect.encode(message(rng, dialect))
        while framing == "stxetx" and b"\x03" in wire:
            wire = dialect.encode(message(rng, dialect))
        data += made.frame(wire)
        if number and framing == "length2" and rng.random() < 0.05:
            data += b"\0\0"
    return data, count


def choices() -> list[tuple[str, str]]:
    """Dialects, and the framings each may travel in."""
    found = []
    for name, dialect in DIALECTS.items():
        for framing in FRAMINGS:
            if framing in ("tpdu", "base1") and framing != dialect.framing:
                continue
            if framing == "stxetx" and name not in ("cmi87", "iso93"):
                continue
            found.append((name, framing))
    return found


def run(frames: int, seed: int) -> str:
    """Look at so many frames; "" where no advice was given, else what it was."""
    rng, pairs = Random(seed), choices()
    seen = 0
    while seen < frames:
        name, framing = rng.choice(pairs)
        data, count = stream(rng, name, framing)
        configured = Configured(framing, DIALECTS[name])
        pieces = [data]
        if rng.random() < 1 / SPLITS:
            pieces += [data[: rng.randint(1, len(data))] for _ in range(3)]
        for piece in pieces:
            findings = DOCTOR.examine(piece, configured)
            if findings.verdict not in (Verdict.HEALTHY, Verdict.READS, Verdict.UNFINISHED):
                return f"{name} in {framing}, {len(piece)} bytes: {findings.summary}: {findings.diagnoses[:1]}: {data.hex()}"
        seen += count
    return ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    advice = run(options.frames, options.seed)
    sys.stdout.write(f"{advice or f'{options.frames:,} frames, seed {options.seed}: no advice'}\n")
    sys.exit(bool(advice))


if __name__ == "__main__":
    main()
