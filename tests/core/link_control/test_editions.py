"""Playbooks: a peer whose MTIs are of another edition than its link's dialect is refused and explained, on either side.

Hosts in the field answer in the edition they were asked in (jPOS: `ISOMsg.setResponseMTI` keeps the version digit), and so is
the refusal: who has sent an 0800 gets an 0810.
"""

import msgspec
import pytest

from switch.core.messages.internal import answer
from switch.core.messages.translator import translator_for
from switch.core.network import Network
from switch.core.party import Log
from switch.doctor.explain import Explainer
from switch.sim.playbook import Playbook
from switch.wire import Dialect
from switch.wire.dialect import names
from switch.wire.framing import make_framing
from switch.wire.vocabulary import Document
from tests.core.scripts import morocco, purchase, reversal

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


def heard(dialect: str, message: bytes) -> Document:
    """What a host of this edition hears, in internal format."""
    return translator_for(SHIPPED[dialect], "504101", "504000").inward(SHIPPED[dialect].decode(message))


def said(dialect: str, document: Document, mti: str = "") -> bytes:
    """What it says; `mti`: in place of its own."""
    link = translator_for(SHIPPED[dialect], "504101", "504000").outward(document)
    return framed(dialect, link) if not mti else framed(dialect, link).replace(link["t"].encode(), mti.encode(), 1)


@pytest.mark.parametrize(("ours", "theirs"), OTHERS)
def test_a_host_that_answers_its_sign_on_in_another_edition_is_not_signed_on_and_is_explained(
    ours: str, theirs: str
) -> None:
    scene, far = book(ours), Far()
    link = scene.join("atlas", far)
    scene.deliver(link, said(theirs, answer(heard(ours, far.heard[0]), "00")))
    explained(scene, ours, theirs)
    hints_at(scene, ours, theirs)
    assert not scene.logged("link.up")
    rif = scene.acquirer("acquirers", "504102")
    rif.sends(purchase())
    assert rif.gets()["39"] == "91", "nothing leaves on it"
    assert len(far.heard) == 1


def hints_at(scene: Playbook, ours: str, theirs: str) -> None:
    """What was not taken says which edition its MTI is of, and which the link is of."""
    (event,) = [*scene.logged("message.refused"), *scene.logged("message.unreadable")]
    words = f"{event.fields['reason']} {event.fields.get('hint', '')}"
    assert (
        f"is of the {EDITION[theirs]} edition; dialect {ours} of this link is of the {EDITION[ours]} edition" in words
    )


@pytest.mark.parametrize(
    ("ours", "theirs", "whole"),
    [*((*pair, True) for pair in OTHERS), ("cmi87", "iso93", False), ("iso93", "cmi87", False)],
)
def test_a_payment_whose_issuer_answers_in_another_edition_is_taken_back_and_the_link_goes_on(
    ours: str, theirs: str, whole: bool
) -> None:
    """Nothing in such an answer is believed, an approval least of all: the acquirer is told 91, and the issuer of the reversal.
    Once its answers are of the link's edition, all goes on where it was."""
    scene, far = book(ours), Far()
    link = scene.join("atlas", far)
    scene.deliver(link, said(ours, answer(heard(ours, far.heard[0]), "00")))
    rif = scene.acquirer("acquirers", "504102")
    rif.sends(purchase())
    approval = answer(heard(ours, far.heard[-1]), "00") | {"38": "A12345"}
    mti = SHIPPED[theirs].version + "210"
    scene.deliver(link, said(theirs, approval) if whole else said(ours, approval, mti))
    hints_at(scene, ours, theirs)
    if whole:
        explained(scene, ours, theirs)
    assert rif.got_nothing()
    scene.passes(10)
    scene.journal_flushes()
    assert rif.gets()["39"] == "91"
    back = heard(ours, far.heard[-1])
    assert (back["t"], back["90"][:10]) == ("0420", "0200" + approval["11"])
    assert scene.switch.state.owed
    scene.deliver(link, said(ours, answer(back, "00")))
    assert not scene.switch.state.owed
    rif.sends(purchase("000124"))
    scene.deliver(link, said(ours, answer(heard(ours, far.heard[-1]), "00") | {"38": "A12346"}))
    scene.journal_flushes()
    assert rif.gets()["39"] == "00"
    assert not scene.logged("link.down")


@pytest.mark.parametrize(("ours", "theirs"), OTHERS)
def test_a_reversal_answered_in_another_edition_stays_owed(ours: str, theirs: str) -> None:
    scene, far = book(ours), Far()
    link = scene.join("atlas", far)
    scene.deliver(link, said(ours, answer(heard(ours, far.heard[0]), "00")))
    rif = scene.acquirer("acquirers", "504102")
    rif.sends(purchase())
    scene.deliver(link, said(ours, answer(heard(ours, far.heard[-1]), "00") | {"38": "A12345"}))
    scene.journal_flushes()
    rif.gets()
    rif.sends(reversal(purchase()))
    scene.journal_flushes()
    assert rif.gets()["39"] == "00"
    back = heard(ours, far.heard[-1])
    scene.deliver(link, said(theirs, answer(back, "00")))
    assert scene.switch.state.owed
    scene.passes(31)
    scene.journal_flushes()
    again = [message for message in far.heard if message[1:4] == b"421"]
    assert again, "and is sent again"
    scene.deliver(link, said(ours, answer(heard(ours, again[-1]), "00")))
    assert not scene.switch.state.owed


@pytest.mark.parametrize(("origin", "answered"), [("0", "0"), ("1", "0"), ("4", "4"), ("5", "4")])
@pytest.mark.parametrize("dialect", ["cmi87", "iso93", "iso2003"])
def test_a_peer_signs_on_whatever_origin_it_gives_itself(dialect: str, origin: str, answered: str) -> None:
    """Hosts of the 1993 edition sign on with 1804, "other": neither side of a payment; libraries answer it with 1814."""
    scene, far = book(dialect), Far()
    link = scene.join("acquirers", far)
    said = hello(dialect)
    scene.deliver(link, framed(dialect, said | {"t": said["t"][:3] + origin}))
    (answer,) = far.heard
    assert answer.startswith((SHIPPED[dialect].version + "81" + answered).encode())
    assert scene.logged("link.signed_on")


@pytest.mark.parametrize("dialect", ["cmi87", "iso93", "iso2003"])
def test_a_host_that_answers_a_sign_on_with_the_origin_of_neither_side_is_up(dialect: str) -> None:
    scene, far = book(dialect), Far()
    link = scene.join("atlas", far)
    mti = SHIPPED[dialect].version + "814"
    scene.deliver(link, said(dialect, answer(heard(dialect, far.heard[0]), "00"), mti))
    assert scene.logged("link.up")
