"""docs/operating.md shows what happens: its commands run in their order against a running switch, and say what the page says."""

import re
import socket
import subprocess
import sys
from pathlib import Path

from tests.e2e.stage import Stage, wait_for

PAGE = (Path(__file__).parents[2] / "docs" / "operating.md").read_text()
ADDRESS = re.compile(r"127\.0\.0\.1:\d+")


def steps() -> list[tuple[str, str]]:
    """Each command of the page's console blocks, and what it says below it."""
    found = []
    for block in re.findall(r"```console\n(.*?)```", PAGE, re.DOTALL):
        for part in block.split("$ ")[1:]:
            command, _, output = part.partition("\n")
            found.append((command, output))
    return found


def plain(text: str) -> str:
    """Ports are the stage's own, and padding and rules are as wide as their columns."""
    return " ".join(re.sub("─+", "─", ADDRESS.sub("ADDRESS", text)).split())


def as_said(text: str) -> str:
    """A pattern of what the page shows: `…` is anything."""
    return re.escape(plain(text)).replace("…", ".*")


class Operator:
    """Someone who types the page's commands, in a stage's directory."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    def types(self, command: str) -> str:
        """What it prints."""
        if command.startswith("echo "):
            line = command.partition("'")[2].partition("'")[0]
            with socket.socket(socket.AF_UNIX) as sock:
                sock.connect(str(self._stage.state / "control.sock"))
                sock.sendall(line.encode() + b"\n")
                return sock.makefile().readline()
        program, *arguments = command.split()
        assert program == "cmi-switch"
        where = ["--network", str(self._stage.path)]
        if arguments[0] in ("links", "day", "health"):
            where = ["--state", str(self._stage.state)]
        code = "from switch.cli.main import main; main()"
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments, *where],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
            stdin=subprocess.DEVNULL,
        )
        return done.stdout + done.stderr


def test_the_page_shows_what_happens(tmp_path: Path) -> None:
    twice = Stage(tmp_path, {r'(name = "atlas"\nrole = "issuer"\n)': r"\1connections = 2\n"})
    try:
        twice.issuers()
        twice.serve()
        operator = Operator(twice)
        wait_for(lambda: "2 of 2" in operator.types("cmi-switch links list"))
        for command, output in steps():
            said = plain(operator.types(command))
            assert re.fullmatch(as_said(output), said), f"$ {command}\n{said}"
            if "resume" in command:
                twice.event("link.up", connections=2)
                wait_for(lambda: "2 of 2" in operator.types("cmi-switch links list"))
    finally:
        twice.close()
