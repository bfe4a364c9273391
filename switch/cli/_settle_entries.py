"""The settlement files that have a line an entry: clearing files, and what networks take. A day has a million, each read once.

Where the ledger is built from the log, they are written as its entries are made, aside, until it is known which window is wanted;
where it has tables, entries are read from there.
"""

from collections.abc import Callable, Collection, Mapping
from contextlib import ExitStack, closing
from typing import IO, TYPE_CHECKING, Any, Final, NamedTuple

from switch.cli._settle_networks import IpmFiles, ipm_hosts
from switch.journal.network_messages import Heard, said_to
from switch.journal.spool import temporary_file
from switch.ledger.clearing import ClearingError, ClearingFiles
from switch.ledger.ipm import IpmError
from switch.money.currency import CurrencyError

if TYPE_CHECKING:
    from pathlib import Path

    from switch.core.network import Network
    from switch.journal.ledgers import LedgerView
    from switch.ledger.entries import Entry, Window
    from switch.ledger.netting import Settlement

Begin = Callable[[str], Callable[[bytes], object]]
"""file name -> what takes its bytes"""
Adds = tuple[Callable[["Entry"], None], ...]
"""what takes an entry, each for its own files"""
_BLOCK: Final = 1 << 20


class SettledWindow(NamedTuple):
    """A window, and all that its files are made from."""

    settlement: "Settlement"
    """the window's own"""
    network: "Network"
    state_dir: "Path"
    """of the network's journal; it keeps which form a window was instructed in"""
    ledger: "LedgerView"
    settle: "Callable[[Window], Settlement]"
    """another window as it is settled"""

    @property
    def window(self) -> "Window":
        """Which it is."""
        return self.settlement.window


class EntryFiles:
    """Those of one window. Methods raise ClearingError, IpmError."""

    def __init__(
        self, forms: Collection[str], network: "Network", window: "Window", heard: Heard | None, begin: Begin
    ) -> None:
        """`heard`: of the form `ipm`, what messages with networks have said up to each entry."""
        self._network = network
        members = {m.name for m in network.members} | {h.name for h in network.hosts if h.member} | set(network.payees)
        self._clearing = ClearingFiles(window, members, begin) if "clearing" in forms else None
        self._ipm = IpmFiles(network, window, heard, begin) if heard is not None else None
        self.adds: Adds = tuple(files.add for files in (self._clearing, self._ipm) if files is not None)
        """each is given the next entry of the window"""

    def end(self, settlement: "Settlement") -> dict[str, str]:
        """All have come. SHA-256 by name, of those that have one."""
        if self._ipm is not None:
            self._ipm.end()
        if self._clearing is None:
            return {}
        network, parties = (
            self._network,
            {p.party for n in (*settlement.net, *settlement.bilateral) for p in n.positions},
        )
        members = [m.name for m in network.members if m in network.issuing or m.name in parties]
        # An issuer whose payments were recorded without a price is known by its link's name.
        members += [h.name for h in network.hosts if h.member and h.name in parties and h.name not in members]
        members += [name for name in network.payees if name in parties]
        return self._clearing.end(settlement, members, network.currency)


def write_entry_files(forms: Collection[str], settled: SettledWindow, begin: Begin) -> dict[str, str]:
    """Into `begin(name)`, those of a window whose entries the ledger has; SHA-256 by name, of those that have one.

    Raises ClearingError, IpmError, JournalError.
    """
    hosts = ipm_hosts(settled.network)
    with ExitStack() as stack:
        heard = stack.enter_context(closing(said_to(settled.state_dir, hosts))) if "ipm" in forms and hosts else None
        files = EntryFiles(forms, settled.network, settled.window, heard, begin)
        for entry in settled.ledger.entries(settled.window):
            for add in files.adds:
                add(entry)
        return files.end(settled.settlement)


class Aside:
    """Those of one window in files without names."""

    def __init__(self, forms: Collection[str], network: "Network", window: "Window", heard: Heard | None) -> None:
        self._parts: dict[str, IO[bytes]] = {}
        self._files = EntryFiles(forms, network, window, heard, self._begin)
        self.adds = self._files.adds
        """each is given the next entry of the window; none any more once they cannot be made"""
        self._wrong: ValueError | None = None

    def give_up(self, wrong: ValueError) -> None:
        """They cannot be made, for this reason, which is to be said where they are wanted."""
        self.adds, self._wrong = (), wrong

    def end(self, settlement: "Settlement", begin: Begin) -> dict[str, str]:
        """All have come, and this window is wanted: as `EntryFiles.end`."""
        if self._wrong is not None:
            raise self._wrong
        made = self._files.end(settlement)
        for name, part in self._parts.items():
            write = begin(name)
            part.seek(0)
            while block := part.read(_BLOCK):
                write(block)
        return made

    def close(self) -> None:
        """They are gone."""
        for part in self._parts.values():
            part.close()

    def _begin(self, name: str) -> Callable[[bytes], object]:
        part = self._parts[name] = temporary_file()
        return part.write


class Collected:
    """Those of the window that will be wanted, while the ledger is built: see `journal.cold.Collector`. `close` it."""

    def __init__(self, forms: Collection[str], network: "Network", wanted: str) -> None:
        """`wanted`: a window by its name; "": the last one that will have been closed."""
        self._forms, self._network, self._wanted = forms, network, wanted
        hosts = ipm_hosts(network)
        self._heard = Heard(hosts) if "ipm" in forms and hosts else None
        self._now: Window | None = None
        self._adding: Aside | None = None
        """files of that window, where it may be wanted"""
        self._adds: Adds = ()
        self._of: dict[Window, Aside] = {}
        """the newest two at most: all before them have a later one that is closed"""

    @property
    def takes(self) -> Mapping[type, Callable[[Any], None]]:
        """By kind of record: what is shown each, before what it posts."""
        return self._heard.takes if self._heard is not None else {}

    def post(self, entry: "Entry") -> None:
        """An entry, of whichever window."""
        if entry.window is not self._now:
            self._turn(entry.window)
        try:
            for add in self._adds:
                add(entry)
        except (ClearingError, IpmError, CurrencyError) as error:
            assert self._adding is not None
            self._adding.give_up(error)
            self._adds = ()

    def rest(self) -> None:
        """What was said leaves memory."""
        if self._heard is not None:
            self._heard.rest()

    def end(self, settlement: "Settlement", begin: Begin) -> dict[str, str]:
        """All entries have come: the files of the window that is wanted. As `EntryFiles.end`."""
        found = self._of.get(settlement.window)
        if found is None:
            found = self._of[settlement.window] = Aside(self._forms, self._network, settlement.window, self._heard)
        return found.end(settlement, begin)

    def close(self) -> None:
        """Remove what was collected, of every window."""
        for aside in self._of.values():
            aside.close()
        if self._heard is not None:
            self._heard.close()

    def _turn(self, window: "Window") -> None:
        """What comes is of this window."""
        self._now = window
        if self._wanted and self._wanted != str(window):
            self._adding, self._adds = None, ()
            return
        found = self._of.get(window)
        if found is None:
            for old in sorted(self._of)[:-1]:
                self._of.pop(old).close()
            found = self._of[window] = Aside(self._forms, self._network, window, self._heard)
        self._adding, self._adds = found, found.adds
