"""Operators of a running switch: who they are, what they may, and a log of what they did that nobody changes unnoticed."""

import pwd
import re
import socket
import struct
from collections.abc import Callable, Collection, Sized
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import trio

from switch.core.network import Network
from switch.core.operator.command import Unable
from switch.core.operator.errors import ErrorCode
from switch.core.operator.roles import BY_TWO, WAITS_MINUTES, Roles
from switch.core.party import Log
from switch.journal.keys import audit_witness_path
from switch.security.audit import AuditError, AuditLog
from switch.server.ports import trio_clock
from switch.wire.pans import mask_pans

AUDIT_FILE: Final = "audit.log"
NOTE_MAX: Final = 2_000
"""characters of a command's arguments that are kept"""


_NO_LOGIN: Final = 2**32 - 1
"""the kernel's word for a process that nobody has logged in for"""
_WAITS_AS: Final = "asked for, waits as "


class Who(NamedTuple):
    """A client of the control socket, as the kernel knows it."""

    user: str
    """of this machine; "" where nobody knows"""
    by: str
    """for logs: `amina (uid 1000, pid 4711)`"""
    marks: frozenset[str] = frozenset()
    """by what else the same person is known: the numbers of their account, and of the one that they logged in with"""


def who_is(stream: trio.SocketStream) -> Who:
    """The process at the other end (SO_PEERCRED of unix(7)), and as whom its session was begun, whatever it has become by su or
    sudo since (loginuid of audit(7))."""
    with suppress(OSError):
        form = struct.Struct("iII")
        pid, uid, _ = form.unpack(stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size))
        login, user = _login_of(pid), _name_of(uid)
        more = f", logged in as {_name_of(login)}" if login not in (None, uid) else ""
        said = f"uid {uid}, pid {pid}{more}"
        marks = frozenset(f"uid {number}" for number in (uid, login) if number is not None)
        return Who(user, said if user.startswith("uid ") else f"{user} ({said})", marks)
    return Who("", "unknown")


def _name_of(uid: int | None) -> str:
    try:
        return pwd.getpwuid(uid).pw_name if uid is not None else ""
    except KeyError:
        return f"uid {uid}"


def _login_of(pid: int) -> int | None:
    """None: nobody logged in for this process, or the kernel does not say."""
    try:
        login = int(Path(f"/proc/{pid}/loginuid").read_text())
    except (OSError, ValueError):
        return None
    return login if login != _NO_LOGIN else None


def marks_of(user: str) -> frozenset[str]:
    """By what else a user of this machine is known: two names of one account are one person."""
    try:
        return frozenset({user, f"uid {pwd.getpwnam(user).pw_uid}"})
    except KeyError:
        return frozenset({user})


def strangers(network: Network) -> list[str]:
    """Operators of the file that are no users of this machine: by themselves they reach no control socket."""
    return [one.user for one in network.operators if not _is_user(one.user)]


def nobody_of(network: Network) -> list[str]:
    """The same, where there is nobody else, and no console that could ask for them; none where somebody can."""
    found = strangers(network)
    by_console = network.console_user != "" and _is_user(network.console_user)
    return found if len(found) == len(network.operators) and not by_console else []


def _is_user(name: str) -> bool:
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True


class Operators:
    """Admits an operator's command or refuses it, by the roles of the network file, and logs what was done."""

    def __init__(self, network: Network, audit: AuditLog) -> None:
        self.roles = Roles(network.operators, network.console_user)
        self._console_user = network.console_user
        self._audit = audit
        self.tell: Callable[[Log], None] = lambda _: None
        """logs an event"""
        self._turn = trio.Lock()
        self._unwitnessed = ""
        self._counts_on = False
        """numbers of what waits go on from those of the processes before"""

    def follow(self, network: Network) -> None:
        """Another network file holds."""
        self.roles.follow(network.operators, network.console_user)
        self._console_user = network.console_user

    def behind(self, behalf: str, who: Who) -> Who:
        """The person for whom a console asks. Raises Unable: `who` may speak for nobody else.

        Where the network file names no operators, whoever reaches the socket may do everything, and so in any name.
        """
        if self.roles.named and who.user != self._console_user:
            raise Unable(
                f"{who.user or 'an unknown user'} asks for {behalf}, and may speak for nobody else",
                "`console_user` of the network file names the user that a console runs as; `cmi-switch reload` follows",
                code=ErrorCode.OPERATOR_FORBIDDEN,
            )
        return Who(behalf, f"{behalf} (console of {who.by})", marks_of(behalf))

    async def admit(
        self, command: str, arguments: dict[str, Any], who: Who, *, looks: bool, private: Collection[str] = ()
    ) -> None:
        """Raise Unable unless it may be done now, by this person. What changes something is in the audit log, before it is done
        or as refused. `private`: arguments whose values are not for a log."""
        try:
            self.roles.check(command, who.user, looks=looks)
            if command in BY_TWO and not looks:
                await self._count_on()
            waiting = None if looks else self.roles.ask_another(command, arguments, who, trio_clock())
        except Unable as error:
            await self._write(command, arguments, who.by, f"refused: {error}", private)
            raise
        if waiting is not None:
            await self._write(command, arguments, who.by, f"{_WAITS_AS}{waiting.number}", private)
            raise Unable(
                f"{command} waits for a second person, as number {waiting.number}",
                f"within {WAITS_MINUTES} minutes another supervisor says `cmi-switch approve {waiting.number}`",
                code=ErrorCode.OPERATOR_WAITS,
            )
        if not looks:
            await self._write(command, arguments, who.by, "", private)

    async def approve(
        self, number: int, who: Who, private_of: Callable[[str], Collection[str]]
    ) -> tuple[str, dict[str, Any], str]:
        """The second person: the command, its arguments, and by whom it is now. Raises Unable."""
        try:
            self.roles.check("approve", who.user, looks=False)
            waiting = self.roles.approve(number, who, trio_clock())
        except Unable as error:
            await self._write("approve", {"number": number}, who.by, f"refused: {error}", ())
            raise
        by = f"{waiting.by}, approved by {who.by}"
        await self._write(waiting.command, waiting.arguments, by, f"number {number}", private_of(waiting.command))
        return waiting.command, waiting.arguments, by

    async def _write(
        self, command: str, arguments: dict[str, Any], by: str, note: str, private: Collection[str]
    ) -> None:
        """Raises Unable where it cannot be: what nobody could know of is not done."""
        shown = {k: _how_many(v) if k in private else _masked(v) for k, v in arguments.items()}
        text = msgspec.json.encode(shown).decode()[:NOTE_MAX] if shown else ""
        note = mask_pans(note, anywhere=False)  # a refusal may say what was asked for
        at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        try:
            async with self._turn:
                await trio.to_thread.run_sync(self._append, at, by, command, text, note)
                self._say_unwitnessed(self._audit.unwitnessed)
        except AuditError as error:
            raise _unwritable(error) from None

    def _say_unwitnessed(self, why: str) -> None:
        if why and why != self._unwitnessed:
            hint = (
                "an end of audit.log that is cut off, or an older copy of it, will not be seen: have that file writable"
            )
            self.tell(Log("warning", "audit.unwitnessed", {"reason": why, "hint": hint}))
        self._unwitnessed = why

    async def _count_on(self) -> None:
        """A number is given once in a log's life: else one that was told before a restart would name another act after it."""
        if self._counts_on:
            return
        try:
            async with self._turn:
                acts = await trio.to_thread.run_sync(self._audit.verify)
        except AuditError as error:
            raise _unwritable(error) from None
        given = (re.search(rf"{_WAITS_AS}(\d+)$", act.note) for act in acts)
        self.roles.count_on(max((int(found[1]) for found in given if found is not None), default=0))
        self._counts_on = True

    def _append(self, at: str, by: str, command: str, arguments: str, note: str) -> None:
        with self._audit.turn():
            self._audit.write(at=at, by=by, act=command, key=arguments, note=note)


def _masked(value: object) -> object:
    """A person writes in a reason whatever explains it, a card's number among it."""
    return mask_pans(value, anywhere=False) if isinstance(value, str) else value


def _how_many(private: object) -> str:
    """Of what is not for a log; a client may have sent anything."""
    return f"{len(private)} given" if isinstance(private, Sized) else "given"


def _unwritable(error: AuditError) -> Unable:
    return Unable(
        f"the audit log cannot be written, and what nobody could know of is not done: {error}",
        "`cmi-switch audit verify` says what is wrong with it; move a damaged one away and keep it",
        code=ErrorCode.AUDIT_LOG,
    )


def audit_of(state_dir: Path | str, secret: bytes) -> AuditLog:
    """The audit log of a state directory, and its witness. `secret`: of its vault (`audit_secret`)."""
    return AuditLog(Path(state_dir) / AUDIT_FILE, secret, audit_witness_path(state_dir))


async def check_audit(audit: AuditLog, tell: Callable[[Log], None]) -> None:
    """At a start: say so where the log does not hold, before an operator finds out."""
    try:
        await trio.to_thread.run_sync(audit.verify)
    except AuditError as error:
        hint = "payments go on; operators' commands that change something are refused until it holds (`cmi-switch audit verify`)"
        tell(Log("error", "audit.broken", {"reason": str(error), "hint": hint}))
