"""The families' translators, a web payment and a chip payment, and what the far end of a link has of them."""

from datetime import date

from hypothesis import strategies as st

from switch.core.messages.translator import translator_for
from switch.wire import Dialect
from switch.wire.subfields import form_of

DIALECTS = {name: Dialect.load(name) for name in ("cmi87", "cmi87b", "visa", "mastercard", "iso93")}
OWN, PEER = "504000", "400001"
TRANSLATORS = {name: translator_for(d, OWN, PEER, lambda: date(2026, 11, 25)) for name, d in DIALECTS.items()}
BITMAPS = {"p", "1"}

CAVV = "AAABBBCCCDDDEEEFFFGGGHHHIII="
WEB = {
    "t": "0100", "2": "4111111111111111", "3": "000000", "4": "000000012345", "7": "1125093000", "11": "000042",
    "12": "103000", "13": "1125", "14": "2812", "18": "5411", "19": "504", "22": "812", "25": "59", "32": "504001",
    "33": "504000", "37": "633009000042", "41": "TERM0001", "42": "MERCHANT0000001",
    "43": "EPICERIE DU COIN         CASABLANCA   MA", "48": f"4202054328{CAVV}9203123", "49": "504",
}  # fmt: skip
CARD = {k: v for k, v in WEB.items() if k != "48"} | {
    "22": "051", "25": "00", "35": "4111111111111111=28122011234500000000", "52": "0123456789ABCDEF",
    "55": "9F02060000000123459505000000800082021C00",
}  # fmt: skip


def carry(name: str, internal: dict[str, str], reference: dict[str, str] | None = None) -> dict[str, str]:
    """What the other end of the link has of an internal document, in internal format again."""
    dialect, translator = DIALECTS[name], TRANSLATORS[name]
    before = dict(internal)
    raw = dialect.decode(dialect.encode(translator.outward(internal, reference)))
    assert internal == before
    back = translator.inward(raw)
    return {de: value for de, value in back.items() if de not in BITMAPS}


def as_on_link(name: str, internal: dict[str, str], reference: dict[str, str] | None = None) -> dict[str, str]:
    dialect = DIALECTS[name]
    return dialect.decode(dialect.encode(TRANSLATORS[name].outward(internal, reference)))


def subfields_of(name: str, document: dict[str, str], de: str) -> dict[str, str]:
    return form_of(DIALECTS[name].subfields[de]).read(document[de])


def digits(n: int) -> st.SearchStrategy[str]:
    return st.text("0123456789", min_size=n, max_size=n)


ids = st.text("0123456789", min_size=1, max_size=11)
