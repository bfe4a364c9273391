"""What differs between two network files, in words; and what a running switch cannot take over.

In: the network as it is (with hosts that are leaving, which no file has any more) and as its file shall be. Out: one line a
change, as an operator would say it, and one `Obstacle` for each thing that asks for more than a reload. Pure: which hosts stay
though the file has them no more, and why, is said by the caller (`handover.leaving`).
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from switch.core.links.session import significant
from switch.core.network import BinRange, HostLink, Network
from switch.core.shards import without_guests


def _range(value: BinRange) -> str:
    return value.low if value.low == value.high else f"{value.low}-{value.high}"


KEYED: Final[dict[str, tuple[str, Callable[[Any], str]]]] = {
    "members": ("[[member]]", lambda value: str(value.name)),
    "listeners": ("[[listener]]", lambda value: str(value.name)),
    "hosts": ("[[host]]", lambda value: str(value.name)),
    "bins": ("[[bin]]", _range),
    "tariffs": ("[[tariff]]", lambda value: str(value.network)),
    "fees": ("[[fee]]", lambda value: str(value.id)),
    "dated_rates": ("[[rate]]", lambda value: f"{value.currency} {value.begin}".strip()),
    "shards": ("[[shard]]", lambda value: str(value.name)),
    "operators": ("[[operator]]", lambda value: str(value.user)),
}
"""Lists of the network file: how their sections are called, and what tells two values of one list apart."""
UNTOLD_OF_NETWORK: Final = frozenset({"source", "leaving_bins"})
"""Fields of the network that say nothing of its file."""
SECTIONS: Final = {"cutover_window": "business_day", "cutover_schedule": "business_day"}
"""Single values of the network whose sections are called otherwise."""
HOSTS: Final = KEYED["hosts"][0]
NOBODY: Final[Mapping[str, str]] = {}
UNTOLD_OF_SECTION: Final = frozenset({"line", "offsets", "source"})
"""Fields of a section: where it stands in the file; what is looked up elsewhere; a text, whose digest is told."""


_AT_START: Final = "at the next start of the process"
LATER: Final[Mapping[tuple[str, str], str]] = {
    ("journal", "store"): _AT_START,
    ("journal", "patroni"): _AT_START,
    ("journal", "replicated"): _AT_START,
    ("journal", "lease_ms"): _AT_START,
    ("journal", "head_copy"): "at the next `cmi-switch restart`",
    ("[[member]]", "shard"): "where nothing is known of its payments of before",
}
"""Section and key -> when a running switch goes by it, where that is not at the reload itself; or what must be thought of."""


class Obstacle(msgspec.Struct, frozen=True, kw_only=True):
    """Something a running switch cannot take over, and what to do instead."""

    sentence: str
    hint: str


def changes(before: Network, after: Network, staying: Mapping[str, str] = NOBODY) -> list[str]:
    """Every difference, one line each, in the order of the file's sections; empty where there is none.

    `staying`: hosts that `after` has not got and that are kept as leaving, and what can come back to them, in words.
    """
    left = {host.name for host in before.hosts if host.leaving_since_us}
    in_file = tuple(host for host in before.hosts if host.name not in left)
    found = _differences(without_guests(msgspec.structs.replace(before, hosts=in_file)), without_guests(after))
    said = {f"{HOSTS} {name}: added": f"{HOSTS} {name}: added again, and leaving no more" for name in left}
    for name, why in staying.items():
        removed = f"{HOSTS} {name}: removed"
        said[removed] = f"{removed}; leaving, and here until nothing can come back to it: {why}"
    return [said.get(line, line) for line in found]


def _differences(before: Network, after: Network) -> list[str]:
    found: list[str] = []
    for field in msgspec.structs.fields(Network):
        name = field.name
        was, now_is = getattr(before, name), getattr(after, name)
        if name in UNTOLD_OF_NETWORK or was == now_is:
            continue
        if name in KEYED:
            section, key_of = KEYED[name]
            found += _keyed(section, _by_key(was, key_of), _by_key(now_is, key_of))
        elif name in ("rates", "regions"):
            found += _keyed(f"[{name}]", was, now_is)
        elif isinstance(was, msgspec.Struct) and isinstance(now_is, msgspec.Struct):
            found += [f"[{SECTIONS.get(name, name)}] {line}" for line in _members(was, now_is, name)]
        elif isinstance(was or now_is, msgspec.Struct):
            found.append(f"[{SECTIONS.get(name, name)}]: {_section(was)} -> {_section(now_is)}")
        else:
            found.append(f"{name}: {_said(was)} -> {_said(now_is)}")
    return found


def _by_key(values: Iterable[Any], key_of: Callable[[Any], str]) -> dict[str, Any]:
    """By what tells them apart; where two share it (a range given twice for several schemes), by their place, too."""
    found: dict[str, Any] = {}
    for value in values:
        key = key_of(value)
        number = 2
        while key in found:
            key, number = f"{key_of(value)} ({number})", number + 1
        found[key] = value
    return found


def _keyed(section: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    found = [f"{section} {key}: removed" for key in before if key not in after]
    for key, value in after.items():
        was = before.get(key)
        if was is None:
            found.append(f"{section} {key}: added")
        elif isinstance(value, msgspec.Struct):
            found += [f"{section} {key}: {line}" for line in _members(was, value, section)]
        elif was != value:
            found.append(f"{section} {key}: {_said(was)} -> {_said(value)}")
    return found


def _members(before: msgspec.Struct, after: msgspec.Struct, section: str = "") -> list[str]:
    """One line each."""
    return [
        f"{name}: {_said(was)} -> {_said(now_is)}" + (f", {later}" if (later := LATER.get((section, name))) else "")
        for name in before.__struct_fields__
        if name not in UNTOLD_OF_SECTION and (was := getattr(before, name)) != (now_is := getattr(after, name))
    ]


def _said(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value) or "none"


def _section(value: msgspec.Struct | None) -> str:
    """All that a section says; `none` where the file has it not."""
    if value is None:
        return "none"
    keys = (name for name in value.__struct_fields__ if name not in UNTOLD_OF_SECTION)
    return ", ".join(f"{key} {_said(getattr(value, key))}" for key in keys)


def obstacles(before: Network, after: Network, staying: Mapping[str, str] = NOBODY) -> list[Obstacle]:
    """Everything in the way of going on with `after`. `staying`: as for `changes`."""
    found = [
        Obstacle(
            sentence=f"{name} is {_said(getattr(before, name))} and would become {_said(getattr(after, name))}",
            hint="what is in the journal rests on it: stop the switch, and start one of the new file (in another state "
            "directory)",
        )
        for name in ("name", "institution", "currency", "state_dir", "shard", "shard_number")
        if getattr(before, name) != getattr(after, name)
    ]
    numbers = {shard.name: shard.number for shard in before.shards}
    found += [
        Obstacle(
            sentence=f"the number of shard {shard.name} is {numbers[shard.name]} and would become {shard.number}",
            hint="what is in its journal rests on it, and it signs on at the others by it: put the number back; a shard "
            "of another number is another one, with another name",
        )
        for shard in after.shards
        if shard.name != before.shard and numbers.get(shard.name, shard.number) != shard.number
    ]
    hosts = {host.name: host for host in after.hosts}
    for host in before.hosts:
        new = hosts.get(host.name)
        if new is not None:
            found += _another(host, new)
        elif host.name in staying:
            found += _displaced(host, staying[host.name], after)
    return found


def _another(host: HostLink, new: HostLink) -> list[Obstacle]:
    """What keeps `new` from being the host that `host` was."""
    return [
        Obstacle(
            sentence=f"{what} of host {host.name} is {_said(getattr(host, what))} and would become {_said(getattr(new, what))}",
            hint="that is another host: give it another name",
        )
        for what in ("role", "member", "scheme", "shard")
        if getattr(host, what) != getattr(new, what)
    ]


def _displaced(host: HostLink, why: str, after: Network) -> list[Obstacle]:
    """A host that connects in is known by its institution: where another of the file has that, it cannot come back."""
    if host.connect is not None:
        return []
    called = significant(host.institution)
    return [
        Obstacle(
            sentence=f"host {host.name} would leave the network file with {why}, and {other.name} would have its institution, "
            f"{host.institution}: its connections would sign on as {other.name}",
            hint=f"keep its name {host.name} until nothing can come back to it, or give {other.name} another institution",
        )
        for other in after.hosts
        if other.connect is None and significant(other.institution) == called
    ]
