"""The chip of a test card at `pay`'s terminal: its cryptogram, and the counter that it keeps from payment to payment."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click
import msgspec

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.security.module import SecurityModule
    from switch.simulators.cards import TestCard
    from switch.wire.vocabulary import Document


F = TypeVar("F", bound=Callable[..., Any])


def reading_options(command: F) -> F:
    """`--chip/--stripe`, `--tap`, `--wrong`: what of the card is read, and what of that is wrong."""
    for option in (
        click.option(
            "--wrong",
            type=click.Choice(["cryptogram", "counter", "amount", "stripe"]),
            default=None,
            help="The chip says it otherwise than it is: what does the issuer do?",
        ),
        click.option(
            "--tap",
            is_flag=True,
            help="The chip is read without contact by a terminal for stripes: a value that changes (dCVV, CVC3).",
        ),
        click.option(
            "--chip/--stripe",
            default=None,
            help="What of the card is read. [default: its chip, where the network file has a `chip_key` for its issuer]",
        ),
    ):
        command = option(command)
    return command


def entered(
    request: "Document",
    card: "TestCard",
    network: "Network",
    module: "SecurityModule | None",
    day: str,
    file: Path,
    *,
    chip: bool | None,
    tap: bool = False,
    wrong: str,
) -> "Document":
    """The request as a terminal enters it that reads the chip, or (`chip` False) the stripe; None: the chip, where the card's
    issuer checks cryptograms; `tap`: its stripe's data without contact. `file` has the counters. Raises click's errors."""
    from switch.simulators.personalized import Chips, PersonalizationError

    counters = _counters(file)
    chips = Chips(network, module, counters)
    has = chips.changes_stripe(card) if tap else chips.has(card)
    if tap and (not has or chip is not None or wrong in ("cryptogram", "amount")):
        raise click.UsageError(
            f"--tap: takes `dynamic_key` of the issuer's [[host]] in {network.source} (`cmi-switch keys generate NAME --kind "
            "imk-cvc3-test`), neither --chip nor --stripe, and of --wrong `counter` or `stripe`"
        )
    if (chip and not has) or (wrong and not (has and chip is not False)):
        where = f"[[host]] of {card.issuer}" if card.issuer else "the card's issuer"
        raise click.UsageError(
            f"--chip, --wrong: {network.source} has no `chip_key` for {where}: chips' cryptograms are made with it "
            "(`cmi-switch keys generate NAME --kind imk-ac-test`)"
        )
    if not has or chip is False:
        return request
    try:
        drawn = os.urandom(4)
        read = (
            chips.tap(request, card, str(drawn[0] % 10), wrong) if tap else chips.read(request, card, day, drawn, wrong)
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.encode(counters))
    except PersonalizationError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"the card's counter cannot be kept in {file}: {error.strerror}") from None
    return read


def _counters(file: Path) -> dict[str, int]:
    try:
        return msgspec.json.decode(file.read_bytes(), type=dict[str, int])
    except (OSError, msgspec.MsgspecError):
        return {}
