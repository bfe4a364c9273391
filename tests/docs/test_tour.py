"""docs/tour.md, and the README's five minutes, come out as printed when typed line by line for the first time.

What is a reader's own (ports, times, ids, numbers drawn by chance) is replaced by its kind on both sides, and `…` is anything.
"""

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.children import start
from switch.cli.demo import on_free_ports
from switch.config.load import SHIPPED

ROOT = Path(__file__).parents[2]
FILE = "specs/networks/morocco.toml"
KINDS = (
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"\b\d\d:\d\d:\d\d\.\d{3}\b", "TIME"),
    (r"\b[0-9a-f]{13}\b", "TXN"),
    (r"\b\d+(\.\d{1,3})? ms\b", "MS"),
    (r"\d+ records recovered", "COUNT records recovered"),
    (r"(?m)^ +\d+\.\d{3}(?=  )", "MS"),
    (r"approval code \d{6}", "approval code CODE"),
    (r"(RRN|STAN) \d+", r"\1 NUMBER"),
    (r"\.toml:\d+", ".toml:LINE"),
    (r"(?m)^( +)\d+ \| ", r"\1LINE | "),
)
"""What differs from one run to the next, and the lines of a network file, which grows."""

WRAPPER = """#!/bin/sh
case $1 in
    issuer | network | pay | route | cards) set -- "$@" --network {file} ;;
    serve) set -- "$@" {file} ;;
esac
exec {python} -m switch.cli.main "$@"
"""
"""`cmi-switch`, for which the shipped network is the one on free ports."""


def steps(text: str) -> list[tuple[str, str]]:
    """Each command of the console blocks, and what is printed below it."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", text, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


PAGES = {
    "docs/tour.md": steps((ROOT / "docs" / "tour.md").read_text()),
    "README.md": steps((ROOT / "README.md").read_text().split("\n## Five minutes\n")[1].split("\n## ")[0]),
}


def plain(text: str) -> str:
    """What is the same in every run, in one line."""
    text = text.replace(f" --network {FILE}", "").replace(f"cmi-switch serve {FILE}", "cmi-switch serve")
    for pattern, kind in KINDS:
        text = re.sub(pattern, kind, text)
    return " ".join(text.split())


def agree(said: str, printed: str) -> bool:
    """True if a command said what the page prints."""
    return re.fullmatch(re.escape(plain(printed)).replace("…", ".*"), plain(said)) is not None


class Reader:
    """Someone who types a page's commands in a checkout whose network is on free ports."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        network = directory / FILE
        network.parent.mkdir(parents=True)
        network.write_text(on_free_ports((SHIPPED / "morocco.toml").read_text()))
        program = directory / "bin" / "cmi-switch"
        program.parent.mkdir()
        program.write_text(WRAPPER.format(file=FILE, python=shlex.quote(sys.executable)))
        program.chmod(0o755)
        paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
        self._environment = {
            **os.environ,
            "PATH": f"{program.parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": paths,
        }
        self._jobs: list[tuple[subprocess.Popen[bytes], Path]] = []

    def does(self, command: str, printed: str) -> str:
        """What the command says. What only looks is typed again for some seconds where it says otherwise: the index follows."""
        if command.endswith("&"):
            return self._starts(command.removesuffix("&"))
        if command.startswith("kill "):
            return self._ends(command)
        looks = re.match(r"cmi-switch (journal|hops|saf)\b", command) is not None
        until = time.monotonic() + (10 if looks else 0)
        while True:
            said = self._types(command)
            if agree(said, printed) or time.monotonic() >= until:
                return said
            time.sleep(0.2)

    def _types(self, command: str) -> str:
        done = subprocess.run(
            ["bash", "-c", command], check=False, cwd=self._directory, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    def _starts(self, command: str) -> str:
        output = self._directory / f"{len(self._jobs) + 1}.out"
        with output.open("wb") as file:
            process = start(
                ["bash", "-c", f"exec {command}"], cwd=self._directory, env=self._environment,
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._jobs.append((process, output))
        until = time.monotonic() + 30
        while "Ready: " not in output.read_text() or not output.read_text().endswith("\n"):
            assert process.poll() is None, output.read_text()
            assert time.monotonic() < until, output.read_text()
            time.sleep(0.05)
        return output.read_text()

    def _ends(self, command: str) -> str:
        found = re.fullmatch(r"kill (-9 )?%(\d)", command)
        assert found, command
        process, output = self._jobs[int(found[2]) - 1]
        before = len(output.read_text())
        process.send_signal(signal.SIGKILL if found[1] else signal.SIGTERM)
        process.wait(30)
        return output.read_text()[before:]

    def close(self) -> None:
        """End whatever still runs."""
        for process, _ in self._jobs:
            process.kill()
            process.wait()


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    someone = Reader(tmp_path)
    try:
        yield someone
    finally:
        someone.close()


@pytest.mark.parametrize("page", PAGES)
def test_every_line_comes_out_as_printed(page: str, reader: Reader) -> None:
    for command, printed in PAGES[page]:
        said = reader.does(command, printed)
        assert agree(said, printed), f"{page}: $ {command}\n{said}"
