"""Playbooks: what an operator sees."""

from switch.core.operator.links import Links
from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, morocco, purchase


def links(book: Playbook) -> Links:
    listed = book.asks("links.list")
    assert isinstance(listed, Links)
    return listed


def test_every_host_and_every_connection_is_listed() -> None:
    scene = Scene()
    visa = scene.book.host("visa", sign_on=False)
    stranger = scene.book.acquirer("pos", "504103", sign_on=False)
    scene.rif.sends(purchase())
    scene.book.passes(2)
    listed = links(scene.book)
    hosts = {row.host: row for row in listed.hosts}
    assert {name: row.state for name, row in hosts.items()} == {
        "atlas": "up", "rif": "away", "souss": "away", "visa": "signing on", "mastercard": "away",
    }  # fmt: skip
    assert (hosts["atlas"].up, hosts["atlas"].in_flight, hosts["atlas"].owed) == (1, 1, 0)
    assert hosts["atlas"].address == "127.0.0.1:8591"
    rows = {row.link: row for row in listed.sessions}
    assert set(rows) == {scene.atlas.link, scene.rif.link, visa.link, stranger.link}
    rif = rows[scene.rif.link]
    assert (rif.role, rif.peer, rif.dialect, rif.state) == ("acquirer", "rif", "cmi87", "up")
    assert (rif.in_flight, rif.heard_ms, rif.good, rif.bad) == (1, 2_000, 2, 0)
    assert (rows[stranger.link].peer, rows[stranger.link].state) == ("", "connected")


def test_what_is_owed_and_what_could_not_be_read_is_counted() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.rif.sends_bytes(b"\x00\x04\xff\xff\xff\xff")
    scene.book.passes(11)
    listed = links(scene.book)
    assert listed.hosts[0].owed == 1
    assert next(row for row in listed.sessions if row.link == scene.rif.link).bad == 1


def test_looking_is_not_logged() -> None:
    book = Playbook(morocco())
    links(book)
    assert not [log for log in book.logs if log.event.startswith("operator.")]
