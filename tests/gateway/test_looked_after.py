"""What the gateway looks after each second, and refunds by operators: once, whatever the clock, the switch or one order does."""

from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from switch.gateway.intake import take_form
from switch.gateway.orders.lifecycle import IllegalMoveError, Stage
from switch.gateway.orders.order import Order
from switch.gateway.orders.refunds import WAITS_US, RefundState
from tests.gateway.test_flow import bought, serving
from tests.gateway.test_kills import World, form


async def test_a_refund_that_two_operators_want_is_given_back_once(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path, World(lambda n: "ACTION=POSTAUTH")) as service:
        order, store = await bought(service), service.registry.store
        asked = store.ask_refund(order, 1000, "amina", "broken", 1, alone=False)
        with pytest.raises(IllegalMoveError, match="it takes another person"):
            store.approvable(asked.number, "amina", 2)
        with pytest.raises(IllegalMoveError, match="forgotten after 15 minutes"):
            store.approvable(asked.number, "brahim", 1 + WAITS_US)
        for amount in (0, 3151):
            with pytest.raises(IllegalMoveError, match="expected at most 3150"):
                store.ask_refund(order, amount, "amina", "", 1, alone=False)
        await trio.sleep(3)
        assert (await service.order(order.number)).credited == 0, "one person alone gives nothing back"
        approved = store.approve_refund(store.approvable(asked.number, "brahim", 2), "brahim")
        with pytest.raises(IllegalMoveError, match="waits no more"):
            store.approve_refund(asked, "chaima")
        link: Any = service.desk._acquirer
        link.away = True
        await trio.sleep(5)
        assert [one.state for one in store.refunds_of(order)] == [RefundState.OWED], "the switch has not answered"
        link.away = False
        await trio.sleep(30)
        assert (await service.order(order.number)).credited == 1000
        (done,) = store.refunds_of(order)
        assert (done.state, done.approved_by) == (RefundState.DONE, "brahim")
        store.settle_refund(approved, RefundState.APPROVED)  # as a gateway that ended before it could say so leaves it
        late = store.ask_refund(order, 500, "amina", "seen before", 3, alone=True)
        await trio.sleep(5)
        assert (await service.order(order.number)).credited == 1000, (
            "the same is not done twice, nor what was seen before"
        )
        states = {one.number: (one.state, one.said) for one in store.refunds_of(order)}
        assert states[done.number] == (RefundState.DONE, "")
        assert states[late.number] == (RefundState.REFUSED, "something else had happened to the order meanwhile")


async def test_a_refund_that_the_switch_refuses_is_not_done(tmp_path: Path, autojump_clock: MockClock) -> None:
    world = World(lambda n: "ACTION=POSTAUTH")
    async with serving(tmp_path, world) as service:
        order, store = await bought(service), service.registry.store
        store.ask_refund(order, 1000, "amina", "broken", 1, alone=True)
        world.holds.clear()  # the switch does not know what it would give back of
        await trio.sleep(5)
        (refund,) = store.refunds_of(order)
        assert (refund.state, refund.said[:21]) == (RefundState.REFUSED, "the switch refused it")
        assert ((now := await service.order(order.number)).stage, now.credited) == (Stage.CAPTURED, 0)


async def test_a_refund_is_done_though_the_clock_was_set_back_meanwhile(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, World(lambda n: "ACTION=POSTAUTH")) as service:
        order, store = await bought(service), service.registry.store
        for module in ("service", "desk", "owing", "shops"):
            monkeypatch.setattr(f"switch.gateway.{module}.now_us", lambda: order.moved_us - 3_600_000_000)
        asked = store.ask_refund(order, 1000, "amina", "broken", 1, alone=True)
        await trio.sleep(30)
        (refund,) = store.refunds_of(order)
        assert (refund.state, (await service.order(order.number)).credited) == (RefundState.DONE, 1000)
        store.settle_refund(asked, RefundState.APPROVED)  # as a gateway that ended before it could say so leaves it
        await trio.sleep(5)
        assert [one.state for one in store.refunds_of(order)] == [RefundState.DONE], "nor is it given back twice"
        assert (await service.order(order.number)).credited == 1000


async def test_what_cannot_be_done_about_one_order_holds_up_no_other(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, World(lambda n: "ACTION=POSTAUTH")) as service:
        first, second = await take_form(service, form("A1")), await take_form(service, form("A2"))
        expire, said = service.expire, list[tuple[str, object]]()

        async def fail(order: Order) -> Order:
            if order.number == first.number:
                raise ZeroDivisionError
            return await expire(order)

        monkeypatch.setattr(service, "expire", fail)
        monkeypatch.setattr(service.desk, "report", lambda event, fields: said.append((event, fields["order"])))
        monkeypatch.setattr("switch.gateway.service.now_us", lambda: second.ends_us + 1)
        await trio.sleep(3)
        assert (await service.order(second.number)).stage is Stage.EXPIRED
        assert ("order.failed", "A1") in said
