"""When the processor is what runs out: which requests are let in, and how the others are declined for next to nothing.

The driver knows how long its turns take (`server.pace`); where they stay too long it says how many requests the next one may
let in (`hold`). Then what acquirers sent waits until all links have been read, so that answers go first, and the room is shared
out fairly: no acquirer gets more than another that wants it, whatever it floods with and over however many links. What is
beyond is declined with DE39=96 as cheaply as can be: no record, no hop, one line of log a second. Rule: a request that may be
known already (a repeat, or from before this process) is never declined so; it goes the long way. One that is older than what
memory has of its acquirer would have to be looked for in the log, each of a backlog's: it is not answered, as if it had been
lost on its way. Reversals and advices are never declined so, but take room of their link like requests do; so does a request
that is declined the long way.
"""

from collections.abc import Callable, Container
from typing import Final

from switch.core.kernel import Kernel
from switch.core.limits import NEVER
from switch.core.links.session import Session
from switch.core.links.states import SessionState
from switch.core.messages.internal import answer
from switch.core.party import Close, Send
from switch.core.records.records import TRANSMISSION_TIME, Key
from switch.core.records.refusals import Shared
from switch.core.transactions.fast_decline import FastDecline, Group
from switch.core.transactions.replies import reply
from switch.core.transactions.transaction import UP, key_of
from switch.wire.framing import frames_alike, make_framing
from switch.wire.vocabulary import DE, Answer, Document

SAID_EVERY_NS: Final = 1_000_000_000


class Overload:
    """What acquirers sent in a turn that has bounded room."""

    def __init__(self, kernel: Kernel, deal_with: Callable[[Session, list[bytes], int], None]) -> None:
        """`deal_with`: does with whole frames of a session what is to be done with them, in order."""
        self.holding = False
        self._kernel = kernel
        self._deal_with = deal_with
        self._kept: dict[Session, list[bytes]] = {}
        self._said_at = -SAID_EVERY_NS
        self._shed_before = 0
        self._fast_declines: dict[tuple[str, int, str], FastDecline] = {}
        """by dialect, what a link's answers say of the business day, and framing; in this window"""
        self._window = ""
        self._links: dict[str, int] = {}
        """requests declined since it was last said, by connection"""
        self._unanswered = 0
        """of those since then that were not even declined"""

    def hold(self, room: int) -> None:
        """A turn begins that may let in so many requests."""
        self.holding = True
        self._kernel.admit_to = self._kernel.admitted + room

    def hold_back(self, session: Session, frames: list[bytes]) -> bool:
        """True if these frames wait until the turn is settled: an acquirer's, once it is signed on."""
        if session.host is not None or session.state is not UP:
            return False
        self._kept.setdefault(session, []).extend(frames)
        return True

    def flush(self, session: Session, now: int) -> None:
        """Deal with what waits of one link at once, for what follows it."""
        frames = self._kept.pop(session, None)
        if frames:
            self._deal_with(session, frames, now)

    def settle(self, now: int) -> None:
        """All links have been read: share out the room, the least demanding first, so that what they leave is the others'. May be
        called again in a turn, for what was read since."""
        kernel, last = self._kernel, self._kernel.admit_to
        kept, self._kept = self._kept, {}
        kernel.wall_us(now)
        if kernel.window_now != self._window:
            self._fast_declines.clear()
            self._window = kernel.window_now
        acquirers: dict[str, list[tuple[Session, list[bytes]]]] = {}
        for session, frames in kept.items():
            acquirers.setdefault(session.source, []).append((session, frames))
        left = len(acquirers)
        for links in sorted(acquirers.values(), key=lambda links: sum(len(frames) for _, frames in links)):
            self._share_among(links, kernel.admitted + max(0, last - kernel.admitted) // left, now)
            left -= 1
        kernel.admit_to = last
        if (self._links or self._unanswered) and now - self._said_at >= SAID_EVERY_NS:
            self._say(now)

    def _share_among(self, links: list[tuple[Session, list[bytes]]], last: int, now: int) -> None:
        """Share out one acquirer's part of the room, up to `last`, among its links."""
        kernel, left = self._kernel, len(links)
        for session, frames in sorted(links, key=lambda link: len(link[1])):
            if session.link in kernel.sessions:
                kernel.admit_to = kernel.admitted + max(0, last - kernel.admitted) // left
                shed = kernel.shed
                mark = kernel.mark()
                try:
                    self._share_out(session, frames, now)
                except (
                    Exception
                ) as error:  # of what has no message of its own: nobody knows which frames were dealt with
                    kernel.contain(error, "sharing out what a turn has room for", mark, link=session.link)
                    kernel.effects.append(Close(session.link, "an error of the switch's own"))
                if kernel.shed != shed:
                    self._links[session.link] = self._links.get(session.link, 0) + kernel.shed - shed
            left -= 1

    def _share_out(self, session: Session, frames: list[bytes], now: int) -> None:
        """Deal with a link's frames in their order; once its share is used up, refuse requests by their bytes if possible."""
        kernel, deal_with = self._kernel, self._deal_with
        fast_decline = self._fast_decline_of(session)
        if fast_decline is None:  # what finds no room is refused as it is dealt with
            deal_with(session, frames, now)
            return
        at = 0
        while at < len(frames) and session.state is not SessionState.CLOSING:
            room = kernel.admit_to - kernel.admitted
            if room > 0:
                deal_with(session, frames[at : at + room], now)
                at += room
                continue
            at = self._refuse(fast_decline, session, frames, at)
            if at < len(frames):
                self._learn(fast_decline, session, frames[at], now)
                at += 1

    def _refuse(self, fast_decline: FastDecline, session: Session, frames: list[bytes], at: int) -> int:
        """Refuse requests by their bytes, from this frame on; returns the first that cannot be."""
        if session.state is not UP:
            return at
        kernel = self._kernel
        known = _Known(kernel, session)
        done, answers = fast_decline.refuse(frames[at:], session.source, known)
        self._unanswered += done - len(answers)
        kernel.refused.grew(len(answers))
        if answers:
            if not frames_alike(session.framing):
                answers = [session.framing.frame(one) for one in answers]
            kernel.shed += len(answers)
            session.good += len(answers)
            kernel.effects.append(Send(session.link, b"".join(answers)))
        return at + done

    def _fast_decline_of(self, session: Session) -> FastDecline | None:
        """None: an answer cut to fit by its bytes would have another's MAC, or speak of another's keys."""
        if not session.direct or session.sealing is not None or session.sets is not None:
            return None
        kind = session.dialect.name, session.says, session.framing_name
        found = self._fast_declines.get(kind)
        if found is None:
            framed = session.framing.frame if frames_alike(session.framing) else None
            found = self._fast_declines[kind] = FastDecline(session.dialect, framed)
        return found

    def _learn(self, fast_decline: FastDecline, session: Session, frame: bytes, now: int) -> None:
        """Deal with a frame the long way, and learn how the next of its kind is refused if this one found no room."""
        kernel = self._kernel
        shed, at = kernel.shed, len(kernel.effects)
        self._deal_with(session, [frame], now)
        if kernel.shed == shed + 1 and len(kernel.effects) == at + 1 and isinstance(sent := kernel.effects[at], Send):
            answers = make_framing(session.framing_name, kernel.limits.frame_bytes).feed(sent.data)
            fast_decline.learn(frame, answers[0])

    def release(self, now: int) -> None:
        """There is room for all again."""
        self.holding = False
        self._kernel.admit_to = NEVER
        if self._links or self._unanswered:
            self._say(now)
        self._said_at = -SAID_EVERY_NS
        self._kernel.log("info", "overload.over", hint="every request is let in again")

    def _say(self, now: int) -> None:
        shed = self._kernel.shed
        self._kernel.log(
            "warning", "overload.declined", de39=Answer.MALFUNCTION, requests=shed - self._shed_before,
            unanswered=self._unanswered,
            links=dict(sorted(self._links.items(), key=lambda item: -item[1])[:10]),
            hint="the processor is the limit: requests beyond what it serves are declined at once, without record or hop; "
            "turn_ms in [limits] of the network file says how late it may be",
        )  # fmt: skip
        self._shed_before, self._said_at, self._unanswered = shed, now, 0
        self._links.clear()


class _Known:
    """What is known of requests of a connection, for `FastDecline.refuse`."""

    def __init__(self, kernel: Kernel, session: Session) -> None:
        self._kernel = kernel
        self._session = session
        self._groups: dict[Shared, Group | None] = {}

    @property
    def keys(self) -> tuple[Container[Key], Container[Key]]:
        """See Known."""
        return self._kernel.pending, self._kernel.state.recent

    def group_of(self, shared: Shared) -> Group | None:
        """See Known."""
        if shared not in self._groups:
            self._groups[shared] = self._group_of(shared)
        return self._groups[shared]

    def _group_of(self, shared: Shared) -> Group | None:
        kernel, (source, mti_class, sent_at, institution) = self._kernel, shared
        if kernel.from_before(sent_at, self._session):
            return None
        alike = kernel.refused.open(shared, kernel.wall_us_now)
        forgotten = kernel.beyond_memory((source, mti_class, "", sent_at, institution, ""))
        return Group(refused=alike, forgotten=forgotten)


def may_be_known(kernel: Kernel, session: Session, key: Key) -> bool:
    """True if a request with this key may have come before: it waits, was dealt with, or is older than what is remembered."""
    sent_at = key[TRANSMISSION_TIME]
    if key in kernel.pending or key in kernel.state.recent or kernel.beyond_memory(key):
        return True
    return kernel.from_before(sent_at, session)


def shed(kernel: Kernel, session: Session, document: Document, raw: Document, now: int) -> bool:
    """Decline a request there is no room for. False: it must go the long way, since it may be known."""
    kernel.wall_us(now)
    if document[DE.MTI][3] != "0" or session.state is not UP or not document.get(DE.TRANSMISSION_TIME):
        return False
    key = key_of(session, document)
    if key in kernel.refused or may_be_known(kernel, session, key):
        return False
    kernel.remember_refusal(key, Answer.MALFUNCTION)
    reply(kernel, session, answer(document, Answer.MALFUNCTION), raw)
    kernel.shed += 1
    return True
