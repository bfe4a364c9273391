"""A merchant's statements: its clearing windows, and what was captured in each, as a page and as CSV. Pure.

In: what the gateway has kept of captured orders. Out: a page, a file. The one rule: where fees are not
said of one line, no sum that would need them is shown.
"""

import csv
import html
import io
from collections.abc import Sequence
from typing import Final
from urllib.parse import urlencode

from switch.gateway.orders.lines import Line
from switch.gateway.orders.order import Merchant
from switch.gateway.pages.amounts import amount_text, time_text
from switch.gateway.pages.merchant_pages import inside
from switch.gateway.pages.merchant_texts import WORDS, Words
from switch.money.currency import currency

_e = html.escape
PATH: Final = "/merchant/statements"
SHOWN_MAX: Final = 1_000
"""lines of a page; the file has all"""
COLUMNS: Final = (
    "order",
    "at_us",
    "reference",
    "approval",
    "card",
    "currency",
    "captured_minor",
    "credited_minor",
    "fees_minor",
    "net_minor",
)


def statements_page(merchant: Merchant, language: str, windows: Sequence[tuple[str, int]], form_key: str) -> str:
    """The windows in which something was captured, newest first."""
    words = WORDS[language]
    rows = "".join(
        f'<tr><th scope="row"><a href="{PATH}?{_e(urlencode({"lang": language, "window": window}))}">'
        f"<bdi>{_e(window)}</bdi></a></th><td>{count}</td></tr>"
        for window, count in windows
    )
    table = (
        f'<table class="list"><thead><tr><th scope="col">{_e(words.window)}</th>'
        f'<th scope="col">{_e(words.payments)}</th></tr></thead><tbody>{rows}</tbody></table>'
    )
    body = (
        f'<h1>{_e(words.statements)}</h1><p class="hint">{_e(words.statements_hint)}</p>'
        f"{table if windows else f'<p>{_e(words.nothing)}</p>'}"
    )
    return inside(merchant, language, words.statements, body, PATH, form_key)


def statement_page(merchant: Merchant, language: str, window: str, lines: Sequence[Line], form_key: str) -> str:
    """One window: its sums, one set a currency, and its lines."""
    words = WORDS[language]
    heads = (words.order, words.date, words.captured, words.credited, words.fees, words.net)
    head = "".join(f'<th scope="col">{_e(name)}</th>' for name in heads)
    rows = "".join(_row(line, language, words) for line in lines[:SHOWN_MAX])
    cut = (
        f'<p class="notice">{_e(words.cut.format(shown=SHOWN_MAX, all=len(lines)))}</p>'
        if len(lines) > SHOWN_MAX
        else ""
    )
    sums = "".join(
        _sums([line for line in lines if line.currency == code], code, language, words)
        for code in sorted({line.currency for line in lines})
    )
    file = f"{PATH}.csv?{urlencode({'window': window})}"
    body = (
        f"<h1>{_e(words.window)} <bdi>{_e(window)}</bdi></h1>{sums}"
        f'<p class="beside"><a href="{_e(file)}" download>CSV</a>'
        f'<a href="{PATH}?lang={language}">{_e(words.statements)}</a></p>{cut}'
        f'<table class="list"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
    )
    return inside(merchant, language, f"{words.window} {window}", body, PATH, form_key)


def _sums(lines: Sequence[Line], code: str, language: str, words: Words) -> str:
    settles = {line.settles_us for line in lines if line.settles_us}
    facts = (
        (words.payments, str(len(lines))),
        (words.captured, _amount(sum(line.captured for line in lines), code, language)),
        (words.credited, _amount(sum(line.credited for line in lines), code, language)),
        (words.fees, _sum([line.fees for line in lines], code, language, words)),
        (words.net, _sum([line.net for line in lines], code, language, words)),
        (words.settles, f"<bdi>{_e(time_text(max(settles)))}</bdi>" if settles else _e(words.unknown)),
    )
    cells = "".join(f"<div><dt>{_e(name)}</dt><dd>{value}</dd></div>" for name, value in facts)
    return f'<section class="card facts"><dl>{cells}</dl></section>'


def _sum(parts: Sequence[int | None], code: str, language: str, words: Words) -> str:
    known = [part for part in parts if part is not None]
    return _amount(sum(known), code, language) if len(known) == len(parts) else _e(words.unknown)


def _row(line: Line, language: str, words: Words) -> str:
    told = {words.captured: line.captured, words.credited: line.credited, words.fees: line.fees, words.net: line.net}
    amounts = "".join(
        f'<td data-name="{_e(name)}">{_sum([minor], line.currency, language, words)}</td>'
        for name, minor in told.items()
    )
    return (
        f'<tr><th scope="row"><a href="/merchant/orders/{line.number}?lang={language}"><bdi>{_e(line.oid)}</bdi></a></th>'
        f"<td><bdi>{_e(time_text(line.at_us))}</bdi></td>{amounts}</tr>"
    )


def _amount(minor: int, code: str, language: str) -> str:
    return f"<bdi>{_e(amount_text(minor, code, language))}</bdi>"


def statement_csv(lines: Sequence[Line]) -> str:
    """All lines; what is not known is empty. An order id that a spreadsheet would take for a formula has a quote before it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    for line in lines:
        oid = f"'{line.oid}" if line.oid[:1] in "=+-@\t\r" else line.oid
        name = currency(line.currency).alpha
        known = (oid, line.at_us, line.rrn, line.approval, line.masked, name, line.captured, line.credited)
        writer.writerow((*known, *("" if part is None else part for part in (line.fees, line.net))))
    return out.getvalue()
