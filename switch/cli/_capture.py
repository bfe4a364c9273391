"""What the commands about captures share."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from switch.cli._dialects import asked_dialect, check_framing

if TYPE_CHECKING:
    from switch.capture.talks import Talk


def clear_prefixes(given: tuple[str, ...]) -> tuple[str, ...]:
    """Prefixes of test cards as options give them. UsageError: one names more than test cards."""
    from switch.capture.masking import CLEAR_PREFIX_MIN

    prefixes = tuple(prefix.replace(" ", "") for prefix in given)
    for prefix in prefixes:
        if not (prefix.isascii() and prefix.isdecimal() and len(prefix) >= CLEAR_PREFIX_MIN):
            raise click.UsageError(
                f"{prefix!r} names no test cards: at least the first {CLEAR_PREFIX_MIN} digits of a PAN"
            )
    return prefixes


def talks_of(file: Path, dialect: str | None, framing: str | None, port: int | None) -> "list[Talk]":
    """The talks in a capture file, as options say how they speak. ClickException with what to do."""
    from switch.capture.pcapng import CaptureError
    from switch.capture.talks import Known, load

    check_framing(framing)
    known = Known(asked_dialect(dialect) if dialect else None, framing or "", port or 0)
    try:
        return load(file, known)
    except CaptureError as error:
        raise click.ClickException(str(error)) from None
