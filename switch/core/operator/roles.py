"""Who may do what with a running switch, and for what it takes two.

In: the operators of the network file, a command, a user of this machine. Out: nothing, or `Unable`. Without an operator in the
file whoever reaches the control socket may do everything, as its mode says. Pure: who asks, and when, is said by the caller.
"""

from typing import Any, Final, Protocol

import msgspec

from switch.core.credentials import OperatorAccount
from switch.core.operator.command import Unable
from switch.core.operator.errors import ErrorCode

ROLES: Final = ("viewer", "operator", "supervisor")
"""each may do what those before it may"""
SUPERVISED: Final = frozenset(
    {
        "reload",
        "restart",
        "day.close",
        "day.close_window",
        "exceptions.resolve",
        "cards.hot_remove",
        "keys.exchange",
        "keys.export",
        "keys.import",
        "keys.destroy",
        "saf.retry",
        "disputes.open",
        "disputes.step",
        "approve",
    }
)
"""commands that take a supervisor"""
BY_TWO: Final = frozenset(
    {"exceptions.resolve", "saf.retry", "cards.hot_remove", "keys.export", "keys.import", "keys.destroy"}
)
"""commands that take two: they decide over money by hand (exceptions, refunds, dead letters), let a listed card pay, or carry
keys in and out"""
WAITS_MINUTES: Final = 15
"""so long what takes two waits for the second"""
WAITS_NS: Final = WAITS_MINUTES * 60_000_000_000
WAITING_MAX: Final = 100


class Person(Protocol):
    """Who asks, as whoever hands them in knows them."""

    @property
    def user(self) -> str:
        """Their name."""

    @property
    def by(self) -> str:
        """The same, for logs."""

    @property
    def marks(self) -> frozenset[str]:
        """By what else they are known; two who share one are one person."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """What one person has asked for, and another has to approve."""

    number: int
    command: str
    arguments: dict[str, Any]
    user: str
    by: str
    marks: frozenset[str]
    """see Person"""
    until_ns: int
    """monotonic"""


class Roles:
    """What each operator may do, and the acts that wait for a second one."""

    def __init__(self, operators: tuple[OperatorAccount, ...], console_user: str = "") -> None:
        self._roles: dict[str, str] = {}
        self._waiting: dict[int, Waiting] = {}
        self._last = 0
        self.follow(operators, console_user)

    def follow(self, operators: tuple[OperatorAccount, ...], console_user: str = "") -> None:
        """Another network file holds. What waits for a second person goes on waiting. `console_user`: may look, as itself."""
        self._roles = {operator.user: operator.role for operator in operators}
        if console_user and operators:
            self._roles.setdefault(console_user, ROLES[0])

    @property
    def named(self) -> bool:
        """False: the network file names no operators."""
        return bool(self._roles)

    def check(self, command: str, user: str, *, looks: bool) -> None:
        """Raise Unable unless this user may do it. `looks`: it changes nothing."""
        if not self._roles:
            return
        role = self._roles.get(user)
        if role is None:
            raise Unable(
                f"{user or 'an unknown user'} is no operator of this switch",
                "an [[operator]] section of the network file names who is; `cmi-switch reload` by one who is, or SIGHUP, "
                "brings it into effect",
                code=ErrorCode.OPERATOR_FORBIDDEN,
            )
        needed = "viewer" if looks else "supervisor" if command in SUPERVISED else "operator"
        if ROLES.index(role) < ROLES.index(needed):
            raise Unable(
                f"{command} takes the role {needed}, and {user} has {role}",
                f"ask {'an' if needed[0] in 'aeiou' else 'a'} {needed}, or have the network file say otherwise",
                code=ErrorCode.OPERATOR_FORBIDDEN,
            )

    def count_on(self, last: int) -> None:
        """Numbers up to this one have been given: none is given again."""
        self._last = max(self._last, last)

    def ask_another(self, command: str, arguments: dict[str, Any], who: Person, now: int) -> Waiting | None:
        """Have it wait for a second person; None where one is enough. Raises Unable: too much waits."""
        if not self._roles or command not in BY_TWO:
            return None
        self._forget(now)
        if len(self._waiting) >= WAITING_MAX:
            raise Unable(
                f"{WAITING_MAX} commands wait for a second person already",
                "`cmi-switch approve` lists them",
                code=ErrorCode.OPERATOR_SECOND,
            )
        self._last += 1
        waiting = Waiting(
            number=self._last,
            command=command,
            arguments=arguments,
            user=who.user,
            by=who.by,
            marks=who.marks | {who.user},
            until_ns=now + WAITS_NS,
        )
        self._waiting[waiting.number] = waiting
        return waiting

    def approve(self, number: int, who: Person, now: int) -> Waiting:
        """What waits under this number, approved by somebody else than who asked; it waits no more. Raises Unable."""
        self._forget(now)
        waiting = self._waiting.get(number)
        if waiting is None:
            raise Unable(
                f"nothing waits under number {number}",
                f"what takes two waits {WAITS_MINUTES} minutes; `cmi-switch approve` lists it",
                code=ErrorCode.OPERATOR_SECOND,
            )
        if shared := waiting.marks & (who.marks | {who.user}):
            same = "" if who.user in shared else f", and {who.user} is the same person ({', '.join(sorted(shared))})"
            raise Unable(
                f"{waiting.command} was asked for by {waiting.user}{same}: it takes another person",
                "a second supervisor approves it, from a session of their own",
                code=ErrorCode.OPERATOR_SECOND,
            )
        del self._waiting[number]
        return waiting

    def waiting(self, now: int) -> tuple[Waiting, ...]:
        """All that waits."""
        self._forget(now)
        return tuple(self._waiting.values())

    def _forget(self, now: int) -> None:
        for waiting in [one for one in self._waiting.values() if one.until_ns <= now]:
            del self._waiting[waiting.number]
