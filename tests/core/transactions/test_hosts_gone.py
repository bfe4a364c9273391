"""Playbooks: what names a host that has left the network file is owed to it, and a person's to end; it stops nothing."""

import msgspec
import pytest

from switch.core.network import Network
from switch.core.records.records import Owed, Shelved
from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, morocco, purchase, reversal


def renamed(name: str) -> Network:
    """The network file once this host has another name, which makes it another host."""
    network = morocco()
    hosts = (msgspec.structs.replace(h, name="another") if h.name == name else h for h in network.hosts)
    return msgspec.structs.replace(network, hosts=tuple(hosts))


@pytest.mark.parametrize("how", ["gone after a reload", "another file at a cold start"])
@pytest.mark.parametrize("marked", ["0400", "0401"])
def test_a_reversal_of_a_payment_there_is_owed_and_listed(how: str, marked: str) -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00")
    assert scene.rif.gets()["39"] == "00"
    book, rif = scene.book, scene.rif
    if how == "gone after a reload":
        book.reloads(renamed("atlas"))
        book.now += 8 * 86_400_000_000_000  # longer than it stays for what may come back
        assert book.drops_leaving() == {"atlas"}
    else:
        book = Playbook(renamed("atlas"), book.entries)
        rif = book.acquirer("acquirers", "504102")
    for _ in range(4):
        rif.sends(reversal(purchase(), t=marked))
        assert rif.gets()["39"] == "00", "taken over: it is owed"
    assert len(book.recorded(Owed)) == 1
    (shelved,) = book.recorded(Shelved)
    assert isinstance(shelved, Shelved)
    assert shelved.reason == "host atlas has left the network file: put it back"
    assert not rif.closed
    assert not book.logged("switch.defect")
