"""Playbooks: the same reconciliation in every dialect, and in a dialect of another reading."""

import pytest

from switch.sim.playbook import Playbook
from switch.wire import Dialect
from switch.wire.dialect import BY_KIND
from tests.core.scripts import Scene, morocco
from tests.core.transactions.test_reconciliation import NOTHING, TOMORROW, asks, of, pays, says, takes_back


def test_a_dialect_says_how_it_reads_what_was_taken_back() -> None:
    cmi87 = Dialect.load("cmi87")
    cmi87.reversals = BY_KIND
    dialects = {name: Dialect.load(name) for name in ("cmi87b", "iso93", "visa", "mastercard")}
    scene = Scene(Playbook(morocco(), dialects=dialects | {"cmi87": cmi87}))
    takes_back(scene, pays(scene, "000001", "100"), "000002")
    pays(scene, "000003", "40")
    scene.book.asks("day.close")
    said = says(scene.rif, asks("0 0 2 1", "0 0 140 100", "D40"))
    assert (said["66"], of(said)) == ("1", "0 0 2 1 | 0.00 0.00 140.00 100.00 | D40.00")


def test_the_edition_of_1993_says_it_by_its_action_codes() -> None:
    scene = Scene()
    souss = scene.book.host("souss")
    ours = asks(*NOTHING, t="0502", de32="504103")
    assert says(souss, ours)["66"] == "3"
    raw = souss.raw_of(ours)
    assert (raw["t"], raw["39"], raw["28"], raw["50"], "66" in raw) == ("1512", "504", "251125", "504", False)
    assert says(souss, asks(*NOTHING, t="0522", de32="504103", de15=TOMORROW, stan="000501"))["66"] == "3"
    assert souss.raw_of({"11": "000501", "7": "1126000500"})["39"] == "503"
    scene.book.asks("day.close")
    assert says(souss, asks(*NOTHING, t="0502", de32="504103", stan="000502"))["66"] == "1"
    assert souss.raw_of({"11": "000502", "7": "1126000500"})["39"] == "500"
    assert says(souss, asks("0 0 1 0", "0 0 1 0", "D1", t="0502", de32="504103", stan="000503"))["66"] == "2"
    assert souss.raw_of({"11": "000503", "7": "1126000500"})["39"] == "501"


@pytest.mark.parametrize("name", ["visa", "mastercard"])
def test_a_network_has_a_set_of_its_own_and_asks_in_its_own_dialect(name: str) -> None:
    scene = Scene()
    network = scene.book.host(name)
    institution = {"visa": "400000", "mastercard": "510000"}[name]
    scene.book.asks("day.close")
    said = says(network, asks("0 0 1 0", "0 0 12.34 0", "D12.34", t="0502", de32=institution))
    assert (said["66"], of(said)) == ("2", "0 0 0 0 | 0.00 0.00 0.00 0.00 | C0.00")
    assert says(network, asks(*NOTHING, de32="497001", stan="000501"))["66"] == "1"


def test_a_window_of_the_day_has_totals_of_its_own() -> None:
    scene = Scene()
    pays(scene, "000001", "100")
    scene.book.asks("day.close_window")
    paid = pays(scene, "000002", "30")
    takes_back(scene, paid, "000003")
    assert says(scene.rif, asks("0 0 1 0", "0 0 100 0", "D100", de48="6403001"))["66"] == "1"
    still = says(scene.rif, asks(*NOTHING, stan="000501", de48="6403002"))
    assert (still["66"], of(still), still["48"]) == ("3", "0 1 1 0 | 0.00 30.00 30.00 0.00 | C0.00", "6403002")
    assert says(scene.rif, asks(*NOTHING, stan="000502", de48="6403003"))["39"] == "25", "it has not begun"
    scene.book.asks("day.close", again=True)
    assert says(scene.rif, asks("0 1 1 0", "0 30 30 0", "C0", stan="000503", de48="6403002"))["66"] == "1"
    assert says(scene.rif, asks("0 1 2 0", "0 30 130 0", "D100", stan="000504"))["66"] == "1", "all of the day"
    book = scene.book.crashes()
    rif = book.acquirer("acquirers", "504102")
    assert says(rif, asks(*NOTHING, stan="000505", de48="6403003"))["39"] == "25", "there was none"
    assert (
        book.logged("reconciliation.not_done")[-1].fields["reason"]
        == "there was no window 2025-11-25/3: the day's last is 2"
    )
    assert says(rif, asks(*NOTHING, stan="000506", de48="6403000"))["39"] == "30"
