"""Playbooks: who may connect, from which addresses, and on how many connections."""

from typing import Any

import msgspec
import pytest

from switch.core.link_control.admission import is_allowed
from switch.core.network import Network
from switch.sim.playbook import Peer, Playbook
from tests.core.scripts import morocco, purchase

HERE, THERE = "10.1.2.3", "192.0.2.7"


def network(section: str = "", name: str = "", **changes: Any) -> Network:
    """Morocco, where Atlas's host connects in, and one section says otherwise."""
    whole = morocco()
    door = msgspec.structs.replace(whole.listeners[0], name="hosts", role="host")
    hosts = tuple(msgspec.structs.replace(h, connect=None) if h.name == "atlas" else h for h in whole.hosts)
    whole = msgspec.structs.replace(whole, hosts=hosts, listeners=(*whole.listeners, door))
    if not section:
        return whole
    changed = tuple(
        msgspec.structs.replace(one, **changes) if one.name == name else one for one in getattr(whole, section)
    )
    return msgspec.structs.replace(whole, **{section: changed})


def signs_on(peer: Peer, institution: str) -> str:
    """DE39 of the answer."""
    peer.sends({"t": "0800", "7": "1125120000", "11": "000001", "32": institution, "70": "001"})
    return peer.gets()["39"]


@pytest.mark.parametrize(
    ("allow", "peer", "allowed"),
    [
        ((), "", True),
        (("10.0.0.0/8",), HERE, True),
        (("10.0.0.0/8", "192.0.2.7/32"), THERE, True),
        (("10.0.0.0/8",), THERE, False),
        (("10.0.0.0/8",), "::ffff:10.1.2.3", True),
        (("fe80::/10",), "fe80::1%eth0", True),
        (("10.0.0.0/8",), "fe80::1", False),
        (("10.0.0.0/8",), "", False),
    ],
)
def test_an_address_is_in_a_network_or_not(allow: tuple[str, ...], peer: str, allowed: bool) -> None:
    assert is_allowed(allow, peer) is allowed


def test_a_listener_turns_away_other_addresses_unread() -> None:
    book = Playbook(network("listeners", "acquirers", allow=("10.0.0.0/8",)))
    stranger = book.acquirer("acquirers", "504102", sign_on=False, address=THERE)
    assert stranger.closed == "192.0.2.7 is not in `allow` of [[listener]] acquirers"
    stranger.sends(purchase())
    assert stranger.got_nothing()
    assert book.logged("link.not_allowed")[0].fields["peer"] == THERE
    book.acquirer("acquirers", "504102", address=HERE)
    book.acquirer("pos", "504102", address=THERE)


def test_a_thousand_strangers_are_one_line_of_the_log_and_take_no_place() -> None:
    book = Playbook(network("listeners", "acquirers", allow=("10.0.0.0/8",), max_connections=1))
    for _ in range(1_000):
        book.acquirer("acquirers", "504102", sign_on=False, address=THERE)
    assert len(book.logged("link.not_allowed")) == 1
    book.acquirer("acquirers", "504102", address=HERE)


def test_a_member_signs_on_from_its_own_addresses() -> None:
    book = Playbook(network("members", "rif", allow=("10.0.0.0/8",)))
    stranger = book.acquirer("acquirers", "504102", sign_on=False, address=THERE)
    assert signs_on(stranger, "504102") == "58"
    (refused,) = book.logged("link.sign_on_refused")
    assert refused.fields["peer"] == THERE
    assert refused.fields["reason"] == "192.0.2.7 is not in `allow` of [[member]] rif"
    stranger.sends(purchase())
    assert stranger.gets()["39"] == "58", "it has not signed on"
    book.acquirer("acquirers", "504102", address=HERE)
    book.acquirer("acquirers", "504103", address=THERE)


def test_so_does_a_host_that_connects_in() -> None:
    book = Playbook(network("hosts", "atlas", allow=("10.0.0.0/8",)))
    assert signs_on(book.acquirer("hosts", "504101", sign_on=False, address=THERE), "504101") == "58"
    assert not book.logged("link.up")
    assert signs_on(book.acquirer("hosts", "504101", sign_on=False, address=HERE), "504101") == "00"
    assert book.logged("link.up")


def test_a_second_connection_of_a_host_gets_nothing_of_its_traffic() -> None:
    book = Playbook(network())
    atlas = book.acquirer("hosts", "504101")
    other = book.acquirer("hosts", "504101", sign_on=False)
    assert signs_on(other, "504101") == "91"
    assert book.logged("link.sign_on_refused")[0].fields["reason"] == (
        "atlas has as many connections as `connections` of its [[host]] says: 1"
    )
    rif = book.acquirer("acquirers", "504102")
    for n in range(10):
        rif.sends(purchase(stan=f"{n:06d}"))
        assert atlas.gets()["t"] == "0200"
    assert other.got_nothing()


def test_it_takes_the_place_of_one_that_is_gone_without_saying_so() -> None:
    book = Playbook(network())
    lost = book.acquirer("hosts", "504101")
    book.passes(5)
    again = book.acquirer("hosts", "504101", sign_on=False)
    assert signs_on(again, "504101") == "91"
    assert lost.gets()["70"] == "301", "is it still there?"
    assert signs_on(again, "504101") == "91"
    assert lost.got_nothing(), "asked once is enough"
    book.passes(10)
    assert lost.closed == "0800 not answered in time"
    assert signs_on(again, "504101") == "00"


def test_a_host_may_have_as_many_as_its_section_says_and_sign_on_again_on_each() -> None:
    book = Playbook(network("hosts", "atlas", connections=2))
    first, _ = (book.acquirer("hosts", "504101") for _ in range(2))
    assert signs_on(first, "504101") == "00"
    assert signs_on(book.acquirer("hosts", "504101", sign_on=False), "504101") == "91"
    first.hangs_up()
    assert signs_on(book.acquirer("hosts", "504101", sign_on=False), "504101") == "00"


def test_one_that_signed_off_has_no_place() -> None:
    book = Playbook(network())
    first = book.acquirer("hosts", "504101")
    first.sends({"t": "0800", "7": "1125120000", "11": "000002", "32": "504101", "70": "002"})
    assert first.gets()["39"] == "00"
    assert signs_on(book.acquirer("hosts", "504101", sign_on=False), "504101") == "00"


@pytest.mark.parametrize(("section", "name"), [("listeners", "acquirers"), ("members", "rif")])
def test_an_address_taken_away_by_a_reload_ends_what_came_from_it(section: str, name: str) -> None:
    book = Playbook(network())
    rif, souss = book.acquirer("acquirers", "504102", address=THERE), book.acquirer("pos", "504103", address=THERE)
    book.reloads(network(section, name, allow=("10.0.0.0/8",)))
    book.passes(1)
    assert (
        rif.closed == f"192.0.2.7 is not in `allow` of {'listener ' if section == 'listeners' else ''}{name} any more"
    )
    assert not souss.closed


def test_so_does_a_member_taken_from_its_listener() -> None:
    book = Playbook(network())
    rif, souss = book.acquirer("acquirers", "504102"), book.acquirer("acquirers", "504103")
    book.reloads(network("listeners", "acquirers", members=("souss",)))
    book.passes(1)
    assert rif.closed == "rif is not in `members` of listener acquirers any more"
    assert not souss.closed


def test_a_host_whose_listener_changes_connects_anew_while_its_old_connection_ends() -> None:
    book = Playbook(network())
    old = book.acquirer("hosts", "504101")
    book.reloads(network("listeners", "hosts", dialect="iso93"))
    new = book.acquirer("hosts", "504101")
    book.passes(1)
    assert old.closed
    assert not new.closed


def test_a_restart_remembers_where_connections_came_from() -> None:
    book = Playbook(network("members", "rif", allow=("10.0.0.0/8",)))
    pos = book.acquirer("acquirers", "504102", address=HERE)
    book.hands_over()
    book.passes(1)
    assert not pos.closed
    assert signs_on(pos, "504102") == "00"


def test_a_listener_says_which_members_may_sign_on() -> None:
    book = Playbook(network("listeners", "acquirers", members=("souss",)))
    assert signs_on(book.acquirer("acquirers", "504102", sign_on=False), "504102") == "58"
    assert book.logged("link.sign_on_refused")[0].fields["reason"] == (
        "rif is not in `members` of [[listener]] acquirers"
    )
    assert signs_on(book.acquirer("acquirers", "504103", sign_on=False), "504103") == "00"
    assert signs_on(book.acquirer("pos", "504102", sign_on=False), "504102") == "00"


def test_nobody_slips_in_while_an_operator_keeps_the_host_out() -> None:
    book = Playbook(network())
    atlas = book.acquirer("hosts", "504101")
    book.asks("links.signoff", name="atlas")
    assert atlas.gets()["70"] == "002"
    other = book.acquirer("hosts", "504101", sign_on=False)
    assert signs_on(other, "504101") == "91"
    book.asks("links.resume", name="atlas")
    assert atlas.gets()["70"] == "001"
    assert other.got_nothing()
