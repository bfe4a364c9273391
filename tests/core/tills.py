"""Classic terminals in playbooks, and what they send, in the form that public terminal specifications have."""

import msgspec

from switch.core.network import Address, Listener, Network
from switch.sim.playbook import Peer, Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD, morocco

TPDU = "6000030001"


def tills(**changes: object) -> Network:
    network = morocco()
    door = Listener(
        name="tills",
        role="terminal",
        address=Address("127.0.0.1", 8585),
        dialect="cmi87b",
        framing="tpdu",
        max_connections=100,
        idle_s=30,
        members=("rif",),
        profile="classic",
    )
    return msgspec.structs.replace(network, listeners=(*network.listeners, msgspec.structs.replace(door, **changes)))


class Till:
    """A terminal: it dials for each message, and hangs up."""

    def __init__(self, book: Playbook, terminal: str = "TILL0001") -> None:
        self.book, self.terminal = book, terminal
        self.line: Peer | None = None

    def sends(self, message: Document) -> Peer:
        self.line = line = self.book.acquirer("tills", "504102", sign_on=False)
        line.sends_link({"h": TPDU, "41": self.terminal.ljust(8), "42": "MERCHANT0000001"} | message)
        return line

    def hears(self) -> Document:
        """The answer in the link's own form; then it hangs up."""
        assert self.line is not None
        heard = self.line.raw_of(self.line.gets())
        self.line.hangs_up()
        return heard

    def asks(self, message: Document) -> Document:
        self.sends(message)
        return self.hears()


def sale(stan: str = "000001", amount: int = 15_000, card: str = ATLAS_CARD, **changes: str) -> Document:
    message = {
        "t": "0200",
        "3": "000000",
        "4": f"{amount:012d}",
        "11": stan,
        "22": "021",
        "24": "003",
        "25": "00",
        "35": f"{card}D29122010000012300000",
        "62": stan,
    }
    message |= {name.removeprefix("de"): value for name, value in changes.items()}
    return {de: value for de, value in message.items() if value}


def reversal(of: Document) -> Document:
    return {**of, "t": "0400"}


def void(of: Document, answer: Document, stan: str) -> Document:
    return {**of, "3": "020000", "11": stan, "37": answer["37"]}


def settlement(stan: str, *sums: int, code: str = "920000", batch: str = "000001") -> Document:
    pairs = "".join(f"{sums[at]:03d}{sums[at + 1]:012d}" for at in range(0, len(sums), 2))
    return {"t": "0500", "3": code, "11": stan, "60": batch, "63": pairs.ljust(90, "0")}


def uploaded(of: Document, answer: Document, stan: str) -> Document:
    kept: Document = {de: of[de] for de in ("3", "4", "22", "25", "35") if de in of}
    return {**kept, "t": "0320", "11": stan, "60": f"0200{of['11']}{answer['37']}"}


class Shop:
    """A switch with a classic port, the issuer of its cards, and one till."""

    def __init__(self) -> None:
        self.book = Playbook(tills())
        self.atlas = self.book.host("atlas")
        self.till = Till(self.book)

    def pays(self, message: Document, de39: str = "00") -> Document:
        self.till.sends(message)
        request = self.atlas.gets()
        self.atlas.answers(request, de39, **({"de38": "123456"} if de39 == "00" else {}))
        return self.till.hears()

    def tells_issuer(self) -> Document:
        """What the issuer is told next, which it takes."""
        told = self.atlas.gets()
        self.atlas.answers(told)
        return told

    def agrees_on(self, *sums: int) -> bool:
        """Whether the switch counts as the terminal does, which settles."""
        return self.till.asks(settlement("000090", *sums))["39"] == "00"

    def restarts(self) -> None:
        self.book = self.book.crashes()
        self.atlas = self.book.host("atlas")
        self.till.book = self.book


class UnionPay(Shop):
    """The same with a terminal of UnionPay's form."""

    header = "6000030001603100310000"

    def __init__(self) -> None:
        self.book = Playbook(tills(dialect="unionpay", framing="length2"))
        self.atlas = self.book.host("atlas")
        self.till = Till(self.book)

    def sells(self, stan: str, amount: int = 15_000) -> None:
        sold = sale(stan, amount, de24="", de62="", de60="22000001000")
        assert self.pays({**sold, "h": self.header})["39"] == "00"

    def voids(self, stan: str, of: str, amount: int) -> None:
        undone = sale(stan, amount, de3="200000", de24="", de62="", de60="23000001000", de61=f"000001{of}1127")
        assert self.till.asks({**undone, "h": self.header})["39"] == "00"
        assert self.atlas.gets()["t"] == "0420"

    def settles(self, stan: str, *sums: int) -> Document:
        """Numbers and amounts of debits and credits, all with cards of the country."""
        debits, debited, credits_, credited = sums
        side = f"{debited:012d}{debits:03d}{credited:012d}{credits_:03d}0"
        return self.sends_batch("0500", "201", stan, side + "0" * 31)

    def sends_batch(self, mti: str, about: str, stan: str, de48: str) -> Document:
        asked = {"t": mti, "11": stan, "48": de48, "60": f"00000001{about}", "h": self.header}
        return self.till.asks(asked)
