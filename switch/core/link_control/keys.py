"""Keys that change by message, on all links of a switch: whose they are, and on which connection what is said of them leaves.

In: 0800 and 0810 about keys, sets that messages came under, the time. Out: what `core.links.key_exchange` decides, a host or
member each. Rule: nothing of an exchange is kept here that a crash may not take: what counts is in the security module.
"""

from collections.abc import Iterator
from typing import Any

from switch.core.kernel import Kernel
from switch.core.link_control.network_management import NetworkManagement
from switch.core.links.key_exchange import KeyExchange
from switch.core.links.key_place import KeyWord, place_of
from switch.core.links.session import Session, significant
from switch.core.links.states import SessionState
from switch.core.network import HostLink, LinkKeys, Member
from switch.security.commands import OF_SET
from switch.wire import EncodeError
from switch.wire.vocabulary import DE, Answer, Document


class Party:
    """One host or member whose keys change by message: `key_exchange.Outside` of its exchange."""

    def __init__(self, kernel: Kernel, management: NetworkManagement, of: HostLink | Member) -> None:
        self.name, self.host = of.name, isinstance(of, HostLink)
        self.keys: LinkKeys = of.keys
        self.valid = kernel.sealings.valid
        self._said: dict[str, tuple[str, str]] = {}
        """DE70 -> the key and set that was last said with it"""
        self._kernel, self._management = kernel, management
        own, other = significant(kernel.network.institution), significant(of.institution)
        self.exchange = KeyExchange(of.keys, self.valid, self, wins=int(own or 0) < int(other or 0))

    def connection(self, now: int) -> Session | None:
        """A connection of its that is up; None: there is none."""
        if self.host:
            return self._kernel.hosts[self.name].pick(now)
        return next((s for s in self._kernel.sessions.values() if self.owns(s) and s.state is SessionState.UP), None)

    def owns(self, session: Session) -> bool:
        """True if this is its connection, in the role in which it has these keys."""
        if session.host is not None:
            return self.host and session.host.name == self.name
        return not self.host and session.role == "acquirer" and session.source == self.name

    def say(self, code: str, word: KeyWord, now: int) -> bool:
        """See key_exchange.Outside."""
        session = self.connection(now)
        place = place_of(session.dialect) if session is not None else None
        if session is None or place is None:
            return False
        about = word.purpose, word.set_id
        anew, self._said[code] = self._said.get(code) != about, about
        try:
            others = [one for one in self._kernel.sessions.values() if self.owns(one)]
            self._management.tell_keys(session, code, place.compose(word), now, anew=anew, others=others)
        except EncodeError as error:
            self.log("error", "keys.unspeakable", reason=str(error))
        return True

    def log(self, level: str, event: str, **fields: Any) -> None:
        """See key_exchange.Outside."""
        self._kernel.log(level, event, **{"host" if self.host else "member": self.name}, **fields)

    def wall_us(self, now: int) -> int:
        """See key_exchange.Outside."""
        return self._kernel.wall_us(now)


class KeyLinks:
    """Has each link with exchanged keys say and take what its keys' change needs."""

    def __init__(self, kernel: Kernel, management: NetworkManagement) -> None:
        self._kernel = kernel
        of: tuple[HostLink | Member, ...] = (*kernel.network.hosts, *kernel.network.members)
        self.parties = [Party(kernel, management, each) for each in of if each.keys.zone_key]
        self._by_key = {key: party for party in self.parties for key in party.exchange.keys.values()}
        management.keys = self
        kernel.sealings.valid.seen = lambda name: self.seen(name, kernel.now)

    def _of(self, session: Session) -> Party | None:
        return next((party for party in self.parties if party.owns(session)), None)

    def knows(self, name: str) -> bool:
        """True if the network file has a host or member of this name."""
        network = self._kernel.network
        return name in {host.name for host in network.hosts} | {member.name for member in network.members}

    # -- what comes

    def asked(self, session: Session, code: str, document: Document, now: int) -> str:
        """0800 about keys: its DE39."""
        party, place = self._of(session), place_of(session.dialect)
        if party is None or place is None:
            where = f"[[host]] {session.host.name}" if session.host is not None else f"[[member]] {session.source}"
            hint = f"`zone_key` of {where} in the network file has its keys change by message"
            self._kernel.log("warning", "keys.not_changed_here", link=session.link, de70=code, hint=hint)
            return Answer.INVALID_TRANSACTION
        return party.exchange.asked(code, place.read(document), now)

    def answered(self, session: Session, code: str, document: Document, now: int) -> None:
        """0810 to an 0800 about keys."""
        party, place = self._of(session), place_of(session.dialect)
        if party is not None:
            word = place.read(document) if place is not None else None
            party.exchange.answered(code, document.get(DE.RESPONSE_CODE, ""), word, now)

    def link_up(self, session: Session, now: int) -> None:
        """A connection carries payments from here on."""
        party = self._of(session)
        if party is not None:
            party.exchange.link_up(now)

    def seen(self, name: str, now: int) -> None:
        """A message has come under this set (`atlas-zak#08`), and is proved where its link has MACs."""
        party = self._by_key.get(name.partition(OF_SET)[0])
        if party is not None:
            party.exchange.seen(name, now)

    # -- time

    def tick(self, now: int) -> None:
        """Do what is due."""
        for party in self.parties:
            party.exchange.tick(now)

    def deadlines(self) -> Iterator[int]:
        """When something is due."""
        for party in self.parties:
            due = party.exchange.deadline()
            if due is not None:
                yield due
