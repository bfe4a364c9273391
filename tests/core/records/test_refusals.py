"""Refusals that are kept in memory only: found by their message's key, the newest of them."""

from switch.core.records.records import Key
from switch.core.records.refusals import Refusals


def key(n: int, de7: str = "1125120000", terminal: str = "RIF00001") -> Key:
    return "rif", "2", f"{n:06d}", de7, "504102", terminal


def kept(refusals: Refusals) -> dict[Key, tuple[int, str]]:
    return dict(refusals.items())


def test_a_refusal_is_found_by_all_of_its_key() -> None:
    refusals = Refusals(100)
    assert not refusals
    refusals.add(key(1), 7, "96")
    assert refusals
    assert refusals.find(key(1)) == (7, "96")
    others: list[Key] = [key(2), key(1, "1125120001"), key(1, terminal="RIF00002"), ("atlas", *key(1)[1:])]
    others.append(("rif", "1", *key(1)[2:]))
    assert not any(other in refusals for other in others)


def test_one_refused_otherwise_than_the_rest_of_its_second_keeps_its_own_answer() -> None:
    refusals = Refusals(100)
    refusals.add(key(1), 7, "14")
    refusals.add(key(2), 8, "96")
    assert (refusals.find(key(1)), refusals.find(key(2))) == ((8, "14"), (8, "96"))
    refusals.add(key(1), 9, "96")
    assert refusals.find(key(1)) == (9, "96")
    assert kept(refusals) == {key(1): (9, "96"), key(2): (9, "96")}


def test_the_newest_are_known_and_the_rest_let_go() -> None:
    refusals = Refusals(10)
    for n in range(1_000):
        refusals.add(key(n, f"11251200{n // 5 % 60:02d}"), n, "96")
        assert all(key(m, f"11251200{m // 5 % 60:02d}") in refusals for m in range(max(0, n - 9), n + 1))
        assert len(kept(refusals)) <= 20


def test_who_sends_one_and_the_same_second_for_ever_fills_nothing() -> None:
    """A terminal whose clock has stopped."""
    refusals = Refusals(10)
    for n in range(1_000):
        refusals.add(key(n), n, "14" if n % 2 else "96")
        assert all(refusals.find(key(m)) == (n, "14" if m % 2 else "96") for m in range(max(0, n - 9), n + 1))
    assert len(kept(refusals)) <= 20
    assert len(next(iter(refusals._alike.values())).others) <= 10


def test_who_has_each_second_to_himself_fills_nothing() -> None:
    refusals = Refusals(10)
    for n in range(1_000):
        refusals.open(("rif", "2", f"{n:010d}", "504102"), n)
        refusals.grew(0)
    assert len(refusals._alike) == 10
