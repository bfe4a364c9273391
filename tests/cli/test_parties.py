"""`issuer`, `network` and `terminal` as processes over loopback: Ready lines, books on SIGTERM, errors that say what to do."""

import re
import signal
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.issuer import command as issuer
from switch.cli.network import command as network
from switch.cli.terminal import command as terminal
from switch.hosts.books import Books

from .conftest import Running


def test_issuers_say_where_they_listen_and_write_their_books_when_told_to_stop(here: Path, running: Running) -> None:
    with running("issuer", "--network", "net.toml", "--book", "books/i.json") as (process, ready):
        assert re.match(r"Ready: issuers atlas 127\.0\.0\.1:\d+ \(cmi87\), rif .* souss .*\(iso93\); next: ", ready)
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 0, err
    assert "Stopped: SIGTERM: drained" in out
    books = Books.from_json((here / "books/i.json").read_bytes())
    assert [b.name for b in books.issuers] == ["atlas", "rif", "souss"]


def test_a_second_issuer_on_the_same_port_says_so(here: Path, running: Running) -> None:
    with running("issuer", "atlas", "--network", "net.toml"):
        result = CliRunner().invoke(issuer, ["atlas", "--network", str(here / "net.toml")])
    assert result.exit_code == 1
    assert "is another cmi-switch issuer running?" in result.output


def test_a_network_writes_both_its_books_when_interrupted(here: Path, running: Running) -> None:
    with running("network", "visa", "--network", "net.toml", "--book", "n.json") as (process, ready):
        assert "networks visa 127.0.0.1:" in ready
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=20)
    assert "visa: answered 0" in out
    books = Books.from_json((here / "n.json").read_bytes())
    assert [b.name for b in books.networks] == ["visa-abroad"]


def test_terminals_pay_an_issuer_directly_as_they_would_a_switch(here: Path, running: Running) -> None:
    with running("issuer", "atlas", "--network", "net.toml", "--book", "i.json") as (process, ready):
        address = re.search(r"127\.0\.0\.1:\d+", ready)
        assert address
        result = CliRunner().invoke(
            terminal,
            ["--network", str(here / "net.toml"), "--host", address[0], "--rate", "100", "--duration", "0.5", "--count", "2",
             "--mix", "foreign=0,showcase=0,void=0,preauth=0", "--book", str(here / "t.json")],
        )  # fmt: skip
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=20)
    assert result.exit_code == 0, result.output
    assert "payments/s to " in result.output
    books = Books.from_json((here / "t.json").read_bytes(), (here / "i.json").read_bytes())
    (sent,), (held,) = books.terminals, books.issuers
    assert sent.approved > 0
    assert sent.unanswered == 0
    assert {p.key: p.amount for p in sent.payments if p.amount} == {d.key: d.amount for d in held.debits}


@pytest.mark.parametrize(
    ("command", "arguments", "says"),
    [
        (terminal, ["--bank", "bnp"], "'bnp' is no member of"),
        (terminal, ["--port", "web"], "'web' is no listener of"),
        (terminal, ["--mix", "purchse=1"], "'purchse' is no part of a mix"),
        (terminal, ["--rate", "0"], "--count and --rate are above 0"),
        (terminal, ["--host", "localhost"], "expected HOST:PORT, found 'localhost'"),
        (terminal, ["--host", "127.0.0.1:1"], "nothing listens on 127.0.0.1:1: start the switch with `cmi-switch serve`"),
        (issuer, ["bnp"], "'bnp' is no issuer host of"),
        (issuer, ["--fault", "silnt=1"], "'silnt' is no fault; there are silent, late, wrong, cut, slow"),
        (issuer, ["--fault", "silent=2"], "silent: expected a share from 0 to 1, found '2'"),
        (network, ["amex"], "'amex' is no network host of"),
        (network, [], "Missing argument 'SCHEME...'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_what_there_is(command: object, arguments: list[str], says: str) -> None:
    result = CliRunner().invoke(command, arguments)  # type: ignore[arg-type]
    assert result.exit_code in (1, 2)
    assert says in result.output
    assert "Traceback" not in result.output
