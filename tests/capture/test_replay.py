"""Replaying one side of a talk: what is sent when, what is expected, and that a change of the other side is noticed."""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest

from switch.capture.compare import DEFAULT_RULES
from switch.capture.junit import as_junit
from switch.capture.refresh import Refresher
from switch.capture.replay import NS, Plan, Replay, Report, report_of
from switch.capture.talks import Talk, said
from switch.wire import Dialect, Document

CMI87 = Dialect.load("cmi87")
PLAN = Plan(rules=DEFAULT_RULES)
SIGN_ON = {"t": "0800", "7": "1125120000", "11": "000001", "32": "504102", "70": "001"}
FIELDS = {"3": "000000", "12": "120000", "13": "1125", "25": "00", "32": "504102", "41": "RIF00001", "42": "MERCHANT0000001",
          "49": "504"}  # fmt: skip


def purchase(stan: str, amount: str, **more: str) -> Document:
    made = {**FIELDS, "t": "0200", "2": "9504010000000016", "4": amount, "7": f"11251200{stan[-2:]}", "11": stan, "18": "5411",
            "22": "051", "37": f"532912{stan}"}  # fmt: skip
    return made | {key.removeprefix("de"): value for key, value in more.items()}


def answer(request: Document, de39: str = "00", **more: str) -> Document:
    echoed: Document = {
        de: request[de]
        for de in ("2", "3", "4", "7", "11", "12", "13", "25", "32", "37", "41", "42", "49", "70", "90")
        if de in request
    }
    made: Document = {**echoed, "t": f"{request['t'][:2]}{int(request['t'][2]) + 1}0", "39": de39}
    return made | {key.removeprefix("de"): value for key, value in more.items()}


def talk(*messages: tuple[bool, Document] | tuple[bool, Document, float]) -> Talk:
    made = Talk(name="client > host", dialect=CMI87, framing="length2")
    for n, (from_client, document, *at) in enumerate(messages):
        at_ns = round((at[0] if at else n * 0.1) * NS) + NS
        made.said.append(said(CMI87, CMI87.encode(document), at_ns, from_client))
    return made


BUY, DEAR = purchase("000002", "000000015000"), purchase("000003", "000009900000")
BACK = {**{de: BUY[de] for de in BUY if de != "18"}, "t": "0420", "11": "000004", "7": "1125120010",
        "90": "0200" + "000002" + BUY["7"] + "00000504102" + "0" * 11}  # fmt: skip
DAY = talk(
    (True, SIGN_ON), (False, answer(SIGN_ON)),
    (True, BUY), (False, answer(BUY, de38="A12345", de54="0001504C000000050000")),
    (True, DEAR), (False, answer(DEAR, "51")),
    (True, BACK), (False, answer(BACK)),
)  # fmt: skip


class Host:
    """The server of a talk, faithful but for what is done to its answers."""

    def __init__(self, of: Talk, change: Callable[[Document], Iterator[bytes]] | None = None) -> None:
        self.side = Replay(of, Plan(client=False, rules=DEFAULT_RULES))
        self.side.started(0)
        self.change = change

    def hears(self, data: bytes) -> list[bytes]:
        out = []
        for message in self.side.received(data, 0):
            document = CMI87.decode(message)
            out += list(self.change(document)) if self.change is not None else [message]
        return out


def run(of: Talk, host: Host, plan: Plan = PLAN) -> Report:
    """Both ends joined, in virtual time."""
    replay, now = Replay(of, plan), 0
    replay.started(now)
    while not replay.done:
        out = replay.advance(now)
        while out:
            answers = [heard for data in out for heard in host.hears(data)]
            out = [more for data in answers for more in replay.received(data, now)]
        now = max(now + 1, replay.due() or 0)
    return report_of([replay])


def test_a_faithful_host_shows_no_difference() -> None:
    report = run(DAY, Host(DAY))
    assert report.same
    assert str(report) == "4 of 4 as captured"


# -- planted changes: fifty ways in which a host may behave otherwise


def planted() -> dict[str, Callable[[Document], Iterator[bytes]]]:
    made: dict[str, Callable[[Document], Iterator[bytes]]] = {}

    def altered(elements: Document) -> Callable[[Document], list[Document | bytes]]:
        return lambda document: [document | elements]

    def without(de: str) -> Callable[[Document], list[Document | bytes]]:
        return lambda document: [{k: v for k, v in document.items() if k != de}]

    def plant(
        name: str, when: Callable[[Document], bool], change: Callable[[Document], list[Document | bytes]]
    ) -> None:
        def changed(document: Document) -> Iterator[bytes]:
            for out in change(dict(document)) if when(document) else [document]:
                yield out if isinstance(out, bytes) else CMI87.encode(out)

        made[name] = changed

    def of(mti: str, de39: str = "") -> Callable[[Document], bool]:
        return lambda document: document["t"] == mti and de39 in ("", document["39"])

    approved = of("0210", "00")
    for code in ("05", "10", "51", "91", "96"):
        plant(f"an approval becomes {code}", approved, altered({"39": code}))
    plant("a decline becomes an approval", of("0210", "51"), lambda d: [d | {"39": "00"}])
    plant("another reason to decline", of("0210", "51"), lambda d: [d | {"39": "61"}])
    plant("the reversal is refused", of("0430"), lambda d: [d | {"39": "25"}])
    plant("the sign-on is refused", of("0810"), lambda d: [d | {"39": "05"}])
    for de in ("2", "3", "4", "7", "11", "12", "13", "25", "32", "37", "38", "39", "41", "42", "49", "54"):
        plant(f"an approval lacks DE{de}", approved, without(de))
    for de, value in {
        "2": "9504010000000024", "3": "200000", "4": "000000015001", "7": "1125120059", "11": "000099", "12": "120001",
        "32": "504101", "37": "532912999999", "38": "12345 ", "41": "RIF00002", "42": "MERCHANT0000002", "49": "978",
        "54": "0001504D000000050000",
    }.items():  # fmt: skip
        plant(f"an approval alters DE{de}", approved, altered({de: value}))
    for de, value in {"44": "X", "48": "0102AB", "15": "1126", "70": "001"}.items():
        plant(f"an approval gains DE{de}", approved, altered({de: value}))
    plant("a decline gains DE38", of("0210", "51"), lambda d: [d | {"38": "A12345"}])
    plant("another MTI", approved, lambda d: [d | {"t": "0230"}])
    plant("another class", approved, lambda d: [d | {"t": "0110"}])
    plant("no answer to a purchase", approved, lambda _: [])
    plant("no answer to the sign-on", of("0810"), lambda _: [])
    plant("the answer comes twice", approved, lambda d: [d, d])
    plant("an answer that does not decode", approved, lambda _: [b"0210zzzz"])
    plant("the reversal repeats another amount", of("0430"), lambda d: [d | {"4": "0" * 12}])
    plant("the host asks something of its own", approved, lambda d: [d, purchase("000050", "000000000100")])
    plant("the amount moves one digit", of("0210", "51"), lambda d: [d | {"4": d["4"][1:] + "0"}])
    return made


PLANTED = planted()


def test_of_fifty_planted_changes_at_least_forty_nine_are_noticed() -> None:
    assert len(PLANTED) >= 50
    unnoticed = [name for name, change in PLANTED.items() if run(DAY, Host(DAY, change)).same]
    assert len(unnoticed) * 50 <= len(PLANTED), unnoticed


def test_a_difference_names_message_element_and_both_values() -> None:
    report = run(DAY, Host(DAY, PLANTED["an approval becomes 51"]))
    assert str(report).splitlines() == [
        "message 3: the answer to 0200, STAN 000002",
        "  DE39  Response Code                         captured 00 approved, found 51 not sufficient funds",
        "3 of 4 as captured, 1 differ",
    ]


def test_an_answer_that_never_comes_is_said_with_how_long_was_waited() -> None:
    text = str(run(DAY, Host(DAY, PLANTED["no answer to a purchase"])))
    assert "an answer: captured 0210 DE11 000002 DE39 00, found none within 5 s" in text


def test_an_answer_under_another_stan_is_shown_as_that_and_not_as_missing() -> None:
    report = run(DAY, Host(DAY, PLANTED["an approval alters DE11"]))
    assert [d.text.split()[-4:] for d in report.different[0].differences] == [["000002,", "found", "000099", "(echo)"]]


# -- when things are sent


def due_times(of: Talk, plan: Plan) -> list[float]:
    """Seconds at which each message of ours leaves, the host answering at once."""
    replay, host, now, times = Replay(of, plan), Host(of), 0, []
    replay.started(0)
    while not replay.done:
        for data in replay.advance(now):
            times.append(now / NS)
            for heard in host.hears(data):
                replay.received(heard, now)
        now = max(now, replay.due() or 0)
    return times


TWO = talk((True, BUY, 0.0), (True, DEAR, 2.0), (False, answer(DEAR, "51"), 2.5), (False, answer(BUY), 3.0))


def test_requests_leave_as_captured_or_so_many_times_faster() -> None:
    assert due_times(TWO, Plan(speed=1.0, rules=DEFAULT_RULES)) == [0.0, 2.0]
    assert due_times(TWO, Plan(speed=4.0, rules=DEFAULT_RULES)) == [0.0, 0.5]
    assert due_times(TWO, PLAN) == [0.0, 0.0]


def test_a_request_waits_for_the_answers_it_had_waited_for_however_fast() -> None:
    replay = Replay(DAY, PLAN)
    replay.started(0)
    assert [CMI87.decode(data)["t"] for data in replay.advance(0)] == ["0800"]
    assert replay.advance(1) == [], "a purchase does not overtake the sign-on it followed"
    assert [CMI87.decode(data)["11"] for data in replay.received(CMI87.encode(answer(SIGN_ON)), 2)] == ["000002"]


def test_answers_may_come_in_any_order() -> None:
    replay = Replay(TWO, PLAN)
    replay.started(0)
    assert len(replay.advance(0)) == 2
    for reply in (answer(BUY), answer(DEAR, "51")):
        replay.received(CMI87.encode(reply), 1)
    assert replay.done
    assert report_of([replay]).same


# -- the server's side


def test_as_server_it_answers_live_requests_with_what_they_repeat() -> None:
    replay = Replay(DAY, Plan(client=False, rules=DEFAULT_RULES))
    replay.started(0)
    live = {**BUY, "11": "777777", "7": "1225120000", "37": "535912777777"}
    (reply,) = replay.received(CMI87.encode(live), 0)
    document = CMI87.decode(reply)
    assert {de: document[de] for de in ("t", "11", "7", "37", "38", "39")} == {
        "t": "0210", "11": "777777", "7": "1225120000", "37": "535912777777", "38": "A12345", "39": "00",
    }  # fmt: skip


def test_as_server_it_notices_requests_that_differ_or_never_come() -> None:
    replay = Replay(DAY, Plan(client=False, rules=DEFAULT_RULES))
    replay.started(0)
    replay.received(CMI87.encode({**BUY, "4": "000000015100"}), 0)
    replay.lost("the client hung up")
    names = {case.name: [d.text for d in case.differences] for case in replay.cases}
    assert names["message 3: their 0200, STAN 000002"][0].endswith("captured 000000015000, found 000000015100")
    assert names["message 5: their 0200, STAN 000003"] == [
        "a request: captured 0200 DE11 000003, found the client hung up"
    ]
    assert "message 1: their 0800, STAN 000001" not in names, "sign-ons and echo tests come when they come"


def test_as_server_of_a_capture_of_sign_ons_alone_it_waits_for_them() -> None:
    replay = Replay(talk((True, SIGN_ON), (False, answer(SIGN_ON))), Plan(client=False, rules=DEFAULT_RULES))
    replay.started(0)
    assert replay.advance(0) == []
    assert not replay.done
    assert len(replay.received(CMI87.encode({**SIGN_ON, "11": "000042"}), 1)) == 1
    assert replay.done
    assert report_of([replay]).same


def test_an_echo_test_that_was_not_captured_is_answered_and_no_difference() -> None:
    replay = Replay(TWO, PLAN)
    replay.started(0)
    replay.advance(0)
    echo = {"t": "0800", "7": "1125120000", "11": "000009", "70": "301"}
    (reply,) = replay.received(CMI87.encode(echo), 0)
    assert CMI87.decode(reply) == CMI87.decode(CMI87.encode({**echo, "t": "0810", "39": "00"}))
    assert replay.cases == []


def test_the_answer_of_a_capture_without_its_request_is_left_out_and_said() -> None:
    replay = Replay(talk((False, answer(BUY)), (True, DEAR), (False, answer(DEAR))), PLAN)
    assert replay.troubles == ["message 1 of the capture, 0210, answers nothing captured: left out"]


# -- fresh requests


def test_fresh_requests_are_new_everywhere_a_host_would_recognise_them() -> None:
    fresh = Refresher(lambda: datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), 700_000)
    buy, back = fresh(BUY), fresh(BACK)
    assert (buy["11"], buy["7"], buy["37"]) == ("700000", "0102030405", "532912700000")
    assert back["90"] == "0200" + "700000" + "0102030405" + "00000504102" + "0" * 11
    assert (back["11"], back["37"]) == ("700001", buy["37"]), "what named the payment names it now"
    assert fresh(BUY)["11"] == "700000", "a repeat stays a repeat"
    assert {de: buy[de] for de in ("2", "4", "41")} == {de: BUY[de] for de in ("2", "4", "41")}


OTHER_TERMINAL = {**BUY, "41": "99999999"}
COME_ROUND = {**BUY, "7": "1126130000", "12": "130000", "13": "1126", "37": "533013000002"}


def at_noon() -> Refresher:
    return Refresher(lambda: datetime(2026, 1, 2, 12, tzinfo=UTC), 700_000)


@pytest.mark.parametrize(
    "second", [OTHER_TERMINAL, COME_ROUND, {**BUY, "4": "000000000100"}, {**BUY, "2": DEAR["2"][:-1] + "0"}]
)
def test_two_payments_of_one_stan_stay_two(second: Document) -> None:
    """Terminals each count their own, and a counter comes round: under one number a host would take the second for the first."""
    fresh = at_noon()
    assert [fresh(BUY)["11"], fresh(second)["11"]] == ["700000", "700001"]
    assert [fresh(second)["11"], fresh(BUY)["11"]] == ["700001", "700000"], "the repeat of each stays its own"
    assert fresh({**second, "t": "0201", "7": "1126150000"})["11"] == "700001", "marked, at another time"


@pytest.mark.parametrize("second", [OTHER_TERMINAL, COME_ROUND])
def test_a_reversal_names_the_payment_of_several_that_it_named(second: Document) -> None:
    fresh = at_noon()
    new = [fresh(BUY), fresh(second)]
    for was, now in zip((BUY, second), new, strict=True):
        back = fresh({**BACK, "41": was["41"], "37": was["37"], "90": "0200" + was["11"] + was["7"] + "0" * 22})
        assert back["90"][4:10] == now["11"]
        assert back["37"] == now["37"]


def test_what_follows_under_the_payments_own_stan_keeps_it() -> None:
    fresh = at_noon()
    buy = fresh(BUY)
    for follower in ({"t": "0400", "7": "1125120500"}, {"t": "0220", "7": "1125120500"}):
        assert fresh({**BUY, **follower})["11"] == buy["11"]
    assert fresh({**SIGN_ON, "11": BUY["11"]})["11"] != buy["11"]


def test_a_fresh_replay_expects_the_fresh_echoes() -> None:
    refresh = Refresher(lambda: datetime(2026, 1, 2, tzinfo=UTC), 700_000)
    assert run(DAY, Host(DAY), Plan(rules=DEFAULT_RULES, refresh=refresh)).same


# -- JUnit


def test_junit_has_a_case_for_each_thing_expected_and_a_failure_with_the_diff() -> None:
    root = ET.fromstring(as_junit(run(DAY, Host(DAY, PLANTED["an approval lacks DE38"])), "day.pcapng"))
    assert (root.get("name"), root.get("tests"), root.get("failures")) == ("day.pcapng", "4", "1")
    (failure,) = root.iter("failure")
    assert "DE38" in (failure.text or "")
    assert next(case.get("name") for case in root.iter("testcase")) == "message 1: the answer to 0800, STAN 000001"


@pytest.mark.parametrize("bad", ["\x00\x1b[31m", "]]>", "<&\"'>", "\ufffe"])
def test_junit_is_well_formed_whatever_a_host_says(bad: str) -> None:
    report = run(DAY, Host(DAY, PLANTED["an approval gains DE44"]))
    case = report.different[0]
    case.differences = [case.differences[0]._replace(found=bad)]
    ET.fromstring(as_junit(report, bad))
