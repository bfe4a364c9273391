"""What a payment leaves behind is its owner's alone, whatever the umask says."""

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.security.files import make_private_directory, open_private, open_regular, write_whole
from switch.security.lmk import LmkError, make_lmk, read_lmk


@pytest.fixture(autouse=True)
def _generous_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    os.close(open_private(tmp_path / "new", os.O_WRONLY))
    assert mode(tmp_path / "new") == 0o600


def test_a_file_that_an_older_release_left_open_to_all_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "old").write_bytes(b"kept")
    assert mode(tmp_path / "old") == 0o666
    os.close(open_private(tmp_path / "old", os.O_RDWR))
    assert (mode(tmp_path / "old"), (tmp_path / "old").read_bytes()) == (0o600, b"kept")


def test_what_is_no_file_keeps_its_mode() -> None:
    before = mode(Path(os.devnull))
    os.close(open_private(os.devnull, os.O_WRONLY))
    assert mode(Path(os.devnull)) == before


def test_directories_that_are_made_are_their_owners_alone_and_one_that_was_there_stays_as_it_was(
    tmp_path: Path,
) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    make_private_directory(shared / "var" / "morocco")
    make_private_directory(shared)
    assert [mode(shared / part) for part in ("var/morocco", "var", ".")] == [0o700, 0o700, 0o777]


def test_a_file_in_the_place_of_a_directory_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "var").touch()
    with pytest.raises(FileExistsError):
        make_private_directory(tmp_path / "var")


def test_what_is_no_file_is_not_opened_to_be_read_and_keeps_nobody_waiting(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (tmp_path / "fifo", tmp_path, Path(os.devnull)):
        with pytest.raises(OSError, match="is no regular file"):
            open_regular(path)
    with pytest.raises(FileNotFoundError):
        open_regular(tmp_path / "none")


def full_disk(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "new" / "file"
    write_whole(path, b"one")
    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full_disk)
        with pytest.raises(OSError, match="No space"):
            write_whole(path, b"two")
    assert path.read_bytes() == b"one"
    with pytest.raises(FileExistsError):
        write_whole(path, b"three", fresh=True)
    write_whole(path, b"four")
    assert (path.read_bytes(), os.listdir(path.parent)) == (b"four", ["file"])


def test_a_new_file_is_had_on_a_disk_without_hard_links_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    write_whole(tmp_path / "file", b"one", fresh=True)
    with pytest.raises(FileExistsError):
        write_whole(tmp_path / "file", b"two", fresh=True)
    assert ((tmp_path / "file").read_bytes(), os.listdir(tmp_path)) == (b"one", ["file"])


def test_a_master_key_that_did_not_fit_the_disk_can_be_made_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "lmk.key"
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", full_disk)
        with pytest.raises(LmkError, match="No space left"):
            make_lmk(path, bytes(32))
    assert not os.listdir(tmp_path), "half a key would stand in the way of a whole one"
    assert make_lmk(path, bytes(32)).check_value == read_lmk(path).check_value
    with pytest.raises(LmkError, match="File exists"):
        make_lmk(path, bytes(32))
