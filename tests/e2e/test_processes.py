"""Processes that start, are told to stop, are killed and come back."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

import pytest

from switch.cli._processes import Child
from switch.core.records.lifecycle import Status
from switch.core.records.records import Booted, Delivered, Owed
from switch.simulators.messages import PURCHASE
from switch.simulators.reconciliation import Books, journal_rows, reconcile
from switch.wire.vocabulary import DE
from tests.e2e.pos import Till
from tests.e2e.stage import QUICK, Stage, wait_for


@pytest.fixture
def quick(tmp_path: Path) -> Iterator[Stage]:
    """A stage whose hosts are given up, repeated and dialled again after little time."""
    stage = Stage(tmp_path, QUICK)
    yield stage
    stage.close()


def atlas(stage: Stage, *arguments: str) -> Child:
    return stage.start("issuer", "atlas", "--network", str(stage.path), *arguments)


def second_serve(stage: Stage, network: Path, state: Path) -> Child:
    return stage.start("serve", str(network), "--state", str(state), "--no-show", ready=False)


def children_of(pid: int) -> dict[int, str]:
    """Process id -> command line."""
    found = {}
    for path in Path("/proc").glob("[0-9]*"):
        try:
            if int((path / "stat").read_text().rpartition(")")[2].split()[1]) == pid:
                found[int(path.name)] = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode()
        except (OSError, ValueError):
            continue
    return found


def writer_of(switch: Child) -> int:
    return next(pid for pid, command in children_of(switch.pid).items() if "switch.journal.writer" in command)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


# -- told to stop


def test_sigterm_lets_a_payment_on_its_way_finish(quick: Stage) -> None:
    atlas(quick, "--latency", "500")
    switch = quick.serve()
    helpers = children_of(switch.pid)
    assert len(helpers) == 2, "the journal's writer and its index"
    with closing(Till(quick, "rif")) as till:
        request = till.request(PURCHASE, "atlas-approved")
        till.client.sends(request)
        quick.hops(request[DE.RRN], 2)
        os.kill(switch.pid, signal.SIGTERM)
        quick.event("switch.draining", in_flight=1)
        late = till.request(PURCHASE, "atlas-approved")
        till.client.sends(late)
        answers = {answer[DE.STAN]: answer[DE.RESPONSE_CODE] for answer in (till.client.gets(), till.client.gets())}
        assert answers == {request[DE.STAN]: "00", late[DE.STAN]: "91"}, "what is new is declined"
    assert switch.wait(20) == 0
    assert switch.text().splitlines()[-1] == "Stopped: SIGTERM: drained"
    assert not any(alive(pid) for pid in helpers)
    assert quick.events("hop.sent", mti="0210", de39="00", rrn=request[DE.RRN]), "the log is whole"


def test_a_second_signal_stops_at_once(quick: Stage) -> None:
    atlas(quick)
    switch = quick.serve()
    with closing(Till(quick, "rif")) as till:
        till.client.sends(till.request(PURCHASE, "atlas-silent"))
        quick.event("hop.sent", mti="0200")
        os.kill(switch.pid, signal.SIGTERM)
        quick.event("switch.draining", in_flight=1)
        os.kill(switch.pid, signal.SIGTERM)
        assert switch.wait(20) == 0
    assert switch.text().splitlines()[-1] == "Stopped: SIGTERM: stopped at once"


# -- refused to start


def test_a_port_in_use_is_refused_with_a_sentence_and_nothing_is_half_started(quick: Stage) -> None:
    pos = quick.address("pos")
    with socket.create_server((pos.host, pos.port)):
        second = second_serve(quick, quick.path, quick.state)
        assert second.wait(30) == 1
        assert second.text().splitlines() == [
            f"Error: cannot listen on {pos}: Address already in use",
            "code address.unavailable (docs/errors.md)",
        ]
        with pytest.raises(ConnectionRefusedError):
            Till(quick, "rif")
    quick.serve()


def test_an_issuer_whose_port_is_in_use_says_so(quick: Stage) -> None:
    atlas(quick)
    second = quick.start("issuer", "atlas", "--network", str(quick.path), ready=False)
    assert second.wait(30) == 1
    assert "is another cmi-switch issuer running?" in second.text()


def test_a_bad_network_file_ends_check_and_serve_with_1_and_nothing_is_made(quick: Stage) -> None:
    bad = quick.directory / "bad.toml"
    bad.write_text(quick.path.read_text().replace('dialect = "cmi87"', 'dialect = "cmi78"').replace("EUR = ", "EUX = "))
    state = quick.directory / "never"
    for arguments in (["check", str(bad)], ["serve", str(bad), "--state", str(state)]):
        done = subprocess.run(
            [sys.executable, "-m", "switch.cli.main", *arguments],
            capture_output=True,
            text=True,
            check=False,
            timeout=30,
        )
        assert done.returncode == 1
        assert f"{bad}:" in done.stderr
        assert "cmi87" in done.stderr
        assert "EU" in done.stderr
        assert "Traceback" not in done.stderr
    assert not state.exists()


# -- killed


class UnderLoad(NamedTuple):
    """What became of a load of payments while somebody killed the journal's writer, and somebody else wanted the journal."""

    stage: Stage
    killed: list[int]
    second: Child
    exits: list[int]


@pytest.fixture(scope="module")
def under_load(tmp_path_factory: pytest.TempPathFactory) -> Iterator[UnderLoad]:
    stage = Stage(tmp_path_factory.mktemp("load"), QUICK)
    elsewhere = Stage(tmp_path_factory.mktemp("elsewhere"))
    try:
        issuers = stage.issuers("--latency", "5", "--book", str(stage.directory / "issuers.json"))
        networks = stage.networks("--latency", "10", "--book", str(stage.directory / "networks.json"))
        switch = stage.serve()
        second = second_serve(stage, elsewhere.path, stage.state)
        load = stage.start(
            "terminal", "--network", str(stage.path), "--bank", "rif", "--bank", "souss", "--rate", "300", "--duration", "4",
            "--count", "20", "--book", str(stage.directory / "terminals.json"),
        )  # fmt: skip
        killed = []
        for n in range(3):
            stage.count("hop.sent", 200 * (n + 1) + 1, mti="0210", de39="00")
            killed.append(writer_of(switch))
            os.kill(killed[-1], signal.SIGKILL)
            stage.count("journal.up", n + 1)
        exits = [load.wait(60)]
        wait_for(lambda: not any(row.owed for row in journal_rows(stage.entries())), 30)
        second.wait(30)
        exits += [child.stop() for child in (networks, issuers, switch)]
        yield UnderLoad(stage, killed, second, exits)
    finally:
        stage.close()


@pytest.mark.long
def test_the_journals_writer_killed_under_load_costs_moments_and_no_payment(under_load: UnderLoad) -> None:
    stage = under_load.stage
    assert under_load.exits == [0, 0, 0, 0]
    assert len(set(under_load.killed)) == 3
    assert [event["reason"] for event in stage.events("journal.down")] == ["journal writer: ended by signal 9"] * 3
    books = Books.from_json(
        *((stage.directory / f"{name}.json").read_bytes() for name in ("terminals", "networks", "issuers"))
    )
    assert sum(book.approved for book in books.terminals) > 600
    assert reconcile(books.terminals, books.networks, books.issuers, journal_rows(stage.entries())) == []


def test_a_second_switch_on_the_same_state_is_refused_with_a_sentence(under_load: UnderLoad) -> None:
    assert under_load.second.wait(1) == 1
    sentence, code = under_load.second.text().splitlines()
    assert code.startswith("code ")
    assert sentence.startswith(f"Error: {under_load.stage.state}/journal is in use by process ")
    assert sentence.endswith("stop that switch, or give this one another --state directory")


def test_an_issuer_killed_and_back_gets_the_reversal_of_what_it_may_have_approved(quick: Stage) -> None:
    issuer = atlas(quick, "--latency", "400")
    quick.serve()
    with closing(Till(quick, "rif")) as till:
        request = till.request(PURCHASE, "atlas-approved")
        till.client.sends(request)
        quick.hops(request[DE.RRN], 2)
        issuer.kill()
        assert till.client.gets()[DE.RESPONSE_CODE] == "91"
        missing = quick.event("answer.missing")
        assert (missing["reason"], missing["reversal_owed"]) == ("connection lost", True)
        refused, answer = till.pays(PURCHASE, "atlas-approved")
        assert answer[DE.RESPONSE_CODE] == "91"
        assert quick.hops(refused[DE.RRN], 2)[-1]["note"] == "host atlas is not signed on"
        quick.event("link.connect_failed", link="atlas", reason="Connection refused")
        atlas(quick)
        quick.event("reversal.delivered", original=missing["txn"], de39="00")
        assert till.pays(PURCHASE, "atlas-approved")[1][DE.RESPONSE_CODE] == "00"


@pytest.mark.long
def test_a_restarted_switch_delivers_what_it_owes_and_reverses_what_was_open(quick: Stage) -> None:
    issuer = atlas(quick, "--latency", "400")
    switch = quick.serve()
    with closing(Till(quick, "rif")) as till:
        owed = till.request(PURCHASE, "atlas-approved")
        till.client.sends(owed)
        quick.hops(owed[DE.RRN], 2)
        issuer.kill()
        assert till.client.gets()[DE.RESPONSE_CODE] == "91"
        issuer = atlas(quick, "--latency", "5000")
        wait_for(lambda: len(quick.events("link.up", host="atlas")) == 2)
        opened = till.request(PURCHASE, "atlas-approved", 33_00)
        till.client.sends(opened)
        quick.hops(opened[DE.RRN], 2)
        wait_for(lambda: any(row.status is Status.OPEN for row in journal_rows(quick.entries())))
        helpers = children_of(switch.pid)
        switch.kill()
    wait_for(lambda: not any(alive(pid) for pid in helpers))
    issuer.kill()
    reasons = {entry.reason for entry in quick.entries() if isinstance(entry, Owed)}
    assert reasons == {"connection lost"}
    atlas(quick)
    switch = quick.serve()
    assert "records recovered in" in switch.text()

    def settled() -> bool:
        entries = quick.entries()
        promised = {entry.txn for entry in entries if isinstance(entry, Owed)}
        return len(promised) == 2 and promised <= {entry.txn for entry in entries if isinstance(entry, Delivered)}

    wait_for(settled)
    entries = quick.entries()
    assert {entry.reason for entry in entries if isinstance(entry, Owed)} == {"connection lost", "restart"}
    assert sum(isinstance(entry, Booted) for entry in entries) == 2
    with closing(Till(quick, "rif")) as till:
        repeated = till.client.asks({**opened, "t": "0201"})
        assert repeated[DE.RESPONSE_CODE] == "91", "reversed since: never approved again"


@pytest.mark.long
def test_a_held_host_gets_what_it_is_owed_once_it_is_released_though_the_switch_was_killed_between(
    quick: Stage,
) -> None:
    def saf(*arguments: str) -> str:
        command = [sys.executable, "-m", "switch.cli.main", "saf", *arguments, "--state", str(quick.state)]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    atlas(quick)
    switch = quick.serve()
    with closing(Till(quick, "rif")) as till:
        request, answer = till.pays(PURCHASE, "atlas-approved")
        assert saf("hold", "atlas").startswith("atlas is held: 0 owed")
        assert till.voids(request, answer)[1][DE.RESPONSE_CODE] == "00"
        assert "atlas: 1 owed, HELD" in saf("list")
        switch.kill()
    quick.serve()
    wait_for(lambda: len(quick.events("link.up", host="atlas")) == 2)
    listed = saf("list", "--host", "atlas")
    assert "atlas: 1 owed, HELD" in listed
    assert "0420 150.00 MAD" in listed
    assert saf("release", "atlas").startswith("atlas is released")
    quick.event("reversal.delivered", de39="00")
    assert saf("list") == "Nothing is owed.\n"
