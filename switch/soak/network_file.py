"""A network file made ready for a soak: nobody waits long in it, and each link leads where it can be broken. Pure.

In: the text of a valid network file, however it is written. Out: the same text with other values.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from switch.config.positions import Index, Path, scan
from switch.core.network import Address

QUICK: Final = {
    "timeout_ms": "2_000",
    "retry_ms": "2_000",
    "backoff_min_ms": "100",
    "backoff_max_ms": "1_000",
    "echo_s": "5",
}
"""of every [[host]]"""


def hurried(text: str) -> str:
    """The file with hosts that have 2 s to answer, and links and repeats that are tried again soon."""
    index = scan(text)
    return _changed(index, {(*host, key): value for host in _tables(index, "host") for key, value in QUICK.items()})


def led_through(text: str, addresses: Mapping[Address, Address], table: str, key: str) -> str:
    """The file with `key` of each [[table]], where it is one of `addresses`, leading to what that stands for."""
    index = scan(text)
    values: dict[Path, str] = {}
    for path in _tables(index, table):
        start, end = index.value((*path, key))
        said = text[start:end].strip("\"'")
        values |= {(*path, key): f'"{to}"' for address, to in addresses.items() if str(address) == said}
    return _changed(index, values)


def _tables(index: Index, name: str) -> Iterator[Path]:
    """The paths of an array of tables."""
    number = 0
    while (name, number) in index.spans:
        yield name, number
        number += 1


def _changed(index: Index, values: Mapping[Path, str]) -> str:
    """The text with these values; a key that is not there becomes the first of its table."""
    text, edits = index.text, list[tuple[int, int, str]]()
    for path, value in values.items():
        span = index.spans.get(path)
        if span is not None:
            edits.append((span.value_start, span.value_end, value))
            continue
        table = index.spans[path[:-1]]
        inline = text[table.value_start : table.value_start + 1] == "{"
        at = table.value_start + 1 if inline else table.key_end
        edits.append((at, at, f"{path[-1]} = {value}, " if inline else f"\n{path[-1]} = {value}"))
    for start, end, value in sorted(edits, key=lambda edit: edit[0], reverse=True):
        text = text[:start] + value + text[end:]
    return text
