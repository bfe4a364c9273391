"""What is made for installing: manual pages and completion in step with the commands, and the image's recipe."""

import re
import shlex
import subprocess
from pathlib import Path

import click
import pytest
from click.shell_completion import get_completion_class
from click.testing import CliRunner

from switch.cli._man import commands, page
from switch.cli.main import main
from switch.cli.manual import COMPLETIONS

ROOT = Path(__file__).parent.parent
EVERY = dict(commands(main, "cmi-switch"))
RECIPE = (ROOT / "deploy" / "oci" / "Dockerfile").read_text()
STEPS = re.sub(r"\\\n", " ", re.sub(r"(?m)^#.*\n", "", RECIPE)).splitlines()


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A prefix with all of it."""
    prefix = tmp_path_factory.mktemp("prefix")
    result = CliRunner().invoke(main, ["manual", str(prefix)])
    assert result.exit_code == 0, result.output
    return prefix


def plain(roff: str) -> str:
    """What a page says, without what it is laid out by."""
    said = re.sub(r"(?m)^\.[A-Za-z]+ ?", "", roff.replace("\\:", "").replace("\\-", "-").replace("\\&", ""))
    said = re.sub(r"\\\[u([0-9A-F]{4,6})\]", lambda found: chr(int(found[1], 16)), said)
    return re.sub(r"\\f.", "", said).replace("\\(rs", "\\")


def test_there_is_a_page_for_each_command_and_no_other(written: Path) -> None:
    names = {path.name for path in (written / "share" / "man" / "man1").iterdir()}
    assert names == {f"{name.replace(' ', '-')}.1" for name in EVERY}
    assert "cmi-switch-keys-list.1" in names


@pytest.mark.parametrize("name", EVERY)
def test_a_page_has_all_that_the_command_s_help_has(name: str, written: Path) -> None:
    said = plain((written / "share" / "man" / "man1" / f"{name.replace(' ', '-')}.1").read_text())
    command, context = EVERY[name].command, EVERY[name]
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        assert record is None or not record[1] or (record[0] in said and record[1] in said)
    words = " ".join((command.help or "").replace("\b", "").split())
    assert words in " ".join(said.split())
    if isinstance(command, click.Group):
        assert all(f"{name.replace(' ', '-')}-{below}" in said for below in command.list_commands(context))


def test_a_page_says_nothing_to_roff_by_accident() -> None:
    @click.command(help=".so /etc/passwd\n\n'quoted\n\nback\\slash")
    @click.option("--dots", help="...")
    def odd() -> None: ...

    lines = page("odd", click.Context(odd), "1", []).splitlines()
    assert not [line for line in lines if line.startswith((".so", "'", "..."))]
    assert "\\&.so /etc/passwd" in lines


@pytest.mark.outside("groff")
def test_roff_has_nothing_to_say_about_them(written: Path) -> None:
    pages = sorted(map(str, (written / "share" / "man" / "man1").iterdir()))
    done = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", *pages], capture_output=True, text=True, check=True)
    assert done.stderr == ""


@pytest.mark.parametrize("shell", COMPLETIONS)
def test_completion_is_there_for_each_shell_and_knows_the_commands(shell: str, written: Path) -> None:
    text = (written / COMPLETIONS[shell]).read_text()
    assert "_CMI_SWITCH_COMPLETE" in text
    kind = get_completion_class(shell)
    assert kind is not None
    found = kind(main, {}, "cmi-switch", "_CMI_SWITCH_COMPLETE").get_completions(["keys"], "l")
    assert [item.value for item in found] == ["list"]


@pytest.mark.outside("bash")
def test_bash_takes_the_completion(written: Path) -> None:
    script = f"source {shlex.quote(str(written / COMPLETIONS['bash']))} && complete -p cmi-switch"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False)
    assert "-F _cmi_switch_completion cmi-switch" in done.stdout, done.stderr


def test_a_place_that_cannot_be_written_to_is_said(tmp_path: Path) -> None:
    (tmp_path / "share").write_text("a file")
    result = CliRunner().invoke(main, ["manual", str(tmp_path)])
    assert (result.exit_code, "name a directory that you may write to" in result.output) == (1, True)


def test_the_image_is_made_of_what_is_there_and_of_hashed_packages() -> None:
    copied = [
        word for step in STEPS if step.startswith("COPY ") and "--from" not in step for word in step.split()[1:-1]
    ]
    assert copied
    for name in copied:
        assert (ROOT / name).exists(), name
    ignored = (ROOT / "deploy" / "oci" / "Dockerfile.dockerignore").read_text()
    assert {line[1:] for line in ignored.splitlines() if line.startswith("!")} == set(copied)
    runs = " ".join(step for step in STEPS if step.startswith("RUN "))
    installs = re.findall(r"pip install (.*?)(?:&&|RUN|$)", runs)
    assert [("--require-hashes" in one, "--no-deps" in one) for one in installs] == [(True, False), (False, True)]
    assert not re.search(r"\b(curl|wget|apt-get|git|http)\b", runs)
    assert [step for step in STEPS if step.startswith("USER ")] == ["USER cmi-switch"]


def test_the_image_runs_commands_that_there_are_with_options_that_they_have() -> None:
    (entry,) = (step for step in STEPS if step.startswith("CMD "))
    (health,) = (step for step in STEPS if step.startswith("HEALTHCHECK "))
    probe = health.partition("CMD ")[2].partition(";")[0].removeprefix("cmi-switch ")
    for arguments in (re.findall(r'"([^"]+)"', entry), probe.split()):
        result = CliRunner().invoke(main, [*arguments, "--help"])
        assert result.exit_code == 0, result.output
