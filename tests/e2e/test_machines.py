"""Three machines, each with etcd, Patroni, PostgreSQL and the switch, and whatever a machine can suffer, under load.

Opt-in, for root: `CMI_SWITCH_MACHINES=28 pytest tests/e2e/test_machines.py` breaks each thing twice; its `machines.txt` says for
how long nothing was approved. Two judges: the books of acquirers, issuers and the journal agree to the centime; and what is read
from the database itself, by code that is not the switch's: each record there once, epochs rising, the chain whole, no approval
that has none, and every machine's files the same.
"""

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from datetime import datetime
from functools import partial
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from switch.bench.servers import programs
from switch.children import start
from switch.core.records.records import DECODER, Answered
from switch.journal.keys import stored_chain_key
from switch.loopback import free_ports
from switch.wire.vocabulary import APPROVALS
from tests.e2e.load import hosts_with_books, load, parties_agree, stop_hosts
from tests.e2e.log_checker import check_files, check_log
from tests.e2e.machines import OUTSIDE, Machine, PatroniCluster, patroni_cluster, supervised
from tests.e2e.stage import QUICK, Stage, wait_for
from tests.e2e.test_crash import everything_arrived

TIMES = int(os.environ.get("CMI_SWITCH_MACHINES", "0"))
SEED = os.environ.get("CMI_SWITCH_SEED", "machines")
ONLY = os.environ.get("CMI_SWITCH_LOSSES", "")
"""those alone whose name has this"""
RATE = 100
CALM_S = 4.0
"""between two losses, with everybody back"""
SLEEP_S = 3.0
PYTHON = sys.executable
POSTGRES = f"{programs()}/postgres -D"
"""its first process"""

pytestmark = [
    pytest.mark.skipif(
        not TIMES or os.getuid() != 0, reason="CMI_SWITCH_MACHINES=30, as root, with etcd, patroni and haproxy"
    ),
]


class Site:
    """The network on those machines: a switch on each, one of them the journal's owner, and a balancer that asks whose port is
    open."""

    def __init__(self, stage: Stage, cluster: PatroniCluster) -> None:
        self.stage, self.cluster = stage, cluster
        self.port, self._balanced = stage.address("acquirers").port, free_ports(1)[0]
        self._read: dict[Machine, int] = {}
        self._approved: dict[str, float] = {}
        text = stage.path.read_text().replace('connect = "127.0.0.1:', f'connect = "{OUTSIDE}:')
        text = text.replace(f'address = "127.0.0.1:{self.port}"', f'address = "0.0.0.0:{self.port}"')
        stage.path.write_text(
            f'{text}\n[journal]\nstore = "{cluster.url}"\npatroni = {cluster.patroni}\n[hop_log]\nfile_bytes = {1 << 40}\n'
        )

    def begin(self) -> None:
        """Return when one machine approves and the others stand by."""
        hosts_with_books(self.stage)
        first, *others = self.cluster.machines
        self.start_switch(first)
        key = first.directory / "keys" / "state.vault.key"
        wait_for(lambda: self.owner() is first, 60)
        for machine in others:
            (machine.directory / "keys").mkdir(mode=0o700)
            shutil.copy(key, machine.directory / "keys")
            self.start_switch(machine)
        self._balance()

    def start_switch(self, machine: Machine) -> None:
        """As a service manager does."""
        command = (
            PYTHON,
            "-m",
            "switch.cli.main",
            "serve",
            str(self.stage.path),
            "--state",
            str(machine.directory / "state"),
        )
        environment = ("env", f"PYTHONPATH={Path(__file__).parents[2]}")
        machine.start("switch", *environment, *supervised([*command, "--no-show", "--standby"]))

    def _balance(self) -> None:
        servers = (f"server {machine.name} {machine.address}:{self.port}" for machine in self.cluster.machines)
        lines = (
            "defaults",
            "mode tcp",
            "timeout connect 500ms",
            "timeout check 300ms",
            "timeout client 1h",
            "timeout server 1h",
            "listen acquirers",
            f"bind 127.0.0.1:{self._balanced}",
            "default-server check inter 200ms fall 2 rise 1 on-marked-down shutdown-sessions",
            *servers,
        )
        file = self.stage.directory / "haproxy.cfg"
        file.write_text("\n".join(lines) + "\n")
        self._balancer = start(["haproxy", "-q", "-f", str(file)])

    def owner(self) -> Machine | None:
        """The machine whose switch has its port open, and can be asked."""
        return next((machine for machine in self.cluster.machines if machine.has_open(self.port)), None)

    def pay(self) -> None:
        """Terminals pay, until they are stopped."""
        options = ("--patience", "4", "--drain", "60", "--reconnect", "200", "--host", f"127.0.0.1:{self._balanced}")
        self.tills = load(self.stage, "tills", RATE, 0, *options)

    def approved(self) -> dict[str, float]:
        """Transactions whose approval was sent to an acquirer, from whichever machine, and when."""
        for machine in self.cluster.machines:
            path = machine.directory / "state" / "hops.jsonl"
            if path.exists():
                with path.open("rb") as file:
                    file.seek(self._read.get(machine, 0))
                    new = file.read()
                whole = new[: new.rfind(b"\n") + 1]
                self._read[machine] = self._read.get(machine, 0) + len(whole)
                self._approved.update(map(_sent, filter(_is_approval, whole.splitlines())))
        return self._approved

    def approvals(self, since_s: float) -> list[float]:
        """When payments were approved since then."""
        return sorted(at for at in self.approved().values() if at >= since_s)

    def flows(self, since_s: float) -> bool:
        """Payments have been approved for two seconds without a pause, the newest of them just now."""
        newest = [at for at in self.approvals(since_s) if at > time.time() - 2]
        gaps = [after - before for before, after in pairwise(newest)]
        return len(newest) > RATE / 2 and max(gaps) < 0.5

    def without_approvals(self, since_s: float) -> float:
        """Seconds: the longest pause between two approvals from then on."""
        times = [since_s, *self.approvals(since_s)]
        return max(after - before for before, after in pairwise(times))

    def close(self) -> None:
        """End the balancer."""
        self._balancer.kill()
        self._balancer.wait()

    def end(self) -> None:
        """Stop paying, wait for what is owed, stop all switches in order."""
        assert self.tills.stop(90) == 0
        owner = wait_for(self.owner, 60)
        self.stage.state = owner.directory / "state"
        assert everything_arrived(self.stage)
        for machine in self.cluster.machines:
            machine.signal(signal.SIGKILL, "sh -c while")
        for machine in self.cluster.machines:
            machine.signal(signal.SIGTERM, f"{PYTHON} -m switch.cli.main serve")
        wait_for(lambda: not any(machine.pids(PYTHON) for machine in self.cluster.machines), 60)
        stop_hosts(self.stage)


def _is_approval(line: bytes) -> bool:
    return (
        b'"event":"hop.sent"' in line
        and b'"mti":"0210"' in line
        and b'"de39":"00"' in line
        and b'"link":"acquirers' in line
    )


def _sent(line: bytes) -> tuple[str, float]:
    found = json.loads(line)
    return found["txn"], datetime.fromisoformat(found["at"]).timestamp()


def back(site: Site, machine: Machine, *, database: bool) -> None:
    """It is switched on again."""
    machine.heal()
    if database:
        site.cluster.start_database(machine)
    site.start_switch(machine)


def owner_of(site: Site) -> Machine:
    return wait_for(site.owner, 60)


def leader_of(site: Site) -> Machine:
    return wait_for(site.cluster.leader, 60)


def follower_of(site: Site) -> Machine:
    """A machine that neither leads nor owns the journal, if there is one."""
    idle = [machine for machine in site.cluster.machines if machine is not leader_of(site)]
    return next((machine for machine in idle if machine is not owner_of(site)), idle[0])


def strike(machine: Machine, number: int, beginning: str) -> None:
    """Send a signal, which somebody is to feel."""
    assert machine.signal(number, beginning), f"nothing on {machine.name} begins with {beginning}"


def bring_together(site: Site) -> None:
    """The journal goes to the primary's machine: the third one's switch stands still while the owner's is killed."""
    owner, leader = owner_of(site), leader_of(site)
    if owner is leader:
        return
    third = next(machine for machine in site.cluster.machines if machine not in (owner, leader))
    strike(third, signal.SIGSTOP, PYTHON)
    try:
        strike(owner, signal.SIGKILL, f"{PYTHON} -m switch.cli.main serve")
        wait_for(lambda: site.owner() is leader, 30)
    finally:
        strike(third, signal.SIGCONT, PYTHON)
    moved_s = time.time()
    wait_for(partial(site.flows, moved_s), 60)
    time.sleep(CALM_S)


def killed_switch(site: Site) -> Callable[[], None]:
    """The process alone: its writer gives the journal back."""
    strike(owner_of(site), signal.SIGKILL, f"{PYTHON} -m switch.cli.main serve")
    return lambda: None


def killed_node(site: Site) -> Callable[[], None]:
    """The switch with its writer and index: the lease runs out."""
    strike(owner_of(site), signal.SIGKILL, PYTHON)
    return lambda: None


def slept(site: Site) -> Callable[[], None]:
    """All processes of the switch stand still, for longer than the lease, and go on."""
    return sleep(owner_of(site), PYTHON)


def slept_writer(site: Site) -> Callable[[], None]:
    """The journal's writer alone does."""
    return sleep(owner_of(site), f"{PYTHON} -P -m switch.journal.writer")


def sleep(machine: Machine, beginning: str) -> Callable[[], None]:
    """A port stays open while its process stands still, and the balancer only connects: what it sends there waits."""
    strike(machine, signal.SIGSTOP, beginning)
    time.sleep(SLEEP_S)
    machine.signal(signal.SIGCONT, beginning)
    return lambda: None


def killed_writer(site: Site) -> Callable[[], None]:
    """The journal's writer."""
    strike(owner_of(site), signal.SIGKILL, f"{PYTHON} -P -m switch.journal.writer")
    return lambda: None


def killed_primary(site: Site) -> Callable[[], None]:
    """PostgreSQL's first process on the primary: Patroni sees to it."""
    strike(leader_of(site), signal.SIGKILL, POSTGRES)
    return lambda: None


def lost(site: Site, machine: Machine) -> Callable[[], None]:
    """A machine with all that runs on it, as by its power."""
    machine.cut()
    machine.lose()
    return lambda: back(site, machine, database=True)


def cut(machine: Machine) -> Callable[[], None]:
    machine.cut()
    return machine.heal


def paused(machine: Machine) -> Callable[[], None]:
    """A machine stands still, as a virtual one does that is moved, and goes on with all that it believed."""
    machine.cut()
    machine.signal(signal.SIGSTOP)

    def goes_on() -> None:
        machine.heal()
        machine.signal(signal.SIGCONT)

    return goes_on


BOTH = "owner and primary on one machine"
LOSSES: dict[str, Callable[[Site], Callable[[], None]]] = {
    "switch killed": killed_switch,
    "switch and its writer killed": killed_node,
    "switch and its writer paused": slept,
    "writer paused": slept_writer,
    "writer killed": killed_writer,
    "owner's machine cut off": lambda site: cut(owner_of(site)),
    "owner's machine paused": lambda site: paused(owner_of(site)),
    "owner's machine lost": lambda site: lost(site, owner_of(site)),
    "PostgreSQL's process killed": killed_primary,
    "primary's machine cut off": lambda site: cut(leader_of(site)),
    "primary's machine paused": lambda site: paused(leader_of(site)),
    "primary's machine lost": lambda site: lost(site, leader_of(site)),
    f"{BOTH}: cut off": lambda site: cut(owner_of(site)),
    f"{BOTH}: paused": lambda site: paused(owner_of(site)),
    f"{BOTH}: lost": lambda site: lost(site, owner_of(site)),
    "one standby's machine lost": lambda site: lost(site, follower_of(site)),
    "one standby's machine cut off": lambda site: cut(follower_of(site)),
}
"""each returns what brings back what it took"""
CHOSEN = [name for name in LOSSES if ONLY in name]


def check_approvals(site: Site, records: dict[int, bytes]) -> int:
    """No approval that left without its record. Returns how many left."""
    found = map(DECODER.decode, records.values())
    approved = {f"{entry.txn:x}" for entry in found if isinstance(entry, Answered) and entry.de39 in APPROVALS}
    sent = site.approved()
    assert set(sent) <= approved, f"approved, and of no record: {set(sent) - approved}"
    return len(sent)


def test_nothing_acknowledged_is_lost_whatever_a_machine_suffers(tmp_path: Path) -> None:
    stage = Stage(tmp_path, QUICK)
    random = Random(SEED)
    seen: list[str] = []
    report = tmp_path / "machines.txt"
    with patroni_cluster() as cluster:
        site = Site(stage, cluster)
        try:
            site.begin()
            site.pay()
            wait_for(partial(site.flows, 0), 60)
            for name in CHOSEN * (TIMES // len(CHOSEN)) + random.sample(CHOSEN, TIMES % len(CHOSEN)):
                seen.append(f"{name}: {suffer(site, name)}")
                report.write_text("\n".join(seen) + "\n")
            site.end()
            records = check_log(cluster, "morocco", stored_chain_key(stage.state).secret)
            files = [check_files(machine.directory / "state", records) for machine in cluster.machines]
            approvals = check_approvals(site, records)
            payments = parties_agree(stage, calm=False, lost=True)
            counted = f"{payments} payments, {approvals} approvals, {len(records)} records; in files: {files}\n"
            report.write_text(report.read_text() + counted)
        finally:
            stage.close()
            site.close()


def suffer(site: Site, name: str) -> str:
    """One loss, and all of it back. Returns for how many seconds nothing was approved."""
    time.sleep(CALM_S)
    if name.startswith(BOTH):
        bring_together(site)
    where = BOTH if owner_of(site) is leader_of(site) else "owner and primary apart"
    lost_s = time.time()
    bring_back = LOSSES[name](site)
    wait_for(lambda: time.time() > lost_s + 3 and site.flows(lost_s), 90)
    took_s = site.without_approvals(lost_s)
    bring_back()
    site.cluster.settle()
    wait_for(partial(site.flows, lost_s), 60)
    return f"{took_s:.2f} s, {where}"
