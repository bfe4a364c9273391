"""Classic terminals as concentrators bring them: several on one connection, one on several, and cards as readers say them."""

import pytest

from switch.wire import Dialect
from switch.wire.framing import make_framing
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD
from tests.core.tills import TPDU, Shop, Till, reversal, sale

CMI87B = Dialect.load("cmi87b")


class Concentrator:
    """One connection for many terminals: what comes back is told apart by TPDU and DE41."""

    def __init__(self, shop: Shop) -> None:
        self.framing, self.heard, self.closed = make_framing("tpdu", 8_192), list[Document](), ""
        self.book, self.link = shop.book, shop.book.join("tills", self)

    def take(self, data: bytes) -> None:
        self.heard += [CMI87B.decode(frame) for frame in self.framing.feed(data)]

    def sends(self, message: Document) -> None:
        self.book.deliver(self.link, self.framing.frame(CMI87B.encode(message)))


def of(terminal: str, message: Document) -> Document:
    return {"h": TPDU, "41": terminal, "42": "MERCHANT0000001"} | message


def test_terminals_of_one_connection_with_the_same_number_get_each_its_own_answer() -> None:
    shop = Shop()
    line = Concentrator(shop)
    for at, terminal in enumerate(("TILL0001", "TILL0002", "TILL0003")):
        line.sends(of(terminal, sale("000001", 100 + at, h=f"600003000{at + 1}")))
    asked = [shop.atlas.gets() for _ in range(3)]
    assert len({request["37"] for request in asked}) == 3
    for request in reversed(asked):
        shop.atlas.answers(request, "00", de38=f"A0000{int(request['4']) - 100}")
    assert sorted((one["41"], one["4"], one["38"], one["h"]) for one in line.heard) == [
        (f"TILL000{n}", f"{99 + n:012d}", f"A0000{n - 1}", f"60000{n}0003") for n in (1, 2, 3)
    ]
    line.sends(of("TILL0002", reversal(sale("000001", 101))))
    owed = shop.atlas.gets()
    assert (owed["4"], owed["41"]) == (f"{101:012d}", "TILL0002")


def test_a_terminal_that_dials_twice_is_asked_about_once_and_hears_it_where_it_asked_last() -> None:
    shop = Shop()
    first = shop.till.sends(sale())
    request = shop.atlas.gets()
    second = Till(shop.book)
    second.sends(sale(t="0201"))
    assert shop.atlas.got_nothing()
    first.hangs_up()
    shop.atlas.answers(request, "00", de38="123456")
    assert second.hears()["39"] == "00"
    assert shop.atlas.got_nothing(), "nothing is reversed: it has heard"


@pytest.mark.parametrize(
    "track", [f"{ATLAS_CARD}D2912201", f"{ATLAS_CARD}D29122010000012300000", f"{ATLAS_CARD}D291220100"]
)
def test_track_2_of_any_length_goes_out_with_its_divider_and_without_what_fills_it(track: str) -> None:
    shop = Shop()
    shop.till.sends(sale(de35=track))
    assert shop.atlas.gets()["35"] == track.replace("D", "=")
