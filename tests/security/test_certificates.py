"""Certificates of other ends: what cannot be read of one is said, and ends nothing but its connection."""

from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from switch.security.certificates import facts_of
from tests.server.authority import DAY


def test_an_extension_that_is_there_twice_makes_a_certificate_unreadable() -> None:
    """OpenSSL accepts one in a handshake; a program that looks at its names stumbles only then."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(datetime.now(UTC) - DAY).not_valid_after(datetime.now(UTC) + DAY)
    for oid in ("1.2.3.4", "1.2.3.5"):
        made = made.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(oid), b"\x05\x00"), critical=False)
    shown = made.sign(key, SHA256()).public_bytes(Encoding.DER)
    twice = x509.load_der_x509_certificate(shown.replace(bytes.fromhex("06032a0305"), bytes.fromhex("06032a0304")))
    with pytest.raises(ValueError, match=r"Duplicate 1\.2\.3\.4"):
        facts_of(twice)
