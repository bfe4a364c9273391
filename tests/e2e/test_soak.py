"""A minute of the soak; what it says of books that do not agree; and that it leaves nothing behind when it is broken off."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from switch.cli._processes import Child
from switch.config import load_network
from switch.simulators.reconciliation import Books
from switch.soak.verdict import judge, story
from tests.e2e.stage import wait_for

pytestmark = pytest.mark.long


class Soaked(NamedTuple):
    """A run that is over, and where its files are."""

    directory: Path
    exit_code: int
    said: str
    outcome: dict[str, Any]


@pytest.fixture(scope="module")
def soaked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Soaked]:
    root = tmp_path_factory.mktemp("soak")
    options = (
        "--duration",
        "36",
        "--every",
        "1.5",
        "--rate",
        "80",
        "--seed",
        "11",
        "--json",
        "--keep",
        str(root / "run"),
    )
    child = Child("soak", ["soak", *options], root / "soak.out")
    try:
        exit_code = child.wait(400)
        lines = [line for line in child.text().splitlines() if line.startswith("{")]
        assert lines, child.text()
        yield Soaked(root / "run", exit_code, child.text(), json.loads(lines[0]))
    finally:
        if child.running():
            child.stop()


def books_of(run: Soaked) -> Books:
    return Books.from_json(*(path.read_bytes() for path in sorted(run.directory.glob("book-*.json"))))


def test_after_a_minute_of_blows_all_books_agree(soaked: Soaked) -> None:
    assert (soaked.exit_code, soaked.outcome["sound"]) == (0, True), soaked.said
    assert soaked.outcome["verdict"]["differences"] == []
    assert soaked.outcome["verdict"]["approved"] > 500
    assert soaked.outcome["kills"] >= 8
    assert len({name for name in soaked.outcome["faults"] if name.startswith("kill ")}) >= 3
    assert sum(soaked.outcome["faults"].values()) >= 12
    assert soaked.outcome["verdict"]["closes"] >= 4
    assert soaked.outcome["verdict"]["disputes"] >= 2


def test_a_debit_that_an_issuer_forgot_is_found_and_its_payments_way_told_from_all_logs(soaked: Soaked) -> None:
    network = load_network(str(soaked.directory / "network.toml"))
    books = books_of(soaked)
    first, *others = books.issuers
    lost = first.debits[-1]
    forgetful = msgspec.structs.replace(first, debits=first.debits[:-1])
    state, hosts = soaked.directory / "state", soaked.directory / "hosts"
    verdict = judge(network, state, hosts, msgspec.structs.replace(books, issuers=(forgetful, *others)))
    sentences = [d.sentence for d in verdict.differences]
    assert any(s.startswith(lost.key) and "stands in the journal, 0.00" in s for s in sentences)
    assert any("is not the book its process wrote" in s for s in sentences)
    told = story(network, state, hosts, state / "hops.jsonl", lost.key)
    assert f"{first.name}: Taken(" in told
    assert "switch: Forwarded(" in told
    assert "switch: Answered(" in told
    assert "──▶" in told or "─▶" in told, "the waterfall"


def test_a_record_that_was_changed_in_the_journal_is_found(soaked: Soaked) -> None:
    network = load_network(str(soaked.directory / "network.toml"))
    segment = max((soaked.directory / "state" / "journal").glob("*.log"), key=lambda path: path.stat().st_size)
    whole = segment.read_bytes()
    at = whole.index(b"504", 200)
    segment.write_bytes(whole[:at] + b"978" + whole[at + 3 :])
    try:
        with pytest.raises(Exception, match=segment.name):
            judge(network, soaked.directory / "state", soaked.directory / "hosts", books_of(soaked))
    finally:
        segment.write_bytes(whole)


def processes_of(directory: Path) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            line = path.read_bytes().replace(b"\0", b" ").decode()
        except OSError:
            continue
        if str(directory) in line:
            found.append(line)
    return found


def test_broken_off_in_the_middle_it_leaves_no_process_no_mount_and_no_file(tmp_path: Path) -> None:
    run = tmp_path / "run"
    child = Child(
        "soak", ["soak", "--duration", "300", "--every", "0.5", "--rate", "20", "--keep", str(run)], tmp_path / "out"
    )
    try:
        wait_for(lambda: "under faults" in child.text(), 60)
        wait_for(lambda: (run / "switch.2.out").exists() or (run / "atlas.2.out").exists(), 60)
        assert len(processes_of(run)) >= 8
        os.kill(child.pid, signal.SIGTERM)  # taken as Ctrl-C
        assert child.wait(60) == 130
    finally:
        if child.running():
            child.stop()
    assert "Traceback" not in child.text()
    assert child.text().splitlines()[-1] == "soak: stopped; its processes are ended"
    assert processes_of(run) == []
    assert str(run) not in Path("/proc/mounts").read_text()
    assert not run.exists()


def test_killed_in_the_middle_it_leaves_no_process_and_no_mount(tmp_path: Path) -> None:
    run = tmp_path / "run"
    child = Child(
        "soak", ["soak", "--duration", "300", "--every", "0.5", "--rate", "20", "--keep", str(run)], tmp_path / "out"
    )
    wait_for(lambda: "under faults" in child.text(), 60)
    assert len(processes_of(run)) >= 8
    child.kill()
    wait_for(lambda: not processes_of(run), 20)
    assert str(run) not in Path("/proc/mounts").read_text()
