"""How commands speak to a running switch: one line to its control socket, one line back."""

import errno
import functools
import json
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from switch.core.operator.errors import ErrorCode


class NotDone(click.ClickException):
    """What the switch, or the way to it, refused: a sentence, below it what to do, last its code. Exit code 1."""

    def __init__(self, sentence: str, hint: str = "", *, code: str) -> None:
        super().__init__("\n".join(filter(None, (sentence, hint, f"code {code} (docs/errors.md)" if code else ""))))
        self.code = code


def ask(state_dir: Path, command: str, timeout_s: float = 15.0, **arguments: Any) -> dict[str, Any]:
    """What the switch that runs in `state_dir` answers to `command`. Raises NotDone."""
    from switch.server.control_path import SOCKET, short_address

    path = state_dir / SOCKET
    line = json.dumps({"command": command, **arguments}).encode() + b"\n"
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(timeout_s)
        try:
            with short_address(path) as address:
                sock.connect(address)
            sock.sendall(line)
            answer = _line(sock)
        except TimeoutError:
            raise NotDone(
                f"the switch in {state_dir} did not answer within {timeout_s:g} s",
                "its process is stopped or hangs: look at it before you ask again",
                code=ErrorCode.SWITCH_SILENT,
            ) from None
        except OSError as error:
            raise _unreachable(state_dir, error) from None
    if not answer:
        raise NotDone(
            f"the switch in {state_dir} went away before it answered",
            "look at the end of its hop log",
            code=ErrorCode.SWITCH_GONE,
        )
    said = _shown(json.loads(answer))
    if not said.pop("ok"):
        raise NotDone(said["error"], said.get("hint", ""), code=said.get("code", ""))
    assert isinstance(said, dict)
    _say_below([f"Not well: {sentence} (`cmi-switch health`)" for sentence in said.pop("unwell", ())])
    return said


def _say_below(lines: list[str]) -> None:
    """To stderr, once the command has printed what was asked for."""
    context = click.get_current_context(silent=True)
    if context is not None and lines:
        context.call_on_close(functools.partial(click.echo, "\n".join(lines), err=True))


def _shown(said: Any) -> Any:
    """What the switch says with the text in it made fit for a terminal: some of it is what its peers said."""
    from switch.wire.printable import printable

    if isinstance(said, str):
        return printable(said)
    if isinstance(said, list):
        return [_shown(part) for part in said]
    if isinstance(said, dict):
        return {printable(name): _shown(part) for name, part in said.items()}
    return said


def _line(sock: socket.socket) -> bytes:
    """Up to the newline; b"": the connection ended before it."""
    parts: list[bytes] = []
    while data := sock.recv(65_536):
        parts.append(data)
        if data.endswith(b"\n"):
            return b"".join(parts)
    return b""


def _unreachable(state_dir: Path, error: OSError) -> NotDone:
    from switch.cli._network import spell

    start = f"start it with `{spell('serve')}`, or name its directory with --state DIR"
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotDone(f"no switch runs in {state_dir} (no control socket there)", start, code=ErrorCode.SWITCH_ABSENT)
    if error.errno == errno.ECONNREFUSED:
        return NotDone(
            f"no switch runs in {state_dir} any more (its control socket is left over)",
            start,
            code=ErrorCode.SWITCH_ABSENT,
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return NotDone(
            f"the control socket in {state_dir} is another user's",
            "run this as the user the switch runs as",
            code=ErrorCode.SWITCH_FORBIDDEN,
        )
    return NotDone(f"the switch in {state_dir} cannot be reached: {error.strerror}", code=ErrorCode.SWITCH_UNREACHABLE)


json_option = click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")


def of_switch(function: Callable[..., None]) -> Callable[..., None]:
    """Options that name a running switch; the command gets its state directory as `state_dir`."""

    @click.option("--network", default="morocco", show_default=True, help="Network file, or a shipped network's name.")
    @click.option(
        "--state",
        type=click.Path(file_okay=False, path_type=Path),
        help="The running switch's state directory. [default: as the network file says, var/NAME]",
    )
    @functools.wraps(function)
    def wrapped(*args: Any, network: str, state: Path | None, **kwargs: Any) -> None:
        from switch.cli._network import load

        function(*args, state_dir=state or Path(load(network).state_dir), **kwargs)

    return wrapped
