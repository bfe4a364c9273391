"""What a soak asks the switch for, over its control socket, while that is killed, stopped and cut off."""

from pathlib import Path
from typing import Any, Final

import msgspec
import trio

from switch.server.control_path import short_address

AGAIN_S: Final = 0.3
_PATIENCE_S: Final = 15.0
"""for one answer: the switch may be stopped"""


class Asker:
    """Asks the control socket; `insist` goes on until the answer is yes."""

    def __init__(self, control: Path) -> None:
        """`control`: its control socket."""
        self._control = control

    async def insist(self, command: dict[str, Any]) -> dict[str, Any]:
        """Ask until it is done."""
        while True:
            answer = await self.ask(command)
            if answer.get("ok"):
                return answer
            await trio.sleep(AGAIN_S)

    async def ask(self, command: dict[str, Any]) -> dict[str, Any]:
        """One command on a connection of its own; empty: no answer, and nobody knows whether it was done."""
        with trio.move_on_after(_PATIENCE_S):
            try:
                with short_address(self._control) as address:
                    stream = await trio.open_unix_socket(address)
                async with stream:
                    await stream.send_all(msgspec.json.encode(command) + b"\n")
                    line = b""
                    async for data in stream:
                        line += data
                        if line.endswith(b"\n"):
                            return msgspec.json.decode(line, type=dict[str, Any])
            except (OSError, trio.BrokenResourceError, trio.ClosedResourceError, msgspec.DecodeError):
                pass
        return {}
