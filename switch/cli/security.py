"""`cmi-switch security`: a security module as a process of its own."""

import signal
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from switch.cli._address import asked_address
from switch.cli._master_key import key_options, open_ring
from switch.cli._ready import prepare_ready, ready_option, say_ready
from switch.counting import counted

if TYPE_CHECKING:
    from switch.security.host_server import HostServer
    from switch.security.keyring import KeyRing
    from switch.security.module import SoftwareModule


@click.command("security")
@click.option(
    "--socket",
    "socket_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="The Unix socket it listens on, for this user alone.",
)
@click.option(
    "--hardware",
    default="",
    metavar="HOST:PORT",
    help="Instead: host commands over TCP, as hardware modules (payShield) speak them.",
)
@click.option(
    "--hardware-keys",
    "wrapped_path",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="With --hardware: write what `hardware_keys` of a network file needs.",
)
@key_options
@ready_option()
def command(
    socket_path: Path | None,
    hardware: str,
    wrapped_path: Path | None,
    path: Path,
    lmk_place: str | None,
    ready_path: Path | None,
) -> None:
    """Run a security module: it holds the keys of a key file, and makes and checks MACs, PIN blocks and card values with them.

    Keys and clear PINs are in this process's memory only: it leaves no core dump, and other processes of the same user cannot
    read it. What others change in the key file, it reads before it answers again; SIGHUP has it read all of it anew.

    It is software: for test networks and development. With --hardware it stands for a hardware module, so that a switch
    (`hardware` in `[security]`), or a host of your own, can be tried against its host commands.

    \b
    Examples:
      cmi-switch security --keys keys.json --lmk /media/usb/lmk.key --socket var/security.sock
      cmi-switch security --keys keys.json --lmk lmk.key --hardware 127.0.0.1:1500 --hardware-keys hsm-keys.json
    """
    import os

    from switch.cli._private import keep_private
    from switch.security.module import SoftwareModule
    from switch.security.remote import ModuleServer, Server

    if bool(socket_path) == bool(hardware):
        raise click.UsageError("give one of --socket and --hardware: where it listens")
    ready = prepare_ready(ready_path)
    keep_private()
    ring = open_ring(path, lmk_place)
    module = SoftwareModule(ring, os.urandom)
    stopped, follow = _signals(ring, module)
    server: Server
    try:
        if socket_path is not None:
            at, server = (
                str(socket_path),
                ModuleServer(module, socket_path, _say, follow, SoftwareModule(ring.beside(), os.urandom)),
            )
        else:
            server = _host_server(hardware, module, ring, wrapped_path)
            at = "{}:{}".format(*server.address)
    except OSError as error:
        raise click.ClickException(f"{socket_path or hardware}: {error.strerror or error}") from None
    say_ready(ready, {"security": at}, f"Ready: security module {at}, {counted(len(ring.entries), 'key')} of {path}")
    try:
        server.serve(stopped)
    finally:
        server.close()


def _host_server(hardware: str, module: "SoftwareModule", ring: "KeyRing", wrapped_path: Path | None) -> "HostServer":
    """One that speaks host commands; what its callers need of its keys is written. Raises OSError."""
    import msgspec

    from switch.security.host_server import HostServer
    from switch.security.key_file import header_of
    from switch.security.module import MAC_USAGES
    from switch.security.payshield import HostKey

    at = asked_address(hardware)
    if wrapped_path is not None:
        usages = {name: header_of(entry).usage for name, entry in ring.entries.items()}
        wrapped = {
            name: HostKey(key=f"S{entry.block}", usage=usages[name] if usages[name] in MAC_USAGES else "")
            for name, entry in ring.entries.items()
        }
        wrapped_path.write_bytes(msgspec.json.format(msgspec.json.encode(wrapped), indent=1))
    return HostServer(module, ring, (at.host, at.port), _say)


def _say(said: str) -> None:
    click.echo(said, err=True)


def _signals(ring: "KeyRing", module: "SoftwareModule") -> tuple[Callable[[], bool], Callable[[], None]]:
    """Whether it is to end (SIGTERM, SIGINT), and what reads keys that others have changed; SIGHUP has all of them read."""
    from switch.security.key_file import KeyRingError

    ended = False

    def end(*_: object) -> None:
        nonlocal ended
        ended = True

    def reread(*_: object) -> None:
        try:
            ring.reload()
        except KeyRingError as error:
            _say(f"keys not read again: {error}")
            return
        module.forget()
        _say(f"{counted(len(ring.entries), 'key')} read again")

    def follow() -> None:
        try:
            if ring.follow():
                module.forget()
        except KeyRingError as error:
            _say(f"keys not read again: {error}")

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    signal.signal(signal.SIGHUP, reread)
    return lambda: ended, follow
