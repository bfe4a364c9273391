"""`cmi-switch tap`: see what two hosts say to each other."""

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._address import asked_address
from switch.cli._dialects import asked_dialect, check_framing
from switch.cli._ready import prepare_ready, ready_option, say_ready

if TYPE_CHECKING:
    from switch.capture.recorder import Recorder
    from switch.capture.talks import Said
    from switch.core.network import Address
    from switch.observe.where import Condition
    from switch.wire import Dialect


@click.command("tap")
@click.argument("listen", metavar="LISTEN")
@click.argument("upstream", metavar="UPSTREAM")
@click.option(
    "--dialect", "dialect_name", required=True, metavar="NAME", help="cmi87, cmi87b, visa … or a file's path."
)
@click.option("--framing", metavar="NAME", help="What stands around each message. [default: the dialect's own]")
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar="COND",
    help="Show only mti=0210, de39!=00, bin=950401, link=tap#2 …",
)
@click.option("--brief", is_flag=True, help="A line a message, without its elements.")
@click.option(
    "--record", type=click.Path(dir_okay=False, path_type=Path), help="Keep what passes in this pcapng file, masked."
)
@click.option("--record-clear", "clear", multiple=True, metavar="PREFIX",
              help="Keep the messages of test cards that begin so (6 digits or more) as they came.")  # fmt: skip
@ready_option()
def command(**options: Any) -> None:
    """Stand between two hosts and show their messages as they pass: decoded, masked, answers with their time.

    Clients connect to LISTEN instead of the host; the tap connects them through to UPSTREAM. Bytes pass as they come, whether
    they can be read or not. --where chooses what is shown, not what passes or is recorded.

    \b
    Examples:
      cmi-switch tap :9583 127.0.0.1:8583 --dialect cmi87
      cmi-switch tap :9584 127.0.0.1:8584 --dialect cmi87b --brief --where 'de39!=00'
      cmi-switch tap 0.0.0.0:5000 host.example:5000 --dialect visa --record theirs.pcapng
    """
    import trio

    from switch.capture.tap import Tap, run
    from switch.cli._capture import clear_prefixes
    from switch.observe.where import WhereError, parse_condition

    listen, upstream, clear = (
        asked_address(options["listen"]),
        asked_address(options["upstream"]),
        clear_prefixes(options["clear"]),
    )
    dialect = asked_dialect(options["dialect_name"])
    try:
        asked = [parse_condition(text) for text in options["conditions"]]
    except WhereError as error:
        raise click.UsageError(str(error)) from None
    framing = options["framing"] or dialect.framing
    check_framing(framing)
    recorder = _recorder(options["record"], options["dialect_name"], dialect, framing, clear)
    screen = _Screen(dialect, asked, brief=options["brief"])
    tap = Tap(upstream=upstream, dialect=dialect, framing=framing, show=screen.show, say=screen.say, recorder=recorder)
    about = f"({dialect.name}, {framing})" + (f"; recorded in {options['record']}" if recorder is not None else "")
    problem, file = "", prepare_ready(options["ready_path"])

    def ready(at: "Address") -> None:
        say_ready(file, {"tap": at}, f"Ready: tap {at} to {upstream} {about}")

    try:
        trio.run(run, tap, listen, ready)
    except* (KeyboardInterrupt, BrokenPipeError):
        pass  # told to stop, or nobody reads what is shown any more
    except* OSError as errors:
        problem = "; ".join(str(getattr(error, "strerror", "") or error) for error in errors.exceptions)
    finally:
        if recorder is not None:
            recorder.close(time.time_ns())
    if problem:
        raise click.ClickException(f"cannot listen on {listen}: {problem}")


def _recorder(
    path: Path | None, name: str, dialect: "Dialect", framing: str, clear: tuple[str, ...]
) -> "Recorder | None":
    if path is None:
        if clear:
            raise click.UsageError("--record-clear says what a recording keeps: give --record FILE with it")
        return None
    from switch.capture.pcapng import Writer
    from switch.capture.recorder import Recorder, voice_of
    from switch.core.party import Log
    from switch.wire.printable import printable

    def log(event: Log) -> None:
        if event.level != "info":
            said = "; ".join(f"{key} {value}" for key, value in event.fields.items())
            click.echo(printable(f"{event.event}: {said}"), err=True)

    try:
        return Recorder(Writer(path), {"tap": voice_of(name, dialect, framing)}, log, clear)
    except OSError as error:
        raise click.ClickException(f"{path} cannot be written: {error.strerror}") from None


class _Screen:
    """Prints what passes."""

    def __init__(self, dialect: "Dialect", conditions: "list[Condition]", *, brief: bool) -> None:
        self._dialect = dialect
        self._conditions = conditions
        self._brief = brief

    def write(self, text: str) -> None:
        """Some lines, at once."""
        click.echo(text)
        sys.stdout.flush()

    def say(self, link: str, text: str) -> None:
        """What became of a connection."""
        from switch.cli._network import paint

        self.write(paint("place", f"{link}  {text}"))

    def show(self, link: str, message: "Said", took_ns: int) -> None:
        """A message, if it is asked for."""
        from switch.capture.lines import facts, line_of
        from switch.capture.talks import why_not
        from switch.cli._network import paint
        from switch.observe.where import meets_all
        from switch.wire.describe import describe

        if not meets_all(self._conditions, facts(self._dialect, message, link, took_ns)):
            return
        lines = [f"{link}{line_of(self._dialect, message, took_ns, paint)}"]
        if message.wrong:
            lines.append(why_not(self._dialect, message))
        elif not self._brief:
            lines += [f"      {line}" for line in describe(self._dialect, message.document, paint).splitlines()]
        self.write("\n".join(lines))
