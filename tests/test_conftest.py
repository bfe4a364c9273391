"""These tests are green however they were started: what a shell or a scheduler leaves behind reaches none of them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
STOPPED_BY_CTRL_C = HERE / "cli" / "test_hops.py"
DRAWN_ON_A_TERMINAL = HERE / "observe" / "test_follow.py"
ASKS_A_SERVER_OF_ITS_OWN = HERE / "metrics" / "test_metrics.py"
ASKS_BY_A_SOCKET = HERE / "server" / "test_control.py"
SHOWN_BY_TSHARK = HERE / "dialects" / "test_lua.py"
IN_THE_BACKGROUND = ("sh", "-c", """trap '' INT; exec "$@" """, "sh")
"""What a shell without job control does for `tools/test &`."""


@pytest.mark.parametrize(
    ("path", "name"),
    [(STOPPED_BY_CTRL_C, "stops_at_ctrl_c"), (DRAWN_ON_A_TERMINAL, "draws_on_a_terminal")],
    ids=["ctrl-c", "terminal"],
)
def test_started_in_the_background_on_a_dumb_terminal_without_a_language(path: Path, name: str, tmp_path: Path) -> None:
    bare = {"PATH": os.defpath, "HOME": str(tmp_path), "TERM": "dumb", "LANG": "C", "LC_ALL": "C", "COLUMNS": "20"}
    options = ("-p", "no:cacheprovider", f"--basetemp={tmp_path}/base", str(path), "-k", name)
    command = (*IN_THE_BACKGROUND, sys.executable, "-m", "pytest", *options)
    done = subprocess.run(command, cwd=HERE.parent, env=bare, capture_output=True, text=True, check=False, timeout=120)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("path", "name"),
    [(ASKS_A_SERVER_OF_ITS_OWN, "beside_a_running_switch"), (ASKS_BY_A_SOCKET, "a_command_is_a_line")],
    ids=["proxy", "long path"],
)
def test_started_behind_a_proxy_with_temporary_files_far_down(path: Path, name: str, tmp_path: Path) -> None:
    far_down = tmp_path / "so long that no socket below it has an address" / ("x" * 60)
    far_down.mkdir(parents=True)
    proxy = dict.fromkeys(("http_proxy", "HTTP_PROXY", "https_proxy", "all_proxy"), "http://127.0.0.1:9")
    bare = {"PATH": os.defpath, "HOME": "/nonexistent", "TMPDIR": str(far_down), **proxy}
    command = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider", str(path), "-k", name)
    done = subprocess.run(command, cwd=HERE.parent, env=bare, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout


@pytest.mark.parametrize(("required", "outcome"), [("", "skipped"), ("required", "error")])
def test_a_program_of_others_that_is_missing_is_said_and_fails_where_it_is_required(
    required: str, outcome: str, tmp_path: Path
) -> None:
    bare = {"PATH": str(tmp_path), "CMI_SWITCH_OUTSIDE": required}
    options = ("-p", "no:cacheprovider", f"--basetemp={tmp_path}/base", "-m", "outside", "-rs", str(SHOWN_BY_TSHARK))
    command = (sys.executable, "-m", "pytest", *options)
    done = subprocess.run(command, cwd=HERE.parent, env=bare, capture_output=True, text=True, check=False, timeout=120)
    assert "tshark is not installed (apt-get install tshark)" in done.stdout
    assert outcome in done.stdout.splitlines()[-1]
    assert (done.returncode != 0) is bool(required)


LEAVES_ONE_OPEN = """
import gc, sqlite3

def test_it() -> None:
    sqlite3.connect(":memory:").execute("SELECT 1")
    gc.collect()
"""


def test_a_database_left_open_fails_under_every_python(tmp_path: Path) -> None:
    shutil.copy(HERE / "conftest.py", tmp_path)
    (tmp_path / "test_it.py").write_text(LEAVES_ONE_OPEN)
    options = ("-p", "no:cacheprovider", "-c", str(HERE.parent / "pyproject.toml"), f"--rootdir={tmp_path}")
    command = (sys.executable, "-m", "pytest", *options, str(tmp_path / "test_it.py"))
    done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "unclosed database" in done.stdout


@pytest.mark.long
def test_a_file_stays_with_one_process_where_several_share_the_tests(tmp_path: Path) -> None:
    (sharing,) = re.findall(r"tests three (-n .+?) -m ", (HERE.parent / "tools" / "test").read_text())
    options = ("-p", "no:cacheprovider", f"--basetemp={tmp_path}/base", "-vv", *sharing.split())
    command = (sys.executable, "-m", "pytest", *options, "tests/money", "tests/security")
    done = subprocess.run(command, cwd=HERE.parent, capture_output=True, text=True, check=False, timeout=120)
    ran = set(re.findall(r"^\[(gw\d)\] .* PASSED (\S+?)::", done.stdout, re.MULTILINE))
    assert len(ran) == len({file for _, file in ran}) >= 4, done.stdout
    assert {worker for worker, _ in ran} == {"gw0", "gw1", "gw2"}
