"""The pages between a card and its bank, in the style of the payment page. Pure.

In: an order that is being authenticated, a language. Out: a whole page. The one rule: each goes on by itself where there are
scripts, and by a button where there are none.
"""

import html
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from switch.gateway.orders.order import Merchant, Order
from switch.gateway.pages.inventory import INVENTORY
from switch.gateway.pages.pages import page, summary
from switch.threeds.protocol.encoding import to_form

_e = html.escape


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The words of one language."""

    asking: str
    asking_hint: str
    going: str
    going_hint: str
    onward: str


TEXTS: Final = {
    "fr": Texts(
        asking="Vérification de la carte…",
        asking_hint="Un instant : la banque de la carte est interrogée.",
        going="Votre banque demande un code",
        going_hint="Vous allez sur la page de votre banque, puis vous revenez ici.",
        onward="Continuer",
    ),
    "ar": Texts(
        asking="جارٍ التحقق من البطاقة…",
        asking_hint="لحظة: يتم سؤال بنك البطاقة.",
        going="يطلب بنكك رمزا",
        going_hint="ستنتقل إلى صفحة بنكك ثم تعود إلى هنا.",
        onward="متابعة",
    ),
    "en": Texts(
        asking="Checking the card…",
        asking_hint="One moment: the card’s bank is being asked.",
        going="Your bank asks for a code",
        going_hint="You go to your bank’s page, and come back here.",
        onward="Continue",
    ),
}
_NAME: Final = "authenticate.js"
_SCRIPT: Final = f'<script src="/static/{_NAME}" integrity="{INVENTORY[_NAME].integrity}" defer></script>'
FOUND: Final = _SCRIPT + "".join(
    f'<input type="hidden" name="{name}" data-finds>'
    for name in ("browserColorDepth", "browserScreenHeight", "browserScreenWidth", "browserTZ", "browserJavaEnabled")
)
"""what the script finds out about the browser; without it they are empty"""


def method_page(order: Order, merchant: Merchant, language: str, url: str, data: Mapping[str, str]) -> str:
    """3DS Method: a frame in which the bank looks at the browser; then on."""
    words = TEXTS[language]
    hidden = _hidden([("threeDSMethodData", to_form(data))])
    before = (
        f'<form method="post" action="{_e(url)}" target="method" class="method">{hidden}</form>'
        f'<iframe name="method" class="method" title="{_e(words.asking)}" hidden></iframe>'
    )
    action = f"/pay/{order.token}/authenticate"
    return _onward(order, merchant, language, words.asking, words.asking_hint, action, [("lang", language)], before)


def to_bank_page(order: Order, merchant: Merchant, language: str, url: str, creq: Mapping[str, str]) -> str:
    """The form that takes the browser to its bank's page."""
    words = TEXTS[language]
    return _onward(order, merchant, language, words.going, words.going_hint, url, [("creq", to_form(creq))])


def method_done_page() -> str:
    """In the frame: says to the page around it that the method is done."""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>3DS Method</title>'
        f"{_SCRIPT}</head><body data-method-done></body></html>"
    )


def _onward(
    order: Order,
    merchant: Merchant,
    language: str,
    title: str,
    hint: str,
    action: str,
    fields: Iterable[tuple[str, str]],
    before: str = "",
) -> str:
    words = TEXTS[language]
    body = (
        f'{_SCRIPT}{summary(order, merchant, language)}<div class="state working" role="status"><div class="wheel"></div>'
        f"<h2>{_e(title)}</h2><p>{_e(hint)}</p></div>{before}"
        f'<form method="post" action="{_e(action)}" class="onward">{_hidden(fields)}'
        f'<button class="pay" type="submit">{_e(words.onward)}</button></form>'
    )
    return page(language, title, body)


def _hidden(fields: Iterable[tuple[str, str]]) -> str:
    return "".join(f'<input type="hidden" name="{_e(name)}" value="{_e(value)}">' for name, value in fields)
