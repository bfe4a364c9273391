"""Whatever one connection floods the switch with, another's payments are let in between: nobody has a turn without end."""

import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from switch.simulators import messages
from switch.simulators.messages import PURCHASE
from switch.wire.vocabulary import DE
from tests.e2e.pos import Till, moment
from tests.e2e.stage import Stage

pytestmark = pytest.mark.xdist_group("one running network")
MANY = 3_000
PIECES = MANY * 200 // 16_384
"""in which the switch reads a flood of messages of 200 bytes or more"""


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(tmp_path_factory.mktemp("fair"))
    try:
        stage.start("issuer", "atlas", "--network", str(stage.path))
        stage.serve()
        yield stage
    finally:
        stage.close()


def flood(till: Till, kind: str) -> bytes:
    """Messages about payments that nobody has made."""
    base, at, frames = till.request(PURCHASE, "atlas-approved", 1_00), moment(), []
    for n in range(MANY):
        stan = till.stan()
        unknown = {**base, DE.STAN: f"{n + 1:06d}", DE.RRN: f"{at.rrn_prefix}{n + 1:06d}"}
        found = {
            "reversals": lambda: messages.reversal(unknown, "", at, stan),  # noqa: B023 - called at once
            "advices": lambda: messages.completion(unknown, "A00001", 1_00, at, stan),  # noqa: B023
            "repeats": lambda: {**unknown, DE.MTI: "0201", DE.STAN: stan, DE.RRN: at.rrn_prefix + stan},  # noqa: B023
        }[kind]()
        frames.append(till.client.frame(found))
    return b"".join(frames)


@pytest.mark.parametrize(("number", "kind"), [(1, "reversals"), (2, "advices"), (3, "repeats")])
def test_payments_go_on_while_another_connection_sends_of_unknown_originals(
    stage: Stage, number: int, kind: str
) -> None:
    with closing(Till(stage, "rif")) as healthy, closing(Till(stage, "souss", number=number)) as loud:
        data, answered, over = flood(loud, kind), 0, threading.Event()

        def send_and_read() -> None:
            left = MANY
            sender = threading.Thread(target=loud.client.sock.sendall, args=(data,))
            sender.start()
            while left and (received := loud.client.sock.recv(1 << 20)):
                left -= len(loud.client.framing.feed(received))
            sender.join()
            over.set()

        reader = threading.Thread(target=send_and_read)
        reader.start()
        while not over.is_set():
            assert healthy.pays(PURCHASE, "atlas-approved", 1_00)[1][DE.RESPONSE_CODE] == "00"
            answered += 1
        reader.join()
    assert answered > PIECES // 10, f"{answered} payments while {MANY} {kind} were dealt with"
