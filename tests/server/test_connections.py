"""A connection's queue: what has left is not reported as undelivered."""

import socket

from switch.server.connections import Connection


class Narrow:
    """A socket that takes so many bytes a call."""

    def __init__(self, sock: socket.socket, room: int) -> None:
        self._sock, self.room = sock, room

    def send(self, data: bytes) -> int:
        return self._sock.send(data[: self.room])


def test_only_answers_that_have_not_left_whole_are_undelivered() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        connection = Connection(socket.socket(), "acquirers#1")
        connection.sock.close()
        connection.sock = Narrow(ours, 25)  # type: ignore[assignment]
        for txn in (1, 2, 3):
            connection.put(b"x" * 10, txn)
        assert not connection.flush()
        assert [txn for txn, _ in connection.txns] == [3], "the third is cut in its middle"
        connection.put(b"x" * 10, 4)
        connection.sock.room = 6  # type: ignore[attr-defined]
        assert not connection.flush()
        assert [txn for txn, _ in connection.txns] == [4]
        connection.sock.room = 100  # type: ignore[attr-defined]
        assert connection.flush()
        assert connection.txns == []
