"""What is in a journal's database, judged by code that is not the switch's: read by psql, cut and chained by hand."""

import hashlib
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

from switch.core.records.records import SCHEMA
from switch.journal.log import Log, segments
from switch.journal.recovery import journal_directory


class Database(Protocol):
    """What psql is asked of."""

    def ask(self, statement: str) -> str:
        """Rows, columns parted by `|`."""


class Row(NamedTuple):
    """One of `cmi_switch_log`."""

    first: int
    last: int
    epoch: int
    chain: bytes
    payloads: list[bytes]


def rows_of(database: Database, journal: str) -> Iterator[Row]:
    """Read by psql, and cut by hand."""
    columns = "first, last, epoch, encode(chain, 'hex'), encode(lengths, 'hex'), encode(body, 'hex')"
    asked = f"SELECT {columns} FROM cmi_switch_log WHERE journal = '{journal}' ORDER BY first"
    for line in database.ask(asked).splitlines():
        first, last, epoch, chain, lengths, body = line.split("|")
        packed, whole = bytes.fromhex(lengths), bytes.fromhex(body)
        payloads, at = list[bytes](), 0
        for size in struct.unpack(f">{len(packed) // 4}I", packed):
            payloads.append(whole[at : at + size])
            at += size
        assert at == len(whole), f"record {first}: lengths do not add up to the body"
        yield Row(int(first), int(last), int(epoch), bytes.fromhex(chain), payloads)


def check_log(database: Database, journal: str, secret: bytes) -> dict[int, bytes]:
    """Each record once, epochs rising, the chain whole. Returns the records by number."""
    records: dict[int, bytes] = {}
    chain, epoch, expected = bytes(16), 0, 1
    for row in rows_of(database, journal):
        assert row.first == expected, f"record {expected} is missing, or there twice"
        assert row.last == row.first + len(row.payloads) - 1
        assert row.epoch >= epoch, f"record {row.first} is of epoch {row.epoch}, after one of {epoch}"
        running = hashlib.blake2b(chain, digest_size=16, key=secret)
        running.update(struct.pack(">QI", row.first, len(row.payloads)))
        for payload in row.payloads:
            running.update(struct.pack(">I", len(payload)) + payload)
        assert running.digest() == row.chain, f"the chain is broken at record {row.first}"
        records.update(enumerate(row.payloads, row.first))
        chain, epoch, expected = row.chain, row.epoch, row.last + 1
    owner = database.ask(f"SELECT last, encode(chain, 'hex'), epoch FROM cmi_switch_owner WHERE journal = '{journal}'")
    last, said, newest = owner.split("|")
    ends = int(last), bytes.fromhex(said)
    assert ends == (expected - 1, chain), f"the log ends with record {expected - 1}, and its owner's row says {last}"
    assert int(newest) >= epoch
    return records


def check_files(state: Path, records: dict[int, bytes]) -> int:
    """What a node was told is durable, it has in its files: all of it is in the database, the same. Returns how many."""
    directory = journal_directory(state)
    count = 0
    for _, found in Log(directory, SCHEMA, segments(directory)):
        assert records.get(found.sequence) == found.payload, f"{state}: record {found.sequence} is another one"
        count += 1
    return count
