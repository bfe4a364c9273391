"""Terminals on their link: what they send, how they match answers, and what they do when none comes."""

import random

import pytest

from switch.simulators.cards import TestCard
from switch.simulators.de48 import Private48, private_elements
from switch.simulators.endpoint import Speech
from switch.simulators.messages import BALANCE, KINDS
from switch.simulators.minds import MANNERS
from switch.simulators.mix import Deck, Mix, MixError
from switch.simulators.reconciliation import AcquirerBook
from switch.simulators.terminal import Load, Terminal
from switch.simulators.under_way import Timeouts
from switch.wire import Dialect
from switch.wire.vocabulary import Document
from tests.simulators.far import MS, Far
from tests.simulators.samples import CARD, PLACE

SHORT = next(manner for manner in MANNERS if manner.name == "sends the local time without DE37")
SPEECH = Speech(Dialect.load("cmi87"), "length2", "504102", "504000")


def only(**shares: float) -> Mix:
    """A mix of what is named, and nothing else."""
    none = dict.fromkeys(Mix.__struct_fields__, 0.0)
    return Mix(**(none | shares))


def till(
    mix: Mix | None = None, load: Load | None = None, cards: tuple[TestCard, ...] = (CARD,), *, sign_on: bool = True,
    repeats: int = 0,
) -> Far:  # fmt: skip
    terminal = Terminal(
        "rif", SPEECH, (PLACE,), ("far",), Deck(cards, "504"), mix or only(purchase=1), load or Load(rate=1, payments=1),
        random.Random(1), Timeouts(answer_ns=30_000 * MS, repeat_ns=10_000 * MS, request_repeats=repeats),
    )  # fmt: skip
    far = Far(terminal, SPEECH)
    if sign_on:
        far.answers(far.hears(), de70="001")
    return far


def book(far: Far) -> AcquirerBook:
    made = far.party.book()
    assert isinstance(made, AcquirerBook)
    return made


def says_goodbye(far: Far) -> None:
    goodbye = far.hears()
    assert goodbye["70"] == "002"
    far.answers(goodbye, de70="002")
    assert far.party.finished


def test_it_signs_on_with_its_institution_and_pays_only_then() -> None:
    far = till(sign_on=False)
    sign_on = far.hears()
    assert [sign_on[de] for de in ("t", "32", "41", "70")] == ["0800", "504102", PLACE.terminal, "001"]
    far.passes(3)
    assert not far.inbox
    far.answers(sign_on, de70="001")
    assert far.hears()["t"] == "0200"


def test_a_refused_sign_on_is_kept_and_said() -> None:
    far = till(sign_on=False)
    far.answers(far.hears(), "58", de70="001")
    assert far.party.refusals == {"far": "58"}
    assert far.events("sign_on.refused")
    assert not far.inbox


def test_an_approved_payment_is_in_the_book() -> None:
    far = till()
    request = far.hears()
    far.answers(request, "00", de38="123456")
    says_goodbye(far)
    made = book(far)
    assert (made.sent, made.approved, made.open) == (1, 1, 0)
    assert made.amounts == {"504": int(request["4"])}
    assert made.payments[0].key == f"504102/{PLACE.terminal}/{request['37']}"
    assert made.payments[0].route == "domestic"


def test_a_declined_payment_is_counted_by_its_answer() -> None:
    far = till()
    far.answers(far.hears(), "51")
    made = book(far)
    assert (made.declined, made.amounts) == ({"51": 1}, {})


def test_no_answer_means_a_reversal_repeated_until_it_is_acknowledged() -> None:
    far = till()
    request = far.hears()
    far.passes(29.9)
    assert not far.inbox
    far.passes(0.2)
    back = far.hears()
    assert (back["t"], back["37"], back["90"][:20]) == ("0400", request["37"], "0200" + request["11"] + request["7"])
    assert back["11"] != request["11"]
    far.passes(10)
    again = far.hears()
    assert again == back | {"t": "0401", "p": again["p"], **({"1": again["1"]} if "1" in again else {})}
    assert book(far).open == 1
    far.answers(again)
    made = book(far)
    assert (made.reversed, made.open, made.amounts) == (1, 0, {})
    says_goodbye(far)


def test_a_reversal_that_is_told_not_now_is_sent_again() -> None:
    far = till()
    far.hears()
    far.passes(30)
    far.answers(far.hears(), "96")
    assert far.events("acknowledgement.refused")
    far.passes(10)
    far.answers(far.hears())
    assert book(far).reversed == 1


def test_a_reversal_that_is_refused_leaves_the_payment_unanswered_and_says_so() -> None:
    far = till()
    far.hears()
    far.passes(30)
    far.answers(far.hears(), "12")
    assert far.events("reversal.refused")
    assert book(far).open == 1


def test_a_reversal_that_may_mean_several_payments_is_named_in_full_by_somebody() -> None:
    far = till()
    far.party.adopt(SHORT)
    request = far.hears()
    far.passes(30)
    short = far.hears()
    assert "37" not in short
    far.answers(short, "21")
    assert book(far).open == 1
    far.passes(20)
    whole = far.hears()
    assert (whole["t"], whole["37"], whole["90"][:20]) == ("0400", request["37"], "0200" + request["11"] + request["7"])
    assert whole["11"] != short["11"], "a message of its own"
    far.answers(whole, "21")
    assert far.events("reversal.refused"), "nobody tries a third time"


def test_an_inquiry_without_an_answer_needs_no_reversal() -> None:
    far = till(only(balance=1))
    assert far.hears()["3"][:2] == KINDS[BALANCE][1]
    far.passes(30)
    assert book(far).reversed == 1
    says_goodbye(far)


def test_a_late_answer_is_known_for_one_and_changes_nothing() -> None:
    far = till()
    request = far.hears()
    far.passes(30)
    far.answers(request, "00", de38="123456")
    assert far.events("answer.late")[0]["de11"] == request["11"]
    far.answers(far.hears())
    assert book(far).reversed == 1


def test_a_second_answer_is_known_for_one() -> None:
    far = till(load=Load(rate=1, payments=2))
    request = far.hears()
    far.answers(request, "00")
    far.answers(request, "51")
    assert far.events("answer.doubled")
    assert (book(far).approved, book(far).declined) == (1, {})


@pytest.mark.parametrize(
    ("changes", "differs"),
    [
        ({"11": "777777"}, "DE11 777777 (sent:"),
        ({"7": "0101010101"}, "DE7 0101010101 (sent:"),
        ({"41": "OTHER001"}, "DE41 OTHER001 (sent:"),
        ({"t": "0110"}, "MTI class 1 (sent: 2)"),
    ],
)
def test_an_answer_to_nothing_names_the_nearest_request_and_what_differs(changes: Document, differs: str) -> None:
    far = till()
    request = far.hears()
    far.answers(request | changes if "t" not in changes else request | {"t": "0100"}, "00")
    assert differs in far.events("answer.unmatched")[0]["nearest"]
    assert book(far).open == 1


def test_an_answer_that_resembles_nothing_says_so() -> None:
    far = till()
    far.answers(far.hears() | {"11": "1" * 6, "7": "0101010101", "41": "OTHER001"})
    assert "resembles" in far.events("answer.unmatched")[0]["nearest"]


def test_a_void_takes_back_an_approved_payment() -> None:
    far = till(only(void=1))
    request = far.hears()
    far.answers(request, "00", de38="123456")
    far.passes(3)
    back = far.hears()
    assert (back["t"], back["38"]) == ("0400", "123456")
    far.answers(back)
    made = book(far)
    assert (made.approved, made.reversed, made.amounts) == (0, 1, {})


def test_a_preauthorization_is_completed_with_what_was_used() -> None:
    far = till(only(preauth=1))
    hold = far.hears()
    assert (hold["t"], hold["25"]) == ("0100", "06")
    far.answers(hold, "00", de38="123456")
    far.passes(3)
    capture = far.hears()
    assert (capture["t"], capture["38"], capture["37"]) == ("0220", "123456", hold["37"])
    assert int(capture["4"]) <= int(hold["4"])
    far.answers(capture)
    assert book(far).amounts == {"504": int(capture["4"])}


def test_a_web_payment_has_a_cvv2_and_no_track() -> None:
    web = till(only(web=1)).hears()
    assert (web["22"], web["25"], "35" in web) == ("812", "59", False)
    assert CARD.cvv2 in web["48"]
    chip = till().hears()
    assert chip["35"].startswith(f"{CARD.pan}={CARD.expiry}")
    assert "48" not in chip


def test_stan_and_rrn_are_each_terminals_own_and_never_the_same() -> None:
    far = till(load=Load(rate=100, payments=200))
    far.passes(3)
    requests = [h.internal for h in far.inbox]
    assert len(requests) == 200
    assert len({(r["11"], r["7"]) for r in requests}) == len({r["37"] for r in requests}) == 200


def test_the_rate_is_kept_whatever_the_answers_do() -> None:
    far = till(load=Load(rate=50, duration_s=4))
    far.passes(4.0)
    assert len(far.inbox) == pytest.approx(200, abs=1)
    assert far.party.in_flight == len(far.inbox)


def test_a_reached_limit_says_which_and_skips() -> None:
    far = till(load=Load(rate=100, duration_s=1, in_flight_max=10))
    far.passes(1)
    assert len(far.inbox) == 10
    assert "in_flight_max=10" in far.events("payments.skipped")[0]["reason"]
    assert far.party.skipped == pytest.approx(90, abs=1)


def test_an_unanswered_request_is_asked_again_and_then_reversed() -> None:
    far = till(repeats=2)
    request = far.hears()
    far.passes(95)
    repeats = [far.hears(), far.hears()]
    assert [(r["t"], r["11"], r["7"], r["37"]) for r in repeats] == [
        ("0201", *(request[de] for de in ("11", "7", "37")))
    ] * 2
    assert far.hears()["t"] == "0400"


def test_the_answer_to_a_repeat_is_the_answer() -> None:
    far = till(repeats=1)
    far.hears()
    far.passes(31)
    far.answers(far.hears(), "00", de38="123456")
    far.passes(60)
    assert {h.internal["t"] for h in far.inbox} == {"0800"}, "only the sign-off"
    assert (book(far).approved, book(far).open) == (1, 0)


def test_without_a_link_to_ask_again_on_it_is_reversed_once_there_is_one() -> None:
    far = till(repeats=9)
    far.hears()
    far.party.disconnected("far#1", far.now)
    far.passes(31)
    assert far.events("answer.missing")


def test_while_the_link_is_away_nothing_is_sent_and_what_was_under_way_is_taken_back_later() -> None:
    far = till(load=Load(rate=1, duration_s=5))
    request = far.hears()
    far.party.disconnected("far#1", far.now)
    far.passes(35)
    assert not far.inbox
    far.party.connected("far#2", far.now)
    far.collect()
    assert book(far).open == 1
    assert request["37"] in book(far).payments[0].key


def test_draining_ends_the_load_and_waits_for_what_is_open() -> None:
    far = till(load=Load(rate=1))
    request = far.hears()
    far.party.drain(far.now)
    far.passes(5)
    assert not far.inbox
    assert not far.party.drained()
    far.answers(request, "00")
    far.answers(far.hears(), de70="002")
    assert far.party.drained()


# -- the mix


def test_a_mix_is_read_from_the_command_line() -> None:
    mix = Mix.parse("purchase=1, silent=2.5,foreign=0")
    assert (mix.purchase, mix.silent, mix.foreign, mix.web) == (1, 2.5, 0, Mix().web)
    assert Mix.parse("") == Mix()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("purchse=1", "'purchse' is no part of a mix; there are purchase, web"),
        ("web=many", "web: expected a number, found 'many'"),
        ("web=-1", "web: expected a number from 0"),
        ("purchase=0,web=0,cash=0,refund=0,balance=0,preauth=0,void=0", "a kind with a weight above 0"),
        ("foreign=60,showcase=60", "more than 100"),
        ("web=nan", "web: expected a number from 0"),
        ("wrong_cvv2=500", "wrong_cvv2: expected a number from 0 to 100, found '500'"),
    ],
)
def test_a_wrong_mix_says_what_is_wrong(text: str, says: str) -> None:
    with pytest.raises(MixError, match=says):
        Mix.parse(text)


def test_a_terminal_that_can_take_less_says_so_and_does_no_more_than_was_approved() -> None:
    far = till(only(preauth=1, less=100))
    request = far.hears()
    assert private_elements(request)[Private48.PARTIAL] == "1"
    far.answers(request, "10", de4="000000000100", de38="123456")
    far.passes(5)
    completion = far.hears()
    assert (completion["t"], completion["4"]) == ("0220", "000000000100"), "no more than was approved"
    far.answers(completion)
    assert [(p.amount, p.de39) for p in book(far).payments] == [(100, "10")]


def test_what_would_be_left_of_more_than_was_approved_is_not_voided() -> None:
    far = till(only(part=1, less=100))
    far.answers(far.hears(), "10", de4="000000000001")
    far.passes(5)
    assert [(p.amount, p.status) for p in book(far).payments] == [(1, "approved")]
    assert "0400" not in [heard.internal["t"] for heard in far.inbox]


def test_a_refund_in_part_gives_back_that_part() -> None:
    far = till(only(refund=1, less=100))
    far.answers(far.hears(), "10", de4="000000000100")
    assert [p.amount for p in book(far).payments] == [-100]
