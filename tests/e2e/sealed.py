"""A stage whose Rif proves its messages, and whose Atlas checks cards and PINs; and Rif's host, which spoils what it sends."""

import os
import re
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from types import MappingProxyType
from typing import Final

from switch.cli._processes import Child
from switch.core.links.sealing import Sealing, whole
from switch.core.network import LinkKeys
from switch.security.commands import EncryptPin
from switch.security.keyring import KeyRing
from switch.security.lmk import clear_lmk, make_lmk
from switch.security.module import SoftwareModule
from switch.security.pin_blocks import clear_block
from switch.simulators.build import find_listener, find_member, home_place
from switch.simulators.cards import TestCard, demo_cards
from switch.simulators.messages import Place, request
from switch.simulators.personalized import Chips, personalized
from switch.wire.vocabulary import Document
from tests.e2e.pos import moment
from tests.e2e.secure import with_tls
from tests.e2e.stage import QUICK, Client, Stage

RIF, SOUSS, NOBODY = "504102", "504103", "504999"
KINDS = {
    "rif-zak": "zak",
    "atlas-zak": "zak",
    "rif-zpk": "zpk",
    "atlas-zpk": "zpk",
    "atlas-pvk": "pvk",
    "atlas-cvk": "cvk",
    "atlas-imk": "imk-ac-test",
}
ATLAS_KEYS = "\n".join(
    f'{key} = "atlas-{name}"'
    for key, name in (
        ("mac_key", "zak"),
        ("pin_key", "zpk"),
        ("pvv_key", "pvk"),
        ("cvv_key", "cvk"),
        ("chip_key", "imk"),
    )
)


NONE: Final[Mapping[str, str]] = MappingProxyType({})


class Sealed(Client):
    """Rif's acquiring host: each message has its MAC."""

    def __init__(self, scene: "Scene", key: str = "rif-zak", *, sign_on: bool = True) -> None:
        self.scene, self.key = scene, key
        self.spoil: Callable[[bytes], bytes] = lambda framed: framed
        """what is done to the bytes of a message before they leave"""
        super().__init__(scene.stage, "acquirers", RIF, sign_on=sign_on, wrap=scene.context("rif"))

    def frame(self, document: Document) -> bytes:
        if not self.key:
            return super().frame(document)
        sealing = Sealing(self.scene.module, LinkKeys(mac_key=self.key), self.dialect)
        outward = self.translator.outward(document, None)
        framed = self.spoil(whole(sealing.seal(self.dialect, outward, self.framing.frame)))
        with (self.scene.stage.directory / "control").open("ab") as control:
            control.write(framed)
        return framed


class Scene:
    """A switch whose Rif proves its messages, and whose Atlas checks cards and PINs. `apart`: its keys are in a process of
    their own. `tls`: so have all its links; who attacks has the member's certificate, too.
    `on_behalf`: the switch checks cards before Atlas does. `changes`: more of the network file, as of a Stage."""

    def __init__(
        self,
        directory: Path,
        *,
        apart: bool = False,
        tls: bool = False,
        on_behalf: bool = False,
        changes: Mapping[str, str] = NONE,
    ) -> None:
        ring = KeyRing(directory / "keys.json", make_lmk(directory / "lmk.key", os.urandom(32)), os.urandom)
        with ring.audit.turn():
            for name, kind in KINDS.items():
                ring.generate(name, kind, "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
        self.module = SoftwareModule(ring, os.urandom)
        own = {
            r'(\[\[member\]\]\nname = "rif"\n)': r'\1mac_key = "rif-zak"\npin_key = "rif-zpk"\n',
            r'(\[\[host\]\]\nname = "atlas"\n)': rf"\1{ATLAS_KEYS}\n",
            r'(\[\[host\]\]\nname = "(?:atlas|souss)"\n(?:(?!pass_pin)[^\[])*)pass_pin = true[^\n]*\n': r"\1",
            r"\Z": f'\n[security]\nmodule = "{directory}/security.sock"\n'
            if apart
            else f'\n[security]\nkeys = "{directory}/keys.json"\nlmk = "{directory}/lmk.key"\n',
        }
        self.stage = Stage(directory, {**QUICK, **own, **changes})
        if on_behalf:
            text = self.stage.path.read_text()
            asked = '\\1on_behalf = ["chip", "stripe", "cvv2"]\n'
            self.stage.path.write_text(re.sub(r'(\[\[host\]\]\nname = "atlas"\n)', asked, text))
        self.tls = with_tls(self.stage) if tls else None
        """where the certificates are"""
        self.keeper = self.keep_keys() if apart else None
        """the process that has the keys"""
        self.stage.issuers(*(("--tls", str(self.tls)) if self.tls else ()))
        self.switch = self.stage.serve()
        self.cards = {c.name: c for c in personalized(demo_cards(self.stage.network), self.stage.network, self.module)}
        self.chips = Chips(self.stage.network, self.module, {})
        self.good = self.client(SOUSS, "souss")
        self.quiet_at = 0.0
        self.keys = {name: found.key for name in KINDS if (found := ring.find(name)) is not None}
        self.keys["master key"] = bytes.fromhex((directory / "lmk.key").read_text().split()[-1])
        opening = clear_lmk(self.keys["master key"]).block_keys
        self.keys |= {"opens key blocks": opening.encryption, "proves key blocks": opening.authentication}
        self.planted = dict(self.keys)
        """what is to be found nowhere: keys, and the last PIN blocks"""

    def keep_keys(self) -> Child:
        """Start the process that has them."""
        place = self.stage.directory
        where = ("--keys", f"{place}/keys.json", "--lmk", f"{place}/lmk.key", "--socket", f"{place}/security.sock")
        return self.stage.start("security", *where)

    def context(self, name: str) -> ssl.SSLContext | None:
        """With the certificate of this member; None: links are plain."""
        if self.tls is None:
            return None
        made = ssl.create_default_context(cafile=str(self.tls / "ca.pem"))
        made.load_cert_chain(self.tls / f"{name}.pem", self.tls / f"{name}.key")
        return made

    def client(self, institution: str, name: str, *, sign_on: bool = True) -> Client:
        """An acquirer without MACs, over a connection with the certificate of the member `name`."""
        return Client(self.stage, "acquirers", institution, sign_on=sign_on, wrap=self.context(name))

    def close(self) -> None:
        """End whatever still runs."""
        self.good.close()
        self.stage.close()

    def pays(self) -> None:
        """Somebody else's payment."""
        answer = self.good.asks(self.payment("rif-approved", SOUSS))
        assert answer["39"] == "00", answer

    def sign_on_again(self) -> None:
        """That somebody's, after the switch has gone and come."""
        self.good.close()
        self.good = self.client(SOUSS, "souss")

    def said_again(self) -> None:
        """Wait until MACs are written of again: of those of one listener a line a second is."""
        time.sleep(max(0.0, self.quiet_at - time.monotonic()))

    def payment(self, card: str, institution: str = RIF, **changes: str) -> Document:
        """One that nothing speaks against, but for what is changed."""
        at, stan = moment(), f"{next(self.stage.stans):06d}"
        made = request("purchase", self.cards[card], 100_00, self.place(institution), at, stan, at.rrn_prefix + stan)
        return {de: value for de, value in (made | {de[2:]: v for de, v in changes.items()}).items() if value}

    def chip(self, wrong: str = "", card: str = "atlas-approved", **changes: str) -> Document:
        """One with the chip of Atlas's card."""
        made = self.chips.read(self.payment(card), self.cards[card], moment().day, os.urandom(4), wrong)
        return {de: value for de, value in (made | {de[2:]: v for de, v in changes.items()}).items() if value}

    def pin(self, card: TestCard, pin: str = "", key: str = "rif-zpk", pan: str = "") -> str:
        """DE52: the card's PIN, or another, under a key, for a PAN."""
        (reply,) = self.module.ask([EncryptPin(key, pin or card.pin, pan or card.pan)])
        self.planted |= {"PIN block": reply.value, "clear PIN block": clear_block(0, pin or card.pin, pan or card.pan)}
        return reply.value.hex().upper()

    def place(self, institution: str) -> Place:
        """Where its first terminal stands."""
        bank = next(m.name for m in self.stage.network.members if m.institution == institution)
        network = self.stage.network
        return home_place(network, find_member(network, bank), find_listener(network, "acquirers"), 0)


def told(scene: Scene, document: Document, answered: str, spoil: Callable[[bytes], bytes] | None = None) -> Document:
    """Rif is signed on; this message comes, spoiled perhaps."""
    with closing(Sealed(scene)) as client:
        client.spoil = spoil or client.spoil
        answer = client.asks(document)
        assert answer["39"] == answered, answer
        return answer


def flip(framed: bytes) -> bytes:
    """One digit more of the amount."""
    at = framed.index(b"000000010000")
    return framed[:at] + b"000000910000" + framed[at + 12 :]
