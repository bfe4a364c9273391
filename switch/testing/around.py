"""Replays a capture around the pure switch: every host and terminal in it is played, the switch in the middle is the real one.

No socket, no process, no waiting: time is virtual, begins when the capture did and goes as it went there: a 29 February, a
card's expiry and a tariff are what they were. What the switch says to acquirers, issuers
and networks is compared with what it said then.
"""

from collections.abc import Mapping
from typing import Final

from switch.capture.compare import DEFAULT_RULES
from switch.capture.live import origin_of
from switch.capture.pcapng import CaptureError
from switch.capture.replay import NS, Plan, Replay, Report, report_of
from switch.capture.talks import Talk
from switch.core.network import Network
from switch.sim.playbook import Playbook
from switch.wire.framing import make_framing

ANSWER_NS: Final = 30 * NS
"""an acquirer's request unanswered for so long is missing its answer; longer than any host's timeout in a network file of use"""


class _Player:
    """One talk's other end."""

    def __init__(self, book: Playbook, talk: Talk, plan: Plan) -> None:
        self.closed = ""
        self.replay = Replay(talk, plan)
        self.begins = min(message.at_ns for message in talk.said)
        self._book = book
        self._incoming, self._outgoing = (make_framing(talk.framing) for _ in range(2))
        self._inbox: list[bytes] = []
        self._link = ""

    def connect(self) -> None:
        """The connection comes up."""
        self.replay.started(self._book.now)
        self._link = self._book.join(self.replay.talk.link, self)

    @property
    def open(self) -> bool:
        """True once it has."""
        return bool(self._link)

    def take(self, data: bytes) -> None:
        """Bytes from the switch; looked at in `advance`."""
        self._inbox += self._incoming.feed(data)

    def advance(self) -> bool:
        """Say what is to be said. False: nothing was, and nothing had come."""
        inbox, self._inbox = self._inbox, []
        out = self.replay.advance(self._book.now)
        for frame in inbox:
            out += self.replay.received(frame, self._book.now)
        for message in out:
            self._book.deliver(self._link, self._outgoing.frame(message))
        if self.closed and not self._inbox:
            self.replay.lost(f"the switch closed the link: {self.closed}")
        return bool(inbox or out)


def replay_around(network: Network, talks: list[Talk], rules: Mapping[str, str] = DEFAULT_RULES) -> Report:
    """Replay talks of links that `network` has. CaptureError: there is none, or their times are not known."""
    listeners, hosts = {x.name for x in network.listeners}, {x.name for x in network.hosts}
    known = [talk for talk in talks if talk.link in listeners | hosts and talk.said]
    if not known:
        raise CaptureError(
            f"no talk is on a link of {network.name}: the capture is not one that `serve --capture` made of it"
        )
    if not all(message.at_ns for talk in known for message in talk.said):
        raise CaptureError("the capture has no times: who spoke first on which link cannot be known")
    book = Playbook(network, wall_offset_ns=origin_of(known))
    asked = sum(message.asks for talk in known if talk.link in listeners for message in talk.said)
    patience = ANSWER_NS * (asked + 2)  # a host outwaits every acquirer, should each of their requests go unanswered
    players = []
    for talk in known:
        client = talk.link in listeners
        plan = Plan(client=client, speed=1.0, rules=rules, timeout_ns=ANSWER_NS if client else patience)
        players.append(_Player(book, talk, plan))
    length = max(message.at_ns for talk in known for message in talk.said) - origin_of(known)
    _run(book, sorted(players, key=lambda player: player.begins), origin_of(known), book.now + length + 2 * patience)
    return report_of([player.replay for player in players])


def _run(book: Playbook, players: list[_Player], origin: int, until: int) -> None:
    """Let all play until each is done, at the latest at `until` (virtual ns): by then the patience of everyone is over."""
    began = book.now
    while not all(player.replay.done for player in players):
        if book.now > until:
            for player in players:
                player.replay.lost("the replay has outlasted the capture")
            return
        for player in players:
            if not player.open and book.now - began >= player.begins - origin:
                player.connect()
        moved = [player.advance() for player in players if player.open and not player.replay.done]
        if any(moved):
            continue
        times = [player.replay.due() for player in players if player.open]
        times += [began + player.begins - origin for player in players if not player.open]
        times.append(book.switch.next_deadline())
        due = [max(at, book.now + 1) for at in times if at is not None]
        if not due:
            return
        book.passes((min(due) - book.now) / NS)
