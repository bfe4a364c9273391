"""The switch's end of the journal: encodes records, hands them to the writer's process, hears what is durable.

In: entries in the order of their positions. Out: bytes on a socket pair, and the newest durable position. Never waits after
`open`; knows no Trio: the driver waits for `fileno()` to become readable (acknowledgements) or writable (after a `push` that
left something). Not for threads.

    feed = Feed("var/morocco", "morocco", limits)
    recovered = feed.open()
    feed.append(recovered.position + 1, entry)
    feed.push()
    ...
    position = feed.acknowledged()
"""

import os
import socket
import subprocess
import sys
import time
from array import array
from collections import deque
from collections.abc import Callable
from contextlib import ExitStack, suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

from switch.core.limits import Limits
from switch.core.records.entry import Entry
from switch.core.records.records import ENCODER, Snapshot
from switch.journal.integrity import check_end, find_gaps
from switch.journal.log import FLAG_SNAPSHOT, GENESIS, NO_KEY, ChainKey, JournalError
from switch.journal.recovery import CLAIM_S, SWITCH, Fold, Recovered, claim, go_on, journal_directory, recover, settle
from switch.journal.segment_writer import SEGMENT_BYTES, Home
from switch.journal.store.port import FencedError
from switch.journal.waiting import wait
from switch.journal.writer import ACK, ACKNOWLEDGED, CHUNK, COPIED, COPY, FAIL, FENCED, KEY

if TYPE_CHECKING:
    from switch.journal.store.shared import SharedLog

_ROOT: Final = str(Path(__file__).resolve().parents[2])
_SOCKET_BYTES: Final = 1 << 20
_START_S: Final = 10.0
_RESERVE: Final = 4
"""Records may wait up to so many times `unacknowledged_records`: what was under way when the switch began to refuse."""


def absolute(path: str) -> str:
    """The path, whatever directory this process works in later; "" stays so."""
    return os.path.abspath(path) if path else ""


class WriterGone(RuntimeError):  # noqa: N818 - an event of the outside world the driver handles, no mistake of a caller
    """The writer's process ended; the message is its reason. `Feed.restart` starts another."""


class Feed:
    """One journal, one writer. `open` first; after WriterGone, `restart` (as often as it takes) or `close`."""

    def __init__(
        self,
        state_dir: Path | str,
        network: str,
        limits: Limits,
        *,
        segment_bytes: int = SEGMENT_BYTES,
        fold: Fold = SWITCH,
        key: ChainKey = NO_KEY,
        head_copy: str = "",
        shared: "SharedLog | None" = None,
    ) -> None:
        """`state_dir`: holds `journal/`. `network`: its name; the journal of another is refused.

        `fold`: of whose records. `key`: of the hash chain. `head_copy`: where a copy of the head is kept; "": nowhere.
        `shared`: the database that decides; None: the segments do.
        """
        self._shared = shared
        self.head_copy = absolute(head_copy)
        self.head_copy_trouble = ""
        """what is wrong with it; "": nothing"""
        self.tell_head_copy: Callable[[str], None] = lambda _: None
        """is told when that changes"""
        self._head_count = 0
        self._state_dir, self._network, self._limits, self._bound = state_dir, network, limits, segment_bytes
        self._fold, self._key = fold, key
        self._encode = ENCODER.encode
        self._room = limits.unacknowledged_records * _RESERVE
        self._last = self._durable = 0
        self._chain = GENESIS
        self._fresh: list[bytes] = []
        """payloads appended since the last chunk was cut"""
        self._chunks: deque[tuple[int, bytes]] = deque()
        """last position and bytes of chunks not yet acknowledged"""
        self._unsent: deque[bytes | memoryview] = deque()
        self._resend = False
        self._inbox = b""
        self._started = False
        self._lock = -1
        self._socket: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def open(self, wait_s: float = CLAIM_S, tell: Callable[[str], None] = lambda _: None) -> Recovered:
        """Claim the journal, recover it, make its last moments durable, start the writer. Blocks. Raises JournalError.

        `wait_s`: how long to wait for the writer of a killed switch to finish. `tell`: is told whom a standby waits for.
        """
        self._lock = claim(self._state_dir, wait_s)
        keeping = ExitStack()
        try:
            found = self._recover()
            if self._shared is not None:
                self._take(self._shared, found, tell, keeping)
            self._head_count = check_end(self._state_dir, found, self._key, self.head_copy)
            found.gaps = find_gaps(self._state_dir)
            settle(self._state_dir, self._network, found, schema=self._fold.schema, key=self._key)
            self._last = self._durable = found.position
            self._chain = found.chain
            self._spawn()
            self._await_start()
        except WriterGone as error:
            self.close(0)
            raise JournalError(str(error)) from None
        except BaseException:
            self.close(0)
            raise
        finally:
            keeping.close()
        return found

    def _recover(self) -> Recovered:
        found = recover(self._state_dir, self._limits, self._fold)
        if found.network not in ("", self._network):
            raise JournalError(
                f"{journal_directory(self._state_dir)} is the journal of network {found.network!r}, not of "
                f"{self._network!r}: give another --state directory"
            )
        return found

    def _take(self, shared: "SharedLog", found: Recovered, tell: Callable[[str], None], keeping: ExitStack) -> None:
        """Own the journal in the database, and have in the segments and in `found` what is there.

        While `keeping` is open nobody else can own it.
        """
        from switch.journal.store.catching_up import Copy, OwnEnd  # noqa: PLC0415 - nobody else needs it
        from switch.journal.store.opening import take  # noqa: PLC0415

        settle(self._state_dir, self._network, found, schema=self._fold.schema, key=self._key)
        home = Home(journal_directory(self._state_dir), self._network, self._fold.schema, self._key)
        copy = Copy(OwnEnd(home=home, last=found.position, chain=found.chain), partial(go_on, found, self._fold))
        take(shared, self._state_dir, copy, tell, keeping)
        found.chain = found.chain_durable = copy.chain

    def limit(self, limits: Limits) -> None:
        """From now on other limits hold."""
        self._limits = limits
        self._room = limits.unacknowledged_records * _RESERVE

    @property
    def unacknowledged(self) -> int:
        """Records appended and not known to be durable."""
        return self._last - self._durable

    @property
    def pid(self) -> int:
        """Of the writer's process; 0 where there is none."""
        return self._process.pid if self._process else 0

    def fileno(self) -> int:
        """The socket to wait for; another one after every `restart`; -1 while there is no writer."""
        return self._socket.fileno() if self._socket else -1

    def append(self, position: int, entry: Entry) -> None:
        """Take `entry`, to be record `position`; it leaves with the next `push`.

        Raises JournalError where `position` does not follow the last one, or where far more records wait than
        `unacknowledged_records` allows.
        """
        if position != self._last + 1:
            raise JournalError(f"record {position} appended after record {self._last}: positions have no gaps")
        if position - self._durable > self._room:
            raise JournalError(
                f"{self._room} records wait for the journal's writer, {_RESERVE} times limit unacknowledged_records "
                f"({self._limits.unacknowledged_records}); raise it in [limits] of the network file"
            )
        if type(entry) is Snapshot:
            self._cut()
            self._fresh.append(self._encode(entry))
            self._last = position
            self._cut(FLAG_SNAPSHOT)
            return
        self._fresh.append(self._encode(entry))
        self._last = position

    def _cut(self, flags: int = 0) -> None:
        """Make a chunk of what was appended since the last one."""
        fresh = self._fresh
        if not fresh:
            return
        lengths = array("I", map(len, fresh)).tobytes()
        body = b"".join(fresh)
        size, count = len(lengths) + len(body), len(fresh)
        chunk = b"".join((CHUNK.pack(size, count, self._last - count + 1, flags), lengths, body))
        self._chunks.append((self._last, chunk))
        self._unsent.append(chunk)
        self._fresh = []

    def push(self) -> bool:
        """Send what was appended, without waiting. True if all of it left; else call again when `fileno()` is writable.

        Where the writer is gone nothing leaves; `acknowledged` says so, and all of it is kept for the next one.
        """
        if self._fresh:
            self._cut()
        connection = self._socket
        if connection is None:
            return False
        if self._resend:
            self._unsent = deque(chunk for _, chunk in self._chunks)
            self._resend = False
        unsent = self._unsent
        while unsent:
            data = unsent[0]
            try:
                sent = connection.send(data)
            except (BlockingIOError, BrokenPipeError, ConnectionResetError):
                return False
            if sent < len(data):
                unsent[0] = memoryview(data)[sent:]
                return False
            unsent.popleft()
        return True

    def acknowledged(self) -> int:
        """The newest durable position, without waiting. Raises WriterGone where the writer ended; what it acknowledged counts.
        FencedError: the journal is another node's, and this process must end."""
        connection = self._socket
        if connection is None:
            raise WriterGone("the journal's writer is not running")
        try:
            data = connection.recv(65_536)
        except BlockingIOError:
            return self._durable
        except ConnectionResetError:
            data = b""
        if not data:
            raise self._gone()
        self._inbox += data
        self._take_acknowledgements()
        return self._durable

    def _take_acknowledgements(self) -> None:
        """Forget the chunks that the acknowledgements received cover."""
        inbox = self._inbox
        whole, last = 0, -1
        while len(inbox) > whole:
            if inbox[whole] == ACKNOWLEDGED and len(inbox) - whole >= ACK.size:
                last = whole
                whole += ACK.size
            elif inbox[whole] == COPIED and (size := self._take_copy_report(inbox, whole)):
                whole += size
            else:
                break
        self._inbox = inbox[whole:]
        if last < 0:
            return
        _, self._durable, self._chain = ACK.unpack_from(inbox, last)
        self._started = True
        durable, chunks = self._durable, self._chunks
        while chunks and chunks[0][0] <= durable:
            chunks.popleft()

    def _take_copy_report(self, inbox: bytes, at: int) -> int:
        """How it goes with the head's copy, as the writer says: the bytes of that; 0: it is not all there yet."""
        if len(inbox) - at < COPY.size:
            return 0
        _, length = COPY.unpack_from(inbox, at)
        text = inbox[at + COPY.size : at + COPY.size + length]
        if len(text) < length:
            return 0
        trouble = text.decode("utf-8", "replace")
        if trouble != self.head_copy_trouble:
            self.head_copy_trouble = trouble
            self.tell_head_copy(trouble)
        return COPY.size + int(length)

    def _gone(self) -> WriterGone | FencedError:
        """Why the writer ended, as it said or as the system knows it; its remains are cleared away."""
        reason = self._inbox[FAIL.size :].decode("utf-8", "replace")
        fenced = self._inbox[:1] == bytes([FENCED])
        self._end_process(0.5)
        if fenced:
            return FencedError(reason)
        assert self._process is not None
        status = self._process.returncode
        if not reason and status is None:
            reason = "does not end, not even when killed: its disk may hang"
        elif not reason:
            reason = f"ended by signal {-status}" if status < 0 else f"ended with status {status}"
        return WriterGone(f"journal writer: {reason}")

    def restart(self) -> None:
        """Start a writer after the last acknowledged record; everything after it is sent again by `push`.

        Blocks until the new writer has its segment and room to write, some tens of ms: `append` may go on meanwhile in another
        thread. A writer that still runs is killed. Raises WriterGone with the reason where the new one cannot work.
        """
        with suppress(WriterGone):
            self.acknowledged()
        self._end_process(0)
        self._resend = True
        self._spawn()
        self._await_start()

    def _spawn(self) -> None:
        """Start the writer's process; the socket pair is its only tie to this one."""
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SOCKET_BYTES)
        ours.send(KEY.pack(*self._key))  # fits: nothing else was sent
        ours.setblocking(False)
        options: dict[str, str | int] = {
            "--fd": theirs.fileno(),
            "--dir": os.path.abspath(journal_directory(self._state_dir)),
            "--network": self._network,
            "--schema": self._fold.schema,
            "--after": self._durable,
            "--chain": self._chain.hex(),
            "--bound": self._bound,
            "--head-count": self._head_count,
            "--head-copy": self.head_copy,
        }
        if self._shared is not None:
            options |= self._shared.options()
        bare = [] if self._shared is not None else ["-S"]  # a database's library is where others' are
        words = [str(word) for option in options.items() for word in option]
        command = [sys.executable, *bare, "-P", "-m", "switch.journal.writer", *words]
        try:
            # of its own process group, so that Ctrl-C reaches the switch alone
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(), self._lock),
                process_group=0,
                env={**os.environ, "PYTHONPATH": _ROOT},
            )
        except OSError as error:
            ours.close()
            raise WriterGone(f"journal writer: cannot be started: {error.strerror}") from None
        finally:
            theirs.close()
        self._inbox = b""
        self._started = False
        self._socket = ours

    def _await_start(self) -> None:
        """Return when the writer has its first segment. Raises WriterGone with its reason."""
        give_up = time.monotonic() + _START_S
        while not self._started and self._socket is not None:
            if not wait(self._socket, give_up - time.monotonic()):
                raise WriterGone(f"journal writer: not ready within {_START_S:.0f} s")
            self.acknowledged()

    def _end_process(self, wait_s: float) -> None:
        """Close the socket and wait for the process up to `wait_s`, then kill it."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(subprocess.TimeoutExpired):
            process.wait(wait_s)
            return
        process.kill()
        with suppress(subprocess.TimeoutExpired):
            process.wait(5)

    def close(self, timeout_s: float = 5.0) -> int:
        """Push what is left, let the writer finish, give the journal back. Waits up to `timeout_s`.

        Returns how many records did not become durable: 0, unless the writer was gone, or its disk too slow.
        """
        give_up = time.monotonic() + timeout_s
        with suppress(WriterGone):
            while (connection := self._socket) is not None and (left := give_up - time.monotonic()) > 0:
                if self.push():
                    with suppress(OSError):
                        connection.shutdown(socket.SHUT_WR)
                    wait(connection, left)
                else:
                    wait(connection, left, writing=True)
                self.acknowledged()
        self._end_process(max(0.0, give_up - time.monotonic()))
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1
        return self.unacknowledged
