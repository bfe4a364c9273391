"""Days of classic terminals: their paper and the issuer's accounts are the same, and an audit that finds what is broken.

CMI_SWEEP=1 runs 500; each is repeated by `python -m switch.sim.classic_days --first-seed N --seeds 1`.
"""

import os

import pytest

from switch.core.transactions.batch_lookup import Lookup
from switch.core.transactions.classic import Classic
from switch.sim.classic_days import ClassicDays, with_port
from tests.core.scripts import morocco

SEEDS = 500 if "CMI_SWEEP" in os.environ else 2
NETWORK = with_port(morocco(), "rif")


def found(seed: int, payments: int = 50) -> list[str]:
    days = ClassicDays(NETWORK, seed)
    for _ in range(2):
        days.run(payments, 0.3)
    return days.audit()


@pytest.mark.parametrize("seed", range(1, SEEDS + 1))
def test_paper_and_accounts_are_the_same(seed: int) -> None:
    assert found(seed) == []


def test_all_that_can_go_wrong_does() -> None:
    days = ClassicDays(NETWORK, 2)
    days.run(80, 0.5)
    assert days.audit() == []
    seen = {
        "request lost",
        "answer lost",
        "line dropped",
        "issuer slow",
        "issuer away",
        "request late",
        "switch killed",
        "comes twice",
    }
    assert (
        seen | {"sale approved", "sale declined", "sale not known", "void 00", "void not known"} <= days.counts.keys()
    )


@pytest.mark.parametrize(
    ("of", "method", "instead", "first_seed"),
    [
        (Lookup, "repeated", lambda *_: None, 1),
        (
            Classic,
            "_undo_void",
            lambda of, session, document, raw, _, now: of._never_came(session, document, raw, now),
            1,
        ),
        (Classic, "_reversal", Classic._never_came, 1),
        (Lookup, "told_again", lambda *_: None, 14),
        (Lookup, "invoiced", lambda *_: None, 1),
        (Classic, "_leaves_nothing", lambda *_: False, 1),
    ],
    ids=[
        "a repeat is a new payment",
        "a void cannot be undone",
        "reversals take nothing back",
        "what was told is told twice",
        "an invoice names nothing",
        "a void of nothing is a tip",
    ],
)
def test_the_audit_finds_what_is_broken(
    of: type, method: str, instead: object, first_seed: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(of, method, instead)
    assert any(found(seed) for seed in range(first_seed, first_seed + 8))
