"""The older protocol of Maroc Telecommerce at its addresses: a form with an MD5 checksum, a confirmation that decides."""

import json
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.gateway.orders.lifecycle import Stage
from switch.gateway.protocol import maroc_telecommerce as older
from switch.gateway.protocol.answers import Result
from switch.gateway.protocol.fields import Fields, Pairs
from switch.gateway.service import Service
from switch.gateway.web import OLDER_ADDRESSES, Web
from switch.http.client import Reply
from tests.gateway.asgi import ask
from tests.gateway.test_flow import serving
from tests.gateway.test_kills import CARD, CLIENT, NETWORK, World, check

VECTORS: Final = json.loads((Path(__file__).parents[1] / "vectors" / "web-payment.json").read_text())["vectors"]
KEY: Final = "TEST1234"
SHOP: Final = "http://127.0.0.1:9000"


def form(path: str = OLDER_ADDRESSES[1], **changed: str) -> list[tuple[str, str]]:
    fields = {
        "storeId": CLIENT,
        "langue": "FR",
        "offerURL": f"{SHOP}/",
        "updateURL": f"{SHOP}/back?page=paid",
        "bookURL": f"{SHOP}/book",
        "cartId": "77",
        "totalAmountTx": "150.00",
        "symbolCur": "DH",
        "email": "buyer@example.com",
        **changed,
    }
    parts = (f"http://pay.example{path}", *older.request_key(Fields(fields.items())), KEY)
    return [*fields.items(), ("checksum", older.checksum(*parts))]


class Shop(World):
    """Confirms as such shops do, and checks as they do."""

    async def post(self, url: str, pairs: Pairs, hosts: tuple[str, ...], charset: str) -> Reply:
        fields = Fields(pairs)
        parts = (url, CLIENT, fields.get("cartId"), fields.get("totalAmountTx"), fields.get("email"), KEY)
        assert fields.get("checksum") == older.checksum(*parts)
        assert int(fields.get("orderNumber")) > 0
        assert fields.get("ccn") == CARD.pan[-4:]
        self.calls.append((url, fields.get("approvalCode")))
        return Reply(status=200, text=self.answers(len(self.calls)))


def allow(service: Service) -> None:
    merchant = service.registry.store.merchant(CLIENT)
    assert merchant is not None
    service.registry.store.change_merchant(msgspec.structs.replace(merchant, accepts=(older.VERSION,)))


async def pay(service: Service, pairs: list[tuple[str, str]] | None = None) -> str:
    """The result page of a payment."""
    app = Web(service, NETWORK).app()
    opened = await ask(app, OLDER_ADDRESSES[1], pairs or form())
    assert opened.status == 302
    card = [("pan", CARD.pan), ("expiry", "12/31"), ("cvv2", CARD.cvv2), ("lang", "fr")]
    paid = await ask(app, opened.headers["location"].partition("?")[0], card)
    return (await ask(app, paid.headers["location"])).text


@pytest.mark.parametrize("path", OLDER_ADDRESSES)
async def test_it_is_off_unless_a_merchant_is_allowed_it(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path, Shop(lambda n: "")) as service:
        app = Web(service, NETWORK).app()
        assert (await ask(app, path, form(path))).status == 400
        assert service.refusals.take()[0].reason.endswith(
            "`cmi-switch merchant change 600000001 --accepts mtc` allows it"
        )
        allow(service)
        assert (await ask(app, path, form(path))).status == 302
        for changed in (("totalAmountTx", "1.50"), ("cartId", "78"), ("checksum", "0" * 32)):
            wrong = [changed if name == changed[0] else (name, value) for name, value in form(path)]
            assert (await ask(app, path, wrong)).status == 400
        assert (await ask(app, path, form(path), host="other.example")).status == 400
        assert f"is none over http://other.example{path}, storeId" in service.refusals.take()[-1].reason


@pytest.mark.parametrize(
    ("said", "ends"),
    [
        ("1;77;20261127;2", Stage.CAPTURED),
        (" 1;77;20261127;1\n", Stage.CAPTURED),
        ("1;78;20261127;2", Stage.REVERSED),
        ("0;Null;Null;Null", Stage.REVERSED),
        ("ACTION=POSTAUTH", Stage.REVERSED),
    ],
)
async def test_the_confirmation_decides(tmp_path: Path, said: str, ends: Stage, autojump_clock: MockClock) -> None:
    world = Shop(lambda n: said)
    async with serving(tmp_path, world) as service:
        allow(service)
        page = await pay(service)
        await trio.sleep(5)
        order = service.registry.store.by_id(CLIENT, "77")
        assert order is not None
        assert (order.stage, order.asked.amount, order.asked.language) == (ends, 15_000, "fr")
        assert world.calls == [(f"{SHOP}/book", "A12345")], "and nobody is told of a reversal: the protocol cannot"
        check(order, world)
        back = f"{SHOP}/back" if ends is Stage.CAPTURED else f"{SHOP}/"
        assert f'<form method="get" action="{back}"' in page
        proof = older.checksum(f"{SHOP}/back?page=paid", CLIENT, "77", "150.00", "buyer@example.com", KEY)
        assert (proof in page) is (ends is Stage.CAPTURED)
        assert ('name="page" value="paid"' in page) is (ends is Stage.CAPTURED)


async def test_without_bookurl_it_is_captured_at_once(tmp_path: Path, autojump_clock: MockClock) -> None:
    """As version 1.9 has it, with its own names."""
    world = Shop(lambda n: "")
    async with serving(tmp_path, world) as service:
        allow(service)
        plain = {name: value for name, value in form() if name not in ("bookURL", "totalAmountTx", "checksum")}
        fields = {**plain, "TotalmountTx": "150,00", "Count": "2"}
        parts = (f"http://pay.example{OLDER_ADDRESSES[1]}", CLIENT, "77", "2", "150,00", "buyer@example.com", KEY)
        await pay(service, [*fields.items(), ("Checksum", older.checksum(*parts))])
        await trio.sleep(3)
        order = service.registry.store.by_id(CLIENT, "77")
        assert order is not None
        assert (order.stage, order.captured) == (Stage.CAPTURED, 15_000)
        assert world.calls == []


async def test_a_shop_that_is_asked_again_after_a_crash_and_refuses_keeps_the_hold(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    """A public client refuses an order that it has accepted before, and cannot be told of a reversal."""
    world = Shop(lambda n: "1;77;20261127;2")
    async with serving(tmp_path, world) as service:
        allow(service)
        await pay(service)
        await trio.sleep(3)
        store = service.registry.store
        order = store.by_id(CLIENT, "77")
        assert order is not None
        store._keep(
            msgspec.structs.replace(order, stage=Stage.APPROVED, captured=0)
        )  # as if it had ended before it knew
    world.answers = lambda n: "0;Null;Null;Null"
    async with serving(tmp_path, world) as service:
        await trio.sleep(3)
        order = service.registry.store.by_id(CLIENT, "77")
        assert order is not None
        assert order.stage is Stage.HELD


@pytest.mark.parametrize(
    "vector", [v for v in VECTORS if v["hashVersion"].startswith("MTC")], ids=lambda v: str(v["case"])
)
def test_what_a_client_itself_accepts(vector: dict[str, Any]) -> None:
    """What the client's own code took for a right confirmation is what is sent."""
    told = vector["callback"]
    request = Fields({**vector["request"]["fields"], "email": told["fields"]["email"]}.items())
    result = Result(
        approved=True, code="00", text="", approval="A12345", number="000000900123", masked="411111******1111"
    )
    sent = Fields(older.confirmation(told["url"], request, vector["storeKey"], older.booked(result)))
    assert sent.get("checksum") == told["hash"]
    assert sent.get("orderNumber").isdigit()
    for name in told["fields"]:
        assert name in sent, name
