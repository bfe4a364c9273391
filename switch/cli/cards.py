"""`cmi-switch cards`: the test cards, and what each is there to show."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from switch.cli._hot_cards import hot
from switch.cli._network import load, module_of, network_option, paint

if TYPE_CHECKING:
    from switch.simulators.cards import TestCard


@click.group(invoke_without_command=True)
@click.option("--issuer", default="", metavar="NAME", help="Only cards of this member, or foreign cards of a scheme.")
@click.option("--all", "everything", is_flag=True, help="Also the plain cards, which are there for load.")
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of a table.")
@network_option
@click.pass_context
def command(context: click.Context, issuer: str, everything: bool, as_json: bool, network: str) -> None:
    """List the demo's test cards: made from the network file's BIN table, the same each time.

    PAN, CVV2 and PIN are shown in full: these cards are for testing and belong to no one. `cmi-switch pay --card` takes a
    number of the first column, a name, a PAN, or a scenario alone (51, silent). DE39 is the answer a card is there to show.
    A PIN is checked where the network file has a `pvv_key` for the issuer; CVV2 is that of its `cvv_key`, where it has one
    (docs/security.md).

    `cmi-switch cards hot` is about other cards: those that issuers have reported lost or stolen to a running switch.

    \b
    Examples:
      cmi-switch cards
      cmi-switch cards --issuer atlas --all
      cmi-switch cards --json | jq '.[] | select(.de39 == "51").pan'
    """
    if context.invoked_subcommand is not None:
        return
    from switch.simulators.cards import demo_cards
    from switch.simulators.personalized import PersonalizationError, card_keys, personalized

    loaded = load(network)
    try:
        made = personalized(demo_cards(loaded), loaded, module_of(loaded) if card_keys(loaded) else None)
    except PersonalizationError as error:
        raise click.ClickException(str(error)) from None
    places = {c.name: str(i) for i, c in enumerate((c for c in made if c.shows), 1)}
    cards = [c for c in made if everything or c.shows]
    if issuer:
        known = sorted({c.issuer for c in cards})
        if issuer not in known:
            raise click.BadParameter(
                f"no cards of {issuer!r}; there are cards of {', '.join(known)}", param_hint="--issuer"
            )
        cards = [c for c in cards if c.issuer == issuer]
    if as_json:
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(cards), indent=1))
        return
    for line in _table(cards, places):
        click.echo(line)


command.add_command(hot)


def _cells(card: "TestCard") -> tuple[str, ...]:
    """A card's row, without its number."""
    from switch.money import format_amount
    from switch.simulators.cards import grouped

    balance = format_amount(card.balance, card.currency) if card.on_file else "-"
    return (
        card.name, grouped(card.pan), f"{card.expiry[2:]}/{card.expiry[:2]}", card.cvv2, card.pin, card.issuer,
        f"{card.scheme} {card.product}", balance, card.de39, card.shows,
    )  # fmt: skip


def _table(cards: "Sequence[TestCard]", places: dict[str, str]) -> list[str]:
    head = ("#", "NAME", "PAN", "EXPIRY", "CVV2", "PIN", "ISSUER", "CARD", "BALANCE", "DE39", "SHOWS")
    rows = [(places.get(c.name, ""), *_cells(c)) for c in cards]
    widths = [max(len(r[i]) for r in (head, *rows)) for i in range(len(head))]
    right = (head.index("#"), head.index("BALANCE"))

    def line(cells: Sequence[str]) -> str:
        padded = (c.rjust(w) if i in right else c.ljust(w) for i, (c, w) in enumerate(zip(cells, widths, strict=True)))
        return "  ".join(padded).rstrip()

    return [paint("label", line(head)), *map(line, rows)]
