"""What holds of keys, PIN blocks, MACs and card values whatever the values: round trips, and that a changed bit never passes."""

from hashlib import shake_128

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.security import (
    card_values,
    cardholder_values,
    check_values,
    des,
    dukpt,
    emv,
    key_blocks,
    macs,
    pin_blocks,
    pins,
    single_des,
)
from switch.security.key_blocks import Header, KeyBlockError, OptionalBlock
from switch.security.pin_blocks import PinBlockError

few = settings(max_examples=25, deadline=None)
pin_codes = st.text("0123456789", min_size=4, max_size=12)
pans = st.text("0123456789", min_size=13, max_size=19)
KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
AES_KEY = bytes(range(32))


def random(seed: object, size: int) -> bytes:
    return shake_128(repr(seed).encode()).digest(size)


def keys(*sizes: int) -> st.SearchStrategy[bytes]:
    return st.sampled_from(sizes).flatmap(lambda n: st.binary(min_size=n, max_size=n))


def flipped(data: bytes, bit: int) -> bytes:
    bit %= 8 * len(data)
    return des.xor(data, (1 << bit).to_bytes(len(data), "big"))


def cipher(pin_format: int, key: bytes) -> pin_blocks.PinCipher:
    return pin_blocks.aes_cipher(key) if pin_format == 4 else pin_blocks.tdes_cipher(key[:16])


# -- MACs


@few
@given(
    st.sampled_from(macs.ALGORITHMS), keys(16), st.lists(st.binary(max_size=40), min_size=2, max_size=5), st.integers(0)
)
def test_a_mac_is_of_its_message_alone_and_of_every_bit_of_it(
    algorithm: str, key: bytes, messages: list[bytes], bit: int
) -> None:
    kept = macs.mac_maker(algorithm, key, 2)
    for message in messages:  # whatever the same maker made before
        code = kept(message)
        assert macs.agrees(code, macs.mac_maker(algorithm, key, 2)(message))
        if message:
            assert not macs.agrees(code, kept(flipped(message, bit)))
        assert not macs.agrees(code, macs.mac_maker(algorithm, flipped(key, 8 * (bit % 16) + 1), 2)(message))


def test_padding_1_cannot_tell_trailing_zeros_and_2_can() -> None:
    one, two = (macs.mac_maker(macs.ALGORITHM_3, KEY, method) for method in (1, 2))
    assert one(b"12345") == one(b"12345\0")
    assert two(b"12345") != two(b"12345\0")


def test_algorithm_1_of_one_block_is_its_encryption() -> None:
    assert macs.mac_maker(macs.ALGORITHM_1, KEY)(b"12345678") == des.ecb_encryptor(KEY)(b"12345678")


def test_a_mac_that_nobody_knows_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match=r"'crc32'.*iso9797-1-alg1, iso9797-1-alg3, aes-cmac"):
        macs.mac_maker("crc32", KEY)
    with pytest.raises(ValueError, match="16 bytes, this one has 24"):
        macs.mac_maker(macs.ALGORITHM_3, bytes(24))
    with pytest.raises(ValueError, match="methods 1, 2 and 3"):
        macs.pad(b"1", 4)


# -- PIN blocks


@few
@given(st.sampled_from(pin_blocks.FORMATS), pin_codes, pans, keys(16), st.integers(0))
def test_a_pin_block_gives_its_pin_back(pin_format: int, pin: str, pan: str, key: bytes, seed: int) -> None:
    with_key = cipher(pin_format, key)
    block = pin_blocks.encrypt_pin(with_key, pin_format, pin, pan, random(seed, 14))
    assert len(block) == pin_blocks.BLOCK_BYTES[pin_format]
    assert pin_blocks.decrypt_pin(with_key, pin_format, block, pan) == pin


@few
@given(pin_codes, pans, st.integers(0))
def test_a_changed_block_of_format_4_is_never_the_same_pin(pin: str, pan: str, bit: int) -> None:
    """One of format 0 has 64 bits, and a changed one may by chance be another valid block; here chance is too small to meet."""
    with_key = cipher(4, KEY)
    block = pin_blocks.encrypt_pin(with_key, 4, pin, pan, random(bit, 14))
    with pytest.raises(PinBlockError):
        pin_blocks.decrypt_pin(with_key, 4, flipped(block, bit), pan)


@few
@given(st.sampled_from(sorted(pin_blocks.TRANSLATIONS)), pin_codes, pans, st.integers(0))
def test_a_translated_block_holds_the_same_pin(formats: tuple[int, int], pin: str, pan: str, seed: int) -> None:
    before, after = formats
    source, target = cipher(before, KEY), cipher(after, AES_KEY)
    block = pin_blocks.encrypt_pin(source, before, pin, pan, random(seed, 14))
    made = pin_blocks.translate(source, before, block, pan, target, after, random(seed + 1, 14))
    assert pin_blocks.decrypt_pin(target, after, made, pan) == pin


@pytest.mark.parametrize("formats", [(0, 1), (3, 1), (4, 1), (2, 0), (0, 2), (1, 2), (9, 0)])
def test_what_never_becomes_another_format(formats: tuple[int, int]) -> None:
    with pytest.raises(PinBlockError, match=r"never becomes 1|only 0, 1, 3 and 4"):
        pin_blocks.check_translation(*formats)


@pytest.mark.parametrize("pin_format", [0, 3, 4])
def test_a_block_of_another_card_is_broken_and_no_wrong_pin(pin_format: int) -> None:
    with_key = cipher(pin_format, KEY)
    block = pin_blocks.encrypt_pin(with_key, pin_format, "1234", "9504011234560010", random(0, 14))
    with pytest.raises(PinBlockError, match="PIN block"):
        pin_blocks.decrypt_pin(with_key, pin_format, block, "4012345678909999")


def test_no_refusal_of_a_block_tells_of_the_pin() -> None:
    for pin in ("123", "12345678901234", "12a4"):
        with pytest.raises(PinBlockError) as refused:
            pin_blocks.clear_block(0, pin, "9504011234560010")
        assert pin not in str(refused.value)


def test_a_key_is_for_its_own_formats() -> None:
    with pytest.raises(PinBlockError, match="not with a triple DES key"):
        pin_blocks.encrypt_pin(cipher(0, KEY), 4, "1234", "9504011234560010", bytes(14))
    with pytest.raises(PinBlockError, match="not with an AES key"):
        pin_blocks.encrypt_pin(cipher(4, KEY), 0, "1234", "9504011234560010", bytes(14))


# -- key blocks


headers = st.builds(
    lambda version, use, export, blocks: Header(
        version=version, usage=use[0], algorithm=use[1], mode=use[2], exportability=export, blocks=tuple(blocks)
    ),
    st.sampled_from("BD"),
    st.sampled_from([("P0", "T", "E"), ("M6", "A", "C"), ("K0", "T", "B"), ("M7", "H", "G")]),
    st.sampled_from("ENS"),
    st.lists(st.builds(OptionalBlock, st.sampled_from(["KS", "LB", "TS"]), st.text("ABC0 ", max_size=300)), max_size=3),
)


@few
@given(headers, st.data())
def test_a_key_block_gives_its_key_and_header_back_and_no_changed_one_does(header: Header, data: st.DataObject) -> None:
    kbpk = data.draw(keys(16, 24) if header.version == "B" else keys(16, 24, 32))
    key = data.draw(keys(*{"T": (16, 24), "A": (16, 24, 32), "H": (20, 40)}[header.algorithm]))
    padding = random(key, key_blocks.padding_bytes(header.version, header.algorithm, len(key)))
    block = key_blocks.wrap(kbpk, header, key, padding)
    read = key_blocks.unwrap(kbpk, block)
    assert read.key == key
    assert tuple(b for b in read.header.blocks if b.id != "PB") == header.blocks
    at = data.draw(st.integers(0, len(block) - 1))
    other = data.draw(st.sampled_from([c for c in "0123456789ABCDEFGKMPX" if c != block[at].upper()]))
    with pytest.raises(KeyBlockError):
        key_blocks.unwrap(kbpk, block[:at] + other + block[at + 1 :])
    with pytest.raises(KeyBlockError, match="MAC does not hold"):
        key_blocks.unwrap(flipped(kbpk, 1), block)


def test_a_block_does_not_tell_how_long_its_key_is() -> None:
    header = Header(version="D", usage="D0", algorithm="A", mode="B")
    sizes = {
        len(key_blocks.wrap(AES_KEY, header, bytes(n), bytes(key_blocks.padding_bytes("D", "A", n))))
        for n in (16, 24, 32)
    }
    assert len(sizes) == 1


@pytest.mark.parametrize("version", ["A", "C"])
def test_older_versions_are_read_and_not_made(version: str) -> None:
    with pytest.raises(KeyBlockError, match=f"version {version} is not made any more"):
        key_blocks.wrap(KEY, Header(version=version, usage="P0", algorithm="T", mode="E"), KEY, bytes(6))


@pytest.mark.parametrize(
    "text", ["", "D", "D0112", "D0016P0AE00E0000", "D0024P0AE00E0100KS000200", "D0020P0AE00E01000000", "é" * 40]
)
def test_what_is_no_key_block_is_refused(text: str) -> None:
    with pytest.raises(KeyBlockError, match="key block"):
        key_blocks.unwrap(AES_KEY, text)


def test_components_alone_do_not_make_another_key() -> None:
    with pytest.raises(ValueError, match="two or three"):
        check_values.combine([KEY])
    with pytest.raises(ValueError, match="differ in length"):
        check_values.combine([KEY, KEY + KEY])


# -- DUKPT


@few
@given(st.integers(1, (1 << 21) - 1))
def test_each_counter_of_a_device_has_keys_of_its_own(counter: int) -> None:
    initial = dukpt.tdes_initial_key(KEY, bytes.fromhex("FFFF9876543210E00000"))

    def made(n: int) -> bytes:
        return dukpt.tdes_transaction_key(initial, (0xFFFF9876543210E00000 | n).to_bytes(10, "big"))

    if counter.bit_count() > dukpt.TDES_ONES_MAX:
        with pytest.raises(dukpt.KsnError, match="bits set"):
            made(counter)
        return
    key, next_counter = made(counter), counter ^ 1
    uses = (dukpt.PIN, dukpt.MAC_REQUEST, dukpt.MAC_RESPONSE, dukpt.DATA_REQUEST, dukpt.DATA_RESPONSE)
    assert len({dukpt.tdes_working_key(key, use) for use in uses} | {key}) == 6
    if 1 <= next_counter.bit_count() <= dukpt.TDES_ONES_MAX:
        assert key != made(next_counter)


def test_a_working_key_is_never_stronger_than_its_device() -> None:
    initial = dukpt.aes_initial_key(KEY, bytes(8))
    with pytest.raises(ValueError, match="never stronger"):
        dukpt.aes_working_key(initial, dukpt.PIN_ENCRYPTION, dukpt.AES_256, bytes(8), 1)


@pytest.mark.parametrize("ksn", [bytes(10), b"\xff" * 10, bytes(9)])
def test_a_serial_number_that_no_device_sends_is_refused(ksn: bytes) -> None:
    with pytest.raises(dukpt.KsnError):
        dukpt.tdes_counter(ksn)


# -- PINs, card values, cryptograms


def test_a_decimalization_table_that_tells_of_pins_is_refused() -> None:
    for table in ("0000000000000000", "0123456701234567"[:15], "0000012345678901"):
        with pytest.raises(ValueError, match="decimalization table"):
            pins.natural_pin(KEY, table, bytes(8), 4)


@few
@given(pin_codes, pans)
def test_an_offset_gives_its_pin_back(pin: str, pan: str) -> None:
    natural = pins.natural_pin(KEY, "0123456789012345", pins.validation_data(pan, 0, 12, "F"), len(pin))
    assert pins.pin_of(natural, pins.offset_of(pin, natural)) == pin


def test_card_values_of_one_card_differ_by_what_they_are_for() -> None:
    pan, key = "9504011234560010", KEY
    values = {code: card_values.card_value(key, pan, "3112", code) for code in ("201", "999", "000")}
    assert values == {"201": "981", "999": "190", "000": "205"}
    assert card_values.expiry_in_order("3112", "mmyy") == "1231"
    with pytest.raises(ValueError, match="yymm or mmyy"):
        card_values.expiry_in_order("3112", "ddmm")
    with pytest.raises(ValueError, match="four digits"):
        card_values.card_value(key, pan, "311", "201")


def test_cvc3_of_a_published_card() -> None:
    """From the documentation of pyemv, whose author checked it with a hardware module."""
    card = emv.card_key(bytes.fromhex("01234567899876543210012345678998"), "5123456789012345")
    vector = card_values.cvc3_vector(card, bytes.fromhex("5123456789012345D35121010000000000000F"))
    assert card_values.cvc3(card, vector, bytes.fromhex("00000899"), bytes.fromhex("005E")) == "29488"
    with pytest.raises(ValueError, match="2 bytes"):
        card_values.cvc3(card, vector, bytes(4), bytes(3))


def test_a_dynamic_card_value_moves_with_the_counter() -> None:
    values = {card_values.dynamic_card_value(KEY, "4123456789012345", "3112", "201", bytes((0, n))) for n in range(16)}
    assert len(values) > 10


def test_chip_data_that_is_not_whole_names_its_tag() -> None:
    with pytest.raises(emv.ChipDataError, match="9F10"):
        emv.chip_of(emv.VISA, KEY, "4123456789012345", "00", "A", {})
    with pytest.raises(emv.ChipDataError, match="version 99 of visa is not known; 10, 18, 22 are"):
        emv.chip_of(emv.VISA, KEY, "4123456789012345", "00", "A", {"9F10": bytes((6, 1, 99, 3, 0, 0, 0))})
    with pytest.raises(emv.ChipDataError, match="9F36"):
        emv.chip_of(emv.VISA, KEY, "4123456789012345", "00", "A", {"9F10": bytes((6, 1, 18, 3, 0, 0, 0))})


def test_a_cavv_of_version_7_is_read_and_not_verified() -> None:
    value = bytes.fromhex("0001010123" + "0000" + "0000003039" + "504331" + "75" + "00000000")
    read = cardholder_values.read_cavv(value)
    assert (read.version, read.amount, read.currency, read.day_of_year, read.protocol) == (7, 12345, "504", 331, 5)
    with pytest.raises(cardholder_values.CardholderValueError, match="not public"):
        cardholder_values.verify_cavv(KEY, "4123456789012345", value)


@few
@given(st.integers(0))
def test_a_changed_cardholder_value_never_verifies(bit: int) -> None:
    pan = "4123456789012345"
    aav = cardholder_values.make_aav(KEY, pan, "A shop", 0x8C, 1, 0x11, bytes(4))
    assert not cardholder_values.verify_aav(KEY, pan, flipped(aav, bit))


def test_a_cavv_is_of_its_card_and_its_codes() -> None:
    """Its three digits are made over PAN, codes and four digits of the tracking number; the others it does not protect."""
    pan = "4123456789012345"
    made = cardholder_values.make_cavv(KEY, pan, "9602231034727993", "7", "00", "01")
    assert not cardholder_values.verify_cavv(KEY, "4123456789012346", made)
    for byte, changed in ((0, 0x00), (1, 0x01), (3, 0x08), (4, 0x73), (14, 0x94)):
        assert not cardholder_values.verify_cavv(KEY, pan, made[:byte] + bytes((changed,)) + made[byte + 1 :])


@pytest.mark.parametrize("padding", [1, 2, 3])
def test_single_des_of_the_system_and_triple_des_under_one_key_make_the_same_macs(
    monkeypatch: pytest.MonkeyPatch, padding: int
) -> None:
    """Whichever a machine has: a MAC is the same on both, and a maker begins anew with each message."""
    key = bytes(range(16))
    makers = [macs.mac_maker(macs.ALGORITHM_3, key, padding)]
    monkeypatch.setattr(macs, "single_des_mac", lambda key: None)
    makers.append(macs.mac_maker(macs.ALGORITHM_3, key, padding))
    for size in (0, 1, 7, 8, 9, 16, 17, 520, 70_001):
        data = (b"0200" + bytes(range(256)) * 300)[:size]
        assert makers[0](data) == makers[1](data) == makers[0](data), size


def test_a_libcrypto_that_computes_otherwise_is_not_used() -> None:
    assert single_des._proved(None) is None
    assert single_des._proved(lambda key: lambda data: bytes(8)) is None
    right = single_des._proved(lambda key: lambda data: des.cbc_encrypt(key, bytes(8), data)[-8:])
    assert right is not None
    assert single_des.single_des_mac(bytes(16)) is None, "of 8 bytes alone"
