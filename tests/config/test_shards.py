"""A network file with shards: what belongs nowhere, what a shard cannot have, what cannot be divided; and what `check` says."""

import re

import pytest

from switch.config import ConfigErrors, parse_network
from switch.config.load import SHIPPED
from switch.config.shards import of_file
from switch.config.warnings import warnings
from tests.sharded import morocco_sharded, sharded

TEXT = sharded((SHIPPED / "morocco.toml").read_text())
STAND_IN = """standin_total = "900.00 MAD"
[[host.standin]]
product = "debit"
floor = "200.00 MAD"
per_card_count = 1
per_card_amount = "300.00 MAD"
"""
MISTAKES = {
    "a shard that is none": (r'shard = "a"\nname = "atlas"', 'shard = "c"\nname = "atlas"', '"c" is no shard'),
    "two of a number": (r"number = 2", "number = 1", "the number 1 is taken"),
    "two of a name": (r'name = "b"\nnumber', 'name = "a"\nnumber', "the name a is taken"),
    "one only": (r'\[\[shard\]\]\nname = "b"[^[]*', "", "is the only one"),
    "a member of none": (r'shard = "a"\nname = "cmi"', 'name = "cmi"', '[[member]] "cmi" has no `shard`'),
    "a listener of none": (r'shard = "a"\nname = "pos"', 'name = "pos"', '[[listener]] "pos" has no `shard`'),
    "a shard without members": (
        r'shard = "b"\nname = "(rif|souss)"\ntitle',
        r'shard = "a"\nname = "\1"\ntitle',
        "no [[member]] has",
    ),
    "a listener for members of another": (
        r'name = "acquirers"',
        'name = "acquirers"\nmembers = ["rif"]',
        'rif is of shard "b"',
    ),
    "a network that nobody owns": (r'shard = "a"\nname = "visa"', 'name = "visa"', "one shard owns it"),
    "an owner that is nowhere": (r'address = "127.0.0.1:8571"', "", "has no `address`"),
    "an address that is taken": (
        r'address = "127.0.0.1:8571"',
        'address = "127.0.0.1:8583"',
        "127.0.0.1:8583 is taken",
    ),
    "no time for the others": (
        r"acquirers_wait_ms = 20_000",
        "acquirers_wait_ms = 15_500",
        "other shards wait 1000 ms longer",
    ),
    "a host that connects in to one of two": (
        r'connect = "127.0.0.1:8592"',
        "",
        'no [[listener]] of role "host" is of shard "a"',
    ),
    "a host that connects in to a shard that opens nothing": (
        r'connect = "127.0.0.1:8593"',
        "",
        'no [[listener]] of role "host" is of shard "b"',
    ),
    "a link called as theirs": (r'name = "pos"', 'name = "shards"', "is what the links between shards are called"),
    "a member called as theirs": (r'name = "cmi" ', 'name = "shard-x"', "is what shards are called"),
    "one of a card among two": (
        r'(connect = "127.0.0.1:8592"[^[]*)',
        rf"\1{STAND_IN}",
        "`per_card_count` = 1 cannot be divided among 2 shards",
    ),
    "a pace that is one's": (
        r'connect = "127.0.0.1:8592"',
        r'connect = "127.0.0.1:8592"\nowed_per_second = 1',
        "`owed_per_second` = 1 cannot be divided among 2 shards",
    ),
    "one that waits": (
        r'connect = "127.0.0.1:8592"',
        r'connect = "127.0.0.1:8592"\nmax_pending = 1',
        "`max_pending` = 1 cannot be divided among 2 shards",
    ),
    "a default that is as small as the limit": (
        r"\npending = 20_000",
        r"\npending = 1",
        "`max_pending` = 1 cannot be divided among 2 shards",
    ),
    "one that is owed": (
        r"(\[limits\]\n)",
        r"\1owed_in_flight = 1\n",
        "`owed_in_flight` = 1 cannot be divided among 2 shards",
    ),
    "a floor above a shard's part": (
        r'(connect = "127.0.0.1:8592"[^[]*)',
        rf"\1{STAND_IN.replace('count = 1', 'count = 2')}",
        "is above a shard's part of `per_card_amount` (15000 minor units)",
    ),
}


@pytest.mark.parametrize("case", MISTAKES, ids=str)
def test_a_mistake_names_the_file_the_key_and_the_value(case: str) -> None:
    old, new, said = MISTAKES[case]
    text, found = re.subn(old, new, TEXT)
    assert found
    with pytest.raises(ConfigErrors) as caught:
        parse_network(text, "sharded.toml")
    shown = [mistake for mistake in caught.value.mistakes if said in mistake.message]
    assert shown, caught.value.render()
    assert shown[0].file == "sharded.toml"
    assert shown[0].line
    assert shown[0].hint or "taken" in said


def test_a_pin_key_of_an_owned_host_needs_one_between_shards() -> None:
    text = TEXT.replace('shard = "a"\nname = "visa"', 'shard = "a"\nname = "visa"\npin_key = "visa"', 1)
    with pytest.raises(ConfigErrors) as caught:
        parse_network(text, "sharded.toml")
    assert "has none for PINs that are passed on" in caught.value.render()


def test_the_whole_has_all_and_says_where_strangers_could_come_in() -> None:
    assert warnings(morocco_sharded()) == []
    text = TEXT.replace("127.0.0.1:8571", "192.0.2.7:8571")
    (warning,) = warnings(parse_network(text, "sharded.toml"))
    assert '[[shard]] "a" listens on 192.0.2.7:8571' in warning


def test_a_file_that_has_the_shard_no_more_is_refused_whole() -> None:
    with pytest.raises(ConfigErrors, match=r'no .*shard.* is called "c"'):
        of_file(morocco_sharded(), "c")
    assert of_file(morocco_sharded(), "a").shard == "a"


def test_what_a_rule_of_stand_in_lacks_or_has_wrong_is_one_mistake_and_not_one_of_its_parts_too() -> None:
    rule = STAND_IN.replace('"300.00 MAD"', '"300 dirhams"').replace("per_card_count = 1\n", "")
    text, times = re.subn(
        r'(name = "souss"\nrole = "issuer"\n)',
        rf"\1max_pending = true\n{rule}",
        TEXT.replace('shard = "b"\nname = "souss"\nrole', 'name = "souss"\nrole'),
    )
    assert times == 1
    with pytest.raises(ConfigErrors) as caught:
        parse_network(text, "x")
    said = str(caught.value)
    assert "has no `per_card_count`" in said
    assert "`max_pending` is a whole number" in said
    assert "cannot be divided" not in said
    assert "part of `per_card_amount`" not in said
