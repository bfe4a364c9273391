"""`cmi-switch security`: a security module as a process of its own."""

import signal
from pathlib import Path

import click

from switch.cli._ready import prepare_ready, ready_option, say_ready
from switch.cli.keys import key_options, open_ring


@click.command("security")
@click.option(
    "--socket",
    "socket_path",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The Unix socket it listens on, for this user alone.",
)
@key_options
@ready_option()
def command(socket_path: Path, path: Path, lmk_path: Path | None, ready_path: Path | None) -> None:
    """Run a security module: it holds the keys of a key file, and makes and checks MACs, PIN blocks and card values with them.

    Keys and clear PINs are in this process's memory only: it leaves no core dump, and other processes of the same user cannot
    read it. What others change in the key file, it reads before it answers again; SIGHUP has it read all of it anew.

    It is software: for test networks and development.

    \b
    Example:
      cmi-switch security --keys keys.json --lmk /media/usb/lmk.key --socket var/security.sock
    """
    import os

    from switch.security.key_file import KeyRingError
    from switch.security.module import SoftwareModule
    from switch.security.private_memory import keep_memory_private
    from switch.security.remote import ModuleServer

    ready = prepare_ready(ready_path)
    try:
        keep_memory_private()
    except OSError as error:
        raise click.ClickException(f"the memory of this process cannot be kept private: {error}") from None
    ring = open_ring(path, lmk_path)
    module = SoftwareModule(ring, os.urandom)
    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    def reread(*_: object) -> None:
        try:
            ring.reload()
        except KeyRingError as error:
            click.echo(f"keys not read again: {error}", err=True)
            return
        module.forget()
        click.echo(f"{len(ring.entries)} keys read again", err=True)

    def follow() -> None:
        try:
            if ring.follow():
                module.forget()
        except KeyRingError as error:
            click.echo(f"keys not read again: {error}", err=True)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    signal.signal(signal.SIGHUP, reread)
    try:
        server = ModuleServer(module, socket_path, lambda said: click.echo(said, err=True), follow)
    except OSError as error:
        raise click.ClickException(f"--socket {socket_path}: {error.strerror or error}") from None
    say_ready(
        ready,
        {"security": socket_path},
        f"Ready: security module {socket_path}, {len(ring.entries)} keys of {path}",
    )
    try:
        server.serve(lambda: ended)
    finally:
        server.close()
