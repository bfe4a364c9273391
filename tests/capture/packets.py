"""Whole connections as packets, for captures that tests make."""

from collections.abc import Iterator

from switch.capture.layers import Connection, Endpoint


def both_ways(client: Endpoint, server: Endpoint, talk: Iterator[tuple[bool, bytes]]) -> Iterator[bytes]:
    """A whole connection as packets: `talk` gives (from the client?, bytes) in order."""
    connection = Connection(client, server)
    yield from connection.handshake()
    for from_client, payload in talk:
        yield from connection.data(payload, from_client=from_client)
    yield from connection.finish(from_client=True)
