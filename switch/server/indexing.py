"""The process that builds the journal's index, started again whenever it ends, and what the hop log is told of it.

In: a state directory. Out: events. What is not indexed is found in the log, only slower, so that nothing waits for it.
"""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from switch.core.party import Log
from switch.journal.index import REMOVED, Rebuilt, index_path
from switch.journal.indexer import DAMAGED

STEADY_S: Final = 60.0
"""a process that ran for so long is started again with the shortest rest; sooner, twice the last one: a disk that damages what is
written to it would have the whole index built again and again"""
END_S: Final = 5.0
"""for a process to end once nothing comes to it any more, and again once it is killed: a disk that hangs may keep it"""


def index_damaged(why: str) -> Log:
    """The event of an index that was removed, to be built anew."""
    return Log("warning", "index.damaged", {
        "reason": why, "hint": "it was removed and is built anew; meanwhile the log answers, only slower",
    })  # fmt: skip


def projection_rebuilt(rebuilt: Rebuilt) -> Log:
    """The event of a projection that was built again, or is no more."""
    fields: dict[str, Any] = {"projection": rebuilt.projection, "reason": rebuilt.why}
    if rebuilt.why == REMOVED:
        return Log("info", "projection.removed", fields)
    fields |= {"records": rebuilt.records, "first": rebuilt.first, "last": rebuilt.last}
    if rebuilt.first > 1:
        hint = f"the journal was pruned: what lay before record {rebuilt.first} is in it no more; a backup has it"
        return Log("warning", "projection.rebuilt", fields | {"hint": hint})
    return Log("info", "projection.rebuilt", fields)


async def keep_index(state_dir: Path, log: Callable[[Log], None], ended: Callable[[Log], None]) -> None:
    """Run the process, and another whenever it ends, which `ended` is told; `log`: other events.

    It ends with its standard input.
    """
    command = [sys.executable, "-m", "switch.journal.indexer", "--dir", str(state_dir), "--follow"]
    wait_s = 1.0
    while True:
        began = trio.current_time()
        try:
            process = await trio.lowlevel.open_process(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        except OSError as error:
            wait_s = min(wait_s * 2, 60.0)
            ended(_down(wait_s, reason=f"no process to be had: {error.strerror}"))
            await trio.sleep(wait_s)
            continue
        try:
            await _read(process, log)
            code = await process.wait()
        finally:
            with trio.CancelScope(shield=True, deadline=trio.current_time() + END_S):
                for stream in (process.stdin, process.stdout):
                    if stream is not None:
                        await stream.aclose()
                await process.wait()
            if process.returncode is None:
                process.kill()
                with trio.CancelScope(shield=True, deadline=trio.current_time() + END_S):
                    await process.wait()
        wait_s = 1.0 if trio.current_time() - began > STEADY_S else min(wait_s * 2, 60.0)
        if code == DAMAGED:
            ended(index_damaged(f"{index_path(state_dir)}: damaged, as the process that builds it found"))
        else:
            ended(_down(wait_s, exit_code=code))
        await trio.sleep(wait_s)


def _down(wait_s: float, **why: Any) -> Log:
    hint = "nothing is lost: repeats and reversals are found in the log meanwhile, only slower"
    return Log("error", "index.down", {**why, "next_attempt_ms": int(wait_s * 1000), "hint": hint})


async def _read(process: trio.Process, log: Callable[[Log], None]) -> None:
    """Log what the process prints, until it prints no more."""
    rest = b""
    assert process.stdout is not None
    async for data in process.stdout:
        *lines, rest = (rest + data).split(b"\n")
        for line in lines:
            log(projection_rebuilt(msgspec.json.decode(line, type=Rebuilt)))
