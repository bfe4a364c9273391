"""Files of errors that nobody foresaw: `DIR/defects/NAME.txt` in the state directory, for its owner only (0600).

In: the event `switch.defect`, whose `report` says where an error arose. Out: the same event, with `file` in its place. One file
for errors of one kind at one place, and so many files at the most: an error that comes with each message fills no disk.
"""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from switch.core.party import Log

EVENT: Final = "switch.defect"
FILES_MAX: Final = 100


def keep_defects(log: Callable[[Log, int], None], state_dir: Path) -> Callable[[Log, int], None]:
    """`log`, and the reports of defects in files of `state_dir`."""
    directory = state_dir / "defects"

    def logged(event: Log, wall_ns: int) -> None:
        if event.event == EVENT:
            fields = {name: value for name, value in event.fields.items() if name != "report"}
            fields["file"] = _keep(directory, event)
            event = Log(event.level, event.event, fields)
        log(event, wall_ns)

    return logged


def _keep(directory: Path, event: Log) -> str:
    """Where the report is; "" where it cannot be written, or there are enough of them."""
    path = directory / f"{event.fields['defect']}.txt"
    try:
        directory.mkdir(mode=0o700, exist_ok=True)
        if path.exists():
            return str(path)
        if len(os.listdir(directory)) >= FILES_MAX:
            return ""
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(event.fields["report"])
    except OSError:
        return ""
    return str(path)
