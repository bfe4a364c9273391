"""Playbooks: a link that does not come up is explained in one event, once; a healthy one never."""

import pytest

from switch.core.party import Log
from switch.doctor.explain import Explainer
from switch.sim.playbook import Peer, Playbook
from switch.wire import Dialect
from switch.wire.dialect import names
from switch.wire.framing import make_framing
from tests.core.scripts import Scene, morocco, purchase

SHIPPED = {name: Dialect.load(name) for name in names()}
HELLO = {"t": "0800", "7": "1125120000", "11": "000001", "32": "504102", "70": "001"}


def book() -> Playbook:
    return Playbook(morocco(), doctor=Explainer(lambda: list(SHIPPED.values())))


def framed(framing: str, message: bytes) -> bytes:
    return make_framing(framing).frame(message)


def stranger(scene: Playbook, listener: str = "acquirers") -> Peer:
    return scene.acquirer(listener, "504102", sign_on=False)


def said(scene: Playbook) -> Log:
    (event,) = scene.logged("link.diagnosis")
    return event


def test_bytes_that_cannot_be_framed_are_explained_beside_the_bad_frame() -> None:
    scene = book()
    peer = stranger(scene)
    peer.sends_bytes(framed("ascii4", SHIPPED["cmi87"].encode(HELLO)))
    assert peer.closed
    assert said(scene).fields["change"] == 'framing = "ascii4"'
    assert "takes 30 30 = '00' for a length of 12336" in said(scene).fields["hint"]
    assert [log.event for log in scene.logs if log.level == "warning"] == ["frame.bad", "link.diagnosis"]


def test_messages_of_another_dialect_are_explained_beside_the_unreadable_one() -> None:
    scene = book()
    peer = stranger(scene, "pos")
    peer.sends_bytes(framed("tpdu", bytes.fromhex("6000030000") + SHIPPED["cmi87"].encode(HELLO)))
    assert peer.closed
    assert "cmi87" in said(scene).fields["change"]
    assert said(scene).fields["dialect"] == "cmi87b"


def test_a_frame_that_seems_never_to_end_is_explained_when_the_peer_gives_up() -> None:
    scene = book()
    peer = stranger(scene)
    peer.sends_bytes(b"\x10\x00" + SHIPPED["cmi87"].encode(HELLO))
    assert not scene.logged("link.diagnosis"), "it may only be slow"
    peer.hangs_up()
    assert "wrong: it says 4096, and the message has 63 bytes" in said(scene).fields["hint"]


def test_a_host_that_answers_in_another_framing_is_explained_when_its_sign_on_times_out() -> None:
    scene = book()
    atlas = scene.host("atlas", sign_on=False)
    hello = atlas.gets()
    answer = SHIPPED["cmi87"].encode({**HELLO, "t": "0810", "11": hello["11"], "7": hello["7"], "39": "00"})
    atlas.sends_bytes(len(answer).to_bytes(2, "little") + answer)
    scene.passes(40)
    assert "low byte first" in said(scene).fields["hint"]


def test_one_message_that_cannot_be_read_on_a_good_link_names_the_element() -> None:
    scene = book()
    rif = scene.acquirer("acquirers", "504102")
    wire = SHIPPED["cmi87"].encode(purchase())
    name = purchase()["43"].encode()
    rif.sends_bytes(framed("length2", wire.replace(name, name[:-2] + b"   MA")))
    assert said(scene).fields["hint"].startswith("DE43 is 3 characters longer than cmi87 says (43, not 40)")
    rif.sends_bytes(framed("length2", wire.replace(name, name[:-2] + b"   MA")))
    assert len(scene.logged("link.diagnosis")) == 1, "once a connection"


def test_a_flood_of_strangers_costs_one_look_in_ten_seconds_a_listener() -> None:
    scene = book()
    for _ in range(5):
        stranger(scene).sends_bytes(b"GET / HTTP/1.1\r\n\r\n")
    assert len(scene.logged("frame.bad")) == 5
    assert len(scene.logged("link.diagnosis")) == 1
    scene.passes(11)
    stranger(scene).sends_bytes(b"GET / HTTP/1.1\r\n\r\n")
    assert len(scene.logged("link.diagnosis")) == 2


def test_a_healthy_link_and_one_that_says_nothing_are_not_explained() -> None:
    scene = Scene(book())
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.rif.hangs_up()
    silent = stranger(scene.book)
    half = stranger(scene.book)
    half.sends_bytes(framed("length2", SHIPPED["cmi87"].encode(HELLO))[:-4])
    scene.book.passes(120)
    assert silent.closed
    assert half.closed
    assert not scene.book.logged("link.diagnosis")


def test_without_a_doctor_nothing_is_looked_at() -> None:
    scene = Playbook(morocco())
    stranger(scene).sends_bytes(b"GET / HTTP/1.1\r\n\r\n")
    assert scene.logged("frame.bad")
    assert not scene.logged("link.diagnosis")


@pytest.mark.parametrize("secret", ["35", "2", "52"])
def test_no_secret_is_in_what_is_said(secret: str) -> None:
    scene = book()
    peer = stranger(scene)
    document = purchase()
    peer.sends_bytes(framed("ascii4", SHIPPED["cmi87"].encode(document)))
    text = repr(said(scene))
    assert document[secret] not in text
    assert document[secret].encode().hex() not in text.lower().replace(" ", "")
