"""The log of who did what: a line is whole or is not there."""

import resource
from pathlib import Path

import pytest

from switch.security.audit import AuditError, AuditLog


def act(log: AuditLog, key: str) -> None:
    with log.turn():
        log.write(at="2026-11-27T10:00:00Z", by="amina (uid 1000)", act="rotate", key=key)


def test_a_disk_that_was_full_does_not_break_the_chain(tmp_path: Path) -> None:
    """RLIMIT_FSIZE stands for the full disk: it takes the first bytes of the line, and no more."""
    log = AuditLog(tmp_path / "audit.log", bytes(32))
    act(log, "zak")
    size = log.path.stat().st_size
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 20, hard))
    try:
        with pytest.raises(AuditError, match=r"audit\.log: cannot write the audit log: "):
            act(log, "zpk")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert log.path.stat().st_size == size
    act(log, "bdk")
    assert [(one.number, one.key) for one in AuditLog(log.path, bytes(32)).verify()] == [(1, "zak"), (2, "bdk")]
