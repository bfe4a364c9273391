"""Playbooks: merchants are charged what they owe without a payment as a day is closed, each month once, whatever happens."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from switch.core.network import Network
from switch.core.records.fold import apply
from switch.core.records.lifecycle import IllegalMoveError
from switch.core.records.merchant_charges import Charged, MerchantCharges
from switch.core.records.records import ENCODER, Snapshot
from switch.core.records.snapshots import snapshot_of
from switch.core.records.state import State
from switch.ledger.entries import Move, Window
from switch.ledger.netting import settle
from switch.money.merchant_fees import ONCE, MerchantFee
from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, morocco, purchase
from tests.ledger.stories import MAD, fold

MONTHLY = MerchantFee(
    id="monthly",
    kind="monthly",
    payee="maroc-telecommerce",
    amount=250_00,
    vat=Decimal("0.1"),
    merchants=("M1",),
    acquirer="rif",
)
SET_UP = msgspec.structs.replace(MONTHLY, id="set-up", kind="set-up", every=ONCE, amount=3_000_00)


def network(*rules: MerchantFee, **limits: int) -> Network:
    shipped = morocco()
    return msgspec.structs.replace(
        shipped, merchant_fees=rules or (SET_UP, MONTHLY), limits=msgspec.structs.replace(shipped.limits, **limits)
    )


def charged(book: Playbook) -> list[tuple[str, str, int]]:
    return [(one.fee.kind, one.month, one.number) for one in book.recorded(Charged)]


def days_pass(book: Playbook, since: str, until: str) -> None:
    day, end = date.fromisoformat(since), date.fromisoformat(until)
    while day < end:
        day = min(end, day + timedelta(6))
        book.asks("day.close", date=day.isoformat(), again=True)


def test_a_day_that_is_closed_charges_set_up_and_month_before_its_cutover() -> None:
    book = Playbook(network())
    book.asks("day.close")
    one, other = book.recorded(Charged)
    assert [type(entry).__name__ for entry in book.entries[-3:]] == ["Charged", "Charged", "Cutover"]
    assert (one.day, one.window, one.acquirer, one.merchant) == ("2025-11-25", "2025-11-25/1", "rif", "M1")
    assert (one.fee.amount, one.fee.vat, other.fee.amount, other.fee.vat) == (3_000_00, 300_00, 250_00, 25_00)
    (said,) = book.logged("merchants.charged")
    assert (said.fields["charges"], said.fields["amount"]) == (2, 3_250_00)


def test_a_window_that_ends_charges_nothing() -> None:
    book = Playbook(network())
    book.asks("day.close_window", again=True)
    assert charged(book) == []


def test_a_month_is_charged_once_however_often_days_are_closed_and_the_next_one_in_its_turn() -> None:
    book = Playbook(network())
    days_pass(book, "2025-11-25", "2026-01-15")
    months = [("monthly", f"{month}", n) for n, month in enumerate(("2025-11", "2025-12", "2026-01"), 1)]
    assert charged(book) == [("set-up", "", 1), *months]


@pytest.mark.long
def test_a_month_in_which_no_day_was_closed_is_made_up_for() -> None:
    book = Playbook(network(MONTHLY))
    book.asks("day.close")
    book.passes(70 * 86_400)
    book.asks("day.close", again=True)
    book.asks("day.close", again=True)
    assert [month for _, month, _ in charged(book)] == ["2025-11", "2025-12", "2026-01", "2026-02"]


@pytest.mark.parametrize("durable", range(4))
def test_a_close_that_a_crash_has_cut_short_charges_nobody_twice(durable: int) -> None:
    """Of set-up, month and cutover, so many records are on the disk as the switch dies; then the day is closed again."""
    book = Playbook(network())
    before = len(book.entries)
    book.asks("day.close")
    cut = Playbook(book.network, book.entries[: before + durable], book.now)
    cut.asks("day.close", ends="2025-11-25")
    assert charged(cut) == [("set-up", "", 1), ("monthly", "2025-11", 1)]
    cut.asks("day.close", ends="2025-11-25")
    cut.crashes().asks("day.close", ends="2025-11-25")
    assert charged(cut) == [("set-up", "", 1), ("monthly", "2025-11", 1)]


def test_a_snapshot_has_what_was_charged() -> None:
    book = Playbook(network())
    book.asks("day.close")
    state = book.switch.state
    taken = snapshot_of(state, "morocco", state.last_txn, 1)
    again = State(book.network.limits)
    apply(again, msgspec.msgpack.Decoder(Snapshot).decode(ENCODER.encode(taken)))
    assert again.charges.last == state.charges.last
    assert len(again.charges.last) == 2


def test_free_months_are_recorded_at_nothing_and_counted() -> None:
    book = Playbook(network(msgspec.structs.replace(MONTHLY, free=2)))
    days_pass(book, "2025-11-25", "2026-02-10")
    assert [one.fee.amount for one in book.recorded(Charged)] == [0, 0, 250_00, 250_00]


def test_above_the_limit_no_contract_is_begun_and_it_is_said() -> None:
    book = Playbook(network(msgspec.structs.replace(MONTHLY, merchants=("M1", "M2", "M3")), merchant_contracts=2))
    book.asks("day.close")
    assert [one.merchant for one in book.recorded(Charged)] == ["M1", "M2"]
    (said,) = [log for log in book.logged("limit.reached") if log.fields["limit"] == "merchant_contracts"]
    assert said.fields["times"] == 1
    assert "raise merchant_contracts" in str(said.fields["hint"])
    days_pass(book, "2025-11-26", "2025-12-03")
    assert [one.merchant for one in book.recorded(Charged)][2:] == ["M1", "M2"]


def test_a_charge_that_was_made_is_no_legal_record_a_second_time() -> None:
    book = Playbook(network())
    book.asks("day.close")
    for one in book.recorded(Charged):
        with pytest.raises(IllegalMoveError, match="was charged"):
            book.switch.record(one)
    earlier = msgspec.structs.replace(book.recorded(Charged)[1], month="2025-10")
    assert not MerchantCharges.of(book.recorded(Charged)).may(earlier)


def test_what_is_charged_is_posted_netted_and_not_counted_as_a_payment() -> None:
    """A payment of 150.00 beside it: the gateway is paid by the merchant's bank in the net; the merchant, by what it is paid."""
    scene = Scene(Playbook(network()))
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.book.asks("day.close")
    ledger, posted = fold(scene.book.entries)
    charges = [entry for entry in posted if entry.what == "charge"]
    assert charges[0].moves == (
        Move("merchant:M1", "rif", "set-up", MAD, 3_000_00),
        Move("rif", "maroc-telecommerce", "set-up", MAD, 3_000_00),
        Move("merchant:M1", "rif", "vat", MAD, 300_00),
        Move("rif", "maroc-telecommerce", "vat", MAD, 300_00),
    )
    window = Window("2025-11-25", 1)
    assert {entry.window for entry in posted} == {window}
    found = settle(window, ledger.positions[window], members=["atlas", "rif", "souss"], networks=["visa"], home=MAD)
    kinds: dict[str, Any] = dict(found.net[0].of("maroc-telecommerce").kinds)
    assert kinds == {"set-up": 3_000_00, "monthly": 250_00, "vat": 325_00}
    assert found.net[0].gross == 150_00
