"""A capture replayed around the pure switch: as captured where nothing changed, and any change shows."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from switch.capture.pcapng import CaptureError
from switch.capture.talks import Known, Said, Talk, load
from switch.config import load_network
from switch.config.load import SHIPPED, parse_network
from switch.testing import around
from switch.testing.around import replay_around
from switch.wire import Document
from switch.wire.vocabulary import DE
from tests.capture.captured import Captured, captured

MOROCCO = load_network("morocco")
DAY_NS = 86_400 * 10**9


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Captured:
    return captured(tmp_path_factory.mktemp("captured"))


@pytest.fixture(scope="module")
def talks(made: Captured) -> list[Talk]:
    return load(made.path, Known())


def test_a_capture_of_the_running_network_replays_as_captured_without_a_socket(
    talks: list[Talk], tmp_path: Path
) -> None:
    """Across connections only captured time tells what came first (docs/captures.md): on a busy machine two packets of
    different links may be told the wrong way round, once in a few dozen captures. A second capture then has to agree."""
    report = replay_around(MOROCCO, talks)
    if not report.same:
        report = replay_around(MOROCCO, load(captured(tmp_path).path, Known()))
    assert [str(case) for _, case in report.cases if case.differences] == []
    assert len(report.cases) > 40


def test_a_capture_of_29_february_replays_in_any_year(talks: list[Talk]) -> None:
    """The date of its messages exists in the year it was made in; a replay today has to be then."""
    leap_ns = int(datetime(2028, 2, 29, tzinfo=UTC).timestamp()) * 10**9
    shifted_ns = leap_ns - min(message.at_ns for talk in talks for message in talk.said) // DAY_NS * DAY_NS

    def dated(talk: Talk, message: Said) -> Said:
        document = dict(message.document)
        if DE.TRANSMISSION_TIME in document:
            document[DE.TRANSMISSION_TIME] = "0229" + document[DE.TRANSMISSION_TIME][4:]
        data = talk.dialect.encode(document)
        return message._replace(at_ns=message.at_ns + shifted_ns, document=document, data=data)

    then = [msgspec.structs.replace(talk, said=[dated(talk, message) for message in talk.said]) for talk in talks]
    cases = [case for _, case in replay_around(MOROCCO, then).cases]
    assert [case.name for case in cases if not case.found] == [], "each is passed on and answered"
    assert len(cases) > 40


def switch_that(monkeypatch: pytest.MonkeyPatch, changes: Callable[[str, Document], Document | None]) -> None:
    """Everything the switch says goes through `changes` (link, document); None: it does not leave."""
    takes = around._Player.take

    def changed(player: around._Player, data: bytes) -> None:
        talk = player.replay.talk
        for frame in player._incoming.feed(data):
            document = changes(talk.link, talk.dialect.decode(frame))
            if document is not None:
                player._inbox.append(talk.dialect.encode(document))

    assert takes is not changed
    monkeypatch.setattr(around._Player, "take", changed)


def first(
    link: str, mti: str, change: Callable[[Document], Document | None]
) -> Callable[[str, Document], Document | None]:
    done: list[bool] = []

    def changes(on: str, document: Document) -> Document | None:
        if on != link or document["t"] != mti or done:
            return document
        done.append(True)
        return change(dict(document))

    return changes


def without(de: str) -> Callable[[Document], Document]:
    return lambda document: {key: value for key, value in document.items() if key != de}


def planted() -> Iterator[tuple[str, str, str, Callable[[Document], Document | None]]]:
    for link, mti in (("acquirers", "0210"), ("pos", "0210"), ("acquirers", "0410")):
        yield link, mti, "DE39", lambda d: d | {"39": "96"}
        yield link, mti, "DE4", lambda d: d | {"4": "000000000001"}
        yield link, mti, "lacks DE37", without("37")
        yield link, mti, "nothing", lambda _: None
    yield "acquirers", "0210", "lacks DE38", without("38")
    for link, mti in (("atlas", "0200"), ("visa", "0200"), ("mastercard", "0200"), ("souss", "1200")):
        yield link, mti, "DE4", lambda d: d | {"4": "000000000001"}
        yield link, mti, "lacks DE41", without("41")
        yield link, mti, "nothing", lambda _: None
    yield "visa", "0200", "lacks DE19", without("19")
    yield "atlas", "0420", "DE4", lambda d: d | {"4": "000000000001"}
    yield "atlas", "0420", "lacks DE90", without("90")


@pytest.mark.parametrize(
    ("link", "mti", "what", "change"), list(planted()), ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_planted_change_of_the_switch_is_noticed(
    talks: list[Talk], monkeypatch: pytest.MonkeyPatch, link: str, mti: str, what: str,
    change: Callable[[Document], Document | None],
) -> None:  # fmt: skip
    switch_that(monkeypatch, first(link, mti, change))
    report = replay_around(MOROCCO, talks)
    assert not report.same, what
    assert len(report.different) <= 6, "one change does not make everything differ"


def test_a_network_file_that_routes_otherwise_is_noticed(talks: list[Talk]) -> None:
    text = (SHIPPED / "morocco.toml").read_text().replace('range = "9504 01"', 'range = "9504 09"')
    report = replay_around(parse_network(text, "changed.toml"), talks)
    assert "DE39" in str(report)
    assert "message 3: their 0200" in str(report), "atlas no longer gets what it got"


def test_a_capture_of_another_network_or_without_times_is_refused(talks: list[Talk], tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no talk is on a link of morocco"):
        replay_around(MOROCCO, [])
    (tmp_path / "a.jsonl").write_text(
        '{"link": "acquirers", "dialect": "cmi87", "document": {"t": "0800", "11": "000001"}}'
    )
    with pytest.raises(CaptureError, match="the capture has no times"):
        replay_around(MOROCCO, load(tmp_path / "a.jsonl", Known()))
