"""Good inputs to damage: a purchase of each dialect, bare and in its framing, and what is kept in tests/corpus."""

from pathlib import Path

from switch.wire import Dialect
from switch.wire.dialect import names
from switch.wire.framing import FRAMINGS
from tests.fuzz.target import input_for
from tests.wire.samples import ICC, purchase

CORPUS = Path(__file__).parents[1] / "corpus" / "wire.hex"


def seeds() -> list[bytes]:
    """All of them."""
    found = []
    icc = ICC.removesuffix("9F4104000001") + "9F410400000001"
    for name in names():
        dialect = Dialect.load(name)
        document = {**purchase(dialect), "55": icc, "44": "A02BB03CCC", "48": "42020592031239901X"}
        document["90"] = "0200000123061510153000000504101" + "0" * 11 if dialect.version == "0" else "0" * 10
        document = {de: value for de, value in document.items() if de in dialect.spec}
        if name == "unionpay":
            document["48"] = "0" * 62  # totals, in digits
        if name == "visa":
            document |= {
                "55": f"01{len(icc) // 2:04X}{icc}",
                "62": "C000000000000000C50416329123456789",
                "63": "8000000002",
            }
        if name == "mastercard":
            document["48"] = "T42070210321" + "9203123"
        small: dict[str, str] = {k: document[k] for k in ("h", "t", "3", "11") if k in document}
        for chosen in (document, small):
            wire = dialect.encode(chosen)
            found.append(input_for(name, wire))
            framings = [dialect.framing]
            if name == "cmi87":
                framings = [
                    f for f in FRAMINGS if f not in ("tpdu", "base1") and (f != "stxetx" or b"\x03" not in wire)
                ]
            found += [input_for(name, wire, framing) for framing in framings]
    return found + corpus()


def corpus() -> list[bytes]:
    """The inputs that are kept, one a line in hex; # leads a comment."""
    lines = CORPUS.read_text(encoding="utf-8").splitlines() if CORPUS.is_file() else []
    return [bytes.fromhex(line) for line in lines if line and not line.startswith("#")]
