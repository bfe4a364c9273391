"""Who may read and write files: those that nobody but their owner may, whatever the umask (journal, index, logs, captures,
backups, keys), and what any command writes."""

import errno
import os
import stat
from pathlib import Path
from typing import Final

FILE_MODE: Final = 0o600
DIRECTORY_MODE: Final = 0o700
READABLE_MODE: Final = 0o644
OTHERS_WRITE: Final = 0o002
PRIVATE_UMASK: Final = 0o077
"""for a whole process whose libraries make files of their own (SQLite's, beside a database)"""


def make_private_directory(path: Path | str) -> None:
    """The directory and those above it, where they are missing. One that is there stays as it is: it may be shared on purpose."""
    path = Path(path)
    missing = [level for level in (path, *path.parents) if not level.exists()]
    for level in reversed(missing):
        level.mkdir(mode=DIRECTORY_MODE, exist_ok=True)
        level.chmod(DIRECTORY_MODE)
    if not missing:
        path.mkdir(exist_ok=True)  # FileExistsError: it is a file


def keep_others_from_writing() -> None:
    """No file or directory that this process makes from now on can be written by everybody, whatever its umask was."""
    before = os.umask(PRIVATE_UMASK)
    os.umask(before | OTHERS_WRITE)


def let_be_read(path: Path | str) -> None:
    """Give a file that was made for its owner alone, until it was whole, the mode of any file that a command writes: 0644, less
    what the umask takes. Raises OSError."""
    umask = os.umask(PRIVATE_UMASK)
    os.umask(umask)
    os.chmod(path, READABLE_MODE & ~umask)


def open_private(path: Path | str, flags: int) -> int:
    """A descriptor of the file, made where it is missing. A regular file that others could read, as one of an older release,
    can be read by them no more."""
    handle = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC, FILE_MODE)
    there = os.fstat(handle)
    if _is_ours(there) and there.st_mode & 0o777 != FILE_MODE:
        os.fchmod(handle, FILE_MODE)
    return handle


def write_whole(path: Path, data: bytes, *, fresh: bool = False) -> None:
    """The file with this content (mode 0600), in place of any before, on the disk before it has its name: whoever reads it, at
    whatever moment, has all of one or all of the other. `fresh`: FileExistsError where there is one, which stays. Raises OSError,
    and leaves nothing of what could not be written."""
    make_private_directory(path.parent)
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with open(open_private(draft, os.O_WRONLY | os.O_TRUNC), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if fresh:
            _name_new(draft, path)
        else:
            os.replace(draft, path)
    finally:
        draft.unlink(missing_ok=True)
    directory = os.open(path.parent, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _name_new(draft: Path, path: Path) -> None:
    """Give a file a name that no other has. FileExistsError: one has."""
    try:
        os.link(draft, path)
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOTSUP):
            raise
        if path.exists():  # a disk without hard links, as a stick that a master key is kept on
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(path)) from None
        os.rename(draft, path)


def open_regular(path: Path | str) -> int:
    """A descriptor of a file that is there, to read it. Raises OSError; so for a FIFO (its reader might wait for ever), a device
    or a directory."""
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(handle).st_mode):
        return handle
    os.close(handle)
    raise OSError(errno.EINVAL, "is no regular file", str(path))


def _is_ours(there: os.stat_result) -> bool:
    """A regular file of this user: the mode of anything else (/dev/null, another's file) is not ours to change."""
    return stat.S_ISREG(there.st_mode) and there.st_uid == os.geteuid()
