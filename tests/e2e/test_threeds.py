"""The directory server and an access control server as processes: plain on loopback, and by mutual TLS.

What docs/web-payment.md shows of them is started here.
"""

import re
import ssl
from pathlib import Path
from typing import Any

import pytest
import trio
from click.testing import CliRunner

from switch.cli.main import main
from switch.http.https_end import HttpsEnd
from switch.threeds.peers import ask, poster
from switch.threeds.protocol.errors import Component
from switch.threeds.requests import Browser, Purchase, Requestor, make_areq
from tests.e2e.stage import Stage
from tests.e2e.web import Forms, Gateway, Shop, free_address, post
from tests.server.authority import Authority

CHALLENGED = "4550410100090013"
WHO = Requestor(
    id="600000001", name="Souk", url="https://shop.example/", acquirer="504101", category="5999", country="504"
)


SECURED = {
    r'(address = "127\.0\.0\.1:(\d+)"\s+# the directory server)': r'url = "https://127.0.0.1:\2"\n\1',
    r'address = "(127\.0\.0\.1:\d+)"(\nissuers = \["atlas"\])': r'address = "\1"\nurl = "https://\1"\2',
}
"""the directory server and a bank's ACS by HTTPS"""


def areq(pan: str) -> dict[str, Any]:
    what = Purchase(pan=pan, expiry="3112", amount=1_00, currency="504", exponent=2, at="20261127120000")
    browser = Browser(accept="*/*", agent="Test", language="fr", address="127.0.0.1")
    own, back = "https://127.0.0.1:1/3ds/results", "https://shop.example/back"
    trans_id = "0ED1EC93-9E85-4114-87BA-120C50C6A7E7"
    return make_areq(trans_id, WHO, what, browser, server_url=own, notification_url=back, comp="U")


def asked(url: str, context: ssl.SSLContext | None) -> dict[str, Any]:
    return trio.run(
        ask,
        poster(HttpsEnd(lambda: context) if context is not None else None),
        url,
        areq(CHALLENGED),
        "ARes",
        10,
        Component.SERVER,
    )


def test_each_part_starts_alone_and_answers(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    try:
        kept = ("--network", str(stage.path), "--state", str(stage.state))
        directory = stage.start("threeds", "directory", *kept)
        acs = stage.start("threeds", "acs", "atlas", *kept)
        assert stage.network.threeds is not None
        assert re.search(
            r"Ready: directory server 127\.0\.0\.1:\d+, access control servers: atlas, rif, abroad", directory.text()
        )
        assert re.search(
            r"Ready: ACS atlas 127\.0\.0\.1:\d+; codes: here, and on http://127\.0\.0\.1:\d+/phone", acs.text()
        )
        assert asked(stage.network.threeds.url, None)["transStatus"] == "C"
        at = free_address()
        stage.start("threeds", "server", "--network", str(stage.path), "--listen", at)
        tried = post(at, "/try", [("pan", CHALLENGED), ("amount", "12.00"), ("currency", "504")])
        bank = stage.network.acs[0].url.partition("//")[2]
        asks = post(bank, "/challenge", Forms(tried).fields)
        (code,) = re.findall(r"SMS  Atlas Bank: (\d{6}) confirms 12\.00 MAD to Trial, card 455041\*{6}0013", acs.text())
        (path, *_) = Forms(asks).actions
        acs.kill()
        directory.kill()
        directory, acs = stage.start("threeds", "directory", *kept), stage.start("threeds", "acs", "atlas", *kept)
        assert "challenges.resumed  waiting=2" in acs.text()
        back = post(at, "/back", Forms(post(bank, path, [("code", code), ("do", "confirm")])).fields)
        assert "Authenticated: RReq Y, CRes Y" in back
        assert CHALLENGED not in tried + back
        plain = post(at, "/try", [("pan", "9504010000090010"), ("amount", "12.00"), ("currency", "504")])
        assert "transStatus Y" in plain
        assert "not enrolled" in post(at, "/try", [("pan", "9504030000090018"), ("amount", "1"), ("currency", "504")])
        acs.kill()
        with pytest.raises(Exception, match="405 the connection could not be made: ACS atlas"):
            asked(stage.network.threeds.url, None)
        assert "acs.failed" in directory.text()
        assert CHALLENGED not in directory.text()
    finally:
        stage.close()


def test_peers_show_certificates_to_each_other(tmp_path: Path) -> None:
    """3DS server, directory server and ACS with what `certificates make` issues; a browser, which has none, types a code."""
    stage, tls, at = Stage(tmp_path, SECURED), tmp_path / "tls", free_address()
    ca, other = certificates_of(stage, tls), Authority(tmp_path / "other", "other").issue("localhost")
    try:
        start_peers(stage, tls)
        stage.start("threeds", "server", "--network", str(stage.path), "--listen", at, *shown(tls, "gateway"))
        browser, acs = context(ca), stage.network.acs[0].url
        tried = post(at, "/try", [("pan", CHALLENGED), ("amount", "12.00"), ("currency", "504")], browser)
        asks = post(acs.partition("//")[2], "/challenge", Forms(tried).fields, browser)
        (code,) = re.findall(r"SMS  Atlas Bank: (\d{6})", stage.children[1].text())
        (path, *_) = Forms(asks).actions
        back = post(acs.partition("//")[2], path, [("code", code), ("do", "confirm")], browser)
        assert "Authenticated: RReq Y, CRes Y" in post(at, "/back", Forms(back).fields, browser)
        assert stage.network.threeds is not None
        stranger = context(ca, other.certificate, other.key)
        for nobody in (browser, stranger):
            with pytest.raises(Exception, match=r"cannot be reached|TLS|is not HTTP"):
                asked(stage.network.threeds.url, nobody)
        for peer in (f"{acs}/acs", f"https://{at}/3ds/results"):
            with pytest.raises(Exception, match="303 access is denied"):
                asked(peer, browser)
    finally:
        stage.close()


@pytest.mark.long
def test_the_gateway_shows_its_certificate_to_3_d_secures_servers_and_asks_for_theirs(tmp_path: Path) -> None:
    """A payment with a code, by mutual TLS from the gateway to the bank; with a stranger's certificate no bank is asked, and
    results are taken from nobody who shows none."""
    stage, tls, shop = Stage(tmp_path, SECURED), tmp_path / "tls", Shop()
    ca, other = certificates_of(stage, tls), Authority(tmp_path / "other", "other").issue("localhost")
    results = free_address()
    at = ("--results", results, "--results-url", f"https://{results}")
    try:
        stage.issuers()
        stage.serve()
        start_peers(stage, tls)
        gateway = Gateway(stage, tmp_path / "gateway", shop, *at, *shown(tls, "gateway", "--peer-"))
        card = gateway.cards["atlas-approved"]
        browser = context(ca)
        onward = Forms(gateway.type_card(gateway.open(shop.form("TLS-1", "2500.00")), card))
        bank = stage.network.acs[0].url.partition("//")[2]
        asks = post(bank, "/challenge", onward.fields, browser)
        (code,) = re.findall(r"SMS  Atlas Bank: (\d{6})", stage.children[-2].text())
        (path, *_) = Forms(asks).actions
        back = Forms(post(bank, path, [("code", code), ("do", "confirm")], browser))
        _, where, _ = gateway.ask("/3ds/back", back.fields)
        assert "Your bank has confirmed that it is you." in gateway.ask(where)[2], gateway.child.text()
        with pytest.raises(Exception, match=r"cannot be reached|TLS|is not HTTP"):
            asked(f"https://{results}/3ds/results", browser)
        gateway.child.stop()
        gateway.options = (*at, "--peer-certificate", other.certificate, "--peer-key", other.key, "--peer-ca", ca)
        gateway.child = gateway.start()
        page = gateway.type_card(gateway.open(shop.form("TLS-2", "2500.00")), card)
        assert "Your bank has not confirmed that it is you." in page, (
            "paid without proof, as its merchant's setting says"
        )
        assert "ranges.failed" in gateway.child.text()
    finally:
        shop.close()
        stage.close()


def certificates_of(stage: Stage, tls: Path) -> str:
    """Makes them; their authority's file."""
    made = CliRunner().invoke(main, ["certificates", "make", str(tls), "--network", str(stage.path)])
    assert made.exit_code == 0, made.output
    return f"{tls}/ca.pem"


def shown(tls: Path, name: str, prefix: str = "--") -> tuple[str, ...]:
    """Options for this party's certificate, and the authority of its peers'."""
    files = {"certificate": f"{name}.pem", "key": f"{name}.key", "ca": "ca.pem"}
    return tuple(word for option, file in files.items() for word in (f"{prefix}{option}", f"{tls}/{file}"))


def start_peers(stage: Stage, tls: Path) -> None:
    """Directory server, then ACS."""
    for what, name in ((("directory",), "directory"), (("acs", "atlas"), "acs-atlas")):
        kept = ("--network", str(stage.path), "--state", str(stage.state))
        stage.start("threeds", *what, *kept, *shown(tls, name))


def context(ca: str, certificate: str = "", key: str = "") -> ssl.SSLContext:
    made = ssl.create_default_context(cafile=ca)
    if certificate:
        made.load_cert_chain(certificate, key)
    return made
