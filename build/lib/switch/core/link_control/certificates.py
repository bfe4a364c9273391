"""Whose certificate it is: what the network file says of a member's or host's, held against the one that was shown.

That a certificate is genuine (issued by an authority the link accepts, in date, its key held by the other end) is the business of
whoever made the connection. Here it is asked whose it is: one fingerprint of `fingerprints`, or one name of `names` in a
certificate of the authority `issuer`. Two authorities that a link accepts must not be able to issue one another's members'
certificates: that is what `issuer` is for.
"""

from switch.core.credentials import Pin
from switch.core.network import Network
from switch.core.party import Certificate


def pin_of(network: Network, source: str, *, host: bool) -> Pin | None:
    """What the network file says of the certificate of a member, or of a host; None where it says nothing, or has none such."""
    sections = network.hosts if host else network.members
    return next((section.pin for section in sections if section.name == source), None)


def mismatch(pin: Pin | None, certificate: Certificate | None, where: str) -> tuple[str, str]:
    """Why this certificate is not the one of `where`, a section as it is called in the file, and what to change.

    ("", "") where it is, or where there is neither.

    >>> mismatch(Pin(names=("a.example",)), Certificate(subject="CN=b.example", names=("b.example",)), "[[member]] a")[0]
    'the certificate CN=b.example has b.example, and `names` of tls of [[member]] a has a.example'
    """
    table = f"tls of {where}"
    if certificate is None:
        if pin is None:
            return "", ""
        return (
            f"{table} says which certificate is its own, and this connection has none",
            "connect to a listener with TLS; or leave that table out, and anybody who reaches the port may say to be it",
        )
    shown = f"the certificate {certificate.subject or 'without a subject'}"
    if pin is None:
        return (
            f"{shown} was shown, and {where} has no tls that says which is its own",
            f"add names or fingerprints to {table}"
            + (f', such as fingerprints = ["{certificate.fingerprint}"]' if certificate.fingerprint else ""),
        )
    if certificate.fingerprint and certificate.fingerprint in pin.fingerprints:
        return "", ""
    if not pin.names:
        return (
            f"{shown} has fingerprint {certificate.fingerprint or 'unknown'}, which is not in `fingerprints` of {table}",
            "add it there if it is theirs; the one before may stay until it is used no more",
        )
    if not set(pin.names) & set(certificate.names):
        has, wants = ", ".join(certificate.names) or "no name", ", ".join(pin.names)
        return (
            f"{shown} has {has}, and `names` of {table} has {wants}",
            "add the name there if the certificate is theirs",
        )
    if pin.issuer and pin.issuer != certificate.issuer_fingerprint:
        return (
            f"{shown} was issued by {certificate.issuer or 'somebody unknown'} "
            f"(fingerprint {certificate.issuer_fingerprint or 'unknown'}), which is not `issuer` of {table}",
            "name that authority there if it is theirs",
        )
    return "", ""
