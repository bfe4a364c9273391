"""docs/decisions/one-poller.md: TLS needs no task and no socket of its own in a plain epoll loop."""

import datetime as dt
import select
import socket
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class End:
    """One end of a TLS link: a non-blocking socket, and an `SSLObject` between two `MemoryBIO`."""

    def __init__(self, sock: socket.socket, context: ssl.SSLContext, *, server: bool) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        name = None if server else "host"
        self._tls = context.wrap_bio(self._in, self._out, server_side=server, server_hostname=name)
        self._greeted = False
        self.plain = b""
        self.pump()

    def say(self, data: bytes) -> None:
        self._tls.write(data)
        self._flush()

    def pump(self) -> None:
        """As far as what has come allows."""
        try:
            if not self._greeted:
                self._tls.do_handshake()
                self._greeted = True
            while data := self._tls.read(65_536):
                self.plain += data
        except ssl.SSLWantReadError:
            pass
        self._flush()

    def receive(self) -> None:
        self._in.write(self.sock.recv(65_536))
        self.pump()

    def _flush(self) -> None:
        if self._out.pending:
            self.sock.sendall(self._out.read())

    @property
    def greeted(self) -> bool:
        return self._greeted


def contexts(directory: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Of a server with a certificate of its own making, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "host")])
    now = dt.datetime.now(dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("host")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem, secret = directory / "host.pem", directory / "host.key"
    pem.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem, secret)
    return server, ssl.create_default_context(cafile=str(pem))


def test_tls_lives_in_the_one_epoll_set(tmp_path: Path) -> None:
    server_context, client_context = contexts(tmp_path)
    one, other = socket.socketpair()
    with one, other, select.epoll() as poller:
        server = End(one, server_context, server=True)
        client = End(other, client_context, server=False)
        ends = {end.sock.fileno(): end for end in (server, client)}
        for fd in ends:
            poller.register(fd, select.EPOLLIN)
        asked = False
        for _ in range(100):
            for fd, _ in poller.poll(1):
                ends[fd].receive()
            if client.greeted and not asked:
                asked = True
                client.say(b"0200")
            if server.plain == b"0200":
                server.plain = b""
                server.say(b"0210")
            if client.plain:
                break
        assert client.plain == b"0210"
