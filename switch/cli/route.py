"""`cmi-switch route`: where a payment would go, by which rule, at what cost."""

from typing import Any

import click

from switch.cli._network import load, network_option, paint


@click.command
@click.argument("card")
@click.option(
    "--amount", default="100.00", show_default=True, help="Of the payment; home currency unless it names one."
)
@click.option(
    "--from", "sender", default="", help="Acquiring member or network it comes from (default: the first member)."
)
@click.option(
    "--merchant-country", default="", metavar="XX", help="Two letters or three, as at the end of DE43 (default: home)."
)
@network_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
def command(card: str, amount: str, sender: str, merchant_country: str, network: str, as_json: bool) -> None:
    """Say where a payment with CARD would go, by which rule, and what the hop costs.

    CARD is the name of a test card (`cmi-switch cards`), a number, or - for one on standard input: what stands on a command line
    anybody on the machine can read, and the shell keeps. Nothing is sent. Spaces are allowed; it is shown masked. A refusal
    names its DE39.

    \b
    Examples:
      cmi-switch route fr-visa
      cmi-switch route 9504010000000001
      cmi-switch route - <number.txt
      cmi-switch route '4970 0000 0000 0005' --amount '250.00 EUR'
      cmi-switch route 9504010000000001 --from visa --merchant-country FR
    """
    found = load(network)
    from switch.cli._network import card_number
    from switch.config.route import RouteError, explain_route

    try:
        answer = explain_route(found, card_number(card, found), amount, sender, merchant_country)
    except RouteError as error:
        raise click.BadParameter(str(error), param_hint=f"--{error.about}") from None
    if as_json:
        import msgspec

        click.echo(msgspec.json.encode(answer))
    else:
        _show(answer)


def _show(answer: dict[str, Any]) -> None:
    card = answer["pan"]
    if answer["scheme"]:
        whose = answer["issuer"] or f"a foreign issuer (country {answer['issuer_country']})"
        card += f"  {answer['scheme']} {answer['product']}, of {whose}"
    if answer["de39"]:
        outcome = paint("error", f"refused, DE39={answer['de39']} ({answer['meaning']})")
    else:
        outcome = f"{paint('good', answer['route'])}, to {answer['to']}"
    rows = [
        ("card", card),
        ("from", f"{answer['from']}, {answer['from_role']}"),
        ("route", outcome),
        ("rule", answer["rule"]),
    ]
    if not answer["de39"]:
        rows.append(("cost", answer["cost_text"]))
    for label, text in rows:
        click.echo(f"{paint('label', label.ljust(6))} {text}")
