"""Money that no payment known here stands behind: an advice or a refund without its original, and up to what one is taken.

An advice (0120, 0220) tells what has happened and is acknowledged before its issuer is asked; a refund pays out. Where neither
names a payment that this switch knows, all that speaks for it is the member that sends it, so that the member's
`advice_amount_max` and `refund_amount_max` bound what one such message can move. More is refused (61), and logged. What comes
from a card network is bound by the network's own rules, not here.
"""

from switch.core.kernel import Kernel
from switch.core.network import Member
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.transaction import Refusal
from switch.money.convert import convert, rates_on
from switch.money.currency import format_amount
from switch.wire.vocabulary import Answer


def check_unreferenced(kernel: Kernel, message: Incoming, limit: str) -> None:
    """Raise Refusal for one of more than this limit of its member's, and log it."""
    network, member = kernel.network, _member(kernel, message)
    if member is None:
        return
    most: int = getattr(member, limit)
    try:
        rates = rates_on(kernel.business_day(message.now), network.rates, network.dated_rates)
        amount, _ = convert(message.amount, message.currency, network.currency, rates)
        why = "" if amount <= most else f"{format_amount(amount, network.currency)} is more"
    except ValueError as error:
        why = f"{message.amount} in currency {message.currency} cannot be compared: {error}"
    if not why:
        return
    where = f"[[member]] {member.name}"
    kernel.log("warning", "amount.unreferenced", txn=f"{message.txn:x}", link=message.session.link, limit=limit, value=most,
               amount=message.amount, currency=message.currency, pan=message.masked,
               hint=f"no payment known here stands behind it: refused; raise {limit} in {where} of the network file")  # fmt: skip
    said = f"without an original that is known here, {limit}={format_amount(most, network.currency)} ({where}) is the most: {why}"
    raise Refusal(Answer.EXCEEDS_AMOUNT, said)


def _member(kernel: Kernel, message: Incoming) -> Member | None:
    """The member that sent it; None: a card network did."""
    if message.session.host is not None:
        return None
    return next((m for m in kernel.network.members if m.name == message.session.source), None)
