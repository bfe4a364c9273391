"""What all screens of one console share: the network, the switch's files, the way to ask it, who may do what.

In: a state directory and a network file. Out: answers of the switch, sums, records. The one rule: the console decides nothing.
What a person may do is the switch's to say, which is told who asks; what is shown or hidden here only spares them the refusal.
So the network file is read again whenever the switch has read it: whoever it names no more is logged out.
"""

import hmac
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import trio

from switch.config import ConfigErrors
from switch.console.accounts import FILE, Accounts, AccountsError
from switch.console.board import Board
from switch.console.history import History
from switch.console.neighbours import HOME, ask_each, come_to, others
from switch.console.rendering import Renderer
from switch.console.sessions import Session, Sessions
from switch.core.network import Network
from switch.core.operator.errors import ErrorCode
from switch.core.operator.roles import ROLES
from switch.journal.shards import journals_of
from switch.server.asking import NotAnsweredError, ask_switch

LOOK_S: Final = 2.0
"""so old may be what is shown of the switch's own words"""
WANTED_S: Final = 6.0
"""so long after the last look the switch is still asked; then nobody is there"""
HEALTH_S, SEE_S, ASK_S = 1.0, 3.0, 10.0
"""so long a switch may take to say how it is, to list something, to do something: beside one that stands still pages come"""


def accounts_of(state_dir: Path) -> Accounts:
    """Of the console of a switch. Raises AccountsError."""
    return Accounts(state_dir / HOME / FILE)


class Desk:
    """What each screen is given: who is logged in, what they may do, and the files and switch behind it."""

    def __init__(
        self,
        network: Network,
        state_dir: Path,
        log: Path,
        *,
        starter: str = "",
        reread: Callable[[], Network] | None = None,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`log`: the hop log. `starter`: who started the console. `reread`: the network as its file says now; raises
        ConfigErrors or OSError. `wall`: seconds since 1970. Raises AccountsError, HistoryError."""
        self.network = network
        self.state_dir = state_dir
        self.log = log
        self.starter = starter
        self.wall = wall
        self.accounts = accounts_of(state_dir)
        self.history = History(state_dir / HOME / "history.sqlite")
        self.sessions = Sessions()
        self.board = Board()
        self.health: dict[str, Any] | None = None
        """as the switch said last; None: it did not answer"""
        self.silence = ""
        """why it did not"""
        self.behind = True
        """the hop log is still being read from its beginning"""
        self.renderer = Renderer({"desk": self, "network": network})
        self.stale = ""
        """why the network file could not be read again, so that screens show it as it was; "": they do not"""
        self.followers: list[Callable[[Network], None]] = []
        """who is to hear of another network file"""
        self._reread, self._network_since = reread, 0
        self._asked = self._wanted = 0.0
        self._shared: dict[str, tuple[float, dict[str, Any]]] = {}
        self._asking = trio.Lock()
        self._reading = trio.CapacityLimiter(1)
        # one at a time: closing a file that is open twice in one process drops the locks of who still reads it

    # -- who

    @property
    def named(self) -> bool:
        """False: the network file names no operators, so that whoever logs in may do everything."""
        return bool(self.network.operators)

    def role_of(self, user: str) -> str:
        """`viewer`, `operator` or `supervisor`; "": no operator of this switch."""
        if not self.named:
            return ROLES[-1]
        return next((one.role for one in self.network.operators if one.user == user), "")

    def may(self, session: Session, role: str) -> bool:
        """True where somebody has this role, or one above it."""
        has = self.role_of(session.user)
        return has in ROLES and ROLES.index(has) >= ROLES.index(role)

    def session(self, token: str, *, touch: bool = True) -> Session | None:
        """Whose it is. None: no such session, or it is over, or they have no role or no password any more, or another one.
        `touch`: a person has done something."""
        session = self.sessions.find(token, trio.current_time(), touch=touch)
        if session is None:
            return None
        with suppress(AccountsError):  # a file that cannot be read now changes no password
            self.accounts.follow()
        proved = not session.proof or hmac.compare_digest(session.proof, self.accounts.proof_of(session.user))
        if not proved or not self.role_of(session.user):
            self.sessions.end(session)
            return None
        return session

    def goes_on(self, session: Session) -> Callable[[], bool]:
        """For a stream: False once whoever looks may look no more."""
        return lambda: self.session(session.token, touch=False) is not None

    # -- the switch

    @property
    def part(self) -> str:
        """`shard a`: what it shows is a part of a network that is divided; "": it is all of it."""
        shards = {shard.name for shard in self.network.shards}
        if not shards or journals_of(self.state_dir) != (self.state_dir,):
            return ""
        return f"shard {self.state_dir.name}" if self.state_dir.name in shards else "one shard"

    @property
    def whole(self) -> bool:
        """True for a console of all shards: what is in journals it adds up, what a switch says each shard's own has."""
        return bool(self.network.shards) and journals_of(self.state_dir) != (self.state_dir,)

    async def _of_all(self, command: str) -> dict[str, Any]:
        if command == "health":
            return come_to(await ask_each(others(self.network, self.state_dir)))
        raise NotAnsweredError(
            f"this console is of all shards, and {command.partition('.')[0]} is asked of one",
            "Health says where each shard's console is; "
            f"`cmi-switch {command.replace('.', ' ')} --state {self.state_dir}` asks each",
            code=ErrorCode.SWITCH_ABSENT,
        )

    async def ask(self, command: str, session: Session | None = None, **arguments: Any) -> dict[str, Any]:
        """What the switch says; for whom, where `session` is given. Raises NotAnsweredError."""
        if self.whole:
            return await self._of_all(command)
        behalf = session.user if session is not None else ""
        seconds = HEALTH_S if command == "health" else SEE_S if command.endswith(".list") else ASK_S
        return await trio.to_thread.run_sync(
            lambda: ask_switch(self.state_dir, command, arguments, timeout_s=seconds, behalf=behalf)
        )

    async def do(self, session: Session, command: str, done: str, **arguments: Any) -> dict[str, Any] | None:
        """Have something done, and what came of it told on the next page; None: it was not done, or not yet."""
        try:
            answer = await self.ask(command, session, **arguments)
        except NotAnsweredError as error:
            waits = error.code == ErrorCode.OPERATOR_WAITS
            said = f"{error}. {error.hint}" if error.hint else str(error)
            session.said.append(("waits" if waits else "bad", said))
            return None
        session.said.append(("good", done))
        self._asked = 0.0
        self._shared.clear()
        return answer

    async def shared(self, command: str) -> dict[str, Any]:
        """What only looks, asked for once in a while however many look. Raises NotAnsweredError."""
        known = self._shared.get(command)
        if known is None or trio.current_time() - known[0] >= LOOK_S:
            known = self._shared[command] = (trio.current_time(), await self.ask(command))
        return known[1]

    def want(self) -> None:
        """Somebody looks: the switch is asked for its health for a while."""
        self._wanted = trio.current_time() + WANTED_S

    async def look(self) -> None:
        """Ask how the switch is, unless that is known."""
        self.want()
        async with self._asking:
            if trio.current_time() - self._asked < LOOK_S:
                return
            try:
                self.health, self.silence = await self.ask("health"), ""
                await self._follow(self.health.get("network_since_us", 0))
            except NotAnsweredError as error:
                self.health, self.silence = None, f"{error}. {error.hint}" if error.hint else str(error)
            self._asked = trio.current_time()

    async def _follow(self, since_us: int) -> None:
        """Read the network file again where the switch has, which runs by it since then."""
        if self._reread is None or since_us == self._network_since:
            return
        try:
            self.network, self.stale = await trio.to_thread.run_sync(self._reread), ""
        except (ConfigErrors, OSError) as error:
            self.stale = f"The network file cannot be read here, and is shown as it was: {error}"
            return
        self._network_since = since_us
        self.renderer.show_network(self.network)
        for tell in self.followers:
            tell(self.network)

    async def keep_looking(self) -> None:
        """While anybody is there."""
        while True:
            await trio.sleep(LOOK_S)
            if trio.current_time() < self._wanted:
                await self.look()

    # -- its files

    async def read(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Call what reads files, in a thread; one at a time."""
        return await trio.to_thread.run_sync(lambda: function(*arguments), limiter=self._reading)

    def now(self) -> int:
        """Second since 1970."""
        return int(self.wall())

    def close(self) -> None:
        """No more."""
        self.history.close()
