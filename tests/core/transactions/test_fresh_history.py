"""What a record that is not durable yet has changed of a payment that memory has let go: it is known all the same."""

import msgspec
import pytest

from switch.core.records.records import Owed
from switch.sim.playbook import Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import Scene, morocco, purchase, reversal

RECENT = 8
FULL = RECENT - 1
"""payments after which the next record has memory let the first one go"""


def scene_with(others: int, **changes: str) -> tuple[Scene, Document]:
    """A scene in which a payment was approved, and so many others after it; from then on nothing becomes durable."""
    limits = msgspec.structs.replace(morocco().limits, recent_transactions=RECENT)
    scene = Scene(Playbook(msgspec.structs.replace(morocco(), limits=limits)))
    first = purchase("000001", **changes)
    for sent in (first, *(purchase(f"{10 + n:06d}", de7=f"11251200{n:02d}") for n in range(others))):
        scene.rif.sends(sent)
        scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
        assert scene.rif.gets()["39"] == "00"
    scene.book.journal_holds()
    return scene, first


def owed(scene: Scene) -> list[Owed]:
    return [entry for entry in scene.book.entries if isinstance(entry, Owed)]


@pytest.mark.parametrize("others", [0, FULL, RECENT + 2])
def test_a_reversal_under_another_de11_takes_nothing_back_twice_while_the_disk_is_slow(others: int) -> None:
    scene, first = scene_with(others)
    scene.rif.sends(reversal(first, "000901"))
    scene.rif.sends(reversal(first, "000902", de7="1125120050"))
    scene.book.journal_flushes()
    assert [scene.rif.gets()["39"] for _ in range(2)] == ["00", "00"]
    assert [entry.key[2] for entry in owed(scene)] == ["000901"]
    scene.rif.sends(reversal(first, "000903", de7="1125120055"))
    assert scene.rif.gets()["39"] == "00"
    assert len(owed(scene)) == 1, "the journal has it by now"


@pytest.mark.parametrize("others", [0, FULL, RECENT + 2])
def test_so_does_one_that_takes_a_part_back(others: int) -> None:
    scene, first = scene_with(others)
    left = f"{5_000:012d}{0:012d}C{0:08d}C{0:08d}"
    scene.rif.sends(reversal(first, "000901", de95=left))
    scene.rif.sends(reversal(first, "000902", de7="1125120050", de95=left))
    assert [sum(entry.posts.values()) for entry in owed(scene)] == [-10_000]
    scene.rif.sends(reversal(first, "000903", de7="1125120055"))
    assert [sum(entry.posts.values()) for entry in owed(scene)] == [-10_000, -5_000], "the rest of it, once"


@pytest.mark.parametrize("others", [0, FULL, RECENT + 2])
def test_an_increment_counts_before_it_is_durable(others: int) -> None:
    scene, hold = scene_with(others, t="0100", de25="06", de35="", de52="")
    named = {"90": reversal(hold)["90"], "38": "A12345"}
    scene.book.journal_flushes()
    scene.rif.sends({**hold, "11": "000902", "4": "000000010000", **named})
    asked = scene.atlas.gets()
    scene.book.journal_holds()
    scene.atlas.answers(asked, "00", de38="A12345")
    scene.rif.sends({**reversal(hold, "000903"), "t": "0220", "4": "000000025000", "38": "A12345"})
    scene.book.journal_flushes()
    assert [scene.rif.gets()["39"] for _ in range(2)] == ["00", "00"], "250.00 are held"


def test_a_completion_counts_before_it_is_durable() -> None:
    scene, hold = scene_with(RECENT + 2, t="0100", de25="06", de35="", de52="")
    done = {**reversal(hold, "000901"), "t": "0220", "4": "000000009000", "38": "A12345"}
    scene.rif.sends(done)
    scene.rif.sends(reversal(hold, "000902", de7="1125120050"))
    assert [sum(entry.posts.values()) for entry in owed(scene)] == [9_000, -9_000], (
        "what was captured goes back with the hold"
    )
