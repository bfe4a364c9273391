"""Replays of a capture file, in one call each: around a network file's switch, or against a live host."""

from collections.abc import Mapping
from pathlib import Path

import trio

from switch.capture.live import replay_to
from switch.capture.refresh import new_requests
from switch.capture.replay import NS, Plan, Report
from switch.capture.talks import Known, load
from switch.config import load_network
from switch.core.addresses import parse_address
from switch.testing.around import replay_around
from switch.wire import Dialect


def around(capture: Path, network: str, rules: Mapping[str, str]) -> Report:
    """Everyone in the capture played around the pure switch of a network file. ConfigErrors, CaptureError."""
    return replay_around(load_network(network), load(capture, Known()), rules)


def host(
    capture: Path, to: str, rules: Mapping[str, str], *, dialect: str = "", framing: str = "", port: int = 0,
    speed: float = 0.0, timeout_s: float = 5.0, fresh: bool = False,
) -> Report:  # fmt: skip
    """The capture's clients played against the host at `to`. CaptureError; OSError: it cannot be reached."""
    talks = load(capture, Known(Dialect.load(dialect) if dialect else None, framing, port))
    plan = Plan(speed=speed, timeout_ns=round(timeout_s * NS), rules=rules, refresh=new_requests() if fresh else None)
    return trio.run(replay_to, parse_address(to), talks, plan)
