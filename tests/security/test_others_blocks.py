"""Key blocks and check values as other makers' modules write them: optional blocks, components, letters, digits."""

import pytest

from switch.security import aes, check_values, key_blocks
from switch.security.key_blocks import Header, KeyBlockError, OptionalBlock
from switch.security.macs import TDES_CMAC, mac_maker

KEY = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
AES_KEY = bytes(range(32))


def with_optional(*blocks: tuple[str, str], version: str = "B", key_version: str = "00", algorithm: str = "T") -> str:
    """A block that another maker's module could have sent, under KEY or AES_KEY."""
    usage, kbpk = ("M7", AES_KEY) if algorithm == "H" else ("P0", KEY if version == "B" else AES_KEY)
    header = Header(
        version=version,
        usage=usage,
        algorithm=algorithm,
        mode="B" if usage == "P0" else "C",
        key_version=key_version,
        blocks=tuple(OptionalBlock(id=name, data=data) for name, data in blocks),
    )
    return key_blocks.wrap(kbpk, header, KEY, bytes(key_blocks.padding_bytes(version, algorithm, len(KEY))))


def test_a_block_of_the_standard_with_a_date_and_a_key_set_is_read() -> None:
    """ANSI X9.143:2021, 8.2, as OpenEMV's tests quote it: its KS is no KSN, which tells nothing of the key."""
    kbpk = bytes.fromhex("E38331FBACE33F0B8694ABA5DC611CA20831949FEB8988102147291578F704E1")
    block = (
        "D0192C0AVA1N0300KS08VM9ATS1A2018-06-18T20:42:39.22PB0E00000000005FDAFA00A1E84F599C2EB51A1F7A767D5E42314F0E84A3"
        "FC1A7B84C1DE81114659E6306AD544208F68F15602BD3E12DA0C7F9FC551F1C8E6385FAFC1F7B499F5"
    )
    read = key_blocks.unwrap(kbpk, block)
    assert read.key.hex().upper() == "8C326037F8910BBFDBC267E5101DFBF9480433028D5E67B34673440F8ACEC972"
    assert [b.data for b in read.header.blocks][:2] == ["VM9A", "2018-06-18T20:42:39.22"]


ISO_20038 = b"256-bit AES wrapping (ISO 20038)"


@pytest.mark.parametrize(
    ("kbpk", "block", "key", "value"),
    [
        (
            bytes.fromhex("EFE0853B256B583D868F251CE99EA1D9"),
            "A0072K0TN00N0000F40D5672C6D0EC86F860BA88D44D00F0CA9A8CE8CD2F640287A9A9EB",
            "5DB50B454F8389ADCE573BE50861F2BF",
            "5C9405",
        ),
        (
            ISO_20038,
            "D0112M3TV16N000018462FA5903B8D2B82FEE26B29713C0BE7ED81601087F12252093D06FC0A012C1CF769AD0E3E9E4877166AB013FC22B4",
            "767361707064642032454552206B6479",
            "B29D42",
        ),
    ],
    ids=["payShield 10K, A", "ISO 20038:2017, B.3, D"],
)
def test_what_openemv_s_tool_is_tested_with_is_read(kbpk: bytes, block: str, key: str, value: str) -> None:
    """The rest of its samples (openemv/tr31, test/tr31_decrypt_test.c) is in tests/vectors, and blocks that it has read."""
    read = key_blocks.unwrap(kbpk, block)
    assert read.key.hex().upper() == key
    assert check_values.is_check_value("T", read.key, value)


def test_the_version_of_iso_20038_is_refused_by_its_name() -> None:
    """ISO 20038:2017, B.2, as OpenEMV's tests quote it."""
    block = "E0084B0TV16N0000B2AE5E26BBA7F246E84D5EA24167E208A6B66EF2E27E55A52DB52F0AEACB94C57547"
    with pytest.raises(KeyBlockError, match="version 'E' is not known; A, B, C, D are"):
        key_blocks.unwrap(ISO_20038, block)


def test_check_values_inside_a_block_are_held_against_its_keys() -> None:
    own = check_values.tdes_check_value(KEY).hex()
    for value in (own.upper(), own, own[:4]):
        assert key_blocks.unwrap(KEY, with_optional(("KC", "00" + value), ("KP", "00" + value))).key == KEY
    by_cmac = mac_maker(TDES_CMAC, KEY)(bytes(8))[:5].hex().upper()
    assert key_blocks.unwrap(KEY, with_optional(("KC", "01" + by_cmac))).key == KEY
    with pytest.raises(KeyBlockError, match="its key has check value ABCDEF"):
        key_blocks.unwrap(KEY, with_optional(("KC", "00ABCDEF")))
    with pytest.raises(KeyBlockError, match="under a protection key with check value ABCDEF"):
        key_blocks.unwrap(KEY, with_optional(("KP", "00ABCDEF")))


def test_a_component_in_a_block_is_no_key() -> None:
    with pytest.raises(KeyBlockError, match="it holds component 2 of a key, and no key"):
        key_blocks.unwrap(KEY, with_optional(key_version="c2"))


def test_an_hmac_key_for_another_hash_is_not_taken_for_sha_256() -> None:
    read = key_blocks.unwrap(AES_KEY, with_optional(("HM", "21"), version="D", algorithm="H"))
    assert read.header.blocks[0].data == "21"
    with pytest.raises(KeyBlockError, match="for HMAC with hash 10; 21"):
        key_blocks.unwrap(AES_KEY, with_optional(("HM", "10"), version="D", algorithm="H"))


def test_lower_case_digits_and_a_payshield_s_letter_change_nothing() -> None:
    block = with_optional()
    assert key_blocks.unwrap(KEY, block[:16] + block[16:].lower()).key == KEY
    assert key_blocks.without_scheme(f" R{block}\n") == block


@pytest.mark.parametrize(
    ("algorithm", "said", "same"),
    [
        ("T", "08D7B4FB629D0885", True),
        ("T", "08d7", True),
        ("T", "08D7B4", True),
        ("T", "08D", False),
        ("T", "", False),
        ("T", "08D7B5", False),
        ("T", "08D7B4FB629D0886", False),
        ("A", "CMAC", True),
        ("A", "ECB", True),
    ],
)
def test_a_check_value_is_known_in_as_many_digits_as_somebody_shows(algorithm: str, said: str, same: bool) -> None:
    key = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")
    said = {
        "CMAC": check_values.aes_check_value(key).hex(),
        "ECB": aes.ecb_encryptor(key)(bytes(16)).hex()[:6],
    }.get(said, said)
    assert check_values.is_check_value(algorithm, key, said) == same
