"""What each warning and error of the log means, and what to do: `specs/runbook.toml`, for commands and for its page.

In: that file. Out: entries by event; the page (`python -m switch.observe.runbook > docs/runbook.md`). `level` is the line's own.
"""

import sys
import tomllib
from typing import Final

import msgspec

from switch.shipped import SPECS

FILE: Final = SPECS / "runbook.toml"
_HEAD: Final = """# Runbook

What each event of level `warning` or `error` in the [hop log](hop-log.md) means, and what to do. `cmi-switch runbook EVENT`
prints one, and `hint` in the line itself is of that very case. Alerts stand in [monitoring.md](monitoring.md#alerts). What
gateway, servers of 3-D Secure and console have to say of themselves they print; it is the last table.

<!-- made of specs/runbook.toml: python -m switch.observe.runbook > docs/runbook.md -->
"""


class RunbookEntry(msgspec.Struct, frozen=True, kw_only=True):
    """One event."""

    group: str
    means: str
    do: str


class Runbook(msgspec.Struct, frozen=True, kw_only=True):
    """Every warning and error by its event, and the headings of the page."""

    groups: dict[str, str]
    """heading of each group, in the page's order"""
    events: dict[str, RunbookEntry]


def read_runbook() -> Runbook:
    """As shipped."""
    raw = tomllib.loads(FILE.read_text(encoding="utf-8"))
    groups = raw.pop("groups")
    return msgspec.convert({"groups": groups, "events": raw}, Runbook)


def page(runbook: Runbook) -> str:
    """docs/runbook.md."""
    parts = [_HEAD]
    for group, heading in runbook.groups.items():
        parts.append(f"\n## {heading}\n\n| event | means | do |\n|---|---|---|\n")
        parts += [
            f"| `{event}` | {entry.means} | {entry.do} |\n"
            for event, entry in sorted(runbook.events.items())
            if entry.group == group
        ]
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page(read_runbook()))
