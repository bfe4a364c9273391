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


HEADER = "6000060000" + "603100311003"
NUMBERS = {3: 6, 4: 12, 11: 6, 14: 4, 22: 3, 25: 2}
TEXTS = {38: 6, 41: 8, 42: 15, 49: 3}
COUNTED = (48, 60, 61, 62, 63)
"""behind two bytes of length: digits of 48, 60 and 61 (a 0 behind an odd number), bytes of 62, text of 63"""


def unionpay(mti: str, elements: dict[int, str]) -> bytes:
    """As a till's own program packs it: odd numbers are followed by a 0, DE60 is the kind of message and the batch."""
    body = b""
    for n, value in sorted(elements.items()):
        if n == 2:
            body += bytes.fromhex(f"{len(value):02d}" + value + "0" * (len(value) % 2))
        elif n in NUMBERS:
            body += bytes.fromhex(value + "0" * (len(value) % 2))
        elif n in TEXTS:
            body += value.ljust(TEXTS[n]).encode()
        elif n in (62, 63):
            body += bytes.fromhex(f"{len(value):04d}") + value.encode()
        else:
            body += bytes.fromhex(f"{len(value):04d}" + value + "0" * (len(value) % 2))
    bits = sum(1 << (64 - n) for n in elements)
    message = bytes.fromhex(HEADER + mti) + bits.to_bytes(8, "big") + body
    return len(message).to_bytes(2, "big") + message


class UnionPayTill:
    """It dials for each message, and reads what it is answered by the dialect's file."""

    def __init__(self, stage: Stage) -> None:
        at = stage.address("unionpay")
        self.at = (at.host, at.port)
        self.stan = 0

    def next(self) -> str:
        self.stan += 1
        return f"{self.stan:06d}"

    def asks(self, mti: str, **elements: str) -> dict[str, str]:
        """The answer; the addresses of its TPDU are turned round, and what stands behind them is as it was sent."""
        given = {int(de[2:]): value for de, value in elements.items()} | {41: "10000019", 42: "850100082410002"}
        with socket.create_connection(self.at, timeout=10) as till, till.makefile("rb") as heard:
            till.sendall(unionpay(mti, given))
            answer = heard.read(int.from_bytes(heard.read(2), "big"))
        assert answer[:13].hex() == "6000000006" + "603100311003" + f"{mti[:2]}{int(mti[2]) + 1}0"
        document = Dialect.load("unionpay").decode(answer)
        assert {de: document.get(de) for de in ("11", "41")} == {"11": elements["de11"], "41": "10000019"}
        return document

    def pays(self, amount: int, card: str = "9504010000090010", mti: str = "0200", **changes: str) -> dict[str, str]:
        """Of a sale, or what `changes` make of it."""
        sale = {"de2": card, "de3": "000000", "de4": f"{amount:012d}", "de11": changes.get("de11") or self.next()}
        sale |= {"de14": "3112", "de22": "051", "de25": "00", "de49": "504", "de60": "22000001000600"}
        return self.asks(mti, **{**sale, **changes})


def test_a_day_of_a_till_of_unionpays_form(stage: Stage) -> None:
    """Sign-on, sales, void by DE61, reversal, pre-authorization and completion, settlement that differs, upload, sign-off."""
    till = UnionPayTill(stage)
    signed_on = till.asks("0800", de11=till.next(), de60="00000001003", de62="Sequence No12123", de63="001")
    assert (signed_on["39"], signed_on["60"], "62" in signed_on) == ("00", "00000001003", False)
    assert till.asks("0800", de11=till.next(), de60="00000001370")["39"] == "40", "public keys are not served"

    assert till.pays(15_000)["39"] == "00"
    sold = f"{till.stan:06d}"
    assert till.pays(15_000, card="9504010000090028")["39"] == "51"
    assert till.pays(2_000)["39"] == "00"
    voided = f"{till.stan:06d}"
    assert till.pays(2_000, de3="200000", de60="23000001000", de61=f"000001{voided}")["39"] == "00"
    void = f"{till.stan:06d}"
    assert till.pays(3_000)["39"] == "00"
    assert till.pays(3_000, mti="0400", de11=f"{till.stan:06d}", de60="22000001000")["39"] == "00", "by its own DE11"

    held = till.pays(9_000, mti="0100", de3="030000", de25="06", de60="10000001000")
    named = {"de25": "06", "de38": held["38"], "de61": f"000001{till.stan:06d}1128"}
    assert till.pays(8_000, de60="20000001000", **named)["39"] == "00"
    completed = f"{till.stan:06d}"

    differs = f"{25_001:012d}003{2_000:012d}0010" + "0" * 31
    assert till.asks("0500", de11=till.next(), de48=differs, de60="00000001201", de63="01 ")["48"][30] == "2"
    rows = [(sold, 15_000), (voided, 2_000), (void, 2_000), (completed, 8_000)]
    uploaded = f"{len(rows):02d}" + "".join(f"00{stan}{'9504010000090010':0>20}{amount:012d}" for stan, amount in rows)
    assert till.asks("0320", de11=till.next(), de48=uploaded, de60="00000001201")["39"] == "00"
    assert till.asks("0320", de11=till.next(), de48=f"{len(rows):04d}", de60="00000001202")["39"] == "00"
    assert till.asks("0500", de11=till.next(), de48="0" * 62, de60="00000002201", de63="01 ")["48"][30] == "1", "ended"
    assert till.asks("0820", de11=till.next(), de60="00000002002")["39"] == "00"
