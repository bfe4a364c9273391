"""Who the ledger knows a party by: `[payees]`, `[former_networks]`, and that no two parties of a file have one name.

An account of the ledger is a name and no more, and which party it is decides what is paid to whom: banks and payees settle with
all others, a network with each bank apart. So a name means one party, also of those that have left.
"""

from typing import Final

from switch.config.build import read_bic
from switch.config.draft import Draft
from switch.config.reader import NAME_FORM, Section, is_name
from switch.core.network import Network
from switch.money.fees import ROLES

SWITCH: Final = "switch"
"""the account of the switch itself"""


def read_payees(s: Section) -> dict[str, str]:
    """`[payees]`: accounts that fees may go to beside merchants, members, networks and the switch, and parties that have left.
    `gateway = "what it is"`, or a table with `title` and `bic`. Name -> BIC; "": it has none."""
    found: dict[str, str] = {}
    for name, value in s.data.items():
        found[name] = ""
        if isinstance(value, dict):
            payee = s.table(name)
            payee.text("title")
            found[name] = read_bic(payee)
            payee.done()
        else:
            s.text(name)
        _check_name(s, name)
    s.done()
    return found


def read_former_networks(s: Section) -> dict[str, str]:
    """`[former_networks]`: `jcb = "jcb"`, the name that its host had, and its scheme."""
    found = {}
    for name in s.data:
        found[name] = s.text(name)
        _check_name(s, name)
    s.done()
    return found


def _check_name(s: Section, name: str) -> None:
    if not is_name(name):
        s.wrong_key(name, f'"{name}" is no name', f"{NAME_FORM}; files of settlements name it")
    elif name in (*ROLES, SWITCH):
        s.wrong_key(name, f'"{name}" is an account already')


def check_accounts(draft: Draft, payees: Section, former: Section, network: Network) -> None:
    """Note each name that two parties have, and each that means something else. `payees`, `former`: their sections."""
    networks = {h.name: s for s, h in draft.hosts if h.role == "network" and h.name}
    for s, member in draft.members:
        if member.name in (*ROLES, SWITCH):
            s.wrong("name", f'"{member.name}" is an account already', "the ledger would take one for the other")
        elif member.name in networks:
            s.wrong("name", f'"{member.name}" is the network of {networks[member.name].title} already')
    taken = {m.name: "a member" for _, m in draft.members} | dict.fromkeys(networks, "a network")
    for name in network.payees:
        if name in taken:
            payees.wrong_key(
                name, f'"{name}" is {taken[name]} already', "its BIC stands there" if taken[name] == "a member" else ""
            )
    taken |= {name: "a payee" for name in network.payees if name not in taken}
    for name in network.former_networks:
        if name in taken:
            former.wrong_key(name, f'"{name}" is {taken[name]} already')
