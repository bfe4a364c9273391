"""A stage whose acquirers and hosts have TLS, with certificates made as a newcomer would make them."""

import re
import subprocess
import sys
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


def with_tls(stage: Stage, *, hosts: bool = True) -> Path:
    """Its network file has TLS from here on, for acquirers and (`hosts`) to all hosts. Returns the certificates' directory."""
    directory = stage.directory / "tls"
    made = CliRunner().invoke(main, ["certificates", "make", str(directory), "--network", str(stage.path)])
    assert made.exit_code == 0, made.output
    own = f'certificate = "{directory}/switch.pem", key = "{directory}/switch.key", ca = "{directory}/ca.pem"'
    text = stage.path.read_text()
    text = re.sub(r'(\[\[listener\]\]\nname = "acquirers".*\n)', rf"\1tls = {{ {own} }}\n", text)
    for name in MEMBERS:
        text = re.sub(
            rf'(\[\[member\]\]\nname = "{name}"\n)', rf'\1tls = {{ names = ["{name}.morocco.test"] }}\n', text
        )
    for name in HOSTS if hosts else ():
        tls = f'tls = {{ {own}, names = ["{name}.morocco.test"] }}'
        text = re.sub(rf'(\[\[host\]\]\nname = "{name}"\n)', rf"\1{tls}\n", text)
    stage.path.write_text(text)
    stage.network = load_network(str(stage.path), files=True)
    return directory
