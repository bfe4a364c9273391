"""Decode and encode messages of one dialect, compiled per layout; what is wrong or rare goes the careful way."""

from switch.wire import careful
from switch.wire.careful import Table
from switch.wire.vocabulary import Document


class Codec:
    """The two functions of a dialect."""

    def __init__(self, table: Table, layouts: int) -> None:
        self.table = table
        self.layouts = layouts

    def decode(self, data: bytes) -> Document:
        """See `Dialect.decode`."""
        return careful.decode(self.table, data)

    def encode(self, document: Document) -> bytes:
        """See `Dialect.encode`."""
        return careful.encode(self.table, document)
