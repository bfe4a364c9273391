"""Damaged copies of good inputs, the same for the same seed: what a fuzzer without coverage can do."""

from collections.abc import Iterator, Sequence
from random import Random
from typing import Final

ODD_BYTES: Final = bytes.fromhex(
    "00 01 02 03 0f 10 15 16 1a 1f 20 30 31 39 3d 40 44 60 7f 80 81 82 84 9f c3 c4 d0 f0 f9 fe ff"
)
"""Bytes that mean something somewhere: signs, digits, separators, TPDU and header marks, long lengths, tags that go on."""


def inputs(seeds: Sequence[bytes], seed: int) -> Iterator[bytes]:
    """Inputs without end."""
    random = Random(seed)
    pool = list(seeds)
    while True:
        data = bytearray(random.choice(pool))
        for _ in range(random.choice((1, 1, 1, 2, 3, 6))):
            _damage(random, data, pool)
        yield bytes(data[:4_096])


def _damage(random: Random, data: bytearray, pool: Sequence[bytes]) -> None:
    at = random.randrange(len(data) + 1)
    kind = random.randrange(9)
    if kind == 0 and data:
        data[at % len(data)] ^= 1 << random.randrange(8)
    elif kind == 1 and data:
        data[at % len(data)] = random.choice(ODD_BYTES)
    elif kind == 2 and data:
        data[at % len(data)] = random.randrange(256)
    elif kind == 3:
        del data[at:]
    elif kind == 4:
        del data[at : at + random.randrange(1, 5)]
    elif kind == 5:
        data[at:at] = bytes(random.choice(ODD_BYTES) for _ in range(random.randrange(1, 5)))
    elif kind == 6:
        data[at:at] = data[at : at + random.randrange(1, 40)]
    elif kind == 7:
        other = random.choice(pool)
        start = random.randrange(len(other) + 1)
        data[at:] = other[start:]
    elif data:
        i = at % len(data)
        data[i] = (data[i] + random.choice((-1, 1))) % 256
