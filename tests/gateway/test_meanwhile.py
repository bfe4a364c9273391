"""What happens to an order, or is due about it, while its card's bank is asked."""

from pathlib import Path

import trio
from trio.testing import MockClock

from switch.gateway.orders.lifecycle import Stage
from switch.gateway.payment_messages import Card
from switch.http.client import Reply
from tests.gateway.test_authentication import PLAIN_BROWSER, Switch, scene
from tests.threeds import world as w


async def test_a_customer_who_cancels_while_the_bank_is_asked_is_no_error(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async def slow(_: bytes) -> None:
        await trio.sleep(2)

    async with scene(tmp_path, Switch()) as at:
        at.bank.trouble["8450"] = slow
        async with trio.open_nursery() as nursery:
            nursery.start_soon(at.pay, w.CHALLENGED)
            await trio.sleep(1)
            await at.service.cancel(await at.order())
        assert (await at.order()).stage is Stage.CANCELLED
        assert "order.failed" not in [event for event, _ in at.bank.log]


async def test_a_shop_is_told_nothing_of_a_card_that_is_at_its_bank(tmp_path: Path, autojump_clock: MockClock) -> None:
    """It was told of the first card; the second has no outcome yet, and would be told as another decline."""
    async with scene(tmp_path, Switch()) as at:
        told: list[dict[str, str]] = []

        async def post(url: str, pairs: list[tuple[str, str]], hosts: tuple[str, ...], charset: str) -> Reply:
            told.append(dict(pairs))
            return Reply(status=500 if len(told) == 1 else 200, text="")

        at.service.shops._post = post
        declined = await at.pay(w.REFUSED)
        assert declined.stage is Stage.DECLINED
        await trio.sleep(2)
        again = await at.service.pay(
            await at.order(), Card(pan=w.CHALLENGED, expiry="3112", cvv2="071"), "10.0.0.1", PLAIN_BROWSER
        )
        assert (again.stage, len(told)) == (Stage.AUTHENTICATING, 1)
        at.service.registry.store.call_again(1)
        await trio.sleep(3)
        assert len(told) == 1
        await at.service.cancel(await at.order())
        await trio.sleep(3)
        assert [one["ErrMsg"] for one in told[1:]] == ["Cancelled by the customer"]
