"""Playbooks: a member or host is who its certificate says, and nobody else."""

from typing import Any

import msgspec
import pytest

from switch.core.credentials import Pin, Tls
from switch.core.link_control.certificates import mismatch
from switch.core.network import Network
from switch.core.party import Certificate
from switch.sim.playbook import Peer, Playbook
from tests.core.link_control.test_admission import signs_on
from tests.core.scripts import morocco, purchase

ATLAS, RIF = "504101", "504102"
OURS = Tls(certificate="a", key="b", ca="c")
HERS = Certificate(
    subject="CN=rif.example",
    names=("rif.example",),
    issuer="CN=ca",
    issuer_fingerprint="11" * 32,
    fingerprint="22" * 32,
    expires_us=1 << 60,
)


def network(pin: Pin | None = None, **hosts: Pin) -> Network:
    """Morocco, where acquirers come with TLS, and Rif is known by a certificate."""
    whole = morocco()
    listeners = tuple(msgspec.structs.replace(x, tls=OURS) if x.name == "acquirers" else x for x in whole.listeners)
    members = tuple(msgspec.structs.replace(m, pin=pin) if m.name == "rif" else m for m in whole.members)
    links = tuple(msgspec.structs.replace(h, tls=OURS, pin=hosts.get(h.name)) for h in whole.hosts)
    return msgspec.structs.replace(whole, listeners=listeners, members=members, hosts=links)


def comes(book: Playbook, certificate: Certificate | None, door: str = "acquirers") -> Peer:
    config = next(x for x in book.network.listeners if x.name == door)
    return book.connects(config.name, config.dialect, config.framing, RIF, certificate=certificate)


@pytest.mark.parametrize(
    ("pin", "changed", "why"),
    [
        (Pin(names=("rif.example",)), {}, ""),
        (Pin(names=("other", "rif.example"), issuer="11" * 32), {}, ""),
        (Pin(fingerprints=("33" * 32, "22" * 32)), {"names": ()}, ""),
        (Pin(names=("rif.example",), fingerprints=("33" * 32,)), {}, ""),
        (Pin(names=("atlas.example",)), {}, "has rif.example, and `names` of tls of [[member]] rif has atlas.example"),
        (Pin(names=("rif.example",)), {"names": ("*.example",)}, "has *.example, and `names`"),
        (Pin(names=("rif.example",), issuer="44" * 32), {}, "was issued by CN=ca (fingerprint 1111"),
        (Pin(names=("rif.example",), issuer="44" * 32), {"issuer_fingerprint": ""}, "(fingerprint unknown)"),
        (Pin(fingerprints=("33" * 32,)), {}, "which is not in `fingerprints` of tls of [[member]] rif"),
        (Pin(fingerprints=("",)), {"fingerprint": ""}, "has fingerprint unknown"),
        (None, {}, "[[member]] rif has no tls that says which is its own"),
    ],
)
def test_whose_a_certificate_is(pin: Pin | None, changed: dict[str, Any], why: str) -> None:
    found, hint = mismatch(pin, msgspec.structs.replace(HERS, **changed), "[[member]] rif")
    assert (why in found) if why else not found
    assert bool(hint) == bool(why)


def test_a_member_signs_on_with_its_own_certificate_only() -> None:
    book = Playbook(network(Pin(names=("rif.example",))))
    assert signs_on(comes(book, HERS), RIF) == "00"
    others = msgspec.structs.replace(HERS, subject="CN=souss.example", names=("souss.example",))
    assert signs_on(comes(book, others), RIF) == "58"
    event = book.logged("link.sign_on_refused")[0].fields
    assert "the certificate CN=souss.example has souss.example" in event["reason"]
    assert signs_on(comes(book, HERS), ATLAS) == "58", "nor does it sign on as another"
    assert "[[member]] atlas has no tls" in book.logged("link.sign_on_refused")[1].fields["reason"]


def test_a_member_with_a_certificate_does_not_sign_on_where_it_cannot_show_it() -> None:
    book = Playbook(network(Pin(names=("rif.example",))))
    peer = comes(book, None, "pos")
    assert signs_on(peer, RIF) == "58"
    assert "this connection has none" in book.logged("link.sign_on_refused")[0].fields["reason"]


def test_a_message_names_no_other_acquirer_than_the_certificate_s() -> None:
    book = Playbook(network(Pin(names=("rif.example",)), atlas=Pin(names=("atlas.example",))))
    peer = comes(book, HERS)
    assert signs_on(peer, RIF) == "00"
    peer.sends(purchase() | {"32": ATLAS})
    assert peer.gets()["39"] != "00"


def test_nothing_is_said_to_a_host_that_shows_another_certificate() -> None:
    book = Playbook(network(atlas=Pin(names=("atlas.example",))))
    config = next(h for h in book.network.hosts if h.name == "atlas")
    peer = book.connects("atlas", config.dialect, config.framing, certificate=HERS)
    assert peer.got_nothing(), "no sign-on"
    assert "[[host]] atlas has atlas.example" in peer.closed
    assert book.logged("link.refused")[0].fields["host"] == "atlas"


@pytest.mark.parametrize("door", ["acquirers", "atlas"])
def test_a_reload_ends_connections_whose_certificate_is_theirs_no_more(door: str) -> None:
    pins = {"atlas": Pin(names=("rif.example",))}
    book = Playbook(network(Pin(names=("rif.example",)), **pins))
    if door == "atlas":
        config = next(h for h in book.network.hosts if h.name == "atlas")
        peer = book.connects("atlas", config.dialect, config.framing, certificate=HERS)
        assert peer.gets()["70"] == "001"
        book.reloads(network(Pin(names=("rif.example",)), atlas=Pin(names=("new.example",))))
    else:
        peer = comes(book, HERS)
        assert signs_on(peer, RIF) == "00"
        book.reloads(network(Pin(names=("new.example",)), **pins))
    assert "has new.example" in peer.closed
