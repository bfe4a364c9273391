"""What the gateway does about orders, where two act at once, a shop changes its mind, or a step fails."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.gateway.api import answer_api
from switch.gateway.intake import RefusedFormError, take_form
from switch.gateway.merchants import Registry, hash_password
from switch.gateway.orders.database import StoreError
from switch.gateway.orders.disk import Disk
from switch.gateway.orders.lifecycle import IllegalMoveError, Stage
from switch.gateway.orders.order import Attempt, Order
from switch.gateway.orders.store import Store
from switch.gateway.protocol import hashes
from switch.gateway.protocol.explain import explain
from switch.gateway.protocol.fields import Fields
from switch.gateway.protocol.xml_api import ApiRequest, read_api_request
from switch.gateway.service import ATTEMPTS_MAX, LEFT_US, LINK_S, Service
from switch.gateway.shops import CALLS_PER_SHOP, now_us
from switch.gateway.web import Web
from switch.http.client import Reply
from switch.security.vault import VaultError
from switch.wire.vocabulary import DE, Document
from tests.gateway.asgi import ask
from tests.gateway.test_kills import CARD, CLIENT, NETWORK, World, check, form, gateway


@asynccontextmanager
async def serving(directory: Path, world: World) -> AsyncIterator[Service]:
    service, driver = gateway(directory, world)
    async with trio.open_nursery() as nursery:
        await nursery.start(service.run, driver)
        yield service
        nursery.cancel_scope.cancel()
    service.registry.store.close()


async def bought(service: Service, oid: str = "A1", seconds: float = 3) -> Order:
    """An order that was paid and is at rest."""
    order = await take_form(service, form(oid))
    await service.pay(order, CARD, "10.0.0.1")
    await trio.sleep(seconds)
    return await service.order(order.number)


async def test_two_credits_at_once_do_not_forget_each_other(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path, World(lambda n: "ACTION=POSTAUTH")) as service:
        order = await bought(service)
        await service.owing.credit(order, 1000)
        with pytest.raises(IllegalMoveError):
            await service.owing.credit(order, 500)
        await trio.sleep(3)
        assert (await service.order(order.number)).credited == 1000


async def test_no_message_has_a_de11_of_zeros(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path, World(lambda n: "ACTION=POSTAUTH")) as service:
        service.registry.store.take_numbers("stan", 999_997)
        stans = [(await service.desk.names(1, "504")).stan for _ in range(4)]
        assert stans == ["999998", "999999", "000001", "000002"], "000000 is no number: hosts refuse it"


async def test_a_card_typed_while_the_switch_is_away_waits_and_is_paid(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    world = World(lambda n: "ACTION=POSTAUTH")
    async with serving(tmp_path, world) as service:
        order, link = await take_form(service, form("A1")), service.desk._acquirer
        link.away = True  # type: ignore[attr-defined]
        async with trio.open_nursery() as nursery:
            nursery.start_soon(service.pay, order, CARD, "10.0.0.1")
            await trio.sleep(LINK_S - 1)
            assert await service.order(order.number) == order, "nothing has happened to it"
            link.away = False  # type: ignore[attr-defined]
        await trio.sleep(3)
        check(paid := await service.order(order.number), world)
        assert paid.stage is Stage.CAPTURED


async def test_a_card_that_no_link_is_there_for_is_not_charged_and_the_order_stays_payable(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """Typed before the link went, and while it went; each is said on the page, and counts for no try."""
    world = World(lambda n: "ACTION=POSTAUTH")
    async with serving(tmp_path, world) as service:
        order, app = await take_form(service, form("A1")), Web(service, NETWORK).app()
        link: Any = service.desk._acquirer
        card, at = [("pan", CARD.pan), ("expiry", "12/31"), ("cvv2", CARD.cvv2), ("lang", "en")], f"/pay/{order.token}"
        link.away = True
        for _ in range(ATTEMPTS_MAX + 1):
            said = await ask(app, at, card)
            assert (said.status, "You were not charged. Try again" in said.text) == (503, True)
            assert CARD.pan not in said.text
        assert await service.order(order.number) == order
        names = await service.desk.names(3150, "504")
        lost = await service._submit(order, CARD, Attempt(names=names, masked="9", scheme="cmi", client=""))
        assert (lost.stage, lost.attempts, lost.due_us) == (Stage.OPEN, 0, order.ends_us)
        assert "You were not charged. Try again" in (await ask(app, f"{at}?lang=en")).text
        assert (world.calls, world.holds) == ([], {})
        link.away = False
        assert (await ask(app, at, card)).status == 303
        await trio.sleep(3)
        check(paid := await service.order(order.number), world)
        assert (paid.stage, paid.attempts, len(world.holds)) == (Stage.CAPTURED, 1, 1)


async def test_an_amount_in_another_currency_is_refused(tmp_path: Path, autojump_clock: MockClock) -> None:
    """100 euros are not 100 dirhams."""
    async with serving(tmp_path, World(lambda n: "ACTION=POSTAUTH")) as service:
        order = await bought(service)
        merchant = service.registry.store.merchant(CLIENT)
        assert merchant is not None
        user = msgspec.structs.replace(merchant, api_name="api", api_password=hash_password("secret"))
        service.registry.store.change_merchant(user)
        text = (
            "<CC5Request><Name>api</Name><Password>secret</Password><ClientId>{}</ClientId><OrderId>A1</OrderId>"
            "<Type>Credit</Type><Total>10.00</Total><Currency>{}</Currency></CC5Request>"
        )
        said = {}
        for code in ("978", "504", "EURO", "MAD"):
            asked = read_api_request(text.format(CLIENT, code).encode(), "text/xml")
            pairs, _ = await answer_api(service, asked, "10.0.0.1")
            said[code] = dict(pairs)["ErrMsg"]
        assert said["978"] == "Currency 978: the order is in 504 (MAD)"
        assert "no ISO 4217 currency" in said["EURO"]
        assert (said["504"], said["MAD"]) == ("", "")
        assert (await service.order(order.number)).credited == 2_000


async def test_a_shop_that_does_not_answer_holds_up_no_other(tmp_path: Path, autojump_clock: MockClock) -> None:
    other = "600000002"

    def asked(clientid: str, oid: str) -> Fields:
        fields = [(n, clientid if n == "clientid" else v) for n, v in form(oid) if n != "hash"]
        return Fields([*fields, ("hash", hashes.make(Fields(fields), "TEST1234"))])

    async with serving(tmp_path, World(lambda n: "")) as service:
        first = service.registry.store.merchant(CLIENT)
        assert first is not None
        service.registry.add(msgspec.structs.replace(first, clientid=other), "TEST1234")
        told: list[str] = []

        async def post(url: str, pairs: list[tuple[str, str]], hosts: tuple[str, ...], charset: str) -> Reply:
            told.append(dict(pairs)["clientid"])
            if told[-1] == CLIENT:
                await trio.sleep_forever()
            return Reply(status=200, text="")

        service.shops._post = post
        for oid in [*(f"A{n}" for n in range(30)), "B1"]:
            await service.cancel(await take_form(service, asked(other if oid == "B1" else CLIENT, oid)))
        await trio.sleep(5)
        assert (told.count(CLIENT), told.count(other)) == (CALLS_PER_SHOP, 1)


async def test_more_fields_than_a_form_has_are_no_error_of_ours(tmp_path: Path, autojump_clock: MockClock) -> None:
    many = [(f"f{n}", "x") for n in range(80)]
    async with serving(tmp_path, World(lambda n: "ACTION=POSTAUTH")) as service:
        app = Web(service, NETWORK).app()
        order = await take_form(service, form("A1"))
        assert (await ask(app, f"/pay/{order.token}", many)).status == 422
        assert (await ask(app, "/merchant/login", many)).status == 403
        assert (await ask(app, "/fim/api", many)).status == 400


class Refusing(World):
    """Refuses what follows a payment."""

    def _decide(self, document: Document) -> Document:
        return {DE.RESPONSE_CODE: "05"} if document[DE.MTI] == "0400" else super()._decide(document)


async def test_a_credit_that_is_refused_is_said_to_be(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path, Refusing(lambda n: "ACTION=POSTAUTH")) as service:
        await bought(service)
        merchant = service.registry.store.merchant(CLIENT)
        assert merchant is not None
        password = hash_password("secret")
        service.registry.store.change_merchant(msgspec.structs.replace(merchant, api_name="api", api_password=password))
        asked = ApiRequest(name="api", password="secret", clientid=CLIENT, oid="A1", kind="Credit", total="10.00")
        told = dict((await answer_api(service, asked, "10.0.0.1"))[0])
        assert (told["Response"], told["ProcReturnCode"]) == ("Error", "99")
        assert "nothing was given back" in told["ErrMsg"]


async def test_a_shop_that_answers_its_callback_twice_differently_is_asked_once(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """The first answer decides; later calls only inform, whatever they are answered."""
    world = World(lambda n: "ACTION=POSTAUTH" if n == 1 else "FAILURE")
    async with serving(tmp_path, world) as service:
        order = await bought(service)
        await service.shops.inform(order)  # as somebody has it sent again
        await trio.sleep(3)
        assert len(world.calls) == 2
        kept = await service.order(order.number)
        assert kept.stage is Stage.CAPTURED
        check(kept, world)
    world = World(lambda n: "FAILURE" if n == 1 else "ACTION=POSTAUTH")
    async with serving(tmp_path / "other", world) as service:
        kept = await bought(service, seconds=8)
        assert kept.stage is Stage.REVERSED
        assert world.calls == [("A1", "00"), ("A1", "99")], "it was told of an approval, then that it is none"
        check(kept, world)


async def test_a_step_that_failed_is_gone_on_with(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, failing = World(lambda n: "ACTION=POSTAUTH"), [True]
    post = world.post

    async def fail_once(*arguments: Any) -> Any:
        if failing:
            raise RuntimeError(failing.pop())
        return await post(*arguments)

    world.post = fail_once  # type: ignore[method-assign, assignment]
    async with serving(tmp_path, world) as service:
        assert (await bought(service)).stage is Stage.APPROVED
        clock = [0]
        monkeypatch.setattr("switch.gateway.service.now_us", lambda: now_us() + clock[0])
        clock[0] = LEFT_US + 10_000_000
        await trio.sleep(5)
        order = service.registry.store.by_id(CLIENT, "A1")
        assert order is not None
        assert order.stage is Stage.CAPTURED
        check(order, world)


async def test_a_store_that_fails_for_a_while_does_not_end_the_gateway(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, World(lambda n: "ACTION=POSTAUTH")) as service:

        def full(*_: Any) -> None:
            raise StoreError("database or disk is full")

        with monkeypatch.context() as broken:
            broken.setattr(service.registry.store, "due", full)
            await trio.sleep(3)
        assert (await bought(service)).stage is Stage.CAPTURED


async def test_a_fourth_card_for_one_order_is_refused_and_listed(tmp_path: Path) -> None:
    async with serving(tmp_path, World(lambda n: "")) as service:
        order = await take_form(service, form("A1"))
        tried = msgspec.structs.replace(order, stage=Stage.DECLINED, attempts=ATTEMPTS_MAX)
        service.registry.store._keep(tried)
        card = [("pan", CARD.pan), ("expiry", "12/31"), ("cvv2", CARD.cvv2)]
        assert (await ask(Web(service, NETWORK).app(), f"/pay/{order.token}", card)).status == 303
        assert [one.what for one in service.refusals.take()] == ["card"]
        assert service.registry.store.by_number(order.number) == tried


async def test_a_search_that_takes_long_holds_up_no_payment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store, going = Store(tmp_path / "gateway.sqlite"), threading.Event()
    search = Store.find_orders

    def slowly(*arguments: Any, **named: Any) -> Any:
        going.wait(10)
        return search(*arguments, **named)

    slowly.__name__ = "find_orders"
    monkeypatch.setattr(Store, "find_orders", slowly)
    disk = Disk(store)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(disk.run)
        nursery.start_soon(disk.ask, store.find_orders, "600000001", "", 10)
        with trio.fail_after(5):
            assert await disk.ask(store.next_number, "stan") == 1
        going.set()
        nursery.cancel_scope.cancel()
    store.close()


async def test_a_form_with_a_cards_number_is_refused_whatever_the_fields_name(tmp_path: Path) -> None:
    async with serving(tmp_path, World(lambda n: "")) as service:
        fields = [*form("A1"), ("cardNumber", "9504 0100 0009 0010")]
        signed = [(n, v) for n, v in fields if n != "hash"]
        signed.append(("hash", hashes.make(Fields(signed), "TEST1234")))
        with pytest.raises(RefusedFormError, match="field cardNumber: is a card's number") as refused:
            await take_form(service, Fields(signed))
        assert "9504" not in str(refused.value)
        assert service.registry.store.by_id(CLIENT, "A1") is None


async def test_a_form_with_the_store_key_in_it_is_refused_whatever_the_fields_name(tmp_path: Path) -> None:
    """Clients that put all their settings into the form: whoever pays reads the key there."""
    async with serving(tmp_path, World(lambda n: "")) as service:
        signed = [*((n, v) for n, v in form("A1") if n != "hash"), ("storekey", "TEST1234")]
        signed.append(("hash", hashes.make(Fields(signed), "TEST1234")))
        with pytest.raises(RefusedFormError, match=r"field storekey: is the store key itself.*rotate-key") as refused:
            await take_form(service, Fields(signed))
        assert "TEST1234" not in str(refused.value)
        assert service.registry.store.by_id(CLIENT, "A1") is None


async def test_why_a_hash_is_wrong_is_found_out_so_often(tmp_path: Path) -> None:
    async with serving(tmp_path, World(lambda n: "")) as service:
        wrong = Fields([(n, "x" if n == "rnd" else v) for n, v in form("A1")])
        said: list[str] = []
        for _ in range(12):
            with pytest.raises(RefusedFormError) as refused:
                await take_form(service, wrong)
            said.append(str(refused.value))
        assert ["not looked into" in text for text in said] == [False] * 10 + [True] * 2


def test_a_forms_explanation_costs_no_more_than_so_many_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever knows a merchant's number may send 150 fields to one that may deviate in everything."""
    made = [0]
    make = hashes.make

    def counting(*arguments: Any) -> str:
        made[0] += 1
        return make(*arguments)

    monkeypatch.setattr(hashes, "make", counting)
    many = Fields([*((f"f{n}", f"a+b&amp;{n}") for n in range(148)), ("hashAlgorithm", "ver3"), ("hash", "A" * 88)])
    explain(many, "KEY", frozenset(hashes.DEVIATIONS))
    assert 0 < made[0] < 4_000


def test_a_lost_key_file_is_said_at_start(tmp_path: Path) -> None:
    service, _ = gateway(tmp_path, World(lambda n: ""))
    service.registry.check()
    service.registry.store.close()
    (tmp_path / "gateway.key").unlink()
    registry = Registry.at(tmp_path)
    with pytest.raises(VaultError, match="rotate-key 600000001"):
        registry.check()
    registry.store.close()


@pytest.mark.parametrize("stage", [Stage.CAPTURING, Stage.AUTHENTICATING])
def test_an_order_that_cannot_be_gone_on_with_is_said_before_anything_begins(tmp_path: Path, stage: Stage) -> None:
    """Within the gateway's tasks it would be an error of ours, of which nobody knows what to do."""
    service, _ = gateway(tmp_path, World(lambda n: ""))
    row = (
        "INSERT INTO orders (number, token, clientid, oid, stage, moved_us, body) VALUES (1, 't', 'c', 'o', ?, 1, 'x')"
    )
    service.registry.store._db.execute(row, (stage,))
    with pytest.raises(StoreError, match=r"a row \(order\) cannot be read"):
        service.registry.check()
    service.registry.store.close()
