"""Certificates for tests: an authority of their own, and who it has issued one to."""

from datetime import datetime
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from switch.core.credentials import Tls
from switch.security.certificates import facts_of, read_certificates
from switch.server.tls import TlsEnd, TlsSide


class Authority:
    """An authority, and the directory its files are in."""

    def __init__(self, directory: Path, name: str = "ca") -> None:
        self._ca = trustme.CA(organization_name=name)
        self._directory = directory
        directory.mkdir(exist_ok=True)
        self.file = directory / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.file))

    def issue(self, name: str, *, expires: datetime | None = None, file: str = "") -> Tls:
        """A certificate for `name`, in files."""
        issued = self._ca.issue_cert(name, common_name=name, not_after=expires)
        path, key = self._directory / f"{file or name}.pem", self._directory / f"{file or name}.key"
        path.unlink(missing_ok=True)
        for blob in issued.cert_chain_pems:
            blob.write_to_path(str(path), append=True)
        issued.private_key_pem.write_to_path(str(key))
        key.chmod(0o600)
        facts = facts_of(read_certificates(str(path))[0])
        return Tls(
            certificate=str(path),
            key=str(key),
            ca=str(self.file),
            subject=facts.subject,
            fingerprint=facts.fingerprint,
            expires_us=facts.expires_us,
        )

    def sign_list(self, revoked: x509.CertificateRevocationListBuilder) -> bytes:
        """A list of certificates that it has taken back, as PEM."""
        key = serialization.load_pem_private_key(self._ca.private_key_pem.bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        named = x509.load_pem_x509_certificate(self._ca.cert_pem.bytes()).subject
        return revoked.issuer_name(named).sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


def listening(tls: Tls) -> TlsEnd:
    return TlsEnd(TlsSide(tls=tls, server=True))


def dialling(tls: Tls, **changed: Any) -> TlsEnd:
    return TlsEnd(TlsSide(tls=tls, server=False, asks_for="switch.example", **changed))
