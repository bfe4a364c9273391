"""Hosts that write letters where their link has ASCII: a shop's name in what they ask, a text in what they answer.

In ISO 8859-1, as jPOS's packagers of text do, or in UTF-8 with lengths that count characters, as j8583 does (its issue 84: "L*VAR
fields indicate chars").
"""

from collections.abc import Callable
from typing import Final

from switch.wire import Dialect
from switch.wire.letters import is_lettered
from switch.wire.vocabulary import DE, Document, is_request

LATIN, UTF8 = "latin-1", "utf-8"
LETTERINGS: Final = (LATIN, UTF8)
SAID: Final = "paiement accept\x1a"
"""DE44 of answers, before its last letter is one"""
_MARK: Final = "\x1a"
"""stands for a letter until the message is written; no text has it"""


def writer(dialect: Dialect, letters: str) -> Callable[[Document], bytes]:
    """What encodes a host's messages. `letters`: one of `LETTERINGS`; "": as the dialect says."""
    if not letters:
        return dialect.encode
    letter = "é".encode(letters)

    def encode(link: Document) -> bytes:
        marked = _marked(dialect, link)
        data = dialect.encode(marked)
        marks = sum(value.count(_MARK) for value in marked.values())
        return data.replace(_MARK.encode(), letter) if data.count(_MARK.encode()) == marks else dialect.encode(link)

    return encode


def _marked(dialect: Dialect, link: Document) -> Document:
    """With a mark in an element of text that the dialect has in ASCII; the same where there is none."""
    mti = link[DE.MTI]
    if is_request(mti):
        name = link.get(DE.MERCHANT_NAME, "")
        return (
            {**link, DE.MERCHANT_NAME: name.replace("E", _MARK)}
            if _in_ascii(dialect, DE.MERCHANT_NAME) and name
            else link
        )
    return (
        {**link, DE.ADDITIONAL_RESPONSE: SAID}
        if mti[1] in "124" and _in_ascii(dialect, DE.ADDITIONAL_RESPONSE)
        else link
    )


def _in_ascii(dialect: Dialect, de: str) -> bool:
    e = dialect.elements.get(de)
    return e is not None and is_lettered(e)
