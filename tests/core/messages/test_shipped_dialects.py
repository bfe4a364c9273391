"""Each shipped dialect carries a payment and its reversal, for an acquirer as for an issuer."""

import msgspec
import pytest

from switch.core.network import Network
from switch.sim.playbook import Playbook
from tests.core.scripts import ATLAS_CARD, morocco, purchase, reversal
from tests.core.tills import Shop, sale, tills


def speaking(dialect: str) -> Network:
    """Morocco, whose acquirers and Atlas speak it."""
    network = morocco()
    of = {"dialect": dialect, "framing": "length2"}
    listeners = tuple(msgspec.structs.replace(x, **of) if x.name == "acquirers" else x for x in network.listeners)
    hosts = tuple(msgspec.structs.replace(x, **of) if x.name == "atlas" else x for x in network.hosts)
    return msgspec.structs.replace(network, listeners=listeners, hosts=hosts)


@pytest.mark.parametrize("dialect", ["ascii87", "base24", "iso2003"])
def test_a_payment_and_its_reversal(dialect: str) -> None:
    book = Playbook(speaking(dialect))
    atlas, rif = book.host("atlas"), book.acquirer("acquirers", "504102")
    paid = purchase("000123")
    rif.sends(paid)
    request = atlas.gets()
    assert (request["2"], request["4"], request["41"].strip()) == (ATLAS_CARD, "000000015000", "RIF00001")
    assert atlas.raw_of(request)["t"] == {"iso2003": "2200"}.get(dialect, "0200")
    atlas.answers(request, "00", de38="123456")
    heard = rif.gets()
    assert (heard["39"], heard["38"], heard["41"]) == ("00", "123456", "RIF00001")
    rif.sends(reversal(paid))
    assert atlas.gets()["90"][:10] == f"0200{request['11']}"
    assert rif.gets()["39"] == "00"


def test_a_header_of_base24_comes_back_and_its_terminal_has_sixteen_characters() -> None:
    book = Playbook(speaking("base24"))
    atlas, rif = book.host("atlas"), book.acquirer("acquirers", "504102")
    link = purchase("000123") | {"h": "ISO026000070", "41": "RIF00001".ljust(16)}
    rif.sends_link(link)
    request = atlas.gets()
    assert atlas.raw_of(request)["41"] == "RIF00001" + " " * 8
    assert atlas.raw_of(request)["h"] == "ISO026000050"
    atlas.answers(request, "00", de38="123456")
    raw = rif.raw_of(rif.gets())
    assert (raw["h"], raw["41"]) == ("ISO026000070", "RIF00001" + " " * 8)


def test_a_terminal_of_unionpay_sells_and_voids() -> None:
    shop = Shop()
    shop.book = Playbook(tills(dialect="unionpay", framing="length2"))
    shop.till.book, shop.atlas = shop.book, shop.book.host("atlas")
    header = "6000030001" + "603100310000"
    sold = sale("000001") | {"h": header, "60": "22000001000", "62": "01"}
    del sold["24"], sold["62"]
    shop.till.sends(sold | {"h": header})
    request = shop.atlas.gets()
    assert request["35"].startswith(ATLAS_CARD)
    shop.atlas.answers(request, "00", de38="123456")
    heard = shop.till.hears()
    assert (heard["39"], heard["h"]) == ("00", "6000010003603100310000")
    undone = sold | {"3": "200000", "11": "000002", "60": "23000001000", "61": "0000010000011125"}
    shop.till.sends(undone)
    assert shop.atlas.gets()["t"] == "0420"
    assert shop.till.hears()["39"] == "00"
