"""`cmi-switch runbook`: what an event of the log means, and what to do."""

import re

import click


@click.command("runbook")
@click.argument("event", required=False)
def command(event: str | None) -> None:
    """Say what EVENT, a warning or error of the hop log, means and what to do; without one, list all of them.

    \b
    Examples:
      cmi-switch runbook journal.down
      cmi-switch runbook | grep link
    """
    from switch.config.mistakes import nearest
    from switch.observe.runbook import read_runbook

    runbook = read_runbook()
    if event is None:
        for name, entry in sorted(runbook.events.items()):
            click.echo(f"{name:<28}  {re.split(r'(?<=[.]) ', _plain(entry.means))[0]}")
        return
    found = runbook.events.get(event)
    if found is None:
        near = nearest(event, sorted(runbook.events))
        hint = f"did you mean {near}?" if near else "cmi-switch runbook lists them"
        raise click.UsageError(f"no warning or error is called {event!r}; {hint}")
    click.echo(f"{event}\n\n{_plain(found.means)}\n\nDo: {_plain(found.do)}")


def _plain(text: str) -> str:
    """Without the page's links and emphasis."""
    return re.sub(r"\[([^]]+)\]\([^)]+\)", r"docs/\1", text).replace("*", "")
