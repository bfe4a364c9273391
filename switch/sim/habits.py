"""Who writes or names things in a way of its own today: drawn apart from what hosts think, so that days stay as they were."""

from random import Random
from typing import Final

import msgspec

from switch.simulators.lettering import LETTERINGS
from switch.simulators.minds import HABITS, Manner, Mind

HABIT_SHARE: Final = 0.5
"""of hosts that write their answers in a way of their own, on a day with minds"""
LETTER_SHARE: Final = 0.3
"""of hosts and terminals that write letters on links of ASCII, on a day with minds"""
PARTING_SHARE: Final = 0.5
"""of hosts that approve parts, on a day with minds"""
PART_SHARE: Final = 0.5
"""of payments that they approve in part, where terminals can take less"""
RENUMBERING_SHARE: Final = 0.3
"""of acquirers that repeat a reversal under a new DE11, on a day with minds"""


def habitual(mind: Mind, host: str, seed: int) -> Mind:
    """The same mind, that may write its answers in a way of its own today."""
    rng = Random(f"{seed} {host} habits")  # noqa: S311 - its own: else other days change
    return msgspec.structs.replace(mind, habit=rng.choice(HABITS)) if rng.random() < HABIT_SHARE else mind


def parting(mind: Mind, host: str, seed: int) -> Mind:
    """The same mind, that may approve parts today."""
    rng = Random(f"{seed} {host} parts")  # noqa: S311 - its own: else other days change
    return msgspec.structs.replace(mind, approves_part=PART_SHARE) if rng.random() < PARTING_SHARE else mind


def less_taken(acquirer: str, seed: int) -> float:
    """The share of payments of an acquirer's terminals that may be approved in part today."""
    rng = Random(f"{seed} {acquirer} parts")  # noqa: S311 - its own: else other days change
    return rng.choice((0.0, 0.2, 0.6))


def lettering(party: str, seed: int) -> str:
    """What a host or a terminal writes letters in today where its link has ASCII (`simulators.lettering`); "": it writes none."""
    rng = Random(f"{seed} {party} letters")  # noqa: S311 - its own: else other days change
    return rng.choice(LETTERINGS) if rng.random() < LETTER_SHARE else ""


def renumbering(manner: Manner, acquirer: str, seed: int) -> Manner:
    """The same manner, that may repeat a reversal under a new DE11 today."""
    rng = Random(f"{seed} {acquirer} habits")  # noqa: S311 - its own: else other days change
    return msgspec.structs.replace(manner, renumbers=rng.random() < RENUMBERING_SHARE)
