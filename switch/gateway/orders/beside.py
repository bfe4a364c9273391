"""Where a web payment gateway keeps its orders beside its switch. Loads nothing of a gateway, for those who have none."""

from pathlib import Path
from typing import Final

STORE_FILE: Final = "gateway.sqlite"


def store_beside(state_dir: Path) -> Path:
    """The file of `Store`, by the switch's state directory; it need not be there."""
    return state_dir / "gateway" / STORE_FILE
