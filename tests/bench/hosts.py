"""A tiny host for the generator to load: one thread, one connection after another, answers as told."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from switch.wire import Dialect
from switch.wire.framing import make_framing

Answer = Callable[[dict[str, str]], list[dict[str, str]]]
"""a request -> what the host says to it"""


def approve(request: dict[str, str]) -> list[dict[str, str]]:
    mti = request["t"][:2] + str(int(request["t"][2]) + 1) + "0"
    kept = {de: value for de, value in request.items() if de not in ("p", "1", "35", "43", "55", "18", "19", "22")}
    return [kept | {"t": mti, "39": "000" if mti[0] == "1" else "00"}]


@contextmanager
def host(answer: Answer = approve, dialect: str = "cmi87") -> Iterator[tuple[str, list[dict[str, str]]]]:
    """Its address, and what it has heard so far."""
    spoken = Dialect.load(dialect)
    heard: list[dict[str, str]] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def talk(sock: socket.socket) -> None:
        framing = make_framing(spoken.framing, 8_192)
        with sock:
            while data := sock.recv(65_536):
                for frame in framing.feed(data):
                    heard.append(spoken.decode(frame))
                    for said in answer(heard[-1]):
                        sock.sendall(framing.frame(spoken.encode(said)))

    def accept() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=_quietly, args=(talk, sock), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield "{}:{}".format(*listener.getsockname()), heard
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def _quietly(talk: Callable[[socket.socket], None], sock: socket.socket) -> None:
    with suppress(OSError):
        talk(sock)
