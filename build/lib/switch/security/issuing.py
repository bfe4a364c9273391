"""Certificates for test networks: an authority, and what it issues. A bank's own come from its own authority.

In: names, a time span. Out: PEM files, keys for their owner only. ECDSA on P-256: small, quick, and in TLS 1.2 and 1.3 alike.
"""

import os
from collections.abc import Iterable
from datetime import datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from switch.security.files import make_private_directory, open_private

_USES: Final = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)
"""a host both connects and is connected to"""


class TestAuthority:
    """An authority made for one directory of files, and forgotten with the process: its key is never written."""

    __test__ = False

    def __init__(self, directory: Path, name: str, now: datetime, days: int) -> None:
        """`name`: of the authority. What it issues ends after `days`, as it does itself. Raises OSError."""
        self._directory, self._ends = directory, now + timedelta(days=days)
        self._begins = min(now, self._ends) - timedelta(hours=1)  # clocks differ
        self._key = generate_private_key(SECP256R1())
        self._subject = _named(name)
        uses = x509.KeyUsage(
            digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
            key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
        )  # fmt: skip
        made = (
            self._begun(self._subject, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(uses, critical=True)
        )
        make_private_directory(directory)
        self.file = directory / "ca.pem"
        _write(self.file, made.sign(self._key, SHA256()).public_bytes(Encoding.PEM))

    def issue(self, file: str, name: str, reached: Iterable[str] = ()) -> None:
        """`file`.pem and `file`.key in the directory, for the host `name`. `reached`: names and addresses by which clients look
        for it, too. Raises OSError."""
        key = generate_private_key(SECP256R1())
        names = [_general(one) for one in dict.fromkeys((name, *reached))]
        made = (
            self._begun(_named(name), key)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.ExtendedKeyUsage(_USES), critical=False)
        )
        form = Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
        _write(self._directory / f"{file}.pem", made.sign(self._key, SHA256()).public_bytes(Encoding.PEM))
        _write(self._directory / f"{file}.key", key.private_bytes(*form))

    def _begun(self, subject: x509.Name, key: EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder(self._subject, subject, key.public_key(), x509.random_serial_number())
            .not_valid_before(self._begins)
            .not_valid_after(self._ends)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _write(path: Path, text: bytes) -> None:
    with open(open_private(path, os.O_WRONLY | os.O_TRUNC), "wb") as file:
        file.write(text)
