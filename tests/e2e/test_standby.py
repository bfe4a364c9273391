"""Two nodes and a database: the one that owns the journal is lost under load, and the other goes on with all of it."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from switch.bench.servers import Cluster, cluster
from switch.cli._processes import Child
from switch.config import load_network
from tests.e2e.load import books_agree, hosts_with_books, load
from tests.e2e.stage import QUICK, Stage, wait_for
from tests.e2e.test_crash import everything_arrived
from tests.e2e.test_restart import restarts

pytestmark = [pytest.mark.outside("initdb"), pytest.mark.outside("psycopg", extra="postgresql")]
LOSSES = int(os.environ.get("LOSSES", "3"))
"""`LOSSES=100 pytest tests/e2e/test_standby.py -m outside` is the long run; losses.json in its directory: how long each took"""


@pytest.fixture(scope="module")
def servers() -> Iterator[Cluster]:
    with cluster(standbys=2) as made:
        yield made


class Nodes:
    """Two machines of one network: a state directory each, the same vault key, the same ports."""

    def __init__(self, stage: Stage, servers: Cluster, name: str = "lost") -> None:
        """`name`: of the network, and so of the journal: no other test's."""
        self.stage = stage
        text = stage.path.read_text().replace('name = "morocco"', f'name = "{name}"', 1)
        stage.path.write_text(f'{text}\n[journal]\nstore = "{servers.primary.url}"\n')
        stage.network = load_network(str(stage.path))
        self.states = [stage.directory / name for name in ("one", "two")]
        self.at = 0

    def start(self, at: int, *options: str, ready: bool = True) -> Child:
        """The switch, on this machine."""
        state = str(self.states[at])
        return self.stage.start("serve", str(self.stage.path), "--state", state, "--no-show", *options, ready=ready)

    def share_key(self) -> None:
        """As an operator does, once, before the second machine stands by."""
        keys = self.stage.directory / "keys"
        shutil.copy(keys / "one.vault.key", keys / "two.vault.key")

    def claimed_by(self, at: int) -> bool:
        """True once this machine owns the journal: its log is opened then."""
        return (self.states[at] / "hops.jsonl").exists()

    def approved_after(self, at: int, since_s: float) -> float | None:
        """Seconds from then to the first approval that this machine has sent; None: there was none yet."""
        lines = (self.states[at] / "hops.jsonl").read_text().splitlines()
        sent = (json.loads(line) for line in lines if '"hop.sent"' in line and '"de39":"00"' in line)
        times = (datetime.fromisoformat(line["at"]).timestamp() - since_s for line in sent)
        return next((late for late in times if late > 0), None)

    def replace(self, active: Child, at: int, *, writer_too: bool) -> tuple[Child, float]:
        """The switch `active` on machine `at` is killed, or all of the machine (`writer_too`: nobody gives the journal back); the
        other takes over. Returns its switch, and the seconds that took."""
        standby = self.start(1 - at, "--standby", ready=False)
        wait_for(lambda: "Standing by" in standby.text(), 20)
        time.sleep(1.5)
        lost_s = time.time()
        children = subprocess.run(
            ["pgrep", "-P", str(active.pid)], capture_output=True, text=True, check=True
        ).stdout.split()
        for pid in (*map(int, children if writer_too else ()), active.pid):
            os.kill(pid, signal.SIGKILL)
        active.wait(5)
        standby.ready()
        return standby, wait_for(lambda: self.approved_after(1 - at, lost_s), 20)


def children_of(pid: int) -> list[int]:
    """Its journal's writer, and its index."""
    found = subprocess.run(["pgrep", "-P", str(pid)], capture_output=True, text=True, check=True)
    return [int(child) for child in found.stdout.split()]


def test_what_a_lost_node_has_approved_the_other_goes_on_with(tmp_path: Path, servers: Cluster) -> None:
    stage = Stage(tmp_path, QUICK)
    try:
        hosts_with_books(stage)
        nodes = Nodes(stage, servers)
        active, at, took = nodes.start(0), 0, list[float]()
        nodes.share_key()
        tills = load(stage, "tills", 150, 0, "--patience", "4", "--reconnect", "200")
        for number in range(LOSSES):
            active, took_s = nodes.replace(active, at, writer_too=number % 2 == 0)
            at = 1 - at
            took.append(round(took_s, 2))
        assert tills.stop() == 0
        stage.state = nodes.states[at]
        assert everything_arrived(stage)
        assert books_agree(stage, active, calm=False) > 100
        (tmp_path / "losses.json").write_text(json.dumps(took))
    finally:
        stage.close()


def test_a_node_that_slept_ends_when_it_wakes(tmp_path: Path, servers: Cluster) -> None:
    stage = Stage(tmp_path, QUICK)
    try:
        stage.issuers("--latency", "5")
        nodes = Nodes(stage, servers, name="asleep")
        sleeper = nodes.start(0)
        nodes.share_key()
        standby = nodes.start(1, "--standby", ready=False)
        wait_for(lambda: "Standing by" in standby.text(), 20)
        everyone = [sleeper.pid, *children_of(sleeper.pid)]
        for pid in everyone:
            os.kill(pid, signal.SIGSTOP)
        wait_for(lambda: nodes.claimed_by(1), 20)
        for pid in everyone:
            os.kill(pid, signal.SIGCONT)
        assert sleeper.wait(20) == 1
        assert "owns the journal since epoch" in sleeper.text()
    finally:
        stage.close()


def test_a_restart_in_place_goes_on(tmp_path: Path, servers: Cluster) -> None:
    stage = Stage(tmp_path, QUICK)
    try:
        hosts_with_books(stage)
        nodes = Nodes(stage, servers, name="restarted")
        switch = nodes.start(0)
        stage.state = nodes.states[0]
        tills = load(stage, "tills", 50, 5)
        time.sleep(2)
        done = restarts(stage)
        assert done.returncode == 0, done
        tills.wait(60)
        assert everything_arrived(stage)
        assert books_agree(stage, switch, calm=False) > 100
    finally:
        stage.close()
