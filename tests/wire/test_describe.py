import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from switch.wire import DecodeError, Dialect
from switch.wire.describe import as_shown, describe, describe_error, error_fields
from switch.wire.subfields import form_of

CMI87, CMI87B, VISA, MASTERCARD, ISO93 = (
    Dialect.load(name) for name in ("cmi87", "cmi87b", "visa", "mastercard", "iso93")
)
PAN = "4111111111111111"
TRACK2 = "4111111111111111=28122011234500000000"
CAVV = "AAABBBCCCDDDEEEFFFGGGHHHIII="
PAYMENT = {
    "t": "0200", "2": PAN, "3": "010000", "4": "000000012345", "7": "1125093000", "11": "000042", "35": TRACK2,
    "39": "51", "41": "TERM0001", "48": f"4202054328{CAVV}9203987", "49": "504", "52": "0123456789ABCDEF",
}  # fmt: skip
SECRETS = (PAN, TRACK2, TRACK2.replace("=", "D"), CAVV, "987", "0123456789ABCDEF")


def _line(text: str, start: str) -> str:
    return next(line for line in text.split("\n") if line.startswith(start))


def _error(dialect: Dialect, data: bytes) -> tuple[DecodeError, str]:
    with pytest.raises(DecodeError) as caught:
        dialect.decode(data)
    return caught.value, describe_error(dialect, data, caught.value)


def test_an_element_is_a_line_of_number_name_and_value() -> None:
    text = describe(CMI87, PAYMENT)
    assert _line(text, "DE4 ").split() == ["DE4", "Amount,", "Transaction", "000000012345"]
    assert _line(text, "DE49").endswith("504")
    assert len({line.index(v) for line, v in [(_line(text, "DE4 "), "0000000"), (_line(text, "DE49"), "504")]}) == 1


def test_what_a_code_means_stands_behind_it() -> None:
    text = describe(CMI87, PAYMENT)
    assert _line(text, "MTI").endswith("0200  financial request")
    assert _line(text, "DE3 ").endswith("010000  cash withdrawal")
    assert _line(text, "DE39").endswith("51  not sufficient funds")
    assert describe(CMI87, {"t": "0801", "70": "301"}).endswith("301  echo test")
    assert "network management request, repeat" in describe(CMI87, {"t": "0801"})
    assert describe(ISO93, {"39": "116"}).endswith("116  not sufficient funds")


def test_parts_of_an_element_stand_below_it() -> None:
    lines = describe(CMI87, {"3": "011020"}).split("\n")
    assert [line.split() for line in lines[1:]] == [
        [".1", "Transaction", "type", "01"], [".2", "Account", "from", "10"], [".3", "Account", "to", "20"],
    ]  # fmt: skip
    text = describe(CMI87, {"55": "9F02060000000123458202" + "1C00DF010101"})
    assert [line.split()[-1] for line in text.split("\n")[1:]] == ["000000012345", "1C00", "01"]
    assert "9F02 Amount, authorized" in text
    assert "  82 Application" in text


def test_the_pan_is_masked_and_secrets_are_named_and_counted() -> None:
    text = describe(CMI87, PAYMENT)
    assert "411111******1111" in text
    assert "<track 2 data, 37 characters>" in text
    assert "<PIN data, 8 bytes>" in text
    assert _line(text, "        .92").endswith("<3 characters>")
    assert not any(secret in text for secret in SECRETS)


def test_card_values_of_a_bitmapped_element_are_hidden_and_so_are_parts_nobody_declared() -> None:
    value = form_of(VISA.subfields["126"]).build({"9": "AB" * 20, "10": "11 987", "13": "1", "40": "C0FFEE"})
    text = describe(VISA, {"126": value})
    assert "AB" * 20 not in text
    assert "987" not in text
    assert "C0FFEE" not in text
    assert _line(text, "        .13").endswith(" 1")


def test_track_data_inside_chip_data_is_hidden() -> None:
    text = describe(CMI87, {"55": "5713" + "41" * 19 + "9A03251125"})
    assert "41" * 19 not in text
    assert "251125" in text


def test_an_element_that_does_not_divide_says_where() -> None:
    text = describe(CMI87, {"48": "4202059203"})
    assert "does not divide at 8, subfield 92" in text
    assert "4202059203" not in text


def test_what_a_terminal_would_obey_is_written_out() -> None:
    assert describe(CMI87, {"41": "\x1b[2J\x07abc"}).endswith(r"\x1b[2J\x07abc")


def test_styles_are_the_painters() -> None:
    text = describe(CMI87, {"t": "0210", "39": "00"}, lambda style, text: f"<{style}>{text}</>")
    assert "<label>DE39" in text
    assert "<good>approved</>" in text


def test_a_document_for_json_has_no_secrets_either() -> None:
    shown = as_shown(CMI87, {**PAYMENT, "p": "7220000000000000"})
    assert shown["4"] == "000000012345"
    assert shown["2"] == "411111******1111"
    assert not any(secret in str(shown) for secret in SECRETS)


@pytest.mark.parametrize("dialect", [CMI87, CMI87B, VISA, MASTERCARD, ISO93], ids=lambda d: d.name)
@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(["h", "t", *map(str, range(2, 129))]), st.text(max_size=50), max_size=10))
def test_any_document_can_be_described(dialect: Dialect, document: dict[str, str]) -> None:
    text = describe(dialect, document)
    assert all(line.isprintable() for line in text.split("\n"))
    assert as_shown(dialect, document).keys() == document.keys()


# -- errors


def test_the_caret_stands_under_the_byte_that_is_wrong() -> None:
    data = CMI87.encode({"t": "0800", "7": "1125093000", "11": "000001"})
    data = data[:-2] + b"x1"
    error, text = _error(CMI87, data)
    lines = text.split("\n")
    assert lines[0] == str(error)
    at = next(i for i, line in enumerate(lines) if "^^" in line)
    column = lines[at].index("^^")
    assert lines[at - 1][column : column + 2] == f"{ord('x'):02X}"
    assert f"byte {error.offset}: expected 6 digits" in lines[at]
    assert "DE7 " in text


def test_a_message_that_ends_too_early_has_the_caret_behind_its_last_byte() -> None:
    data = CMI87.encode({"t": "0800", "7": "1125093000", "11": "000001"})[:-16]
    _, text = _error(CMI87, data)
    lines = text.split("\n")
    at = next(i for i, line in enumerate(lines) if "^^" in line)
    assert lines[at].index("^^") == 8 + 3 * (len(data) % 16)
    assert "Decoded before it:" in text


def test_nothing_at_all_is_an_error_too() -> None:
    _, text = _error(CMI87, b"")
    assert text.endswith("Nothing was decoded before it.")


def test_bytes_of_secrets_are_stars_and_bytes_behind_the_error_are_not_shown() -> None:
    data = CMI87.encode({**PAYMENT, "55": "9A03251125"})
    at = data.index(b"51TERM") + 2
    _, text = _error(CMI87, data[:at] + b"\xff" + data[at + 1 :])
    assert "** **" in text
    assert "FF 45" in text
    assert "··" in text
    assert not any(secret in text for secret in SECRETS)
    assert "".join(f"{ord(c):02X} " for c in CAVV[:6]).strip() not in text


@pytest.mark.parametrize("dialect", [CMI87, CMI87B, VISA, MASTERCARD], ids=lambda d: d.name)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_error_shows_what_was_decoded_as_a_secret(dialect: Dialect, data: st.DataObject) -> None:
    secrets = {"2": "9876598765987659", "35": "8765487654876543=991200000", "52": "FEDCBA9876543210"}
    if dialect in (CMI87B, VISA):
        secrets["35"] = secrets["35"].replace("=", "D")
    header = {"h": "00" * (5 if dialect is CMI87B else 22)} if "h" in dialect.elements else {}
    document = {**header, "t": "0200", "3": "000000", "11": "000042", "41": "TERM0001", **secrets}
    message = dialect.encode(document)
    cut = data.draw(st.integers(0, len(message) - 1))
    error, text = _error(dialect, message[:cut])
    shown = text.replace(" ", "").upper()
    assert error.offset <= cut
    for value in secrets.values():
        element = next(dialect.elements[de] for de, v in secrets.items() if v == value)
        encoded = value if element.text is None else value.encode(element.text.name).hex().upper()
        assert encoded[4:20] not in shown
        assert value[4:12] not in shown


# -- what a log says of it


def test_an_event_has_everything_and_the_bytes_around_with_secrets_hidden() -> None:
    data = CMI87.encode({"t": "0200", "2": "4111111111111111", "3": "000000", "11": "000042"})
    at = data.index(b"111000000") + 3
    data = data[:at] + b"\x07" + data[at + 1 :]
    with pytest.raises(DecodeError) as caught:
        CMI87.decode(data)
    fields = error_fields(CMI87, data, caught.value)
    assert fields == {
        "dialect": "cmi87", "mti": "0200", "field": "3", "name": "Processing Code", "offset": at, "expected": "6 digits",
        "found": r'"\u000700000"', "bytes": "… ** ** ** ** ** ** [07] 30 30 30 …", "reason": str(caught.value),
    }  # fmt: skip


def test_bytes_behind_the_error_and_of_a_failing_secret_are_not_in_the_event_and_an_end_is_shown() -> None:
    data = CMI87.encode({"t": "0800", "2": "4111111111111111", "11": "000042"})
    broken = data[:22] + b"x" + data[23:]
    with pytest.raises(DecodeError) as caught:
        CMI87.decode(broken)
    assert error_fields(CMI87, broken, caught.value)["bytes"] == "… 30 30 30 30 31 36 [78] ·· ·· ·· …"
    with pytest.raises(DecodeError) as caught:
        CMI87.decode(b"")
    assert error_fields(CMI87, b"", caught.value)["bytes"] == "[end]"


@pytest.mark.parametrize("dialect", [CMI87, CMI87B, VISA, MASTERCARD], ids=lambda d: d.name)
@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_no_event_shows_more_than_ten_digits_of_a_pan_whatever_byte_is_wrong(
    dialect: Dialect, data: st.DataObject
) -> None:
    header = {"h": "00" * (5 if dialect is CMI87B else 22)} if "h" in dialect.elements else {}
    message = dialect.encode({**header, "t": "0200", "2": "9876598765987659", "3": "000000", "11": "000042"})
    at = data.draw(st.integers(0, len(message) - 1))
    bad = message[:at] + data.draw(st.binary(min_size=1, max_size=1)) + message[at + 1 :]
    try:
        dialect.decode(bad)
    except DecodeError as error:
        shown = error_fields(dialect, bad, error)["bytes"].replace(" ", "")
        pan = dialect.elements["2"]
        wire = "9876598765987659" if pan.text is None else "9876598765987659".encode(pan.text.name).hex().upper()
        more = 12 if pan.text is None else 22
        assert not any(wire[i : i + more] in shown for i in range(0, len(wire) - more + 1, 2))


@pytest.mark.parametrize(("code", "says"), [("101", "key change"), ("161", "key exchange"), ("162", "key request")])
def test_each_network_management_code_that_is_spoken_here_is_said(code: str, says: str) -> None:
    assert _line(describe(CMI87, {"t": "0800", "70": code}), "DE70").endswith(says)


def test_a_tag_has_no_dot_in_a_dialect_that_names_none() -> None:
    spec = {**CMI87.spec, "55": {**CMI87.spec["55"], "subfields": {"form": "tlv"}}}
    text = describe(
        Dialect.from_spec({"dialect": {"name": "brought"}, **spec}), {"t": "0200", "55": "9505000000000082021980"}
    )
    assert [line.split()[0] for line in text.split("\n")[2:]] == ["95", "82"]


@pytest.mark.parametrize(("code", "says"), [("116", "not sufficient funds"), ("999", "not a code of the standard")])
def test_a_code_that_no_edition_has_is_said_to_be_none(code: str, says: str) -> None:
    assert _line(describe(ISO93, {"t": "1210", "39": code}), "DE39").endswith(f"{code}  {says}")
