"""Issuers' stop lists: who may change one, what is kept of it, and what a payment is answered while the card's issuer is away."""

from typing import Any

import msgspec
import pytest

from switch.core.records.stop_lists import HotListed
from switch.sim.playbook import Peer, Playbook
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD, OTHER_CARD, Scene, morocco, purchase

RIF_CARD = "950402000000001" + luhn_digit("950402000000001")
FILE = "HOTCARDS"


def file_update(stan: str = "000700", **changes: str) -> Document:
    """An issuer's 0302: add Atlas's card as stolen."""
    document = {
        "t": "0302", "2": ATLAS_CARD, "7": "1125120000", "11": stan, "32": "504101", "39": "43", "91": "1", "101": FILE,
    }  # fmt: skip
    document |= {name.removeprefix("de"): value for name, value in changes.items()}
    return {de: value for de, value in document.items() if value}


def asked(peer: Peer, message: Document) -> Document:
    """The answer to what this end of a link sends."""
    peer.sends(message)
    return peer.gets()


def with_host(**changes: object) -> Playbook:
    """Morocco, where Atlas's host is otherwise."""
    network = morocco()
    hosts = tuple(msgspec.structs.replace(h, **changes) if h.name == "atlas" else h for h in network.hosts)
    return Playbook(msgspec.structs.replace(network, hosts=hosts))


def paid_while_away(scene: Scene, stan: str = "000123", **changes: str) -> str:
    """DE39 of a payment whose issuer is not there."""
    if not scene.atlas.closed and scene.book.switch.hosts["atlas"].up is not None:
        scene.atlas.hangs_up()
    return asked(scene.rif, purchase(stan=stan, **changes))["39"]


# -- what it is for


@pytest.mark.parametrize("reason", ["41", "43"])
def test_a_card_reported_lost_or_stolen_is_refused_so_while_its_issuer_is_away(reason: str) -> None:
    scene = Scene()
    answer = asked(scene.atlas, file_update(de39=reason))
    assert {de: answer.get(de) for de in ("t", "39", "91", "101", "11")} == {
        "t": "0312", "39": "00", "91": "1", "101": FILE, "11": "000700",
    }  # fmt: skip
    assert paid_while_away(scene) == reason
    assert paid_while_away(scene, "000124", de2=OTHER_CARD) == "91"


def test_an_issuer_that_is_there_decides_itself() -> None:
    scene = Scene()
    asked(scene.atlas, file_update())
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    assert scene.rif.gets()["39"] == "00"


def test_a_card_of_track_two_alone_is_known() -> None:
    scene = Scene()
    asked(scene.atlas, file_update())
    assert paid_while_away(scene, de2="", de35=f"{ATLAS_CARD}=29122010000012300000") == "43"


def test_the_last_word_on_a_card_holds() -> None:
    scene = Scene()
    for stan, changes in [
        ("000701", {}),
        ("000702", {"de91": "2", "de39": "41"}),
        ("000703", {"de91": "4", "de39": "41"}),
    ]:
        assert asked(scene.atlas, file_update(stan, **changes))["39"] == "00"
    assert len(scene.book.recorded(HotListed)) == 2, "what is so already is no record"
    assert paid_while_away(scene) == "41"


def test_a_card_taken_off_is_an_ordinary_one() -> None:
    scene = Scene()
    asked(scene.atlas, file_update())
    assert asked(scene.atlas, file_update("000701", de91="5"))["39"] == "00"
    assert asked(scene.atlas, file_update("000702", de91="3"))["39"] == "00"
    assert asked(scene.atlas, file_update("000703", de91="3"))["39"] == "25"
    assert asked(scene.atlas, file_update("000704", de91="5"))["39"] == "25"
    assert paid_while_away(scene) == "91"


@pytest.mark.parametrize(
    ("mti", "response"),
    [
        ("0303", "0312"),
        ("0322", "0332"),
        ("0323", "0332"),
        ("0304", "0314"),
        ("0305", "0314"),
        ("0300", "0310"),
        ("0301", "0310"),  # what jPOS makes of an 0302 that it sends again
    ],
)
def test_repeats_and_advices_of_an_update_are_as_good(mti: str, response: str) -> None:
    scene = Scene()
    asked(scene.atlas, file_update())
    answer = asked(scene.atlas, file_update(t=mti))
    assert (answer["t"], answer["39"]) == (response, "00")
    assert len(scene.book.recorded(HotListed)) == 1


@pytest.mark.parametrize(("file", "reason"), [(FILE, "41"), ("", "41"), ("STOLEN CARDS", "43")])
def test_without_a_reason_a_card_is_lost_unless_its_file_is_of_stolen_ones(file: str, reason: str) -> None:
    scene = Scene()
    assert asked(scene.atlas, file_update(de39="", de101=file))["39"] == "00"
    assert paid_while_away(scene) == reason


def test_a_card_network_that_brings_a_listed_card_is_told_too() -> None:
    scene = Scene()
    card = "455041010000001" + luhn_digit("455041010000001")
    asked(scene.atlas, file_update(de2=card))
    visa = scene.book.host("visa")
    scene.atlas.hangs_up()
    visa.sends(purchase(t="0100", de2=card, de32="400001"))
    assert visa.gets()["39"] == "43"


def test_the_1993_edition_says_it_in_its_own_codes() -> None:
    scene = Scene(with_host(dialect="iso93"))
    scene.atlas.sends(file_update())
    answer = scene.atlas.gets()
    raw = scene.atlas.raw_of(answer)
    assert (raw["t"], raw["39"], raw["101"]) == ("1312", "300", FILE)
    assert scene.atlas.raw_of(asked(scene.atlas, file_update("000701", de91="3", de2=OTHER_CARD)))["39"] == "302"
    assert paid_while_away(scene) == "43"


# -- who may


def test_nobody_else_changes_a_stop_list() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    assert asked(scene.rif, file_update())["39"] == "58"
    assert asked(visa, file_update())["39"] == "58"
    assert not scene.book.recorded(HotListed)


def test_an_issuer_lists_its_own_cards_only() -> None:
    scene = Scene()
    assert asked(scene.atlas, file_update(de2=RIF_CARD))["39"] == "29"
    assert asked(scene.atlas, file_update("000701", de2=RIF_CARD, de91="3"))["39"] == "29"
    refused = [log.fields["reason"] for log in scene.book.logs if log.event == "file_update.refused"]
    assert refused[0] == "card 950402******0016 is rif's, not atlas's".replace(
        "950402******0016", refused[0].split()[1]
    )
    assert not scene.book.recorded(HotListed)


@pytest.mark.parametrize(
    ("changes", "de39"),
    [
        ({"de91": ""}, "30"), ({"de2": ""}, "30"), ({"de7": "1399996199"}, "30"), ({"de91": "9"}, "27"), ({"de39": "51"}, "27"),
        ({"de2": "9504010000000002"}, "27"),
    ],
)  # fmt: skip
def test_half_an_update_changes_nothing(changes: dict[str, str], de39: str) -> None:
    scene = Scene()
    assert asked(scene.atlas, file_update(**changes))["39"] == de39
    assert not scene.book.recorded(HotListed)


def test_another_file_of_the_issuers_is_not_its_stop_list() -> None:
    scene = Scene(with_host(hot_file=FILE))
    assert asked(scene.atlas, file_update(de101="ACCOUNTS"))["39"] == "29"
    assert asked(scene.atlas, file_update("000701"))["39"] == "00"


# -- what is kept


def test_nothing_is_acknowledged_before_it_is_durable() -> None:
    scene = Scene()
    scene.book.journal_holds()
    scene.atlas.sends(file_update())
    assert scene.atlas.got_nothing()
    scene.book.journal_flushes()
    assert scene.atlas.gets()["39"] == "00"


def test_the_list_survives_a_crash_with_and_without_a_snapshot() -> None:
    scene = Scene()
    asked(scene.atlas, file_update())
    scene.book.switch.snapshot(scene.book.now)
    scene.atlas.sends(file_update("000701", de2=OTHER_CARD, de39="41"))
    after = Scene(scene.book.crashes())
    assert paid_while_away(after, de7="1125130000") == "43"
    assert paid_while_away(after, "000124", de7="1125130000", de2=OTHER_CARD) == "41"


def test_the_list_is_bounded() -> None:
    network = morocco()
    limits = msgspec.structs.replace(network.limits, hot_cards=1)
    scene = Scene(Playbook(msgspec.structs.replace(network, limits=limits)))
    assert asked(scene.atlas, file_update())["39"] == "00"
    assert asked(scene.atlas, file_update("000701", de2=OTHER_CARD))["39"] == "29"
    assert asked(scene.atlas, file_update("000702", de39="41"))["39"] == "00", "it is on it already"
    assert [log.fields["limit"] for log in scene.book.logs if log.event == "limit.reached"] == ["hot_cards"]


# -- an operator


def test_an_operator_lists_cards_for_their_issuers_and_no_log_has_their_numbers() -> None:
    scene = Scene()
    book = scene.book

    def told(command: str, **arguments: object) -> Any:
        return book.asks(command, **arguments)

    done = told("cards.hot_add", cards=[{"pan": ATLAS_CARD, "reason": "43"}, {"pan": RIF_CARD, "reason": "41"}])
    assert msgspec.to_builtins(done) == {"changed": 2, "unchanged": 0, "listed": 2}
    listed = msgspec.to_builtins(told("cards.hot_list", issuer="atlas"))
    assert [(row["pan"][:6], row["issuer"], row["reason"], row["by"]) for row in listed["cards"]] == [
        ("950401", "atlas", "43", "operator")
    ]
    told("cards.hot_remove", pans=[ATLAS_CARD])
    said = str([(log.event, log.fields) for log in book.logs])
    assert "operator.command" in said
    assert ATLAS_CARD not in said
    assert RIF_CARD not in said


def test_of_a_list_with_a_wrong_card_in_it_none_is_listed() -> None:
    scene = Scene()
    cards = [{"pan": ATLAS_CARD, "reason": "43"}, {"pan": RIF_CARD, "reason": "41"}]
    with pytest.raises(Exception, match=r"card 2: card 950402.* is rif's, not atlas's"):
        scene.book.asks("cards.hot_add", cards=cards, issuer="atlas")
    assert not scene.book.recorded(HotListed)
