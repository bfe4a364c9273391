"""Playbooks: a peer whose MTIs are of another edition than its link's dialect is refused and explained, on either side.

Hosts in the field answer in the edition they were asked in (jPOS: `ISOMsg.setResponseMTI` keeps the version digit), and so is
the refusal: who has sent an 0800 gets an 0810.
"""

import msgspec
import pytest

from switch.core.network import Network
from switch.core.party import Log
from switch.doctor.explain import Explainer
from switch.sim.playbook import Playbook
from switch.wire import Dialect
from switch.wire.dialect import names
from switch.wire.framing import make_framing
from switch.wire.vocabulary import Document
from tests.core.scripts import morocco

SHIPPED = {name: Dialect.load(name) for name in names()}
OTHERS = [(a, b) for a in ("cmi87", "iso93", "iso2003") for b in ("cmi87", "iso93", "iso2003") if a != b]
EDITION = {"cmi87": "1987", "iso93": "1993", "iso2003": "2003"}


class Far:
    """A peer that speaks its own dialect, and keeps what it hears as it came."""

    def __init__(self) -> None:
        self.closed = ""
        self.heard: list[bytes] = []

    def take(self, data: bytes) -> None:
        self.heard += make_framing("length2").feed(data)


def speaking(dialect: str) -> Network:
    """Rif's listener and Atlas's host link in a dialect."""
    network, replace = morocco(), msgspec.structs.replace
    listeners = [replace(x, dialect=dialect) if x.name == "acquirers" else x for x in network.listeners]
    hosts = [replace(h, dialect=dialect, framing="length2") if h.name == "atlas" else h for h in network.hosts]
    return replace(network, listeners=tuple(listeners), hosts=tuple(hosts))


def book(dialect: str) -> Playbook:
    return Playbook(speaking(dialect), doctor=Explainer(lambda: list(SHIPPED.values())))


def hello(dialect: str, stan: str = "000001") -> Document:
    common = {"t": f"{SHIPPED[dialect].version}800", "7": "1125120000", "11": stan, "32": "504102"}
    return common | ({"70": "001"} if dialect == "cmi87" else {"12": "261125120000", "24": "801"})


def framed(dialect: str, document: Document) -> bytes:
    return make_framing("length2").frame(SHIPPED[dialect].encode(document))


def explained(scene: Playbook, ours: str, theirs: str) -> Log:
    (event,) = scene.logged("link.diagnosis")
    assert event.fields["change"] == f'dialect = "{theirs}"'
    for dialect in (ours, theirs):
        assert f"{dialect} (the {EDITION[dialect]} edition)" in event.fields["hint"]
    return event


@pytest.mark.parametrize(("ours", "theirs"), OTHERS)
def test_a_sign_on_of_another_edition_is_refused_in_that_edition_and_explained(ours: str, theirs: str) -> None:
    scene, far = book(ours), Far()
    link = scene.join("acquirers", far)
    scene.deliver(link, framed(theirs, hello(theirs)))
    explained(scene, ours, theirs)
    (answer,) = far.heard
    assert answer.startswith(SHIPPED[theirs].version.encode() + b"810")
    assert answer.endswith(b"30" if ours == "cmi87" else b"904"), "a format error, as this link says it"
    assert not scene.logged("link.signed_on")
    assert not far.closed, "the peer may be mended while it is connected"


@pytest.mark.parametrize(("ours", "theirs"), OTHERS)
def test_a_payment_of_another_edition_is_never_taken(ours: str, theirs: str) -> None:
    scene, far = book(ours), Far()
    scene.deliver(scene.join("acquirers", far), framed(theirs, hello(theirs) | {"t": SHIPPED[theirs].version + "200"}))
    (answer,) = far.heard
    assert answer.startswith(SHIPPED[theirs].version.encode() + b"210")
    assert [type(entry).__name__ for entry in scene.entries] == ["Booted"]


@pytest.mark.parametrize(("ours", "theirs"), [pair for pair in OTHERS if "cmi87" not in pair])
def test_a_host_that_answers_in_another_edition_is_not_signed_on_and_is_explained(ours: str, theirs: str) -> None:
    scene, far = book(ours), Far()
    link = scene.join("atlas", far)
    (asked,) = far.heard
    document = SHIPPED[ours].decode(asked)
    version = SHIPPED[theirs].version
    answer: Document = {de: document[de] for de in ("7", "11", "12", "24", "32") if de in document}
    scene.deliver(link, framed(theirs, {"t": f"{version}810", **answer, "39": "800"}))
    explained(scene, ours, theirs)
    assert not scene.logged("link.up")
    assert scene.logged("message.refused")


def test_a_host_that_answers_as_in_1987_is_not_signed_on_and_is_explained() -> None:
    scene, far = book("iso93"), Far()
    link = scene.join("atlas", far)
    document = SHIPPED["iso93"].decode(far.heard[0])
    answer: Document = {de: document[de] for de in ("7", "11", "32") if de in document}
    scene.deliver(link, framed("cmi87", {"t": "0810", **answer, "39": "00", "70": "001"}))
    explained(scene, "iso93", "cmi87")
    assert not scene.logged("link.up")
