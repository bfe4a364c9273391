"""Classic terminals: no sign-on, no DE7, no DE37, the card in DE35 alone, a connection a message."""

import msgspec
import pytest

from switch.core.limits import Limits
from switch.sim.playbook import Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD, OTHER_CARD
from tests.core.tills import Shop, Till, reversal, sale, settlement, tills, void


@pytest.fixture
def shop() -> Shop:
    return Shop()


def test_a_sale_goes_out_whole_and_comes_back_as_a_terminal_expects_it(shop: Shop) -> None:
    shop.till.sends(sale())
    request = shop.atlas.gets()
    assert request["32"] == "504102"
    assert request["49"] == "504"
    assert len(request["37"]) == 12
    assert request["35"].startswith(ATLAS_CARD)
    assert not {"24", "60", "62"} & request.keys()
    shop.atlas.answers(request, "00", de38="123456", de44="X")
    heard = shop.till.hears()
    assert heard["t"] == "0210"
    assert set(heard) == {"t", "h", "p", "3", "4", "11", "24", "37", "38", "39", "41"}
    assert heard["h"] == "6000010003", "the TPDU turned round"
    assert (heard["39"], heard["38"], heard["37"]) == ("00", "123456", request["37"])


def test_the_same_again_is_answered_again_and_asked_once(shop: Shop) -> None:
    first = shop.pays(sale())
    again = shop.till.asks(sale())
    marked = shop.till.asks(sale(t="0201"))
    assert (again, marked) == (first, first)
    assert shop.atlas.got_nothing()


def test_a_repeat_while_the_issuer_thinks_gets_the_one_answer(shop: Shop) -> None:
    shop.till.sends(sale())
    request = shop.atlas.gets()
    shop.book.passes(seconds=1)
    shop.till.sends(sale())
    assert shop.atlas.got_nothing()
    shop.atlas.answers(request, "00", de38="123456")
    assert shop.till.hears()["39"] == "00"


def test_a_repeat_may_be_stamped_anew_by_a_clock_that_is_wrong(shop: Shop) -> None:
    first = shop.pays(sale(de12="000100", de13="0101"))
    shop.book.passes(seconds=25)
    again = shop.till.asks(sale(de12="000125", de13="0101"))
    assert (again["39"], again["37"]) == ("00", first["37"])
    assert shop.atlas.got_nothing()
    stopped = shop.pays(sale("000002", de12="000000", de13="0000"))
    assert stopped["39"] == "00"
    assert "13" not in stopped


def test_numbers_that_begin_anew_are_new_payments(shop: Shop) -> None:
    first = shop.pays(sale("000001"))
    shop.pays(sale("000002", 2_000))
    shop.book.passes(seconds=900)  # to swap it takes longer than to send again
    shop.atlas = shop.book.host("atlas")
    swapped = shop.pays(sale("000001"))
    assert swapped["37"] != first["37"]
    assert shop.pays(sale("000001", 7_700))["39"] == "00"
    assert shop.pays(sale("000001", 7_700, OTHER_CARD))["39"] == "00"


def test_a_declined_card_may_be_followed_by_another_under_the_same_number(shop: Shop) -> None:
    assert shop.pays(sale(), "51")["39"] == "51"
    assert shop.pays(sale(card=OTHER_CARD))["39"] == "00"
    unroutable = shop.till.asks(sale("000002", card="3600000000000107"))
    assert unroutable["39"] == "14" or unroutable["39"] == "15"
    assert shop.pays(sale("000002"))["39"] == "00"


def test_what_was_not_answered_is_reversed_under_its_own_number(shop: Shop) -> None:
    shop.till.sends(sale())
    shop.atlas.gets()
    assert shop.till.line is not None
    shop.till.line.hangs_up()
    heard = shop.till.asks(reversal(sale()))
    assert (heard["t"], heard["39"]) == ("0410", "00")
    owed = shop.atlas.gets()
    assert (owed["t"], owed["4"], owed["90"][:4]) == ("0420", "000000015000", "0200")
    assert shop.till.asks(reversal(sale()))["39"] == "00"
    assert shop.atlas.got_nothing()


def test_a_reversal_of_what_never_came_is_taken_and_nothing_is_sent(shop: Shop) -> None:
    assert shop.till.asks(reversal(sale()))["39"] == "00"
    assert shop.atlas.got_nothing()
    late = shop.till.asks(sale())
    assert late["39"] == "91", "it was on its way, and its reversal was here first"
    assert shop.atlas.got_nothing()
    shop.book.passes(seconds=3_600)
    shop.atlas = shop.book.host("atlas")
    assert shop.pays(sale())["39"] == "00", "an hour on, it is another terminal's first"


def test_an_approval_that_nobody_hears_is_reversed(shop: Shop) -> None:
    shop.till.sends(sale())
    request = shop.atlas.gets()
    assert shop.till.line is not None
    shop.till.line.hangs_up()
    shop.atlas.answers(request, "00", de38="123456")
    assert shop.atlas.gets()["t"] == "0420"
    assert shop.till.asks(sale())["39"] == "91"


@pytest.mark.parametrize("named", ["de37", "de60", "de61", "stan", "0400", "20"])
def test_a_void_names_its_sale_as_specifications_differ(shop: Shop, named: str) -> None:
    shop.pays(sale("000007", 900))
    answer = shop.pays(sale("000008"))
    message = void(sale("000008"), answer, "000009")
    if named != "de37":
        del message["37"]
    if named == "de60":
        message["60"] = f"0200000008{answer['37']}"
    elif named == "de61":
        message |= {"3": "200000", "61": "000001000008"}
    elif named in ("stan", "0400"):
        message["11"] = "000008"
    elif named == "20":
        message |= {"3": "200000", "11": "000008"}
    if named == "0400":
        message["t"] = "0400"
    heard = shop.till.asks(message)
    assert (heard["t"], heard["39"]) == ("0410" if named == "0400" else "0210", "00")
    owed = shop.atlas.gets()
    assert (owed["t"], owed["4"], owed["3"]) == ("0420", "000000015000", "000000")
    assert shop.till.asks(message)["39"] == "00"
    assert shop.atlas.got_nothing()


def test_a_void_of_what_is_not_there_is_refused(shop: Shop) -> None:
    answer = shop.pays(sale("000001"))
    for wrong in (
        void(sale("000001"), {"37": "999999999999"}, "000002"),
        void(sale("000001", 100), answer, "000002"),
        void(sale("000001", card=OTHER_CARD), answer, "000002"),
    ):
        heard = shop.till.asks(wrong)
        assert (heard["t"], heard["39"]) == ("0210", "25")
    assert Till(shop.book, "TILL0002").asks(void(sale("000001"), answer, "000002"))["39"] == "25"
    assert shop.atlas.got_nothing()


def test_a_void_that_is_reversed_leaves_the_sale_and_its_issuer_is_told(shop: Shop) -> None:
    answer = shop.pays(sale("000001"))
    taken_back = void(sale("000001"), answer, "000002")
    shop.till.asks(taken_back)
    shop.atlas.answers(shop.atlas.gets(), "00")
    for _ in range(2):
        heard = shop.till.asks(reversal(taken_back))
        assert (heard["t"], heard["39"]) == ("0410", "00")
    told = shop.atlas.gets()
    assert (told["t"], told["3"], told["4"]) == ("0220", "000000", "000000015000")
    assert shop.atlas.got_nothing()
    assert shop.till.asks(settlement("000003", 1, 15_000, 0, 0))["39"] == "00"


def test_a_void_that_never_came_and_is_reversed_leaves_the_sale(shop: Shop) -> None:
    answer = shop.pays(sale("000001"))
    lost = void(sale("000001"), answer, "000002")
    for _ in range(2):
        assert shop.till.asks(reversal(lost))["39"] == "00"
    assert shop.till.asks(lost)["39"] == "25", "it arrives behind its reversal"
    assert shop.atlas.got_nothing()
    assert shop.till.asks(settlement("000003", 1, 15_000, 0, 0))["39"] == "00"


def test_a_sale_whose_void_was_undone_can_be_voided(shop: Shop) -> None:
    answer = shop.pays(sale("000001"))
    first = void(sale("000001"), answer, "000002")
    for message in (first, reversal(first)):
        shop.till.asks(message)
        shop.atlas.answers(shop.atlas.gets(), "00")
    assert shop.till.asks(void(sale("000001"), answer, "000003"))["39"] == "00"
    assert (shop.atlas.gets()["t"], shop.atlas.got_nothing()) == ("0420", True)
    assert shop.till.asks(settlement("000004", 0, 0, 0, 0))["39"] == "00"


def tip(amount: int, answer: Document, stan: str, **changes: str) -> Document:
    return {**sale("000001", amount), "t": "0220", "3": "020000", "11": stan, "37": answer["37"], **changes}


@pytest.mark.parametrize("own_stan", [False, True])
@pytest.mark.parametrize("amount", [17_000, 15_000, 0])
def test_a_void_of_a_sale_with_a_tip_takes_back_all_of_it(shop: Shop, amount: int, own_stan: bool) -> None:
    """Terminals say the amount with the tip, that of the sale, or none; some give a tip its sale's DE11."""
    answer = shop.pays(sale("000001"))
    told = shop.till.asks(tip(17_000, answer, "000001" if own_stan else "000002"))
    assert (told["t"], told["39"]) == ("0230", "00")
    shop.atlas.answers(shop.atlas.gets(), "00")
    undone = {**sale("000001", amount), "3": "020000", "11": "000003", "60": f"0200000001{answer['37']}"}
    for _ in range(2):  # the second time, the answer was lost
        assert shop.till.asks(undone)["39"] == "00"
    owed = shop.atlas.gets()
    assert (owed["t"], owed["90"][:10], "95" in owed) == ("0420", "0200000001", False)
    assert shop.atlas.got_nothing()
    assert shop.till.asks(settlement("000004", 0, 0, 0, 0))["39"] == "00"


def test_a_tip_may_be_changed_and_taken_back(shop: Shop) -> None:
    answer = shop.pays(sale("000001"))
    for stan, amount in (("000002", 17_000), ("000003", 16_500)):
        assert shop.till.asks(tip(amount, answer, stan))["39"] == "00"
        told = shop.atlas.gets()
        assert (told["t"], told["4"], told["90"][:10]) == ("0220", f"{amount:012d}", "0200000001")
        shop.atlas.answers(told, "00")
    assert shop.till.asks(reversal(tip(16_500, answer, "000003")))["39"] == "00"
    assert shop.atlas.gets()["95"][:12] == "000000015000"
    assert shop.till.asks(settlement("000004", 1, 15_000, 0, 0))["39"] == "00"


def test_a_tip_of_what_is_not_there_or_beyond_what_its_issuer_allows_is_refused(shop: Shop) -> None:
    answer = shop.pays(sale("000001"))
    assert shop.till.asks(tip(17_000, {"37": "999999999999"}, "000002"))["39"] == "25"
    assert shop.till.asks(tip(30_000, answer, "000003"))["39"] == "61"
    assert shop.atlas.got_nothing()
    assert shop.till.asks(settlement("000004", 1, 15_000, 0, 0))["39"] == "00"


def test_a_refund_is_no_void(shop: Shop) -> None:
    shop.pays(sale("000001"))
    shop.till.sends(sale("000002", de3="200000"))
    request = shop.atlas.gets()
    assert (request["t"], request["3"]) == ("0200", "200000")
    shop.atlas.answers(request, "00")
    assert shop.till.hears()["39"] == "00"
    assert shop.till.asks(sale("000002", de3="200000"))["39"] == "00"
    assert shop.atlas.got_nothing()
    assert shop.till.asks(settlement("000003", 1, 15_000, 1, 15_000))["39"] == "00"


def test_nothing_is_lost_or_doubled_over_a_crash(shop: Shop) -> None:
    first = shop.pays(sale("000001"))
    shop.restarts()
    assert shop.till.asks(sale("000001")) == first
    assert shop.atlas.got_nothing()
    shop.book.journal_holds()
    shop.till.sends(sale("000002"))
    assert shop.atlas.got_nothing(), "it leaves when it is in the journal"
    shop.restarts()
    assert shop.till.asks(reversal(sale("000002")))["39"] == "00"
    assert shop.atlas.got_nothing()
    shop.till.sends(sale("000003"))
    shop.atlas.gets()
    shop.restarts()
    assert shop.atlas.gets()["t"] == "0420", "open at the crash: reversed"
    assert shop.till.asks(sale("000003"))["39"] == "91"


def test_a_terminal_is_known_after_a_snapshot_and_over_a_reload(shop: Shop) -> None:
    first = shop.pays(sale("000001"))
    shop.book.switch.snapshot(shop.book.now)
    shop.restarts()
    assert shop.till.asks(sale("000001")) == first
    shop.till.sends(sale("000002"))
    request = shop.atlas.gets()
    shop.book.reloads(tills(idle_s=60))
    shop.atlas.answers(request, "00", de38="123456")
    assert shop.till.hears()["39"] == "00"


def test_messages_without_a_name_and_totals_without_a_form_are_refused(shop: Shop) -> None:
    nameless = shop.till.asks({**sale(), "41": " " * 8})
    assert nameless["39"] == "30"
    assert shop.till.asks(settlement("000001", 1, 15_000) | {"63": "001"})["39"] == "30"
    assert shop.till.asks({"t": "0800", "3": "990000", "11": "000001"})["39"] == "00"


def test_where_the_journal_is_away_nothing_is_taken(shop: Shop) -> None:
    answer = shop.pays(sale("000001"))
    shop.book.journal_fails("disk full")
    assert shop.till.asks(sale("000002"))["39"] == "96"
    assert shop.till.asks(reversal(sale("000003")))["39"] == "96"
    assert shop.till.asks(void(sale("000001"), answer, "000004"))["39"] == "96"
    assert shop.till.asks(settlement("000005", 1, 15_000, 0, 0))["39"] == "96"
    shop.book.journal_returns()
    assert shop.pays(sale("000002"))["39"] == "00"


def test_who_may_not_is_not_let_in() -> None:
    network = tills()
    members = tuple(msgspec.structs.replace(m, allow=("10.0.0.0/8",)) for m in network.members)
    shop = Shop()
    shop.book = Playbook(msgspec.structs.replace(network, members=members))
    shop.till.book = shop.book
    assert shop.till.asks(sale())["39"] == "58"


def test_a_port_in_maintenance_says_so(shop: Shop) -> None:
    shop.pays(sale("000001"))
    shop.book.asks("links.signoff", name="tills")
    assert shop.till.asks(sale("000002"))["39"] == "91"
    assert shop.till.asks(settlement("000003", 1, 15_000, 0, 0))["39"] == "91"
    shop.book.asks("links.resume", name="tills")
    assert shop.pays(sale("000002"))["39"] == "00"


def test_a_terminals_batch_outlives_what_memory_holds_of_others() -> None:
    shop, limits = Shop(), Limits(recent_transactions=16, batch_messages=20)
    shop.book = Playbook(msgspec.structs.replace(tills(), limits=limits))
    shop.till.book, shop.atlas = shop.book, shop.book.host("atlas")
    first = shop.pays(sale("000001"))
    mine, shop.till = shop.till, Till(shop.book, "TILL0002")
    for number in range(40):
        shop.pays(sale(f"{number + 1:06d}", 100 + number))
    shop.till = mine
    assert shop.till.asks(sale("000001")) == first
    assert shop.till.asks(void(sale("000001"), first, "000002"))["39"] == "00"
    assert shop.atlas.gets()["t"] == "0420"
    assert Till(shop.book, "TILL0002").asks(settlement("000041", 40, 4_780, 0, 0))["39"] == "95", "twenty are forgotten"
    (said,) = shop.book.logged("batch.differs")
    assert said.fields["dropped"] == 20
