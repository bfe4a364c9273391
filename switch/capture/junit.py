"""What came of a replay as JUnit XML, which every CI system reads: a test case for each thing expected, a suite for each talk."""

from xml.sax.saxutils import escape, quoteattr

from switch.capture.replay import Report


def as_junit(report: Report, name: str) -> str:
    """The XML; `name` is the suites' name, the capture's file for one."""
    suites: dict[str, list[str]] = {}
    failures: dict[str, int] = {}
    for talk, case in report.cases:
        rows = suites.setdefault(talk.name, [])
        head = f'    <testcase classname={_quoted(talk.name)} name={_quoted(case.name)} time="{case.took_ns / 1e9:.6f}"'
        if case.same:
            rows.append(f"{head}/>")
            continue
        failures[talk.name] = failures.get(talk.name, 0) + 1
        texts = [difference.text for difference in case.differences]
        rows += [
            f"{head}>",
            f"      <failure message={_quoted(texts[0])}>{escape(_allowed(chr(10).join(texts)))}</failure>",
            "    </testcase>",
        ]
    lines = ['<?xml version="1.0" encoding="UTF-8"?>']
    total, failed = len(report.cases), sum(failures.values())
    lines.append(f'<testsuites name={_quoted(name)} tests="{total}" failures="{failed}">')
    for suite, rows in suites.items():
        count = sum("<testcase" in row for row in rows)
        lines += [
            f'  <testsuite name={_quoted(suite)} tests="{count}" failures="{failures.get(suite, 0)}">',
            *rows,
            "  </testsuite>",
        ]
    if report.troubles:
        lines.append(f"  <system-out>{escape(_allowed(chr(10).join(report.troubles)))}</system-out>")
    return "\n".join([*lines, "</testsuites>", ""])


def _quoted(text: str) -> str:
    return quoteattr(_allowed(text))


def _allowed(text: str) -> str:
    """XML 1.0 has no control characters but these."""
    return "".join(c if c in "\t\n\r" or (c.isprintable() and c < "\ufffe") else "?" for c in text)
