"""TLS as a driver has it: one end of a link by name, and a connection whose bytes pass through it.

Theory of operation. `ssl.MemoryBIO` in each direction makes of TLS what a framing is: what `recv` brought is written into one,
plain bytes are read from the `SSLObject`, and what that wants to say stands in the other and leaves with the batch. No socket,
task or wait of its own (docs/decisions/one-poller.md). Each message is sealed as a record of its own when it is put into the
queue, so that what did not leave can still be named message by message.

Both ends show a certificate, and each accepts those of its authorities only. Whose a certificate is the party decides.
"""

import socket
import ssl
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

import msgspec
from cryptography import x509

from switch.core.credentials import Tls
from switch.core.network import Network
from switch.core.party import Certificate, LinkId
from switch.security.certificates import CertificateError, facts_of, issuer_among, read_certificates
from switch.security.revocation import read_revocations
from switch.server.secured import End, SecuredConnection, UnsecuredError

RECORD_BYTES: Final = 16_384
"""of plain text, the most a record carries"""
CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"
"""of TLS 1.2: forward secret and authenticated; those of 1.3 all are"""
VERSIONS: Final = {"1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3}


class TlsSide(msgspec.Struct, frozen=True, kw_only=True):
    """What one end of a link by name is made of."""

    tls: Tls
    server: bool
    """others connect to it"""
    asks_for: str = ""
    """the name this side asks for where it connects (SNI)"""


class TlsEnd:
    """One end of a link by name: its context, which outlives a reload, so that sessions are resumed after one."""

    def __init__(self, side: TlsSide) -> None:
        """Raises CertificateError: a file cannot be used."""
        self.side = side
        self.session: ssl.SSLSession | None = None
        """of one that connects: the last, to be resumed"""
        tls = side.tls
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if side.server else ssl.PROTOCOL_TLS_CLIENT)
        self.context.check_hostname = False  # the party knows whose names are whose
        self.context.verify_mode = ssl.CERT_REQUIRED
        self.context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN  # an issuing authority will do, without its root
        self.context.minimum_version = VERSIONS[tls.minimum]
        self.context.options |= ssl.OP_NO_RENEGOTIATION
        self.context.set_ciphers(CIPHERS)
        self.authorities = read_certificates(tls.ca)
        self.revocations = read_revocations(tls.crl, self.authorities)
        try:
            self.context.load_verify_locations(tls.ca)
        except ssl.SSLError as error:
            raise CertificateError(f"{tls.ca}: cannot be used: {reason_of(error)}") from None
        self._show(tls)

    def _show(self, tls: Tls) -> None:
        try:
            self.context.load_cert_chain(tls.certificate, tls.key, password="")
        except OSError as error:
            said = reason_of(error) if isinstance(error, ssl.SSLError) else error.strerror
            raise CertificateError(f"{tls.certificate}, {tls.key}: cannot be used: {said}") from None

    def follow(self, side: TlsSide) -> bool:
        """Go on as `side`, with the same context: another certificate is shown from now on, sessions can be resumed. False: it
        differs in more, and asks for another end. Raises CertificateError."""
        new, old = side.tls, self.side.tls
        if (side.server, new.ca, new.ca_fingerprint, new.minimum) != (
            self.side.server,
            old.ca,
            old.ca_fingerprint,
            old.minimum,
        ):
            return False
        if (new.crl, new.crl_fingerprint) != (old.crl, old.crl_fingerprint):
            self.revocations = read_revocations(new.crl, self.authorities)
        if (new.certificate, new.key, new.fingerprint) != (old.certificate, old.key, old.fingerprint):
            self._show(new)
        self.side = side
        return True

    @property
    def speaks_first(self) -> bool:
        """See `secured.End`."""
        return not self.side.server

    def secured(self, sock: socket.socket, link: LinkId) -> "TlsConnection":
        """See `secured.End`."""
        return TlsConnection(sock, link, self)


def ends_of(sides: Mapping[str, TlsSide], before: Mapping[str, End]) -> dict[str, TlsEnd]:
    """An end for each of these links; those of `before` go on where they can. Raises CertificateError."""
    ends: dict[str, TlsEnd] = {}
    for name, side in sides.items():
        end = before.get(name)
        ends[name] = end if isinstance(end, TlsEnd) and end.follow(side) else TlsEnd(side)
    return ends


def sides_of(network: Network, *, edge: bool = False) -> dict[str, TlsSide]:
    """The ends of the network's links with TLS, by listener and host: the switch's own, or an `edge`'s."""
    sides = {
        x.name: TlsSide(tls=x.tls, server=True) for x in network.listeners if x.tls is not None and bool(x.edge) == edge
    }
    for host in network.hosts:
        if host.tls is not None and host.connect is not None and bool(host.edge) == edge:
            named = host.pin.names[0] if host.pin is not None and host.pin.names else host.connect.host
            sides[host.name] = TlsSide(tls=host.tls, server=False, asks_for=named)
    return sides


class TlsConnection(SecuredConnection):
    """A connection whose bytes are sealed."""

    __slots__ = ("_incoming", "_outgoing", "_settled", "_shown", "end", "tls")

    def __init__(self, sock: socket.socket, link: LinkId, end: TlsEnd) -> None:
        super().__init__(sock, link)
        self.end = end
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._settled = False
        self._shown: bytes | None = None
        side = end.side
        self.tls = end.context.wrap_bio(
            self._incoming,
            self._outgoing,
            server_side=side.server,
            server_hostname=side.asks_for or None,
            session=end.session,
        )

    # -- the handshake

    def secure(self) -> bool:
        """See SecuredConnection: the handshake."""
        data = super().receive()
        if data == b"":
            raise UnsecuredError("the other end closed the connection in the handshake")
        if data is not None:
            self.heard = True
            self._incoming.write(data)
        return self.begin()

    def begin(self) -> bool:
        """See SecuredConnection: whoever connects speaks first."""
        try:
            self.tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLError as error:
            raise UnsecuredError(*explain(error, self.end.side)) from None
        finally:
            self._say()
        # kept, as OpenSSL tells it no more once the other end has hung up without a word
        self._shown = self.tls.getpeercert(binary_form=True)
        # of TLS 1.2 both ends have accepted the other's certificate now; of 1.3 the one that accepts may refuse ours yet
        self._settled = self.tls.version() == "TLSv1.2"
        return True

    def _say(self) -> None:
        """What TLS itself has to say leaves at once, as far as there is room."""
        if self._outgoing.pending:
            super().put(self._outgoing.read(), 0)
            with suppress(OSError):
                super().flush()

    def certificate(self) -> Certificate:
        """See SecuredConnection. A resumed session does not look at its date."""
        return certificate_of(self._shown, self.end)

    def taken_back(self) -> str:
        """Why the certificate that was shown is accepted no more, by lists that came since; "" where it is."""
        return taken_back(self._shown, self.end)

    def log_fields(self) -> dict[str, Any]:
        """See SecuredConnection."""
        cipher = self.tls.cipher()
        return {
            "version": self.tls.version(),
            "cipher": cipher[0] if cipher else "",
            "resumed": self.tls.session_reused,
        }

    # -- as any connection

    def receive(self) -> bytes | None:
        """See Connection. What ends it for TLS's sake is `closing` then."""
        data = super().receive()
        if not data:
            return data
        self._incoming.write(data)
        return self.unsealed()

    def unsealed(self) -> bytes | None:
        """See SecuredConnection."""
        tls, parts, ended = self.tls, [], False
        try:
            while True:
                part = tls.read(RECORD_BYTES)
                if not part:
                    ended = True
                    break
                parts.append(part)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            ended = True
            reason, hint = explain(error, self.end.side, settled=self._settled)
            self.closing = self.closing or f"{reason}; {hint}".removesuffix("; ")
        if self._outgoing.pending:  # a ticket asked for, a key changed, an alert
            self._say()
        if not self.end.side.server and parts:
            self.end.session = tls.session
        return b"".join(parts) if parts else b"" if ended else None

    def put(self, data: bytes, txn: int) -> None:
        """See Connection."""
        for at in range(0, len(data), RECORD_BYTES):
            self.tls.write(data[at : at + RECORD_BYTES])
        super().put(self._outgoing.read(), txn)

    def part(self) -> None:
        """Say that nothing more follows: what is cut off cannot pass for the end."""
        with suppress(ssl.SSLError, OSError):
            self.tls.unwrap()
        self._say()


Grounds = Callable[[TlsConnection], str]
"""why a connection is ended; "" where it is not"""


def taken_back(shown: bytes | None, end: TlsEnd) -> str:
    """Why a certificate that was accepted once (DER) is so no more, by lists that came since; "" where it is."""
    if shown is None or end.revocations is None:
        return ""
    reason, hint = end.revocations.refusal(x509.load_der_x509_certificate(shown))
    return f"{reason}; {hint}" if reason else ""


def certificate_of(shown: bytes | None, end: TlsEnd) -> Certificate:
    """What the other end has shown (DER), and which authority of this one issued it. Raises UnsecuredError: past its date, taken
    back, or unreadable."""
    if shown is None:
        raise UnsecuredError("the other end shows no certificate", "it needs one: TLS is mutual on this link")
    try:
        certificate = x509.load_der_x509_certificate(shown)
        facts = facts_of(certificate)
    except ValueError as error:
        raise UnsecuredError(f"its certificate cannot be read: {error}", "ask for another") from None
    if facts.expires_us < time.time_ns() // 1_000:
        raise UnsecuredError(f"its certificate {facts.subject} has expired", "it needs a new one")
    if end.revocations is not None and (refusal := end.revocations.refusal(certificate))[0]:
        raise UnsecuredError(*refusal)
    issuer = issuer_among(certificate, end.authorities)
    return Certificate(
        subject=facts.subject,
        names=facts.names,
        issuer=facts.issuer,
        fingerprint=facts.fingerprint,
        issuer_fingerprint=facts_of(issuer).fingerprint if issuer is not None else "",
        expires_us=facts.expires_us,
    )


def reason_of(error: ssl.SSLError) -> str:
    """OpenSSL's word for it, in lower case."""
    return (error.reason or error.strerror or str(error)).replace("_", " ").lower()


_NO_TLS: Final = frozenset(
    {
        "WRONG_VERSION_NUMBER",
        "HTTP_REQUEST",
        "HTTPS_PROXY_REQUEST",
        "UNKNOWN_PROTOCOL",
        "PACKET_LENGTH_TOO_LONG",
        "UNEXPECTED_MESSAGE",
        "BAD_RECORD_TYPE",
        "RECORD_LAYER_FAILURE",
    }
)
SPEAKS_NO_TLS: Final = "the other end speaks no TLS"


def explain(error: ssl.SSLError, side: TlsSide, *, settled: bool = False) -> tuple[str, str]:
    """What went wrong with a handshake or a connection, and what to change. `settled`: both ends have accepted the other's
    certificate."""
    reason, tls = error.reason or "", side.tls
    if isinstance(error, ssl.SSLCertVerificationError):
        return (
            f"its certificate is not accepted: {error.verify_message}",
            f"it must be in date, and issued by an authority of {tls.ca}",
        )
    if reason in _NO_TLS:
        return (
            SPEAKS_NO_TLS,
            "TLS is configured for this link: switch it on there, or leave tls out of the network file here",
        )
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return (
            "the other end shows no certificate",
            f"it needs one, issued by an authority of {tls.ca}: TLS is mutual here",
        )
    if "_ALERT_" in reason:
        said = reason.partition("_ALERT_")[2].replace("_", " ").lower()
        if settled:
            return (
                f"the other end ends the connection: {said}",
                "it was secured before, so that no certificate is the cause: has the other end tried to renegotiate? "
                "That is off here",
            )
        return (
            f"the other end refuses: {said}",
            f"it is shown {tls.subject or tls.certificate} (SHA-256 {tls.fingerprint or 'unknown'}): does it accept that one?",
        )
    if reason in ("UNSUPPORTED_PROTOCOL", "VERSION_TOO_LOW", "NO_SHARED_CIPHER", "NO_SUITABLE_SIGNATURE_ALGORITHM"):
        return f"no common way: {reason_of(error)}", f"TLS {tls.minimum} or later is spoken here, with {CIPHERS}"
    return f"TLS failed: {reason_of(error)}", ""
