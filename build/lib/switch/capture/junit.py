"""What was expected and what came of it as JUnit XML, which every CI system reads: a suite of cases for each talk, or test."""

from collections.abc import Iterable
from typing import NamedTuple
from xml.sax.saxutils import escape, quoteattr

from switch.capture.replay import Report


class Case(NamedTuple):
    """One thing that was expected."""

    suite: str
    name: str
    seconds: float = 0.0
    wrong: tuple[str, ...] = ()
    """what is not as expected, a line each"""
    skipped: str = ""
    """why it was not looked at"""


def as_junit(report: Report, name: str) -> str:
    """The XML of a replay; `name` is the suites' name, the capture's file for one."""
    cases = (
        Case(talk.name, case.name, case.took_ns / 1e9, tuple(difference.text for difference in case.differences))
        for talk, case in report.cases
    )
    return junit(cases, name, report.troubles)


def junit(cases: Iterable[Case], name: str, said: list[str]) -> str:
    """The XML of any cases; `said`: what is no case's."""
    suites: dict[str, list[Case]] = {}
    for case in cases:
        suites.setdefault(case.suite, []).append(case)
    every = [case for of_suite in suites.values() for case in of_suite]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<testsuites name={_quoted(name)} {_counts(every)}>"]
    for suite, of_suite in suites.items():
        lines.append(f"  <testsuite name={_quoted(suite)} {_counts(of_suite)}>")
        for case in of_suite:
            lines += _case(case)
        lines.append("  </testsuite>")
    if said:
        lines.append(f"  <system-out>{escape(_allowed(chr(10).join(said)))}</system-out>")
    return "\n".join([*lines, "</testsuites>", ""])


def _counts(cases: list[Case]) -> str:
    skipped = sum(bool(case.skipped) for case in cases)
    also = f' skipped="{skipped}"' if skipped else ""
    return f'tests="{len(cases)}" failures="{sum(bool(case.wrong) for case in cases)}"{also}'


def _case(case: Case) -> list[str]:
    head = f'    <testcase classname={_quoted(case.suite)} name={_quoted(case.name)} time="{case.seconds:.6f}"'
    if case.skipped:
        return [f"{head}>", f"      <skipped message={_quoted(case.skipped)}/>", "    </testcase>"]
    if not case.wrong:
        return [f"{head}/>"]
    text = escape(_allowed(chr(10).join(case.wrong)))
    return [
        f"{head}>",
        f"      <failure message={_quoted(case.wrong[0])}>{text}</failure>",
        "    </testcase>",
    ]


def _quoted(text: str) -> str:
    return quoteattr(_allowed(text))


def _allowed(text: str) -> str:
    """XML 1.0 has no control characters but these."""
    return "".join(c if c in "\t\n\r" or (c.isprintable() and c < "\ufffe") else "?" for c in text)
