"""Own rules without a fork: what a rules file is given and may say, and how its text becomes rules. Pure.

A rules file is Python with a class `Rules`, which has one or more of three methods; docs/hooks.md shows three. An instance is
made with the switch, lives as long as it, and may remember what it has seen. It is given values, and the time in them: it has no
clock, no file, no socket and no chance, so that a simulated day with it is the same each time.
"""

import ast
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final

import msgspec

ROUTE, BEFORE_FORWARD, BEFORE_ANSWER = POINTS = ("route", "before_forward", "before_answer")
TAKES: Final = {ROUTE: 1, BEFORE_FORWARD: 1, BEFORE_ANSWER: 2}
"""point -> values it is given"""
ADDABLE: Final = frozenset({"44", "46", "47", "60", "61", "62", "63"})
"""elements that `before_answer` may set: they say something beside the answer, and change nothing of it"""
MODULES: Final = frozenset(
    {
        "__future__",
        "bisect",
        "collections",
        "dataclasses",
        "decimal",
        "enum",
        "fractions",
        "functools",
        "heapq",
        "itertools",
        "math",
        "operator",
        "re",
        "statistics",
        "string",
        "switch",
        "typing",
    }
)
"""what a rules file may import; of `switch`, this module alone"""
FORBIDDEN: Final = frozenset(
    {"open", "exec", "eval", "compile", "input", "print", "breakpoint", "globals", "__import__", "exit", "quit"}
)


class Hooks(msgspec.Struct, frozen=True, kw_only=True):
    """The network's own rules file, as the network file names it."""

    file: str
    """as mistakes and the log call it"""
    source: str
    """what is in it"""
    digest: str
    """of that, the first digits of its SHA-256: tells two versions apart"""
    when_off: str = "open"
    """once they are off: payments go on without them (`open`), or are declined (`closed`)"""
    budget_ms: int = 20
    """a call that takes longer is an overrun"""


class Payment(msgspec.Struct, frozen=True, kw_only=True):
    """A request (0100, 0200) as a rule sees it."""

    at_us: int
    """when it came: wall clock, µs since 1970"""
    mti: str
    """0100, 0200; or 0101, 0201: a repeat that the switch does not know"""
    acquirer: str
    """the member or network that brought it, by its name in the network file"""
    listener: str
    """where: the name of its listener or host"""
    card: str
    """the same for the same card, and nobody can tell the number from it; "" without a card"""
    pan: str
    """masked: first 6, last 4"""
    scheme: str
    """of the card's range: `cmi`, `visa` …; "" where it is in none"""
    issuer: str
    """the card's bank; "" for a foreign card"""
    amount: int
    """minor units of `currency`"""
    currency: str
    """ISO 4217 numeric"""
    processing: str
    """DE3, its first two digits: 00 a purchase, 01 cash"""
    merchant: str
    """DE42 without blanks at its end"""
    terminal: str
    """DE41, likewise"""
    category: str
    """DE18, the merchant's"""
    country: str
    """DE19: the acquirer's, ISO 3166 numeric"""
    entry: str
    """DE22"""
    host: str
    """where it goes"""
    hosts: Mapping[str, bool] = MappingProxyType({})
    """every host that there is, and whether it is up"""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The answer of a host, as it is about to be passed on."""

    de39: str
    amount: int
    """what is approved, or was asked"""
    host: str


class Refuse(msgspec.Struct, frozen=True):
    """What `before_forward` says of a payment that is to go no further."""

    de39: str
    """what its acquirer is answered: two characters, no approval"""
    reason: str
    """a sentence for the log and the journal, without a card's number"""


class RulesError(Exception):
    """A rules file that makes no rules. `line`: where, from 1; 0: as a whole."""

    def __init__(self, line: int, message: str, hint: str = "") -> None:
        self.line = line
        self.message = message
        self.hint = hint
        super().__init__(message)


def made(source: str, file: str) -> tuple[Any, dict[str, Any]]:
    """A new instance of the rules in `source`, and its methods by point. `file` is what tracebacks call it.

    RulesError: it reaches outside, is no Python, has no class `Rules` with a point, or cannot be made.
    """
    for error in mistakes(source):
        raise error
    namespace: dict[str, Any] = {"__name__": "rules", "__file__": file}
    try:
        exec(compile(source, file, "exec"), namespace)  # noqa: S102 - the network file names it: it is the operator's own code
        rules = namespace["Rules"]()
    except BaseException as error:  # KeyboardInterrupt, too: whatever it raises, it makes no rules
        raise RulesError(_line_of(error, file), f"cannot be made: {type(error).__name__}: {error}") from None
    return rules, {point: getattr(rules, point) for point in POINTS if hasattr(rules, point)}


def place_of(error: BaseException, file: str) -> str:
    """The kind of an error and the line of the rules file that it arose in: nothing that was in a message."""
    line = _line_of(error, file)
    return f"{type(error).__name__}{f' in {file}:{line}' if line else f': {error}'}"


def _line_of(error: BaseException, file: str) -> int:
    line, trace = 0, error.__traceback__
    while trace is not None:
        line = trace.tb_lineno if trace.tb_frame.f_code.co_filename == file else line
        trace = trace.tb_next
    return line


def mistakes(source: str) -> Iterator[RulesError]:
    """What in a text keeps it from being rules, without running it."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        yield RulesError(getattr(error, "lineno", 0) or 0, f"no Python: {error}")
        return
    for node in ast.walk(tree):
        yield from _outside(node)
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Rules"]
    if not classes:
        yield RulesError(0, "there is no class Rules", f"with one or more of {', '.join(POINTS)}")
        return
    for node in classes[0].body:
        if isinstance(node, ast.AsyncFunctionDef) and node.name in POINTS:
            yield RulesError(node.lineno, f"{node.name} is async", f"nothing waits for a rule: def {node.name}(…)")
    points = [node for node in classes[0].body if isinstance(node, ast.FunctionDef) and node.name in POINTS]
    if not points:
        yield RulesError(classes[0].lineno, "class Rules has no point", f"one or more of {', '.join(POINTS)}")
    for point in points:
        taken = len(point.args.posonlyargs) + len(point.args.args) - 1
        if taken != TAKES[point.name] and point.args.vararg is None:
            gives = "payment" if TAKES[point.name] == 1 else "payment, answer"
            yield RulesError(point.lineno, f"{point.name} takes {taken} values", f"def {point.name}(self, {gives})")


def _outside(node: ast.AST) -> Iterator[RulesError]:
    """A way out of what a rule is given."""
    hint = "rules are given values, and the time as payment.at_us: no clock, file, network or chance"
    names: list[str] = []
    if isinstance(node, ast.Import):
        names = [alias.name for alias in node.names]
    elif isinstance(node, ast.ImportFrom):
        names = [node.module or "."]
    for name in names:
        if name.partition(".")[0] not in MODULES or (name.startswith("switch") and name != "switch.core.hooks"):
            yield RulesError(getattr(node, "lineno", 0), f"it imports {name}", hint)
    if isinstance(node, ast.Name) and node.id in FORBIDDEN:
        yield RulesError(node.lineno, f"it uses {node.id}", hint)
    if isinstance(node, ast.Attribute) and node.attr.startswith("__") and node.attr != "__init__":
        yield RulesError(node.lineno, f"it uses {node.attr}", hint)


__all__ = ["Answer", "Hooks", "Payment", "Refuse", "RulesError", "made", "mistakes", "place_of"]
