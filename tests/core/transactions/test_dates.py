"""Dates on their way through the switch: the year they get, and what becomes of those that do not exist."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest

from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, morocco, purchase

NEW_YEARS_EVE = datetime(2025, 12, 31, 23, 30, tzinfo=UTC)


def at_a_1993_host(now: datetime) -> Scene:
    """Morocco at `now`, where Atlas's host speaks the 1993 edition."""
    network = morocco()
    hosts = tuple(msgspec.structs.replace(h, dialect="iso93") if h.name == "atlas" else h for h in network.hosts)
    scene = Scene(Playbook(msgspec.structs.replace(network, hosts=hosts)))
    scene.book.switch.wall_offset_ns = round(now.timestamp()) * 1_000_000_000 - scene.book.now
    return scene


def test_links_of_a_family_know_the_same_dates() -> None:
    """On each of a thousand links a payment would be the first of its second, whose dates nobody had looked at."""
    scene = at_a_1993_host(NEW_YEARS_EVE)
    for _ in range(3):
        scene.book.acquirer("acquirers", "504102")
    links = scene.book.switch.sessions.values()
    by_family = {(link.dialect.family, id(link.dates)) for link in links}
    assert len(by_family) == len({family for family, _ in by_family}) < len(links)
    assert ("iso93", id(scene.book.switch.sessions[scene.atlas.link].dates)) in by_family


def sent(scene: Scene, request: dict[str, str]) -> dict[str, str]:
    """A request as the host's own bytes have it."""
    scene.rif.sends(request)
    return scene.atlas.raw_of(scene.atlas.gets())


def test_at_half_past_eleven_on_new_years_eve_a_local_date_of_january_is_next_years() -> None:
    scene = at_a_1993_host(NEW_YEARS_EVE)
    raw = sent(scene, purchase(de7="1231233000", de12="003000", de13="0101", de15="0101"))
    assert (raw["7"], raw["12"], raw["15"]) == ("1231233000", "260101003000", "260101")


def test_without_de13_the_local_time_says_which_day_it_is() -> None:
    scene = at_a_1993_host(NEW_YEARS_EVE)
    assert sent(scene, purchase(de7="1231233000", de12="003000", de13=""))["12"] == "260101003000"


def test_an_acquirers_last_day_of_the_year_is_last_years_in_january() -> None:
    scene = at_a_1993_host(NEW_YEARS_EVE + timedelta(hours=1))
    assert sent(scene, purchase(de7="0101003000", de12="233000", de13="1231"))["12"] == "251231233000"


@pytest.mark.parametrize(
    ("element", "value", "why"),
    [
        ("7", "1399996199", "DE7=1399996199 is no MMDDhhmmss: month 13"),
        ("7", "0230120000", "DE7=0230120000 is no MMDDhhmmss: day 30 of month 02"),
        (
            "7",
            "0229120000",
            "DE7=0229120000 is no MMDDhhmmss: 29 February, and no leap year within 183 days of 2025-11-25",
        ),
        ("12", "250000", "DE12=250000 is no hhmmss: hour 25"),
        ("13", "1131", "DE13=1131 is no MMDD: day 31 of month 11"),
        ("15", "0000", "DE15=0000 is no MMDD: month 00"),
        ("17", "1399", "DE17=1399 is no MMDD: month 13"),
    ],
)
def test_a_request_with_a_date_that_does_not_exist_is_a_format_error(element: str, value: str, why: str) -> None:
    scene = Scene()
    scene.rif.sends(purchase(**{f"de{element}": value}))
    assert scene.rif.gets()["39"] == "30"
    assert scene.atlas.got_nothing()
    assert scene.book.hops[-1].note == why


@pytest.mark.parametrize("mti", ["0100", "0220", "0400"])
def test_so_is_an_advice_or_a_reversal(mti: str) -> None:
    scene = Scene()
    scene.rif.sends(purchase(t=mti, de7="1399996199"))
    assert scene.rif.gets()["39"] == "30"


def test_a_sign_on_with_an_impossible_time_is_a_format_error() -> None:
    scene = Scene()
    scene.rif.sends({"t": "0800", "7": "0230120000", "11": "000001", "32": "504102", "70": "001"})
    assert scene.rif.gets()["39"] == "30"


@pytest.mark.parametrize(("element", "value"), [("7", "1399996199"), ("13", "1399"), ("15", "0000"), ("17", "0230")])
def test_an_answer_stands_without_its_impossible_date(element: str, value: str) -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345", **{f"de{element}": value})
    got = scene.rif.gets()
    assert (got["39"], got["38"], got["7"]) == ("00", "A12345", "1125120000")
    assert got.get(element) != value
    (dropped,) = [log for log in scene.book.logs if log.event == "element.dropped"]
    assert dropped.fields["reason"].startswith(f"DE{element}={value} is no MMDD")


@pytest.mark.parametrize(
    ("city", "de39"),
    [("TUNIS         TUN", "57"), ("CASABLANCA    MAR", "00"), ("TUNIS        TN", "57"), ("RABAT        MA", "00")],
)
def test_a_domestic_card_is_refused_abroad_in_whatever_letters_the_country_comes(city: str, de39: str) -> None:
    scene = Scene()
    name = f"{'EPICERIE DU PORT':<{40 - len(city)}}{city}"
    scene.rif.sends(purchase(de43=name))
    if de39 == "00":
        scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    assert scene.rif.gets()["39"] == de39
