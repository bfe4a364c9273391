"""The real thing on free ports, for tests: processes started as a user would, and a client that speaks to their ports."""

import json
import os
import re
import socket
import ssl
import time
from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from switch.cli._processes import Child
from switch.config import load_network
from switch.config.load import SHIPPED
from switch.core.messages.translator import translator_for
from switch.core.network import Address, Network
from switch.core.records.records import AnyEntry
from switch.journal.recovery import entries_of
from switch.loopback import free_ports, on_free_ports
from switch.wire import Dialect
from switch.wire.framing import make_framing
from switch.wire.vocabulary import DE, Document

T = TypeVar("T")
QUICK = {
    r"(retry_ms|backoff_min_ms|backoff_max_ms) = .*\n": "",
    r"timeout_ms = 1\d_000": "retry_ms = 2_000\nbackoff_min_ms = 100\nbackoff_max_ms = 400\ntimeout_ms = 1_500",
}
"""Changes to a network file that make waiting short."""


def wait_for(what: Callable[[], T | None], seconds: float = 15) -> T:
    """What `what` returns once it is neither None nor False nor empty. AssertionError after `seconds`."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"waited {seconds:g} s in vain")


class Stage:
    """A directory with a network file on free ports, and the processes started from it."""

    def __init__(self, directory: Path, changes: dict[str, str] | None = None, file: str = "morocco") -> None:
        directory.mkdir(exist_ok=True)
        self.directory = directory
        text = on_free_ports((SHIPPED / f"{file}.toml").read_text())
        for old, new in (changes or {}).items():
            text, found = re.subn(old, new, text)
            assert found, f"nothing in {file}.toml looks like {old}"
        self.path = directory / "network.toml"
        self.path.write_text(text)
        self.network: Network = load_network(str(self.path))
        self.state = directory / "state"
        self.children: list[Child] = []
        self.stans = count(500_001)
        """one sequence for all clients, far from where the load begins: no two DE11 or DE37 are the same by chance"""
        self._starts = 0
        self._log_at = self._log_inode = 0
        self._log: list[dict[str, Any]] = []

    def listen(self, rows: dict[str, str]) -> None:
        """Give the network file, before anything is started, a listener on a free port for each name, with its other lines."""
        added = (
            f'\n[[listener]]\nname = "{name}"\naddress = "127.0.0.1:{port}"\n{lines}\n'
            for (name, lines), port in zip(rows.items(), free_ports(len(rows)), strict=True)
        )
        self.path.write_text(self.path.read_text() + "".join(added))
        self.network = load_network(str(self.path))

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

    def serve_atlas(self) -> None:
        """The switch and one issuer, whose link is up."""
        self.issuers("atlas")
        self.serve()
        self.event("link.up", link="atlas#1")

    def networks(self, *arguments: str) -> Child:
        """Visa and Mastercard in one process."""
        return self.start("network", "visa", "mastercard", "--network", str(self.path), *arguments)

    def address(self, listener: str) -> Address:
        """Of a listener."""
        return next(x.address for x in self.network.listeners if x.name == listener)

    def entries(self) -> list[AnyEntry]:
        """Every record of the journal, from the first."""
        return list(entries_of(self.state))

    def log_text(self) -> str:
        """The hop log."""
        return (self.state / "hops.jsonl").read_text()

    def log(self) -> list[dict[str, Any]]:
        """The hop log's whole lines so far, parsed; each is read once, also where the file was turned over meanwhile."""
        path = self.state / "hops.jsonl"
        if path.exists():
            before = path.with_name("hops.jsonl.1")
            if self._log_inode and path.stat().st_ino != self._log_inode and before.stat().st_ino == self._log_inode:
                self._read_log(before)
                self._log_at = 0
            self._log_inode = self._read_log(path)
        return self._log

    def _read_log(self, path: Path) -> int:
        """Take the lines after those read already. Returns the file's inode."""
        with path.open("rb") as file:
            inode = os.fstat(file.fileno()).st_ino
            file.seek(self._log_at)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._log_at += len(whole)
        self._log += [json.loads(line) for line in whole.splitlines()]
        return inode

    def events(self, event: str, **fields: Any) -> list[dict[str, Any]]:
        """Lines of the hop log with this event and these fields, so far."""
        return [
            line
            for line in self.log()
            if line["event"] == event and all(line.get(key) == value for key, value in fields.items())
        ]

    def event(self, event: str, seconds: float = 15, **fields: Any) -> dict[str, Any]:
        """The first such line; it may still be on its way. AssertionError: it did not come."""
        try:
            return wait_for(lambda: self.events(event, **fields), seconds)[0]
        except AssertionError:
            raise AssertionError(f"no {event} with {fields} came; the newest lines: {self.log()[-5:]}") from None

    def count(self, event: str, least: int, **fields: Any) -> None:
        """Wait until there are so many such lines."""
        wait_for(lambda: len(self.events(event, **fields)) >= least)

    def hops(self, rrn: str, least: int) -> list[dict[str, Any]]:
        """The hops with this RRN, at least so many."""

        def enough() -> list[dict[str, Any]] | None:
            found = [line for line in self.log() if line.get("rrn") == rrn and line["event"].startswith("hop.")]
            return found if len(found) >= least else None

        return wait_for(enough)

    def outputs(self) -> dict[str, bytes]:
        """What every process has printed, by file name."""
        return {path.name: path.read_bytes() for path in self.directory.glob("*.out")}

    def close(self) -> None:
        """End whatever still runs."""
        for child in self.children:
            if child.running():
                child.kill()


class Client:
    """A blocking acquirer or terminal: internal-format documents in and out. `address`: what its socket comes from."""

    def __init__(
        self,
        stage: Stage,
        listener: str = "acquirers",
        institution: str = "504102",
        *,
        sign_on: bool = True,
        address: str = "",
        wrap: ssl.SSLContext | None = None,
    ) -> None:
        """`wrap`: for a listener with TLS."""
        config = next(x for x in stage.network.listeners if x.name == listener)
        self.dialect = Dialect.load(config.dialect)
        self.framing = make_framing(config.framing)
        self.translator = translator_for(self.dialect, institution, stage.network.institution)
        self.institution = institution
        source = (address, 0) if address else None
        self.sock = socket.create_connection(
            (config.address.host, config.address.port), timeout=10, source_address=source
        )
        if wrap is not None:
            self.sock = wrap.wrap_socket(self.sock, server_hostname="switch.morocco.test")
        self._waiting: list[bytes] = []
        if sign_on:
            answer = self.asks({"t": "0800", "7": "1125120000", "11": "000001", "32": institution, "70": "001"})
            assert answer["39"] == "00", answer

    def message(self, document: Document) -> bytes:
        """The bytes of a message in this link's dialect."""
        return self.dialect.encode(self.translator.outward(document, None))

    def frame(self, document: Document) -> bytes:
        """The bytes of a message on this link."""
        return self.framing.frame(self.message(document))

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
