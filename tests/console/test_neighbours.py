"""The console of one shard: how the others are, where their consoles are, and which of them has what was looked for."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from switch.console.desk import Desk
from switch.console.neighbours import Announced
from switch.console.running import all_screens, menu_of
from switch.console.web import Web
from switch.core.network import Network
from switch.journal.reports import Filters, Reports
from switch.server.asking import NotAnsweredError
from tests.console.scene import KEY, WELL, Browser, Scene
from tests.journal.samples import day
from tests.sharded import morocco_sharded


class Pair:
    """Shard a with its console, and shard b's files beside it, with more payments than a has."""

    def __init__(self, directory: Path, monkeypatch: pytest.MonkeyPatch, network: Network | None = None) -> None:
        self.a = Scene(directory, network or morocco_sharded(), day(5), state="a")
        self.b = Scene(directory, network or morocco_sharded(), day(20), state="b")
        self.said: Any = {**WELL, "problems": []}
        monkeypatch.setattr("switch.console.neighbours.ask_switch", self._ask)

    def _ask(self, state: Path, command: str, *_: Any, **__: Any) -> dict[str, Any]:
        assert (state, command) == (self.b.state, "health")
        if isinstance(self.said, NotAnsweredError):
            raise self.said
        return dict(self.said)

    async def page(self, path: str) -> str:
        browser = await self.a.browser().log_in()
        return (await browser.get(path)).text

    def close(self) -> None:
        self.a.close()
        self.b.close()


async def test_it_says_how_the_others_are_and_where_their_consoles_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(tmp_path, monkeypatch)
    announced = Announced(pair.b.state)
    announced.say("http://127.0.0.1:8601")
    text = await pair.page("/health")
    assert ">warning</span></td>" in text
    assert 'href="http://127.0.0.1:8601/health"' in text
    announced.end()
    problem = {"part": "journal", "grade": "critical", "sentence": "its disk is full", "hint": "make room"}
    pair.said = {**WELL, "grade": "critical", "problems": [problem]}
    text = await pair.page("/health")
    assert "journal: its disk is full" in text
    assert f"cmi-switch console … --state {pair.b.state}" in text
    pair.said = NotAnsweredError("no switch runs there", "start it", code="switch.absent")
    assert "no switch runs there. start it" in await pair.page("/health")
    pair.close()


async def test_a_shard_of_another_machine_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(tmp_path, monkeypatch, morocco_sharded("abc"))
    assert "on another machine" in await pair.page("/health"), "c has no files here"
    pair.close()


async def test_what_another_shard_has_is_told_by_who_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pair = Pair(tmp_path, monkeypatch)
    with closing(Reports(pair.a.state)) as here, closing(Reports(pair.b.state)) as there:
        known = {row.rrn for row in here.transactions(Filters())}
        rrn = next(row.rrn for row in there.transactions(Filters()) if row.rrn not in known)
    assert f"Shard b has 1 payment by that; its console is not open: <code>cmi-switch find {rrn}" in (
        text := await pair.page(f"/find?q={rrn}")
    )
    assert "Nothing for" in text
    Announced(pair.b.state).say("http://127.0.0.1:8601")
    assert f'<a href="http://127.0.0.1:8601/find?q={rrn}">look there</a>' in await pair.page(f"/find?q={rrn}")
    assert "Shard b has" not in await pair.page("/find?q=999999999999")
    pair.close()


async def test_a_console_of_all_adds_up_what_is_in_journals_and_says_where_the_rest_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = Pair(tmp_path, monkeypatch)
    pair.close()
    monkeypatch.setattr("switch.console.neighbours.ask_switch", lambda *_, **__: {**WELL, "problems": [], "owed": 3})
    Announced(pair.b.state).say("http://127.0.0.1:8601")
    desk = Desk(morocco_sharded(), tmp_path, tmp_path / "hops.jsonl", starter="root")
    desk.renderer.show_menu(menu_of(desk.network))
    browser = await Browser(Web(desk, all_screens(desk), lambda *_: None, key=KEY).app()).log_in()
    text = (await browser.get("/health")).text
    assert "all shards</span>" in text
    assert 'href="http://127.0.0.1:8601/health"' in text
    assert desk.health is not None
    assert (desk.health["owed"], desk.health["grade"]) == (6, "warning")
    assert "Live, Links, Owed and Exceptions are each shard" in (await browser.get("/")).text
    links = await browser.get("/links")
    assert (links.status, "this console is of all shards, and links is asked of one" in links.text) == (503, True)
    assert f"cmi-switch links list --state {tmp_path}</code> asks each" in links.text
    with closing(Reports(pair.b.state)) as there:
        row = next(row for row in there.transactions(Filters()) if row.rrn)
    found = await browser.get(f"/find?q={row.rrn}")
    assert found.headers["location"] == f"/payments/{row.txn:x}"
    page = await browser.get(found.headers["location"])
    assert (page.status, row.rrn in page.text) == (200, True)
    desk.close()


async def test_without_shards_there_are_no_others(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    browser = await scene.browser().log_in()
    assert "The other shards" not in (await browser.get("/health")).text
    scene.close()
