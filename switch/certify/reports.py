"""A certification's report as lines for a terminal, as JSON and as JUnit XML."""

from collections.abc import Callable
from typing import Any, Final, TypeAlias

import msgspec

from switch.capture.junit import Case, junit
from switch.certify.findings import FAILED, NOT_RUN, PASSED, Finding, Outcome, Report

Paint: TypeAlias = Callable[[str, str], str]
_STYLES: Final = {PASSED: "good", FAILED: "error", NOT_RUN: "hint"}


def lines_of(outcome: Outcome, paint: Paint) -> list[str]:
    """One test: its verdict and, of what is not good, each point with what was expected, found, and what to look at."""
    word = paint(_STYLES[outcome.verdict], f"{outcome.verdict:<7}")
    count = f"{len(outcome.findings)} points, " if outcome.findings else ""
    took = f"{count}{outcome.took_ms:,.0f} ms" if outcome.verdict != NOT_RUN else outcome.why
    lines = [f"{word}  {outcome.ident}  {outcome.title}  {paint('label', took)}"]
    for finding in outcome.failed:
        lines += [f"           {line}" for line in point_lines(finding, paint)]
    if outcome.why and outcome.verdict == FAILED:
        lines.append(f"           it ended there: {outcome.why}")
    lines += [f"           {paint('hint', f'also: {note}')}" for note in outcome.notes]
    return lines


def point_lines(finding: Finding, paint: Paint) -> list[str]:
    """A point that is not good."""
    lines = [
        f"{paint('place', f'{finding.step}: {finding.point}')}  expected {finding.expected}, "
        f"{paint('error', f'found {finding.found}')}"
    ]
    if finding.look_at:
        lines.append(f"  {paint('hint', f'look at: {finding.look_at}')}")
    return lines


def summary(report: Report) -> str:
    """The last line."""
    passed, failed, skipped = (report.count(verdict) for verdict in (PASSED, FAILED, NOT_RUN))
    left = f", {skipped} not run" if skipped else ""
    return f"{report.plan} against {report.peer}: {passed} passed, {failed} failed{left}"


def as_json(report: Report) -> str:
    """All of it, for programs."""
    made: dict[str, Any] = {"passed": report.passed, **msgspec.to_builtins(report)}
    return msgspec.json.format(msgspec.json.encode(made), indent=2).decode() + "\n"


def as_junit(report: Report) -> str:
    """A suite a test, a case a point."""
    cases: list[Case] = []
    for outcome in report.outcomes:
        suite = f"{outcome.ident} {outcome.title}"
        for finding in outcome.findings:
            wrong = [f"expected {finding.expected}, found {finding.found}"]
            wrong += [f"look at: {finding.look_at}"] if finding.look_at else []
            cases.append(Case(suite, f"{finding.step}: {finding.point}", wrong=() if finding.good else tuple(wrong)))
        if outcome.verdict == NOT_RUN:
            cases.append(Case(suite, "run", skipped=outcome.why or "it was not run"))
        elif outcome.why:
            cases.append(Case(suite, "to its end", outcome.took_ms / 1e3, wrong=(outcome.why,)))
    return junit(cases, report.plan, [summary(report), *report.notes])
