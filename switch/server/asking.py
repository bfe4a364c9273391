"""How a program speaks to a running switch: one line to its control socket, one line back.

In: a state directory, a command, its arguments. Out: what the switch answers, or `NotAnsweredError` with a sentence, what to
do, and a stable code. Blocks; whoever may not wait asks in a thread.
"""

import errno
import json
import socket
from pathlib import Path
from typing import Any, Final

from switch.core.operator.errors import ErrorCode
from switch.server.control_path import SOCKET, short_address
from switch.wire.printable import printable

_LINES: Final = "\n\t"


class NotAnsweredError(Exception):
    """What the switch, or the way to it, refused."""

    def __init__(self, sentence: str, hint: str = "", *, code: str) -> None:
        super().__init__(sentence)
        self.hint = hint
        self.code = code


def ask_switch(
    state_dir: Path, command: str, arguments: dict[str, Any], *, timeout_s: float = 15.0, behalf: str = ""
) -> dict[str, Any]:
    """What the switch that runs in `state_dir` answers. `behalf`: the person who asks, where a console asks for one.

    Text in it is fit for a terminal: some of it is what peers said. Raises NotAnsweredError.
    """
    line = json.dumps({"command": command, **({"behalf": behalf} if behalf else {}), **arguments}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        try:
            with short_address(state_dir / SOCKET) as address:
                sock.connect(address)
            sock.sendall(line)
            answer = _line(sock)
        except TimeoutError:
            raise NotAnsweredError(
                f"the switch in {state_dir} did not answer within {timeout_s:g} s",
                "its process is stopped or hangs: look at it before you ask again",
                code=ErrorCode.SWITCH_SILENT,
            ) from None
        except OSError as error:
            raise _unreachable(state_dir, error) from None
    if not answer:
        raise NotAnsweredError(
            f"the switch in {state_dir} went away before it answered",
            "look at the end of its hop log",
            code=ErrorCode.SWITCH_GONE,
        )
    said = _shown(json.loads(answer))
    assert isinstance(said, dict)
    if not said.pop("ok"):
        raise NotAnsweredError(said["error"], said.get("hint", ""), code=said.get("code", ""))
    return said


def _shown(said: Any, keep: str = "") -> Any:
    """An answer fit for a terminal. Why a command was refused may have lines, as a network file's mistakes with their carets."""
    if isinstance(said, str):
        return printable(said, keep)
    if isinstance(said, list):
        return [_shown(part) for part in said]
    if isinstance(said, dict):
        return {printable(name): _shown(part, _LINES if name == "error" else "") for name, part in said.items()}
    return said


def _line(sock: socket.socket) -> bytes:
    """Up to the newline; b"": the connection ended before it."""
    parts: list[bytes] = []
    while data := sock.recv(65_536):
        parts.append(data)
        if data.endswith(b"\n"):
            return b"".join(parts)
    return b""


def _unreachable(state_dir: Path, error: OSError) -> NotAnsweredError:
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotAnsweredError(
            f"no switch runs in {state_dir} (no control socket there)", code=ErrorCode.SWITCH_ABSENT
        )
    if error.errno == errno.ECONNREFUSED:
        return NotAnsweredError(
            f"no switch runs in {state_dir} any more (its control socket is left over)", code=ErrorCode.SWITCH_ABSENT
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return NotAnsweredError(
            f"the control socket in {state_dir} is another user's",
            "run this as the user the switch runs as",
            code=ErrorCode.SWITCH_FORBIDDEN,
        )
    return NotAnsweredError(
        f"the switch in {state_dir} cannot be reached: {error.strerror}", code=ErrorCode.SWITCH_UNREACHABLE
    )
