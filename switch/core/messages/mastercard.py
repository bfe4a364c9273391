"""Internal format <-> Mastercard authorization-platform style.

| internal | link |
|---|---|
| (none) | DE48: transaction category code, from DE3, DE22, DE25 and the ECI: Z cash, T e-commerce or phone, R else |
| DE48.42 ECI 05, 06, 07 | DE48.42, subfield 01: 212, 211, 210 |
| DE48.43 CAVV | DE48.43 UCAF |
| DE48.63 reference | DE63 (12 characters) and DE15 |
| DE48.71, in what the network brings | DE48.71: of each service number and first result |
| DE48.87, .92 | DE48.87, .92 |
| DE43: name 25, city 13, country 2 | DE43: name 22, city 13, country 3, with a blank between (`messages.merchant`) |
| DE19, DE22, DE25 | also DE61 POS data |

Assumed: the category codes in use, that DE48.71 has four characters a service, DE61 beside its positions 4, 5, 10, 11 and 13.
Another ECI than 05, 06, 07 is dropped.
"""

from typing import Final

from switch.core.messages.family import INTERNAL_ELEMENTS, Family, carry, put_private, table
from switch.core.messages.internal import Private48
from switch.core.messages.merchant import from_mastercard, to_mastercard
from switch.wire import Dialect
from switch.wire.vocabulary import DE, MTI, Document, Processing

_PLAIN: Final = (
    "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "22", "23",
    "25", "26", "28", "29", "30", "31", "32", "33", "35", "37", "38", "39", "41", "42", "43", "44", "45", "49", "50", "51",
    "52", "53", "54", "55", "66", "70", "74", "75", "76", "77", "80", "81", "86", "87", "88", "89", "90", "95", "97", "100",
    "102", "103",
)  # fmt: skip
_SECURITY_LEVELS: Final = {"05": "212", "06": "211", "07": "210"}
_ECIS: Final = {level: eci for eci, level in _SECURITY_LEVELS.items()}
_CATEGORY: Final = "TCC"
_REMOTE_CONDITIONS: Final = frozenset({"01", "08", "59"})
_INPUT: Final = {"01": "6", "02": "2", "05": "5", "07": "3", "80": "2", "81": "1", "90": "2", "91": "4"}
"""PAN entry (DE22) -> card data input capability (DE61.11)"""
_REFERENCE_63: Final = 12


def _services(value: str) -> str:
    """DE48.71 as the internal format has it: of each service its number and first result."""
    return "".join(value[at : at + 3] for at in range(0, len(value) - 2, 4))


def _is_number(country: str) -> bool:
    return len(country) == 3 and country.isascii() and country.isdecimal()


def _electronic(document: Document) -> bool:
    return document.get(DE.ENTRY_MODE, "")[:2] == "81" or document.get(DE.CONDITION_CODE) == "59"


def _category(document: Document, private: dict[str, str]) -> str:
    if document.get(DE.PROCESSING_CODE, "")[:2] == Processing.CASH:
        return "Z"
    remote = Private48.ECI in private or document.get(DE.CONDITION_CODE) in _REMOTE_CONDITIONS
    return "T" if remote or _electronic(document) else "R"


def _pos_data(document: Document) -> str:
    """DE61 (26 characters) from what the internal format says of the point of service."""
    entry, condition = document.get(DE.ENTRY_MODE, "")[:2], document.get(DE.CONDITION_CODE, "")
    country = document.get(DE.ACQUIRER_COUNTRY, "000")
    if _electronic(document):
        place = "2024510006"
    elif condition in _REMOTE_CONDITIONS:
        place = "20" + "2" + ("3" if condition == "08" else "1") + "100000"
    else:
        place = "0000000000"
    return f"{place}{_INPUT.get(entry, '0')}00{country}          "


class Mastercard(Family):
    """Translator of a link in a dialect of family `mastercard`."""

    needs = (DE.PRIVATE_48,)

    _CARRIED = table(_PLAIN)

    dropped: frozenset[str] = INTERNAL_ELEMENTS - _CARRIED.keys() - {DE.PRIVATE_48}

    def __init__(self, dialect: Dialect) -> None:
        super().__init__(dialect)
        self._plain = {category: self.forms[DE.PRIVATE_48].build({_CATEGORY: category}) for category in "RTZ"}

    def inward(self, document: Document) -> Document:
        """The internal format of a document as it came. Raises UnreadableError."""
        internal = carry(document, self._CARRIED)
        pos_country = document.get(DE.PRIVATE_61, "")[13:16]
        if DE.MERCHANT_NAME in internal:
            internal[DE.MERCHANT_NAME] = from_mastercard(internal[DE.MERCHANT_NAME], pos_country)
        parts: dict[str, str] = {}
        value = document.get(DE.PRIVATE_48, "")
        if len(value) > 1:
            parts = self.read(document, DE.PRIVATE_48)
        reference = document.get(DE.PRIVATE_63, "")
        if reference:
            reference += document.get(DE.SETTLEMENT_DATE, "")
        if parts or reference:
            indicators = parts.get("42", "")
            eci = _ECIS.get(indicators[4:7], "") if indicators[:4] == "0103" else ""
            put_private(
                internal,
                eci,
                parts.get("43", ""),
                reference,
                parts.get("87", ""),
                parts.get("92", ""),
                _services(parts.get("71", "")),
            )
        if DE.ACQUIRER_COUNTRY not in internal and pos_country != "000" and _is_number(pos_country):
            internal[DE.ACQUIRER_COUNTRY] = pos_country
        return internal

    def outward(self, document: Document, reference: Document | None = None) -> Document:
        """The link form of an internal document. Raises EncodeError."""
        link = carry(document, self._CARRIED)
        mti = document.get(DE.MTI, "")
        if DE.MERCHANT_NAME in link:
            link[DE.MERCHANT_NAME] = to_mastercard(link[DE.MERCHANT_NAME], document.get(DE.ACQUIRER_COUNTRY, ""))
        if mti[1:2] in (MTI.NETWORK, MTI.RECONCILIATION):
            return link
        private = self.private(document) if DE.PRIVATE_48 in document else {}
        if reference is not None:
            category = reference.get(DE.PRIVATE_48, "")[:1] or _category(document, private)
            for de in (DE.PRIVATE_63, DE.SETTLEMENT_DATE):
                if de in reference:
                    link[de] = reference[de]
        else:
            category = _category(document, private)
            if mti[1:2] != MTI.REVERSAL:
                link[DE.PRIVATE_61] = _pos_data(document)
        if Private48.REFERENCE in private and DE.PRIVATE_63 not in link:
            self._put_reference(link, private[Private48.REFERENCE], document)
        if private:
            link[DE.PRIVATE_48] = self._subelements(category, private)
        else:
            link[DE.PRIVATE_48] = self._plain.get(category, category)
        return link

    def _put_reference(self, link: Document, text: str, document: Document) -> None:
        if len(text) not in (_REFERENCE_63, _REFERENCE_63 + 4):
            expected = "a network reference (63) of 12 characters, or 16 with its date"
            raise self.unencodable(document, DE.PRIVATE_48, expected, f"{len(text)} characters")
        link[DE.PRIVATE_63] = text[:_REFERENCE_63]
        if len(text) > _REFERENCE_63:
            link[DE.SETTLEMENT_DATE] = text[_REFERENCE_63:]

    def _subelements(self, category: str, private: dict[str, str]) -> str:
        parts = {_CATEGORY: category}
        level = _SECURITY_LEVELS.get(private.get(Private48.ECI, ""))
        if level:
            parts["42"] = f"0103{level}"
        for ours, theirs in ((Private48.CAVV, "43"), (Private48.CVV2_RESULT, "87"), (Private48.CVV2, "92")):
            if ours in private:
                parts[theirs] = private[ours]
        return self.forms[DE.PRIVATE_48].build(parts)
