"""A further 0100 that adds to what a pre-authorization holds: what it is told from, where it goes, what becomes of the hold."""

import msgspec
import pytest

from switch.core.records.outcomes import Outcome
from switch.core.records.records import Forwarded
from switch.simulators.reconciliation import journal_rows
from switch.wire.vocabulary import Document
from tests.core.scripts import OTHER_CARD, VISA_ABROAD, Scene, morocco, purchase, reversal

HOLD = purchase(t="0100", de4="000000100000", de25="06", de35="", de52="")


def increment(stan: str = "000800", amount: str = "000000020000", **changes: str) -> Document:
    """A 0100 at the same terminal, with a DE37 of its own, that names the hold by DE90."""
    named = reversal(HOLD, stan)["90"]
    document = {**HOLD, "11": stan, "7": "1125120100", "37": f"532912{stan}", "4": amount, "90": named, "38": "A12345"}
    for name, value in changes.items():
        document[name.removeprefix("de")] = value
    return {de: value for de, value in document.items() if value}


def held() -> tuple[Scene, Document]:
    """A scene with 1,000.00 held, and the request as the issuer got it."""
    scene = Scene()
    scene.rif.sends(HOLD)
    request = scene.atlas.gets()
    scene.atlas.answers(request, "00", de38="A12345")
    assert scene.rif.gets()["39"] == "00"
    return scene, request


def added(scene: Scene, sent: Document, de39: str = "00", **changes: str) -> Document:
    """It is sent, and answered; returns the request as the issuer got it."""
    scene.rif.sends(sent)
    request = scene.atlas.gets()
    scene.atlas.answers(request, de39, **changes)
    assert scene.rif.gets()["39"] == de39
    return request


def hold_of(scene: Scene) -> Outcome:
    return next(o for o in scene.book.switch.state.recent.values() if o.rrn == HOLD["37"] and o.key[2] == HOLD["11"])


def complete(scene: Scene, amount: str, stan: str = "000901", **changes: str) -> str:
    scene.rif.sends({**reversal(HOLD, stan), "t": "0220", "4": amount, "38": "A12345", **changes})
    answer = scene.rif.gets()["39"]
    if answer == "00":
        scene.atlas.answers(scene.atlas.gets(), "00")
    return answer


def rows(scene: Scene) -> list[tuple[str, int]]:
    return [(str(row.status), row.amount) for row in journal_rows(scene.book.entries)]


def test_an_increment_names_the_hold_as_its_host_knows_it_and_is_part_of_what_is_held() -> None:
    scene, request = held()
    scene.rif.sends(increment())
    asked = scene.atlas.gets()
    assert asked["90"][:31] == "0100" + request["11"] + request["7"] + "00000504102"
    assert (asked["38"], asked["4"], asked["37"]) == ("A12345", "000000020000", "532912000800")
    scene.atlas.answers(asked, "00", de38="B00001")
    answer = scene.rif.gets()
    assert (answer["39"], answer["38"], answer["11"]) == ("00", "B00001", "000800")
    assert (hold_of(scene).amount, hold_of(scene).authorized) == (120_000, 120_000)
    assert rows(scene) == [("approved", 120_000), ("approved", 0)]
    assert complete(scene, "000000138001") == "61"
    assert complete(scene, "000000138000", "000902") == "00"
    assert hold_of(scene).amount == 138_000


@pytest.mark.parametrize(
    "changes",
    [
        {"de90": "", "de37": HOLD["37"]},
        {"de90": reversal(HOLD)["90"][:10] + "0" * 32},
        {"de41": "RIF00077"},
        {"de42": "MERCHANT0000009"},
    ],
)
def test_a_hold_is_named_by_de37_and_de38_or_by_de90_at_the_same_terminal_or_merchant(changes: dict[str, str]) -> None:
    scene, request = held()
    asked = added(scene, increment(**changes))
    assert asked["90"][4:20] == request["11"] + request["7"]
    assert hold_of(scene).amount == 120_000


@pytest.mark.parametrize(
    ("changes", "de39", "reason"),
    [
        ({"de90": "0100999999" + "1125120000" + "0" * 22}, "25", "not known here"),
        ({"de2": OTHER_CARD}, "77", "another card"),
        ({"de3": "010000"}, "77", "kind of transaction"),
        ({"de49": "978"}, "77", "currency"),
        ({"de41": "RIF00077", "de42": "MERCHANT0000009"}, "77", "another merchant"),
    ],
)
def test_what_contradicts_its_hold_is_refused_and_never_a_payment_of_its_own(
    changes: dict[str, str], de39: str, reason: str
) -> None:
    scene, _ = held()
    scene.rif.sends(increment(**changes))
    assert scene.rif.gets()["39"] == de39
    assert scene.atlas.got_nothing()
    assert reason in scene.book.hops[-1].note
    assert hold_of(scene).amount == 100_000


def test_another_acquirers_hold_is_never_added_to() -> None:
    scene, _ = held()
    atlas = scene.book.acquirer("acquirers", "504101")
    atlas.sends(increment(de32="504101"))
    assert atlas.gets()["39"] == "58"
    atlas.sends(increment("000801", de32="504101", de90="", de37=HOLD["37"]))
    assert "90" not in scene.atlas.gets()


def test_a_0100_with_an_approval_code_that_names_nothing_known_is_a_payment_of_its_own() -> None:
    scene, _ = held()
    asked = added(scene, increment(de90="", de38="ZZZZZZ", de37="532912000800"))
    assert "90" not in asked
    assert (hold_of(scene).amount, rows(scene)[1]) == (100_000, ("approved", 20_000))


def test_declined_it_leaves_the_hold_as_it_was() -> None:
    scene, _ = held()
    added(scene, increment(), "51")
    assert rows(scene) == [("approved", 100_000), ("declined", 0)]
    assert complete(scene, "000000115001") == "61"


def test_timed_out_the_increment_alone_is_reversed() -> None:
    scene, request = held()
    scene.rif.sends(increment())
    asked = scene.atlas.gets()
    scene.book.passes(11)
    assert scene.rif.gets()["39"] == "91"
    undone = scene.atlas.gets()
    assert (undone["t"], undone["90"][4:20], undone["4"]) == ("0420", asked["11"] + asked["7"], "000000020000")
    assert (hold_of(scene).amount, rows(scene)) == (100_000, [("approved", 100_000), ("declined", 0)])
    scene.atlas.answers(asked, "00")
    assert hold_of(scene).amount == 100_000
    assert request["11"] != asked["11"]


@pytest.mark.parametrize("own_rrn", [True, False])
def test_a_reversal_of_the_increment_takes_back_that_alone_once(own_rrn: bool) -> None:
    scene, request = held()
    sent = increment(de37="532912000800" if own_rrn else HOLD["37"])
    asked = added(scene, sent)
    scene.rif.sends(reversal(sent, "000910"))
    assert scene.rif.gets()["39"] == "00"
    undone = scene.atlas.gets()
    assert (undone["90"][4:20], undone["4"]) == (asked["11"] + asked["7"], "000000020000")
    scene.atlas.answers(undone, "00")
    assert hold_of(scene).amount == 100_000
    scene.rif.sends(reversal(sent, "000911"))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing()
    assert hold_of(scene).amount == 100_000
    assert [row.amount for row in journal_rows(scene.book.entries)] == [100_000, 0]
    scene.rif.sends({**sent, "t": "0101"})
    assert scene.rif.gets()["39"] == "91"
    assert request["11"] != asked["11"]


def test_part_of_an_increment_can_be_taken_back() -> None:
    scene, _ = held()
    sent = increment()
    added(scene, sent)
    scene.rif.sends(reversal(sent, "000910", de95="000000005000" + "0" * 30))
    assert scene.rif.gets()["39"] == "00"
    assert hold_of(scene).amount == 105_000
    assert rows(scene) == [("approved", 105_000), ("approved", 0)]


def test_a_reversal_of_the_hold_is_one_of_all_that_is_held_and_ends_its_increments() -> None:
    scene, request = held()
    sent = increment()
    added(scene, sent)
    scene.rif.sends(reversal(HOLD, "000910"))
    assert scene.rif.gets()["39"] == "00"
    undone = scene.atlas.gets()
    assert (undone["90"][4:20], undone["4"]) == (request["11"] + request["7"], "000000120000")
    scene.atlas.answers(undone, "00")
    assert [row.amount for row in journal_rows(scene.book.entries)] == [0, 0]
    scene.rif.sends({**sent, "t": "0101"})
    assert scene.rif.gets()["39"] == "91"
    scene.rif.sends(reversal(sent, "000911"))
    assert scene.rif.gets()["39"] == "00"
    scene.rif.sends(increment("000801"))
    assert scene.rif.gets()["39"] == "77"
    assert scene.atlas.got_nothing()


def test_part_of_a_hold_with_increments_can_be_taken_back_and_added_to_again() -> None:
    scene, _ = held()
    added(scene, increment())
    scene.rif.sends(reversal(HOLD, "000910", de95="000000050000" + "0" * 30))
    assert scene.rif.gets()["39"] == "00"
    scene.atlas.answers(scene.atlas.gets(), "00")
    added(scene, increment("000801"))
    assert hold_of(scene).amount == 70_000
    assert journal_rows(scene.book.entries)[0].amount == 70_000


def test_an_approval_whose_hold_was_reversed_or_completed_meanwhile_is_reversed() -> None:
    for about in ("0400", "0220"):
        scene, _ = held()
        scene.rif.sends(increment())
        asked = scene.atlas.gets()
        scene.rif.sends({**reversal(HOLD, "000910"), "t": about, "38": "A12345"})
        assert scene.rif.gets()["39"] == "00"
        scene.atlas.answers(scene.atlas.gets(), "00")
        scene.atlas.answers(asked, "00")
        assert scene.rif.gets()["39"] == "91"
        assert scene.atlas.gets()["90"][4:20] == asked["11"] + asked["7"]
        assert hold_of(scene).amount == (0 if about == "0400" else 100_000)


def test_a_repeat_is_answered_as_the_increment_was_and_adds_nothing() -> None:
    scene, _ = held()
    sent = increment()
    added(scene, sent, de38="B00001")
    scene.rif.sends({**sent, "t": "0101"})
    again = scene.rif.gets()
    assert (again["39"], again["38"]) == ("00", "B00001")
    assert scene.atlas.got_nothing()
    assert hold_of(scene).amount == 120_000


def test_stand_in_approves_no_increment() -> None:
    scene, _ = held()
    scene.atlas.hangs_up()
    scene.rif.sends(increment(amount="000000001000"))
    assert scene.rif.gets()["39"] == "91"
    assert not any(isinstance(entry, Forwarded) and entry.hold for entry in scene.book.entries)


def test_an_increment_leaves_once_it_is_durable_so_that_no_crash_leaves_one_unknown_at_its_host() -> None:
    scene, _ = held()
    scene.book.journal_holds()
    scene.rif.sends(increment())
    assert scene.atlas.got_nothing()
    scene.book.journal_flushes()
    assert scene.atlas.gets()["4"] == "000000020000"
    scene = Scene(scene.book.crashes())
    undone = scene.atlas.gets()
    assert (undone["t"], undone["4"]) == ("0420", "000000020000")


def test_a_reversal_of_an_increment_that_never_came_does_not_touch_the_hold_whose_de37_it_has() -> None:
    scene, _ = held()
    lost = increment(de37=HOLD["37"])
    scene.rif.sends(reversal(lost, "000910"))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing()
    assert hold_of(scene).amount == 100_000
    scene.rif.sends(lost)
    assert scene.rif.gets()["39"] == "91"
    scene.rif.sends(reversal(increment("000801", HOLD["4"], de37=HOLD["37"]), "000911"))
    assert scene.rif.gets()["39"] == "21"
    assert len(scene.book.asks("exceptions.list").items) == 1


@pytest.mark.parametrize(
    "lost",
    [increment(de37=HOLD["37"], de41="OTHER001", de42="OTHERMERCHANT01"), {**increment(de37=HOLD["37"]), "t": "0200"}],
    ids=["elsewhere", "a purchase"],
)
def test_a_payment_that_only_shares_its_de37_with_a_hold_is_no_increment(lost: Document) -> None:
    """A crash may have taken it: its reversal goes to the issuer, which may know it."""
    scene, _ = held()
    scene.rif.sends(reversal(lost, "000910"))
    assert scene.rif.gets()["39"] == "00"
    asked = scene.atlas.gets()
    assert (asked["t"], asked["37"]) == ("0420", HOLD["37"])
    assert hold_of(scene).amount == 100_000


def test_an_undelivered_approval_of_an_increment_is_taken_off_the_hold() -> None:
    scene, _ = held()
    scene.rif.sends(increment())
    asked = scene.atlas.gets()
    scene.rif.hangs_up()
    scene.atlas.answers(asked, "00")
    assert scene.atlas.gets()["t"] == "0420"
    assert hold_of(scene).amount == 100_000
    assert journal_rows(scene.book.entries)[0].amount == 100_000


def test_a_restart_knows_what_is_held_in_all() -> None:
    scene, _ = held()
    added(scene, increment())
    scene = Scene(scene.book.crashes())
    assert hold_of(scene).amount == 120_000
    added(scene, increment("000801"))
    assert complete(scene, "000000161000") == "00"
    assert [row.amount for row in journal_rows(scene.book.entries)] == [161_000, 0, 0]


def test_it_goes_to_the_host_of_the_hold_though_the_range_is_anothers_now() -> None:
    scene, request = held()
    network = morocco()
    bins = tuple(msgspec.structs.replace(b, issuer="rif") if b.issuer == "atlas" else b for b in network.bins)
    scene.book.reloads(msgspec.structs.replace(network, bins=bins))
    assert added(scene, increment())["90"][4:20] == request["11"] + request["7"]


def test_a_network_is_told_its_own_name_of_the_hold() -> None:
    scene = Scene()
    visa = scene.book.host("visa")
    hold = {**HOLD, "2": VISA_ABROAD}
    scene.rif.sends(hold)
    request = visa.gets()
    visa.answers(request, "00", de38="A12345", de48="6315312345678901234")
    assert scene.rif.gets()["39"] == "00"
    scene.rif.sends({**increment(), "2": VISA_ABROAD})
    asked = visa.gets()
    assert (asked["90"][4:20], asked["48"]) == (request["11"] + request["7"], "6315312345678901234")


def test_sent_again_on_another_connection_it_still_names_the_hold() -> None:
    scene, request = held()
    second = scene.book.host("atlas")
    scene.rif.sends(increment())
    first, other = (scene.atlas, second) if not scene.atlas.got_nothing() else (second, scene.atlas)
    asked = first.gets()
    first.hangs_up()
    again = other.gets()
    assert (again["t"], again["90"], again["38"]) == ("0101", asked["90"], "A12345")
    assert again["90"][4:20] == request["11"] + request["7"]
