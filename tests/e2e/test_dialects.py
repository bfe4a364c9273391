"""A link of each dialect that no network of ours speaks signs on, pays, is declined and reverses at a real switch, over a socket.

What goes out is written by pyiso8583 with the dialect's file, whose forms others' samples hold (`tests/dialects`); a till of
UnionPay's form is written here by hand, as the public samples have it.
"""

import socket
from collections.abc import Iterator
from contextlib import closing

import iso8583
import pytest

from switch.wire import Dialect
from tests.core.scripts import purchase, reversal
from tests.e2e.stage import Client, Stage

pytestmark = pytest.mark.long

LINKS = ("ascii87", "base24", "iso2003")


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    till = 'role = "terminal"\nprofile = "classic"\nmembers = ["rif"]'
    roles = {**dict.fromkeys(LINKS, 'role = "acquirer"'), "unionpay": till}
    with closing(Stage(tmp_path_factory.mktemp("dialects"))) as stage:
        stage.listen({name: f'dialect = "{name}"\nframing = "length2"\n{role}' for name, role in roles.items()})
        stage.serve_atlas()
        yield stage


class Theirs(Client):
    """It writes with pyiso8583."""

    def message(self, document: dict[str, str]) -> bytes:
        raw, _ = iso8583.encode(dict(self.translator.outward(document, None)), self.dialect.spec)
        return bytes(raw)


@pytest.mark.parametrize("name", LINKS)
def test_a_host_of_each_dialect_pays_is_declined_and_reverses(stage: Stage, name: str) -> None:
    with closing(Theirs(stage, name)) as host:
        sale = purchase(f"{next(stage.stans):06d}", de2="9504010000090010", de14="3112") | {
            "37": f"5329{next(stage.stans):08d}"
        }
        del sale["52"]
        paid = host.asks(sale)
        assert paid["39"] == "00", paid
        poor = host.asks(
            sale | {"2": "9504010000090028", "11": f"{next(stage.stans):06d}", "37": f"5329{next(stage.stans):08d}"}
        )
        assert poor["39"] == "51"
        back = host.asks(reversal(sale, f"{next(stage.stans):06d}"))
        assert (back["t"], back["39"]) == ("0410", "00")


def unionpay(mti: str, stan: str, card: str, amount: int) -> bytes:
    """As a till's own program packs it: odd numbers are followed by a 0, DE60 is the kind of message and the batch."""
    numbers = f"16{card}000000{amount:012d}{stan}3112051000"
    text = b"10000019" + b"850100082410002" + b"504"
    bits = sum(1 << (64 - n) for n in (2, 3, 4, 11, 14, 22, 25, 41, 42, 49, 60))
    head = "6000060000" + "603100311003" + mti
    body = (
        bytes.fromhex(head)
        + bits.to_bytes(8, "big")
        + bytes.fromhex(numbers)
        + text
        + bytes.fromhex("001422000024000600")
    )
    return len(body).to_bytes(2, "big") + body


def test_a_till_of_unionpays_form_pays_and_is_declined(stage: Stage) -> None:
    at = stage.address("unionpay")
    for card, amount, says in (("9504010000090010", 15000, b"00"), ("9504010000090028", 15000, b"51")):
        stan = f"{next(stage.stans):06d}"
        with socket.create_connection((at.host, at.port), timeout=10) as till, till.makefile("rb") as heard:
            till.sendall(unionpay("0200", stan, card, amount))
            answer = heard.read(int.from_bytes(heard.read(2), "big"))
        assert answer[:5].hex() == "6000000006", "the TPDU's addresses are turned round"
        assert answer[5:13].hex() == "6031003110030210"
        document = Dialect.load("unionpay").decode(answer)
        assert (document["11"], document["39"].encode(), document["41"]) == (stan, says, "10000019")
