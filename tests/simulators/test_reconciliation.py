"""Books laid beside each other: agreement is an empty list, each disagreement a sentence."""

import pytest
from msgspec.structs import replace

from switch.core.records.lifecycle import Status
from switch.core.records.records import Abandoned, Answered, AnyEntry, Declined, Delivered, Forwarded, Key, Owed
from switch.simulators.latency import percentile_us
from switch.simulators.reconciliation import (
    AcquirerBook,
    Books,
    CardBook,
    Debit,
    IssuerBook,
    JournalRow,
    Payment,
    journal_rows,
    reconcile,
)
from switch.wire.vocabulary import Document

KEY = "504102/102A0001/532912000001"


def acquirer(*payments: Payment, **changes: object) -> AcquirerBook:
    declined: dict[str, int] = {}
    for p in payments:
        if p.status is Status.DECLINED:
            declined[p.de39] = declined.get(p.de39, 0) + 1
    count = {s: sum(p.status is s for p in payments) for s in Status}
    book = AcquirerBook(
        name="rif",
        payments=payments,
        sent=len(payments),
        approved=count[Status.APPROVED],
        declined=declined,
        reversed=count[Status.REVERSED],
        open=count[Status.OPEN],
        amounts={},
    )
    return replace(book, **changes)


def issuer(*debits: Debit, moved: int | None = None, held: int | None = None) -> IssuerBook:
    posted = sum(d.billed for d in debits if not d.held) if moved is None else moved
    holds = sum(d.billed for d in debits if d.held) if held is None else held
    card = CardBook(pan="950401******0019", currency="504", opening=1_000_00, closing=1_000_00 - posted, held=holds)
    return IssuerBook(
        name="atlas", cards=(card,), debits=debits, approved=1, declined={}, reversed=0, early_reversals=0
    )


def payment(status: Status = Status.APPROVED, amount: int = 100_00, de39: str = "00", key: str = KEY) -> Payment:
    return Payment(key=key, status=status, amount=amount, currency="504", de39=de39, kind="purchase", route="domestic")


def row(status: Status = Status.APPROVED, amount: int = 100_00, de39: str = "00", **changes: int) -> JournalRow:
    return replace(JournalRow(key=KEY, status=status, amount=amount, currency="504", de39=de39), **changes)


def debit(amount: int = 100_00, *, held: bool = False) -> Debit:
    return Debit(key=KEY, amount=amount, currency="504", billed=amount, billing="504", held=held)


def sentences(acquirers: list[AcquirerBook], issuers: list[IssuerBook], rows: list[JournalRow]) -> list[str]:
    return [d.sentence for d in reconcile(acquirers, [], issuers, rows)]


@pytest.mark.parametrize(
    ("acquired", "journaled", "debits"),
    [
        ([payment()], [row()], [debit()]),
        ([payment(Status.DECLINED, 0, "51")], [row(Status.DECLINED, 0, "51")], []),
        ([payment(Status.REVERSED, 0)], [row(Status.REVERSED, 0)], []),
        ([payment(Status.REVERSED, 0, "")], [row(Status.DECLINED, 0, "91")], []),
        ([payment(Status.REVERSED, 0, "")], [], []),
        ([payment(Status.DECLINED, 0, "91")], [], []),
        ([payment(amount=-40_00)], [row(amount=-40_00)], [debit(-40_00)]),
        ([payment()], [row()], [debit(held=True)]),
        ([payment(amount=0)], [row(amount=0)], []),
        ([], [], []),
    ],
)
def test_agreement(acquired: list[Payment], journaled: list[JournalRow], debits: list[Debit]) -> None:
    assert sentences([acquirer(*acquired)], [issuer(*debits)], journaled) == []


@pytest.mark.parametrize(
    ("acquired", "journaled", "debits", "expected"),
    [
        (
            [payment(Status.DECLINED, 0, "91")],
            [row(Status.DECLINED, 0, "91")],
            [debit()],
            ["0.00 MAD stands in the journal, 100.00 MAD at the issuer"],
        ),
        ([payment()], [row()], [], ["100.00 MAD stands in the journal, 0.00 MAD at the issuer"]),
        (
            [payment()],
            [],
            [debit()],
            [
                "100.00 MAD stands at the acquirer, 0.00 MAD in the journal",
                "0.00 MAD stands in the journal, 100.00 MAD at the issuer",
                "the acquirer has it as approved (00), the journal does not know it",
            ],
        ),
        (
            [payment(amount=90_00)],
            [row()],
            [debit()],
            ["90.00 MAD stands at the acquirer, 100.00 MAD in the journal"],
        ),
        (
            [payment(Status.DECLINED, 0, "51")],
            [row(Status.DECLINED, 0, "05")],
            [],
            ["the acquirer was declined with 51, the journal has declined 05"],
        ),
        (
            [payment(Status.DECLINED, 0, "51")],
            [],
            [],
            ["the acquirer has it as declined (51), the journal does not know it"],
        ),
        (
            [payment(Status.OPEN, 0, "")],
            [row(Status.DECLINED, 0, "91")],
            [],
            ["the acquirer still waits for an answer"],
        ),
        (
            [payment(Status.DECLINED, 0, "91")],
            [row(Status.DECLINED, 0, "91", owed=1)],
            [],
            ["the journal still owes 1 message(s) about it to its host"],
        ),
        (
            [],
            [row()],
            [debit()],
            [
                "0.00 MAD stands at the acquirer, 100.00 MAD in the journal",
                "the journal has it as approved, no acquirer knows it",
            ],
        ),
        (
            [payment(amount=0)],
            [row(Status.DECLINED, 0, "51")],
            [],
            ["the acquirer has it as approved, the journal as declined 51"],
        ),
        (
            [payment(Status.REVERSED, 0)],
            [row(Status.APPROVED, 0)],
            [],
            ["the acquirer has reversed it, the journal has it as approved"],
        ),
    ],
)
def test_disagreement_is_said(
    acquired: list[Payment], journaled: list[JournalRow], debits: list[Debit], expected: list[str]
) -> None:
    assert sentences([acquirer(*acquired)], [issuer(*debits)], journaled) == [f"{KEY}: {e}" for e in expected]


def test_a_book_that_contradicts_itself_is_said() -> None:
    assert sentences([acquirer(approved=1)], [], []) == ["rif: counts 1 approved, lists 0"]
    assert sentences([], [issuer(moved=5_00)], []) == [
        "atlas: balances moved by 5.00 MAD, what stands adds up to 0.00 MAD"
    ]
    assert sentences([], [issuer(held=5_00)], []) == [
        "atlas: accounts hold back 5.00 MAD, pre-authorizations add up to 0.00 MAD"
    ]


def test_a_payment_that_stands_twice_is_said() -> None:
    twice = sentences([acquirer(payment())], [issuer(debit()), issuer(debit())], [row()])
    assert f"atlas: {KEY} stands at two issuers, or twice" in twice
    assert f"rif: the key {KEY} names two payments" in sentences(
        [acquirer(payment(), payment())], [issuer(debit())], [row()]
    )


def test_a_book_that_lists_not_everything_is_never_taken_for_agreement() -> None:
    assert "no longer listed" in sentences([acquirer(left_out=3)], [], [])[0]
    assert "no longer listed" in sentences([], [replace(issuer(), left_out=3)], [])[0]


def test_books_survive_their_json_and_are_put_together() -> None:
    one = Books(terminals=(acquirer(payment()),))
    two = Books(issuers=(issuer(debit()),), networks=(acquirer(),))
    both = Books.from_json(one.to_json(), two.to_json())
    assert both == Books(terminals=one.terminals, networks=two.networks, issuers=two.issuers)


def test_percentiles_of_latency_classes() -> None:
    assert percentile_us({1_000: 98, 5_000: 1, 90_000: 1}, 50) == 1_000
    assert percentile_us({1_000: 98, 5_000: 1, 90_000: 1}, 99) == 5_000
    assert percentile_us({}, 99) == 0


# -- the journal's rows

ELEMENTS: Document = {"3": "000000", "37": "532912000001", "32": "504102", "41": "102A0001"}
REQUEST_KEY: Key = ("rif", "2", "000001", "1125120000", "504102", "102A0001")


def forwarded(txn: int = 1, de3: str = "000000", amount: int = 100_00) -> Forwarded:
    return Forwarded(
        txn=txn,
        at_us=0,
        key=REQUEST_KEY,
        link="acquirers",
        host="atlas",
        route="domestic",
        mti="0200",
        stan="000777",
        sent_at="1125120001",
        pan="950401******0019",
        sealed=b"",
        amount=amount,
        currency="504",
        elements=ELEMENTS | {"3": de3},
    )


def owed(txn: int, kind: str = "reversal", original: int = 1, **message: str) -> Owed:
    return Owed(
        txn=txn,
        at_us=0,
        kind=kind,
        reason="timeout",
        host="atlas",
        original=original,
        key=("", "4", "000778", "1125120002", "", ""),
        link="acquirers",
        pan="950401******0019",
        sealed=b"",
        amount=100_00,
        currency="504",
        message=ELEMENTS | {"t": "0420", "11": "000778"} | {k.removeprefix("de"): v for k, v in message.items()},
    )


@pytest.mark.parametrize(
    ("entries", "expected"),
    [
        ([forwarded()], row(Status.OPEN, 100_00, "")),
        ([forwarded(), Answered(txn=1, at_us=0, de39="00", elements={}, cost=0)], row()),
        ([forwarded(), Answered(txn=1, at_us=0, de39="51", elements={}, cost=0)], row(Status.DECLINED, 0, "51")),
        ([forwarded(de3="200000"), Answered(txn=1, at_us=0, de39="00", elements={}, cost=0)], row(amount=-100_00)),
        ([forwarded(de3="310000"), Answered(txn=1, at_us=0, de39="00", elements={}, cost=0)], row(amount=0)),
        ([forwarded(), Abandoned(txn=1, at_us=0, de39="91", reason="timeout")], row(Status.DECLINED, 0, "91")),
        ([forwarded(), owed(2)], row(Status.DECLINED, 0, "91", owed=1)),
        ([forwarded(), owed(2), Delivered(txn=2, at_us=0, de39="00")], row(Status.DECLINED, 0, "91")),
        (
            [
                forwarded(),
                Answered(txn=1, at_us=0, de39="00", elements={}, cost=0),
                owed(2),
                Delivered(txn=2, at_us=0, de39="00"),
            ],
            row(Status.REVERSED, 0),
        ),
        (
            [
                forwarded(),
                Answered(txn=1, at_us=0, de39="00", elements={}, cost=0),
                owed(2, de95="000000003000" + "0" * 30),
                Delivered(txn=2, at_us=0, de39="00"),
            ],
            row(amount=30_00),
        ),
        (
            [forwarded(), Answered(txn=1, at_us=0, de39="10", elements={"4": "000000006000"}, cost=0)],
            row(amount=60_00, de39="10"),
        ),
        (
            [
                forwarded(),
                Answered(txn=1, at_us=0, de39="10", elements={"4": "000000006000"}, cost=0),
                owed(2, de95="000000007000" + "0" * 30),
                Delivered(txn=2, at_us=0, de39="00"),
            ],
            row(amount=60_00, de39="10"),
        ),
        (
            [
                forwarded(),
                Answered(txn=1, at_us=0, de39="00", elements={}, cost=0),
                owed(2, "advice", 0, de4="000000008000"),
                Delivered(txn=2, at_us=0, de39="00"),
            ],
            row(amount=80_00),
        ),
        ([owed(2, original=0), Delivered(txn=2, at_us=0, de39="00")], row(Status.REVERSED, 0, "")),
        (
            [
                Declined(
                    txn=1,
                    at_us=0,
                    key=REQUEST_KEY,
                    link="acquirers",
                    mti="0200",
                    pan="950401******0019",
                    amount=100_00,
                    currency="504",
                    rrn="532912000001",
                    de39="15",
                    reason="no range",
                )
            ],
            row(Status.DECLINED, 0, "15"),
        ),
    ],
)
def test_a_payments_records_make_one_row(entries: list[AnyEntry], expected: JournalRow) -> None:
    assert journal_rows(entries) == [expected]


def test_a_declined_reversal_makes_no_row() -> None:
    key: Key = ("rif", "4", "000001", "1125120000", "504102", "102A0001")
    assert (
        journal_rows(
            [
                Declined(
                    txn=1,
                    at_us=0,
                    key=key,
                    link="acquirers",
                    mti="0400",
                    pan="",
                    amount=0,
                    currency="504",
                    rrn="532912000001",
                    de39="96",
                    reason="journal down",
                )
            ]
        )
        == []
    )
