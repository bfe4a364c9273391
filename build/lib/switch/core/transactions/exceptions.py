"""Exceptions: what no repeating ends, and no rule. A flow raises one; a person resolves it (`core.operator.exceptions`)."""

from switch.core.kernel import Kernel
from switch.core.records.records import Excepted
from switch.core.transactions.transaction import Refusal, limit_reached
from switch.wire.vocabulary import Answer


def raise_exception(kernel: Kernel, entry: Excepted) -> Refusal | None:
    """Record that a person must look at something. Returns None: it is recorded now, or was before.

    A refusal, which is logged: too many are open already. Dead letters are exceptions, too, and count towards the limit.
    """
    state, limit = kernel.state, kernel.limits.exceptions
    if entry.txn in state.exceptions:
        return None
    if len(state.exceptions) + len(state.shelved) >= limit:
        return limit_reached(kernel, "exceptions", limit, Answer.MALFUNCTION, entry.host)
    kernel.record(entry)
    return None
