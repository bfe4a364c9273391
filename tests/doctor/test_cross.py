"""Slices of what `python -m tests.doctor.cross` and `python -m tests.doctor.healthy` count at length."""

import pytest

from tests.doctor import cross, healthy

RIGHT_MIN = 0.95


@pytest.mark.long
def test_the_right_cause_comes_first_whatever_is_sent_and_whatever_is_configured() -> None:
    tally = cross.run(every=1_249)
    assert tally.cases > 100
    assert tally.share >= RIGHT_MIN, tally.report()


def test_others_messages_in_every_framing_are_told_from_every_other_framing() -> None:
    tally = cross.run_vectors()
    if not tally.cases:
        pytest.skip("the messages made by others are not here")
    assert tally.share >= RIGHT_MIN, tally.report()


@pytest.mark.parametrize("frames", [2_000, pytest.param(10_000, marks=pytest.mark.long)])
def test_a_healthy_link_gets_no_advice(frames: int) -> None:
    assert healthy.run(frames=frames, seed=8583) == ""
