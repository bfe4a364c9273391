"""Playbooks: what an operator sees of what is owed, and does about it."""

from typing import Any, TypeVar

import pytest

from switch.core.operator.command import Unable
from switch.core.operator.saf import RETRIES_MAX, HoldResult, OwedRow, RetryResult, SafList
from switch.core.records.records import Retried
from switch.sim.playbook import Playbook
from tests.core.saf.test_forwarder import advice, completion, network, pre_authorized, read_all
from tests.core.scripts import Scene, purchase, reversal

T = TypeVar("T")


def asks(book: Playbook, form: type[T], command: str, **arguments: object) -> T:
    result = book.asks(command, **arguments)
    assert isinstance(result, form)
    return result


def rows(book: Playbook, **arguments: object) -> list[OwedRow]:
    return list(asks(book, SafList, "saf.list", **arguments).items)


def test_each_message_is_listed_with_what_it_waits_for() -> None:
    scene = Scene(Playbook(network({"owed_in_flight": 2}, owed_tries_max=3)))
    sent = pre_authorized(scene)
    scene.rif.sends(completion(sent, "000900"))
    scene.rif.sends(reversal(sent, "000901"))
    refused, there_too = advice("000001"), advice("000002")
    scene.rif.sends(refused)
    scene.rif.sends(there_too)
    first, second = read_all(scene.atlas)[:2]
    scene.atlas.answers(second, "91")
    third = scene.atlas.gets()
    assert third["37"] == there_too["37"]
    scene.book.passes(4)
    completed, reversed_, backing_off, flying = rows(scene.book)
    assert (completed.state, completed.mti, completed.kind, completed.tries) == ("in flight", "0220", "advice", 1)
    assert (completed.age_s, completed.next_ms, completed.rrn) == (4, 6_000, first["37"])
    assert completed.original == reversed_.original != ""
    assert (reversed_.state, reversed_.behind, reversed_.tries) == ("behind", completed.txn, 0)
    assert (backing_off.state, backing_off.next_ms, backing_off.original) == ("backing off", 6_000, "")
    assert flying.state == "in flight"
    assert all("******" in row.pan for row in rows(scene.book))


def test_a_queue_is_counted_and_a_long_one_is_cut() -> None:
    scene = Scene(Playbook(network({"owed_in_flight": 2}, owed_tries_max=1)))
    for n in range(6):
        scene.rif.sends(advice(f"{n:06d}"))
    scene.book.passes(10)
    owing = asks(scene.book, SafList, "saf.list", host="atlas", limit=4)
    (atlas,) = owing.hosts
    assert (atlas.owed, atlas.in_flight, atlas.dead, atlas.up, atlas.held) == (6, 2, 2, True, False)
    assert (len(owing.items), owing.left_out) == (4, 2)
    assert [row.state for row in owing.items] == ["dead", "dead", "in flight", "in flight"]
    dead = rows(scene.book, dead=True)
    assert [row.state for row in dead] == ["dead"] * 2
    assert all("owed_tries_max" in row.note and row.next_ms is None for row in dead)


@pytest.mark.parametrize("how", ["txns", "host", "all"])
def test_a_dead_letter_is_put_back(how: str) -> None:
    scene = Scene(Playbook(network(owed_tries_max=1)))
    scene.rif.sends(advice())
    scene.book.passes(10)
    (dead,) = rows(Scene(scene.book.crashes()).book, dead=True)
    assert dead.tries == 1, "as it was when it was given up, over a restart"
    read_all(scene.atlas)
    arguments: dict[str, dict[str, Any]] = {
        "txns": {"txns": [dead.txn]},
        "host": {"host": "atlas"},
        "all": {"all": True},
    }
    done = asks(scene.book, RetryResult, "saf.retry", **arguments[how])
    assert (done.retried, done.left) == (1, 0)
    assert len(scene.book.recorded(Retried)) == 1
    scene.atlas.answers(scene.atlas.gets())
    assert rows(scene.book) == []


def test_what_backs_off_is_sent_at_once_without_a_record() -> None:
    scene = Scene()
    scene.rif.sends(advice())
    scene.atlas.answers(scene.atlas.gets(), "91")
    assert asks(scene.book, RetryResult, "saf.retry", host="atlas").retried == 1
    assert scene.atlas.gets()["t"] == "0221"
    assert not scene.book.recorded(Retried)
    assert asks(scene.book, RetryResult, "saf.retry", host="atlas").retried == 0, "it is in flight"


def test_a_retry_says_where_nothing_moves_all_the_same() -> None:
    scene = Scene(Playbook(network(owed_tries_max=1)))
    scene.rif.sends(advice())
    scene.book.passes(10)
    scene.atlas.hangs_up()
    scene.book.asks("saf.hold", name="atlas")
    done = asks(scene.book, RetryResult, "saf.retry", host="atlas")
    assert (done.retried, done.held, done.away) == (1, ("atlas",), ("atlas",))
    (row,) = rows(scene.book)
    assert (row.state, row.note) == ("held", "by an operator")
    scene.book.asks("saf.release", name="atlas")
    (row,) = rows(scene.book)
    assert (row.state, row.note, row.next_ms) == ("waiting", "its host is away", None)


def test_one_command_puts_back_only_so_many() -> None:
    scene = Scene(Playbook(network({"owed_in_flight": 10_000}, owed_tries_max=1, owed_per_second=100_000)))
    for n in range(RETRIES_MAX + 5):
        scene.rif.sends(advice(f"{n:06d}"))
    scene.book.passes(11)
    done = asks(scene.book, RetryResult, "saf.retry", all=True)
    assert (done.retried, done.left) == (RETRIES_MAX, 5)
    done = asks(scene.book, RetryResult, "saf.retry", all=True)
    assert (done.retried, done.left) == (5, 0)


def test_a_hold_says_what_was_so_already() -> None:
    scene = Scene()
    told = [
        asks(scene.book, HoldResult, f"saf.{what}", name="atlas") for what in ("hold", "hold", "release", "release")
    ]
    assert [(t.held, t.changed) for t in told] == [(True, True), (True, False), (False, True), (False, False)]
    assert len(scene.book.logged("owed.held")) == len(scene.book.logged("owed.released")) == 1


@pytest.mark.parametrize(
    ("command", "arguments", "said", "hint"),
    [
        ("saf.list", {"host": "atlass"}, 'there is no host "atlass"', "did you mean atlas?"),
        ("saf.hold", {"name": "nowhere"}, 'there is no host "nowhere"', "there are: atlas"),
        ("saf.retry", {}, "one thing is retried", "txns, host or all"),
        ("saf.retry", {"txns": ["1"], "all": True}, "one thing is retried", ""),
        ("saf.retry", {"txns": ["twelve"]}, "twelve is no transaction", "cmi-switch saf list"),
        ("saf.retry", {"txns": ["abc"]}, "nothing is owed as abc", "cmi-switch journal show abc"),
    ],
)
def test_what_cannot_be_done_is_said_with_what_can(
    command: str, arguments: dict[str, object], said: str, hint: str
) -> None:
    with pytest.raises(Unable, match=said) as caught:
        Scene().book.asks(command, **arguments)
    assert hint in caught.value.hint


def test_a_transaction_that_is_put_back_stays_in_order() -> None:
    scene = Scene(Playbook(network(owed_tries_max=1)))
    sent = pre_authorized(scene)
    scene.rif.sends(completion(sent, "000900"))
    scene.rif.sends(reversal(sent, "000901"))
    scene.book.passes(10)
    read_all(scene.atlas)
    head, behind = rows(scene.book)
    assert (head.state, behind.state, behind.behind) == ("dead", "behind", head.txn)
    assert asks(scene.book, RetryResult, "saf.retry", txns=[behind.txn]).retried == 0
    assert scene.atlas.got_nothing()
    scene.book.asks("saf.retry", txns=[head.txn])
    scene.atlas.answers(scene.atlas.gets())
    assert scene.atlas.gets()["t"] == "0420"


def test_purchases_are_none_of_its_business() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    assert rows(scene.book) == []
