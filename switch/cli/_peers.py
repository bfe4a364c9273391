"""Certificates among the servers of 3-D Secure, as options give them."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from switch.threeds.running import Tls


def tls_of(
    certificate: Path | None, key: Path | None, ca: Path | None, crl: Path | None, prefix: str = "--"
) -> "Tls | None":
    """None: plain. `prefix`: of the options. Raises click errors."""
    from switch.threeds.running import Tls

    if certificate is None and key is None and ca is None and crl is None:
        return None
    if certificate is None or key is None or ca is None:
        raise click.UsageError(f"{prefix}certificate, {prefix}key and {prefix}ca come together")
    return Tls(certificate, key, ca, crl)
