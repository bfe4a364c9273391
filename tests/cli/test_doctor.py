"""`cmi-switch doctor`: what it reads, what it prints, how it exits."""

import json
import re
import socket
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.capture.pcapng import Writer
from switch.cli.doctor import command
from tests.capture.packets import both_ways
from tests.cli.conftest import Running
from tests.doctor.sent import DIALECTS, body, framed, sign_on
from tests.wire.samples import purchase

CMI87 = DIALECTS["cmi87"]
HELLO = body(CMI87, sign_on(CMI87))
ASCII4 = framed("ascii4", [HELLO])


def run(*arguments: str, data: bytes | None = None) -> Result:
    result = CliRunner().invoke(command, arguments, input=data)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.output
    return result


# -- what it says, and the exit code


def test_advice_is_a_sentence_a_setting_and_the_bytes_with_carets() -> None:
    result = run(ASCII4.hex(), "--framing", "length2", "--dialect", "cmi87")
    assert result.exit_code == 1
    lines = result.output.splitlines()
    assert lines[0] == "advice: 1 message (0800) of cmi87 behind a length of 4 ASCII digits"
    assert '  change  framing = "ascii4"' in lines
    assert "  0000  30 30 36 33 30 38 30 30 38 32 32 30 30 30 30 31  0063080082200001" in lines
    assert "        ^^^^^^^^^^^ length 63" in lines


def test_healthy_is_0_and_nothing_recognised_2() -> None:
    result = run(ASCII4.hex(), "--framing", "ascii4", "--dialect", "cmi87")
    assert (result.exit_code, result.output.strip()) == (
        0,
        "healthy: 1 message (0800) as framing ascii4, dialect cmi87",
    )
    result = run("DEADBEEF" * 4)
    assert (result.exit_code, result.output[:8]) == (2, "unknown:")


def test_a_messages_own_text_may_be_given_though_it_is_made_of_digits() -> None:
    result = run(HELLO.decode(), "--dialect", "cmi87")
    assert (result.exit_code, "1 message (0800) of cmi87" in result.output) == (0, True)


def test_a_link_of_a_network_file_says_what_is_configured() -> None:
    result = run(ASCII4.hex(), "--network", "morocco", "--link", "pos", "--json")
    (line,) = map(json.loads, result.output.splitlines())
    assert line["verdict"] == "advice"
    assert [s["text"] for s in line["diagnoses"][0]["settings"]] == ['framing = "ascii4"', 'dialect = "cmi87"']
    assert line["diagnoses"][0]["evidence"]["hex"].startswith("30 30 36 33")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["ABC"], "hex comes in pairs"), (["no/such.pcap"], "there is no file"), (["what?"], "expected a file, hex"),
        (["00", "--framing", "lenght2"], "no framing is called 'lenght2'"), (["00", "--dialect", "cmi78"], "did you mean cmi87"),
        (["00", "--link", "pos"], "give --network"),
        (["00", "--network", "morocco", "--link", "pso"], "--link is one of acquirers"),
        (["00", "--keys", "PAN"], "--keys is a list of data elements"), (["-"], "standard input is empty"),
    ],
)  # fmt: skip
def test_a_wrong_option_is_said_in_a_sentence(arguments: list[str], words: str) -> None:
    result = run(*arguments, data=b"")
    assert result.exit_code == 2
    assert words in result.output


# -- files


def recorded(path: Path, asked: bytes, said: bytes) -> Path:
    """A capture of one connection, which says nothing of dialect and framing."""
    writer = Writer(path)
    at = 1_790_000_000_000_000_000
    for packet in both_ways(("10.0.0.1", 50_000), ("10.0.0.2", 8583), iter([(True, asked), (False, said)])):
        writer.packet(writer.interface("eth0"), at, packet)
        at += 1_000_000
    writer.close()
    return path


def test_each_direction_of_a_capture_is_examined_by_itself(tmp_path: Path) -> None:
    asked, said = framed("length2", [HELLO]), framed("ascii4", [answered(HELLO)])
    result = run(str(recorded(tmp_path / "talk.pcapng", asked, said)), "--framing", "length2", "--dialect", "cmi87")
    assert result.exit_code == 1
    healthy, wrong = re.findall(r"^10.0.0.1:50000 > 10.0.0.2:8583, the (\w+)  (\w+)", result.output, re.MULTILINE)
    assert (healthy, wrong) == (("client", "healthy"), ("server", "advice"))
    assert 'framing = "ascii4"' in result.output
    assert run(str(tmp_path / "talk.pcapng"), "--port", "99").exit_code == 1, "no such conversation"


def test_a_file_is_hex_or_the_bytes_themselves(tmp_path: Path) -> None:
    for content in (ASCII4, ASCII4.hex().encode(), b"> " + ASCII4.hex().encode() + b"\n"):
        path = tmp_path / "theirs"
        path.write_bytes(content)
        result = run(str(path), "--framing", "length2", "--dialect", "cmi87")
        assert result.exit_code == 1, result.output
        assert 'framing = "ascii4"' in result.output
        assert run("-", "--framing", "length2", "--dialect", "cmi87", data=content).exit_code == 1


def test_json_lines_are_messages_without_frames_and_an_element_is_found_in_them(tmp_path: Path) -> None:
    document = purchase(CMI87)
    wrong = body(CMI87, document).replace(document["43"].encode(), document["43"][:-2].encode() + b"   MA")
    lines = [{"talk": "a", "from": "client", "dialect": "cmi87", "hex": m.hex()} for m in (HELLO, wrong)]
    path = tmp_path / "talk.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    result = run(str(path))
    assert result.exit_code == 1
    assert "DE43 is 3 characters longer than cmi87 says (43, not 40): DE49 only looks wrong." in result.output


def answered(request: bytes, **changes: str) -> bytes:
    document = CMI87.decode(request) | {"t": "0810", "39": "00"} | changes
    return CMI87.encode({k: v for k, v in document.items() if v})


def test_an_answer_that_matches_no_request_is_explained_by_the_element_that_differs(tmp_path: Path) -> None:
    hello = CMI87.encode({**sign_on(CMI87), "11": "832686", "41": "POS00017"})
    lines = [
        {"from": "client", "at": "2026-09-21T14:13:21.000Z", "dialect": "cmi87", "hex": hello.hex()},
        {"from": "server", "at": "2026-09-21T14:13:21.212Z", "dialect": "cmi87", "hex": answered(hello, **{"41": ""}).hex()},
    ]  # fmt: skip
    path = tmp_path / "talk.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)))
    result = run(str(path))
    assert result.exit_code == 0, "the switch does without DE41"
    result = run(str(path), "--keys", "DE11,DE41")
    assert result.exit_code == 1
    said = "0810 with DE11 832686 came after 212 ms and did not match only because DE41 is absent."
    assert said in " ".join(result.output.split())


def test_a_late_clock_in_de7_is_named_with_both_values(tmp_path: Path) -> None:
    path = tmp_path / "talk.hex"
    lines = [
        "# talk dialect=cmi87 framing=length2",
        f"> {HELLO.hex()}",
        f"< {answered(HELLO, **{'7': '1125120003'}).hex()}",
    ]
    path.write_text("\n".join(lines))
    result = run(str(path))
    assert "only because DE7 is 1125120003, where the request has 1125120000" in " ".join(result.output.split())


# -- a port


def test_a_port_says_what_each_connection_begins_with(running: Running) -> None:
    with running("doctor", "127.0.0.1:0", "--framing", "length2", "--dialect", "cmi87") as (process, ready):
        port = int(ready.listeners["doctor"].rpartition(":")[2])
        assert process.stdout is not None
        for data, words in ((ASCII4, 'framing = "ascii4"'), (b"GET / HTTP/1.1\r\n\r\n", "speaks HTTP")):
            with closing(socket.create_connection(("127.0.0.1", port), timeout=10)) as sock:
                sock.sendall(data)
                sock.shutdown(socket.SHUT_WR)
                lines = iter(process.stdout.readline, "")
                assert any(words in line for line in lines)
