"""What is said of a capture's money: window, fees, when it is settled; and how sums are written."""

from pathlib import Path

import pytest
import trio
from trio.testing import MockClock

from switch.core.messages.fee_amounts import FeeAmount, write_fees
from switch.gateway.api import _status
from switch.gateway.pages.amounts import amount_text
from switch.gateway.posting import read_posted, with_change
from switch.gateway.protocol.fields import Fields
from switch.wire.dates import DAY_US
from switch.wire.vocabulary import DE, Document
from tests.gateway.test_flow import bought, serving
from tests.gateway.test_kills import NETWORK, World

AT = 1_795_813_200_000_000
"""2026-11-27T21:00Z"""
FEES = [FeeAmount("70", "504", 25), FeeAmount("71", "504", 16), FeeAmount("72", "504", 30), FeeAmount("78", "504", 3)]


def answered(**more: str) -> Document:
    names = {"de15": DE.SETTLEMENT_DATE, "de46": DE.FEES, "de48": DE.PRIVATE_48}
    return {DE.RESPONSE_CODE: "00", **{names[name]: value for name, value in more.items()}}


def test_a_capture_counts_in_a_window_that_ends_by_the_clock() -> None:
    posted = read_posted(answered(de15="1127", de46=write_fees(FEES), de48="6403002"), AT, NETWORK.cutover_schedule)
    assert (posted.window, posted.fees, posted.tax, posted.currency) == ("2026-11-27/2", 25, 3, "504")
    if NETWORK.cutover_schedule is not None:
        assert AT < posted.settles_us <= AT + DAY_US
    half = with_change(posted, answered(de46=write_fees([FeeAmount("70", "504", -13), FeeAmount("78", "504", -1)])))
    assert half is not None
    assert (half.fees, half.tax) == (12, 2)


@pytest.mark.parametrize(
    ("de15", "window"), [("0101", "2027-01-01"), ("1231", "2026-12-31"), ("0230", ""), ("", ""), ("xx", "")]
)
def test_what_is_not_said_is_not_guessed(de15: str, window: str) -> None:
    posted = read_posted(answered(de15=de15), 1_798_750_000_000_000, None)
    assert (posted.window, posted.fees, posted.settles_us) == (window, None, 0)
    assert with_change(posted, answered(de46=write_fees(FEES))) == posted


class Priced(World):
    """Says what a completion costs."""

    def _decide(self, document: Document) -> Document:
        said = super()._decide(document)
        if document[DE.MTI] == "0220":
            return {**said, **answered(de15="1127", de46=write_fees(FEES), de48="6403001")}
        if document[DE.MTI] == "0400":
            return {**said, **answered(de46=write_fees([FeeAmount("70", "504", -8), FeeAmount("78", "504", -1)]))}
        return said


async def test_the_shop_and_the_api_are_told(tmp_path: Path, autojump_clock: MockClock) -> None:
    async with serving(tmp_path, Priced(lambda n: "ACTION=POSTAUTH")) as service:
        order = await bought(service)
        back = Fields(await service.shops.answer(order, to_server=False))
        told = {name: back.get(f"EXTRA.{name}") for name in ("CAPTURED", "FEES", "NET")}
        assert told == {"CAPTURED": "31.50", "FEES": "0.28", "NET": "31.22"}
        assert back.get("SettleId").endswith("1127001")
        status = dict(_status(order))
        assert (status["FEES"], status["NET"], status["SETTLEID"]) == ("0.28", "31.22", back.get("SettleId"))
        assert status["CAPTURE_DTTM"]
        await service.owing.credit(order, 1000)
        await trio.sleep(3)
        status = dict(_status(await service.order(order.number)))
        assert (status["CAPTURE_AMT"], status["FEES"], status["NET"]) == ("2150", "0.19", "21.31")


@pytest.mark.parametrize(
    ("minor", "code", "texts"),
    [
        (18_000, "504", ("180,00~MAD", "180,00~د.م.", "MAD~180.00")),
        (124_050_75, "504", ("124_050,75~MAD", "124.050,75~د.م.", "MAD~124,050.75")),
        (5, "504", ("0,05~MAD", "0,05~د.م.", "MAD~0.05")),
        (-1_000, "978", ("−10,00~EUR", "−10,00~EUR", "EUR~−10.00")),
        (1_500, "392", ("1_500~JPY", "1.500~JPY", "JPY~1,500")),
    ],
)
def test_sums_are_written_as_each_language_writes_them(minor: int, code: str, texts: tuple[str, str, str]) -> None:
    written = [amount_text(minor, code, language) for language in ("fr", "ar", "en")]
    assert [text.replace("\u00a0", "~").replace("\u202f", "_") for text in written] == list(texts)
