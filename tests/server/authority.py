"""Certificates for tests: an authority of their own, and who it has issued one to."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from switch.core.credentials import Tls
from switch.security.certificates import facts_of, read_certificates
from switch.server.tls import TlsEnd, TlsSide

DAY = timedelta(days=1)


class Authority:
    """An authority, and the directory its files are in."""

    def __init__(self, directory: Path, name: str = "ca", ca: trustme.CA | None = None) -> None:
        self._ca = ca or trustme.CA(organization_name=name)
        self._directory = directory
        directory.mkdir(exist_ok=True)
        self.file = directory / f"{name}.pem"
        self._ca.cert_pem.write_to_path(str(self.file))
        self.list_path = str(directory / "taken-back.crl")
        """where `list_file` writes"""

    def under(self) -> "Authority":
        """One that it has issued a certificate to."""
        return Authority(self._directory / "under", "under", self._ca.create_child_ca())

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

    def take_back(
        self,
        *taken: str,
        began: datetime | None = None,
        ends: datetime | None = None,
        reason: x509.ReasonFlags = x509.ReasonFlags.key_compromise,
        narrowed: x509.ExtensionType | None = None,
    ) -> x509.CertificateRevocationList:
        """Its list of certificates that it has taken back, with those of these files in it; of yesterday, and until tomorrow.
        `narrowed`: by an extension that says what it is not about."""
        now = datetime.now(UTC)
        made = x509.CertificateRevocationListBuilder()
        made = made.last_update(began or now - DAY).next_update(ends or now + DAY)
        for path in taken:
            serial = read_certificates(path)[0].serial_number
            entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - DAY)
            made = made.add_revoked_certificate(entry.add_extension(x509.CRLReason(reason), critical=False).build())
        if narrowed is not None:
            made = made.add_extension(narrowed, critical=True)
        key = serialization.load_pem_private_key(self._ca.private_key_pem.bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        named = x509.load_pem_x509_certificate(self._ca.cert_pem.bytes()).subject
        return made.issuer_name(named).sign(key, hashes.SHA256())

    def list_file(self, *taken: Tls, **made: Any) -> str:
        """That list as a PEM file, in the place of the one before."""
        path = Path(self.list_path)
        path.write_bytes(
            self.take_back(*(tls.certificate for tls in taken), **made).public_bytes(serialization.Encoding.PEM)
        )
        return self.list_path


def listening(tls: Tls) -> TlsEnd:
    return TlsEnd(TlsSide(tls=tls, server=True))


def dialling(tls: Tls, **changed: Any) -> TlsEnd:
    return TlsEnd(TlsSide(tls=tls, server=False, asks_for="switch.example", **changed))
