"""Web payment over the real switch: a shop's form, the page, a card, the callback that decides, the API, a kill.

What docs/web-payment.md shows of processes is started here.
"""

import re
import threading
from collections.abc import Iterator
from decimal import Decimal
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.main import main
from switch.gateway.protocol import hashes
from switch.gateway.protocol.fields import Fields
from switch.wire.vocabulary import mask_pan
from tests.e2e.stage import Stage, wait_for
from tests.e2e.web import CLIENT, KEY, Forms, Gateway, Shop, element, free_address, post


@pytest.fixture(scope="module")
def gateway(running: Stage, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    shop = Shop()
    try:
        yield Gateway(running, tmp_path_factory.mktemp("gateway"), shop)
    finally:
        shop.close()


def told(gateway: Gateway, oid: str) -> list[Fields]:
    return [fields for fields in gateway.shop.told if fields.get("oid") == oid]


def test_an_approval_is_confirmed_by_the_shop_and_captured(gateway: Gateway) -> None:
    page = gateway.buy("BUY-1", "atlas-approved")
    assert "Payment approved" in page
    form = Forms(page)
    assert form.actions == [f"http://{gateway.shop.host}/ok"]
    back = Fields(form.fields)
    (call,) = told(gateway, "BUY-1")
    for fields in (call, back):
        assert hashes.check(fields, KEY) is not None
        assert [name for name, _ in fields][-1] == "HASH"
        assert fields.raw("BillToName") == "Zoé <b>&amp; O'Brien|\\"
        assert fields.get("ProcReturnCode") == "00"
        assert fields.name("callbackurl") == "CallbackURL"
        assert fields.get("MaskedPan") == "950401******0010"
    assert wait_for(lambda: gateway.status("BUY-1") == "C")
    status = gateway.api("BUY-1", "<Extra><ORDERSTATUS>QUERY</ORDERSTATUS></Extra>")
    fees, net = (element(status, name) for name in ("FEES", "NET"))
    assert Decimal(fees) > 0, "the switch's 0230 says what the merchant pays"
    assert Decimal(fees) + Decimal(net) == Decimal("31.50")
    assert (back.get("EXTRA.CAPTURED"), back.get("EXTRA.FEES"), back.get("EXTRA.NET")) == ("31.50", fees, net)
    assert re.fullmatch(r"20\d{6}00\d", back.get("SettleId"))
    assert call.get("SettleId") == "", "nothing is captured yet when the shop is asked"
    hops = gateway.stage.hops(call.get("HostRefNum"), 8)
    assert {hop["mti"] for hop in hops} >= {"0100", "0110", "0220", "0230"}


def test_a_decline_leaves_another_card_to_try(gateway: Gateway) -> None:
    gateway.shop.says = "ACTION=POSTAUTH"
    path = gateway.open(gateway.shop.form("TWICE-1"))
    assert "declined the payment" in gateway.type_card(path, gateway.cards["atlas-51"])
    assert "Payment approved" in gateway.type_card(path, gateway.cards["fr-visa"])
    codes = wait_for(lambda: {f.get("ProcReturnCode") for f in told(gateway, "TWICE-1")} - {"51"})
    assert codes == {"00"}


@pytest.mark.parametrize(
    ("says", "state"),
    [
        ("APPROVED", "A"),
        (" ACTION=POSTAUTH\n", "C"),
        ("<html>ACTION=POSTAUTH</html>", "V"),
        ("elsewhere", "V"),
        ("", "V"),
    ],
)
def test_the_first_answer_decides(gateway: Gateway, says: str, state: str) -> None:
    gateway.shop.says = says
    oid = f"SAYS-{abs(hash(says)) % 10**8}"
    page = gateway.buy(oid, "rif-approved")
    assert ("Payment approved" in page) is (state != "V")
    assert wait_for(lambda: gateway.status(oid) == state)
    gateway.shop.says = "ACTION=POSTAUTH"


def test_no_callback_holds_and_the_api_does_the_rest(gateway: Gateway) -> None:
    gateway.buy("API-1", "souss-approved", callback="")
    assert gateway.status("API-1") == "A"
    assert element(gateway.api("API-1", "<Type>PostAuth</Type><Total>40</Total>"), "Response") == "Error"
    done = gateway.api("API-1", "<Type>PostAuth</Type><Total>30.00</Total>")
    assert element(done, "ProcReturnCode") == "00"
    assert gateway.status("API-1") == "C"
    fees = element(gateway.api("API-1", "<Extra><ORDERSTATUS>QUERY</ORDERSTATUS></Extra>"), "FEES")
    assert element(gateway.api("API-1", "<Type>Credit</Type><Total>10.00</Total>"), "ProcReturnCode") == "00"
    query = gateway.api("API-1", "<Extra><ORDERSTATUS>QUERY</ORDERSTATUS></Extra>")
    assert element(query, "CAPTURE_AMT") == "2000"
    assert Decimal(element(query, "FEES")) + Decimal(element(query, "NET")) == Decimal("20.00"), "fees came back, too"
    assert Decimal(element(query, "FEES")) < Decimal(fees)
    assert element(gateway.api("API-1", "<Type>Credit</Type><Total>25.00</Total>"), "Response") == "Error"
    assert element(gateway.api("API-1", "<Type>Void</Type>"), "ProcReturnCode") == "00"
    assert wait_for(lambda: gateway.status("API-1") == "V")
    history = gateway.api("API-1", "<Extra><ORDERHISTORY>QUERY</ORDERHISTORY></Extra>")
    assert int(element(history, "TRXCOUNT")) >= 4
    gateway.password, right = "wrong", gateway.password
    assert "not right" in gateway.api("API-1", "<Type>Void</Type>")
    gateway.password = right


def test_the_same_order_twice_is_one_order(gateway: Gateway) -> None:
    gateway.shop.says = "ACTION=POSTAUTH"
    form = gateway.shop.form("SAME-1")
    path = gateway.open(form)
    assert gateway.open(gateway.shop.form("SAME-1", rnd="another")) == path
    assert gateway.ask("/fim/est3Dgate", gateway.shop.form("SAME-1", amount="99.00"))[0] == 400
    card = gateway.cards["rif-slow"]
    pages: list[str] = []
    clicks = [threading.Thread(target=lambda: pages.append(gateway.type_card(path, card))) for _ in range(4)]
    for click in clicks:
        click.start()
    for click in clicks:
        click.join()
    assert all("Payment approved" in page for page in pages)
    assert len(told(gateway, "SAME-1")) == 1
    assert "Payment approved" in gateway.ask(gateway.open(form))[2]


def test_what_a_browser_learns_and_what_it_does_not(gateway: Gateway) -> None:
    form = [(n, v if n != "BillToName" else "Zoé l") for n, v in gateway.shop.form("BAD-1")]
    status, _, page = gateway.ask("/fim/est3Dgate", form)
    assert status == 400
    assert "BillToName" not in page
    assert "looks cut at an apostrophe" in gateway.child.text()
    evil = [("okUrl", "http://evil.example/ok")]
    assert gateway.ask("/fim/est3Dgate", gateway.shop.form("BAD-2", **dict(evil)))[0] == 400
    assert "evil.example: is not among the merchant's hosts" in gateway.child.text()
    assert gateway.ask("/pay/guess")[0] == 404
    assert gateway.ask("/fim/api", body="<!DOCTYPE x [<!ENTITY y SYSTEM 'file:///etc/passwd'>]><CC5Request/>")[0] == 400


def test_what_was_refused_is_listed(gateway: Gateway) -> None:
    """The store has it within a second; nothing in it is a card's."""
    gateway.ask("/fim/est3Dgate", gateway.shop.form("WRONG-1", okUrl="http://evil.example/ok"))
    gateway.password, right = "wrong", gateway.password
    gateway.api("WRONG-2", "<Type>Void</Type>")
    gateway.password = right

    def listed() -> str:
        runner = CliRunner().invoke(main, ["merchant", "refused", CLIENT, "--state", str(gateway.state)])
        assert runner.exit_code == 0, runner.output
        return runner.output if "WRONG-1" in runner.output and "login" in runner.output else ""

    text = wait_for(listed)
    assert "evil.example: is not among the merchant's hosts" in text
    assert "name or password is not right" in text


def test_a_port_that_is_taken_is_said_in_a_sentence(gateway: Gateway, tmp_path: Path) -> None:
    where = ("--state", str(tmp_path), "--listen", f"127.0.0.1:{gateway.port}")
    child = gateway.stage.start("gateway", str(gateway.stage.path), *where, ready=False)
    assert child.wait(30) == 1
    assert f"127.0.0.1:{gateway.port}: Address already in use" in child.text()


@pytest.mark.long
def test_a_gateway_starts_before_its_switch_and_an_order_of_then_is_paid_once_it_is_there(tmp_path: Path) -> None:
    shop, stage = Shop(), Stage(tmp_path)
    try:
        early = Gateway(stage, tmp_path / "pages", shop)
        at = stage.address("acquirers")
        assert (
            f"Not yet connected: nothing listens on {at}: start the switch with `cmi-switch serve" in early.child.text()
        )
        card, order = early.cards["atlas-approved"], early.open(shop.form("E1"))
        assert "You were not charged. Try again in a moment" in early.type_card(order, card)
        assert "payment.not_sent order=E1" in early.child.text()
        stage.issuers()
        stage.serve()
        assert "Payment approved" in early.type_card(order, card)
        assert [call.get("ProcReturnCode") for call in shop.told] == ["00"]
    finally:
        stage.close()
        shop.close()


def test_too_many_cards_of_one_address_are_refused(gateway: Gateway, tmp_path: Path) -> None:
    at = free_address()
    gateway.command(
        "merchant", "add", CLIENT, "--title", "x", "--host", gateway.shop.host, "--key", KEY, "--state", str(tmp_path)
    )
    where = (
        "--state",
        str(tmp_path),
        "--listen",
        at,
        "--limit",
        "cards-per-client=1",
        "--limit",
        "wrong-forms-per-client=2",
    )
    child = gateway.stage.start("gateway", str(gateway.stage.path), *where)
    gateway.port, before = int(at.partition(":")[2]), gateway.port
    try:
        path = gateway.open(gateway.shop.form("PACE-1"))
        assert "declined the payment" in gateway.type_card(path, gateway.cards["atlas-51"])
        assert "Too many tries" in gateway.type_card(path, gateway.cards["atlas-approved"])
        wrong = gateway.shop.form("PACE-2", okUrl="http://evil.example/ok")
        assert [gateway.ask("/fim/est3Dgate", wrong)[0] for _ in range(3)] == [400, 400, 429]
        assert "too many cards from one address" in child.text()
    finally:
        gateway.port = before
        child.stop()


def test_a_cancelled_order_cannot_be_paid(gateway: Gateway) -> None:
    path = gateway.open(gateway.shop.form("NO-1"))
    _, where, _ = gateway.ask(path.partition("?")[0] + "/cancel", [("lang", "ar")])
    assert where.endswith("?lang=ar"), "the language that was chosen stays"
    page = gateway.type_card(path, gateway.cards["atlas-approved"])
    assert "You have cancelled" in page
    assert Forms(page).actions == [f"http://{gateway.shop.host}/no"]
    assert wait_for(lambda: told(gateway, "NO-1"))[0].get("Response") == "Declined"


def test_three_languages_and_a_mistyped_card(gateway: Gateway) -> None:
    path = gateway.open(gateway.shop.form("LANG-1"))
    for language, words, direction in (
        ("fr", "Numéro de carte", "ltr"),
        ("ar", "رقم البطاقة", "rtl"),
        ("en", "Card number", "ltr"),
    ):
        page = gateway.ask(f"{path.partition('?')[0]}?lang={language}")[2]
        assert words in page
        assert f'dir="{direction}"' in page
        assert "Argan &lt;b&gt;" in page
        for name in ("pan", "expiry", "cvv2"):
            assert f'<label for="{name}">' in page
    status, _, page = gateway.ask(
        path, [("pan", "4111111111111112"), ("expiry", "13/20"), ("cvv2", "12"), ("lang", "en")]
    )
    assert status == 422
    assert page.count('aria-invalid="true"') == 3
    assert "4111111111111112" not in page


def test_a_gateway_killed_while_the_issuer_thinks_takes_the_payment_back(gateway: Gateway) -> None:
    gateway.shop.says = "ACTION=POSTAUTH"
    path = gateway.open(gateway.shop.form("KILL-1"))
    card = gateway.cards["souss-slow"]
    pairs = [("pan", card.pan), ("expiry", "12/31"), ("cvv2", card.cvv2), ("lang", "en")]

    def click() -> None:
        with pytest.raises((ConnectionError, HTTPException)):
            gateway.ask(path, pairs)

    before = gateway.asked_of(card)
    clicking = threading.Thread(target=click)
    clicking.start()
    wait_for(lambda: gateway.asked_of(card) > before)
    gateway.child.kill()
    clicking.join()
    gateway.child = gateway.start()
    assert wait_for(lambda: gateway.status("KILL-1") == "V")
    assert "Not paid" in gateway.ask(path)[2]


@pytest.mark.long
def test_a_gateway_that_is_told_to_stop_ends_what_is_at_a_bank(gateway: Gateway) -> None:
    path, card = gateway.open(gateway.shop.form("STOP-1")), gateway.cards["souss-slow"]
    before = gateway.asked_of(card)
    pages: list[str] = []
    clicking = threading.Thread(target=lambda: pages.append(gateway.type_card(path, card)))
    clicking.start()
    wait_for(lambda: gateway.asked_of(card) > before)
    assert gateway.child.stop() == 0
    clicking.join()
    gateway.child = gateway.start()
    assert wait_for(lambda: gateway.status("STOP-1") == "C")


def test_no_card_number_is_left_anywhere(gateway: Gateway) -> None:
    kept = b"".join(path.read_bytes() for path in gateway.state.iterdir()) + gateway.child.text().encode()
    for name in ("atlas-approved", "atlas-51", "fr-visa", "rif-slow", "souss-slow"):
        assert gateway.cards[name].pan.encode() not in kept
    for fields in gateway.shop.told:
        for name, value in fields:
            assert gateway.cards["atlas-approved"].pan not in value, name


def test_a_national_card_is_refused_on_a_foreign_site(gateway: Gateway) -> None:
    """By the switch's rule about where such cards work; a foreign card pays there."""
    state = ("--state", str(gateway.state))
    made = ("--title", "Boutique", "--city", "Lyon", "--country", "fr", "--host", gateway.shop.host, "--key", KEY)
    gateway.command("merchant", "add", "600000077", *made, *state)
    assert re.search(r"country +FR\n", gateway.command("merchant", "show", "600000077", *state))

    def buy(oid: str, card: str) -> str:
        form = [(n, "600000077" if n == "clientid" else v) for n, v in gateway.shop.form(oid) if n != "Hash"]
        signed = [*form, ("Hash", hashes.make(Fields(form), KEY))]
        return gateway.type_card(gateway.open(signed), gateway.cards[card])

    assert "declined the payment" in buy("ABROAD-1", "atlas-approved")
    codes = wait_for(lambda: [fields.get("ProcReturnCode") for fields in told(gateway, "ABROAD-1")])
    assert codes == ["57"]
    pan = mask_pan(gateway.cards["atlas-approved"].pan)
    refused = [hop for hop in gateway.stage.events("hop.sent", pan=pan) if hop.get("de39") == "57"]
    assert "are for use in MA only" in str(refused[-1])
    assert "Payment approved" in buy("ABROAD-2", "fr-visa")


def test_the_demo_shop_sells_and_says_what_it_was_told(gateway: Gateway) -> None:
    at = free_address()
    where = ("--listen", at, "--gateway", f"http://127.0.0.1:{gateway.port}", "--state", str(gateway.stage.state))
    console = ("--console", "http://127.0.0.1:8600/")
    shop = gateway.stage.start("shop", *where, *console, "--clientid", CLIENT, "--key", KEY)
    assert f"Ready: shop http://{at}, paying at http://127.0.0.1:{gateway.port}" in shop.text()
    gateway.command(
        "merchant", "change", CLIENT, "--host", gateway.shop.host, "--host", at, "--state", str(gateway.state)
    )
    page = post(at, "/buy", [("goods", "argan"), ("lang", "en"), ("answer", "capture")])
    paid = gateway.type_card(gateway.open(Forms(page).fields), gateway.cards["atlas-approved"])
    assert "Payment approved" in paid
    thanks = wait_for(lambda: page if "0230" in (page := post(at, "/paid", Forms(paid).fields)) else "")
    inside = ("net ", f"merchant:{CLIENT} → atlas", "──0100─", "0220", "http://127.0.0.1:8600/find?q=")
    for text in ("Thank you", *inside, "ECI 07 · mdStatus 7 · liability merchant", "/merchant/orders?lang=en&amp;q=D"):
        assert text in thanks, text
    connection = HTTPConnection(at, timeout=10)
    for store in ("souk", "airline", "insurer", "telecom"):
        connection.request("GET", f"/shop/{store}")
        page = connection.getresponse().read().decode()
        assert {kind for kind in ("domestic", "foreign", "refused") if f'<tr class="{kind}">' in page} == {
            "domestic",
            "foreign",
            "refused",
        }
    connection.close()
    assert "WRONG" not in post(at, "/failed", Forms(paid).fields)
    shop.stop()
