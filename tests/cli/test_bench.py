"""`cmi-switch bench` and `tools/bench`, short, against hosts of our own."""

import json
import os
import pathlib
import socket
import sys
from typing import Any

import pytest
from click.testing import CliRunner, Result

from switch.bench import codec, compare, versus
from switch.cli.bench import command
from switch.config import load_network
from switch.core.network import Network
from tests.bench.hosts import approve, host

ROOT = pathlib.Path(__file__).parents[2]
SHORT = ("--duration", "0.2", "--warmup", "0", "--timeout", "1", "--bin", "950401", "--in-flight", "4")


def run(*args: str) -> Result:
    return CliRunner().invoke(command, list(args))


def test_a_run_that_keeps_its_thresholds_exits_with_0(tmp_path: pathlib.Path) -> None:
    with host() as (address, _):
        result = run(
            address, *SHORT, "--fail", "errors>0", "--fail", "approved<100%", "--svg", str(tmp_path / "a.svg"), "--html",
            str(tmp_path / "a.html"),
        )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "DE39=00 approved" in result.output
    assert (tmp_path / "a.svg").read_text().startswith("<svg")
    assert "DE39=00 approved" in (tmp_path / "a.html").read_text()


def test_one_that_breaks_one_exits_with_1_and_says_which() -> None:
    with host() as (address, _):
        result = run(address, *SHORT, "--fail", "p50>1us", "--fail", "errors>0")
    assert result.exit_code == 1
    assert "FAILED p50>1us: p50 is" in result.output
    assert "errors>0:" not in result.output


def test_two_runs_of_one_hour_have_no_reference_number_in_common() -> None:
    """DE37 has the hour and DE11: an issuer that knows a payment by it takes the second run for the first, and declines."""
    references: list[set[str]] = []
    for _ in range(2):
        with host() as (address, heard):
            assert run(address, *SHORT).exit_code == 0
        references.append({request["37"] for request in list(heard) if "37" in request})
    first, second = references
    assert first
    assert second
    assert not first & second


def test_json_is_one_object_and_nothing_else() -> None:
    with host() as (address, _):
        result = run(address, *SHORT, "--json")
    assert json.loads(result.stdout)["codes"].keys() == {"00"}


def test_its_own_process_can_be_measured(tmp_path: pathlib.Path) -> None:
    issuer = [sys.executable, "-m", "switch.bench.echo_issuer"]
    with compare.running(issuer, frozenset(os.sched_getaffinity(0)), tmp_path / "issuer.err") as (process, ready):
        result = run(ready.listeners["cmi87"], *SHORT, "--json", "--pid", str(process.pid))
        cpu = json.loads(result.stdout)["cpu"]
        assert cpu["us_per_transaction"] > 0
        assert cpu["rss_bytes"] > 1_000_000


@pytest.mark.parametrize(
    ("args", "code", "says"),
    [
        (("nowhere",), 2, '"nowhere" is no address: "HOST:PORT", such as'),
        (("127.0.0.1:99999",), 2, "is no address"),
        (("a..b:8583",), 2, '"a..b" is no name of a host'),
        (("127.0.0.1:1", "--framing", "length9"), 2, "no framing is called 'length9'; there are length2"),
        (("127.0.0.1:1", "--dialect", "cmi88"), 2, "cmi88"),
        (("127.0.0.1:1", "--in-flight", "3", "--rate", "5"), 2, "give one of them"),
        (("127.0.0.1:1", "--fail", "p99"), 2, "is no threshold"),
        (("127.0.0.1:1", "--without", "11"), 2, "DE11 tells one request from another"),
        (("127.0.0.1:1", "--set", "18"), 2, "expected DE=VALUE"),
        (("127.0.0.1:1", "--set", "18=abc"), 1, "the purchase cannot be said"),
        (("127.0.0.1:1", "--cards", "atlantis"), 1, "atlantis"),
        (("127.0.0.1:1", "--bin", "1234567890123456"), 2, "leaves no room"),
        (("127.0.0.1:1", "--pid", "4194999"), 1, "no process 4194999"),
        (("127.0.0.1:1", "--state", "/nowhere"), 1, "no switch runs in /nowhere"),
    ],
)
def test_what_cannot_be_done_is_said_before_anything_is_sent(
    args: tuple[str, ...] | tuple[str], code: int, says: str
) -> None:
    result = run(*args)
    assert result.exit_code == code
    assert says in result.output


def test_nothing_listening_is_an_error_with_its_address() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    result = run(f"127.0.0.1:{port}", *SHORT)
    assert result.exit_code == 1
    assert f"nothing answers at 127.0.0.1:{port}" in result.output


def test_a_refused_sign_on_is_an_error() -> None:
    with host(lambda request: [approve(request)[0] | {"39": "58"}]) as (address, _):
        result = run(address, *SHORT)
    assert (result.exit_code, "DE39=58" in result.output) == (1, True)


# -- the comparison


@pytest.fixture
def network(tmp_path: pathlib.Path) -> pathlib.Path:
    text = (ROOT / "specs" / "networks" / "bench.toml").read_text()
    for port in ("8683", "8691"):
        with socket.create_server(("127.0.0.1", 0)) as free:
            text = text.replace(port, str(free.getsockname()[1]))
    path = tmp_path / "bench.toml"
    path.write_text(text)
    return path


BRIEF = ["--rounds", "1", "--duration", "0.3", "--warmup", "0.1", "--rate", "50", "--in-flight", "4"]
"""a measurement that is over at once"""


@pytest.mark.alone
def test_switch_and_baseline_are_measured_in_turn_and_compared(
    network: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(compare.main, [*BRIEF, "--network", str(network), "--json"])
    assert result.exit_code == 0, result.output
    made = json.loads(result.stdout)
    switch, naive = made["switch"]["4 in flight"], made["naive"]["4 in flight"]
    assert made["ratio"] == pytest.approx(switch["throughput"] / naive["throughput"], abs=0.01)
    assert made["naive"]["at 50/s"]["throughput"] == pytest.approx(50, abs=15)
    assert switch["cpu_us"] > 0
    inside = made["switch"]["at 50/s"]["inside"]
    assert inside["inside"]["max_us"] >= inside["own"]["max_us"] > 0 < inside["durable"]["p50_us"]
    assert made["naive"]["at 50/s"]["inside"] == {}
    assert not list((tmp_path / "var").iterdir())


@pytest.mark.alone
def test_two_versions_are_measured_and_their_ratio_is_that_of_a_round(
    network: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    other = tmp_path / "other"
    (other / ".venv/bin").mkdir(parents=True)
    python = other / ".venv/bin/python"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} "$@"\n')
    python.chmod(0o755)
    result = CliRunner().invoke(versus.main, [str(other), *BRIEF, "--network", str(network), "--json"])
    assert result.exit_code == 0, result.output
    figure = json.loads(result.stdout)["4 in flight"]["CPU µs"]
    assert figure["this"] > 0
    assert figure["lowest"] <= figure["ratio"] <= figure["highest"]
    assert not list((tmp_path / "var").iterdir())


def test_each_version_begins_every_other_round(monkeypatch: pytest.MonkeyPatch, tmp_path: pathlib.Path) -> None:
    def one_round(_: Network, command: list[str], *__: object) -> dict[str, dict[str, Any]]:
        order.append(command[0])
        return {}

    order: list[str] = []
    monkeypatch.setattr(versus, "one_round", one_round)
    made = versus.rounds_of(load_network("bench"), {"this": ["a"], "other": ["b"]}, {}, 3, tmp_path)
    assert (order, len(made)) == (["a", "b", "b", "a", "a", "b"], 3)


def test_a_checkout_that_is_not_set_up_is_named(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(versus.main, [str(tmp_path), "--rounds", "1"])
    assert result.exit_code == 1
    assert ".venv/bin/python is not there: run `tools/bench --help`" in result.output


def test_what_does_not_start_is_said_with_its_own_words(
    network: pathlib.Path, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    port = network.read_text().split('connect = "127.0.0.1:')[1].split('"')[0]
    with socket.create_server(("127.0.0.1", int(port))):
        result = CliRunner().invoke(compare.main, ["--rounds", "1", "--network", str(network), "--only", "naive"])
    assert result.exit_code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in result.output


def test_the_codec_is_timed_beside_pyiso8583_on_the_same_message() -> None:
    result = CliRunner().invoke(codec.main, ["--rounds", "1", "--json"])
    made = json.loads(result.stdout)
    assert {"cmi87", "cmi87b", "visa", "mastercard", "iso93"} <= made.keys()
    for times in made.values():
        assert times["decode_ratio"] == pytest.approx(times["decode_pyiso8583_us"] / times["decode_us"], abs=0.11)
