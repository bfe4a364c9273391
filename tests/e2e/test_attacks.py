"""What a hostile peer tries on links, with TLS and without, and what becomes of it: the table of docs/security.md, row by row.

After each attack a payment of somebody else goes through.
"""

import json
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.main import main
from switch.config import load_network
from switch.core.party import Certificate
from switch.loopback import free_ports
from switch.security.issuing import TestAuthority
from switch.server.edge_link import Told, header
from switch.simulators.cards import demo_cards
from switch.wire.vocabulary import Document
from tests.e2e.attacks import Attack, answered_again, hung_up, page_has, reaction_to
from tests.e2e.secure import with_tls
from tests.e2e.stage import Client, Stage, wait_for
from tests.e2e.test_canaries import purchase
from tests.server.authority import Authority

CARD = next(card for card in demo_cards(load_network("morocco")) if card.name == "atlas-approved")
ATLAS, RIF, SOUSS = "504101", "504102", "504103"


class Scene:
    """A switch with a listener of each kind, and its certificates."""

    def __init__(self, directory: Path) -> None:
        self.stage = Stage(directory, {r"\[limits\]\n": "[limits]\nhandshake_ms = 700\nframe_ms = 1_000\n"})
        self.tls = with_tls(self.stage, days=10)
        text = self.stage.path.read_text()
        plain = re.compile(r'(\[\[host\]\]\nname = "\w+"\n)tls = [^\n]*\n')
        text = plain.sub(r"\1", text)
        text = re.sub(r'(\[\[member\]\]\nname = "souss"\n)tls = [^\n]*\n', r"\1", text)
        self.edge = directory / "edge.sock"
        self.others = Authority(directory / "others")
        self.taken, self.others_bank = (self.others.issue(f"{name}.morocco.test") for name in ("rif", "atlas"))
        own = f'certificate = "{self.tls}/switch.pem", key = "{self.tls}/switch.key"'
        trusted = f'ca = "{self.others.file}", crl = "{self.others.list_file(self.taken)}"'
        doors = (
            ("listed", f"tls = {{ {own}, {trusted} }}"),
            ("behind", f'edge = "{self.edge}"'),
            ("inside", 'allow = ["10.0.0.0/8"]'),
            ("open", "idle_s = 0"),
        )
        for (name, more), port in zip(doors, free_ports(len(doors)), strict=True):
            at = f'address = "127.0.0.1:{port}"\ndialect = "cmi87"'
            text += f'\n[[listener]]\nname = "{name}"\nrole = "acquirer"\n{at}\n{more}\n'
        self.stage.path.write_text(text)
        self.stage.network = load_network(str(self.stage.path), files=True)
        self.stage.issuers()
        self.ready = self.stage.serve().ready()
        self.good = Client(self.stage, "pos", SOUSS)
        self.n = 500

    def at(self, listener: str) -> tuple[str, int]:
        host, _, port = str(self.ready.listeners[listener]).rpartition(":")
        return host, int(port)

    def context(self, name: str, directory: Path | None = None) -> ssl.SSLContext:
        made = ssl.create_default_context(cafile=str(self.tls / "ca.pem"))
        if name:
            place = directory or self.tls
            made.load_cert_chain(place / f"{name}.pem", place / f"{name}.key")
        return made

    def connects(self, context: ssl.SSLContext, listener: str = "acquirers") -> ssl.SSLSocket:
        raw = socket.create_connection(self.at(listener), timeout=5)
        return context.wrap_socket(raw, server_hostname="switch.morocco.test")

    def client(self, name: str, institution: str) -> Client:
        """Somebody who has a certificate."""
        return Client(self.stage, "acquirers", institution, sign_on=False, wrap=self.context(name))

    def pays(self) -> None:
        """Somebody else's payment."""
        self.n += 1
        answer = self.good.asks(payment(self.n, SOUSS))
        assert answer["39"] == "00", answer


def payment(n: int, institution: str) -> Document:
    secret = ("35", "45", "48", "52", "55")
    whole = purchase(n, CARD.pan) | {"14": CARD.expiry, "32": institution}
    return {k: v for k, v in whole.items() if k not in secret}


def sign_on(institution: str) -> dict[str, str]:
    return {"t": "0800", "7": "1125120000", "11": "000001", "32": institution, "70": "001"}


def handshake_fails(scene: Scene, context: ssl.SSLContext, listener: str = "acquirers") -> None:
    with suppress(ssl.SSLError, ConnectionError), scene.connects(context, listener) as sock:
        sock.sendall(b"\x00\x04test")
        assert sock.recv(1) == b""


def says(scene: Scene, listener: str, data: bytes) -> None:
    with socket.create_connection(scene.at(listener), timeout=5) as sock:
        sock.sendall(data)
        hung_up(sock)


def says_to_be_a_member(scene: Scene) -> None:
    """As an edge says it of somebody who has shown Rif's certificate; and Rif's sign-on behind it."""
    rif = Certificate(subject="CN=rif.morocco.test", names=("rif.morocco.test",))
    told = header(("192.0.2.7", 1), ("192.0.2.8", 2), Told(peer="", certificate=rif, version="TLSv1.3"))
    with closing(Client(scene.stage, "open", RIF, sign_on=False)) as client:
        client.sock.sendall(told + client.frame(sign_on(RIF)))
        hung_up(client.sock)


def from_edge(scene: Scene, data: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(scene.edge))
        sock.sendall(data)
        sock.settimeout(3)
        assert sock.recv(1) == b"", "hung up on"


def strange_authority(scene: Scene) -> None:
    directory = scene.stage.directory / "strange"
    TestAuthority(directory, "morocco test authority", datetime.now(UTC), 2).issue("rif", "rif.morocco.test")
    handshake_fails(scene, scene.context("rif", directory))


def taken_back(scene: Scene) -> None:
    context = scene.context("")
    context.load_cert_chain(scene.taken.certificate, scene.taken.key)
    handshake_fails(scene, context, "listed")


def old_version(scene: Scene) -> None:
    context = scene.context("rif")
    with pytest.warns(DeprecationWarning, match="TLSv1_1"):
        context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
    context.set_ciphers("ALL:@SECLEVEL=0")
    handshake_fails(scene, context)


def another_member(scene: Scene) -> None:
    with closing(scene.client("rif", ATLAS)) as client:
        assert client.asks(sign_on(ATLAS))["39"] == "58"


def another_acquirer(scene: Scene) -> None:
    with closing(scene.client("rif", RIF)) as client:
        assert client.asks(sign_on(RIF))["39"] == "00"
        assert client.asks(payment(70, ATLAS))["39"] == "58"


def without_certificate(scene: Scene) -> None:
    with closing(Client(scene.stage, "pos", RIF, sign_on=False)) as client:
        assert client.asks(sign_on(RIF))["39"] == "58"


def stalls(scene: Scene) -> None:
    with socket.create_connection(scene.at("acquirers"), timeout=5) as sock:
        sock.sendall(b"\x16\x03\x01\x02\x00\x01")
        scene.pays()
        assert sock.recv(1) == b""


def changed_record(scene: Scene) -> None:
    """Bytes of nobody's between two ends that have agreed."""
    with scene.connects(scene.context("rif")) as sock:
        sock.sendall(b"\x00\x01")
        time.sleep(0.1)
        raw = socket.socket(fileno=socket.dup(sock.fileno()))
        with raw:
            raw.sendall(b"\x17\x03\x03\x00\x20" + bytes(32))
            raw.settimeout(3)
            with suppress(ConnectionResetError):
                while raw.recv(4_096):
                    pass  # an alert, which only TLS could read


def replays(scene: Scene) -> None:
    with closing(Client(scene.stage, "pos", SOUSS)) as client:
        answered_again(client, scene.stage, payment(80, SOUSS))


FORGED = bytes.fromhex("0d0a0d0a000d0a515549540a 2111 000c") + bytes(12)
ATTACKS: tuple[Attack[Scene], ...] = (
    Attack(
        "plain bytes to a port with TLS",
        "TLS",
        "hung up on; named",
        lambda s: says(s, "acquirers", b"\x00\x2e0800" + b"0" * 40),
        "link.diagnosis",
        "acquirers has TLS",
    ),
    Attack(
        "no certificate",
        "TLS",
        "handshake refused",
        lambda s: handshake_fails(s, s.context("")),
        "link.unsecured",
        "shows no certificate",
    ),
    Attack(
        "a certificate of the same name, of another authority",
        "TLS",
        "handshake refused",
        strange_authority,
        "link.unsecured",
        "is not accepted",
    ),
    Attack(
        "a certificate that its authority has taken back",
        "TLS",
        "hung up on",
        taken_back,
        "link.unsecured",
        "was taken back by",
    ),
    Attack("TLS 1.1", "TLS", "handshake refused", old_version, "link.unsecured", "no common way"),
    Attack(
        "a handshake that stalls",
        "TLS",
        "closed after `handshake_ms`; payments go on",
        stalls,
        "link.unsecured",
        "was not done within",
    ),
    Attack(
        "one member's certificate, another's DE32 in the sign-on",
        "TLS",
        "58; signs nobody on",
        another_member,
        "link.sign_on_refused",
        "[[member]] atlas",
    ),
    Attack(
        "another member's DE32 in a payment",
        "TLS",
        "58; not processed",
        another_acquirer,
        "message.foreign_institution",
        ATLAS,
    ),
    Attack(
        "bytes put into a connection",
        "TLS",
        "ended; nothing of them is read",
        changed_record,
        "link.closed",
        "TLS failed",
    ),
    Attack(
        "a member with a certificate, at a port without TLS",
        "plain",
        "58; signs nobody on",
        without_certificate,
        "link.sign_on_refused",
        "this connection has none",
    ),
    Attack(
        "TLS to a plain port",
        "plain",
        "no message; closed after `frame_ms`; named",
        lambda s: says(s, "pos", bytes.fromhex("16030100f4010000f00303") + bytes(240)),
        "link.diagnosis",
        "TLS handshake",
    ),
    Attack(
        "a PROXY header that says to be a member, at a plain port",
        "plain",
        "no message; closed after `frame_ms`; named",
        says_to_be_a_member,
        "link.diagnosis",
        "PROXY protocol",
    ),
    Attack(
        "an address that is not allowed",
        "plain",
        "closed unread",
        lambda s: says(s, "inside", b"\x00\x04test"),
        "link.not_allowed",
        "allow",
    ),
    Attack(
        "a recorded payment sent again", "plain", "answered as it was; paid once", replays, "link.signed_on", "souss"
    ),
    Attack(
        "no header at an edge's socket",
        "edge",
        "hung up on",
        lambda s: from_edge(s, b"\x00\x2e0800"),
        "link.unsecured",
        "no PROXY protocol header",
    ),
    Attack(
        "a header without a verified certificate",
        "edge",
        "hung up on",
        lambda s: from_edge(s, FORGED),
        "link.unsecured",
        "no certificate that it has verified",
    ),
)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    made = Scene(tmp_path_factory.mktemp("attacks"))
    try:
        yield made
    finally:
        made.good.close()
        made.stage.close()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.what)
def test_an_attack_meets_its_reaction_and_others_go_on(scene: Scene, attack: Attack[Scene]) -> None:
    with reaction_to(scene.stage, attack):
        attack.do(scene)
    scene.pays()


def test_the_page_has_every_attack_and_no_other() -> None:
    page_has("Attacks on links", ATTACKS)


def test_after_all_of_it_a_load_goes_through_with_tls(scene: Scene) -> None:
    host, port = scene.at("acquirers")
    arguments = ["bench", f"{host}:{port}", "--tls", str(scene.tls), "--bank-institution", RIF, "--duration", "0.4"]
    done = CliRunner().invoke(main, [*arguments, "--warmup", "0", "--in-flight", "16", "--fail", "errors>0", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["answered"] > 50
    refused = CliRunner().invoke(main, [*arguments, "--tls-as", "nobody"])
    assert f"{scene.tls}/nobody.pem, {scene.tls}/nobody.key: cannot be used: No such file" in refused.output


def test_operators_see_whose_certificates_are_shown_and_which_end_soon(scene: Scene) -> None:
    state = ["--state", str(scene.stage.state)]
    with closing(scene.client("rif", RIF)) as client:
        assert client.asks(sign_on(RIF))["39"] == "00"
        listed = CliRunner().invoke(main, ["links", "list", *state])
        assert re.search(r"rif +cmi87 +up .*CN=rif\.morocco\.test +20\d\d-\d\d-\d\d", listed.output)
        assert "Not well: the certificate CN=switch.morocco.test of [[listener]] acquirers" in listed.output
        health = CliRunner().invoke(main, ["health", *state])
    assert health.exit_code == 1
    assert "the certificate CN=rif.morocco.test of rif expires on" in health.output
    assert "put a new certificate and key in the files' place" in health.output
    assert scene.stage.event("certificate.ending")


@pytest.mark.long
def test_a_reload_with_a_newer_list_ends_the_connection_of_who_is_in_it(scene: Scene) -> None:
    context = scene.context("")
    context.load_cert_chain(scene.others_bank.certificate, scene.others_bank.key)
    command = ["--network", str(scene.stage.path), "--state", str(scene.stage.state)]
    with closing(Client(scene.stage, "listed", ATLAS, sign_on=False, wrap=context)) as client:
        assert client.asks(sign_on(ATLAS))["39"] == "00"
        long_ago = datetime.now(UTC) - timedelta(days=9)
        scene.others.list_file(scene.taken, scene.others_bank, began=long_ago, ends=long_ago + timedelta(days=1))
        assert CliRunner().invoke(main, ["reload", *command]).exit_code == 0
        assert client.closed()
    wait_for(lambda: any("was taken back by" in line["reason"] for line in scene.stage.events("link.closed")))
    assert scene.stage.event("certificate.list_old"), "it is old, and asked all the same"
    checked = CliRunner().invoke(main, ["check", str(scene.stage.path)])
    assert "taken-back.crl of [[listener]] listed is out of date: another was due on 20" in checked.output
    Path(scene.others.list_path).write_bytes(b"-----BEGIN X509 CRL-----")
    refused = CliRunner().invoke(main, ["reload", *command])
    assert refused.exit_code == 1
    assert "`crl`: " in refused.output
    assert "holds no list of revoked certificates, or not all of one" in refused.output
    scene.others.list_file(scene.taken)


def test_a_reload_shows_renewed_certificates_and_asks_new_ones_of_who_comes(scene: Scene) -> None:
    """The last of this file: another authority from here on."""
    with closing(scene.client("rif", RIF)) as before:
        assert before.asks(sign_on(RIF))["39"] == "00"
        old = scene.context("rif")
        CliRunner().invoke(main, ["certificates", "make", str(scene.tls), "--network", str(scene.stage.path)])
        network = ["--network", str(scene.stage.path), "--state", str(scene.stage.state)]
        told = CliRunner().invoke(main, ["reload", *network])
        assert told.exit_code == 0, told.output
        assert f"[[listener]] acquirers: tls: {scene.tls}/switch.pem (SHA-256 " in told.output
        assert before.asks(payment(90, RIF))["39"] == "00", "who is there stays"
        with closing(scene.client("rif", RIF)) as after:
            assert after.asks(sign_on(RIF))["39"] == "00"
        with pytest.raises(ssl.SSLError):
            Client(scene.stage, "acquirers", RIF, sign_on=False, wrap=old)
