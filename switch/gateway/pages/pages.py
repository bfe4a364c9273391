"""The pages themselves, as HTML. Pure.

In: an order, a language, what to say. Out: a whole page. The one rule: whatever came from outside is escaped where it is put in
(`_e`), and no page has a script, a style, a picture or a link of anybody else's.
"""

import html
import time
from collections.abc import Iterable
from typing import Final

from switch.gateway.cards_shown import CardShown
from switch.gateway.orders.lifecycle import GOOD, Stage
from switch.gateway.orders.order import Merchant, Order
from switch.gateway.outcomes import result_of
from switch.gateway.pages.amounts import amount_text
from switch.gateway.pages.inventory import INVENTORY
from switch.gateway.pages.texts import DIRECTIONS, NAMES, TEXTS, Texts
from switch.gateway.protocol.fields import UTF_8
from switch.gateway.shops import WayBack

_e = html.escape
_NUMERIC: Final = "inputmode=numeric dir=ltr required"
_PADLOCK: Final = (
    '<svg class="padlock" viewBox="0 0 24 24" aria-hidden="true"><rect x="4" y="10.5" width="16" height="10.5" rx="2.5"/>'
    '<path d="M7.5 10.5V7.5a4.5 4.5 0 0 1 9 0v3" fill="none"/><circle cx="12" cy="15.2" r="1.5"/></svg>'
)
_LOGOS: Final = {
    "cmi": '<svg class="logo cmi" viewBox="0 0 60 36" role="img" aria-label="CMI"><rect width="60" height="36" rx="5"/>'
    '<path class="star" d="m12 9 2.1 6.3h6.6l-5.3 3.9 2 6.3-5.4-3.9-5.4 3.9 2-6.3-5.3-3.9h6.6z"/>'
    '<text x="24" y="24">CMI</text></svg>',
    "visa": '<svg class="logo visa" viewBox="0 0 60 36" role="img" aria-label="Visa"><rect width="60" height="36" rx="5"/>'
    '<path class="band" d="M0 29h60v2a5 5 0 0 1-5 5H5a5 5 0 0 1-5-5z"/>'
    '<text x="30" y="23" text-anchor="middle">VISA</text></svg>',
    "mastercard": '<svg class="logo mastercard" viewBox="0 0 60 36" role="img" aria-label="Mastercard">'
    '<rect width="60" height="36" rx="5"/><circle class="left" cx="24" cy="18" r="10"/>'
    '<circle class="right" cx="36" cy="18" r="10"/></svg>',
}
_MTC: Final = (
    '<svg class="logo mtc" viewBox="0 0 100 36" role="img" aria-label="Maroc Telecommerce"><rect width="100" height="36" rx="5"/>'
    '<path class="mark" d="M9 25V12l6 7 6-7v13" fill="none"/>'
    '<text x="28" y="16">maroc</text><text x="28" y="28">telecommerce</text></svg>'
)
"""of the page's operator; the schemes' own are above"""


def _tags() -> str:
    """What a page loads, each with what it must be: a browser takes nothing else."""
    tags = {
        "pay.css": '<link rel="stylesheet" href="/static/{}" integrity="{}">',
        "pay.js": '<script src="/static/{}" integrity="{}" defer></script>',
    }
    return "".join(tag.format(name, INVENTORY[name].integrity) for name, tag in tags.items())


_HEAD: Final = _tags()


def page(language: str, title: str, body: str, *, again: str = "", refresh_s: int = 0, brand: str = "") -> str:
    """A whole page. `again`: its own path, for the choice of a language; `refresh_s`: it is fetched anew after so long.

    `brand`: what its head says, where it is not a payment's.
    """
    words = TEXTS[language]
    note = "" if brand else f"<p>{_e(words.protected)}</p>"
    refresh = f'<meta http-equiv="refresh" content="{refresh_s}">' if refresh_s else ""
    choices = "".join(
        f'<a href="{_e(again)}?lang={code}" lang="{code}" hreflang="{code}"'
        f"{' aria-current=true' if code == language else ''}>{name}</a>"
        for code, name in NAMES.items()
    )
    choice = f'<nav class="languages" aria-label="{_e(words.language)}">{choices}</nav>' if again else ""
    return (
        f'<!doctype html><html lang="{language}" dir="{DIRECTIONS[language]}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">{refresh}<title>{_e(title)}</title>'
        f'<link rel="icon" href="/static/icon.svg">{_HEAD}</head><body{" class=wide" if brand else ""}>'
        f'<header><div class="brand">{_PADLOCK}<strong>{_e(brand or words.secure)}</strong></div>{choice}</header>'
        f'<main>{body}</main><footer>{note}<div class="logos">{_LOGOS["cmi"]}{_MTC}{_LOGOS["visa"]}'
        f"{_LOGOS['mastercard']}</div>"
        f'<p><a href="/secured-sites?lang={language}">{_e(words.sites)}</a></p></footer></body></html>'
    )


def card_page(
    order: Order,
    merchant: Merchant,
    language: str,
    *,
    problems: Iterable[str] = (),
    not_sent: bool = False,
    prefixes: str = "",
    month: str = "",
    found: str = "",
    test_cards: Iterable[CardShown] = (),
) -> str:
    """The form for a card. `problems`: names of fields that are not right. Nothing typed is put back but the date (`month`).
    `not_sent`: the last card could not be sent to anybody.

    `found`: hidden fields for what a script finds out about the browser. `test_cards`: offered, each filled in by a click.
    """
    words, path = TEXTS[language], f"/pay/{order.token}"
    wrong = set(problems)
    notice = ""
    if not_sent or (order.stage is Stage.OPEN and order.attempt is not None):
        notice = _notice(words.not_sent, words.same_again)
    elif order.stage is Stage.DECLINED:
        notice = _notice(words.declined, words.try_again)
    ends = time.strftime("%H:%M", time.localtime(order.opened_us // 1_000_000 + order.asked.session_s))
    number = _field(
        "pan",
        words.card_number,
        words.wrong_number if "pan" in wrong else "",
        f"{_NUMERIC} autocomplete=cc-number maxlength=23",
        after=_marks(prefixes),
    )
    until = _field(
        "expiry",
        words.expiry,
        words.wrong_expiry if "expiry" in wrong else "",
        f'{_NUMERIC} autocomplete=cc-exp maxlength=7 value="{_e(month)}"',
    )
    code = _field(
        "cvv2",
        words.cvv,
        words.wrong_cvv if "cvv2" in wrong else "",
        f"{_NUMERIC} autocomplete=cc-csc type=password maxlength=3",
        hint=words.cvv_hint,
    )
    chosen = f'<input type="hidden" name="lang" value="{language}">'
    pay = f"<span>{_e(words.pay)} <bdi>{_amount(order, language)}</bdi></span>"
    body = (
        f"{summary(order, merchant, language)}{notice}{_offered(test_cards, words)}"
        f'<form method="post" action="{path}" class="card" novalidate>{chosen}{found}'
        f'{number}<div class="pair">{until}{code}</div>'
        f'<button class="pay" type="submit">{_PADLOCK}{pay}</button></form>'
        f'<form method="post" action="{path}/cancel" class="cancel">{chosen}'
        f'<button type="submit">{_e(words.cancel)}</button></form>'
        f'<p class="ends">{_e(words.ends)} <bdi>{ends}</bdi></p>'
    )
    return page(language, f"{words.secure} – {merchant.title}", body, again=path)


def _notice(what: str, next_: str) -> str:
    return f'<p class="notice" role="alert"><strong>{_e(what)}</strong> {_e(next_)}</p>'


def _offered(cards: Iterable[CardShown], words: Texts) -> str:
    """A button a card; shown by the script that they need."""
    buttons = "".join(
        f'<button type="button" class="fill {card.kind}" data-pan="{card.pan}" data-expiry="{card.expiry}" '
        f'data-cvv2="{card.cvv2}">{_e(words.test_kinds[card.kind])} '
        f"<bdi>{card.scheme.capitalize()}</bdi></button>"
        for card in cards
    )
    head = f'<h2>{_e(words.test_cards)}</h2><p class="hint">{_e(words.test_hint)}</p>'
    return f'<section class="tests" hidden>{head}<div>{buttons}</div></section>' if buttons else ""


def working_page(order: Order, merchant: Merchant, language: str) -> str:
    """While the outcome is not known; fetched again by itself."""
    words = TEXTS[language]
    body = (
        f'{summary(order, merchant, language)}<div class="state working" role="status"><div class="wheel"></div>'
        f"<h2>{_e(words.working)}</h2><p>{_e(words.working_hint)}</p></div>"
    )
    return page(language, words.working, body, refresh_s=2)


def result_page(order: Order, merchant: Merchant, language: str, way_back: WayBack) -> str:
    """The outcome, and the form that takes the customer back to the shop with it."""
    words = TEXTS[language]
    good = order.stage in GOOD
    said = {
        Stage.CANCELLED: words.cancelled,
        Stage.EXPIRED: words.expired,
        Stage.DECLINED: f"{words.declined} {words.no_more}",
    }
    text = words.approved_hint if good else said.get(order.stage, words.taken_back)
    title = words.approved if good else words.not_paid
    mark = "M5 13l4.5 4.5L19 7" if good else "M6.5 6.5l11 11M17.5 6.5l-11 11"
    hidden = "".join(f'<input type="hidden" name="{_e(name)}" value="{_e(value)}">' for name, value in way_back.fields)
    written = f' accept-charset="{order.charset}"' if order.charset != UTF_8 else ""
    body = (
        f'{summary(order, merchant, language)}<div class="state {"good" if good else "bad"}" role="status">'
        f'<svg viewBox="0 0 24 24" aria-hidden="true"><path d="{mark}" fill="none"/></svg>'
        f"<h2>{_e(title)}</h2><p>{_e(text)}</p>{_proof(order, words)}</div>"
        f'<form method="{way_back.method}" action="{_e(way_back.url)}"{written} class="back" '
        f'data-after="{order.asked.refresh_s}">{hidden}'
        f'<button class="pay" type="submit">{_e(words.back_to_shop)}</button></form>'
    )
    return page(language, title, body)


def _proof(order: Order, words: Texts) -> str:
    """How far the cardholder was authenticated, and who bears a fraud's loss; nothing where that is not known."""
    told = result_of(order).authentication
    if not told.md_status or order.stage not in GOOD:
        return ""
    said = words.proved if told.liability == "issuer" else words.not_proved
    return (
        f'<p class="proof"><strong><bdi>3-D Secure</bdi></strong> {_e(said)}<br>'
        f"<bdi>ECI {_e(told.eci)} · mdStatus {_e(told.md_status)}</bdi> · {_e(words.liability[told.liability])}</p>"
    )


def refused_page(language: str, status_text: str = "") -> str:
    """A request that is none. Nothing of what was wrong: that is for the merchant's log."""
    words = TEXTS[language]
    return _sorry(language, words.refused, status_text or words.refused_hint)


def unavailable_page(language: str) -> str:
    """Nothing can be said of any order now."""
    words = TEXTS[language]
    return _sorry(language, words.unavailable, words.unavailable_hint)


def _sorry(language: str, title: str, text: str) -> str:
    body = (
        f'<div class="state bad" role="alert"><svg viewBox="0 0 24 24" aria-hidden="true">'
        f'<path d="M12 6v7M12 17v.5" fill="none"/>'
        f"</svg><h2>{_e(title)}</h2><p>{_e(text)}</p></div>"
    )
    return page(language, title, body)


def sites_page(merchants: Iterable[Merchant], language: str) -> str:
    """The list of secured sites."""
    words = TEXTS[language]
    rows = "".join(
        f"<li>{_PADLOCK}<span><strong>{_e(m.title)}</strong><br>{_e(m.site)} · {_e(m.city)}</span></li>"
        for m in merchants
        if not m.suspended
    )
    body = f'<h1>{_e(words.sites)}</h1><p class="hint">{_e(words.sites_hint)}</p><ul class="sites">{rows}</ul>'
    return page(language, words.sites, body, again="/secured-sites")


def summary(order: Order, merchant: Merchant, language: str) -> str:
    """Who is paid, and what: at the head of every page of an order."""
    words = TEXTS[language]
    return (
        f'<section class="summary" aria-label="{_e(words.summary)}"><p class="label">{_e(words.pay_to)}</p>'
        f'<h1>{_e(merchant.title)}</h1><p class="amount"><bdi>{_amount(order, language)}</bdi></p>'
        f'<p class="label">{_e(words.order)} <bdi>{_e(order.asked.oid)}</bdi></p></section>'
    )


def _field(name: str, label: str, problem: str, attributes: str, *, after: str = "", hint: str = "") -> str:
    """A box with its label, and below it what is wrong or what is meant."""
    below, tied = "", ""
    if problem or hint:
        kind = 'class="problem" role="alert"' if problem else 'class="hint"'
        below, tied = f'<p {kind} id="{name}-said">{_e(problem or hint)}</p>', f' aria-describedby="{name}-said"'
    wrong = ' aria-invalid="true" autofocus' if problem else ""
    box = f'<input id="{name}" name="{name}" {attributes}{tied}{wrong}>'
    return f'<div class="field"><label for="{name}">{_e(label)}</label><div class="box">{box}{after}</div>{below}</div>'


def _marks(prefixes: str) -> str:
    """The schemes, of which the one that is recognised as the number is typed stays bright."""
    logos = "".join(f'<span data-scheme="{scheme}">{logo}</span>' for scheme, logo in _LOGOS.items())
    return f'<span class="marks" data-prefixes="{_e(prefixes)}">{logos}</span>'


def _amount(order: Order, language: str) -> str:
    return _e(amount_text(order.asked.amount, order.asked.currency, language))
