"""What `deploy/` ships fits the commands there are, and a service manager hears what it wants to."""

import os
import re
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.main import main
from switch.readiness import Ready, ReadyFile, notify, watchdog_s
from tests.e2e.stage import Stage

ROOT = Path(__file__).parent.parent
UNITS = sorted((ROOT / "deploy" / "systemd").glob("*.service"))
EXPOSURE_MAX = 2.5


def setting(unit: Path, name: str) -> str:
    found = re.search(rf"^{name}=(.*)$", unit.read_text(), flags=re.MULTILINE)
    assert found is not None, f"{unit.name} has no {name}"
    return found[1]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_starts_a_command_that_there_is_with_options_that_it_has(unit: Path) -> None:
    program, *arguments = setting(unit, "ExecStart").replace("%i", "visa").split()
    assert program.endswith("/bin/cmi-switch")
    result = CliRunner().invoke(main, [*arguments, "--help"])
    assert result.exit_code == 0, result.output


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_s_page_is_there(unit: Path) -> None:
    page = setting(unit, "Documentation").rpartition("/")[2]
    assert (UNITS[0].parents[2] / "docs" / page).exists()


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_that_cannot_start_is_tried_for_as_long_as_it_takes(unit: Path) -> None:
    """systemd.unit(5): else five starts in ten seconds are the last, as where a database comes up a minute later."""
    head, _, rest = unit.read_text().partition("[Service]")
    assert "\nStartLimitIntervalSec=0\n" in head
    assert "\nRestart=on-failure\n" in rest


@pytest.mark.outside("systemd-analyze")
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_may_do_little(unit: Path) -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)]
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    found = re.search(r"Overall exposure level for .*: ([\d.]+) ", said)
    assert found is not None, said
    assert float(found[1]) <= EXPOSURE_MAX, said


@pytest.mark.outside("dpkg-deb")
def test_a_debian_package_holds_what_it_says_and_runs_where_it_is_unpacked(tmp_path: Path) -> None:
    made = subprocess.run([ROOT / "tools" / "deb", tmp_path], check=True, capture_output=True, text=True).stdout.strip()
    fields = subprocess.run(["dpkg-deb", "-f", made], check=True, capture_output=True, text=True).stdout
    assert "Package: cmi-switch\n" in fields
    assert re.search(r"^Depends: python3 \(>= 3\.\d+\), python3 \(<< 3\.\d+\), adduser$", fields, flags=re.MULTILINE)
    unpacked = tmp_path / "root"
    subprocess.run(["dpkg-deb", "-x", made, unpacked], check=True)
    assert {unit.name for unit in UNITS} == {unit.name for unit in (unpacked / "lib/systemd/system").iterdir()}
    script = (unpacked / "opt/cmi-switch/bin/cmi-switch").read_text()
    assert script.splitlines()[0].startswith("#!/opt/cmi-switch/bin/python"), "no path of the machine that made it"
    assert os.readlink(unpacked / "usr/bin/cmi-switch") == "/opt/cmi-switch/bin/cmi-switch"
    assert (unpacked / "usr/share/man/man1/cmi-switch-serve.1").exists()
    assert (unpacked / "usr/share/zsh/vendor-completions/_cmi-switch").exists(), "Debian's zsh looks nowhere else"
    python = unpacked / "opt/cmi-switch/bin/python"
    for command in (["check"], ["console", "--help"], ["gateway", "--help"], ["metrics", "--help"]):
        done = subprocess.run(
            [python, "-m", "switch.cli.main", *command], cwd=tmp_path, capture_output=True, check=False
        )
        assert done.returncode == 0, done.stderr


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> socket.socket:
    """A service manager's socket, which `NOTIFY_SOCKET` names."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(tmp_path / "notify"))
    sock.settimeout(20)
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
    return sock


def test_whoever_writes_a_ready_file_says_so_to_the_service_manager(tmp_path: Path, manager: socket.socket) -> None:
    ReadyFile(tmp_path / "ready.json").write(Ready(sentence="Ready: here", listeners={}))
    assert manager.recv(1_000) == b"READY=1\nSTATUS=Ready: here"
    ReadyFile(None).write(Ready(sentence="Ready: again", listeners={}))
    assert manager.recv(1_000) == b"READY=1\nSTATUS=Ready: again", "also where no file is asked for"
    manager.close()


def test_a_name_without_a_file_is_told_too_and_one_that_does_not_hear_costs_nothing(tmp_path: Path) -> None:
    name = f"cmi-switch-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{name}")
        notify("READY=1", {"NOTIFY_SOCKET": f"@{name}"})
        assert sock.recv(100) == b"READY=1"
    notify("READY=1", {"NOTIFY_SOCKET": str(tmp_path / "nobody")})
    notify("READY=1", {})


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [
        ({}, 0.0),
        ({"WATCHDOG_USEC": "10000000"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "7"}, 10.0),
        ({"WATCHDOG_USEC": "10000000", "WATCHDOG_PID": "8"}, 0.0),
        ({"WATCHDOG_USEC": "soon"}, 0.0),
    ],
)
def test_only_who_is_watched_says_that_it_lives(environ: dict[str, str], seconds: float) -> None:
    assert watchdog_s(environ, 7) == seconds


def test_a_switch_says_that_it_is_ready_that_it_lives_and_that_it_stops(
    tmp_path: Path, manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WATCHDOG_USEC", "2000000")  # seldom enough for a queue that nobody reads meanwhile
    stage = Stage(tmp_path)
    heard: list[bytes] = []

    def hear(*wanted: bytes) -> None:
        until = time.monotonic() + 20
        while not set(wanted) <= set(heard):
            assert time.monotonic() < until, heard
            heard.append(manager.recv(10_000).split(b"\n")[0])

    try:
        switch = stage.serve()
        hear(b"READY=1", b"WATCHDOG=1")
        os.kill(switch.pid, signal.SIGTERM)
        hear(b"STOPPING=1")
    finally:
        stage.close()
        manager.close()
