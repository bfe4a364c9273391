"""Each way that an authentication can go, from the 3DS server to the bank and back."""

import itertools
import re
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from switch.simulators.de48 import Private48, with_private
from switch.simulators.proofs import ProofDesk
from switch.threeds.acs_texts import TEXTS
from switch.threeds.challenges import ChallengeLimits
from switch.threeds.peers import PeerError
from switch.threeds.protocol.encoding import encode, to_form
from switch.threeds.protocol.errors import ErroCode
from switch.threeds.protocol.messages import check_message
from tests.simulators.samples import card
from tests.threeds import world as w
from tests.threeds.test_messages import FLOWS
from tests.threeds.world import World, cres_of, hidden, page_path


async def outcome(world: World, pan: str, amount: int = 100_00, **changes: Any) -> dict[str, Any]:
    return await world.server.authenticate(world.areq(pan, amount, **changes))


async def test_who_is_enrolled_is_announced() -> None:
    world = World()
    assert not world.server.ready
    assert await world.server.fetch_ranges()
    methods = {pan: world.server.range_of(pan) for pan in (w.PLAIN, w.CHALLENGED, w.REFUSED, w.OUTSIDE, w.PREPAID)}
    assert [found is not None for found in methods.values()] == [True, True, True, False, False]
    assert methods[w.PLAIN].method_url == "http://127.0.0.1:8461/method"  # type: ignore[union-attr]
    assert methods[w.REFUSED].method_url == ""  # type: ignore[union-attr]
    ranges = world.server._ranges or []
    assert all(one.high < other.low for one, other in itertools.pairwise(ranges)), "none overlap"


async def test_ranges_that_do_not_come_are_reported_once_for_each_reason() -> None:
    world, why = World(), "nobody there"

    async def refuse(_: bytes) -> bytes | None:
        await trio.lowlevel.checkpoint()
        raise PeerError(ErroCode.ACCESS_DENIED, why)

    world.trouble["8450"] = refuse
    for reason in ("nobody there", "nobody there", "no certificate", "no certificate"):
        why = reason
        assert not await world.server.fetch_ranges()
    assert [fields["reason"] for _, fields in world.log] == ["nobody there", "no certificate"]
    del world.trouble["8450"]
    assert await world.server.fetch_ranges()
    world.trouble["8450"] = refuse
    assert not await world.server.fetch_ranges()
    assert len(world.log) == 3, "it was well in between"


@pytest.mark.parametrize(
    ("pan", "amount", "status", "reason", "eci"),
    [
        (w.PLAIN, 500_00, "Y", None, "05"),
        (w.ATTEMPTED, 100_00, "A", None, "01"),
        (w.REJECTED, 100_00, "R", "11", None),
        (w.REFUSED, 100_00, "N", "01", None),
        (w.UNAVAILABLE, 100_00, "U", "22", None),
        (w.OUTSIDE, 100_00, "U", "13", None),
        (w.PREPAID, 100_00, "U", "13", None),
        (w.PLAIN, 500_01, "C", None, None),
        (w.CHALLENGED, 1, "C", None, None),
    ],
)
async def test_the_banks_rule_decides(pan: str, amount: int, status: str, reason: str | None, eci: str | None) -> None:
    answer = await outcome(World(), pan, amount)
    assert (answer["transStatus"], answer.get("transStatusReason"), answer.get("eci")) == (status, reason, eci)
    assert ("authenticationValue" in answer) is (status in "YA")


async def test_what_a_3ds_server_wishes_and_a_channel_can_show() -> None:
    world = World()
    assert (await outcome(world, w.PLAIN, threeDSRequestorChallengeInd="04"))["transStatus"] == "C"
    assert (await outcome(world, w.CHALLENGED, threeDSRequestorChallengeInd="06"))["transStatus"] == "I"
    assert (await outcome(world, w.PLAIN, 1, purchaseCurrency="978"))["transStatus"] == "C", (
        "in another currency it asks"
    )
    other: dict[str, Any] = {"deviceChannel": "03", "threeRIInd": "01"}
    assert (await outcome(world, w.CHALLENGED, **other))["transStatus"] == "U", "nobody is there to ask"


def code_of(world: World) -> str:
    (code,) = re.findall(r": (\d{6}) confirms", world.texts[-1])
    return str(code)


async def to_the_code(world: World) -> tuple[dict[str, Any], str, str]:
    answer = await outcome(world, w.CHALLENGED)
    page = await world.begin(answer, "c2Vzc2lvbg")
    return answer, page_path(page), code_of(world)


async def test_the_right_code_authenticates_and_its_value_is_the_cards() -> None:
    world = World()
    answer, path, code = await to_the_code(world)
    assert "card 455041******0015" in world.texts[-1]
    back = await world.browse(path, code=f" {code[:3]} {code[3:]} ", do="confirm")
    (told,) = world.results
    assert (told["transStatus"], told["eci"], told["interactionCounter"]) == ("Y", "05", "01")
    assert check_message(cres_of(back), {"CRes"})["transStatus"] == "Y"
    assert hidden(back)["threeDSSessionData"] == "c2Vzc2lvbg"
    assert f'action="{w.BACK}"' in back
    assert told["acsTransID"] == answer["acsTransID"]
    claim = with_private({}, {Private48.ECI: "05", Private48.CAVV: told["authenticationValue"]})
    assert ProofDesk().judge(card(pan=w.CHALLENGED, scheme="visa"), claim) is None
    assert ProofDesk().judge(card(pan=w.REJECTED, scheme="visa"), claim) is not None
    assert cres_of(await world.browse(path)) == cres_of(back), "loaded again it is the same"
    assert len(world.results) == 1


async def test_three_wrong_codes_do_not_and_another_code_makes_the_first_void() -> None:
    world = World()
    _, path, _ = await to_the_code(world)
    assert TEXTS["fr"].wrong in await world.browse(path, code="000000", do="confirm")
    await world.browse(path, do="again", lang="ar")
    assert len(world.texts) == 2
    await world.browse(path, code="9", do="confirm")
    back = await world.browse(path, code="", do="confirm")
    (told,) = world.results
    assert (told["transStatus"], told["transStatusReason"], told["interactionCounter"]) == ("N", "19", "03")
    assert cres_of(back)["transStatus"] == "N"
    assert "authenticationValue" not in told
    late = await world.browse(path, code=code_of(world), do="confirm")
    assert cres_of(late)["transStatus"] == "N", "it has ended"
    assert len(world.results) == 1


async def test_where_no_code_was_sent_none_is_right() -> None:
    world = World(ChallengeLimits(messages=0))
    path = page_path(await world.begin(await outcome(world, w.CHALLENGED), "c2Vzc2lvbg"))
    assert TEXTS["fr"].wrong in await world.browse(path, code="", do="confirm")


async def test_only_so_many_codes_are_sent() -> None:
    world = World()
    _, path, _ = await to_the_code(world)
    for _ in range(3):
        page = await world.browse(path, do="again", lang="en")
    assert TEXTS["en"].no_more in page
    assert len(world.texts) == 3


async def test_the_cardholder_says_no() -> None:
    world = World()
    _, path, _ = await to_the_code(world)
    back = await world.browse(path, do="cancel")
    (told,) = world.results
    assert (told["transStatus"], told["challengeCancel"]) == ("N", "01")
    assert cres_of(back)["transStatus"] == "N"


@pytest.mark.parametrize(("comes", "cancel", "after"), [(False, "05", 31), (True, "04", 601)])
async def test_time_ends_a_challenge(comes: bool, cancel: str, after: float, autojump_clock: MockClock) -> None:
    world = World()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.acs.challenges.run)
        answer = await outcome(world, w.CHALLENGED)
        if comes:
            await world.begin(answer)
        await trio.sleep(after - 2)
        assert not world.results
        await trio.sleep(3)
        (told,) = world.results
        assert (told["transStatus"], told["transStatusReason"], told["challengeCancel"]) == ("N", "14", cancel)
        page = await world.begin(answer)
        assert cres_of(page)["transStatus"] == "N", "a browser that comes later is sent back"
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize("leg", ["8461", "8450"])
async def test_a_server_that_is_silent_or_gone_is_told_of(leg: str, autojump_clock: MockClock) -> None:
    world = World()

    async def silent(body: bytes) -> bytes | None:
        await trio.sleep(60)
        return None

    world.trouble[leg] = silent
    began = trio.current_time()
    with pytest.raises(PeerError) as raised:
        await outcome(world, w.PLAIN)
    assert raised.value.code is ErroCode.TIMED_OUT
    assert trio.current_time() - began <= 10


async def test_a_result_that_is_not_acknowledged_is_no_yes(autojump_clock: MockClock) -> None:
    world = World()
    _, path, code = await to_the_code(world)

    async def silent(body: bytes) -> bytes | None:
        await trio.sleep(60)
        return None

    world.trouble["7000"] = silent
    back = await world.browse(path, code=code, do="confirm")
    assert cres_of(back)["transStatus"] == "N"
    assert ("result.failed") in [event for event, _ in world.log]


async def test_a_repeated_result_is_passed_on_again_and_an_unknown_one_refused() -> None:
    world = World()
    answer, path, code = await to_the_code(world)
    await world.browse(path, code=code, do="confirm")
    again = await world.post("http://127.0.0.1:8450/", encode(world.results[0]), 5)
    assert b'"resultsStatus":"01"' in again
    for name in ("dsTransID", "acsTransID", "threeDSServerTransID"):
        wrong = {**world.results[0], name: "11111111-0000-4000-8000-000000000001"}
        erro = await world.post("http://127.0.0.1:8450/", encode(wrong), 5)
        assert (b'"errorCode":"301"' in erro, name.encode() in erro) == (True, True)
    assert answer["transStatus"] == "C"


@pytest.mark.parametrize(
    "fields",
    [{"creq": "!"}, {"creq": to_form({"messageType": "CReq"})}, {}, {"creq": to_form({"messageType": "AReq"})}],
    ids=["no base64url", "half a message", "nothing", "another message"],
)
async def test_a_browser_that_brings_nonsense_learns_nothing(fields: dict[str, str]) -> None:
    page = await World().browse("/challenge", x="1", **fields)
    assert TEXTS["fr"].unknown in page
    assert "creq" not in page


async def test_a_creq_of_another_authentication_or_of_a_server_that_has_forgotten_is_refused() -> None:
    world = World()
    answer = await outcome(world, w.CHALLENGED)
    for changes in ({"acsTransID": answer["dsTransID"]}, {"threeDSServerTransID": answer["dsTransID"]}):
        assert TEXTS["fr"].unknown in await world.begin(answer | changes)
    upper = answer | {name: answer[name].upper() for name in ("acsTransID", "threeDSServerTransID")}
    assert page_path(await world.begin(upper))
    assert TEXTS["fr"].unknown in await World().begin(answer)


async def test_the_method_sends_the_browser_back() -> None:
    world = World()
    data = to_form({"threeDSServerTransID": world.server.new_id(), "threeDSMethodNotificationURL": f"{w.SERVER}/m"})
    page = await world.browse("/method", threeDSMethodData=data + "==")
    assert f'action="{w.SERVER}/m"' in page
    bad = to_form(
        {"threeDSServerTransID": world.server.new_id(), "threeDSMethodNotificationURL": "javascript:alert(1)"}
    )
    assert "javascript" not in await world.browse("/method", threeDSMethodData=bad)


async def test_a_peers_answer_that_is_not_right_is_answered_with_an_erro() -> None:
    world = World()

    async def wrong(body: bytes) -> bytes | None:
        return b'{"messageType":"ARes","messageVersion":"2.2.0"}' if b"AReq" in body else b""

    world.trouble["8461"] = wrong
    with pytest.raises(PeerError):
        await outcome(world, w.PLAIN)
    assert world.calls[-1] == ("8461", "Erro")
    world.trouble["8461"] = world.trouble["8450"] = wrong
    with pytest.raises(PeerError, match="its ARes cannot be taken: 201"):
        await outcome(world, w.PLAIN)
    assert world.calls[-1] == ("8450", "Erro")


async def test_an_older_version_is_answered_in_it_and_a_newer_one_refused() -> None:
    world = World()
    assert (await outcome(world, w.PLAIN, messageVersion="2.1.0"))["messageVersion"] == "2.1.0"
    with pytest.raises(PeerError) as raised:
        await outcome(world, w.PLAIN, messageVersion="2.3.1")
    assert raised.value.code is ErroCode.VERSION_NOT_SUPPORTED


async def test_ranges_that_do_not_come_are_asked_for_again(autojump_clock: MockClock) -> None:
    world = World()
    tries: list[bytes] = []

    async def away(body: bytes) -> bytes | None:
        tries.append(body)
        return b"" if len(tries) < 3 else None

    world.trouble["8450"] = away
    async with trio.open_nursery() as nursery:
        nursery.start_soon(world.server.run)
        await trio.sleep(30)
        nursery.cancel_scope.cancel()
    assert world.server.ready


async def test_every_request_of_a_public_suite_is_answered() -> None:
    world = World()
    for messages in FLOWS.values():
        answer = await world.server.authenticate(messages[0])
        assert (answer["transStatus"], answer["transStatusReason"]) == ("U", "13"), "no bank of ours"
        mine = {**messages[0], "acctNumber": w.PLAIN, "purchaseCurrency": "504", "purchaseAmount": "100"}
        wish = mine["threeDSRequestorChallengeInd"]
        expected = "U" if mine["deviceChannel"] == "03" else "C"
        assert (await world.server.authenticate(mine))["transStatus"] == ("Y" if wish != "04" else expected)
