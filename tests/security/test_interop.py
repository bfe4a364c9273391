"""Key blocks between this and another implementation, both ways: what one makes the other reads, and a changed bit neither."""

import os
from pathlib import Path

import pytest

from switch.security.key_commands import KeyOffer as Offer
from switch.security.key_commands import OfferKey, ShowKeys, TakeKey
from switch.security.key_file import KeyRingError
from switch.security.key_sets import decode_offer, decode_sets, value_of
from switch.security.keyring import KeyRing
from switch.security.lmk import clear_lmk
from switch.security.module import SoftwareModule

pytestmark = [
    pytest.mark.outside("psec", package="psec"),
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),  # the other one's
]
AT, BY = "2026-11-28T00:00:00Z", "test"
ZONES = [("tdes2", "B"), ("tdes3", "B"), ("aes128", "D"), ("aes192", "D"), ("aes256", "D")]


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return KeyRing(tmp_path / "keys.json", clear_lmk(bytes(range(32))), os.urandom)


def key_of(ring: KeyRing, name: str) -> bytes:
    found = ring.find(name)
    assert found is not None
    return found.key


@pytest.mark.parametrize(("algorithm", "version"), ZONES)
def test_what_we_export_others_read(ring: KeyRing, algorithm: str, version: str) -> None:
    from psec import tr31

    with ring.audit.turn():
        ring.generate("zmk", "zmk", algorithm, exportable=False, at=AT, by=BY)
        ring.generate("zpk", "zpk", "tdes2", exportable=True, at=AT, by=BY)
        block = ring.export("zpk", "zmk", at=AT, by=BY)
    header, key = tr31.unwrap(key_of(ring, "zmk"), block)
    assert key == key_of(ring, "zpk")
    assert (header.version_id, header.key_usage, header.algorithm, header.mode_of_use) == (version, "P0", "T", "B")
    flipped = block[:-1] + ("0" if block[-1] != "0" else "1")
    with pytest.raises(tr31.KeyBlockError):
        tr31.unwrap(key_of(ring, "zmk"), flipped)


@pytest.mark.parametrize(
    ("version", "algorithm"),
    [("A", "tdes2"), ("B", "tdes2"), ("B", "tdes3"), ("C", "tdes3"), ("D", "aes128"), ("D", "aes192"), ("D", "aes256")],
)
def test_what_others_make_we_import(ring: KeyRing, version: str, algorithm: str) -> None:
    from psec import tr31

    with ring.audit.turn():
        ring.generate("zmk", "zmk", algorithm, exportable=False, at=AT, by=BY)
        key = os.urandom(16)
        header = tr31.Header(version, "M3", "T", "C", "07", "N")
        block = tr31.wrap(key_of(ring, "zmk"), header, key)
        ring.import_block("zak", block, "zmk", at=AT, by=BY)
        assert key_of(ring, "zak") == key
        with pytest.raises(KeyRingError, match="MAC does not hold"):
            ring.import_block("other", block[:-1] + ("0" if block[-1] != "0" else "1"), "zmk", at=AT, by=BY)


@pytest.mark.parametrize(("algorithm", "version"), ZONES)
def test_keys_that_travel_in_messages_are_read_by_others_and_theirs_by_us(
    ring: KeyRing, algorithm: str, version: str
) -> None:
    from psec import tr31

    with ring.audit.turn():
        ring.generate("zmk", "zmk", algorithm, exportable=False, at=AT, by=BY)
        ring.generate("zak", "zak", "tdes2", exportable=False, at=AT, by=BY)
    module = SoftwareModule(ring, os.urandom)
    (reply,) = module.ask([OfferKey("zak", "zmk", "block", 0)])
    offer = decode_offer(reply.value)
    header, key = tr31.unwrap(key_of(ring, "zmk"), offer.data)
    assert (header.version_id, header.key_usage, header.version_num) == (version, "M3", offer.set_id)
    assert key == key_of(ring, "zak.offered")
    found = ring.find("zak.offered")
    assert found is not None
    assert value_of(found)[:6] == offer.check_value
    theirs = os.urandom(16)
    block = tr31.wrap(key_of(ring, "zmk"), tr31.Header(version, "M3", "T", "C", "09", "N"), theirs)
    value = value_of(type(found)(found.header, theirs))
    (reply,) = module.ask([TakeKey("zak", "zmk", "block", Offer("09", block, value[:6]), 0)])
    assert reply.ok, reply.reason
    assert key_of(ring, "zak.received") == theirs
    (sets,) = decode_sets(module.ask([ShowKeys(("zak",))])[0].value)
    assert sets.received is not None
    assert sets.received.set_id == "09"
    assert sets.offered is None, "the other end's stands"
