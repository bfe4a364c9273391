"""Lists of certificates that their authorities have taken back (CRL, RFC 5280): read from a file, and asked of a certificate.

In: a file of lists, PEM or one in DER, and the authorities whose they are. Out: sentences. The rule: where there are lists, a
certificate whose authority has none among them is not accepted, as nobody can tell.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from switch.security.certificates import FILE_BYTES_MAX, UNREADABLE, CertificateError, issuer_among, read_pem

NEWEST: Final = "put the authority's newest list in its place, then `cmi-switch reload`"
_BEGIN: Final = b"-----BEGIN X509 CRL-----"
_BLOCK: Final = re.compile(_BEGIN + rb".*?-----END X509 CRL-----", re.DOTALL)


class Revocations:
    """What the lists of one file say."""

    def __init__(self, path: str, authorities: Sequence[x509.Certificate]) -> None:
        """Raises CertificateError: the file cannot be used, or one of its lists is of none of these authorities."""
        self._path = path
        self._authorities = authorities
        self._lists: dict[bytes, x509.CertificateRevocationList] = {}
        """by the key of its authority"""
        data = read_pem(path)
        for one in _parsed(path, data):
            try:
                key = _key(self._authority_of(one))
            except (ValueError, *UNREADABLE) as error:
                raise CertificateError(f"{path}: a list cannot be read: {error}", NEWEST) from None
            if key in self._lists:
                raise CertificateError(f"{path}: has two lists of {_name(one.issuer)}", "keep the newer one")
            self._lists[key] = one
        self.fingerprint = sha256(data).hexdigest()
        """of the file: another where any of its lists is another"""
        ends = [one.next_update_utc for one in self._lists.values() if one.next_update_utc is not None]
        self.ends_us = round(min(ends).timestamp() * 1e6) if ends else 0
        """when the first of them is to be followed by another; 0: none says"""

    def refusal(self, certificate: x509.Certificate) -> tuple[str, str]:
        """Why a certificate that one of the authorities issued is not accepted, and what to change; ("", "") where it is."""
        shown = f"its certificate {_name(certificate.subject)}"
        issuer = issuer_among(certificate, self._authorities)
        if issuer is None or _key(issuer) not in self._lists:
            return (
                f"{shown} may have been taken back: {self._path} has no list of {_name(certificate.issuer)}, which issued it",
                "add the list of that authority to the file, and the authority to `ca`",
            )
        asked, seen = certificate, set[bytes]()  # authorities may have signed each other
        while issuer is not None and _key(issuer) not in seen and (found := self._lists.get(_key(issuer))) is not None:
            seen.add(_key(issuer))
            entry = found.get_revoked_certificate_by_serial_number(asked.serial_number)
            if entry is not None:
                which = shown if asked is certificate else f"{shown} is of the authority {_name(asked.subject)}, which"
                day = entry.revocation_date_utc.date().isoformat()
                return f"{which} was taken back by {_name(found.issuer)} on {day}{_why(entry)}", "it needs a new one"
            above = issuer_among(issuer, self._authorities)
            asked, issuer = issuer, None if above == issuer else above
        return "", ""

    def _authority_of(self, one: x509.CertificateRevocationList) -> x509.Certificate:
        """Which of the authorities has signed it. Raises CertificateError."""
        whose = f"{self._path}: the list of {_name(one.issuer)}"
        if one.last_update_utc > datetime.now(UTC):
            raise CertificateError(
                f"{whose} is of {one.last_update_utc:%Y-%m-%d %H:%M} UTC, which is to come",
                "is this machine's clock wrong?",
            )
        if not _is_whole(one):
            raise CertificateError(
                f"{whose} is not the whole of it: it has what changed, or some certificates or reasons only",
                "ask the authority for its complete list",
            )
        for authority in self._authorities:
            if authority.subject == one.issuer and _signs_lists(authority) and _is_signed(one, authority):
                return authority
        raise CertificateError(
            f"{whose} was signed by no authority of `ca`", "add its authority there, or leave it out"
        )


def read_revocations(path: str, authorities: Sequence[x509.Certificate]) -> Revocations | None:
    """None where there is no file: "". Raises CertificateError."""
    return Revocations(path, authorities) if path else None


def _parsed(path: str, data: bytes) -> list[x509.CertificateRevocationList]:
    """At least one; all that have begun. Raises CertificateError."""
    blocks = _BLOCK.findall(data)
    try:
        if len(data) >= FILE_BYTES_MAX or len(blocks) != data.count(_BEGIN):
            raise ValueError
        return [x509.load_pem_x509_crl(block) for block in blocks] or [x509.load_der_x509_crl(data)]
    except ValueError:
        raise CertificateError(
            f"{path}: holds no list of revoked certificates, or not all of one",
            f"PEM: -----BEGIN X509 CRL----- …, or one list in DER; below {FILE_BYTES_MAX >> 20} MB",
        ) from None


def _is_whole(one: x509.CertificateRevocationList) -> bool:
    """It speaks of all that its authority has issued to hosts and members, and of nobody else's."""
    for extension in one.extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            return False
        if isinstance(value, x509.IssuingDistributionPoint):
            narrowed = value.only_contains_ca_certs or value.only_contains_attribute_certs
            if narrowed or value.only_some_reasons or value.indirect_crl:
                return False
        elif extension.critical and isinstance(value, x509.UnrecognizedExtension):
            return False
    return True


def _signs_lists(authority: x509.Certificate) -> bool:
    """Nothing in its certificate forbids it to."""
    try:
        return authority.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _is_signed(one: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    try:
        key: Any = authority.public_key()  # of a kind that signs nothing: TypeError
        return one.is_signature_valid(key)
    except (TypeError, UnsupportedAlgorithm):
        return False


def _key(authority: x509.Certificate) -> bytes:
    return authority.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


def _name(name: x509.Name) -> str:
    return name.rfc4514_string()


def _why(entry: x509.RevokedCertificate) -> str:
    """` (key compromise)`; "" where the authority does not say, or not so that it can be read."""
    try:
        reason = entry.extensions.get_extension_for_class(x509.CRLReason).value.reason
    except (x509.ExtensionNotFound, ValueError, *UNREADABLE):
        return ""
    return f" ({re.sub('([A-Z])', lambda found: f' {found[1].lower()}', reason.value)})"
