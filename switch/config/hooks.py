"""`[hooks]` of a network file: a file of own rules, read and judged with it."""

from hashlib import sha256
from pathlib import Path
from typing import Final

from switch.config.mistakes import Mistake
from switch.config.reader import Section
from switch.core.hooks import Hooks, RulesError, made

SOURCE_BYTES_MAX: Final = 1 << 20
WHEN_OFF: Final = ("open", "closed")


def read_hooks(root: Section) -> Hooks | None:
    """The section; its file is read from the directory of the network file. None where there is none, and after a mistake."""
    root.ask("hooks")
    if not root.has("hooks"):
        return None
    s = root.table("hooks")
    name = s.text("file")
    when_off = s.choice("when_off", WHEN_OFF, "open")
    budget_ms = s.integer("budget_ms", 1, 1_000, 20)
    s.done()
    if not name:
        return None
    path = Path(s.source.file).parent / name
    try:
        hooks = hooks_of(path)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8, or longer than a megabyte"
        s.wrong("file", f"{path} cannot be read: {reason}")
        return None
    except RulesError as error:
        s.source.mistakes.append(mistake_of(error, path))
        return None
    return Hooks(
        file=hooks.file, source=hooks.source, digest=hooks.digest, when_off=when_off or "open", budget_ms=budget_ms
    )


def hooks_of(path: Path) -> Hooks:
    """A rules file by itself. OSError, ValueError: it cannot be read; RulesError: it makes no rules."""
    with path.open("rb") as file:
        data = file.read(SOURCE_BYTES_MAX + 1)
    if len(data) > SOURCE_BYTES_MAX:
        raise ValueError(f"{path} has more than {SOURCE_BYTES_MAX:,} bytes")
    source = data.decode("utf-8")
    made(source, str(path))
    return Hooks(file=str(path), source=source, digest=sha256(data).hexdigest()[:12])


def mistake_of(error: RulesError, path: Path) -> Mistake:
    """What keeps a file from being rules, with its line."""
    lines = path.read_text(encoding="utf-8").splitlines()
    line = error.line if 0 < error.line <= len(lines) else 0
    snippet = lines[line - 1] if line else ""
    indent = len(snippet) - len(snippet.lstrip())
    return Mistake(
        file=str(path),
        line=line,
        column=indent + 1,
        width=max(1, len(snippet) - indent),
        message=error.message,
        hint=error.hint,
        snippet=snippet,
    )
