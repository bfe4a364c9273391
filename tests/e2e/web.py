"""A merchant's server, the payment page as a browser would use it, and a gateway process, for tests."""

import re
import ssl
import threading
from html.parser import HTMLParser
from http.client import HTTPConnection, HTTPSConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from click.testing import CliRunner

from switch.cli._processes import Child
from switch.cli.main import main
from switch.gateway.protocol import hashes
from switch.gateway.protocol.fields import Fields
from switch.loopback import free_ports
from switch.simulators.cards import TestCard, demo_cards
from switch.wire.vocabulary import mask_pan
from tests.e2e.stage import Stage

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


class Pages:
    """The pages of a gateway, for a browser of sorts."""

    def __init__(self, port: int) -> None:
        self.port = port

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


class Gateway(Pages):
    """A gateway of the running network, its one merchant, and a browser of sorts."""

    def __init__(self, stage: Stage, state: Path, shop: Shop, *options: str) -> None:
        """`options`: more that `cmi-switch gateway` is started with."""
        super().__init__(int(free_address().partition(":")[2]))
        self.stage, self.state, self.shop, self.options = stage, state, shop, options
        self.cards = {card.name: card for card in demo_cards(stage.network)}
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

    def asked_of(self, card: TestCard) -> int:
        """How often anything of a card has left for its bank so far."""
        return len(self.stage.events("hop.sent", mti="0100", pan=mask_pan(card.pan)))

    def start(self) -> Child:
        state, at = str(self.state), f"127.0.0.1:{self.port}"
        return self.stage.start("gateway", str(self.stage.path), "--state", state, "--listen", at, *self.options)

    def buy(self, oid: str, card: str, **asked: Any) -> str:
        return self.type_card(self.open(self.shop.form(oid, **asked)), self.cards[card])

    def api(self, oid: str, what: str) -> str:
        head = f"<Name>{CLIENT}api</Name><Password>{self.password}</Password><ClientId>{CLIENT}</ClientId>"
        body = f"<?xml version='1.0'?><CC5Request>{head}<OrderId>{oid}</OrderId>{what}</CC5Request>"
        return self.ask("/fim/api", body=body)[2]

    def status(self, oid: str) -> str:
        return element(self.api(oid, "<Extra><ORDERSTATUS>QUERY</ORDERSTATUS></Extra>"), "TRANS_STAT")


class WebPayment:
    """Everybody a web payment needs beside the switch and its issuers, as processes: a shop, a gateway, 3-D Secure's servers."""

    def __init__(self, stage: Stage, state: Path) -> None:
        """`stage`: its switch and issuers run. `state`: the gateway's directory."""
        self.stage, self.shop = stage, Shop()
        kept = ("--network", str(stage.path), "--state", str(stage.state))
        self.directory = stage.start("threeds", "directory", *kept)
        self.acs = stage.start("threeds", "acs", "atlas", *kept)
        results = free_address()
        self.gateway = Gateway(stage, state, self.shop, "--results", results, "--results-url", f"http://{results}")
        self.issuers = next(child for child in stage.children if child.name == "issuer")

    def close(self) -> None:
        """End the shop; the processes end with their stage."""
        self.shop.close()

    def challenged(self, oid: str, code: str = "") -> str:
        """Atlas's card pays so much that its bank asks for a code; what the shop's customer sees in the end."""
        gateway = self.gateway
        card = gateway.cards["atlas-approved"]
        onward = Forms(gateway.type_card(gateway.open(self.shop.form(oid, "2500.00")), card))
        bank = self.stage.network.acs[0].url.partition("//")[2]
        asks = post(bank, "/challenge", onward.fields)
        typed = code or re.findall(r"SMS  Atlas Bank: (\d{6})", self.acs.text())[-1]
        (path, *_) = Forms(asks).actions
        back = Forms(post(bank, path, [("code", typed), ("do", "confirm")]))
        where = gateway.ask("/3ds/back", back.fields)[1] if back.fields else ""
        return gateway.ask(where)[2] if where else "asked again"


def free_address() -> str:
    return f"127.0.0.1:{free_ports(1)[0]}"


def post(at: str, path: str, pairs: list[tuple[str, str]], context: ssl.SSLContext | None = None) -> str:
    connection = HTTPConnection(at, timeout=30) if context is None else HTTPSConnection(at, timeout=30, context=context)
    connection.request("POST", path, urlencode(pairs), {"Content-Type": "application/x-www-form-urlencoded"})
    text = connection.getresponse().read().decode()
    connection.close()
    return text


def element(xml: str, name: str) -> str:
    found = re.search(f"<{name}>(.*?)</{name}>", xml)
    assert found is not None, xml
    return found[1]
