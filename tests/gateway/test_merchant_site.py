"""The merchants' pages: who may see what, what may be done about an order, once, as it was seen."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.gateway.orders.lifecycle import Stage
from switch.gateway.orders.order import Merchant
from switch.gateway.pages import inventory
from switch.gateway.pages.merchant_texts import WORDS
from switch.gateway.service import Service
from switch.gateway.sessions import SESSIONS_MAX, Sessions, is_of
from switch.gateway.web import Web
from switch.http.server import App
from switch.http.sessions import IDLE_S, LONGEST_S
from tests.gateway.asgi import Answer, ask
from tests.gateway.test_flow import bought, serving
from tests.gateway.test_kills import CLIENT, NETWORK, World
from tests.gateway.test_posting import Priced

OTHER = "600000009"


class Browser:
    """Somebody at the merchants' pages."""

    def __init__(self, app: App, password: str) -> None:
        self.app, self.password, self.cookie, self.key = app, password, "", ""

    async def log_in(self, number: str = CLIENT) -> Answer:
        answer = await ask(
            self.app, "/merchant/login", [("number", number), ("password", self.password), ("lang", "en")]
        )
        self.cookie = answer.headers.get("set-cookie", "").partition(";")[0]
        if answer.status == 303:
            found = re.search(r'name="form_key" value="([^"]+)"', (await self.get("/merchant/orders")).text)
            assert found is not None
            self.key = found[1]
        return answer

    async def get(self, path: str) -> Answer:
        return await ask(self.app, path, cookie=self.cookie)

    async def post(self, path: str, **form: str) -> Answer:
        pairs = {"form_key": self.key, "lang": "en", **form}
        return await ask(self.app, path, list(pairs.items()), cookie=self.cookie)


@asynccontextmanager
async def at_work(directory: Path, world: World) -> AsyncIterator[tuple[Service, Browser]]:
    async with serving(directory, world) as service:
        merchant = service.registry.store.merchant(CLIENT)
        assert merchant is not None
        yield service, Browser(Web(service, NETWORK).app(), service.registry.renew_page_password(merchant))


async def seen(browser: Browser, number: int) -> str:
    found = re.search(r'name="seen" value="(\d+)"', (await browser.get(f"/merchant/orders/{number}")).text)
    return found[1] if found else ""


async def test_nobody_sees_anything_without_a_password(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with at_work(tmp_path, Priced(lambda n: "ACTION=POSTAUTH")) as (service, browser):
        order = await bought(service)
        for path in ("/merchant/orders", f"/merchant/orders/{order.number}", "/merchant/refused"):
            assert (await browser.get(path)).headers["location"].startswith("/merchant/login?said=ended")
        assert (await browser.post(f"/merchant/orders/{order.number}/void", seen=str(order.moved_us))).status == 303
        right, browser.password = browser.password, "wrong"
        assert (await browser.log_in()).status == 403
        browser.password = ""
        assert (await browser.log_in(OTHER)).status == 403
        browser.password = right
        answer = await browser.log_in()
        assert answer.status == 303
        for word in ("HttpOnly", "SameSite=strict", "Path=/"):
            assert word in answer.headers["set-cookie"]
        page = await browser.get("/merchant/orders")
        assert "A1" in page.text
        policy = page.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"
        secure = await ask(browser.app, "/merchant/login", [("number", CLIENT), ("password", right)], scheme="https")
        assert secure.headers["set-cookie"].startswith("__Host-merchant=")
        assert "Secure" in secure.headers["set-cookie"]
        await browser.post("/merchant/logout")
        assert (await browser.get("/merchant/orders")).status == 303, (
            "the session is over here, not only in the browser"
        )
        assert (await service.order(order.number)).stage is Stage.CAPTURED


async def test_too_many_wrong_passwords_and_none_is_looked_at(tmp_path: Path) -> None:
    async with at_work(tmp_path, World(lambda n: "")) as (service, browser):
        right, browser.password = browser.password, "wrong"
        for _ in range(service.paces.limits.logins_per_client):
            await browser.log_in()
        browser.password = right
        assert (await browser.log_in()).status == 403
        refused = service.refusals.take()
        assert "too many wrong passwords" in refused[-1].reason
        assert {one.clientid for one in refused} == {CLIENT}


async def test_a_password_typed_in_the_numbers_place_is_in_no_list_of_refusals(tmp_path: Path) -> None:
    async with at_work(tmp_path, World(lambda n: "")) as (service, browser):
        await browser.post("/merchant/login", number=browser.password, password=CLIENT)
        (refused,) = service.refusals.take()
        assert (refused.what, refused.clientid) == ("login", "")


async def test_an_orders_story_and_its_money(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with at_work(tmp_path, Priced(lambda n: "ACTION=POSTAUTH")) as (service, browser):
        order = await bought(service)
        await browser.log_in()
        page = (await browser.get(f"/merchant/orders/{order.number}?lang=en")).text.replace("\u00a0", " ")
        for text in (
            "MAD 31.50",
            "MAD 0.28",
            "MAD 31.22",
            "/1</bdi>",
            "captured",
            "capture: answered 200",
            "950401******0010",
        ):
            assert text in page, text
        french = (await browser.get(f"/merchant/orders/{order.number}?lang=fr")).text.replace("\u00a0", " ")
        assert "31,50 MAD" in french
        assert "Net pour vous" in french
        assert 'dir="rtl"' in (await browser.get(f"/merchant/orders/{order.number}?lang=ar")).text


@pytest.mark.parametrize("number", ["0", "9" * 16, "9" * 25, "9" * 5_000, "x", "١"])
async def test_a_number_that_no_order_has_is_no_orders(tmp_path: Path, number: str) -> None:
    async with at_work(tmp_path, World(lambda n: "")) as (_, browser):
        for path in (f"/merchant/orders/{number}", f"/merchant/orders?below={number}&from={number}"):
            assert (await browser.get(path)).status == 303, "log in first"
        await browser.log_in()
        assert (await browser.get(f"/merchant/orders/{number}")).headers["location"].startswith("/merchant/orders")
        assert (await browser.get(f"/merchant/orders?below={number}&from={number}")).status == 200
        for act in ("capture", "resend"):
            answer = await browser.post(f"/merchant/orders/{number}/{act}", seen=number, sum=number, call=number)
            assert (answer.status, answer.headers["location"][:16]) == (303, "/merchant/orders")


async def test_statements_by_clearing_window(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with at_work(tmp_path, Priced(lambda n: "ACTION=POSTAUTH")) as (service, browser):
        first, _ = await bought(service, "=A1"), await bought(service, "A2")
        await service.owing.credit(first, 1000)
        await trio.sleep(3)
        assert (await browser.get("/merchant/statements.csv")).status == 303, "log in first"
        await browser.log_in()
        windows = (await browser.get("/merchant/statements?lang=en")).text
        (at,) = re.findall(r'href="(/merchant/statements\?lang=en&amp;window=[^"]+)"', windows)
        assert "<td>2</td>" in windows
        page = (await browser.get(at.replace("&amp;", "&"))).text.replace("\u00a0", " ")
        for text in ("MAD 63.00", "MAD 10.00", "MAD 0.47", "MAD 52.53", "MAD 31.22", "MAD 21.31", "=A1"):
            assert text in page, text
        file = await browser.get(at.replace("statements?lang=en&amp;", "statements.csv?"))
        assert file.headers["content-disposition"].startswith('attachment; filename="20')
        head, one, two = file.text.splitlines()
        assert head.split(",")[-4:] == ["captured_minor", "credited_minor", "fees_minor", "net_minor"]
        assert one.startswith("'=A1,"), "no formula in anybody's spreadsheet"
        assert one.endswith(",MAD,3150,1000,19,2131")
        assert two.endswith(",MAD,3150,0,28,3122")
        assert (await browser.get("/merchant/statements?window=2020-01-01/1")).status == 404


async def test_a_refund_in_part_once_however_often_it_is_clicked(tmp_path: Path, autojump_clock: MockClock) -> None:
    world = Priced(lambda n: "ACTION=POSTAUTH")
    async with at_work(tmp_path, world) as (service, browser):
        order = await bought(service)
        await browser.log_in()
        at, stood = f"/merchant/orders/{order.number}", await seen(browser, order.number)
        for wrong in ("", "0", "-5", "1.234", "abc"):
            assert (await browser.post(f"{at}/refund", seen=stood, sum=wrong)).status == 422
        assert (await browser.post(f"{at}/refund", seen=stood, sum="31.51")).status == 409
        answers: list[Answer] = []

        async def click() -> None:
            answers.append(await browser.post(f"{at}/refund", seen=stood, sum="10,00"))

        async with trio.open_nursery() as clicks:
            for _ in range(3):
                clicks.start_soon(click)
        assert sorted(answer.status for answer in answers) == [303, 409, 409]
        assert (await browser.post(f"{at}/refund", seen=stood, sum="10.00")).status == 409, "it is not as it was seen"
        now = await service.order(order.number)
        assert (now.stage, now.credited) == (Stage.CAPTURED, 1000)
        assert "MAD\u00a010.00" in (await browser.get(f"{at}?lang=en")).text


async def test_a_hold_is_captured_or_voided(tmp_path: Path, autojump_clock: MockClock) -> None:
    world = Priced(lambda n: "APPROVED")
    async with at_work(tmp_path, world) as (service, browser):
        first, second = await bought(service, "A1"), await bought(service, "A2")
        await browser.log_in()
        at = f"/merchant/orders/{first.number}"
        assert (await browser.post(f"{at}/refund", seen=await seen(browser, first.number), sum="1")).status == 409
        answer = await browser.post(f"{at}/capture", seen=await seen(browser, first.number), sum="20.00")
        assert answer.headers["location"] == f"{at}?lang=en&said=done"
        assert "Done." in (await browser.get(answer.headers["location"])).text
        await browser.post(f"/merchant/orders/{second.number}/void", seen=await seen(browser, second.number))
        await trio.sleep(3)
        stages = [(await service.order(each.number)).stage for each in (first, second)]
        assert stages == [Stage.CAPTURED, Stage.REVERSED]
        assert sorted(world.holds.values()) == ["gone", "posted"]


async def test_another_s_order_and_another_s_form(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with at_work(tmp_path, Priced(lambda n: "ACTION=POSTAUTH")) as (service, browser):
        order = await bought(service)
        mine = service.registry.store.merchant(CLIENT)
        assert mine is not None
        service.registry.add(msgspec.structs.replace(mine, clientid=OTHER), "KEY")
        other = service.registry.store.merchant(OTHER)
        assert other is not None
        browser.password = service.registry.renew_page_password(other)
        await browser.log_in(OTHER)
        at = f"/merchant/orders/{order.number}"
        assert (await browser.get(at)).headers["location"].startswith("/merchant/orders?")
        assert "A1" not in (await browser.get("/merchant/orders?q=A1")).text.replace('value="A1"', "")
        await browser.post(f"{at}/void", seen=str(order.moved_us))
        browser.password = service.registry.renew_page_password(mine)
        assert (await browser.get("/merchant/orders")).status == 200, "another's password is another's"
        await browser.log_in()
        browser.key = "forged"
        await browser.post(f"{at}/void", seen=str(order.moved_us))
        assert (await service.order(order.number)).stage is Stage.CAPTURED
        assert "another site" in service.refusals.take()[-1].reason
        service.registry.renew_page_password(mine)
        assert (await browser.get("/merchant/orders")).status == 303, "a new password ends sessions"


async def test_a_call_is_sent_again(tmp_path: Path, autojump_clock: MockClock) -> None:
    world = Priced(lambda n: "ACTION=POSTAUTH")
    async with at_work(tmp_path, world) as (service, browser):
        order = await bought(service)
        await browser.log_in()
        at = f"/merchant/orders/{order.number}"
        (call,) = service.registry.store.calls_of(order)
        await browser.post(f"{at}/resend", call=str(call.number))
        await trio.sleep(3)
        assert world.calls == [("A1", "00"), ("A1", "00")]
        assert (await service.order(order.number)).stage is Stage.CAPTURED


async def test_orders_are_found(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with at_work(tmp_path, Priced(lambda n: "APPROVED")) as (service, browser):
        order = await bought(service, "PAID-1")
        from switch.gateway.intake import take_form
        from tests.gateway.test_kills import form

        for number in range(60):
            await take_form(service, form(f"X{number:02d}"))
        await browser.log_in()
        assert order.attempt is not None

        async def listed(path: str) -> list[str]:
            return re.findall(r"<bdi>([XP][^<]+)</bdi></a>", (await browser.get(path)).text)

        first = await listed("/merchant/orders")
        assert first == [f"X{number:02d}" for number in range(59, 34, -1)]
        page = (await browser.get("/merchant/orders")).text
        older = re.search(r'href="(/merchant/orders\?[^"]*below=\d+)"', page)
        assert older is not None
        second = await listed(older[1].replace("&amp;", "&"))
        assert second[0] == "X34"
        page = (await browser.get(older[1].replace("&amp;", "&"))).text
        newer = re.search(r'href="(/merchant/orders\?[^"]*from=\d+)"', page)
        assert newer is not None
        assert await listed(newer[1].replace("&amp;", "&")) == first
        for query in ("PAID", order.attempt.names.rrn, "0010", "A12345"):
            assert await listed(f"/merchant/orders?q={query}") == ["PAID-1"], query
        for query in ("%25", "_", "%22", "nothing", "%5C"):
            assert await listed(f"/merchant/orders?q={query}") == [], query


def test_a_session_ends() -> None:
    sessions = Sessions()
    merchant = Merchant(clientid="1", title="", city="", category="", site="", hosts=(), sealed_key=b"")
    sessions.begin(merchant, "a", "k", 0)
    assert sessions.find("a", IDLE_S - 1) is not None
    assert sessions.find("b", 1) is None
    now = IDLE_S - 1
    while now < LONGEST_S:
        assert sessions.find("a", now) is not None
        now += IDLE_S - 1
    assert sessions.find("a", LONGEST_S) is None
    sessions.begin(merchant, "a", "k", 0)
    assert sessions.find("a", IDLE_S) is None
    for number in range(SESSIONS_MAX + 1):
        sessions.begin(merchant, f"s{number}", "k", 0)
    assert sessions.find("s0", 1) is None
    last = sessions.find(f"s{SESSIONS_MAX}", 1)
    assert last is not None
    assert is_of(last, merchant)
    assert not is_of(last, msgspec.structs.replace(merchant, suspended=True))


def test_every_stage_and_move_has_words_in_each_language() -> None:
    from switch.gateway.orders.lifecycle import Move

    for words in WORDS.values():
        assert set(words.stages) == set(Stage)
        assert set(words.moves) == {*Move, "open"}


def test_what_is_served_is_what_was_released(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(inventory.read_released()) == {"pay.css", "pay.js", "authenticate.js", "icon.svg"}
    changed: Any = {
        **inventory.INVENTORY,
        "pay.js": msgspec.structs.replace(inventory.INVENTORY["pay.js"], integrity="sha384-x"),
    }
    monkeypatch.setattr(inventory, "INVENTORY", changed)
    with pytest.raises(inventory.InventoryError, match=r"pay\.js: is not the file that was released"):
        inventory.read_released()
