"""Protocols that are no ISO 8583 and turn up on its ports all the same, told by their first bytes."""

import re
from typing import Final, NamedTuple

from switch.doctor.diagnosis import Cause, Diagnosis, Setting
from switch.doctor.shown import shown

_SHOWN: Final = 12
_LOOKED_AT: Final = 4_096


class _Foreign(NamedTuple):
    start: bytes
    says: str
    """what it is, in a sentence"""
    change: str
    """for the peer"""


_HTTP = "it is an HTTP client or a health check: give it the web port, or let the check only connect"
_TLS = "switch TLS off on this connection, or give the listener or host its tls in the network file"
_FOREIGN: Final = (
    _Foreign(b"\x16\x03", "The peer opens a TLS handshake; this link is plain TCP", _TLS),
    _Foreign(b"\x15\x03", "The peer answers with a TLS alert: it expects TLS; this link is plain TCP", _TLS),
    _Foreign(b"\x80\x2e\x01", "The peer opens an SSL 2 handshake; this link is plain TCP", _TLS),
    *(
        _Foreign(verb, f"The peer speaks HTTP ({verb.decode().strip()}), not ISO 8583", _HTTP)
        for verb in (b"GET ", b"POST ", b"HEAD ", b"PUT ", b"OPTIONS ", b"DELETE ", b"CONNECT ", b"HTTP/", b"PRI * HTTP/2")
    ),
    _Foreign(b"SSH-", "The peer speaks SSH", "connect it to the SSH port; this one carries ISO 8583"),
    _Foreign(b"PROXY ", "A proxy leads the connection with a PROXY protocol line", "switch the PROXY protocol off in the proxy "
             "(`send-proxy` of HAProxy)"),
    _Foreign(b"\r\n\r\n\0\r\nQUIT\n", "A proxy leads the connection with a PROXY protocol header (version 2)",
             "switch the PROXY protocol off in the proxy (`send-proxy-v2` of HAProxy)"),
    _Foreign(b"\xff\xfb", "The peer negotiates Telnet options", "use a raw TCP client (`nc`), not telnet"),
    _Foreign(b"\xff\xfd", "The peer negotiates Telnet options", "use a raw TCP client (`nc`), not telnet"),
    _Foreign(b"8=FIX", "The peer speaks FIX", "connect it to its FIX engine; this port carries ISO 8583"),
    _Foreign(b"EHLO ", "The peer speaks SMTP", "connect it to a mail server; this port carries ISO 8583"),
    _Foreign(b"<", "The peer sends XML or HTML, not ISO 8583 bytes",
             "send packed messages: in jPOS a channel with an ISO packager instead of an XMLPackager"),
    _Foreign(b"{", "The peer sends JSON, not ISO 8583 bytes", "send packed messages"),
)  # fmt: skip


_TAKE_BYTES: Final = (
    "take the bytes (tcpdump, or a dump of the channel's): what is printed of fields does not say how they travel"
)
_PRINTED: Final = {
    re.compile(rb"<isomsg[\s>]"): (
        "a message in XML, as jPOS's XMLChannel sends it and its log has it: fields, not ISO 8583 bytes",
        "give the channel an ISO packager instead of an XMLPackager; of a log, take the bytes of its <receive>",
    ),
    re.compile(rb"Bitmap HEX\.*: |^F0{0,2}[0-9]{1,3} +[^\n]*\.{2,}: ", re.MULTILINE): (
        "what Describe of moov-io/iso8583 prints of a message",
        _TAKE_BYTES,
    ),
    re.compile(rb"\A[\x00-\xff]{0,4}?[1-4][0-9]?\x1c[0-9]{3,9}\x1c[^\x1c]{0,40}\x1c[\x00-\xff]{0,200}\x1c"): (
        "a message of a cash machine to its host (NDC, or Diebold 911 and 912): fields between 1C bytes, no MTI and no bitmap",
        "connect it to what drives cash machines: that speaks ISO 8583 to a switch",
    ),
    re.compile(rb"\[\s*[\"']?0[\"']?\s*,\s*[\"'][0-9]{4}[\"']\s*\]\s*,\s*\[\s*[\"']?[0-9]{1,3}[\"']?\s*,"): (
        "a list of elements as a program has them before it packs them (iso-8583 of JavaScript)",
        _TAKE_BYTES,
    ),
    re.compile(rb"^bm +Enabled Fields +: |^t +Message Type[^\n]*: '[0-9]{4}'", re.MULTILINE): (
        "what pp of pyiso8583 prints of a message",
        _TAKE_BYTES,
    ),
}
"""What libraries print of messages, which people paste for the messages, and what other machines send: how it is known, what it
is, and what to do."""


def foreign(data: bytes, configured: str) -> Diagnosis | None:
    """What other protocol begins so, or None. `configured`: the link's settings in words, "" where none are said."""
    behind = f"; {configured} is configured" if configured else ""
    for pattern, (says, change) in _PRINTED.items():
        if match := pattern.search(data[:_LOOKED_AT]):
            at = match.start()
            seen = shown(data, at, min(len(data), at + _SHOWN), ((at, min(len(data), at + _SHOWN), "this"),))
            return Diagnosis(
                Cause.PROTOCOL, f"This is {says}{behind}.", (Setting("peer", change),), 0.95, evidence=seen
            )
    for one in _FOREIGN:
        if data.startswith(one.start) and not (one.start == b"<" and data[1:2].isdigit()):
            marks = (
                (0, min(len(one.start), _SHOWN), one.start.decode("latin-1").strip() if one.start[0] > 32 else "this"),
            )
            return Diagnosis(Cause.PROTOCOL, f"{one.says}{behind}.", (Setting("peer", one.change),), 0.95,
                             evidence=shown(data, 0, min(len(data), _SHOWN), marks))  # fmt: skip
    if data.strip(b"\r\n") == b"" and data:
        return Diagnosis(Cause.PROTOCOL, f"The peer sends empty lines: someone types into a terminal{behind}.",
                         (Setting("peer", "send ISO 8583 messages behind a length header"),), 0.9,
                         evidence=shown(data, 0, min(len(data), _SHOWN), ()))  # fmt: skip
    return None
