"""The security room against values that others made: tests/vectors/crypto.json and security.json, each with its source.

Which vector is checked how stands in `CHECKS`, by its kind; a kind that has no check fails.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest

from switch.security import card_values, cardholder_values, check_values, des, dukpt, emv, key_blocks, pin_blocks, pins
from switch.security.macs import AES_CMAC, ALGORITHM_3, TDES_CMAC, mac_maker
from switch.wire import Dialect

HERE = Path(__file__).parents[1] / "vectors"
Vector = dict[str, Any]
VECTORS = [v for name in ("crypto", "security") for v in json.loads((HERE / f"{name}.json").read_text())["vectors"]]
RANDOM: Final = bytes(14)


def un(text: str) -> bytes:
    return bytes.fromhex(text)


def hexed(data: bytes) -> str:
    return data.hex().upper()


def retail_mac(v: Vector) -> None:
    assert hexed(mac_maker(ALGORITHM_3, un(v["key"]), v["padding"])(v["data_ascii"].encode())) == v["mac"]


def cmac(v: Vector) -> None:
    algorithm = AES_CMAC if v["kind"] == "aes_cmac" else TDES_CMAC
    assert hexed(mac_maker(algorithm, un(v["key"]))(un(v["data_hex"]))) == v["mac"]


def clear_pin_block(v: Vector) -> None:
    pin_format = int(v["kind"][-1])
    assert hexed(pin_blocks.clear_block(pin_format, v["pin"], v.get("pan", ""), v.get("fill", ""))) == v["block"]
    assert pin_blocks.read_clear(pin_format, un(v["block"]), v.get("pan", "")) == v["pin"]


def no_format_2(v: Vector) -> None:
    with pytest.raises(pin_blocks.PinBlockError, match="format 2"):
        pin_blocks.check_translation(2, 0)
    assert v["block"].startswith("2")
    with pytest.raises(pin_blocks.PinBlockError, match="control digit"):
        pin_blocks.read_clear(0, un(v["block"]), "4012345678909")


def broken_pin_block(v: Vector) -> None:
    with pytest.raises(pin_blocks.PinBlockError):
        pin_blocks.read_clear(0, un(v["block"]), v["pan"])


def pin_field_4(v: Vector) -> None:
    assert hexed(pin_blocks.pin_field(4, v["pin"], "")) == v["field_prefix"]


def pan_field_4(v: Vector) -> None:
    assert hexed(pin_blocks.account_field_4(v["pan"])) == v["field"]


def pin_block_4(v: Vector) -> None:
    cipher = pin_blocks.aes_cipher(un(v["key"]))
    assert hexed(pin_blocks.encrypt_pin(cipher, 4, v["pin"], v["pan"], un(v["pin_field"])[8:])) == v["encrypted"]
    assert pin_blocks.decrypt_pin(cipher, 4, un(v["encrypted"]), v["pan"]) == v["pin"]


def pin_translate(v: Vector) -> None:
    out = pin_blocks.aes_cipher if v["format_out"] == 4 else pin_blocks.tdes_cipher
    source, target = pin_blocks.tdes_cipher(un(v["key_in"])), out(un(v["key_out"]))
    random = un(v.get("random_out", "")) or RANDOM
    block = un(v["block_in"])
    made = pin_blocks.translate(source, v["format_in"], block, v["pan"], target, v["format_out"], random)
    assert hexed(made) == v["block_out"]


def cvv(v: Vector) -> None:
    codes = {"cvv2": card_values.CVV2_SERVICE_CODE, "icvv": card_values.ICVV_SERVICE_CODE}
    assert v["service_code"] == codes.get(v["kind"], v["service_code"])
    assert card_values.card_value(un(v["cvk"]), v["pan"], v["expiry"], v["service_code"]) == v["cvv"]


def pvv(v: Vector) -> None:
    assert pins.pvv(un(v["pvk"]), v["pvki"], v["pin"], v["pan"]) == v["pvv"]


def ibm3624(v: Vector) -> None:
    data = pins.validation_data(v["pan"], v["pan_offset"], v["pan_length"], v["pad"])
    natural = pins.natural_pin(un(v["pvk"]), v["table"], data, len(v["offset"]))
    assert v.get("natural_pin", natural) == natural
    assert pins.pin_of(natural, v["offset"]) == v["pin"]
    assert pins.offset_of(v["pin"], natural) == v["offset"]


def unwrap(v: Vector) -> None:
    read = key_blocks.unwrap(un(v["kbpk"]), v["block"])
    assert hexed(read.key) == v["key"]
    if "kcv" in v:
        assert hexed(check_values.check_value(read.header.algorithm, read.key)) == v["kcv"]


def wrap(v: Vector) -> None:
    header = key_blocks.read_header(v["block"])
    assert v["block"].startswith(v["header"])
    assert key_blocks.wrap(un(v["kbpk"]), header, un(v["key"]), un(v["padding"])) == v["block"]


def unwrap_refused(v: Vector) -> None:
    with pytest.raises(key_blocks.KeyBlockError):
        key_blocks.unwrap(un(v["kbpk"]), v["block"])


def tdes_dukpt(v: Vector) -> None:
    ksn = un(v["ksn"])
    initial = dukpt.tdes_initial_key(un(v["bdk"]), ksn)
    assert hexed(initial) == v["ik"]
    key = dukpt.tdes_transaction_key(initial, ksn)
    assert hexed(key) == v["txn_key"]
    if "encrypted_pin_block" in v:
        cipher = pin_blocks.tdes_cipher(dukpt.tdes_working_key(key, dukpt.PIN))
        assert pin_blocks.decrypt_pin(cipher, 0, un(v["encrypted_pin_block"]), v["pan"]) == v["pin"]
    for name, use in (("mac_request", dukpt.MAC_REQUEST), ("mac_response", dukpt.MAC_RESPONSE)):
        if name in v:
            made = mac_maker(ALGORITHM_3, dukpt.tdes_working_key(key, use))(v["data_ascii"].encode())
            assert hexed(made[:4]) == v[name]


def tdes_working_keys(v: Vector) -> None:
    key = un(v["txn_key"])
    for name, use in (
        ("pin_key", dukpt.PIN),
        ("mac_request_key", dukpt.MAC_REQUEST),
        ("mac_response_key", dukpt.MAC_RESPONSE),
        ("data_request_key", dukpt.DATA_REQUEST),
        ("data_response_key", dukpt.DATA_RESPONSE),
    ):
        assert hexed(dukpt.tdes_working_key(key, use)) == v[name], name
    data = v["data_ascii"].encode()
    mac_key = dukpt.tdes_working_key(key, dukpt.MAC_REQUEST)
    assert hexed(mac_maker(ALGORITHM_3, mac_key)(data)[:4]) == v["mac_request"]
    assert hexed(mac_maker(TDES_CMAC, mac_key)(data)) == v["mac_request_cmac"]
    padded = data + bytes(-len(data) % 8)
    sent = des.cbc_encrypt(dukpt.tdes_working_key(key, dukpt.DATA_REQUEST), des.ZEROS, padded)
    assert hexed(sent) == v["encrypted_cbc_iv0_pad0"]


def aes_dukpt(v: Vector) -> None:
    initial_id, ksn = un(v["ikid"]), un(v["ksn"])
    initial = dukpt.aes_initial_key(un(v["bdk"]), initial_id)
    assert hexed(initial) == v["ik"]
    key = dukpt.aes_transaction_key(initial, ksn)
    assert hexed(key) == v["txn_key"]
    counter = dukpt.aes_counter(ksn)
    for name, use in (
        ("pin_key", dukpt.PIN_ENCRYPTION),
        ("mac_gen_key", dukpt.MAC_GENERATION),
        ("data_key", dukpt.DATA_ENCRYPTION),
    ):
        if name in v:
            made = dukpt.aes_working_key(key, use, {16: 2, 24: 3, 32: 4}[len(un(v[name]))], initial_id, counter)
            assert hexed(made) == v[name], name


def aes_update_key(v: Vector) -> None:
    assert hexed(dukpt.aes_update_key(un(v["ik"]), un(v["ikid"]))) == v["update_key"]


def key_check_value(v: Vector) -> None:
    key, said = un(v["key"]), v["kcv"]
    assert check_values.is_check_value("A" if v["algorithm"].startswith("AES") else "T", key, said)
    ours = {"TDES": check_values.tdes_check_value, "AES": check_values.aes_check_value}.get(v["algorithm"])
    assert ours is None or hexed(ours(key)).startswith(said)


def key_components(v: Vector) -> None:
    components = [un(c) for c in v["components"]]
    assert [hexed(check_values.tdes_check_value(c)) for c in components] == v["component_kcvs"]
    key = check_values.combine(components)
    assert hexed(key) == v["key"]
    assert hexed(check_values.tdes_check_value(key)) == v["kcv"]


def key_under_zmk(v: Vector) -> None:
    assert hexed(des.ecb_encryptor(un(v["zmk"]))(un(v["key"]))) == v["encrypted"]
    assert hexed(des.ecb_decryptor(un(v["zmk"]))(un(v["encrypted"]))) == v["key"]
    assert hexed(check_values.tdes_check_value(un(v["key"]))) == v["kcv"]


def arqc_and_arpc(v: Vector) -> None:
    card = emv.card_key(un(v["imk"]), v["pan"], v["psn"], v["mk_option"])
    session = emv.session_key(card, un(v["diversifier"]))
    for name, key in (("kcv_imk", un(v["imk"])), ("kcv_icc_mk", card), ("kcv_sk", session)):
        assert hexed(check_values.tdes_check_value(key)).startswith(v.get(name, ""))
    arqc = emv.cryptogram(session, un(v["data"]), emv.PADDING_1 if v["padding"] == "VISA" else emv.PADDING_2)
    assert hexed(arqc) == v["arqc"]
    if v["arpc_method"] == 1:
        assert hexed(emv.response_1(card, arqc, un(v["arc"]))) == v["arpc"]
    else:
        assert hexed(emv.response_2(session, arqc, un(v["csu"]), un(v["prop"]))) == v["arpc"]


def visa_cvn10(v: Vector) -> None:
    card = emv.card_key(un(v["imk"]), v["pan"], v["psn"])
    arqc = emv.cryptogram(card, un(v["data"]), emv.VERSIONS[emv.VISA, 10].padding)
    assert hexed(arqc) == v["arqc"]
    assert hexed(emv.response_1(card, arqc, un(v["arc"]))) == v["arpc"]


def arqc(v: Vector) -> None:
    tags = {name: un(value) for name, value in v["tags"].items()}
    assert emv.version_of(v["scheme"], tags["9F10"]) == v["cvn"]
    chip = emv.chip_of(v["scheme"], un(v["imk"]), v["pan"], v["psn"], v["mk_option"], tags)
    assert hexed(emv.covered(chip.version, tags)) == v["data"]
    assert hexed(chip.arqc(tags)) == v["arqc"]
    assert hexed(chip.arpc(un(v["arqc"]), un(v.get("arc", "")), un(v.get("csu", "")))) == v["tag_91"]
    assert emv.verify(chip, {**tags, "9F26": un(v["arqc"])})
    assert not emv.verify(chip, {**tags, "9F26": un(v["arqc"]), "9F02": bytes(6)})


def card_keys(v: Vector) -> None:
    for option in ("A", "B"):
        key = emv.card_key(un(v["imk"]), v["pan"], v["psn"], option)
        assert hexed(key) == v[f"option_{option.lower()}"]
        assert hexed(check_values.tdes_check_value(key)) == v[f"kcv_{option.lower()}"]


def cavv(v: Vector) -> None:
    made = cardholder_values.make_cavv(
        un(v["cavv_key"]), v["pan"], v["atn"], v["authentication_results_code"], v["second_factor"], v["key_indicator"]
    )
    assert hexed(made) == v["cavv"]
    read = cardholder_values.read_cavv(made)
    assert (read.output, read.atn, read.version) == (v["cavv_output"], v["atn"], 0)
    assert cardholder_values.verify_cavv(un(v["cavv_key"]), v["pan"], made)


def aav(v: Vector) -> None:
    made = cardholder_values.make_aav(
        un(v["key"]),
        v["pan"],
        v["merchant_name"],
        int(v["control"], 16),
        int(v["acs_id"], 16),
        int(v["method_and_bin_key"], 16),
        un(v["tsn"]),
    )
    assert hexed(made) == v["aav"]
    assert cardholder_values.verify_aav(un(v["key"]), v["pan"], made)


def spa2(v: Vector) -> None:
    assert hexed(cardholder_values.spa2_amount_code(v["amount_minor"])) == v["amount_code"]
    made = cardholder_values.spa2_issuer_value(
        un(v["key"]), v["pan"], v["merchant_name"], v["amount_minor"], v["currency"], un(v["ds_transaction_number"])
    )
    assert hexed(made) == v["iav"]


def message_mac(v: Vector) -> None:
    algorithm = AES_CMAC if "CMAC" in v["algorithm"] else ALGORITHM_3
    padding = 2 if v["algorithm"].endswith("2") else 1
    covered = v["covered_ascii"].encode()
    assert hexed(mac_maker(algorithm, un(v["key"]), padding)(covered)[:8]) == v["mac"]
    # the dialect reads the message, and the MAC is its last element
    document = Dialect.load(v["dialect"]).decode(v["message_ascii"].encode())
    assert document[v["mac_element"]] == v["mac"]
    assert v["message_ascii"] == v["covered_ascii"] + v["mac"]


CHECKS: Final[dict[str, Callable[[Vector], None]]] = {
    "iso9797_alg3_mac": retail_mac,
    "aes_cmac": cmac,
    "tdes_cmac": cmac,
    "pin_block_iso0": clear_pin_block,
    "pin_block_iso1": clear_pin_block,
    "pin_block_iso3": clear_pin_block,
    "pin_block_iso2": no_format_2,
    "pin_block_iso0_must_fail": broken_pin_block,
    "pin_field_iso4": pin_field_4,
    "pan_field_iso4": pan_field_4,
    "pin_block_iso4_encrypted": pin_block_4,
    "pin_translate": pin_translate,
    "cvv": cvv,
    "cvv2": cvv,
    "icvv": cvv,
    "visa_pvv": pvv,
    "ibm3624_pin": ibm3624,
    "tr31_unwrap": unwrap,
    "tr31_wrap": wrap,
    "tr31_unwrap_must_fail": unwrap_refused,
    "tdes_dukpt": tdes_dukpt,
    "tdes_dukpt_working_keys": tdes_working_keys,
    "aes_dukpt": aes_dukpt,
    "aes_dukpt_update_key": aes_update_key,
    "key_check_value": key_check_value,
    "key_components": key_components,
    "key_under_zmk_ecb": key_under_zmk,
    "emv_arqc_arpc": arqc_and_arpc,
    "emv_visa_cvn10": visa_cvn10,
    "emv_arqc": arqc,
    "emv_icc_master_key": card_keys,
    "cavv_visa_u3v0": cavv,
    "aav_spa1_hmac": aav,
    "spa2_iav_hmac": spa2,
    "message_mac": message_mac,
}


@pytest.mark.parametrize("vector", [pytest.param(v, id=f"{n}-{v['kind']}") for n, v in enumerate(VECTORS)])
def test_value_of_another(vector: Vector) -> None:
    CHECKS[vector["kind"]](vector)


def test_every_vector_is_there() -> None:
    assert len(VECTORS) == 115
