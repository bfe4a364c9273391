"""What the page of a card weighs, and loads."""

import re
from pathlib import Path

import msgspec

from switch.gateway.cards_shown import cards_shown
from switch.gateway.intake import take_form
from switch.gateway.pages.inventory import INVENTORY, integrity_of, read_released
from switch.gateway.pages.texts import TEXTS
from switch.gateway.web import Web
from tests.gateway.asgi import ask
from tests.gateway.test_flow import serving
from tests.gateway.test_kills import CLIENT, NETWORK, World, form

PAGE_BYTES_MAX = 60_000


async def test_the_list_of_secured_sites(tmp_path: Path) -> None:
    """Merchants as customers know them; none that is suspended."""
    async with serving(tmp_path, World(lambda n: "")) as service:
        app, store = Web(service, NETWORK).app(), service.registry.store
        (souk,) = store.merchants()
        store.change_merchant(msgspec.structs.replace(souk, title="Souk <b>", site="souk.example"))
        gone = msgspec.structs.replace(souk, clientid="600000002", title="Gone", suspended=True)
        store.add_merchant(gone)
        for language, title in (("fr", "Sites sécurisés"), ("ar", "المواقع الآمنة"), ("en", "Secured sites")):
            page = (await ask(app, f"/secured-sites?lang={language}")).text
            assert title in page
            assert "Souk &lt;b&gt;" in page
            assert "souk.example" in page
            assert "Gone" not in page


async def test_a_form_in_an_address_is_refused_and_said(tmp_path: Path) -> None:
    async with serving(tmp_path, World(lambda n: "")) as service:
        app = Web(service, NETWORK).app()
        assert (await ask(app, f"/fim/est3Dgate?clientid={CLIENT}&oid=A1")).status == 405
        (refused,) = service.refusals.take()
        assert (refused.clientid, "with GET" in refused.reason) == (CLIENT, True)


async def test_test_cards_are_offered_where_a_gateway_is_told_to_and_nowhere_else(tmp_path: Path) -> None:
    cards = cards_shown(NETWORK)
    assert {card.kind for card in cards} == set(TEXTS["en"].test_kinds)
    async with serving(tmp_path, World(lambda n: "")) as service:
        order = await take_form(service, form("A1"))
        for language in ("fr", "ar", "en"):
            page = (await ask(Web(service, NETWORK, cards).app(), f"/pay/{order.token}?lang={language}")).text
            offered = re.findall(
                r'class="fill (\w+)" data-pan="(\d+)" data-expiry="(\d\d/\d\d)" data-cvv2="(\d{3})"', page
            )
            assert offered == [(card.kind, card.pan, card.expiry, card.cvv2) for card in cards]
            assert len(page.encode()) < PAGE_BYTES_MAX / 2
        plain = (await ask(Web(service, NETWORK).app(), f"/pay/{order.token}")).text
        assert "data-pan" not in plain


async def test_a_cards_page_is_light_and_loads_what_was_released_and_nothing_else(tmp_path: Path) -> None:
    async with serving(tmp_path, World(lambda n: "")) as service:
        app, order = Web(service, NETWORK).app(), await take_form(service, form("A1"))
        whole = 0
        for language in ("fr", "ar", "en"):
            page = (await ask(app, f"/pay/{order.token}?lang={language}")).text
            whole = max(whole, len(page.encode()))
            loaded = re.findall(
                r'<(?:script|link rel="stylesheet")[^>]*?(?:src|href)="([^"]*)" integrity="([^"]*)"', page
            )
            assert dict(loaded) == {f"/static/{name}": INVENTORY[name].integrity for name in ("pay.css", "pay.js")}
            assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', page)
        for name, item in INVENTORY.items():
            served = await ask(app, f"/static/{name}")
            assert integrity_of(served.text.encode()) == item.integrity
            assert served.headers["content-type"].startswith(item.media_type)
    assert whole + sum(map(len, read_released().values())) < PAGE_BYTES_MAX


async def test_a_shop_may_send_its_customer_on_to_another_host(tmp_path: Path) -> None:
    """A shop whose server takes the post at okUrl often redirects to its pages elsewhere; Chromium, asked, blocks that under a
    `form-action` of the first host alone, and who had paid stayed on our page. Where a card is typed nothing leaves."""
    async with serving(tmp_path, World(lambda n: "")) as service:
        app, order = Web(service, NETWORK).app(), await take_form(service, form("A1"))
        typed = await ask(app, f"/pay/{order.token}", scheme="https")
        assert "form-action 'self'; " in typed.headers["content-security-policy"]
        await service.cancel(order)
        for scheme, further in (("https", "https:"), ("http", "https: http:")):
            left = await ask(app, f"/pay/{order.token}", scheme=scheme)
            assert f"form-action 'self' http://127.0.0.1:9000 {further}; " in left.headers["content-security-policy"]
