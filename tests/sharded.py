"""The Moroccan network divided into shards, as tests need it: `a` with Atlas and Cmi, which owns Visa; `b` with Rif and Souss,
which owns Mastercard and Souss' host. Of three, Souss is in `c`, which owns its host. Atlas' and Rif's hosts are reached from
each."""

import re
from functools import lru_cache

from switch.config import parse_network
from switch.config.load import SHIPPED
from switch.core.network import Network

_WHERE = {"atlas": 0, "cmi": 0, "rif": 1, "souss": 2}
"""which shard a member is in; where there are fewer, the last"""
_OWNED = {"visa": 0, "mastercard": 1, "souss": 2}
"""the same of what owns a host"""


def sharded(text: str, shards: str = "ab") -> str:
    """A text like morocco.toml's, divided into shards of these letters. Listeners are opened by the first, and those called
    NAME-b, 100 ports on, by `b`, and so on."""
    before, *sections = re.split(r"(?m)^(?=\[\[)", text)
    made = (
        f'[[shard]]\nname = "{name}"\nnumber = {n}\naddress = "127.0.0.1:{8570 + n}"\n\n'
        for n, name in enumerate(shards, 1)
    )
    return before + "".join(made) + "".join(_section(section, shards) for section in sections)


def _section(text: str, shards: str) -> str:
    found = re.match(r'\[\[([\w.]+)\]\]\n(?:\w+ = "([\w-]*)")?', text)
    assert found is not None
    kind, name = found.groups()
    if kind == "listener":
        own = text.partition("\n\n")[0] + "\n\n"
        others = (_listener(own, name, shard, 100 * n) for n, shard in enumerate(shards[1:], 1))
        return "".join(others) + _of(shards[0], text)
    place = {"member": _WHERE, "host": _OWNED}.get(kind, {}).get(name)
    return text if place is None else _of(shards[min(place, len(shards) - 1)], text)


def _listener(text: str, name: str, shard: str, further: int) -> str:
    """The same for another shard, under a name and at a port of its own."""
    text = re.sub(r'(?<=127\.0\.0\.1:)\d+(?=")', lambda port: str(int(port[0]) + further), text)
    return _of(shard, text.replace(f'"{name}"', f'"{name}-{shard}"'))


def _of(shard: str, section: str) -> str:
    head, _, rest = section.partition("\n")
    return f'{head}\nshard = "{shard}"\n{rest}'


@lru_cache
def morocco_sharded(shards: str = "ab") -> Network:
    return parse_network(sharded((SHIPPED / "morocco.toml").read_text(), shards), "sharded.toml")
