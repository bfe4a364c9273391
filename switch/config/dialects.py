"""Dialects as a network file names them: that they load, and that they have the elements a link needs."""

from collections.abc import Mapping
from typing import Final

from switch.config.mistakes import did_you_mean
from switch.config.reader import Section
from switch.core.links.session import BUSINESS_DAYS
from switch.core.messages.translator import translator_for
from switch.wire import Dialect, DialectError
from switch.wire.dialect import LATIN_1, names
from switch.wire.framing import FRAMINGS
from switch.wire.vocabulary import DE

FINANCIAL: Final = ("2", "3", "4", "7", "11", "32", "37", "39", "41", "49")
"""What a payment and its answer cannot do without, on any link."""

REVERSAL: Final[Mapping[str, str]] = {"0": "90", "1": "56", "2": "56"}
"""First digit of the MTI -> where a reversal names its original."""

NETWORK: Final[Mapping[str, str]] = {"0": "70", "1": "24", "2": "24"}
"""First digit of the MTI -> where a network management message says what it asks for."""


CLASSIC: Final = ("3", "4", "11", "35", "39", "41")
"""What a classic terminal cannot do without."""


def missing_elements(dialect: Dialect, *, classic: bool = False) -> list[str]:
    """Elements a link needs and the dialect lacks, in the order of the standard: `["DE37", "DE90"]`. `classic`: a link of classic
    terminals."""
    version = dialect.version
    of_links = (*FINANCIAL, REVERSAL.get(version, "90"), NETWORK.get(version, "70"))
    wanted: tuple[str, ...] = CLASSIC if classic else of_links
    return [f"DE{element}" for element in wanted if element not in dialect.spec]


WINDOWS: Final[Mapping[str, str]] = {"cmi": DE.PRIVATE_48, "iso93": DE.WINDOW_93}
"""Family -> the element that has a place for the number of a window."""

HEADERS: Final[Mapping[str, int]] = {"tpdu": 5, "base1": 22}
"""Framing -> bytes of the message header it looks into; the dialect must have one of that size."""


def header_bytes(dialect: Dialect) -> int:
    """Size of the header before the MTI; 0: none."""
    element = dialect.spec["h"]
    size = int(element["max_len"])
    return size // 2 if element.get("len_count") == "nibbles" else size


class Dialects:
    """Dialects of one network file, each loaded once."""

    def __init__(self) -> None:
        """None loaded yet."""
        self._loaded: dict[str, Dialect | None] = {}

    def read(self, s: Section) -> str:
        """The key `dialect` of a link: a shipped name or a path. "" after a mistake."""
        name = s.text("dialect")
        s.ask("charset")
        if not name:
            return ""
        if name not in self._loaded:
            self._loaded[name] = self._load(s, name)
        dialect = self._loaded[name]
        if dialect is None:
            return ""
        lacking = missing_elements(dialect, classic=s.data.get("profile") == "classic")
        if lacking:
            s.wrong(
                "dialect",
                f'dialect "{name}" lacks {", ".join(lacking)}, which a link needs',
                f"add to {name}'s dialect file",
            )
            return ""
        try:
            translator_for(dialect, "", "")
        except ValueError as error:
            s.wrong("dialect", f"no link can speak it: {error}", f"`family` in {name}'s file says whose form it has")
            return ""
        return self._charset(s, name)

    def _charset(self, s: Section, name: str) -> str:
        """The key `charset` of a link: `latin-1` makes another dialect of it, which has ISO 8859-1 for its ASCII."""
        if s.choice("charset", ("ascii", LATIN_1), "ascii") == "ascii":
            return name
        made = f"{name}+{LATIN_1}"
        try:
            self._loaded[made] = Dialect.load(made)
        except DialectError as error:
            s.wrong("charset", f'dialect "{name}": {"; ".join(error.mistakes)}', "leave it out")
            return ""
        return made

    def get(self, name: str) -> Dialect | None:
        """One that has been read; None after a mistake."""
        return self._loaded.get(name)

    def framing(self, s: Section, name: str) -> str:
        """The key `framing` of a link with dialect `name`; by default the one the dialect usually travels in."""
        dialect = self._loaded.get(name)
        framing = s.choice("framing", FRAMINGS, dialect.framing if dialect is not None else "length2")
        wanted = HEADERS.get(framing, 0)
        if dialect is not None and wanted and header_bytes(dialect) != wanted:
            s.wrong(
                "framing",
                f'framing "{framing}" needs a header of {wanted} bytes; dialect "{name}" has {header_bytes(dialect) or "none"}',
                f'dialect "{name}" usually travels in "{dialect.framing}"',
            )
        return framing

    def business_day(self, s: Section, name: str, default: str) -> str:
        """The key `business_day` of a link with dialect `name`: what its answers say of the business day."""
        says = s.choice("business_day", BUSINESS_DAYS, default)
        dialect = self._loaded.get(name)
        if dialect is None or not s.has("business_day") or says == "none":
            return says
        if DE.SETTLEMENT_DATE not in dialect.elements:
            s.wrong("business_day", f'dialect "{name}" has no DE15 to say a business day in', 'business_day = "none"')
        elif says == "window" and WINDOWS.get(dialect.family) not in dialect.elements:
            hint = 'business_day = "day" says it without the number of its window'
            s.wrong("business_day", f'dialect "{name}" has no place for the number of a window', hint)
        return says

    def fees(self, s: Section, name: str) -> bool:
        """The key `fees` of a listener with dialect `name`: do its answers say what a payment costs?"""
        wanted = s.truth("fees", default=False)
        dialect = self._loaded.get(name)
        if wanted and dialect is not None and (dialect.family != "cmi" or DE.FEES not in dialect.elements):
            s.wrong(
                "fees", f'dialect "{name}" has no place for the fees of a payment', "a dialect of family cmi has DE46"
            )
            return False
        return wanted

    def _load(self, s: Section, name: str) -> Dialect | None:
        """Load it, or note why not at the first link that names it."""
        known = names()
        if name.endswith(f"+{LATIN_1}"):
            s.wrong("dialect", f'"{name}" is no dialect\'s name', 'charset = "latin-1" says the rest')
            return None
        if "/" not in name and not name.endswith(".json") and name not in known:
            s.wrong("dialect", f'no dialect is called "{name}"', did_you_mean(name, known))
            return None
        try:
            return Dialect.load(name)
        except DialectError as error:
            s.wrong("dialect", f'dialect "{name}" does not load: {"; ".join(error.mistakes)}')
            return None
