"""A till with one link: it sends a message, waits for its answer, and remembers its last payment between two commands."""

import socket
import ssl
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from switch.core.links.sealing import Sealing, whole
from switch.core.messages.translator import translator_for
from switch.core.network import Address
from switch.simulators.clock import Calendar, Moment
from switch.wire import DecodeError, Dialect
from switch.wire.dates import day_of
from switch.wire.framing import FramingError, make_framing
from switch.wire.vocabulary import DE, SENSITIVE, Answer, Document, is_answer_to

if TYPE_CHECKING:
    from switch.server.tls import TlsEnd

_NOT_KEPT = SENSITIVE | {DE.PAN, DE.EXPIRY, DE.PRIVATE_48}


class TillError(Exception):
    """No conversation: the sentence says what happened and what to do."""


class Said(NamedTuple):
    """A message as it went or came: in the link's dialect, and in internal format."""

    link: Document
    internal: Document
    size: int
    """bytes, without framing"""


class Last(msgspec.Struct, frozen=True, kw_only=True):
    """The last payment, as kept in a file: enough to void or complete it, nothing secret."""

    card: str
    """name of the test card; "" for another card, which must be given again"""
    pan: str
    """masked"""
    kind: str
    request: Document
    approval: str

    @classmethod
    def read(cls, path: Path) -> "Last | None":
        """The file's, or None where there is none that can be read."""
        try:
            return msgspec.json.decode(path.read_bytes(), type=cls)
        except (OSError, msgspec.DecodeError):
            return None

    def write(self, path: Path) -> None:
        """Keep it. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.json.encode(self))


def kept(request: Document) -> Document:
    """What of a request may lie in a file."""
    return {de: value for de, value in request.items() if de not in _NOT_KEPT}


class Till:
    """A blocking connection to a switch or host. Raises TillError.

    `own`, `peer`: DE32 of the acquirer and of the switch. `counter`: the file that keeps the last DE11 used, so that no two
    payments of an hour share one (and with it their DE37). `hint`: what starts who should be listening.
    """

    def __init__(
        self,
        address: Address,
        dialect: Dialect,
        framing: str,
        *,
        own: str,
        peer: str,
        counter: Path,
        end: "TlsEnd | None" = None,
        hint: str,
    ) -> None:
        """`end`: its own of a link with TLS."""
        self.dialect = dialect
        self.sealing: Sealing | None = None
        """what messages are proved by, where the link has MACs"""
        self._framing = make_framing(framing)
        self._calendar = Calendar()
        self._translator = translator_for(dialect, own, peer, lambda: day_of(self.now().second * 1_000_000))
        self._waiting: list[bytes] = []
        self._end = end
        self._counter = counter
        try:
            self._stan = int(counter.read_text())
        except (OSError, ValueError):
            self._stan = int(time.time() * 1000) % 999_000
        try:
            self._socket = socket.create_connection((address.host, address.port), timeout=5)
        except ConnectionRefusedError:
            raise TillError(f"nothing listens on {address}: start the switch with `{hint}`") from None
        except OSError as error:
            raise TillError(f"cannot connect to {address}: {error.strerror or error}") from None
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if end is not None:
            try:
                self._socket = end.context.wrap_socket(self._socket, server_hostname=end.side.asks_for or None)
            except ssl.SSLError as error:
                raise TillError(f"{address}: {_explained(error, end)}") from None
            except OSError as error:
                raise TillError(f"{address} broke the TLS handshake: {error.strerror or error}; has it TLS?") from None

    def now(self) -> Moment:
        """The wall clock."""
        return self._calendar.at(time.time_ns())

    def next_stan(self) -> str:
        """DE11: goes on where the last till stopped; without its file, from the clock."""
        self._stan = self._stan % 999_999 + 1
        return f"{self._stan:06d}"

    def close(self) -> None:
        """Hang up."""
        self._socket.close()
        with suppress(OSError):
            self._counter.parent.mkdir(parents=True, exist_ok=True)
            self._counter.write_text(str(self._stan))

    def send(self, internal: Document) -> Said:
        """Send a message; EncodeError: the dialect cannot say it."""
        link = self._translator.outward(internal)
        data = self.dialect.encode(link)
        try:
            framed = self._framing.frame(data) if self.sealing is None else self._sealed(self.sealing, link)
            self._socket.sendall(framed)
        except OSError as error:
            raise TillError(f"the link broke while sending: {error.strerror or error}") from None
        return Said(self.dialect.decode(data), internal, len(data))

    def _sealed(self, sealing: Sealing, link: Document) -> bytes:
        try:
            return whole(sealing.seal(self.dialect, link, self._framing.frame))
        except ValueError as error:
            raise TillError(f"no MAC, and nothing is sent without: {error}") from None

    def answer_to(self, internal: Document, seconds: float) -> Said | None:
        """The answer to `internal`; None if none comes in time. Other messages are passed over."""
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            data = self._frame(left)
            if data is None:
                return None
            if self.sealing is not None and not (verdict := self.sealing.check([data])[0]).good:
                raise TillError(f"what came is not proved, and counts as nothing: {verdict.reason}")
            try:
                link = self.dialect.decode(data)
                heard = self._translator.inward(link)
            except DecodeError as error:
                raise TillError(f"the answer cannot be read: {error}") from None
            same = all(heard.get(de) == internal.get(de) for de in (DE.STAN, DE.TRANSMISSION_TIME))
            if same and is_answer_to(internal[DE.MTI], heard[DE.MTI]):
                return Said(link, heard, len(data))
        return None

    def sign_on(self, message: Document) -> None:
        """Introduce the acquirer."""
        self.send(message)
        said = self.answer_to(message, 5)
        if said is None:
            raise TillError("no answer to the sign-on (0800): is it a switch, and is this the port's dialect?")
        de39 = said.internal.get(DE.RESPONSE_CODE, "")
        if de39 != Answer.APPROVED:
            raise TillError(
                f"sign-on refused (DE39={de39}): is DE32={message[DE.ACQUIRER]} a member in the switch's network file, and may "
                "it sign on so? link.sign_on_refused in the switch's hop log says"
            )

    def _frame(self, seconds: float) -> bytes | None:
        while not self._waiting:
            self._socket.settimeout(max(0.001, seconds))
            try:
                data = self._socket.recv(65_536)
            except TimeoutError:
                return None
            except OSError as error:
                said = f"; {_explained(error, self._end)}" if self._end and isinstance(error, ssl.SSLError) else ""
                raise TillError(f"the link broke: {error.strerror or error}{said}") from None
            if not data:
                raise TillError("the other side closed the link; is this the port's dialect and framing? see its log")
            try:
                self._waiting += self._framing.feed(data)
            except FramingError as error:
                raise TillError(f"what came is no frame: {error}") from None
        return self._waiting.pop(0)


def _explained(error: ssl.SSLError, end: "TlsEnd") -> str:
    from switch.server.tls import explain

    return "; ".join(filter(None, explain(error, end.side)))
