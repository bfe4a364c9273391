"""Mastercard's file, read back by a reader that others have made (PyPI `cardutil`)."""

import io
from datetime import datetime
from typing import Any

import msgspec
import pytest

from switch.ledger.entries import Window
from switch.ledger.ipm import BLOCK, IpmError, IpmFile, More, Presentment, acquirer_reference, ipm_name
from switch.wire.pans import luhn_rest
from tests.ledger.stories import START_US

WINDOW = Window("2026-11-27", 1)


def presentment(amount: int = 80_00, *, back: bool = False, merchant: str = "M1", currency: str = "504") -> Presentment:
    return Presentment(
        reference=7,
        at_us=START_US,
        amount=amount,
        currency=currency,
        back="2026-11-26" if back else "",
        institution="504102",
        pan="513200******1234",
        processing="000000",
        mcc="5411",
        rrn="633110163691",
        approval="A1B2C3",
        terminal="T1",
        merchant=merchant,
        settled=("000000000802", "71003009", "840") if amount == 80_00 else None,
    )


def step(function: str, amount: int, reason: str = "") -> Presentment:
    more = More("510101514344", function, reason, 80_00)
    return msgspec.structs.replace(presentment(amount), reference=0, settled=None, more=more)


def written(*presentments: Presentment) -> bytes:
    parts: list[bytes] = []
    file = IpmFile(WINDOW, "504000", parts.append)
    for one in presentments:
        file.add(one)
    file.end()
    return b"".join(parts)


def read(*presentments: Presentment) -> list[dict[str, Any]]:
    mciipm = pytest.importorskip(
        "cardutil.mciipm", reason="cardutil is in requirements-dev.lock: make the environment again"
    )
    data = written(*presentments)
    assert len(data) % (BLOCK + 2) == 0
    assert all(data[at : at + 2] == b"\x40\x40" for at in range(BLOCK, len(data), BLOCK + 2))
    return list(mciipm.IpmReader(io.BytesIO(data), encoding="cp500", blocked=True))


def test_a_header_presentments_and_a_trailer_with_sum_and_count() -> None:
    header, first, second, trailer = read(presentment(), presentment(30_00, back=True))
    file_id = "00226112700000504000" + "00001"
    assert (header["MTI"], header["DE24"], header["PDS0105"], header["PDS0122"]) == ("1644", "697", file_id, "T")
    assert (first["MTI"], first["DE24"], first["DE4"], first["DE49"]) == ("1240", "200", 80_00, "504")
    assert (first["DE2"], first["DE3"], first["DE26"], first["DE32"]) == ("513200******1234", "000000", 5411, "504102")
    assert (first["DE37"], first["DE38"], first["DE41"].strip(), first["DE42"].strip()) == (
        "633110163691",
        "A1B2C3",
        "T1",
        "M1",
    )
    assert (first["DE5"], first["DE9"], first["DE50"]) == (802, 71003009, "840")
    assert first["DE12"] == datetime(2026, 11, 27, 9, 0)  # noqa: DTZ001 - as the reader has it
    assert "PDS0025" not in first
    assert (second["DE4"], second["PDS0025"], second["DE31"]) == (30_00, "R261126", first["DE31"])
    assert (trailer["MTI"], trailer["DE24"], trailer["PDS0105"]) == ("1644", "695", file_id)
    assert (int(trailer["PDS0301"]), int(trailer["PDS0306"])) == (110_00, 4)
    assert [one["DE71"] for one in (header, first, second, trailer)] == [1, 2, 3, 4] or [
        int(one["DE71"]) for one in (header, first, second, trailer)
    ] == [1, 2, 3, 4]


def test_steps_of_disputes_are_chargebacks_and_second_presentments() -> None:
    _, first, again, whole, part, _ = read(
        msgspec.structs.replace(presentment(80_00), more=More("510101514344")),
        step("282", 40_00),
        step("450", 80_00, "4837"),
        step("453", 30_00, "4853"),
    )
    assert (first["MTI"], first["DE24"], first["DE22"]) == ("1240", "200", "510101514344")
    assert (again["MTI"], again["DE24"], again["DE4"], again["DE30"][:12]) == ("1240", "282", 40_00, "000000008000")
    assert (whole["MTI"], whole["DE24"], whole["DE25"], whole["DE30"]) == (
        "1442",
        "450",
        "4837",
        "000000008000" + "0" * 12,
    )
    assert (part["MTI"], part["DE24"], part["DE4"], part["DE37"]) == ("1442", "453", 30_00, "633110163691")
    assert "DE31" not in whole
    assert "DE25" not in again


@pytest.mark.parametrize("count", [0, 1, 4, 5, 6, 200, 1_200])
def test_records_go_on_over_blocks(count: int) -> None:
    found = read(*(presentment(n + 1) for n in range(count)))
    assert [one["DE4"] for one in found[1:-1]] == [n + 1 for n in range(count)]
    assert int(found[-1]["PDS0306"]) == count + 2


def test_elements_of_every_length_and_letter_are_read_as_they_are() -> None:
    told = [
        msgspec.structs.replace(presentment(30_00), pan="5132******1234", merchant="CAFÉ ÇA VA"),
        msgspec.structs.replace(presentment(30_00), pan="513200*********1234", institution="12345678901", rrn="  "),
        msgspec.structs.replace(presentment(30_00, back=True), approval="", terminal="", mcc=""),
        msgspec.structs.replace(presentment(30_00), pan="5132******1234", merchant="M2"),
    ]
    one, other, blank, again = read(*told)[1:-1]
    assert [found["DE2"] for found in (one, other, blank, again)] == [each.pan for each in told]
    assert [found["DE42"].strip() for found in (one, again)] == ["CAFÉ ÇA VA", "M2"]
    assert (other["DE32"], "DE37" in other, other["DE38"]) == ("12345678901", False, "A1B2C3")
    assert {"DE26", "DE38", "DE41"} & set(blank) == set()
    assert blank["PDS0025"] == "R261126"


def test_the_acquirers_reference_ends_with_its_check_digit() -> None:
    found = acquirer_reference("504102", "6331", 7)
    assert found[:-1] == "1504102633100000000007"
    assert (len(found), luhn_rest(found)) == (23, 0)


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        (presentment(merchant="M" * 16), "DE42 .* has 16 characters, and not 15"),
        (presentment(merchant="МАГАЗИН"), "which cp500 has not"),
        (presentment(10**12), "DE4 .* has 13 characters, and not 12"),
    ],
)
def test_what_the_layout_cannot_hold_is_refused_by_element(wrong: Presentment, says: str) -> None:
    with pytest.raises(IpmError, match=says):
        written(wrong)


def test_its_name() -> None:
    assert ipm_name(WINDOW, "mastercard") == "2026-11-27-1.mastercard.ipm"
