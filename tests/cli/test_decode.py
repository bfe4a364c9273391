import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.capture.blocks import unblocked
from switch.cli.decode import command
from switch.cli.doctor import command as doctor
from switch.wire import Dialect
from switch.wire.framing import make_framing

CMI87, VISA = Dialect.load("cmi87"), Dialect.load("visa")
ECHO = CMI87.encode({"t": "0800", "7": "1125093000", "11": "000001", "70": "301"})
PAYMENT = CMI87.encode({"t": "0200", "2": "4111111111111111", "3": "000000", "4": "000000012345", "11": "000042"})


def run(*args: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(command, list(args), input=stdin)


@pytest.mark.parametrize("between", ["", " ", ":", "\n", "-"])
def test_hex_may_be_written_in_many_ways(between: str) -> None:
    result = run(ECHO.hex(between) if between else ECHO.hex(), "--dialect", "cmi87")
    assert result.exit_code == 0
    assert "echo test" in result.output


def test_a_message_that_is_text_may_be_given_as_it_is() -> None:
    assert "echo test" in run(ECHO.decode()).output
    assert "411111******1111" in run(PAYMENT.decode(), "--dialect", "cmi87").output


@pytest.mark.parametrize("content", [ECHO, ECHO.hex().encode(), ECHO.hex(" ").encode() + b"\n"])
def test_a_file_holds_hex_or_the_bytes_themselves(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "message"
    path.write_bytes(content)
    result = run(str(path), "--dialect", "cmi87")
    assert result.exit_code == 0
    assert "echo test" in result.output
    assert run("-", "--dialect", "cmi87", stdin=content).output == result.output


def test_without_a_dialect_those_that_fit_are_named() -> None:
    message = VISA.encode({"h": "16" + "00" * 21, "t": "0800", "7": "1125093000", "11": "000001", "70": "301"})
    result = run(message.hex())
    assert result.exit_code == 0
    assert result.output.startswith("fits visa\n")
    both = run(ECHO.hex())
    assert both.output.startswith("fits cmi87, iso2003, iso93; shown as cmi87")


def test_a_message_no_dialect_fits_has_a_reason_from_each_and_a_framing_that_would_do() -> None:
    result = run((b"\x00" + bytes([len(ECHO)]) + ECHO).hex())
    assert result.exit_code == 1
    assert "fits no dialect" in result.output
    assert "\n  mastercard " in result.output
    assert "with --framing length2 it fits cmi87, iso2003, iso93" in result.output


def test_all_messages_of_a_stream_are_shown() -> None:
    framing = make_framing("length2", 8_192)
    stream = framing.frame(ECHO) + framing.frame(PAYMENT)
    result = run(stream.hex(), "--dialect", "cmi87", "--framing", "length2")
    assert result.exit_code == 0
    assert "message 1 of 2" in result.output
    assert "echo test" in result.output
    assert "000000012345" in result.output


def test_a_stream_that_breaks_shows_what_came_before_and_where() -> None:
    framing = make_framing("length2", 8_192)
    result = run((framing.frame(ECHO) + b"\x00\x20abc").hex(), "--dialect", "cmi87", "--framing", "length2")
    assert result.exit_code == 1
    assert "echo test" in result.output
    assert "5 bytes of an unfinished length2 frame" in result.output
    garbage = run((framing.frame(ECHO) + b"\x00\x01x").hex(), "--dialect", "cmi87", "--framing", "tpdu")
    assert "the stream breaks at byte 2" in garbage.output


def test_a_bad_message_has_a_caret_under_the_byte_and_exit_code_1() -> None:
    result = run(ECHO[:-1].hex(), "--dialect", "cmi87")
    assert result.exit_code == 1
    assert "^^ byte" in result.output


def test_json_is_a_document_a_line_and_masked() -> None:
    result = run(PAYMENT.hex(), "--dialect", "cmi87", "--json")
    document = json.loads(result.output)
    assert document["4"] == "000000012345"
    assert document["2"] == "411111******1111"
    bad = run(PAYMENT[:-1].hex(), "--dialect", "cmi87", "--json")
    assert bad.exit_code == 1
    assert json.loads(bad.output)["field"] == "11"


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["zz"], "not hex: digit 1 is 'z'"),
        (["012"], "hex comes in pairs: found 3 digits"),
        ([""], "an empty message"),
        (["capture.bin"], "there is no file capture.bin"),
        (["00", "--dialect", "cmi78"], "did you mean cmi87?"),
        (["00", "--framing", "length9"], "there are length2"),
    ],
)
def test_a_wrong_argument_is_exit_code_2_and_says_what_to_give(args: list[str], says: str) -> None:
    result = run(*args)
    assert result.exit_code == 2
    assert says in result.output


@pytest.mark.parametrize("args", [[], ["--json"], ["--dialect", "cmi87"], ["--dialect", "visa", "--framing", "base1"]])
@pytest.mark.parametrize("content", [b"", b"\x00", b"\xff" * 70_000, "é".encode()])
def test_any_bytes_are_explained_or_refused_never_a_traceback(args: list[str], content: bytes) -> None:
    result = run("-", *args, stdin=content)
    assert result.exit_code in (0, 1)
    assert result.exception is None or isinstance(result.exception, SystemExit)


@pytest.mark.parametrize(("encoding", "dialect"), [("cp500", "ipm"), ("latin_1", "ipm-ascii")])
@pytest.mark.parametrize("blocked", [True, False])
def test_a_clearing_file_that_another_writer_has_made_is_decoded(
    encoding: str, dialect: str, blocked: bool, tmp_path: Path
) -> None:
    mciipm = pytest.importorskip("cardutil.mciipm")
    content = io.BytesIO()
    writer = mciipm.IpmWriter(content, encoding=encoding, blocked=blocked)
    for number in range(1, 21):  # more than a block
        writer.write(
            {"MTI": "1240", "DE2": "5132001234561234", "DE4": 80_00, "DE24": "200", "DE71": number, "PDS0148": "5042"}
        )
    writer.close()
    path = tmp_path / "a.ipm"
    path.write_bytes(content.getvalue())
    options = [] if blocked else ["--framing", "length4"]
    result = CliRunner().invoke(command, [str(path), *options])
    assert result.exit_code == 0, result.output
    assert result.output.startswith(f"fits {dialect}\n")
    assert "message 20 of 20" in result.output
    assert "513200******1234" in result.output
    assert ".0148 Currency exponents" in result.output
    said = CliRunner().invoke(doctor, [str(path)])
    assert (said.exit_code, f"of {dialect} behind a 4-byte binary length" in said.output) == (0, True), said.output


def test_a_file_of_blocks_that_is_damaged_is_none() -> None:
    records = (10).to_bytes(4, "big") + b"0123456789"
    block = (records + bytes(4)).ljust(1012, b"\x40") + b"\x40\x40"
    assert unblocked(block) == records
    assert unblocked(block * 2) == records, "what stands behind the end is filler"
    for damaged in (
        block[:-1],
        block[:-2] + b"\x00\x00",
        (2_000).to_bytes(4, "big") + block[4:],
        bytes(1012) + b"\x40\x40",
        b"",
    ):
        assert unblocked(damaged) is None
