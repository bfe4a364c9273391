"""Playbooks: what a party has counted of a business day is compared with what the switch has (0500, 0520, 0502, 0522)."""

import msgspec
import pytest

from switch.core.limits import Limits
from switch.core.records.day_records import Reconciled
from switch.core.records.fold import apply
from switch.core.records.records import Booted, Snapshot
from switch.core.records.state import State
from switch.core.records.totals import net_of
from switch.sim.playbook import Peer, Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import Scene, morocco, purchase, reversal
from tests.core.transactions.test_standin import Away, small

TODAY, TOMORROW = "1125", "1126"
NUMBERS, AMOUNTS = ("74", "75", "76", "77"), ("86", "87", "88", "89")
ANSWERED = (*NUMBERS, *AMOUNTS, "97")


def asks(numbers: str, amounts: str, net: str, stan: str = "000500", **changes: str) -> Document:
    """A 0500 of Rif's about today: `numbers` and `amounts` of credits, reversed, debits, reversed."""
    document = {"t": "0500", "7": "1126000500", "11": stan, "15": TODAY, "32": "504102", "50": "504"}
    document |= {de: f"{int(n):010d}" for de, n in zip(NUMBERS, numbers.split(), strict=True)}
    document |= {de: f"{round(float(n) * 100):016d}" for de, n in zip(AMOUNTS, amounts.split(), strict=True)}
    document["97"] = f"{net[0]}{round(float(net[1:]) * 100):016d}"
    for name, value in changes.items():
        document[name.removeprefix("de")] = value
    return {de: value for de, value in document.items() if value}


NOTHING = ("0 0 0 0", "0 0 0 0", "C0")


def gets_past_cutover(peer: Peer) -> Document:
    """The next message that is not the switch's own 201."""
    while (document := peer.gets())["t"] == "0800":
        pass
    return document


def says(peer: Peer, document: Document) -> Document:
    peer.sends(document)
    return gets_past_cutover(peer)


def pays(scene: Scene, stan: str, amount: str, de39: str = "00", **changes: str) -> Document:
    sent = purchase(stan, de4=f"{round(float(amount) * 100):012d}", **changes)
    scene.rif.sends(sent)
    extra = {"de38": "A00001"} if de39 == "00" else {}
    scene.atlas.answers(gets_past_cutover(scene.atlas), de39, **extra)
    assert gets_past_cutover(scene.rif)["39"] == de39
    return sent


def takes_back(scene: Scene, sent: Document, stan: str, left: str = "") -> None:
    part = {"de95": f"{round(float(left) * 100):012d}" + "0" * 12 + "C00000000C00000000"} if left else {}
    scene.rif.sends(reversal(sent, stan, **part))
    assert scene.rif.gets()["39"] == "00"
    scene.atlas.answers(scene.atlas.gets(), "00")


def of(answer: Document) -> str:
    """Numbers, amounts in major units, net."""
    numbers = " ".join(str(int(answer[de])) for de in NUMBERS)
    amounts = " ".join(f"{int(answer[de]) / 100:.2f}" for de in AMOUNTS)
    return f"{numbers} | {amounts} | {answer['97'][0]}{int(answer['97'][1:]) / 100:.2f}"


def an_issuers_day() -> Scene:
    """The worked example: what stands is 1,000 + 400 + 0.50 + 200 - 50."""
    scene = Scene()
    pays(scene, "000001", "1000")
    pays(scene, "000002", "400")
    third = pays(scene, "000003", "220")
    fourth = pays(scene, "000004", "1.50")
    pays(scene, "000005", "200", de3="010000", de42="")
    pays(scene, "000006", "50", de3="200000")
    refund = pays(scene, "000007", "12", de3="200000")
    pays(scene, "000008", "800", t="0100")
    pays(scene, "000009", "0", de3="310000")
    pays(scene, "000010", "75", "51")
    takes_back(scene, third, "000011")
    takes_back(scene, fourth, "000012", "0.50")
    takes_back(scene, refund, "000013")
    return scene


WORKED = ("2 2 5 1", "62 221 1821.50 12", "D1550.50")


@pytest.mark.parametrize("role", ["acquirer", "issuer"])
def test_an_issuers_day_to_the_centime(role: str) -> None:
    scene = an_issuers_day()
    scene.book.asks("day.close")
    peer, mti, whose = (scene.rif, "0500", "504102") if role == "acquirer" else (scene.atlas, "0502", "504101")
    said = says(peer, asks(*WORKED, t=mti, de32=whose, de80="0000000001", de81="0000000001"))
    assert (said["t"], said["39"], said["66"]) == (mti[:2] + "1" + mti[3], "00", "1")
    assert (said["80"], said["81"], said["15"], said["50"]) == ("0000000001", "0000000001", TODAY, "504")
    assert (said["7"], said["11"], said["97"]) == ("1126000500", "000500", "D0000000000155050")
    (entry,) = scene.book.recorded(Reconciled)
    assert isinstance(entry, Reconciled)
    party = "atlas" if role == "issuer" else "rif"
    assert (entry.role, entry.party, entry.day, entry.result) == (role, party, "2025-11-25", "1")


def test_what_differs_is_said_with_both_values_and_nothing_waits_for_it() -> None:
    scene = Scene()
    pays(scene, "000001", "100")
    pays(scene, "000002", "23.45")
    scene.book.asks("day.close")
    said = says(scene.rif, asks("0 0 1 0", "0 0 100 0", "D100"))
    assert (said["39"], said["66"]) == ("95", "2")
    assert of(said) == "0 0 2 0 | 0.00 0.00 123.45 0.00 | D123.45"
    (log,) = scene.book.logged("reconciliation.differs")
    assert log.fields["differing"] == [
        "DE76 1 there, 2 here",
        "DE88 10000 there, 12345 here",
        "DE97 -10000 there, -12345 here",
    ]
    pays(scene, "000003", "1")


def test_a_repeat_is_answered_as_it_was_and_recorded_once() -> None:
    scene = Scene()
    pays(scene, "000001", "100")
    scene.book.asks("day.close")
    first = asks("0 0 1 0", "0 0 100 0", "D100")
    answers = [says(scene.rif, document) for document in (first, {**first, "t": "0501"}, first)]
    assert answers == [answers[0]] * 3
    assert len(scene.book.recorded(Reconciled)) == 1
    after = Scene(scene.book.crashes())
    assert says(after.rif, {**first, "t": "0501"}) == answers[0]
    assert len(after.book.recorded(Reconciled)) == 1


def test_a_repeat_about_a_day_that_was_open_is_answered_as_it_was() -> None:
    scene = Scene()
    first = asks(*NOTHING)
    before = says(scene.rif, first)
    pays(scene, "000001", "100")
    assert says(scene.rif, {**first, "t": "0501"}) == before
    assert of(says(scene.rif, asks(*NOTHING, stan="000501"))) == "0 0 1 0 | 0.00 0.00 100.00 0.00 | D100.00"


def test_an_advice_that_differs_is_acknowledged_and_recorded() -> None:
    scene = Scene()
    pays(scene, "000001", "100")
    scene.book.asks("day.close")
    said = says(scene.rif, asks(*NOTHING, t="0520"))
    assert (said["t"], said["39"], said["66"]) == ("0530", "00", "2")
    repeated = says(scene.rif, asks(*NOTHING, t="0521"))
    assert (repeated["t"], repeated["39"], repeated["66"]) == ("0530", "00", "2")
    (entry,) = scene.book.recorded(Reconciled)
    assert isinstance(entry, Reconciled)
    assert (entry.mti, entry.result, net_of(entry.ours[:10]), entry.theirs[-1]) == ("0520", "2", -10_000, 0)


@pytest.mark.parametrize(
    ("mti", "day", "de39", "why"),
    [
        ("0500", TODAY, "95", "business day 2025-11-25 is not closed yet: totals so far"),
        ("0520", TODAY, "00", "business day 2025-11-25 is not closed yet: totals so far"),
        ("0500", TOMORROW, "25", "business day 2025-11-26 has not begun: it is 2025-11-25/1"),
        ("0520", TOMORROW, "00", "business day 2025-11-26 has not begun: it is 2025-11-25/1"),
    ],
)
def test_a_day_that_is_not_closed_is_not_reconciled(mti: str, day: str, de39: str, why: str) -> None:
    scene = Scene()
    pays(scene, "000001", "100")
    said = says(scene.rif, asks(*NOTHING, t=mti, de15=day))
    assert (said["39"], said["66"]) == (de39, "3")
    assert ("97" in said) == (day == TODAY)
    (log,) = scene.book.logged("reconciliation.not_done")
    assert log.fields["reason"] == why


@pytest.mark.parametrize(
    ("changes", "de39", "why"),
    [
        ({"de15": ""}, "30", "required and missing: DE15"),
        ({"de50": ""}, "30", "required and missing: DE50"),
        ({"de76": "", "de97": ""}, "30", "required and missing: DE76, DE97"),
        ({"de15": "1399"}, "30", "DE15"),
        ({"de32": "504101"}, "58", "does not speak for it"),
    ],
)
def test_what_cannot_be_compared_is_refused_and_says_why(changes: dict[str, str], de39: str, why: str) -> None:
    scene = Scene()
    said = says(scene.rif, asks(*NOTHING, **changes))
    assert (said["t"], said["39"], "66" in said) == ("0510", de39, False)
    (log,) = scene.book.logged("reconciliation.refused")
    assert why in log.fields["reason"]
    assert not scene.book.recorded(Reconciled)
    pays(scene, "000001", "100")


def test_de49_names_the_currency_where_de50_does_not_and_each_has_its_own() -> None:
    scene = Scene()
    pays(scene, "000001", "100")
    pays(scene, "000002", "30", de49="978")
    scene.book.asks("day.close")
    assert says(scene.rif, asks("0 0 1 0", "0 0 30 0", "D30", de50="", de49="978"))["66"] == "1"
    assert says(scene.rif, asks("0 0 1 0", "0 0 100 0", "D100", stan="000501"))["66"] == "1"
    assert says(scene.rif, asks(*NOTHING, de50="840", stan="000502"))["66"] == "1", "no traffic in it"


def test_a_terminal_is_told_that_totals_are_its_banks() -> None:
    scene = Scene()
    terminal = scene.book.acquirer("pos", "504103")
    assert says(terminal, asks(*NOTHING, de32="504103"))["39"] == "40"


def test_who_has_not_signed_on_is_told_so() -> None:
    scene = Scene()
    stranger = scene.book.acquirer("acquirers", "504101", sign_on=False)
    assert says(stranger, asks(*NOTHING, de32="504101"))["39"] == "58"


def test_a_host_speaks_for_its_member_alone() -> None:
    scene = Scene()
    assert says(scene.atlas, asks(*NOTHING, t="0502", de32="504103"))["39"] == "58"
    assert says(scene.atlas, asks(*NOTHING, t="0502", de32="", stan="000501"))["66"] == "3"


def test_a_bank_may_ask_as_issuer_on_its_acquiring_link() -> None:
    scene = Scene()
    atlas = scene.book.acquirer("acquirers", "504101")
    pays(scene, "000001", "100")
    scene.book.asks("day.close")
    assert says(atlas, asks("0 0 1 0", "0 0 100 0", "D100", t="0502", de32="504101"))["66"] == "1"
    assert says(atlas, asks(*NOTHING, de32="504101"))["66"] == "1", "it has brought nothing"


def test_a_late_reversal_counts_in_the_day_it_comes_in() -> None:
    scene = Scene()
    sent = pays(scene, "000001", "100")
    scene.book.asks("day.close")
    gets = scene.rif.gets()
    assert gets["70"] == "201"
    scene.atlas.gets()
    takes_back(scene, sent, "000002")
    assert says(scene.rif, asks("0 0 1 0", "0 0 100 0", "D100"))["66"] == "1"
    open_day = says(scene.rif, asks(*NOTHING, stan="000501", de15=TOMORROW))
    assert of(open_day) == "0 1 0 0 | 0.00 100.00 0.00 0.00 | C100.00"


def test_what_was_given_up_is_in_no_sum_and_what_its_host_approved_late_is_in_the_hosts_both_ways() -> None:
    scene = Scene()
    scene.rif.sends(purchase("000001"))
    request = scene.atlas.gets()
    scene.book.passes(11)
    assert scene.rif.gets()["39"] == "91"
    undo = scene.atlas.gets()
    scene.atlas.answers(request, "00")
    scene.atlas.answers(undo, "00")
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.book.asks("day.close", again=True)
    assert says(scene.rif, asks(*NOTHING))["66"] == "1"
    issuer = says(scene.atlas, asks(*NOTHING, t="0502", de32="504101"))
    assert of(issuer) == "0 1 1 0 | 0.00 150.00 150.00 0.00 | C0.00"


def test_an_approval_that_could_not_be_handed_over_is_none_of_its_acquirers() -> None:
    scene = Scene()
    scene.rif.sends(purchase("000001"))
    request = scene.atlas.gets()
    scene.rif.hangs_up()
    scene.atlas.answers(request, "00")
    scene.atlas.answers(scene.atlas.gets(), "00")
    rif = scene.book.acquirer("acquirers", "504102")
    scene.book.asks("day.close")
    assert says(rif, asks(*NOTHING))["66"] == "1"
    issuer = says(scene.atlas, asks(*NOTHING, t="0502", de32="504101"))
    assert of(issuer) == "0 1 1 0 | 0.00 150.00 150.00 0.00 | C0.00"


def test_a_partial_approval_counts_what_was_approved() -> None:
    scene = Scene()
    scene.rif.sends(purchase("000001", de48="61011"))
    scene.atlas.answers(scene.atlas.gets(), "10", de4="000000006000")
    assert scene.rif.gets()["39"] == "10"
    scene.book.asks("day.close")
    assert says(scene.rif, asks("0 0 1 0", "0 0 60 0", "D60"))["66"] == "1"


def completion(of: Document, stan: str, amount: str) -> Document:
    follows = {k: of[k] for k in ("2", "3", "12", "13", "22", "25", "32", "37", "41", "42", "49")}
    named = of["t"] + of["11"] + of["7"] + of["32"].rjust(11, "0") + "0" * 11
    return {
        **follows,
        "t": "0220",
        "4": f"{round(float(amount) * 100):012d}",
        "7": "1125120100",
        "11": stan,
        "90": named,
    }


def test_a_hold_counts_when_it_is_completed_and_a_tip_by_what_it_adds() -> None:
    scene = Scene()
    hold = pays(scene, "000001", "800", t="0100")
    paid = pays(scene, "000002", "100")
    for document in (
        completion(hold, "000003", "650"),
        completion(paid, "000004", "115"),
        completion(paid, "000005", "90"),
    ):
        assert says(scene.rif, document)["39"] == "00"
        scene.atlas.answers(scene.atlas.gets(), "00")
    takes_back(scene, hold, "000006", "600")
    scene.book.asks("day.close")
    said = says(scene.rif, asks(*NOTHING))
    assert of(said) == "0 2 3 0 | 0.00 75.00 765.00 0.00 | D690.00"


def test_what_the_switch_approved_itself_counts_once() -> None:
    scene = Away()
    assert scene.pays(small(de4="000000005000"))["39"] == "00"
    atlas = scene.returns()
    atlas.answers(atlas.gets(), "00")
    scene.book.asks("day.close")
    assert says(scene.rif, asks("0 0 1 0", "0 0 50 0", "D50"))["66"] == "1"
    assert says(atlas, asks("0 0 1 0", "0 0 50 0", "D50", t="0502", de32="504101"))["66"] == "1"


def test_totals_survive_a_crash_a_handover_and_a_snapshot() -> None:
    scene = an_issuers_day()
    before = scene.book.switch.state.totals
    scene.book.hands_over()
    assert scene.book.switch.state.totals.rows() == before.rows()
    book = scene.book.crashes()
    assert book.switch.state.totals.rows() == before.rows()
    state = State(Limits())
    for entry in book.entries[next(n for n, e in enumerate(book.entries) if isinstance(e, Snapshot)) :]:
        apply(state, entry)
    assert (state.totals.rows(), state.totals.not_whole) == (before.rows(), "")


def test_a_day_that_has_made_room_has_no_totals_any_more() -> None:
    network = morocco()
    limits = msgspec.structs.replace(network.limits, totals_days=2)
    scene = Scene(Playbook(msgspec.structs.replace(network, limits=limits)))
    for n, day in enumerate(("2025-11-26", "2025-11-27", "")):
        pays(scene, f"{n:06d}", "100")
        if day:
            scene.book.asks("day.close", date=day, again=True)
    said = says(scene.rif, asks(*NOTHING))
    assert (said["39"], said["66"], "97" in said) == ("25", "3", False)
    assert "limit totals_days=2" in scene.book.logged("reconciliation.not_done")[0].fields["reason"]
    assert says(scene.rif, asks("0 0 1 0", "0 0 100 0", "D100", stan="000501", de15=TOMORROW))["66"] == "1"


def test_a_journal_of_an_older_release_says_that_its_last_day_is_not_whole() -> None:
    scene = Scene()
    pays(scene, "000001", "100")
    entries = [msgspec.structs.replace(e, schema=4) if isinstance(e, Booted) else e for e in scene.book.entries]
    after = Scene(Playbook(morocco(), entries))
    after.book.asks("day.close")
    said = says(after.rif, asks("0 0 1 0", "0 0 100 0", "D100"))
    assert (said["39"], said["66"], "97" in said) == ("25", "3", False)
    pays(after, "000002", "5")
    after.book.asks("day.close", date="2025-11-27", again=True)
    assert says(after.rif, asks("0 0 1 0", "0 0 5 0", "D5", stan="000501", de15=TOMORROW))["66"] == "1"


def test_without_a_journal_it_is_refused_for_the_moment() -> None:
    scene = Scene()
    scene.book.asks("day.close")
    scene.book.journal_fails("gone")
    assert says(scene.rif, asks(*NOTHING))["39"] == "96"
    scene.book.journal_returns()
    assert says(scene.rif, asks(*NOTHING))["66"] == "1"


def test_its_answer_waits_until_it_is_durable() -> None:
    scene = Scene()
    scene.book.asks("day.close")
    scene.rif.gets()
    scene.book.journal_holds()
    scene.rif.sends(asks(*NOTHING))
    assert scene.rif.got_nothing()
    scene.book.journal_flushes()
    assert scene.rif.gets()["66"] == "1"
