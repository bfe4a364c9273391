"""`capture`, `replay`, `tap`, `serve --capture` as typed: what they print, what they refuse, their exit codes."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.capture.pcapng import Writer
from switch.cli.main import main
from switch.wire import Dialect
from switch.wire.framing import make_framing
from tests.capture.packets import both_ways

CMI87 = Dialect.load("cmi87")
PAN = "9504010000000016"
ASK = {"t": "0200", "2": PAN, "3": "000000", "4": "000000015000", "7": "1125120000", "11": "000001", "49": "504",
       "52": "D1E2F3A4B5C6D7E8"}  # fmt: skip
SAY = {
    "t": "0210",
    "2": PAN,
    "3": "000000",
    "4": "000000015000",
    "7": "1125120000",
    "11": "000001",
    "39": "51",
    "49": "504",
}


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def pcap(tmp_path: Path) -> Path:
    frame = make_framing("length2").frame
    talk = iter([(True, frame(CMI87.encode(ASK))), (False, frame(CMI87.encode(SAY)))])
    writer = Writer(tmp_path / "theirs.pcapng")
    for n, packet in enumerate(both_ways(("10.0.0.1", 50_000), ("10.0.0.2", 8583), talk)):
        writer.packet(writer.interface("eth0"), 1_764_072_000_000_000_000 + n * 1_000_000, packet)
    writer.close()
    return tmp_path / "theirs.pcapng"


def test_show_prints_a_line_a_message_with_the_answers_time_and_no_secret(pcap: Path) -> None:
    result = run("capture", "show", pcap, "--dialect", "cmi87")
    assert result.exit_code == 0, result.output
    assert "──▶ 0200  STAN 000001  950401******0016  DE4 15,000 504" in result.output
    assert (
        "◀── 0210  STAN 000001  950401******0016  DE4 15,000 504  51 not sufficient funds  after 1.000 ms"
        in result.output
    )
    assert PAN not in result.output


def test_show_chooses_by_conditions_and_explains_every_element(pcap: Path) -> None:
    result = run("capture", "show", pcap, "--dialect", "cmi87", "--where", "bin=950401", "--where", "de39=51", "--full")
    assert "0200  STAN" not in result.output
    assert "DE39  Response Code" in result.output
    assert "PIN Data" in run("capture", "show", pcap, "--dialect", "cmi87", "--full").output
    assert "D1E2F3A4" not in run("capture", "show", pcap, "--dialect", "cmi87", "--full").output


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        ([], 1, "give --dialect"),
        (["--dialect", "cmi78"], 2, "did you mean cmi87"),
        (["--dialect", "cmi87", "--framing", "length9"], 2, "no framing is called 'length9'"),
        (["--dialect", "cmi87", "--port", "9"], 1, "no TCP conversation with port 9"),
        (["--dialect", "cmi87", "--where", "x"], 2, "is no condition"),
        (["--dialect", "mastercard"], 1, "does not decode"),
        (["--dialect", "visa"], 1, "stream is no base1 after its message 0"),
    ],
)
def test_show_says_what_is_wrong(pcap: Path, arguments: list[str], code: int, says: str) -> None:
    result = run("capture", "show", pcap, *arguments)
    assert (result.exit_code, says in result.output) == (code, True), result.output


def test_export_masks_unless_told_which_test_cards_to_keep(pcap: Path) -> None:
    lines = [
        json.loads(line) for line in run("capture", "export", pcap, "--dialect", "cmi87", "--jsonl").stdout.splitlines()
    ]
    assert [line["from"] for line in lines] == ["client", "server"]
    assert lines[0]["document"]["52"] == "0" * 16
    assert PAN.encode().hex() not in lines[0]["hex"]
    kept = run("capture", "export", pcap, "--dialect", "cmi87", "--hex", "--clear", "950401")
    assert PAN.encode().hex().upper() in kept.stdout
    assert "test cards 950401 are written as they came" in kept.stderr
    assert run("capture", "export", pcap, "--dialect", "cmi87", "--hex", "--clear", "9").exit_code == 2


def test_export_writes_one_kind_and_a_test_only_where_pytest_finds_it(pcap: Path, tmp_path: Path) -> None:
    assert "say what to write" in run("capture", "export", pcap, "--dialect", "cmi87").output
    assert "test_….py" in run("capture", "export", pcap, "--dialect", "cmi87", "--pytest", tmp_path / "x.py").output
    assert run("capture", "export", pcap, "--dialect", "cmi87", "--pytest", tmp_path / "test_x.py").exit_code == 0
    assert (tmp_path / "test_x.jsonl").exists()
    compile((tmp_path / "test_x.py").read_text(), "test_x.py", "exec")


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--to", "nowhere"], 2, "is no address"),
        (["--to", "127.0.0.1:1"], 1, "127.0.0.1:1 cannot be reached"),
        (["--to", ":1", "--speed", "fast"], 2, "--speed is original, max or a factor"),
        (["--to", ":1", "--ignore", "DE1"], 2, "'DE1' is no data element"),
        (["--to", ":1", "--rule", "DE4=maybe"], 2, "is no rule"),
    ],
)
def test_replay_says_what_is_wrong(pcap: Path, arguments: list[str], code: int, says: str) -> None:
    result = run("replay", pcap, "--dialect", "cmi87", *arguments)
    assert (result.exit_code, says in result.output) == (code, True), result.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["x", ":1", "--dialect", "cmi87"], "is no address"),
        ([":0", ":1", "--dialect", "cmi78"], "did you mean cmi87"),
        ([":0", ":1", "--dialect", "cmi87", "--framing", "x"], "no framing is called"),
        ([":0", ":1", "--dialect", "cmi87", "--where", "x"], "is no condition"),
        ([":0", ":1", "--dialect", "cmi87", "--record-clear", "950401"], "give --record FILE"),
        ([":0", ":1"], "Missing option '--dialect'"),
    ],
)
def test_tap_says_what_is_wrong(arguments: list[str], says: str) -> None:
    result = run("tap", *arguments)
    assert (result.exit_code, says in result.output) == (2, True), result.output


def test_serve_refuses_to_keep_more_than_test_cards_and_needs_a_file_to_keep_them_in() -> None:
    assert "give --capture FILE" in run("serve", "--capture-clear", "950401").output
    assert "names no test cards" in run("serve", "--capture", "x.pcapng", "--capture-clear", "9").output
