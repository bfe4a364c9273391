"""A short slice of the fuzzing (tools/fuzz runs it at length): only declared errors come out, whatever goes in."""

from itertools import islice

import pytest

from tests.fuzz.mutate import inputs
from tests.fuzz.seeds import corpus, seeds
from tests.fuzz.target import one_input

SEEDS = seeds()


@pytest.mark.parametrize("data", corpus(), ids=lambda d: d[:12].hex())
def test_what_once_was_of_interest_is_still_right(data: bytes) -> None:
    one_input(data)


@pytest.mark.parametrize("seed", range(4))
def test_damaged_messages_give_declared_errors_and_nothing_else(seed: int) -> None:
    for data in islice(inputs(SEEDS, seed), 5_000):
        try:
            one_input(data)
        except Exception as error:
            pytest.fail(f"{type(error).__name__}: {error}: input {data.hex()}")


def test_the_seeds_are_good_and_their_damage_is_the_same_for_the_same_seed() -> None:
    for data in SEEDS:
        one_input(data)
    assert list(islice(inputs(SEEDS, 7), 50)) == list(islice(inputs(SEEDS, 7), 50))
