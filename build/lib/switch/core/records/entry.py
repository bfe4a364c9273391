"""The base of all records."""

import msgspec


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Base of all records: `at_us` is wall-clock microseconds since 1970, UTC; `window` names the window that it is in
    (`records.windows`), as the cutovers before it have decided; "": it is of an older journal."""
