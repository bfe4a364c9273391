"""A soak from its first process to its last book.

In: a plan. Out: an outcome. What goes on meanwhile is told once a second.
"""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Final

import msgspec
import trio

from switch.config.load import load_network
from switch.core.network import Address, Network
from switch.loopback import free_ports, on_free_ports, ports_in
from switch.observe import HOP_LOG
from switch.simulators.reconciliation import Books, Difference
from switch.soak.closes import Closer
from switch.soak.disk import Disk
from switch.soak.disputes import Disputer
from switch.soak.faults import Fault, Kind, Targets, draw_faults
from switch.soak.links import Link
from switch.soak.network_file import hurried, led_through
from switch.soak.processes import GATEWAY, INDEX, SWITCH, WRITER, Recovery, Services, Start
from switch.soak.verdict import Verdict, count_owed, judge
from switch.soak.watch import Watch

if TYPE_CHECKING:
    from switch.soak.web import WebSide

REST_S: Final = 180.0
"""for what is open to end and what is owed to arrive, once nothing is broken any more"""
_LATEST_S: Final = 5.0
"""after its request, an issuer's late answer: what `hurried` gives hosts, and what late cards add"""
_CALM_S: Final = 2.0
"""before the first fault, and after the last"""
_PATIENCE_S, _REPEATS = "4", "1"
"""of the acquirers: above what the switch takes to answer when nothing is wrong"""
_POS_SHARE: Final = 0.35
_ABROAD_SHARE: Final = 0.03
"""of each network, beside the acquirers' rate"""
WEB_SHARE: Final = 0.06
"""of web payments, beside the acquirers' rate"""
_SILENT: Final = "silent=0.2"


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for."""

    directory: Path
    """of this run; exists and is empty"""
    text: str
    """of the network file"""
    rate: float
    duration_s: float
    """of faults; 0: until `kills`"""
    kills: int
    """no more faults after so many kills; 0: no bound"""
    every_s: float
    seed: int
    disk: bool = True
    """fill the journal's disk, too"""

    @property
    def state(self) -> Path:
        """The switch's directory."""
        return self.directory / "state"

    @property
    def hosts(self) -> Path:
        """The hosts' books, a directory each."""
        return self.directory / "hosts"

    @property
    def log(self) -> Path:
        """The hop log."""
        return self.state / HOP_LOG


class Status(msgspec.Struct):
    """What goes on."""

    elapsed_s: float = 0.0
    rate: float = 0.0
    """payments answered a second, lately"""
    answered: int = 0
    in_flight: int = 0
    faults: Counter[str] = msgspec.field(default_factory=Counter)
    """so far, as `kill issuer`"""
    kills: int = 0
    now: list[str] = msgspec.field(default_factory=list)
    """what is broken at the moment"""
    phase: str = "starting"


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What came of it."""

    verdict: Verdict
    faults: dict[str, int]
    kills: int
    duration_s: float
    """under faults"""
    unexpected: list[str]
    """processes that ended by themselves, or would not start or stop"""
    refused_starts: list[str]
    """of the switch: there was no room for its journal"""
    recoveries: list[Recovery]
    disk: str
    """how the journal's disk was filled, or why it was not"""
    web: dict[str, int] = {}
    """what buyers saw: `paid`, `failed`, `declined`, `gave up`; and how many of the orders are `paid by a code`"""

    @property
    def sound(self) -> bool:
        """True where there is nothing to look into."""
        return not self.verdict.differences and not self.unexpected and self.verdict.payments > 0


Show = Callable[[Status], None]


class Soak:
    """One run. `run` it once; `release` whatever happened."""

    def __init__(self, plan: Plan, start: Start, show: Show, web: "type[WebSide] | None" = None) -> None:
        """`web`: a gateway, a shop and its buyers, too; they need the extra `web`, and the rest does not."""
        self.plan = plan
        self.status = Status()
        self._show = show
        self._rng = Random(plan.seed)  # noqa: S311 - simulation, not secrecy
        self.services = Services(plan.directory, start)
        self.network_file = plan.directory / "network.toml"
        self.network_file.write_text(on_free_ports(hurried(plan.text)), encoding="utf-8")
        self.network: Network = load_network(str(self.network_file))
        self._disk: Disk | None = None
        self._links: dict[str, Link] = {}
        self._watch = Watch(plan.log)
        self._over = trio.Event()
        self._disputer = Disputer(plan.state, plan.log, Random(f"{plan.seed} disputes"))  # noqa: S311
        self._web_names: list[str] = []
        self._web = self._web_side(web) if web is not None else None
        self._closer = Closer(plan.state / "control.sock", Random(f"{plan.seed} closes"))  # noqa: S311

    def release(self, *, keep: bool) -> None:
        """Nobody is left stopped, nothing mounted."""
        self.services.resume_all()
        if self._disk is not None:
            self._disk.release(keep=keep)

    async def run(self) -> Outcome:
        """All of it. Raises what a process that does not come up raises."""
        if self.plan.disk:
            self._disk = Disk(self.plan.state / "journal")
        async with trio.open_nursery() as nursery:
            await self._lay_links(nursery)
            self._add_services()
            nursery.start_soon(self._tell)
            await self.services.start(*self._hosts())
            await self.services.start(SWITCH)
            await self.services.start(*self._acquirers(), *self._web_names)
            began = trio.current_time()
            async with trio.open_nursery() as watching:
                watching.start_soon(self.services.watch)
                if self._web is not None:
                    watching.start_soon(self._web.run, self.plan.rate * WEB_SHARE)
                await self._inject_faults()
                duration_s = trio.current_time() - began
                await trio.sleep(_CALM_S)
                watching.cancel_scope.cancel()
            await self._come_to_rest()
            nursery.cancel_scope.cancel()
        if self._disk is not None:
            self._disk.release()
        return self._outcome(duration_s)

    # -- who is there

    def _hosts(self) -> list[str]:
        return [h.name for h in self.network.hosts]

    def _acquirers(self) -> list[str]:
        return [name for name in self.services.by_name if name.startswith("acquirer-")]

    def _web_side(self, web: "type[WebSide]") -> "WebSide":
        pages, shop = (
            f"127.0.0.1:{port}" for port in free_ports(2, ports_in(self.network_file.read_text(encoding="utf-8")))
        )
        rng = Random(f"{self.plan.seed} buyers")  # noqa: S311
        return web(self.plan.directory, self.network, pages, shop, rng)

    async def _lay_links(self, nursery: trio.Nursery) -> None:
        """A link to each host and to each listener; the switch's own network file leads to the hosts through them."""
        text = self.network_file.read_text(encoding="utf-8")
        targets: dict[str, Address] = {h.name: h.connect for h in self.network.hosts if h.connect is not None}
        targets |= {x.name: x.address for x in self.network.listeners}
        for name, target in targets.items():
            link = self._links[name] = Link(name, target, Random(self._rng.getrandbits(64)))  # noqa: S311
            await link.open(nursery)
        through = {link.target: link.address for link in self._links.values()}
        to_hosts = led_through(text, through, "host", "connect")
        (self.plan.directory / "switch.toml").write_text(to_hosts, encoding="utf-8")
        if self._web is not None:
            to_switch = led_through(text, through, "listener", "address")
            (self.plan.directory / "gateway.toml").write_text(to_switch, encoding="utf-8")

    def _add_services(self) -> None:
        plan, services = self.plan, self.services
        network = ("--network", str(self.network_file), "--seed", str(plan.seed), "--state", str(plan.hosts))
        for host in self.network.hosts:
            book = ("--book", str(self._book(host.name)))
            if host.role == "issuer":
                services.add(host.name, "issuer", host.name, "--latency", "40", *network, *book)
            else:
                abroad = (
                    "--abroad-rate",
                    f"{plan.rate * _ABROAD_SHARE:g}",
                    "--patience",
                    _PATIENCE_S,
                    "--drain",
                    f"{REST_S:g}",
                )
                services.add(host.name, "network", host.scheme, "--latency", "80", *abroad, *network, *book)
        services.add(SWITCH, "serve", str(plan.directory / "switch.toml"), "--state", str(plan.state), "--no-show")
        ports = [x for x in self.network.listeners if x.role in ("acquirer", "terminal")]
        for n, listener in enumerate(ports):
            pos = listener.role == "terminal"
            share = 1.0 if len(ports) == 1 else _POS_SHARE if pos else 1 - _POS_SHARE
            banks = [word for member in self.network.issuing for word in ("--bank", member.name)]
            name = f"acquirer-{listener.name}"
            services.add(
                name, "terminal", *banks, "--port", listener.name, "--host", str(self._links[listener.name].address),
                "--count", "20" if pos else "40", "--rate", f"{plan.rate * share:g}", "--duration", "0",
                "--patience", _PATIENCE_S, "--repeats", _REPEATS, "--drain", f"{REST_S:g}", "--seed", str(plan.seed + n),
                "--mix", _SILENT, "--network", str(self.network_file), "--book", str(self._book(name)), "--verbose",
            )  # fmt: skip
        if self._web is not None:
            self._web.add_merchant()
            port = next(x.name for x in self.network.listeners if x.role == "acquirer")
            found = self._web.services(self.network_file, plan.directory / "gateway.toml", port)
            self._web_names = [services.add(name, *arguments).name for name, arguments in found.items()]

    def _book(self, name: str) -> Path:
        return self.plan.directory / f"book-{name}.json"

    # -- faults

    def _targets(self) -> Targets:
        issuers = [h.name for h in self.network.hosts if h.role == "issuer"]
        networks = [h.name for h in self.network.card_networks]
        killed = [SWITCH, SWITCH, SWITCH, WRITER, WRITER, WRITER, INDEX, *issuers, *networks]
        killed += [*self._web_names, GATEWAY, GATEWAY] if self._web is not None else []
        stopped = [SWITCH, SWITCH, WRITER, WRITER, *issuers, *networks, *self._acquirers(), *self._web_names]
        return Targets(killed, stopped, list(self._links), self._disk is not None)

    async def _inject_faults(self) -> None:
        """Until there have been enough kills, or it is time; returns once everything is mended."""
        plan, status = self.plan, self.status
        status.phase = "under faults"
        until = trio.current_time() + plan.duration_s if plan.duration_s else float("inf")
        await trio.sleep(_CALM_S)
        async with trio.open_nursery() as closing:
            closing.start_soon(self._closer.run)
            closing.start_soon(self._disputer.run)
            async with trio.open_nursery() as nursery:
                for fault in draw_faults(self._rng, plan.every_s, self._targets()):
                    await trio.sleep(fault.wait_s)
                    if trio.current_time() >= until or (plan.kills and status.kills >= plan.kills):
                        break
                    if self._can(fault):
                        nursery.start_soon(self._inject, fault)
            await self._disputer.finish()
            closing.cancel_scope.cancel()
        status.phase = "coming to rest"

    def _can(self, fault: Fault) -> bool:
        if fault.kind in (Kind.KILL, Kind.STOP):
            return self.services.is_free(fault.target)
        return f"{fault.kind} {fault.target}" not in self.status.now

    async def _inject(self, fault: Fault) -> None:
        said = f"{fault.kind} {fault.target}"
        self.status.now.append(said)
        if await self._carry_out(fault):
            self.status.faults[self._counted(fault)] += 1
        self.status.now.remove(said)

    async def _carry_out(self, fault: Fault) -> bool:
        if fault.kind is Kind.KILL:
            self.status.kills += 1
            done = await self.services.kill(fault.target, fault.for_s)
            self.status.kills -= not done
            if fault.target == SWITCH:
                self._watch.forget()
            return done
        if fault.kind is Kind.STOP:
            return await self.services.stop(fault.target, fault.for_s)
        if fault.kind is Kind.FULL:
            assert self._disk is not None
            await self._disk.fill(fault.for_s, lambda: self.services.helper(WRITER))
            return True
        link = self._links[fault.target]
        await {Kind.CUT: link.cut, Kind.STALL: link.stall, Kind.SWALLOW: link.swallow}[fault.kind](fault.for_s)
        return True

    def _counted(self, fault: Fault) -> str:
        if fault.kind not in (Kind.KILL, Kind.STOP):
            return fault.kind.value
        role = next((h.role for h in self.network.hosts if h.name == fault.target), fault.target)
        return f"{fault.kind} {role.partition('-')[0]}"

    # -- rest

    async def _come_to_rest(self) -> None:
        """Whoever acquires first, so that each ends what it has begun; then what is owed; then everyone else.

        Networks come back as issuers alone, for what is owed to them.
        """
        networks = [h.name for h in self.network.card_networks]
        if self._web is not None:
            with trio.move_on_after(REST_S):
                await self._web.come_to_rest()
        async with trio.open_nursery() as nursery:
            for name in (*self._acquirers(), *networks, *self._web_names):
                nursery.start_soon(self._finish, name, REST_S + 20)
        for name in networks:
            self.services.by_name[name].arguments += ["--abroad-rate", "0"]
        await self.services.start(*networks)
        with trio.move_on_after(REST_S):
            await self._owe_nothing()
        for name in (*self._hosts(), SWITCH):
            await self._finish(name, 30)

    async def _owe_nothing(self) -> None:
        """Until nothing is owed, nor was for as long as an answer may be late: a late approval owes one more reversal."""
        since = trio.current_time()
        while trio.current_time() - since < _LATEST_S:
            if await trio.to_thread.run_sync(count_owed, self.plan.state, abandon_on_cancel=True):
                since = trio.current_time()
            await trio.sleep(0.5)

    async def _finish(self, name: str, seconds: float) -> None:
        code = await self.services.finish(name, seconds)
        if code:
            service = self.services.by_name[name]
            last = "; ".join(service.child.text().strip().splitlines()[-3:]) if service.child else ""
            self.services.unexpected.append(f"{name} ended with exit code {code}: {last}")

    def _outcome(self, duration_s: float) -> Outcome:
        self.status.phase = "comparing books"
        self._show(self.status)
        names = (*self._hosts(), *self._acquirers())
        books = Books.from_json(*(self._book(name).read_bytes() for name in names if self._book(name).exists()))
        wrong: list[Difference] = []
        if self._web is not None:
            own = self._web.book(self.network.members[0].institution)
            books = msgspec.structs.replace(books, terminals=(*books.terminals, own))
            wrong = self._web.differences()
        disk = self._disk
        how = "not filled" if disk is None else "tmpfs" if not disk.why_not else f"limit of file sizes ({disk.why_not})"
        claims = self._disputer.claims
        verdict = judge(self.network, self.plan.state, self.plan.hosts, books, self._closer.done, claims)
        verdict.differences += wrong
        return Outcome(
            verdict=verdict,
            faults=dict(sorted(self.status.faults.items())),
            kills=self.status.kills,
            duration_s=duration_s,
            unexpected=self.services.unexpected,
            refused_starts=self.services.refused_starts,
            recoveries=self.services.recoveries,
            disk=how,
            web=self._web.seen() if self._web is not None else {},
        )

    async def _tell(self) -> None:
        """Once a second."""
        began = trio.current_time()
        while True:
            self._watch.look()
            status = self.status
            status.elapsed_s = trio.current_time() - began
            status.answered, status.in_flight = self._watch.answered, self._watch.in_flight
            status.rate = self._watch.rate()
            self._show(status)
            await trio.sleep(1)
