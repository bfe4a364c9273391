"""Any sequence of messages about a few payments of one card, for properties of ledgers."""

from collections.abc import Iterator

from hypothesis import strategies as st

from switch.core.messages.internal import replacement_amounts
from switch.simulators.accounts import Ledger
from switch.simulators.messages import completion, repeat, reversal
from switch.wire.vocabulary import Document
from tests.simulators.samples import at, pay

Step = tuple[str, int, int]
"""what, number of the payment, amount"""

MESSAGES = st.lists(
    st.tuples(
        st.sampled_from(["purchase", "cash", "refund", "preauth", "complete", "reverse", "part", "again"]),
        st.integers(1, 6),
        st.integers(1, 400_00),
    ),
    max_size=40,
)


def played(ledger: Ledger, script: list[Step]) -> Iterator[None]:
    """Say it all to the ledger; yields after each message."""
    sent: dict[int, Document] = {}
    last: Document | None = None
    for step, (what, number, amount) in enumerate(script):
        stan = f"{step + 500:06d}"
        original = sent.get(number) or pay("preauth", amount, number)
        if what in ("purchase", "cash", "refund", "preauth"):
            if number in sent:
                continue
            last = sent[number] = pay(what, amount, number)
            ledger.authorize(last, at())
        elif what == "complete":
            last = completion(original, "000001", amount, at(), stan)
            ledger.book_advice(last, at())
        elif what == "again" and last is not None:
            ask = {"2": ledger.authorize, "1": ledger.authorize, "4": ledger.reverse}[last["t"][1]]
            (ledger.book_advice if last["t"] == "0220" else ask)(repeat(last), at())
        elif what in ("reverse", "part"):
            last = reversal(original, "", at(), stan)
            if what == "part":
                last["95"] = replacement_amounts(amount)
            ledger.reverse(last, at())
        yield
