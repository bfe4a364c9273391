"""A switch made whole: its journal recovered, its links driven, until it is told to stop.

Order matters: the network file is checked and the journal recovered before a port opens; what was open when the last process
died becomes owed before anything is answered.
"""

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import msgspec
import trio

from switch.config.warnings import ending, ending_of, out_of_date
from switch.core.handover.changes import obstacles
from switch.core.handover.leaving import keep_leaving
from switch.core.handover.succession import take_over
from switch.core.network import Address, Network
from switch.core.operator.keys import KeyCommands
from switch.core.party import LinkId, Log
from switch.core.switch import Switch
from switch.doctor.explain import Explainer
from switch.journal.feed import Feed, absolute
from switch.journal.history import IndexHistory
from switch.journal.keys import KEY_FILE, KEYS, chain_key, open_vault
from switch.journal.recovery import Recovered
from switch.journal.store.shared import SharedLog, journal_of
from switch.security.files import make_private_directory
from switch.security.vault import KeyVault
from switch.server.beside import keep_running
from switch.server.control import Control, controlling
from switch.server.defects import keep_defects
from switch.server.driver import Driver, Sinks, trio_clock
from switch.server.driving import driving
from switch.server.gc_tuning import quiet_collector
from switch.server.handover import Handover
from switch.server.health import Health, HealthMonitor, Stall, look_at_disk, seconds_since
from switch.server.indexing import index_damaged, keep_index
from switch.server.keys import open_module
from switch.server.open_files import raise_open_files
from switch.server.operators import Operators, audit_of, check_audit
from switch.server.places import addresses_of, dials_of, links_ends
from switch.server.ports import time_rules, wall_offset
from switch.wire import Dialect, DialectError
from switch.wire.dialect import names


class Serving:
    """A running switch, and what it was made of."""

    def __init__(
        self,
        switch: Switch,
        driver: Driver,
        control: Control,
        feed: Feed,
        nursery: trio.Nursery,
        recovered: Recovered,
        state_dir: Path,
        sinks: Sinks,
        indexed: Callable[[], int],
    ) -> None:
        """`nursery`: of what ends with the switch. `indexed`: number of the last record that the journal's index has reached."""
        self.switch = switch
        self.network = switch.network
        self.dialects = dict(switch.dialects)
        self.vault, self.history = switch.vault, switch.history
        self.driver, self.control, self.feed, self.nursery = driver, control, feed, nursery
        self.recovered_records = recovered.folded
        self.recovery_ms = 0
        self.restarts = 0
        """how many programs have handed over to one another in this process"""
        self.gap_ms = 0
        """how long nobody was answered at the last of them"""
        self._state_dir, self._sinks = state_dir, sinks
        self._index_ended_ns = 0
        self._indexed, self._stall = indexed, Stall()
        self._network_since_us = switch.wall_us(trio_clock())
        self._journal_files = switch.network.journal
        self.monitor = HealthMonitor(self.health, driver.tell)
        self._index = trio.CancelScope()
        self._index_ended = trio.Event()
        self.changing = trio.Lock()
        """held while another switch is put in the place of this one"""
        self.followers: list[Callable[[Network], str]] = []
        """who is to hear of another network file: each says what of it cannot be done, "": nothing"""

    def go_on(self, inherited: Handover) -> None:
        """It has taken the place of another program."""
        self.restarts = inherited.restarts
        self.gap_ms = (trio_clock() - inherited.stopped_ns) // 1_000_000
        told = {
            "by": inherited.by,
            "gap_ms": self.gap_ms,
            "connections": self.driver.open_connections,
            "in_flight": len(self.switch.pending),
            "restarts": inherited.restarts,
        }
        self.driver.tell(Log("info", "restart.done", told))

    def hosts_up(self) -> tuple[list[str], list[str]]:
        """Names of the network file's hosts that are signed on, and of those that are not."""
        up: list[str] = []
        down: list[str] = []
        for name, host in self.switch.hosts.items():
            if not host.config.leaving_since_us:
                (up if host.up is not None else down).append(name)
        return up, down

    def health(self) -> Health:
        """What is so now."""
        switch, state = self.switch, self.switch.state
        up, down = self.hosts_up()
        kept_out = {target.partition(":")[2] for target in state.maintenance if target.startswith("host:")}
        oldest_us = next((entry.at_us for txn, entry in state.owed.items() if txn not in state.shelved), 0)
        wall_us = switch.wall_us(trio_clock())
        unpriced_us = next((item.at_us for item in state.unpriced.values()), wall_us)
        away = tuple(name for name in down if name not in kept_out)
        durable = switch.durable_position
        free_bytes, trouble = look_at_disk(self._state_dir)
        return Health(
            journal_down=switch.journal_down,
            journal_down_ago_s=seconds_since(self.driver.journal.down_ns if self.driver.journal is not None else 0),
            head_copy_trouble=self.feed.head_copy_trouble,
            unacknowledged_records=self.feed.unacknowledged,
            journal_waits_s=self._stall.seconds(switch.position, durable, trio_clock()),
            index_ended_ago_s=seconds_since(self._index_ended_ns),
            index_behind_records=max(0, durable - self._indexed()),
            hosts_up=tuple(up),
            hosts_away=away,
            hosts_stood_in=tuple(name for name in away if switch.hosts[name].config.standin),
            hosts_in_maintenance=tuple(name for name in down if name in kept_out),
            hosts_leaving=tuple(host.name for host in switch.network.hosts if host.leaving_since_us),
            owed=len(state.owed) - len(state.shelved),
            oldest_owed_s=max(0, wall_us - oldest_us) // 1_000_000 if oldest_us else 0,
            exceptions=len(state.exceptions) + len(state.shelved),
            unpriced=len(state.unpriced),
            oldest_unpriced_s=max(0, wall_us - unpriced_us) // 1_000_000,
            disk_free_bytes=free_bytes,
            disk_trouble=trouble,
            certificates=self._certificates(wall_us),
            revocations=tuple(out_of_date(self.network, wall_us)),
            keys=KeyCommands(switch.keys, switch).rows(trio_clock()),
            rules_off=switch.own_rules.off if switch.own_rules is not None else "",
            rules_closed=self.network.hooks is not None and self.network.hooks.when_off == "closed",
            network_since_us=self._network_since_us,
            connections=self.driver.open_connections,
            connections_max=self.driver.listeners.connections_max,
        )

    def _certificates(self, now_us: int) -> tuple[str, ...]:
        """Those that end soon, this side's first; of the others' those on connections there are."""
        shown = {
            (session.source or session.name, session.certificate)
            for session in self.switch.sessions.values()
            if session.certificate is not None
        }
        theirs = (ending_of(f"{one.subject} of {whose}", one.expires_us, now_us) for whose, one in shown)
        return (*(said for said, _ in ending(self.network, now_us)), *sorted(filter(None, theirs)))

    def follow(self, switch: Switch, network: Network, dialects: dict[str, Dialect]) -> list[str]:
        """Another switch is in the place of the one before. What of its file is not in effect, a sentence each."""
        self.switch, self.network, self.dialects = switch, network, dialects
        self._network_since_us = switch.wall_us(trio_clock())
        self.control.follow(switch.operator)
        if self.control.operators is not None:
            self.control.operators.follow(network)
        self.feed.limit(network.limits)
        if network.journal != self._journal_files:
            self._journal_files = network.journal
            if self.feed.head_copy != absolute(network.journal.head_copy):
                self._log(head_copy_unchanged(self.feed.head_copy))
        return [sentence for tell in self.followers if (sentence := tell(network))]

    async def keep_index(self) -> None:
        """Run the process that builds the journal's index, until `stop_index`."""
        self._index, self._index_ended = trio.CancelScope(), trio.Event()
        try:
            with self._index:
                keep = partial(keep_index, self._state_dir, self._log, self._note_index_ended)
                await keep_running(keep, "keeping the index's process", self._log)
        finally:
            self._index_ended.set()

    def _note_index_ended(self, event: Log) -> None:
        self._index_ended_ns = trio_clock()
        self._log(event)

    def _log(self, event: Log) -> None:
        self._sinks.log(event, time.time_ns())

    async def stop_index(self) -> None:
        """End it: what is not indexed is found in the log."""
        self._index.cancel()
        await self._index_ended.wait()

    def resume(self, dialled: Sequence[tuple[str, Address, int, LinkId]]) -> None:
        """A hand-over was begun and did not come about: go on dialling and indexing."""
        there = {(name, address, n): link for name, address, n, link in dialled if self.driver.knows(link)}
        self.driver.listeners.dial(dials_of(self.network), self.nursery, there)
        self.nursery.start_soon(self.keep_index)


def dialects_of(network: Network, known: Mapping[str, Dialect] | None = None) -> dict[str, Dialect]:
    """Every dialect the network's links speak, loaded once; the one in `known` where its file has not changed.

    Raises DialectError, a ValueError.
    """
    names = {listener.dialect for listener in network.listeners} | {host.dialect for host in network.hosts}
    found: dict[str, Dialect] = {}
    for name in sorted(names):
        read = Dialect.load(name, layouts=network.limits.codec_layouts)
        before = known.get(name) if known else None
        same = before is not None and (before.spec, before.family, before.version) == (
            read.spec, read.family, read.version,
        )  # fmt: skip
        found[name] = before if before is not None and same else read
    return found


def shipped_dialects() -> list[Dialect]:
    """Every dialect that comes with the switch: what a peer may speak that does not speak its link's."""
    return [Dialect.load(name) for name in names()]


def found_at_start(recovered: Recovered, feed: Feed) -> list[Log]:
    """Events of what the journal lacks, if it does."""
    troubles = dict.fromkeys(filter(None, (recovered.head_copy_trouble, feed.head_copy_trouble)))
    events = [head_copy_event(feed.head_copy, trouble) for trouble in troubles]
    if recovered.torn:
        events.append(Log("warning", "journal.tail_dropped", {
            "records": recovered.left_out, "after": recovered.position, "reason": recovered.torn,
            "hint": "a crash cut short what nobody had been told of: nothing acknowledged is lost",
        }))  # fmt: skip
    hint = "bring the segment back, or restore a backup: old payments cannot be reversed or repeated without it"
    missing = (
        {"records": gap.last - gap.first + 1, "first": gap.first, "last": gap.last, "path": gap.path, "hint": hint}
        for gap in recovered.gaps
    )
    return [*events, *(Log("error", "journal.records_missing", fields) for fields in missing)]


def key_beside(state_dir: Path) -> list[Log]:
    """An event, where the vault key lies in the state directory: whoever copies that has the key too."""
    inside = state_dir / KEY_FILE
    if not inside.exists():
        return []
    hint = f"mkdir -m 700 -p {state_dir.parent / KEYS} && mv {inside} {state_dir.parent / KEYS / f'{state_dir.name}.{KEY_FILE}'}"
    return [Log("warning", "vault.key_beside", {"path": str(inside), "hint": hint})]


def head_copy_unchanged(path: str) -> Log:
    """The network file names another copy of the journal's head than the one at `path`, or "", that is written."""
    hint = "the copy that the network file names now is written from the next `cmi-switch restart` on"
    return Log("warning", "journal.head_copy_unchanged", {"path": path, "hint": hint})


def head_copy_event(path: str, trouble: str) -> Log:
    """The copy of the journal's head cannot be read or written; or, where nothing is wrong any more, is written again."""
    if not trouble:
        return Log("info", "journal.head_copy_back", {"path": path})
    hint = "payments go on; look whether its disk is mounted and has room, and whether the file is this switch's own"
    return Log("warning", "journal.head_copy_failed", {"path": path, "reason": trouble, "hint": hint})


@asynccontextmanager
async def serving(
    network: Network,
    state_dir: Path,
    open_sinks: Callable[[], Sinks],
    inherited: Handover | None = None,
    tell_waiting: Callable[[str], None] | None = None,
) -> AsyncIterator[Serving]:
    """Run the switch of `network` while the body runs; journal and key live in `state_dir`.

    `open_sinks` is called once the journal is claimed: what it opens there is nobody else's.
    `inherited`: what the program before has left in this process. `tell_waiting`: it is a standby, and is told whom it waits for.
    Raises OSError (an address is in use), JournalError, VaultError and CertificateError with sentences for people; nothing is
    half-started then.
    """
    make_private_directory(state_dir)
    began = time.perf_counter()
    dialects = dialects_of(network)
    if inherited is not None:
        inherited.wait_for_children()
    ends = links_ends(network, {})
    vault, module = open_vault(state_dir), open_module(network.security)
    feed = feed_of(network, state_dir, vault, standby=tell_waiting is not None)
    recovered = feed.open(tell=tell_waiting or (lambda _: None))
    with ExitStack() as opened:
        opened.callback(feed.close)
        sinks = open_sinks()
        sinks = msgspec.structs.replace(sinks, log=keep_defects(sinks.log, state_dir))
        files = raise_open_files(network)
        if files.too_few is not None:
            sinks.log(files.too_few, time.time_ns())
        feed.tell_head_copy = lambda trouble: sinks.log(head_copy_event(feed.head_copy, trouble), time.time_ns())
        for event in [*found_at_start(recovered, feed), *key_beside(state_dir)]:
            sinks.log(event, time.time_ns())
        history = IndexHistory(state_dir, lambda why: sinks.log(index_damaged(why), time.time_ns()))
        opened.callback(history.close)
        switch = Switch(
            network, dialects, recovered.state, recovered.position, vault, history, Explainer(shipped_dialects), module
        )
        time_rules(switch)
        switch.wall_offset_ns = wall_offset()
        inherited = begin(switch, dialects, inherited, sinks)
        operators = Operators(network, audit_of(state_dir, vault.audit_secret))
        async with (
            driving(
                switch,
                sinks=sinks,
                listen=list(addresses_of(network).items()),
                dial=dials_of(network),
                limits=network.limits,
                journal=feed,
                durable=recovered.position,
                inherited=inherited,
                ends=ends,
            ) as driver,
            controlling(driver, switch.operator, state_dir, operators, network.operator_group) as control,
            trio.open_nursery() as nursery,
        ):
            running = Serving(switch, driver, control, feed, nursery, recovered, state_dir, sinks, history.reached)
            driver.listeners.files_max = files.connections_max
            running.recovery_ms = round((time.perf_counter() - began) * 1000)
            if inherited is not None:
                running.go_on(inherited)
            nursery.start_soon(running.keep_index)
            nursery.start_soon(check_audit, audit_of(state_dir, vault.audit_secret), driver.tell)
            nursery.start_soon(keep_running, running.monitor.keep_looking, "looking at health", driver.tell)
            control.add("health", running.monitor.command)
            control.unwell = lambda: [problem.sentence for problem in running.monitor.problems()]
            with quiet_collector():
                yield running
            nursery.cancel_scope.cancel()


def feed_of(network: Network, state_dir: Path, vault: KeyVault, *, standby: bool) -> Feed:
    """What hands records to the journal, in files or in the database that the network file names."""
    files = network.journal
    shared = None
    if files.store:
        shared = SharedLog.of(files, journal_of(network.name, network.shard), standby=standby)
    key = chain_key(vault)
    return Feed(state_dir, network.name, network.limits, key=key, head_copy=files.head_copy, shared=shared)


def with_leaving(network: Network, inherited: Handover | None) -> Network:
    """What to run by after a restart in place: the network file, and the hosts of before that it has not got, as leaving; those
    whose dialect cannot be read any more are not kept."""
    before = inherited.network() if inherited is not None else None
    if before is None:
        return network
    spoken = {host.dialect for host in before.hosts}
    for name in sorted(spoken):
        try:
            Dialect.load(name)
        except DialectError:
            spoken.discard(name)
    staying = {host.name for host in before.hosts if host.dialect in spoken}
    return keep_leaving(before, network, time.time_ns() // 1_000, staying)


def begin(switch: Switch, dialects: dict[str, Dialect], inherited: Handover | None, sinks: Sinks) -> Handover | None:
    """The switch's first call: with what was left to it or, where there is nothing or it is of no use, as after a crash.

    `dialects`: the switch's own; those that only links of before speak are added.

    Returns what is left of `inherited`: without a memory, its connections are closed, and their peers come again.
    """
    now = trio_clock()
    if inherited is None:
        switch.started(now)
        return None
    try:
        memory = inherited.recall()
        found = obstacles(memory.network, switch.network)
        if found:
            raise ValueError("; ".join(obstacle.sentence for obstacle in found))
        for session in memory.sessions:
            if session.dialect not in dialects:  # of a link that is about to end, and may still say something
                with suppress(DialectError):
                    dialects[session.dialect] = Dialect.load(session.dialect)
        take_over(switch, memory, now)
    except ValueError as error:
        for sock in inherited.sockets().values():
            sock.close()
        sinks.log(Log("warning", "restart.without_memory", {
            "reason": str(error), "closed": len(inherited.connections),
            "hint": "their peers connect again; what was under way is owed a reversal, as after a crash",
        }), now + switch.wall_offset_ns)  # fmt: skip
        switch.started(now)
        return msgspec.structs.replace(inherited, connections=(), dialled=())
    return inherited
