"""The journals of a network that is divided into shards: where they are, and whether they are all there.

In: a state directory, a switch's own or the one that has those of a network's shards below it. Out: directories of journals. What
is asked of several at once is put together by who asks (`reports`, `ledgers`): transactions are told apart by their numbers,
whose last bits are the shard's.
"""

from pathlib import Path
from typing import Final

from switch.core.network import Network
from switch.core.records.numbers import shard_of
from switch.journal.log import JournalError
from switch.journal.recovery import journal_directory

_RECORDS: Final = 10**12
"""more than one journal has"""


def journals_of(state_dir: Path | str) -> tuple[Path, ...]:
    """The state directories whose journals `state_dir` means: its own, or those of the shards below it, by name.

    Where there is no journal at all it is `state_dir`, of which who opens it says so.
    """
    own = Path(state_dir)
    if Path(journal_directory(own)).is_dir():
        return (own,)
    below = sorted(one for one in own.glob("*") if Path(journal_directory(one)).is_dir())
    return tuple(below) or (own,)


def check_whole(state_dir: Path | str, network: Network) -> None:
    """JournalError: not each of the network's shards has its journal in `state_dir`, or one is there that is none of theirs: what
    is added up of them would lack money, or have it twice. Without shards there is nothing to look at."""
    shards = [shard.name for shard in network.shards]
    if not shards:
        return
    own = Path(state_dir)
    found = {one.name for one in journals_of(own) if one != own}
    if not found:
        raise JournalError(
            f"{own} is not the directory of the network's shards ({', '.join(shards)}): one of them has a part of it; "
            "name the directory that has theirs below it with --state"
        )
    for name in sorted(set(shards) - found):
        raise JournalError(
            f"shard {name} has no journal in {own / name}: what the network comes to is known with all of them; bring it there, "
            "from the machine that has it"
        )
    for name in sorted(found - set(shards)):
        raise JournalError(
            f"{own / name} has a journal, and is no shard of the network: move it away, it would count too; but what it owes "
            "nobody sends then: put the shard back into the file first, until `cmi-switch saf list` is empty"
        )


def numbered(sequence: int, txn: int) -> int:
    """A record's number that no other shard has: of shard 2 it is 2,000,000,001,234 for 1,234; 0 stays.

    `txn`: a transaction of that shard.
    """
    return sequence + shard_of(txn) * _RECORDS if sequence else 0
