"""Who sees what: sessions, forms, headers, and pages that show nothing they must not."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import trio
from click.testing import CliRunner
from starlette.requests import Request
from trio.testing import MockClock

from switch.cli.main import main
from switch.console import accounts
from switch.console.accounts import Accounts, AccountsError
from switch.console.desk import LOOK_S
from switch.console.screens.links import LinksScreen
from switch.console.sessions import SESSIONS_MAX, Sessions
from switch.console.stream import Stream
from switch.console.web import TRIES_PER_NAME
from switch.core.credentials import OperatorAccount
from switch.core.network import Network
from switch.core.party import Hop
from switch.http.server import Message
from switch.http.sessions import IDLE_S, LONGEST_S
from switch.observe.hoplog import HopLog
from switch.server.asking import NotAnsweredError
from tests.console.scene import Browser, Scene
from tests.core.scripts import morocco
from tests.journal.samples import declined

PASSWORD = "correct horse battery"
PAGES = ("/", "/?range=1h", "/?range=24h", "/health", "/find", "/find?q=nothing", "/find?q=626414123456", "/payments/3")
HOSTILE = '<script>alert("x")</script>'


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    made = Scene(tmp_path_factory.mktemp("console"))
    yield made
    made.close()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accounts, "WORK", 2)


@pytest.mark.parametrize("path", [*PAGES, "/stream/live", "/nowhere"])
async def test_nobody_sees_anything_without_a_session(scene: Scene, path: str) -> None:
    page = await scene.browser().get(path)
    assert (page.status, page.headers.get("location", "")[:6]) in ((303, "/login"), (401, ""))
    assert "morocco" not in page.text


async def test_a_wrong_key_or_an_old_cookie_is_none(scene: Scene) -> None:
    browser = scene.browser()
    assert (await browser.get("/login?key=guessed")).status == 200
    browser.cookie = "console=guessed"
    assert (await browser.get("/")).status == 303


@pytest.mark.parametrize("path", PAGES)
async def test_pages_run_and_load_nothing_but_the_consoles_own_files(scene: Scene, path: str) -> None:
    page = await (await scene.browser().log_in()).get(path)
    assert page.status in (200, 404), page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    assert page.headers["cache-control"] == "no-store"
    assert not re.search(
        r"<style|\sstyle=|\son\w+=|javascript:|//(?!www\.w3\.org)", page.text.replace("http://", "", 1)
    )
    assert re.findall(r"<script[^>]*>", page.text) == re.findall(
        r'<script src="/static/console\.js\?v=\w+" integrity="sha384-[^"]+" defer>', page.text
    )
    for source in re.findall(r'(?:src|href)="(/static/[^"]+)"', page.text):
        assert (await scene.browser().get(source)).status == 200


async def test_every_page_has_one_heading_labels_and_names(scene: Scene) -> None:
    browser = await scene.browser().log_in()
    for path in PAGES:
        page = (await browser.get(path)).text
        assert page.count("<h1") <= 1, path
        assert len(re.findall(r"<main", page)) == 1
        for box in re.findall(r'<(?:input|select|textarea)[^>]*\sid="(\w+)"', page):
            assert f'<label for="{box}"' in page or f'for="{box}"' in page, f"{path}: {box}"


async def test_what_peers_say_is_shown_and_never_obeyed(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    log = HopLog(scene.log)
    hop = Hop(
        event="hop.received",
        txn=3,
        link="acquirers#1",
        mti="0200",
        stan="1",
        rrn=HOSTILE,
        pan="950401******1234",
        amount=1,
        currency="504",
        route="",
        de39="",
        cost=0,
        at_ns=0,
        first_ns=0,
        note=HOSTILE,
    )
    log.hop(hop, 0, 3_000)
    log.close()
    browser = await scene.browser().log_in()
    for path in ("/payments/3", f"/find?q={HOSTILE}"):
        page = await browser.get(path)
        assert HOSTILE not in page.text
    assert "&lt;script&gt;" in (await browser.get("/payments/3")).text
    scene.close()


async def test_a_form_of_another_page_does_nothing(scene: Scene) -> None:
    browser = await scene.browser().log_in()
    token = (await browser.get("/")).csrf
    for headers, given in (
        ({}, "guessed"),
        ({"sec-fetch-site": "cross-site"}, token),
        ({"sec-fetch-site": "same-site", "origin": "http://console.test"}, token),
        ({"origin": "https://evil.test"}, token),
    ):
        browser.headers = headers
        assert (await browser.post("/logout", csrf=given)).headers["location"] == "/"
    browser.headers = {"sec-fetch-site": "same-origin", "origin": "http://console.test"}
    assert "Nothing was done" in (await browser.get("/")).text
    assert [name for name, _ in scene.events].count("form.refused") == 4
    assert (await browser.post("/logout", csrf=token)).headers["location"] == "/login"
    assert (await browser.get("/")).status == 303


async def test_a_password_is_asked_for_in_the_same_words_whatever_is_wrong_and_not_for_ever(
    tmp_path: Path, quick: None
) -> None:
    operators = (OperatorAccount(user="amina", role="viewer"),)
    scene = Scene(tmp_path, msgspec.structs.replace(morocco(), operators=operators))
    scene.desk.accounts.set_password("amina", PASSWORD)
    scene.desk.accounts.set_password("eve", PASSWORD)
    browser = scene.browser()
    said = set()
    for user, password in (("amina", "wrong"), (PASSWORD, "amina"), ("eve", PASSWORD)):
        page = await browser.post("/login", user=user, password=password)
        found = re.search(r'role="alert">([^<]+)<', page.text)
        assert (page.status, found is not None) == (403, True)
        said.add(found[1] if found else "")
    assert len(said) == 1
    tried = [fields["user"] for event, fields in scene.events if event == "login.refused"]
    assert tried == ["amina", "nobody's name", "eve"], "a password typed in the wrong field is in no log"
    done = await browser.post("/login", user="amina", password=PASSWORD, next="//evil.test/")
    assert (done.status, done.headers["location"]) == (303, "/")
    cookie = done.headers["set-cookie"].lower()
    assert all(part in cookie for part in ("httponly", "samesite=strict"))
    assert ">viewer" in (await browser.get("/")).text
    scene.desk.accounts.check = lambda *_: b""  # type: ignore[method-assign]
    other = scene.browser()
    for _ in range(TRIES_PER_NAME):
        await other.post("/login", user="amina", password="guess")
    assert (await other.post("/login", user="amina", password=PASSWORD)).status == 429
    scene.close()


async def test_whoever_the_switch_knows_no_more_is_logged_out_and_sees_nothing_more(
    tmp_path: Path, quick: None, autojump_clock: MockClock
) -> None:
    two = tuple(OperatorAccount(user=user, role="operator") for user in ("amina", "omar"))
    scene = Scene(tmp_path, msgspec.structs.replace(morocco(), operators=two))
    scene.answers["links.list"] = {"links": []}
    browsers = {}
    for user in ("amina", "omar"):
        scene.desk.accounts.set_password(user, PASSWORD)
        browsers[user] = scene.browser()
        assert (await browsers[user].post("/login", user=user, password=PASSWORD)).status == 303
        assert ">operator" in (await browsers[user].get("/health")).text
    goes_on = scene.desk.goes_on(scene.desk.sessions.open_ones()[1])
    scene.network = msgspec.structs.replace(
        morocco(), title="After the reload", operators=(msgspec.structs.replace(two[0], role="viewer"),)
    )
    await trio.sleep(LOOK_S)
    assert (await browsers["omar"].get("/health")).status == 200, "the switch has not read its file again"
    scene.answers["health"] = {**scene.answers["health"], "network_since_us": 7}
    await trio.sleep(LOOK_S)
    assert goes_on()
    assert (await browsers["omar"].get("/links")).headers["location"] == "/login?next=%2Flinks"
    assert not goes_on(), "what is pushed to his open page ends, too"
    assert (await browsers["omar"].post("/login", user="omar", password=PASSWORD)).status == 403
    assert ">viewer" in (await browsers["amina"].get("/health")).text
    scene.desk.accounts.set_password("amina", PASSWORD[::-1])
    assert (await browsers["amina"].get("/health")).status == 303, "another password ends what the old one began"
    scene.close()


@pytest.mark.parametrize("more", [[], ["--password", "a"], ["--second-factor", "a"], ["--no-second-factor", "a"]])
def test_a_state_directory_that_is_not_there_is_not_made(tmp_path: Path, more: list[str]) -> None:
    """A slip of the keyboard; a console of nothing would start, and a password be set for nobody."""
    away = tmp_path / "var" / "marocco"
    done = CliRunner().invoke(main, ["console", "--state", str(away), "--listen", "127.0.0.1:0", *more], input=PASSWORD)
    assert (done.exit_code, away.exists()) == (1, False), done.output
    assert f"{away} is no state directory of a switch: give --state as `serve` has it" in done.output
    assert f"--state {away}` makes one" in done.output


async def test_who_logs_in_with_a_password_that_is_set_anew_meanwhile_is_not_in(
    tmp_path: Path, quick: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene = Scene(tmp_path, msgspec.structs.replace(morocco(), operators=(OperatorAccount(user="a", role="viewer"),)))
    scene.desk.accounts.set_password("a", PASSWORD)
    check = scene.desk.accounts.check

    def overtaken(name: str, password: str, code: str, now_s: float) -> bytes:
        proof = check(name, password, code, now_s)
        scene.desk.accounts.set_password("a", PASSWORD[::-1])
        return proof

    monkeypatch.setattr(scene.desk.accounts, "check", overtaken)
    browser = scene.browser()
    await browser.post("/login", user="a", password=PASSWORD)
    assert (await browser.get("/health")).status == 303, "that password ended before the session began"
    scene.close()


async def test_a_network_file_that_cannot_be_read_again_is_said_to_be_an_old_one(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    scene = Scene(tmp_path)
    await trio.sleep(LOOK_S)
    browser = await scene.browser().log_in()

    def broken() -> Network:
        raise PermissionError(13, "Permission denied", "network.toml")

    reread, scene.desk._reread = scene.desk._reread, broken
    scene.answers["health"] = {**scene.answers["health"], "network_since_us": 9}
    await trio.sleep(LOOK_S)
    assert "cannot be read here, and is shown as it was" in (await browser.get("/health")).text
    scene.desk._reread = reread
    await trio.sleep(LOOK_S)
    assert "as it was" not in (await browser.get("/health")).text
    scene.close()


async def test_a_proxy_may_ask_by_another_host_and_its_https_is_the_cookies(tmp_path: Path, quick: None) -> None:
    scene = Scene(tmp_path, msgspec.structs.replace(morocco(), operators=(OperatorAccount(user="a", role="viewer"),)))
    scene.desk.accounts.set_password("a", PASSWORD)
    browser = scene.browser()
    browser.headers = {"origin": "https://console.example", "sec-fetch-site": "same-origin"}
    done = await browser.post("/login", user="a", password=PASSWORD)
    assert (done.status, "; Secure" in done.headers["set-cookie"]) == (303, True)
    assert (await browser.post("/logout", csrf=(await browser.get("/")).csrf)).headers["location"] == "/login"
    scene.close()


async def test_beside_a_switch_that_stands_still_pages_come_soon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: dict[str, float] = {}

    def silent(_: Path, command: str, __: object, *, timeout_s: float, behalf: str) -> dict[str, object]:
        waits[command] = timeout_s
        raise NotAnsweredError("the switch did not answer", "look at it", code="switch.silent")

    scene = Scene(tmp_path)
    monkeypatch.setattr("switch.console.desk.ask_switch", silent)
    del scene.desk.ask  # as it is outside of tests
    browser = await scene.browser().log_in()
    assert "The switch does not answer" in (await browser.get("/health")).text
    assert (await browser.get("/exceptions")).status == 503
    await browser.submit("/links", name="atlas", what="drain", reason="night work")
    assert waits == {"health": 1.0, "exceptions.list": 3.0, "links.drain": 10.0, "links.list": 3.0}
    scene.close()


def test_sessions_end_when_nobody_does_anything_and_after_a_working_day() -> None:
    sessions = Sessions()
    one = sessions.begin("amina", 0.0)
    assert sessions.find(one.token, IDLE_S - 1) is one
    assert sessions.find(one.token, 2 * IDLE_S - 2, touch=False) is one
    assert sessions.find(one.token, 2 * IDLE_S) is None, "what was only pushed to a page is no request"
    two, at = sessions.begin("amina", 0.0), 0.0
    while at < LONGEST_S - IDLE_S:
        at += IDLE_S / 2
        assert sessions.find(two.token, at) is two
    assert sessions.find(two.token, LONGEST_S) is None
    for n in range(SESSIONS_MAX + 5):
        sessions.begin("amina", 50_000.0 + n / 1_000)
    assert len(sessions.open_ones()) == SESSIONS_MAX


def test_passwords_are_kept_as_digests_in_a_file_of_its_owners_own(tmp_path: Path, quick: None) -> None:
    kept = Accounts(tmp_path / "console" / "accounts.json")
    with pytest.raises(AccountsError, match="12 characters"):
        kept.set_password("amina", "short")
    with pytest.raises(AccountsError, match="256 characters at most"):
        kept.set_password("amina", "p" * 257)
    kept.set_password("amina", PASSWORD)
    assert Accounts(tmp_path / "console" / "accounts.json").check("amina", PASSWORD, "", 0)
    file = tmp_path / "console" / "accounts.json"
    assert file.stat().st_mode & 0o777 == 0o600
    assert PASSWORD not in file.read_text()
    file.write_text("{")
    with pytest.raises(AccountsError, match="no file of accounts"):
        Accounts(file)


async def test_a_stream_sends_what_has_changed_and_ends_with_its_session(autojump_clock: MockClock) -> None:
    ticks: list[int] = []

    async def parts() -> dict[str, str]:
        ticks.append(1)
        return {"tiles": f"<b>{len(ticks) // 2}</b>", "tables": "same"}

    heard: list[bytes] = []

    async def send(message: Message) -> None:
        heard.append(message.get("body", b""))

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    await Stream(parts, lambda: len(ticks) < 5)({}, receive, send)
    told = b"".join(heard).decode()
    assert told.count("data: {") == 3
    assert told.count("same") == 1
    assert ": still here" in told
    assert told.endswith("event: over\ndata: over\n\n")
    began, number = trio.current_time(), len(heard)
    await Stream(parts, lambda: True)({"method": "HEAD"}, receive, send)
    assert (trio.current_time(), b"".join(heard[number:])) == (began, b"")
    ticks.clear()
    await Stream(parts, lambda: True)({}, receive, send)
    assert trio.current_time() - began < 60, "it ends before the server's bound, and the browser comes again"


async def test_the_stream_of_links_goes_on_while_the_switch_restarts(tmp_path: Path, autojump_clock: MockClock) -> None:
    scene = Scene(tmp_path)
    (shown,) = [one for one in LinksScreen(scene.desk).screens() if one.path == "/stream/links"]
    assert shown.show is not None
    session, heard = scene.desk.sessions.begin("root", trio.current_time()), list[bytes]()

    async def send(message: Message) -> None:
        heard.append(message.get("body", b""))
        if heard[-1]:
            scene.answers["links.list"] = {"hosts": [], "sessions": [], "maintenance": {}}

    async def receive() -> Message:
        return {"type": "http.disconnect"}

    answer = await shown.show(Request({"type": "http", "path": "/stream/links", "headers": []}), session)
    await answer({}, receive, send)
    told = [body.decode() for body in heard if b"data: {" in body]
    assert ["links" in json.loads(text.partition("data: ")[2]) for text in told][:2] == [False, True]
    scene.close()


async def test_a_payment_is_found_by_what_a_receipt_says_and_its_page_says_why(scene: Scene) -> None:
    browser = await scene.browser().log_in()
    refused = declined(1)
    page = await browser.get(f"/find?q={refused.rrn}")
    assert page.headers["location"] == "/payments/1"
    page = await browser.get("/payments/1")
    assert "Declined by the switch; nobody else was asked" in page.text
    assert refused.reason in page.text
    assert "none of its hops any more" in page.text
    answered = await browser.get("/payments/9")
    assert "Declined by" in answered.text
    assert "Not enough on the account" in answered.text
    assert "Records of the journal" in answered.text
    assert not re.search(r"\b\d{13,19}\b", re.sub(r"\b6\d{11}\b", "", answered.text)), "no whole card number"
    many = await browser.get("/find?q=1234 1.00")
    assert many.status in (200, 303)


async def test_the_board_shows_payments_and_that_the_switch_is_silent(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    browser: Browser = await scene.browser().log_in()
    page = (await browser.get("/")).text
    assert "not sufficient funds" in page
    assert "62.5 %" in page
    del scene.answers["health"]
    scene.desk._asked = -100.0
    page = (await browser.get("/health")).text
    assert "no answer" in page
    assert "no switch runs here" in page
    scene.close()
