"""Someone who types what a page shows, line by line, and compares what comes with what is printed.

In: a page's console blocks. Out: what each command says. A command of ours that needs no shell runs in this process, unless
told otherwise; what ends in `&`, and all else, in processes of its own, on a network whose ports are free.
"""

import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from click.testing import CliRunner

from switch.children import start
from switch.cli.main import main
from switch.config.load import SHIPPED
from switch.loopback import on_free_ports
from switch.readiness import wait_ready

ROOT = Path(__file__).parents[2]
FILE = "specs/networks/morocco.toml"
KINDS = (
    (r"127\.0\.0\.1:\d+", "ADDRESS"),
    (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
    (r"\d{4}-\d\d-\d\d\b", "DAY"),
    (r"\b\d\d:\d\d:\d\d\.\d+\b", "TIME"),
    (r"\b[0-9a-f]{13}\b", "TXN"),
    (r"\b[0-9a-f]{32}\b", "HASH"),
    (r"\b\d+(\.\d{1,3})? ms\b", "MS"),
    (r"\d+ records? recovered", "COUNT records recovered"),
    (r"(?m)^ +\d+\.\d{3}(?=  )", "MS"),
    (r"approval code [S\d]\d{5}", "approval code CODE"),
    (r"(RRN|STAN) \d+", r"\1 NUMBER"),
    (r"\.toml:\d+", ".toml:LINE"),
    (r"(?m)^( +)\d+ \| ", r"\1LINE | "),
    (r"#\d+", "#NUMBER"),
    (r"─+", "─"),
)
"""What differs from one run to the next, the lines of a network file, which grows, and rules as wide as their columns."""

WRAPPER = """#!/bin/sh
case "$* " in
    *.toml\\ * | *--state* | dialect* | decode*) ;;
    issuer* | network* | pay* | route* | cards*) set -- "$@" --network {file} ;;
    serve*) set -- "$@" {file} ;;
esac
[ -z "$READY" ] || set -- "$@" --ready "$READY"
exec {python} -m switch.cli.main "$@"
"""
"""`cmi-switch`, for which the shipped network is the one on free ports."""


class Block(NamedTuple):
    """A fenced block of a page."""

    language: str
    name: str
    """of the file it is; "" for most"""
    text: str
    elsewhere: str
    """what its comment says, `not run: …` or `run by …`; "" where it is typed here"""


def blocks(page: str) -> list[Block]:
    """All fenced blocks of a page's text, in its order."""
    found = re.findall(
        r"(?:^<!-- ((?:not run: |run by )[^>]+) -->\n+)?^```(\w*) ?(\S*)\n(.*?)^```$", page, re.MULTILINE | re.DOTALL
    )
    return [Block(language, name, text, comment) for comment, language, name, text in found]


def steps(block: Block) -> list[tuple[str, str]]:
    """Each command of a console block, and what is printed below it."""
    parts = re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]
    return [(command, output) for command, _, output in (part.partition("\n") for part in parts)]


def plain(text: str) -> str:
    """What is the same in every run, in one line."""
    text = text.replace(f" --network {FILE}", "").replace(f"cmi-switch serve {FILE}", "cmi-switch serve")
    for pattern, kind in KINDS:
        text = re.sub(pattern, kind, text)
    return " ".join(text.split())


def agree(said: str, printed: str, *, exact: bool = False) -> bool:
    """True if a command said what the page prints: if `exact`, to the byte but for its end; else but for kinds, blanks, `…`."""
    if exact:
        return said.rstrip() == printed.rstrip()
    pattern = re.escape(plain(printed)).replace("\\ …", "(?: .*)?").replace("…", ".*")
    return re.fullmatch(pattern, plain(said)) is not None


class Reader:
    """One reader, in a directory of their own."""

    def __init__(self, directory: Path, *, in_process: bool) -> None:
        self.directory = directory
        self._in_process = in_process
        shipped = (SHIPPED / "morocco.toml").read_text()
        network = directory / FILE
        network.parent.mkdir(parents=True)
        network.write_text(on_free_ports(shipped))
        addresses = [re.findall(r'"127\.0\.0\.1:(\d+)"', text) for text in (shipped, network.read_text())]
        self._ports = dict(zip(*addresses, strict=True))
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
        self._jobs: list[tuple[subprocess.Popen[Any], Path]] = []

    def read(self, page: str, *, exact: bool = False) -> int:
        """Type every console block of a page's text that is to be typed here; how many commands. AssertionError: it lies."""
        count = 0
        for block in blocks(page):
            if block.name:
                (self.directory / block.name).write_text(on_free_ports(block.text))
            elif block.language == "console" and not block.elsewhere:
                for command, printed in steps(block):
                    said = self.type(command, printed, exact=exact)
                    assert agree(said, printed, exact=exact), f"$ {command}\n{said}"
                    count += 1
        return count

    def type(self, command: str, printed: str, *, exact: bool = False) -> str:
        """What the command says. What only looks is typed again for some seconds where it says otherwise: others follow."""
        command = re.sub(r"\b\d{4}\b", lambda found: self._ports.get(found[0], found[0]), command)
        if command.endswith("&"):
            return self.start(command.removesuffix("&").rstrip())
        if command.startswith("kill "):
            return self._end(command)
        looks = (
            re.match(r"cmi-switch (journal (list|days|show)|hops|saf list|links list|health|capture)\b", command)
            is not None
        )
        until = time.monotonic() + (10 if looks else 0)
        while True:
            said = self._run(command)
            if agree(said, printed, exact=exact) or time.monotonic() >= until:
                return said
            time.sleep(0.1)

    def _run(self, command: str) -> str:
        if found := re.fullmatch(r"echo '(.*)' \| socat - UNIX-CONNECT:(\S+)", command):
            return self._ask(found[1], self.directory / found[2])
        shell = re.search(r"[|<>;*&$]|^(?!cmi-switch )", re.sub(r"'[^']*'", "", command)) is not None
        if self._in_process and not shell:
            return self._invoke(shlex.split(command)[1:])
        done = subprocess.run(
            ["bash", "-c", command], check=False, cwd=self.directory, env=self._environment, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
        )  # fmt: skip
        return done.stdout

    def _invoke(self, arguments: list[str]) -> str:
        """A command of ours in this process, for which the shipped network is the one on free ports."""
        with pytest.MonkeyPatch.context() as patch:
            patch.chdir(self.directory)
            patch.setattr("switch.config.load.SHIPPED", self.directory / "specs" / "networks")
            result = CliRunner().invoke(main, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit), result.output
        return result.output

    def _ask(self, line: str, path: Path) -> str:
        """What socat would print, which is not installed everywhere."""
        with socket.socket(socket.AF_UNIX) as sock:
            sock.connect(str(path))
            sock.sendall(line.encode() + b"\n")
            return sock.makefile().readline()

    def start(self, command: str) -> str:
        """Start a command in the background; what it has said once it is ready."""
        name = self.directory / f"{len(self._jobs) + 1}.out"
        ready = name.with_suffix(".ready.json")
        with name.open("wb") as file:
            process = start(
                ["bash", "-c", f"exec {command}"], cwd=self.directory, env={**self._environment, "READY": str(ready)},
                stdin=subprocess.DEVNULL, stdout=file, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self._jobs.append((process, name))
        wait_ready(ready, process)
        return name.read_text()

    def _end(self, command: str) -> str:
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
