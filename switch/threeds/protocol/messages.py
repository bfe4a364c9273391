"""The elements of each message, as tables, and the one reader that goes by them. Pure.

In: JSON of somebody else's. Out: the message, or a ProtocolError that names every element that is wrong. The one rule: what is
required, or required here, is there and of its form; what is not known is left alone, unless it is an extension that says that it
must be understood.

Sources: required and conditional elements as the validators of a 3DS server with a Letter of Approval have them
(rbkmoney/three-ds-server), and the messages of a public test suite in tests/vectors/3ds.json.
"""

from collections.abc import Callable, Collection
from typing import Any, Final

import msgspec

from switch.money.country import ALPHA
from switch.money.currency import CurrencyError, currency
from switch.threeds.protocol import forms
from switch.threeds.protocol.encoding import Message, decode
from switch.threeds.protocol.errors import OLDEST, VERSIONS, ErroCode, ProtocolError
from switch.threeds.protocol.forms import Form, digits, numbered, one_of, text, truth, url, uuid

When = Callable[[Message], bool]
BROWSER: Final = "02"
PAYMENT: Final = "01"
_STATUSES: Final = ("Y", "N", "U", "A", "C", "D", "R", "I")


class Element(msgspec.Struct, frozen=True):
    """One element of one message."""

    name: str
    form: Form
    when: When
    """true where it must be there"""


def _always(message: Message) -> bool:
    del message
    return True


def _never(message: Message) -> bool:
    del message
    return False


def _has(name: str, *values: str) -> When:
    return lambda message: message.get(name) in values


_browser = _has("deviceChannel", BROWSER)
_payment = _has("messageCategory", PAYMENT)


def _browser_22(message: Message) -> bool:
    return _browser(message) and message.get("messageVersion") != OLDEST


def _scripted(message: Message) -> bool:
    """Elements that a script finds out: in 2.1.0 always, later where there are scripts."""
    return _browser(message) and (
        message.get("messageVersion") == OLDEST or message.get("browserJavascriptEnabled") is True
    )


def _required(**named: Form) -> tuple[Element, ...]:
    return tuple(Element(name, form, _always) for name, form in named.items())


def _where(when: When, **named: Form) -> tuple[Element, ...]:
    return tuple(Element(name, form, when) for name, form in named.items())


def _optional(**named: Form) -> tuple[Element, ...]:
    return _where(_never, **named)


_HEAD: Final = _required(messageVersion=one_of(*VERSIONS), threeDSServerTransID=uuid)
_EXTENSION: Final = _optional(messageExtension=forms.array)
_AREQ: Final = (
    *_HEAD,
    *_required(
        threeDSServerRefNumber=text(32),
        threeDSServerURL=url(2_048),
        threeDSRequestorID=text(35),
        threeDSRequestorName=text(40),
        threeDSRequestorURL=url(2_048),
        deviceChannel=one_of("01", "02", "03"),
        messageCategory=numbered(2),
        acctNumber=digits(19, 13),
    ),
    *_where(
        lambda message: message.get("deviceChannel") in ("01", BROWSER), threeDSRequestorAuthenticationInd=numbered(7)
    ),
    *_where(
        _browser,
        threeDSCompInd=one_of("Y", "N", "U"),
        notificationURL=url(256),
        browserAcceptHeader=text(2_048),
        browserLanguage=text(8),
        browserUserAgent=text(2_048),
    ),
    *_where(_browser_22, browserJavascriptEnabled=truth),
    *_where(
        _scripted,
        browserJavaEnabled=truth,
        browserColorDepth=forms.color_depth,
        browserScreenHeight=digits(6, 1),
        browserScreenWidth=digits(6, 1),
        browserTZ=forms.offset,
    ),
    *_where(
        _payment,
        acquirerBIN=text(11),
        acquirerMerchantID=text(35),
        mcc=digits(4),
        merchantName=text(40),
        merchantCountryCode=digits(3),
        purchaseAmount=digits(48, 1),
        purchaseCurrency=digits(3),
        purchaseExponent=digits(1),
        purchaseDate=forms.moment,
    ),
    *_where(
        _has("threeDSRequestorAuthenticationInd", "02", "03"),
        recurringExpiry=forms.day,
        recurringFrequency=digits(4, 1),
    ),
    *_where(_has("deviceChannel", "03"), threeRIInd=numbered(11)),
    *_optional(
        browserIP=forms.address,
        cardExpiryDate=forms.month,
        cardholderName=text(45, 2),
        email=text(254),
        threeDSRequestorChallengeInd=numbered(9),
        threeDSRequestorDecReqInd=one_of("Y", "N"),
        threeDSServerOperatorID=text(32),
        dsTransID=uuid,
        dsReferenceNumber=text(32),
        dsURL=url(2_048),
        transType=one_of("01", "03", "10", "11", "28"),
    ),
    *_EXTENSION,
)
_ARES: Final = (
    *_HEAD,
    *_required(
        acsTransID=uuid,
        dsTransID=uuid,
        acsReferenceNumber=text(32),
        dsReferenceNumber=text(32),
        transStatus=one_of(*_STATUSES),
    ),
    *_where(_has("transStatus", "Y", "A"), authenticationValue=forms.proof),
    *_where(_has("transStatus", "N", "U", "R"), transStatusReason=numbered(26)),
    *_where(_has("transStatus", "C"), acsURL=url(2_048)),
    *_where(_has("transStatus", "C", "D"), acsChallengeMandated=one_of("Y", "N"), authenticationType=numbered(4)),
    *_optional(eci=digits(2), acsOperatorID=text(32), cardholderInfo=text(128)),
    *_EXTENSION,
)
_RREQ: Final = (
    *_HEAD,
    *_required(
        acsTransID=uuid,
        dsTransID=uuid,
        messageCategory=numbered(2),
        transStatus=one_of("Y", "N", "U", "A", "R"),
        interactionCounter=digits(2),
    ),
    *_where(_has("transStatus", "Y", "N"), authenticationType=numbered(4)),
    *_where(_has("transStatus", "Y", "A"), authenticationValue=forms.proof),
    *_where(_has("transStatus", "N", "U", "R"), transStatusReason=numbered(26)),
    *_optional(eci=digits(2), challengeCancel=numbered(8)),
    *_EXTENSION,
)
_RANGE: Final = (
    *_required(
        startRange=digits(19, 13),
        endRange=digits(19, 13),
        acsStartProtocolVersion=text(8, 5),
        acsEndProtocolVersion=text(8, 5),
    ),
    *_optional(actionInd=one_of("A", "D", "M"), threeDSMethodURL=url(256), acsInfoInd=forms.array),
)
MESSAGES: Final[dict[str, tuple[Element, ...]]] = {
    "PReq": (*_HEAD, *_required(threeDSServerRefNumber=text(32)), *_optional(serialNum=text(20)), *_EXTENSION),
    "PRes": (
        *_HEAD,
        *_required(dsTransID=uuid),
        *_optional(cardRangeData=forms.array, serialNum=text(20)),
        *_EXTENSION,
    ),
    "AReq": _AREQ,
    "ARes": _ARES,
    "CReq": (
        *_HEAD,
        *_required(acsTransID=uuid, challengeWindowSize=one_of("01", "02", "03", "04", "05")),
        *_optional(challengeCancel=numbered(8)),
        *_EXTENSION,
    ),
    "CRes": (*_HEAD, *_required(acsTransID=uuid, transStatus=one_of("Y", "N")), *_EXTENSION),
    "RReq": _RREQ,
    "RRes": (*_HEAD, *_required(acsTransID=uuid, dsTransID=uuid, resultsStatus=one_of("01", "02", "03")), *_EXTENSION),
    "Erro": (
        *_required(messageVersion=text(8, 5), errorCode=digits(3), errorComponent=one_of("C", "S", "D", "A")),
        *_required(errorDescription=text(2_048), errorDetail=text(2_048)),
        *_optional(errorMessageType=text(4, 4)),
    ),
}
"""the elements of every message beside messageType"""


def read_message(body: bytes, expected: Collection[str]) -> Message:
    """A message of one of the types `expected`. Raises ProtocolError: of every kind up to 305."""
    return check_message(decode(body), expected)


def check_message(message: Message, expected: Collection[str]) -> Message:
    """The message as it is, if it is right. Raises ProtocolError."""
    kind = message.get("messageType")
    if not isinstance(kind, str) or not kind:
        raise ProtocolError(ErroCode.ELEMENT_MISSING, "messageType", message)
    if kind not in expected:
        raise ProtocolError(ErroCode.MESSAGE_INVALID, f"messageType: expected {', '.join(sorted(expected))}", message)
    version = message.get("messageVersion")
    if kind != "Erro" and version is not None and version not in VERSIONS:
        raise ProtocolError(ErroCode.VERSION_NOT_SUPPORTED, "messageVersion", message)
    _check_extensions(message)
    _raise_for(*_faults(message, MESSAGES[kind]), message)
    if kind == "AReq":
        _check_codes(message)
    if kind == "RReq":
        _check_reason(message)
    for place, one in enumerate(message.get("cardRangeData", ()) if kind == "PRes" else ()):
        missing, wrong = _faults(one, _RANGE) if isinstance(one, dict) else ([], [""])
        lacks, errs = ([f"cardRangeData[{place}].{name}".rstrip(".") for name in names] for names in (missing, wrong))
        _raise_for(lacks, errs, message)
    return message


def _faults(message: Message, elements: tuple[Element, ...]) -> tuple[list[str], list[str]]:
    """The names of elements that are missing, and of those that are of another form, or empty."""
    missing, wrong = [], []
    for element in elements:
        if element.name not in message:
            if element.when(message):
                missing.append(element.name)
        elif not element.form(message[element.name]):
            wrong.append(element.name)
    return missing, wrong


def _raise_for(missing: list[str], wrong: list[str], message: Message) -> None:
    if missing or wrong:
        code = ErroCode.ELEMENT_MISSING if missing else ErroCode.FORMAT
        raise ProtocolError(code, ",".join(missing + wrong), message)


def _check_extensions(message: Message) -> None:
    """An extension that is critical must be understood, and none is. Some say so in a string."""
    extensions = message.get("messageExtension")
    critical = [
        f"messageExtension[{place}]"
        for place, one in enumerate(extensions if isinstance(extensions, list) else ())
        if isinstance(one, dict) and str(one.get("criticalityIndicator")).lower() == "true"
    ]
    if critical:
        raise ProtocolError(ErroCode.EXTENSION_NOT_RECOGNIZED, ",".join(critical), message)


def _check_codes(message: Message) -> None:
    """Countries and currencies are those of ISO 3166 and ISO 4217."""
    wrong = []
    if message.get("merchantCountryCode", "504") not in ALPHA:
        wrong.append("merchantCountryCode")
    try:
        currency(message.get("purchaseCurrency", "504"))
    except CurrencyError:
        wrong.append("purchaseCurrency")
    if wrong:
        raise ProtocolError(ErroCode.ISO_CODE, ",".join(wrong), message)


def _check_reason(message: Message) -> None:
    """`timed out` says whose time it was: the challenge's, or that of its first CReq."""
    if message.get("transStatusReason") == "14" and message.get("challengeCancel") not in ("04", "05"):
        raise ProtocolError(ErroCode.DATA_NOT_VALID, "challengeCancel,transStatusReason", message)


def check_answer(asked: Message, answer: Message) -> Message:
    """An ARes to this AReq, an RRes to this RReq: about the same transaction, in the same version. Raises ProtocolError."""
    for name in ("threeDSServerTransID", "acsTransID", "dsTransID"):
        if name in asked and not same_id(asked[name], answer.get(name)):
            raise ProtocolError(ErroCode.ID_NOT_RECOGNIZED, name, answer)
    if answer.get("messageVersion") != asked.get("messageVersion"):
        raise ProtocolError(ErroCode.DATA_NOT_VALID, "messageVersion", answer)
    status, wish = answer.get("transStatus"), asked.get("threeDSRequestorChallengeInd")
    never = (
        (status == "D" and asked.get("threeDSRequestorDecReqInd") != "Y")
        or (status == "I" and wish not in ("05", "06", "07"))
        or (status == "C" and (wish == "06" or asked.get("deviceChannel") == "03"))
    )
    if asked.get("messageType") == "AReq" and never:
        raise ProtocolError(ErroCode.DATA_NOT_VALID, "transStatus", answer)
    return answer


def same_id(one: Any, other: Any) -> bool:
    """Two ids are the same in either case of letters."""
    return isinstance(one, str) and isinstance(other, str) and one.lower() == other.lower()
