"""Counts as people say them: `1 record`, `2 records`, `12,000 records`."""


def counted(count: int, one: str, many: str = "") -> str:
    """So many of what is called `one`, and `many` (or `one` with an s) where it is not one."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"
