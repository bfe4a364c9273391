"""The hot path compiled: it is what the source says, never older than it, and nothing but faster."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import msgspec
import pytest

from switch.accelerator import PACKAGE, STAMP, find_modules, find_stale, make_stamp

ROOT = Path(__file__).parent.parent
TAKEN = ("switch", "specs", "tools", "pyproject.toml", "README.md")


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """One with two modules, of which one has been compiled as it is."""
    for name, text in (("kernel.py", "def find() -> int:\n    return 1\n"), ("limits.py", "")):
        (tmp_path / "core").mkdir(exist_ok=True)
        (tmp_path / "core" / name).write_text(text)
    stamp = make_stamp("3.11", [tmp_path / "core" / "kernel.py"], tmp_path)
    (tmp_path / STAMP).write_bytes(msgspec.json.encode(stamp))
    return tmp_path


def test_what_was_compiled_from_this_source_is_not_stale(package: Path) -> None:
    assert find_stale(package) == []


def test_what_was_compiled_from_another_source_is_stale(package: Path) -> None:
    (package / "core" / "kernel.py").write_text("def find() -> int:\n    return 2\n")
    assert find_stale(package) == ["core/kernel.py"]


def test_what_was_compiled_from_a_source_that_is_gone_is_stale(package: Path) -> None:
    (package / "core" / "kernel.py").unlink()
    assert find_stale(package) == ["core/kernel.py"]


def test_where_nothing_is_compiled_nothing_is_stale(package: Path) -> None:
    (package / STAMP).unlink()
    (package / "core" / "kernel.py").unlink()
    assert find_stale(package) == []


def test_modules_that_define_structs_stay_python() -> None:
    """Their options (`frozen`, `tag`, `kw_only`) are keywords of a class, which mypyc drops."""
    modules = {str(path.relative_to(PACKAGE)) for path in find_modules()}
    assert "core/kernel.py" in modules
    assert "core/transactions/payments.py" in modules
    assert not {"core/records/records.py", "core/records/state.py", "core/transactions/incoming.py"} & modules


def start(*arguments: object, at: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Python with these arguments, and the package that stands there."""
    command = [sys.executable, *(str(part) for part in arguments)]
    environment = {**os.environ, "PYTHONPATH": str(at), **environment}
    return subprocess.run(command, cwd=at, capture_output=True, text=True, check=False, env=environment)


def run(*arguments: object, at: Path, **environment: str) -> str:
    done = start(*arguments, at=at, **environment)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a wheel with it holds. Optimized as little as serves: what it does is what is asked here, not how fast."""
    top = tmp_path_factory.mktemp("compiled")
    for part in TAKEN:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, top / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, top / part)
    name = run(top / "tools" / "accelerate.py", "--wheel", top / "made", at=top, MYPYC_OPT_LEVEL="0").strip()
    assert f"-cp{sys.version_info.major}{sys.version_info.minor}-none-linux_" in name
    zipfile.ZipFile(top / "made" / name).extractall(top / "installed")
    return top / "installed"


@pytest.mark.outside("gcc")
def test_simulated_days_come_out_the_same_compiled(compiled: Path, tmp_path: Path) -> None:
    """Every effect of ten days, faults and crashes included, byte for byte."""
    assert run("-c", "import switch.core.kernel as k; print(k.__file__)", at=compiled).strip().endswith(".so")
    plain = tmp_path / "plain"
    shutil.copytree(compiled, plain, ignore=shutil.ignore_patterns("*.so", STAMP))
    traces = [run("-m", "switch.sim.traces", at=place) for place in (compiled, plain)]
    assert traces[0] == traces[1]
    assert traces[0].count("\n") == 10


@pytest.mark.outside("gcc")
def test_a_changed_source_is_not_run_in_its_old_form(compiled: Path) -> None:
    source = compiled / "switch" / "core" / "kernel.py"
    text = source.read_text()
    source.write_text(text + "\n")
    refused = start("-m", "switch.cli.main", "cards", at=compiled)
    assert refused.returncode == 1
    assert "core/kernel.py" in refused.stderr
    assert "tools/accelerate --remove" in refused.stderr
    source.write_text(text)
    assert "its hot path compiled" in run("-m", "switch.cli.main", "--version", at=compiled)
