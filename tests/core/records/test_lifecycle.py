"""Whatever peers and operators say, in whatever order: no record is a move that the tables have not, and no link's either.

A playbook's switch is strict, so that either would raise; in production the first would stop the switch.
"""

from contextlib import suppress
from random import Random

import pytest

from switch.core.operator.command import Unable
from switch.wire.vocabulary import Document, is_request
from tests.core.scripts import ATLAS_CARD, OTHER_CARD, UNKNOWN_CARD, VISA_ABROAD, Scene, purchase, reversal

CODES = ("00", "00", "00", "10", "51", "91", "96", "05", "08", "25")
COMMANDS = ("links.signoff", "links.drain", "links.resume", "saf.hold", "saf.release", "saf.retry")


class Rambling:
    """A scene in which anything may be said next."""

    def __init__(self, seed: int) -> None:
        self.scene, self.rng = Scene(), Random(seed)
        self.said: list[Document] = [purchase("000001")]
        self.asked: list[Document] = []

    def request(self) -> Document:
        """New, or under a number that was used before; of any kind."""
        rng = self.rng
        stan = f"{rng.randrange(1, 40):06d}"
        kind = rng.choice(("000000", "010000", "090000", "200000", "310000"))
        card = rng.choice((ATLAS_CARD, ATLAS_CARD, OTHER_CARD, VISA_ABROAD, UNKNOWN_CARD))
        mti = rng.choice(("0100", "0200", "0200", "0201", "0220", "0221", "0120"))
        de38 = rng.choice(("", "A12345"))
        return purchase(stan, t=mti, de3=kind, de2=card, de4=f"{rng.randrange(1, 30_000):012d}", de38=de38)

    def follow_up(self) -> Document:
        """About something said before: a reversal of all or a part of it, a completion, the same once more."""
        rng, of = self.rng, self.rng.choice(self.said)
        stan = f"{rng.randrange(900, 940):06d}"
        choice = rng.randrange(4)
        if choice == 0:
            return of
        if choice == 1 and of["t"][1] in "12":
            return {**of, "t": of["t"][:3] + "1"}
        mti = rng.choice(("0400", "0401", "0420", "0421"))
        left = rng.choice(("", "", f"{rng.randrange(0, 30_000):012d}" + "0" * 30))
        undo = reversal(of, stan, t=mti, de95=left, de90=rng.choice(("", "keep")))
        if undo.get("90") == "keep":
            undo["90"] = of["t"] + of["11"] + of["7"] + of["32"].rjust(11, "0") + "0" * 11
        return {**undo, "t": "0220"} if choice == 2 and of["t"][1] in "12" else undo

    def step(self) -> None:
        """One thing happens."""
        scene, rng = self.scene, self.rng
        choice = rng.randrange(20)
        if choice < 7:
            self.said.append(self.request())
            scene.rif.sends(self.said[-1])
        elif choice < 12:
            scene.rif.sends(self.follow_up())
        elif choice < 17:
            while not scene.atlas.got_nothing():
                message = scene.atlas.gets()
                if is_request(message["t"]) and message["t"][1] != "8":
                    self.asked.append(message)
            if self.asked:
                asked = self.asked[-1] if rng.random() < 0.8 else rng.choice(self.asked)
                scene.atlas.answers(asked, rng.choice(CODES), **rng.choice(({}, {"de38": "A12345"})))
        elif choice == 17:
            scene.book.passes(rng.choice((0.1, 3, 20, 100)))
        elif choice == 18:
            command, target = rng.choice(COMMANDS), rng.choice(("atlas", "visa", "acquirers#1"))
            with suppress(Unable):
                scene.book.asks(command, **({"all": True} if command == "saf.retry" else {"name": target}))
        else:
            peer, institution = rng.choice(((scene.rif, "504102"), (scene.atlas, "504101")))
            peer.sends({"t": "0800", "7": "1125120100", "11": f"{rng.randrange(999):06d}", "32": institution,
                        "70": rng.choice(("001", "002", "301", "201"))})  # fmt: skip


@pytest.mark.parametrize("seed", range(60))
def test_nothing_that_is_said_makes_an_illegal_move(seed: int) -> None:
    rambling = Rambling(seed)
    for _ in range(80):
        rambling.step()
    assert len(rambling.said) > 10
