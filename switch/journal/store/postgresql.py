"""A journal in PostgreSQL, by libpq (psycopg's `pq`): plain SQL, one statement an append, one in flight.

In: a connection string without a password (that is libpq's business: PGPASSFILE, `~/.pgpass`, a certificate). Out: what `Store`
says. Two things of PostgreSQL shape this file. A commit that was cancelled while it waited for a standby succeeds with a WARNING,
and is visible to others though no standby has it: so warnings are asked for, and one means that the outcome is unknown. And a
cancellation is what causes that: so what takes too long is not cancelled, its connection is closed.
"""

import struct
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate
from typing import TYPE_CHECKING, Any, Final

from switch.journal.log import GENESIS
from switch.journal.store.port import Batch, Claim, Owner, StoreError, said
from switch.journal.store.settings import ASK, SETTINGS, guarded, unsafe
from switch.journal.waiting import wait

if TYPE_CHECKING:
    from psycopg.pq import abc

ANSWER_S: Final = 2.0
"""so long nothing may come of what was asked; then the connection is closed, and it may have happened or not"""
LONGEST_S: Final = 30.0
"""so long one may take that gets on, as with what a day's records are"""
BYTES_LEAST: Final = 1 << 20
"""a second: so fast the way to a database is taken to be, at the least"""
PROMPT_S: Final = 0.02
"""A commit that took longer may have been let go of, as nobody was to wait for a standby any more."""
_LENGTH: Final = 4
_PAGE: Final = 64
"""batches fetched at once"""
_LACKING: Final = "psycopg is not installed: pip install 'cmi-switch[postgresql]'"

TABLES: Final = (
    "CREATE TABLE IF NOT EXISTS cmi_switch_owner (journal text PRIMARY KEY, node text NOT NULL, holder text NOT NULL, "
    "epoch bigint NOT NULL, last bigint NOT NULL, chain bytea NOT NULL, key_check bytea NOT NULL, until timestamptz NOT NULL) "
    "WITH (fillfactor = 20)",
    "CREATE TABLE IF NOT EXISTS cmi_switch_log (journal text, first bigint, last bigint NOT NULL, epoch bigint NOT NULL, "
    "snapshot boolean NOT NULL, chain bytea NOT NULL, lengths bytea NOT NULL, body bytea NOT NULL, PRIMARY KEY (journal, first))",
    "ALTER TABLE cmi_switch_log ALTER COLUMN body SET STORAGE EXTERNAL",
)
_ELSEWHERE: Final = (
    "SELECT string_agg(nspname, ', ') FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace "
    "WHERE relname = 'cmi_switch_owner'"
)
_SESSION: Final = (
    (0, ("synchronous_commit", "on")),
    (0, ("client_min_messages", "warning")),
    (0, ("default_transaction_isolation", "read committed")),  # what waits for a row sees then what became of it
    (0, ("statement_timeout", "0")),  # nothing is cancelled
    (0, ("lock_timeout", "0")),
    (0, ("idle_in_transaction_session_timeout", "0")),
    (0, ("bytea_output", "hex")),
    (140_000, ("idle_session_timeout", "0")),
    (
        140_000,
        ("client_connection_check_interval", "1s"),
    ),  # else each try would leave one behind that waits for a standby
    (170_000, ("transaction_timeout", "0")),
)
"""from which version on, and what"""
_BEGIN: Final = (
    "INSERT INTO cmi_switch_owner VALUES ($1, '', '', 0, 0, $2, $3, '-infinity') ON CONFLICT (journal) DO NOTHING"
)
_BEGIN_AT: Final = "UPDATE cmi_switch_owner SET last = $3 WHERE journal = $1 AND epoch = $2 AND last = 0"
_CLAIM: Final = guarded(
    "UPDATE cmi_switch_owner SET epoch = epoch + 1, node = $2, holder = $3, "
    "until = clock_timestamp() + $4::bigint * interval '1 millisecond' "
    "WHERE journal = $1 AND (until < clock_timestamp() OR node = $2 OR until::text = $6) "
    "AND still_safe($5) "
    "RETURNING node, holder, epoch, last, chain, key_check, until::text"
)
_RECLAIM: Final = guarded(
    "UPDATE cmi_switch_owner SET epoch = epoch + 1, until = clock_timestamp() + $3::bigint * interval '1 millisecond' "
    "WHERE journal = $1 AND holder = $2 AND still_safe($4) "
    "RETURNING node, holder, epoch, last, chain, key_check, until::text"
)
_MARK: Final = guarded(
    "INSERT INTO cmi_switch_owner SELECT $1, $2, $3, 0, $4::bigint, $5::bytea, $6::bytea, clock_timestamp() "
    "WHERE still_safe($7) ON CONFLICT (journal) DO UPDATE SET "
    "holder = EXCLUDED.holder, last = EXCLUDED.last, chain = EXCLUDED.chain, until = EXCLUDED.until"
)
"""a row of a node that stands by, under the journal's name and its own"""
_MARKED: Final = (
    "SELECT node, last, greatest(extract(epoch FROM clock_timestamp() - until), 0)::bigint FROM cmi_switch_owner "
    "WHERE left(journal, length($1) + 1) = $1 || '@' ORDER BY node"
)
_APPEND: Final = guarded(
    "WITH owner AS (UPDATE cmi_switch_owner SET last = $3::bigint, chain = $6::bytea, "
    "until = clock_timestamp() + $10::bigint * interval '1 millisecond' "
    "WHERE journal = $1 AND epoch = $4::bigint AND last = $9::bigint "
    "AND still_safe($11) RETURNING ctid) "
    "INSERT INTO cmi_switch_log SELECT $1, $2::bigint, $3::bigint, $4::bigint, $5::boolean, $6::bytea, $7::bytea, $8::bytea "
    "FROM owner RETURNING (SELECT ctid FROM owner)"
)
_APPEND_AT: Final = _APPEND.replace("WHERE journal", "WHERE ctid = $12::tid AND journal", 1)
"""the same where the owner's row is known to lie: by its key all its versions are looked through, which a backup or a query that
began an hour ago keeps, thousands of them"""
_RENEW: Final = guarded(
    "UPDATE cmi_switch_owner SET until = clock_timestamp() + $3::bigint * interval '1 millisecond' "
    "WHERE journal = $1 AND epoch = $2 AND still_safe($4) "
    "RETURNING ctid"
)
_RELEASE: Final = "UPDATE cmi_switch_owner SET until = '-infinity' WHERE journal = $1 AND epoch = $2"
_LOOK: Final = (
    "SELECT node, holder, epoch, last, chain, key_check, until::text FROM cmi_switch_owner WHERE journal = $1"
)
_SNAPSHOT: Final = "SELECT max(first) FROM cmi_switch_log WHERE journal = $1 AND snapshot AND first <= $2"
_BATCHES: Final = (
    "SELECT first, last, epoch, snapshot, chain, lengths, body FROM cmi_switch_log "
    "WHERE journal = $1 AND last > $2 AND first > $3 ORDER BY first LIMIT $4"
)
_OF_NUMBERS: Final = ("GetNewTransactionId", "GetNewMultiXactId")
"""Where a server warns that its databases must be vacuumed: with each number it gives out of the last 40 million, and of a
commit that is as durable as any."""
_REMEDIES: Final = {
    "42501": "; its role needs SELECT, INSERT and UPDATE on cmi_switch_owner and cmi_switch_log, and CREATE in their schema "
    "unless they are there (docs/scaling.md)",
    "25006": "; default_transaction_read_only is on: for this role or this database, or because its provider is out of disk",
    "53100": "; make room on its disk: nothing is approved until there is",
}
"""by SQLSTATE: what to do where the server's own sentence does not say"""
_Values = Sequence[str | int | bool | bytes]


class PostgreSQL:
    """See Store. `messages` keeps the warnings of the statement asked last."""

    def __init__(self, url: str, journal: str, *, replicated: bool = True, answer_s: float = ANSWER_S) -> None:
        """Connects. `journal`: which of those in the database. `replicated`: nothing counts that no standby has.

        Raises StoreError.
        """
        try:
            from psycopg import Error, pq  # noqa: PLC0415 - of an extra

            from switch.journal.store.connecting import connect  # noqa: PLC0415
        except ImportError:
            raise StoreError(_LACKING) from None
        self._pq: Any = pq
        self._error = Error
        self._journal, self._answer_s = journal, answer_s
        self._replicated = replicated
        self.messages: list[str] = []
        self._warned = False
        self._row = ""
        """where the owner's row lies, as far as it is known"""
        try:
            self._db: abc.PGconn = connect(url)
        except StoreError as error:
            raise StoreError(f"the journal's database cannot be reached: {error}") from None
        self._db.nonblocking = 1
        self._db.notice_handler = self._note
        self._set_up()

    def _set_up(self) -> None:
        """Whatever role, database and server have as their defaults. What a server does not know yet it is not told."""
        version = self._db.server_version
        settings = [setting for least, setting in _SESSION if version >= least]
        calls = ", ".join(f"set_config('{name}', '{value}', false)" for name, value in settings)
        self.ask(f"SELECT {calls}")

    def _note(self, result: "abc.PGresult") -> None:
        """A warning; by the server's function that gives it, as its words are in the server's language, and its SQLSTATE says no
        more than that it is one."""
        message = said(result.error_message)
        if (result.error_field(self._pq.DiagnosticField.SOURCE_FUNCTION) or b"").decode() not in _OF_NUMBERS:
            self.messages.append(message)
        elif not self._warned:
            self._warned = True
            sys.stderr.write(
                f"the journal's database will refuse writes before its numbers of transactions run out: {message}\n"
            )

    # -- Store

    def make_tables(self) -> None:
        """Make the tables where they are missing, as a role that may make none cannot. Raises StoreError; also where another
        schema has them: two nodes of different roles would own a journal each."""
        if not self.has_tables():
            found = (self.ask(_ELSEWHERE).get_value(0, 0) or b"").decode()
            if found:
                raise StoreError(
                    f"cmi_switch_owner is there, in schema {found}, which this role does not see: the journal would have two "
                    f"owners. GRANT USAGE on it, and name it in [journal] store: ?options=-csearch_path%3D{found}"
                )
            with self.together():
                for statement in TABLES:
                    self.ask(statement)

    def has_tables(self) -> bool:
        """False before anybody has made them. Raises StoreError."""
        return bool(self.ask("SELECT to_regclass('cmi_switch_owner') IS NOT NULL").get_value(0, 0) == b"t")

    def is_direct(self) -> bool:
        """True if the server that answers is the one that was connected to: a pooler gives a number of its own for its process.

        Raises StoreError.
        """
        return bool(int(self.ask("SELECT pg_backend_pid()").get_value(0, 0) or 0) == self._db.backend_pid)

    def claim(self, claim: Claim) -> Owner | None:
        """See Store."""
        values = self._journal, claim.node, claim.holder, claim.lease_ms, self._replicated, claim.unmoved
        owner = _owner(self._commit_surely(_CLAIM, values))
        if owner is None and self.look() is None:
            self._commit(_BEGIN, (self._journal, GENESIS, claim.check))
            owner = _owner(self._commit_surely(_CLAIM, values))
        return owner

    def reclaim(self, holder: str, lease_ms: int) -> Owner | None:
        """See Store."""
        return _owner(self._commit_surely(_RECLAIM, (self._journal, holder, lease_ms, self._replicated)))

    def mark(self, claim: Claim, last: int, chain: bytes) -> bool:
        """See Store."""
        values = f"{self._journal}@{claim.node}", claim.node, claim.holder, last, chain, claim.check, self._replicated
        return bool(self._commit_surely(_MARK, values).command_tuples)

    def marks(self) -> list[tuple[str, int, int]]:
        """Nodes that have stood by: name, up to which record they had read, and how many seconds ago. Raises StoreError."""
        found = self.ask(_MARKED, (self._journal,))
        rows = ([found.get_value(row, column) or b"" for column in range(3)] for row in range(found.ntuples))
        return [(node.decode(), int(last), int(ago)) for node, last, ago in rows]

    def append(self, batch: Batch, after: int, lease_ms: int) -> bool:
        """See Store."""
        lengths = struct.pack(f">{len(batch.payloads)}I", *map(len, batch.payloads))
        head = self._journal, batch.first, batch.last, batch.epoch, batch.snapshot, batch.chain
        values = *head, lengths, b"".join(batch.payloads), after, lease_ms, self._replicated
        done = None
        if self._row:
            done = self._commit_surely(_APPEND_AT, (*values, self._row), PROMPT_S)
        if done is None or not done.ntuples:  # VACUUM FULL may have moved it
            done = self._commit_surely(_APPEND, values, PROMPT_S)
        return self._moved(done)

    def renew(self, epoch: int, lease_ms: int) -> bool:
        """See Store."""
        return self._moved(self._commit(_RENEW, (self._journal, epoch, lease_ms, self._replicated)))

    def _moved(self, done: "abc.PGresult") -> bool:
        """True if the owner's row was written, and so lies elsewhere now."""
        self._row = (done.get_value(0, 0) or b"").decode() if done.ntuples else ""
        return bool(self._row)

    def begin_at(self, epoch: int, last: int) -> None:
        """See Store."""
        self._commit(_BEGIN_AT, (self._journal, epoch, last))

    @contextmanager
    def together(self) -> Iterator[None]:
        """See Store."""
        self.ask("BEGIN")
        yield
        self._commit_surely("COMMIT", ())

    def release(self, epoch: int) -> None:
        """See Store."""
        self._commit(_RELEASE, (self._journal, epoch))

    def look(self) -> Owner | None:
        """See Store."""
        return _owner(self.ask(_LOOK, (self._journal,)))

    def unsafe(self) -> list[str]:
        """See Store."""
        found = self.ask(ASK)
        values = ((found.get_value(0, column) or b"").decode() for column in range(found.nfields))
        settings = dict(zip(SETTINGS, values, strict=True))
        return unsafe(settings, replicated=self._replicated)

    def snapshot_before(self, record: int) -> int:
        """See Store."""
        return int(self.ask(_SNAPSHOT, (self._journal, record)).get_value(0, 0) or 0)

    def batches(self, after: int) -> Iterator[Batch]:
        """See Store."""
        first = 0
        while True:
            found = self.ask(_BATCHES, (self._journal, after, first, _PAGE))
            for row in range(found.ntuples):
                batch = _batch([found.get_value(row, column) or b"" for column in range(found.nfields)])
                first = batch.first
                yield batch
            if found.ntuples < _PAGE:
                return

    def close(self) -> None:
        """See Store."""
        self._db.finish()

    # -- one statement at a time

    def ask(self, statement: str, values: _Values = ()) -> "abc.PGresult":
        """Run one statement. Raises StoreError: it failed, or there was no answer in time, and the connection is closed."""
        pq, db = self._pq, self._db
        self.messages.clear()
        formats = [pq.Format.BINARY if isinstance(value, bytes) else pq.Format.TEXT for value in values]
        try:
            db.send_query_params(statement.encode(), [_bytes(value) for value in values], param_formats=formats)
            result = self._answer(sum(len(value) for value in values if isinstance(value, bytes)))
        except self._error as error:
            db.finish()
            raise StoreError(f"the journal's database: {said(str(error).encode())}") from None
        if result.status not in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
            state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
            raise StoreError(f"the journal's database: {said(result.error_message)}{_REMEDIES.get(state, '')}")
        return result

    def _answer(self, sent: int) -> "abc.PGresult":
        """`sent`: bytes, of which nobody sees how they get on once the system has them."""
        db, last = self._db, None
        patience_s = self._answer_s + sent / BYTES_LEAST
        until = time.monotonic() + LONGEST_S
        while db.flush():
            self._wait(patience_s, until, writing=True)
        while True:
            while db.is_busy():
                self._wait(patience_s, until)
                db.consume_input()
            found = db.get_result()
            if found is None:
                break
            last = found
        if last is None:
            raise StoreError("the journal's database has said nothing")
        return last

    def _wait(self, patience_s: float, until: float, *, writing: bool = False) -> None:
        """Return when something goes on. StoreError: nothing does, or it is `until`; the connection is closed."""
        left = min(patience_s, until - time.monotonic())
        if left <= 0 or not wait(self._db.socket, left, writing=writing):
            self._db.finish()
            raise StoreError(f"the journal's database has not answered for {self._answer_s:g} s")
        if writing:
            self._db.consume_input()

    def _commit(self, statement: str, values: _Values) -> "abc.PGresult":
        """A statement whose commit is to be on a standby. A warning says that it may not be."""
        result = self.ask(statement, values)
        if self.messages:
            raise StoreError(f"the journal's database warns: {'; '.join(self.messages)}")
        return result

    def _commit_surely(self, statement: str, values: _Values, prompt_s: float = 0.0) -> "abc.PGresult":
        """The same, of what is said to be durable. Who empties `synchronous_standby_names` lets go of all that waits, as if it
        were done, and without a warning: so what did not return within `prompt_s` is asked for once more."""
        began = time.monotonic()
        result = self._commit(statement, values)
        if self._replicated and result.command_tuples != 0 and time.monotonic() - began >= prompt_s:
            names = self.ask("SELECT current_setting('synchronous_standby_names') <> ''")
            if names.get_value(0, 0) != b"t":
                raise StoreError(
                    "synchronous_standby_names was emptied while a commit waited: it is on no standby, for all that is known"
                )
        return result


def _owner(result: "abc.PGresult") -> Owner | None:
    if not result.ntuples:
        return None
    node, holder, epoch, last, chain, check, until = (result.get_value(0, column) or b"" for column in range(7))
    return Owner(node.decode(), holder.decode(), int(epoch), int(last), _unhex(chain), _unhex(check), until.decode())


def _batch(row: Sequence[bytes]) -> Batch:
    first, last, epoch, snapshot, chain, lengths, body = row
    packed, bytes_ = _unhex(lengths), _unhex(body)
    sizes = [int.from_bytes(packed[at : at + _LENGTH]) for at in range(0, len(packed), _LENGTH)]
    if len(packed) != _LENGTH * (int(last) - int(first) + 1) or sum(sizes) != len(bytes_):
        raise StoreError(
            f"records {int(first)} to {int(last)} of the database are damaged: {len(sizes)} lengths that say {sum(sizes)} bytes, "
            f"and {len(bytes_)} bytes of body. Whatever changed it was no switch: compare with a standby and with the files"
        )
    ends = accumulate(sizes)
    payloads = [bytes_[end - size : end] for size, end in zip(sizes, ends, strict=True)]
    return Batch(int(first), payloads, _unhex(chain), int(epoch), snapshot == b"t")


def _unhex(value: bytes) -> bytes:
    r"""A bytea as text has it: `\x` and digits."""
    return bytes.fromhex(value[2:].decode())


def _bytes(value: str | int | bool | bytes) -> bytes:
    return value if isinstance(value, bytes) else str(value).encode()
