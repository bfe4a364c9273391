"""The log of who did what: a line is whole or is not there."""

import resource
import shutil
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


def witnessed(tmp_path: Path) -> AuditLog:
    log = AuditLog(tmp_path / "audit.log", bytes(32), tmp_path / "keys" / "audit.head")
    for key in ("zak", "zpk", "bdk"):
        act(log, key)
    assert len(log.verify()) == 3
    return log


def test_an_end_that_was_cut_off_is_seen_by_the_witness(tmp_path: Path) -> None:
    log = witnessed(tmp_path)
    assert log.witness is not None
    whole = log.path.read_text()
    for kept in (2, 1, 0):
        log.path.write_text("".join(whole.splitlines(keepends=True)[:kept]))
        with pytest.raises(
            AuditError, match=rf"ends with act {kept}, and act 3 was written to it, as .*audit\.head says"
        ):
            act(log, "zak")
    log.path.unlink()
    with pytest.raises(AuditError, match="ends with act 0"):
        AuditLog(log.path, bytes(32), log.witness).verify()
    log.path.write_text(whole)
    act(log, "pvk")
    log.witness.write_text("{}")
    with pytest.raises(AuditError, match=r"audit\.head: does not say how far"):
        log.verify()


def test_a_log_that_somebody_began_anew_is_not_the_one_that_was(tmp_path: Path) -> None:
    """As many acts, other ones: even who has the chain's key would have to write the witness, too."""
    log = witnessed(tmp_path)
    log.path.unlink()
    forged = AuditLog(log.path, bytes(32))
    for key in ("zak", "zpk", "cvk"):
        act(forged, key)
    with pytest.raises(AuditError, match="its end was cut off, or an older copy"):
        log.verify()


def test_a_crash_before_the_witness_was_told_costs_nothing(tmp_path: Path) -> None:
    log = witnessed(tmp_path)
    assert log.witness is not None
    before = log.witness.read_bytes()
    act(log, "pvk")
    log.witness.write_bytes(before)
    assert len(log.verify()) == 4


def test_a_witness_that_cannot_be_written_stops_no_act_and_is_said(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.log", bytes(32), tmp_path / "keys" / "audit.head")
    act(log, "zak")
    assert not log.unwitnessed
    shutil.rmtree(tmp_path / "keys")
    (tmp_path / "keys").symlink_to(tmp_path / "a disk that is not there" / "keys")
    act(log, "zpk")
    assert "audit.head: " in log.unwitnessed
    assert len(log.verify()) == 2


def test_a_clock_that_was_set_back_is_in_the_note_of_what_was_done_then(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.log", bytes(32))
    for at, note in (
        ("2026-11-27T10:00:00Z", ""),
        ("2026-11-27T09:59:59.500000Z", ""),
        ("2026-11-27T08:59:59Z", "by amina"),
        ("2026-11-27T08:59:59Z", ""),
    ):
        with AuditLog(log.path, bytes(32)).turn():
            log.write(at=at, by="amina", act="rotate", key="zak", note=note)
        log = AuditLog(log.path, bytes(32))
    said = [one.note for one in log.verify()]
    assert said == ["", "", "the clock was set back by 3600 s since the act before; by amina", ""]
