"""Secrets that a network file should not have, hidden from whoever reads its mistakes: in a terminal, a log, a ticket.

In: text, a file's line or a sentence that quotes one. Out: the same text, as long as it was, with a `*` for each character of
what is secret by its place (a password of a URL, the value of `pin-value`) or by its look (a key in hex or base64, a private key
in PEM, a card's number). Rule: rather a `*` too many; a digest of a certificate is shown, for people compare it.
"""

import re
from collections.abc import Iterator
from typing import Final

from switch.wire.pans import mask_pans

_SHORTEST: Final = 4
"""characters of a secret that is looked for elsewhere, too: a shorter one would be found in every word"""

_QUOTED: Final = r""""(?:\\.|[^"\\])*|'[^']*|[^\s&;,"'}\]]+"""
_NAMES: Final = (
    r"(?:(?!unverified|pass)[a-z0-9]{1,40}[-_.])?pin(?:[-_]?(?:value|code))?"
    r"|[\w-]{0,40}(?:passw(?:or)?d|passphrase|passcode|pwd|secret|store[-_]?key|private[-_]key|api[-_]?key|credential|component)s?[\w-]{0,40}"
)
_NAMED: Final = re.compile(rf"""(?i)(?<![\w-])["']?(?:{_NAMES})(?:["']?\s*=|["']\s*:)\s*(?P<secret>{_QUOTED})""")
"""in TOML, JSON, a URL's query, libpq's words"""
_IN_URL: Final = re.compile(r""":(?!//)(?P<secret>(?:\\.|[^\s"'\\]){1,200})@""")
"""user:password@host, and the `@` that a password has, too"""
_DIGEST: Final = re.compile(r"(?i)fingerprint|issuer|sha-?256")
_KEY: Final = re.compile(
    r"(?<![0-9A-Za-z])[USTXYR]?(?P<secret>(?=[0-9]*[A-Fa-f])[0-9A-Fa-f]{16}|[0-9A-Fa-f](?:[ :-]?[0-9A-Fa-f]){31,})(?![0-9A-Za-z])"
)
"""16 hexadecimal digits (DES), or 32 and more, in groups, too"""
_BASE64: Final = re.compile(r"(?<![\w+/])(?P<secret>[A-Za-z0-9+/]{16,}={1,2})(?![\w=])")
_PEM: Final = re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?P<secret>[^-]+)")


def secrets_in(text: str) -> set[str]:
    """What in it is secret, but card numbers."""
    return {text[begin:end] for begin, end in _spans(text)}


def hide(text: str, known: set[str] | frozenset[str] = frozenset()) -> str:
    """The text with `*` for each character of a secret, card numbers masked. `known`: secrets found elsewhere, hidden where they
    come again."""
    for begin, end in _spans(text):
        text = text[:begin] + "*" * (end - begin) + text[end:]
    for secret in sorted(known, key=len, reverse=True):
        if len(secret) >= _SHORTEST:
            text = text.replace(secret, "*" * len(secret))
    return mask_pans(text, anywhere=False)


def _spans(text: str) -> Iterator[tuple[int, int]]:
    looks = (_NAMED, _IN_URL, _BASE64, _PEM) if _DIGEST.search(text) else (_NAMED, _IN_URL, _KEY, _BASE64, _PEM)
    for look in looks:
        for found in look.finditer(text):
            begin, end = found.span("secret")
            if text[begin] in "\"'":  # the quotation mark is none of it
                begin += 1
            if end > begin and text[begin:end] not in ("true", "false"):
                yield begin, end
