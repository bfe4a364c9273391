"""The disk of a database's log is full: PostgreSQL ends by a PANIC, and nothing that was acknowledged is missing afterwards."""

import os
import shutil
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest

from switch.bench.servers import ServerError, cluster
from switch.journal.feed import Feed, WriterGone
from switch.journal.log import JournalError
from switch.journal.store.shared import SharedLog
from tests.e2e.stage import wait_for
from tests.journal.store.nodes import KEY, LIMITS, booted

pytestmark = [pytest.mark.outside("initdb"), pytest.mark.outside("psycopg", extra="postgresql")]


@pytest.mark.skipif(os.getuid() != 0, reason="mounts a small disk, as root")
def test_a_full_disk_of_the_log_ends_the_server_and_room_brings_back_all_that_was_acknowledged(tmp_path: Path) -> None:
    with cluster(standbys=0) as servers:
        primary = servers.primary
        primary.set(synchronous_standby_names="", min_wal_size="2MB", max_wal_size="4MB", wal_keep_size="0")
        primary.stop()
        servers.run("pg_resetwal", "--wal-segsize=1", "-D", str(primary.data))
        wal, disk = primary.data / "pg_wal", servers.directory / "log"
        disk.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", "size=10m,uid=65534,gid=65534,mode=700", "tmpfs", str(disk)]
        subprocess.run(mount, check=True)
        try:
            for name in os.listdir(wal):
                subprocess.run(["cp", "-a", str(wal / name), str(disk)], check=True)
            shutil.rmtree(wal)
            wal.symlink_to(disk)
            primary.start()
            shared = SharedLog(url=primary.url, journal="full", lease_ms=60_000, replicated=False)
            feed = Feed(tmp_path, "full", LIMITS, key=KEY, shared=shared)
            feed.open()
            with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
                while filler.write(bytes(1 << 16)):
                    pass
            number, acknowledged = until_it_ends(feed)
            assert acknowledged > 0
            assert "PANIC" in Path(f"{primary.data}.log").read_text()
            (disk / "filler").unlink()
            with suppress(ServerError):  # it has come back by itself
                primary.start()
            wait_for(lambda: "1" in asked(servers.primary.ask), 20)
            feed.restart()
            wait_for(lambda: feed.push() and feed.acknowledged() == number)
            held = primary.ask("SELECT sum(last - first + 1), max(last) FROM cmi_switch_log WHERE journal = 'full'")
            assert held == f"{number}|{number}", "each once"
            feed.close()
        finally:
            servers.close()
            subprocess.run(["umount", str(disk)], check=True)


def asked(ask: object) -> str:
    with suppress(ServerError):
        return str(ask("SELECT 1"))  # type: ignore[operator]
    return ""


def until_it_ends(feed: Feed) -> tuple[int, int]:
    """How many records were handed over, and how many acknowledged, when the writer could not go on."""
    number, durable, until = 0, 0, time.monotonic() + 60
    while time.monotonic() < until:
        number += 1
        feed.append(number, booted(number, "full" * 200))
        try:
            feed.push()
            durable = feed.acknowledged()
        except (WriterGone, JournalError):
            return number, durable
        if number % 50 == 0:
            time.sleep(0.005)
    raise AssertionError("the disk does not get full")
