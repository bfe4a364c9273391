"""A PostgreSQL cluster of one's own, to measure or to try: a primary and standbys, on free ports, as another user for root.

In: how many standbys. Out: servers that are started, stopped, promoted, asked; all of it is gone afterwards.
"""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from switch.loopback import free_ports

DATABASE: Final = "postgres"
USER: Final = "cmi"
FOLLOW_S: Final = 20.0


class ServerError(Exception):
    """A server does not do what it is to do; with what it said."""


def programs() -> Path | None:
    """Where PostgreSQL's server programs are; None: there are none."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    versions = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return versions[-1].parent if versions else None


class Server:
    """One server of a cluster."""

    def __init__(self, cluster: "Cluster", name: str) -> None:
        self.name, self.port = name, free_ports(1)[0]
        self.data = cluster.directory / name
        self._cluster = cluster

    @property
    def url(self) -> str:
        """Its own, without a password."""
        return f"postgresql://{USER}@127.0.0.1:{self.port}/{DATABASE}"

    @property
    def settings(self) -> Path:
        """What `ALTER SYSTEM` writes."""
        return self.data / "postgresql.auto.conf"

    def start(self) -> None:
        """Return when it takes connections."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._cluster.directory}"
        self._control("start", "-o", options, "-l", str(self.data) + ".log")

    def start_scratch(self) -> None:
        """The same, of what need not outlive a power cut: a server that follows or recovers flushes a thousand files first."""
        kept = self.settings.read_text()
        self.settings.write_text(f"{kept}fsync = off\n")
        self.start()
        self.settings.write_text(kept)
        self._control("reload")
        while self.ask("SHOW fsync") != "on":
            time.sleep(0.01)

    def stop(self, how: str = "fast") -> None:
        """`immediate`: as if it were killed."""
        self._control("stop", "-m", how)

    @property
    def pid(self) -> int:
        """Of its first process."""
        return int((self.data / "postmaster.pid").read_text().split()[0])

    def signal(self, number: int) -> None:
        """Send all its processes a signal."""
        first = self.pid
        children = subprocess.run(  # noqa: S603 - a program of the system
            ["pgrep", "-P", str(first)],  # noqa: S607
            capture_output=True,
            text=True,
            check=False,
        ).stdout.split()
        for process in (first, *map(int, children)):
            os.kill(process, number)

    def promote(self) -> None:
        """A standby becomes a primary."""
        self._control("promote")

    def ask(self, statement: str) -> str:
        """What psql says: rows, columns parted by `|`."""
        done = self._cluster.run("psql", "-X", "-A", "-t", "-d", self.url, "-c", statement)
        return done.strip()

    def set(self, **settings: str) -> None:
        """Change settings, and have them read."""
        for name, value in settings.items():
            self.ask(f"ALTER SYSTEM SET {name} = '{value}'")
        self.ask("SELECT pg_reload_conf()")
        time.sleep(0.2)  # each backend reads them between two statements

    def _control(self, *words: str) -> None:
        self._cluster.run("pg_ctl", "-D", str(self.data), "-w", "-t", "30", *words)


class Cluster:
    """A primary, and standbys that it waits for: ANY 1 of them."""

    def __init__(self, directory: Path, standbys: int) -> None:
        self.directory = directory
        found = programs()
        if found is None:
            raise ServerError(
                "there is no PostgreSQL here: initdb is neither on the PATH nor under /usr/lib/postgresql"
            )
        self._bin = found
        self.user = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"] if os.getuid() == 0 else []
        if self.user:
            os.chown(directory, 65534, 65534)
        self.primary = Server(self, "primary")
        self.run("initdb", "-D", str(self.primary.data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-sync")
        with (self.primary.data / "postgresql.conf").open("a") as file:
            file.write("wal_sender_timeout = 3s\nmax_wal_senders = 10\nhot_standby = on\nwal_keep_size = 256MB\n")
        self.primary.start()
        self.standbys = [self._standby(f"s{number + 1}") for number in range(standbys)]
        if standbys:
            self.wait_for_standbys()
            self.primary.set(synchronous_standby_names=f"ANY 1 ({', '.join(each.name for each in self.standbys)})")

    def _standby(self, name: str) -> Server:
        server = Server(self, name)
        source = f"{self.primary.url}?application_name={name}"
        self.run("pg_basebackup", "-d", source, "-D", str(server.data), "-R", "-X", "stream", "-c", "fast", "--no-sync")
        server.start_scratch()
        return server

    def wait_for_standbys(self) -> None:
        """Return when all of them follow. ServerError: one does not."""
        until = time.monotonic() + FOLLOW_S
        while self.primary.ask("SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming'") != str(
            len(self.standbys)
        ):
            if time.monotonic() > until:
                raise ServerError("a standby does not follow")
            time.sleep(0.05)

    def run(self, program: str, *words: str) -> str:
        """One of PostgreSQL's programs, as its own user. ServerError: it failed."""
        where = shutil.which(program, path=f"{self._bin}:{os.environ['PATH']}") or program
        command = [*self.user, where, *words]
        done = subprocess.run(  # noqa: S603 - as above
            command, capture_output=True, text=True, check=False, cwd=self.directory, timeout=60
        )
        if done.returncode:
            raise ServerError(f"{program}: {done.stdout}{done.stderr}")
        return done.stdout

    def close(self) -> None:
        """Stop all."""
        for server in (*self.standbys, self.primary):
            if (server.data / "postmaster.pid").exists():
                server.signal(signal.SIGCONT)  # where somebody has stopped it
                server.stop("immediate")


@contextmanager
def cluster(standbys: int = 2) -> Iterator[Cluster]:
    """One, while the body runs. Not in a directory of the caller's, which another user may not enter."""
    directory = Path(tempfile.mkdtemp(prefix="cmi-switch-cluster."))
    made = Cluster(directory, standbys)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(directory)
