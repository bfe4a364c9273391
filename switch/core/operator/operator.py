"""What an operator may ask of a running switch, and tell it to do.

In: a command's name, its arguments as plain values, who asks, the time. Out: a frozen struct that says what is now so, or
`Unable` with a sentence. Rule: commands come in through `Operator.ask` only, which logs those that change something, so that the
hop log says what an operator did, and who. Pure like every flow: what a command sends and records are effects of the switch.
"""

from typing import Any

import msgspec

from switch.core.kernel import Kernel
from switch.core.operator.command import Arguments, Command, Unable, unknown
from switch.core.operator.errors import ErrorCode


class Operator:
    """The commands of one switch."""

    def __init__(self, kernel: Kernel, *tables: dict[str, Command]) -> None:
        """`tables`: commands by name, `noun.verb`."""
        self._kernel = kernel
        self._commands: dict[str, Command] = {}
        for table in tables:
            self._commands.update(table)

    @property
    def known(self) -> list[str]:
        """Names of all commands."""
        return sorted(self._commands)

    def looks(self, name: str) -> bool:
        """True if this command changes nothing, or there is none of this name."""
        command = self._commands.get(name)
        return command is None or not command.changes

    def private(self, name: str) -> tuple[str, ...]:
        """Its arguments whose values are not for a log."""
        command = self._commands.get(name)
        return command.private if command is not None else ()

    def takes_by(self, name: str) -> bool:
        """True if this command records who has done it, by an argument `by`."""
        command = self._commands.get(name)
        return command is not None and "by" in command.arguments.__struct_fields__

    @property
    def position(self) -> int:
        """The last record's: what a command has done is safe once `durable` has come so far."""
        return self._kernel.position

    @property
    def durable(self) -> int:
        """The journal holds every record up to here."""
        return self._kernel.durable_position

    def ask(self, name: str, arguments: dict[str, Any], by: str, now: int) -> msgspec.Struct:
        """Do a command. Raises Unable: nothing was done. `by` says who asks, for the log."""
        kernel = self._kernel
        command = self._commands.get(name)
        if command is None:
            raise unknown("command", name, self._commands, ErrorCode.COMMAND_UNKNOWN)
        try:
            given = msgspec.convert(arguments, command.arguments)
        except msgspec.ValidationError as error:
            raise Unable(
                f"{name}: {error}",
                f"it takes: {', '.join(command.arguments.__struct_fields__) or 'nothing'}",
                code=ErrorCode.COMMAND_ARGUMENTS,
            ) from None
        if not command.changes:
            return self._run(name, command, given, now)
        if kernel.journal_down:
            raise Unable(
                f"the journal is down ({kernel.journal_down}): what is changed now could not be kept",
                "look for journal.down in the hop log; ask again once it is up",
                code=ErrorCode.JOURNAL_DOWN,
            )
        shown = {k: f"{len(v)} given" if k in command.private else v for k, v in arguments.items()}
        try:
            result = self._run(name, command, given, now)
        except Unable as error:
            kernel.log("warning", "operator.refused", command=name, arguments=shown, by=by, reason=str(error))
            raise
        kernel.log("info", "operator.command", command=name, arguments=shown, by=by)
        return result

    def _run(self, name: str, command: Command, given: Arguments, now: int) -> msgspec.Struct:
        """Raises Unable also where an error nobody foresaw ends it."""
        kernel = self._kernel
        mark = kernel.mark()
        try:
            return command.run(given, now)
        except Unable:
            raise
        except Exception as error:
            kernel.contain(error, f"doing {name}", mark)
            raise Unable(
                f"{name} failed: {type(error).__name__}",
                "a mistake of the switch's own: see switch.defect in the hop log",
                code=ErrorCode.COMMAND_FAILED,
            ) from None
