"""Playbooks: a switch that drains waits for its hosts' answers, and for nothing else."""

from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, purchase


def next_ns(book: Playbook) -> int:
    due = book.switch.next_deadline()
    assert due is not None
    return due


def test_links_are_seen_to_while_it_drains() -> None:
    """An echo comes due while a payment is awaited: it is sent, and the clock is not asked for the same moment for ever."""
    scene = Scene()
    book, atlas = scene.book, scene.atlas
    echo_s = book.switch.hosts["atlas"].config.echo_s
    book.passes(seconds=echo_s - 2)
    scene.rif.sends(purchase())
    atlas.gets()
    book.switch.drain(book.now)
    book.passes(seconds=3)
    assert next_ns(book) > book.now
    while not atlas.got_nothing():
        said = atlas.gets()
        assert (said["t"], said["70"]) == ("0800", "301")
