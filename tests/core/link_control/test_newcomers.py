"""Connections that have not signed on are bounded by address, by listener and in all, and are the first to make room."""

import msgspec
import pytest

from switch.core.limits import Limits
from switch.core.link_control.newcomers import Newcomers
from switch.core.network import Address, Listener

POS = Listener(
    name="pos",
    address=Address("", 0),
    dialect="cmi87",
    framing="length2",
    max_connections=100,
    idle_s=0,
    role="acquirer",
)
LIMITS = Limits(unsigned_per_address=3, unsigned_per_listener=5, unsigned_connections=6)


class Link(msgspec.Struct):
    """A connection."""

    link: str
    name: str
    peer: str


class Hall:
    """Newcomers who come and go, and who was let go for the sake of others."""

    def __init__(self) -> None:
        self.gone: list[tuple[str, str]] = []
        self.newcomers = Newcomers(self._spare)
        self._open: dict[str, int] = {}

    def _spare(self, link: str, limit: str, value: int, remedy: str) -> None:
        del value, remedy
        self.gone.append((link, limit))
        self.newcomers.remove(link)

    def comes(self, link: str, peer: str, listener: Listener = POS, limits: Limits = LIMITS) -> None:
        name = listener.name
        self._open[name] = self._open.get(name, 0) + 1
        session = Link(f"{name}#{link}", name, peer)
        self.newcomers.add(session, until_ns=int(link))
        self.newcomers.bound(session, listener, self._open[name], limits)


@pytest.fixture
def hall() -> Hall:
    return Hall()


def test_an_address_with_too_many_loses_its_oldest_and_no_other_does(hall: Hall) -> None:
    hall.comes("1", "10.0.0.1")
    for link in ("2", "3", "4", "5"):
        hall.comes(link, "10.0.0.66")
    assert hall.gone == [("pos#2", "unsigned_per_address")]
    assert set(hall.newcomers.deadlines) == {"pos#1", "pos#3", "pos#4", "pos#5"}


def test_a_listener_with_too_many_loses_the_oldest_of_the_address_that_has_most(hall: Hall) -> None:
    for link, peer in (
        ("1", "10.0.0.1"),
        ("2", "10.0.0.66"),
        ("3", "10.0.0.66"),
        ("4", "10.0.0.2"),
        ("5", "10.0.0.66"),
    ):
        hall.comes(link, peer)
    hall.comes("6", "10.0.0.3")
    assert hall.gone == [("pos#2", "unsigned_per_listener")]


def test_all_listeners_together_are_bounded_too(hall: Hall) -> None:
    atm = msgspec.structs.replace(POS, name="atm")
    for link, peer in (("1", "10.0.0.1"), ("2", "10.0.0.2"), ("3", "10.0.0.3"), ("4", "10.0.0.4")):
        hall.comes(link, peer)
    for link, peer in (("5", "10.0.0.5"), ("6", "10.0.0.5"), ("7", "10.0.0.6")):
        hall.comes(link, peer, atm)
    assert hall.gone == [("atm#5", "unsigned_connections")]


def test_on_a_full_listener_one_that_has_not_signed_on_makes_room(hall: Hall) -> None:
    small = msgspec.structs.replace(POS, max_connections=2)
    hall.comes("1", "10.0.0.1", small)
    hall.newcomers.remove("pos#1")
    hall.comes("2", "10.0.0.66", small)
    hall.comes("3", "10.0.0.66", small)
    assert hall.gone == [("pos#2", "max_connections")]


def test_where_all_others_have_signed_on_the_newcomer_goes(hall: Hall) -> None:
    full = msgspec.structs.replace(POS, max_connections=1)
    hall.comes("1", "10.0.0.1", full)
    hall.newcomers.remove("pos#1")
    hall.comes("2", "10.0.0.2", full)
    assert hall.gone == [("pos#2", "max_connections")]


def test_a_process_without_room_takes_it_from_the_address_that_has_most(hall: Hall) -> None:
    assert not hall.newcomers.make_room("connections", 3, "the limit"), "nobody is there"
    hall.comes("1", "10.0.0.1")
    hall.comes("2", "10.0.0.66")
    hall.comes("3", "10.0.0.66")
    assert hall.newcomers.make_room("connections", 3, "the limit")
    assert hall.gone == [("pos#2", "connections")]


def test_who_has_signed_on_or_gone_is_counted_no_more(hall: Hall) -> None:
    for number in range(1, 20):
        hall.comes(str(number), "10.0.0.1")
        hall.newcomers.remove(f"pos#{number}")
        hall.newcomers.remove(f"pos#{number}")
    assert hall.gone == []
    assert hall.newcomers.deadlines == {}
