"""Settlement files on the disk: whole or not there, the same when made again, and one form of instruction a window."""

import os
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from switch.core.network import Network
    from switch.journal.ledgers import LedgerView
    from switch.ledger.netting import Settlement


def write(form: str, out: Path, network: "Network", ledger: "LedgerView", settlement: "Settlement") -> None:
    """Write the files of `form` (pacs.029, pacs.009, clearing) for a closed window into `out`, and say which.

    ClickException: the window is open, cannot be instructed, or was in
    the other form; or a file is there already and says something else.
    """
    from switch.ledger.clearing import ClearingError, clearing_files
    from switch.ledger.instructions import InstructionError

    window = settlement.window
    closed = ledger.closed_as(window)
    if closed is None:
        raise click.ClickException(f"window {window} is open: what it comes to is known when it is closed")
    if not ledger.whole(window):
        raise click.ClickException(
            f"window {window} is not whole: the ledger was built from a journal that was pruned, and what began the window was "
            "not in it any more; settle it from a backup of the journal that has it"
        )
    parties = {p.party for netted in (*settlement.net, *settlement.bilateral) for p in netted.positions}
    members = [m.name for m in network.members]
    # An issuer whose payments were recorded without a price is known by its link's name.
    members += [h.name for h in network.hosts if h.member and h.name in parties and h.name not in members]
    try:
        if form == "clearing":
            files = clearing_files(settlement, ledger.entries(window), members, network.currency)
        else:
            files = _instructions(form, network, settlement, closed.at_us)
    except (InstructionError, ClearingError) as error:
        raise click.ClickException(str(error)) from None
    unpriced = sum(found.payments for found in ledger.unpriced(window))
    if unpriced:
        click.echo(f"note: {unpriced} of its payments have no price, and are in it without fees", err=True)
    if not files:
        click.echo(f"window {window}: all nets are zero, so there is nothing to instruct")
        return
    try:
        _write_all(form, out, settlement, files)
    except OSError as error:
        raise click.ClickException(f"{out}: {error.strerror or error}; `settle` again writes what is missing") from None


def _instructions(form: str, network: "Network", settlement: "Settlement", closed_us: int) -> dict[str, bytes]:
    """File name -> document: one a currency in which anything moves. InstructionError: there can be none."""
    from switch.ledger.entries import SWITCH
    from switch.ledger.instructions import document, instruct
    from switch.money.currency import currency

    bics = {m.name: m.bic for m in network.members}
    bics = {h.name: bics[h.member] for h in network.hosts if h.member} | bics | {SWITCH: network.bic}
    window = settlement.window
    made = [instruct(netted, window, closed_us, bics) for netted in settlement.net if netted.moved]
    return {
        f"{window.day}-{window.number}.{currency(one.currency).alpha}.{form}.xml": document(form, one) for one in made
    }


def _write_all(form: str, out: Path, settlement: "Settlement", files: dict[str, bytes]) -> None:
    """All files, each said; before an instruction, which form it is of. OSError: the disk."""
    window = settlement.window
    out.mkdir(parents=True, exist_ok=True)
    if form != "clearing":
        mark = out / f"{window.day}-{window.number}.instructed"
        _write(mark, f"{form}\n".encode())
        was = mark.read_text(encoding="utf-8", errors="replace").strip()
        if was != form:
            raise click.ClickException(
                f"window {window} is instructed as {was} already ({mark}): {form} would move the same money once more"
            )
    for name, data in files.items():
        path = out / name
        written = _write(path, data)
        if not written and path.read_bytes() != data:
            raise click.ClickException(
                f"{path} is there already and says something else: the network file, or the file itself, has changed since. "
                "Find out which of them is right; if the file was not sent, move it away and settle again"
            )
        click.echo(f"{path}: {len(data):,} bytes{'' if written else ', as it was'}")


def _write(path: Path, data: bytes) -> bool:
    """Write it aside, and name it when it is on the disk; False: there is a file of this name, which stays as it is."""
    if path.exists():
        return False
    draft, aside = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with open(draft, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(aside, 0o644)  # as any file that a command writes
        os.link(aside, path)  # unlike a rename, refused where another run was first
    except FileExistsError:
        return False
    finally:
        os.unlink(aside)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return True
