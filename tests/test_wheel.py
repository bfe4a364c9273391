"""The wheel is whole: installed outside the checkout, without it, the product finds its files and does what it does."""

import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

pytestmark = pytest.mark.long  # a wheel is built and installed

ROOT = Path(__file__).parent.parent
PARTS = ("pyproject.toml", "README.md", "switch", "specs")

OWN_TEST = """
def test_a_payment_reaches_its_issuer(switch_playbook):
    import switch
    assert "site-packages" in switch.__file__
    book = switch_playbook("morocco")
    issuer, acquirer = book.host("atlas"), book.acquirer("acquirers", "504102")
    assert issuer and acquirer
"""


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run([str(part) for part in command], cwd=cwd, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def python_with_pip() -> str:
    """The one that made this environment, which itself has none."""
    base = Path(sys.base_prefix) / "bin" / f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = subprocess.run([base, "-m", "pip", "--version"], capture_output=True, check=False)
    if found.returncode:
        pytest.skip(f"{base} has no pip to build a wheel with")
    return str(base)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of an environment with the wheel; what the wheel depends on is this environment's."""
    top = tmp_path_factory.mktemp("wheel")
    python, source, fresh = python_with_pip(), top / "source", top / "fresh"
    source.mkdir()
    for part in PARTS:
        origin = ROOT / part
        if origin.is_dir():
            shutil.copytree(origin, source / part, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(origin, source / part)
    pip = [python, "-m", "pip", "--disable-pip-version-check", "--python"]
    run(*pip, sys.executable, "wheel", "-qq", "--no-deps", "--no-build-isolation", "-w", top, source, cwd=top)
    run(python, "-m", "venv", "--without-pip", fresh, cwd=top)
    run(*pip, fresh / "bin" / "python", "install", "-qq", "--no-deps", *top.glob("*.whl"), cwd=top)
    shutil.rmtree(source)
    (site,) = fresh.glob("lib/python*/site-packages")
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return fresh / "bin"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("check", "morocco"), "no mistakes"),
        (("cards",), "atlas-approved"),
        (("decode", "3038303030303230303030303030303030303030303030303037", "--dialect", "cmi87"), "000007"),
        (("dialect", "show", "visa"), "visa"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_commands_find_the_dialects_and_networks_that_came_with_them(
    installed: Path, tmp_path: Path, arguments: tuple[str, ...], says: str
) -> None:
    assert says in run(installed / "cmi-switch", *arguments, cwd=tmp_path)


def test_the_pytest_plugin_is_there(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "test_own.py").write_text(OWN_TEST)
    said = run(installed / "python", "-m", "pytest", "-p", "no:cacheprovider", "-q", "test_own.py", cwd=tmp_path)
    assert "1 passed" in said


def test_its_types_are_for_users_too(installed: Path, tmp_path: Path) -> None:
    said = run(installed / "python", "-c", "import switch; print(switch.__path__[0])", cwd=tmp_path)
    assert (Path(said.strip()) / "py.typed").is_file()
    assert (Path(said.strip()) / "specs" / "dialect.schema.json").is_file()
    assert (Path(said.strip()) / "dialects" / "dissector.lua").is_file()
