"""A copy of the journal beside it: made while the switch writes, brought up to date cheaply, and put back.

In: a state directory and a backup's directory. Out: `journal/` with the segments, `backup.json` that says what they hold,
`settlement/` with how windows were instructed, and the vault key where it is asked for. A backup is laid out as a
state directory, so that whatever reads one reads the other.

Rules. Every record is checked (CRC, number, hash chain) as it is copied. A file gets its name when it is whole, and the
manifest is written last: what it says holds after a crash at any moment. A backup only ever grows: a journal that is not the
backup's own one, gone on, is refused.
"""

import os
from collections.abc import Iterator
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from typing import Final

import msgspec

from switch.core.records.records import SCHEMA
from switch.journal.anchor import anchor_path, read_anchor
from switch.journal.copying import (
    PART_SUFFIX,
    Part,
    Progress,
    clear,
    copy,
    give_names,
    locked,
    os_errors,
    put,
    unwatched,
)
from switch.journal.keys import stored_chain_key, vault_key_path
from switch.journal.log import JournalError, Log, Segment, read_header, segments, written_segments
from switch.journal.marks import MARKS, copy_marks
from switch.journal.recovery import decode, journal_directory
from switch.security.files import make_private_directory

MANIFEST: Final = "backup.json"
KEY: Final = "vault.key"
_FORMAT: Final = 1
_STEP_BYTES: Final = 1 << 20


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What a backup holds: all records up to the last part's last."""

    format: int = _FORMAT
    network: str
    made_us: int
    """wall-clock µs"""
    last_at_us: int
    """of the last record: what came later is not in it"""
    parts: tuple[Part, ...]

    @property
    def last(self) -> Part:
        """The newest part."""
        return self.parts[-1]


class Made(msgspec.Struct, frozen=True):
    """What `backup` or `restore` did."""

    manifest: Manifest
    copied: tuple[Part, ...]
    """those written this time; the others were there and had not changed"""
    key: bool
    """the vault key lies with the copy"""
    marks: int = 0
    """windows of which the copy says how they were instructed"""


def backup(
    state_dir: Path | str, target: Path | str, now_us: int, *, with_key: bool = False, progress: Progress = unwatched
) -> Made:
    """Copy the journal of `state_dir` to `target`, or what it has more than the backup there. The switch may be running.

    `now_us`: wall-clock µs, for the manifest. Raises JournalError: no journal, damage, or a target that holds anything else.
    """
    source, place = journal_directory(state_dir), journal_directory(target)
    listed = written_segments(source)
    with os_errors(str(target)):
        make_private_directory(place)
        with locked(target):
            old = _earlier(target)
            made = _brought_up_to_date(old, listed, source, target, now_us, progress)
            if with_key:
                copy_key(vault_key_path(state_dir), Path(target) / KEY)
            marks = copy_marks(state_dir, target)
            give_names(place, made.copied)
            put(Path(target) / MANIFEST, msgspec.json.format(msgspec.json.encode(made.manifest), indent=1) + b"\n")
            clear(place, {p.name for p in made.manifest.parts})
    return msgspec.structs.replace(made, key=(Path(target) / KEY).exists(), marks=marks)


def _brought_up_to_date(
    old: Manifest | None, listed: list[Segment], source: str, target: Path | str, now_us: int, progress: Progress
) -> Made:
    """Drafts of what is new, and the manifest to be. Raises JournalError where they do not go on from what is there."""
    place = journal_directory(target)
    kept = _unchanged(listed, old, place)
    fresh = [s for s in listed if os.path.basename(s.path) not in kept]
    copied, network, last = copy(fresh, place, progress, stored_chain_key(Path(source).parent))
    if old is not None and network not in ("", old.network):
        raise JournalError(f"{target} is a backup of network {old.network!r}, not of {network!r}: give another DIR")
    if not copied and not kept:
        raise JournalError(f"{source}: the journal has no record yet: nothing to back up")
    before = [p for p in old.parts if p.last < listed[0].first] if old else []
    parts = (*before, *sorted([*kept.values(), *copied], key=lambda p: p.first))
    _check_continues(before, listed[0], target)
    _only_grows(old, parts, listed, target)
    _keep_anchor(parts[0], source, place)
    at_us = decode(*last).at_us if last else old.last_at_us if old else 0
    manifest = Manifest(network=network or (old.network if old else ""), made_us=now_us, last_at_us=at_us, parts=parts)
    return Made(manifest, tuple(copied), False)


def read_manifest(target: Path | str) -> Manifest:
    """What the backup says it holds. Raises JournalError where there is none, or a newer release made it."""
    path = Path(target) / MANIFEST
    try:
        manifest = msgspec.json.decode(path.read_bytes(), type=Manifest)
    except FileNotFoundError:
        raise JournalError(f"{target}: no backup here, or one that never finished ({MANIFEST} is missing)") from None
    except OSError as error:
        raise JournalError(f"{path}: cannot be read: {error.strerror}") from None
    except msgspec.MsgspecError as error:
        raise JournalError(f"{path}: is no backup's manifest: {error}") from None
    if not manifest.parts:
        raise JournalError(f"{path}: names no segment, so that there is nothing to restore: use another backup")
    if manifest.format > _FORMAT:
        raise JournalError(
            f"{path}: format {manifest.format}; this release reads up to {_FORMAT}: use the newer release"
        )
    return manifest


# -- what is there already


def _earlier(target: Path | str) -> Manifest | None:
    """The backup that `target` holds; None where it is empty. Raises JournalError where it holds something else."""
    if (Path(target) / MANIFEST).exists():
        return read_manifest(target)
    strange = [n for n in os.listdir(target) if n not in ("journal", KEY, MARKS)]
    if strange or segments(journal_directory(target)):
        what = strange[0] if strange else "a journal"
        raise JournalError(f"{target} holds {what} and no {MANIFEST}: no backup; give a new or an empty directory")
    return None


def _unchanged(listed: list[Segment], old: Manifest | None, place: str) -> dict[str, Part]:
    """Parts of the earlier backup that need not be copied again: closed since, and the next segment's header has their hash."""
    known = {p.name: p for p in old.parts} if old else {}
    kept = {}
    for segment, following in pairwise(listed):
        part = known.get(os.path.basename(segment.path))
        if part is None or part.last != segment.end - 1:
            continue
        with suppress(JournalError, OSError), open(following.path, "rb", buffering=0) as file:
            if (
                read_header(file, following, SCHEMA).chain.hex() == part.chain
                and os.stat(os.path.join(place, part.name)).st_size >= part.bytes
            ):
                kept[part.name] = part
    return kept


def _check_continues(before: list[Part], first: Segment, target: Path | str) -> None:
    """Raises JournalError unless the journal, pruned since, begins where the parts it has pruned end."""
    if not before:
        return
    if before[-1].last != first.first - 1:
        raise JournalError(
            f"{target} ends at record {before[-1].last}, and the journal was pruned up to {first.first - 1} since: what lies "
            "between was never backed up; begin a new backup in another directory"
        )
    with open(first.path, "rb", buffering=0) as file:
        if read_header(file, first, SCHEMA).chain.hex() != before[-1].chain:
            raise JournalError(_another(target, f"record {before[-1].last} differs"))


def _keep_anchor(first: Part, source: str, place: str) -> None:
    """A backup that does not begin at record 1 says why not, as its journal does."""
    if first.first == 1 or read_anchor(place) is not None:
        return
    if read_anchor(source) is None:
        raise JournalError(
            f"{source}: the journal begins at record {first.first}, and was not pruned: the segments before are missing; "
            "`cmi-switch journal verify` says more"
        )
    put(anchor_path(place), anchor_path(source).read_bytes())


def _only_grows(old: Manifest | None, parts: tuple[Part, ...], listed: list[Segment], target: Path | str) -> None:
    """Raises JournalError unless the earlier backup's every record is in the new one, unchanged.

    Files may differ: what a failed writer had written is written again to a later segment, with other hashes around it.
    """
    if old is None:
        return
    now = {p.name: p for p in parts}
    place = journal_directory(target)
    displaced: list[int] = []
    for part in old.parts:
        same = now.get(part.name)
        if same is not None and same != part:
            grown = os.path.join(place, part.name)
            if not _begin_alike(grown, grown + PART_SUFFIX, min(os.stat(grown).st_size, same.bytes)):
                raise JournalError(_another(target, f"{part.name} differs"))
        if same is None or same.last < part.last:
            displaced.append(part.first if same is None else same.last + 1)
    if not displaced:
        return
    if old.last.last > parts[-1].last:
        what = f"it holds records up to {old.last.last}, the journal ends at {parts[-1].last}"
        raise JournalError(_another(target, what))
    theirs = _payloads(listed_of(old, place), min(displaced), old.last.last)
    ours = _payloads(listed, min(displaced), old.last.last)
    for (number, before), (_, after) in zip(theirs, ours, strict=True):
        if before != after:
            raise JournalError(_another(target, f"record {number} differs"))


def _another(target: Path | str, what: str) -> str:
    return (
        f"{target} is the backup of another journal ({what}). If this one was restored or rolled back since, keep that backup "
        "and begin a new one in another directory"
    )


def listed_of(manifest: Manifest, place: str) -> list[Segment]:
    """The backup's segments, as far as its manifest says."""
    return [
        Segment(os.path.join(place, p.name), int(p.name.split(".")[1]), p.first, p.last + 1) for p in manifest.parts
    ]


def _payloads(listed: list[Segment], first: int, last: int) -> Iterator[tuple[int, bytes]]:
    """(number, payload) of the records `first` to `last`."""
    reaching = [s for s in listed if not s.end or s.end > first]
    for _, record in Log("", SCHEMA, reaching):
        if record.sequence > last:
            return
        if record.sequence >= first:
            yield record.sequence, record.payload


def _begin_alike(path: str, other: str, size: int) -> bool:
    """True if the first `size` bytes of both files are the same."""
    with open(path, "rb") as a, open(other, "rb") as b:
        for at in range(0, size, _STEP_BYTES):
            length = min(_STEP_BYTES, size - at)
            if a.read(length) != b.read(length):
                return False
    return True


def copy_key(key: Path, to: Path) -> None:
    """The vault key into the backup. Raises JournalError where there is none, or another one is there."""
    try:
        text = key.read_bytes()
    except FileNotFoundError:
        raise JournalError(f"{key}: no vault key to back up; the switch makes it at its first start") from None
    if to.exists() and to.read_bytes() != text:
        raise JournalError(f"{to} is another vault key than {key}: this backup is of another installation")
    put(to, text)
