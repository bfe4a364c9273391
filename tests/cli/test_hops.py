"""`cmi-switch hops` and `cmi-switch watch`, as typed."""

import gzip
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from click.testing import CliRunner, Result

from switch.children import start
from switch.cli.hops import command
from switch.core.party import Log
from switch.observe.hoplog import HopLog

LINES: list[dict[str, Any]] = [
    {"at": "2026-09-21T14:13:20.100000Z", "event": "hop.received", "txn": "a1", "link": "pos#1", "direction": "received",
     "mti": "0200"},
    {"at": "2026-09-21T14:13:20.101000Z", "event": "hop.sent", "txn": "a1", "link": "pos#1", "direction": "sent", "mti": "0210",
     "de39": "51", "elapsed_us": 1000},
    {"at": "2026-09-21T14:13:20.102000Z", "event": "link.down", "level": "warning", "link": "visa#1"},
    {"at": "2026-09-21T14:13:20.103000Z", "event": "hop.received", "txn": "a2", "link": "pos#1", "direction": "received",
     "mti": "0200"},
]  # fmt: skip


@pytest.fixture
def log(tmp_path: pathlib.Path) -> pathlib.Path:
    path = tmp_path / "hops.jsonl"
    path.write_text("".join(json.dumps(line) + "\n" for line in LINES[2:]) + '{"torn')
    (tmp_path / "hops.jsonl.1").write_text("".join(json.dumps(line) + "\n" for line in LINES[:2]))
    return path


def run(*args: int | pathlib.Path | str) -> Result:
    return CliRunner().invoke(command, [str(a) for a in args])


def test_all_of_it_oldest_first_over_files_turned_over(log: pathlib.Path) -> None:
    result = run("--log", log)
    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == [line["at"][11:23] for line in LINES]


def test_conditions_hold_together(log: pathlib.Path) -> None:
    assert len(run("--log", log, "--where", "txn=a1").output.splitlines()) == 2
    assert len(run("--log", log, "--where", "txn=a1", "-w", "elapsed_us>500").output.splitlines()) == 1


def test_json_gives_the_lines_as_they_stand(log: pathlib.Path) -> None:
    result = run("--log", log, "--json", "--where", "event~^hop")
    assert [json.loads(line) for line in result.output.splitlines()] == [LINES[0], LINES[1], LINES[3]]


def test_the_last_few(log: pathlib.Path) -> None:
    assert [json.loads(line)["at"] for line in run("--log", log, "--json", "-n", 2).output.splitlines()] == [
        LINES[2]["at"],
        LINES[3]["at"],
    ]


def test_one_transaction_is_a_waterfall_and_its_id_is_taken_in_either_case(log: pathlib.Path) -> None:
    result = run("--log", log, "--txn", "A1")
    assert "txn a1" in result.output
    assert "not sufficient funds (51)" in result.output
    assert result.output.count("│") == 2


@pytest.mark.parametrize(
    ("options", "shown"), [((), 2), (("-n", "9"), 2), (("--txn", "a2"), 1), (("--txn", "a1"), 0), (("-n", "1"), 1)]
)
def test_an_older_file_that_is_damaged_is_said_and_costs_nobody_the_others(
    log: pathlib.Path, options: tuple[str, ...], shown: int
) -> None:
    older = log.with_name("hops.jsonl.1")
    packed = older.with_name("hops.jsonl.1.gz")
    packed.write_bytes(gzip.compress(older.read_bytes())[:-12])
    older.unlink()
    result = run("--log", log, *options)
    asked_for = options != ("-n", "1")
    assert (f"{packed} is damaged (" in result.stderr) is asked_for
    assert result.stderr.count("its lines are left out") == asked_for
    times = {line["at"][11:23] for line in LINES}
    assert sum(any(time in line for time in times) for line in result.stdout.splitlines()) == shown
    assert result.exit_code == (1 if options == ("--txn", "a1") else 0), "that one was in the file that is left out"


def test_no_such_file_says_how_one_comes_about(tmp_path: pathlib.Path) -> None:
    result = run("--log", tmp_path / "none")
    assert result.exit_code == 1
    assert "cmi-switch serve" in result.output


def test_no_such_transaction_says_how_to_find_one(log: pathlib.Path) -> None:
    result = run("--log", log, "--txn", "ffff")
    assert result.exit_code == 1
    assert "no hop of transaction ffff" in result.output


@pytest.mark.parametrize("args", [("--where", "de39"), ("--txn", "xyz")])
def test_what_cannot_be_understood_is_a_usage_error(log: pathlib.Path, args: tuple[str, ...]) -> None:
    assert run("--log", log, *args).exit_code == 2


def test_a_key_that_no_line_has_is_said(log: pathlib.Path) -> None:
    result = run("--log", log, "--where", "de93=51")
    assert "No line has the key de93" in result.output


def test_a_directory_without_logs_is_said(tmp_path: pathlib.Path) -> None:
    result = run("--log", tmp_path)
    assert result.exit_code == 1
    assert "hops.jsonl: no such file" in result.output


@pytest.fixture
def shards(tmp_path: pathlib.Path) -> pathlib.Path:
    """The lines of LINES in turn in the logs of two shards."""
    for shard, lines in (("a", LINES[::2]), ("b", LINES[1::2])):
        (tmp_path / shard).mkdir()
        (tmp_path / shard / "hops.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    return tmp_path


@pytest.mark.parametrize("limit", [0, 3])
def test_the_logs_of_shards_are_read_by_time(shards: pathlib.Path, limit: int) -> None:
    said = [json.loads(line) for line in run("--log", shards, "--json", "-n", limit).output.splitlines()]
    assert said == LINES[-limit:]


def test_a_transaction_is_found_in_whichever_shard_has_it(shards: pathlib.Path) -> None:
    assert "txn a2" in run("--log", shards, "--txn", "a2").output


@contextmanager
def started(*args: str) -> Iterator["subprocess.Popen[str]"]:
    """A command in a process of its own; killed at the end if it still runs."""
    process = start(
        [sys.executable, "-c", "from switch.cli.main import main; main()", *args],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=pathlib.Path(__file__).parents[2],
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def test_follow_goes_on_with_what_is_written_and_stops_at_ctrl_c(log: pathlib.Path) -> None:
    with started("hops", "--log", str(log), "--follow", "--where", "event=again") as process:
        assert process.stdout is not None
        writer = HopLog(log)
        writer.log(Log("info", "again", {"n": 1}), 0)
        writer.close()
        assert "again n=1" in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")


def test_watch_in_a_pipe_prints_lines_and_ends_with_a_summary(log: pathlib.Path) -> None:
    with started("watch", "--log", str(log), "--interval", "0.05", "--all") as process:
        assert process.stdout is not None
        assert "last: link.down" in process.stdout.readline()
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=20)
        assert process.returncode == 0, errors
        assert "Payments by route" in output
        assert "\x1b" not in output


HOSTILE = "\x1b]0;title\x07\x9b2J\x7f\r"
HOSTILE_LINES = [
    {**LINES[0], "rrn": HOSTILE, "note": HOSTILE, "link": "pos" + HOSTILE, "currency": HOSTILE},
    {"at": HOSTILE, "event": "x" + HOSTILE, "level": "warning", "txn": "a1", HOSTILE: HOSTILE},
]


@pytest.mark.parametrize("options", [[], ["--json"], ["--txn", "a1"], ["-w", "nothing=1"], ["-w", "event~hop"]])
def test_what_strangers_said_is_shown_never_obeyed(tmp_path: pathlib.Path, options: list[str]) -> None:
    path = tmp_path / "hops.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in HOSTILE_LINES))
    result = CliRunner().invoke(command, ["--log", str(path), *options], color=True)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.output)  # our own colours
    assert plain.replace("\n", "").isprintable()
    assert plain


def test_json_of_what_strangers_said_reads_as_they_said_it(tmp_path: pathlib.Path) -> None:
    path = tmp_path / "hops.jsonl"
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in HOSTILE_LINES))
    assert [json.loads(line) for line in run("--log", path, "--json").output.splitlines()] == HOSTILE_LINES
