"""TLS from the terminal to the issuer, by processes: a restart in place under load, and what `check` says of files."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.main import main
from tests.e2e.load import await_load, books_agree, load
from tests.e2e.secure import cmi_switch, with_tls
from tests.e2e.stage import QUICK, Stage, wait_for
from tests.e2e.test_crash import everything_arrived


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    one = Stage(tmp_path, QUICK)
    try:
        yield one
    finally:
        one.close()


def test_a_restart_in_place_ends_links_with_tls_and_doubles_and_loses_nothing(stage: Stage) -> None:
    tls = str(with_tls(stage))
    stage.issuers("--latency", "5", "--book", str(stage.directory / "issuers.json"), "--tls", tls)
    stage.networks("--latency", "10", "--book", str(stage.directory / "networks.json"), "--tls", tls)
    switch = stage.serve()
    banks = load(stage, "banks", 100, 0, "--bank", "atlas", "--bank", "rif", "--patience", "4", "--tls", tls)
    await_load(stage)
    ups = len(stage.events("link.up"))
    done = cmi_switch("restart", "--network", stage.path, "--state", stage.state)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: len(stage.events("link.up")) == ups + 5, 30)
    wait_for(lambda: len(stage.events("link.signed_on")) == 4, 30)
    before = sum(line["mti"] in ("0110", "0210") for line in stage.events("hop.sent"))
    await_load(stage, before + 60)
    assert {line["reason"] for line in stage.events("link.closed")} == {
        "the switch restarts in place, and nobody can go on with TLS"
    }
    assert banks.stop(60) == 0
    assert everything_arrived(stage)
    assert books_agree(stage, switch, calm=False)


def checked(*arguments: object) -> tuple[int, str]:
    """Exit code and what was printed."""
    done = CliRunner().invoke(main, [str(part) for part in arguments])
    return done.exit_code, done.output


def test_check_reads_the_files_and_says_what_is_wrong_with_which(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    tls = with_tls(stage)
    assert checked("check", stage.path)[0] == 0
    key = tls / "switch.key"
    whole = key.read_bytes()
    key.chmod(0o640)
    assert f"{key}: the private key has mode 0640, others may read it" in checked("check", stage.path)[1]
    key.chmod(0o600)
    key.write_bytes((tls / "atlas.key").read_bytes())
    assert "is not that of the first certificate in" in checked("check", stage.path)[1]
    key.write_bytes(whole)
    (tls / "ca.pem").write_text("nothing")
    assert f"{tls}/ca.pem: holds no certificate" in checked("check", stage.path)[1]
    (tls / "switch.pem").unlink()
    code, said = checked("check", stage.path)
    assert (code, f"{tls}/switch.pem: cannot be read: No such file or directory" in said) == (1, True)
    for days, ends, code in ((-1, "expired on", 1), (10, "expires on", 0)):
        checked("certificates", "make", tls, "--network", stage.path, "--days", days)
        found, said = checked("check", stage.path)
        assert (ends in said, found) == (True, code)
