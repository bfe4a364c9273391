"""`tools/accelerate`: compiles in a copy, and brings the result here when it is whole."""

import os
import platform
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from pathlib import Path

import msgspec

from switch.accelerator import GROUP, STAMP, find_modules, make_stamp

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "switch"  # of this checkout, whichever the environment is of
SUFFIX = sysconfig.get_config_var("EXT_SUFFIX")
_SETUP = """\
from mypyc.build import mypycify
from setuptools import setup

made = mypycify({sources!r}, group_name={group!r}, opt_level={level!r}, debug_level="0", multi_file=True)
for extension in made:
    extension.include_dirs.append("build/switch")  # where mypyc puts the header of a group within a package
setup(name="accelerated", packages=[], ext_modules=made)
"""
COPIED = ("switch", "specs", "pyproject.toml", "README.md")


def main() -> int:
    match sys.argv[1:]:
        case []:
            return compile_here()
        case ["--remove"]:
            return remove()
        case ["--wheel", directory]:
            return make_wheel(Path(directory))
    print("usage: tools/accelerate [--remove | --wheel DIR]", file=sys.stderr)
    return 2


def compile_here() -> int:
    with tempfile.TemporaryDirectory(prefix="cmi-switch-accelerate.") as scratch:
        copy = copied(Path(scratch))
        if not compiled(copy):
            return 1
        remove(quiet=True)
        made = list(copy.rglob(f"*{SUFFIX}"))
        for path in made:
            shutil.copy(path, ROOT / path.relative_to(copy))
        shutil.copy(copy / "switch" / STAMP, PACKAGE / STAMP)  # last: what it names is there
    print(
        f"compiled: {len(made) - 1} modules; `tools/accelerate --remove` undoes it, and a changed source asks for it again"
    )
    return 0


def remove(*, quiet: bool = False) -> int:
    there = list(PACKAGE.rglob(f"*{SUFFIX}"))
    for path in there:
        path.unlink()
    (PACKAGE / STAMP).unlink(missing_ok=True)
    if not quiet:
        print(f"removed: {len(there)} files; the switch runs as Python again" if there else "nothing was compiled here")
    return 0


def make_wheel(directory: Path) -> int:
    """One that says for which Python and platform it is: `pip wheel` would call it pure."""
    with tempfile.TemporaryDirectory(prefix="cmi-switch-accelerate.") as scratch:
        copy = copied(Path(scratch))
        if not compiled(copy):
            return 1
        tags = [f"--plat-name={platform_tag()}", f"--python-tag={python_tag()}"]
        build = "import sys; from setuptools.build_meta import build_wheel; "
        build += "print(build_wheel(sys.argv[1], {'--build-option': sys.argv[2:]}))"
        directory.mkdir(parents=True, exist_ok=True)
        run = [sys.executable, "-c", build, str(directory.resolve()), *tags]
        made = subprocess.run(run, cwd=copy, capture_output=True, text=True, check=False)
        print(made.stdout.splitlines()[-1] if made.returncode == 0 else made.stderr[-4_000:])
        return made.returncode


def copied(scratch: Path) -> Path:
    """What a build needs, elsewhere: a build that breaks off leaves nothing here."""
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(
                source, scratch / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__", f"*{SUFFIX}", STAMP)
            )
        else:
            shutil.copy(source, scratch / name)
    return scratch


def compiled(copy: Path) -> bool:
    """Compile in place, in the copy. False: it could not be done, and why has been said."""
    compiler = (os.environ.get("CC") or sysconfig.get_config_var("CC")).split()[0]
    header = Path(sysconfig.get_path("include")) / "Python.h"
    lacks = [
        what
        for what, there in (
            (f"a C compiler ({compiler})", shutil.which(compiler)),
            (f"Python's headers ({header})", header.is_file()),
        )
        if not there
    ]
    if lacks:
        print(f"{' and '.join(lacks)} not found; on Debian: apt-get install gcc python3-dev", file=sys.stderr)
        return False
    modules = find_modules(copy / "switch")
    stamp = make_stamp(platform.python_version(), modules, copy / "switch")
    sources = [str(path.relative_to(copy)) for path in modules]
    (copy / "setup.py").write_text(
        _SETUP.format(sources=sources, group=GROUP, level=os.environ.get("MYPYC_OPT_LEVEL", "3"))
    )
    print(f"compiling {len(sources)} modules with {compiler}: some minutes", file=sys.stderr)
    jobs = str(os.cpu_count() or 1)
    run = [sys.executable, "setup.py", "--quiet", "build_ext", "--inplace", "--parallel", jobs]
    made = subprocess.run(run, cwd=copy, capture_output=True, text=True, check=False)
    if made.returncode:
        print(
            f"{(made.stdout + made.stderr)[-4_000:]}\ncould not be compiled; nothing here has changed", file=sys.stderr
        )
        return False
    (copy / "setup.py").unlink()
    shutil.rmtree(copy / "build")
    (copy / "switch" / STAMP).write_bytes(msgspec.json.format(msgspec.json.encode(stamp)))
    return True


def platform_tag() -> str:
    return sysconfig.get_platform().replace("-", "_").replace(".", "_")


def python_tag() -> str:
    return f"cp{sys.version_info.major}{sys.version_info.minor}"


if __name__ == "__main__":
    sys.exit(main())
