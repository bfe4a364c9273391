"""A certification's report as a page to read, to hand on and to print: one HTML file, without script, without anything from
elsewhere. Pure text."""

from html import escape
from typing import Final

from switch.certify.findings import FAILED, NOT_RUN, OURS, PASSED, Finding, Outcome, Passage, Report
from switch.certify.reports import summary

STYLE: Final = """
:root { --ink: #1d2a33; --soft: #5b6b75; --rule: #c9d1d6; --pale: #f3f6f7; --good: #1c7a4b; --bad: #a63d26; --none: #7a6a1c; }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 210mm; padding: 12mm 10mm; color: var(--ink); background: #fff;
  font: 10pt/1.45 "Source Sans 3", "Helvetica Neue", Arial, "Liberation Sans", "DejaVu Sans", sans-serif; }
h1 { margin: 0; font-size: 18pt; font-weight: 600; } h1 small { display: block; font-size: 11pt; color: var(--soft); }
h2 { margin: 8mm 0 1mm; font-size: 12pt; break-after: avoid; }
h2 span { float: right; } .passed { color: var(--good); } .failed { color: var(--bad); } .not { color: var(--none); }
p { margin: 1mm 0; } .soft { color: var(--soft); }
table { width: 100%; border-collapse: collapse; margin: 2mm 0; font-size: 9pt; }
th, td { padding: 1mm 2mm 1mm 0; border-bottom: 1px solid var(--rule); text-align: left; vertical-align: top; }
th { color: var(--soft); font-weight: 400; } tr { break-inside: avoid; }
tr.failed td { background: #fbefec; color: var(--ink); }
tr.failed td:first-child { border-left: 3px solid var(--bad); padding-left: 2mm; }
details { margin: 2mm 0; border: 1px solid var(--rule); padding: 1mm 3mm; break-inside: avoid; }
summary { cursor: pointer; } pre { margin: 2mm 0; white-space: pre-wrap; overflow-wrap: anywhere;
  font: 8pt/1.4 "DejaVu Sans Mono", "Liberation Mono", monospace; } pre.bytes { background: var(--pale); padding: 2mm; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 5mm; margin: 4mm 0; } dt { color: var(--soft); }
dd { margin: 0; }
@page { size: A4; margin: 14mm; @bottom-right { content: counter(page) " / " counter(pages); font: 8pt Arial, sans-serif; } }
@media print { body { padding: 0; max-width: none; } * { -webkit-print-color-adjust: exact; print-color-adjust: exact; }
  thead { display: table-header-group; } }
@media (max-width: 640px) { body { padding: 4mm; } table { display: block; overflow-x: auto; } }
"""
_CLASSES: Final = {PASSED: "passed", FAILED: "failed", NOT_RUN: "not"}


def page(report: Report) -> str:
    """The whole document."""
    rows = "".join(
        f'<tr><td><a href="#{escape(o.ident)}">{escape(o.ident)}</a></td><td>{escape(o.title)}</td>'
        f'<td class="{_CLASSES[o.verdict]}">{o.verdict}</td><td>{len(o.findings) - len(o.failed)} of {len(o.findings)}</td></tr>'
        for o in report.outcomes
    )
    about = {
        "Result": summary(report),
        "Plan": f"{report.plan}; certifies {report.certifies}, and plays the {report.plays}",
        "Peer": report.peer,
        "Spoken": f"{report.dialect} in {report.framing}",
        "Began": report.began,
    }
    facts = "".join(f"<dt>{escape(key)}</dt><dd>{escape(value)}</dd>" for key, value in about.items())
    notes = "".join(f"<p>{escape(note)}</p>" for note in report.notes)
    return (
        f'<!doctype html>\n<html lang="en">\n<head><meta charset="utf-8">\n'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(report.plan)}: {escape(report.peer)}</title>\n<style>{STYLE}</style></head>\n<body>\n"
        f"<h1>{escape(report.title)}<small>Certification</small></h1>\n<dl>{facts}</dl>\n"
        "<table><thead><tr><th>test</th><th></th><th>verdict</th><th>points good</th></tr></thead>"
        f"<tbody>{rows}</tbody></table>\n"
        f"{''.join(_outcome(outcome) for outcome in report.outcomes)}"
        f"{f'<h2>Beside the tests</h2>{notes}' if notes else ''}"
        '<p class="soft">Card numbers are masked; track data, PIN blocks and card values are overwritten, '
        "in bytes as in fields.</p>\n"
        "</body></html>\n"
    )


def _outcome(outcome: Outcome) -> str:
    verdict = f'<span class="{_CLASSES[outcome.verdict]}">{outcome.verdict}</span>'
    rows = "".join(_finding(finding) for finding in outcome.findings)
    head = "<thead><tr><th>step</th><th>point</th><th>expected</th><th>found</th></tr></thead>"
    return (
        f'<section id="{escape(outcome.ident)}"><h2>{verdict}{escape(outcome.ident)} {escape(outcome.title)}</h2>'
        + "".join(
            f'<p class="soft">{escape(text)}</p>' for text in (outcome.about, outcome.why, *outcome.notes) if text
        )
        + (f"<table>{head}<tbody>{rows}</tbody></table>" if rows else "")
        + "".join(_passage(passage) for passage in outcome.passages)
        + "</section>\n"
    )


def _finding(finding: Finding) -> str:
    look_at = f'<br><span class="soft">look at: {escape(finding.look_at)}</span>' if finding.look_at else ""
    return (
        f'<tr class="{"passed" if finding.good else "failed"}"><td>{escape(finding.step)}</td><td>{escape(finding.point)}</td>'
        f"<td>{escape(finding.expected)}</td><td>{escape(finding.found)}{look_at}</td></tr>"
    )


def _passage(passage: Passage) -> str:
    arrow = "▶" if passage.way == OURS else "◀"
    step = f" {escape(passage.step)}" if passage.step else ""
    wrong = f"<pre>{escape(passage.wrong)}</pre>" if passage.wrong else ""
    return (
        f"<details open><summary>{arrow} {escape(passage.mti)} {escape(passage.way)}, DE11 {escape(passage.stan or 'absent')}, "
        f"at {passage.at_ms:,.3f} ms{step}</summary>"
        f'<pre>{escape(passage.fields)}</pre>{wrong}<pre class="bytes">{escape(passage.bytes)}</pre></details>'
    )
