"""Internal format (1987) <-> ISO 8583:1993.

| internal | link |
|---|---|
| MTI 0xxx | 1xxx, or the digit that the dialect file has for `version` |
| DE13 MMDD, DE12 hhmmss | DE12 YYMMDDhhmmss; the year that makes it nearest to today (`wire.dates`), in an answer the request's |
| DE15 MMDD | DE15 YYMMDD, of the year that makes it nearest to today |
| DE22 n 3, DE25 n 2 | DE22 an 12; of DE25: 00, 01, 08, 59, others read back as 00 |
| (none) | DE24 function code, DE25 reason code of a reversal |
| DE48.64, beside DE15 | DE29 |
| DE48.60, in an advice | DE25 reason code of a stand-in, and in DE48 |
| DE18 | DE18, and DE26 card acceptor business code |
| DE39 an 2 | DE39 n 3 (vocabulary); 400 accepts a reversal, 800 a network message |
| DE43 an 40 | LLVAR; on the way back name, city and country (`messages.merchant`) |
| DE70 | DE70, and DE24 |
| DE96 of network management | the same: key management data |
| DE15 of a reconciliation | DE28, and DE15 |
| DE66 of a reconciliation | DE39: 500 they agree, 501 they differ, 503 no totals, 504 not reconciled, totals given |
| DE74 to 77, 80, 81, 86 to 89, 97 of a reconciliation | the same |
| DE91, in a file update | DE24 function code: 300 and this |
| DE90 | DE56: MTI, STAN, local date and time, acquirer |
| DE95 with DE4 | DE30 with the original's amount, DE4 with what remains |

Assumed: DE56's date and time are the reversal's own DE12 (it repeats the original's); read back, they stand for the original's
DE7, which a 1993 message does not name. Of an increment, whose DE12 is its own, DE56 has the original's DE7. Reason codes 4000
(0400) and 4021 (0420). DE70 beside DE24.
"""

from collections.abc import Callable
from datetime import date
from typing import Final

from switch.core.messages.answer_codes import answer_codes
from switch.core.messages.family import INTERNAL_ELEMENTS, Family, amounts_54, carry, table
from switch.core.messages.internal import (
    Private48,
    original_data,
    parse_original,
    private_elements,
    replacement_amounts,
    with_private,
    without_private,
)
from switch.core.messages.merchant import from_1993
from switch.wire import Dialect
from switch.wire.dates import local_date, year_of
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import (
    ACTION_CODES,
    DE,
    EDITIONS,
    KEY_CODES,
    MTI,
    NETWORK_ACCEPTED,
    RESPONSE_CODES,
    REVERSAL_ACCEPTED,
    Answer,
    Document,
    NetworkCode,
    Processing,
    is_response,
)

_PLAIN: Final = (
    "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "14", "16", "17", "18", "19", "20", "21", "23", "32", "33", "35",
    "37", "38", "41", "42", "45", "48", "49", "50", "51", "52", "55", "70", "100", "102", "103",
)  # fmt: skip
_ENTRY_OUT: Final = {"01": "6", "02": "2", "05": "5", "07": "M", "80": "W", "81": "S", "90": "B", "91": "A"}
_ENTRY_IN: Final = {mode: entry for entry, mode in _ENTRY_OUT.items()} | {"1": "01"}
_PIN_OUT: Final = {"0": "9", "1": "1", "2": "0"}
_PIN_IN: Final = {"1": "1", "0": "2"}
_PRESENCE_OUT: Final = {"01": "1", "08": "3", "59": "5"}
_PRESENCE_IN: Final = {"1": "01", "2": "08", "3": "08", "5": "59"}
_ABSENT: Final = frozenset({"01", "81"})
_FUNCTIONS: Final = {
    NetworkCode.SIGN_ON: "801", NetworkCode.SIGN_OFF: "802", NetworkCode.KEY_EXCHANGE: "811", NetworkCode.CUTOVER: "821",
    NetworkCode.ECHO: "831",
}  # fmt: skip
_NETWORK_CODES: Final = {function: code for code, function in _FUNCTIONS.items()}
_KEY_CHANGE: Final = dict.fromkeys(KEY_CODES, _FUNCTIONS[NetworkCode.KEY_EXCHANGE])
"""function code of all that is about keys; DE70 beside it says what"""
_FILE_ANSWERS: Final = {
    "00": "300", "12": "301", "25": "302", "26": "303", "27": "304", "28": "305", "29": "306", "30": "307",
}  # fmt: skip
"""DE39 of file updates; others are those of payments"""
_FILE_ANSWERS_IN: Final = {action: code for code, action in _FILE_ANSWERS.items()}
_TOTALS: Final = ("74", "75", "76", "77", "80", "81", "86", "87", "88", "89", "97")
_RECONCILED: Final = {"500": ("00", "1"), "501": ("95", "2"), "503": ("25", "3"), "504": ("95", "3")}
"""DE39 of answers to reconciliations -> DE39 and DE66 of 1987"""
_FINAL: Final = "500"
"""function code of a reconciliation: final"""
_REASONS: Final = {"0": "4000", "2": "4021"}
_SECURITY_HEX: Final = 16
_CODES: Final = answer_codes("iso93")
_DO_NOT_HONOUR: Final = ACTION_CODES[Answer.DO_NOT_HONOUR]
_RESPONSE_44: Final = 25


def pos_data_code(entry: str, condition: str) -> str:
    """DE22 an 12 from the internal format's DE22 and DE25; positions neither speaks of are "unknown" or "none"."""
    mode = _ENTRY_OUT.get(entry[:2], "0")
    presence = _PRESENCE_OUT.get(condition, "5" if entry[:2] == "81" and not condition else "0")
    card = "0" if presence != "0" or entry[:2] in _ABSENT else "1"
    return f"{mode}{_PIN_OUT.get(entry[2:3], '9')}09{presence}{card}{mode}00000"


def _stand_in_reason(document: Document) -> str:
    """Why the switch answered in the issuer's place; "" where it did not, or DE48 is another's."""
    try:
        return private_elements(document).get(Private48.STAND_IN, "")
    except SubfieldError:
        return ""


class Iso93(Family):
    """Translator of a link in a dialect of family `iso93`."""

    _OUT = table(_PLAIN, DE43=lambda v: v, DE44=lambda v: v, DE53=lambda v: v, DE54=amounts_54)
    _IN = table(_PLAIN, DE43=from_1993, DE44=lambda v: v[:_RESPONSE_44], DE54=amounts_54)

    dropped: frozenset[str] = INTERNAL_ELEMENTS - _OUT.keys() - {
        DE.LOCAL_TIME, DE.LOCAL_DATE, DE.SETTLEMENT_DATE, DE.ENTRY_MODE, DE.CONDITION_CODE, DE.RESPONSE_CODE, DE.ORIGINAL,
        DE.REPLACEMENT, DE.SETTLEMENT_CODE, *_TOTALS,
    }  # fmt: skip

    def __init__(self, dialect: Dialect, today: Callable[[], date]) -> None:
        super().__init__(dialect)
        self._today = today

    def _dated(self, mmdd: str) -> str:
        """YYMMDD of a date without a year: the nearest to today."""
        return year_of(mmdd, self._today()) + mmdd

    def inward(self, document: Document) -> Document:
        """The internal format of a document as it came. Raises UnreadableError."""
        internal = carry(document, self._IN)
        get = document.get
        mti = get(DE.MTI, "")
        if mti:
            internal[DE.MTI] = self._mti_in(document, mti)
        local = get(DE.LOCAL_TIME, "")
        if local:
            internal[DE.LOCAL_TIME], internal[DE.LOCAL_DATE] = local[6:], local[2:6]
        if DE.SETTLEMENT_DATE in document:
            internal[DE.SETTLEMENT_DATE] = document[DE.SETTLEMENT_DATE][2:]
        if DE.WINDOW_93 in document:
            internal[DE.PRIVATE_48] = with_private(get(DE.PRIVATE_48, ""), Private48.WINDOW, document[DE.WINDOW_93])
        code = get(DE.ENTRY_MODE, "")
        if code:
            internal[DE.ENTRY_MODE] = _ENTRY_IN.get(code[6:7], "00") + _PIN_IN.get(code[1:2], "0")
            internal[DE.CONDITION_CODE] = _PRESENCE_IN.get(code[4:5], "00")
        if DE.RESPONSE_CODE in document:
            code = document[DE.RESPONSE_CODE]
            internal[DE.RESPONSE_CODE] = RESPONSE_CODES.get(code) or _CODES.read(code)[1]
        if len(get(DE.SECURITY, "")) == _SECURITY_HEX and document[DE.SECURITY].isdecimal():
            internal[DE.SECURITY] = document[DE.SECURITY]
        if mti[1:2] == MTI.NETWORK:
            self._network_in(document, internal)
        if mti[1:2] == MTI.REVERSAL and len(get(DE.ORIGINAL_AMOUNTS, "")) >= 12 and DE.AMOUNT in internal:
            internal[DE.REPLACEMENT] = replacement_amounts(int(internal[DE.AMOUNT]))
            internal[DE.AMOUNT] = document[DE.ORIGINAL_AMOUNTS][:12]
        if DE.ORIGINAL_93 in document:
            internal[DE.ORIGINAL] = self._original_in(document)
        if mti[1:2] == MTI.FILE_UPDATE:
            self._file_update_in(document, internal)
        elif mti[1:2] == MTI.RECONCILIATION:
            self._reconciliation_in(document, internal)
        return internal

    def _mti_in(self, document: Document, mti: str) -> str:
        """Of the dialect's edition only: who sends another's reads elements, and answers, otherwise than this link does."""
        version = self.dialect.version
        if mti[0] != version:
            edition, other = (EDITIONS.get(digit, "no known") for digit in (version, mti[0]))
            name, expected = self.dialect.names.get(DE.MTI, ""), f"an MTI of the {edition} edition ({version}xxx)"
            raise self.unreadable(document, DE.MTI, name, expected, f"{mti}, of the {other} edition")
        return "0" + mti[1:]

    @staticmethod
    def _network_in(document: Document, internal: Document) -> None:
        if DE.KEY_DATA in document:
            internal[DE.KEY_DATA] = document[DE.KEY_DATA]
        if DE.NETWORK_CODE not in internal and document.get(DE.FUNCTION_CODE) in _NETWORK_CODES:
            internal[DE.NETWORK_CODE] = _NETWORK_CODES[document[DE.FUNCTION_CODE]]

    @staticmethod
    def _reconciliation_in(document: Document, internal: Document) -> None:
        """DE28 is the date that is reconciled; an answer's DE39 says what came of it."""
        internal.update({de: document[de] for de in _TOTALS if de in document})
        if DE.RECONCILIATION_DATE in document:
            internal[DE.SETTLEMENT_DATE] = document[DE.RECONCILIATION_DATE][2:]
        action = document.get(DE.RESPONSE_CODE, "")
        if action in _RECONCILED:
            internal[DE.RESPONSE_CODE], internal[DE.SETTLEMENT_CODE] = _RECONCILED[action]

    @staticmethod
    def _file_update_in(document: Document, internal: Document) -> None:
        function, action = document.get(DE.FUNCTION_CODE, ""), document.get(DE.RESPONSE_CODE)
        if function[:2] == "30":
            internal[DE.FILE_UPDATE] = function[2:]
        if DE.FILE_NAME in document:
            internal[DE.FILE_NAME] = document[DE.FILE_NAME]
        if action in _FILE_ANSWERS_IN:
            internal[DE.RESPONSE_CODE] = _FILE_ANSWERS_IN[action]

    def _original_in(self, document: Document) -> str:
        value = document[DE.ORIGINAL_93]
        length = value[22:24]
        if len(value) < 22 or (
            length and (not length.isdecimal() or len(value) != 24 + int(length) or int(length) > 11)
        ):
            name = self.dialect.names.get(DE.ORIGINAL_93, "")
            expected = "MTI 4, STAN 6, date and time 12, length 2, acquirer of that length"
            raise self.unreadable(document, DE.ORIGINAL_93, name, expected, f"{len(value)} digits")
        return original_data("0" + value[1:4], value[4:10], value[12:22], value[24:])

    def outward(self, document: Document, reference: Document | None = None) -> Document:
        """The link form of an internal document. Raises EncodeError."""
        link = carry(document, self._OUT)
        get = document.get
        mti = get(DE.MTI, "")
        link[DE.MTI] = (reference.get(DE.MTI, "")[:1] if reference else "") or self.dialect.version
        link[DE.MTI] += mti[1:]
        there = reference.get(DE.LOCAL_TIME, "") if reference else ""
        clock, local = get(DE.LOCAL_TIME, ""), get(DE.LOCAL_DATE, "")
        if clock and not local and DE.TRANSMISSION_TIME in document:
            local = local_date(document[DE.TRANSMISSION_TIME], clock, self._today())
        if clock and local:
            link[DE.LOCAL_TIME] = (there[:6] if there[2:6] == local else self._dated(local)) + clock
        if DE.SETTLEMENT_DATE in document:
            link[DE.SETTLEMENT_DATE] = self._dated(document[DE.SETTLEMENT_DATE])
            self._number_out(link)
        if DE.ENTRY_MODE in document:
            link[DE.ENTRY_MODE] = pos_data_code(document[DE.ENTRY_MODE], get(DE.CONDITION_CODE, ""))
        if DE.MERCHANT_TYPE in document:
            link[DE.BUSINESS_CODE] = document[DE.MERCHANT_TYPE]
        if DE.RESPONSE_CODE in document:
            link[DE.RESPONSE_CODE] = self._action(mti, document)
        if mti[2:3] in ("0", "2"):
            link[DE.FUNCTION_CODE] = self._function(mti, document)
            if mti[1:2] == MTI.REVERSAL:
                link[DE.REASON_CODE] = _REASONS[mti[2]]
            elif mti[2:3] == "2" and (reason := _stand_in_reason(document)):
                link[DE.REASON_CODE] = reason
        if DE.REPLACEMENT in document and DE.AMOUNT in document:
            link[DE.ORIGINAL_AMOUNTS] = document[DE.AMOUNT] + "0" * 12
            link[DE.AMOUNT] = document[DE.REPLACEMENT][:12]
        self._of_class(mti[1:2], document, link)
        if DE.ORIGINAL in document:
            own_time = mti[1:3] == MTI.AUTHORIZATION + "0"  # of an increment: DE12 is not what it names
            link[DE.ORIGINAL_93] = self._original_out(document, "" if own_time else link.get(DE.LOCAL_TIME, ""))
        return link

    @staticmethod
    def _number_out(link: Document) -> None:
        """The number of a window has an element of its own."""
        rest, window = without_private(link.get(DE.PRIVATE_48, ""), Private48.WINDOW)
        if window:
            del link[DE.PRIVATE_48]
            link |= {DE.WINDOW_93: window, **({DE.PRIVATE_48: rest} if rest else {})}

    def _of_class(self, mti_class: str, document: Document, link: Document) -> None:
        """What only messages of this class have."""
        if mti_class == MTI.FILE_UPDATE and DE.FILE_NAME in document:
            link[DE.FILE_NAME] = document[DE.FILE_NAME]
        if mti_class == MTI.NETWORK and DE.KEY_DATA in document:
            link[DE.KEY_DATA] = document[DE.KEY_DATA]
        if mti_class != MTI.RECONCILIATION:
            return
        link.update({de: document[de] for de in _TOTALS if de in document})
        if DE.SETTLEMENT_DATE in document:
            link[DE.RECONCILIATION_DATE] = self._dated(document[DE.SETTLEMENT_DATE])
        result = document.get(DE.SETTLEMENT_CODE, "")
        if result:
            said = "504" if DE.CREDITS in document else "503"
            link[DE.RESPONSE_CODE] = {"1": "500", "2": "501"}.get(result, said)

    def _original_out(self, document: Document, local: str) -> str:
        try:
            original = parse_original(document[DE.ORIGINAL])
        except ValueError:
            found = f"{len(document[DE.ORIGINAL])} characters"
            raise self.unencodable(document, DE.ORIGINAL, "42 digits", found) from None
        when = local or self._dated(original.sent_at[:4]) + original.sent_at[4:]
        acquirer = original.acquirer
        return f"{self.dialect.version}{original.mti[1:]}{original.stan}{when}{len(acquirer):02d}{acquirer}"

    def _action(self, mti: str, document: Document) -> str:
        code = document[DE.RESPONSE_CODE]
        if mti[1:2] == MTI.FILE_UPDATE and is_response(mti) and code in _FILE_ANSWERS:
            return _FILE_ANSWERS[code]
        if code == Answer.APPROVED and is_response(mti):
            if mti[1] == MTI.REVERSAL:
                return REVERSAL_ACCEPTED
            if mti[1] == MTI.NETWORK:
                return NETWORK_ACCEPTED
        return ACTION_CODES.get(code, _DO_NOT_HONOUR)

    @staticmethod
    def _function(mti: str, document: Document) -> str:
        """DE24 of a request or advice."""
        match mti[1]:
            case MTI.NETWORK:
                code = document.get(DE.NETWORK_CODE, "")
                return _FUNCTIONS.get(code) or _KEY_CHANGE.get(code, "831")
            case MTI.FILE_UPDATE:
                return "30" + document.get(DE.FILE_UPDATE, "0")
            case MTI.RECONCILIATION:
                return _FINAL
            case MTI.REVERSAL:
                return "401" if DE.REPLACEMENT in document else "400"
            case MTI.AUTHORIZATION:
                inquiry = document.get(DE.PROCESSING_CODE, "")[:2] == Processing.VERIFICATION
                return "108" if inquiry else "100"
        return "200"
