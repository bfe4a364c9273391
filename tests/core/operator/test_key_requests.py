"""Keys that people carry, by the switch's own module: what is refused, what takes two, what the logs say of it."""

import os
from pathlib import Path

import pytest

from switch.core.credentials import OperatorAccount
from switch.core.operator.command import Unable
from switch.core.operator.roles import Roles
from switch.security.keyring import KeyRing
from switch.security.lmk import clear_lmk
from switch.security.module import SoftwareModule
from switch.server.operators import Who
from switch.sim.playbook import Playbook
from tests.core.link_control.key_scenes import network

AT = "2026-11-28T00:00:00Z"


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    made = KeyRing(tmp_path / "keys.json", clear_lmk(bytes(range(32))), os.urandom)
    with made.audit.turn():
        for name, kind, leaves in (
            ("zmk", "zmk", False),
            ("weak", "zmk", False),
            ("zpk", "zpk", True),
            ("stays", "zpk", False),
            ("atlas-zak", "zak", False),
        ):
            algorithm = "aes256" if name == "zmk" else "tdes2"
            made.generate(name, kind, algorithm, exportable=leaves, at=AT, by="test")
    return made


@pytest.fixture
def book(ring: KeyRing) -> Playbook:
    return Playbook(network(), module=SoftwareModule(ring, os.urandom))


def test_a_key_goes_out_comes_in_and_ends(book: Playbook, ring: KeyRing) -> None:
    block = book.asks("keys.export", key="zpk", under="zmk").block
    value = ring.entries["zpk"].check_value
    came = book.asks("keys.import", key="again", under="zmk", block=block, check_value=value[:6])
    assert came.check_value == value
    first, second = ring.find("zpk"), ring.find("again")
    assert first is not None
    assert second is not None
    assert first.key == second.key
    book.asks("keys.destroy", key="again", check_value=value)
    ring.reload()
    assert ring.find("again") is None
    acts = [(act.act, act.key, act.by.split()[0]) for act in ring.audit.verify()][5:]
    assert acts == [("export", "zpk", "operators"), ("import", "again", "operators"), ("destroy", "again", "operators")]
    assert block not in repr(book.logs)


@pytest.mark.parametrize(
    ("command", "arguments", "said"),
    [
        ("keys.export", {"key": "stays", "under": "zmk"}, "not exportable"),
        ("keys.export", {"key": "zpk", "under": "stays"}, "carries no other keys"),
        ("keys.export", {"key": "nobody", "under": "zmk"}, "no key 'nobody'"),
        ("keys.import", {"key": "zpk", "under": "zmk", "block": "D", "check_value": "A1B2C3"}, "already"),
        ("keys.import", {"key": "new", "under": "zmk", "block": "D", "check_value": "A1B2C3"}, "key block"),
        ("keys.import", {"key": "a b", "under": "zmk", "block": "D", "check_value": "A1B2C3"}, "no name for a key"),
        ("keys.destroy", {"key": "stays", "check_value": "000000"}, "not destroyed"),
        ("keys.destroy", {"key": "atlas-zak", "check_value": "000000"}, "is a link's"),
    ],
)
def test_what_is_refused_changes_nothing(
    book: Playbook, ring: KeyRing, command: str, arguments: dict[str, str], said: str
) -> None:
    before = set(ring.entries)
    with pytest.raises(Unable, match=said) as refused:
        book.asks(command, **arguments)
    assert refused.value.code == "keys.refused"
    ring.reload()
    assert set(ring.entries) == before


def test_another_check_value_is_another_key(book: Playbook, ring: KeyRing) -> None:
    block = book.asks("keys.export", key="zpk", under="zmk").block
    for value in ("ABCDEF", "", ring.entries["zpk"].check_value[:4]):
        with pytest.raises(Unable, match="not taken in"):
            book.asks("keys.import", key="new", under="zmk", block=block, check_value=value)


@pytest.mark.parametrize("command", ["keys.export", "keys.import", "keys.destroy"])
def test_it_takes_two_supervisors(command: str) -> None:
    people = [
        OperatorAccount(user=user, role=role) for user, role in (("amina", "supervisor"), ("brahim", "supervisor"))
    ]
    roles = Roles((*people, OperatorAccount(user="chakib", role="operator")))
    with pytest.raises(Unable, match="takes the role supervisor"):
        roles.check(command, "chakib", looks=False)
    roles.check(command, "amina", looks=False)
    waiting = roles.ask_another(command, {}, Who("amina", "amina"), 0)
    assert waiting is not None
    with pytest.raises(Unable, match="it takes another person"):
        roles.approve(waiting.number, Who("amina", ""), 1)
    assert roles.approve(waiting.number, Who("brahim", ""), 1).command == command
