"""docs/scaling.md: what a month costs on paper follows from what it says, and from what a payment's records are."""

import re
from pathlib import Path

from switch.core.records.records import ENCODER, Answered, Forwarded
from switch.sim.playbook import Playbook
from tests.core.scripts import morocco, purchase

PAGE = (Path(__file__).parents[2] / "docs" / "scaling.md").read_text(encoding="utf-8")
PER_SECOND = 10_000
SEALED = 60
"""about so many bytes a sealed PAN is longer than a clear one"""


def said(pattern: str) -> list[float]:
    """The numbers at this place of the page."""
    found = re.search(pattern, " ".join(PAGE.split()))
    assert found is not None, pattern
    return [float(number.replace(",", "")) for number in found.groups()]


def test_a_month_on_paper_adds_up() -> None:
    (rate,) = said(r"A month at ([\d,]+) payments a second")
    (payments,) = said(r"on paper: ([\d.]+) × 10¹⁰ payments")
    size, per_s, per_day, per_month = said(
        r"about (\d+) bytes of records each, so ([\d.]+) MB/s, (\d+) GB a day and (\d+) TB a month"
    )
    assert rate == PER_SECOND
    assert round(rate * 86_400 * 30 / 1e10, 1) == payments
    assert round(rate * size / 1e6, 1) == per_s
    assert round(rate * size * 86_400 / 1e9, -1) == per_day
    assert round(rate * size * 86_400 * 30 / 1e12) == per_month
    least, most = said(r"At the ([\d.]+) to (\d+) µs of server CPU a record")
    cores = said(r"two records a payment: ([\d.]+) to ([\d.]+) of a core")
    assert [round(2 * rate * us / 1e6, 1) for us in (least, most)] == cores


def test_a_payments_records_are_about_as_large_as_the_page_says() -> None:
    book = Playbook(morocco())
    atlas, rif = book.host("atlas"), book.acquirer("acquirers", "504102")
    rif.sends(purchase())
    atlas.answers(atlas.gets(), de38="123456")
    records = [*book.recorded(Forwarded), *book.recorded(Answered)]
    assert len(records) == 2
    (size,) = said(r"about (\d+) bytes of records each")
    assert 0.75 * size < sum(len(ENCODER.encode(entry)) for entry in records) + SEALED < 1.25 * size
