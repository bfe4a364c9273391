"""Operators of a running switch: who they are, what they may, and a log of what they did that nobody changes unnoticed."""

import pwd
import socket
import struct
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import msgspec
import trio

from switch.core.network import Network
from switch.core.operator.command import Unable
from switch.core.operator.errors import ErrorCode
from switch.core.operator.roles import WAITS_MINUTES, Roles
from switch.security.audit import AuditError, AuditLog
from switch.server.ports import trio_clock

AUDIT_FILE: Final = "audit.log"
NOTE_MAX: Final = 2_000
"""characters of a command's arguments that are kept"""


class Who(NamedTuple):
    """A client of the control socket, as the kernel knows it."""

    user: str
    """of this machine; "" where nobody knows"""
    by: str
    """for logs: `amina (uid 1000, pid 4711)`"""


def who_is(stream: trio.SocketStream) -> Who:
    """The process at the other end (SO_PEERCRED of unix(7))."""
    with suppress(OSError):
        form = struct.Struct("3i")
        pid, uid, _ = form.unpack(stream.socket.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, form.size))
        try:
            user = pwd.getpwuid(uid).pw_name
        except KeyError:
            user = f"uid {uid}"
        return Who(user, f"uid {uid}, pid {pid}" if user.startswith("uid ") else f"{user} (uid {uid}, pid {pid})")
    return Who("", "unknown")


class Operators:
    """Admits an operator's command or refuses it, by the roles of the network file, and logs what was done."""

    def __init__(self, network: Network, audit: AuditLog) -> None:
        self.roles = Roles(network.operators, network.console_user)
        self._console_user = network.console_user
        self._audit = audit

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
        return Who(behalf, f"{behalf} (console of {who.by})")

    async def admit(
        self, command: str, arguments: dict[str, Any], who: Who, *, looks: bool, private: Collection[str] = ()
    ) -> None:
        """Raise Unable unless it may be done now, by this person. What changes something is in the audit log, before it is done
        or as refused. `private`: arguments whose values are not for a log."""
        try:
            self.roles.check(command, who.user, looks=looks)
            waiting = None if looks else self.roles.ask_another(command, arguments, who.user, who.by, trio_clock())
        except Unable as error:
            await self._write(command, arguments, who.by, f"refused: {error}", private)
            raise
        if waiting is not None:
            await self._write(command, arguments, who.by, f"asked for, waits as {waiting.number}", private)
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
            waiting = self.roles.approve(number, who.user, trio_clock())
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
        shown = {k: f"{len(v)} given" if k in private else v for k, v in arguments.items()}
        text = msgspec.json.encode(shown).decode()[:NOTE_MAX] if shown else ""
        at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        try:
            await trio.to_thread.run_sync(self._append, at, by, command, text, note)
        except AuditError as error:
            raise Unable(
                f"the audit log cannot be written, and what nobody could know of is not done: {error}",
                "`cmi-switch audit verify` says what is wrong with it; move a damaged one away and keep it",
                code=ErrorCode.AUDIT_LOG,
            ) from None

    def _append(self, at: str, by: str, command: str, arguments: str, note: str) -> None:
        with self._audit.turn():
            self._audit.write(at=at, by=by, act=command, key=arguments, note=note)


def audit_of(state_dir: Path | str, secret: bytes) -> AuditLog:
    """The audit log of a state directory. `secret`: of its vault (`audit_secret`)."""
    return AuditLog(Path(state_dir) / AUDIT_FILE, secret)
