"""A certification plan's file -> a `Plan`, or `ConfigErrors` with every mistake: its line, what is wrong, what to write."""

import re
from pathlib import Path
from typing import Any, Final

from switch.certify.plan import (
    ACQUIRER,
    INTERNAL,
    ISSUER,
    LINK,
    NOTHING,
    Always,
    Elements,
    Plan,
    Points,
    Reply,
    Step,
    Test,
    Wanted,
)
from switch.certify.words import NAME, OF_A_MESSAGE, THIS_ANSWER
from switch.config import ConfigErrors
from switch.config.mistakes import Mistake, did_you_mean, nearest
from switch.config.reader import Section, Source
from switch.shipped import shipped
from switch.wire import Dialect, DialectError
from switch.wire.dialect import names
from switch.wire.framing import FRAMINGS
from switch.wire.vocabulary import element_of

FILE_BYTES_MAX: Final = 1 << 20
HOUR_MS: Final = 3_600_000
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]*")
_IDENT: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def load_plan(name_or_path: str) -> Plan:
    """A shipped plan by its name (`acquirer-basic`: specs/plans/acquirer-basic.toml), or any by its path, ending .toml.

    ConfigErrors: there is none, it cannot be read, or it has mistakes; all of them are in it.
    """
    path = Path(name_or_path)
    if path.suffix != ".toml" and "/" not in name_or_path:
        known = {file.stem: file for file in shipped("plans").glob("*.toml")}
        if name_or_path not in known:
            hint = did_you_mean(name_or_path, known) if nearest(name_or_path, known) else ""
            raise _whole(name_or_path, f"no shipped plan has this name; there are {', '.join(sorted(known))}", hint)
        path = known[name_or_path]
    try:
        data = path.read_bytes()
        if len(data) > FILE_BYTES_MAX:
            raise _whole(str(path), f"has more than {FILE_BYTES_MAX:,} bytes, the most that a plan may have")
        text = data.decode("utf-8").replace("\r\n", "\n")
    except OSError as error:
        raise _whole(str(path), f"cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise _whole(str(path), f"is not UTF-8: byte 0x{error.object[error.start]:02x} at {error.start}") from None
    return parse_plan(text, str(path))


def parse_plan(text: str, file: str) -> Plan:
    """The plan in `text`; `file` is what mistakes call it. ConfigErrors as above."""
    source = Source(file, text)
    plan = _Reader(source).plan()
    if source.mistakes:
        raise ConfigErrors(source.mistakes)
    return plan


def _whole(file: str, message: str, hint: str = "") -> ConfigErrors:
    return ConfigErrors([Mistake(file=file, line=0, column=0, width=0, message=message, hint=hint)])


class _Reader:
    """Reads one plan, and knows at each place which names a value may have."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._values: dict[str, str] = {}
        self._parts: dict[str, Elements] = {}
        self._saved: set[str] = set()
        self._steps: list[str] = []

    def plan(self) -> Plan:
        root = self._source.root
        name, title = root.name(), root.text("title")
        values = root.table("values")
        self._values = self._texts(values, names=True)
        parts = root.table("parts")
        for key in parts.data:
            self._parts[key] = self._elements(parts.table(key))
        parts.done()
        plan = Plan(
            name=name,
            title=title,
            plays=root.choice("plays", (ACQUIRER, ISSUER)),
            certifies=root.text("certifies"),
            dialect=self._dialect(root),
            framing=root.choice("framing", tuple(FRAMINGS)) if root.has("framing") else "",
            own=self._own(root),
            format=root.choice("format", (INTERNAL, LINK), INTERNAL),
            within_ms=root.integer("within_ms", 1, HOUR_MS, 5_000),
            values=self._values,
            always=tuple(self._always(s) for s in root.tables("always")),
            otherwise=self._reply(root.table("otherwise")) if root.has("otherwise") else None,
            tests=tuple(self._tests(root)),
            source=self._source.file,
        )
        root.ask("framing", "otherwise")
        if not plan.tests and not self._source.mistakes:
            self._source.missing("has no [[test]]", "a plan is made of tests, each of [[test.step]]")
        root.done()
        return plan

    def _dialect(self, root: Section) -> str:
        name = root.text("dialect", "cmi87")
        try:
            if name not in names():  # a file's, or a mistake; one of the shipped ones has none
                Dialect.load(name)
        except DialectError as error:
            root.wrong("dialect", str(error))
        return name

    def _own(self, root: Section) -> str:
        """The institution of this end, which is filled in before there is a message: by the plan's values alone."""
        text = root.text("own", "")
        for name in NAME.findall(text):
            if name not in self._values:
                root.wrong("own", f"no value is called {{{name}}}", did_you_mean(name, list(self._values)))
        return text

    def _tests(self, root: Section) -> list[Test]:
        tests: list[Test] = []
        for s in root.tables("test"):
            self._saved, self._steps = set(), []
            ident = s.text("id")
            if ident and not _IDENT.fullmatch(ident):
                s.wrong("id", f'"{ident}" is no id', "letters, digits, ., - and _: reports are searched by it")
            if ident in [test.ident for test in tests]:
                s.wrong("id", f'another test has the id "{ident}"')
            steps = tuple(self._step(step, n) for n, step in enumerate(s.tables("step"), 1))
            test = Test(
                ident=ident,
                title=s.text("title"),
                about=s.text("about", ""),
                do=s.text("do", ""),
                essential=s.truth("essential", False),
                steps=steps,
            )
            if not steps:
                s.wrong_key("id", f'test "{ident}" has no [[test.step]]')
            s.done()
            tests.append(test)
        return tests

    def _step(self, s: Section, number: int) -> Step:
        name = s.text("name", f"step{number}")
        if not _NAME.fullmatch(name):
            s.wrong("name", f'"{name}" is no name', "lower-case letters, digits, - and _: values name it, {sale.37}")
        kinds = [key for key in ("send", "expects", "hang_up", "wait_ms", "quiet_ms") if s.has(key)]
        if (s.has("again") or s.has("like")) and "send" not in kinds:
            kinds.append("send")
        if len(kinds) != 1:
            found = " and ".join(kinds) or "none of them"
            self._source.note(
                self._source.index.key(s.path),
                f"a step has one of send, like, again, expects, hang_up, wait_ms, quiet_ms; this has {found}",
                "make each a [[test.step]] of its own",
            )
        send = self._sent(s) if "send" in kinds else None
        expects = self._wanted(s.table("expects")) if "expects" in kinds else None
        self._steps.append(name)
        echo_of = s.text("echo_of", "")
        if echo_of and echo_of not in self._steps:
            s.wrong("echo_of", f'no step before this is called "{echo_of}"', did_you_mean(echo_of, self._steps))
        step = Step(
            name=name,
            send=send,
            again=s.text("again", ""),
            without=self._list(s, "without"),
            expects=expects,
            points=self._points(s.table("points")),
            reply=self._reply(s.table("reply")) if s.has("reply") else None,
            echo_of=echo_of,
            hang_up=s.truth("hang_up", False),
            wait_ms=s.integer("wait_ms", 0, HOUR_MS, 0),
            quiet_ms=s.integer("quiet_ms", 0, HOUR_MS, 0),
        )
        s.ask("send", "again", "like", "expects", "reply")
        s.done()
        return step

    def _sent(self, s: Section) -> Elements:
        """What is sent: the elements of a part (`like`), and over them those of `send`."""
        made: dict[str, str] = {}
        again, like = s.text("again", ""), s.text("like", "")
        if again and again not in self._steps:
            s.wrong("again", f'no step before this is called "{again}"', did_you_mean(again, self._steps))
        if like:
            if like not in self._parts:
                s.wrong("like", f"there is no [parts.{like}]", did_you_mean(like, list(self._parts)))
            made.update(self._parts.get(like, {}))
        made.update(self._elements(s.table("send")))
        if not again and "t" not in made and not self._source.mistakes:
            s.wrong_key("send", "a message has no MTI", 'such as t = "0200"')
        return made

    def _always(self, s: Section) -> Always:
        made = Always(when=self._wanted(s.table("when")), reply=self._reply(s.table("reply")))
        s.done()
        return made

    def _points(self, s: Section) -> Points:
        save = s.table("save")
        saved = {name: key for name in save.data if (key := self._element(save, name, save.text(name)))}
        form = self._elements(s.table("form"), filled=False)
        for de, pattern in form.items():
            try:
                re.compile(pattern)
            except re.error as error:
                s.wrong("form", f"DE{de}: {pattern!r} is no regular expression: {error}")
        points = Points(
            mti=s.text("mti", ""),
            within_ms=s.integer("within_ms", 0, HOUR_MS, 0),
            echo=self._list(s, "echo"),
            echo_if_there=self._list(s, "echo_if_there"),
            has=self._list(s, "has"),
            lacks=self._list(s, "lacks"),
            equals=self._wanted(s.table("equals")),
            starts=self._elements(s.table("starts")),
            form=form,
            save=saved,
            look_at=s.text("look_at", ""),
        )
        if points.mti and points.mti != NOTHING and not re.fullmatch(r"\d{4}", points.mti):
            s.wrong("mti", f'"{points.mti}" is no MTI', f'four digits, or "{NOTHING}" where no answer may come')
        self._saved.update(saved)
        s.done()
        return points

    def _reply(self, s: Section) -> Reply:
        reply = Reply(
            elements=self._elements(s.table("elements")),
            echo=self._list(s, "echo"),
            after_ms=s.integer("after_ms", 0, HOUR_MS, 0),
        )
        s.done()
        return reply

    def _list(self, s: Section, key: str) -> tuple[str, ...]:
        return tuple(found for text in s.texts(key) if (found := self._element(s, key, text)))

    def _wanted(self, s: Section) -> Wanted:
        made: dict[str, tuple[str, ...]] = {}
        for key, value in s.data.items():
            texts = s.texts(key) if isinstance(value, list) else [s.text(key)]
            made[self._element(s, key, key, place_is_key=True)] = tuple(self._value(s, key, text) for text in texts)
        return made

    def _elements(self, s: Section, *, filled: bool = True) -> dict[str, str]:
        made = {}
        for key in s.data:
            text = s.text(key)
            made[self._element(s, key, key, place_is_key=True)] = self._value(s, key, text) if filled else text
        return made

    def _texts(self, s: Section, *, names: bool) -> dict[str, str]:
        made = {}
        for key in s.data:
            made[key] = s.text(key)
            if names and not _NAME.fullmatch(key):
                s.wrong_key(key, f'"{key}" is no name of a value', "lower-case letters, digits, - and _")
            if key in OF_A_MESSAGE:
                s.wrong_key(key, f'"{key}" is what each message has of its own', "give the value another name")
        return made

    def _element(self, s: Section, key: str, text: Any, *, place_is_key: bool = False) -> str:
        """The key of an element; "" after a mistake. `DE39` and `39` are the same."""
        name = element_of(str(text))
        if name:
            return name
        note = s.wrong_key if place_is_key else s.wrong
        note(key, f'"{text}" is no element', '"2" to "128", or "t" for the MTI')
        return ""

    def _value(self, s: Section, key: str, text: str) -> str:
        """A value whose names in braces all have a meaning here."""
        for name in NAME.findall(text):
            step, dot, _ = name.partition(".")
            if (dot and step in self._steps) or name in {*self._values, *self._saved, *OF_A_MESSAGE, THIS_ANSWER}:
                continue
            known = [*self._values, *self._saved, *OF_A_MESSAGE, *(f"{s}.37" for s in self._steps)]
            s.wrong(key, f"nothing is called {{{name}}} here", did_you_mean(name, known))
        return text
