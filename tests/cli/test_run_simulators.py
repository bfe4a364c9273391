"""Hosts whose books are kept in a journal: what is found again, what is refused."""

import random
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
import pytest
from click.testing import CliRunner

from switch.cli._run_simulators import station_of, what_they_kept
from switch.cli._tls import dialling_end
from switch.cli.main import main
from switch.config import load_network
from switch.core.limits import Limits
from switch.journal.feed import Feed
from switch.journal.log import JournalError
from switch.security.issuing import TestAuthority
from switch.server.stations import Station
from switch.simulators.accounts import Ledger
from switch.simulators.build import make_issuer
from switch.simulators.cards import demo_cards
from switch.simulators.issuer import Issuer
from tests.journal.samples import wait_durable
from tests.simulators.samples import at, pay

MOROCCO = load_network("morocco")
CARDS = {c.name: c for c in demo_cards(MOROCCO)}


def atlas(state: Path) -> tuple[Issuer, Station]:
    issuer = make_issuer(MOROCCO, "atlas", random.Random(1))
    return issuer, station_of(MOROCCO, "atlas", issuer, state)


def one_payment(state: Path) -> Issuer:
    """Somebody paid, and the process ended."""
    issuer, station = atlas(state)
    assert isinstance(station.journal, Feed)
    issuer.ledger.authorize(pay(card=CARDS["atlas-approved"]), at())
    station.journal.append(1, issuer.ledger.fresh[0])
    wait_durable(station.journal, 1)
    station.journal.close()
    return issuer


def test_a_host_started_again_has_the_books_it_had(tmp_path: Path) -> None:
    before = one_payment(tmp_path)
    assert before.book().approved == 1
    after, station = atlas(tmp_path)
    assert after.book() == before.book()
    assert what_they_kept([station]) == "; books are durable, 1 record recovered"
    assert station.journal is not None
    station.journal.close()


def test_a_second_host_on_the_same_books_is_refused_with_a_sentence(tmp_path: Path) -> None:
    _, station = atlas(tmp_path)
    with pytest.raises(click.ClickException, match="is in use by process"):
        atlas(tmp_path)
    assert station.journal is not None
    station.journal.close()


def test_a_switch_does_not_take_an_issuers_books_for_its_journal(tmp_path: Path) -> None:
    one_payment(tmp_path)
    with pytest.raises(JournalError):
        Feed(tmp_path / "atlas", "morocco", Limits()).open()


def test_books_about_a_card_that_is_no_longer_on_file_are_refused_by_its_name(tmp_path: Path) -> None:
    one_payment(tmp_path)
    issuer = make_issuer(MOROCCO, "atlas", random.Random(1))
    cards = [account.card for _, account in issuer.ledger.accounts.items() if account.card.name != "atlas-approved"]
    issuer.ledger = Ledger("atlas", cards)
    with pytest.raises(
        click.ClickException, match="is about card 'atlas-approved', which the network file no longer has"
    ):
        station_of(MOROCCO, "atlas", issuer, tmp_path)


def test_without_a_directory_books_live_in_memory() -> None:
    station = station_of(MOROCCO, "atlas", make_issuer(MOROCCO, "atlas", random.Random(1)))
    assert station.journal is None
    assert what_they_kept([station]) == ""


def test_each_host_has_a_directory_of_its_own(tmp_path: Path) -> None:
    names = [host.name for host in MOROCCO.hosts if host.role == "issuer"]
    stations = [station_of(MOROCCO, n, make_issuer(MOROCCO, n, random.Random(1)), tmp_path) for n in names]
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(names)
    for station in stations:
        assert station.journal is not None
        station.journal.close()


@pytest.mark.parametrize("command", ["issuer atlas", "network visa", "terminal", "pay", "gateway"])
def test_tls_on_a_link_that_has_none_is_refused_rather_than_left_out(command: str, tmp_path: Path) -> None:
    """Whoever gives --tls believes that what follows is secured."""
    done = CliRunner().invoke(main, [*command.split(), "--tls", str(tmp_path)])
    assert done.exit_code == 2, done.output
    assert "has no tls in the network file, so that its connections are plain" in done.output


def test_an_edge_of_another_make_has_the_tls_of_a_listener_that_says_nothing_of_it(tmp_path: Path) -> None:
    """Whoever connects to that edge shows a certificate, where one is given."""
    TestAuthority(tmp_path, "ca", datetime.now(UTC), 9).issue("atlas", "atlas.test")
    listener = MOROCCO.listeners[0]
    behind = msgspec.structs.replace(listener, edge=str(tmp_path / "edge.sock"))
    assert dialling_end(tmp_path, "atlas", behind) is not None
    assert dialling_end(None, "atlas", behind) is None
    assert dialling_end(tmp_path, "atlas", listener, "far.example") is not None, "who says where to says with what"
    with pytest.raises(click.UsageError, match=f"--tls: .*{listener.name} has no tls"):
        dialling_end(tmp_path, "atlas", listener)
