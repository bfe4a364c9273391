"""Keys in messages as others write them: check values of other lengths and filled; bare keys with a letter before and a check
value behind.

Sources: clients of the Nigerian centre (an element of 96: the key, six digits of its check value, zeros); fields of 16 for a
check value of which 4 digits count (Mastercard's, assumed); payShield's key schemes X, Y (ANSI X9.17), U, T (variants), Z, R.
"""

from collections.abc import Callable

import msgspec
import pytest

from switch.core.links.key_place import MAC, PIN, KeyPlace, KeyWord
from switch.security import des
from switch.wire import Dialect
from switch.wire.vocabulary import Answer, Document
from tests.core.link_control.key_scenes import KEYS, ZAK, ZMK, ZPK, key, logged, ours, pays, same_key, script, sets

ECB = msgspec.structs.replace(KEYS, key_form="ecb")
FRESH = des.with_odd_parity(bytes(range(7, 23)))
VALUE = des.ecb_encryptor(FRESH)(des.ZEROS).hex().upper()
BARE = des.ecb_encryptor(key(ZMK).key)(FRESH).hex().upper()
WEAK = bytes.fromhex("0123456789ABCDEF" * 2)


class Writes(KeyPlace):
    """The places of a dialect, with check values in another form."""

    def __init__(self, dialect: Dialect, fill: str, lower: bool) -> None:
        super().__init__(dialect)
        self.fill, self.lower, self.whole = fill, lower, dict.fromkeys((MAC, PIN), "")

    def compose(self, word: KeyWord) -> Document:
        """See KeyPlace."""
        if word.data:
            fresh = des.ecb_decryptor(key(ZMK).key)(bytes.fromhex(word.data))
            self.whole[word.purpose] = des.ecb_encryptor(fresh)(des.ZEROS).hex().upper()
        value = self.fill.format(self.whole[word.purpose])
        return super().compose(word._replace(check_value=value.lower() if self.lower else value))


@pytest.mark.parametrize(
    "fill", ["{:.4}", "{:.6}", "{:.16}", "{:.4}000000000000", "{:.6}0000000000", "{:.4}            "]
)
@pytest.mark.parametrize("lower", [False, True])
def test_check_values_of_any_length_and_filling_mean_the_same_key_both_ways(fill: str, lower: bool) -> None:
    """The other end says them so in its 161s, and in its 101s."""
    scene, far = script(keys=ECB)
    far.place = Writes(scene.book.switch.dialects["cmi87"], fill, lower)
    far.exchange.begin(scene.book.now)
    far.settles()
    far.settles()
    assert [sets(far.module, name)["in_use"] for name in (ZAK, ZPK)] == ["01", "01"]
    assert same_key(far.module, ours(scene), ZAK)
    assert not logged(scene, "keys.not_taken") + logged(scene, "keys.differ")
    pays(scene, far, "000104")


@pytest.mark.parametrize(
    "written",
    [
        lambda bare: bare,
        lambda bare: bare.lower(),
        lambda bare: "X" + bare,
        lambda bare: bare + VALUE[:6],
        lambda bare: (bare + VALUE[:6]).ljust(96, "0"),
        lambda bare: (bare + VALUE[:4]).ljust(96, "0"),
        lambda bare: bare + VALUE,
        lambda bare: bare.ljust(96, "0"),
        lambda bare: "X" + bare + " " * 8,
    ],
)
def test_a_bare_key_is_read_with_a_letter_before_it_and_its_check_value_and_filling_behind(
    written: Callable[[str], str],
) -> None:
    scene, far = script(keys=ECB)
    word = KeyWord(MAC, "01", VALUE[:6], written(BARE))
    far.peer.sends(far.request("161", far.place.compose(word)))
    assert far.peer.gets()["39"] == Answer.APPROVED
    assert sets(ours(scene), ZAK) == {"in_use": "00", "received": "01"}


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("U" + BARE, "'U' before it says that its parts are encrypted under variants of the zone master key"),
        ("T" + BARE + BARE[:16], "'T' before it says that its parts are encrypted under variants"),
        ("Z" + BARE[:16], "'Z' before it says that it is a single DES key"),
        ("Y" + BARE + BARE[:16], "'Y' before it is none that is known here for a key of this length"),
        ("R" + BARE, "'R' before it is none that is known"),
        (BARE + "ABCDEF", f"behind it stands the check value ABCDEF, and it has {VALUE[:6]}"),
        ((BARE + "ABCD").ljust(96, "0"), "behind it stands the check value ABCD00"),
        (BARE + BARE[:16], "behind it stands the check value"),
        (BARE[:31], "32 hex digits are expected"),
        (BARE + "no hex", "32 hex digits are expected"),
    ],
)
def test_what_is_not_read_is_refused_by_its_name_and_the_key_in_use_stays(written: str, said: str) -> None:
    scene, far = script(keys=ECB)
    word = KeyWord(MAC, "01", VALUE[:6], written)
    far.peer.sends(far.request("161", far.place.compose(word)))
    assert far.peer.gets()["39"] == Answer.SECURITY_VIOLATION
    assert said in str(logged(scene, "keys.not_taken")[0]["reason"])
    assert sets(ours(scene), ZAK) == {"in_use": "00"}
    pays(scene, far, "000105")


def test_sets_may_be_counted_by_two_numbers_in_turn_and_from_zero() -> None:
    """A host with an index of 0 or 1: once the set before has had its time its number is free again."""
    scene, far = script(keys=ECB)
    for number, first in (("01", 1), ("00", 2), ("01", 3)):
        fresh = des.with_odd_parity(bytes(range(first, first + 16)))
        word = KeyWord(
            MAC,
            number,
            des.ecb_encryptor(fresh)(des.ZEROS).hex()[:6],
            des.ecb_encryptor(key(ZMK).key)(fresh).hex().upper(),
        )
        assert far.exchange.asked("161", word, scene.book.now) == Answer.APPROVED
        far.peer.sends(far.request("161", far.place.compose(word)))
        assert far.peer.gets()["39"] == Answer.APPROVED
        assert far.exchange.asked("101", word._replace(data=""), scene.book.now) == Answer.APPROVED
        far.peer.sends(far.request("101", far.place.compose(word._replace(data=""))))
        assert far.peer.gets()["39"] == Answer.APPROVED
        assert sets(ours(scene), ZAK)["in_use"] == number
        if first == 1:
            pays(scene, far, "000201")
        far.lives(KEYS.key_keep_s + 5)
        far.exchange.tick(scene.book.now)
        assert sets(ours(scene), ZAK) == {"in_use": number}, "the one before has had its time"
