"""An issuer's books are the fold of what it records."""

from hypothesis import given

from switch.core.records.lifecycle import Status
from switch.core.records.records import ENCODER
from switch.simulators.accounts import Ledger
from switch.simulators.acquirer_records import AcquirerRecords, Asked, Ended
from switch.simulators.journal_records import DECODER
from switch.simulators.messages import Web, completion, reversal
from switch.simulators.postings import Taken
from tests.simulators.samples import CARD, PAN, at, card, pay
from tests.simulators.scripts import MESSAGES, Step, played


def folded(records: list[Taken], keep: int = 100) -> Ledger:
    again = Ledger("atlas", [card(per_day=600_00)], keep)
    for entry in records:
        decoded = DECODER.decode(ENCODER.encode(entry))
        assert isinstance(decoded, Taken)
        again.holdings.apply(decoded)
    return again


@given(MESSAGES)
def test_the_fold_of_the_records_is_the_ledger_that_made_them(script: list[Step]) -> None:
    for keep in (100, 2):
        atlas = Ledger("atlas", [card(per_day=600_00)], keep)
        for _ in played(atlas, script):
            pass
        again = folded(atlas.fresh, keep)
        assert again.book() == atlas.book()
        assert dict(again.accounts.items()) == dict(atlas.accounts.items())
        assert again.accounts.suspense == atlas.accounts.suspense
        assert again.holdings.answers == atlas.holdings.answers
        assert again.holdings.early == atlas.holdings.early


def test_a_repeat_is_no_record() -> None:
    atlas = Ledger("atlas", [CARD])
    for stan in ("000001", "000001"):
        atlas.authorize(pay(de11=stan), at())
    assert len(atlas.fresh) == 1


def test_after_a_restart_repeats_are_answered_as_their_originals_were() -> None:
    atlas = Ledger("atlas", [CARD])
    first, hold = pay(number=1), pay("preauth", 30_00, 2)
    capture = completion(hold, atlas.authorize(hold, at()).extra["38"], 20_00, at(), "000900")
    said = [atlas.authorize(first, at()), atlas.book_advice(capture, at())]
    again = folded(atlas.fresh)
    repeated = [again.authorize(first, at(9)), again.book_advice(capture, at(9))]
    assert [(v.de39, v.extra) for v in repeated] == [(v.de39, v.extra) for v in said]
    assert again.accounts[PAN].balance == atlas.accounts[PAN].balance == CARD.balance - 100_00 - 20_00


def test_a_reversal_that_came_before_its_original_is_remembered_over_a_restart() -> None:
    atlas = Ledger("atlas", [CARD])
    atlas.reverse(reversal(pay(), "", at(), "000900"), at())
    again = folded(atlas.fresh)
    assert again.authorize(pay(), at()).de39 == "05"
    assert again.accounts[PAN].balance == CARD.balance


def test_approval_codes_go_on_after_a_restart() -> None:
    atlas = Ledger("atlas", [CARD])
    codes = {atlas.authorize(pay(number=n, amount=1_00), at()).extra["38"] for n in range(1, 4)}
    again = folded(atlas.fresh)
    codes |= {again.authorize(pay(number=n, amount=1_00), at()).extra["38"] for n in range(4, 7)}
    assert len(codes) == 6


def test_no_record_holds_a_pan_or_a_cvv2() -> None:
    atlas = Ledger("atlas", [CARD])
    atlas.authorize(pay("web", 10_00, 1, web=Web(CARD.cvv2)), at())
    atlas.authorize(pay("web", 10_00, 2, web=Web("000" if CARD.cvv2 != "000" else "001")), at())
    atlas.reverse(reversal(pay(number=3), "", at(), "000900"), at())
    text = b"".join(ENCODER.encode(entry) for entry in atlas.fresh)
    assert PAN.encode() not in text
    assert CARD.cvv2.encode() not in text.replace(b"sample", b"")


def test_what_a_book_of_the_first_release_calls_unanswered_is_open() -> None:
    records = AcquirerRecords()
    records.apply(
        Asked(at_us=1, key="k", card="fr-visa", kind="purchase", route="visa", request={"t": "0100", "11": "000001"})
    )
    old = ENCODER.encode(Ended(at_us=2, key="k", outcome="unanswered", amount=0, currency="504", de39=""))
    records.apply(DECODER.decode(old))  # type: ignore[arg-type]  # an `Ended`
    book = records.book("visa")
    assert (book.open, [p.status for p in book.payments]) == (1, [Status.OPEN])
