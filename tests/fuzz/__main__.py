"""`python -m tests.fuzz [--runs N] [--seed N]`: damage good inputs and give them to the target; with atheris, if it is there,
guided by coverage. Prints how many, how fast, how slow the slowest was, and what memory it took; stops at the first finding."""

import argparse
import resource
import sys
import time
from pathlib import Path
from typing import Any

WORK = Path(__file__).parents[2] / "var" / "fuzz"
"""With atheris: seeds, what was found, and the input of a finding."""


def say(text: str) -> None:
    """A line on standard error, at once."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def main() -> None:
    parser = argparse.ArgumentParser(prog="tools/fuzz", description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000, help="inputs (default 1,000,000)")
    parser.add_argument("--seed", type=int, default=1, help="of the damage (default 1)")
    parser.add_argument("--plain", action="store_true", help="without atheris, even if it is installed")
    parser.add_argument(
        "--keep",
        type=Path,
        help="with atheris: the directory that grows with inputs of new coverage (default var/fuzz/found)",
    )
    options = parser.parse_args()
    try:
        import atheris
    except ImportError:
        atheris = None
        say("atheris is not installed (see tools/fuzz): inputs are damaged without coverage")
    if atheris is not None and not options.plain:
        _guided(atheris, options.runs, options.seed, options.keep)
    else:
        _plain(options.runs, options.seed)


def _guided(atheris: Any, runs: int, seed: int, keep: Path | None) -> None:
    with atheris.instrument_imports(include=["switch.wire"]):
        from tests.fuzz.target import one_input
    from tests.fuzz.seeds import seeds

    given = WORK / "seeds"
    given.mkdir(parents=True, exist_ok=True)
    for n, data in enumerate(seeds()):
        (given / f"{n:03d}").write_bytes(data)
    found = keep or WORK / "found"
    found.mkdir(parents=True, exist_ok=True)
    limits = ["-max_len=4096", "-timeout=10", "-rss_limit_mb=1024", "-print_final_stats=1", f"-artifact_prefix={WORK}/"]
    atheris.Setup([sys.argv[0], f"-runs={runs}", f"-seed={seed}", *limits, str(found), str(given)], one_input)
    atheris.Fuzz()


def _plain(runs: int, seed: int) -> None:
    from itertools import islice

    from tests.fuzz.mutate import inputs
    from tests.fuzz.seeds import seeds
    from tests.fuzz.target import one_input

    begun, slowest, at = time.perf_counter(), 0.0, b""
    for n, data in enumerate(islice(inputs(seeds(), seed), runs), 1):
        start = time.perf_counter()
        try:
            one_input(data)
        except Exception:
            say(f"input {n}: {data.hex()}")
            raise
        taken = time.perf_counter() - start
        if taken > slowest:
            slowest, at = taken, data
        if n % 100_000 == 0:
            say(f"{n:,} inputs, {n / (time.perf_counter() - begun):,.0f} a second")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    say(
        f"{runs:,} inputs, seed {seed}, no finding; slowest {slowest * 1000:.1f} ms ({len(at)} bytes), {memory} MB at most"
    )


if __name__ == "__main__":
    main()
