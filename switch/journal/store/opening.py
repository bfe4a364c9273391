"""How a node comes to own a journal in a database, and its segments to hold all that is in it.

In: what its own segments hold. Out: the same, and what others appended since, so that a fold of the segments is a fold of the
journal. Order is the rule: the claim is committed, and replicated, before what the journal ends with is read; what is there then
is on a standby, too, and nobody else can add to it. Who stands by follows all the while (`catching_up`), so that there is little
left to read then.
"""

import os
import re
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from threading import Event, Thread
from typing import Final

import msgspec

from switch.journal.store.catching_up import Copy
from switch.journal.store.port import RELEASED, Claim, Owner, Store, StoreError
from switch.journal.store.postgresql import PostgreSQL
from switch.journal.store.safety import refuse_unsafe
from switch.journal.store.shared import SharedLog
from switch.journal.store.writing import boot_clock
from switch.security.files import open_private

OPENING_MS: Final = 10_000
"""lease of a node that fetches and folds, until its writer owns the journal: longer than anything holds up all threads"""
STANDBY_S: Final = 0.25
"""A node that stands by tries so often."""
_NODE: Final = "node"
_NAMED: Final = re.compile(r"[A-Za-z0-9._-]{1,80}-[0-9a-f]{8}")


def node_of(state_dir: Path | str) -> str:
    """The stable name of a state directory's node: drawn once, and kept in it."""
    path = Path(state_dir) / "journal" / _NODE
    try:
        name = path.read_text(errors="replace").strip()
    except FileNotFoundError:
        name = f"{os.uname().nodename}-{secrets.token_hex(4)}"
        handle = open_private(str(path), os.O_WRONLY | os.O_TRUNC)
        with open(handle, "w") as file:
            file.write(name + "\n")
            file.flush()
            os.fsync(handle)
    if not _NAMED.fullmatch(name):
        raise StoreError(
            f"{path} is damaged: it has the name by which the database knows this node. Remove it, and another is drawn; the "
            "lease of the old one runs out by itself"
        )
    return name


class Keeper:
    """Renews a claim while its node fetches and folds, which may take longer than any lease."""

    def __init__(self, shared: SharedLog, epoch: int, lease_ms: int) -> None:
        """Until `end`, or until another epoch is claimed, by whomever."""
        self._shared, self._epoch, self._lease_ms = shared, epoch, lease_ms
        self._ended = Event()
        Thread(target=self._keep, name="journal lease", daemon=True).start()

    def _keep(self) -> None:
        """A connection for each: most nodes are done before the first, and the other connection is busy."""
        shared = self._shared
        while not self._ended.wait(self._lease_ms / 3_000):
            with suppress(
                StoreError
            ):  # away, or held up: the next is in time, or the claim is lost, as its writer is told
                store = PostgreSQL(shared.url, shared.journal, replicated=shared.replicated)
                with closing(store):
                    store.renew(self._epoch, self._lease_ms)

    def end(self) -> None:
        """The writer owns the journal, or nobody is to."""
        self._ended.set()


def take(shared: SharedLog, state_dir: Path | str, copy: Copy, tell: Callable[[str], None], keeping: ExitStack) -> None:
    """Own the journal, and have in `copy` what is in it, which is closed then.

    `tell`: is told whom a standby waits for. `keeping`: while it is open, the claim is renewed. Raises StoreError.
    """
    claim = Claim(node_of(state_dir), shared.holder, copy.check, max(shared.lease_ms, OPENING_MS))
    with closing(copy), ExitStack() as waiting:

        def tell_waiting(sentence: str) -> None:
            if not told:
                waiting.enter_context(_indexing(state_dir))
            told.append(sentence)
            tell(sentence)

        told: list[str] = []
        store, owner = _reached(shared, claim, copy, tell_waiting)
        with closing(store):
            waiting.close()
            keeping.callback(Keeper(shared, owner.epoch, claim.lease_ms).end)
            copy.finish(store, owner)


@contextmanager
def _indexing(state_dir: Path | str) -> Iterator[None]:
    """The index is built meanwhile, of what the segments get."""
    command = [sys.executable, "-m", "switch.journal.indexer", "--dir", str(state_dir), "--follow"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as child:  # noqa: S603 - our own
        try:
            yield
        finally:
            child.kill()  # in the middle of a batch it leaves none of it


def _reached(shared: SharedLog, claim: Claim, copy: Copy, tell: Callable[[str], None]) -> tuple[PostgreSQL, Owner]:
    """A connection that owns the journal. Raises StoreError: not from a standby that waits already, which asks again.

    A primary that is lost would end it else, at the moment at which it is to take over.
    """
    told = ""

    def tell_once(sentence: str) -> None:
        nonlocal told
        if sentence != told:
            tell(sentence)
        told = sentence

    while True:
        try:
            store = PostgreSQL(shared.url, shared.journal, replicated=shared.replicated)
            with ExitStack() as unless_owned:
                unless_owned.callback(store.close)
                # Patroni was asked when this began; now its members are what has been lost, and would be waited for
                refuse_unsafe(store, msgspec.structs.replace(shared, patroni=()) if told else shared)
                store.make_tables()
                grace_s = shared.lease_ms / 1000 if told else 0.0
                owner = claimed(store, claim, copy if shared.standby else None, tell=tell_once, grace_s=grace_s)
                unless_owned.pop_all()
            return store, owner
        except StoreError as error:
            if not told:
                raise
            tell_once(str(error))
            time.sleep(STANDBY_S)


def claimed(
    store: Store,
    claim: Claim,
    follower: Copy | None,
    *,
    tell: Callable[[str], None],
    grace_s: float = 0.0,
    clock: Callable[[], float] = boot_clock,
    sleep: Callable[[float], None] = time.sleep,
) -> Owner:
    """Own the journal; where another node does and there is a `follower`, wait for it, follow, and `tell` once.

    `grace_s`: the database was away, and a lease that ran out meanwhile says nothing of its owner, which is back sooner than
    another node has taken over: it has so long to renew it.
    Raises StoreError: it is another's, or of another key, or not the one that `follower` has.
    """
    told = False
    seen, since_s = "", (began_s := clock())
    while True:
        there = store.look()
        if there is not None:
            check_key(there, claim)
        lease = f"{there.epoch} {there.last} {there.until}" if there is not None else ""
        if lease != seen:
            seen, since_s = lease, clock()
        stopped = there is not None and clock() - since_s > claim.lease_ms / 1000
        more = follower is not None and follower.follow(store, claim)
        owner = None
        if there is None or there.until == RELEASED or clock() - began_s >= grace_s:
            owner = store.claim(claim._replace(unmoved=there.until) if there is not None and stopped else claim)
        if owner is not None:
            return owner
        whose = there.node if there is not None else "nobody"
        if follower is None:
            raise StoreError(
                f"the journal is owned by node {whose}, whose lease has not run out: stop that switch, or start this one with "
                "--standby"
            )
        if not told:
            tell(f"node {whose} owns the journal")
            told = True
        if not more:
            sleep(STANDBY_S)


def check_key(owner: Owner, claim: Claim) -> None:
    """Raises StoreError: the journal is chained under another key than this node has."""
    if owner.check != claim.check:
        raise StoreError(
            f"the journal was begun with the vault key of check value {owner.check.hex() or 'none'}, and this node has "
            f"{claim.check.hex() or 'none'}: bring the key of the first node here (docs/scaling.md)"
        )
