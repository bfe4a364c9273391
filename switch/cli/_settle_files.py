"""Settlement files on the disk: whole or not there, the same when made again, and one form of instruction a window."""

import errno
import fcntl
import filecmp
import hashlib
import os
import tempfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final

import click

from switch.journal.copying import sync_directory
from switch.journal.marks import INSTRUCTED, MARKS
from switch.security.files import let_be_read, make_private_directory

if TYPE_CHECKING:
    from switch.cli._settle_entries import Collected, SettledWindow
    from switch.core.network import Network
    from switch.ledger.netting import Settlement

INSTRUCTIONS: Final = ("pacs.029", "pacs.009")
"""the same money: a window is in one of them"""
BOOKINGS: Final = ("camt.053", "camt.054")
ENTRY_FORMS: Final = ("clearing", "ipm")
"""they have a line an entry"""
FORMS: Final = (*INSTRUCTIONS, *BOOKINGS, "clearing", "networks", "ipm")
_BLOCK: Final = 1 << 20
_PART: Final = ".part"


class Drafts:
    """Files under names of their own, until all of them are whole. Methods raise OSError."""

    def __init__(self, out: Path, *, private: bool = False) -> None:
        """`private`: they and their directory are their owner's alone."""
        self._out, self._private = out, private
        self._open: dict[str, BinaryIO] = {}
        self.digests: dict[str, str] = {}
        """SHA-256 of each that is whole, as it is on the disk"""
        self.made: dict[str, str] = {}
        """SHA-256 of what each is to be"""

    def begin(self, name: str) -> Callable[[bytes], object]:
        """What takes the bytes of a file."""
        if self._private:
            make_private_directory(self._out)
        self._out.mkdir(parents=True, exist_ok=True)
        while True:
            handle, path = tempfile.mkstemp(prefix=f".{name}.", suffix=_PART, dir=self._out)
            os.close(handle)
            file = self._open[name] = open(path, "r+b")  # noqa: SIM115 - closed by `discard`
            if not _lock(file) or os.fstat(file.fileno()).st_nlink:  # else another run has just swept it away
                return file.write
            file.close()

    def put(self, name: str, data: bytes) -> None:
        """All of a file."""
        self.begin(name)(data)
        self.made[name] = hashlib.sha256(data).hexdigest()

    def finish(self) -> None:
        """All are whole, and on the disk."""
        for name, file in sorted(self._open.items()):
            file.flush()
            os.fsync(file.fileno())
            if not self._private:
                let_be_read(file.name)
            file.seek(0)
            digest = hashlib.sha256()
            while block := file.read(_BLOCK):
                digest.update(block)
            self.digests[name] = digest.hexdigest()
            if self.digests[name] != self.made.get(name, self.digests[name]):
                raise OSError(errno.EIO, "what was read back is not what was written", file.name)

    def differing(self) -> list[Path]:
        """Files that are there already, and say something else."""
        paths = ((self._out / name, file) for name, file in sorted(self._open.items()))
        return [path for path, file in paths if path.exists() and not filecmp.cmp(path, file.name, shallow=False)]

    def name_all(self) -> Iterator[tuple[Path, int, bool]]:
        """Give them their names; path, bytes, and whether it is new: one that was there stays as it is."""
        for name, file in sorted(self._open.items()):
            path, new = self._out / name, True
            try:
                os.link(file.name, path)  # unlike a rename, refused where another run was first
            except FileExistsError:
                new = False
            yield path, os.path.getsize(file.name), new
        if self._open:
            sync_directory(self._out)

    def discard(self) -> None:
        """What has not got its name is gone."""
        for file in self._open.values():
            file.close()
            with suppress(FileNotFoundError):
                os.unlink(file.name)


def _lock(file: BinaryIO) -> bool:
    """Take it for this process, until it is closed or the process ends. False: another has it, or there are no locks here."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def sweep(directory: Path) -> int:
    """Remove the drafts of runs that were killed, which nobody has locked any more; how many there were."""
    swept = 0
    for path in directory.glob(f".*{_PART}"):
        with suppress(OSError), path.open("rb") as file:
            if _lock(file):
                path.unlink()
                swept += 1
    return swept


@contextmanager
def _drafts(out: Path, *, private: bool = False) -> Iterator[Drafts]:
    """Files in the making, which go where something fails; `private`: see Drafts. ClickException: one of them cannot be made."""
    from switch.ledger.clearing import ClearingError
    from switch.ledger.ipm import IpmError
    from switch.ledger.iso20022 import InstructionError

    drafts, left = Drafts(out, private=private), sweep(out)
    if left:
        click.echo(f"note: removed {left} hidden drafts from {out} that a run which was killed has left", err=True)
    try:
        yield drafts
    except (InstructionError, ClearingError, IpmError) as error:
        raise click.ClickException(str(error)) from None
    finally:
        drafts.discard()


def write(forms: Collection[str], out: Path, settled: "SettledWindow", collected: "Collected | None" = None) -> None:
    """Write the files of these forms (`FORMS`) for a closed window into `out`, and say which.

    `collected`: has been shown the ledger's entries, which are not to be asked for any more.
    ClickException: the window is open or not whole, cannot be instructed, or was in the other form; or a file is there already
    and says something else. Then there is none more than before.
    """
    _refuse_unsettled(settled)
    unpriced = sum(found.payments for found in settled.ledger.unpriced(settled.window))
    if unpriced:
        click.echo(f"note: {unpriced} of its payments have no price, and are in it without fees", err=True)
    try:
        with _drafts(out) as drafts:
            _draft(forms, drafts, settled, collected)
            for path in drafts.differing():
                raise click.ClickException(
                    f"{path} is there already and says something else: the network file, or the file itself, has changed since. "
                    "Find out which of them is right; if the file was not sent, move it away and settle again"
                )
            _mark(settled, drafts)
            for path, size, new in drafts.name_all():
                click.echo(f"{path}: {size:,} bytes{'' if new else ', as it was'}")
    except OSError as error:
        raise click.ClickException(
            f"{error.filename or out}: {error.strerror or error}; `settle` again writes what is missing"
        ) from None


def make(forms: Collection[str], out: Path, settled: "SettledWindow") -> list[str]:
    """The files of these forms in an empty directory of the caller's own; their names. ClickException as `write`."""
    _refuse_unsettled(settled)
    with _drafts(out) as drafts:
        _draft(forms, drafts, settled)
        return [path.name for path, _, _ in drafts.name_all()]


def _draft(
    forms: Collection[str], drafts: Drafts, settled: "SettledWindow", collected: "Collected | None" = None
) -> None:
    """All of these forms' files, whole, without their names."""
    from switch.cli._settle_entries import write_entry_files
    from switch.ledger.bilateral import bilateral_files

    for form in forms:
        if form in INSTRUCTIONS:
            _instruct(form, drafts, settled)
        elif form in BOOKINGS:
            _book(form, drafts, settled)
        elif form == "networks":
            for name, data in bilateral_files(settled.settlement).items():
                drafts.put(name, data)
    if collected is not None:
        drafts.made |= collected.end(settled.settlement, drafts.begin)
    elif any(form in ENTRY_FORMS for form in forms):
        drafts.made |= write_entry_files(forms, settled, drafts.begin)
    drafts.finish()


def _refuse_unsettled(settled: "SettledWindow") -> None:
    window, ledger = settled.window, settled.ledger
    if ledger.closed_as(window) is None:
        raise click.ClickException(f"window {window} is open: what it comes to is known when it is closed")
    if not ledger.whole(window):
        raise click.ClickException(
            f"window {window} is not whole: the ledger was built from a journal that was pruned, and what began the window was "
            "not in it any more; settle it from a backup of the journal that has it"
        )


def _bics(network: "Network") -> dict[str, str]:
    """Who is who to the settlement system, by name."""
    from switch.ledger.entries import SWITCH

    bics = {m.name: m.bic for m in network.members}
    return {h.name: bics[h.member] for h in network.hosts if h.member} | bics | network.payees | {SWITCH: network.bic}


def not_instructed(network: "Network", settlement: "Settlement") -> "Iterator[tuple[str, int, str]]":
    """Who has a net in the window that is in no instruction, since it has no BIC: name, minor units, numeric currency."""
    bics = _bics(network)
    for netted in settlement.net:
        for position in netted.positions:
            if position.net and not bics.get(position.party):
                yield position.party, position.net, netted.currency


def _book(form: str, drafts: Drafts, settled: "SettledWindow") -> None:
    """A statement, or a notification where anything is booked, of each member in each currency of the net."""
    from switch.ledger.bookings import CAMT_054, Booking, booking_document
    from switch.ledger.clearing import file_name
    from switch.ledger.entries import SWITCH
    from switch.ledger.instructions import bic_of
    from switch.money.currency import currency

    bics, window = _bics(settled.network), settled.window
    before = [closed.window for closed in settled.ledger.closed]
    before = before[: before.index(window)]
    opening: dict[tuple[str, str], int] = {}
    for earlier in before:
        for netted in settled.settle(earlier).net:
            for position in netted.positions:
                at = position.party, netted.currency
                opening[at] = opening.get(at, 0) + position.net
    closed = settled.ledger.closed_as(window)
    assert closed is not None
    for netted in settled.settlement.net:
        for position in netted.positions:
            if position.party == SWITCH or (form == CAMT_054 and not position.net):
                continue
            booking = Booking(
                window=window,
                closed_us=closed.at_us,
                currency=netted.currency,
                bic=bic_of(position.party, bics),
                servicer=bic_of(SWITCH, bics),
                number=len(before) + 1,
                opening=opening.get((position.party, netted.currency), 0),
                net=position.net,
                payments=file_name(window, position.party, netted.currency),
            )
            alpha = currency(netted.currency).alpha
            name = f"{window.day}-{window.number}.{position.party}.{alpha}.{form}.xml"
            drafts.put(name, booking_document(form, booking))


def _instruct(form: str, drafts: Drafts, settled: "SettledWindow") -> None:
    """One document a currency in which anything moves. InstructionError: there can be none."""
    from switch.ledger.instructions import document, instruct
    from switch.money.currency import currency

    bics = _bics(settled.network)
    window, closed = settled.window, settled.ledger.closed_as(settled.window)
    assert closed is not None
    moving = [netted for netted in settled.settlement.net if netted.moved]
    for netted in moving:
        one = instruct(netted, window, closed.at_us, bics)
        name = f"{window.day}-{window.number}.{currency(one.currency).alpha}.{form}.xml"
        drafts.put(name, document(form, one))
    if not moving:
        click.echo(f"window {window}: all nets are zero, so there is nothing to instruct")


def _mark(settled: "SettledWindow", drafts: Drafts) -> None:
    """Keep, beside the journal, how a window is instructed, before a document of it has its name: the form, and each one's
    SHA-256. So the other form, and the same one with other amounts, are refused wherever files go.

    ClickException: it was instructed otherwise, or that cannot be kept. OSError: the disk.
    """
    window = settled.window
    made = {
        name: digest
        for name, digest in drafts.digests.items()
        if name.endswith(".xml") and _form_of(name) in INSTRUCTIONS
    }
    if not made:
        return
    form = _form_of(next(iter(made)))
    text = "".join([f"{form}\n", *(f"{digest}  {name}\n" for name, digest in sorted(made.items()))])
    directory = settled.state_dir / MARKS
    mark = directory / f"{window.day}-{window.number}{INSTRUCTED}"
    with _drafts(directory, private=True) as kept:
        kept.put(mark.name, text.encode())
        kept.finish()
        list(kept.name_all())
    was = mark.read_text(encoding="utf-8", errors="replace")
    before, _, _ = was.partition("\n")
    if before != form:
        raise click.ClickException(
            f"window {window} is instructed as {before} already ({mark}): {form} would move the same money once more"
        )
    if was != text:
        raise click.ClickException(
            f"window {window} is instructed as {form} already, with another document than this one ({mark} has its SHA-256): the "
            "network file has changed since. Send the one that was made then"
        )


def _form_of(name: str) -> str:
    """`2026-11-27-1.MAD.pacs.029.xml` -> `pacs.029`."""
    return ".".join(name.split(".")[-3:-1])
