"""Arguments that are a file's name or something else: a message's hex is longer than any file's name may be."""

from pathlib import Path


def existing_file(what: str) -> Path | None:
    """The file of this name; None where there is none, or the text can be no name (too long, a zero byte)."""
    try:
        path = Path(what)
        return path if path.is_file() else None
    except (OSError, ValueError):
        return None
