"""Whom a network file knows by what: certificates of links, users of the machine; and where its keys are."""

import msgspec


class Pin(msgspec.Struct, frozen=True, kw_only=True):
    """Which certificate is somebody's: by its fingerprint, or by a name in it (and who issued it)."""

    names: tuple[str, ...] = ()
    """in lower case; one of them is in the certificate, as it stands: no wildcards"""
    issuer: str = ""
    """SHA-256 of the certificate of the authority that issued it, hex; "": any that the link accepts"""
    fingerprints: tuple[str, ...] = ()
    """SHA-256 of the certificate itself, hex; more than one while one follows another"""

    def __str__(self) -> str:
        """As a change of it is told."""
        parts = ("names", self.names), ("issuer", (self.issuer,)), ("fingerprints", self.fingerprints)
        return "; ".join(f"{what} {', '.join(values)}" for what, values in parts if any(values))


class Tls(msgspec.Struct, frozen=True, kw_only=True):
    """This side of a link with mutual TLS. The files are PEM; their paths are relative to the working directory."""

    certificate: str
    """shown to the other end: its own first, then the intermediate ones"""
    key: str
    ca: str
    """authorities whose certificates are accepted"""
    crl: str = ""
    """lists of certificates that these authorities have taken back; "": none is read"""
    minimum: str = "1.2"
    """`1.2` or `1.3`"""
    subject: str = ""
    """of the certificate; this and what follows is there only where the files were read (`config.certificates`)"""
    fingerprint: str = ""
    expires_us: int = 0
    """wall clock"""
    ca_fingerprint: str = ""
    """SHA-256 of the file of authorities"""
    crl_fingerprint: str = ""
    """SHA-256 of the file of lists"""
    crl_ends_us: int = 0
    """when the first of the lists is to be followed by another; 0: none says"""

    def __str__(self) -> str:
        """As a change of it is told."""
        shown = f"{self.certificate} (SHA-256 {self.fingerprint or 'not read'})"
        trusted = f"authorities of {self.ca} ({self.ca_fingerprint[:16] or 'not read'})"
        if self.crl:
            trusted += f" but what {self.crl} ({self.crl_fingerprint[:16] or 'not read'}) has taken back"
        return f"{shown}, {trusted}, TLS {self.minimum} or later"


class OperatorAccount(msgspec.Struct, frozen=True, kw_only=True):
    """A person who operates the switch."""

    user: str
    """of the machine"""
    role: str
    """`viewer`, `operator` or `supervisor`"""


class SecurityFiles(msgspec.Struct, frozen=True, kw_only=True):
    """Where the keys are. All empty: there are none."""

    module: str = ""  # the Unix socket of a security module that is a process of its own
    keys: str = ""  # instead: a key file, with whose keys this process computes itself
    lmk: str = ""  # its master key's file
    hardware: str = ""  # instead: HOST:PORT of a hardware module that speaks host commands
    hardware_keys: str = ""  # its keys by name, as it has wrapped them
    wait_ms: int = 500  # what a batch is waited for, at most
