"""Whether a running switch is well: one verdict over all of its parts, for people, for monitoring, and below every list.

In: what is so now (`Health`, plain values). Out: `Problem`s, each with a grade, a sentence and what to do. The judgement is pure;
`HealthMonitor` collects what it judges. Grades and exit codes are those of monitoring plug-ins: good 0, warning 1, critical 2.
"""

import os
from collections.abc import Callable
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from switch.core.operator.command import Arguments, Unable
from switch.core.operator.errors import ErrorCode
from switch.core.operator.keys import KeyRow
from switch.core.party import Log
from switch.security.revocation import NEWEST
from switch.server.ports import trio_clock

LOOK_S: Final = 5.0
"""between two looks; a change is logged"""
RECENT_S: Final = 15
"""a journal that was down so short a time ago is not up: on a full disk its writer comes and goes"""
STALLED_S: Final = 3
"""a journal that takes nothing for so long: its disk hangs; a flush takes milliseconds"""
INDEX_RECENT_S: Final = 60
INDEX_FAR: Final = 250_000
"""records that the index has not reached: some 80 MB of the log are then read for each old payment"""
OLD_S: Final = 600
"""what has been owed for so long should have arrived: a host is away, or refuses it"""
DISK_LOW_BYTES: Final = 256 << 20
DISK_FULL_BYTES: Final = 4 << 20
NEARLY: Final = 0.9
"""of the connections there may be"""
NEVER_S: Final = -1
DAY_S: Final = 86_400
RENEW: Final = "put a new certificate and key in the files' place, then `cmi-switch reload`; of another's, ask them to"


class Grade(IntEnum):
    """How bad; its value is the exit code of `cmi-switch health`."""

    GOOD = 0
    WARNING = 1
    """something needs a person; payments go on"""
    CRITICAL = 2
    """payments are declined"""


class Health(msgspec.Struct, frozen=True, kw_only=True):
    """What is so now."""

    journal_down: str = ""
    """reason; "": it is up"""
    journal_down_ago_s: int = NEVER_S
    head_copy_trouble: str = ""
    """why the copy of the journal's head is not written; "": it is, or there is none"""
    unacknowledged_records: int = 0
    journal_waits_s: int = 0
    """so long records have waited and none became durable, as far as was looked"""
    index_ended_ago_s: int = NEVER_S
    """its process has ended and was started again"""
    index_behind_records: int = 0
    """durable ones that it has not reached"""
    hosts_up: tuple[str, ...] = ()
    hosts_away: tuple[str, ...] = ()
    hosts_stood_in: tuple[str, ...] = ()
    """of those away: for them the switch may approve"""
    hosts_in_maintenance: tuple[str, ...] = ()
    hosts_leaving: tuple[str, ...] = ()
    """no longer in the network file, and here until nothing can come back to them; in none of the others"""
    owed: int = 0
    oldest_owed_s: int = 0
    """of what is still repeated: a dead letter is an exception"""
    exceptions: int = 0
    """open ones: `exceptions.list`"""
    unpriced: int = 0
    """payments that were approved without a price, on the same list"""
    oldest_unpriced_s: int = 0
    disk_free_bytes: int = 0
    """where the journal is, for the user the switch runs as"""
    disk_trouble: str = ""
    """why the state directory cannot be looked at; "": it can"""
    certificates: tuple[str, ...] = ()
    """sentences: those that end within `EXPIRY_DAYS`, this side's and those shown on connections there are"""
    revocations: tuple[str, ...] = ()
    """sentences: lists of revoked certificates that are out of date"""
    keys: tuple[KeyRow, ...] = ()
    """those that change by message"""
    rules_off: str = ""
    """why the network's own rules are off; "": they are not, or there are none"""
    rules_closed: bool = False
    """while they are off, payments are declined"""
    network_since_us: int = 0
    """wall clock: since when it runs by its network file as it has read it, at a start or a reload"""
    connections: int = 0
    connections_max: int = 0
    """as many as limits and open files allow"""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is not well."""

    part: str
    """`journal`, `disk`, `index`, `links`, `owed`, `exceptions`, `unpriced`, `certificates`, `keys`, `rules`,
    `connections`"""
    grade: str
    """`warning` or `critical`"""
    sentence: str
    hint: str


def judge(health: Health) -> tuple[Problem, ...]:
    """All that is not well, the worst first."""
    found = [
        p
        for part in (_journal, _disk, _index, _links, _work, _certificates, _keys, _rules, _connections)
        for p in part(health)
    ]
    return tuple(sorted(found, key=lambda problem: -Grade[problem.grade.upper()]))


def grade_of(problems: tuple[Problem, ...]) -> Grade:
    """The worst of them."""
    return max((Grade[problem.grade.upper()] for problem in problems), default=Grade.GOOD)


def _journal(health: Health) -> list[Problem]:
    hint = "look for journal.down in the hop log, and at the journal's disk"
    if health.journal_down:
        said = f"the journal is down ({health.journal_down}): payments are declined (DE39=96)"
        return [Problem(part="journal", grade="critical", sentence=said, hint=hint)]
    if 0 <= health.journal_down_ago_s < RECENT_S:
        said = f"the journal was down {health.journal_down_ago_s} s ago: payments were declined (DE39=96)"
        return [Problem(part="journal", grade="critical", sentence=said, hint=hint)]
    if health.journal_waits_s >= STALLED_S:
        said = f"the journal has taken nothing for {health.journal_waits_s} s: approvals wait for it"
        hint = "its disk hangs, or its writer is stopped: look at the disk, and at the process switch.journal.writer"
        return [Problem(part="journal", grade="critical", sentence=said, hint=hint)]
    if health.head_copy_trouble:
        said = f"the copy of the journal's head is not written: {health.head_copy_trouble}"
        hint = "payments go on; look at the disk of `head_copy`, and for journal.head_copy_failed in the hop log"
        return [Problem(part="journal", grade="warning", sentence=said, hint=hint)]
    return []


def _disk(health: Health) -> list[Problem]:
    if health.disk_trouble:
        said = f"the state directory cannot be looked at: {health.disk_trouble}"
        hint = "payments go on in the files that are open; bring it back to its place before the journal begins its next file"
        return [Problem(part="disk", grade="critical", sentence=said, hint=hint)]
    free = f"{health.disk_free_bytes / 1e6:,.0f} MB are left on the journal's disk"
    hint = "make room: `cmi-switch journal prune`, old hop logs and captures"
    if health.disk_free_bytes < DISK_FULL_BYTES:
        said = f"{free}: a payment may not be recorded, and is declined then (DE39=96)"
        return [Problem(part="disk", grade="critical", sentence=said, hint=hint)]
    if health.disk_free_bytes < DISK_LOW_BYTES:
        return [Problem(part="disk", grade="warning", sentence=free, hint=hint)]
    return []


def _index(health: Health) -> list[Problem]:
    if 0 <= health.index_ended_ago_s < INDEX_RECENT_S:
        said = f"the process that keeps the journal's index ended {health.index_ended_ago_s} s ago"
        hint = "look for index.down in the hop log; nothing is lost, old payments are found slower"
        return [Problem(part="index", grade="warning", sentence=said, hint=hint)]
    if health.index_behind_records > INDEX_FAR:
        said = f"the journal's index is {health.index_behind_records:,} records behind: old payments are found slower"
        hint = (
            "it runs behind everything else: is there processor time left for switch.journal.indexer, or is it stopped?"
        )
        return [Problem(part="index", grade="warning", sentence=said, hint=hint)]
    return []


def _links(health: Health) -> list[Problem]:
    if not health.hosts_away:
        return []
    grade = "warning" if health.hosts_up or health.hosts_stood_in else "critical"
    names, stood_in = ", ".join(health.hosts_away), ", ".join(health.hosts_stood_in)
    said = f"{names} {'is' if len(health.hosts_away) == 1 else 'are'} away"
    said += f"; the switch stands in for {stood_in}" if stood_in else ""
    return [
        Problem(
            part="links",
            grade=grade,
            sentence=said,
            hint="look for link.connect_failed and link.down in the hop log; `cmi-switch doctor` says why",
        )
    ]


def _work(health: Health) -> list[Problem]:
    found = []
    if health.oldest_owed_s > OLD_S:
        said = f"{health.owed:,} messages are owed, the oldest for {health.oldest_owed_s:,} s"
        hint = "`cmi-switch saf list` says to whom, and why it has not arrived"
        found.append(Problem(part="owed", grade="warning", sentence=said, hint=hint))
    if health.exceptions:
        said = f"{health.exceptions:,} exception{'s are' if health.exceptions > 1 else ' is'} open"
        hint = "`cmi-switch exceptions list`; each is resolved by a person"
        found.append(Problem(part="exceptions", grade="warning", sentence=said, hint=hint))
    if health.unpriced:
        have = "payments have" if health.unpriced > 1 else "payment has"
        said = f"{health.unpriced:,} {have} no price, the oldest for {health.oldest_unpriced_s:,} s"
        hint = "`cmi-switch exceptions list --kind unpriced` says why; a [[fee]] or rate prices those to come"
        found.append(Problem(part="unpriced", grade="warning", sentence=said, hint=hint))
    return found


def _certificates(health: Health) -> list[Problem]:
    return [
        Problem(part="certificates", grade="warning", sentence=said, hint=RENEW) for said in health.certificates
    ] + [Problem(part="certificates", grade="warning", sentence=said, hint=NEWEST) for said in health.revocations]


def _keys(health: Health) -> list[Problem]:
    hint = "`cmi-switch links list` shows the sets at this end; `cmi-switch keys exchange` offers a new one"
    failed = sorted({(key.party, key.failed) for key in health.keys if key.failed})
    return [
        Problem(part="keys", grade="warning", sentence=f"keys of {party} did not change: {why}", hint=hint)
        for party, why in failed
    ]


def _rules(health: Health) -> list[Problem]:
    if not health.rules_off:
        return []
    grade, then = ("critical", "are declined (DE39=96)") if health.rules_closed else ("warning", "go on without them")
    said = f"the network's own rules are off ({health.rules_off}): payments {then}"
    return [
        Problem(part="rules", grade=grade, sentence=said, hint="mend the file of `[hooks]`, then `cmi-switch reload`")
    ]


def _connections(health: Health) -> list[Problem]:
    if health.connections < NEARLY * health.connections_max:
        return []
    said = f"{health.connections:,} of {health.connections_max:,} connections are open; beyond that none is taken"
    hint = "raise connections in [limits] of the network file, and the limit of open files (ulimit -Hn)"
    return [Problem(part="connections", grade="warning", sentence=said, hint=hint)]


def look_at_disk(directory: Path) -> tuple[int, str]:
    """Bytes that an ordinary user may still write there, and why that cannot be told ("": it can)."""
    try:
        found = os.statvfs(directory)
    except OSError as error:
        return 0, f"{directory}: {error.strerror}"
    return found.f_bavail * found.f_frsize, ""


class Stall:
    """How long a journal has taken nothing while records wait for it."""

    def __init__(self) -> None:
        self._durable, self._since_ns = -1, 0

    def seconds(self, position: int, durable: int, now_ns: int) -> int:
        """At this look. What happened between two looks is thought to have been well: it says less rather than more."""
        if position == durable:
            self._durable = -1
            return 0
        if durable != self._durable:
            self._durable, self._since_ns = durable, now_ns
        return (now_ns - self._since_ns) // 1_000_000_000


class HealthMonitor:
    """Looks at one running switch, and logs when its health changes."""

    def __init__(self, look: Callable[[], Health], tell: Callable[[Log], None]) -> None:
        """`look`: what is so now."""
        self._look = look
        self._tell = tell
        self._known: tuple[tuple[str, str], ...] = ()
        self._warned: dict[str, float] = {}
        """certificates that end and lists that are old, and when that was last said"""

    def problems(self) -> tuple[Problem, ...]:
        """What is not well now."""
        return judge(self._look())

    async def command(self, arguments: dict[str, Any], by: str) -> dict[str, Any]:
        """What `health` of the control socket says. Raises Unable."""
        del by
        try:
            msgspec.convert(arguments, Arguments)
        except msgspec.ValidationError as error:
            raise Unable(f"health: {error}", "it takes nothing", code=ErrorCode.COMMAND_ARGUMENTS) from None
        health = self._look()
        problems = judge(health)
        return {
            "grade": grade_of(problems).name.lower(),
            "problems": msgspec.to_builtins(problems),
            **msgspec.to_builtins(health),
        }

    async def keep_looking(self) -> None:
        """Look again and again; until cancelled."""
        while True:
            await trio.sleep(LOOK_S)
            self.look()

    def look(self) -> None:
        """Log `health.changed` where other parts are unwell than at the last look; `certificate.ending` and
        `certificate.list_old` once a day."""
        health = self._look()
        self._warn_of(
            [Log("warning", "certificate.ending", {"reason": said, "hint": RENEW}) for said in health.certificates]
            + [Log("warning", "certificate.list_old", {"reason": said, "hint": NEWEST}) for said in health.revocations]
        )
        problems = judge(health)
        now = tuple((problem.part, problem.grade) for problem in problems)
        if now == self._known:
            return
        self._known = now
        grade = grade_of(problems)
        level = {Grade.GOOD: "info", Grade.WARNING: "warning", Grade.CRITICAL: "error"}[grade]
        self._tell(Log(level, "health.changed", {
            "grade": grade.name.lower(), "problems": [problem.sentence for problem in problems],
            "hint": "`cmi-switch health` says what to do" if problems else "",
        }))  # fmt: skip

    def _warn_of(self, events: list[Log]) -> None:
        now = trio.current_time() if events else 0.0
        warned = {}
        for event in events:
            said = event.fields["reason"]
            warned[said] = self._warned.get(said, -DAY_S)
            if now - warned[said] >= DAY_S:
                warned[said] = now
                self._tell(event)
        self._warned = warned


def seconds_since(at_ns: int) -> int:
    """Whole seconds since a monotonic time; NEVER_S where it is 0."""
    return (trio_clock() - at_ns) // 1_000_000_000 if at_ns else NEVER_S
