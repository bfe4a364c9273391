"""Messages of a public test suite, and what is wrong with others."""

import json
from pathlib import Path
from typing import Any

import pytest

from switch.threeds.protocol.encoding import decode, encode, from_base64url, from_form, to_base64url, to_form
from switch.threeds.protocol.errors import Component, ErroCode, ProtocolError, make_erro, read_erro
from switch.threeds.protocol.messages import MESSAGES, check_answer, check_message, read_message
from switch.threeds.protocol.statuses import Status, eci_of, internal_eci_of, liability_of, md_status_of

CASES = json.loads((Path(__file__).parent.parent / "vectors" / "3ds.json").read_text())["cases"]
FLOWS = {case["case"]: case["messages"] for case in CASES}

LEADING = ("deviceChannel", "messageCategory", "transStatus", "browserJavascriptEnabled")
"""others depend on these"""


def of(kind: str, flow: str = "3DSS-220-501") -> dict[str, Any]:
    found: dict[str, Any] = next(m for m in FLOWS[flow] if m["messageType"] == kind)
    return dict(found)


def fault(message: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(ProtocolError) as raised:
        check_message(message, {message.get("messageType", "")})
    return raised.value.code, raised.value.detail


@pytest.mark.parametrize("messages", FLOWS.values(), ids=FLOWS)
def test_every_message_of_a_public_suite_is_taken(messages: list[dict[str, Any]]) -> None:
    for message in messages:
        assert read_message(encode(message), MESSAGES) == message
        assert from_form(to_form(message)) == message
    asked = messages[0]
    for answer in messages[1:2]:
        assert check_answer(asked, answer) == answer


@pytest.mark.parametrize("messages", FLOWS.values(), ids=FLOWS)
def test_every_required_element_is_missed_and_all_are_named(messages: list[dict[str, Any]]) -> None:
    for message in messages:
        kind = message["messageType"]
        needed = [e.name for e in MESSAGES[kind] if e.when(message)]
        for name in needed:
            if name in LEADING:
                continue
            assert fault({n: v for n, v in message.items() if n != name}) == (ErroCode.ELEMENT_MISSING, name)
        two = [name for name in needed if name not in (*LEADING, "messageVersion")][-2:]
        code, detail = fault({n: v for n, v in message.items() if n not in two})
        assert code == ErroCode.ELEMENT_MISSING
        assert set(two) <= set(detail.split(","))


def test_every_element_that_is_empty_or_of_another_type_is_wrong() -> None:
    for kind in ("AReq", "ARes", "CReq", "CRes", "RReq", "RRes"):
        message = of(kind)
        known = {e.name for e in MESSAGES[kind]} - {"messageVersion", "deviceChannel", "transStatus"}
        for name in known & set(message):
            wrong: tuple[Any, ...] = ("", None, 7, {})
            for value in wrong:
                code, detail = fault({**message, name: value})
                assert (code, name in detail.split(",")) == (ErroCode.FORMAT, True), (kind, name, value)


@pytest.mark.parametrize(
    ("kind", "changes", "expected"),
    [
        ("AReq", {"messageVersion": "2.3.1"}, ("102", "messageVersion")),
        (
            "AReq",
            {"merchantCountryCode": "999", "purchaseCurrency": "000"},
            ("304", "merchantCountryCode,purchaseCurrency"),
        ),
        ("AReq", {"browserColorDepth": "30", "mcc": "12"}, ("203", "browserColorDepth,mcc")),
        ("AReq", {"purchaseDate": "20201319020509"}, ("203", "purchaseDate")),
        ("AReq", {"browserJavascriptEnabled": "true"}, ("203", "browserJavascriptEnabled")),
        ("AReq", {"notificationURL": "javascript:alert(1)"}, ("203", "notificationURL")),
        ("AReq", {"notificationURL": "https://a;script-src *"}, ("203", "notificationURL")),
        ("AReq", {"threeDSServerURL": "https://user@shop.example/"}, ("203", "threeDSServerURL")),
        ("AReq", {"threeDSServerTransID": "1"}, ("203", "threeDSServerTransID")),
        ("AReq", {"messageExtension": [{"criticalityIndicator": True}]}, ("202", "messageExtension[0]")),
        ("ARes", {"transStatus": "Y"}, ("201", "authenticationValue")),
        ("ARes", {"transStatus": "N"}, ("201", "transStatusReason")),
        ("RReq", {"transStatus": "C"}, ("203", "transStatus")),
        ("RReq", {"authenticationValue": "AAAA"}, ("203", "authenticationValue")),
        ("RReq", {"transStatus": "N", "transStatusReason": "14"}, ("305", "challengeCancel,transStatusReason")),
        ("CRes", {"transStatus": "A"}, ("203", "transStatus")),
    ],
)
def test_what_is_wrong_is_named(kind: str, changes: dict[str, Any], expected: tuple[str, str]) -> None:
    assert fault({**of(kind), **changes}) == expected


def test_what_others_do_and_what_is_none_of_our_business() -> None:
    message = of("AReq", "3DSS-220-101") | {
        "unheardOf": {"a": [1]},
        "messageExtension": [{"criticalityIndicator": False}],
    }
    message["threeDSServerTransID"] = message["threeDSServerTransID"].upper()
    assert check_message(message, {"AReq"}) is message
    old = {n: v for n, v in message.items() if n != "browserJavascriptEnabled"} | {"messageVersion": "2.1.0"}
    assert check_message(old, {"AReq"}) is old
    assert fault({n: v for n, v in old.items() if n != "browserTZ"}) == ("201", "browserTZ")
    plain = {n: v for n, v in message.items() if n not in ("browserTZ", "browserColorDepth", "browserJavaEnabled")}
    assert check_message(plain | {"browserJavascriptEnabled": False}, {"AReq"})
    for padded in ("", "=", "=="):
        assert from_base64url(to_base64url(b"\xff\xfe?") + padded) == b"\xff\xfe?"
    assert from_base64url("//4/") == b"\xff\xfe?"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b'{"messageType":"AReq","a":1,"a":2}', "204"),
        (b'{"messageType":"AReq","x":{"a":1,"a":2}}', "204"),
        (b"[]", "101"),
        (b"\xff", "101"),
        (b"[" * 100_000, "101"),
    ],
)
def test_what_is_no_message(body: bytes, code: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        decode(body)
    assert raised.value.code == code


def test_answers_are_about_what_was_asked() -> None:
    asked, answer = of("AReq"), of("ARes")
    upper = answer | {"threeDSServerTransID": answer["threeDSServerTransID"].upper()}
    assert check_answer(asked, upper) == upper
    for changes, detail in (
        ({"threeDSServerTransID": answer["acsTransID"]}, "threeDSServerTransID"),
        ({"messageVersion": "2.1.0"}, "messageVersion"),
        ({"transStatus": "D"}, "transStatus"),
        ({"transStatus": "I"}, "transStatus"),
    ):
        with pytest.raises(ProtocolError) as raised:
            check_answer(asked, answer | changes)
        assert raised.value.detail == detail
    with pytest.raises(ProtocolError):
        check_answer(asked | {"threeDSRequestorChallengeInd": "06"}, answer)


def test_an_erro_names_elements_and_no_value() -> None:
    message = of("AReq") | {"mcc": "secret", "merchantName": ""}
    with pytest.raises(ProtocolError) as raised:
        check_message(message, {"AReq"})
    erro = make_erro(raised.value, Component.DIRECTORY)
    assert check_message(erro, {"Erro"})
    assert (erro["errorCode"], erro["errorDetail"], erro["errorComponent"]) == ("203", "mcc,merchantName", "D")
    assert erro["threeDSServerTransID"] == message["threeDSServerTransID"]
    assert erro["errorMessageType"] == "AReq"
    assert "secret" not in json.dumps(erro)
    assert read_erro(erro) == "203 the format or value of an element is not valid: mcc,merchantName"
    assert read_erro({}) == "an Erro that says nothing"


def test_what_a_status_means() -> None:
    table = {s: (eci_of("visa", s), eci_of("mastercard", s), md_status_of(s), liability_of(s)) for s in Status}
    assert table == {
        Status.AUTHENTICATED: ("05", "02", "1", "issuer"),
        Status.ATTEMPTED: ("06", "01", "4", "issuer"),
        Status.NOT_AUTHENTICATED: ("07", "00", "0", "merchant"),
        Status.REJECTED: ("07", "00", "0", "merchant"),
        Status.UNAVAILABLE: ("07", "00", "5", "merchant"),
        Status.NOT_ENROLLED: ("07", "00", "2", "merchant"),
        Status.FAILED: ("07", "00", "7", "merchant"),
    }
    assert internal_eci_of(Status.ATTEMPTED) == eci_of("cmi", Status.ATTEMPTED) == "06"
