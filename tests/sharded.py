"""The Moroccan network divided into two shards, as tests need it: `a` with Atlas and Cmi, which owns Visa; `b` with Rif and
Souss, which owns Mastercard and Souss' host. Atlas' and Rif's hosts are reached from both."""

import re
from functools import lru_cache

from switch.config import parse_network
from switch.config.load import SHIPPED
from switch.core.network import Network

WHERE = {"atlas": "a", "cmi": "a", "rif": "b", "souss": "b"}
OWNED = {"visa": "a", "mastercard": "b", "souss": "b"}
_SHARDS = """[[shard]]
name = "a"
number = 1
address = "127.0.0.1:8571"

[[shard]]
name = "b"
number = 2
address = "127.0.0.1:8572"

"""


def sharded(text: str) -> str:
    """A text like morocco.toml's, divided. Listeners are opened by `a`, and those called NAME-b, 100 ports on, by `b`."""
    before, *sections = re.split(r"(?m)^(?=\[\[)", text)
    return before + _SHARDS + "".join(map(_section, sections))


def _section(text: str) -> str:
    found = re.match(r'\[\[([\w.]+)\]\]\n(?:\w+ = "([\w-]*)")?', text)
    assert found is not None
    kind, name = found.groups()
    if kind == "listener":
        second = text.partition("\n\n")[0].replace(f'"{name}"', f'"{name}-b"')
        second = re.sub(r'(?<=127\.0\.0\.1:)\d+(?=")', lambda port: str(int(port[0]) + 100), second)
        return _of("b", second) + "\n\n" + _of("a", text)
    shard = WHERE.get(name) if kind == "member" else OWNED.get(name) if kind == "host" else None
    return _of(shard, text) if shard else text


def _of(shard: str, section: str) -> str:
    head, _, rest = section.partition("\n")
    return f'{head}\nshard = "{shard}"\n{rest}'


@lru_cache
def morocco_sharded() -> Network:
    return parse_network(sharded((SHIPPED / "morocco.toml").read_text()), "sharded.toml")
