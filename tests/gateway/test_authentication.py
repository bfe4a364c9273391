"""An order whose card's bank is asked first: what is authorized with which proof, what never is, and a process ended anywhere."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.gateway.intake import take_form
from switch.gateway.orders.lifecycle import IllegalMoveError, Stage
from switch.gateway.orders.messages import MESSAGE_MAX
from switch.gateway.orders.order import Authentication, Order
from switch.gateway.outcomes import result_of
from switch.gateway.payment_messages import Card
from switch.gateway.service import Service
from switch.gateway.web import Web
from switch.simulators.de48 import Private48, private_elements
from switch.simulators.proofs import ProofDesk
from switch.threeds.protocol.encoding import to_form
from switch.threeds.protocol.errors import ProtocolError
from switch.threeds.requests import Browser
from switch.threeds.server import ThreeDsServer
from switch.wire.vocabulary import DE, Document
from tests.gateway.asgi import ask
from tests.gateway.test_kills import CLIENT, Fate, KilledError, World, form, gateway
from tests.simulators.samples import card as sample
from tests.threeds import world as w
from tests.threeds.test_flows import code_of
from tests.threeds.world import FOUND, hidden, page_path

PLAIN_BROWSER = Browser(accept="*/*", agent="Test", language="en", address="10.0.0.1")
SCRIPTED = msgspec.structs.replace(PLAIN_BROWSER, found=FOUND)


class Switch(World):
    """The switch, which keeps what it was asked."""

    def __init__(self, says: str = "ACTION=POSTAUTH") -> None:
        super().__init__(lambda n: says)
        self.asked: list[Document] = []

    def _decide(self, document: Document) -> Document:
        if document[DE.MTI] != "0100":
            return super()._decide(document)
        self.asked.append(document)
        self.holds[document[DE.STAN], document[DE.TRANSMISSION_TIME]] = "held"
        return {DE.MTI: "0110", DE.RESPONSE_CODE: "00", DE.APPROVAL_CODE: "A12345"}


class Scene:
    """A gateway, the switch and shop behind it, and the card's bank."""

    def __init__(self, service: Service, switch: Switch, bank: w.World) -> None:
        self.service, self.switch, self.bank = service, switch, bank
        self.app = Web(service, bank.network).app()

    @property
    def flow(self) -> Any:
        assert self.service.authentications is not None
        return self.service.authentications

    async def pay(self, pan: str, browser: Browser = PLAIN_BROWSER, oid: str = "A1") -> Order:
        order = await take_form(self.service, form(oid))
        return await self.service.pay(order, Card(pan=pan, expiry="3112", cvv2="071"), "10.0.0.1", browser)

    async def order(self, oid: str = "A1") -> Order:
        found = self.service.registry.store.by_id(CLIENT, oid)
        assert found is not None
        return found

    async def to_bank(self, order: Order) -> str:
        """The browser goes to the bank; the challenge's page."""
        page = await ask(self.app, f"/pay/{order.token}")
        assert "form-action 'self' http://127.0.0.1:8461 https: http:;" in page.headers["content-security-policy"]
        return await self.bank.browse("/challenge", **hidden(page.text))

    async def back(self, page: str) -> None:
        answer = await ask(self.app, "/3ds/back", list(hidden(page).items()))
        assert answer.status == 303
        await trio.sleep(3)


@asynccontextmanager
async def scene(path: Path, switch: Switch, bank: w.World | None = None) -> AsyncIterator[Scene]:
    bank = bank or w.World()
    service, driver = gateway(path, switch)
    # what the bank posts results to is the gateway's own now

    async def results(told: dict[str, Any]) -> str:
        switch.fate.pass_by()
        bank.results.append(told)
        assert service.authentications is not None
        said = await service.authentications.take_result(told)
        switch.fate.pass_by()
        return said

    bank.server = ThreeDsServer(
        "http://127.0.0.1:8450", w.SERVER, bank.post, bank.server.new_id, results, lambda e, f: bank.log.append((e, f))
    )
    bank.apps["7000"] = bank.server.app()
    service.authenticate_by(bank.server, "504101", "http://127.0.0.1:7000")
    service.desk.report = lambda event, fields: bank.log.append((event, fields))
    try:
        async with trio.open_nursery() as nursery:
            await bank.server.fetch_ranges()
            await nursery.start(service.run, driver)
            yield Scene(service, switch, bank)
            nursery.cancel_scope.cancel()
    finally:
        service.registry.store.close()


def proof(document: Document) -> tuple[str, bool]:
    """ECI, and whether the issuer takes its proof."""
    private = private_elements(document)
    pan = document[DE.PAN]
    scheme = {"4": "visa", "5": "mastercard"}.get(pan[0], "cmi")
    return private[Private48.ECI], ProofDesk().judge(sample(pan=pan, scheme=scheme), document) is None


@pytest.mark.parametrize(
    ("pan", "internal", "told"),
    [
        (w.PLAIN, "05", ("1", "05", "Y", "issuer")),
        (w.ATTEMPTED, "06", ("4", "01", "A", "issuer")),
        (w.UNAVAILABLE, "07", ("5", "00", "U", "merchant")),
        (w.OUTSIDE, "07", ("2", "07", "", "merchant")),
        (w.REJECTED, "", ("0", "07", "R", "merchant")),
        (w.REFUSED, "", ("0", "07", "N", "merchant")),
    ],
)
async def test_what_the_bank_says_goes_to_the_issuer_and_the_shop(
    tmp_path: Path, autojump_clock: MockClock, pan: str, internal: str, told: tuple[str, ...]
) -> None:
    async with scene(tmp_path, Switch()) as at:
        await at.pay(pan)
        await trio.sleep(3)
        order = await at.order()
        known = result_of(order).authentication
        assert (known.md_status, known.eci, known.status, known.liability) == told
        if internal:
            assert order.stage is Stage.CAPTURED
            assert proof(at.switch.asked[0]) == (internal, True)
            assert bool(known.value) is (internal != "07")
        else:
            assert (order.stage, at.switch.asked) == (Stage.DECLINED, [])
            assert result_of(order).text == "The cardholder was not authenticated"
        assert at.switch.calls


async def test_a_merchant_may_refuse_what_is_not_authenticated(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with scene(tmp_path, Switch()) as at:
        store = at.service.registry.store
        merchant = store.merchant(CLIENT)
        assert merchant is not None
        store.change_merchant(msgspec.structs.replace(merchant, unauthenticated="refuse"))
        for pan in (w.UNAVAILABLE, w.OUTSIDE):
            order = await at.pay(pan, oid=f"X{pan[:6]}")
            assert order.stage is Stage.DECLINED
        assert at.switch.asked == []
        await at.pay(w.PLAIN, oid="Y")
        assert len(at.switch.asked) == 1


@pytest.mark.parametrize("leg", ["8450", "8461"])
async def test_a_bank_that_does_not_answer_is_no_proof(tmp_path: Path, autojump_clock: MockClock, leg: str) -> None:
    async with scene(tmp_path, Switch()) as at:

        async def silent(body: bytes) -> bytes | None:
            await trio.sleep(60)
            return None

        at.bank.trouble[leg] = silent
        await at.pay(w.PLAIN)
        await trio.sleep(3)
        assert proof(at.switch.asked[0]) == ("07", True)
        assert result_of(await at.order()).authentication.md_status == "7"
        assert "authentication.failed" in [event for event, _ in at.bank.log]


async def test_the_right_code_pays_and_all_that_follows_pays_no_more(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with scene(tmp_path, Switch()) as at:
        order = await at.pay(w.CHALLENGED)
        assert order.stage is Stage.AUTHENTICATING
        with pytest.raises(IllegalMoveError):
            await at.service.pay(order, Card(pan=w.PLAIN, expiry="3112", cvv2="071"), "10.0.0.1", PLAIN_BROWSER)
        path = page_path(await at.to_bank(order))
        await at.to_bank(order)  # back and forth changes nothing
        done = await at.bank.browse(path, code=code_of(at.bank), do="confirm")
        assert at.switch.asked == [], "nothing is authorized before the browser is back"
        told = at.bank.results[0]
        assert await at.flow.take_result(told | {"threeDSServerTransID": told["threeDSServerTransID"].upper()}) == "01"
        with pytest.raises(ProtocolError, match="305"):
            await at.flow.take_result(told | {"transStatus": "N"})
        async with trio.open_nursery() as clicks:
            for _ in range(3):
                clicks.start_soon(at.back, done)
        assert proof(at.switch.asked[0]) == ("05", True)
        assert len(at.switch.asked) == 1
        assert (await at.order()).stage is Stage.CAPTURED
        assert at.bank.texts[0].count(w.CHALLENGED) == 0
        kept = at.service.registry.store.messages_of(order)
        assert [(one.kind, one.said) for one in kept[:6]] == [
            ("AReq", ""),
            ("ARes", "C"),
            ("CReq", ""),
            ("RReq", "Y"),
            ("RRes", "01"),
            ("CRes", "Y"),
        ]
        text = "".join(one.text for one in kept)
        assert '"acctNumber": "455041******0015"' in text
        assert w.CHALLENGED not in text
        assert told["authenticationValue"] not in text


async def test_a_card_number_that_a_browser_brings_is_masked_where_its_message_is_kept(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with scene(tmp_path, Switch()) as at:
        order = await at.pay(w.CHALLENGED)
        odd = {"messageType": "CRes", "threeDSServerTransID": known_of(order).trans_id, "x": [w.PLAIN, "y" * 20_000]}
        await at.back(f'<input type="hidden" name="cres" value="{to_form(odd)}">')
        (brought,) = (one for one in at.service.registry.store.messages_of(order) if one.kind == "CRes")
        assert w.PLAIN not in brought.text
        assert len(brought.text) <= MESSAGE_MAX


@pytest.mark.parametrize(
    ("result", "browser", "pays"),
    [("Y", "N", False), ("N", "Y", False), ("", "Y", False), ("Y", "", False), ("U", "N", True), ("U", "Y", False)],
)
async def test_an_rreq_and_a_cres_that_disagree_never_pay(
    tmp_path: Path, autojump_clock: MockClock, result: str, browser: str, pays: bool
) -> None:
    async with scene(tmp_path, Switch()) as at:
        order = await at.pay(w.CHALLENGED)
        known = known_of(order)
        base = {"messageVersion": "2.2.0", "threeDSServerTransID": known.trans_id, "acsTransID": known.acs_trans_id}
        if result:
            proved = {"authenticationValue": "AAABBZEEBgAAAAAAAAQGAAAAAAA="} if result == "Y" else {}
            await at.flow.take_result(
                base | proved | {"messageType": "RReq", "transStatus": result, "dsTransID": known.ds_trans_id}
            )
        said = {"transStatus": browser} if browser else {}
        await at.back(f'<input type="hidden" name="cres" value="{to_form(base | said | {"messageType": "CRes"})}">')
        assert bool(at.switch.asked) is pays
        assert (await at.order()).stage is (Stage.CAPTURED if pays else Stage.DECLINED)


def known_of(order: Order) -> Authentication:
    assert order.attempt is not None
    assert order.attempt.authentication is not None
    return order.attempt.authentication


async def test_a_result_that_comes_after_the_browser_is_waited_for(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with scene(tmp_path, Switch()) as at:
        order = await at.pay(w.CHALLENGED)
        page = await at.to_bank(order)
        done = await at.bank.browse(page_path(page), code=code_of(at.bank), do="confirm")
        (told,) = at.bank.results
        known = known_of(order)
        fresh = msgspec.structs.replace(order, due_us=order.due_us)
        # as if the result had not come yet
        at.service.registry.store._keep(fresh)
        at.flow._pending[known.trans_id.lower()].result = trio.Event()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(at.back, done)
            await trio.sleep(5)
            assert at.switch.asked == []
            assert await at.flow.take_result(told) == "01"
        assert len(at.switch.asked) == 1


async def test_nonsense_from_a_browser_changes_nothing(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with scene(tmp_path, Switch()) as at:
        order = await at.pay(w.CHALLENGED)
        for cres in ("", "!", to_form({"messageType": "CRes"}), to_form({"threeDSServerTransID": 7})):
            assert (await ask(at.app, "/3ds/back", [("cres", cres)])).status == 404
        assert (await at.order()).stage is Stage.AUTHENTICATING
        other = known_of(order)
        with pytest.raises(ProtocolError, match="301"):
            await at.flow.take_result(
                {"threeDSServerTransID": other.trans_id, "acsTransID": other.trans_id, "dsTransID": other.ds_trans_id}
            )


async def test_the_customer_cancels_or_stays_away(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with scene(tmp_path, Switch()) as at:
        order = await at.pay(w.CHALLENGED)
        page = page_path(await at.to_bank(order))
        await at.service.cancel(await at.order())
        await at.back(await at.bank.browse(page, code=code_of(at.bank), do="confirm"))
        assert ((await at.order()).stage, at.switch.asked) == (Stage.CANCELLED, [])
        assert at.flow.pending(await at.order()) is None, "its card is not kept"
        away = await at.pay(w.CHALLENGED, oid="B2")
        old = msgspec.structs.replace(away, due_us=1)
        at.service.registry.store._db.execute(
            "UPDATE orders SET due_us = 1, body = ? WHERE number = ?", (msgspec.json.encode(old), away.number)
        )
        await trio.sleep(3)
        assert (await at.order("B2")).stage is Stage.DECLINED
        assert at.flow.pending(await at.order("B2")) is None, "its card is not kept"
        events = [event for event, _ in at.bank.log]
        assert "order.failed" not in events


@pytest.mark.parametrize("told", [False, True], ids=["before its result", "between result and CRes"])
async def test_a_bank_that_is_killed_has_authenticated_nobody(
    tmp_path: Path, autojump_clock: MockClock, told: bool
) -> None:
    async with scene(tmp_path, Switch()) as at:
        order = await at.pay(w.CHALLENGED)
        page = await at.to_bank(order)
        if told:
            await at.bank.browse(page_path(page), code=code_of(at.bank), do="confirm")
            assert known_of(await at.order()).result == "Y"
        at.bank.apps["8461"] = w.World().acs.app()  # started again, it knows nothing
        assert "cres" not in await at.to_bank(await at.order())
        store = at.service.registry.store
        store._keep(msgspec.structs.replace(await at.order(), due_us=1))
        await trio.sleep(3)
        assert ((await at.order()).stage, at.switch.asked) == (Stage.DECLINED, [])
        assert (await at.pay(w.PLAIN, oid="A2")).stage is not Stage.DECLINED


async def test_the_browser_is_looked_at_first_where_the_bank_wants_that(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with scene(tmp_path, Switch()) as at:
        order = await at.pay(w.PLAIN, SCRIPTED)
        page = await ask(at.app, f"/pay/{order.token}")
        policy = page.headers["content-security-policy"]
        assert "frame-src 'self' http://127.0.0.1:8461;" in policy
        inside = await at.bank.browse("/method", **hidden(page.text.partition("</form>")[0]))
        done = await ask(at.app, "/3ds/method", list(hidden(inside).items()))
        assert "data-method-done" in done.text
        assert "frame-ancestors 'self'" in done.headers["content-security-policy"]
        await ask(at.app, f"/pay/{order.token}/authenticate", [("lang", "en")])
        await trio.sleep(3)
        assert (await at.order()).stage is Stage.CAPTURED


class Paths:
    """The customer's whole way: card, bank, code, back."""

    @staticmethod
    async def walk(at: Scene) -> None:
        order = await at.pay(w.CHALLENGED)
        done = await at.bank.browse(page_path(await at.to_bank(order)), code=code_of(at.bank), do="confirm")
        await at.back(done)


async def life(path: Path, switch: Switch, bank: w.World, *, begin: bool) -> Order | None:
    """One process of the gateway."""
    found: Order | None = None
    try:
        async with scene(path, switch, bank) as at:
            if begin:
                await Paths.walk(at)
            elif (left := at.service.registry.store.by_id(CLIENT, "A1")) is not None:
                await ask(at.app, f"/pay/{left.token}")  # the customer looks at the page again
            await trio.sleep(8)
            found = at.service.registry.store.by_id(CLIENT, "A1")
    except BaseExceptionGroup as group:
        _, others = group.split(KilledError)
        if others is not None:
            raise
    return found


async def test_an_order_is_paid_or_not_wherever_the_gateway_ended(tmp_path: Path, autojump_clock: MockClock) -> None:
    outcomes: set[Stage] = set()
    for at in range(1, 60):
        switch = Switch()
        switch.fate = Fate(at)
        finished = await life(tmp_path / str(at), switch, w.World(), begin=True)
        switch.fate = Fate(0)
        order = await life(tmp_path / str(at), switch, w.World(), begin=False)
        assert order is not None
        stand = [state for state in switch.holds.values() if state != "gone"]
        assert stand == (["posted"] if order.stage is Stage.CAPTURED else []), order.stage
        assert order.stage not in {Stage.AUTHENTICATING, Stage.AUTHORIZING, Stage.APPROVED, Stage.REVERSING}
        assert w.CHALLENGED.encode() not in msgspec.json.encode(order)
        outcomes.add(order.stage)
        if finished is not None:
            assert order.stage is Stage.CAPTURED
            break
    assert at > 12
    assert outcomes == {Stage.OPEN, Stage.DECLINED, Stage.REVERSED, Stage.CAPTURED}
