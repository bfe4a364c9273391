"""Digits of a card beside its number: CVV (stripe), iCVV (chip), CVV2 (printed), dCVV and CVC3 (contactless).

In: a key pair of 16 bytes, PAN and expiry. Out: digits. Rule: the caller says in which order the expiry goes in: Visa takes
YYMM always, Mastercard's CVC2 and some issuers take MMYY for the printed one.
"""

from typing import Final

from switch.security import des
from switch.security.macs import ALGORITHM_3, mac_maker
from switch.security.pins import decimals

CVV2_SERVICE_CODE: Final = "000"
ICVV_SERVICE_CODE: Final = "999"
EXPIRY_ORDERS: Final = ("yymm", "mmyy")
_PAN_DIGITS: Final = range(1, 20)


class CardValues:
    """Makes the values of one key pair, whose contexts it keeps."""

    def __init__(self, key: bytes) -> None:
        """`key`: a pair of 16 bytes, else DesKeyError."""
        if len(key) != 16:
            raise des.DesKeyError(f"a card verification key is a pair of 16 bytes, this one has {len(key)}")
        self._first, self._both = des.ecb_encryptor(key[:8]), des.ecb_encryptor(key)

    def value(self, pan: str, expiry: str, service_code: str, digits: int = 3) -> str:
        """See `card_value`."""
        if len(pan) not in _PAN_DIGITS or not pan.isdecimal():
            raise ValueError("a card value is made of a PAN of 1 to 19 digits")
        if len(expiry) != 4 or not expiry.isdecimal() or len(service_code) != 3 or not service_code.isdecimal():
            raise ValueError("a card value is made of an expiry of four digits and a service code of three")
        data = bytes.fromhex((pan + expiry + service_code).ljust(32, "0"))
        return decimals(self._both(des.xor(self._first(data[:8]), data[8:])).hex(), digits)


def card_value(key: bytes, pan: str, expiry: str, service_code: str, digits: int = 3) -> str:
    """CVV, CVC: the first `digits` of the value. `expiry`: four digits as they go in; `service_code`: three, 000 for CVV2 and
    CVC2, 999 for iCVV. Raises ValueError."""
    return CardValues(key).value(pan, expiry, service_code, digits)


def expiry_in_order(expiry: str, order: str) -> str:
    """An expiry YYMM as `order` (`yymm`, `mmyy`) has it."""
    if order not in EXPIRY_ORDERS:
        raise ValueError(f"an expiry goes in as {' or '.join(EXPIRY_ORDERS)}, not as {order!r}")
    return expiry if order == "yymm" else expiry[2:] + expiry[:2]


def printed_expiry(expiry: str, scheme: str) -> str:
    """An expiry YYMM as it goes into the value printed on a card of this scheme: Mastercard's has it as MMYY."""
    return expiry_in_order(expiry, "mmyy" if scheme == "mastercard" else "yymm")


def dynamic_card_value(card_key: bytes, pan: str, expiry: str, service_code: str, atc: bytes) -> str:
    """Visa's dCVV: a CVV under the card's own key (`switch.security.emv.card_key`) with four digits of the transaction
    counter (ATC, 2 bytes, decimal) in the place of the PAN's first four."""
    counter = f"{int.from_bytes(atc, 'big') % 10_000:04d}"
    return card_value(card_key, counter + pan[4:], expiry, service_code)


def value_of_track(card_key: bytes, scheme: str, track: str, atc: int, unpredictable: str) -> str:
    """The three digits that a chip says in a track's place for them. `card_key`: the card's own; `track`: PAN, D, expiry, service
    code and discretionary data, with zeros for what changes; `unpredictable`: digits. Raises ValueError."""
    pan, _, rest = track.partition("D")
    whole = pan and len(rest) >= 7 and (pan + rest + unpredictable).isdecimal()
    if not whole or not 0 <= atc <= 0xFFFF or len(unpredictable) > 8:
        raise ValueError("a track 2 of digits around one D, a counter of 2 bytes and up to 8 digits are expected")
    counter = atc.to_bytes(2, "big")
    if scheme != "mastercard":
        return dynamic_card_value(card_key, pan, rest[:4], rest[4:7], counter)
    vector = cvc3_vector(card_key, bytes.fromhex(track + "F" * (len(track) % 2)))
    return cvc3(card_key, vector, bytes.fromhex(unpredictable.rjust(8, "0")), counter)[-3:]


def cvc3_vector(card_key: bytes, track_template: bytes) -> bytes:
    """IVCVC3, 2 bytes: the end of the MAC (ISO 9797-1 algorithm 3, padding 2) of a track whose changing digits are zero."""
    return mac_maker(ALGORITHM_3, card_key, 2)(track_template)[-2:]


def cvc3(card_key: bytes, vector: bytes, unpredictable: bytes, atc: bytes) -> str:
    """Mastercard's CVC3, five digits, of which a track holds the last few. `vector`: from `cvc3_vector` or the card;
    `unpredictable`: 4 bytes; `atc`: 2 bytes."""
    if (len(vector), len(unpredictable), len(atc)) != (2, 4, 2):
        raise ValueError(
            "a CVC3 is made of IVCVC3 (2 bytes), an unpredictable number (4) and a transaction counter (2)"
        )
    return f"{int.from_bytes(des.ecb_encryptor(card_key)(vector + unpredictable + atc)[-2:], 'big'):05d}"
