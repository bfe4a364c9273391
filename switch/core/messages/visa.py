"""Internal format <-> Visa BASE I style.

| internal | link |
|---|---|
| (none) | h: stations of the link; of the request, turned round, in an answer |
| DE22 n 3 | DE22 n 4, the fourth digit 0 |
| DE28-31, 97 sign as a letter | sign as its EBCDIC byte |
| DE35 separator = | D |
| DE48.42 ECI | DE60.8 |
| DE48.43 CAVV, base64 | DE126.9, 20 bytes |
| DE48.63 reference | DE62.2 transaction identifier |
| DE48.71, in what the network brings | DE44.8 (chip: 2 holds, 1 does not), DE44.13 (CAVV) |
| DE48.87 CVV2 result | DE44.10 |
| DE48.92 CVV2 | DE126.10: present (1), result wanted (1), value right-justified |
| DE55 | dataset 01 around it |
| (none) | DE63.1 network id, .3 reason code of a reversal |

Assumed: the layout of DE44 and DE60 beside these parts, the codes of DE44.8 and .13, network id 0002, reason 2502, the header's
flags.
"""

import binascii
from typing import Final

from switch.core.messages.family import INTERNAL_ELEMENTS, Family, amounts_54, carry, put_private, table
from switch.core.messages.internal import Private48
from switch.wire import Dialect
from switch.wire.vocabulary import DE, MTI, Document

_PLAIN: Final = (
    "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19", "20", "21", "23", "25",
    "26", "32", "33", "37", "38", "39", "41", "42", "43", "45", "49", "50", "51", "52", "53", "66", "70", "74", "75", "76", "77",
    "80", "81", "86", "87", "88", "89", "90", "95", "100", "102", "103",
)  # fmt: skip
_SIGNS_OUT: Final = {"C": "C3", "D": "C4"}
_SIGNS_IN: Final = {"C3": "C", "C4": "D"}
_NETWORK: Final = {"1": "0002"}
_NETWORK_REVERSAL: Final = {"1": "0002", "3": "2502"}
_NO_ECI: Final = ("", "00")
_RESPONSE_BY_ISSUER: Final = "5"
_CAVV_BYTES: Final = 20
_DATASET_HEX: Final = 6
"""characters of a dataset's id and length"""
_CHIP_RESULTS: Final = {"1": "I", "2": "V"}
_CAVV_RESULTS: Final = dict.fromkeys("238AB", "V") | dict.fromkeys("1479", "I") | dict.fromkeys("06CD", "U")
"""of DE44.13: authenticated or attempted and right; wrong; not checked"""
_FIELDS_44: Final = 10
"""characters of DE44 before the CVV2 result"""


def _signed_out(value: str) -> str:
    return _SIGNS_OUT.get(value[:1], value[:1]) + value[1:]


def _signed_in(value: str) -> str:
    return _SIGNS_IN.get(value[:2], value[:2]) + value[2:]


def _icc_out(value: str) -> str:
    return f"01{len(value) // 2:04X}{value}"


def _icc_in(value: str) -> str:
    """The dataset's data; a value that is no dataset 01 as it is."""
    end = _DATASET_HEX + 2 * int(value[2:_DATASET_HEX] or "0", 16)
    return value[_DATASET_HEX:end] if value.startswith("01") and end <= len(value) else value


def _services(results: str) -> str:
    """DE48.71 from DE44 of a request: what the network has checked on the issuer's behalf."""
    chip, cavv = _CHIP_RESULTS.get(results[8:9], ""), _CAVV_RESULTS.get(results[14:15], "")
    return (chip and f"02{chip}") + (cavv and f"05{cavv}")


class Visa(Family):
    """Translator of a link in a dialect of family `visa`."""

    needs = (DE.PRIVATE_60, DE.PRIVATE_62, DE.PRIVATE_63, DE.PRIVATE_126)

    _OUT = table(
        _PLAIN,
        DE22=lambda v: v + "0", DE28=_signed_out, DE29=_signed_out, DE30=_signed_out, DE31=_signed_out,
        DE35=lambda v: v.replace("=", "D"), DE54=amounts_54, DE55=_icc_out, DE97=_signed_out,
    )  # fmt: skip
    _IN = table(
        _PLAIN,
        DE22=lambda v: v[:3], DE28=_signed_in, DE29=_signed_in, DE30=_signed_in, DE31=_signed_in,
        DE35=lambda v: v.replace("D", "="), DE54=amounts_54, DE55=_icc_in, DE97=_signed_in,
    )  # fmt: skip

    dropped: frozenset[str] = INTERNAL_ELEMENTS - _OUT.keys() - {DE.PRIVATE_48}

    def __init__(self, dialect: Dialect, own: str, peer: str) -> None:
        super().__init__(dialect)
        self._header = f"1601020000{peer}{own}0000000000000000000000"
        self._network = self.forms[DE.PRIVATE_63].build(_NETWORK)
        self._network_reversal = self.forms[DE.PRIVATE_63].build(_NETWORK_REVERSAL)

    def inward(self, document: Document) -> Document:
        """The internal format of a document as it came. Raises UnreadableError."""
        internal = carry(document, self._IN)
        eci = cavv = reference = result = cvv2 = on_behalf = ""
        if DE.PRIVATE_60 in document:
            eci = self.read(document, DE.PRIVATE_60).get("8", "")
        if DE.PRIVATE_62 in document:
            reference = self.read(document, DE.PRIVATE_62).get("2", "")
        if DE.ADDITIONAL_RESPONSE in document:
            results = document[DE.ADDITIONAL_RESPONSE]
            result, on_behalf = results[_FIELDS_44 : _FIELDS_44 + 1].strip(), _services(results)
        if DE.PRIVATE_126 in document:
            parts = self.read(document, DE.PRIVATE_126)
            cavv = parts.get("9", "")
            if cavv:
                cavv = binascii.b2a_base64(bytes.fromhex(cavv), newline=False).decode()
            request = parts.get("10", "")
            cvv2 = request[2:].strip() if request[:1] == "1" else ""
        if eci in _NO_ECI:
            eci = ""
        if eci or cavv or reference or result or cvv2 or on_behalf:
            put_private(internal, eci, cavv, reference, result, cvv2, on_behalf)
        return internal

    def outward(self, document: Document, reference: Document | None = None) -> Document:
        """The link form of an internal document. Raises EncodeError."""
        link = carry(document, self._OUT)
        private = self.private(document) if DE.PRIVATE_48 in document else None
        if private:
            self._put_private(link, private, document)
        if reference:
            there = reference.get(DE.HEADER, "")
            turned = len(there) == len(self._header)
            link[DE.HEADER] = f"{there[:10]}{there[16:22]}{there[10:16]}{there[22:]}" if turned else self._header
            for de in (DE.PRIVATE_62, DE.PRIVATE_63):
                if de in reference:
                    link[de] = reference[de]
            return link
        link[DE.HEADER] = self._header
        mti_class = document.get(DE.MTI, "")[1:2]
        if mti_class == MTI.REVERSAL:
            link[DE.PRIVATE_63] = self._network_reversal
        elif mti_class != MTI.NETWORK:
            link[DE.PRIVATE_63] = self._network
        return link

    def _put_private(self, link: Document, private: dict[str, str], document: Document) -> None:
        eci, result = private.get(Private48.ECI), private.get(Private48.CVV2_RESULT)
        if eci:
            if len(eci) != 2 or not (eci.isascii() and eci.isdecimal()):
                raise self.unencodable(document, DE.PRIVATE_48, "an ECI (42) of 2 digits", f"{len(eci)} characters")
            link[DE.PRIVATE_60] = f"00000000{eci}00"
        if result:
            link[DE.ADDITIONAL_RESPONSE] = _RESPONSE_BY_ISSUER.ljust(_FIELDS_44) + result[:1]
        if Private48.REFERENCE in private:
            link[DE.PRIVATE_62] = self._identifier(private[Private48.REFERENCE], document)
        if Private48.CAVV in private or Private48.CVV2 in private:
            link[DE.PRIVATE_126] = self._card_values(private, document)

    def _identifier(self, text: str, document: Document) -> str:
        if len(text) != 15 or not (text.isascii() and text.isdecimal()):
            expected = "a transaction identifier (63) of 15 digits"
            raise self.unencodable(document, DE.PRIVATE_48, expected, f"{len(text)} characters")
        return self.forms[DE.PRIVATE_62].build({"2": text})

    def _card_values(self, private: dict[str, str], document: Document) -> str:
        parts: dict[str, str] = {}
        cavv, cvv2 = private.get(Private48.CAVV), private.get(Private48.CVV2)
        if cavv:
            try:
                data = binascii.a2b_base64(cavv, strict_mode=True)
            except ValueError:
                data = b""
            if len(data) != _CAVV_BYTES:
                expected = f"a CAVV (43) of {_CAVV_BYTES} bytes in base64"
                raise self.unencodable(document, DE.PRIVATE_48, expected, "something else")
            parts["9"] = data.hex().upper()
        if cvv2:
            if len(cvv2) not in (3, 4) or not (cvv2.isascii() and cvv2.isdecimal()):
                raise self.unencodable(document, DE.PRIVATE_48, "a CVV2 (92) of 3 or 4 digits", "something else")
            parts["10"] = f"11{cvv2:>4}"
        return self.forms[DE.PRIVATE_126].build(parts)
