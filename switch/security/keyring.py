"""The key file: every key of an installation as a key block (X9.143, version D) under its master key, by name.

In: names, kinds, components, blocks of partners. Out: keys for the security module (`find`), blocks for partners (`export`).
Rules: a key's name stands inside its block, so that blocks cannot change places; a child is never stronger than its parent; each
act is in the audit log before it is done; the file is written anew, whole, and takes its name when it is on the disk.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec

from switch.security import check_values, des
from switch.security.audit import AuditError, AuditLog, identity_of
from switch.security.commands import PREVIOUS
from switch.security.files import write_whole
from switch.security.key_blocks import (
    Header,
    KeyBlock,
    KeyBlockError,
    OptionalBlock,
    padding_bytes,
    unwrap,
    without_scheme,
    wrap,
)
from switch.security.key_file import FORMAT, Entry, KeyFile, KeyRingError, Master, read_file
from switch.security.key_kinds import KINDS, LETTERS, SIZES, USAGES, single_des, too_strong
from switch.security.key_sets import A_LINK, Change, KeyStoreError, block_of, name_mistake, value_of
from switch.security.key_source import Random
from switch.security.lmk import Cost, Lmk

_LABEL: Final = "LB"


class KeyRing:
    """A key file, opened with its master key. A `KeySource` for the security module."""

    def __init__(
        self,
        path: Path,
        lmk: Lmk,
        random: Random,
        salt: bytes = b"",
        cost: Cost = Cost(),  # noqa: B008
        witness: Path | None = None,
    ) -> None:
        """`salt`, `cost`: of a passphrase, for a file that is not there yet. `witness`: of the audit log (`token.witness_place`).
        Raises KeyRingError: another master key's file."""
        self.path = path
        self.audit = AuditLog(path.with_name(path.name + ".audit"), lmk.audit_secret, witness)
        self._lmk = lmk
        self._random = random
        self._master = Master(check_value=lmk.check_value, salt=salt.hex(), cost=cost)
        self.entries: dict[str, Entry] = {}
        self._unwrapped: dict[str, KeyBlock] = {}
        self.reload()

    def reload(self) -> None:
        """Read the file again."""
        self._unwrapped.clear()
        self._identity = identity_of(self.path)
        found = read_file(self.path)
        if found is None:
            self.entries = {}
            return
        if found.master.check_value != self._lmk.check_value:
            raise KeyRingError(
                f"{self.path}: its master key has check value {found.master.check_value}, "
                f"the one given has {self._lmk.check_value}: another file or passphrase"
            )
        self._master = found.master
        self.entries = {entry.name: entry for entry in found.keys}

    # -- for the security module

    def find(self, name: str) -> KeyBlock | None:
        """The key, or that of a block under the master key. None: there is none, or its block does not hold."""
        found = self._unwrapped.get(name)
        if found is None:
            try:
                found = self._open(name)
            except KeyRingError:
                return None
            self._unwrapped[name] = found
        return found

    def _open(self, name: str) -> KeyBlock:
        entry = self.entries.get(name)
        try:
            read = unwrap(self._lmk.block_keys, entry.block if entry is not None else name)
        except KeyBlockError as error:
            if entry is None:
                raise KeyRingError(f"there is no key {name!r}; `cmi-switch keys list` shows those there are") from None
            raise KeyRingError(f"key {name!r}: {error}") from None
        labels = [block.data for block in read.header.blocks if block.id == _LABEL]
        if entry is not None and labels != [name]:
            raise KeyRingError(
                f"key {name!r}: its block is that of {', '.join(labels) or 'no name'}: blocks changed places"
            )
        return read

    # -- keys that change by message (`security.key_sets`)

    @contextmanager
    def turn(self) -> Iterator[None]:
        """See KeyStore."""
        try:
            with self.audit.turn():
                self.reload()
                yield
        except (AuditError, KeyRingError) as error:
            raise KeyStoreError(str(error)) from None

    def change(self, act: str, name: str, change: Change, at_us: int, note: str, by: str = A_LINK) -> None:
        """See KeyStore; within `turn`."""
        at = datetime.fromtimestamp(at_us / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        made = {
            slot: self._entry(
                slot, msgspec.structs.replace(key.header, version="D", blocks=(_label(slot),)), key.key, at
            )
            for slot, key in change.items()
            if key is not None
        }
        told = (*made.values(), *filter(None, (self.entries.get(name),)))
        value = told[0].check_value if told else ""
        self.audit.write(at=at, by=by, act=act, key=name, check_value=value, note=note)
        for slot in change:
            self.entries.pop(slot, None)
        self.entries.update(made)
        self._write()

    def since_us(self, name: str) -> int:
        """See KeyStore."""
        entry = self.entries.get(name)
        try:
            return int(datetime.fromisoformat(entry.made).timestamp()) * 1_000_000 if entry is not None else 0
        except ValueError:
            return 0

    def beside(self) -> "KeyRing":
        """Another one of the same file, for a thread of its own: each sees what the other has written by `follow`."""
        return KeyRing(self.path, self._lmk, self._random, witness=self.audit.witness)

    def follow(self) -> bool:
        """Read the file again if another process has written it; True: it has. Raises KeyRingError."""
        if identity_of(self.path) == self._identity:
            return False
        self.reload()
        return True

    # -- acts; each within `audit.turn`

    def generate(self, name: str, kind: str, algorithm: str, *, exportable: bool, at: str, by: str) -> Entry:
        """A new key, drawn here."""
        self._new_name(name)
        key = self._draw(algorithm)
        entry = self._entry(name, self._header(name, kind, algorithm, exportable), key, at)
        self.audit.write(
            at=at, by=by, act="generate", key=name, check_value=entry.check_value, note=f"{kind} {algorithm}"
        )
        return self._keep(entry)

    def from_components(
        self,
        name: str,
        kind: str,
        algorithm: str,
        components: list[bytes],
        *,
        exportable: bool,
        at: str,
        by: str,
        act: str = "import",
    ) -> Entry:
        """A key of two or three components, each brought by somebody else, or (`act` is `generate`) for somebody else; who, is in
        `by`."""
        self._new_name(name)
        try:
            key = check_values.combine(components)
        except ValueError as error:
            raise KeyRingError(f"key {name!r}: {error}") from None
        header = self._header(name, kind, algorithm, exportable)
        if len(key) != SIZES[algorithm]:
            raise KeyRingError(f"key {name!r}: components of {len(key)} bytes; {algorithm} has {SIZES[algorithm]}")
        if any(not any(component) for component in components):
            raise KeyRingError(f"key {name!r}: a component of zeros makes a weak key")
        self._not_single_des(name, header.algorithm, key)
        entry = self._entry(name, header, key, at)
        note = f"{kind} {algorithm} of {len(components)} components"
        self.audit.write(at=at, by=by, act=act, key=name, check_value=entry.check_value, note=note)
        return self._keep(entry)

    def import_block(self, name: str, block: str, under: str, *, at: str, by: str) -> Entry:
        """A partner's key, from a key block under the zone master key `under`. Versions A to D are read."""
        self._new_name(name)
        parent = self._parent(under)
        try:
            read = unwrap(parent.key, without_scheme(block))
        except KeyBlockError as error:
            raise KeyRingError(f"key {name!r} under {under!r}: {error}") from None
        self._not_stronger(name, read, under, parent)
        self._not_single_des(name, read.header.algorithm, read.key)
        if read.header.usage not in USAGES:
            raise KeyRingError(f"key {name!r}: usage {read.header.usage} is none that this module has a use for")
        kept = msgspec.structs.replace(read.header, version="D", blocks=(_label(name),))
        entry = self._entry(name, kept, read.key, at)
        self.audit.write(at=at, by=by, act="import", key=name, check_value=entry.check_value, note=f"under {under}")
        return self._keep(entry)

    def import_ecb(self, name: str, kind: str, encrypted: bytes, under: str, *, at: str, by: str) -> Entry:
        """A double-length DES key under a zone master key by ECB, as older hosts send it: nothing proves what it is for, or that
        it was not changed. Compare its check value."""
        self._new_name(name)
        parent = self._parent(under)
        if parent.header.algorithm != "T" or len(encrypted) != 16:
            raise KeyRingError(f"key {name!r}: 16 bytes under a triple DES key are read so")
        key = des.ecb_decryptor(parent.key)(encrypted)
        self._not_single_des(name, "T", key)
        entry = self._entry(name, self._header(name, kind, "tdes2", False), key, at)
        note = f"{kind} under {under} by ECB, without a key block"
        self.audit.write(at=at, by=by, act="import", key=name, check_value=entry.check_value, note=note)
        return self._keep(entry)

    def export(self, name: str, under: str, *, at: str, by: str) -> str:
        """The key as a key block under a zone master key: D where that is AES, B where it is triple DES."""
        read, parent = self._open(name), self._parent(under)
        if read.header.exportability == "N":
            raise KeyRingError(f"key {name!r} is not exportable (N): it was made to stay here")
        self._not_stronger(name, read, under, parent)
        block = block_of(read, parent, read.header.exportability, self._random)
        self.audit.write(at=at, by=by, act="export", key=name, check_value=value_of(read), note=f"under {under}")
        return block

    def rotate(self, name: str, *, at: str, by: str) -> Entry:
        """A new key in the place of `name`; the one before is `name.previous`, good for what is still on its way."""
        read, old = self._open(name), self.entries[name]
        key = self._random(len(read.key))
        if read.header.algorithm == "T":
            key = des.with_odd_parity(key)
        number = f"{(int(read.header.key_version) + 1) % 100:02d}" if read.header.key_version.isdecimal() else "01"
        entry = self._entry(name, msgspec.structs.replace(read.header, key_version=number), key, at)
        before_header = msgspec.structs.replace(read.header, blocks=(_label(name + PREVIOUS),))
        before = self._entry(name + PREVIOUS, before_header, read.key, old.made)
        self.audit.write(
            at=at, by=by, act="rotate", key=name, check_value=entry.check_value, note=f"was {old.check_value}"
        )
        self.entries[before.name] = before
        return self._keep(entry)

    def destroy(self, name: str, check_value: str, *, at: str, by: str) -> None:
        """Forget a key for good. `check_value`: as who does it read it in the list."""
        entry = self.entries.get(name)
        if entry is None:
            raise KeyRingError(f"there is no key {name!r}; `cmi-switch keys list` shows those there are")
        if entry.check_value != check_value.upper():
            raise KeyRingError(
                f"key {name!r} has check value {entry.check_value}, not {check_value.upper()}: not destroyed"
            )
        self.audit.write(at=at, by=by, act="destroy", key=name, check_value=entry.check_value)
        del self.entries[name]
        self._write()

    def take_back(self, name: str, before: dict[str, Entry], *, at: str, by: str) -> None:
        """Undo an import whose check value is not the partner's: the keys are those of `before`."""
        value = self.entries[name].check_value
        self.audit.write(at=at, by=by, act="destroy", key=name, check_value=value, note="not the check value expected")
        self.entries = before
        self._write()

    def has_check_value(self, name: str, said: str) -> bool:
        """Whether a partner who says this check value, in as many digits as it shows, means this key."""
        read = self._open(name)
        return check_values.is_check_value(read.header.algorithm, read.key, said)

    def check(self) -> dict[str, str]:
        """What is wrong with each key: "" where its block holds, its name and its check value are its own."""
        wrong = {}
        for name, entry in self.entries.items():
            wrong[name] = ""
            try:
                read = self._open(name)
            except KeyRingError as error:
                wrong[name] = str(error)
                continue
            if check_values.check_value(read.header.algorithm, read.key).hex().upper() != entry.check_value:
                wrong[name] = f"key {name!r}: the check value in the file is another key's"
        return wrong

    def twins(self) -> list[tuple[str, ...]]:
        """Names of keys that are one key, each time sorted: PCI PIN 17 has every link, and every purpose, a key of its own."""
        names: dict[bytes, list[str]] = {}
        for name in sorted(self.entries):
            found = self.find(name)
            if found is not None:
                names.setdefault(found.key, []).append(name)
        return [tuple(same) for same in names.values() if len(same) > 1]

    # -- parts of them

    def _new_name(self, name: str) -> None:
        if name in self.entries:
            raise KeyRingError(f"there is a key {name!r} already: `cmi-switch keys rotate {name}` gives it a successor")
        if mistake := name_mistake(name):
            raise KeyRingError(mistake)

    def _header(self, name: str, kind: str, algorithm: str, exportable: bool) -> Header:
        known = KINDS.get(kind)
        if known is None:
            raise KeyRingError(f"there are no keys of kind {kind!r}: {', '.join(KINDS)}")
        if algorithm not in known.algorithms:
            raise KeyRingError(f"a {kind} is {' or '.join(known.algorithms)}, not {algorithm}")
        return Header(
            version="D",
            usage=known.usage,
            algorithm=LETTERS[algorithm],
            mode=known.mode,
            exportability="E" if exportable else "N",
            blocks=(_label(name),),
        )

    def _draw(self, algorithm: str) -> bytes:
        key = self._random(SIZES[algorithm])
        return des.with_odd_parity(key) if LETTERS[algorithm] == "T" else key

    def _parent(self, name: str) -> KeyBlock:
        parent = self._open(name)
        if parent.header.usage not in ("K0", "K1"):
            is_a = USAGES.get(parent.header.usage, parent.header.usage)
            raise KeyRingError(f"key {name!r} is a {is_a}: keys travel under a zone master key (zmk)")
        return parent

    @staticmethod
    def _not_stronger(name: str, key: KeyBlock, under: str, parent: KeyBlock) -> None:
        if said := too_strong(name, key, under, parent):
            raise KeyRingError(said)

    @staticmethod
    def _not_single_des(name: str, algorithm: str, key: bytes) -> None:
        if said := single_des(name, algorithm, key):
            raise KeyRingError(said)

    def _padding(self, header: Header, key: bytes) -> bytes:
        return self._random(padding_bytes(header.version, header.algorithm, len(key)))

    def _entry(self, name: str, header: Header, key: bytes, at: str) -> Entry:
        value = check_values.check_value(header.algorithm, key).hex().upper()
        return Entry(
            name=name,
            block=wrap(self._lmk.block_keys, header, key, self._padding(header, key)),
            check_value=value,
            made=at,
        )

    def _keep(self, entry: Entry) -> Entry:
        self.entries[entry.name] = entry
        self._write()
        return entry

    def _write(self) -> None:
        """The file anew: whole and durable before it has its name."""
        self._unwrapped.clear()
        whole = KeyFile(format=FORMAT, master=self._master, keys=tuple(self.entries.values()))
        try:
            write_whole(self.path, msgspec.json.format(msgspec.json.encode(whole), indent=1) + b"\n")
            self._identity = identity_of(self.path)
        except OSError as error:
            raise KeyRingError(f"{self.path}: cannot write the key file: {error.strerror}") from None


def _label(name: str) -> OptionalBlock:
    """A key's name, inside its block."""
    return OptionalBlock(_LABEL, name)
