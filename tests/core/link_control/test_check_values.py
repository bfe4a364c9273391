"""Playbooks: the check value of a key that comes by message, as hosts show it: 4, 6 or 16 digits, in upper or lower case."""

import pytest

from switch.core.links.key_place import MAC, KeyWord
from switch.security import des
from tests.core.link_control.key_scenes import (
    ZAK,
    ours,
    script,
    sets,
)


@pytest.mark.parametrize("shown", [4, 6, 16])
@pytest.mark.parametrize("lower", [False, True])
def test_a_check_value_is_taken_in_as_many_digits_as_the_other_end_shows(shown: int, lower: bool) -> None:
    scene, far = script()
    say = far.say

    def shows(word: KeyWord) -> KeyWord:
        kept = far.module._find(f"{ZAK}.offered") if word.data else far.module._find(ZAK)
        assert kept is not None
        value = des.ecb_encryptor(kept.key)(bytes(8)).hex().upper()[:shown]
        return word._replace(check_value=value.lower() if lower else value)

    far.say = lambda code, word, now: say(code, shows(word), now)  # type: ignore[method-assign]
    far.exchange.begin(scene.book.now, MAC)
    assert [far.hears()["39"] for _ in ("161", "101")] == ["00", "00"]
    assert sets(ours(scene), ZAK) == {"in_use": "01", "previous": "00"}
