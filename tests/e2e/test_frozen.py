"""A process that stood still for longer than every time-out: what has come meanwhile counts, and costs no link and no payment."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from switch.core.records.records import Owed
from switch.simulators.messages import PURCHASE
from switch.wire.vocabulary import DE
from tests.e2e.far_host import FarHost
from tests.e2e.pos import Till
from tests.e2e.stage import Stage

TIMEOUT_MS, FROZEN_S = 5_000, 6.0
MANY = 300
"""answers of one host: more than is read of a link in one turn"""
LATER = 50
"""requests that come meanwhile"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    changes = {r"timeout_ms = 10_000": f"timeout_ms = {TIMEOUT_MS}", r"echo_s = 30": "echo_s = 1"}
    stage = Stage(tmp_path, changes)
    yield stage
    stage.close()


@pytest.mark.alone
def test_what_has_arrived_while_a_process_was_frozen_is_read_before_deadlines_are_looked_at(stage: Stage) -> None:
    with closing(FarHost(stage, "atlas")) as host:
        switch = stage.start("serve", str(stage.path), "--state", str(stage.state), "--no-show", ready=False)
        host.accept()
        switch.ready()
        with closing(Till(stage, "rif")) as till:
            requests = [till.request(PURCHASE, "atlas-approved", 1_00) for _ in range(MANY + LATER)]
            frames = [till.client.frame(request) for request in requests]
            till.client.sock.sendall(b"".join(frames[:MANY]))
            asked = [host.gets("0200", "0800") for _ in range(MANY + 1)]
            assert "0800" in [request[DE.MTI] for request in asked], "an echo test is on its way, too"
            os.kill(switch.pid, signal.SIGSTOP)
            host.answers(asked)
            till.client.sock.sendall(b"".join(frames[MANY:]))
            time.sleep(FROZEN_S)
            os.kill(switch.pid, signal.SIGCONT)
            host.answers([host.gets("0200") for _ in range(LATER)])
            codes = [till.client.gets()[DE.RESPONSE_CODE] for _ in requests]
        assert codes == ["00"] * (MANY + LATER)
        assert switch.stop() == 0
    assert not [entry for entry in stage.entries() if isinstance(entry, Owed)]
    unwanted = {"link.half_open", "answer.late", "answer.unmatched", "journal.down"}
    assert not [line for line in stage.log() if line["event"] in unwanted]
