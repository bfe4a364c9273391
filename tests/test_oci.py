"""The recipe of the container image, taken step by step without a container engine: in a directory that stands for its root.

What is not played: the base image (this machine's Python is in its place), the second user's rights, layers. What is: that the
recipe copies what its context has and nothing else, that each of its commands works, and that what it makes starts, is asked for
its health, reads its file again and stops as the recipe says.
"""

import json
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from switch.loopback import on_free_ports
from tests.e2e.stage import wait_for

ROOT = Path(__file__).parent.parent
OCI = ROOT / "deploy" / "oci"
HOMES = ("/opt/cmi-switch", "/var/lib/cmi-switch", "/etc/cmi-switch")
"""places of the image that are below the directory here"""


class Image:
    """A Dockerfile of two stages, and the directory that stands for the root of both."""

    def __init__(self, root: Path) -> None:
        self.root = root
        text = re.sub(r"(?m)^#.*\n", "", (OCI / "Dockerfile").read_text()).replace("\\\n", " ")
        self.steps = [(step.split(maxsplit=1)[0], step.split(maxsplit=1)[1]) for step in text.splitlines() if step]
        self.workdir = root
        bin_ = root / "usr" / "bin"
        bin_.mkdir(parents=True)
        (bin_ / "python").symlink_to(shutil.which("python3") or "python3")
        self.environment = {**os.environ, "PATH": f"{bin_}:{os.environ['PATH']}"}

    def value(self, instruction: str) -> str:
        """Of the last step of this kind."""
        return [said for name, said in self.steps if name == instruction][-1]

    def here(self, text: str) -> str:
        """The image's places, as they are here."""
        for home in HOMES:
            text = re.sub(rf"(?<![\w.]){home}", str(self.root) + home, text)
        return text

    def run(self, command: str) -> None:
        """A RUN, in its directory."""
        done = self.sh(command)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"

    def sh(self, command: str) -> "subprocess.CompletedProcess[str]":
        command = self.here(command)
        return subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self.workdir,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def build(self, context: Path) -> None:
        """All steps, those that need another user but checked."""
        for name, said in self.steps:
            if name == "WORKDIR":
                self.workdir = Path(self.here(said)) if said.startswith(HOMES) else self.root / said.lstrip("/")
                self.workdir.mkdir(parents=True, exist_ok=True)
            elif name == "COPY" and "--from=" not in said:
                *sources, to = said.split()
                for source in sources:
                    copy = shutil.copytree if (context / source).is_dir() else shutil.copy
                    target = self.workdir / to
                    copy(context / source, target if to != "./" else self.workdir)
            elif name == "RUN" and "useradd" in said:
                added, made = said.split("&&")
                (self.root / "etc").mkdir(exist_ok=True)
                for file in ("passwd", "group", "shadow", "gshadow"):
                    (self.root / "etc" / file).touch()
                subprocess.run(added.replace("useradd", f"useradd --prefix {self.root}"), shell=True, check=True)
                self.run(re.sub(r"-[og] \S+ ", "", made))
            elif name == "RUN":
                self.run(said)
            elif name == "ENV":
                pairs = dict(pair.split("=", 1) for pair in self.here(said).split())
                self.environment |= {k: v.replace("$PATH", self.environment["PATH"]) for k, v in pairs.items()}


def context_of(directory: Path) -> Path:
    """What is sent to whoever builds, by the file that says what is not: all but what it brings back."""
    kept = [line[1:] for line in (OCI / "Dockerfile.dockerignore").read_text().splitlines() if line.startswith("!")]
    for name in kept:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, directory / name, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy(source, directory / name)
    return directory


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Image:
    made = Image(tmp_path_factory.mktemp("image"))
    made.build(context_of(tmp_path_factory.mktemp("context")))
    return made


@pytest.mark.outside("useradd")
def test_the_image_runs_as_a_user_of_its_own_and_ships_no_tests(image: Image) -> None:
    user = image.value("USER")
    (line,) = [x for x in (image.root / "etc" / "passwd").read_text().splitlines() if x.startswith(f"{user}:")]
    assert line.split(":")[2] != "0"
    assert line.endswith("nologin")
    assert image.value("VOLUME") == line.split(":")[5] == HOMES[1]
    assert (image.root / HOMES[1][1:]).stat().st_mode & 0o777 == 0o700
    assert not list((image.root / "opt").rglob("test_tidy.py"))


@pytest.mark.outside("useradd")
def test_what_the_recipe_makes_serves_says_its_health_reads_its_file_again_and_stops(image: Image) -> None:
    home = image.root / HOMES[2][1:]
    home.mkdir(parents=True)
    (home / "network.toml").write_text(on_free_ports((ROOT / "specs/networks/morocco.toml").read_text()))
    entry = [image.here(part) for part in (*json.loads(image.value("ENTRYPOINT")), *json.loads(image.value("CMD")))]
    cwd = image.here(image.value("WORKDIR"))
    health = image.value("HEALTHCHECK").partition("CMD ")[2]
    assert image.sh(health).returncode != 0, "nothing runs yet"
    with (image.root / "out").open("w") as out:
        switch = subprocess.Popen(entry, cwd=cwd, env=image.environment, stdout=out, stderr=subprocess.STDOUT)
    try:
        said = image.root / "out"
        wait_for(lambda: "Ready: morocco" in said.read_text(), 30)
        assert image.sh(health).returncode != 0, "no host is up: payments are declined"
        issuer = [entry[0], "issuer", "atlas", "--network", str(home / "network.toml")]
        with (image.root / "issuer").open("w") as out:
            bank = subprocess.Popen(issuer, cwd=cwd, env=image.environment, stdout=out, stderr=subprocess.STDOUT)
        wait_for(lambda: image.sh(health).returncode == 0, 30)
        switch.send_signal(signal.SIGHUP)
        log = image.root / "var/lib/cmi-switch/switch/hops.jsonl"
        wait_for(lambda: "network.reload" in log.read_text(), 10)
        bank.kill()
        bank.wait()
        switch.send_signal(getattr(signal, image.value("STOPSIGNAL")))
        assert switch.wait(30) == 0
    finally:
        switch.kill()
