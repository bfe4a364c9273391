"""The chip of a test card at `pay`'s terminal: its cryptogram, and the counter that it keeps from payment to payment."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.security.module import SecurityModule
    from switch.simulators.cards import TestCard
    from switch.wire.vocabulary import Document


def entered(
    request: "Document",
    card: "TestCard",
    network: "Network",
    module: "SecurityModule | None",
    day: str,
    file: Path,
    *,
    chip: bool | None,
    wrong: str,
) -> "Document":
    """The request as a terminal enters it that reads the chip, or (`chip` False) the stripe; None: the chip, where the card's
    issuer checks cryptograms. `file` has the counters. Raises click's errors."""
    from switch.simulators.personalized import Chips, PersonalizationError

    counters = _counters(file)
    chips = Chips(network, module, counters)
    has = chips.has(card)
    if (chip and not has) or (wrong and not (has and chip is not False)):
        where = f"[[host]] of {card.issuer}" if card.issuer else "the card's issuer"
        raise click.UsageError(
            f"--chip, --wrong: {network.source} has no `chip_key` for {where}: chips' cryptograms are made with it "
            "(`cmi-switch keys generate NAME --kind imk-ac-test`)"
        )
    if not has or chip is False:
        return request
    try:
        read = chips.read(request, card, day, os.urandom(4), wrong)
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
