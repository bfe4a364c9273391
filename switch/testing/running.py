"""The demo network as processes on free ports, for tests: the switch, the banks' issuers, Visa and Mastercard; and a client."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from switch.cli._processes import Child
from switch.config import load_network
from switch.config.load import SHIPPED
from switch.core.network import Address, Listener, Network
from switch.loopback import on_free_ports
from switch.wire import Dialect, Document
from switch.wire.framing import make_framing
from switch.wire.vocabulary import DE, MTI, NetworkCode, is_answer_to


def sign_on(institution: str, stan: str, de7: str) -> Document:
    """An acquirer's 0800 with DE70=001. `institution`: its DE32."""
    return {
        DE.MTI: MTI.NETWORK_REQUEST,
        DE.TRANSMISSION_TIME: de7,
        DE.STAN: stan,
        DE.ACQUIRER: institution,
        DE.NETWORK_CODE: NetworkCode.SIGN_ON,
    }


class Client:
    """A blocking connection that speaks documents of one dialect: to a switch, or to your own host."""

    def __init__(self, address: Address, dialect: str = "cmi87", framing: str = "", timeout_s: float = 10.0) -> None:
        """`framing` "": the dialect's own. OSError: nobody listens there; DialectError, ValueError: no such dialect, framing."""
        self.dialect = Dialect.load(dialect)
        self._framing = make_framing(framing or self.dialect.framing)
        self._socket = socket.create_connection((address.host, address.port), timeout=timeout_s)
        self._waiting: list[bytes] = []

    def sends(self, document: Document) -> None:
        """One message."""
        self._socket.sendall(self._framing.frame(self.dialect.encode(document)))

    def gets(self) -> Document:
        """The next message. TimeoutError: none came; EOFError: the peer closed; DecodeError, FramingError: it is none."""
        while not self._waiting:
            data = self._socket.recv(65_536)
            if not data:
                raise EOFError("the peer closed the connection")
            self._waiting += self._framing.feed(data)
        return self.dialect.decode(self._waiting.pop(0))

    def asks(self, document: Document) -> Document:
        """Send, and the answer to it: the message of its class with its DE11. Others are passed over."""
        self.sends(document)
        while True:
            answer = self.gets()
            if answer.get(DE.STAN) == document.get(DE.STAN) and is_answer_to(document[DE.MTI], answer[DE.MTI]):
                return answer

    def signs_on(self, institution: str, stan: str = "000001", de7: str = "1125120000") -> Document:
        """An acquirer's 0800 with DE70=001, and its answer."""
        return self.asks(sign_on(institution, stan, de7))

    def close(self) -> None:
        """Hang up."""
        self._socket.close()


class Running:
    """A switch that runs."""

    def __init__(self, network: Network, directory: Path) -> None:
        self.network = network
        self.directory = directory
        """network file, journal, hop log and the processes' output"""

    def listener(self, name: str) -> Listener:
        """A listener of its network file. KeyError: there is none of that name."""
        for one in self.network.listeners:
            if one.name == name:
                return one
        raise KeyError(f"no listener {name!r}; there are {', '.join(x.name for x in self.network.listeners)}")

    def address(self, listener: str) -> Address:
        """Where a listener listens. KeyError: there is none of that name."""
        return self.listener(listener).address

    def client(self, listener: str = "acquirers") -> Client:
        """A new connection to a listener, in its own dialect and framing. KeyError: there is none of that name."""
        config = self.listener(listener)
        return Client(config.address, config.dialect, config.framing)


@contextmanager
def running(directory: Path, network: str = "morocco") -> Iterator[Running]:
    """The switch of a network file (a shipped one's name, or a path) with all hosts it connects to, up and signed on.

    Every 127.0.0.1 port of the file is replaced by a free one. ConfigErrors: the file has mistakes; ChildError: a process did
    not come up, with what it said.
    """
    source = Path(network) if network.endswith(".toml") else SHIPPED / f"{network}.toml"
    path = directory / "network.toml"
    path.write_text(on_free_ports(source.read_text(encoding="utf-8")), encoding="utf-8")
    loaded = load_network(str(path))
    schemes = [host.scheme for host in loaded.card_networks if host.connect is not None]
    commands = (
        [["issuer", "--network", str(path)]] if any(h.role == "issuer" and h.connect for h in loaded.hosts) else []
    )
    commands += [["network", *schemes, "--network", str(path)]] if schemes else []
    commands += [["serve", str(path), "--state", str(directory / "state"), "--no-show"]]
    children: list[Child] = []
    try:
        for arguments in commands:
            child = Child(arguments[0], arguments, directory / f"{arguments[0]}.out")
            children.append(child)
            child.ready()
        yield Running(loaded, directory)
    finally:
        for child in reversed(children):
            if child.running():
                child.kill()
