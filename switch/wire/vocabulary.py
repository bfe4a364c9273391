"""The words everyone uses: data elements, message types, answers.

Rule: names only. Nothing here knows a dialect, a link or a clock. Source of names and codes: ISO 8583:1987/1993 as
public libraries implement it; a data element is its key in a pyiso8583 document (`"39"`), so that `document[DE.RESPONSE_CODE]`
reads as the field speaks.
"""

from typing import Final, TypeAlias

Document: TypeAlias = dict[str, str]
"""A message in pyiso8583's own form: `"t"` MTI, `"h"` header, `"p"`/`"1"` bitmaps, `"2"`…`"128"` data elements."""


class DE:
    """Keys of a document. DE39 in prose is `DE.RESPONSE_CODE` in code."""

    HEADER: Final = "h"
    MTI: Final = "t"
    BITMAP: Final = "p"
    BITMAP_SECONDARY: Final = "1"
    PAN: Final = "2"
    PROCESSING_CODE: Final = "3"
    AMOUNT: Final = "4"
    AMOUNT_SETTLEMENT: Final = "5"
    AMOUNT_BILLING: Final = "6"
    TRANSMISSION_TIME: Final = "7"
    RATE_SETTLEMENT: Final = "9"
    RATE_BILLING: Final = "10"
    STAN: Final = "11"
    LOCAL_TIME: Final = "12"
    LOCAL_DATE: Final = "13"
    EXPIRY: Final = "14"
    SETTLEMENT_DATE: Final = "15"
    CONVERSION_DATE: Final = "16"
    CAPTURE_DATE: Final = "17"
    MERCHANT_TYPE: Final = "18"
    ACQUIRER_COUNTRY: Final = "19"
    PAN_COUNTRY: Final = "20"
    ENTRY_MODE: Final = "22"
    PAN_SEQUENCE: Final = "23"
    NII: Final = "24"
    FUNCTION_CODE: Final = "24"
    """DE24 in the 1993 edition."""
    CONDITION_CODE: Final = "25"
    REASON_CODE: Final = "25"
    """DE25 in the 1993 edition."""
    BUSINESS_CODE: Final = "26"
    """DE26 in the 1993 edition: card acceptor business code."""
    FEE: Final = "28"
    WINDOW_93: Final = "29"
    """in the 1993 edition: reconciliation number, of the window of a business day"""
    RECONCILIATION_DATE: Final = "28"
    """DE28 in the 1993 edition."""
    ORIGINAL_AMOUNTS: Final = "30"
    """DE30 in the 1993 edition."""
    ACQUIRER: Final = "32"
    FORWARDER: Final = "33"
    TRACK2: Final = "35"
    TRACK3: Final = "36"
    RRN: Final = "37"
    APPROVAL_CODE: Final = "38"
    RESPONSE_CODE: Final = "39"
    TERMINAL: Final = "41"
    MERCHANT: Final = "42"
    MERCHANT_NAME: Final = "43"
    ADDITIONAL_RESPONSE: Final = "44"
    TRACK1: Final = "45"
    FEES: Final = "46"
    """of the 1993 edition, and of answers that say what a payment costs (`core.messages.fee_amounts`)"""
    PRIVATE_48: Final = "48"
    CURRENCY: Final = "49"
    CURRENCY_SETTLEMENT: Final = "50"
    CURRENCY_BILLING: Final = "51"
    PIN: Final = "52"
    SECURITY: Final = "53"
    ADDITIONAL_AMOUNTS: Final = "54"
    ICC: Final = "55"
    ORIGINAL_93: Final = "56"
    """DE56 in the 1993 edition: original data elements."""
    PRIVATE_60: Final = "60"
    PRIVATE_61: Final = "61"
    PRIVATE_62: Final = "62"
    PRIVATE_63: Final = "63"
    MAC: Final = "64"
    SETTLEMENT_CODE: Final = "66"
    """DE66 in the 1987 edition: what came of a reconciliation."""
    NETWORK_CODE: Final = "70"
    CREDITS: Final = "74"
    CREDITS_REVERSAL: Final = "75"
    DEBITS: Final = "76"
    DEBITS_REVERSAL: Final = "77"
    """Numbers; amounts are twelve further on, 86 to 89."""
    INQUIRIES: Final = "80"
    AUTHORIZATIONS: Final = "81"
    CREDITS_AMOUNT: Final = "86"
    CREDITS_REVERSAL_AMOUNT: Final = "87"
    DEBITS_AMOUNT: Final = "88"
    DEBITS_REVERSAL_AMOUNT: Final = "89"
    KEY_DATA: Final = "96"
    """DE96 in the 1993 edition: key management data"""
    NET: Final = "97"
    FILE_UPDATE: Final = "91"
    """DE91 in the 1987 edition: file update code."""
    ORIGINAL: Final = "90"
    REPLACEMENT: Final = "95"
    RECEIVER: Final = "100"
    FILE_NAME: Final = "101"
    ACCOUNT_FROM: Final = "102"
    ACCOUNT_TO: Final = "103"
    PRIVATE_126: Final = "126"
    MAC_SECONDARY: Final = "128"


DE_NAMES: Final[dict[str, str]] = {
    "h": "Header", "t": "Message Type Indicator", "p": "Bitmap, Primary", "1": "Bitmap, Secondary",
}  # fmt: skip
"""Names of elements no dialect describes; a dialect's own `desc` comes first."""

SENSITIVE: Final = frozenset({DE.TRACK2, DE.TRACK3, DE.TRACK1, DE.PIN, DE.SECURITY})
"""Elements that leave no trace outside the wire, whatever the dialect: never in logs, journal, captures or errors."""

ACCOUNTS: Final = frozenset({DE.ACCOUNT_FROM, DE.ACCOUNT_TO})

PIN_DATA: Final = (DE.PIN, DE.SECURITY)
"""Made with keys that the two ends of a link share: the PIN block, and what says how it was made."""
MACS: Final = (DE.MAC, DE.MAC_SECONDARY)
"""Made with a link's own keys over one message: for any other link, and for any change to the message, they are wrong."""

NOT_SAID: Final = SENSITIVE | ACCOUNTS | {DE.PAN, *MACS}
"""Elements whose values no sentence about a message repeats: what is sensitive, and whose card and account it is."""

HEAD_LABELS: Final = {"h": "header", "t": "MTI", "p": "primary bitmap", "1": "secondary bitmap"}


def label_of(element: str) -> str:
    """An element as a sentence says it: `DE39`, `MTI`, `header`."""
    return HEAD_LABELS.get(element) or f"DE{element}"


def element_of(text: str) -> str:
    """The key of the element that somebody has typed: `DE39`, `39`, `MTI`, `header`; "" where it is none."""
    name = text.upper().removeprefix("DE").removeprefix("F")
    if name in ("MTI", "T", "H", "HEADER"):
        return "h" if name[0] == "H" else "t"
    return str(int(name)) if name.isascii() and name.isdecimal() and len(name) <= 3 and 2 <= int(name) <= 128 else ""


class Answer:
    """DE39 of the 1987 edition."""

    APPROVED: Final = "00"
    REFER: Final = "01"
    INVALID_MERCHANT: Final = "03"
    PICK_UP: Final = "04"
    DO_NOT_HONOUR: Final = "05"
    HONOUR_WITH_ID: Final = "08"
    PARTIAL: Final = "10"
    APPROVED_VIP: Final = "11"
    INVALID_TRANSACTION: Final = "12"
    INVALID_AMOUNT: Final = "13"
    INVALID_CARD: Final = "14"
    NO_SUCH_ISSUER: Final = "15"
    APPROVED_TRACK3: Final = "16"
    NO_ACTION: Final = "21"
    RECORD_NOT_FOUND: Final = "25"
    FILE_FIELD_ERROR: Final = "27"
    FILE_NOT_UPDATED: Final = "29"
    FORMAT_ERROR: Final = "30"
    LOST: Final = "41"
    STOLEN: Final = "43"
    INSUFFICIENT_FUNDS: Final = "51"
    EXPIRED: Final = "54"
    INCORRECT_PIN: Final = "55"
    NOT_PERMITTED_CARDHOLDER: Final = "57"
    NOT_PERMITTED_TERMINAL: Final = "58"
    SUSPECTED_FRAUD: Final = "59"
    EXCEEDS_AMOUNT: Final = "61"
    RESTRICTED: Final = "62"
    SECURITY_VIOLATION: Final = "63"
    EXCEEDS_FREQUENCY: Final = "65"
    TOO_LATE: Final = "68"
    PIN_TRIES: Final = "75"
    ORIGINAL_NOT_FOUND: Final = "76"
    ORIGINAL_INCONSISTENT: Final = "77"
    NO_REASON_TO_DECLINE: Final = "85"
    NOT_SUPPORTED: Final = "40"
    ISSUER_INOPERATIVE: Final = "91"
    UNABLE_TO_ROUTE: Final = "92"
    DUPLICATE: Final = "94"
    RECONCILE_ERROR: Final = "95"
    MALFUNCTION: Final = "96"
    CVV2_FAILURE: Final = "N7"
    MAC_INCORRECT: Final = "M1"
    """never of the 1987 edition, which says 96: action code 916"""
    MAC_OUT_OF_STEP: Final = "M2"
    """the same: a set of the key that is not known here, action code 917"""
    IN_PROGRESS: Final = "09"


ANSWER_NAMES: Final[dict[str, str]] = {
    "00": "approved", "01": "refer to issuer", "02": "refer to issuer, special condition", "03": "invalid merchant",
    "04": "pick up card", "05": "do not honour", "06": "error", "07": "pick up card, special condition",
    "08": "honour with identification", "09": "request in progress", "10": "partially approved", "11": "approved, VIP",
    "12": "invalid transaction", "13": "invalid amount", "14": "invalid card number", "15": "no such issuer",
    "16": "approved, update track 3", "17": "customer cancellation", "18": "customer dispute", "19": "re-enter",
    "20": "invalid response", "21": "no action taken", "22": "suspected malfunction", "23": "unacceptable fee",
    "25": "unable to locate record", "26": "duplicate record, old one replaced", "27": "file update field error",
    "28": "file locked out", "29": "file update not successful", "30": "format error",
    "31": "bank not supported", "32": "completed partially",
    "33": "expired card, pick up", "34": "suspected fraud, pick up", "35": "contact acquirer, pick up",
    "36": "restricted card, pick up", "37": "call security, pick up", "38": "PIN tries exceeded, pick up",
    "39": "no credit account", "40": "function not supported", "41": "lost card", "42": "no universal account",
    "43": "stolen card", "44": "no investment account", "51": "not sufficient funds", "52": "no chequing account",
    "53": "no savings account", "54": "expired card", "55": "incorrect PIN", "56": "no card record",
    "57": "not permitted to cardholder", "58": "not permitted to terminal", "59": "suspected fraud",
    "60": "contact acquirer", "61": "exceeds amount limit", "62": "restricted card", "63": "security violation",
    "64": "original amount incorrect", "65": "exceeds frequency limit", "66": "call acquirer's security",
    "67": "hard capture", "68": "response received too late", "75": "PIN tries exceeded", "76": "unable to locate original",
    "77": "inconsistent with original", "78": "blocked, or no such account", "82": "card value check failed",
    "85": "no reason to decline", "90": "cutoff in process", "91": "issuer or switch inoperative", "92": "unable to route",
    "93": "violation of law", "94": "duplicate transmission", "95": "reconcile error", "96": "system malfunction",
    "N7": "CVV2 failure",
}  # fmt: skip

APPROVALS: Final = frozenset({
    Answer.APPROVED, Answer.HONOUR_WITH_ID, Answer.PARTIAL, Answer.APPROVED_VIP, Answer.APPROVED_TRACK3,
    Answer.NO_REASON_TO_DECLINE,
})  # fmt: skip
"""Internal codes by which money moved. What a link's own codes mean is `core.messages.answer_codes`'s."""

ACTION_CODES: Final[dict[str, str]] = {
    "00": "000", "01": "107", "02": "108", "03": "109", "04": "200", "05": "100", "06": "909", "07": "207", "08": "001",
    "09": "923", "10": "002", "11": "003", "12": "902", "13": "110", "14": "111", "15": "908", "16": "004", "17": "100",
    "18": "100", "19": "903", "20": "909", "21": "914", "22": "909", "23": "113", "25": "914", "30": "904", "31": "905",
    "32": "002", "33": "201", "34": "202", "35": "203", "36": "204", "37": "205", "38": "206", "39": "114", "40": "115",
    "41": "208", "42": "114", "43": "209", "44": "114", "51": "116", "52": "114", "53": "114", "54": "101", "55": "117",
    "56": "118", "57": "119", "58": "120", "59": "102", "60": "103", "61": "121", "62": "104", "63": "122", "64": "110",
    "65": "123", "66": "105", "67": "200", "68": "911", "75": "106", "76": "914", "77": "914", "78": "111", "82": "122",
    "85": "000", "90": "906", "91": "907", "92": "908", "93": "124", "94": "913", "95": "501", "96": "909", "N7": "122",
    "M1": "916", "M2": "917",
}  # fmt: skip
"""DE39 1987 -> DE39 1993 (action code, n 3); a decline that is not here is 100. Reversal answers use `REVERSAL_ACCEPTED`,
network ones `NETWORK_ACCEPTED`."""

RESPONSE_CODES: Final[dict[str, str]] = {
    "000": "00", "001": "08", "002": "10", "003": "11", "004": "16", "005": "00", "006": "10", "007": "00",
    "100": "05", "101": "54", "102": "59", "103": "60", "104": "62", "105": "66", "106": "75", "107": "01", "108": "02",
    "109": "03", "110": "13", "111": "14", "112": "55", "113": "23", "114": "39", "115": "40", "116": "51", "117": "55",
    "118": "56", "119": "57", "120": "58", "121": "61", "122": "63", "123": "65", "124": "93", "126": "55", "127": "55",
    "129": "59", "200": "04", "201": "33", "202": "34", "203": "35", "204": "36", "205": "37", "206": "38", "207": "07",
    "208": "41", "209": "43", "210": "34", "400": "00", "500": "00", "501": "95", "800": "00", "902": "12", "903": "19",
    "904": "30", "905": "31", "906": "90", "907": "91", "908": "15", "909": "96", "910": "91", "911": "91", "912": "91",
    "913": "94", "914": "25", "916": "63", "917": "63", "918": "63", "919": "63", "920": "63", "921": "63",
    "923": "09",
}  # fmt: skip
"""DE39 1993 -> DE39 1987. What a code that is not here means is `core.messages.answer_codes`'s."""


def answer_name(code: str, edition: str) -> str:
    """What a DE39 says, in the words of 1987; "": no standard has it. `edition`: first digit of the link's MTIs."""
    return ANSWER_NAMES.get(answer_1987(code, edition), "")


def answer_1987(code: str, edition: str) -> str:
    """A DE39 as the 1987 edition has it; "": no standard has it in another."""
    return code if edition == "0" else RESPONSE_CODES.get(code, "")


REVERSAL_ACCEPTED: Final = "400"
NETWORK_ACCEPTED: Final = "800"


class NetworkCode:
    """DE70: what a network management message asks for."""

    SIGN_ON: Final = "001"
    SIGN_OFF: Final = "002"
    KEY_CHANGE: Final = "101"
    """this set of a key is in use; also: is yours the same?"""
    KEY_EXCHANGE: Final = "161"
    """a new key"""
    KEY_REQUEST: Final = "162"
    """send me a new key"""
    CUTOVER: Final = "201"
    ECHO: Final = "301"


KEY_CODES: Final = frozenset({NetworkCode.KEY_CHANGE, NetworkCode.KEY_EXCHANGE, NetworkCode.KEY_REQUEST})


class FileUpdate:
    """DE91: what a file update does with its record; DE24 of the 1993 edition is 300 and this."""

    ADD: Final = "1"
    CHANGE: Final = "2"
    DELETE: Final = "3"
    REPLACE: Final = "4"
    INQUIRE: Final = "5"


EDITIONS: Final = {"0": "1987", "1": "1993", "2": "2003"}
"""First digit of an MTI -> the edition of ISO 8583 it is of."""


class MTI:
    """Second digit of an MTI: its class; and the message types this switch speaks, in their 1987 form."""

    AUTHORIZATION: Final = "1"
    FINANCIAL: Final = "2"
    FILE_UPDATE: Final = "3"
    REVERSAL: Final = "4"
    RECONCILIATION: Final = "5"
    NETWORK: Final = "8"

    AUTHORIZATION_ADVICE: Final = "0120"
    REVERSAL_ADVICE: Final = "0420"
    NETWORK_REQUEST: Final = "0800"
    NETWORK_RESPONSE: Final = "0810"


REQUESTS: Final = frozenset({"0100", "0101", "0200", "0201"})
ADVICES: Final = frozenset({"0120", "0121", "0220", "0221"})
REVERSALS: Final = frozenset({"0400", "0401", "0420", "0421"})
FILE_UPDATES: Final = frozenset({"0300", "0301", "0302", "0303", "0304", "0305", "0320", "0321", "0322", "0323"})
"""An issuer's (origin 2, 3); those of hosts that write 0 whoever they are, or whose library makes 0301 of an 0302 that it sends
again (jPOS's `setRetransmissionMTI`); and those of 1993 hosts that give themselves no origin (4, 5)."""
RECONCILIATIONS: Final = frozenset({"0500", "0501", "0520", "0521", "0502", "0503", "0522", "0523"})
"""An acquirer's (origin 0, 1) and an issuer's (2, 3)."""
NETWORK_REQUESTS: Final = frozenset({"0800", "0801", "0804", "0805"})
"""Whoever sends them: since 1993 also of the origin "other" (1804, 1805), as either side may begin."""
NETWORK_RESPONSES: Final = frozenset({"0810", "0814"})
RECONCILED: Final = frozenset({"0510", "0512", "0530", "0532"})
_FILE_UPDATED: Final = frozenset({"0310", "0312", "0314", "0330", "0332"})
RESPONSES: Final = RECONCILED | NETWORK_RESPONSES | _FILE_UPDATED | {"0110", "0130", "0210", "0230", "0410", "0430"}
_RESPONDS: Final = frozenset("1357")
_REPEATS: Final = frozenset("135")
KNOWN_MTIS: Final = (
    REQUESTS | ADVICES | REVERSALS | FILE_UPDATES | RECONCILIATIONS | RESPONSES | NETWORK_REQUESTS | {"0820"}
)


def response_mti(mti: str) -> str:
    """The MTI that answers `mti`: function digit + 1, origin without "repeat" (0201 -> 0210, 0421 -> 0430, 0303 -> 0312)."""
    return f"{mti[:2]}{int(mti[2]) + 1}{int(mti[3]) & ~1}"


def is_request(mti: str) -> bool:
    """True for what asks or advises and awaits an answer (x0x, x2x)."""
    return mti[2] in "02"


def is_response(mti: str) -> bool:
    """True for what answers, of any edition: the third digit is odd (x1x, x3x; since 1993 x5x and x7x). Any text may be asked."""
    return mti[2:3] in _RESPONDS


def is_answer_to(request: str, mti: str) -> bool:
    """True for an answer of the class of `request`."""
    return mti[1] == request[1] and is_response(mti)


def repeat_of(mti: str) -> str:
    """The MTI under which a message is sent again: its origin's repeat (0420 -> 0421, an issuer's 0502 -> 0503, 0804 -> 0805)."""
    return mti[:3] + str(int(mti[3]) | 1)


def original_of(mti: str) -> str:
    """The MTI under which a message was sent first (0201 -> 0200)."""
    return mti[:3] + "0"


def advice_of(mti: str) -> str:
    """The advice of the same class (0400 -> 0420)."""
    return mti[:2] + "20"


def request_of(mti_class: str) -> str:
    """The request of a class ("2" -> 0200)."""
    return f"0{mti_class}00"


def is_repeat(mti: str) -> bool:
    """True where the sender says it has sent this message before: origin 1 (acquirer's repeat), 3 (issuer's) or 5 (another's).

    So in all three editions. 1987 lists no 4 and no 5, and 2003 reserves 5; hosts of both write them as 1993 means them.
    """
    return mti[3] in _REPEATS


class Processing:
    """First two digits of DE3: what is being done."""

    PURCHASE: Final = "00"
    CASH: Final = "01"
    CASH_BACK: Final = "09"
    REFUND: Final = "20"
    BALANCE: Final = "31"
    VERIFICATION: Final = "38"


def mask_pan(pan: str) -> str:
    """First 6 and last 4 digits, the rest as `*`; a PAN under 13 digits keeps its last 4 only."""
    n = len(pan)
    if n < 13:
        return "*" * max(0, n - 4) + pan[-4:] if n > 4 else "*" * n
    return pan[:6] + "*" * (n - 10) + pan[-4:]
