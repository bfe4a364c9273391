"""The hot path compiled: which modules are, whether it has been done here, and whether it was done to the sources that are here.

mypyc makes C of typed modules, as they are: the Python source stays the only one, and what runs where nothing was compiled.
`tools/accelerate` does it. What is compiled lies beside its source and is taken by Python instead of it, so that it must never
be older: its stamp names the sources, and `find_stale` compares.
"""

import ast
import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec

PACKAGE: Final = Path(__file__).parent
STAMP: Final = "accelerated.json"
GROUP: Final = "switch.accelerated"
"""the extension that has the code of all; beside each module stands one that only leads there"""
_ROOMS: Final = ("links", "messages", "records", "routing", "saf", "transactions")
_HOT: Final = (
    *("core/kernel.py", "core/switch.py", "wire/dates.py", "wire/pans.py", "wire/vocabulary.py"),
    *(f"core/{room}" for room in _ROOMS),
)
"""what each payment passes; compiled code calls other compiled code fastest, so that rooms are taken whole"""
_APART: Final = ("family", "iso93", "mastercard", "translator", "variant", "visa")
"""of `core/messages`: translators have tables in their classes, which mypyc does not know"""


class Stamp(msgspec.Struct, frozen=True, kw_only=True):
    """What has been compiled."""

    python: str
    sources: dict[str, str]
    """module's path within the package -> BLAKE2b of its source"""


def find_modules(package: Path = PACKAGE) -> list[Path]:
    """The modules that are compiled: of `_HOT`, those that define no msgspec struct."""
    found: list[Path] = []
    for name in _HOT:
        path = package / name
        found += [path] if path.suffix else sorted(path.glob("*.py"))
    return [path for path in found if path.stem not in ("__init__", *_APART) and not _has_struct(path)]


def _has_struct(path: Path) -> bool:
    """True where a class is a struct, or is made with keywords (`frozen`, `tag`), which mypyc drops."""
    classes = [node for node in ast.walk(ast.parse(path.read_bytes())) if isinstance(node, ast.ClassDef)]
    return any(one.keywords or any(ast.unparse(base).endswith("Struct") for base in one.bases) for one in classes)


def make_stamp(python: str, modules: Iterable[Path], package: Path = PACKAGE) -> Stamp:
    """The stamp of these sources as they are now."""
    return Stamp(python=python, sources={str(path.relative_to(package)): _digest(path) for path in modules})


def read_stamp(package: Path = PACKAGE) -> Stamp | None:
    """What has been compiled here; None: nothing."""
    try:
        return msgspec.json.decode((package / STAMP).read_bytes(), type=Stamp)
    except FileNotFoundError:
        return None


def find_stale(package: Path = PACKAGE) -> list[str]:
    """Modules whose compiled form is of another source than the one that is here; none where nothing is compiled."""
    stamp = read_stamp(package)
    if stamp is None:
        return []
    there = ((package / name, name, digest) for name, digest in stamp.sources.items())
    return [name for path, name, digest in there if not path.is_file() or _digest(path) != digest]


def _digest(path: Path) -> str:
    return hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
