"""What no command foresaw ends as a sentence; what can be no file's name is no file;
what is no command is answered with the nearest one."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from switch.cli import cards
from switch.cli._files import written_whole
from switch.cli.main import main
from switch.shipped import shipped


@pytest.fixture
def defect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """`cmi-switch cards` breaks in a way nobody foresaw."""

    @click.command()
    def command() -> None:
        raise ExceptionGroup("several", [KeyError("unforeseen")])

    monkeypatch.setattr(cards, "command", command)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    return tmp_path


def test_an_unforeseen_error_is_a_sentence_and_its_traceback_a_file(defect: Path) -> None:
    result = CliRunner().invoke(main, ["cards"])
    assert result.exit_code == 70
    assert result.output.startswith("Error: KeyError: 'unforeseen'\nThis is a defect of cmi-switch")
    assert "Traceback" not in result.output
    (kept,) = defect.glob("cmi-switch-defect-*.txt")
    assert str(kept) in result.output
    assert "in command" in kept.read_text()


SECRETS = ("4000001234567899", "0123456789ABCDEFFEDCBA9876543210", "FEDCBAFEDCBAFEDC", "4907", "xab", "kzPq")
LETTERS = b"\xab\xcd'kzPq\xfe"
"""a key whose bytes are shown without a digit"""


def test_what_an_unforeseen_error_says_of_cards_and_keys_is_in_no_file_and_on_no_screen(
    defect: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card, key, letters, pin, *_ = SECRETS

    @click.command()
    def command() -> None:
        try:
            raise KeyError(card)
        except KeyError as error:
            error.add_note(f"the PIN was {pin}")
            inner = [
                ValueError(f"no such card: {card}"),
                ValueError(f"a key of {key}, {letters}"),
                ValueError(f"{LETTERS!r}"),
            ]
            raise ExceptionGroup(f"several of {card}", inner) from error

    monkeypatch.setattr(cards, "command", command)
    output = CliRunner().invoke(main, ["cards"]).output
    (kept,) = defect.glob("cmi-switch-defect-*.txt")
    text = kept.read_text()
    assert not [secret for secret in SECRETS if secret in output.replace(str(kept), "") or secret in text]
    assert "no such card: #" in output
    assert text.count("in command") == 2, "of the cause, and of what it led to"
    assert [text.count(kind) for kind in ("KeyError: ", "ExceptionGroup: ", "ValueError: ")] == [1, 1, 3]
    assert kept.stat().st_mode & 0o777 == 0o600


def test_no_file_of_a_command_can_be_written_by_others_whatever_the_umask(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    @click.command()
    def command() -> None:
        (tmp_path / "plain").write_text("as most commands write")
        with written_whole(tmp_path / "new" / "whole") as file:
            file.write("as statements are")

    monkeypatch.setattr(cards, "command", command)
    modes = {}
    for umask in (0, 0o002, 0o022, 0o077):
        before = os.umask(umask)
        try:
            CliRunner().invoke(main, ["cards"], catch_exceptions=False)
        finally:
            os.umask(before)
        paths = [tmp_path / name for name in ("plain", "new/whole", "new")]
        modes[umask] = [f"{path.stat().st_mode & 0o777:o}" for path in paths]
        shutil.rmtree(tmp_path / "new")
        (tmp_path / "plain").unlink()
    assert modes == {
        0: ["664", "644", "775"],
        0o002: ["664", "644", "775"],
        0o022: ["644", "644", "755"],
        0o077: ["600", "600", "700"],
    }


def test_where_the_traceback_cannot_be_kept_that_is_said(defect: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(defect / "gone"))
    assert "could not be kept (No such file or directory)" in CliRunner().invoke(main, ["cards"]).output


@pytest.mark.parametrize("command", ["decode", "doctor"])
def test_a_message_longer_than_a_name_may_be_is_no_file(command: str) -> None:
    message = b"0800" + b"8220000000000000" + b"0400000000000000" + b"1125120000" + b"000001" + b"301"
    padded = message + b"0" * 200
    assert len(padded.hex()) > 255
    result = CliRunner().invoke(main, [command, padded.hex(), "--dialect", "cmi87"])
    assert result.exit_code in (0, 1, 2)
    assert "name too long" not in result.output


@pytest.mark.parametrize(
    ("command", "said"),
    [("check", "no shipped network"), ("dialect show", "no dialect of this name"), ("settle", "no shipped network")],
)
def test_a_name_longer_than_a_file_may_have_is_unknown(command: str, said: str) -> None:
    result = CliRunner().invoke(main, [*command.split(), "x" * 5_000])
    assert result.exit_code in (1, 2)
    assert said in result.output


def test_a_terminal_that_lacks_characters_gets_question_marks() -> None:
    told = subprocess.run(
        [sys.executable, "-m", "switch.cli.main", "decode", "--help"],
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (told.returncode, told.stderr) == (0, "")
    assert "?" in told.stdout


@pytest.mark.parametrize("option", ["--state", "--log", "--capture"])
def test_where_a_switch_is_to_keep_its_files_is_utf8(option: str) -> None:
    result = CliRunner().invoke(main, ["serve", option, os.fsdecode(b"\xe9tat")])
    assert (result.exit_code, result.output.splitlines()[-1]) == (
        2,
        f"Error: Invalid value for {option}: \\xe9tat is no UTF-8: give a path that is",
    )


@pytest.mark.parametrize(
    ("typed", "said"),
    [("statemnt", "No such command 'statemnt'. Did you mean 'statement'?"), ("mux", "No such command 'mux'.")],
)
def test_a_command_that_is_mistyped_is_answered_with_the_nearest(typed: str, said: str) -> None:
    result = CliRunner().invoke(main, [typed])
    assert (result.exit_code, result.output.splitlines()[-1]) == (2, f"Error: {said}")


def test_help_of_dialects_names_all_that_are_shipped() -> None:
    said = CliRunner().invoke(main, ["dialect", "--help"]).output
    assert all(path.stem in said for path in shipped("dialects").glob("*.json"))


@pytest.mark.parametrize(("command", "file"), [("journal list", "journal"), ("audit verify", "audit.log")])
def test_where_no_switch_has_run_that_is_said_with_what_would_be_there(
    command: str, file: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(main, command.split())
    assert (result.exit_code, result.output.startswith(f"Error: var/morocco/{file}: no ")) == (1, True), result.output
    assert "--state names the switch's state directory" in result.output
