"""Records as a switch makes them, a disk that fails on demand, and a journal written without a process."""

import errno
import os
import select
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import msgspec

from switch.core.records.outcomes import Outcome
from switch.core.records.records import (
    ENCODER,
    SCHEMA,
    Abandoned,
    Answered,
    AnyEntry,
    Booted,
    Declined,
    Delivered,
    Forwarded,
    Key,
    Owed,
    Snapshot,
    StoodIn,
)
from switch.journal.disk import Disk, RealDisk
from switch.journal.feed import Feed
from switch.journal.head import CopyPort, head_path, read_slots
from switch.journal.history import IndexHistory
from switch.journal.index import Index
from switch.journal.log import GENESIS, Log, Place
from switch.journal.recovery import journal_directory
from switch.journal.segment_writer import Chunk, Home, SegmentWriter
from switch.security.vault import KeyVault, Vault

PAN = "4000012345678997"
MASKED = "400001******8997"
START_US = 1_764_072_000_000_000
VAULT = KeyVault(bytes(32), b"test")


def key(n: int, mti_class: str = "2") -> Key:
    return ("100001", mti_class, f"{n % 1_000_000:06d}", "1125120000", "100001", "TERM0001")


def forwarded(n: int, vault: Vault = VAULT) -> Forwarded:
    return Forwarded(
        txn=n,
        at_us=START_US + n,
        key=key(n),
        link="acquirers",
        host="bank-a",
        route="domestic",
        mti="0200",
        stan=f"{n % 1_000_000:06d}",
        sent_at="1125120000",
        pan=MASKED,
        sealed=vault.seal(PAN, n),
        amount=12_345,
        currency="504",
        elements={"3": "000000", "22": "051", "37": f"{n:012d}", "41": "TERM0001", "49": "504"},
    )


def answered(n: int, de39: str = "00") -> Answered:
    return Answered(txn=n, at_us=START_US + n, de39=de39, elements={"38": "123456"}, cost=7)


def declined(n: int) -> Declined:
    return Declined(
        txn=n,
        at_us=START_US + n,
        key=key(n),
        link="acquirers",
        mti="0200",
        pan=MASKED,
        amount=500,
        currency="504",
        rrn=f"{n:012d}",
        de39="15",
        reason="no such issuer",
    )


def owed(n: int, original: int, reason: str = "acquirer") -> Owed:
    asked = key(n, "4") if reason == "acquirer" else ("", "4", f"{n % 1_000_000:06d}", "1125120000", "", "")
    return Owed(
        txn=n,
        at_us=START_US + n,
        kind="reversal",
        reason=reason,
        host="bank-a",
        original=original,
        key=asked,
        link="acquirers",
        pan=MASKED,
        sealed=VAULT.seal(PAN, n),
        amount=12_345,
        currency="504",
        message={"t": "0420", "11": f"{n % 1_000_000:06d}", "37": f"{n:012d}"},
        undoes=key(original),
    )


def delivered(n: int) -> Delivered:
    return Delivered(txn=n, at_us=START_US + n, de39="00")


def abandoned(n: int) -> Abandoned:
    return Abandoned(txn=n, at_us=START_US + n, de39="91", reason="link lost")


def stood_in(n: int) -> StoodIn:
    """A payment approved while its issuer was away; the advice is transaction n + 1."""
    request = msgspec.structs.replace(forwarded(n), route="stand-in")
    advice = Owed(
        txn=n + 1,
        at_us=START_US + n,
        kind="advice",
        reason="stand-in",
        host="bank-a",
        original=n,
        key=("", "1", request.stan, request.sent_at, "", ""),
        link="acquirers",
        pan=MASKED,
        sealed=request.sealed,
        amount=12_345,
        currency="504",
        message={"t": "0120", "11": request.stan, "37": f"{n:012d}", "38": "S00001", "39": "00"},
    )
    return StoodIn(
        request=request, de39="00", elements={"38": "S00001"}, advice=advice, card=VAULT.digest(PAN), product="debit"
    )


def booted() -> Booted:
    return Booted(at_us=START_US, schema=SCHEMA, network="morocco")


def snapshot(last_txn: int, still_open: Iterable[Forwarded] = (), still_owed: Iterable[Owed] = ()) -> Snapshot:
    return Snapshot(
        at_us=START_US,
        schema=SCHEMA,
        network="morocco",
        last_txn=last_txn,
        open=tuple(still_open),
        owed=tuple(still_owed),
        stans={"bank-a": 9},
        horizons={},
    )


def day(payments: int, first: int = 1) -> list[AnyEntry]:
    """A day's records: of every ten payments one is refused, one abandoned, one times out and one is reversed later."""
    entries: list[AnyEntry] = [booted()] if first == 1 else []
    for n in range(first, first + payments * 2, 2):
        match (n // 2) % 10:
            case 0:
                entries.append(declined(n))
            case 1:
                entries += [forwarded(n), abandoned(n)]
            case 2:
                entries += [forwarded(n), owed(n + 1, n, "timeout"), delivered(n + 1)]
            case 3:
                entries += [forwarded(n), answered(n), owed(n + 1, n)]
            case 4:
                entries += [forwarded(n), answered(n, "51")]
            case _:
                entries += [forwarded(n), answered(n)]
    return entries


def open_writer(
    state: Path,
    after: int = 0,
    chain: bytes = GENESIS,
    disk: Disk | None = None,
    bound: int = 64 << 20,
    schema: int = SCHEMA,
    copy: CopyPort | None = None,
) -> SegmentWriter:
    os.makedirs(journal_directory(state), exist_ok=True)
    return SegmentWriter(
        Home(journal_directory(state), "morocco", schema), after, chain, disk or RealDisk(), bound=bound, copy=copy
    )


def write(writer: SegmentWriter, entries: Iterable[AnyEntry], batch: int = 1) -> None:
    """Append after what the writer has; a flush every `batch` records."""
    waiting: list[bytes] = []

    def give() -> None:
        if waiting:
            writer.add(Chunk(writer.durable + 1, list(waiting), snapshot=False))
            writer.flush()
            waiting.clear()

    for entry in entries:
        if isinstance(entry, Snapshot):
            give()
            writer.add(Chunk(writer.durable + 1, [ENCODER.encode(entry)], snapshot=True))
            writer.flush()
            continue
        waiting.append(ENCODER.encode(entry))
        if len(waiting) == batch:
            give()
    give()


def written(
    state: Path, entries: Iterable[AnyEntry], batch: int = 1, close: bool = True, bound: int = 64 << 20
) -> Path:
    """A journal with these records; the path of its newest segment. `close` False: as a kill leaves it."""
    writer = open_writer(state, bound=bound)
    write(writer, entries, batch)
    if close:
        writer.close()
    return newest(state)


def catch_up(state: Path) -> None:
    """Have the index of this journal know all of it."""
    with closing(Index(state)) as index:
        index.catch_up()


def find_outcome(state: Path, key: Key) -> Outcome | None:
    """What the history of this journal knows of a key."""
    with closing(IndexHistory(state)) as history:
        return history.find(key)


def read_head(directory: str) -> Place | None:
    """Up to where the log was acknowledged, as its head says; None: it has none."""
    found = read_slots(head_path(directory))
    return found.place if found else None


def newest(state: Path) -> Path:
    """The segment made last."""
    return max(Path(journal_directory(state)).glob("*.log"), key=lambda p: int(p.name.split(".")[1]))


class FailingDisk(RealDisk):
    """The real disk until told otherwise. What was never synced is lost in `power_cut`."""

    def __init__(self) -> None:
        self.fail_sync_in = -1
        self.fail_write_in = -1
        self.room = 1 << 60
        self.syncs = 0
        self.synced: dict[int, bytes] = {}
        self.paths: dict[int, str] = {}

    def create(self, path: str) -> int:
        fd = super().create(path)
        self.paths[fd] = path
        self.synced[fd] = b""
        return fd

    def write(self, fd: int, data: bytes, offset: int) -> int:
        self.fail_write_in -= 1
        if self.fail_write_in == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        if self.room <= 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        done = super().write(fd, data[: self.room], offset)
        self.room -= done
        return done

    def sync(self, fd: int) -> None:
        self.syncs += 1
        self.fail_sync_in -= 1
        if self.fail_sync_in == 0:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        self.synced[fd] = Path(self.paths[fd]).read_bytes()

    def power_cut(self) -> None:
        """Files hold what was synced, and no more."""
        for fd, path in self.paths.items():
            if os.path.exists(path):
                Path(path).write_bytes(self.synced[fd])


def payloads(state: Path) -> list[bytes]:
    """Of all records of the journal there, as they lie."""
    return [record.payload for _, record in Log(journal_directory(state), SCHEMA)]


def wait_durable(feed: Feed, position: int) -> None:
    """Drive the feed as the driver does until `position` is durable. Fails after ten seconds without news."""
    while not feed.push() or feed.acknowledged() < position:
        assert select.select([feed], [], [], 0 if feed.unacknowledged == 0 else 10)[0], "no acknowledgement"
