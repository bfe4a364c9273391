"""One step of offered load: what was asked, what was served, how fast; and the network file that is measured."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import msgspec

from switch.bench.compare import CLI, CompareError, pinned
from switch.config.load import SHIPPED
from switch.wire.vocabulary import APPROVALS


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one load, a second where no other unit is named."""

    of_capacity: float
    offered: float
    sent: float
    """what the generator brought itself to send"""
    goodput: float
    """approvals"""
    declined: float
    unanswered: int
    """in all"""
    p50_us: int
    p99_us: int
    """of approvals, from when their requests should have left"""
    declined_p50_us: int
    """of all answers, where most are declines"""
    late_p99_us: int
    """the generator's own share"""


def network_of(directory: Path, max_pending: int, turn_ms: int) -> Path:
    """The network file `bench` with a bound of its host (0: its own) and of the switch's turns, written to `directory`."""
    text = (SHIPPED / "bench.toml").read_text(encoding="utf-8")
    if max_pending:
        assert text.count("[[host]]\n") == 1, "the one host that is to be bounded"
        text = text.replace("[[host]]\n", f"[[host]]\nmax_pending = {max_pending}\n")
    path = directory / "network.toml"
    path.write_text(f"{text}\n[limits]\nturn_ms = {turn_ms}\n", encoding="utf-8")
    return path


def measure(address: str, pid: int, on: frozenset[int], step: float, rate: float, arguments: Sequence[str]) -> Step:
    """One `cmi-switch bench` run in an open loop. CompareError: it failed."""
    command = [*CLI, "bench", address, "--json", "--pid", str(pid), "--bin", "950401", *arguments]
    with pinned(on):
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - our own command
    if done.returncode:
        raise CompareError(f"bench {address} at {rate:,.0f}/s: {done.stderr.strip()}")
    made = msgspec.json.decode(done.stdout)
    seconds, codes = made["seconds"], made["codes"]
    approved = sum(count for code, count in codes.items() if code in APPROVALS)
    good = made["approved_latency_us"] or made["latency_us"]
    return Step(
        of_capacity=step, offered=round(rate, 1), sent=round(made["sent"] / seconds, 1), goodput=round(approved / seconds, 1),
        declined=round((made["answered"] - approved) / seconds, 1),
        unanswered=made["errors"]["unanswered"] + made["errors"]["timeouts"], p50_us=good["p50"], p99_us=good["p99"],
        declined_p50_us=made["latency_us"]["p50"], late_p99_us=(made["lateness_us"] or {"p99": 0})["p99"],
    )  # fmt: skip


def as_text(found: dict[str, list[Step]]) -> str:
    """A table a series, a line a step; the goodput as a bar, too. Times in ms; `late`: the generator's own share at p99."""
    lines = []
    for name, steps in found.items():
        most = max((step.goodput for step in steps), default=0) or 1
        heads = ("offered", "sent", "goodput", "declined", "lost", "p50 ms", "p99 ms", "all p50", "late")
        lines += ["", f"{name:<14}" + "".join(f" {head:>9}" for head in heads)]
        for s in steps:
            figures = (s.offered, s.sent, s.goodput, s.declined, s.unanswered)
            times = (s.p50_us, s.p99_us, s.declined_p50_us, s.late_p99_us)
            row = "".join(f" {n:>9,.0f}" for n in figures) + "".join(f" {us / 1000:>9,.1f}" for us in times)
            lines.append(f"{s.of_capacity:>13g}×{row}  {'█' * round(24 * s.goodput / most)}")
    return "\n".join(lines[1:])
