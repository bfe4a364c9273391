"""Playbooks: a test that reads as a script of messages and times, against the real switch and the real codec, without sockets.

    book = Playbook(load_network("morocco"))
    atlas = book.host("atlas")                      # connected, and signed on by the switch
    pos = book.acquirer("acquirers", "504101")      # connected, and signed on
    pos.sends({"t": "0200", …})
    request = atlas.gets()
    book.passes(seconds=10)                         # the issuer stays silent
    assert pos.gets()["39"] == "91"

Time is virtual and moves only when the script says so. What the switch records is durable at once unless the script holds the
journal (`book.journal_holds()`); a crash keeps what was durable and nothing else.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, Protocol, TypeVar

import msgspec

from switch.core.handover.leaving import keep_leaving, let_go, reasons_to_stay
from switch.core.handover.memory import Memory
from switch.core.handover.succession import hand_over, take_over
from switch.core.link_control.diagnosis import LinkDoctor
from switch.core.links.sealing import Sealing, Sealings, whole
from switch.core.messages.internal import answer
from switch.core.messages.translator import translator_for
from switch.core.network import LinkKeys, Network
from switch.core.outbox import Outbox, Ports
from switch.core.party import Certificate, Close, Hop, LinkId, Log, Send
from switch.core.records.entry import Entry
from switch.core.records.fold import apply
from switch.core.records.records import AnyEntry
from switch.core.records.state import State
from switch.core.switch import Switch
from switch.core.transactions.own_rules import keep_rules
from switch.journal.memory import DictHistory
from switch.security.module import SecurityModule
from switch.security.vault import ClearVault
from switch.sim.clock import EPOCH_NS, SECOND_NS, Progress
from switch.wire import Dialect
from switch.wire.framing import Framing, make_framing
from switch.wire.vocabulary import DE, Answer, Document, is_response

E = TypeVar("E", bound=Entry)


class End(Protocol):
    """Whatever holds the other end of a link."""

    closed: str
    """why the switch closed the link; "" while it is open"""

    def take(self, data: bytes) -> None:
        """Bytes from the switch. Answer later, with `Playbook.deliver`: the switch is still at work here."""


class Peer:
    """The other end of one link, as a script holds it: it sends and reads documents in internal format, whatever the dialect."""

    def __init__(self, book: "Playbook", link: LinkId, dialect: Dialect, framing: Framing, institution: str) -> None:
        self._book = book
        self.link = link
        self.dialect = dialect
        self._framing = framing
        self._translator = translator_for(dialect, institution, book.network.institution)
        self._raw: dict[tuple[str, str], Document] = {}
        self._inbox: deque[Document] = deque()
        self.sealing: Sealing | None = None
        """what it makes MACs with, and asks of what it gets; None: there are none"""
        self.seen: Callable[[str], None] | None = None
        """told of the key that a message is proved by, where it is not the one in use"""
        self.closed = ""
        """why the switch closed the link; "" while it is open"""

    def sends(self, document: Document) -> None:
        """One whole message."""
        request = self._raw.get((document.get(DE.STAN, ""), document.get(DE.TRANSMISSION_TIME, "")))
        answers = is_response(document[DE.MTI])
        self.sends_link(self._translator.outward(document, request if answers else None))

    def sends_link(self, link: Document) -> None:
        """One whole message in the link's own form."""
        frame = self._framing.frame
        if self.sealing is not None:
            self.sends_bytes(whole(self.sealing.seal(self.dialect, link, frame)))
        else:
            self.sends_bytes(frame(self.dialect.encode(link)))

    def sends_bytes(self, data: bytes) -> None:
        """Bytes as they are."""
        self._book.deliver(self.link, data)

    def answers(self, request: Document, de39: str = Answer.APPROVED, **more: str) -> None:
        """Answer `request` (as `gets` gave it) with DE39; further elements as `de38="123456"`."""
        extra = {name.removeprefix("de"): value for name, value in more.items()}
        self.sends(answer(request, de39, extra))

    def take(self, data: bytes) -> None:
        """Bytes from the switch."""
        for frame in self._framing.feed(data):
            if self.sealing is not None:
                verdict = self.sealing.check([frame])[0]
                assert verdict.good, verdict.reason
                if verdict.key and self.seen is not None:
                    self.seen(verdict.key)
            raw = self.dialect.decode(frame)
            document = self._translator.inward(raw)
            self._raw[document.get(DE.STAN, ""), document.get(DE.TRANSMISSION_TIME, "")] = raw
            self._inbox.append(document)

    def gets(self) -> Document:
        """The next message that came. AssertionError when none did."""
        assert self._inbox, f"{self.link} got nothing"
        return self._inbox.popleft()

    def raw_of(self, document: Document) -> Document:
        """The link's form of a message that came (as `gets` gave it)."""
        return self._raw[document.get(DE.STAN, ""), document.get(DE.TRANSMISSION_TIME, "")]

    def got_nothing(self) -> bool:
        """True while no message waits to be read."""
        return not self._inbox

    def hangs_up(self) -> None:
        """Close the connection from this end."""
        self._book.hang_up(self.link)


def _dialect(name: str) -> Dialect:
    """A file of one's own may change from one script to the next; what comes with the switch does not."""
    return Dialect.load(name) if "/" in name or name.endswith(".json") else _shipped(name)


@lru_cache
def _shipped(name: str) -> Dialect:
    return Dialect.load(name)


class Playbook:
    """A switch and the script's hold on its world."""

    def __init__(
        self, network: Network, entries: Iterable[AnyEntry] = (), now: int = 0, links: int = 0,
        dialects: dict[str, Dialect] | None = None, doctor: LinkDoctor | None = None,
        module: SecurityModule | None = None, wall_offset_ns: int = EPOCH_NS,
    ) -> None:  # fmt: skip
        """`dialects`: loaded before. `doctor`: explains links that do not come up. `wall_offset_ns`: when `now` is 0."""
        self.network = network
        self._doctor, self._module = doctor, module
        self.now = now
        self.entries: list[AnyEntry] = list(entries)
        """every record, durable or not"""
        self.hops: list[Hop] = []
        self.logs: list[Log] = []
        self._outbox = Outbox(self._ports(), len(self.entries))
        self._holding = False
        self._progress = Progress()
        self._peers: dict[LinkId, End] = {}
        self._links = links
        names = {listener.dialect for listener in network.listeners} | {host.dialect for host in network.hosts}
        self._dialects = dialects or {name: _dialect(name) for name in names}
        state = State(network.limits)
        for entry in self.entries:
            apply(state, entry)
        self.switch = Switch(
            network, self._dialects, state, len(self.entries), ClearVault(), DictHistory(self), doctor, module
        )
        self.switch.strict = True
        self.switch.wall_offset_ns = wall_offset_ns
        self.switch.started(self.now)
        self._carry_out()

    @property
    def durable(self) -> int:
        """So many of the records are durable."""
        return self._outbox.durable

    # -- the other ends

    def connects(
        self,
        name: str,
        dialect: str,
        framing: str,
        institution: str = "",
        address: str = "127.0.0.1",
        certificate: Certificate | None = None,
        sealing: Sealing | None = None,
    ) -> Peer:
        """A new connection on listener or host link `name`, from `address`; secured, where there is a `certificate`."""
        self._links += 1
        peer = Peer(self, f"{name}#{self._links}", self._dialects[dialect], make_framing(framing), institution)
        peer.sealing = sealing
        self._peers[peer.link] = peer
        self.switch.connected(peer.link, self.now, address, certificate)
        self._carry_out()
        return peer

    def join(self, name: str, end: End) -> LinkId:
        """A new connection on listener or host link `name` whose bytes are the caller's own business."""
        self._links += 1
        link = f"{name}#{self._links}"
        self._peers[link] = end
        self.switch.connected(link, self.now)
        self._carry_out()
        return link

    def acquirer(self, listener: str, institution: str, *, sign_on: bool = True, address: str = "127.0.0.1") -> Peer:
        """A connection to a listener, signed on unless told otherwise."""
        config = next(x for x in self.network.listeners if x.name == listener)
        member = next((m for m in self.network.members if m.institution == institution), None)
        sealing = None
        if config.role == "terminal":
            sealing = self.sealing_of(config.keys, config.dialect)
        elif member is not None:
            sealing = self.sealing_of(member.keys, config.dialect)
        peer = self.connects(config.name, config.dialect, config.framing, institution, address, sealing=sealing)
        if sign_on:
            stan_de7 = {DE.STAN: "000001", DE.TRANSMISSION_TIME: self.switch.de7(self.now)}
            peer.sends({DE.MTI: "0800", **stan_de7, DE.ACQUIRER: institution, DE.NETWORK_CODE: "001"})
            assert peer.gets()[DE.RESPONSE_CODE] == Answer.APPROVED
        return peer

    def host(self, name: str, *, sign_on: bool = True) -> Peer:
        """The host behind a host link; answers the switch's sign-on unless told otherwise."""
        config = next(x for x in self.network.hosts if x.name == name)
        sealing = self.sealing_of(config.keys, config.dialect)
        peer = self.connects(config.name, config.dialect, config.framing, config.institution, sealing=sealing)
        if sign_on:
            peer.answers(peer.gets(), Answer.APPROVED, de70="001")
        return peer

    def sealing_of(self, keys: LinkKeys, dialect: str) -> Sealing | None:
        """What the other end of a link makes its MACs with, if there are any: the same keys as the switch."""
        return Sealings(self.network, self._module).of(keys, self._dialects[dialect])

    # -- what happens

    def passes(self, seconds: float) -> None:
        """Let time pass; the switch does what falls due, when it falls due."""
        until = self.now + round(seconds * SECOND_NS)
        while (due := self.switch.next_deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.switch.tick(self.now)
            self._progress.check(self.switch, self.now)
            self._carry_out()
        self.now = until

    def deliver(self, link: LinkId, data: bytes) -> None:
        """Bytes arrive at the switch."""
        self.switch.received(link, data, self.now)
        self._carry_out()

    @contextmanager
    def turn(self, room: int) -> Iterator[None]:
        """All that is sent in this block arrives in one turn, with room for so many requests (`transactions.overload`)."""
        self.switch.hold(room)
        yield
        self.switch.settle(self.now)
        self._carry_out()

    def hang_up(self, link: LinkId) -> None:
        """A connection ends."""
        self._peers.pop(link, None)
        self.switch.disconnected(link, self.now)
        self._carry_out()

    def asks(self, command: str, **arguments: Any) -> Any:
        """A command of an operator (`links.list` …). Raises `core.operator.command.Unable`."""
        try:
            return self.switch.operator.ask(command, arguments, "operator", self.now)
        finally:
            self._carry_out()

    def journal_holds(self) -> None:
        """From here on nothing becomes durable until `journal_flushes`."""
        self._holding = True

    def journal_flushes(self) -> None:
        """All that was recorded becomes durable."""
        self._holding = False
        self._carry_out()

    def journal_fails(self, reason: str) -> None:
        """The journal's writer is gone."""
        self._holding = True
        self.switch.journal_state(False, reason, self.now)
        self._carry_out()

    def journal_returns(self) -> None:
        """The writer is back, and makes durable what it never acknowledged."""
        self.switch.journal_state(True, "", self.now)
        self.journal_flushes()

    def crashes(self) -> "Playbook":
        """Kill the switch here; the playbook of the one that starts from what was durable. All links are gone."""
        last, wall = self.entries[: self.durable], self.switch.wall_offset_ns
        return Playbook(self.network, last, self.now, self._links, self._dialects, None, self._module, wall)

    def reloads(self, network: Network) -> None:
        """The network file is reloaded: a switch of `network`, and of hosts that are leaving, follows this one in its process,
        with all links."""
        staying = reasons_to_stay(self.switch, network, self.now)
        self._follow(keep_leaving(self.network, network, self.switch.wall_us(self.now), staying))

    def drops_leaving(self) -> frozenset[str]:
        """Hosts that are leaving and that nothing can come back to go. Returns their names."""
        gone = self.switch.leaving.may_go(self.now)
        if gone:
            self._follow(let_go(self.network, gone))
        return gone

    def _follow(self, network: Network) -> None:
        memory = hand_over(self.switch, whole=False)
        before = self.switch
        self._succeed(network, memory, before.state, before.wall_offset_ns)
        keep_rules(before, self.switch)

    def hands_over(self, network: Network | None = None) -> None:
        """A restart: a switch in a new process follows this one, with all links. It folds the journal from its last snapshot."""
        self.switch.snapshot(self.now)
        self._carry_out()
        assert self.durable == len(self.entries), "a switch hands over what is durable"
        packed = msgspec.msgpack.encode(hand_over(self.switch, whole=True))
        state = State((network or self.network).limits)
        for entry in self.entries[-1:]:
            apply(state, entry)
        memory = msgspec.msgpack.decode(packed, type=Memory)
        after = keep_leaving(memory.network, network or self.network, self.switch.wall_us(self.now))
        self._succeed(after, memory, state, self.switch.wall_offset_ns)

    def _succeed(self, network: Network, memory: Memory, state: State, wall_offset_ns: int) -> None:
        self.network = network
        names = {listener.dialect for listener in network.listeners} | {host.dialect for host in network.hosts}
        self._dialects.update({name: Dialect.load(name) for name in names - self._dialects.keys()})
        position = len(self.entries)
        self.switch = Switch(
            network, self._dialects, state, position, ClearVault(), DictHistory(self), self._doctor, self._module
        )
        self.switch.strict = True
        self.switch.wall_offset_ns = wall_offset_ns
        take_over(self.switch, memory, self.now)
        self._carry_out()

    def recorded(self, kind: type[E]) -> list[E]:
        """The records of one kind, in order."""
        return [entry for entry in self.entries if type(entry) is kind]

    def logged(self, event: str) -> list[Log]:
        """The log events of one name, in order."""
        return [log for log in self.logs if log.event == event]

    # -- effects

    def _carry_out(self) -> None:
        switch, outbox = self.switch, self._outbox
        while switch.effects or (not self._holding and outbox.durable < len(self.entries)):
            effects, switch.effects = switch.effects, []
            outbox.carry_out(effects, self.now, switch.wall_offset_ns)
            if not self._holding and outbox.durable < len(self.entries):
                position = len(self.entries)
                switch.durable(position, self.now)
                outbox.release(position, self.now, switch.wall_offset_ns)

    def _ports(self) -> Ports:
        return Ports(
            send=self._send,
            record=self._record,
            hop=lambda hop, _at_ns, _wall_ns: self.hops.append(hop),
            sent=lambda hop, at_ns, _wall_ns: self.hops.append(msgspec.structs.replace(hop, at_ns=at_ns)),
            log=lambda log, _wall_ns: self.logs.append(log),
            close=lambda close, _now: self._closed(close),
            undelivered=self._report_undelivered,
        )

    def _send(self, send: Send) -> bool:
        peer = self._peers.get(send.link)
        if peer is not None:
            peer.take(send.data)
        return peer is not None

    def _report_undelivered(self, link: LinkId, txn: int, now: int) -> None:
        self.switch.undelivered(link, txn, now)

    def _record(self, position: int, entry: AnyEntry) -> None:
        assert position == len(self.entries) + 1
        self.entries.append(entry)

    def _closed(self, close: Close) -> None:
        peer = self._peers.pop(close.link, None)
        if peer is not None:
            peer.closed = close.reason
            self.switch.disconnected(close.link, self.now)
