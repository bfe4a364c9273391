"""The real thing on free ports, for tests: processes started as a user would, and a client that speaks to their ports."""

import re
import socket
from pathlib import Path

from switch.cli._processes import Child
from switch.cli.demo import on_free_ports
from switch.config import load_network
from switch.config.load import SHIPPED
from switch.core.network import Address, Network
from switch.core.records import SCHEMA, AnyEntry
from switch.core.translate import translator_for
from switch.journal.log import Log, segments
from switch.journal.recovery import decode, journal_directory
from switch.wire import Dialect
from switch.wire.framing import make_framing
from switch.wire.vocabulary import DE, Document


class Stage:
    """A directory with a network file on free ports, and the processes started from it."""

    def __init__(self, directory: Path, changes: dict[str, str] | None = None, file: str = "morocco") -> None:
        self.directory = directory
        text = on_free_ports((SHIPPED / f"{file}.toml").read_text())
        for old, new in (changes or {}).items():
            text, count = re.subn(old, new, text)
            assert count, f"nothing in {file}.toml looks like {old}"
        self.path = directory / "network.toml"
        self.path.write_text(text)
        self.network: Network = load_network(str(self.path))
        self.state = directory / "state"
        self.children: list[Child] = []
        self._starts = 0

    def start(self, *arguments: str, ready: bool = True) -> Child:
        """One `cmi-switch` command; returns once it is ready."""
        self._starts += 1
        child = Child(arguments[0], list(arguments), self.directory / f"{self._starts}-{arguments[0]}.out")
        self.children.append(child)
        if ready:
            child.ready()
        return child

    def serve(self) -> Child:
        """The switch."""
        return self.start("serve", str(self.path), "--state", str(self.state), "--no-show")

    def issuers(self, *arguments: str) -> Child:
        """All issuers in one process."""
        return self.start("issuer", "--network", str(self.path), *arguments)

    def networks(self, *arguments: str) -> Child:
        """Visa and Mastercard in one process."""
        return self.start("network", "visa", "mastercard", "--network", str(self.path), *arguments)

    def address(self, listener: str) -> Address:
        """Of a listener."""
        return next(x.address for x in self.network.listeners if x.name == listener)

    def entries(self) -> list[AnyEntry]:
        """Every record of the journal, from the first."""
        directory = journal_directory(self.state)
        return [decode(segment, record) for segment, record in Log(directory, SCHEMA, segments(directory))]

    def log_text(self) -> str:
        """The hop log."""
        return (self.state / "hops.jsonl").read_text()

    def close(self) -> None:
        """End whatever still runs."""
        for child in self.children:
            if child.running():
                child.kill()


class Client:
    """A blocking acquirer or terminal: house-form documents in, house-form answers out."""

    def __init__(
        self, stage: Stage, listener: str = "acquirers", institution: str = "504102", *, sign_on: bool = True
    ) -> None:
        config = next(x for x in stage.network.listeners if x.name == listener)
        self.dialect = Dialect.load(config.dialect)
        self.framing = make_framing(config.framing, 65_535)
        self.translator = translator_for(self.dialect, institution, stage.network.institution)
        self.institution = institution
        self.sock = socket.create_connection((config.address.host, config.address.port), timeout=10)
        self._waiting: list[bytes] = []
        if sign_on:
            answer = self.asks({"t": "0800", "7": "1125120000", "11": "000001", "32": institution, "70": "001"})
            assert answer["39"] == "00", answer

    def frame(self, document: Document) -> bytes:
        """The bytes of a message on this link."""
        return self.framing.frame(self.dialect.encode(self.translator.outward(document, None)))

    def sends(self, document: Document) -> None:
        """One message."""
        self.sock.sendall(self.frame(document))

    def gets(self) -> Document:
        """The next message; TimeoutError after ten seconds, EOFError when the switch closes the link."""
        while not self._waiting:
            data = self.sock.recv(65_536)
            if not data:
                raise EOFError
            self._waiting += self.framing.feed(data)
        return self.translator.inward(self.dialect.decode(self._waiting.pop(0)))

    def asks(self, document: Document) -> Document:
        """Send, and the answer to it."""
        self.sends(document)
        while True:
            answer = self.gets()
            if answer[DE.STAN] == document[DE.STAN]:
                return answer

    def closed(self) -> bool:
        """Wait until the switch closes the link: True; False if it says something instead."""
        try:
            return self.sock.recv(65_536) == b""
        except ConnectionResetError:
            return True

    def close(self) -> None:
        """Hang up."""
        self.sock.close()
