"""Hosts of others that write letters on links of ASCII pay and approve at a real switch, over sockets.

What they say is written by pyiso8583, with the dialect's file in ISO 8859-1, as jPOS has text; or as j8583 has it
(`tests.wire.letters`).
"""

from collections.abc import Iterator
from contextlib import ExitStack

import iso8583
import pytest

from switch.core.messages.internal import answer
from switch.core.records.records import Owed
from switch.wire import Dialect, Document
from tests.core.scripts import ATLAS_CARD, purchase
from tests.e2e.far_host import FarHost
from tests.e2e.stage import QUICK, Client, Stage
from tests.wire.letters import utf8_in_characters

pytestmark = pytest.mark.long
CMI87 = Dialect.load("cmi87")
SPEC = Dialect.load("cmi87+latin-1").spec
TITLE = "CAFÉ DE L'ÉTÉ            CASABLANCA   MA"


def by_pyiso8583(document: Document) -> bytes:
    raw, _ = iso8583.encode(dict(document), SPEC)
    return bytes(raw)


def by_j8583(document: Document) -> bytes:
    return utf8_in_characters(CMI87, {de: value for de, value in document.items() if de not in ("p", "1")})


class Shop(Client):
    """An acquirer's host whose shops have names with accents."""

    def message(self, document: Document) -> bytes:
        return by_pyiso8583(document)


@pytest.fixture
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    made = Stage(tmp_path_factory.mktemp("letters"), QUICK)
    try:
        yield made
    finally:
        made.close()


def test_an_approval_with_a_letter_is_one_whoever_wrote_it_and_nothing_is_reversed(stage: Stage) -> None:
    with ExitStack() as at_end:
        atlas = FarHost(stage, "atlas")
        at_end.callback(atlas.close)
        stage.serve()
        atlas.accept()
        shop = Shop(stage)
        at_end.callback(shop.close)
        for write in (by_pyiso8583, by_j8583):
            sale = purchase(f"{next(stage.stans):06d}", de2=ATLAS_CARD, de43=TITLE)
            shop.sends(sale)
            asked = atlas.gets("0200")
            assert asked["43"] == "CAFE DE L'ETE            CASABLANCA   MA"
            said = answer(asked, "00") | {"38": "A12345", "44": "payé à l'unité"}
            atlas.sock.sendall(atlas.framing.frame(write(said)))
            paid = shop.gets()
            assert (paid["39"], paid["44"], paid["11"]) == ("00", "paye a l'unite", sale["11"])
        for link in ("acquirers#1", "atlas#1"):
            (event,) = stage.events("text.respelled", link=link)
            assert 'charset = "latin-1"' in event["hint"]
        assert not [entry for entry in stage.entries() if isinstance(entry, Owed)]
        assert not stage.events("message.unreadable")
