"""What an approval says of its amount in other currencies: DE5 by DE9 in DE50 (settlement), DE6 by DE10 in DE51 (billing).

The rule. Who converts decides, and what it has said is what is settled and billed, so that nothing is refused for it. But the
receiver of DE4 and a rate arrives at the same amount (`switch.money.convert`), in each currency's own decimals: what does not is
said, with both values, before somebody's statement says it.
"""

from typing import Final

from switch.core.kernel import Kernel
from switch.core.links.awaited import Pending
from switch.money.convert import RateError, apply_rate, decode_rate
from switch.money.currency import CurrencyError, currency, format_amount
from switch.wire.vocabulary import DE, Document

_PARTS: Final = (
    (DE.AMOUNT_SETTLEMENT, DE.RATE_SETTLEMENT, DE.CURRENCY_SETTLEMENT),
    (DE.AMOUNT_BILLING, DE.RATE_BILLING, DE.CURRENCY_BILLING),
)
_ROUNDING: Final = 1
"""minor units by which others may round otherwise"""


def check_conversion(kernel: Kernel, pending: Pending, document: Document, amount: int, host: str) -> None:
    """Say where the amounts of an approval of `amount` (minor units of the request's currency) do not fit together."""
    if DE.AMOUNT_SETTLEMENT not in document and DE.AMOUNT_BILLING not in document:
        return
    code = pending.request.get(DE.CURRENCY, "")
    for parts in _PARTS:
        why = inconsistency(document, parts, amount, code) if parts[0] in document else ""
        if why:
            hint = "approved all the same: it is settled and billed as its host has said; ask it how it converts"
            kernel.log("warning", "conversion.inconsistent", txn=f"{pending.txn:x}", host=host, reason=why, hint=hint)


def inconsistency(document: Document, parts: tuple[str, str, str], amount: int, code: str) -> str:
    """Why an amount, a rate and a currency (elements) are not what `amount` minor units of `code` come to; "": they are.

    >>> said = {"6": "000000000754", "10": "89317343", "51": "978"}
    >>> inconsistency(said, ("6", "10", "51"), 8000, "504")
    'DE6 is 7.54 EUR, and 80.00 MAD at DE10, 0.09317343, are 7.45 EUR'
    """
    de, rate_de, currency_de = parts
    text, target, rate_text = document[de], document.get(currency_de, ""), document.get(rate_de, "")
    try:
        currency(target)
        rate = decode_rate(rate_text) if rate_text or target != code else None
        said = int(text)
    except CurrencyError:
        return f"DE{de} is in DE{currency_de}={target or '(absent)'}, which is no currency"
    except RateError as error:
        return f"DE{de} is in {format_amount(0, target)[-3:]}, and DE{rate_de} says no rate: {error}"
    except ValueError:
        return f"DE{de}={text} is no amount"
    wanted = apply_rate(amount, code, target, rate) if rate is not None else amount
    if abs(said - wanted) <= _ROUNDING:
        return ""
    at = f" at DE{rate_de}, {rate:f}," if rate is not None else ""
    return f"DE{de} is {format_amount(said, target)}, and {format_amount(amount, code)}{at} are {format_amount(wanted, target)}"
