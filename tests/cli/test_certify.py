"""`cmi-switch certify`: two of it certify each other over sockets; exit codes and reports."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.children import start
from switch.cli.main import main
from switch.readiness import wait_ready
from tests.certify.peers import PAYER, pays

HEAD = '[[test]]\nid = "{0}"\ntitle = "pays"\n'


def invoke(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(main, ["certify", *arguments])
    return result.exit_code, result.output


def test_a_report_that_can_be_nowhere_is_said_before_the_tests(tmp_path: Path) -> None:
    code, said = invoke("issuer-basic", "127.0.0.1:0", "--html", str(tmp_path / "gone" / "r.html"))
    assert code == 2
    assert f"there is no directory {tmp_path / 'gone'}" in said
    assert invoke("issuer-basic", "127.0.0.1:0", "--junit", str(tmp_path))[0] == 2, "a directory"


@pytest.mark.long
def test_one_plays_the_acquirer_and_another_the_issuer(tmp_path: Path) -> None:
    good = '[test.step.points]\nequals = { 39 = "00" }\n'
    mine = tmp_path / "payer.toml"
    mine.write_text(PAYER + HEAD.format("good") + pays("10001", good) + HEAD.format("bad") + pays("10002", good))
    ready, out = tmp_path / "ready.json", tmp_path / "out"
    arguments = [
        "issuer-basic",
        "127.0.0.1:0",
        "--only",
        "I01,I02,I03",
        "--ready",
        str(ready),
        "--json",
        str(tmp_path / "h.json"),
    ]
    with out.open("wb") as file:
        host = start(
            [sys.executable, "-m", "switch.cli.main", "certify", *arguments], stdout=file, stderr=subprocess.STDOUT
        )
        wait_ready(ready, host)
        address = json.loads(ready.read_text())["listeners"]["peer"]
        code, said = invoke(
            str(mine),
            address,
            "--html",
            str(tmp_path / "r.html"),
            "--junit",
            str(tmp_path / "r.xml"),
            "--json",
            str(tmp_path / "r.json"),
        )
        assert host.wait(20) == 0, out.read_text()
    assert code == 1
    assert "passed   good" in said
    assert "sale: DE39  expected 00 approved, found 51 not sufficient funds" in said
    assert f"payer against {address}: 2 passed, 1 failed" in said
    assert "issuer-basic against who connected to 127.0.0.1:0: 3 passed, 0 failed" in out.read_text()
    read = json.loads((tmp_path / "r.json").read_text())
    assert [outcome["verdict"] for outcome in read["outcomes"]] == ["passed", "passed", "failed"]
    assert json.loads((tmp_path / "h.json").read_text())["passed"] is True
    assert 'failures="1"' in (tmp_path / "r.xml").read_text()
    assert "950401******0010" in (tmp_path / "r.html").read_text()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("acquirer-basic", "127.0.0.1:1", "--only", "A99"), 2, "acquirer-basic has A01, A02"),
        (("acquirer-basic", "127.0.0.1:1", "--set", "crad=1"), 2, "has the values institution, card"),
        (("acquirer-basic",), 2, "HOST:PORT is missing"),
        (("acquirer-basic", "127.0.0.1"), 2, "is no address"),
        (("acquirer-basic", "127.0.0.1:1", "--forever"), 2, "--forever is for plans that play an issuer"),
        (("acquirer-basic", "127.0.0.1:1", "--framing", "length9"), 2, "no framing is called"),
        (("acquirer", "127.0.0.1:1"), 2, "no shipped plan has this name"),
        (("acquirer-basic", "127.0.0.1:1"), 3, "127.0.0.1:1 cannot be reached"),
        (("issuer-basic", "--list"), 0, "do: pay 100.01"),
        (("issuer-basic", "127.0.0.1:0", "--wait", "0.2"), 1, "not run  I01  Sign-on  no message for 0.2 s"),
        (("acquirer-basic", "127.0.0.1:1", "--keys-of", "rif"), 2, "--network and --keys-of go together"),
        (("acquirer-basic", "127.0.0.1:1", "--keys-of", "rif", "--network", "morocco"), 2, "nobody has a `mac_key`"),
    ],
)
def test_what_cannot_be_done_is_said_with_its_exit_code(
    arguments: tuple[str, ...], code: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("switch.cli.certify._REACH_S", 0.2)
    found, output = invoke(*arguments)
    assert said in output
    assert found == code
