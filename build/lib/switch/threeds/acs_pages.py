"""The pages of an access control server, as HTML, in the style of the payment page. Pure.

In: a challenge, a language. Out: a whole page. The one rule: whatever came from outside is escaped where it is put in.
"""

import html
from collections.abc import Iterable
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

from switch.money.currency import format_amount
from switch.threeds.acs_texts import DIRECTIONS, NAMES, TEXTS, Texts
from switch.threeds.challenges import DIGITS, Challenge
from switch.threeds.protocol.encoding import Message, to_form

_e = html.escape
_PADLOCK: Final = (
    '<svg class="padlock" viewBox="0 0 24 24" aria-hidden="true"><rect x="4" y="10.5" width="16" height="10.5" rx="2.5"/>'
    '<path d="M7.5 10.5V7.5a4.5 4.5 0 0 1 9 0v3" fill="none"/><circle cx="12" cy="15.2" r="1.5"/></svg>'
)
SCRIPT: Final = b"""// What a page is there for without a click: a form that takes the browser on. Everything works without it.
"use strict";
for (const form of document.querySelectorAll("form")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "1";
    form.classList.add("sent");
  });
}
const onward = document.querySelector("form.onward");
if (onward) onward.requestSubmit();
"""

STYLE: Final = b"""
main > h1 { font-size: 1.3rem; margin: 0; }
.facts { display: grid; grid-template-columns: auto 1fr; gap: 6px 18px; margin: 0; }
.facts dt { color: var(--soft); }
.facts dd { margin: 0; font-weight: 600; overflow-wrap: anywhere; }
.state h1 { margin: 10px 0 4px; font-size: 1.3rem; }
#code { letter-spacing: .3em; }
"""
"""added to the payment page's"""


def _page(language: str, bank: str, title: str, body: str, again: str = "") -> str:
    words = TEXTS[language]
    choices = "".join(
        f'<a href="{again}?lang={code}" lang="{code}"{" aria-current=true" if code == language else ""}>{name}</a>'
        for code, name in NAMES.items()
    )
    choice = f'<nav class="languages" aria-label="{_e(words.language)}">{choices}</nav>' if again else ""
    return (
        f'<!doctype html><html lang="{language}" dir="{DIRECTIONS[language]}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><title>{_e(title)}</title>'
        '<link rel="icon" href="data:,"><link rel="stylesheet" href="/static/page.css">'
        '<script src="/static/page.js" defer></script>'
        f'</head><body><header><div class="brand">{_PADLOCK}<strong>{_e(bank)}</strong></div>{choice}</header>'
        f"<main>{body}</main></body></html>"
    )


def challenge_page(
    challenge: Challenge, bank: str, language: str, *, wrong: bool = False, no_more: bool = False
) -> str:
    """The form for the code, and what is paid."""
    words, path = TEXTS[language], f"/challenge/{challenge.token}"
    said = words.wrong if wrong else words.hint
    kind = 'class="problem" role="alert"' if wrong else 'class="hint"'
    notice = f'<p class="notice" role="alert">{_e(words.no_more)}</p>' if no_more else ""
    lang = f'<input type="hidden" name="lang" value="{language}">'
    body = (
        f'<h1>{_e(words.title)}</h1><p class="hint">{_e(words.sent)}</p>{_summary(challenge.asked, words)}{notice}'
        f'<form method="post" action="{path}" class="card" novalidate>{lang}'
        f'<div class="field"><label for="code">{_e(words.code)}</label><div class="box">'
        f'<input id="code" name="code" inputmode="numeric" dir="ltr" autocomplete="one-time-code" maxlength="{DIGITS + 1}" '
        f'aria-describedby="code-said"{" aria-invalid=true" if wrong else ""} required autofocus></div>'
        f'<p {kind} id="code-said">{_e(said)}</p></div>'
        f'<button class="pay" type="submit" name="do" value="confirm">{_e(words.confirm)}</button></form>'
        f'<form method="post" action="{path}" class="cancel">{lang}'
        f'<button type="submit" name="do" value="again">{_e(words.again)}</button></form>'
        f'<form method="post" action="{path}" class="cancel">{lang}'
        f'<button type="submit" name="do" value="cancel">{_e(words.cancel)}</button></form>'
    )
    return _page(language, bank, words.title, body, again=path)


def _summary(asked: Message, words: Texts) -> str:
    """Merchant, amount, date and the card's last digits, as a cardholder must see them. Amounts as ISO 4217 has them."""
    amount = format_amount(int(asked.get("purchaseAmount", "0")), asked.get("purchaseCurrency", "504"))
    day = datetime.strptime(asked["purchaseDate"], "%Y%m%d%H%M%S") if "purchaseDate" in asked else None  # noqa: DTZ007
    rows = (
        (words.merchant, asked.get("merchantName", "")),
        (words.amount, amount),
        (words.date, f"{day:%Y-%m-%d}" if day is not None else ""),
        (words.card, f"•••• {asked['acctNumber'][-4:]}"),
    )
    cells = "".join(f"<dt>{_e(name)}</dt><dd><bdi>{_e(value)}</bdi></dd>" for name, value in rows if value)
    return f'<dl class="facts" aria-label="{_e(words.summary)}">{cells}</dl>'


def onward_page(bank: str, language: str, url: str, fields: Iterable[tuple[str, str]]) -> str:
    """A form that takes the browser on, by itself where there are scripts."""
    words = TEXTS[language]
    hidden = "".join(f'<input type="hidden" name="{_e(name)}" value="{_e(value)}">' for name, value in fields)
    body = (
        f'<div class="state" role="status"><div class="wheel"></div><h1>{_e(words.done)}</h1><p>{_e(words.done_hint)}</p></div>'
        f'<form method="post" action="{_e(url)}" class="onward">{hidden}'
        f'<button class="pay" type="submit">{_e(words.back)}</button></form>'
    )
    return _page(language, bank, words.done, body)


def unknown_page(bank: str, language: str) -> str:
    """A challenge that is none, or is forgotten."""
    words = TEXTS[language]
    body = f'<div class="state bad" role="alert"><h1>{_e(words.unknown)}</h1><p>{_e(words.unknown_hint)}</p></div>'
    return _page(language, bank, words.unknown, body)


def phone_page(bank: str, messages: Iterable[str]) -> str:
    """What the cardholders' telephones have got: in place of a telephone."""
    rows = "".join(f"<li>{_e(text)}</li>" for text in messages) or "<li>…</li>"
    body = f'<h1>SMS</h1><ul class="sites">{rows}</ul>'
    return _page("en", bank, "SMS", body)


def result_fields(challenge: Challenge) -> list[tuple[str, str]]:
    """The CRes, and the session data as they came: Y where the result is yes and was acknowledged."""
    message = {
        "messageType": "CRes",
        "messageVersion": challenge.asked["messageVersion"],
        "threeDSServerTransID": challenge.ids["threeDSServerTransID"],
        "acsTransID": challenge.ids["acsTransID"],
        "challengeCompletionInd": "Y",
        "transStatus": "Y" if challenge.agreed else "N",
    }
    data = [("threeDSSessionData", challenge.session_data)] if challenge.session_data else []
    return [("cres", to_form(message)), *data]


def origin_of(url: str) -> str:
    """Scheme, host and port, for a policy."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
