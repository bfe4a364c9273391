"""Each screen: what it shows of what the switch says and keeps, and what its forms ask for."""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from switch.console.desk import Desk
from switch.console.running import MENU, TEST_MENU
from switch.console.screens.settlement import SettlementScreen
from switch.core.credentials import OperatorAccount
from switch.core.records.records import AnyEntry
from switch.gateway.merchants import Registry
from switch.gateway.orders.order import Merchant, Order
from switch.gateway.protocol.requests import PaymentRequest
from switch.journal.keys import open_vault, vault_key_path
from switch.journal.log import JournalError
from switch.security.vault import KeyVault
from switch.server.asking import NotAnsweredError
from switch.server.operators import audit_of
from tests.console.scene import Browser, Scene
from tests.core.scripts import morocco
from tests.journal.samples import booted, declined
from tests.sharded import morocco_sharded

LINKS: dict[str, Any] = {
    "hosts": [
        {
            "host": "atlas",
            "role": "issuer",
            "route": "domestic",
            "dialect": "cmi87",
            "address": "127.0.0.1:1",
            "state": "up",
            "up": 1,
            "connections": 1,
            "in_flight": 3,
            "owed": 2,
            "leaving_since_us": 0,
            "stays_for": "",
        },
        {
            "host": "old",
            "role": "issuer",
            "route": "domestic",
            "dialect": "cmi87",
            "address": "",
            "state": "leaving",
            "up": 0,
            "connections": 0,
            "in_flight": 0,
            "owed": 0,
            "leaving_since_us": 1,
            "stays_for": "a reversal",
        },
    ],
    "sessions": [
        {
            "link": "atlas#1",
            "role": "host",
            "peer": "atlas",
            "dialect": "cmi87",
            "state": "up",
            "in_flight": 3,
            "heard_ms": 61_000,
            "good": 12,
            "bad": 4,
            "certificate": "CN=atlas",
            "certificate_ends_us": 1_790_000_000_000_000,
        },
    ],
    "maintenance": {"host:visa": 1_790_000_000_000_000},
    "unwell": ["visa is away"],
}
ROW = {
    "txn": "6610f4c2d0994",
    "host": "atlas",
    "kind": "reversal",
    "reason": "timeout",
    "mti": "0420",
    "amount": 12_345,
    "currency": "504",
    "pan": "950401******0010",
    "rrn": "633120794786",
    "original": "6610f4c2d0990",
    "age_s": 700,
    "tries": 9,
    "state": "dead",
    "behind": "",
    "next_ms": None,
    "note": "not acknowledged in 50 tries",
}
QUEUE = {"host": "atlas", "up": True, "held": True, "owed": 1, "in_flight": 0, "backing_off": 0, "dead": 1}
EXCEPTION = {
    "txn": "6610f4c2d0994",
    "kind": "undelivered",
    "reason": "tried often enough",
    "host": "atlas",
    "link": "acquirers",
    "mti": "0420",
    "original": "6610f4c2d0990",
    "pan": "950401******0010",
    "amount": 12_345,
    "currency": "504",
    "rrn": "633120794786",
    "age_s": 700,
}
WAITING = {
    "number": 7,
    "command": "saf.retry",
    "arguments": {"txns": ["66"]},
    "by": "brahim (uid 8, pid 9)",
    "left_s": 600,
}
ANSWERS: dict[str, Any] = {
    "links.list": LINKS,
    "saf.list": {"hosts": [QUEUE], "items": [ROW], "left_out": 3},
    "exceptions.list": {"items": [EXCEPTION], "left_out": 0},
    "approvals.list": {"waiting": [WAITING]},
    **{name: {"target": "x"} for name in ("links.drain", "saf.hold", "saf.retry", "exceptions.resolve", "approve")},
}


def peopled(directory: Path, role: str = "supervisor", entries: Iterable[AnyEntry] = ()) -> Scene:
    """A console whose network names operators; whoever comes with the key is `root`."""
    accounts = (OperatorAccount(user="root", role=role), OperatorAccount(user="brahim", role="supervisor"))
    scene = Scene(
        directory, msgspec.structs.replace(morocco(), operators=accounts, console_user="screens", test=True), entries
    )
    scene.answers |= ANSWERS
    return scene


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    made = peopled(tmp_path_factory.mktemp("console"))
    yield made
    made.close()


@pytest.fixture
async def browser(scene: Scene) -> Browser:
    scene.asked.clear()
    return await scene.browser().log_in()


@pytest.mark.parametrize("path", [href for _, screens in MENU + TEST_MENU for href, _ in screens])
async def test_every_screen_of_the_menu_is_there_and_says_where_one_is(browser: Browser, path: str) -> None:
    page = await browser.get(path)
    assert page.status == 200, page.text
    assert re.findall(r'<a href="([^"]+)" aria-current="page"', page.text) == [path]
    assert page.text.count("<h1") == 1
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page.text)
    for box in re.findall(r'<(?:input|select|textarea) id="([\w-]+)"', page.text):
        assert f'for="{box}"' in page.text, box
    ids = re.findall(r'\sid="([^"]+)"', page.text)
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize(
    ("path", "says"),
    [
        (
            "/links",
            [
                "leaving",
                "stays for a reversal",
                "61 s ago",
                "CN=atlas, until 2026-09-21",
                "host visa is in maintenance since",
            ],
        ),
        ("/owed", ["held", "not acknowledged in 50 tries", "123.45 MAD", "and 3 more"]),
        (
            "/exceptions",
            ["undelivered", "tried often enough", "/payments/6610f4c2d0990", "It takes a second supervisor"],
        ),
        ("/approvals", ["saf.retry", "brahim (uid 8, pid 9)", "Approve, and have it done"]),
        ("/operators", ["brahim", "cmi-switch console --password root", "viewer"]),
        ("/audit", ["is missing, and the audit log is chained with it"]),
        ("/changes", ["link.up", "host mastercard"]),
        ("/changes?kind=cutover", ["Nothing in a day"]),
        ("/test", ["9504 0100 0009 0010", "the issuer never answers"]),
        ("/orders", ["No gateway keeps orders"]),
        ("/health", ["atlas, rif"]),
        ("/settlement", ["2025-11-25/1", "open"]),
        ("/settlement/2025-11-25/1", ["The net, MAD", "open: as it stands now"]),
        ("/declines?minutes=1440", ["None in 24 hours"]),
    ],
)
async def test_a_screen_says_what_there_is(browser: Browser, path: str, says: list[str]) -> None:
    text = (await browser.get(path)).text
    for part in says:
        assert part in text, part


@pytest.mark.parametrize(
    "path",
    [
        "/settlement/2020-01-01/1",
        "/settlement/2025-11-25/x",
        "/settlement/2025-11-25/1/nobody",
        "/orders/1",
        "/payments/zz",
        "/payments/ffffffffffffffffffff",
        "/nowhere",
    ],
)
async def test_what_there_is_not_is_said_so(browser: Browser, path: str) -> None:
    page = await browser.get(path)
    assert (page.status, "There is nothing at this address" in page.text) == (404, True)


@pytest.mark.parametrize(
    ("path", "fields", "command", "arguments"),
    [
        (
            "/links",
            {"name": "rif", "what": "drain", "reason": "change 4711"},
            "links.drain",
            {"name": "rif", "reason": "change 4711"},
        ),
        (
            "/links",
            {"name": "acquirer:rif", "what": "drain", "reason": "x"},
            "links.drain",
            {"name": "rif", "reason": "x", "acquirer": True},
        ),
        ("/owed", {"target": "atlas", "what": "hold", "reason": "x"}, "saf.hold", {"name": "atlas", "reason": "x"}),
        (
            "/owed",
            {"target": "atlas", "what": "retry", "all": "1", "reason": "x"},
            "saf.retry",
            {"host": "atlas", "reason": "x"},
        ),
        ("/exceptions", {"txn": "66", "what": "retry", "reason": "x"}, "saf.retry", {"txns": ["66"], "reason": "x"}),
        (
            "/exceptions",
            {"txn": "66", "reason": "paid by hand"},
            "exceptions.resolve",
            {"txn": "66", "reason": "paid by hand", "by": "root"},
        ),
        ("/approvals", {"number": "7"}, "approve", {"number": 7}),
    ],
)
async def test_a_form_asks_the_switch_in_the_name_of_who_is_logged_in(
    scene: Scene, browser: Browser, path: str, fields: dict[str, str], command: str, arguments: dict[str, Any]
) -> None:
    page = await browser.submit(path, **fields)
    assert (command, "root", arguments) in scene.asked
    assert 'class="said good"' in page.text
    scene.answers[command] = NotAnsweredError(
        f"{command} waits for a second person, as number 3", "`x`", code="operator.waits"
    )
    assert 'class="said waits"' in (await browser.submit(path, **fields)).text
    scene.answers[command] = NotAnsweredError("you may not", "ask a supervisor", code="operator.forbidden")
    page = await browser.submit(path, **fields)
    assert "you may not. ask a supervisor" in page.text
    scene.answers[command] = ANSWERS[command]


@pytest.mark.parametrize("path", ["/links", "/owed", "/exceptions"])
async def test_nothing_is_done_without_a_reason(scene: Scene, browser: Browser, path: str) -> None:
    fields = {
        "name": "rif",
        "target": "rif",
        "txn": "66",
        "what": "hold" if path == "/owed" else "drain",
        "reason": "  ",
    }
    page = await browser.submit(path, **fields)
    assert 'class="said bad"' in page.text
    assert {name for name, user, _ in scene.asked if user} <= {"saf.list", "exceptions.list"}


async def test_who_only_looks_is_shown_no_forms_but_the_way_out(tmp_path: Path) -> None:
    scene = peopled(tmp_path, "viewer")
    browser = await scene.browser().log_in()
    for path in ("/links", "/owed", "/exceptions", "/approvals", "/test"):
        forms = re.findall(r'<form[^>]*action="([^"]+)"', (await browser.get(path)).text)
        assert set(forms) <= {"/find", "/logout"}, path
    page = await browser.submit("/test", card="atlas-51", amount="10.00")
    assert "it takes the role operator" in page.text
    scene.close()


async def test_a_card_is_tried_and_comes_back_masked(browser: Browser) -> None:
    token = (await browser.get("/route")).csrf
    page = await browser.post("/route", csrf=token, card="9504 0100 0009 0010", amount="100.00")
    assert "950401******0010" in page.text
    assert "9504010000090010" not in page.text
    assert "are atlas&#39;s: to its own host" in page.text
    named = await browser.post("/route", csrf=token, card="fr-visa", amount="250.00 EUR", country="fr")
    assert "to the visa network" in named.text
    wrong = await browser.post("/route", csrf=token, card="9504010000090011", amount="a lot")
    assert (wrong.status, "is no ISO 4217 currency" in wrong.text) == (422, True)


async def test_there_are_no_test_cards_where_a_real_one_might_be(tmp_path: Path) -> None:
    scene = Scene(tmp_path, morocco())
    assert scene.network.test is True
    scene.close()
    real = Scene(tmp_path / "real", msgspec.structs.replace(morocco(), test=False))
    browser = await real.browser().log_in()
    assert (await browser.get("/test")).status == 404
    token = (await browser.get("/route")).csrf
    assert "14, invalid card number" in (await browser.post("/route", csrf=token, card="atlas-approved")).text
    real.close()


def an_order(clientid: str = "600000001") -> Order:
    asked = PaymentRequest(
        clientid=clientid,
        oid="ORD-1",
        amount=15_000,
        currency="504",
        sale=True,
        ok_url="https://s.test/ok",
        fail_url="https://s.test/no",
        callback_url="https://s.test/cb",
        language="fr",
        session_s=600,
        refresh_s=0,
    )
    return Order(number=0, token="secret-token", asked=asked, form=[], version="ver3", opened_us=1_790_000_000_000_000)


async def test_an_order_is_found_by_its_name_and_its_callback_sent_again_with_a_reason(tmp_path: Path) -> None:
    scene = peopled(tmp_path, entries=[booted(), declined(1)])  # nothing that is sealed with a key of another test's
    registry = Registry.at(scene.state / "gateway")
    shop = Merchant(
        clientid="600000001",
        title="Souk",
        city="Fes",
        category="5999",
        site="s.test",
        hosts=("s.test",),
        sealed_key=b"",
    )
    registry.add(shop, "TEST1234")
    order = registry.store.open_order(an_order())
    registry.store.add_call(order, 1)
    (call,) = registry.store.calls()
    registry.store.change_call(msgspec.structs.replace(call, state="dead", tries=6, said="answered 500"))
    browser = await scene.browser().log_in()
    assert (await browser.get("/find?q=ORD-1")).headers["location"] == "/orders/1"
    page = await browser.get("/orders/1")
    assert "answered 500" in page.text
    assert "secret-token" not in page.text
    assert "answered 500" in (await browser.get("/orders")).text
    assert "Say why" in (await browser.submit("/calls", call="1", order="1")).text
    refused = await browser.submit("/calls", call="1", order="1", reason="their server is back")
    assert "the audit log is chained with it" in refused.text
    assert registry.store.calls()[0].state == "dead", "what nobody could know of is not done"
    KeyVault.at(vault_key_path(scene.state))
    audit = audit_of(scene.state, open_vault(scene.state).audit_secret)
    sent = await browser.submit("/calls", call="1", order="1", reason="their server is back")
    assert "Call 1 is due" in sent.text
    assert (registry.store.calls()[0].state, registry.store.calls()[0].tries) == ("due", 0)
    (act,) = audit.verify()
    assert (act.by, act.act, act.key, act.note) == (
        "root (console)",
        "merchant.resend",
        "call 1",
        "their server is back",
    )
    assert "merchant.resend" in (await browser.get("/audit?by=root")).text
    assert "1 act: all hold" in (await browser.get("/audit?by=nobody")).text
    registry.store.close()
    scene.close()


async def test_a_shards_console_says_that_its_settlement_is_a_part_and_one_of_all_adds_up_nothing_less(
    tmp_path: Path,
) -> None:
    network = morocco_sharded()
    scene = Scene(tmp_path, network, state="a")
    browser = await scene.browser().log_in()
    assert ">shard a</span>" in (await browser.get("/")).text
    for path in ("/settlement", "/settlement/2025-11-25/1"):
        page = await browser.get(path)
        assert (page.status, "This is shard a alone, and no net of the network" in page.text) == (200, True), path
        assert f"cmi-switch settle --state {tmp_path}</code>" in page.text
    scene.close()
    above = Desk(network, tmp_path, scene.log)
    assert above.part == ""
    with pytest.raises(JournalError, match="shard b has no journal"):
        SettlementScreen(above)._open()
    above.close()
