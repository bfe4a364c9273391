"""Two shards of one network as real processes, one of them killed: the other goes on, and all books agree to the centime."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from switch.cli._processes import Child
from switch.config.load import SHIPPED
from switch.core.records.lifecycle import Status
from switch.core.records.records import SCHEMA, AnyEntry, Forwarded
from switch.core.shards import is_passed_on
from switch.journal.ledgers import open_ledger
from switch.journal.log import Log, segments
from switch.journal.recovery import decode, journal_directory
from switch.simulators.reconciliation import Books, journal_rows, reconcile
from tests.e2e.stage import QUICK, Stage, wait_for
from tests.sharded import sharded


class ShardedStage(Stage):
    """A stage whose network has the shards a and b."""

    def __init__(self, directory: Path) -> None:
        file = directory / "sharded"
        file.with_suffix(".toml").write_text(sharded((SHIPPED / "morocco.toml").read_text()))
        super().__init__(directory, QUICK, str(file))
        self.shards = tuple(shard.name for shard in self.network.shards)

    def serve(self) -> Child:
        """All shards."""
        return self.start("serve", str(self.path), "--shards", "all", "--state", str(self.state), "--no-show")

    def pid(self, shard: str) -> int:
        """Of its process, once it is ready; 0: it is not."""
        try:
            return int(json.loads((self.state / shard / "ready.json").read_text())["pid"])
        except FileNotFoundError:
            return 0

    def entries_of(self, shard: str) -> list[AnyEntry]:
        """Every record of its journal."""
        directory = journal_directory(self.state / shard)
        return [decode(segment, record) for segment, record in Log(directory, SCHEMA, segments(directory))]

    def load(self, name: str, port: str, banks: tuple[str, ...], seconds: int) -> Child:
        """Terminals of these banks at one listener."""
        said = [word for bank in banks for word in ("--bank", bank)]
        return self.start(
            "terminal",
            "--network",
            str(self.path),
            "--port",
            port,
            *said,
            "--count",
            "10",
            "--rate",
            "100",
            "--duration",
            str(seconds),
            "--patience",
            "4",
            "--book",
            str(self.directory / f"{name}.json"),
            "--mix",
            "foreign=30",
        )


def own(entries: list[AnyEntry]) -> list[AnyEntry]:
    """The records of a shard's journal but those of payments that the other one has passed on."""
    keys = ((entry, key) for entry in entries for key in (getattr(entry, "key", None), getattr(entry, "undoes", None)))
    passed_on = {getattr(entry, "txn", 0) for entry, key in keys if key and is_passed_on(key[0])}
    assert passed_on, "nothing was passed on"
    return [entry for entry in entries if getattr(entry, "txn", 0) not in passed_on]


@pytest.mark.long
def test_a_shard_killed_under_load_costs_the_other_nothing_and_the_books_agree(tmp_path: Path) -> None:
    stage = ShardedStage(tmp_path)
    try:
        issuers = stage.issuers("--latency", "5", "--book", str(stage.directory / "issuers.json"))
        networks = stage.networks("--latency", "10", "--book", str(stage.directory / "networks.json"))
        switch = stage.serve()
        loads = [stage.load("t1", "acquirers", ("atlas",), 5), stage.load("t2", "acquirers-b", ("rif", "souss"), 5)]
        time.sleep(1.5)
        before, killed_us = stage.pid("b"), time.time_ns() // 1_000
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: stage.pid("b") not in (0, before))
        back_us = time.time_ns() // 1_000
        assert stage.pid("a"), "the other one went on"
        for terminals in loads:
            terminals.wait(60)
        wait_for(
            lambda: not any(row.owed for shard in stage.shards for row in journal_rows(stage.entries_of(shard))), 60
        )
        assert (networks.stop(), issuers.stop(), switch.stop()) == (0, 0, 0)
        assert "shard b has ended (exit code -9): started again in 0.5 s" in switch.text()
        assert "shard b is ready again" in switch.text()
        during = [
            entry.at_us
            for entry in stage.entries_of("a")
            if isinstance(entry, Forwarded) and killed_us < entry.at_us < back_us
        ]
        assert len(during) > 20, "a went on while b was gone"
        rows = [row for shard in stage.shards for row in journal_rows(own(stage.entries_of(shard)))]
        books = Books.from_json(
            *((stage.directory / f"{name}.json").read_bytes() for name in ("t1", "t2", "networks", "issuers"))
        )
        assert sum(book.sent for book in books.terminals) > 200, "there was no load to speak of"
        assert reconcile(books.terminals, books.networks, books.issuers, rows, declines_lost=True) == []
        numbers = [
            entry.txn for shard in stage.shards for entry in stage.entries_of(shard) if isinstance(entry, Forwarded)
        ]
        assert len(set(numbers)) == len(numbers)
        with open_ledger(stage.state, stage.network.currency) as ledger:
            assert ledger.now is not None
            posted = list(ledger.entries(ledger.now))
        assert {entry.acquirer for entry in posted} == {"atlas", "rif", "souss"}, "each once, from its acquirer's shard"
        standing = sum(row.amount for row in rows if row.status is Status.APPROVED)
        assert sum(entry.amount for entry in posted) == standing
    finally:
        stage.close()
