"""3-D Secure with servers of others: what they send that ours do not, and what an order comes to.

The kinds are those of public implementations and bug reports: other versions, numbers for strings, an Erro that is not right
either, extensions, unknown elements, half a character, a browser sent back by an address.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from switch.gateway.intake import take_form
from switch.gateway.orders.lifecycle import Stage
from switch.gateway.orders.order import Order
from switch.gateway.outcomes import result_of
from switch.gateway.payment_messages import Card
from switch.gateway.protocol import hashes
from switch.gateway.protocol.fields import Fields
from switch.threeds.protocol.encoding import Message, decode, from_form, to_base64url, to_form
from switch.threeds.protocol.errors import ErroCode, ProtocolError
from switch.threeds.protocol.messages import check_message
from switch.threeds.requests import browser_of, cardholder_of
from switch.threeds.server import common_version
from tests.gateway.asgi import ask
from tests.gateway.test_authentication import PLAIN_BROWSER, SCRIPTED, Scene, Switch, known_of, scene
from tests.gateway.test_kills import form
from tests.threeds import world as w
from tests.threeds.test_flows import code_of
from tests.threeds.test_messages import of
from tests.threeds.world import World, hidden, page_path


def answered(asked: Message, **changes: Any) -> Message:
    """An ARes of somebody else's server."""
    made = of("ARes", "3DSS-220-101")
    ids = {"threeDSServerTransID": asked["threeDSServerTransID"], "messageVersion": asked["messageVersion"]}
    return made | ids | {"transStatus": "N", "transStatusReason": "01"} | changes


class Others:
    """A directory server of others: what it was sent, and what it answers an AReq with."""

    def __init__(self, at: Scene, **changes: Any) -> None:
        self.asked: list[Message] = []
        self.changes = changes
        at.bank.trouble["8450"] = self.take

    async def take(self, body: bytes) -> bytes | None:
        message = decode(body)
        self.asked.append(message)
        return json.dumps(answered(message, **self.changes)).encode() if message["messageType"] == "AReq" else b""

    @property
    def kinds(self) -> list[str]:
        return [message["messageType"] for message in self.asked]


ANSWERS: list[tuple[dict[str, Any], str, bool]] = [
    ({}, "0", False),
    (
        {"threeDSReqPriorRef": 5, "purchaseCurrency": 504, "merchantCountryCode": [504], "cardRangeData": 1},
        "0",
        False,
    ),
    ({"messageExtension": [{"name": "x", "id": "A1", "criticalityIndicator": False, "data": {}}]}, "0", False),
    ({"messageExtension": [{"name": "x", "id": "A1", "criticalityIndicator": "false", "data": {}}]}, "0", False),
    ({"messageExtension": [{"name": "x", "id": "A1", "criticalityIndicator": True, "data": {}}]}, "7", True),
    ({"messageExtension": [{"name": "x", "id": "A1", "criticalityIndicator": "true", "data": {}}]}, "7", True),
    ({"messageExtension": 5}, "7", True),
    ({"messageExtension": {"name": "x"}}, "7", True),
    ({"cardholderInfo": "\ud83d"}, "7", True),
    ({"transStatus": 1}, "7", True),
    ({"transStatus": "I", "transStatusReason": "01"}, "7", True),
    ({"transStatus": "D", "acsChallengeMandated": "N", "authenticationType": "04"}, "7", True),
    ({"messageVersion": "2.1.0"}, "7", True),
    ({"messageVersion": "2.3.1"}, "7", True),
    ({"messageType": "Erro", "errorCode": "402"}, "7", False),  # and nothing else that it must have
    ({"messageType": "Erro", "errorCode": 203, "errorComponent": "X", "messageVersion": 2.2}, "7", False),
]
"""what is other in an ARes, mdStatus, and whether its sender is told of it with an Erro"""


async def test_whatever_a_directory_server_answers_the_order_comes_to_something(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    async with scene(tmp_path, Switch()) as at:
        for number, (changes, status, erro) in enumerate(ANSWERS):
            others = Others(at, **changes)
            order = await at.pay(w.PLAIN, oid=f"A{number}")
            assert (order.stage is Stage.DECLINED) is (status == "0"), changes
            assert order.stage is not Stage.AUTHENTICATING
            assert result_of(await at.order(f"A{number}")).authentication.md_status == status, changes
            assert others.kinds == (["AReq", "Erro"] if erro else ["AReq"]), changes
        assert not [event for event, _ in at.bank.log if event in ("order.failed", "http.failed")]


async def test_an_erro_is_answered_by_none_right_or_not() -> None:
    world = World()
    for erro in (
        of("RRes") | {"messageType": "Erro"},
        {"messageType": "Erro"},
        {"messageType": "Erro", "errorCode": 5, "messageVersion": None},
    ):
        for port, path in (("8450", "/"), ("8461", "/acs"), ("7000", "/3ds/results")):
            status, text = await w.call(world.apps[port], "POST", path, json.dumps(erro).encode())
            assert (status, text) == (200, "")
    twice = b'{"messageType":"Erro","errorCode":"101","errorCode":"101"}'
    assert await w.call(world.apps["8450"], "POST", "/", twice) == (200, "")
    assert {event for event, _ in world.log} == {"erro.received"}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"messageType":"ARes","x":"\\ud83d"}', ErroCode.MESSAGE_INVALID),
        (b'{"messageType":"ARes","x":{"\\uDFFF":1}}', ErroCode.MESSAGE_INVALID),
        (b'{"messageType":"ARes","x":NaN}', ErroCode.MESSAGE_INVALID),
        (b'{"messageType":"ARes","x":' + b"9" * 5_000 + b"}", ErroCode.MESSAGE_INVALID),
    ],
)
def test_what_could_not_be_written_again_is_no_message(body: bytes, code: ErroCode) -> None:
    with pytest.raises(ProtocolError) as raised:
        decode(body)
    assert raised.value.code is code
    assert decode(b'{"x":"\\ud83d\\ude00"}') == {"x": "\U0001f600"}
    with pytest.raises(ProtocolError):
        from_form(to_base64url(body))


def test_an_element_of_another_message_is_unknown_whatever_it_is() -> None:
    for kind in ("ARes", "RReq", "CReq", "CRes", "RRes"):
        odds: list[Any] = [5, None, [], {"a": 1}, True, "\x00"]
        for odd in odds:
            names = ("merchantCountryCode", "purchaseCurrency", "cardRangeData", "deviceChannel")
            message = of(kind) | dict.fromkeys(names, odd)
            assert check_message(message, {kind}) is message


@pytest.mark.parametrize(
    ("start", "end", "version"),
    [
        ("2.1.0", "2.2.0", "2.2.0"),
        ("2.2.0", "2.2.0", "2.2.0"),
        ("2.1.0", "2.1.0", "2.1.0"),
        ("2.1.0", "2.3.1", "2.2.0"),
        ("2.3.1", "2.3.1", ""),
        ("1.0.2", "2.1.0", "2.1.0"),
        ("2.0.0", "2.10.0", "2.2.0"),
        ("1.0.2", "1.0.2", ""),
        ("x.y.z", "x.y.z", ""),
    ],
)
def test_a_card_is_asked_about_in_the_newest_version_that_both_speak(start: str, end: str, version: str) -> None:
    assert common_version({"acsStartProtocolVersion": start, "acsEndProtocolVersion": end}) == version


async def ranges(at: Scene, start: str, end: str) -> None:
    """The card ranges of a directory server whose banks speak these."""
    told = {"startRange": w.PLAIN[:8] + "0" * 8, "endRange": w.PLAIN[:8] + "9" * 8}
    versions = {"acsStartProtocolVersion": start, "acsEndProtocolVersion": end, "acsInfoInd": ["01", "02"]}

    async def tell(body: bytes) -> bytes | None:
        asked = decode(body)
        ids = {"threeDSServerTransID": asked["threeDSServerTransID"], "dsTransID": asked["threeDSServerTransID"]}
        head = {"messageType": "PRes", "messageVersion": asked["messageVersion"], "serialNum": "7"}
        return json.dumps(head | ids | {"cardRangeData": [told | versions]}).encode()

    at.bank.trouble["8450"] = tell
    assert await at.bank.server.fetch_ranges()


@pytest.mark.parametrize(("scripted", "status"), [(True, "1"), (False, "7")])
async def test_a_bank_of_the_version_before_is_asked_in_it(
    tmp_path: Path, autojump_clock: MockClock, scripted: bool, status: str
) -> None:
    """That version knows no browser without scripts: the bank cannot take what is said of one, and nothing is made up."""
    async with scene(tmp_path, Switch()) as at:
        await ranges(at, "2.1.0", "2.1.0")
        asked: list[Message] = []

        async def look(body: bytes) -> bytes | None:
            asked.append(decode(body))
            return None

        at.bank.trouble["8450"] = look
        await at.pay(w.PLAIN, SCRIPTED if scripted else PLAIN_BROWSER)
        assert asked[0]["messageVersion"] == "2.1.0"
        assert "browserJavascriptEnabled" not in asked[0]
        assert result_of(await at.order()).authentication.md_status == status


async def test_a_bank_of_a_version_that_is_not_spoken_counts_as_none(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with scene(tmp_path, Switch()) as at:
        await ranges(at, "2.3.1", "2.3.1")
        await at.pay(w.PLAIN)
        assert result_of(await at.order()).authentication.md_status == "2"


@pytest.mark.parametrize("way", ["address", "capital", "erro"])
async def test_a_browser_comes_back_as_its_bank_sends_it(tmp_path: Path, autojump_clock: MockClock, way: str) -> None:
    async with scene(tmp_path, Switch()) as at:
        order = await at.pay(w.CHALLENGED)
        page = page_path(await at.to_bank(order))
        done = hidden(await at.bank.browse(page, code=code_of(at.bank), do="confirm"))
        if way == "address":
            answer = await ask(at.app, f"/3ds/back?cres={done['cres']}%3D%3D")
        elif way == "capital":
            answer = await ask(at.app, "/3ds/back", [("CRes", done["cres"]), ("threeDSSessionData", "x")])
        else:
            erro = {"messageType": "Erro", "threeDSServerTransID": known_of(order).trans_id, "errorCode": "402"}
            answer = await ask(at.app, "/3ds/back", [("cres", to_form(erro))])
        assert answer.status == 303
        ended: Order = await at.service.wait_for(order, 30)
        assert (ended.stage is not Stage.DECLINED) is (way != "erro")
        assert len(at.switch.asked) == (way != "erro")


async def test_a_bank_is_told_what_the_shop_says_of_its_customer(tmp_path: Path, autojump_clock: MockClock) -> None:
    """Directory servers require both unless a mandate forbids it (EMV 3DS 2.2): what is not of their form is left out."""
    said: list[tuple[str, str, dict[str, str]]] = [
        ("Salma  Alaoui", "salma@shop.example", {"cardholderName": "Salma Alaoui", "email": "salma@shop.example"}),
        ("Zoé Ben-Aïcha", "z.b+1@x.ma", {"cardholderName": "Zoe Ben-Aicha", "email": "z.b+1@x.ma"}),
        ("سلمى العلوي", "", {}),
        ("A", "nobody", {}),
        ("x" * 46, "a@b@c", {}),
    ]
    async with scene(tmp_path, Switch()) as at:
        for number, (name, email, told) in enumerate(said):
            others = Others(at)
            fields = {**dict(form(f"A{number}").pairs), "BillToName": name, "email": email}
            fields["hash"] = hashes.make(Fields(fields.items()), "TEST1234")
            order = await take_form(at.service, Fields(fields.items()))
            await at.service.pay(order, Card(pan=w.PLAIN, expiry="3112", cvv2="071"), "10.0.0.1", PLAIN_BROWSER)
            asked = others.asked[0]
            assert {n: asked[n] for n in ("cardholderName", "email") if n in asked} == told
            assert name not in repr(cardholder_of(name, email))


def test_a_language_has_as_many_subtags_as_there_is_room_for() -> None:
    for accepted, told in (
        ("fr-FR,fr;q=0.9", "fr-FR"),
        ("zh-Hant-TW;q=1", "zh-Hant"),
        ("ar-MA", "ar-MA"),
        ("*", "fr"),
        ("", "fr"),
        ("x" * 40, "fr"),
    ):
        assert browser_of({"accept-language": accepted}, "10.0.0.1", {}).language == told
