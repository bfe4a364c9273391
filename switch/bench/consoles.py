"""What consoles that people look at cost the switch beside them: `tools/bench consoles`.

Each round measures the switch alone and with consoles, in turn; in each console a browser keeps the live board open and loads
other screens now and then. Consoles run where the system puts them, as they would beside a switch; what counts are ratios within
a round.
"""

import http.client
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any, Final

import click
import msgspec

from switch.bench.compare import CLI, STATE, CompareError, directory_for, one_round, subject_command
from switch.bench.options import network_option
from switch.bench.versus import figures_of, table
from switch.children import start
from switch.config import load_network
from switch.core.network import Network
from switch.readiness import NotReadyError, wait_ready

READY_S: Final = 30
LOOKED_AT: Final = ("/links", "/declines", "/changes")
LOOK_S: Final = 5.0
"""between two of them"""
ALONE: Final = "alone"
WITH: Final = "with"


class Viewer:
    """A browser with the live board open, by a thread; beside it other screens are loaded. It counts what was pushed."""

    def __init__(self, port: int, path: str) -> None:
        """`path`: what logs in. CompareError: it does not."""
        self._port = port
        self._over = threading.Event()
        self.pushed = self.loaded = 0
        self._cookie = ""
        with self._get(path) as answer:
            self._cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
            if answer.status != 303 or not self._cookie:
                raise CompareError(f"the console's log-in answered {answer.status}")
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._follow, self._load)]
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Close the window."""
        self._over.set()
        for thread in self._threads:
            thread.join(3)

    @contextmanager
    def _get(self, path: str) -> Iterator[http.client.HTTPResponse]:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)) as connection:
            connection.request("GET", path, headers={"Cookie": self._cookie})
            with connection.getresponse() as answer:
                yield answer

    def _follow(self) -> None:
        while not self._over.is_set():
            with suppress(OSError, http.client.HTTPException), self._get("/stream/live") as answer:
                while not self._over.is_set() and (line := answer.readline()):
                    self.pushed += line.startswith(b"data:")

    def _load(self) -> None:
        for number in range(1 << 30):
            if self._over.wait(LOOK_S):
                return
            path = LOOKED_AT[number % len(LOOKED_AT)]
            with suppress(OSError, http.client.HTTPException), self._get(path) as answer:
                self.loaded += answer.status == 200
                answer.read()


@contextmanager
def consoles(network: Network, directory: Path, number: int) -> Iterator[list[Viewer]]:
    """So many, each with a viewer. CompareError: one does not start, or pushes nothing."""
    with ExitStack() as stack:
        viewers = [stack.enter_context(_console(network, directory, f"console-{n}")) for n in range(number)]
        yield viewers
        if not all(viewer.pushed for viewer in viewers):
            raise CompareError("a console pushed nothing: what was measured is no console that is looked at")


@contextmanager
def _console(network: Network, directory: Path, name: str) -> Iterator[Viewer]:
    out, ready = directory / f"{name}.out", directory / f"{name}.ready.json"
    command = [*CLI, "console", network.source, "--state", str(directory / STATE), "--listen", "127.0.0.1:0"]
    with out.open("w") as file:
        process = start([*command, "--ready", str(ready)], stdout=file, stderr=subprocess.STDOUT, text=True)
    try:
        where = wait_ready(ready, process, READY_S).listeners["console"]
        found = re.search(r"(/login\?key=\S+)", out.read_text())
        if found is None:
            raise CompareError(f"the console asks for a password: {network.source} names operators")
        viewer = Viewer(int(where.rpartition(":")[2]), found[1])
        try:
            yield viewer
        finally:
            viewer.close()
    except NotReadyError as error:
        raise CompareError(f"the console {error}: {out.read_text().strip()}") from None
    finally:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(READY_S)


def rounds_of(
    network: Network, runs: dict[str, Sequence[str]], rounds: int, number: int, directory: Path
) -> list[dict[str, dict[str, Any]]]:
    """Measure the switch alone and with `number` consoles, each first in every other round. Raises CompareError."""
    command = subject_command("switch", network, directory / STATE)
    made = []
    for turn in range(rounds):
        found = {}
        for subject in (ALONE, WITH) if turn % 2 == 0 else (WITH, ALONE):
            click.echo(f"round {turn + 1} of {rounds}: {subject}", err=True)
            beside = nullcontext() if subject == ALONE else consoles(network, directory, number)
            found[subject] = one_round(network, command, runs, directory, beside)
            time.sleep(0.5)
        made.append(found)
    return made


@click.command()
@click.option("--consoles", "number", type=click.IntRange(1), default=2, show_default=True, help="Open beside it.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Of both, in turn.")
@click.option(
    "--duration", type=click.FloatRange(min=0.1), default=10, show_default=True, help="Seconds a measurement."
)
@click.option(
    "--warmup", type=click.FloatRange(min=0), default=2, show_default=True, help="Seconds before, not counted."
)
@click.option("--rate", type=click.FloatRange(min=1), default=5_000, show_default=True, help="Open loop, a second.")
@click.option("--in-flight", multiple=True, type=click.IntRange(1), help="A closed loop, too.")
@network_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object.")
def main(
    number: int,
    rounds: int,
    duration: float,
    warmup: float,
    rate: float,
    in_flight: tuple[int, ...],
    network: str,
    as_json: bool,
) -> None:
    """Measure the switch with consoles open beside it and without, in alternation.

    A ratio of throughput of 1 says that they cost it nothing. It is measured at --rate; --in-flight asks for all that there is,
    which consoles then share where there are no processors to spare.
    """
    common = ["--duration", str(duration), "--warmup", str(warmup)]
    runs: dict[str, Sequence[str]] = {f"at {rate:g}/s": ["--rate", str(rate), *common]}
    runs |= {f"{n} in flight": ["--in-flight", str(n), *common] for n in in_flight}
    with directory_for("consoles") as directory:
        made = rounds_of(load_network(network), runs, rounds, number, directory)
    found = figures_of(made, WITH, ALONE)
    click.echo(msgspec.json.encode(found) if as_json else table(found, WITH, ALONE, digits=3))


if __name__ == "__main__":
    main()
