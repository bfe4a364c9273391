"""The network file reloaded under load: in effect at once or refused whole, and nobody at the other ends notices."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from switch.config import load_network
from switch.loopback import free_ports
from switch.simulators.messages import BALANCE, PURCHASE
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import DE
from tests.e2e.load import books_agree, declined_here, hosts_with_books, load
from tests.e2e.pos import Till
from tests.e2e.stage import QUICK, Stage, wait_for

pytestmark = pytest.mark.long  # each waits for what a reload lets go in its own time
NEW_CARD = "950477000000001" + luhn_digit("950477000000001")
NADOR = "504177"
"""a bank whose payments no book of the load's has"""


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    one = Stage(tmp_path, QUICK)
    try:
        hosts_with_books(one)
        yield one
    finally:
        one.close()


def refusals(stage: Stage, said: str) -> list[dict[str, Any]]:
    """The reloads refused so far for a reason with these words."""
    return [e for e in stage.events("network.reload_refused") if said in e["reason"]]


def reloads(stage: Stage, *options: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "switch.cli.main",
        "reload",
        "--network",
        str(stage.path),
        "--state",
        str(stage.state),
    ]
    return subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)


def test_a_new_bank_a_new_range_and_a_new_port_are_there_at_once(stage: Stage) -> None:
    switch = stage.serve()
    old = stage.path.read_text()
    before = {line["link"] for line in stage.events("link.up")}
    terminals = load(stage, "banks", 150, 5, "--bank", "atlas", "--bank", "rif")
    bank, port = free_ports(2)
    stage.path.write_text(
        re.sub(r"timeout_ms = 1_500", "timeout_ms = 1_900", old, count=1)
        + f"""
[[member]]
name = "nador"
institution = "{NADOR}"

[[host]]
name = "nador"
role = "issuer"
member = "nador"
connect = "127.0.0.1:{bank}"
dialect = "cmi87"
framing = "length2"
timeout_ms = 1_500
backoff_min_ms = 50
pass_pin = true

[[listener]]
name = "agents"
role = "acquirer"
address = "127.0.0.1:{port}"
dialect = "cmi87"
framing = "length2"

[[bin]]
range = "9504 77"
scheme = "cmi"
issuer = "nador"
"""
    )
    stage.network = load_network(str(stage.path))
    would = reloads(stage, "--dry-run")
    assert "[[bin]] 950477: added" in would.stdout.splitlines()
    assert not stage.events("network.reloaded")
    nador = stage.start("issuer", "nador", "--network", str(stage.path), ready=False)
    nador.ready()
    done = reloads(stage)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == would.stdout.replace("not made (--dry-run)", "in effect")
    assert stage.event("network.reloaded")["changes"] == done.stdout.splitlines()[:-1]
    stage.event("link.up", host="nador")
    with closing(Till(stage, "nador", "agents")) as till:
        request = till.request(BALANCE, "atlas-approved", 0, de2=NEW_CARD, de35="", de55="")
        answer = till.client.asks(request)
        hops = stage.hops(request[DE.RRN], 4)
    assert answer[DE.RESPONSE_CODE] == "00"
    assert hops[1]["link"].startswith("nador#")
    assert terminals.wait(60) == 0
    assert nador.stop() == 0
    stage.children.remove(nador)
    gone = [line for line in stage.events("link.closed") if line["link"] in before]
    assert not gone, "no connection that was there was lost"
    assert not declined_here(stage)
    assert books_agree(stage, switch, NADOR)


def test_what_cannot_be_taken_over_is_refused_whole(stage: Stage) -> None:
    switch = stage.serve()
    text = stage.path.read_text()
    terminals = load(stage, "banks", 50, 4, "--bank", "atlas", "--bank", "rif")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        pos = stage.address("pos")
        for mistaken, said in (
            (text.replace('framing = "tpdu"', 'framing = "tpdo"'), "tpdo"),
            (text.replace('name = "morocco"', 'name = "tunisia"'), "name is morocco and would become tunisia"),
            (text.replace(f'"{pos}"', f'"127.0.0.1:{port}"'), f"cannot listen on 127.0.0.1:{port}"),
        ):
            assert mistaken != text
            # beside the mistake, something good: none of it may be in effect
            stage.path.write_text(mistaken.replace("echo_s = 30", "echo_s = 29"))
            os.kill(switch.pid, signal.SIGHUP)
            wait_for(partial(refusals, stage, said))
            refused = reloads(stage)
            assert refused.returncode == 1
            assert said in refused.stderr
            assert "\\x0a" not in refused.stderr, "a mistake is shown as `check` shows it, on its lines"
    stage.path.write_text(text)
    nothing = reloads(stage)
    assert nothing.stdout.startswith("Nothing differs"), nothing
    assert terminals.wait(60) == 0
    assert not declined_here(stage)
    assert books_agree(stage, switch, NADOR)


def without_rif(text: str) -> str:
    """The network file without the host of a bank, and its cards."""
    sections = re.split(r"(?m)^(?=\[)", text)
    return "".join(
        section
        for section in sections
        if not (section.startswith("[[host]]") and 'name = "rif"' in section)
        and not (section.startswith("[[bin]]") and 'issuer = "rif"' in section)
    )


def says(stage: Stage, *arguments: str) -> str:
    command = [sys.executable, "-m", "switch.cli.main", *arguments, "--state", str(stage.state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout


def test_a_host_that_is_taken_out_of_the_file_is_there_until_nothing_can_come_back_to_it(tmp_path: Path) -> None:
    """Over a reload and a restart its connection stays, and reversals reach it; then it is said goodbye to."""
    stage = Stage(tmp_path, {**QUICK, "duplicate_window_s = .*": "duplicate_window_s = 60"})
    text = stage.path.read_text()
    try:
        stage.issuers()
        stage.networks()
        switch = stage.serve()
        link = stage.event("link.up", host="rif")["link"]
        with closing(Till(stage, "atlas")) as till:
            first, answered = till.pays(PURCHASE, "rif-approved")
            second, again = till.pays(PURCHASE, "rif-approved")
            assert (answered[DE.RESPONSE_CODE], again[DE.RESPONSE_CODE]) == ("00", "00")
            stage.path.write_text(without_rif(text))
            done = reloads(stage)
            assert done.returncode == 0, done.stderr
            said = "[[host]] rif: removed; leaving, and here until nothing can come back to it: payments of its, which"
            assert any(line.startswith(said) for line in done.stdout.splitlines()), done.stdout
            assert till.pays(PURCHASE, "rif-approved")[1][DE.RESPONSE_CODE] == "15"
            assert till.voids(first, answered)[1][DE.RESPONSE_CODE] == "00"
            stage.count("reversal.delivered", 1, host="rif")
            os.kill(switch.pid, signal.SIGUSR2)
            stage.event("restart.done", 60)
            listed = says(stage, "links", "list")
            assert re.search(r"rif .* leaving .* 1 of 1", listed), listed
            assert re.search(r"Leaving since .* UTC, no longer in the network file: host rif; it stays for", listed)
            assert "hosts 4 of 4 up, leaving: rif" in says(stage, "health")
            assert till.voids(second, again)[1][DE.RESPONSE_CODE] == "00"
            stage.count("reversal.delivered", 2, host="rif")
        assert not [line for line in stage.events("link.closed") if line["link"] == link]
        stage.path.write_text(text)
        assert "[[host]] rif: added again, and leaving no more" in reloads(stage).stdout
        assert stage.event("host.back", host="rif")
        assert not stage.events("owed.dead_letter")
    finally:
        stage.close()


def test_a_host_that_nothing_can_come_back_to_any_more_is_let_go(tmp_path: Path) -> None:
    brief = {
        r"duplicate_window_s = .*": "duplicate_window_s = 60",
        r'(?m)^name = "rif"\nrole = "issuer"': 'name = "rif"\npreauth_s = 60\nrole = "issuer"',
        r"\[limits\]": "[limits]\nlate_s = 5",
    }
    stage = Stage(tmp_path, {**QUICK, **brief})
    try:
        stage.issuers()
        stage.networks()
        stage.serve()
        link = stage.event("link.up", host="rif")["link"]
        with closing(Till(stage, "atlas")) as till:
            _, answered = till.pays(PURCHASE, "rif-51")
        assert answered[DE.RESPONSE_CODE] not in ("00", "91", "96")
        stage.path.write_text(without_rif(stage.path.read_text()))
        assert "a late approval" not in reloads(stage).stdout
        assert stage.event("host.leaving", host="rif")
        assert stage.event("host.left", host="rif")["owed"] == 0
        assert "left the network file" in stage.event("link.closed", link=link)["reason"]
        assert "rif" not in says(stage, "health")
        assert not stage.events("link.connect_failed")
    finally:
        stage.close()
