"""Days with hosts that think otherwise than ours do: all books agree, and each rule they need is missed within a few days.

The minds and manners are `simulators.minds`'; each names its source.
"""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from switch.config import load_network
from switch.core.links import pending
from switch.core.messages.answer_codes import AnswerCodes, Meaning, Receipt
from switch.core.transactions import late_answers, originals, payments
from switch.sim.cast import Cast
from switch.sim.world import World
from switch.simulators.lettering import LETTERINGS
from switch.simulators.minds import HABITS, MANNERS, MINDS_87, MINDS_93, PLAIN_MIND, Habit, Manner
from switch.wire.vocabulary import DE, Answer


@pytest.fixture(scope="module")
def cast() -> Cast:
    return Cast(load_network("morocco"), minds=True)


@pytest.mark.long
def test_whatever_its_hosts_think_a_day_ends_in_agreement(cast: Cast) -> None:
    minds, manners, habits, renumbering = set[str](), set[str](), set[str](), set[bool]()
    for seed in range(2_000, 2_020):
        world = World(cast, seed, 250)
        minds |= {mind.name for mind in world.minds.values()}
        manners |= {manner.name for manner in world.manners.values()}
        habits |= {mind.habit.name for mind in world.minds.values()}
        renumbering |= {manner.renumbers for manner in world.manners.values()}
        if seed % 2:
            continue  # drawn, for what hosts there are; `cmi-switch simulate --minds` runs more
        assert world.run().failures == (), (
            f"cmi-switch simulate --minds --seeds 1 --first-seed {seed} --transactions 250"
        )
    assert minds >= {mind.name for mind in (*MINDS_87, *MINDS_93)}
    assert manners >= {manner.name for manner in MANNERS}
    assert habits >= {habit.name for habit in HABITS}
    assert renumbering == {True, False}


def test_what_showed_a_hold_that_its_increment_did_not_find_holds(cast: Cast) -> None:
    """An increment that named a hold by its repeat, which a crash had let pass for the first request, stood by itself at the
    issuer, and outlived its hold's reversal."""
    assert World(cast, 310_233, 1_000).run().failures == ()


def test_a_day_has_approvals_of_a_part_and_all_books_agree_on_them(cast: Cast) -> None:
    """Of refunds, too: their sign was lost in two books of the simulation."""
    world = World(cast, 3_031, 400)
    assert world.run().failures == ()
    parts = [payment for one in world.terminals for payment in one.book().payments if payment.de39 == Answer.PARTIAL]
    assert {payment.amount < 0 for payment in parts} == {True, False}
    assert [one.approves_part for one in world.minds.values()].count(0.0) < len(world.minds)


@pytest.fixture(scope="module")
def before() -> Cast:
    """As days were before hosts had habits: what failed then."""
    without = Cast(load_network("morocco"), minds=True)
    without.habits = False
    return without


@pytest.mark.parametrize("seed", [1, 5, 93, 119, 138, 244, 246, 313, 361])
def test_what_failed_once_holds(before: Cast, seed: int) -> None:
    """Seeds that showed, among others: a refused reversal repeated under its old name; a completion without DE37; a late approval
    forgotten; a crash before its reversal was durable; a reversal dealt with before the approval."""
    assert World(before, seed, 300).run().failures == ()


@pytest.mark.parametrize("seed", [102, pytest.param(112, marks=pytest.mark.long)])
def test_a_completion_of_what_was_approved_without_a_code_follows_it(
    cast: Cast, seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Named by DE37 alone it was posted as another payment, and the switch had counted more than both banks."""
    omits = next(habit for habit in HABITS if habit.name == "omits the approval code")
    monkeypatch.setattr(Cast, "mind", lambda *_: msgspec.structs.replace(PLAIN_MIND, habit=omits))
    monkeypatch.setattr("switch.sim.cast.habitual", lambda mind, *_: mind)
    assert World(cast, seed, 200).run().failures == ()


@pytest.mark.long
@pytest.mark.parametrize("habit", HABITS, ids=lambda habit: habit.name)
def test_however_a_host_writes_its_answers_a_day_ends_in_agreement(
    cast: Cast, habit: Habit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.sim.cast.habitual", lambda mind, *_: msgspec.structs.replace(mind, habit=habit))
    day = World(cast, 2_100, 100).run()
    assert day.failures == ()
    assert not habit.strays or day.events["answer.unmatched"]


@pytest.mark.parametrize("letters", LETTERINGS)
def test_letters_on_links_of_ascii_cost_no_payment(cast: Cast, letters: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everybody's, in what is asked and in what is answered."""
    monkeypatch.setattr("switch.sim.cast.lettering", lambda *_: letters)
    monkeypatch.setattr(Cast, "mind", lambda *_: PLAIN_MIND)
    monkeypatch.setattr("switch.sim.cast.habitual", lambda mind, *_: mind)
    day = World(cast, 2_200, 80, faults=()).run()
    assert day.failures == ()
    assert "text.respelled" in day.events
    assert "message.unreadable" not in day.events
    assert "element.dropped" not in day.events


@pytest.mark.long
@pytest.mark.parametrize(("seed", "faults", "payments"), [(589, (6,), 1_000), (847, None, 1_000), (847, (32, 34), 500)])
def test_what_failed_once_in_a_whole_day_holds(
    before: Cast, seed: int, faults: tuple[int, ...] | None, payments: int
) -> None:
    """Reversals without DE37 of what a crash had made forgotten: their issuer took back another payment, of the same terminal,
    card and amount, or forgot them. `faults`: of the schedule; None: all."""
    drawn = World(before, seed, 1_000).faults
    chosen = None if faults is None else tuple(drawn[n] for n in faults)
    assert World(before, seed, 1_000, chosen, payments).run().failures == ()


@pytest.mark.long
@pytest.mark.parametrize("seed", [77_003, 77_117])
def test_an_approval_that_a_crash_made_unheard_is_undone_if_anyone_can_know_of_it(cast: Cast, seed: int) -> None:
    """A host answers 25 and approves then, or accepts a reversal and approves all the same; the switch dies before what it makes
    of that is durable."""
    assert World(cast, seed, 600).run().failures == ()


LESS = next(manner for manner in MANNERS if manner.name == "sends the local time without DE37")
SHORT = (LESS, msgspec.structs.replace(LESS, name="sends the local time alone", without=(DE.RRN, DE.TERMINAL)))


@pytest.mark.long
@pytest.mark.parametrize("manner", SHORT, ids=lambda manner: manner.name)
def test_what_a_crash_made_forgotten_is_undone_however_short_its_name(
    cast: Cast, manner: Manner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Cast, "manner", lambda _, __: manner)
    unknown = 0
    for seed in (1, 2, 15, 25):
        day = World(cast, seed, 600).run()
        assert day.failures == ()
        unknown += day.events.get("reversal.original_unknown", 0)
    assert unknown > 20


def every_answer_ends_a_reversal(patch: pytest.MonkeyPatch) -> None:
    receipt = AnswerCodes.receipt

    def answered(self: AnswerCodes, code: str | None) -> Receipt:
        found = receipt(self, code)
        return found if found is Receipt.LATER else Receipt.ACCEPTED

    patch.setattr(AnswerCodes, "receipt", answered)
    patch.setattr(late_answers.LateAnswers, "_undo_late", lambda *_: "the reversal owed undoes it")


def an_unlisted_code_declines(patch: pytest.MonkeyPatch) -> None:
    read = AnswerCodes.read

    def declined(self: AnswerCodes, code: str | None) -> tuple[Meaning, str]:
        meaning, internal = read(self, code)
        return (Meaning.DECLINED, "05") if meaning is Meaning.UNKNOWN else (meaning, internal)

    patch.setattr(AnswerCodes, "read", declined)


def an_approval_of_less_is_one_of_all(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(payments, "contradiction", lambda *_, **__: "")
    patch.setattr(payments, "approves_less", lambda *_: False)


def an_original_is_found_by_its_whole_key_only(patch: pytest.MonkeyPatch) -> None:
    def whole(kernel: Any, message: Any, original: Any, **_: Any) -> Any:
        key = originals.named_key(message, original)
        return originals._candidate(kernel, key) if key is not None else None

    patch.setattr("switch.core.transactions.reversals.find_original", whole)


def an_answer_must_echo_de7(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pending.PendingTable, "_may_restamp", lambda *_: False)


@pytest.mark.long
@pytest.mark.parametrize(
    ("mutant", "seeds"),
    [(every_answer_ends_a_reversal, 12), (an_unlisted_code_declines, 8), (an_approval_of_less_is_one_of_all, 8),
     (an_original_is_found_by_its_whole_key_only, 8), (an_answer_must_echo_de7, 8)],
)  # fmt: skip
def test_a_rule_that_is_left_out_is_missed(
    cast: Cast, mutant: Callable[[pytest.MonkeyPatch], None], seeds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mutant(monkeypatch)
    days = (World(cast, seed, 250).run() for seed in range(1, seeds + 1))
    assert any(day.failures or day.events.get("answer.missing", 0) > day.transactions // 5 for day in days)


@pytest.mark.long
def test_no_connection_that_signs_on_as_another_is_taken_for_it(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("switch.sim.cast.POSING_SHARE", 1.0)
    day = World(cast, 1, 250).run()
    assert day.failures == ()
    assert day.events["link.sign_on_refused"]
    monkeypatch.setattr("switch.core.link_control.network_management.bar", lambda *_: None)
    failures = World(cast, 1, 250).run().failures
    assert any("signed on as another, and was taken for it" in failure.sentence for failure in failures), failures
