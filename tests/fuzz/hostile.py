"""Requests as a hostile client would try them: right ones with what is in them made odd, or their bytes damaged.

The same for the same seed. Nothing here knows what is served; whoever uses it names what is right: addresses, fields, messages.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from random import Random
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode

from switch.threeds.protocol.encoding import to_form
from tests.fuzz.mutate import inputs

TEXTS: Final = (
    "",
    "0",
    "-1",
    "9" * 30,
    "9223372036854775808",
    "1e309",
    "NaN",
    "1_000",
    "٣١",
    "²",
    "\x00",
    "\r\nX: y",
    "%s%n",
    "../../etc",
    "<script>alert(1)</script>",
    "'\"><b>",
    "A" * 9_000,
    "=1+1",
    "\ufeff",
    "\u202e",
    "{}",
    "[" * 3_000,
    "https://[::1",
    "//evil",
    "AAAA",
    "http://127.0.0.1:1/",
    "4" * 16,
    "null",
    "true",
    "a" * 43,
    "2026-11-27/1",
    "ff" * 8,
    "\udcff",
)
VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    -1,
    0,
    1e300,
    10**40,
    "",
    "Y",
    "A" * 3_000,
    [],
    ["x"],
    {},
    {"a": {"a": {}}},
    "\u0000",
    "é" * 300,
)
METHODS: Final = ("GET", "POST", "POST", "HEAD", "PUT", "OPTIONS", "DELETE", "get", "TRACE")


class Right(NamedTuple):
    """A request that is right."""

    method: str
    path: str
    fields: Mapping[str, str] = {}
    message: Mapping[str, Any] = {}
    """posted as JSON"""
    wrapped: str = ""
    """the field in which the message is posted, in base64; "": it is the body"""
    cookie: str = ""


def requests(rights: Sequence[Right], seed: int) -> Iterator[bytes]:
    """Whole requests, on the wire, without end; some are damaged in their bytes, too."""
    random = Random(seed)
    while True:
        data = _odd(random, random.choice(rights))
        if random.random() < 0.3:
            data = next(islice(inputs([data[:4_000]], random.randrange(2**32)), 1))
        yield data


def _odd(random: Random, right: Right) -> bytes:
    method, path = right.method, right.path
    fields, message = dict(right.fields), dict(right.message)
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        kind = random.randrange(6)
        if kind == 0:
            method = random.choice(METHODS)
        elif kind == 1:
            path += random.choice(
                ("/", "%00", "/..", "?q=%ff&q=", "?lang=", "?window=x", "?before=-1", "%2e%2e", "?" + "a" * 5_000)
            )
        elif kind == 2 and fields:
            fields[random.choice(list(fields))] = random.choice(TEXTS)
        elif kind == 3 and fields:
            fields.pop(random.choice(list(fields)))
        elif kind == 4 and message:
            message[random.choice(list(message))] = random.choice(VALUES)
        elif kind == 5 and message:
            message.pop(random.choice(list(message)))
    body = json.dumps(message).encode() if message else _form(fields)
    if message and right.wrapped:
        body = _form({**fields, right.wrapped: to_form(message)})
    length = len(body) if random.random() < 0.95 else random.choice((0, 1, len(body) + 7, 70_000))
    head = f"{method} {path} HTTP/1.1\r\nHost: x.test\r\nContent-Length: {length}\r\n"
    head += f"Cookie: {right.cookie}\r\n" if right.cookie else ""
    head += random.choice(
        ("", "", "", "Expect: 100-continue\r\n", "Connection: upgrade\r\nUpgrade: x\r\n", "Accept-Language: \xff\r\n")
    )
    return head.encode("latin-1", "replace") + b"\r\n" + body


def _form(fields: Mapping[str, str]) -> bytes:
    return urlencode(fields, errors="surrogateescape").encode()
