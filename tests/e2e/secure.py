"""A stage whose acquirers and hosts have TLS, with certificates made as a newcomer would make them."""

import re
import subprocess
import sys
from collections.abc import Collection
from pathlib import Path

from click.testing import CliRunner

from switch.cli.main import main
from switch.config import load_network
from tests.e2e.stage import Stage

MEMBERS = ("atlas", "rif", "souss")
HOSTS = (*MEMBERS, "visa", "mastercard")


def cmi_switch(*arguments: object) -> subprocess.CompletedProcess[str]:
    """One command, to its end."""
    command = [sys.executable, "-m", "switch.cli.main", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def with_tls(stage: Stage, edged: Collection[str] = (), days: int = 90) -> Path:
    """Its network file has TLS from here on, for acquirers and to all hosts; an edge has that of the `edged` ones. Returns the
    directory of certificates, which end after so many `days`."""
    directory = stage.directory / "tls"
    made = CliRunner().invoke(
        main, ["certificates", "make", str(directory), "--network", str(stage.path), "--days", str(days)]
    )
    assert made.exit_code == 0, made.output
    own = f'certificate = "{directory}/switch.pem", key = "{directory}/switch.key", ca = "{directory}/ca.pem"'

    def at(name: str) -> str:
        return f'edge = "{stage.directory}/{name}.sock"\n' if name in edged else ""

    text = stage.path.read_text()
    text = re.sub(r'(\[\[listener\]\]\nname = "acquirers".*\n)', rf"\1tls = {{ {own} }}\n{at('acquirers')}", text)
    for name in MEMBERS:
        text = re.sub(
            rf'(\[\[member\]\]\nname = "{name}"\n)', rf'\1tls = {{ names = ["{name}.morocco.test"] }}\n', text
        )
    for name in HOSTS:
        tls = f'tls = {{ {own}, names = ["{name}.morocco.test"] }}'
        text = re.sub(rf'(\[\[host\]\]\nname = "{name}"\n)', rf"\1{tls}\n{at(name)}", text)
    stage.path.write_text(text)
    stage.network = load_network(str(stage.path), files=True)
    return directory
