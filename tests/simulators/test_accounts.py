"""What a message does to an account, and what it is answered."""

from typing import Any

import msgspec
import pytest
from hypothesis import given

from switch.core.messages.internal import original_data, replacement_amounts
from switch.simulators.accounts import Ledger
from switch.simulators.messages import Web, completion, increment, repeat, reversal
from switch.simulators.minds import FORGETS
from switch.simulators.proofs import demo_proof
from switch.wire.vocabulary import Document
from tests.simulators.samples import CARD, PAN, at, card, pay
from tests.simulators.scripts import MESSAGES, Step, played


def ledger(**changes: object) -> Ledger:
    return Ledger("atlas", [card(**changes)])


def balance(of: Ledger) -> tuple[int, int]:
    account = of.accounts[PAN]
    return account.balance, account.held


def test_a_purchase_is_debited_and_has_an_approval_code() -> None:
    atlas = ledger()
    verdict = atlas.authorize(pay(amount=100_00), at())
    assert verdict.de39 == "00"
    assert len(verdict.extra["38"]) == 6
    assert balance(atlas) == (900_00, 0)


@pytest.mark.parametrize(
    ("changes", "message", "de39"),
    [
        ({"balance": 99_99}, {}, "51"),
        ({"expiry": "2510"}, {"de14": "2510"}, "54"),
        ({}, {"de14": "3011"}, "54"),
        ({"status": "lost"}, {}, "41"),
        ({"status": "stolen"}, {}, "43"),
        ({"status": "restricted"}, {}, "62"),
        ({"status": "refused"}, {}, "05"),
        ({"per_transaction": 99_99}, {}, "61"),
        ({"per_day": 99_99}, {}, "61"),
        ({"forbidden": ("00",)}, {}, "57"),
        ({}, {"de2": "9504010000000027"}, "14"),
        ({"on_file": False}, {}, "14"),
        ({}, {"de49": "978"}, "12"),
        ({}, {"de3": "990000"}, "12"),
        ({}, {"de4": "000000000000"}, "13"),
    ],
)
def test_refusals(changes: dict[str, object], message: dict[str, Any], de39: str) -> None:
    atlas = ledger(**changes)
    assert atlas.authorize(pay(amount=100_00, **message), at()).de39 == de39
    if PAN in atlas.accounts:
        assert balance(atlas) == (atlas.accounts[PAN].card.balance, 0)


def test_a_card_expires_at_the_end_of_its_month() -> None:
    assert ledger(expiry="2511").authorize(pay(card=card(expiry="2511")), at()).de39 == "00"


def test_the_daily_limit_counts_what_stands_and_begins_anew_the_next_day() -> None:
    atlas = ledger(per_day=150_00)
    first = pay(amount=100_00, number=1)
    assert atlas.authorize(first, at()).de39 == "00"
    assert atlas.authorize(pay(amount=60_00, number=2), at()).de39 == "61"
    atlas.reverse(reversal(first, "", at(), "000900"), at())
    assert atlas.authorize(pay(amount=60_00, number=3), at()).de39 == "00"
    tomorrow = at(86_400)
    assert atlas.authorize(pay(amount=150_00, number=4, when=tomorrow), tomorrow).de39 == "00"


def test_a_web_payment_needs_the_right_cvv2_or_an_authentication_value() -> None:
    atlas = ledger()
    right = atlas.authorize(pay("web", 10_00, 1, web=Web(CARD.cvv2)), at())
    assert (right.de39, right.extra["48"]) == ("00", "8701M")
    wrong = atlas.authorize(pay("web", 10_00, 2, web=Web("999" if CARD.cvv2 != "999" else "998")), at())
    assert (wrong.de39, wrong.extra["48"]) == ("N7", "8701N")
    assert atlas.authorize(pay("web", 10_00, 3, web=Web("", "07")), at()).de39 == "05"
    assert atlas.authorize(pay("web", 10_00, 4, web=Web("", "05", demo_proof(CARD))), at()).de39 == "00"


def test_a_balance_inquiry_moves_nothing_and_tells_ledger_and_available() -> None:
    atlas = ledger()
    atlas.authorize(pay("preauth", 300_00, 1), at())
    verdict = atlas.authorize(pay("balance", 0, 2), at())
    assert verdict.extra["54"] == "0001504C0000001000000002504C000000070000"
    assert balance(atlas) == (1_000_00, 300_00)


def test_a_verification_checks_the_card_and_moves_nothing() -> None:
    assert ledger().authorize(pay("verification", 0), at()).de39 == "85"
    assert ledger(status="lost").authorize(pay("verification", 0), at()).de39 == "41"


def test_a_refund_is_credited_and_its_reversal_debited() -> None:
    atlas = ledger()
    refund = pay("refund", 40_00)
    assert atlas.authorize(refund, at()).de39 == "00"
    assert balance(atlas) == (1_040_00, 0)
    atlas.reverse(reversal(refund, "", at(), "000900"), at())
    assert balance(atlas) == (1_000_00, 0)


def test_a_card_used_abroad_is_debited_in_its_own_currency() -> None:
    atlas = ledger()
    abroad = pay(amount=50_00, de49="978", de6="000000054742", de51="504")
    assert atlas.authorize(abroad, at()).de39 == "00"
    assert balance(atlas) == (1_000_00 - 547_42, 0)
    assert atlas.book().debits[0].amount == 50_00


def test_a_repeat_is_answered_as_its_original_was_and_changes_nothing() -> None:
    atlas = ledger()
    first = pay()
    one, two = atlas.authorize(first, at()), atlas.authorize(repeat(first), at(3))
    assert (one.de39, one.extra) == (two.de39, two.extra)
    assert two.repeated
    assert balance(atlas) == (900_00, 0)


def test_what_a_host_says_with_an_answer_is_said_again_to_a_repeat() -> None:
    atlas, said = ledger(), iter(("one", "two"))
    first = pay()
    for message in (first, repeat(first)):
        verdict = atlas.authorize(message, at(), lambda v: msgspec.structs.replace(v, extra={"63": next(said)}))
        assert verdict.extra == {"63": "one"}


# -- pre-authorization


def test_a_preauthorization_holds_and_its_completion_captures_its_own_amount() -> None:
    atlas = ledger()
    hold = pay("preauth", 300_00)
    code = atlas.authorize(hold, at()).extra["38"]
    assert balance(atlas) == (1_000_00, 300_00)
    assert atlas.authorize(pay(amount=800_00, number=2), at()).de39 == "51"
    assert atlas.book_advice(completion(hold, code, 250_00, at(), "000900"), at()).de39 == "00"
    assert balance(atlas) == (750_00, 0)


def test_a_completion_repeated_captures_once() -> None:
    atlas = ledger()
    hold = pay("preauth", 300_00)
    capture = completion(hold, atlas.authorize(hold, at()).extra["38"], 250_00, at(), "000900")
    for message in (capture, repeat(capture)):
        assert atlas.book_advice(message, at()).de39 == "00"
    assert balance(atlas) == (750_00, 0)


def test_a_reversal_takes_back_a_hold_or_its_capture() -> None:
    atlas = ledger()
    for number, captured in ((1, False), (2, True)):
        hold = pay("preauth", 300_00, number)
        code = atlas.authorize(hold, at()).extra["38"]
        if captured:
            atlas.book_advice(completion(hold, code, 100_00, at(), "000900"), at())
        atlas.reverse(reversal(hold, code, at(), f"00091{number}"), at())
        assert balance(atlas) == (1_000_00, 0)


def test_a_completion_of_what_was_reversed_is_refused() -> None:
    atlas = ledger()
    hold = pay("preauth", 300_00)
    code = atlas.authorize(hold, at()).extra["38"]
    atlas.reverse(reversal(hold, code, at(), "000901"), at())
    assert atlas.book_advice(completion(hold, code, 100_00, at(), "000902"), at()).de39 == "77"
    assert balance(atlas) == (1_000_00, 0)


def test_an_advice_of_its_own_is_posted_without_asking() -> None:
    atlas = ledger(balance=10_00)
    assert atlas.book_advice(pay(amount=50_00, t="0220", de38="123456"), at()).de39 == "00"
    assert balance(atlas) == (-40_00, 0)
    assert atlas.book_advice(pay(amount=50_00, number=2, t="0120", de39="51"), at()).de39 == "00"
    assert balance(atlas) == (-40_00, 0)


def stood_in(of: Document, number: int = 50) -> Document:
    """What the switch tells of a request that it has approved in the issuer's place."""
    told = {"t": "0120", "11": f"{number:06d}", "38": "S00001", "39": "00", "48": "60041003"}
    return of | told | {"90": original_data(of["t"], of["11"], of["7"], of["32"])}


def test_what_the_switch_approved_is_posted_beyond_the_balance_or_held_as_its_request_would_have_been() -> None:
    atlas = ledger(balance=10_00)
    assert atlas.book_advice(stood_in(pay(amount=50_00)), at()).de39 == "00"
    assert balance(atlas) == (-40_00, 0)
    assert atlas.book_advice(stood_in(pay("preauth", 30_00, 2), 51), at()).de39 == "00"
    assert balance(atlas) == (-40_00, 30_00)
    assert atlas.book_advice(completion(pay("preauth", 30_00, 2), "S00001", 20_00, at(), "000900"), at()).de39 == "00"
    assert balance(atlas) == (-60_00, 0)


def test_its_reversal_takes_it_back_and_one_that_was_here_first_refuses_it() -> None:
    atlas = ledger()
    first, second = pay(amount=50_00), pay(amount=70_00, number=2)
    atlas.book_advice(stood_in(first), at())
    atlas.reverse(reversal(first, "", at(), "000900"), at())
    atlas.reverse(reversal(second, "", at(), "000901"), at())
    assert atlas.book_advice(stood_in(second, 51), at()).de39 == "77"
    assert balance(atlas) == (1_000_00, 0)


def test_what_the_switch_approved_for_an_unknown_card_stands_on_a_suspense_account() -> None:
    atlas = ledger(on_file=False)
    first = pay(amount=50_00)
    assert atlas.book_advice(stood_in(first), at()).de39 == "00"
    account = atlas.accounts.suspense
    assert (account.balance, PAN in atlas.accounts) == (-50_00, False)
    assert [d.amount for d in atlas.book().debits] == [50_00]
    assert atlas.authorize(pay(number=2), at()).de39 == "14", "nobody pays from it"
    atlas.reverse(reversal(first, "", at(), "000900"), at())
    assert account.balance == 0


# -- reversals


def test_a_reversal_takes_back_once_however_often_and_by_whomever_it_is_said() -> None:
    atlas = ledger()
    first = pay()
    atlas.authorize(first, at())
    back = reversal(first, "", at(), "000900")
    others = reversal(first, "", at(5), "000901")
    for message in (back, repeat(back), repeat(back), others):
        assert atlas.reverse(message, at()).de39 == "00"
    assert balance(atlas) == (1_000_00, 0)
    assert atlas.book().reversed == 1


def test_a_partial_reversal_leaves_the_actual_amount() -> None:
    atlas = ledger()
    first = pay(amount=100_00)
    atlas.authorize(first, at())
    back = reversal(first, "", at(), "000900") | {"95": replacement_amounts(30_00)}
    assert atlas.reverse(back, at()).de39 == "00"
    assert balance(atlas) == (970_00, 0)
    assert atlas.book().debits[0].amount == 30_00
    atlas.reverse(reversal(first, "", at(), "000901"), at())
    assert balance(atlas) == (1_000_00, 0)


def test_a_reversal_that_comes_first_is_remembered_and_its_late_original_refused() -> None:
    atlas = ledger()
    first = pay()
    assert atlas.reverse(reversal(first, "", at(), "000900"), at()).de39 == "00"
    assert atlas.book().early_reversals == 1
    assert atlas.authorize(first, at()).de39 == "05"
    assert balance(atlas) == (1_000_00, 0)


def test_an_early_reversal_is_known_by_de90_too() -> None:
    atlas = ledger()
    first = pay()
    back = reversal(first, "", at(), "000900")
    back["37"], back["90"] = "", original_data("0200", first["11"], first["7"], first["32"])
    atlas.reverse({de: v for de, v in back.items() if v}, at())
    assert atlas.authorize(first, at()).de39 == "05"


def test_a_reversal_finds_its_original_by_rrn_where_stan_and_time_were_changed_on_the_way() -> None:
    atlas = ledger()
    first = pay()
    atlas.authorize(first, at())
    back = reversal(first, "", at(), "000900")
    back["90"] = original_data("0200", "777777", "0101010101", "504102")
    atlas.reverse(back, at())
    assert balance(atlas) == (1_000_00, 0)


def test_a_reversal_never_takes_back_another_cards_payment() -> None:
    other = card(name="other", pan="9504010000000027")
    atlas = Ledger("atlas", [CARD, other])
    first = pay()
    atlas.authorize(first, at())
    atlas.reverse(reversal(first, "", at(), "000900") | {"2": other.pan}, at())
    assert balance(atlas) == (900_00, 0)


@pytest.mark.parametrize("without", [("37",), ("37", "41", "90")])
@pytest.mark.parametrize("which", [1, 2])
def test_a_reversal_without_de37_takes_back_what_has_its_local_time(which: int, without: tuple[str, ...]) -> None:
    atlas = ledger()
    payments = {number: pay(amount=10_00, number=number) | {"12": f"12000{number}"} for number in (1, 2)}
    for sent in payments.values():
        atlas.authorize(sent, at())
    short = {de: value for de, value in reversal(payments[which], "", at(), "000900").items() if de not in without}
    assert atlas.reverse(short, at()).de39 == "00"
    (stands,) = atlas.book().debits
    assert stands.key.endswith(payments[3 - which]["37"])


@pytest.mark.parametrize("without", ["", "37", "41"])
def test_a_payment_whose_reversal_was_forgotten_is_known_for_one_however_it_was_named(without: str) -> None:
    atlas = ledger()
    atlas.early = FORGETS
    first, other = pay(), pay(number=2) | {"12": "120001"}
    back = {de: value for de, value in reversal(first, "", at(), "000900").items() if de != without}
    assert atlas.reverse(back, at()).de39 == "00"
    assert atlas.dismissed.has(first)
    assert not atlas.dismissed.has(other)
    assert not atlas.dismissed.has(first | {"4": "000000000001"} if without else other)


def test_what_is_no_longer_remembered_stays_in_the_balance_and_is_counted() -> None:
    atlas = Ledger("atlas", [CARD], keep=2)
    for number in (1, 2, 3):
        atlas.authorize(pay(amount=10_00, number=number), at())
    book = atlas.book()
    assert balance(atlas) == (970_00, 0)
    assert (len(book.debits), book.left_out) == (2, 1)


@given(MESSAGES)
def test_balances_always_moved_by_exactly_what_stands(script: list[Step]) -> None:
    atlas = ledger(per_day=600_00)
    for _ in played(atlas, script):
        book = atlas.book()
        account = atlas.accounts[PAN]
        assert CARD.balance - account.balance == sum(d.billed for d in book.debits if not d.held)
        assert account.held == sum(d.billed for d in book.debits if d.held)
        assert account.held >= 0
        assert account.spent >= 0


def test_the_same_payment_under_another_stan_is_answered_as_it_was_and_refused_once_reversed() -> None:
    atlas = ledger()
    first = pay(amount=10_00)
    answered = atlas.authorize(first, at())
    again = atlas.authorize(first | {"11": "000777"}, at())
    assert (again.de39, again.extra, again.repeated) == ("00", answered.extra, True)
    assert balance(atlas) == (990_00, 0)
    atlas.reverse(reversal(first, "", at(), "000900"), at())
    assert atlas.authorize(first | {"11": "000778"}, at()).de39 == "05"
    assert balance(atlas) == (1_000_00, 0)


def test_an_increment_adds_to_a_hold_by_any_name_under_which_that_was_asked_for_and_to_nothing_else() -> None:
    atlas, first = ledger(), pay("preauth", amount=100_00)
    again = first | {"11": "000777"}
    approval = atlas.authorize(first, at()).extra["38"]
    assert atlas.authorize(again, at()).repeated, "whoever asks again may have forgotten that it asked"
    for number, (named, de39) in enumerate(((first, "00"), (again, "00"), (first | {"11": "000778"}, "25")), 10):
        assert atlas.authorize(increment(named, approval, 10_00, at(), f"{number:06d}"), at()).de39 == de39
    assert balance(atlas) == (1_000_00, 120_00)
    atlas.reverse(reversal(again, "", at(), "000900"), at())
    assert balance(atlas) == (1_000_00, 0), "all of it"


def test_another_payment_under_the_key_of_one_that_stands_is_refused() -> None:
    atlas = ledger()
    first = pay(amount=10_00)
    atlas.authorize(first, at())
    namesake = first | {"11": "000777", "12": "235959"}
    assert atlas.authorize(namesake, at()).de39 == "94"
    atlas.reverse(reversal(first, "", at(), "000900"), at())
    assert atlas.authorize(namesake | {"11": "000778"}, at()).de39 == "00"
    assert balance(atlas) == (990_00, 0)


def test_payments_without_a_reference_are_told_apart_and_a_reversal_takes_back_the_one_that_de90_names() -> None:
    atlas = ledger()
    first, second = pay(amount=100_00, number=1, de37=""), pay(amount=100_00, number=2, de37="")
    assert [atlas.authorize(document, at()).de39 for document in (first, second)] == ["00", "00"]
    assert balance(atlas)[0] == 800_00
    assert atlas.reverse(reversal(first, "", at(), "000009"), at()).de39 == "00"
    assert atlas.reverse(reversal(first, "", at(), "000010"), at()).de39 == "00"
    assert balance(atlas)[0] == 900_00
    assert atlas.reverse(reversal(second, "", at(), "000011"), at()).de39 == "00"
    assert balance(atlas)[0] == 1_000_00
