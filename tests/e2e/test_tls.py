"""TLS from the terminal to the issuer, by processes: a restart in place under load, and what `check` says of files."""

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from switch.cli.main import main
from switch.config import load_network
from switch.core.credentials import Tls
from switch.core.network import Address
from switch.security.issuing import TestAuthority
from tests.e2e.load import await_load, books_agree, declined_here, load
from tests.e2e.secure import cmi_switch, with_tls
from tests.e2e.stage import QUICK, Client, Stage, wait_for
from tests.e2e.test_crash import everything_arrived
from tests.server.test_tls_of_others import haproxy


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    one = Stage(tmp_path, QUICK)
    try:
        yield one
    finally:
        one.close()


@pytest.mark.long
def test_a_restart_keeps_what_an_edge_has_and_dials_again_what_it_has_not(stage: Stage) -> None:
    """Acquirers and issuers come through an edge; Visa and Mastercard have TLS with the switch itself."""
    tls = str(with_tls(stage, ("acquirers", "atlas", "rif", "souss")))
    stage.start("edge", str(stage.path))
    stage.issuers("--latency", "5", "--book", str(stage.directory / "issuers.json"), "--tls", tls)
    stage.networks("--latency", "10", "--book", str(stage.directory / "networks.json"), "--tls", tls)
    switch = stage.serve()
    banks = load(stage, "banks", 80, 0, "--bank", "atlas", "--bank", "rif", "--tls", tls)
    await_load(stage)
    secured = stage.events("link.secured")
    assert {line["certificate"] for line in secured if line.get("by") == "edge"} == {
        f"CN={name}.morocco.test" for name in ("atlas", "rif", "souss")
    }
    assert {line["certificate"] for line in secured if "by" not in line} == {
        "CN=visa.morocco.test",
        "CN=mastercard.morocco.test",
    }
    done = cmi_switch("restart", "--network", stage.path, "--state", stage.state)
    assert done.returncode == 0, done.stderr
    assert stage.event("restart.done")["connections"] == 5
    again = wait_for(
        lambda: [line["host"] for line in stage.events("link.up")][5:][1:] and stage.events("link.up")[5:], 30
    )
    assert {line["host"] for line in again} == {"visa", "mastercard"}, "and no other host"
    await_load(stage, sum(line["mti"] in ("0110", "0210") for line in stage.events("hop.sent")) + 40)
    assert banks.stop(60) == 0
    assert {line["reason"] for line in stage.events("link.closed")} == {
        "the switch restarts in place, and nobody can go on with TLS",
        "closed by the peer",
    }
    assert len(stage.events("link.signed_on")) == 2, "no acquirer signed on again"
    assert {line["route"] for line in declined_here(stage) if line["event"] == "hop.sent"} <= {"visa", "mastercard"}
    assert everything_arrived(stage)
    assert books_agree(stage, switch, calm=False)


def answers(at: Address) -> bool:
    """Something listens there."""
    with socket.socket() as trying:
        return trying.connect_ex((at.host, at.port)) == 0


@pytest.mark.outside("haproxy")
def test_behind_haproxy_a_member_is_who_its_certificate_names_and_nobody_else(stage: Stage) -> None:
    directory = with_tls(stage, ["acquirers"])
    text = re.sub(r"(name = \"acquirers\"[^\n]*\n)tls = [^\n]*\n", r"\1", stage.path.read_text())
    stage.path.write_text(text)
    stage.network = load_network(str(stage.path))
    stage.serve()
    own = Tls(certificate=f"{directory}/switch.pem", key=f"{directory}/switch.key", ca=f"{directory}/ca.pem")
    ways = {"bind": "verify required", "server": "send-proxy-v2-ssl-cn"}
    context = ssl.create_default_context(cafile=own.ca)
    context.load_cert_chain(directory / "rif.pem", directory / "rif.key")
    with haproxy(own, stage.directory / "acquirers.sock", **ways) as at:
        doors = stage.network.listeners
        moved = tuple(msgspec.structs.replace(x, address=at) if x.name == "acquirers" else x for x in doors)
        stage.network = msgspec.structs.replace(stage.network, listeners=moved)
        wait_for(lambda: answers(at))
        for institution, answered in (("504101", "58"), ("504102", "00")):
            with closing(Client(stage, "acquirers", institution, sign_on=False, wrap=context)) as client:
                told = client.asks({"t": "0800", "7": "1125120000", "11": "000001", "32": institution, "70": "001"})
                assert told["39"] == answered
    (refused,) = stage.events("link.sign_on_refused")
    assert "has rif.morocco.test, and `names` of tls of [[member]] atlas has atlas.morocco.test" in refused["reason"]


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
    TestAuthority(tls, "later", datetime.now(UTC) + timedelta(days=5), 9).issue("switch", "switch.morocco.test")
    assert "switch.pem: CN=switch.morocco.test is not valid before 20" in checked("check", stage.path)[1]
    for days, ends, code in ((-1, "expired on", 1), (10, "expires on", 0)):
        checked("certificates", "make", tls, "--network", stage.path, "--days", days)
        found, said = checked("check", stage.path)
        assert (ends in said, found) == (True, code)
