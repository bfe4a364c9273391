"""`[[shard]]` of a network file: the switches that a network is divided among, and what belongs to which."""

from collections.abc import Callable, Collection
from typing import Final

from switch.config.build import read_allow
from switch.config.draft import Draft
from switch.config.keys import read_fixed_keys
from switch.config.mistakes import ConfigErrors, Mistake, did_you_mean
from switch.config.reader import Section, Source
from switch.core.links.session import significant
from switch.core.network import HostLink, Network, Shard
from switch.core.records.numbers import SHARDS_MAX
from switch.core.shards import PASSING_MS, PEER_LISTENER, SOURCE, called, divided, of_shard, owned
from switch.money.currency import format_amount

_ADD: Final = 'add [[shard]] with name = "{}", or leave the key out'


def read_shard(s: Section) -> Shard:
    """`[[shard]]`: one of the switches."""
    shard = Shard(
        name=s.name(),
        number=s.integer("number", 1, SHARDS_MAX),
        address=s.address("address") if s.has("address") else None,
        allow=read_allow(s),
        keys=read_fixed_keys(s),
    )
    s.done()
    return shard


def read_shards(root: Section, draft: Draft) -> Callable[[Section], str]:
    """Every `[[shard]]`, into `draft`. Returns what reads `shard = "a"` of a member, listener or host."""
    draft.shards = [(s, read_shard(s)) for s in root.tables("shard")]
    names = [shard.name for _, shard in draft.shards]
    return lambda s: _belonging(s, names)


def _belonging(s: Section, shards: Collection[str]) -> str:
    """Nothing ("") where it belongs to none, and after a mistake."""
    name = s.text("shard", "")
    if name and name not in shards:
        s.wrong("shard", f'"{name}" is no shard', did_you_mean(name, shards) if shards else _ADD.format(name))
        return ""
    return name


def of_file(network: Network, shard: str) -> Network:
    """What the switch of this shard runs on, by its network file. Raises ConfigErrors: the file has it no more."""
    if shard not in (one.name for one in network.shards):
        message, hint = (
            f'no [[shard]] is called "{shard}", and the switch that reads this is it',
            "put it back, or stop it",
        )
        raise ConfigErrors([Mistake(file=network.source, line=0, column=0, width=0, message=message, hint=hint)])
    return of_shard(network, shard)


def sentences(network: Network) -> list[str]:
    """Who is in which shard, and what each has of what was meant for one switch; nothing of a network without shards."""
    found = []
    for shard in network.shards:
        members = ", ".join(member.name for member in network.members if member.shard == shard.name)
        hosts = ", ".join(host.name for host in owned(network, shard.name))
        found.append(f"shard {shard.name}, number {shard.number}: {members}" + (f"; owns {hosts}" if hosts else ""))
    if not found:
        return []
    found += [_parts(network, host) for host in network.hosts if not host.shard]
    return [*found, "each shard has the other [limits] whole"]


def _parts(network: Network, host: HostLink) -> str:
    """What one shard has of a host that each reaches by itself, beside what the file says."""
    among = len(network.shards)
    part, in_flight = divided(host, among), network.limits.owed_in_flight
    said = [f"connections {host.connections}, {host.connections * among} together"]
    said += [f"{name} {getattr(part, name)} of {getattr(host, name)}" for name in ("max_pending", "owed_per_second")]
    said.append(f"owed_in_flight {in_flight // among} of {in_flight}")

    def amounts(part: int, whole: int) -> str:
        return f"{format_amount(part, network.currency)} of {format_amount(whole, network.currency)}"

    if host.standin:
        said.append(f"standin_total {amounts(part.standin_total, host.standin_total)}")
    said += [
        f"stand-in for {rule.product}: {rule.per_card_count} of {whole.per_card_count} payments and "
        f"{amounts(rule.per_card_amount, whole.per_card_amount)} a card"
        for rule, whole in zip(part.standin, host.standin, strict=True)
    ]
    return f"each shard has of host {host.name}: {', '.join(said)}"


def check_shards(source: Source, draft: Draft, network: Network) -> None:
    """Note what belongs nowhere, what a shard cannot have, and what cannot be divided."""
    if not draft.shards:
        return
    if len(draft.shards) == 1:
        s = draft.shards[0][0]
        source.note(
            source.index.key(s.path), f"{s.title} is the only one", "add another, or leave it out: one switch has all"
        )
    _unique(draft)
    _members(draft)
    _listeners(draft)
    for s, host in draft.hosts:
        if host.shard:
            _owned(s, host, draft, network.acquirers_wait_ms)
        else:
            _reached_by_each(s, host, draft)
            _divided(s, host, len(draft.shards))
    in_flight = network.limits.owed_in_flight
    if in_flight < len(draft.shards):
        _indivisible(source.root.table("limits"), "owed_in_flight", in_flight, len(draft.shards), "raise it")


def _unique(draft: Draft) -> None:
    names: dict[str, Section] = {}
    numbers: dict[int, Section] = {}
    for s, shard in draft.shards:
        for key, found, taken in (
            ("name", names.setdefault(shard.name, s), shard.name),
            ("number", numbers.setdefault(shard.number, s), shard.number),
        ):
            if found is not s and taken:
                s.wrong(key, f"the {key} {taken} is taken: {found.title} on line {found.line}")
    for s, name in [*((s, v.name) for s, v in draft.listeners), *((s, h.name) for s, h in draft.hosts)]:
        if name == PEER_LISTENER:
            s.wrong("name", f'"{PEER_LISTENER}" is what the links between shards are called', "another name")
    institutions = {called(shard, host.name) for _, shard in draft.shards for _, host in draft.hosts if host.shard}
    for s, member in draft.members:
        if member.name.startswith(SOURCE):
            s.wrong("name", f'"{SOURCE}…" is what shards are called where they pass something on', "another name")
        for key, each in [("institution", member.institution), *(("institutions", one) for one in member.institutions)]:
            if significant(each) in institutions:
                s.wrong(key, f"{each} is what a shard calls itself where it passes something on", "another number")


def _members(draft: Draft) -> None:
    for s, member in draft.members:
        if member.name and not s.has("shard"):
            s.wrong(
                "name", f"{s.title} has no `shard`, and the network has {_names(draft)}", "which one it connects to"
            )
    there = {member.shard for _, member in draft.members}
    for s, shard in draft.shards:
        if shard.name and shard.name not in there:
            s.wrong("name", f'no [[member]] has shard = "{shard.name}": nobody could sign on there', "leave it out")


def _listeners(draft: Draft) -> None:
    """Each is opened by one shard, for members of it."""
    where = {member.name: member.shard for _, member in draft.members}
    for s, listener in draft.listeners:
        if listener.name and not s.has("shard"):
            s.wrong("name", f"{s.title} has no `shard`, and the network has {_names(draft)}", "which one opens it")
        for name in listener.members:
            if listener.shard and where.get(name, listener.shard) != listener.shard:
                s.wrong(
                    "members",
                    f'{name} is of shard "{where[name]}", and this listener of "{listener.shard}"',
                    "a member signs on in its own shard, where its payments are known",
                )


def _owned(s: Section, host: HostLink, draft: Draft, acquirers_wait_ms: int) -> None:
    """The others reach it through its owner: which needs a place for that, time, and a key for PINs."""
    owner, own = next((o, shard) for o, shard in draft.shards if shard.name == host.shard)
    if own.address is None:
        owner.wrong(
            "name",
            f"{owner.title} owns host {host.name}, and has no `address` for what other shards pass on to it",
            'such as address = "127.0.0.1:8570"',
        )
    if host.timeout_ms < acquirers_wait_ms <= host.timeout_ms + PASSING_MS:
        s.wrong(
            "timeout_ms" if s.has("timeout_ms") else "shard",
            f"other shards wait {PASSING_MS} ms longer than {host.timeout_ms} ms, and acquirers {acquirers_wait_ms} ms only",
            "lower `timeout_ms`, or raise `acquirers_wait_ms`",
        )
    if host.keys.pin_key and not own.keys.pin_key:
        owner.wrong(
            "name",
            f"{owner.title} owns host {host.name}, which has a `pin_key`, and has none for PINs that are passed on",
            "add `pin_key`",
        )
    if own.keys.pin_key and host.pass_pin:
        s.wrong(
            "pass_pin",
            f"PINs go out as they came, and those that {owner.title} is passed are under its `pin_key`",
            "give the host a `pin_key`, or the shard none",
        )
    if host.connect is None and not _opens_for_hosts(draft, host.shard):
        s.wrong(
            "shard", f'{s.title} connects in, and no [[listener]] of role "host" is of shard "{host.shard}"', "add one"
        )


def _reached_by_each(s: Section, host: HostLink, draft: Draft) -> None:
    """Each shard has connections of its own to it."""
    if host.role == "network":
        why = "brings requests, whose reversals must come to where they are known: one shard owns it"
        s.wrong("role", f"{s.title} {why}", f"`shard` says which, of {_names(draft)}")
    if host.connect is None:
        for _, shard in draft.shards:
            if not _opens_for_hosts(draft, shard.name):
                s.wrong(
                    "name",
                    f'{s.title} connects in, and no [[listener]] of role "host" is of shard "{shard.name}"',
                    "add one, or let one shard own the host: `shard`",
                )


def _divided(s: Section, host: HostLink, among: int) -> None:
    """Each shard has a part of what it may be sent, and of what is approved in its place."""
    for key, value in (("max_pending", host.max_pending), ("owed_per_second", host.owed_per_second)):
        if value < among and _stands(s, key, value):
            _indivisible(s, key, value, among)
    parts = divided(host, among)
    for section, rule, whole in zip(s.tables("standin"), parts.standin, host.standin, strict=True):
        if (
            not rule.per_card_count
            and section.has("per_card_count")
            and _stands(section, "per_card_count", whole.per_card_count)
        ):
            _indivisible(section, "per_card_count", whole.per_card_count, among)
        bounds = [("per_card_amount", rule.per_card_amount)] * bool(whole.per_card_amount)
        bounds += [("standin_total", parts.standin_total)] * bool(host.standin_total)
        for key, floor in (("floor", rule.floor), ("cash_floor", rule.cash_floor)):
            bound, amount = min(bounds, default=("", floor), key=lambda pair: pair[1])
            if floor > amount:
                section.wrong(
                    key,
                    f"`{key}` is above a shard's part of `{bound}` ({amount} minor units): it could never be reached",
                    "lower it, or let one shard own the host: `shard`",
                )


def _stands(s: Section, key: str, value: int) -> bool:
    """True if the file says this, or leaves it at its default: another than it says stands for one that was found wrong."""
    said = s.data.get(key, value)
    return type(said) is int and said == value


def _indivisible(
    s: Section, key: str, value: int, among: int, hint: str = "raise it, or let one shard own the host: `shard`"
) -> None:
    s.wrong(key, f"`{key}` = {value} cannot be divided among {among} shards", hint)


def _opens_for_hosts(draft: Draft, shard: str) -> bool:
    return any(listener.role == "host" and listener.shard == shard for _, listener in draft.listeners)


def _names(draft: Draft) -> str:
    """`shards a, b`."""
    return f"shards {', '.join(shard.name for _, shard in draft.shards)}"
