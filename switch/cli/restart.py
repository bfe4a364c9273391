"""`cmi-switch restart`: a running switch becomes a new program, without a connection lost."""

import time
from pathlib import Path
from typing import Any

import click

from switch.cli._control import ask, of_each_switch
from switch.cli._not_done import NotDone
from switch.core.operator.errors import ErrorCode
from switch.counting import counted

POLL_S = 0.05
UP_S = 60.0
"""the new program must be there by then"""


@click.command
@of_each_switch
def command(state_dir: Path) -> None:
    """Have a running switch start its program anew: after an upgrade, or for a network file that asks for more than a reload.

    Process, ports and connections stay: nobody signs on again, no payment is declined or doubled. What arrives meanwhile waits
    for the new program, half a second or so. The new program is asked first whether it could take over; if not, nothing happens:
    exit code 1, and its reasons. `kill -USR2` does the same, without the words.

    \b
    Examples:
      cmi-switch restart
      cmi-switch restart --state /srv/switch
    """
    before = ask(state_dir, "restart", timeout_s=90.0)
    now_is = _new(state_dir, before["restarts"])
    kept = "" if before["keeps_connections"] else "; it could not take connections over: their peers connect again"
    nth, gap_ms = _nth(now_is["restarts"]), now_is["gap_ms"]
    connections, requests = counted(now_is["connections"], "connection"), counted(now_is["in_flight"], "request")
    click.echo(
        f"Restarted (process {now_is['pid']}, for the {nth} time): {connections}, {requests} under way, "
        f"nobody answered for {gap_ms} ms{kept}."
    )


def _new(state_dir: Path, before: int) -> dict[str, Any]:
    """What the new program says of itself. Raises NotDone: it did not come about."""
    until = time.monotonic() + UP_S
    while time.monotonic() < until:
        time.sleep(POLL_S)
        try:
            status = ask(state_dir, "status", timeout_s=5.0)
        except NotDone:
            continue  # between two programs
        if status["restarts"] > before:
            return status
        if status["restart_failed"]:
            raise NotDone(
                f"it did not come about: {status['restart_failed']}",
                "the switch goes on as before",
                code=ErrorCode.PROGRAM_UNABLE,
            )
    raise NotDone(
        f"the new program was not there within {UP_S:g} s",
        "look at the switch's output and its hop log",
        code=ErrorCode.PROGRAM_SILENT,
    )


def _nth(number: int) -> str:
    suffix = {1: "st", 2: "nd", 3: "rd"}.get(number % 10 if number // 10 % 10 != 1 else 0, "th")
    return f"{number}{suffix}"
