"""Classic terminals as others have built them: each test has the mind of one, and the issuer's side and the journal judge.

The minds are those of terminals' public source code, and of public lists of what hosts take: MTI, DE3 and elements of each
message.
"""

import pytest

from switch.wire.vocabulary import Document
from tests.core.tills import Shop, reversal, sale, void


@pytest.fixture
def shop() -> Shop:
    return Shop()


@pytest.mark.parametrize(
    ("de3", "answered", "event"),
    [
        ("", "00", ""),
        ("000000", "00", ""),
        ("990000", "00", ""),
        ("920000", "00", "terminal.asked_keys"),
        ("930000", "40", "terminal.refused"),
        ("940000", "40", "terminal.refused"),
        ("950000", "40", "terminal.refused"),
        ("960000", "40", "terminal.refused"),
        ("970000", "40", "terminal.refused"),
        ("510000", "40", "terminal.refused"),
    ],
)
def test_what_an_0800_asks_by_de3_is_answered_or_refused_by_name(
    shop: Shop, de3: str, answered: str, event: str
) -> None:
    """A terminal that is told 00 loads what is not there."""
    asked: Document = {"t": "0800", "3": de3, "11": "000001", "24": "003"}
    heard = shop.till.asks({de: value for de, value in asked.items() if value})
    assert (heard["t"], heard["39"]) == ("0810", answered)
    for name in ("terminal.asked_keys", "terminal.refused"):
        assert [line.fields["de3"] for line in shop.book.logged(name)] == ([de3[:2]] if name == event else [])


@pytest.mark.parametrize("offline", [False, True])
@pytest.mark.parametrize("named", ["DE37", "own number"])
@pytest.mark.parametrize("kind", ["sale", "refund", "sale, as it was sent", "sale without DE4"])
def test_a_void_that_is_told_as_an_advice_of_nothing_takes_the_payment_back(
    shop: Shop, offline: bool, named: str, kind: str
) -> None:
    """It voids on paper, and sends what it has so done before it settles: 0220, DE3 02 (or still 00), DE4 zeros, DE60 what was.
    Taken for a tip, it would leave the whole amount with the cardholder."""
    de3 = "200000" if kind == "refund" else "000000"
    if offline:
        paid = shop.till.asks(sale("000001", t="0220", de3=de3, de38="OFF001"))
        shop.tells_issuer()
    else:
        paid = shop.pays(sale("000001", de3=de3))
    stan, rrn = ("000002", paid["37"]) if named == "DE37" else ("000001", "")
    code = {"refund": "220000", "sale, as it was sent": "000000"}.get(kind, "020000")
    void = sale(stan, 0, t="0220", de3=code, de37=rrn, de60="000000015000")
    if kind == "sale without DE4":
        del void["4"]
    for _ in range(2):  # the second time its answer was lost
        heard = shop.till.asks(void)
        assert (heard["t"], heard["39"], heard["3"]) == ("0230", "00", code)
    back = shop.tells_issuer()
    assert (back["t"], back["4"], back["90"][4:10]) == ("0420", "000000015000", "000001")
    assert shop.atlas.got_nothing()
    assert shop.agrees_on(0, 0, 0, 0)


def test_an_advice_of_nothing_about_a_payment_with_a_tip_takes_back_all_of_it(shop: Shop) -> None:
    paid = shop.pays(sale("000001"))
    assert shop.till.asks(sale("000002", 16_000, t="0220", de3="020000", de37=paid["37"]))["39"] == "00"
    assert shop.tells_issuer()["4"] == "000000016000"
    assert shop.till.asks(sale("000003", 0, t="0220", de3="020000", de37=paid["37"]))["39"] == "00"
    back = shop.tells_issuer()
    assert (back["t"], "95" in back) == ("0420", False), "and nothing of it is to stand"
    assert shop.agrees_on(0, 0, 0, 0)


def test_an_advice_of_nothing_about_what_is_not_there_is_refused(shop: Shop) -> None:
    assert shop.till.asks(sale("000002", 0, t="0220", de3="020000", de60="000000015000"))["39"] == "25"
    assert shop.atlas.got_nothing()


CLOCK: Document = {"12": "101010", "13": "1129"}
CHIP: Document = {"55": "9F2608AABBCCDD11223344"}
ANOTHER_CHIP: Document = {"55": "9F2608AABBCCDD11223345"}


@pytest.mark.parametrize("dated", [CLOCK, CHIP, {}], ids=["a clock", "a chip", "neither"])
def test_a_request_that_comes_again_out_of_a_queue_behind_others_is_asked_once(shop: Shop, dated: Document) -> None:
    """Its line or a concentrator keeps what was not answered and sends it again as it was: 0200, not 0201, while the terminal has
    sold on. Numbers that have begun anew would look alike, but for its clock, its chip, or the time that has passed."""
    first = shop.pays(sale("000001") | dated)
    shop.pays(sale("000002", 700) | dated)
    for _ in range(2):
        heard = shop.till.asks(sale("000001") | dated)
        assert (heard["39"], heard["37"]) == ("00", first["37"])
    shop.restarts()
    assert shop.till.asks(sale("000001") | dated)["37"] == first["37"], "known after a crash, too"
    shop.book.switch.snapshot(shop.book.now)
    shop.book.hands_over()
    assert shop.till.asks(sale("000001") | dated)["37"] == first["37"], "and after a snapshot"
    shop.book.passes(seconds=1_200)
    shop.atlas = shop.book.host("atlas")
    if dated:
        assert shop.till.asks(sale("000001") | dated)["37"] == first["37"], "as long as any other repeat"
    else:
        assert shop.pays(sale("000001"))["37"] != first["37"], "ten minutes on, it is another terminal's first"
    assert shop.atlas.got_nothing()


def test_another_payment_with_the_number_of_an_older_one_is_paid(shop: Shop) -> None:
    """The same number, card and amount, at another time, or with another cryptogram or invoice."""
    shop.pays(sale("000001") | CLOCK | CHIP)
    alike: list[Document] = [CLOCK | CHIP | {"12": "101011"}, CLOCK | ANOTHER_CHIP, CLOCK | CHIP | {"62": "000009"}]
    for number, changes in enumerate(alike):
        shop.pays(sale(f"00000{number + 2}", 700))
        assert shop.pays(sale("000001") | changes)["39"] == "00"
    assert shop.agrees_on(7, 4 * 15_000 + 3 * 700, 0, 0)


def test_a_number_that_is_kept_until_a_payment_is_approved_is_asked_anew(shop: Shop) -> None:
    """It counts by transaction: after a decline the chip is read again, under the same DE11, and it sends no clock. The same
    bytes are the same message, for ten minutes."""
    assert shop.pays(sale() | CHIP, "55")["39"] == "55"
    assert shop.till.asks(sale() | CHIP)["39"] == "55"
    assert shop.atlas.got_nothing()
    assert shop.pays(sale() | ANOTHER_CHIP, "51")["39"] == "51"
    shop.book.passes(seconds=700)
    shop.atlas = shop.book.host("atlas")
    assert shop.pays(sale() | ANOTHER_CHIP)["39"] == "00"
    assert shop.agrees_on(1, 15_000, 0, 0)


def test_numbers_go_on_from_the_last_to_the_first_within_a_batch(shop: Shop) -> None:
    """999999 is followed by 000001."""
    last = shop.pays(sale("999999"))
    first = shop.pays(sale("000001", 700))
    shop.pays(sale("000002", 800))
    assert shop.till.asks(void(sale("999999"), last, "000003"))["39"] == "00"
    assert shop.tells_issuer()["4"] == "000000015000"
    assert shop.till.asks(sale("000001", 700))["37"] == first["37"]
    assert shop.agrees_on(2, 1_500, 0, 0)


@pytest.mark.parametrize(
    ("named", "heard"), [(de, heard) for de in ("60", "61", "90", "62") for heard in (False, True)] + [("37", True)]
)
def test_a_reversal_under_a_number_of_its_own_takes_back_what_it_names(shop: Shop, named: str, heard: bool) -> None:
    """It counts by message, so its reversal has the next DE11; DE60, DE61, DE90 or the invoice (DE62) says of what."""
    shop.pays(sale("000001", de62="000076"))
    line = shop.till.sends(sale("000002", de62="000077"))
    asked = shop.atlas.gets()
    if heard:
        shop.atlas.answers(asked, "00", de38="123456")
        rrn = shop.till.hears()["37"]
    else:
        line.hangs_up()
        rrn = ""
    names = {
        "37": rrn,
        "60": "0200000002" + " " * 12,
        "61": "0000010000021129",
        "62": "000077",
        "90": "0200000002" + "0" * 32,
    }
    back: Document = {**reversal(sale("000003", de62="")), named: names[named]}
    for _ in range(2):  # the second time its answer was lost
        assert shop.till.asks(back)["39"] == "00"
    owed = shop.tells_issuer()
    assert (owed["t"], owed["90"][4:10]) == ("0420", asked["11"])
    assert shop.atlas.got_nothing()
    assert shop.agrees_on(1, 15_000, 0, 0)


def test_an_invoice_names_nothing_but_the_newest_payment_that_stands(shop: Shop) -> None:
    """A request was lost on its way, and its reversal has the invoice of the payment before it, or no such payment's."""
    shop.pays(sale("000001", de62="000077"))
    for lost in (sale("000003", de62="000078"), sale("000004", 900, de62="000077"), sale("000005", de62="")):
        assert shop.till.asks(reversal(lost))["39"] == "00"
    shop.pays(sale("000006", 700, de62="000079"))
    assert shop.till.asks(reversal(sale("000007", de62="000077")))["39"] == "00", "it has sold on since"
    assert shop.pays(sale("000008", 800, de62="000080"), "51")["39"] == "51"
    assert shop.till.asks(reversal(sale("000009", 800, de62="000080")))["39"] == "00"
    assert shop.atlas.got_nothing()
    assert shop.agrees_on(2, 15_700, 0, 0)


def held(shop: Shop) -> Document:
    """A pre-authorization of 150.00 under 000001; its answer."""
    shop.till.sends(sale("000001", t="0100", de3="300000", de25="06"))
    asked = shop.atlas.gets()
    assert (asked["t"], asked["3"]) == ("0100", "000000"), "30 asks an issuer what is available"
    shop.atlas.answers(asked, "00", de38="123456")
    return shop.till.hears()


@pytest.mark.parametrize("condition", ["06", "00"])
@pytest.mark.parametrize("de3", ["000000", "020000"])
def test_a_hold_with_a_processing_code_of_its_own_is_completed_however_that_is_said(
    shop: Shop, condition: str, de3: str
) -> None:
    """0100 with DE3 30; a completion is a 0220 with DE3 00 or 02, with DE25 06 or 00, always with DE37 and DE38 of the hold."""
    answer = held(shop)
    assert answer["3"] == "300000", "as it was sent"
    complete = sale("000002", 12_000, t="0220", de3=de3, de25=condition, de37=answer["37"], de38="123456")
    assert shop.till.asks(complete)["39"] == "00"
    done = shop.tells_issuer()
    assert (done["t"], done["4"], done["90"][:4]) == ("0220", "000000012000", "0100")
    assert shop.agrees_on(1, 12_000, 0, 0)


@pytest.mark.parametrize(
    "undo",
    [
        {"t": "0100", "3": "020000"},
        {"t": "0100", "3": "200000"},
        {"t": "0120", "4": f"{0:012d}"},
        {"t": "0400"},
        {"t": "0400", "11": "000001", "37": ""},
    ],
    ids=["0100 02", "0100 20", "0120 of nothing", "0400 by DE37", "0400 by its number"],
)
def test_a_hold_is_released_however_that_is_said(shop: Shop, undo: Document) -> None:
    answer = held(shop)
    message = {**sale("000002", de3="300000", de25="06", de38="123456"), "37": answer["37"], **undo}
    for _ in range(2):  # the second time its answer was lost
        heard = shop.till.asks({de: value for de, value in message.items() if value})
        assert heard["39"] == "00"
    back = shop.tells_issuer()
    assert (back["t"], back["4"], back["90"][:4]) == ("0420", "000000015000", "0100")
    assert shop.atlas.got_nothing()
    assert shop.agrees_on(0, 0, 0, 0)


def test_a_hold_that_is_never_completed_is_in_no_totals_and_lives_until_its_issuer_lets_it_go(shop: Shop) -> None:
    answer = held(shop)
    assert shop.agrees_on(0, 0, 0, 0)
    assert shop.atlas.got_nothing()
    assert shop.till.asks(sale("000003", de3="020000", de37=answer["37"]))["39"] == "25", "settled is settled"
    late = sale("000004", 12_000, t="0220", de25="06", de37=answer["37"], de38="123456")
    assert shop.till.asks(late)["39"] == "00"
    assert shop.tells_issuer()["38"] == "123456", "a completion may come in a later batch"


def test_a_refund_that_is_authorized_first_is_no_release(shop: Shop) -> None:
    """0100 with DE3 20 and the DE37 of a sale."""
    answer = shop.pays(sale("000001"))
    refund = sale("000002", 5_000, t="0100", de3="200000", de37=answer["37"])
    shop.till.sends(refund)
    asked = shop.atlas.gets()
    assert (asked["t"], asked["3"], asked["4"]) == ("0100", "200000", "000000005000")


@pytest.mark.parametrize("tells", [CLOCK | {"62": "000077"}, {"62": "000077"}, CLOCK | {"62": ""}, CHIP | {"62": ""}])
def test_an_offline_sale_that_is_told_again_under_the_next_number_is_posted_once(shop: Shop, tells: Document) -> None:
    """It sends what it has done offline until that is answered, each time under its next DE11, and sells meanwhile."""
    offline = sale("000001", t="0220", de38="OFF001") | tells
    shop.till.sends({de: value for de, value in offline.items() if value}).hangs_up()
    assert shop.tells_issuer()["4"] == "000000015000"
    shop.pays(sale("000002", 700, de62="000078"))
    for stan in ("000003", "000004"):
        heard = shop.till.asks({de: value for de, value in {**offline, "11": stan}.items() if value})
        assert (heard["t"], heard["39"], heard["11"]) == ("0230", "00", stan)
    assert shop.atlas.got_nothing()
    assert shop.agrees_on(2, 15_700, 0, 0)


def test_two_offline_sales_that_differ_in_anything_are_two(shop: Shop) -> None:
    """Alike in card and amount, they have another invoice or approval code; or nothing that would tell them apart but DE11."""
    offline = sale("000001", t="0220", de38="OFF001", de62="000077")
    nameless = sale("000004", t="0220", de38="OFF001", de62="")
    others = (offline, {**offline, "11": "000002", "62": "000078"}, {**offline, "11": "000003", "38": "OFF002"})
    for message in (*others, nameless, {**nameless, "11": "000005"}):
        assert shop.till.asks(message)["39"] == "00"
        assert shop.tells_issuer()["t"] == "0220"
    assert shop.agrees_on(5, 75_000, 0, 0)


def test_a_request_under_another_number_is_another_payment(shop: Shop) -> None:
    """A terminal that was not answered takes back what it asked, or asks it again under the same DE11."""
    shop.pays(sale("000001", de62="000077"))
    assert shop.pays(sale("000002", de62="000077"))["39"] == "00"
    assert shop.agrees_on(2, 30_000, 0, 0)


def test_void_twice_void_of_what_was_never_told_and_void_behind_a_settlement(shop: Shop) -> None:
    """The same void under another number is the same; an offline sale that has not come is voided on paper alone."""
    paid = shop.pays(sale("000001"))
    assert shop.till.asks(void(sale("000001"), paid, "000002"))["39"] == "00"
    assert shop.tells_issuer()["t"] == "0420"
    assert shop.till.asks(void(sale("000001"), paid, "000003"))["39"] == "00"
    assert shop.till.asks(sale("000004", 700, de3="020000", de38="OFF001"))["39"] == "25"
    other = shop.pays(sale("000005", 800))
    assert shop.agrees_on(1, 800, 0, 0)
    assert shop.till.asks(void(sale("000005", 800), other, "000006"))["39"] == "25"
    assert shop.atlas.got_nothing()


def test_a_void_is_taken_back_under_a_number_of_its_own(shop: Shop) -> None:
    """It counts by message. DE3 02 says that it is a void that was not answered, DE37 of which payment; and where no void has
    come, the payment stands as it did."""
    paid = shop.pays(sale("000001"))
    lost = void(sale("000001"), paid, "000002")
    assert shop.till.asks({**reversal(lost), "11": "000003"})["39"] == "00"
    assert shop.atlas.got_nothing()
    unheard = void(sale("000001"), paid, "000004")
    shop.till.sends(unheard).hangs_up()
    assert shop.tells_issuer()["t"] == "0420"
    for stan in ("000005", "000006"):  # the answer to the first was lost
        assert shop.till.asks({**reversal(unheard), "11": stan})["39"] == "00"
    put_back = shop.tells_issuer()
    assert (put_back["t"], put_back["4"]) == ("0220", "000000015000")
    assert shop.atlas.got_nothing()
    assert shop.till.asks(void(sale("000001"), paid, "000007"))["39"] == "00"
    assert shop.tells_issuer()["t"] == "0420"
    assert shop.agrees_on(0, 0, 0, 0)


def test_a_number_that_is_kept_after_a_request_was_lost_is_another_cards(shop: Shop) -> None:
    """Its request never came and was taken back; the next customer has the same DE11. The request, if it comes, is refused."""
    assert shop.till.asks(reversal(sale("000001")))["39"] == "00"
    assert shop.pays(sale("000001", 700))["39"] == "00"
    assert shop.till.asks(sale("000001"))["39"] == "91"
    assert shop.atlas.got_nothing()
    assert shop.agrees_on(1, 700, 0, 0)


def test_a_void_that_never_came_is_taken_back_as_itself_where_its_number_had_been_another_payments(shop: Shop) -> None:
    """A number is kept until a void is approved: the first was, the second was lost, and its reversal has that DE37."""
    first = shop.pays(sale("000001"))
    shop.till.asks(void(sale("000001"), first, "000003"))
    assert shop.tells_issuer()["t"] == "0420"
    second = shop.pays(sale("000002", 700))
    shop.till.asks(reversal(void(sale("000002", 700), second, "000003")))
    assert shop.atlas.got_nothing(), "the first stays taken back"
    assert shop.agrees_on(1, 700, 0, 0)


@pytest.mark.parametrize("stan", ["000001", "000002"], ids=["its sale's number", "one of its own"])
def test_a_void_may_be_undone_and_made_again_under_the_number_that_it_had(shop: Shop, stan: str) -> None:
    """The number is kept until a void is approved; or a void has that of its sale, and DE3 says what a reversal means."""
    paid = shop.pays(sale("000001"))
    unheard = void(sale("000001"), paid, stan)
    for _ in range(2):
        shop.till.sends(unheard).hangs_up()
        assert shop.tells_issuer()["t"] == "0420"
        for _ in range(2):  # the answer to the first was lost
            assert shop.till.asks(reversal(unheard))["39"] == "00"
        put_back = shop.tells_issuer()
        assert (put_back["t"], put_back["4"]) == ("0220", "000000015000")
        assert shop.atlas.got_nothing()
    assert shop.agrees_on(1, 15_000, 0, 0)


def test_a_refund_under_the_number_of_a_sale_that_was_reversed_is_no_void_of_it(shop: Shop) -> None:
    """Its number was kept; the same card, the same amount."""
    shop.till.sends(sale("000001")).hangs_up()
    shop.atlas.gets()
    assert shop.till.asks(reversal(sale("000001")))["39"] == "00"
    assert shop.tells_issuer()["t"] == "0420"
    assert shop.pays(sale("000001", de3="200000"))["39"] == "00"
    assert shop.agrees_on(0, 0, 1, 15_000)


def test_a_copy_of_a_voids_reversal_takes_nothing_back_once_its_number_is_another_payments(shop: Shop) -> None:
    paid = shop.pays(sale("000001"))
    unheard = void(sale("000001"), paid, "000002")
    shop.till.sends(unheard).hangs_up()
    assert shop.tells_issuer()["t"] == "0420"
    assert shop.till.asks(reversal(unheard))["39"] == "00"
    assert shop.tells_issuer()["t"] == "0220"
    assert shop.pays(sale("000002", 700))["39"] == "00"
    assert shop.till.asks(reversal(unheard))["39"] == "00"
    assert shop.atlas.got_nothing()
    assert shop.agrees_on(2, 15_700, 0, 0)
