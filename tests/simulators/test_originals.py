"""Which payment a message means at an issuer: names that are unusual, and what is added to a hold."""

from switch.simulators.accounts import Ledger
from switch.simulators.messages import allow_partial, completion, increment, reversal
from switch.simulators.payment_key import parts_of, payment_key
from switch.wire.vocabulary import Document
from tests.simulators.samples import PAN, at, card, pay


def held(balance: int = 1_000_00) -> tuple[Ledger, Document, str]:
    """A bank where 100.00 of a card is held, the request for that, and its approval code."""
    atlas, request = Ledger("atlas", [card(balance=balance)]), pay("preauth", 100_00, 1)
    return atlas, request, atlas.authorize(request, at()).extra["38"]


def account(of: Ledger) -> tuple[int, int]:
    found = of.accounts[PAN]
    return found.balance, found.held


def test_a_terminal_whose_name_has_slashes_is_taken_back_from_without_de37() -> None:
    atlas = Ledger("atlas", [card()])
    request = pay(amount=100_00, de41="A/B/0001")
    assert parts_of(payment_key(request)) == ("504102", "A/B/0001", request["37"])
    assert atlas.authorize(request, at()).de39 == "00"
    bare = {de: value for de, value in reversal(request, "", at(), "000900").items() if de not in ("37", "90")}
    assert atlas.reverse(bare, at()).de39 == "00"
    assert account(atlas) == (1_000_00, 0)


def test_an_increment_that_is_approved_in_part_adds_that_part_to_its_hold() -> None:
    atlas, request, approval = held(balance=120_00)
    more = allow_partial(increment(request, approval, 50_00, at(), "000600"))
    said = atlas.authorize(more, at())
    assert (said.de39, said.extra["4"]) == ("10", "000000002000")
    assert account(atlas) == (120_00, 120_00)
    again = atlas.authorize({**more, "11": "000601"}, at())
    assert (again.de39, again.extra, again.repeated) == ("10", said.extra, True)
    assert atlas.book_advice(completion(request, approval, 120_00, at(), "000700"), at()).de39 == "00"
    assert account(atlas) == (0, 0)


def test_an_increment_that_comes_again_under_another_stan_adds_nothing() -> None:
    atlas, request, approval = held()
    more = increment(request, approval, 50_00, at(), "000600")
    said = atlas.authorize(more, at())
    again = atlas.authorize({**more, "11": "000601"}, at())
    assert (again.de39, again.extra, again.repeated) == ("00", said.extra, True)
    assert atlas.authorize({**more, "11": "000602", "4": "000000006000"}, at()).de39 == "94", "another one"
    assert account(atlas) == (1_000_00, 150_00)
    atlas.reverse(reversal(more, "", at(), "000900"), at())
    assert atlas.authorize({**more, "11": "000603"}, at()).de39 == "05", "it was taken back"
    assert account(atlas) == (1_000_00, 100_00)


def test_increments_may_have_the_de37_of_their_hold() -> None:
    atlas, request, approval = held()
    first, second = (
        {**increment(request, approval, amount, at(), stan), "37": request["37"]}
        for amount, stan in ((50_00, "000600"), (20_00, "000601"))
    )
    assert [atlas.authorize(sent, at()).de39 for sent in (first, second, first)] == ["00", "00", "00"]
    assert account(atlas) == (1_000_00, 170_00)
    assert atlas.reverse(reversal(first, "", at(), "000900"), at()).de39 == "00"
    assert account(atlas) == (1_000_00, 120_00), "DE90 says which"


def test_a_de95_that_is_no_amount_is_a_format_error_and_takes_nothing_back() -> None:
    atlas = Ledger("atlas", [card()])
    request = pay(amount=100_00)
    atlas.authorize(request, at())
    unreadable = {**reversal(request, "", at(), "000900"), "95": "X" * 42}
    assert atlas.reverse(unreadable, at()).de39 == "30"
    assert account(atlas) == (900_00, 0)


def test_a_reversal_without_de41_of_what_was_approved_in_part_names_what_was_asked_or_what_was_approved() -> None:
    """Who has not had the answer knows nothing of the smaller amount."""
    for amount in (None, "000000002000"):
        atlas, asked = Ledger("atlas", [card(balance=20_00)]), allow_partial(pay(amount=100_00))
        assert atlas.authorize(asked, at()).de39 == "10"
        back = reversal(asked, "", at(), "000900") | ({"4": amount} if amount else {})
        assert atlas.reverse({de: value for de, value in back.items() if de != "41"}, at()).de39 == "00"
        assert atlas.accounts[PAN].balance == 20_00
