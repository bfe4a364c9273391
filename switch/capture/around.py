"""What stands around bytes that somebody pasted: a log's times before each line, line numbers, sentences before and behind.

Each function gives the text without it, or nothing where it is not there. Who asks reads what is left, and knows whether that
is bytes.
"""

import re
from collections.abc import Iterator
from itertools import pairwise, product
from typing import Final

_DAY: Final = (
    r"(?:\d{4}[-/.]\d\d[-/.]\d\d|\d\d[-/.]\d\d[-/.](?:\d{4}|\d\d)|\d{8}|(?:\w{3},? )?(?:\d{1,2}[- ])?"
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?:[- ]{1,2}\d{1,2})?(?:,?[- ]\d{4})?)"
)
_CLOCK: Final = r"\d{1,2}:\d\d:\d\d(?:[.,:]\d{1,9})?(?: ?[AP]M)?(?: ?(?:Z|UTC|GMT|[A-Z]{3,4}\b|[+-]\d\d:?\d\d))?"
_EPOCH: Final = r"\d{9,10}\.\d{3,9}"
_TIME: Final = re.compile(rf"[\[(<|]*(?:(?:{_DAY}[T ,:|]*)?{_CLOCK}|{_EPOCH})[\])>|]*[:;,]?(?: -)?(?=\s|$)[ \t]*")
"""A time before a line, in brackets or none, with a day or none."""
_WORDS: Final = re.compile(
    r"(?:[\w.-]{1,60} (?=[\w./-]{1,60}(?:\[\d+\])?:(?: |$)))?"
    r"(?:\[[^\]\n]{0,80}[g-zG-Z][^\]\n]{0,80}\]:?[ \t]*|\((?:[^)\n]{0,80}[g-zG-Z][^)\n]{0,80}|\d{1,6})\):?[ \t]*"
    r"|(?:TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|FATAL|SEVERE|FINE(?:R|ST)?)\b:?(?:[ \t]+|$)(?:- )?"
    r"|[A-Za-z_][\w.$/-]{0,80}(?:\[\d+\])?"
    r"(?:[ \t]*=[ \t]+(?![\"'])|(?:[ \t]*:|[ \t]+(?:-{1,2}>?|=>|<{1,3}|>{1,3}|\|))(?:[ \t]+|$))"
    r"|(?:RX|TX|SEND|SENT|RECV|RECEIVED?|IN|OUT|REQ|RESP?|REQUEST|RESPONSE)(?:[ \t]*[:>]|(?=[ \t]))[ \t]*"
    r"|(?:-->|<--|->|<-|>{2,3}|<{2,3})[ \t]*)+",
    re.IGNORECASE,
)
"""What a log has between its time and what it says: level, thread, class, direction, label."""
_NUMBER: Final = re.compile(r"[ \t]*(\d{1,5})(?:[:.)|]+(?:[ \t]|$)|[ \t]+|$)")
_PROSE: Final = re.compile(r"(?<![\w\\])[A-Za-z']*[g-zG-Z][A-Za-z']*(?![\w])")
_PROSE_MIN: Final = 2
"""words of a line that somebody says"""
_SAID_MAX: Final = 4
"""lines that somebody says before what is meant, and behind it, without a blank line between"""


def left(text: str) -> Iterator[str]:
    """The text without each of these, the likelier first; nothing where none of them is there."""
    lines = text.split("\n")
    yield from _untimed(lines)
    unnumbered = _unnumbered(lines)
    if unnumbered:
        yield unnumbered
    label = _WORDS.match(text)
    if label is not None:
        yield text[label.end() :]
    yield from _unsaid(lines)


def _untimed(lines: list[str]) -> Iterator[str]:
    """Without the time before every line, and then without what else a log says before its matter."""
    matches = [_TIME.match(line) for line in lines if line.strip()]
    if not matches or not all(matches):
        return
    bare = [line[match.end() :] for line in lines if (match := _TIME.match(line))]
    yield "\n".join(bare)
    unworded = [line[match.end() :] if (match := _WORDS.match(line)) else line for line in bare]
    if unworded != bare:
        yield "\n".join(unworded)
    common = _common(bare)
    if common:
        yield "\n".join(line[common:] for line in bare)


def _common(lines: list[str]) -> int:
    """How many characters all lines begin with alike: whole words, of which one is no hex."""
    if len(lines) < 2:
        return 0
    first, last = min(lines), max(lines)
    same = next((n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), min(len(first), len(last)))
    words = first[:same].rpartition(" ")[0]
    return len(words) + 1 if re.search("[g-zG-Z]", words) else 0


def _unnumbered(lines: list[str]) -> str:
    """Without line numbers, which count on by one; "": they do not."""
    found = [(line, _NUMBER.match(line)) for line in lines if line.strip()]
    numbers = [int(match[1]) for _, match in found if match is not None]
    if not numbers or len(numbers) < len(found) or any(b - a != 1 for a, b in pairwise(numbers)):
        return ""
    if len(numbers) == 1 and numbers[0] > 1:
        return ""
    return "\n".join(line[match.end() :] for line, match in found if match is not None)


def _unsaid(lines: list[str]) -> Iterator[str]:
    """Paragraphs by themselves; and the lines between those that somebody says."""
    paragraphs = [part for part in re.split(r"\n[ \t]*\n", "\n".join(lines)) if part.strip()]
    if 1 < len(paragraphs) <= 2 * _SAID_MAX:
        yield from sorted(paragraphs, key=len, reverse=True)
    said = [_is_said(line) for line in lines]
    before = next((n for n, one in enumerate(said) if not one), len(said))
    behind = next((n for n, one in enumerate(reversed(said)) if not one), len(said))
    drops = product(range(min(before, _SAID_MAX) + 1), range(min(behind, _SAID_MAX) + 1))
    for first, last in sorted(drops, key=sum):
        if 0 < first + last < len(lines):
            yield "\n".join(lines[first : len(lines) - last])


def _is_said(line: str) -> bool:
    """A blank line, or one of words and no bytes."""
    return not line.strip() or len(_PROSE.findall(line)) >= _PROSE_MIN
