"""Network management: sign-on, sign-off, echo, and what a silent link is taken for.

An acquirer or terminal connects and signs on (0800, DE70=001) with a member's institution id in DE32. Towards a host that the
switch connects to, the switch signs on itself, echoes when the link is idle, and closes what no longer answers. A host may also
connect in and sign on as an acquirer does.
"""

from collections.abc import Callable, Container, Iterable
from difflib import get_close_matches
from typing import Final, Protocol

from switch.core.kernel import Kernel
from switch.core.link_control.admission import Barred, bar
from switch.core.links.session import RESUME_HINT, SUSPECT_NS, Handler, HostState, Session, maintenance_of, significant
from switch.core.links.states import LinkEvent, SessionState
from switch.core.messages.dates import date_mistake
from switch.core.messages.internal import answer
from switch.core.party import Close, LinkId
from switch.core.records.numbers import following
from switch.wire import EncodeError
from switch.wire.vocabulary import (
    DE,
    KEY_CODES,
    MTI,
    NETWORK_REQUESTS,
    NETWORK_RESPONSES,
    Answer,
    Document,
    NetworkCode,
)

STORM_NS: Final = 10_000_000_000
"""limit `network_messages_per_10s` counts within so long"""
KEYS_KEPT_NS: Final = 600_000_000_000
"""so long an 0800 about keys may be answered"""
_MAY_BE_SILENT: Final = KEY_CODES | {NetworkCode.CUTOVER}


class KeyControl(Protocol):
    """Keys that change by message (`link_control.keys`)."""

    def asked(self, session: Session, code: str, document: Document, now: int) -> str:
        """0800 about keys: its DE39."""

    def answered(self, session: Session, code: str, document: Document, now: int) -> None:
        """0810 to an 0800 about keys."""

    def link_up(self, session: Session, now: int) -> None:
        """A connection carries payments from here on."""


class NetworkManagement:
    """0800 and 0810 on every link, and the deadlines of links."""

    def __init__(self, kernel: Kernel, host_up: Callable[[HostState, int], None]) -> None:
        self._kernel = kernel
        self._host_up = host_up
        self._institutions = {significant(m.institution): m.name for m in kernel.network.members}
        self._hosts_in = {
            significant(h.config.institution): h for h in kernel.hosts.values() if h.config.connect is None
        }
        self.cutover: Callable[[Session, Document, int], str] = _no_cutover
        """what answers an 0800 with DE70=201: its DE39"""
        self.keys: KeyControl | None = None
        """what answers 0800 about keys, and hears what they are answered"""
        self.retiring: Container[LinkId] = ()
        """connections that end once they can be missed"""
        self.stan = 0
        """last DE11 of an 0800 of the switch's"""

    # -- what the switch says

    def sign_on(self, session: Session, now: int) -> None:
        """Introduce the switch to a host it has connected to."""
        self._ask(session, NetworkCode.SIGN_ON, now)
        session.move(LinkEvent.SIGN_ON)

    def sign_off(self, session: Session, now: int) -> None:
        """Say goodbye to a host."""
        self._ask(session, NetworkCode.SIGN_OFF, now)

    def tell_cutover(self, session: Session, begins: Document, now: int) -> None:
        """Another business day has begun (DE15), or another window of it (DE48), once that is durable. Raises EncodeError."""
        self._forget(session, NetworkCode.CUTOVER, now)
        self._ask(session, NetworkCode.CUTOVER, now, begins, self._kernel.position)

    def tell_keys(
        self, session: Session, code: str, word: Document, now: int, *, anew: bool, others: Iterable[Session]
    ) -> None:
        """Something about the link's keys (DE70 `code`). Said again, an answer to any of them is one; not where it is another
        thing (`anew`) than was said before, on this or the `others` of its connections. Raises EncodeError."""
        for one in (session, *others):
            self._forget(one, code, now if anew else now - KEYS_KEPT_NS)
        self._ask(session, code, now, word)

    def _called(self, session: Session) -> str:
        """What the switch calls itself on this connection."""
        passed_by = session.host.config.passed_by if session.host is not None else ""
        return passed_by or self._kernel.network.institution

    @staticmethod
    def _forget(session: Session, code: str, until: int) -> None:
        """What was asked under this code until then and not answered is not waited for."""
        for key in [key for key, (asked, at) in session.asked.items() if asked == code and at <= until]:
            del session.asked[key]

    def _ask(self, session: Session, code: str, now: int, extra: Document | None = None, after: int = 0) -> None:
        kernel = self._kernel
        self.stan = following(self.stan, kernel.stans)
        stan, de7 = f"{self.stan:06d}", kernel.de7(now)
        document: Document = {
            DE.MTI: MTI.NETWORK_REQUEST,
            DE.TRANSMISSION_TIME: de7,
            DE.STAN: stan,
            DE.ACQUIRER: self._called(session),
            DE.NETWORK_CODE: code,
        }
        if extra:
            document.update(extra)
        kernel.transmit(session, document, after=after)
        session.asked[(stan, de7)] = (code, now)

    # -- what others say

    def handlers(self) -> dict[str, Handler]:
        """MTI -> what takes it."""
        requests: dict[str, Handler] = dict.fromkeys((*NETWORK_REQUESTS, "0820"), self.handle_request)
        responses: dict[str, Handler] = dict.fromkeys(NETWORK_RESPONSES, self.handle_response)
        return requests | responses

    def handle_request(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """Another's 0800, its repeat, or its advice; in the 1993 edition also 1804."""
        kernel = self._kernel
        if self._is_storm(session, now):
            return
        code = document.get(DE.NETWORK_CODE, "")
        stan_de7 = (document.get(DE.STAN, ""), document.get(DE.TRANSMISSION_TIME, ""))
        if stan_de7 in session.asked and document.get(DE.ACQUIRER) == self._called(session):
            kernel.log("error", "link.reflected", link=session.link, de11=stan_de7[0],
                       hint="our own 0800 came back: the other end echoes bytes, or is the switch itself")  # fmt: skip
            return
        after = 0
        mistake = date_mistake(raw, session.dialect.family, kernel.wall_us(now))
        if mistake:
            de39 = Answer.FORMAT_ERROR
            kernel.log("warning", "message.impossible_date", link=session.link, mti=document[DE.MTI], reason=mistake)
        elif code == NetworkCode.SIGN_ON:
            de39 = self._accept_sign_on(session, document, now)
        elif code == NetworkCode.SIGN_OFF:
            de39 = self._accept_sign_off(session, now)
        elif code == NetworkCode.ECHO:
            de39 = Answer.APPROVED
        elif code == NetworkCode.CUTOVER:
            de39, after = self.cutover(session, document, now), kernel.position
        elif code in KEY_CODES and self.keys is not None and (session.source or session.host is not None):
            de39 = self.keys.asked(session, code, document, now)
        else:
            de39 = Answer.INVALID_TRANSACTION
            kernel.log("warning", "link.network_code_unknown", link=session.link, de70=code or "absent",
                       known="001 sign-on, 002 sign-off, 101, 161, 162 keys, 201 cutover, 301 echo")  # fmt: skip
        if document[DE.MTI][2] == "0":
            reply = answer(document, de39)
            try:
                kernel.transmit(session, reply, raw, after)
            except EncodeError as error:
                kernel.log("error", "answer.unspeakable", link=session.link, mti=reply[DE.MTI], reason=str(error))

    def _is_storm(self, session: Session, now: int) -> bool:
        if now - session.network_from_ns > STORM_NS:
            session.network_from_ns, session.network_messages = now, 0
        session.network_messages += 1
        limit = self._kernel.limits.network_messages_per_10s
        if session.network_messages == limit + 1:
            self._kernel.log(
                "warning", "limit.reached", limit="network_messages_per_10s", value=limit, link=session.link,
                hint="not answered until it calms down: do two hosts echo at each other? Else raise it in [limits]",
            )  # fmt: skip
        return session.network_messages > limit

    def _accept_sign_on(self, session: Session, document: Document, now: int) -> str:
        kernel = self._kernel
        institution = document.get(DE.ACQUIRER, "")
        if session.host is not None and session.host.config.connect is not None:
            if session.state is SessionState.MAINTENANCE:
                return self._refuse_sign_on(session)
            kernel.log("info", "link.peer_signed_on", link=session.link, institution=institution)
            if session.state is SessionState.SIGNED_OFF and not kernel.draining:
                session.move(LinkEvent.SIGNED_ON)
                self.mark_up(session, now)
            return Answer.APPROVED
        if kernel.draining:
            return Answer.ISSUER_INOPERATIVE
        known: dict[str, str] = self._institutions
        if session.role == "host":
            known = {called: h.name for called, h in self._hosts_in.items()}
        name = known.get(significant(institution))
        if name is None:
            near = get_close_matches(institution, known, 1)
            kernel.log(
                "warning", "link.sign_on_refused", link=session.link, institution=institution or "absent",
                known=sorted(known), did_you_mean=near[0] if near else "",
                hint="DE32 of a sign-on must be the institution of a [[member]] (or [[host]]) of the network file",
            )  # fmt: skip
            return Answer.FORMAT_ERROR if not institution else Answer.NOT_PERMITTED_TERMINAL
        barred = bar(kernel, session, name, self.retiring)
        if barred is not None:
            return self._bar(session, institution, barred, now)
        session.source = name
        session.since_de7 = document.get(DE.TRANSMISSION_TIME, "")
        if session.role == "host":
            session.host = self._hosts_in[significant(institution)]
            kernel.with_hosts[session.link] = session
        kernel.bind_to_peer(session)
        if maintenance_of(kernel.state.maintenance, session):
            session.move(LinkEvent.KEEP_OUT)
            return self._refuse_sign_on(session)
        session.move(LinkEvent.SIGNED_ON)
        kernel.log(
            "info",
            "link.signed_on",
            link=session.link,
            source=name,
            institution=institution,
            dialect=session.dialect.name,
        )
        if session.host is not None:
            self.mark_up(session, now)
        elif self.keys is not None:
            self.keys.link_up(session, now)
        return Answer.APPROVED

    def _bar(self, session: Session, institution: str, barred: Barred, now: int) -> str:
        """Refuse a sign-on; what has its place is asked whether it is still there. Returns DE39."""
        self._kernel.log("warning", "link.sign_on_refused", link=session.link, institution=institution, source=session.source,
                         peer=session.peer, reason=barred.reason, hint=barred.hint)  # fmt: skip
        for other in barred.others:
            if not other.asked and now - other.heard_ns > SUSPECT_NS:
                self._ask(other, NetworkCode.ECHO, now)
        return barred.de39

    def _refuse_sign_on(self, session: Session) -> str:
        """The answer to a sign-on that an operator does not want now. The connection stays."""
        target = maintenance_of(self._kernel.state.maintenance, session)
        self._kernel.log("warning", "link.sign_on_refused", link=session.link, source=session.source, maintenance=target,
                         hint=RESUME_HINT.format(target.partition(":")[2] or session.link))  # fmt: skip
        return Answer.ISSUER_INOPERATIVE

    def _accept_sign_off(self, session: Session, now: int) -> str:
        del now
        session.move(LinkEvent.SIGNED_OFF)
        if session.host is not None:
            session.host.remove(session)
        self._kernel.log("info", "link.signed_off", link=session.link, source=session.source,
                         hint="payments to it are declined (91) until it signs on again" if session.host else "")  # fmt: skip
        return Answer.APPROVED

    def handle_response(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0810, 0814. It is waited for until what it leads to is done: where that ends in an error, the link is closed as if
        none had come, and begun again; for a host that was never found up, nothing else would."""
        del raw
        kernel = self._kernel
        stan, de7 = document.get(DE.STAN, ""), document.get(DE.TRANSMISSION_TIME, "")
        key = stan, _sent_at(session, stan, de7)
        asked = session.asked.get(key)
        if asked is None:
            kernel.log("warning", "answer.unmatched", link=session.link, mti=document[DE.MTI], de11=stan, de7=de7,
                       nearest=self._nearest(session, stan, de7))  # fmt: skip
            return
        code, de39 = asked[0], document.get(DE.RESPONSE_CODE, "")
        if code == NetworkCode.SIGN_ON:
            if de39 != Answer.APPROVED:
                kernel.log("error", "link.sign_on_refused", link=session.link, de39=de39,
                           hint="the host refused the switch's sign-on; it is tried again with back-off")  # fmt: skip
                session.move(LinkEvent.CLOSE)
                kernel.effects.append(Close(session.link, f"sign-on refused with DE39={de39}"))
            elif session.host is not None and session.state is SessionState.SIGNING_ON:
                session.move(LinkEvent.SIGNED_ON)
                session.source = session.host.name
                self.mark_up(session, now)
        elif code in KEY_CODES and self.keys is not None:
            self.keys.answered(session, code, document, now)
        session.asked.pop(key, None)

    def mark_up(self, session: Session, now: int) -> None:
        """A host's connection carries payments from here on."""
        host = session.host
        assert host is not None
        back = host.add(session)
        self._kernel.log("info", "link.up", link=session.link, host=host.name, dialect=session.dialect.name,
                         connections=len(host.sessions))  # fmt: skip
        if self.keys is not None:
            self.keys.link_up(session, now)
        if back:
            self._host_up(host, now)

    @staticmethod
    def _nearest(session: Session, stan: str, de7: str) -> str:
        for other_stan, other_de7 in session.asked:
            if other_stan == stan:
                return f"DE11 {stan} was sent with DE7 {other_de7}, the answer has DE7 {de7 or 'absent'}"
            if other_de7 == de7:
                return f"DE7 {de7} was sent with DE11 {other_stan}, the answer has DE11 {stan or 'absent'}"
        return "no request of this link awaits an answer" if not session.asked else "none resembles it"

    # -- time

    def tick(self, now: int) -> None:
        """Echo idle hosts; close those that do not answer."""
        kernel = self._kernel
        for session in self._host_sessions():
            host = session.host
            if host is None or session.state is SessionState.CLOSING:
                continue
            oldest = _oldest(session)
            if oldest is not None and now - oldest >= host.timeout_ns:
                kernel.log("warning", "link.half_open", link=session.link, waited_ms=(now - oldest) // 1_000_000,
                           hint="an 0800 was not answered: the host is gone without saying so, or does not read")  # fmt: skip
                session.move(LinkEvent.CLOSE)
                host.remove(session)
                kernel.effects.append(Close(session.link, "0800 not answered in time", at_once=True))
            elif oldest is None and session.state is SessionState.UP and now >= self._echo_at(session, host):
                self._ask(session, NetworkCode.ECHO, now)

    def deadline(self) -> int | None:
        """When the next of these is due."""
        due: int | None = None
        for session in self._host_sessions():
            host = session.host
            if host is None or session.state is SessionState.CLOSING:
                continue
            oldest = _oldest(session)
            if oldest is not None:
                at = oldest + host.timeout_ns
            elif session.state is SessionState.UP:
                at = self._echo_at(session, host)
            else:
                continue
            due = at if due is None or at < due else due
        return due

    def _host_sessions(self) -> list[Session]:
        """All connections with hosts, whoever made them."""
        return list(self._kernel.with_hosts.values())

    @staticmethod
    def _echo_at(session: Session, host: HostState) -> int:
        return session.heard_ns + host.config.echo_s * 1_000_000_000


def _oldest(session: Session) -> int | None:
    """When the oldest 0800 was asked whose answer shows that the other end lives. Not every host answers 201, or about keys."""
    return min((at for code, at in session.asked.values() if code not in _MAY_BE_SILENT), default=None)


def _no_cutover(session: Session, document: Document, now: int) -> str:
    del session, document, now
    return Answer.INVALID_TRANSACTION


def _sent_at(session: Session, stan: str, de7: str) -> str:
    """DE7 of the 0800 that an 0810 with this DE11 and DE7 answers: the same, unless it has none or its host stamps its own."""
    restamps = session.host is not None and DE.TRANSMISSION_TIME not in session.host.config.match
    if de7.strip("0 ") and not restamps:
        return de7
    return next((sent_at for asked, sent_at in session.asked if asked == stan), de7)
