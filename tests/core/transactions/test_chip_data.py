"""DE55 as readers and cards make it: tags nobody knows, twice the same, one within another, lengths in two bytes, padding.

EMV 4.3 Book 3, annex B: before, between and behind data objects may be 00, and FF is padding of ISO 7816; a length up to 127 may
stand in two or three bytes, too. The switch is no end of a chip's talk: byte for byte, there and back.
"""

import pytest

from switch.sim.playbook import Playbook
from tests.core.scripts import ATLAS_CARD, purchase
from tests.core.tills import Till, sale, tills

ODD = {
    "nobody knows": "DF812903AABBCCC30101",
    "twice": "9F2701809F27014071039F180071039F1801",
    "one within another": "E1069F27018082023C00700A9F260801020304050607089F",
    "one within another, and cut off": "E10A9F27018082023C009F00",
    "a length in two bytes": "9F1081120110A08003220000AAAA00000000000000FF9F270180",
    "a length in three bytes": "9F108200120110A08003220000AAAA00000000000000FF",
    "00 before, between and behind": "00009F270180000082023C0000",
    "FF between and behind": "9F270180FFFF82023C00FF",
    "nothing in it": "9F2700820082023C00",
    "a tag and no length": "9F27",
}
HOSTS = {
    "atlas": ATLAS_CARD,
    "souss": "9504030000090018",
    "visa": "4548810000000003",
    "mastercard": "5489000000000009",
}
VISA_LONGEST = 252
"""bytes: a data set's identifier and length stand before them in 255"""


@pytest.mark.parametrize("host", HOSTS)
@pytest.mark.parametrize("door", ["acquirers", "pos", "tills"])
def test_chip_data_goes_to_the_issuer_and_back_byte_for_byte(door: str, host: str) -> None:
    book = Playbook(tills())
    issuer = book.host(host)
    acquirer = book.acquirer(door, "504102") if door != "tills" else None
    for number, (name, data) in enumerate(ODD.items(), 1):
        stan = f"{number:06d}"
        if acquirer is not None:
            acquirer.sends(purchase(stan, de2=HOSTS[host], de52="", de55=data))
        else:
            till = Till(book)
            till.sends(sale(stan, card=HOSTS[host], de22="051", de55=data))
        asked = issuer.gets()
        wrapped = f"01{len(data) // 2:04X}{data}" if host == "visa" else data
        assert (asked["55"], issuer.raw_of(asked)["55"]) == (data, wrapped), name
        issuer.answers(asked, de38="123456", de55=data)
        heard = acquirer.gets() if acquirer is not None else till.hears()
        assert (heard["39"], heard["55"]) == ("00", data), name


@pytest.mark.parametrize(("size", "de39"), [(VISA_LONGEST, ""), (VISA_LONGEST + 1, "30")])
def test_what_visas_data_set_has_no_room_for_is_refused_and_never_cut(size: int, de39: str) -> None:
    book = Playbook(tills())
    visa, acquirer = book.host("visa"), book.acquirer("acquirers", "504102")
    data = f"9F1081{size - 4:02X}" + "AB" * (size - 4)
    acquirer.sends(purchase(de2=HOSTS["visa"], de52="", de55=data))
    if de39:
        assert acquirer.gets()["39"] == de39
        assert visa.got_nothing()
    else:
        assert visa.gets()["55"] == data
