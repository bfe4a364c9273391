"""What happens to one payment, in words, as the records that a switch makes of it.

A story is messages with commas between them: `0100 800.00, 0220 650.00, 0420`. The first is the payment's, what follows is about
it. Words behind an amount say what else is so: `cash`, `refund`, `declined`, `stand-in`, `timeout`, `partial 60.00`, `alone` (a
0220 that follows nothing), `left 30.00` (a 0420's DE95). A further 0100 adds to the hold; its own 0420 says what that leaves of
the hold: `stands 500.00`. `cutover` closes the day. `chargeback`, `representment 40.00`, `pre-arbitration`,
`arbitration` and `closed acquirer` are steps of a dispute.
"""

from collections.abc import Iterator

import msgspec

from switch.core.records.day_records import Cutover
from switch.core.records.disputes import Disputed, Step
from switch.core.records.merchant_charges import Charged
from switch.core.records.prices import Priced
from switch.core.records.records import (
    ADVICE,
    REVERSAL,
    Answered,
    AnyEntry,
    Forwarded,
    HoldName,
    Key,
    Owed,
    StoodIn,
)
from switch.ledger.entries import Entry, Move
from switch.ledger.fold import LedgerFold
from switch.ledger.moves import move
from switch.money.currency import parse_amount
from switch.money.fee_line import Fee

MAD = "504"
DAY = "2026-11-27"
START_US = 1_795_770_000_000_000
"""2026-11-27T09:00Z"""


class Sides(msgspec.Struct, frozen=True):
    """Between whom."""

    issuer: str = "atlas"
    acquirer: str = "rif"
    merchant: str = "M1"
    fees: tuple[Fee, ...] = ()


RIF: Sides = Sides()


def key(txn: int, mti_class: str = "2") -> Key:
    return ("rif", mti_class, f"{txn % 1_000_000:06d}", "1127090000", "504102", "T1")


def priced(sides: Sides, direction: int, *, fees: bool = True, unpriced: str = "") -> Priced:
    return Priced(
        day=DAY,
        scheme="cmi",
        product="debit",
        channel="pos",
        acquirer=sides.acquirer,
        issuer=sides.issuer,
        merchant=sides.merchant,
        mcc="5411",
        direction=direction,
        fees=sides.fees if fees else (),
        unpriced=unpriced,
    )


def forwarded(txn: int, mti: str, amount: int, kind: str, sides: Sides = RIF, currency: str = MAD) -> Forwarded:
    return Forwarded(
        txn=txn,
        at_us=START_US + txn,
        key=(sides.acquirer, mti[1], f"{txn % 1_000_000:06d}", "1127090000", "504102", "T1"),
        link="acquirers#1",
        host=sides.issuer,
        route="domestic",
        mti=mti,
        stan=f"{txn % 1_000_000:06d}",
        sent_at="1127090000",
        pan="950401******0001",
        sealed=b"",
        amount=amount,
        currency=currency,
        elements={"3": f"{kind}0000", "37": f"{txn:012d}", "42": sides.merchant},
    )


def answered(
    txn: int, direction: int, de39: str = "00", sides: Sides = RIF, elements: dict[str, str] | None = None
) -> Answered:
    price = priced(sides, direction) if de39 in ("00", "10") else None
    return Answered(txn=txn, at_us=START_US + txn, de39=de39, elements=elements or {}, cost=0, priced=price)


def owed(
    txn: int,
    original: int,
    mti: str,
    amount: int,
    *,
    direction: int = 1,
    kind: str = "00",
    left: int = -1,
    reason: str = "acquirer",
    sides: Sides = RIF,
    currency: str = MAD,
) -> Owed:
    message = {"t": mti, "3": f"{kind}0000", "11": f"{txn % 1_000_000:06d}", "7": "1127090000", "42": sides.merchant}
    if left >= 0:
        message["95"] = f"{left:012d}" + "0" * 30
    fees = priced(sides, direction, fees=mti != "0420")
    return Owed(
        txn=txn,
        at_us=START_US + txn,
        kind=REVERSAL if mti == "0420" else ADVICE,
        reason=reason,
        host=sides.issuer,
        original=original,
        key=(sides.acquirer, mti[1], f"{txn % 1_000_000:06d}", "1127090000", "504102", "T1"),
        link="acquirers#1",
        pan="950401******0001",
        sealed=b"",
        amount=amount,
        currency=currency,
        message=message,
        undoes=key(original) if original else None,
        priced=fees,
    )


def disputed(
    txn: int,
    original: int,
    step: Step,
    amount: int,
    given_back: int,
    change: int,
    sides: Sides = RIF,
    fees: tuple[Fee, ...] = (),
) -> Disputed:
    return Disputed(
        txn=txn,
        at_us=START_US + txn,
        dispute=original + 500,
        step=step,
        original=original,
        rrn=f"{original:012d}",
        reason="C4",
        amount=amount,
        given_back=given_back,
        change=change,
        currency=MAD,
        due="",
        side="",
        by="operator",
        scheme="cmi",
        acquirer=sides.acquirer,
        issuer=sides.issuer,
        merchant=sides.merchant,
        cash=False,
        of_day=DAY,
        fees=fees,
    )


def charged(txn: int, fee: Fee, month: str, sides: Sides = RIF) -> Charged:
    return Charged(
        txn=txn,
        at_us=START_US + txn,
        day=DAY,
        acquirer=sides.acquirer,
        merchant=sides.merchant,
        month=month,
        number=1,
        fee=fee,
    )


def cutover(at: int, closed: str = DAY, day: str = "2026-11-28", *, ended: int = 1, window: int = 1) -> Cutover:
    return Cutover(at_us=START_US + at, day=day, closed=closed, by="operator", ended=ended, window=window)


def records(story: str, sides: Sides = RIF, first: int = 1) -> Iterator[AnyEntry]:
    """Of a story: txns count from `first`."""
    asked, increment, kind, captured, hold, given = 0, 0, "00", 0, False, 0
    for n, text in enumerate(story.split(","), first):
        mti, *words = text.split()
        if mti == "cutover":
            yield cutover(n)
            continue
        amount = parse_amount(words[0], "MAD") if words and words[0][0].isdecimal() else asked
        if mti in tuple(Step):
            step, before = Step(mti), given
            given = {Step.REPRESENTMENT: given - amount, Step.CLOSED: 0 if "acquirer" in words else asked}.get(
                step, asked
            )
            yield disputed(n, first, step, asked, given, given - before, sides)
            continue
        kind = "01" if "cash" in words else "20" if "refund" in words else kind
        direction = -1 if kind == "20" else 1
        if mti == "0100" and n > first:
            request = forwarded(n, mti, amount, kind, sides)
            yield msgspec.structs.replace(request, hold=HoldName(txn=first, key=key(first, "1")))
            yield answered(n, 0, "00", sides)
            increment = n
        elif mti in ("0200", "0100"):
            asked, hold = amount, mti == "0100"
            yield from _request(n, mti, amount, kind, words, sides)
        elif mti in ("0220", "0120"):
            known = 0 if "alone" in words else first
            entry = owed(n, known, mti, amount, direction=direction, kind=kind, sides=sides)
            if hold and captured:
                entry = msgspec.structs.replace(entry, stands=captured + amount)
            captured += amount
            yield entry
        else:
            if "stands" in words:
                amount = parse_amount(words[words.index("stands") + 1], "MAD")
                entry = owed(n, increment, "0420", asked, sides=sides)
                yield msgspec.structs.replace(entry, stands=amount)
                continue
            left = parse_amount(words[words.index("left") + 1], "MAD") if "left" in words else -1
            yield owed(n, first, "0420", asked, direction=direction, kind=kind, left=left, sides=sides)


def _request(n: int, mti: str, amount: int, kind: str, words: list[str], sides: Sides) -> Iterator[AnyEntry]:
    direction = 0 if mti == "0100" else -1 if kind == "20" else 1
    request = forwarded(n, mti, amount, kind, sides)
    if "stand-in" in words:
        advice = owed(n + 1_000, n, "0120", amount, sides=sides, reason="stand-in")
        advice = msgspec.structs.replace(advice, priced=None)
        yield StoodIn(
            request=request,
            de39="00",
            elements={},
            advice=advice,
            card=b"",
            product="debit",
            priced=priced(sides, direction),
        )
        return
    yield request
    if "timeout" in words:
        yield owed(n + 1_000, n, "0420", amount, sides=sides, reason="timeout")
    elif "partial" in words:
        given = parse_amount(words[words.index("partial") + 1], "MAD")
        yield answered(n, direction, "10", sides, {"4": f"{given:012d}"})
    else:
        yield answered(n, direction, "51" if "declined" in words else "00", sides)


def moved(payer: str, payee: str, kind: str, currency: str, amount: int) -> tuple[Move, ...]:
    """What an amount with a sign moves: one move, or none."""
    moves: list[Move] = []
    move(moves, payer, payee, kind, currency, amount)
    return tuple(moves)


def fold(entries: Iterator[AnyEntry] | list[AnyEntry]) -> tuple[LedgerFold, list[Entry]]:
    """The ledger of these records, and what it posted."""
    posted: list[Entry] = []
    ledger = LedgerFold(MAD, posted.append)
    for sequence, entry in enumerate(entries, 1):
        ledger.fold(sequence, entry)
    return ledger, posted
