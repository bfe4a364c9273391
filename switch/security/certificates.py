"""Certificates as far as links need them: whose, from whom, until when; and whether a file of this side can be used.

In: PEM files, DER bytes. Out: values and sentences. The rule: nothing of a private key in any of them.
"""

import stat
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from switch.security.files import open_regular

FILE_BYTES_MAX: Final = 4 << 20
OTHERS_MAY: Final = 0o077


UNREADABLE: Final = (x509.DuplicateExtension, x509.UnsupportedGeneralNameType, UnsupportedAlgorithm)
"""what `cryptography` raises, beside ValueError, of parts that it reads only when they are asked for"""


class CertificateError(Exception):
    """A file that cannot be used: the sentence says which and why, `hint` what to do."""

    def __init__(self, sentence: str, hint: str = "") -> None:
        super().__init__(sentence)
        self.hint = hint


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What a certificate says."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    """lower case: DNS names and addresses or, where there are none, the common name"""
    fingerprint: str
    """SHA-256, hex"""
    begins_us: int
    expires_us: int


def facts_of(certificate: x509.Certificate) -> Facts:
    """What it says. Raises ValueError where its extensions cannot be read."""
    return Facts(
        subject=certificate.subject.rfc4514_string(),
        issuer=certificate.issuer.rfc4514_string(),
        names=_names(certificate),
        fingerprint=certificate.fingerprint(SHA256()).hex(),
        begins_us=round(certificate.not_valid_before_utc.timestamp() * 1e6),
        expires_us=round(certificate.not_valid_after_utc.timestamp() * 1e6),
    )


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        names = [*found.get_values_for_type(x509.DNSName), *map(str, found.get_values_for_type(x509.IPAddress))]
    except x509.ExtensionNotFound:
        names = []
    except UNREADABLE as error:
        raise ValueError(str(error)) from None
    if not names:
        common = certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)
        names = [str(one.value) for one in common]
    return tuple(dict.fromkeys(name.lower() for name in names))


def read_pem(path: str) -> bytes:
    """A PEM file. Raises CertificateError."""
    try:
        with open(open_regular(path), "rb") as file:
            return file.read(FILE_BYTES_MAX)
    except OSError as error:
        raise CertificateError(f"{path}: cannot be read: {error.strerror}") from None


def read_certificates(path: str) -> list[x509.Certificate]:
    """All certificates of a PEM file, in its order; at least one. Raises CertificateError."""
    try:
        found = x509.load_pem_x509_certificates(read_pem(path))
    except ValueError:
        raise CertificateError(f"{path}: holds no certificate", "PEM: -----BEGIN CERTIFICATE----- …") from None
    return found


def check_key(path: str, certificate: x509.Certificate, certificate_path: str) -> None:
    """Raise CertificateError unless the file is a private key without a passphrase, read by its owner only, of `certificate`."""
    mode = stat.S_IMODE(Path(path).stat().st_mode) if Path(path).exists() else 0
    if mode & OTHERS_MAY:
        raise CertificateError(f"{path}: the private key has mode {mode:04o}, others may read it", f"chmod 600 {path}")
    try:
        key = load_pem_private_key(read_pem(path), None)
    except TypeError:
        raise CertificateError(
            f"{path}: the private key is kept under a passphrase, which nobody could type at a start",
            "keep it without one, for its owner only",
        ) from None
    except ValueError:
        raise CertificateError(f"{path}: holds no private key", "PEM: -----BEGIN PRIVATE KEY----- …") from None
    form = Encoding.DER, PublicFormat.SubjectPublicKeyInfo
    if key.public_key().public_bytes(*form) != certificate.public_key().public_bytes(*form):
        raise CertificateError(
            f"{path}: the private key is not that of the first certificate in {certificate_path}",
            "the certificate stands first, those above it after it",
        )


def issuer_among(certificate: x509.Certificate, authorities: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """Which of these signed it, itself; None: none of them did."""
    for authority in authorities:
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature, *UNREADABLE):
            continue
        return authority
    return None


def fingerprint_of_all(certificates: Sequence[x509.Certificate]) -> str:
    """One for a whole file: another where any of them is another."""
    return "".join(sorted(one.fingerprint(SHA256()).hex() for one in certificates))


__all__ = [
    "CertificateError",
    "Facts",
    "check_key",
    "facts_of",
    "fingerprint_of_all",
    "issuer_among",
    "read_certificates",
]
