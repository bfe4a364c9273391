"""What is wrong with a message, and the Erro that says so to who sent it. Pure.

In: a fault found. Out: the elements of an Erro. The one rule: an Erro names every element that is wrong, and no value of any.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

VERSIONS: Final = ("2.1.0", "2.2.0")
"""that are understood; an answer has the version of what it answers"""
OLDEST, VERSION = VERSIONS
IDS: Final = ("threeDSServerTransID", "acsTransID", "dsTransID")
_DETAIL_MAX: Final = 2_048


class ErroCode(StrEnum):
    """errorCode. Source: the enumerations of a 3DS server with a Letter of Approval (rbkmoney/three-ds-server)."""

    MESSAGE_INVALID = "101"
    VERSION_NOT_SUPPORTED = "102"
    ELEMENT_MISSING = "201"
    EXTENSION_NOT_RECOGNIZED = "202"
    FORMAT = "203"
    DUPLICATE_ELEMENT = "204"
    ID_NOT_RECOGNIZED = "301"
    ACCESS_DENIED = "303"
    ISO_CODE = "304"
    DATA_NOT_VALID = "305"
    TIMED_OUT = "402"
    TRANSIENT = "403"
    PERMANENT = "404"
    CONNECTION_FAILED = "405"


class Component(StrEnum):
    """errorComponent: who found it."""

    SERVER = "S"
    DIRECTORY = "D"
    ACS = "A"


_WORDS: Final = {
    ErroCode.MESSAGE_INVALID: "the message is none that is expected here",
    ErroCode.VERSION_NOT_SUPPORTED: f"messageVersion is none of {', '.join(VERSIONS)}",
    ErroCode.ELEMENT_MISSING: "a required element is missing",
    ErroCode.EXTENSION_NOT_RECOGNIZED: "a critical extension is not recognized",
    ErroCode.FORMAT: "the format or value of an element is not valid",
    ErroCode.DUPLICATE_ELEMENT: "an element is there more than once",
    ErroCode.ID_NOT_RECOGNIZED: "a transaction id is not recognized",
    ErroCode.ACCESS_DENIED: "access is denied, or this is not where such a message goes",
    ErroCode.ISO_CODE: "a code is not one of the ISO list",
    ErroCode.DATA_NOT_VALID: "the data do not fit the transaction",
    ErroCode.TIMED_OUT: "no answer in time",
    ErroCode.TRANSIENT: "a failure that passes; try again later",
    ErroCode.PERMANENT: "a failure that does not pass by itself",
    ErroCode.CONNECTION_FAILED: "the connection could not be made",
}


class ProtocolError(Exception):
    """A message that cannot be taken. `detail`: the elements that are wrong, comma-separated. No value is in it."""

    def __init__(self, code: ErroCode, detail: str, about: Mapping[str, Any] | None = None) -> None:
        """`about`: the message, so far as it could be read."""
        super().__init__(f"{code} {_WORDS[code]}: {detail}")
        self.code, self.detail = code, detail[:_DETAIL_MAX]
        self.about = about or {}


def make_erro(error: ProtocolError, component: Component) -> dict[str, Any]:
    """The Erro that tells of `error`: with the ids, the version and the type of the message it is about."""
    about = error.about
    version, kind = about.get("messageVersion"), about.get("messageType")
    made = {
        "messageType": "Erro",
        "messageVersion": version if version in VERSIONS else VERSION,
        "errorCode": error.code,
        "errorComponent": component,
        "errorDescription": _WORDS[error.code],
        "errorDetail": error.detail,
    }
    if isinstance(kind, str) and kind.isascii() and len(kind) == 4:
        made["errorMessageType"] = kind
    return made | {name: about[name] for name in IDS if isinstance(about.get(name), str) and about[name]}


def is_erro(message: Mapping[str, Any]) -> bool:
    """Is it an Erro, right or not? None is ever answered with another: two peers that misread each other would go on for ever."""
    return message.get("messageType") == "Erro"


def read_erro(message: Mapping[str, Any]) -> str:
    """An Erro of somebody else's, as one sentence for a log."""
    said = [str(message.get(name, ""))[:200] for name in ("errorCode", "errorDescription", "errorDetail")]
    return (
        " ".join(filter(None, (said[0], said[1] and f"{said[1]}:", said[2]))).rstrip(":") or "an Erro that says nothing"
    )
