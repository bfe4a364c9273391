"""A connection for tests that are Trio's: documents out and in, many tasks at once, no task of its own left behind."""

from collections.abc import Callable, Mapping

import trio

from switch.core.network import Address
from switch.doctor.envelopes import LOOKED_AT
from switch.doctor.explain import Explainer
from switch.testing.running import sign_on
from switch.wire import Dialect, Document
from switch.wire.dialect import LATIN_1, names
from switch.wire.framing import make_framing
from switch.wire.vocabulary import DE, is_answer_to


class Link:
    """Speaks documents of one dialect: to a switch, or to your own host. Made by `connect`.

    Any number of tasks may ask on it at once. Whoever waits for a message reads for all: each takes what is its own, the others'
    stays for them. So it needs no nursery, and a cancelled `asks` leaves the connection in order.
    """

    def __init__(self, stream: trio.SocketStream, dialect: Dialect, framing: str = "", timeout_s: float = 10.0) -> None:
        """`framing` "": the dialect's own. ValueError: there is no such framing."""
        self.dialect = dialect
        self._stream = stream
        self._framing_name = framing or dialect.framing
        self._framing = make_framing(self._framing_name)
        self.there = ""
        """what the other end is known to speak: `cmi87 in length2`; "": nobody knows"""
        self._came = b""
        """what came, as far as the doctor would look at it"""
        self._timeout_s = timeout_s
        self._waiting: list[Document] = []
        self._reading = False
        self._others = trio.lowlevel.ParkingLot()
        self._writing = trio.StrictFIFOLock()

    async def sends(self, document: Document) -> None:
        """One message. EncodeError: the dialect cannot say it; trio.BrokenResourceError: the peer is gone."""
        await self.sends_bytes(self._framing.frame(self.dialect.encode(document)))

    async def sends_bytes(self, data: bytes) -> None:
        """Bytes as they are: half a frame, two at once, nonsense."""
        async with self._writing:
            await self._stream.send_all(data)

    async def gets(self, mine: Callable[[Document], bool] = lambda _: True) -> Document:
        """The next message that is `mine`; others are kept for later.

        trio.TooSlowError: none within the link's time; EOFError: the peer closed; DecodeError, FramingError: what came is none.
        Where what came is not of the link's framing and dialect, a note to the error says what it is, and what to change.
        """
        try:
            with trio.fail_after(self._timeout_s):
                while True:
                    for index, document in enumerate(self._waiting):
                        if mine(document):
                            return self._waiting.pop(index)
                    await self._more()
        except (trio.TooSlowError, EOFError, ValueError) as error:
            self._explain(error)
            raise

    async def asks(self, document: Document) -> Document:
        """Send, and the answer to it: the message of its class with its DE11."""
        await self.sends(document)
        return await self.gets(
            lambda m: m.get(DE.STAN) == document.get(DE.STAN) and is_answer_to(document[DE.MTI], m[DE.MTI])
        )

    async def expects(self, elements: Mapping[str, str]) -> Document:
        """The next message, which has these elements. AssertionError: it has others, said which."""
        document = await self.gets()
        wrong = {de: document.get(de, "none") for de, value in elements.items() if document.get(de) != value}
        assert not wrong, f"expected {dict(elements)}, and in a {document[DE.MTI]} found {wrong}"
        return document

    async def signs_on(self, institution: str, stan: str = "000001", de7: str = "1125120000") -> Document:
        """An acquirer's 0800 with DE70=001, and its answer."""
        return await self.asks(sign_on(institution, stan, de7))

    async def aclose(self) -> None:
        """Hang up."""
        await self._stream.aclose()

    def _explain(self, error: Exception) -> None:
        """Let the doctor say what came."""
        if not self._came:
            ours = f"{self.dialect.name} in {self._framing_name}"
            if self.there and self.there != ours:
                error.add_note(
                    f"The link speaks {ours}; the listener speaks {self.there}. Change: leave dialect and framing out."
                )
            return
        explainer = Explainer(lambda: [Dialect.load(name) for name in names()])
        found = explainer.explain_connection(self._came, self._framing_name, self.dialect)
        if found is not None:
            latin = f"{self.dialect.name}+{LATIN_1}"
            ours = (
                f' (of this link: dialect="{latin}")'
                if LATIN_1 in found.change and LATIN_1 not in self.dialect.name
                else ""
            )
            error.add_note(f"{found.sentence} Change: {found.change}{ours}")

    async def _more(self) -> None:
        """Read once, or wait until whoever reads has."""
        if self._reading:
            await self._others.park()
            return
        self._reading = True
        try:
            data = await self._stream.receive_some(65_536)
            if not data:
                raise EOFError("the peer closed the connection")
            self._came = (self._came + data)[:LOOKED_AT]
            self._waiting += [self.dialect.decode(frame) for frame in self._framing.feed(data)]
        finally:
            self._reading = False
            self._others.unpark_all()


async def connect(address: Address, dialect: str = "cmi87", framing: str = "", timeout_s: float = 10.0) -> Link:
    """A new connection. OSError: nobody listens there; DialectError, ValueError: no such dialect, framing."""
    spoken = Dialect.load(dialect)
    return Link(await trio.open_tcp_stream(address.host, address.port), spoken, framing, timeout_s)
