"""Where the files that come with the product are: dialects, networks and the schema of dialects.

They stand in `specs/` at the top of a checkout, where people read and copy them; `switch/specs` leads there, and a wheel carries
what it leads to. So both are found the same way, through the package.
"""

from importlib.resources import files
from pathlib import Path
from typing import Final

SPECS: Final = Path(str(files("switch") / "specs")).resolve()


def shipped(kind: str) -> Path:
    """The directory of the shipped `dialects` or `networks`; FileNotFoundError: the installation is not whole."""
    directory = SPECS / kind
    if not directory.is_dir():
        raise FileNotFoundError(f"{directory} is missing: cmi-switch is not wholly installed; install it again")
    return directory
