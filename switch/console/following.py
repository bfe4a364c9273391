"""The hop log, as it grows, into the board and the history.

In: a log's path. Out: sums that are kept up. The one rule: the file is read as it is written and not asked for more often; at
the start what older files have is added up once, and minutes that the history has already are not added up again.
A history that cannot be written just now (a full disk) ends nothing: it is given again what it has missed, of four hours at most.
"""

import sqlite3
import time
from typing import Final

import trio

from switch.console.desk import Desk
from switch.http.server import Report
from switch.observe.follow import Follower
from switch.observe.packed import DamagedLogError

POLL_S: Final = 0.5
KEEP_S: Final = 10.0
CLOSED_MAX: Final = 30
"""minutes that are over and not in the history yet, while old files are read"""


async def follow(desk: Desk, report: Report) -> None:
    """Until cancelled."""

    def left_out(error: DamagedLogError) -> None:
        report("hoplog.damaged", {"error": f"{error.filename} {error.strerror}"})

    follower = Follower(desk.log, older=True, damaged=left_out)
    since = _read_from(desk)
    again, failing = trio.current_time() + KEEP_S, False
    try:
        while True:
            if _take(desk, follower, since):
                await trio.lowlevel.checkpoint()
            else:
                desk.behind = False
                await trio.sleep(POLL_S)
            many = len(desk.board.closed) > CLOSED_MAX and not failing
            if many or trio.current_time() > again:
                failing = not _kept(desk, report)
                again = trio.current_time() + KEEP_S
    finally:
        follower.close()
        _kept(desk, report)


def _kept(desk: Desk, report: Report) -> bool:
    """Has the history what is over? Why not is reported."""
    try:
        keep(desk)
    except sqlite3.Error as error:
        hint = "minutes are given to it again in ten seconds; is there room on the disk?"
        report("history.failed", {"error": str(error), "hint": hint})
        return False
    return True


def _take(desk: Desk, follower: Follower, since: bytes) -> bool:
    """The next lines; False: there are none now. `since`: those of before are known already."""
    try:
        lines = follower.poll()
    except OSError:
        return False  # it cannot be read just now: the board stands still, and health says why
    if lines and lines[-1][7:26] >= since:
        desk.board.feed(lines)
    return bool(lines)


def keep(desk: Desk) -> None:
    """Give the history what is over. sqlite3.Error: the board has it still."""
    board = desk.board
    if board.closed or board.fresh:
        desk.history.keep(board.closed, board.fresh)
    board.closed.clear()
    board.fresh.clear()


def _read_from(desk: Desk) -> bytes:
    """What `at` of a line that need not be read again is below: an hour of minutes is wanted with all that they have."""
    last = desk.history.last
    if not last:
        return b""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime((last - 61) * 60)).encode()
