"""The control socket: how an operator speaks to a running switch.

`DIR/control.sock` in the state directory, for its owner only (0600). One JSON object a line comes, one a line goes back:

    {"command": "links.list"}    {"ok": true, "hosts": [...], "sessions": [...]}
    {"command": "list.links"}    {"ok": false, "code": "command.unknown", "error": "there is no command …", "hint": …}

Rule: payments come first. A command runs between two batches; a client that does not read, or says nothing, is cut off; how many
there are and how long a line is have bounds. An answer says what is durable.
"""

import os
import shutil
import socket
import stat
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeAlias

import msgspec
import trio

from switch.core.operator.command import Unable, unknown
from switch.core.operator.errors import ErrorCode
from switch.core.operator.operator import Operator
from switch.core.operator.roles import Waiting
from switch.core.party import Log
from switch.server.connections import ListenError
from switch.server.control_path import LINE_BYTES_MAX, SOCKET, short_address
from switch.server.driver import Driver, trio_clock
from switch.server.operators import Operators, Who, who_is

CLIENTS_MAX: Final = 32
"""at once; one more is told so and cut off"""
IDLE_S: Final = 300.0
"""a client that asks nothing for so long is cut off"""
READ_S: Final = 10.0
"""a client that has not read its answer by then is cut off"""
LOOKS: Final = frozenset({"health"})
"""tasks that only look, as monitoring does all day: they are not logged"""
LOOKING: Final = LOOKS | {"status", "timing"}
"""tasks that change nothing"""
SUCH_AS: Final = 'such as {"command": "links.list"}'
DURABLE_S: Final = 5.0
"""an answer waits so long for the journal"""

Task: TypeAlias = Callable[[dict[str, Any], str], Awaitable[dict[str, Any]]]
"""A command of the process rather than of the party: gets its arguments and who asks. Raises Unable."""


class Control:
    """The commands of a running switch: those of its party, and those of its process."""

    def __init__(self, driver: Driver, operator: Operator, operators: Operators | None = None) -> None:
        """`operators`: who may do what, and the log of it; None: everybody everything."""
        self._driver = driver
        self.operators = operators
        if operators is not None:
            operators.tell = driver.tell
        self._operator = operator
        self._tasks: dict[str, Task] = {}
        self.unwell: Callable[[], Sequence[str]] = tuple
        """what is not well with the switch, as sentences: every list has it"""
        self._clients = 0

    def add(self, name: str, task: Task) -> None:
        """One more command of the process, `noun.verb` or a verb."""
        self._tasks[name] = task

    def follow(self, operator: Operator) -> None:
        """From now on the party's commands are these."""
        self._operator = operator

    # -- one client

    async def client(self, stream: trio.SocketStream) -> None:
        """Answer each line until the client leaves. Never raises."""
        self._clients += 1
        try:
            async with stream:
                with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
                    if self._clients > CLIENTS_MAX:
                        refused = Unable(
                            f"{CLIENTS_MAX} clients are connected already",
                            "let one of them go",
                            code=ErrorCode.CLIENTS_TOO_MANY,
                        )
                        await self._say(stream, _refusal(refused))
                    else:
                        await self._converse(stream, who_is(stream))
        finally:
            self._clients -= 1

    async def _converse(self, stream: trio.SocketStream, who: Who) -> None:
        waiting = bytearray()
        while True:
            data = b""
            with trio.move_on_after(IDLE_S):
                data = await stream.receive_some(LINE_BYTES_MAX)
            if not data:
                return
            waiting += data
            while (end := waiting.find(b"\n")) >= 0:
                line = bytes(waiting[:end])
                del waiting[: end + 1]
                if line.strip() and not await self._say(stream, await self._answer(line, who)):
                    return
            if len(waiting) > LINE_BYTES_MAX:
                too_long = Unable(
                    f"a command is one line of up to {LINE_BYTES_MAX} bytes", code=ErrorCode.COMMAND_UNREADABLE
                )
                await self._say(stream, _refusal(too_long))
                return

    async def _say(self, stream: trio.SocketStream, answer: dict[str, Any]) -> bool:
        """False: it does not read."""
        with trio.move_on_after(READ_S) as scope:
            await stream.send_all(msgspec.json.encode(answer) + b"\n")
        if scope.cancelled_caught:
            self._driver.tell(Log("warning", "operator.deaf", {
                "by": who_is(stream).by, "hint": f"a client of the control socket did not read for {READ_S:g} s: cut off",
            }))  # fmt: skip
        return not scope.cancelled_caught

    # -- one command

    async def _answer(self, line: bytes, who: Who) -> dict[str, Any]:
        try:
            asked = msgspec.json.decode(line, type=dict[str, Any])
        except RecursionError:
            deep = "not a command: its arrays or objects are nested too deeply"
            return _refusal(Unable(deep, SUCH_AS, code=ErrorCode.COMMAND_UNREADABLE))
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return _refusal(
                Unable(f"not a JSON object on one line: {error}", SUCH_AS, code=ErrorCode.COMMAND_UNREADABLE)
            )
        name = asked.pop("command", None)
        if not isinstance(name, str):
            return _refusal(Unable("no command is named", SUCH_AS, code=ErrorCode.COMMAND_UNREADABLE))
        try:
            who = self._person(asked, who)
            if name == "approvals.list":
                return {"ok": True, "waiting": self._waiting(who)}
            by = who.by
            asked = self._signed(name, asked, by)
            if name == "approve":
                name, asked, by = await self._approved(asked, who)
                asked = self._signed(name, asked, by)
            else:
                await self._admit(name, asked, who)
            task = self._tasks.get(name)
            if task is not None:
                if name not in LOOKS:
                    self._driver.tell(Log("info", "operator.command", {"command": name, "arguments": asked, "by": by}))
                return {"ok": True, **await task(asked, by), **self._warnings(name)}
            return {"ok": True, **await self._of_party(name, asked, by), **self._warnings(name)}
        except Unable as error:
            return _refusal(error)
        except Exception as error:  # a mistake in a command must not end the switch
            reason = f"{type(error).__name__}: {error}"
            self._driver.tell(Log("error", "operator.failed", {
                "command": name, "by": who.by, "reason": reason, "hint": "a defect of the switch: report it with this line",
            }))  # fmt: skip
            return _refusal(
                Unable(
                    f"{name} failed: {reason}", "a defect of the switch; payments go on", code=ErrorCode.COMMAND_FAILED
                )
            )

    def _person(self, asked: dict[str, Any], who: Who) -> Who:
        """Who asks: the client, or the person `behalf` names, where the client is a console. Raises Unable."""
        behalf = asked.pop("behalf", "")
        if not behalf:
            return who
        if not isinstance(behalf, str) or self.operators is None:
            raise Unable("behalf: it takes a name", SUCH_AS, code=ErrorCode.COMMAND_ARGUMENTS)
        return self.operators.behind(behalf, who)

    def _signed(self, name: str, asked: dict[str, Any], by: str) -> dict[str, Any]:
        """What is recorded of who has done it is the kernel's word, where the network file names operators, and not theirs."""
        named = self.operators is not None and self.operators.roles.named
        return {**asked, "by": by} if named and self._operator.takes_by(name) else asked

    async def _admit(self, name: str, asked: dict[str, Any], who: Who) -> None:
        """Raise Unable unless this person may do this now. What there is not is refused as that, below."""
        if self.operators is not None and (name in self._tasks or name in self._operator.known):
            looks = name in LOOKING if name in self._tasks else self._operator.looks(name)
            await self.operators.admit(name, asked, who, looks=looks, private=self._operator.private(name))

    async def _approved(self, asked: dict[str, Any], who: Who) -> tuple[str, dict[str, Any], str]:
        """What another person has asked for, and by whom it is now. Raises Unable."""
        number = asked.get("number")
        if self.operators is None or not isinstance(number, int) or asked.keys() != {"number"}:
            hint = "`cmi-switch approve` lists them"
            raise Unable("approve: it takes a number", hint, code=ErrorCode.COMMAND_ARGUMENTS)
        return await self.operators.approve(number, who, self._operator.private)

    def _waiting(self, who: Who) -> list[dict[str, Any]]:
        """What waits for a second person. Raises Unable."""
        if self.operators is None:
            return []
        self.operators.roles.check("approvals.list", who.user, looks=True)
        now = trio_clock()
        return [_shown(one, self._operator.private(one.command), now) for one in self.operators.roles.waiting(now)]

    def _warnings(self, name: str) -> dict[str, Any]:
        """Member of a list's answer: there only where something is not well."""
        unwell = self.unwell() if name.endswith(".list") else ()
        return {"unwell": list(unwell)} if unwell else {}

    async def _of_party(self, name: str, arguments: dict[str, Any], by: str) -> dict[str, Any]:
        operator, driver = self._operator, self._driver
        if name not in operator.known:
            raise unknown("command", name, [*operator.known, *self._tasks], ErrorCode.COMMAND_UNKNOWN)
        now = trio_clock()
        before = operator.position
        try:
            result = operator.ask(name, arguments, by, now)
        finally:
            after = operator.position
            driver.carry_out(now)
        if after > before:
            with trio.move_on_after(DURABLE_S):
                while operator.durable < after:  # noqa: ASYNC110 - the party is pure: it has no event to wait for
                    await trio.sleep(0.002)
            if operator.durable < after:
                raise Unable(
                    f"{name} is in effect, but the journal has not taken it within {DURABLE_S:g} s",
                    "a crash now would undo it: look for journal.down in the hop log",
                    code=ErrorCode.JOURNAL_LATE,
                )
        built = msgspec.to_builtins(result)
        assert isinstance(built, dict)
        return built


def _refusal(error: Unable) -> dict[str, Any]:
    return {"ok": False, "code": error.code, "error": str(error), "hint": error.hint}


def _shown(waiting: Waiting, private: Collection[str], now: int) -> dict[str, Any]:
    arguments = {k: "not shown" if k in private else v for k, v in waiting.arguments.items()}
    left_s = (waiting.until_ns - now) // 1_000_000_000
    return {
        "number": waiting.number,
        "command": waiting.command,
        "arguments": arguments,
        "by": waiting.by,
        "left_s": left_s,
    }


# -- the socket itself


def open_control(state_dir: Path, group: str = "") -> socket.socket:
    """A listening socket at `state_dir/control.sock`, in the place of what a dead switch left there: for its user, and the
    members of `group` where one is named.

    Call it once the journal is claimed: whose the directory is has been settled then. Raises ListenError with a sentence.
    """
    path = state_dir / SOCKET
    fresh = path.with_suffix(".new")
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        if path.exists() and not stat.S_ISSOCK(path.stat().st_mode):
            raise ListenError(0, f"{path} is in the way: it is no socket; move it elsewhere")
        fresh.unlink(missing_ok=True)
        with short_address(fresh) as address:
            sock.bind(address)
        if group:
            shutil.chown(fresh, group=group)
        fresh.chmod(0o660 if group else 0o600)  # nobody can connect before `listen`
        sock.listen(CLIENTS_MAX)
        fresh.rename(path)
    except LookupError:
        sock.close()
        raise ListenError(
            0, f"operator_group is {group}, and this machine has no such group: make it, or name another"
        ) from None
    except OSError as error:
        sock.close()
        if isinstance(error, ListenError):
            raise
        raise ListenError(error.errno, f"cannot open the control socket {path}: {error.strerror}") from error
    return sock


@asynccontextmanager
async def controlling(
    driver: Driver, operator: Operator, state_dir: Path, operators: Operators | None = None, group: str = ""
) -> AsyncIterator[Control]:
    """Answer operators while the body runs; the socket's file goes at the end, unless another switch has put its own there.

    `operators`, `group`: see Control and `open_control`.
    """
    control = Control(driver, operator, operators)
    sock = open_control(state_dir, group)
    path = state_dir / SOCKET
    own = path.stat().st_ino
    try:
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(sock))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(partial(trio.serve_listeners, control.client, [listener]))
            yield control
            nursery.cancel_scope.cancel()
    finally:
        sock.close()
        with suppress(OSError):
            if path.stat().st_ino == own:
                os.unlink(path)
