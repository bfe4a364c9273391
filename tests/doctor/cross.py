"""Every framing, header and encoding sent, with every wrong setting configured: is the right cause first?

`python -m tests.doctor.cross [--every N]` runs them all, or each N-th, and prints the share and what was taken for what.
"""

import argparse
import sys
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import NamedTuple

from switch.doctor.diagnosis import Configured, Diagnosis, Findings, Verdict
from switch.doctor.survey import Doctor, Survey
from switch.doctor.tables import Habits, Spoken, habits_of, header_bytes, variants
from switch.wire import Dialect, Document
from switch.wire.careful import encode
from switch.wire.framing import FRAMINGS as ALL_FRAMINGS
from tests.doctor.sent import DIALECTS, DOCTOR, LEADS, body, documents, fits, framed
from tests.wire.test_vectors import FITTING, HERE, messages

SEED = 8583
FRAMINGS = tuple(name for name in ALL_FRAMINGS if name != "gzip")
"""All but the one that is told by its own bytes."""
BARE = "bare"
ALIKE = {("length2", "TPDU"): ("length2", "tpdu"), ("tpdu", "TPDU"): ("length2", "tpdu"),
         ("visa4", "BASE I"): ("visa4", "base1"), ("base1", "BASE I"): ("visa4", "base1")}  # fmt: skip
"""Framings that cut the same, where such a header is in the message."""


class Sent(NamedTuple):
    """What a peer sends."""

    framing: str
    lead: str
    dialect: Dialect
    habit: str
    """the habit that is not the dialect's own; "" none"""
    data: bytes
    binary: bool = True
    """whether a binary element is among the messages"""
    text: bool = True
    """whether any text is"""


def settings() -> list[Configured]:
    """Every framing and dialect a network file may join."""
    return [
        Configured(framing, dialect)
        for framing in FRAMINGS
        for dialect in DIALECTS.values()
        if {"tpdu": 5, "base1": 22}.get(framing, header_bytes(dialect)) == header_bytes(dialect)
    ]


@cache
def encodings() -> list[tuple[Dialect, str, Spoken | None]]:
    """Each dialect as it is, and with one habit changed."""
    found: list[tuple[Dialect, str, Spoken | None]] = []
    for dialect in DIALECTS.values():
        found.append((dialect, "", None))
        found += [(dialect, one.changed[0], one) for one in variants(dialect) if len(one.changed) == 1]
    return found


def sent() -> Iterator[Sent]:
    """All of them, each with one to three messages."""
    rng = Random(SEED)
    for dialect, habit, spoken in encodings():
        for framing in (*FRAMINGS, BARE):
            for lead in LEADS:
                chosen = rng.sample(documents(dialect), rng.choice((1, 1, 2, 3)))
                bodies = []
                bodies += [LEADS[lead] + written(dialect, habit, spoken, document) for document in chosen]
                if all(fits(framing, message, lead) for message in bodies):
                    data = b"".join(bodies) if framing == BARE else framed(framing, bodies)
                    binary = habit == "binary" or any("55" in document for document in chosen)
                    text = any({"37", "38", "39", "41", "42", "43"} & document.keys() for document in chosen)
                    yield Sent(framing, lead, dialect, habit, data, binary, text)


def written(dialect: Dialect, habit: str, spoken: Spoken | None, document: Document) -> bytes:
    """A document of a dialect as one with another habit writes it."""
    if spoken is None:
        return body(dialect, document)
    changed = {k: v for k, v in document.items() if k != "h"}
    if habit == "binary" and "55" not in changed:
        changed["64"] = "0123456789ABCDEF"  # without a binary element the habit does not show
    if "35" in changed:
        packed = spoken.table.elements["35"].nibbles
        changed["35"] = changed["35"].replace("=", "D") if packed else changed["35"].replace("D", "=")
    if len(changed.get("55", "")) > spoken.table.elements["55"].digits:
        del changed["55"]
        changed["64"] = "0123456789ABCDEF"
    return encode(spoken.table, changed)


class Change(NamedTuple):
    """What a link needs to be set to, or what a diagnosis says it needs."""

    framing: str
    """`right`: one that cuts the messages; else as it is said"""
    header: int
    dialect: str
    """"" where the peer speaks a shipped dialect with a habit changed: then the habits count, whichever dialect is their base"""
    edition: str
    habits: Habits


def wanted(one: Sent) -> Change:
    """What makes the link work."""
    habits = habits_of(one.dialect)
    if one.habit:
        habits = next(s.habits for s in variants(one.dialect) if s.changed == (one.habit,))
    name = "" if one.habit else one.dialect.name
    return Change("peer" if one.framing == BARE else "right", len(LEADS[one.lead]), name, one.dialect.version, habits)


def got(findings: Findings, one: Sent, configured: Configured) -> Change:
    """What the first diagnosis makes of the configuration."""
    diagnosis = findings.diagnoses[0] if findings.diagnoses else None
    framing, dialect = configured.framing, configured.dialect
    assert dialect is not None
    texts = [s.text for s in diagnosis.settings if s.where != "peer"] if diagnosis else []
    for text in texts:
        if text.startswith("framing = "):
            framing = text.split('"')[1]
        elif text.startswith("dialect = "):
            dialect = DIALECTS[text.split('"')[1]]
    header, habits = header_bytes(dialect), habits_of(dialect)
    for text in texts:
        if text.startswith('"h": '):
            header = int(text.rpartition(" ")[2].rstrip("}"))
        elif not text.startswith(("framing", "dialect")):
            habits = turned(habits, text)
    if diagnosis and any(s.where == "peer" for s in diagnosis.settings):
        framing = "peer"
    elif framing in ALIKE.get((one.framing, one.lead), (one.framing,)):
        framing = "right"
    return Change(framing, header, "" if one.habit else dialect.name, dialect.version, habits)


def turned(habits: Habits, text: str) -> Habits:
    """The habits with the one turned that a setting names."""
    if text.startswith('"p" and "1"'):
        return habits._replace(bitmap="raw" if '"b"' in text else "hex")
    if "where they are" in text:
        return habits._replace(charset="ebcdic" if "cp037" in text else "ascii")
    if "elements of digits" in text:
        return habits._replace(digits="packed" if "nibbles" in text else "text")
    if "elements of content b" in text or text.startswith(('"64": ', '"55": ')):
        return habits._replace(binary="raw" if '"data_enc": "b"' in text else "hex")
    return habits


def agree(one: Change, other: Change, sent: Sent) -> bool:
    """Whether both come to the same, as far as the messages can show it."""
    if not sent.binary:
        one, other = (c._replace(habits=c.habits._replace(binary="")) for c in (one, other))
    if not sent.text and one.habits.digits == "packed":
        one, other = (c._replace(habits=c.habits._replace(charset="")) for c in (one, other))
    if one.dialect and one.dialect != other.dialect and {one.dialect, other.dialect} == {"cmi87b", "visa"}:
        one = one._replace(dialect=other.dialect) if not (sent.text or sent.binary) else one
    return one == other


class Tally:
    """How many came right, and the others."""

    def __init__(self) -> None:
        self.right = self.cases = self.healthy = 0
        self.confused: Counter[str] = Counter()

    def count(self, one: Sent, configured: Configured, findings: Findings) -> None:
        needs, found = wanted(one), got(findings, one, configured)
        self.cases += 1
        self.healthy += findings.verdict is Verdict.HEALTHY
        if agree(needs, found, one):
            self.right += 1
            return
        dialect = configured.dialect.name if configured.dialect else "?"
        what = f"{one.framing}/{one.lead}/{one.dialect.name}{'+' + one.habit if one.habit else ''}"
        first = findings.diagnoses[0] if findings.diagnoses else findings.verdict.value
        self.confused[
            f"{what} against {configured.framing}/{dialect}: {first.change if isinstance(first, Diagnosis) else first}"
        ] += 1

    @property
    def share(self) -> float:
        return self.right / self.cases if self.cases else 1.0

    def report(self, most: int = 40) -> str:
        head = f"{self.right:,} of {self.cases:,} right ({self.share:.2%}), {self.healthy:,} of them healthy"
        return "\n".join([head, *(f"  {line}" for line, _ in self.confused.most_common(most))])


def run(every: int = 1, offset: int = 0) -> Tally:
    """Each `every`-th case."""
    tally, number = Tally(), offset
    configurations = settings()
    for one in sent():
        survey: Survey | None = None
        for configured in configurations:
            number += 1
            if number % every == 0:
                survey = survey or DOCTOR.survey(one.data)
                tally.count(one, configured, survey.against(configured))
    return tally


def vectors() -> Iterator[tuple[str, Dialect, bytes]]:
    """Messages made by others, with the dialect that reads them: name, dialect, message."""
    for message in messages():
        name = FITTING.get(message["name"], "moov87a")
        yield message["name"], Dialect.load(str(Path(HERE) / f"{name}.json")), bytes.fromhex(message["hex"])


def run_vectors() -> Tally:
    """Others' messages in every framing, against every other framing, with their own dialect configured."""
    tally = Tally()
    for _, dialect, message in vectors():
        doctor = Doctor([dialect, *DIALECTS.values()])
        for framing in FRAMINGS:
            if framing in ("tpdu", "base1") or not fits(framing, message, "none"):
                continue
            survey = doctor.survey(framed(framing, [message]))
            for other in FRAMINGS:
                if other not in ("tpdu", "base1"):
                    configured = Configured(other, dialect)
                    tally.count(Sent(framing, "none", dialect, "", b""), configured, survey.against(configured))
    return tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="each N-th case (default: all)")
    options = parser.parse_args()
    for tally in (run(options.every), run_vectors()):
        sys.stdout.write(f"{tally.report()}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
