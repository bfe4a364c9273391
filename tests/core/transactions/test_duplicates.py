"""A repeat is known as one within the network's `duplicate_window_s`: in memory, let go by memory, and after a restart.

Beyond it a key says nothing: DE11 and DE7 come again, DE7 every year, and what memory or the journal still holds of then is
another message's.
"""

from collections.abc import Callable

import msgspec
import pytest

from switch.core.records.outcomes import Outcome
from switch.core.records.records import Declined, Forwarded, Key, Owed
from switch.sim.playbook import Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import Scene, morocco, purchase, reversal

WINDOW_S = 3_600
RECENT = 16
YEAR_S = 365 * 86_400


def scene_of(recent: int = 1_000, snapshot: int = 1 << 40) -> Scene:
    network = morocco()
    limits = msgspec.structs.replace(network.limits, recent_transactions=recent, snapshot_records=snapshot)
    return Scene(Playbook(msgspec.structs.replace(network, limits=limits, duplicate_window_s=WINDOW_S)))


def pays(scene: Scene, sent: Document, de39: str = "00") -> None:
    scene.rif.sends(sent)
    scene.atlas.answers(scene.atlas.gets(), de39, de38="A12345")
    assert scene.rif.gets()["39"] == de39


def wait(scene: Scene, seconds: int) -> Scene:
    """The wall clock goes on; nothing else happens."""
    scene.book.switch.wall_offset_ns += seconds * 1_000_000_000
    scene.book.now += 1
    return scene


def in_memory(scene: Scene) -> Scene:
    return scene


def beyond_memory(scene: Scene) -> Scene:
    for n in range(2, 60):
        pays(scene, purchase(stan=f"{n:06d}", de7="1125120001"))
    return scene


def restarted(scene: Scene) -> Scene:
    at = scene.book.switch.wall_offset_ns
    after = Scene(scene.book.crashes())
    after.book.switch.wall_offset_ns = at
    return after


MEANWHILE: list[Callable[[Scene], Scene]] = [
    in_memory,
    beyond_memory,
    restarted,
    lambda scene: restarted(beyond_memory(scene)),
]
NAMES = ["in memory", "let go", "restarted", "let go and restarted"]
meanwhile = pytest.mark.parametrize("then", MEANWHILE, ids=NAMES)


@meanwhile
def test_within_the_window_a_repeat_gets_the_same_answer_and_goes_nowhere(then: Callable[[Scene], Scene]) -> None:
    scene = scene_of(recent=RECENT)
    sent = purchase(stan="000001")
    pays(scene, sent)
    scene = wait(then(scene), WINDOW_S - 1)
    scene.rif.sends({**sent, "t": "0201"})
    answer = scene.rif.gets()
    assert (answer["39"], answer["38"]) == ("00", "A12345")
    assert scene.atlas.got_nothing()


@meanwhile
def test_beyond_the_window_the_same_key_is_another_payment(then: Callable[[Scene], Scene]) -> None:
    scene = scene_of(recent=RECENT)
    sent = purchase(stan="000001")
    pays(scene, sent)
    scene = wait(then(scene), WINDOW_S + 1)
    pays(scene, sent, "51")
    assert len({f.txn for f in scene.book.recorded(Forwarded) if f.key[2] == "000001"}) == 2
    scene.rif.sends({**sent, "t": "0201"})
    assert scene.rif.gets()["39"] == "51", "as the newer of the two was answered"


def test_beyond_the_window_another_amount_under_the_same_key_is_no_mistake() -> None:
    scene = scene_of()
    pays(scene, purchase())
    scene.rif.sends(purchase(de4="000000000100"))
    assert scene.rif.gets()["39"] == "94"
    pays(wait(scene, WINDOW_S + 1), purchase(de4="000000000200"))


@meanwhile
def test_a_reversal_repeated_within_the_window_is_owed_once(then: Callable[[Scene], Scene]) -> None:
    scene = scene_of(recent=RECENT)
    sent = purchase(stan="000001")
    pays(scene, sent)
    back = reversal(sent)
    scene.rif.sends(back)
    assert scene.rif.gets()["39"] == "00"
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene = wait(then(scene), WINDOW_S - 1)
    scene.rif.sends({**back, "t": "0401"})
    assert scene.rif.gets()["39"] == "00"
    assert len(scene.book.recorded(Owed)) == 1


@meanwhile
def test_what_a_reversal_undoes_may_be_older_than_the_window(then: Callable[[Scene], Scene]) -> None:
    scene = scene_of(recent=RECENT)
    sent = purchase(stan="000001")
    pays(scene, sent)
    scene = wait(then(scene), 30 * 86_400)
    scene.rif.sends(reversal(sent, de7="1225120000"))
    assert scene.rif.gets()["39"] == "00"
    (owed,) = scene.book.recorded(Owed)
    assert isinstance(owed, Owed)
    assert owed.original == scene.book.recorded(Forwarded)[0].txn


@meanwhile
def test_a_year_later_the_same_key_names_nothing(then: Callable[[Scene], Scene]) -> None:
    scene = scene_of(recent=RECENT)
    sent = purchase(stan="000001")
    pays(scene, sent)
    scene = wait(then(scene), YEAR_S)
    scene.rif.sends(reversal(sent))
    assert scene.rif.gets()["39"] == "00"
    assert scene.book.logged("reversal.original_unknown"), "this year's original never came here"
    (owed,) = scene.book.recorded(Owed)
    assert isinstance(owed, Owed)
    assert owed.original == 0


def test_a_refusal_that_was_never_recorded_is_remembered_within_the_window_only() -> None:
    scene = scene_of()
    sent = purchase()
    scene.book.journal_fails("the disk is full")
    scene.rif.sends(sent)
    assert scene.rif.gets()["39"] == "96"
    scene.book.journal_returns()
    once_more = purchase(stan="000124")
    for each, seconds in ((sent, WINDOW_S - 1), (once_more, WINDOW_S + 1)):
        scene.book.journal_fails("the disk is full")
        scene.rif.sends(each)
        assert scene.rif.gets()["39"] == "96"
        scene.book.journal_returns()
        wait(scene, seconds)
        if each is sent:
            scene.rif.sends({**each, "t": "0201"})
            assert scene.rif.gets()["39"] == "96"
            assert len(scene.book.recorded(Declined)) == 1
        else:
            pays(scene, each)


def test_memory_stays_bounded_and_every_repeat_of_the_window_is_still_known() -> None:
    scene = scene_of(recent=RECENT, snapshot=50)
    sent = [purchase(stan=f"{n:06d}", de7=f"112512{n // 60:02d}{n % 60:02d}") for n in range(1, 200)]
    for n, each in enumerate(sent):
        pays(scene, each, "00" if n % 3 else "51")
        state = scene.book.switch.state
        assert len(state.recent) <= RECENT
        assert (len(state.open), len(state.owed), len(state.horizons)) == (
            0,
            0,
            1 if n >= RECENT else len(state.horizons),
        )
    for n, each in enumerate(sent):
        scene.rif.sends({**each, "t": "0201"})
        assert scene.rif.gets()["39"] == ("00" if n % 3 else "51")
    assert scene.atlas.got_nothing()
    assert len(scene.book.switch.state.recent) <= RECENT


def asked(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """DE11 of what History is asked for from now on."""
    history, names = scene.book.switch.history, []

    def find(key: Key) -> Outcome | None:
        names.append(key[2])
        return type(history).find(history, key)

    monkeypatch.setattr(history, "find", find)
    return names


@pytest.mark.parametrize("clock", ["0101000007", "0527235959", "0224000000", "1204130000", "1231235959"])
@pytest.mark.parametrize("snapshot", [1 << 40, 40])
def test_a_terminal_whose_clock_is_wrong_is_known_again_and_costs_the_others_no_look_up(
    clock: str, snapshot: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = scene_of(recent=RECENT, snapshot=snapshot)
    odd = purchase(stan="000001", de7=clock)
    pays(scene, odd)
    scene = beyond_memory(scene)
    names = asked(scene, monkeypatch)
    pays(scene, purchase(stan="000700", de7="1125120002"))
    assert names == [], "a new payment is not asked for"
    scene.rif.sends({**odd, "t": "0201"})
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing()
    assert names == ["000001"]


def test_what_came_from_tomorrow_is_known_again_when_tomorrow_has_come() -> None:
    scene = scene_of(recent=RECENT)
    early = purchase(stan="000001", de7="1127000100")
    pays(scene, early)
    scene = wait(beyond_memory(scene), WINDOW_S - 1)
    scene.rif.sends({**early, "t": "0201"})
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing()
