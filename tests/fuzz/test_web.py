"""The HTTP server, the gateway's forms, 3-D Secure's addresses and the console under a hostile client.

Whatever it sends costs its own connection, is answered in time and in bounds, and never fails without a word.

`CMI_SWITCH_HOSTILE=20000` sends so many to each; `CMI_SWITCH_SEED` begins elsewhere.
"""

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final

import pytest
import trio
from trio.testing import MockClock, memory_stream_pair

from switch.console.running import all_screens
from switch.gateway.intake import take_form
from switch.gateway.web import Web
from switch.http.server import App, Server
from switch.threeds.requests import make_creq
from tests.console.scene import Scene
from tests.fuzz.hostile import Right, requests
from tests.gateway import test_authentication as authentication
from tests.gateway.test_kills import CLIENT, NETWORK, form
from tests.gateway.test_merchant_site import Browser
from tests.threeds import world as w
from tests.threeds.test_flows import outcome

COUNT: Final = int(os.environ.get("CMI_SWITCH_HOSTILE", "150"))
SEED: Final = int(os.environ.get("CMI_SWITCH_SEED", "1"))
ANSWER_MAX: Final = 1 << 20


async def attack(app: App, rights: Sequence[Right], seconds: float) -> None:
    """Send odd forms of them, each on a connection of its own; `seconds`: that each may take."""
    events: list[tuple[str, dict[str, object]]] = []
    server = Server(app, lambda name, fields: events.append((name, fields)))
    for number, data in enumerate(islice(requests(rights, SEED), COUNT)):
        said = b""
        with trio.move_on_after(seconds) as whole:
            said = await talk(server, data, f"10.{number >> 8 & 255}.{number & 255}.1")
        assert not whole.cancelled_caught, f"request {number} hangs: {data[:600]!r}"
        failed = [fields for name, fields in events if name == "http.failed"]
        assert not failed, f"request {number}: {failed}: {data[:600]!r}"
        assert not said or said.startswith(b"HTTP/1.1 "), said[:80]
        assert b"HTTP/1.1 500" not in said[:16], f"request {number} failed without a word: {data[:600]!r}"
        assert len(said) < ANSWER_MAX
        assert b"Traceback" not in said


async def talk(server: Server, data: bytes, client: str) -> bytes:
    """What comes back on a connection of its own; the client sends no more, and each has an address: no limit hides the rest."""
    ours, theirs = memory_stream_pair()
    said = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(partial(server.serve, theirs, client, secure=False))
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):  # refused before all of it was taken
            await ours.send_all(data)
            await ours.send_eof()
            while piece := await ours.receive_some():
                said += piece
        await ours.aclose()
    return said


def of_gateway(token: str, number: int, key: str, cookie: str, creq: dict[str, Any]) -> list[Right]:
    pay, order = f"/pay/{token}", f"/merchant/orders/{number}"
    card = {
        "pan": w.CHALLENGED,
        "expiry": "12/31",
        "cvv2": "071",
        "lang": "en",
        "browserTZ": "0",
        "browserColorDepth": "24",
    }
    xml = (
        f"<CC5Request><Name>{CLIENT}api</Name><Password>x</Password><OrderId>A1</OrderId><Type>Void</Type></CC5Request>"
    )
    session = {"form_key": key, "lang": "en", "seen": "1", "sum": "1.00", "call": "1"}
    return [
        *[Right("POST", "/fim/est3Dgate", dict(form("F1").pairs))] * 3,
        Right(
            "POST", "/prod/gateway/pay.asp", {"storeId": CLIENT, "cartId": "1", "totalAmountTx": "10", "checksum": "0"}
        ),
        Right("GET", pay),
        *[Right("POST", pay, card)] * 2,
        Right("POST", f"{pay}/cancel", {"lang": "en"}),
        Right("POST", f"{pay}/authenticate", {"lang": "en"}),
        Right("POST", "/fim/api", {"DATA": xml}),
        *[Right("POST", "/3ds/back", {}, {**creq, "messageType": "CRes", "transStatus": "Y"}, "cres")] * 2,
        Right("POST", "/3ds/method", {}, {"threeDSServerTransID": creq["threeDSServerTransID"]}, "threeDSMethodData"),
        Right("GET", "/secured-sites"),
        Right("POST", "/merchant/login", {"number": CLIENT, "password": "x", "lang": "en"}),
        Right("GET", "/merchant/orders?q=A1&below=3&from=", cookie=cookie),
        Right("GET", "/merchant/statements?window=2026-11-27/1", cookie=cookie),
        Right("GET", "/merchant/statements.csv?window=2026-11-27/1", cookie=cookie),
        Right("GET", "/merchant/refused", cookie=cookie),
        *[
            Right("POST", f"{order}/{action}", session, cookie=cookie)
            for action in ("capture", "refund", "void", "resend")
        ],
        Right("GET", f"{order}?said=x", cookie=cookie),
        Right("GET", "/static/pay.css"),
    ]


async def at_once(function: Callable[..., Any], *arguments: Any, **_: Any) -> Any:
    """In place of a thread, during which this clock would jump."""
    await trio.lowlevel.checkpoint()
    return function(*arguments)


async def test_the_gateway_under_a_hostile_client(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trio.to_thread, "run_sync", at_once)
    async with authentication.scene(tmp_path, authentication.Switch()) as at:
        order = await at.pay(w.CHALLENGED)
        other = await take_form(at.service, form("A2"))
        known = authentication.known_of(order)
        creq = make_creq(known.trans_id, known.acs_trans_id)
        merchant = at.service.registry.store.merchant(CLIENT)
        assert merchant is not None
        browser = Browser(Web(at.service, NETWORK).app(), at.service.registry.renew_page_password(merchant))
        await browser.log_in()
        rights = of_gateway(other.token, order.number, browser.key, browser.cookie, creq)
        await attack(browser.app, rights, 200)
        failed = [fields for event, fields in at.bank.log if event == "order.failed"]
        assert not failed
        await trio.sleep(2)
        assert at.service.registry.store.refusals(), "what was refused is listed"


async def test_3d_secures_servers_under_a_hostile_client(autojump_clock: MockClock) -> None:
    world = w.World()
    assert await world.server.fetch_ranges()
    answer = await outcome(world, w.CHALLENGED)
    asked = {
        **world.areq(w.CHALLENGED),
        "dsTransID": answer["dsTransID"],
        "dsReferenceNumber": "x",
        "dsURL": "http://127.0.0.1:8450",
    }
    ids = {name: answer[name] for name in ("threeDSServerTransID", "acsTransID", "dsTransID")}
    told = {
        "messageType": "RReq",
        "messageVersion": "2.2.0",
        **ids,
        "messageCategory": "01",
        "transStatus": "N",
        "interactionCounter": "01",
    }
    ranges = {
        "messageType": "PReq",
        "messageVersion": "2.2.0",
        "threeDSServerTransID": ids["threeDSServerTransID"],
        "threeDSServerRefNumber": "x",
    }
    creq = make_creq(answer["threeDSServerTransID"], answer["acsTransID"])
    page = w.page_path(await world.begin(answer))
    seen = {
        "threeDSServerTransID": ids["threeDSServerTransID"],
        "threeDSMethodNotificationURL": "https://shop.example/x",
    }
    erro = {"messageType": "Erro", "messageVersion": "2.2.0", "errorCode": "101", "errorDetail": "x"}
    await attack(world.apps["8450"], [Right("POST", "/", message=m) for m in (asked, told, ranges, erro)], 200)
    await attack(world.apps["7000"], [Right("POST", "/3ds/results", message=m) for m in (told, erro)], 200)
    await attack(
        world.apps["8461"],
        [
            *[Right("POST", "/acs", message=asked)] * 2,
            Right("POST", "/method", {}, seen, "threeDSMethodData"),
            *[Right("POST", "/challenge", {"threeDSSessionData": "AAAA"}, creq, "creq")] * 2,
            *[Right("POST", page, {"code": "000000", "do": do, "lang": "en"}) for do in ("confirm", "again", "cancel")],
            Right("GET", f"{page}?lang=ar"),
            Right("GET", "/phone"),
        ],
        200,
    )
    assert len(world.challenges[0].rows) <= COUNT * 4


async def test_the_console_under_a_hostile_client(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    browser = await scene.browser().log_in()
    token = (await browser.get("/health")).csrf
    screens = all_screens(scene.desk)
    seen = [screen.path for screen in screens if screen.show is not None and not screen.path.startswith("/stream/")]
    acted = [screen.path for screen in screens if screen.act is not None]
    named = {"{txn}": "6451f2a8b2c00", "{number}": "1", "{day}": "2026-11-27", "{party}": "atlas"}
    fields = {
        "csrf": token,
        "number": "1",
        "reason": "x",
        "what": "drain",
        "target": "host:atlas",
        "host": "atlas",
        "call": "1",
    }
    rights = [
        Right("GET", replaced(path, named) + "?q=0019+12.50&days=7&by=root&kind=links", cookie=browser.cookie)
        for path in seen
    ]
    rights += [Right("POST", replaced(path, named), fields, cookie=browser.cookie) for path in acted]
    rights += [
        Right("POST", "/login", {"user": "root", "password": "a" * 12, "next": "/"}),
        Right("GET", "/login?key=x&next=//evil"),
    ]
    await attack(browser.app, rights, 30)
    scene.close()


def replaced(path: str, named: dict[str, str]) -> str:
    for name, value in named.items():
        path = path.replace(name, value)
    return path
