"""Statements as a page to read and to print: one HTML file, without script, without anything from elsewhere. Pure text.

It is laid out for A4: headings of tables are repeated on every sheet, no line is cut in two, the foot says which sheet it is.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from html import escape
from typing import Final

from switch.ledger.entries import DISPUTE, PAYMENT
from switch.ledger.levels import Costs
from switch.statements import charts
from switch.statements.rows import Statement, summed
from switch.statements.statement import DayStatement, MemberStatement, MerchantLine, MerchantStatement, Part, Period
from switch.statements.words import Words

BARS_MOST: Final = 31
_DAY_H: Final = 24
_OPENS_H: Final = 8
_CLOSES_H: Final = 20
"""a chart by hour goes from one to the other at least"""
MERCHANTS_MOST: Final = 20
KINDS_MOST: Final = 2
"""of charges that have a column each"""

STYLE: Final = """
:root { --ink: #1d2a33; --soft: #5b6b75; --rule: #c9d1d6; --pale: #f3f6f7; --accent: #1f6f8b; --below: #a63d26; }
* { box-sizing: border-box; }
body { margin: 0; background: #e9edef; color: var(--ink); font: 10.5pt/1.45 "Source Sans 3", "Helvetica Neue", Arial,
  "Liberation Sans", "DejaVu Sans", sans-serif; font-variant-numeric: tabular-nums lining-nums; hyphens: manual; }
main { max-width: 190mm; margin: 10mm auto; padding: 14mm 14mm 10mm; background: #fff; box-shadow: 0 1px 6px #0002; }
header { display: flex; justify-content: space-between; align-items: flex-start; gap: 8mm; border-bottom: 2px solid var(--accent);
  padding-bottom: 5mm; }
h1 { flex: none; margin: 0; font-size: 20pt; line-height: 1.15; font-weight: 600; letter-spacing: -0.01em; }
h1 small { display: block; margin-top: 1.5mm; font-size: 11pt; font-weight: 400; color: var(--soft); letter-spacing: 0; }
.from { text-align: right; color: var(--soft); }
.from b { display: block; color: var(--accent); font-size: 11pt; }
.from span { white-space: nowrap; }
.figures { display: flex; margin: 6mm 0 2mm; border-bottom: 1px solid var(--rule); }
.figures div { flex: 1 1 0; padding: 0 5mm 4mm; border-left: 1px solid var(--rule); }
.figures div:first-child { padding-left: 0; border-left: 0; flex-grow: 1.35; }
.figures span { display: block; color: var(--soft); font-size: 9pt; }
.figures b { display: block; font-size: 13pt; font-weight: 600; white-space: nowrap; }
.figures div:first-child b { font-size: 19pt; line-height: 1.25; color: var(--accent); }
section { margin-top: 7mm; break-inside: avoid; }
section.long { break-inside: auto; }
h2 { margin: 0 0 2mm; font-size: 11.5pt; font-weight: 600; break-after: avoid; }
svg { display: block; width: 100%; height: auto; font-family: inherit; }
table { width: 100%; border-collapse: collapse; font-size: 9.5pt; }
th { padding: 1.2mm 0 1.2mm 2mm; border-bottom: 1px solid var(--ink); color: var(--soft); font-size: 0.9em; font-weight: 400;
  text-align: right; vertical-align: bottom; }
td { padding: 1mm 0 1mm 2mm; border-bottom: 1px solid var(--rule); text-align: right; white-space: nowrap; }
th:first-child, td:first-child { padding-left: 1mm; } th:last-child, td:last-child { padding-right: 1mm; }
th.text, td.text { text-align: left; }
td.wrap { white-space: normal; }
td.code { font-family: "DejaVu Sans Mono", "Liberation Mono", monospace; font-size: 0.84em; color: var(--soft); }
tbody tr:nth-child(even) td { background: var(--pale); }
tfoot td { border-top: 1px solid var(--ink); border-bottom: 0; font-weight: 600; }
.below { color: var(--below); }
.note { margin: 3mm 0 0; color: var(--soft); font-size: 9pt; }
footer { margin-top: 9mm; padding-top: 3mm; border-top: 1px solid var(--rule); color: var(--soft); font-size: 8.5pt; }
@page { size: A4; margin: 14mm 15mm 16mm; @bottom-right { content: counter(page) " / " counter(pages); color: #5b6b75;
  font: 8pt Arial, sans-serif; } }
@media print { body { background: #fff; font-size: 9.5pt; } main { max-width: none; margin: 0; padding: 0; box-shadow: none; }
  thead { display: table-header-group; } tfoot { display: table-row-group; } tr { break-inside: avoid; }
  * { -webkit-print-color-adjust: exact; print-color-adjust: exact; } }
@media (max-width: 640px) { main { padding: 6mm; margin: 0; } header, .figures { display: block; } .from { text-align: left; }
  .figures div { border: 0; padding: 0 0 2mm; } section { overflow-x: auto; }
  svg.bars { font-size: 18px; } }
"""

TABLE_PT: Final = 9.5
SHEET_CHARACTERS: Final = 100
"""of a table's line that a sheet has room for in that size; one that has more is set smaller, not cut off"""
WRAPS_AT: Final = 12
Cell = tuple[str, str]
"""text, and its class"""


def page(statement: Statement, words: Words) -> str:
    """The whole document."""
    if isinstance(statement, MerchantStatement):
        return _merchant(statement, words)
    if isinstance(statement, MemberStatement):
        return _member(statement, words)
    return _day(statement, words)


def _merchant(of: MerchantStatement, words: Words) -> str:
    code = of.currency
    charged = sum(amount for _, amount in of.charges)
    figures = [
        (words("to be paid" if of.net >= 0 else "to be taken"), words.money(abs(of.net), code)),
        (words("gross"), words.number(of.gross, code)),
        (words("charges"), words.number(charged, code)),
        (words("vat"), words.number(of.vat, code)),
    ]
    body = [_figures(figures)]
    if not of.lines:
        return _document(
            of.network, of.period, words, "merchant", of.merchant, [*body, f'<p class="note">{words("nothing")}</p>']
        )
    body.append(_section(*_sales(of, words)))
    if of.net > 0 and charged <= 0 and of.gross > 0:
        parts = [("net", of.net), ("charges", -charged), ("vat", -of.vat)]
        told = [(words(key), value, words.percent(value, of.gross)) for key, value in parts]
        body.append(_section(words("where it goes"), charts.shares(words("where it goes"), told)))
    body.append(_section(words("by card"), _levels(of.levels, code, words, merchant=True)))
    body += _standing(of.standing, code, words)
    kinds: list[tuple[str, ...]] = [(kind,) for kind, _ in of.charges]
    if len(kinds) > KINDS_MOST:  # more columns than a sheet of A4 has room for
        kinds = [tuple(kind for kind, _ in of.charges)]
    named = [kind[0] if len(kind) == 1 else "charges" for kind in kinds]
    headings = ["date", "time", "operation", "card", "reference", "gross", *named, "vat", "net"]
    short = {"gross": "amount"}
    head = [(words(short.get(h, h)), "text" if n < 5 else "") for n, h in enumerate(headings)]
    rows = [_merchant_row(line, kinds, code, words) for line in of.lines]
    sums = [_amount(sum(dict(of.charges)[name] for name in kind), code, words) for kind in kinds]
    foot = [(words("total"), "text"), *[("", "")] * 4, _amount(of.gross, code, words), *sums]
    foot += [_amount(of.vat, code, words), _amount(of.net, code, words)]
    body.append(_section(words("lines"), _table(head, rows, foot), long=True))
    if of.elsewhere:
        told_of = ", ".join(words.money(amount, other) for other, amount in of.elsewhere)
        body.append(f'<p class="note">{words.before("elsewhere")} {told_of}.</p>')
    stranger = f" {words('stranger')}." if of.levels["foreign"].payments else ""
    body.append(f'<p class="note">{words("sign")}{stranger}</p>')
    about = [f"{words.before('acquirer')} {', '.join(of.acquirers)}"]
    return _document(of.network, of.period, words, "merchant", of.merchant, body, about)


def _merchant_row(line: MerchantLine, kinds: Sequence[tuple[str, ...]], home: str, words: Words) -> list[Cell]:
    """`kinds`: of charges, those of each column."""
    at, charges = words.local(line.at_us), dict(line.charges)
    what = words(line.what) if line.card else ", ".join(map(words, charges)) or words("free month")
    of = f" {words('of')} {words.short_day(line.of_day)}" if line.of_day else ""
    gross = _amount(line.gross, line.currency, words)
    if line.currency != home:
        gross = (words.money(line.gross, line.currency), gross[1])
    return [
        (words.short_day(at.date().isoformat()), "text"),
        (f"{at:%H:%M}", "text"),
        (what + of, "text wrap"),
        (f"{words(line.scheme)}{'*' if line.card == 'foreign' else ''}" if line.card else "", "text"),
        (line.txn, "text code"),
        gross,
        *(_amount(sum(charges.get(name, 0) for name in kind), home, words) for kind in kinds),
        _amount(line.vat, home, words),
        _amount(line.net, home, words),
    ]


def _sales(of: MerchantStatement, words: Words) -> tuple[str, str]:
    """By hour of one business day, which may begin the evening before; by day of more, or of one that took very long: the newest,
    where there are too many."""
    clocks = [words.local(line.at_us) for line in of.lines]
    days = [date.fromisoformat(line.day).toordinal() for line in of.lines]
    if len(set(days)) == 1:
        days = [clock.date().toordinal() for clock in clocks]
    hours = [(day - min(days)) * _DAY_H + clock.hour for day, clock in zip(days, clocks, strict=True)]
    by_hour = len({line.day for line in of.lines}) == 1 and max(hours) - min(hours) < BARS_MOST
    at = hours if by_hour else days
    first, last = min(at), max(at)
    if by_hour and last < _DAY_H:
        first, last = min(first, _OPENS_H), max(last, _CLOSES_H)
    sums = dict.fromkeys(range(first, last + 1)[-BARS_MOST:], 0)
    for bar, line in zip(at, of.lines, strict=True):
        if line.currency == of.currency and bar in sums:
            sums[bar] += line.gross
    title = words("sales by hour" if by_hour else "sales by day")
    values = [
        (
            f"{bar % _DAY_H}\u202fh" if by_hour else f"{date.fromordinal(bar):%d}",
            amount,
            words.number(amount, of.currency),
        )
        for bar, amount in sums.items()
    ]
    return title, charts.columns(title, values)


def _member(of: MemberStatement, words: Words) -> str:
    code = of.currency
    (net,) = [part for part in of.parts if not part.counterpart and part.currency == code]
    kinds = dict(net.kinds)
    payments, disputed = kinds.get(PAYMENT, 0), kinds.get(DISPUTE, 0)
    figures = [
        (words("to be paid" if net.net >= 0 else "to be taken"), words.money(abs(net.net), code)),
        (words("payment"), words.number(payments, code)),
        *([(words("dispute"), words.number(disputed, code))] if DISPUTE in kinds else []),
        (words("fees"), words.number(net.net - payments - disputed, code)),
    ]
    bars = [(party, amount, words.number(amount, code)) for party, amount in of.with_members]
    body = [_figures(figures)]
    if bars:
        body.append(_section(words("multilateral"), charts.balance(words("multilateral"), bars)))
    body.append(_section(words("nets"), _positions(of.parts, words, named="counterpart")))
    if summed(of.levels.values()).payments:
        body.append(_section(words("costs"), _levels(of.levels, code, words)))
    body += _standing(of.standing, code, words)
    if of.merchants:
        head = [(words("merchant number"), "text"), (words("to be paid"), "")]
        shown = of.merchants[:MERCHANTS_MOST]
        rows = [[(merchant, "text"), _amount(amount, code, words)] for merchant, amount in shown]
        if len(of.merchants) > len(shown):
            rest = of.merchants[len(shown) :]
            rows.append([(f"… {words.count(len(rest))}", "text"), _amount(sum(a for _, a in rest), code, words)])
        foot = [(words("total"), "text"), _amount(sum(amount for _, amount in of.merchants), code, words)]
        body.append(_section(words("merchants"), _table(head, rows, foot), long=True))
    body.append(f'<p class="note">{words("sign")}</p>')
    return _document(of.network, of.period, words, "member", of.member, body)


def _day(of: DayStatement, words: Words) -> str:
    code = of.currency
    figures = [
        (words("moved"), words.money(of.moved, code)),
        (words("gross between"), words.number(of.gross, code)),
        (words("entries"), words.count(of.entries)),
    ]
    multilateral = [part for part in of.parts if not part.counterpart]
    bars = [(part.party, part.net, words.number(part.net, code)) for part in multilateral if part.currency == code]
    body = [_figures(figures), _section(words("nets"), charts.balance(words("nets"), bars))]
    body.append(_section(words("multilateral"), _positions(multilateral, words, named="party")))
    apart = [part for part in of.parts if part.counterpart and part.party != part.counterpart]
    if apart:
        body.append(_section(words("apart"), _positions(apart, words, named="both")))
    body.append(_section(words("costs"), _levels(of.levels, code, words)))
    body += _standing(of.standing, code, words)
    if of.fees:
        head = [(words("kind"), "text"), (words("amount"), "")]
        rows = [
            [(words(kind), "text"), (words.money(amount, unit), "below" if amount < 0 else "")]
            for kind, unit, amount in of.fees
        ]
        body.append(_section(words("fees in all"), _table(head, rows)))
    if of.unpriced:
        body.append(f'<p class="note">{words.count(of.unpriced)} {words("unpriced")}.</p>')
    body.append(f'<p class="note">{words("balance")}</p>')
    return _document(of.network, of.period, words, "day", "", body)


def _standing(kinds: Sequence[tuple[str, int]], code: str, words: Words) -> list[str]:
    """What is charged without a payment, by kind; no section where there is none."""
    if not kinds:
        return []
    head = [(words("kind"), "text"), (words("amount"), "")]
    rows = [[(words(kind), "text"), _amount(amount, code, words)] for kind, amount in kinds]
    return [_section(words("standing"), _table(head, rows))]


def _positions(parts: Iterable[Part], words: Words, *, named: str) -> str:
    """A row a part: who, what is owed both ways, payments, disputes where there are any, fees, net. `named`: `party`,
    `counterpart` or `both`."""
    names = {"party": ["party"], "counterpart": ["with"], "both": ["party", "with"]}[named]
    parts = tuple(parts)
    apart = [PAYMENT, *([DISPUTE] if any(DISPUTE in dict(part.kinds) for part in parts) else [])]
    headings = [*names, "owes", "owed", *apart, "fees", "net"]
    head = [(words(h), "text" if n < len(names) else "") for n, h in enumerate(headings)]
    rows = []
    for part in parts:
        kinds = dict(part.kinds)
        moved = [kinds.get(kind, 0) for kind in apart]
        whom = part.counterpart or words("multilateral")
        who = {"party": [part.party], "counterpart": [whom], "both": [part.party, whom]}[named]
        amounts = (part.owes, part.owed, *moved, part.net - sum(moved))
        net, style = words.money(part.net, part.currency), "below" if part.net < 0 else ""
        cells: list[Cell] = [(name, "text") for name in who]
        rows.append([*cells, *(_amount(amount, part.currency, words) for amount in amounts), (net, style)])
    return _table([*head], rows)


def _levels(levels: Mapping[str, Costs], code: str, words: Words, *, merchant: bool = False) -> str:
    """What each kind of card came to and cost."""
    headings = ["card", "payments", "amount", "charges", "share"]
    headings += ["vat"] if merchant else ["interchange", "own fees", "others", "kept"]
    head = [(words(h), "" if n else "text") for n, h in enumerate(headings)]

    def row(name: str, of: Costs) -> list[Cell]:
        rest = (of.vat,) if merchant else (of.interchange, of.network, of.others, of.kept)
        cells: list[Cell] = [(name, "text wrap"), (words.count(of.payments), ""), _amount(of.amount, code, words)]
        cells += [_amount(of.charge, code, words), (words.percent(of.charge, of.amount), "")]
        return cells + [_amount(amount, code, words) for amount in rest]

    return _table(
        head, [row(words(name), of) for name, of in levels.items()], row(words("total"), summed(levels.values()))
    )


def _amount(minor: int, code: str, words: Words) -> Cell:
    return words.number(minor, code), "below" if minor < 0 else ""


def _table(head: Sequence[Cell], rows: Iterable[Sequence[Cell]], foot: Sequence[Cell] = ()) -> str:
    def line(cells: Sequence[Cell], tag: str) -> str:
        inner = "".join(f"<{tag}{f' class={chr(34)}{c}{chr(34)}' if c else ''}>{escape(t)}</{tag}>" for t, c in cells)
        return f"<tr>{inner}</tr>"

    rows = list(rows)
    columns = zip(head, *rows, *([foot] if foot else ()), strict=True)
    wide = sum(2 + max(_breadth(*cell) for cell in column) for column in columns)
    style = f' style="font-size: {TABLE_PT * SHEET_CHARACTERS / wide:.1f}pt"' if wide > SHEET_CHARACTERS else ""
    body = "\n".join(line(row, "td") for row in rows)
    end = f"<tfoot>{line(foot, 'td')}</tfoot>" if foot else ""
    return f"<table{style}><thead>{line(head, 'th')}</thead>\n<tbody>{body}</tbody>{end}</table>"


def _breadth(text: str, style: str) -> int:
    """Characters that a cell needs beside others."""
    return min(len(text), WRAPS_AT) if "wrap" in style else len(text)


def _figures(figures: Sequence[Cell]) -> str:
    inner = "".join(f"<div><span>{escape(name)}</span><b>{escape(value)}</b></div>" for name, value in figures)
    return f'<div class="figures">{inner}</div>'


def _section(title: str, content: str, *, long: bool = False) -> str:
    return f"<section{' class=long' if long else ''}><h2>{escape(title)}</h2>{content}</section>"


def _ranges(numbers: Sequence[int]) -> str:
    """`1–24, 26` of numbers in their order: a day may have hundreds of windows."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 1 else f"{run[0]}" for run in runs)


def _document(
    network: str, period: Period, words: Words, kind: str, who: str, body: Sequence[str], about: Sequence[str] = ()
) -> str:
    day, _, number = period.name.partition("/")
    windows = words("windows" if len(period.windows) > 1 else "window")
    numbers = number or _ranges([int(name.partition("/")[2]) for name in period.windows])
    when = words.day(day) if len(day) > 7 or day.count("-") == 1 else day
    told = [f"{windows} {numbers}"] if day.count("-") == 2 else []
    told += [words("open")] if period.open else []
    lines = "".join(f"<br><span>{escape(line)}</span>" for line in (*told, *about))
    title = f"{words(kind)}{f' {who}' if who else ''}"
    subject = f"<small>{escape(f'{who} · {when}' if who else when)}</small>"
    return (
        f'<!doctype html>\n<html lang="{words.language}">\n<head><meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width">\n'
        f"<title>{escape(title)}, {escape(when)}</title>\n<style>{STYLE}</style></head>\n<body><main>\n"
        f'<header><h1>{escape(words(kind))}{subject}</h1><div class="from"><b>{escape(network)}</b>'
        f"<span>{escape(words.before('period'))} {escape(when)}</span>{lines}</div></header>\n"
        + "\n".join(body)
        + f"\n<footer>{escape(title)} · {escape(period.name)}</footer>\n"
        "</main></body></html>\n"
    )
