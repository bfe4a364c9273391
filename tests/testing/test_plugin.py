"""The plugin as a user has it: loaded by its entry point, nothing imported before it is needed; the page's examples run."""

import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from switch.core.network import Address
from switch.testing.plugin import replay
from switch.testing.running import Client
from switch.wire.framing import make_framing

PAGE = (Path(__file__).parents[2] / "docs" / "testing-your-host.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```python\n# (test_\w+\.py)\n(.*?)```", PAGE, re.DOTALL)


def pytest_in(directory: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *arguments]
    return subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)


def test_it_is_there_by_its_entry_point_and_imports_nothing_heavy_before_it_is_used(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(
        "import sys\n"
        "def test_it(request):\n"
        "    assert 'switch.testing.plugin' in sys.modules\n"
        "    heavy = [m for m in sys.modules if m.startswith(('switch.', 'iso8583')) or m == 'trio']\n"
        "    assert set(heavy) <= {'switch.testing', 'switch.testing.plugin', 'trio'}, heavy\n"
    )
    run = pytest_in(tmp_path)
    assert run.returncode == 0, run.stdout


def test_the_pages_examples_run(tmp_path: Path) -> None:
    """All in one run, as in a project of one's own: they share the network that `switch_running` starts."""
    assert len(EXAMPLES) >= 4
    for name, text in (*EXAMPLES, *re.findall(r"```json\n// (\S+)\n(.*?)```", PAGE, re.DOTALL)):
        (tmp_path / name).write_text(text)
    run = pytest_in(tmp_path, "-rA")
    assert run.returncode == 0, run.stdout + run.stderr
    assert {name for name, _ in EXAMPLES} == set(re.findall(r"^PASSED (\S+?)::", run.stdout, re.MULTILINE))


def test_without_pytest_trio_all_else_is_there_and_the_async_fixture_says_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "pytest_trio.py").write_text("raise ImportError('not installed')")
    (tmp_path / "test_it.py").write_text(
        "def test_pure(switch_playbook):\n    assert switch_playbook('morocco').host('atlas')\n"
        "def test_async(switch_link):\n    pass\n"
    )
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-p", "no:trio", "-q"]
    env = {**os.environ, "PYTHONPATH": str(tmp_path)}
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, env=env)
    assert "1 passed, 1 error" in run.stdout, run.stdout + run.stderr
    assert "pip install pytest-trio" in run.stdout


def test_a_replay_is_around_a_network_or_against_a_host() -> None:
    for options in ({}, {"network": "morocco", "to": "127.0.0.1:1"}):
        with pytest.raises(TypeError, match="replay needs network=FILE"):
            replay("x.pcapng", **options)


def test_a_request_of_the_peers_with_the_same_stan_is_no_answer() -> None:
    """The switch tests the link (0800) while the test's own sign-on waits: both count their DE11 from 000001."""
    door = socket.create_server(("127.0.0.1", 0))
    client = Client(Address("127.0.0.1", door.getsockname()[1]))
    peer, _ = door.accept()
    with door, peer:
        for mti, more in (("0800", {"70": "301"}), ("0810", {"70": "001", "39": "00"})):
            document = {"t": mti, "7": "1125120000", "11": "000001", **more}
            peer.sendall(make_framing("length2", 8_192).frame(client.dialect.encode(document)))
        assert client.signs_on("504102")["39"] == "00"
        client.close()
