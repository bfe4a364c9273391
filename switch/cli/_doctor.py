"""The findings of the link doctor as people read them, and as JSON."""

from typing import TYPE_CHECKING, Any

import click

from switch.cli._network import paint

if TYPE_CHECKING:
    from switch.doctor.diagnosis import Diagnosis, Findings

_WIDTH = 100
_STYLES = {"healthy": "good", "advice": "error", "unfinished": "hint", "reads": "hint", "unknown": "error"}


def as_text(name: str, findings: "Findings") -> str:
    """One stream's findings: what it is, and what to change."""
    word = findings.verdict.value
    head = f"{paint('place', name)}  " if name else ""
    lines = [f"{head}{paint(_STYLES[word], word)}: {findings.summary}{', but' if findings.doubts else ''}"]
    lines += [f"  {paint('hint', doubt)}" for doubt in findings.doubts]
    for number, diagnosis in enumerate(findings.diagnoses):
        lines += ["", *(_first(diagnosis) if not number else _further(diagnosis, number == 1))]
    return "\n".join(lines)


def _first(diagnosis: "Diagnosis") -> list[str]:
    from switch.doctor.shown import rows

    lines = _wrapped(diagnosis.sentence, "  ")
    for number, setting in enumerate(diagnosis.settings):
        lead = "change" if not number else "and"
        lines.append(f"  {paint('label', f'{lead:<6}')}  {paint('hint', str(setting))}")
    if diagnosis.evidence is not None:
        lines.append("")
        lines += [paint("caret", line) if style == "caret" else line for style, line in rows(diagnosis.evidence)]
    return lines


def _further(diagnosis: "Diagnosis", begins: bool) -> list[str]:
    lines = [paint("label", "  or, less likely:")] if begins else []
    return [*lines, *_wrapped(diagnosis.sentence, "    "), f"      {paint('hint', diagnosis.change)}"]


def _wrapped(text: str, indent: str) -> list[str]:
    return click.wrap_text(text, _WIDTH, indent, indent).splitlines()


def as_json(name: str, side: bool | None, findings: "Findings") -> dict[str, Any]:
    """The same for pipes."""
    said: dict[str, Any] = {"stream": name}
    if side is not None:
        said["from"] = "client" if side else "server"
    said |= {"verdict": findings.verdict.value, "summary": findings.summary}
    if findings.dialect:
        said |= {"framing": findings.framing or None, "dialect": findings.dialect}
    if findings.doubts:
        said["doubts"] = list(findings.doubts)
    said["diagnoses"] = [_one(diagnosis) for diagnosis in findings.diagnoses]
    return said


def _one(diagnosis: "Diagnosis") -> dict[str, Any]:
    said: dict[str, Any] = {
        "cause": diagnosis.cause.value,
        "sentence": diagnosis.sentence,
        "settings": [{"where": s.where, "text": s.text} for s in diagnosis.settings],
        "confidence": diagnosis.confidence,
    }
    evidence = diagnosis.evidence
    if evidence is not None:
        said["evidence"] = {
            "at": evidence.at,
            "hex": " ".join(evidence.cells),
            "marks": [{"at": mark.at, "bytes": mark.size, "words": mark.words} for mark in evidence.marks],
        }
    return said
