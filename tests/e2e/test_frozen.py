"""A process that stood still for longer than every time-out: what has come meanwhile counts, and costs no link and no payment."""

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from switch.core.records.records import Owed
from switch.simulators.messages import PURCHASE
from switch.wire.vocabulary import DE
from tests.e2e.far_host import FarHost
from tests.e2e.pos import Till, card_of
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


def all_and_an_echo_test(waiting: list[bytes]) -> bool:
    """True where every payment has come to the host, and an echo test is on its way, too."""
    kinds = Counter(frame[:4] for frame in waiting)
    return kinds[b"0200"] == MANY and kinds[b"0800"] > 0


@pytest.mark.alone
def test_what_has_arrived_while_a_process_was_frozen_is_read_before_deadlines_are_looked_at(stage: Stage) -> None:
    card = card_of(stage, "atlas-approved")  # once: from when the host is up, an echo test waits for its answer
    with closing(FarHost(stage, "atlas")) as host:
        switch = stage.start("serve", str(stage.path), "--state", str(stage.state), "--no-show", ready=False)
        host.accept()
        switch.ready()
        with closing(Till(stage, "rif")) as till:
            requests = [till.request(PURCHASE, card, 1_00) for _ in range(MANY + LATER)]
            frames = [till.client.frame(request) for request in requests]
            till.client.sock.sendall(b"".join(frames[:MANY]))
            waiting = host.hears(all_and_an_echo_test)
            os.kill(
                switch.pid, signal.SIGSTOP
            )  # before they are looked at, which takes a busy machine as long as a time-out
            host.answers([host.gets("0200", "0800") for _ in range(waiting)])
            till.client.sock.sendall(b"".join(frames[MANY:]))
            time.sleep(FROZEN_S)
            os.kill(switch.pid, signal.SIGCONT)
            left = LATER
            while left:
                request = host.gets("0200", "0800")  # on a busy machine another echo test comes between them
                host.answers([request])
                left -= request[DE.MTI] == "0200"
            codes = [till.client.gets()[DE.RESPONSE_CODE] for _ in requests]
        assert codes == ["00"] * (MANY + LATER)
        assert switch.stop() == 0
    assert not [entry for entry in stage.entries() if isinstance(entry, Owed)]
    unwanted = {"link.half_open", "answer.late", "answer.unmatched", "journal.down"}
    assert not [line for line in stage.log() if line["event"] in unwanted]
