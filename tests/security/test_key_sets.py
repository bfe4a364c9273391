"""Keys that change by message, in a key file: each step durable, seen by others, in the audit log."""

import os
from pathlib import Path

import pytest

from switch.security import des
from switch.security.commands import NOT_PERMITTED, UNKNOWN_KEY, UNREACHABLE, WRONG, CheckMac, Command, MakeMac, Reply
from switch.security.key_blocks import KeyBlock
from switch.security.key_commands import DropKey, ImportKey, KeyOffer, KeySets, OfferKey, ShowKeys, TakeKey, UseKey
from switch.security.key_file import KeyRingError
from switch.security.key_sets import block_of, decode_offer, decode_sets, value_of
from switch.security.keyring import KeyRing
from switch.security.lmk import clear_lmk
from switch.security.module import SoftwareModule

AT = "2026-11-28T00:00:00Z"
NOW_US = 1_795_824_000_000_000


def opened(path: Path) -> KeyRing:
    return KeyRing(path, clear_lmk(bytes(range(32))), os.urandom)


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    made = opened(tmp_path / "keys.json")
    with made.audit.turn():
        for name, kind, algorithm in (("zmk", "zmk", "tdes2"), ("zak", "zak", "tdes2"), ("big", "zak-cmac", "aes256")):
            made.generate(name, kind, algorithm, exportable=False, at=AT, by="test")
    return made


def ask(ring: KeyRing, command: Command) -> Reply:
    (reply,) = SoftwareModule(ring, os.urandom).ask([command])
    return reply


def sets(ring: KeyRing) -> KeySets:
    return decode_sets(ask(ring, ShowKeys(("zak",))).value)[0]


def test_each_step_is_on_the_disk_before_it_is_answered_and_in_the_audit_log(ring: KeyRing) -> None:
    """Each command is answered by a module of its own, as after a kill between any two of them."""
    first = decode_offer(ask(opened(ring.path), OfferKey("zak", "zmk", "block", NOW_US)).value)
    again = decode_offer(ask(opened(ring.path), OfferKey("zak", "zmk", "block", NOW_US)).value)
    assert (first.set_id, first.check_value) == (again.set_id, again.check_value), "the same key until it is accepted"
    for _ in range(2):
        assert ask(opened(ring.path), UseKey("zak", first.set_id, NOW_US)).ok
    found = sets(opened(ring.path))
    assert found.in_use is not None
    assert found.previous is not None
    assert (found.in_use.set_id, found.previous.set_id, found.offered) == ("01", "00", None)
    assert found.in_use.since_us == NOW_US
    for _ in range(2):
        assert ask(opened(ring.path), DropKey("zak", "00", NOW_US, "its time is over")).ok
    assert sets(opened(ring.path)).previous is None
    acts = [(act.act, act.key, act.note) for act in opened(ring.path).audit.verify()][3:]
    assert acts == [
        ("offer", "zak", "set 01"),
        ("use", "zak", "set 01 in the place of 00"),
        ("destroy", "zak", "set 00: its time is over"),
    ]


def test_a_module_beside_it_sees_what_was_changed(ring: KeyRing) -> None:
    beside, offer = opened(ring.path), decode_offer(ask(ring, OfferKey("zak", "zmk", "block", NOW_US)).value)
    module = SoftwareModule(beside, os.urandom)
    (made,) = SoftwareModule(ring, os.urandom).ask([MakeMac(f"zak#{offer.set_id}", b"data")])
    assert module.ask([CheckMac((f"zak#{offer.set_id}",), b"data", made.value)])[0].code == UNKNOWN_KEY
    assert beside.follow()
    assert not beside.follow()
    assert module.ask([CheckMac(("zak", f"zak#{offer.set_id}"), b"data", made.value)]) == [
        Reply(True, f"zak#{offer.set_id}".encode())
    ]


def test_what_is_no_key_of_a_link_does_not_change_so(ring: KeyRing) -> None:
    assert ask(ring, OfferKey("zmk", "zmk", "block", NOW_US)).code == NOT_PERMITTED
    assert ask(ring, OfferKey("zak", "zak", "block", NOW_US)).code == NOT_PERMITTED
    assert ask(ring, OfferKey("nobody", "zmk", "block", NOW_US)).code == UNKNOWN_KEY
    assert "never travels under a weaker one" in ask(ring, OfferKey("big", "zmk", "block", NOW_US)).reason
    assert ask(ring, UseKey("zak", "55", NOW_US)).code == UNKNOWN_KEY


def test_a_key_file_that_cannot_be_written_changes_nothing(ring: KeyRing, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("switch.security.files.os.fsync", full)
    reply = ask(ring, OfferKey("zak", "zmk", "block", NOW_US))
    assert (reply.ok, reply.code) == (False, UNREACHABLE)
    monkeypatch.undo()
    assert sets(opened(ring.path)).offered is None


def test_halves_that_are_the_same_are_no_key(ring: KeyRing) -> None:
    """However they come: with a check value that is right, so that nothing else is wrong with them."""
    key, zmk, zak = bytes.fromhex("0123456789ABCDEF" * 2), ring.find("zmk"), ring.find("zak")
    assert zmk is not None
    assert zak is not None
    weak = KeyBlock(zak.header, key)
    data, value = des.ecb_encryptor(zmk.key)(key), value_of(weak)
    block = block_of(weak, zmk, "E", os.urandom)
    for command in (
        TakeKey("zak", "zmk", "ecb", KeyOffer("02", data.hex(), value[:6]), NOW_US),
        ImportKey("weak", "zmk", block, value, NOW_US, "test"),
    ):
        reply = ask(ring, command)
        assert (reply.code, "as weak as single DES" in reply.reason) == (WRONG, True), reply.reason
    with ring.audit.turn():
        with pytest.raises(KeyRingError, match="single DES"):
            ring.import_block("weak", block, "zmk", at=AT, by="test")
        with pytest.raises(KeyRingError, match="single DES"):
            ring.import_ecb("weak", "zak", data, "zmk", at=AT, by="test")
    assert ring.find("weak") is None
