"""What playbooks send: internal-format messages, as an acquirer's host in `cmi87` would."""

from functools import lru_cache

from switch.config import load_network
from switch.core.network import Network
from switch.sim.playbook import Playbook
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import Document

ATLAS_CARD = "950401000000001" + luhn_digit("950401000000001")
OTHER_CARD = "950401000000002" + luhn_digit("950401000000002")
VISA_ABROAD = "499900000000001" + luhn_digit("499900000000001")
UNKNOWN_CARD = "360000000000001" + luhn_digit("360000000000001")


@lru_cache
def morocco() -> Network:
    return load_network("morocco")


def purchase(stan: str = "000123", **changes: str) -> Document:
    """A 0200 purchase of 150.00 MAD at a terminal of Rif's; changes as `de4="…"`, `t="0201"`; an empty value removes."""
    document = {
        "t": "0200",
        "2": ATLAS_CARD,
        "3": "000000",
        "4": "000000015000",
        "7": "1125120000",
        "11": stan,
        "12": "120000",
        "13": "1125",
        "14": "2912",
        "18": "5411",
        "19": "504",
        "22": "051",
        "25": "00",
        "32": "504102",
        "35": f"{ATLAS_CARD}=29122010000012300000",
        "37": f"532912{stan}",
        "41": "RIF00001",
        "42": "MERCHANT0000001",
        "43": "EPICERIE DU PORT         CASABLANCA   MA",
        "49": "504",
        "52": "0123456789ABCDEF",
    }
    for name, value in changes.items():
        document[name.removeprefix("de")] = value
    if changes.get("de2") and "de35" not in changes:
        del document["35"]
    return {de: value for de, value in document.items() if value}


def reversal(of: Document, stan: str = "000900", **changes: str) -> Document:
    """A 0400 of a request: same elements, own DE11, DE90 naming it."""
    original = of["t"] + of["11"] + of["7"] + of["32"].rjust(11, "0") + "0" * 11
    kept: Document = {
        de: of[de] for de in ("2", "3", "4", "12", "13", "22", "25", "32", "37", "41", "42", "49") if de in of
    }
    document = {**kept, "t": "0400", "7": "1125120030", "11": stan, "90": original}
    for name, value in changes.items():
        document[name.removeprefix("de")] = value
    return {de: value for de, value in document.items() if value}


class Scene:
    """Most scripts' beginning: Atlas's issuer host is up, and Rif's acquiring host has signed on."""

    def __init__(self, book: Playbook | None = None) -> None:
        self.book = book or Playbook(morocco())
        self.atlas = self.book.host("atlas")
        self.rif = self.book.acquirer("acquirers", "504102")


def approved(scene: Scene, sent: Document) -> Document:
    """`sent` is forwarded and approved; the request as the issuer saw it."""
    scene.rif.sends(sent)
    request = scene.atlas.gets()
    scene.atlas.answers(request, "00", de38="A12345")
    assert scene.rif.gets()["39"] == "00"
    return request
