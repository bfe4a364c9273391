"""What `issuer` and `network` take alike: a host's network file, misbehaviour, books and readiness."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from switch.cli._network import network_option
from switch.cli._numbers import Finite
from switch.cli._ready import ready_option
from switch.cli._tls import tls_option

F = TypeVar("F", bound=Callable[..., Any])


def own_keys_options(command: F) -> F:
    """`--keys`, `--lmk`, `--change-keys`, `--key-fault`: two ends of a link whose keys change must not share a key file."""
    file = click.Path(dir_okay=False, path_type=Path)
    for option in (
        click.option(
            "--key-fault",
            "key_faults",
            multiple=True,
            metavar="KIND[=SECONDS]",
            help="When keys change: late=S, lingers=S, silent, wrong-value.",
        ),
        click.option(
            "--change-keys",
            "change_keys_s",
            type=Finite(0),
            default=0.0,
            metavar="SECONDS",
            help="Offer the switch new keys so often (`zone_key` of its link). [default: never]",
        ),
        click.option("--lmk", metavar="FILE", help="The master key's file of --keys, or pkcs11:… of a token."),
        click.option(
            "--keys",
            type=file,
            metavar="FILE",
            help="A key file of its own. [default: `[security]` of the network file]",
        ),
    ):
        command = option(command)
    return command


@dataclass(frozen=True, kw_only=True)
class SimulatorOptions:
    """What the command line of any simulator asks for."""

    network: str
    seed: int
    book: Path | None
    keys: Path | None
    lmk: str | None
    change_keys_s: float
    key_faults: tuple[str, ...]
    tls_dir: Path | None
    ready_path: Path | None
    verbose: bool


@dataclass(frozen=True, kw_only=True)
class HostOptions(SimulatorOptions):
    """And that of an issuer's or a network's host."""

    faults: tuple[str, ...]
    state: Path | None


def host_options(command: F) -> F:
    """Add the options of `HostOptions` to a command."""
    options: tuple[Callable[[F], F], ...] = (
        network_option,
        click.option(
            "--fault",
            "faults",
            multiple=True,
            metavar="KIND=SHARE",
            help="silent, late, wrong, cut or slow; share 0 to 1.",
        ),
        click.option("--seed", default=1, show_default=True, help="Of latency, faults and traffic."),
        click.option(
            "--book",
            type=click.Path(dir_okay=False, path_type=Path),
            help="Write balances and what stands, when stopped.",
        ),
        click.option(
            "--state",
            type=click.Path(file_okay=False, path_type=Path),
            metavar="DIR",
            help="Keep the books in DIR, a journal each: they survive kill -9. [default: in memory]",
        ),
        own_keys_options,
        tls_option,
        ready_option(),
        click.option("--verbose", is_flag=True, help="Show links and faults as they come."),
    )
    for option in reversed(options):
        command = option(command)
    return command
