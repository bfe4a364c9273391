"""A host that says only what a test tells it to: where an issuer's answers must come at a certain moment, or not at all."""

import socket
from collections.abc import Callable

from switch.core.messages.translator import translator_for
from switch.core.network import HostLink
from switch.wire import Dialect
from switch.wire.framing import make_framing
from switch.wire.vocabulary import DE, Document
from tests.e2e.stage import Stage

ECHOED: tuple[str, ...] = ("2", "3", "4", "7", "11", "32", "37", "41", "49", "70")


class FarHost:
    """The other end of one `[[host]]` that the switch dials. Listens from the start; `accept` before all else."""

    def __init__(self, stage: Stage, name: str) -> None:
        config: HostLink = next(h for h in stage.network.hosts if h.name == name)
        assert config.connect is not None
        self.dialect = Dialect.load(config.dialect)
        self.framing = make_framing(config.framing)
        self.translator = translator_for(self.dialect, config.institution, stage.network.institution)
        self.door = socket.create_server((config.connect.host, config.connect.port))
        self.door.settimeout(10)
        self._sock: socket.socket | None = None
        self._waiting: list[bytes] = []
        """messages that came and were not asked for yet, as they came: a machine that is busy reads them all before it looks"""

    def accept(self) -> None:
        """The switch's connection, signed on."""
        self._sock = self.door.accept()[0]
        self._sock.settimeout(10)
        self.answers([self.gets("0800")])

    @property
    def sock(self) -> socket.socket:
        """The connection."""
        assert self._sock is not None, "`accept` comes first"
        return self._sock

    def gets(self, *types: str) -> Document:
        """The next message, which is of one of these types. TimeoutError after ten seconds, EOFError when the switch hangs up."""
        self.hears(bool)
        found = self.translator.inward(self.dialect.decode(self._waiting.pop(0)))
        assert found[DE.MTI] in types, found
        return found

    def hears(self, enough: Callable[[list[bytes]], bool]) -> int:
        """Read until the messages that wait are `enough`; how many they are. Errors as `gets`."""
        while not enough(self._waiting):
            data = self.sock.recv(1 << 20)
            if not data:
                raise EOFError
            self._waiting += self.framing.feed(data)
        return len(self._waiting)

    def answers(self, requests: list[Document], code: str = "00") -> None:
        """Say this code to each, with an approval code where it is a payment."""
        said: list[bytes] = []
        for request in requests:
            answer = {de: request[de] for de in ECHOED if de in request}
            answer |= {DE.MTI: request[DE.MTI][:2] + "1" + request[DE.MTI][3], DE.RESPONSE_CODE: code}
            if request[DE.MTI][1] == "2":
                answer[DE.APPROVAL_CODE] = "A00001"
            said.append(self.framing.frame(self.dialect.encode(self.translator.outward(answer, None))))
        self.sock.sendall(b"".join(said))

    def close(self) -> None:
        """Hang up and listen no more."""
        if self._sock is not None:
            self._sock.close()
        self.door.close()
