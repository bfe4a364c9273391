"""Scenes with a link whose keys change by message: the other end has keys of its own, and the same rules."""

from typing import Any
from zlib import crc32

import msgspec

from switch.core.links.key_exchange import KeyExchange
from switch.core.links.key_place import KeyWord, place_of
from switch.core.links.sealing import Sealings
from switch.core.network import LinkKeys, Network
from switch.security.commands import EncryptPin
from switch.security.key_blocks import Header, KeyBlock
from switch.security.key_commands import ShowKeys
from switch.security.key_sets import decode_sets
from switch.security.module import ClearKeys, SoftwareModule
from switch.security.simulated import counted
from switch.sim.clock import EPOCH_NS
from switch.sim.playbook import Peer, Playbook
from switch.wire.vocabulary import Document
from tests.core.scripts import Scene, morocco, purchase

ZAK, ZPK, ZMK = "atlas-zak", "atlas-zpk", "atlas-zmk"
KEYS = LinkKeys(mac_key=ZAK, pin_key=ZPK, zone_key=ZMK)
RIF = LinkKeys(mac_key="rif-zak", pin_key="rif-zpk", zone_key="rif-zmk")
USES = {"zak": ("M3", "C"), "zpk": ("P0", "B"), "zmk": ("K0", "B")}


def key(name: str) -> KeyBlock:
    usage, mode = USES[name.rpartition("-")[2]]
    return KeyBlock(Header(version="D", usage=usage, algorithm="T", mode=mode), counted(crc32(name.encode()))(16))


def module(*names: str, seed: int = 1) -> SoftwareModule:
    return SoftwareModule(ClearKeys({name: key(name) for name in names}), counted(seed))


def ours(scene: Scene) -> SoftwareModule:
    found = scene.book.switch.module
    assert isinstance(found, SoftwareModule)
    return found


def network(keys: LinkKeys = KEYS, rif: LinkKeys | None = None) -> Network:
    replace, country = msgspec.structs.replace, morocco()
    return replace(
        country,
        hosts=tuple(replace(h, keys=keys, pass_pin=False) if h.name == "atlas" else h for h in country.hosts),
        members=tuple(replace(m, keys=rif or LinkKeys()) if m.name == "rif" else m for m in country.members),
    )


class Far:
    """The other end of one link: its own module, the same rules, answering only when the script says so."""

    def __init__(self, book: Playbook, keys: LinkKeys, module: SoftwareModule, *, wins: bool = False) -> None:
        self.book, self.module, self.keys = book, module, keys
        sealings = Sealings(msgspec.structs.replace(book.network), module)
        self.valid = sealings.valid
        dialect = book.switch.dialects["cmi87"]
        self.sealing = sealings.of(keys, dialect)
        place = place_of(dialect)
        assert place is not None
        self.place = place
        self.exchange = KeyExchange(keys, sealings.valid, self, wins=wins)
        sealings.valid.seen = lambda name: self.exchange.seen(name, book.now)
        self.logs: list[tuple[str, dict[str, Any]]] = []
        self.stan = 0
        self.peer: Peer

    def joins(self, peer: Peer) -> Peer:
        self.peer = peer
        peer.sealing = self.sealing
        peer.seen = lambda name: self.exchange.seen(name, self.book.now)
        return peer

    def say(self, code: str, word: KeyWord, now: int) -> bool:
        self.stan += 1
        self.peer.sends(self.request(code, self.place.compose(word)))
        return True

    def request(self, code: str, more: Document) -> Document:
        head = {
            "t": "0800",
            "7": self.book.switch.de7(self.book.now),
            "11": f"{self.stan:06d}",
            "32": "504001",
            "70": code,
        }
        return {**head, **more}

    def log(self, level: str, event: str, **fields: Any) -> None:
        self.logs.append((event, fields))

    def wall_us(self, now: int) -> int:
        return (now + EPOCH_NS) // 1_000

    def hears(self) -> Document:
        """One message, dealt with as this end does; what its MAC is under is noticed."""
        document = self.peer.gets()
        if document["t"] == "0810" and document.get("70") in ("101", "161", "162"):
            self.exchange.answered(document["70"], document["39"], self.place.read(document), self.book.now)
        return document

    def answers(self, document: Document) -> str:
        de39 = self.exchange.asked(document["70"], self.place.read(document), self.book.now)
        self.peer.answers(document, de39, de70=document["70"])
        return de39

    def lives(self, seconds: int) -> list[Document]:
        """Time passes; echo tests are answered, and nothing else. Returns what else came."""
        came = []
        for _ in range(seconds // 5):
            self.book.passes(5)
            while not self.peer.got_nothing():
                document = self.peer.gets()
                if document.get("70") == "301":
                    self.peer.answers(document, "00", de70="301")
                else:
                    came.append(document)
        return came

    def settles(self) -> None:
        while not self.peer.got_nothing():
            document = self.hears()
            if document["t"] == "0800" and document["70"] in ("101", "161", "162"):
                self.answers(document)


def script(
    ours: SoftwareModule | None = None,
    theirs: SoftwareModule | None = None,
    keys: LinkKeys = KEYS,
    *,
    wins: bool = False,
) -> tuple[Scene, Far]:
    ours = ours or module(ZAK, ZPK, ZMK, "rif-zpk", seed=1)
    book = Playbook(network(keys, LinkKeys(pin_key="rif-zpk")), module=ours)
    far = Far(book, keys, theirs or module(ZAK, ZPK, ZMK, seed=2), wins=wins)
    scene = Scene.__new__(Scene)
    scene.book = book
    peer = book.host("atlas", sign_on=False)
    far.joins(peer)
    peer.answers(peer.gets(), "00", de70="001")
    scene.atlas = peer
    scene.rif = book.acquirer("acquirers", "504102")
    book.passes(0)
    return scene, far


def sets(of: SoftwareModule, name: str) -> dict[str, str]:
    """Slots that there are, with the numbers of their sets."""
    (reply,) = of.ask([ShowKeys((name,))])
    (found,) = decode_sets(reply.value)
    slots = {"in_use": found.in_use, "previous": found.previous, "offered": found.offered, "received": found.received}
    return {slot: one.set_id for slot, one in slots.items() if one is not None}


def same_key(a: SoftwareModule, b: SoftwareModule, name: str) -> bool:
    (x,), (y,) = (decode_sets(m.ask([ShowKeys((name,))])[0].value) for m in (a, b))
    assert x.in_use is not None
    assert y.in_use is not None
    return x.in_use.check_value == y.in_use.check_value


def logged(scene: Scene, event: str) -> list[dict[str, object]]:
    return [log.fields for log in scene.book.logs if log.event == event]


def pays(scene: Scene, far: Far, stan: str, de39: str = "00") -> Document:
    """A payment with a PIN to Atlas, and its answer; returns what Atlas got."""
    sent = purchase(stan)
    (reply,) = ours(scene).ask([EncryptPin("rif-zpk", "4321", sent["2"])])
    scene.rif.sends({**sent, "52": reply.value.hex().upper()})
    request = far.hears()
    assert request["t"] == "0200"
    name, others = far_sets(far).of_pin(request)
    (reply,) = far.module.ask([EncryptPin(name, "4321", sent["2"])])
    assert reply.value.hex().upper() == request["52"], "the issuer has the key that DE53 names"
    assert not others
    scene.atlas.answers(request, "00", de38="123456")
    assert scene.rif.gets()["39"] == de39
    return request


def far_sets(far: Far) -> Any:
    assert far.sealing is not None
    assert far.sealing.sets is not None
    return far.sealing.sets
