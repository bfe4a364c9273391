"""What came of a payment, in a sentence."""

from collections.abc import Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from switch.cli._network import paint

if TYPE_CHECKING:
    from switch.wire.vocabulary import Document

_BALANCES = ("01", "02")
"""amount types of DE54 that may be negative"""
_NAMES = {"01": "ledger balance", "02": "available", "57": "asked"}
"""amount types of DE54"""


def outcome_of(kind: str, message: "Document", answer: "Document") -> str:
    """`Approved: …` or `Declined: …`, painted. `kind`: as `pay --type` has it; message and answer in internal format."""
    from switch.money import format_amount
    from switch.wire.vocabulary import ANSWER_NAMES, APPROVALS, DE, Answer, mask_pan

    de39 = answer.get(DE.RESPONSE_CODE, "")
    meaning = ANSWER_NAMES.get(de39, "no meaning known")
    amount = int(message.get(DE.AMOUNT, "0"))
    about = f"{kind} of {format_amount(amount, message[DE.CURRENCY])}" if amount else kind
    about += f" with {mask_pan(message.get(DE.PAN, ''))}"
    if de39 not in APPROVALS:
        return paint("error", f"Declined: {about}: DE39={de39}, {meaning}.")
    text = f"Approved: {about}" if de39 != Answer.PARTIAL else f"Approved in part: {_part_of(message, answer)}"
    if DE.REPLACEMENT in message:
        text += f", of which {format_amount(int(message[DE.REPLACEMENT][:12]), message[DE.CURRENCY])} stand"
    if answer.get(DE.APPROVAL_CODE):
        text += f", approval code {answer[DE.APPROVAL_CODE]}"
    if DE.AMOUNT_BILLING in answer and DE.CURRENCY_BILLING in answer:
        text += f", billed {format_amount(int(answer[DE.AMOUNT_BILLING]), answer[DE.CURRENCY_BILLING])}"
    text += "".join(f", {name} {amount}" for name, amount in _balances(answer.get(DE.ADDITIONAL_AMOUNTS, "")))
    return paint("good", text + ".")


def _part_of(message: "Document", answer: "Document") -> str:
    """What was approved of what was asked; hosts that leave DE4 out do not say."""
    from switch.money import format_amount
    from switch.wire.vocabulary import DE, mask_pan

    currency = message[DE.CURRENCY]
    asked = format_amount(int(message[DE.AMOUNT]), currency)
    approved = (
        format_amount(int(answer[DE.AMOUNT]), currency)
        if DE.AMOUNT in answer
        else "an unknown part (the answer has no DE4)"
    )
    return f"{approved} of {asked} with {mask_pan(message.get(DE.PAN, ''))}"


def _balances(de54: str) -> "Iterator[tuple[str, str]]":
    """Named amounts of DE54, in parts of 20. A balance may be below zero; what was asked, of which less was approved, has no
    sign. What a host writes otherwise is passed over: `pay` shows DE54 as it came."""
    from switch.money import CurrencyError, format_amount

    for i in range(0, len(de54) - 19, 20):
        part = de54[i : i + 20]
        sign = -1 if part[7] == "D" and part[2:4] in _BALANCES else 1
        with suppress(ValueError, CurrencyError):
            yield _NAMES.get(part[2:4], f"amount {part[2:4]}"), format_amount(sign * int(part[8:]), part[4:7])
