"""A capture of the demo network at work, for tests that look at one: the switch in a process, hosts and tills around it."""

from pathlib import Path
from typing import NamedTuple

from switch.simulators.messages import PURCHASE, Web
from switch.simulators.proofs import demo_proof
from tests.e2e.pos import Till, card_of
from tests.e2e.stage import Stage, wait_for


class Captured(NamedTuple):
    """What is left of it."""

    path: Path
    acquirers_port: int
    secrets: list[bytes]
    """PANs, tracks, CVV2s and PIN blocks of all cards that paid"""
    log: str
    hops: list[dict[str, object]]


def captured(directory: Path) -> Captured:
    """Purchases at an acquirer's and at a terminal, from home and abroad, on the web, declined, reversed; an echo test."""
    stage = Stage(directory)
    path = stage.directory / "capture.pcapng"
    try:
        stage.issuers()
        stage.networks("--latency", "5")
        serve = stage.start("serve", str(stage.path), "--state", str(stage.state), "--no-show", "--capture", str(path))
        secrets: list[bytes] = []
        for listener, bank in (("acquirers", "rif"), ("pos", "atlas")):
            till = Till(stage, bank, listener)
            for name in ("atlas-approved", "souss-approved", "fr-visa", "fr-mastercard", "atlas-51"):
                card = card_of(stage, name)
                secrets += [card.pan.encode(), bytes.fromhex(card.pan), card.pan.encode("cp037")]
                request, answer = till.pays(PURCHASE, card, de52="D1E2F3A4B5C6D7E8")
                if answer["39"] == "00":
                    till.voids(request, answer)
            web = card_of(stage, "atlas-n7")
            till.pays(PURCHASE, web, web=Web(web.cvv2, "05", demo_proof(web)))
            secrets += [f"9203{web.cvv2}".encode(), demo_proof(web).encode(), b"D1E2F3A4", bytes.fromhex("D1E2F3A4")]
            till.client.close()
        wait_for(lambda: len(stage.events("link.closed")) >= 2)
        log = stage.log_text()
        hops = [line for line in stage.log() if str(line["event"]).startswith("hop.")]
        assert serve.stop() == 0
        return Captured(path, stage.address("acquirers").port, secrets, log, hops)
    finally:
        stage.close()
