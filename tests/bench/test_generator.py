"""The generator against a host of our own, over loopback: what it sends, what it counts, when it refuses to go on."""

import itertools
from collections import Counter
from typing import Any

import pytest

from switch.bench.generator import Counts, Load, LoadError, Plan
from switch.bench.messages import Card, CardRange, Settings, Speech, cards_of, make_templates
from switch.core.network import Address
from switch.wire import Dialect
from switch.wire.framing import make_framing
from switch.wire.pans import luhn_digit
from tests.bench.hosts import Answer

from .hosts import approve, host

SETTINGS = Settings(institution="504101", local_time="260921141320")


def load(address: str, dialect: str = "cmi87", **changes: bool | float) -> Load:
    name, _, port = address.rpartition(":")
    spoken = Dialect.load(dialect)
    settings: dict[str, Any] = {
        "framing": spoken.framing, "connections": 2, "in_flight": 8, "rate": 0.0, "duration_s": 0.15, "warmup_s": 0.05,
        "timeout_s": 2.0, "sign_on": True,
    } | changes  # fmt: skip
    plan = Plan(address=Address(name, int(port)), **settings)
    return Load(plan, Speech(spoken, SETTINGS), cards_of("950401", 5), first_stan=999_990)


def run(address: str, dialect: str = "cmi87", **changes: float) -> Counts:
    loading = load(address, dialect, **changes)
    try:
        loading.connect()
        counts = loading.run()
        assert counts is not None
        return counts
    finally:
        loading.close()


@pytest.mark.parametrize("dialect", ["cmi87", "cmi87b", "visa", "mastercard", "iso93"])
def test_every_dialect_is_spoken_and_its_answers_read(dialect: str) -> None:
    with host(dialect=dialect) as (address, heard):
        counts = run(address, dialect)
    assert counts.answered > 0
    assert counts.answered <= sum(counts.latencies.values())
    assert len(counts.codes) == 1
    assert (counts.timeouts, counts.unanswered, counts.unmatched, counts.unreadable, counts.lost_connections) == (
        0,
        0,
        0,
        0,
        0,
    )
    assert {m["t"][1] for m in heard} == {"2", "8"}


def test_each_connection_signs_on_first_and_each_request_is_like_no_other() -> None:
    with host() as (address, heard):
        run(address)
    sign_ons = [m for m in heard if m["t"] == "0800"]
    payments = [m for m in heard if m["t"] == "0200"]
    assert [(m["70"], m["32"]) for m in sign_ons] == [("001", "504101")] * 2
    assert len({(m["7"], m["11"]) for m in payments}) == len(payments)
    assert len({m["37"] for m in payments}) == len(payments)
    assert {m["37"][6:] == m["11"] for m in payments} == {True}
    assert {m["11"] for m in payments} >= {"999995", "000001"}, "DE11 goes round after 999999, and is never 000000"
    assert "000000" not in {m["11"] for m in payments}


def test_cards_take_turns() -> None:
    with host() as (address, heard):
        run(address)
    used = Counter(m["2"] for m in heard if m["t"] == "0200")
    assert len(used) == 5
    assert max(used.values()) - min(used.values()) <= 1
    assert all(luhn_digit(pan[:-1]) == pan[-1] for pan in used)


def test_a_closed_loop_has_so_many_in_flight_and_no_more() -> None:
    most = 0
    with host(lambda request: []) as (address, heard):
        loading = load(address, sign_on=False, timeout_s=0.3, in_flight=8)
        loading.connect()
        counts = loading.run()
        loading.close()
        most = len(heard)
    assert most == 8
    assert counts.unanswered == 8
    assert counts.answered == 0


def test_an_open_loop_sends_on_schedule_whatever_comes_back() -> None:
    with host() as (address, _):
        counts = run(address, rate=500.0, duration_s=0.4)
    assert 20 < counts.sent <= 203, "as many as were due, or fewer where others had the processor at the end"
    assert sum(counts.lateness.values()) == counts.sent


def test_a_host_that_does_not_answer_is_charged_for_every_request() -> None:
    with host(lambda request: approve(request) if request["t"] == "0800" else []) as (address, _):
        counts = run(address, rate=200.0, duration_s=0.4, timeout_s=0.1)
    assert counts.answered == 0
    assert counts.timeouts + counts.unanswered >= 60
    assert "no answer within 0.1 s" in counts.first_trouble


def test_an_answer_to_nothing_is_counted_and_told() -> None:
    def doubled(request: dict[str, str]) -> list[dict[str, str]]:
        return approve(request) * 2 if request["t"] == "0200" else approve(request)

    with host(doubled) as (address, _):
        counts = run(address)
    assert counts.answered > 0
    assert counts.unmatched > 0
    assert "to nothing that waits" in counts.first_trouble


def test_answers_of_changing_layout_are_still_read() -> None:
    lengths = itertools.cycle(["", "1", "22"])

    def varied(request: dict[str, str]) -> list[dict[str, str]]:
        (answer,) = approve(request)
        extra = next(lengths)
        return [answer | ({"44": extra, "2": answer["2"][: 13 + len(extra)]} if extra and "2" in answer else {})]

    with host(varied) as (address, _):
        counts = run(address)
    assert counts.answered > 3
    assert counts.unreadable == counts.unmatched == 0


def test_declines_are_counted_by_code() -> None:
    codes = itertools.cycle(["00", "51"])

    def mixed(request: dict[str, str]) -> list[dict[str, str]]:
        (answer,) = approve(request)
        return [answer | {"39": next(codes)}] if request["t"] == "0200" else [answer]

    with host(mixed) as (address, _):
        counts = run(address)
    assert set(counts.codes) == {b"00", b"51"}
    assert counts.approved.total() == counts.codes[b"00"]


def test_a_host_s_own_echo_test_is_answered() -> None:
    asked: list[int] = []

    def ask(request: dict[str, str]) -> list[dict[str, str]]:
        answers = approve(request) if request["t"] != "0810" else []
        if request["t"] == "0200" and not asked:
            asked.append(1)
            answers.append({"t": "0800", "7": "0921141320", "11": "000777", "70": "301"})
        return answers

    with host(ask) as (address, heard):
        counts = run(address)
    assert counts.unmatched == 0
    assert [(m["11"], m["39"], m["70"]) for m in heard if m["t"] == "0810"] == [("000777", "00", "301")]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda request: [approve(request)[0] | {"39": "58"}], "refuses the sign-on: DE39=58"),
        (lambda request: [], "no answer to the sign-on within 0.2 s; --no-sign-on"),
    ],
)
def test_a_sign_on_that_fails_ends_it(answer: Answer, says: str) -> None:
    with host(answer) as (address, _), pytest.raises(LoadError, match=says):
        run(address, timeout_s=0.2)


def test_nothing_listening_is_said_with_its_address() -> None:
    with host() as (address, _):
        pass
    with pytest.raises(LoadError, match=f"nothing answers at {address}"):
        run(address)


def test_a_host_that_closes_its_connections_ends_the_run() -> None:
    def close(request: dict[str, str]) -> list[dict[str, str]]:
        if request["t"] == "0200":
            raise ConnectionResetError
        return approve(request)

    with host(close) as (address, _), pytest.raises(LoadError, match="the last connection was lost"):
        run(address)


def test_a_purchase_without_de11_cannot_be_told_from_another() -> None:
    speech = Speech(Dialect.load("cmi87"), Settings(institution="1", local_time="260921141320", without=("11",)))
    plan = Plan(
        address=Address("127.0.0.1", 1), framing="length2", connections=1, in_flight=1, rate=0, duration_s=1, warmup_s=0,
        timeout_s=1, sign_on=False,
    )  # fmt: skip
    with pytest.raises(KeyError, match="11"):
        Load(plan, speech, [Card("9504010000000009", "3112")])


def test_settings_have_the_last_word() -> None:
    settings = Settings(institution="504101", local_time="260921141320", set={"18": "6011"}, without=("35",))
    document = Speech(Dialect.load("cmi87"), settings).purchase(Card("9504010000000009", "3112"))
    assert document["18"] == "6011"
    assert "35" not in document
    assert (document["12"], document["13"]) == ("141320", "0921")


def test_a_prefix_without_room_is_refused() -> None:
    with pytest.raises(ValueError, match="leaves no room for 100"):
        cards_of("95040100000001", 100)


def test_a_countrys_cards_are_made_as_they_are_sent_all_over_the_range() -> None:
    """3.2 million: Morocco's, 2007. Each message is what a template made for its card alone would be."""
    speech = Speech(Dialect.load("cmi87"), SETTINGS)
    cards = CardRange("950401", 3_200_000)
    framing = make_framing("length2")
    made = make_templates(speech, cards, framing)
    assert len(made) == len(cards) == 3_200_000
    sent = {made[n].fill(b"0921141320", b"000001", b"626414000001") for n in range(500)}
    assert len(sent) == 500
    (second,) = [made[1].fill(b"0921141320", b"000001", b"626414000001")]
    alone = speech.template(cards[1_000_003], framing)
    assert second == alone.fill(b"0921141320", b"000001", b"626414000001")


def test_a_template_is_of_messages_of_one_length() -> None:
    speech = Speech(Dialect.load("cmi87"), SETTINGS)
    first = speech.template(Card("9504010000000009", "3112"), make_framing("length2"))
    with pytest.raises(ValueError, match="not laid out as one of"):
        first.again(speech.purchase(Card("9504010000000000009", "3112")))


def test_a_range_of_cards_reads_as_a_list() -> None:
    cards = CardRange("950401", 5)
    assert cards[:] == list(cards) == cards_of("950401", 5)
    assert cards[-1] == cards[4]
    with pytest.raises(IndexError):
        cards[5]
