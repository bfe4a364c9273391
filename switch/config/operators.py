"""`[[operator]]` of a network file: who may do what with a running switch."""

from switch.config.reader import Section
from switch.core.credentials import OperatorAccount
from switch.core.operator.roles import ROLES


def read_operators(root: Section) -> tuple[OperatorAccount, ...]:
    """Every `[[operator]]`."""
    accounts = [(s, _read_operator(s)) for s in root.tables("operator")]
    _check(root, accounts)
    return tuple(account for _, account in accounts)


def _read_operator(s: Section) -> OperatorAccount:
    account = OperatorAccount(user=s.text("user"), role=s.choice("role", ROLES))
    s.done()
    return account


def _check(root: Section, accounts: list[tuple[Section, OperatorAccount]]) -> None:
    """Nobody twice; and where there are any, two who can decide together."""
    seen: set[str] = set()
    for s, account in accounts:
        if account.user and account.user in seen:
            s.wrong("user", f'"{account.user}" is an operator already')
        seen.add(account.user)
    supervisors = {account.user for _, account in accounts if account.role == "supervisor"}
    if accounts and len(supervisors) < 2:
        why = f"{len(supervisors)} of the operators {'is a supervisor' if len(supervisors) == 1 else 'are supervisors'}"
        hint = "some commands take two supervisors: name two at least"
        root.source.note(root.source.index.key(accounts[0][0].path), why, hint)
