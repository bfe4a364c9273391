"""Own rules in a real switch: a reload takes a changed file, and one that never returns ends with the process."""

import socket
import time
from contextlib import closing
from pathlib import Path

import pytest

from tests.e2e.stage import Client, Stage
from tests.e2e.test_health import asked
from tests.e2e.test_reload import reloads

RULES = """
from switch.core.hooks import Refuse

class Rules:
    def before_forward(self, payment):
        if payment.merchant == "BLOCKED":
            return Refuse("03", "blocked")
        while payment.merchant == "FOREVER":
            pass
        return None
"""


def payment(stan: int, merchant: str) -> dict[str, str]:
    return {
        "t": "0200",
        "2": "9504010000090010",
        "3": "000000",
        "4": "000000010000",
        "7": time.strftime("%m%d%H%M%S", time.gmtime()),
        "11": f"{stan:06d}",
        "12": "130000",
        "13": "1125",
        "14": "3112",
        "22": "012",
        "25": "00",
        "32": "504102",
        "37": f"5329120{stan:05d}",
        "41": "T0000001",
        "42": f"{merchant:<15}",
        "49": "504",
    }


def falls_silent(manager: socket.socket) -> bool:
    """Whether it hears nothing for two seconds, once what was said before is read."""
    try:
        for _ in range(1_000):
            manager.recv(4_096)
    except TimeoutError:
        return True
    return False


@pytest.mark.long
def test_a_reload_takes_changed_rules_and_one_that_never_returns_ends_with_the_process(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules = tmp_path / "rules.py"
    rules.write_text(RULES.replace("BLOCKED", "NOBODY").replace("FOREVER", "NOBODY"))
    stage.path.write_text(f'{stage.path.read_text()}\n[hooks]\nfile = "rules.py"\n')
    stage.issuers("atlas")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "400000")
        switch = stage.serve()
        with closing(Client(stage)) as acquirer:
            assert acquirer.asks(payment(1, "BLOCKED"))["39"] == "00"
            rules.write_text(RULES)
            done = reloads(stage)
            assert "[hooks] digest: " in done.stdout, done.stdout + done.stderr
            assert acquirer.asks(payment(2, "BLOCKED"))["39"] == "03"
            rules.write_text("import os\n" + RULES)
            assert "it imports os" in reloads(stage).stderr
            assert acquirer.asks(payment(3, "BLOCKED"))["39"] == "03"
            acquirer.sends(payment(4, "FOREVER"))
            manager.settimeout(2)
            assert falls_silent(manager)
        switch.kill()  # as the service manager does, which has heard nothing
    rules.write_text(RULES.replace("FOREVER", "NOBODY"))
    monkeypatch.delenv("NOTIFY_SOCKET")
    stage.serve()
    with closing(Client(stage)) as acquirer:
        assert acquirer.asks({**payment(4, "FOREVER"), "t": "0201"})["39"] in ("00", "91")
        assert acquirer.asks(payment(5, "FOREVER"))["39"] == "00"


@pytest.mark.long
def test_rules_that_are_off_are_seen_by_who_asks_how_it_is(stage: Stage, tmp_path: Path) -> None:
    slow = "class Rules:\n    def before_forward(self, payment):\n        sum(range(3_000_000))\n"
    (tmp_path / "rules.py").write_text(slow)
    hooks = '[hooks]\nfile = "rules.py"\nwhen_off = "closed"\nbudget_ms = 1\n'
    stage.path.write_text(f"{stage.path.read_text()}\n{hooks}")
    stage.issuers("atlas")
    stage.serve()
    with closing(Client(stage)) as acquirer:
        answers = [acquirer.asks(payment(number, "M1"))["39"] for number in range(1, 5)]
    assert answers == ["00", "00", "00", "96"]
    assert stage.event("hook.off")["payments"] == "are declined with 96"
    health = asked(stage, "health")
    assert health.returncode == 2
    assert "the network's own rules are off (3 overruns" in health.stdout
