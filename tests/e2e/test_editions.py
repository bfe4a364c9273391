"""Issuers' hosts that answer payments in another edition than they are asked in, over sockets, at a real switch.

The other ends are programs of one edition that read what they are asked all the same, as hosts with one packager an edition do.
What is seen of it in the log has to be enough to mend it, and when it is mended everything goes on where it was.
"""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from switch.core.messages.translator import translator_for
from switch.core.records.records import Delivered
from switch.simulators.cards import demo_cards
from switch.wire import Dialect, Document
from tests.core.scripts import purchase
from tests.e2e.far_host import FarHost
from tests.e2e.stage import QUICK, Client, Stage, wait_for

pytestmark = pytest.mark.long

ASKED = {"atlas": "cmi87", "rif": "iso2003", "souss": "iso93"}
ANSWERED = {"atlas": "iso93", "rif": "cmi87", "souss": "iso2003"}
EDITION = {"cmi87": "1987", "iso93": "1993", "iso2003": "2003"}


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    rif = {r'(name = "rif"\nrole = "issuer"\n(?:.+\n){2}dialect = )"cmi87"': r'\1"iso2003"'}
    made = Stage(tmp_path_factory.mktemp("editions"), QUICK | rif)
    try:
        yield made
    finally:
        made.close()


def test_hosts_that_answer_in_another_edition_approve_nothing_are_named_and_go_on_once_mended(stage: Stage) -> None:
    with ExitStack() as at_end:
        hosts = {name: FarHost(stage, name) for name in ASKED}
        for host in hosts.values():
            at_end.callback(host.close)
        assert {name: host.dialect.name for name, host in hosts.items()} == ASKED
        stage.serve()
        for host in hosts.values():
            host.accept()
        acquirer = Client(stage)
        at_end.callback(acquirer.close)
        for name, host in hosts.items():
            ours, theirs = host.dialect, Dialect.load(ANSWERED[name])
            card = next(card for card in demo_cards(stage.network) if card.issuer == name)
            stan = f"{next(stage.stans):06d}"
            acquirer.sends(purchase(stan, de2=card.pan))
            asked = host.gets("0200")
            speaks(host, theirs, stage)
            host.answers([asked])
            said = stage.event("link.diagnosis", link=f"{name}#1")
            assert (said["cause"], said["change"]) == ("dialect", f'dialect = "{theirs.name}"')
            kind = "message.refused" if ours.family == theirs.family else "message.unreadable"
            words = stage.event(kind, link=f"{name}#1")
            assert (
                f"is of the {EDITION[theirs.name]} edition; dialect {ours.name} of this link is of the {EDITION[ours.name]}"
                in words["hint"]
            )
            speaks(host, ours, stage)
            back = host.gets("0420")
            assert back["90"][4:10] == asked["11"]
            assert gets(acquirer, stan)["39"] == "91"
            host.answers([back])
            stan = f"{next(stage.stans):06d}"
            acquirer.sends(purchase(stan, de2=card.pan))
            host.answers([host.gets("0200")])
            assert gets(acquirer, stan)["39"] == "00"
        assert not stage.events("link.down")
        wait_for(lambda: len([entry for entry in stage.entries() if isinstance(entry, Delivered)]) == len(ASKED))


def speaks(host: FarHost, dialect: Dialect, stage: Stage) -> None:
    """From here on this end speaks and reads this dialect."""
    host.dialect, host.translator = dialect, translator_for(dialect, "", stage.network.institution)


def gets(client: Client, stan: str) -> Document:
    """The answer to this request."""
    while (document := client.gets())["11"] != stan:
        pass
    return document
