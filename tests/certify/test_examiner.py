"""The certification kit: what behaves passes, and each misbehaviour fails on its own point."""

import re
from collections.abc import Callable
from functools import cache
from xml.etree import ElementTree

import msgspec
import pytest

from switch.certify.connections import first_stan
from switch.certify.findings import FAILED, NOT_RUN, PASSED, Report
from switch.certify.page import page
from switch.certify.reports import as_json, as_junit, lines_of
from switch.core.links.sealing import Sealing
from switch.core.network import LinkKeys
from switch.security.module import SoftwareModule
from switch.security.simulated import counted
from switch.wire import Document
from tests.certify.peers import (
    CMI87,
    at_a_silent_issuer,
    at_a_slow_issuer,
    at_a_switch,
    at_a_wrong_issuer,
    at_an_issuer,
    examiner,
    of,
    payer,
    pays,
    plan,
    wrong_points,
)
from tests.core.link_control.test_macs import keys
from tests.simulators.world import World, make_switch, morocco


def test_the_switch_passes_as_an_acquirer_sees_it() -> None:
    one = at_a_switch(plan("acquirer-basic"), "acquirers")
    assert [(o.ident, o.verdict) for o in one.outcomes] == [(f"A{n:02d}", PASSED) for n in range(1, 12)]
    assert one.notes == []


def test_the_switch_passes_as_a_terminal_sees_it() -> None:
    one = at_a_switch(plan("pos"), "pos")
    assert [(o.ident, o.verdict) for o in one.outcomes] == [(f"P{n:02d}", PASSED) for n in range(1, 8)]


@pytest.mark.parametrize(("name", "dialect", "member"), [("atlas", "cmi87", "01"), ("souss", "iso93", "03")])
def test_an_issuer_s_host_passes_in_its_own_dialect(name: str, dialect: str, member: str) -> None:
    whole = plan("acquirer-basic")
    cards = {"01": ("9504010000090010", "9504010000090028"), "03": ("9504030000090018", "9504030000090026")}[member]
    values = {**whole.values, "card": cards[0], "card_51": cards[1]}
    one = at_an_issuer(msgspec.structs.replace(whole, values=values), name, dialect)
    assert wrong_points(one) == {}
    assert all(outcome.verdict == PASSED for outcome in one.outcomes)


@pytest.mark.parametrize(
    ("change", "points"),
    [
        (lambda d: {**d, "39": "05"}, ["DE39"]),
        (lambda d: {de: v for de, v in d.items() if de != "38"}, ["DE38 present", "DE38 form"]),
        (lambda d: {**d, "37": "999999999999"}, ["DE37 echoed"]),
        (lambda d: {de: v for de, v in d.items() if de != "41"}, ["DE41 echoed"]),
        (lambda d: {**d, "11": "999999"}, ["DE11 echoed"]),
        (lambda d: {**d, "35": "9504010000090010=31122010000000000"}, ["DE35 absent"]),
        (lambda d: {**d, "38": "12/34!"}, ["DE38 form"]),
        (lambda d: {**d, "t": "0211"}, ["MTI"]),
        (lambda d: b"\x00\x08NONSENSE", ["readable"]),
    ],
    ids=["DE39", "DE38", "DE37", "DE41", "DE11", "track", "form", "MTI", "unreadable"],
)
def test_one_misbehaviour_fails_on_its_point(change: Callable[[Document], Document | bytes], points: list[str]) -> None:
    one = at_a_wrong_issuer(plan("acquirer-basic", "A01", "A03"), change)
    assert wrong_points(one) == {"A03": points}
    assert all(finding.expected and finding.found and finding.look_at for finding in of(one, "A03").failed)


def test_an_answer_that_is_late_is_found_late_and_nothing_else() -> None:
    one = at_a_slow_issuer(plan("acquirer-basic", "A03"), 6_000)
    assert wrong_points(one) == {"A03": ["in time"]}
    (finding,) = of(one, "A03").failed
    assert (finding.expected, finding.found) == ("within 5,000 ms", "6,001 ms")


def test_no_answer_is_said_and_the_plan_goes_on() -> None:
    one = at_a_silent_issuer(plan("acquirer-basic", "A03", "A11"))
    assert wrong_points(one) == {"A03": ["answer"]}
    assert of(one, "A11").verdict == PASSED


def test_another_framing_is_named_by_the_doctor() -> None:
    def in_ascii(document: Document) -> bytes:
        data = CMI87.encode(document)
        return f"{len(data):04d}".encode() + data

    one = at_a_wrong_issuer(plan("acquirer-basic", "A03"), in_ascii)
    (finding,) = of(one, "A03").failed
    assert finding.point in ("framing", "answer")


def test_what_an_essential_test_would_have_allowed_is_not_run_and_says_why() -> None:
    bad = msgspec.structs.replace(
        plan("acquirer-basic"), values={**plan("acquirer-basic").values, "institution": "999999"}
    )
    one = at_a_switch(bad, "acquirers")
    assert wrong_points(one)["A01"][0] == "DE39"
    assert all(o.verdict == NOT_RUN and "A01 failed" in o.why for o in one.outcomes[1:])


SALE = {number: pays(f"1000{number}") for number in range(1, 6)}
HELD = (
    '[[test.step]]\nname = "hold"\nlike = "payment"\nsend = { t = "0100", 4 = "000000010006", 25 = "06" }\n'
    '[test.step.points]\nsave = { approval = "38" }\n'
    '[[test.step]]\nagain = "hold"\nlike = "own"\n'
    'send = { t = "0220", 4 = "000000009000", 38 = "{approval}", 90 = "{hold.original}" }\n'
)


def test_the_switch_passes_as_an_issuer_sees_it() -> None:
    world = World()
    host = world.add(examiner(plan("issuer-basic")))
    switch = world.add(make_switch(morocco()))
    world.keep_connected("atlas", switch, host)
    acquirer = world.add(examiner(payer(*SALE.values(), HELD)))
    world.keep_connected("acquirers", acquirer, switch)
    world.run(300)
    assert wrong_points(host) == {}
    assert sorted((o.ident, o.verdict) for o in host.outcomes) == [(f"I{n:02d}", PASSED) for n in range(1, 8)]
    assert host.over


def certified_directly(ident: str, steps: str) -> tuple[dict[str, list[str]], list[str]]:
    """An acquirer that does as `steps` say, certified by one test of the issuer's plan: the wrong points, the notes."""
    world = World()
    host = world.add(examiner(plan("issuer-basic", ident)))
    acquirer = world.add(examiner(payer(steps)))
    world.keep_connected("atlas", acquirer, host)
    world.run(200)
    host.stop("over")
    return wrong_points(host), host.notes


def follows(message: str) -> str:
    again = f'[[test.step]]\nname = "then"\nagain = "sale"\nlike = "own"\nsend = {message}\n'
    return f"[test.step.points]\nwithin_ms = 1_000\n{again}"


@pytest.mark.parametrize(
    ("ident", "steps", "points"),
    [
        ("I02", pays("10001") + follows('{ t = "0420", 90 = "{sale.original}" }'), ["quiet"]),
        ("I03", pays("10002") + follows('{ t = "0420", 90 = "{sale.original}" }'), ["quiet"]),
        (
            "I04",
            pays("10003") + follows('{ t = "0420", 90 = "020099999911251200000000050410200000000000" }'),
            ["DE90 begins"],
        ),
        ("I04", pays("10003") + follows('{ t = "0420", 4 = "000000000100", 90 = "{sale.original}" }'), ["DE4 echoed"]),
        ("I04", pays("10003"), ["request", "request"]),
        ("I05", pays("10004") + follows('{ t = "0420", 90 = "{sale.original}" }'), ["request"]),
        ("I02", pays("10001").replace("send = {", 'send = { 37 = "           A", '), ["DE37 form"]),
    ],
    ids=["undone", "decline reversed", "wrong DE90", "wrong DE4", "no reversal", "no repeat", "DE37"],
)
def test_one_misbehaviour_of_an_acquirer_fails_on_its_point(ident: str, steps: str, points: list[str]) -> None:
    wrong, _ = certified_directly(ident, steps)
    assert {key: sorted(set(of)) for key, of in wrong.items()} == {ident: sorted(set(points))}


def test_an_endpoint_that_goes_on_takes_a_test_as_often_as_it_is_asked_for() -> None:
    world = World()
    host = world.add(examiner(plan("issuer-basic", "I02"), goes_on=True))
    acquirer = world.add(examiner(payer(SALE[1], SALE[1], pays("77777"))))
    world.keep_connected("atlas", acquirer, host)
    world.run(60)
    assert [(o.ident, o.verdict) for o in host.outcomes] == [("I02", PASSED)] * 2
    assert not host.over
    assert host.notes == ["a 0200 with DE11 000503 came, and no test is for it"]
    asked = of(acquirer, "T2").passages[-1]
    assert "12  invalid transaction" in asked.fields


def sealing(mac_key: str) -> Sealing:
    return Sealing(SoftwareModule(keys(), counted(1)), LinkKeys(mac_key=mac_key), CMI87)


@pytest.mark.parametrize(("theirs", "verdict"), [("rif-zak", PASSED), ("atlas-zak", FAILED)])
def test_messages_are_proved_where_the_link_has_macs(theirs: str, verdict: str) -> None:
    world = World()
    host = world.add(examiner(plan("issuer-basic", "I02"), sealing=sealing("rif-zak")))
    acquirer = examiner(payer(SALE[1]), sealing=sealing(theirs))
    world.add(acquirer)
    world.keep_connected("atlas", acquirer, host)
    world.run(200)
    assert of(acquirer, "T0").verdict == verdict
    if verdict == PASSED:
        assert "DE64" in of(acquirer, "T0").passages[0].fields
        assert [o.verdict for o in host.outcomes] == [PASSED]
    else:
        assert host.outcomes == []
        assert all(note.startswith("MAC: the MAC does not hold") for note in host.notes)


def test_an_answer_that_is_not_proved_fails_on_its_mac() -> None:
    world = World()
    world.add(host := examiner(plan("issuer-basic")))
    acquirer = examiner(plan("acquirer-basic", "A02"), sealing=sealing("rif-zak"))
    world.add(acquirer)
    world.keep_connected("atlas", acquirer, host)
    world.run(60)
    assert wrong_points(acquirer) == {"A02": ["MAC"]}
    assert of(acquirer, "A02").failed[0].found.startswith("it has no MAC")


@cache
def report() -> Report:
    one = at_a_switch(plan("pos"), "pos")
    bad = at_a_wrong_issuer(plan("acquirer-basic", "A03"), lambda d: {**d, "35": "9504010000090010=31122010000000000"})
    return Report(
        plan="pos",
        title="POS <&>",
        plays="acquirer",
        certifies="a switch",
        peer="127.0.0.1:1",
        dialect="cmi87b",
        framing="tpdu",
        began="2025-11-25T12:00:00Z",
        outcomes=[*one.outcomes, *bad.outcomes],
        notes=["a note"],
    )


def test_no_report_has_a_secret_in_any_form() -> None:
    whole = report()
    texts = [
        page(whole),
        as_json(whole),
        as_junit(whole),
        *(t for o in whole.outcomes for t in lines_of(o, lambda _, t: t)),
    ]
    assert len(whole.outcomes[1].passages) == 2
    for text in texts:
        digits = re.sub(r"[\s-]", "", text)
        for secret in ("9504010000090010", "9504010000090028", "9504010000090036", "3112201", "=3112"):
            assert secret not in digits
            assert secret.encode().hex().upper() not in digits.upper()


def test_reports_are_whole() -> None:
    whole = report()
    suites = ElementTree.fromstring(as_junit(whole))
    assert suites.attrib == {"name": "pos", "tests": str(sum(len(o.findings) for o in whole.outcomes)), "failures": "1"}
    read = msgspec.json.decode(as_json(whole))
    assert read["passed"] is False
    assert [o["verdict"] for o in read["outcomes"]] == ["passed"] * 7 + ["failed"]
    html = page(whole)
    assert "<script" not in html
    assert "POS &lt;&amp;&gt;" in html
    assert html.count("<details") == sum(len(o.passages) for o in whole.outcomes)
    for outcome in whole.outcomes:
        assert f'id="{outcome.ident}"' in html


def test_a_run_right_behind_another_repeats_no_number_of_its_second() -> None:
    assert first_stan(50_000_000) - first_stan(0) == 500, "more than the longest plan has messages"
    assert [first_stan(99_999_800_000), first_stan(99_999_900_000)] == [999_999, 1]
