"""A classic terminal by itself: what it owes before it sells on, and how much a batch holds."""

import pytest

from switch.simulators.classic import (
    APPROVED,
    BATCH_MAX,
    NOT_KNOWN,
    SALE,
    TAKEN_BACK,
    BatchFullError,
    ClassicTerminal,
    Memory,
    Receipt,
)
from switch.wire.vocabulary import Document
from tests.simulators.samples import CARD


def terminal(memory: Memory) -> ClassicTerminal:
    return ClassicTerminal(memory, "SHOP", lambda: "1125120000")


def silent(message: Document) -> None:
    del message


@pytest.mark.parametrize(("de39", "goes_on"), [("00", True), ("25", True), ("76", True), ("91", False), ("30", False)])
def test_it_sells_on_once_nothing_stands_of_what_it_takes_back(de39: str, goes_on: bool) -> None:
    memory = Memory(terminal="TILL0001")
    receipt = terminal(memory).pay(silent, SALE, CARD, 100)
    assert receipt is not None
    assert terminal(memory).clear(lambda message: {**message, "39": de39}) is goes_on
    assert (receipt.status, bool(memory.owed)) == ((TAKEN_BACK, False) if goes_on else (NOT_KNOWN, True))


def test_a_batch_takes_no_more_payments_than_its_totals_have_digits_for() -> None:
    full = [Receipt(stan=f"{n:06d}", kind=SALE, pan="", amount=1, status=APPROVED) for n in range(BATCH_MAX)]
    memory = Memory(terminal="TILL0001", receipts=full)
    with pytest.raises(BatchFullError, match="settle it first"):
        terminal(memory).pay(silent, SALE, CARD, 100)
    assert not memory.owed
    asked: list[Document] = []
    terminal(memory).settle(lambda message: asked.append(message) or {**message, "39": "00"})  # type: ignore[func-returns-value]
    assert asked[0]["63"].startswith(f"{BATCH_MAX}{BATCH_MAX:012d}000")
    assert not memory.receipts
