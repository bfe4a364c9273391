"""Values as other people's libraries make them (psec, pyemv), over keys, PINs, PANs and tables that nobody chose: PIN blocks,
PVVs, IBM 3624 with any part of the PAN, card values, MACs, cryptograms of every version. Each is made there and held here."""

import random
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from switch.security import card_values, dukpt, emv, macs, pin_blocks, pins
from switch.wire.pans import luhn_rest

psec_only = [
    pytest.mark.outside("psec", package="psec"),
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),  # the other one's
]
pyemv_only = [
    pytest.mark.outside("pyemv", package="pyemv"),
    pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning"),
]
ROUNDS = 60
KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")


class Dice(random.Random):
    def digits(self, low: int, high: int = 0) -> str:
        return "".join(self.choices("0123456789", k=self.randint(low, high or low)))

    def pan(self, low: int = 13, high: int = 19) -> str:
        body = self.digits(low - 1, high - 1)
        return next(body + last for last in "0123456789" if not luhn_rest(body + last))

    def key(self, size: int = 16) -> bytes:
        return self.randbytes(size)

    def table(self) -> str:
        """A decimalization table that is taken: each digit once or twice."""
        digits = list("0123456789" + "".join(self.sample("0123456789", 6)))
        self.shuffle(digits)
        return "".join(digits)


def rounds() -> Iterator[Dice]:
    return (Dice(seed) for seed in range(ROUNDS))


class TestPsec:
    pytestmark = psec_only

    def test_pin_blocks_of_every_length_of_pin_and_pan(self) -> None:
        from psec import pinblock

        for dice in rounds():
            pin, pan, key = dice.digits(4, 12), dice.pan(), dice.key()
            assert pin_blocks.clear_block(0, pin, pan) == pinblock.encode_pinblock_iso_0(pin, pan)
            assert pin_blocks.read_clear(3, pinblock.encode_pinblock_iso_3(pin, pan), pan) == pin
            made = pin_blocks.clear_block(3, pin, pan, pin_blocks.fill_digits(3, len(pin), dice.randbytes(14)))
            assert pinblock.decode_pinblock_iso_3(made, pan) == pin
            aes = pin_blocks.aes_cipher(key)
            assert pin_blocks.decrypt_pin(aes, 4, pinblock.encipher_pinblock_iso_4(key, pin, pan), pan) == pin
            sent = pin_blocks.encrypt_pin(aes, 4, pin, pan, dice.randbytes(14))
            assert pinblock.decipher_pinblock_iso_4(key, sent, pan) == pin

    def test_pvvs_of_every_index(self) -> None:
        from psec.pin import generate_visa_pvv

        for dice in rounds():
            key, pin, pan = dice.key(), dice.digits(4), dice.pan()
            for index in "0123456789":
                assert pins.pvv(key, index, pin, pan) == generate_visa_pvv(key, index, pin, pan)

    def test_offsets_of_any_table_and_any_part_of_a_pan(self) -> None:
        from psec.pin import generate_ibm3624_offset, generate_ibm3624_pin

        for dice in rounds():
            key, pin, pan, table = dice.key(), dice.digits(4, 12), dice.pan(), dice.table()
            begin = dice.randint(0, 4)
            length = dice.randint(1, min(16, len(pan) - begin))
            pad = dice.choice("0123456789ABCDEF")
            offset = generate_ibm3624_offset(key, table, pin, pan, begin, length, pad)
            natural = pins.natural_pin(key, table, pins.validation_data(pan, begin, length, pad), len(pin))
            assert pins.offset_of(pin, natural) == offset
            assert generate_ibm3624_pin(key, table, offset, pan, begin, length, pad) == pins.pin_of(natural, offset)

    def test_card_values_of_pans_of_any_length(self) -> None:
        from psec.cvv import generate_cvv

        for dice in rounds():
            key, pan, expiry = dice.key(), dice.pan(12, 19), dice.digits(4)
            for code in ("000", "999", "101", "201", dice.digits(3)):
                assert card_values.card_value(key, pan, expiry, code) == generate_cvv(key, pan, expiry, code)

    def test_macs_of_any_length_in_every_padding(self) -> None:
        from psec.mac import generate_cbc_mac, generate_retail_mac

        for dice in rounds():
            key, data = dice.key(), dice.randbytes(dice.randint(1, 200))
            for padding in macs.PADDINGS:
                retail = generate_retail_mac(key[:8], key[8:], data, padding)
                assert macs.mac_maker(macs.ALGORITHM_3, key, padding)(data) == retail
                assert macs.mac_maker(macs.ALGORITHM_1, key, padding)(data) == generate_cbc_mac(key, data, padding)


def chip_tags(dice: Dice, issuer_data: bytes) -> dict[str, bytes]:
    sizes = {"9F02": 6, "9F03": 6, "9F1A": 2, "95": 5, "5F2A": 2, "9A": 3, "9C": 1, "9F37": 4, "82": 2, "9F36": 2}
    return {"9F10": issuer_data} | {name: dice.randbytes(size) for name, size in sizes.items()}


VERSIONS: dict[str, tuple[str, int, Callable[[Dice], bytes], Callable[[bytes], dict[str, bytes]]]] = {
    "VisaCVN10": ("visa", 10, lambda d: b"\x06\x01\x0a" + d.randbytes(4), lambda i: {"cvr": i[3:7]}),
    "VisaCVN18": ("visa", 18, lambda d: b"\x06\x01\x12" + d.randbytes(4), lambda i: {"tag_9f10": i}),
    "VisaCVN22": ("visa", 22, lambda d: b"\x1f\x22\x01" + d.randbytes(29), lambda i: {"tag_9f10": i}),
    "MasterCardCVN16": ("mastercard", 16, lambda d: b"\x01\x10" + d.randbytes(16), lambda i: {"cvr": i[2:8]}),
    "MasterCardCVN17": (
        "mastercard",
        17,
        lambda d: b"\x01\x11" + d.randbytes(16),
        lambda i: {"cvr": i[2:8], "counters": i[10:18]},
    ),
    "MasterCardCVN20": ("mastercard", 20, lambda d: b"\x01\x14" + d.randbytes(16), lambda i: {"cvr": i[2:8]}),
    "MasterCardCVN21": (
        "mastercard",
        21,
        lambda d: b"\x01\x15" + d.randbytes(16),
        lambda i: {"cvr": i[2:8], "counters": i[10:18]},
    ),
}


@pytest.mark.parametrize("name", VERSIONS)
class TestPyemv:
    pytestmark = pyemv_only

    def test_cryptograms_and_their_answers_of_cards_of_any_length(self, name: str) -> None:
        from pyemv import cvn

        scheme, version, issuer_data, covered = VERSIONS[name]
        for dice in rounds():
            key, sequence = dice.key(), dice.digits(2)
            pan = dice.pan(13, 19 if name == "VisaCVN22" else 16)  # others derive by option A, whatever the length
            tags = chip_tags(dice, issuer_data(dice))
            theirs = getattr(cvn, name)(key, key, key, pan, sequence)
            rest: dict[str, Any] = {f"tag_{tag.lower()}": tags[tag] for tag in emv.DATA_TAGS}
            arqc = theirs.generate_ac(**rest, **covered(tags["9F10"]))
            assert emv.version_of(scheme, tags["9F10"]) == version
            chip = emv.chip_of(scheme, key, pan, sequence, "", tags)
            assert emv.verify(chip, {**tags, "9F26": arqc})
            if version in (18, 22):
                status = dice.randbytes(4)
                assert chip.arpc(arqc, b"", status) == theirs.generate_arpc(arqc, tags["9F36"], status) + status
            else:
                code = dice.randbytes(2)
                session = {"tag_9f36": tags["9F36"]} if version in (20, 21) else {}
                assert chip.arpc(arqc, code) == theirs.generate_arpc(tag_9f26=arqc, arpc_rc=code, **session) + code


def test_a_pvv_has_an_index_of_one_digit() -> None:
    """psec 1.3.0: all ten; Visa and AWS's API give out 0 to 6."""
    made = [pins.pvv(KEY, index, "4524", "1122334455667788") for index in "0123456789"]
    assert made[1] == "8523"
    assert len(set(made)) == 10
    for index in ("", "A", "10", "²"):
        with pytest.raises(ValueError, match="one digit"):
            pins.pvv(KEY, index, "4524", "1122334455667788")


def test_an_offset_in_twelve_places_is_the_same_filled_with_f() -> None:
    data = pins.validation_data("1122334455667788", 0, 16, "F")
    natural = pins.natural_pin(KEY, "1234567890123456", data, 6)
    assert pins.pin_of(natural, "535236FFFFFF") == pins.pin_of(natural, "535236") == "987654"


def test_validation_data_of_digits_with_the_cards_last_five_among_them() -> None:
    """Thales 7000's way (its host command DE): N says where five digits of the PAN go."""
    pan = "1122334455667788"  # its last five without the check digit: 66778
    assert pins.validation_template(pan, "12345N678901", "F").hex() == "1234566778678901"
    assert pins.validation_template(pan, "N", "F").hex().upper() == "66778FFFFFFFFFFF"
    for template in ("12N345N", "12X", "1234567890123N", ""):
        with pytest.raises(ValueError, match="up to 16 digits, with one N"):
            pins.validation_template(pan, template, "F")


def test_a_serial_number_in_its_last_eight_bytes_is_of_the_same_device() -> None:
    """X9.24-1 pads on the left with F's to ten bytes; many hosts leave them out."""
    whole, short = bytes.fromhex("FFFF9876543210E00008"), bytes.fromhex("9876543210E00008")
    assert dukpt.device_and_counter(short) == dukpt.device_and_counter(whole) == ("FFFF9876543210E00000", 8)
    initial = dukpt.tdes_initial_key(KEY, short)
    assert initial.hex().upper() == "6AC292FAA1315B4D858AB3A3D7D5933A"
    assert dukpt.tdes_transaction_key(initial, short) == dukpt.tdes_transaction_key(initial, whole)


def test_the_last_counters_of_a_device() -> None:
    """Ten bits set at most: the last is the ten highest, and none comes after it that fits."""
    assert dukpt.next_counter(0x1FF800 - 0x800, 10) == 0x1FF800 - 0x800 + 1
    assert dukpt.next_counter(0x1FF800, 10) > dukpt.device_and_counter(bytes.fromhex("FFFF9876543210FFF800"))[1]
    for counter in ("FFFF9876543210E00000", "FFFF9876543210FFFC00"):
        with pytest.raises(dukpt.KsnError, match="bits set"):
            dukpt.device_and_counter(bytes.fromhex(counter))
    with pytest.raises(dukpt.KsnError, match="10 bytes, or the last 8"):
        dukpt.device_and_counter(bytes(9))


@pytest.mark.parametrize(
    ("issuer_data", "version"),
    [("06010A03A4B800", 10), ("06011203A0B800", 18), ("1F220100A0000000" + "00" * 24, 22), ("1F4A0132A0", 0x4A)],
)
def test_where_visas_cards_say_their_version(issuer_data: str, version: int) -> None:
    """Format 2 (31 bytes, length 1F) has it before the key's index, formats 0, 1 and 3 behind it."""
    assert emv.version_of("visa", bytes.fromhex(issuer_data)) == version
