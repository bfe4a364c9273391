"""A network's file: what each member and it settle of a window, in the currency that it settles in.

Lines of comma-separated values, UTF-8, each ended by a line feed, as a clearing file's: a header (`H`), a row (`R`) a member and
kind, a net (`N`) a member, a trailer (`T`) with counts, sums and the SHA-256 of all bytes above it. Amounts are minor units;
above zero the member gets them.
"""

import hashlib
from collections.abc import Iterable
from typing import Final

from switch.ledger.clearing import n16
from switch.ledger.entries import Window
from switch.ledger.netting import Netted, Settlement
from switch.money.currency import currency

VERSION: Final = "1"
HEADER: Final = ("H", "file", "window", "network", "currency", "version")
ROW: Final = ("R", "member", "kind", "amount")
NET: Final = ("N", "member", "owes", "owed", "net")
TRAILER: Final = ("T", "members", "owes", "owed", "sha256")
"""owes: what members pay the network in all; owed: what they get"""


def bilateral_name(window: Window, network: str, code: str) -> str:
    """`2026-11-27-1.visa.USD.bilateral.csv`."""
    return f"{window.day}-{window.number}.{network}.{currency(code).alpha}.bilateral.csv"


def bilateral_files(settlement: Settlement) -> dict[str, bytes]:
    """A file a network and currency, where there was anything between it and a member."""
    groups: dict[tuple[str, str], list[Netted]] = {}
    for netted in settlement.bilateral:
        groups.setdefault((netted.network, netted.currency), []).append(netted)
    return {
        bilateral_name(settlement.window, network, code): _file(settlement.window, network, code, of)
        for (network, code), of in sorted(groups.items())
    }


def _file(window: Window, network: str, code: str, of: Iterable[Netted]) -> bytes:
    name = bilateral_name(window, network, code)
    lines = [",".join(("H", name, str(window), network, currency(code).alpha, VERSION))]
    members, owes, owed = 0, 0, 0
    for netted in of:
        (position,) = [p for p in netted.positions if p.party != network]
        if position.net + netted.of(network).net:
            raise AssertionError(f"{name}: {position.party} and {network} do not come to zero")
        lines += [f"R,{position.party},{kind},{amount}" for kind, amount in position.kinds]
        lines.append(f"N,{position.party},{position.owes},{position.owed},{position.net}")
        members, owes, owed = members + 1, owes + position.owes, owed + position.owed
    above = "".join(f"{line}\n" for line in lines).encode()
    trailer = ("T", str(members), n16(owes), n16(owed), hashlib.sha256(above).hexdigest())
    return above + f"{','.join(trailer)}\n".encode()
