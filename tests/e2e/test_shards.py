"""Shards of one network as real processes, killed, restarted, reloaded: the others go on, and all books agree to the centime."""

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.cli._processes import Child
from switch.cli.main import main
from switch.config.load import SHIPPED
from switch.core.records.lifecycle import Status
from switch.core.records.records import SCHEMA, AnyEntry, Booted, Declined, Forwarded
from switch.core.shards import is_passed_on
from switch.journal.ledgers import open_ledger
from switch.journal.log import Log
from switch.journal.recovery import entries_of, journal_directory
from switch.security.keyring import KeyRing
from switch.security.lmk import make_lmk
from switch.server.asking import ask_switch
from switch.simulators.reconciliation import Books, JournalRow, journal_rows, reconcile
from tests.e2e.stage import QUICK, Stage, wait_for
from tests.sharded import sharded


class ShardedStage(Stage):
    """A stage whose network has shards."""

    def __init__(self, directory: Path, shards: str = "ab", *, keys: bool = False) -> None:
        """`keys`: what is passed on has MACs, and PINs are encrypted anew at each shard."""
        file = directory / "sharded"
        text = sharded((SHIPPED / "morocco.toml").read_text(), shards)
        file.with_suffix(".toml").write_text(with_keys(text, directory) if keys else text)
        super().__init__(directory, QUICK, str(file))
        self._more = ("--pins",) if keys else ()
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
        return list(entries_of(self.state / shard))

    def has(self, count: int) -> bool:
        """True if each shard's journal has so many records: a look at files, not at what is in them."""
        return all(sum(1 for _ in Log(journal_directory(self.state / shard), SCHEMA)) > count for shard in self.shards)

    def load(self, name: str, port: str, banks: tuple[str, ...], rate: int = 100) -> Child:
        """Terminals of these banks at one listener, until they are stopped."""
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
            str(rate),
            "--duration",
            "0",
            "--patience",
            "4",
            "--book",
            str(self.directory / f"{name}.json"),
            "--mix",
            "foreign=30",
            *self._more,
        )


def with_keys(text: str, directory: Path) -> str:
    """Each shard proves what it is passed; each bank, host and shard has a key of its own for PINs."""
    ring = KeyRing(directory / "keys.json", make_lmk(directory / "lmk.key", os.urandom(32)), os.urandom)

    def given(section: re.Match[str]) -> str:
        kind, name = section.groups()
        names = {"pin_key": "zpk", "mac_key": "zak"} if kind == "shard" else {"pin_key": "zpk"}
        with ring.audit.turn():
            for usage in names.values():
                ring.generate(
                    f"{kind}-{name}-{usage}", usage, "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test"
                )
        lines = (f'{key} = "{kind}-{name}-{usage}"\n' for key, usage in names.items())
        return section[0] + "".join(lines)

    text = re.sub(r"(?m)^pass_pin = true.*\n", "", text)
    text = re.sub(r'\[\[(shard|member|host)\]\]\nname = "(\w+)"\n', given, text)
    text = re.sub(r'\[\[(shard|member|host)\]\]\nshard = "\w"\nname = "(\w+)"\n', given, text)
    return f'{text}\n[security]\nkeys = "{directory}/keys.json"\nlmk = "{directory}/lmk.key"\n'


def own(entries: list[AnyEntry]) -> list[AnyEntry]:
    """The records of a shard's journal but those of payments that the other one has passed on."""
    keys = ((entry, key) for entry in entries for key in (getattr(entry, "key", None), getattr(entry, "undoes", None)))
    passed_on = {getattr(entry, "txn", 0) for entry, key in keys if key and is_passed_on(key[0])}
    assert passed_on, "nothing was passed on"
    return [entry for entry in entries if getattr(entry, "txn", 0) not in passed_on]


def owes_nothing(stage: ShardedStage) -> bool:
    """As the switches themselves say: their journals are read once, at the end."""
    return not any(ask_switch(stage.state / shard, "health", {})["owed"] for shard in stage.shards)


def agreed(stage: ShardedStage, *loads: str) -> list[JournalRow]:
    """The payments of all shards, of which terminals, networks and issuers say the same; all processes have ended."""
    rows = [row for shard in stage.shards for row in journal_rows(own(stage.entries_of(shard)))]
    books = Books.from_json(
        *((stage.directory / f"{name}.json").read_bytes() for name in (*loads, "networks", "issuers"))
    )
    assert sum(book.sent for book in books.terminals) > 200, "there was no load to speak of"
    assert reconcile(books.terminals, books.networks, books.issuers, rows, declines_lost=True) == []
    return rows


@pytest.mark.long
def test_a_shard_killed_under_load_costs_the_other_nothing_and_the_books_agree(tmp_path: Path) -> None:
    """What is passed on between them has MACs, and cardholders type PINs."""
    stage = ShardedStage(tmp_path, keys=True)
    try:
        issuers = stage.issuers("--latency", "5", "--book", str(stage.directory / "issuers.json"))
        networks = stage.networks("--latency", "10", "--book", str(stage.directory / "networks.json"))
        switch = stage.serve()
        loads = [stage.load("t1", "acquirers", ("atlas",)), stage.load("t2", "acquirers-b", ("rif", "souss"))]
        wait_for(lambda: stage.has(300), 30)
        before, killed_us = stage.pid("b"), time.time_ns() // 1_000
        os.kill(before, signal.SIGKILL)
        wait_for(lambda: stage.pid("b") not in (0, before))
        back_us = time.time_ns() // 1_000
        assert stage.pid("a"), "the other one went on"
        time.sleep(1)
        for terminals in loads:
            terminals.stop(60)
        wait_for(lambda: owes_nothing(stage), 60)
        assert (networks.stop(), issuers.stop(), switch.stop()) == (0, 0, 0)
        assert "shard b has ended (exit code -9): started again in 0.5 s" in switch.text()
        assert "shard b is ready again" in switch.text()
        during = [
            entry.at_us
            for entry in stage.entries_of("a")
            if isinstance(entry, Forwarded) and killed_us < entry.at_us < back_us
        ]
        assert len(during) > 20, "a went on while b was gone"
        for shard in stage.shards:
            said = (stage.state / shard / "hops.jsonl").read_text()
            assert not re.findall('"event":"(?:mac|pin|key)[.][^"]*"', said)
            passed = [line for line in said.splitlines() if '"link":"shards#' in line and '"event":"hop.sent"' in line]
            assert any('"mti":"0210"' in line and '"de39":"00"' in line for line in passed), "some are approved"
        rows = agreed(stage, "t1", "t2")
        assert not any(row.owed for row in rows)
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


@pytest.mark.long
def test_three_shards_restarted_and_reloaded_under_load_and_an_owner_killed(tmp_path: Path) -> None:
    """Of b alone, and of all. While c is gone, others decline Souss' cards, whose host it owns, with 91."""
    stage = ShardedStage(tmp_path, "abc")
    try:
        issuers = stage.issuers("--latency", "5", "--book", str(stage.directory / "issuers.json"))
        networks = stage.networks("--latency", "10", "--book", str(stage.directory / "networks.json"))
        switch = stage.serve()
        loads = [
            stage.load(f"t-{bank}", port, (bank,), rate=25)
            for bank, port in (("atlas", "acquirers"), ("rif", "acquirers-b"), ("souss", "acquirers-c"))
        ]
        wait_for(lambda: stage.has(50), 30)
        before = {shard: stage.pid(shard) for shard in stage.shards}
        alone = CliRunner().invoke(main, ["restart", "--state", str(stage.state / "b")])
        assert "for the 1st time" in alone.output, alone.output
        os.kill(switch.pid, signal.SIGUSR2)
        wait_for(lambda: [restarts(stage, shard) for shard in stage.shards] == [1, 2, 1], 90)
        stage.path.write_text(stage.path.read_text().replace("max_pending = 4_000", "max_pending = 3_000"))
        reloaded = said(stage, "reload")
        assert reloaded.output.count("[[host]] visa: max_pending: 4000 -> 3000") == 3, reloaded.output
        assert {shard: stage.pid(shard) for shard in stage.shards} == before, "the same processes"
        killed_us = time.time_ns() // 1_000
        os.kill(before["c"], signal.SIGKILL)
        wait_for(lambda: stage.pid("c") not in (0, before["c"]))
        back_us = time.time_ns() // 1_000
        time.sleep(1)
        for terminals in loads:
            terminals.stop(60)
        wait_for(lambda: owes_nothing(stage), 60)
        assert (networks.stop(), issuers.stop(), switch.stop()) == (0, 0, 0)
        for shard in "ab":
            entries = stage.entries_of(shard)
            assert sum(isinstance(entry, Booted) for entry in entries) == 1, "no restart in place is a cold start"
            during = [entry for entry in entries if killed_us < entry.at_us < back_us]
            refused = [entry for entry in during if isinstance(entry, Declined) and "souss" in entry.reason]
            assert {entry.de39 for entry in refused} == {"91"}
            assert sum(isinstance(entry, Forwarded) for entry in during) > 10, "it went on while c was gone"
        rows = agreed(stage, "t-atlas", "t-rif", "t-souss")
        assert not any(row.owed for row in rows)
    finally:
        stage.close()


def restarts(stage: ShardedStage, shard: str) -> int:
    """In place, of one shard, that are done."""
    return (stage.state / shard / "hops.jsonl").read_text().count('"event":"restart.done"')


def said(stage: ShardedStage, *arguments: str) -> Result:
    """What a command says of both shards."""
    return CliRunner().invoke(main, [*arguments, "--state", str(stage.state)])


@pytest.mark.long
def test_commands_ask_each_shard_and_a_day_ends_in_all_of_them_once(tmp_path: Path) -> None:
    stage = ShardedStage(tmp_path)
    try:
        switch = stage.serve()
        wait_for(lambda: "Ready:" in switch.text(), 30)
        for command in (("links", "list"), ("saf", "list"), ("exceptions", "list"), ("cards", "hot", "list")):
            output = said(stage, *command).output
            assert output.startswith("shard a:\n"), command
            assert "\nshard b:\n" in output, command
        health = [json.loads(line) for line in said(stage, "health", "--json").stdout.splitlines()]
        assert [one["shard"] for one in health] == ["a", "b"]
        assert "shard a:\nhost visa" in said(stage, "links", "signoff", "visa").output, "b passes on to its owner"
        assert said(stage, "links", "resume", "visa").exit_code == 0
        unknown = said(stage, "saf", "retry", "6610f4c2d0994")
        assert (unknown.exit_code, unknown.output.count("txn.not_owed")) == (1, 2)
        assert "asked of one: --state" in said(stage, "metrics").output

        def days() -> list[str]:
            return [json.loads(line)["day"] for line in said(stage, "day", "show", "--json").stdout.splitlines()]

        (before, same), ends = days(), said(stage, "day", "close")
        assert (before, ends.exit_code) == (same, 0), ends.output
        after = days()
        assert after[0] == after[1] > before
        again = said(stage, "day", "close")
        assert (again.exit_code, days()) == (1, after), again.output
        assert "is left as it is" in again.output
        os.kill(stage.pid("b"), signal.SIGSTOP)
        ends = said(stage, "day", "close", "--again")
        assert (ends.exit_code, "when it is back: cmi-switch day close --ends" in ends.output) == (1, True), ends.output
        os.kill(stage.pid("b"), signal.SIGCONT)
        ends = said(stage, "day", "close", "--ends", after[0])
        assert (ends.exit_code, "was closed before" in ends.output) == (0, True), ends.output
        late = days()
        assert late[0] == late[1] > after[0]
        assert switch.stop() == 0
    finally:
        stage.close()
