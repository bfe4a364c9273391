"""Two shards are measured beside one: each is loaded, and each approves."""

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from switch.bench.shards import main, together


@pytest.mark.long
def test_two_shards_are_measured_beside_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    brief = ("--rounds", "1", "--duration", "0.5", "--warmup", "0.2", "--in-flight", "4", "--json")
    done = CliRunner().invoke(main, brief)
    assert done.exit_code == 0, done.output
    (run,) = msgspec.json.decode(done.stdout).values()
    assert run["a second"]["this"] > 0
    assert run["CPU µs"]["other"] > 0
    assert list((tmp_path / "var").iterdir()) == []


def test_what_two_loads_come_to_is_added_up_and_weighed() -> None:
    one, other = (
        {"throughput": rate, "cpu": {"us_per_transaction": us}, "latency_us": {"p50": us, "p99": us}}
        for rate, us in ((300.0, 10.0), (100.0, 50.0))
    )
    both = together([one, other])
    assert (both["throughput"], both["cpu"]["us_per_transaction"], both["latency_us"]["p99"]) == (400, 20, 20)
