"""`cmi-switch check`: a network file's mistakes, all at once."""

from typing import TYPE_CHECKING

import click

from switch.cli._network import DEFAULT, load, paint
from switch.counting import counted

if TYPE_CHECKING:
    from switch.core.network import Network

_NOT_ASKED = "patroni: not asked how it runs the database; name the addresses of its REST API in [journal] patroni, where it does"


@click.command
@click.argument("network", default=DEFAULT)
@click.option(
    "--store", is_flag=True, help="Ask the database of [journal] store how it is set up, and whose the journal is."
)
def command(network: str, store: bool) -> None:
    """Check a NETWORK file and report every mistake at once.

    NETWORK is a path, or the name of a shipped network (default: morocco). Each mistake is shown as file:line:column, the
    line itself, and what to write instead. Exit code 1 if there is one. What is no mistake and worth a second look is a warning.

    \b
    Examples:
      cmi-switch check
      cmi-switch check my-network.toml
      cmi-switch check my-network.toml --store     and the database of its journal
    """
    import time

    from switch.config.shards import sentences
    from switch.config.warnings import ending, out_of_date, warnings
    from switch.server.operators import strangers

    found = load(network, files=True)
    click.echo(f"{paint('good', found.source)}: {summary(found)}")
    for sentence in sentences(found):
        click.echo(sentence)
    now_us = time.time_ns() // 1_000
    expiring = ending(found, now_us)
    unknown = [
        f'[[operator]] "{user}" is no user of this machine: a switch here takes no command of theirs, but by a console. '
        "Name a user of `getent passwd`"
        for user in strangers(found)
    ]
    soon = (said for said, past in expiring if not past)
    for sentence in [*warnings(found), *unknown, *out_of_date(found, now_us), *soon]:
        click.echo(f"{paint('hint', 'warning')}: {sentence}")
    expired = [said for said, past in expiring if past]
    if expired:
        raise click.ClickException("; ".join(expired) + ": nobody accepts it any more; put a new one in its place")
    if store:
        click.echo(_ask_store(found))


def _ask_store(network: "Network") -> str:
    """What the journal's database says. ClickException: it is not reached, or must not be used as it is set up."""
    from switch.journal.store.port import StoreError
    from switch.journal.store.postgresql import PostgreSQL
    from switch.journal.store.safety import refuse_unsafe
    from switch.journal.store.shared import SharedLog, journal_of

    files = network.journal
    if not files.store:
        raise click.UsageError(f"--store: {network.source} has no [journal] store")
    lines: list[str] = []
    try:
        for shard in [one.name for one in network.shards] or [""]:
            shared = SharedLog.of(files, journal_of(network.name, shard))
            store = PostgreSQL(shared.url, shared.journal, replicated=shared.replicated)
            try:
                if not lines:
                    lines += ["store: set up as it must be", refuse_unsafe(store, shared) or _NOT_ASKED]
                owner = store.look() if store.has_tables() else None
                marks = store.marks() if owner is not None else []
            finally:
                store.close()
            if owner is not None and owner.node:
                whose = f"{counted(owner.last, 'record')}, owned by node {owner.node} under epoch {owner.epoch}"
            else:
                whose = "never been owned"
            lines.append(f"{shared.journal}: {whose}")
            lines += (
                f"{shared.journal}: node {node} has stood by, and had {counted(last, 'record')} {ago:,} s ago"
                for node, last, ago in marks
            )
    except StoreError as error:
        raise click.ClickException(str(error)) from None
    return "\n".join(lines)


def summary(network: "Network") -> str:
    """What is in it, in one line."""
    issuers = sum(h.role == "issuer" for h in network.hosts)
    parts = [
        _count(len(network.members), "member"),
        _count(len(network.listeners), "listener"),
        _count(issuers, "issuer link"),
        _count(len(network.hosts) - issuers, "network link"),
        _count(len(network.bins), "BIN range"),
        _count(len(network.rates), "currency", "currencies"),
    ]
    return f"network {network.name} has {', '.join(parts[:-1])} and {parts[-1]}; no mistakes"


def _count(n: int, one: str, many: str = "") -> str:
    return f"{n} {one if n == 1 else many or one + 's'}"
