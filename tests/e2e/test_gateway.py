"""Web payment over the real switch: a shop's form, the page, a card, the callback that decides, the API, a kill.

What docs/web-payment.md shows of processes is started here.
"""

import re
import socket
import threading
from collections.abc import Iterator
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPException
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

import pytest
from click.testing import CliRunner

from switch.cli._processes import Child
from switch.cli.main import main
from switch.gateway.protocol import hashes
from switch.gateway.protocol.fields import Fields
from switch.simulators.cards import TestCard, demo_cards
from switch.wire.vocabulary import mask_pan
from tests.e2e.stage import Stage, wait_for

KEY: Final = "TE|ST\\1234"
CLIENT: Final = "600000001"


class Shop:
    """A merchant's server: what it was told, and what it says to the next call."""

    def __init__(self) -> None:
        self.told: list[Fields] = []
        self.says = "ACTION=POSTAUTH"
        shop = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                shop.told.append(Fields(parse_qsl(body, keep_blank_values=True)))
                text = shop.says.encode()
                self.send_response(302 if shop.says == "elsewhere" else 200)
                self.send_header("Location", "http://127.0.0.1:1/")
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def form(self, oid: str, amount: str = "31.50", callback: str = "/cb", **more: str) -> list[tuple[str, str]]:
        url = f"http://{self.host}"
        fields = {
            "clientid": CLIENT,
            "storetype": "3D_PAY_HOSTING",
            "trantype": "PreAuth",
            "amount": amount,
            "currency": "504",
            "oid": oid,
            "okUrl": f"{url}/ok",
            "failUrl": f"{url}/no",
            "CallbackURL": f"{url}{callback}" if callback else "",
            "lang": "en",
            "rnd": "0.12345600 1736930000",
            "hashAlgorithm": "ver3",
            "encoding": "UTF-8",
            "BillToName": "Zoé <b>&amp; O'Brien|\\",
            **more,
        }
        return [*fields.items(), ("Hash", hashes.make(Fields(fields.items()), KEY))]


class Forms(HTMLParser):
    """The hidden fields and targets of a page's forms."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.fields: list[tuple[str, str]] = []
        self.actions: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.actions.append(values["action"])
        elif tag == "input" and values.get("type") == "hidden":
            self.fields.append((values["name"], values["value"]))


class Gateway:
    """A gateway of the running network, its one merchant, and a browser of sorts."""

    def __init__(self, stage: Stage, state: Path, shop: Shop) -> None:
        self.stage, self.state, self.shop = stage, state, shop
        self.cards = {card.name: card for card in demo_cards(stage.network)}
        self.port = int(free_address().partition(":")[2])
        made = self.command(
            "merchant", "add", CLIENT, "--title", "Argan <b>", "--host", shop.host, "--key", KEY, "--state", str(state)
        )
        found = re.search("password (.*)", made)
        assert found is not None
        self.password = found[1]
        self.child = self.start()

    def command(self, *arguments: str) -> str:
        done = CliRunner().invoke(main, list(arguments))
        assert done.exit_code == 0, done.output
        return done.output

    def start(self) -> Child:
        state, at = str(self.state), f"127.0.0.1:{self.port}"
        return self.stage.start("gateway", str(self.stage.path), "--state", state, "--listen", at)

    def ask(self, path: str, pairs: list[tuple[str, str]] | None = None, body: str = "") -> tuple[int, str, str]:
        """Status, where it sends, text."""
        connection = HTTPConnection("127.0.0.1", self.port, timeout=30)
        if pairs is None and not body:
            connection.request("GET", path)
        else:
            kind = "text/xml" if body else "application/x-www-form-urlencoded"
            connection.request("POST", path, body or urlencode(pairs or []), {"Content-Type": kind})
        answer = connection.getresponse()
        told = answer.status, answer.headers.get("Location", ""), answer.read().decode()
        connection.close()
        return told

    def open(self, form: list[tuple[str, str]]) -> str:
        """Post a shop's form; the address of the order's page."""
        status, path, _ = self.ask("/fim/est3Dgate", form)
        assert status == 303
        return path

    def type_card(self, path: str, card: TestCard) -> str:
        """Submit a card; what the page shows then."""
        expiry = f"{card.expiry[2:]}/{card.expiry[:2]}"
        status, where, text = self.ask(
            path, [("pan", card.pan), ("expiry", expiry), ("cvv2", card.cvv2), ("lang", "en")]
        )
        return self.ask(where)[2] if status == 303 else text

    def buy(self, oid: str, card: str, **asked: Any) -> str:
        return self.type_card(self.open(self.shop.form(oid, **asked)), self.cards[card])

    def api(self, oid: str, what: str) -> str:
        head = f"<Name>{CLIENT}api</Name><Password>{self.password}</Password><ClientId>{CLIENT}</ClientId>"
        body = f"<?xml version='1.0'?><CC5Request>{head}<OrderId>{oid}</OrderId>{what}</CC5Request>"
        return self.ask("/fim/api", body=body)[2]

    def status(self, oid: str) -> str:
        return element(self.api(oid, "<Extra><ORDERSTATUS>QUERY</ORDERSTATUS></Extra>"), "TRANS_STAT")


def free_address() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{free.getsockname()[1]}"


def post(at: str, path: str, pairs: list[tuple[str, str]]) -> str:
    connection = HTTPConnection(at, timeout=30)
    connection.request("POST", path, urlencode(pairs), {"Content-Type": "application/x-www-form-urlencoded"})
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def element(xml: str, name: str) -> str:
    found = re.search(f"<{name}>(.*?)</{name}>", xml)
    assert found is not None, xml
    return found[1]


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
    assert element(gateway.api("API-1", "<Type>Credit</Type><Total>10.00</Total>"), "ProcReturnCode") == "00"
    query = gateway.api("API-1", "<Extra><ORDERSTATUS>QUERY</ORDERSTATUS></Extra>")
    assert element(query, "CAPTURE_AMT") == "2000"
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


def test_a_cancelled_order_cannot_be_paid(gateway: Gateway) -> None:
    path = gateway.open(gateway.shop.form("NO-1"))
    gateway.ask(path.replace("?", "/cancel?"), [("lang", "en")])
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

    clicking = threading.Thread(target=click)
    clicking.start()
    assert wait_for(lambda: gateway.stage.events("hop.sent", pan=mask_pan(card.pan)))
    gateway.child.kill()
    clicking.join()
    gateway.child = gateway.start()
    assert wait_for(lambda: gateway.status("KILL-1") == "V")
    assert "Not paid" in gateway.ask(path)[2]


def test_no_card_number_is_left_anywhere(gateway: Gateway) -> None:
    kept = b"".join(path.read_bytes() for path in gateway.state.iterdir()) + gateway.child.text().encode()
    for name in ("atlas-approved", "atlas-51", "fr-visa", "rif-slow", "souss-slow"):
        assert gateway.cards[name].pan.encode() not in kept
    for fields in gateway.shop.told:
        for name, value in fields:
            assert gateway.cards["atlas-approved"].pan not in value, name


def test_the_demo_shop_sells_and_says_what_it_was_told(gateway: Gateway) -> None:
    at = free_address()
    shop = gateway.stage.start(
        "shop", "--listen", at, "--gateway", f"http://127.0.0.1:{gateway.port}", "--clientid", CLIENT, "--key", KEY
    )
    assert f"Ready: shop http://{at}, paying at http://127.0.0.1:{gateway.port}" in shop.text()
    gateway.command(
        "merchant", "change", CLIENT, "--host", gateway.shop.host, "--host", at, "--state", str(gateway.state)
    )
    page = post(at, "/buy", [("goods", "argan"), ("lang", "en"), ("answer", "capture")])
    paid = gateway.type_card(gateway.open(Forms(page).fields), gateway.cards["atlas-approved"])
    assert "Payment approved" in paid
    assert "Thank you" in post(at, "/paid", Forms(paid).fields)
    assert "WRONG" not in post(at, "/failed", Forms(paid).fields)
    shop.stop()
