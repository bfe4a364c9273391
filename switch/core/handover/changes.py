"""What differs between two network files, in words; and what a running switch cannot take over.

In: the network as it is and as it shall be. Out: one line a change, as an operator would say it, and one `Obstacle` for each
thing that asks for more than a reload. Pure: what is open or owed is said by the caller.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import msgspec

from switch.core.network import BinRange, HostLink, Network


def _range(value: BinRange) -> str:
    return value.low if value.low == value.high else f"{value.low}-{value.high}"


KEYED: Final[dict[str, tuple[str, Callable[[Any], str]]]] = {
    "members": ("[[member]]", lambda value: str(value.name)),
    "listeners": ("[[listener]]", lambda value: str(value.name)),
    "hosts": ("[[host]]", lambda value: str(value.name)),
    "bins": ("[[bin]]", _range),
    "tariffs": ("[[tariff]]", lambda value: str(value.network)),
    "fees": ("[[fee]]", lambda value: str(value.id)),
}
"""Lists of the network file: how their sections are called, and what tells two values of one list apart."""
UNTOLD: Final = frozenset({"source"})
"""Of the network: says nothing about it."""
PLACES: Final = frozenset({"line"})
"""Of a value: where it stands in the file."""


class Obstacle(msgspec.Struct, frozen=True):
    """Something a running switch cannot take over, and what to do instead."""

    sentence: str
    hint: str


def changes(before: Network, after: Network) -> list[str]:
    """Every difference, one line each, in the order of the file's sections; empty where there is none."""
    found: list[str] = []
    for field in msgspec.structs.fields(Network):
        name = field.name
        was, now_is = getattr(before, name), getattr(after, name)
        if name in UNTOLD or was == now_is:
            continue
        if name in KEYED:
            section, key_of = KEYED[name]
            found += _keyed(section, _by_key(was, key_of), _by_key(now_is, key_of))
        elif name in ("rates", "regions"):
            found += _keyed(f"[{name}]", was, now_is)
        elif isinstance(was, msgspec.Struct) and isinstance(now_is, msgspec.Struct):
            found += [f"[{name}] {line}" for line in _members(was, now_is)]
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
            found += [f"{section} {key}: {line}" for line in _members(was, value)]
        elif was != value:
            found.append(f"{section} {key}: {_said(was)} -> {_said(value)}")
    return found


def _members(before: msgspec.Struct, after: msgspec.Struct) -> list[str]:
    return [
        f"{name}: {_said(was)} -> {_said(now_is)}"
        for name in before.__struct_fields__
        if name not in PLACES and (was := getattr(before, name)) != (now_is := getattr(after, name))
    ]


def _said(value: Any) -> str:
    if value is None:
        return "none"
    if isinstance(value, tuple):
        return ", ".join(map(str, value)) or "none"
    return str(value) or "none"


def obstacles(before: Network, after: Network, busy: Mapping[str, str]) -> list[Obstacle]:
    """Everything in the way of going on with `after`. `busy`: hosts with something open or owed, and what, in words."""
    found = [
        Obstacle(
            f"{name} is {_said(getattr(before, name))} and would become {_said(getattr(after, name))}",
            "what is in the journal rests on it: stop the switch, and start one of the new file (in another state directory)",
        )
        for name in ("name", "institution", "currency", "state_dir")
        if getattr(before, name) != getattr(after, name)
    ]
    hosts = {host.name: host for host in after.hosts}
    for host in before.hosts:
        new = hosts.get(host.name)
        if new is None and host.name in busy:
            found.append(
                Obstacle(
                    f"host {host.name} would leave the network file with {busy[host.name]}",
                    "leave it in until nothing is open or owed (`cmi-switch links list`); take its cards away first",
                )
            )
        elif new is not None:
            found += _another(host, new)
    return found


def _another(host: HostLink, new: HostLink) -> list[Obstacle]:
    """What makes a host another one."""
    return [
        Obstacle(
            f"{what} of host {host.name} is {_said(getattr(host, what))} and would become {_said(getattr(new, what))}",
            "that is another host: give it another name",
        )
        for what in ("role", "member", "scheme")
        if getattr(host, what) != getattr(new, what)
    ]
