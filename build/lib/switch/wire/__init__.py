"""Bytes to messages and back. No link, no clock, no money; imports nothing else of the switch but where its files are.

`Dialect.load("cmi87")` gives a dialect; its `decode` and `encode` turn one message's bytes into a document (pyiso8583's own
form, a dict of str) and back. `vocabulary` has the words.
"""

from switch.wire.dialect import Dialect
from switch.wire.errors import CodecError, DecodeError, DialectError, EncodeError
from switch.wire.vocabulary import Document

__all__ = ["CodecError", "DecodeError", "Dialect", "DialectError", "Document", "EncodeError"]
