"""How windows were instructed: small files beside the journal, which a copy of it must have, too.

Who settles a window leaves a mark of the form and the documents (`cmi-switch settle`), so that the same money is not instructed
twice. A journal that was put back without its marks would let it be. Marks never change: two that differ are of two journals.
"""

from pathlib import Path
from typing import Final

from switch.journal.copying import put
from switch.journal.log import JournalError
from switch.security.files import make_private_directory

MARKS: Final = "settlement"
"""directory of the state directory"""
INSTRUCTED: Final = ".instructed"


def copy_marks(source: Path | str, target: Path | str) -> int:
    """Of one directory's windows into another's; how many `target` has then. JournalError: it has one that says otherwise."""
    there = Path(target) / MARKS
    for mark in sorted((Path(source) / MARKS).glob(f"*{INSTRUCTED}")):
        make_private_directory(there)
        known, text = there / mark.name, mark.read_bytes()
        if not known.exists():
            put(known, text)
        elif known.read_bytes() != text:
            raise JournalError(
                f"{known} says that the window was instructed otherwise than {mark} does: they are of two journals, and one of "
                "the two instructions must not be sent; find out which was, and move the other mark away"
            )
    return len(list(there.glob(f"*{INSTRUCTED}")))
