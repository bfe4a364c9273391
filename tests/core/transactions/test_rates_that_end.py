"""Playbooks: a rate ends, or is another one from now on: payments before and after, what follows them, the day's settlement."""

from decimal import Decimal

import msgspec
import pytest

from switch.core.network import Network
from switch.core.operator.command import Unable
from switch.core.records.records import Answered, Owed
from switch.ledger.fold import LedgerFold
from switch.ledger.netting import settle
from switch.money.convert import DatedRate
from switch.sim.playbook import Playbook
from tests.core.operator.test_disputes import answers, claim
from tests.core.scripts import Scene, morocco, reversal
from tests.core.transactions.test_reconciliation import completion, gets_past_cutover, pays
from tests.ledger.stories import MAD

TODAY, TOMORROW = "2025-11-25", "2025-11-26"
EUR = {"de49": "978"}


def network(rate: str = "10.90", end: str = TODAY, undated: str = "") -> Network:
    """Euros at `rate` up to and with `end`; at `undated` on all other days, or at none."""
    rates = {code: each for code, each in morocco().rates.items() if code != "978"}
    dated = (DatedRate(currency="978", rate=Decimal(rate), end=end),) if rate else ()
    more = {"978": Decimal(undated)} if undated else {}
    return msgspec.structs.replace(morocco(), rates=rates | more, dated_rates=dated)


def interchange(scene: Scene, nth: int = -1) -> int:
    """Of the newest answer."""
    priced = scene.book.recorded(Answered)[nth].priced
    assert priced is not None
    return sum(fee.amount for fee in priced.fees if fee.kind == "interchange")


def takes_back(scene: Scene, sent: dict[str, str], stan: str, left: int) -> Owed:
    part = {"de95": f"{left:012d}" + "0" * 12 + "C00000000C00000000"} if left else {}
    scene.rif.sends(reversal(sent, stan, **part))
    assert gets_past_cutover(scene.rif)["39"] == "00"
    scene.atlas.answers(gets_past_cutover(scene.atlas), "00")
    return scene.book.recorded(Owed)[-1]


def changed(entry: Owed) -> dict[str, int]:
    assert entry.priced is not None
    return {fee.kind: fee.amount for fee in entry.priced.fees}


def closes(scene: Scene, day: str = TOMORROW) -> None:
    scene.book.asks("day.close", date=day, again=True)


def test_a_rate_ends_in_the_middle_of_a_day_and_that_day_settles() -> None:
    """0.5 % of 100.00 EUR at 10.90 is 5.45; half of it stands at 2.73. The calendar's day goes on past the cutover: the business
    day decides."""
    scene = Scene(Playbook(network()))
    before = pays(scene, "000001", "100.00", **EUR)
    assert interchange(scene) == 545
    whole = pays(scene, "000002", "20.00", **EUR)
    closes(scene)
    after = pays(scene, "000003", "100.00", **EUR)
    late = scene.book.recorded(Answered)[-1].priced
    assert late is not None
    assert (late.fees, late.unpriced) == ((), "no rate for currency EUR on 2025-11-26")
    assert len(scene.book.switch.state.unpriced) == 1

    assert changed(takes_back(scene, before, "000011", 5_000))["interchange"] == 273 - 545
    assert changed(takes_back(scene, before, "000012", 0))["interchange"] == -273
    assert changed(takes_back(scene, whole, "000013", 0))["interchange"] == -109
    assert changed(takes_back(scene, after, "000014", 4_000)) == {}, "it was charged nothing"
    assert len(scene.book.switch.state.unpriced) == 1, "and is on the list once"
    takes_back(scene, after, "000015", 0)
    assert not scene.book.switch.state.unpriced, "nothing of it is left to be priced"
    closes(scene, "2025-11-27")

    ledger = LedgerFold(MAD)
    for sequence, record in enumerate(scene.book.entries, 1):
        ledger.fold(sequence, record)
    nets = {}
    for closed in ledger.closed:
        found = settle(
            closed.window, ledger.positions.get(closed.window, {}), members=("atlas", "rif"), networks=(), home=MAD
        )
        for net in found.net:
            positions = {position.party: position.net for position in net.positions}
            assert sum(positions.values()) == 0
            nets[str(closed.window), net.currency] = positions
    first, second = nets[f"{TODAY}/1", MAD], nets[f"{TOMORROW}/1", MAD]
    assert first == {"atlas": 654, "rif": -714, "switch": 60}
    assert second == {"atlas": -654, "rif": 714, "switch": -60}
    assert nets[f"{TODAY}/1", "978"]["rif"] == -nets[f"{TOMORROW}/1", "978"]["rif"] == 12_000


def test_what_follows_a_payment_is_priced_at_its_rate_whatever_the_rate_is_now() -> None:
    """Rates are edited and reloaded every day: 5.42 of 100.00 EUR at 10.84 and 4.95 of 99.00 at 10.00 are no one difference."""
    scene = Scene(Playbook(network("", undated="10.84")))
    first = pays(scene, "000001", "100.00", **EUR)
    second = pays(scene, "000002", "100.00", **EUR)
    assert interchange(scene) == 542
    scene.book.reloads(network("", undated="10.00"))
    pays(scene, "000003", "100.00", **EUR)
    assert interchange(scene) == 500
    assert changed(takes_back(scene, first, "000011", 9_900))["interchange"] == 537 - 542
    scene.rif.sends(completion(second, "000012", "110.00"))
    assert scene.rif.gets()["39"] == "00"
    assert changed(scene.book.recorded(Owed)[-1])["interchange"] == 596 - 542, "a tip, too"


def test_a_rate_that_was_taken_out_is_not_needed_for_what_it_has_priced() -> None:
    scene = Scene(Playbook(network("", undated="10.84")))
    sent = pays(scene, "000001", "100.00", **EUR)
    scene.book.reloads(network(""))
    assert changed(takes_back(scene, sent, "000011", 5_000))["interchange"] == 271 - 542
    assert changed(takes_back(scene, sent, "000012", 0))["interchange"] == -271


def test_rules_that_were_taken_out_leave_the_fees_as_they_are_and_the_reversal_on_the_list() -> None:
    """What stands is not known to cost nothing: the lines stay, and a person hears of it."""
    scene = Scene()
    sent = pays(scene, "000001", "100.00")
    ended = tuple(msgspec.structs.replace(rule, end="2025-11-24") for rule in morocco().fees)
    scene.book.reloads(msgspec.structs.replace(morocco(), fees=ended))
    pays(scene, "000002", "1.00")
    scene.book.asks("exceptions.resolve", txn=f"{scene.book.recorded(Answered)[-1].txn:x}", reason="seen", by="amina")
    back = takes_back(scene, sent, "000011", 5_000)
    assert back.priced is not None
    assert (back.priced.fees, back.priced.unpriced[:18]) == ((), "no [[fee]] is for ")
    (listed,) = scene.book.switch.state.unpriced.values()
    assert (listed.txn, listed.amount) == (back.txn, 5_000)
    assert changed(takes_back(scene, sent, "000012", 0))["interchange"] == -50, (
        "all of it is given back as it was recorded"
    )


def test_what_is_left_of_a_completion_has_the_rate_and_rules_of_its_own_day() -> None:
    """Held today, completed tomorrow at tomorrow's rate, taken back in part the day after."""
    scene = Scene(Playbook(network("10.00", TODAY, undated="12.00")))
    hold = pays(scene, "000001", "100.00", t="0100", **EUR)
    closes(scene)
    scene.rif.sends(completion(hold, "000002", "90.00"))
    assert gets_past_cutover(scene.rif)["39"] == "00"
    scene.atlas.answers(gets_past_cutover(scene.atlas), "00")
    assert changed(scene.book.recorded(Owed)[-1])["interchange"] == 540
    scene.book.reloads(network("10.00", TODAY, undated="14.00"))
    assert changed(takes_back(scene, hold, "000003", 4_500))["interchange"] == 270 - 540


@pytest.mark.parametrize("amount", [0, 4_000])
def test_a_payment_that_was_charged_nothing_is_claimed_back_without_interchange(amount: int) -> None:
    scene = Scene(Playbook(network("")))
    sent = pays(scene, "000001", "100.00", **EUR)
    row = claim(scene.book, scene.book.recorded(Answered)[-1].txn, amount=amount)
    assert (row.amount, row.currency, row.interchange) == (amount or 10_000, "978", 0)
    if amount:
        assert changed(takes_back(scene, sent, "000002", amount)) == {}
    assert answers(scene.book, row.dispute, "closed", side="issuer").interchange == 0


def test_a_part_is_not_claimed_where_nobody_can_say_what_it_costs_and_all_of_it_is() -> None:
    scene = Scene()
    pays(scene, "000001", "100.00")
    payment = scene.book.recorded(Answered)[-1].txn
    ended = tuple(msgspec.structs.replace(rule, end="2025-11-24") for rule in morocco().fees)
    scene.book.reloads(msgspec.structs.replace(morocco(), fees=ended))
    with pytest.raises(Unable, match="the network file has no rule, or rate, of 2025-11-25") as refused:
        claim(scene.book, payment, amount=4_000)
    assert refused.value.hint == "put them back (rows that have ended stay, with `to`), or claim all of it"
    row = claim(scene.book, payment)
    assert row.interchange == 50
    with pytest.raises(Unable, match="has no rule, or rate, of 2025-11-25"):
        answers(scene.book, row.dispute, "representment", amount=1_000)
    assert answers(scene.book, row.dispute, "representment").interchange == 0
