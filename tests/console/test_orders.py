"""Web payments on the console: an order's 3-D Secure, and refunds by two people."""

from pathlib import Path

import msgspec
import pytest
import trio

from switch.console.screens import refunds
from switch.gateway.merchants import Registry
from switch.gateway.orders.beside import STORE_FILE
from switch.gateway.orders.lifecycle import Stage
from switch.gateway.orders.messages import kept, unanswered
from switch.gateway.orders.order import Attempt, Authentication
from switch.gateway.payment_messages import Names
from switch.journal.keys import open_vault, vault_key_path
from switch.security.vault import KeyVault
from switch.server.operators import audit_of
from switch.wire.dates import DAY_US
from tests.console.scene import Scene
from tests.console.test_screens import an_order, peopled
from tests.journal.samples import answered, booted, declined, forwarded


async def test_an_orders_3ds_messages_their_flow_and_what_they_came_to(tmp_path: Path) -> None:
    scene = peopled(tmp_path, entries=[booted(), declined(1)])
    registry = Registry.at(scene.state / "gateway")
    names = Names(stan="1", sent_at="", local_time="", local_date="", rrn="R1", amount=100, currency="504")
    known = Authentication(
        trans_id="t-1", status="Y", eci="05", version="2.2.0", acs_url="https://bank.example/challenge", result="Y"
    )
    card = Attempt(names=names, masked="455041******0015", scheme="visa", client="", code="00", authentication=known)
    made = msgspec.structs.replace(an_order(), stage=Stage.CAPTURED, captured=100, attempt=card)
    order = registry.store.open_order(made)
    told = {"messageType": "RReq", "transStatus": "Y", "merchantName": "<b>Souk"}
    registry.store.add_messages(order, [*kept([told], 5), unanswered("ARes", "no whole answer within 10 s", 6)])
    page = await (await scene.browser().log_in()).get("/orders/1")
    for text in (
        "a challenge, on the bank’s page",
        "authenticated",
        "05, 1",
        "the issuer",
        "directory server → 3DS server",
    ):
        assert text in page.text, text
    assert "no whole answer within 10 s" in page.text
    assert "&lt;b&gt;Souk" in page.text
    registry.store.close()
    scene.close()


async def test_a_web_payment_leads_to_its_order_and_no_other_does(tmp_path: Path) -> None:
    asked = msgspec.structs.replace(forwarded(1), elements={**forwarded(1).elements, "42": "600000001      "})
    scene = peopled(tmp_path, entries=[booted(), asked, answered(1)])
    store = Registry.at(scene.state / "gateway").store
    browser = await scene.browser().log_in()
    assert "Web order" not in (await browser.get("/payments/1")).text
    for number, day in enumerate((-3, -1, 0, 0, 1), 1):
        rrn = asked.elements["37"] if number in (1, 3, 5) else "other"
        names = Names(stan="1", sent_at="", local_time="", local_date="", rrn=rrn, amount=100, currency="504")
        card = Attempt(names=names, masked="950401******0010", scheme="cmi", client="", code="00")
        request = msgspec.structs.replace(an_order().asked, oid=f"ORD-{number}")
        opened_us = asked.at_us + day * DAY_US - 60_000_000
        store.open_order(
            msgspec.structs.replace(an_order(), token=f"t{number}", asked=request, attempt=card, opened_us=opened_us)
        )
    page = await browser.get("/payments/1")
    assert '<a href="/orders/3">ORD-3</a>' in page.text, "the others are of another day, or of another card"
    store.close()
    scene.close()


async def test_a_refund_takes_two_supervisors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    scene = peopled(tmp_path, entries=[booted(), declined(1)])
    store = Registry.at(scene.state / "gateway").store
    order = store.open_order(msgspec.structs.replace(an_order(), stage=Stage.CAPTURED, captured=100))
    KeyVault.at(vault_key_path(scene.state))
    browser, wanted = await scene.browser().log_in(), {"order": "1", "seen": str(order.moved_us), "sum": "0.60"}
    assert "Say why" in (await browser.submit("/refunds", **wanted)).text
    for odd, says in (
        ({"sum": "1.01"}, "at most 100 minor units"),
        ({"sum": "x"}, "Not done"),
        ({"seen": "1"}, "something else"),
    ):
        assert says in (await browser.submit("/refunds", reason="broken", **{**wanted, **odd})).text
    assert "waits for a second person" in (await browser.submit("/refunds", reason="broken", **wanted)).text
    assert "Another supervisor approves it." in (await browser.get("/approvals")).text
    assert "it takes another person" in (await browser.submit("/refunds/approve", number="1")).text
    other = scene.browser()
    session = scene.desk.sessions.begin("brahim", trio.current_time())
    other.cookie = f"{browser.cookie.partition('=')[0]}={session.token}"
    assert "Refund 1 of" in (await other.get("/approvals")).text
    with monkeypatch.context() as one_account:
        one_account.setattr(refunds, "marks_of", lambda user: frozenset({user, "uid 7"}))
        assert "root and brahim are one account" in (await other.submit("/refunds/approve", number="1")).text
    assert "Approved: a running gateway" in (await other.submit("/refunds/approve", number="1")).text
    assert [(one.state, one.amount, one.approved_by) for one in store.refunds_of(order)] == [("approved", 60, "brahim")]
    acts = audit_of(scene.state, open_vault(scene.state).audit_secret).verify()
    assert [(act.by, act.act) for act in acts][-2:] == [
        (f"{who} (console)", "merchant.refund") for who in ("root", "brahim")
    ]
    store.close()
    scene.close()


async def test_a_form_that_cannot_be_done_for_its_file_says_so(tmp_path: Path) -> None:
    scene = peopled(tmp_path, entries=[booted(), declined(1)])
    Registry.at(scene.state / "gateway").store.close()
    KeyVault.at(vault_key_path(scene.state))
    browser = await scene.browser().log_in()
    token = (await browser.get("/orders")).csrf
    for name in (STORE_FILE, f"{STORE_FILE}-wal"):
        (scene.state / "gateway" / name).write_bytes(b"no database" * 400)
    page = await browser.post("/calls", csrf=token, call="1", order="1", reason="again")
    assert page.status == 503
    assert "Not done, or not whole" in page.text
    assert STORE_FILE in page.text
    scene.close()


async def test_a_refund_is_no_operators_and_needs_nobody_else_where_none_are_named(tmp_path: Path) -> None:
    for role, state, says in (
        ("operator", None, "It takes the role supervisor."),
        ("", "approved", "It is on its way"),
    ):
        directory = tmp_path / (role or "nobody")
        scene = (
            peopled(directory, role, [booted(), declined(1)])
            if role
            else Scene(directory, entries=[booted(), declined(1)])
        )
        store = Registry.at(scene.state / "gateway").store
        order = store.open_order(msgspec.structs.replace(an_order(), stage=Stage.CAPTURED, captured=100))
        KeyVault.at(vault_key_path(scene.state))
        wanted = {"order": "1", "seen": str(order.moved_us), "sum": "0.60", "reason": "broken"}
        assert says in (await (await scene.browser().log_in()).submit("/refunds", **wanted)).text
        assert [one.state for one in store.refunds_of(order)] == ([state] if state else [])
        store.close()
        scene.close()


async def test_a_number_that_nothing_has_is_nothings(tmp_path: Path) -> None:
    scene = peopled(tmp_path, entries=[booted(), declined(1)])
    store = Registry.at(scene.state / "gateway").store
    order = store.open_order(an_order())
    KeyVault.at(vault_key_path(scene.state))
    browser, why = await scene.browser().log_in(), {"reason": "x"}
    for number in ("0", "9" * 16, "9" * 25, "9" * 5_000, "x", "\u0661"):
        assert (await browser.get(f"/orders/{number}")).status == 404
        assert (await browser.get(f"/orders?before={number}")).status == 200
        assert (await browser.get(f"/settlement/2026-11-27/{number}")).status == 404
        await browser.submit("/calls", call=number, order=number, **why)
        await browser.submit("/refunds", order=number, seen=str(order.moved_us), sum="1", **why)
        await browser.submit("/refunds/approve", number=number)
        await browser.submit("/approvals", number=number)
    store.close()
    scene.close()
