"""`[tls]` of a network file: this side's certificate of a link, and which certificates are the other side's.

The keys are read wherever the file is; the files they name only where they are to be used or judged (`check`, `serve`, a reload),
as whoever pays at a terminal has no business with the switch's key.
"""

import re
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import msgspec

from switch.config.draft import Draft
from switch.config.reader import Section
from switch.core.credentials import Pin, Tls
from switch.core.network import Listener, Network
from switch.security.certificates import CertificateError, check_key, facts_of, fingerprint_of_all, read_certificates
from switch.security.revocation import read_revocations

ROLES_OF_HOSTS: Final = ("issuer", "network")
SOCKET_PATH_LONGEST: Final = 107
"""sun_path of unix(7), without its last zero"""
_FINGERPRINT: Final = re.compile(r"([0-9a-f]{2}:?){31}[0-9a-f]{2}")
_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.:_-]*[a-z0-9])?")


def _fingerprint(s: Section, key: str, value: str) -> str:
    found = value.lower().removeprefix("sha256:")
    if not _FINGERPRINT.fullmatch(found):
        s.wrong_item(
            key,
            value,
            f'`{key}`: "{value}" is no fingerprint',
            "SHA-256 as 64 hex digits, colons allowed: openssl x509 -noout -fingerprint -sha256 -in FILE",
        )
        return ""
    return found.replace(":", "")


def _pin(s: Section, default: tuple[str, ...] = ()) -> Pin:
    """`names`, `issuer`, `fingerprints`."""
    names = tuple(name.lower() for name in s.texts("names"))
    for name in names:
        if not _NAME.fullmatch(name):
            hint = "a name as it stands in the certificate, such as host.atlas.example; there are no wildcards"
            s.wrong_item("names", name, f'`names`: "{name}" is no name', hint)
    fingerprints = tuple(_fingerprint(s, "fingerprints", value) for value in s.texts("fingerprints"))
    issuer = s.text("issuer", "")
    if not names and not fingerprints and not default:
        s.source.note(
            s.source.index.key(s.path),
            f"{s.title} does not say which certificate is its own",
            'add names = ["…"] or fingerprints = ["…"]',
        )
    if issuer and fingerprints and not names:
        s.wrong_key("issuer", "`issuer` says whose word is taken for `names`, and there are none")
    if not names and not fingerprints:
        names = default
    return Pin(names=names, issuer=_fingerprint(s, "issuer", issuer) if issuer else "", fingerprints=fingerprints)


def read_pin(s: Section) -> Pin | None:
    """`[member.tls]`, or `[host.tls]` of a host that connects in; None where there is none."""
    if not s.has("tls"):
        s.ask("tls")
        return None
    table = s.table("tls")
    pin = _pin(table)
    table.done()
    return pin


def _own(table: Section) -> Tls:
    return Tls(
        certificate=table.text("certificate"),
        key=table.text("key"),
        ca=table.text("ca"),
        crl=table.text("crl", ""),
        minimum=table.choice("minimum", ("1.2", "1.3"), "1.2") or "1.2",
    )


def read_edge(s: Section) -> str:
    """`edge = "var/m/acquirers.sock"`: where a TLS edge and the switch meet."""
    path = s.text("edge", "")
    if path and s.has("connect") and not s.has("tls"):
        s.wrong("edge", "an edge to a host needs to know how it is secured", "add [host.tls]")
    if path and s.data.get("role") in ROLES_OF_HOSTS and not s.has("connect"):
        s.wrong("edge", "this host connects in: its edge is that of the [[listener]] it comes to")
    if len(path) > SOCKET_PATH_LONGEST:
        s.wrong("edge", f"`edge` has {len(path)} characters, a socket's path up to {SOCKET_PATH_LONGEST}")
    return path if "/" in path or not path else f"./{path}"


def read_tls(s: Section, *, files: bool) -> Tls | None:
    """`[listener.tls]`; None where there is none. `files`: those it names are read, and judged."""
    if not s.has("tls"):
        s.ask("tls")
        return None
    table = s.table("tls")
    tls = _own(table)
    table.done()
    return _judged(table, tls) if files else tls


def read_dialled(s: Section, connects_to: str, *, files: bool) -> tuple[Tls | None, Pin | None]:
    """`[host.tls]` of a host that the switch connects to, at `connects_to`: whose name is the certificate's, unless it says."""
    if not s.has("tls"):
        s.ask("tls")
        return None, None
    table = s.table("tls")
    tls, pin = _own(table), _pin(table, (connects_to.lower(),))
    table.done()
    return (_judged(table, tls) if files else tls), pin


def _judged(table: Section, tls: Tls) -> Tls:
    """With what its files say; what is wrong with them is noted."""
    key = "certificate"
    try:
        if not (tls.certificate and tls.key and tls.ca):
            return tls
        own = read_certificates(tls.certificate)[0]
        facts = facts_of(own)
        if facts.begins_us > time.time_ns() // 1_000:
            begins = datetime.fromtimestamp(facts.begins_us / 1e6, UTC)
            raise CertificateError(
                f"{tls.certificate}: {facts.subject} is not valid before {begins:%Y-%m-%d %H:%M} UTC",
                "use the one before until then; or is this machine's clock wrong?",
            )
        key = "key"
        check_key(tls.key, own, tls.certificate)
        key = "ca"
        authorities = read_certificates(tls.ca)
        key = "crl"
        revocations = read_revocations(tls.crl, authorities)
    except (CertificateError, ValueError) as error:
        table.wrong(key, f"`{key}`: {error}", error.hint if isinstance(error, CertificateError) else "")
        return tls
    return msgspec.structs.replace(
        tls,
        subject=facts.subject,
        fingerprint=facts.fingerprint,
        expires_us=facts.expires_us,
        ca_fingerprint=fingerprint_of_all(authorities),
        crl_fingerprint=revocations.fingerprint if revocations is not None else "",
        crl_ends_us=revocations.ends_us if revocations is not None else 0,
    )


def check_certificates(draft: Draft) -> None:
    """Who is known by a certificate has a listener with TLS to show it to, and such a listener somebody it knows."""
    listeners = draft.listeners
    _check_meeting(
        "[member.tls]",
        {m.name: (s, m.pin is not None) for s, m in draft.members},
        [(s, v) for s, v in listeners if v.role in ("acquirer", "terminal")],
    )
    _check_meeting(
        "[host.tls]",
        {h.name: (s, h.pin is not None) for s, h in draft.hosts if h.connect is None},
        [(s, v) for s, v in listeners if v.role == "host"],
    )


def _check_meeting(
    table: str, known: Mapping[str, tuple[Section, bool]], listeners: Sequence[tuple[Section, Listener]]
) -> None:
    """`known`: by name, its section and whether that says which certificate is its own."""
    for name, (s, pinned) in known.items():
        if pinned and not any(v.is_secure and name in (v.members or (name,)) for _, v in listeners):
            why = f"{s.title} is known by its certificate, and there is no [[listener]] with tls where it may sign on"
            s.wrong("tls", why, f"add [listener.tls] to one, or leave {table} out")
    for s, v in listeners:
        secure = v.is_secure
        if secure and not any(pinned for _, pinned in known.values()):
            why = f"nobody could sign on here: no {table} says which certificate is whose"
            s.wrong("tls", why, f'add {table} with names = ["…"] or fingerprints = ["…"] to who may')
        for name in v.members:
            if name in known and known[name][1] != secure:
                why = (
                    f'"{name}" could not sign on here: it has {"no " if secure else ""}{table}, and this listener has '
                )
                s.wrong(
                    "members", why + ("tls" if secure else "no tls"), "take the name out, or add the table that lacks"
                )


def own_certificates(network: Network) -> list[tuple[str, Tls]]:
    """This side's, each with the section it is of."""
    found = [(f"[[listener]] {listener.name}", listener.tls) for listener in network.listeners]
    found += [(f"[[host]] {host.name}", host.tls) for host in network.hosts]
    return [(where, tls) for where, tls in found if tls is not None]
