"""Machines of a test's own: network namespaces on one bridge, and on each an etcd, a Patroni and its PostgreSQL.

For root alone. What is here breaks as machines do: one is cut off, stands still, or is gone with all that ran on it.
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from switch.bench.servers import programs
from switch.children import start
from tests.e2e.stage import wait_for

NOBODY = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
NETWORK = "10.77.0"
OUTSIDE = f"{NETWORK}.254"
"""where what runs on none of the machines is"""
BRIDGE = "cmi-bridge"
ELECTION = ("--heartbeat-interval", "30", "--election-timeout", "300")
"""of etcd, in ms: where its leader is lost with the primary, Patroni's lease begins anew at the end of the election"""
PROGRAMS = ("etcd", "patroni", "ip", "haproxy", "pgrep")


def ip(*words: str) -> None:
    """One command of iproute2. CalledProcessError: it failed."""
    subprocess.run(["ip", *words], check=True, capture_output=True)


class Machine:
    """A namespace with an address, and what was started in it."""

    def __init__(self, number: int, directory: Path) -> None:
        self.number, self.name, self.address = number, f"cmi-n{number}", f"{NETWORK}.{number}"
        self.directory = directory / self.name
        self.directory.mkdir()
        os.chown(self.directory, 65534, 65534)
        self._children: list[subprocess.Popen[bytes]] = []
        ip("netns", "add", self.name)
        ip("link", "add", self.name, "type", "veth", "peer", "name", "eth0", "netns", self.name)
        ip("link", "set", self.name, "master", BRIDGE, "up")
        for words in (
            ("addr", "add", f"{self.address}/24", "dev", "eth0"),
            *(("link", "set", d, "up") for d in ("lo", "eth0")),
        ):
            ip("-n", self.name, *words)

    def start(self, name: str, *command: str) -> int:
        """Start a program here, as whoever `command` says; its process id. What it prints is in NAME.log."""
        with (self.directory / f"{name}.log").open("ab") as log:
            child = start(
                ["ip", "netns", "exec", self.name, *command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.directory,
                start_new_session=True,
            )
        self._children.append(child)
        return child.pid

    def pids(self, beginning: str = "") -> list[int]:
        """What runs here; with `beginning`, those whose command line begins so."""
        listed = subprocess.run(["ip", "netns", "pids", self.name], check=True, capture_output=True, text=True)
        return [pid for pid in map(int, listed.stdout.split()) if command_line(pid).startswith(beginning)]

    def signal(self, number: int, beginning: str = "") -> int:
        """To all that runs here, or to some of it; how many that were."""
        found = self.pids(beginning)
        for pid in found:
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        return len(found)

    def lose(self) -> None:
        """All of it is gone at once, as with its power."""
        while self.signal(signal.SIGKILL):
            time.sleep(0.02)
        for child in self._children:
            child.wait(5)
        self._children.clear()

    def cut(self) -> None:
        """Nobody reaches it, and it reaches nobody."""
        ip("link", "set", self.name, "down")

    def heal(self) -> None:
        """The wire is back."""
        ip("link", "set", self.name, "up")

    def has_open(self, port: int) -> bool:
        """True if somebody takes connections there."""
        with suppress(OSError), socket.create_connection((self.address, port), timeout=0.3):
            return True
        return False

    def close(self) -> None:
        """End all, and take the namespace away."""
        self.lose()
        ip("link", "del", self.name)  # first: it stays for a while where only its namespace goes
        ip("netns", "del", self.name)


def command_line(pid: int) -> str:
    """Of a process; "" where it is gone."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


class PatroniCluster:
    """Three machines whose PostgreSQL Patroni keeps: one leads, ANY 1 of the others has what it commits."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.machines: list[Machine] = []

    def begin(self) -> None:
        """Return when one leads and two follow."""
        self.directory.chmod(0o755)
        ip("link", "add", BRIDGE, "type", "bridge")
        ip("addr", "add", f"{OUTSIDE}/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        for number in (1, 2, 3):
            self.machines.append(Machine(number, self.directory))
        for machine in self.machines:
            self.start_database(machine)
        self.settle(40)

    @property
    def url(self) -> str:
        """Of all three servers, for a network file."""
        return f"postgresql://cmi@{','.join(m.address for m in self.machines)}/postgres?target_session_attrs=read-write"

    @property
    def patroni(self) -> list[str]:
        """Where Patroni answers on each."""
        return [f"http://{machine.address}:8008" for machine in self.machines]

    def start_database(self, machine: Machine) -> None:
        """etcd and Patroni on this machine, with what they had before."""
        peers = ",".join(f"{each.name}=http://{each.address}:2380" for each in self.machines)
        client, peer = f"http://{machine.address}:2379", f"http://{machine.address}:2380"
        machine.start(
            "etcd",
            *NOBODY,
            "etcd",
            "--name",
            machine.name,
            "--data-dir",
            str(machine.directory / "etcd"),
            "--listen-client-urls",
            client,
            "--advertise-client-urls",
            client,
            "--listen-peer-urls",
            peer,
            "--initial-advertise-peer-urls",
            peer,
            "--initial-cluster",
            peers,
            *ELECTION,
            "--log-level",
            "error",
        )
        file = machine.directory / "patroni.json"
        file.write_text(json.dumps(self._settings(machine)))
        file.chmod(0o644)
        machine.start("patroni", *NOBODY, "patroni", str(file))

    def _settings(self, machine: Machine) -> dict[str, object]:
        users = {"superuser": {"username": "cmi"}, "replication": {"username": "copier"}}
        parameters = {
            "wal_keep_size": "256MB",
            "wal_sender_timeout": "3s",
            "wal_retrieve_retry_interval": "500ms",
            "shared_buffers": "64MB",
        }
        dynamic = {
            "ttl": 20,
            "loop_wait": 1,
            "retry_timeout": 5,
            "primary_start_timeout": 0,
            "synchronous_mode": "quorum",
            "synchronous_mode_strict": True,
            "postgresql": {"use_pg_rewind": True, "use_slots": False, "parameters": parameters},
        }
        return {
            "scope": "cmi",
            "name": machine.name,
            "restapi": {"listen": f"{machine.address}:8008"},
            "etcd3": {"hosts": [f"{each.address}:2379" for each in self.machines]},
            "bootstrap": {"dcs": dynamic, "initdb": ["data-checksums", {"encoding": "UTF8"}, {"auth": "trust"}]},
            "postgresql": {
                "listen": f"{machine.address}:5432",
                "bin_dir": str(programs()),
                "data_dir": str(machine.directory / "data"),
                "authentication": users,
                "pgpass": str(machine.directory / "pgpass"),
                "parameters": {"unix_socket_directories": str(machine.directory)},
                "pg_hba": ["local all all trust", "host all all all trust", "host replication all all trust"],
            },
            "watchdog": {"mode": "required", "driver": "testing", "device": self._watchdog(machine)},
            "tags": {"watchdog": "required"},
        }

    def _watchdog(self, machine: Machine) -> str:
        """Patroni's own stand-in for a watchdog: a file, that resets nothing."""
        path = machine.directory / "watchdog"
        path.touch()
        os.chown(path, 65534, 65534)
        return str(path)

    def members(self) -> list[dict[str, str]]:
        """What Patroni says of its members, asked of whoever answers."""
        for url in self.patroni:
            with suppress(OSError, ValueError), urllib.request.urlopen(f"{url}/cluster", timeout=2) as answer:
                found: list[dict[str, str]] = json.load(answer)["members"]
                return found
        return []

    def leader(self) -> Machine | None:
        """The machine whose PostgreSQL takes writes."""
        led = [
            member["name"] for member in self.members() if member["role"] == "leader" and member["state"] == "running"
        ]
        return next((machine for machine in self.machines if machine.name in led), None)

    def _settled(self) -> bool:
        """One leads, and has from both others what it has just written: Patroni still calls who is to be rewound a standby that
        streams, and another loss then is the second at once."""
        members = self.members()
        roles = [(member["role"], member["state"]) for member in members]
        wanted = [("leader", "running"), ("quorum_standby", "streaming"), ("quorum_standby", "streaming")]
        if sorted(roles) != wanted or len({member.get("timeline") for member in members}) > 1:
            return False
        near = "state = 'streaming' AND pg_wal_lsn_diff(pg_current_wal_lsn(), flush_lsn) < 100000"
        with suppress(subprocess.SubprocessError):
            return self.ask(f"SELECT count(*) FROM pg_stat_replication WHERE {near}") == "2"
        return False

    def settle(self, seconds: float = 90) -> None:
        """Wait until one leads and two follow. AssertionError: they do not."""
        try:
            wait_for(self._settled, seconds)
        except AssertionError:
            raise AssertionError(f"the cluster does not settle: {self.members()}") from None

    def ask(self, statement: str) -> str:
        """What psql says of whoever leads."""
        command = ["psql", "-X", "-A", "-t", "-d", self.url, "-c", statement]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout.strip()

    def close(self) -> None:
        """Take all of it away."""
        for machine in self.machines:
            with suppress(subprocess.CalledProcessError):
                machine.signal(signal.SIGCONT)
                machine.close()
        ip("link", "del", BRIDGE)


@contextmanager
def patroni_cluster() -> Iterator[PatroniCluster]:
    """One, while the body runs. Where that fails its directory stays, with what everybody said."""
    directory = Path(tempfile.mkdtemp(prefix="cmi-switch-machines."))
    made = PatroniCluster(directory)
    try:
        made.begin()
        yield made
    finally:
        made.close()
    shutil.rmtree(directory)


def supervised(command: Sequence[str]) -> list[str]:
    """A command that is started again when it ends, as a service manager does."""
    return ["sh", "-c", 'while :; do "$@"; sleep 0.5; done', "supervisor", *command]
