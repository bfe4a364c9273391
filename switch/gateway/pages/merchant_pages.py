"""The merchants' pages as HTML: log in, orders, an order's story, what was refused. Pure.

In: orders and what is known of them, a language. Out: a whole page in the payment page's style. The one rule: as there, whatever
came from outside is escaped where it is put in, and nothing of anybody else's is loaded.
"""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Final
from urllib.parse import urlencode

import msgspec

from switch.gateway.orders.lifecycle import MOVES, Move, Stage
from switch.gateway.orders.order import Call, CallState, Merchant, Order, Refusal
from switch.gateway.outcomes import result_of
from switch.gateway.pages.amounts import amount_text, time_text
from switch.gateway.pages.merchant_texts import WORDS, Words
from switch.gateway.pages.pages import page
from switch.gateway.pages.texts import TEXTS
from switch.gateway.posting import Posted

_e = html.escape
ACTIONS: Final = {"capture": Move.CAPTURE, "refund": Move.CREDIT, "void": Move.TAKE_BACK}
"""what may be done about an order, with the move that it is"""


class Story(msgspec.Struct, frozen=True, kw_only=True):
    """All that is shown of one order."""

    order: Order
    moves: Sequence[tuple[int, str, str, str, int]]
    """as `Store.history` has them"""
    calls: Sequence[Call]
    form_key: str
    said: str = ""
    """`done`, `under_way`, `amount`: what the last action came to; or a sentence of why not"""


def login_page(language: str, *, problem: str = "", number: str = "") -> str:
    """`problem`: `wrong` or `ended`."""
    words = WORDS[language]
    said = {"wrong": words.wrong, "ended": words.ended}.get(problem, "")
    notice = f'<p class="notice" role="alert">{_e(said)}</p>' if said else ""
    body = (
        f'<h1>{_e(words.space)}</h1>{notice}<form method="post" action="/merchant/login" class="card">{_lang(language)}'
        f'<div class="field"><label for="number">{_e(words.number)}</label><input id="number" name="number" value="{_e(number)}" '
        'inputmode="numeric" dir="ltr" autocomplete="username" maxlength="15" required></div>'
        f'<div class="field"><label for="password">{_e(words.password)}</label><input id="password" name="password" '
        'type="password" dir="ltr" autocomplete="current-password" maxlength="100" required></div>'
        f'<button class="pay" type="submit">{_e(words.log_in)}</button></form>'
    )
    return page(language, words.space, body, again="/merchant/login", brand=words.space)


def orders_page(
    merchant: Merchant, language: str, orders: Sequence[Order], query: str, form_key: str, newer: int, older: int
) -> str:
    """A list, newest first. `newer`, `older`: order numbers that the pages beside it begin at; 0: there is none."""
    words = WORDS[language]
    rows = "".join(_row(order, language, words) for order in orders)
    table = (
        f'<table class="list"><thead><tr><th scope="col">{_e(words.order)}</th><th scope="col">{_e(words.date)}</th>'
        f'<th scope="col">{_e(words.amount)}</th><th scope="col">{_e(words.state)}</th></tr></thead><tbody>{rows}</tbody></table>'
    )
    beside = "".join(
        f'<a href="/merchant/orders?{_e(urlencode({"lang": language, "q": query, name: at}))}">{_e(text)}</a>'
        for name, at, text in (("from", newer, words.newer), ("below", older, words.older))
        if at
    )
    box = f'<input id="q" name="q" value="{_e(query)}" maxlength="64" aria-describedby="q-hint">'
    body = (
        f'<form method="get" action="/merchant/orders" class="search" role="search">{_lang(language)}'
        f'<label for="q">{_e(words.search)}</label>'
        f'<div class="pair">{box}<button class="pay" type="submit">{_e(words.find)}</button></div>'
        f'<p class="hint" id="q-hint">{_e(words.search_hint)}</p></form>'
        f"<h1>{_e(words.orders)}</h1>{table if orders else f'<p>{_e(words.nothing)}</p>'}"
        f'<nav class="beside" aria-label="{_e(words.older)}">{beside}</nav>'
    )
    return inside(merchant, language, words.orders, body, "/merchant/orders", form_key)


def _row(order: Order, language: str, words: Words) -> str:
    amount = amount_text(order.asked.amount, order.asked.currency, language)
    return (
        f'<tr><th scope="row"><a href="/merchant/orders/{order.number}?lang={language}"><bdi>{_e(order.asked.oid)}</bdi></a></th>'
        f"<td><bdi>{_e(time_text(order.opened_us))}</bdi></td><td><bdi>{_e(amount)}</bdi></td>"
        f"<td>{_state(order.stage, words)}</td></tr>"
    )


def _state(stage: str, words: Words) -> str:
    return f'<span class="stage {_e(stage)}">{_e(words.stages.get(stage, stage))}</span>'


def order_page(merchant: Merchant, language: str, story: Story) -> str:
    """What became of an order, and what may be done about it."""
    words, order = WORDS[language], story.order
    moves = "".join(
        f"<li><time><bdi>{_e(time_text(at, seconds=True))}</bdi></time> <span>{_e(words.moves.get(move, move))}"
        f"{_detail(move, code, amount, order, language)}</span></li>"
        for at, move, _, code, amount in story.moves
    )
    calls = "".join(_call(order, call, words, language, story.form_key) for call in story.calls)
    body = (
        f"<h1>{_e(words.order)} <bdi>{_e(order.asked.oid)}</bdi></h1>{_said(story.said, words)}"
        f'<section class="card facts"><dl>{_facts(order, words, language)}</dl></section>'
        f'<section class="card"><h2>{_e(words.actions)}</h2>{_actions(order, words, language, story.form_key)}</section>'
        f'<section class="card"><h2>{_e(words.story)}</h2><ol class="story">{moves}</ol></section>'
        f'<section class="card"><h2>{_e(words.calls)}</h2>'
        f"{f'<ul class=story>{calls}</ul>' if calls else f'<p>{_e(words.no_calls)}</p>'}</section>"
    )
    at = f"/merchant/orders/{order.number}"
    return inside(merchant, language, f"{words.order} {order.asked.oid}", body, at, story.form_key)


def _said(said: str, words: Words) -> str:
    if not said:
        return ""
    good = {"done": words.done, "under_way": words.under_way}.get(said)
    if good:
        return f'<p class="notice good" role="status">{_e(good)}</p>'
    why = words.not_an_amount if said == "amount" else f"{words.refused_step} {said}"
    return f'<p class="notice" role="alert">{_e(why)}</p>'


def _detail(move: str, code: str, amount: int, order: Order, language: str) -> str:
    """Of a step: the sum where it has one, DE39 where a bank has said no."""
    if move == Move.DECLINE:
        return f" (<bdi>{_e(code)}</bdi>)"
    if move not in (Move.CAPTURE, Move.POSTED):
        return ""
    return f" <bdi>{_e(amount_text(amount, order.asked.currency, language))}</bdi>"


def _facts(order: Order, words: Words, language: str) -> str:
    attempt, currency = order.attempt, order.asked.currency
    facts = [
        (words.state, _state(order.stage, words)),
        (words.amount, _bdi(amount_text(order.asked.amount, currency, language))),
        (words.date, _bdi(time_text(order.opened_us))),
    ]
    if attempt is not None:
        facts += [
            (words.card, _bdi(f"{attempt.masked} {attempt.scheme.upper()}")),
            (words.reference, _bdi(attempt.names.rrn)),
        ]
        facts += [(words.approval, _bdi(attempt.approval))] if attempt.approval else []
        if attempt.authentication is not None and attempt.authentication.status:
            told = result_of(order).authentication
            borne = TEXTS[language].liability[told.liability]
            facts.append(("3-D Secure", f"{_bdi(f'ECI {told.eci} · mdStatus {told.md_status}')}, {_e(borne)}"))
    if order.captured:
        facts.append((words.captured, _bdi(amount_text(order.captured, currency, language))))
        facts += [(words.credited, _bdi(amount_text(order.credited, currency, language)))] if order.credited else []
        facts += _money(order, order.posted, words, language)
    return "".join(f"<div><dt>{_e(name)}</dt><dd>{value}</dd></div>" for name, value in facts)


def _money(order: Order, posted: Posted | None, words: Words, language: str) -> list[tuple[str, str]]:
    """What of a capture are fees, where and when it is cleared."""
    unknown = _e(words.unknown)
    fees = posted.fees + posted.tax if posted is not None and posted.fees is not None else None
    told = posted is not None and fees is not None and posted.currency == order.asked.currency
    net = order.captured - order.credited - (fees or 0)
    return [
        (words.fees, _bdi(amount_text(fees or 0, order.asked.currency, language)) if told else unknown),
        (words.net, _bdi(amount_text(net, order.asked.currency, language)) if told else unknown),
        (words.window, _bdi(posted.window) if posted is not None and posted.window else unknown),
        (words.settles, _bdi(time_text(posted.settles_us)) if posted is not None and posted.settles_us else unknown),
    ]


def _actions(order: Order, words: Words, language: str, form_key: str) -> str:
    names = {"capture": words.capture, "refund": words.refund, "void": words.void}
    left = {"capture": order.asked.amount, "refund": order.captured - order.credited}
    made = []
    for action, move in ACTIONS.items():
        if not may_happen(order, move) or (action == "refund" and not left["refund"]):
            continue
        most, box = left.get(action), ""
        if most is not None:
            value = amount_text(most, order.asked.currency, "en").partition("\u00a0")[2].replace(",", "")
            box = (
                f'<div class="field"><label for="{action}-sum">{_e(words.sum)}</label><input id="{action}-sum" name="sum" '
                f'inputmode="decimal" dir="ltr" autocomplete="off" required value="{_e(value)}"></div>'
            )
        hint = f'<p class="hint">{_e(words.void_hint)}</p>' if action == "void" else ""
        made.append(
            f'<form method="post" action="/merchant/orders/{order.number}/{action}" class="action" autocomplete="off">'
            f"{_hidden(form_key, language)}"
            f'<input type="hidden" name="seen" value="{order.moved_us}">{box}{hint}'
            f'<button class="pay {action}" type="submit">{_e(names[action])}</button></form>'
        )
    return "".join(made) or f"<p>{_e(words.no_actions)}</p>"


def may_happen(order: Order, move: Move) -> bool:
    """May this happen to it, as it stands? An approval whose shop is being asked is not the merchant's to decide yet."""
    return order.stage is not Stage.APPROVED and (order.stage, move) in MOVES


def _call(order: Order, call: Call, words: Words, language: str, form_key: str) -> str:
    again = (
        f'<form method="post" action="/merchant/orders/{order.number}/resend">{_hidden(form_key, language)}'
        f'<input type="hidden" name="call" value="{call.number}">'
        f'<button type="submit" class="small">{_e(words.resend)}</button></form>'
        if call.state is not CallState.DUE
        else ""
    )
    return f"<li><span><bdi>{_e(call.said or '…')}</bdi> ({call.tries} {_e(words.tries)})</span>{again}</li>"


def refused_list_page(merchant: Merchant, language: str, refusals: Iterable[Refusal], form_key: str) -> str:
    """What was refused of a merchant's forms, cards, requests and passwords."""
    words = WORDS[language]
    rows = "".join(
        f"<li><time><bdi>{_e(time_text(one.at_us, seconds=True))}</bdi></time> <span><strong>{_e(one.what)}</strong> "
        f"<bdi>{_e(one.oid)}</bdi> <bdi>{_e(one.client)}</bdi><br><bdi>{_e(one.reason)}</bdi></span></li>"
        for one in refusals
    )
    body = f'<h1>{_e(words.refused)}</h1><p class="hint">{_e(words.refused_hint)}</p><ul class="story card">{rows}</ul>'
    return inside(merchant, language, words.refused, body, "/merchant/refused", form_key)


def inside(merchant: Merchant, language: str, title: str, body: str, again: str, form_key: str) -> str:
    """A page of somebody who is logged in: with the menu, and the way out. `again`: its own path."""
    words = WORDS[language]
    links = {
        "/merchant/orders": words.orders,
        "/merchant/statements": words.statements,
        "/merchant/refused": words.refused,
    }
    menu = "".join(
        f'<a href="{path}?lang={language}"{" aria-current=page" if path == again else ""}>{_e(text)}</a>'
        for path, text in links.items()
    )
    out = (
        f'<form method="post" action="/merchant/logout">{_hidden(form_key, language)}'
        f'<button type="submit">{_e(words.log_out)}</button></form>'
    )
    bar = f'<nav class="menu" aria-label="{_e(words.space)}"><strong>{_e(merchant.title)}</strong>{menu}{out}</nav>'
    return page(language, f"{title} – {merchant.title}", bar + body, again=again, brand=words.space)


def _hidden(form_key: str, language: str) -> str:
    return f'<input type="hidden" name="form_key" value="{_e(form_key)}">{_lang(language)}'


def _lang(language: str) -> str:
    return f'<input type="hidden" name="lang" value="{language}">'


def _bdi(text: str) -> str:
    return f"<bdi>{_e(text)}</bdi>"


def query_of(values: Mapping[str, str]) -> str:
    """An address's query of what is not empty."""
    return urlencode({name: value for name, value in values.items() if value})
