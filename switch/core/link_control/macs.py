"""MACs of what comes in: a message whose MAC is wrong or missing is not processed.

Frames of one reading are checked together, before any of them is decoded. In: frames of a link. Out: those that are proved, or
need no proof. A request that is not proved is answered 96 (of the 1993 edition 916, and 917 where it names a key set that is not
known here), an answer that is not proved is none: the request it pretends to answer goes on waiting, and is reversed in its time.
Many in a row sign the link off and end it.

Whose key a new connection to a listener has is told by DE32 of what it sends; once a message of it is proved, the connection is
that member's for good.
"""

from collections.abc import Callable
from typing import Final

from switch.core.kernel import Kernel
from switch.core.link_control.device_counters import count, judge
from switch.core.links.sealing import Parties, Sealing, Verdict
from switch.core.links.session import Session, significant
from switch.core.links.states import SessionState
from switch.core.messages.internal import answer
from switch.security.dukpt import device_and_counter
from switch.wire import DecodeError, EncodeError
from switch.wire.letters import decode_anyway
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, Answer, Document, is_request

_HINT: Final = (
    "not processed; do both ends have the same key (`cmi-switch keys list`: check values) and cover the same bytes?"
)


class Macs:
    """Checks the MACs of what one read brought, and lets through what may be processed."""

    def __init__(
        self,
        kernel: Kernel,
        close: Callable[[Session, str], None],
        sign_off: Callable[[Session, int], None],
        seen: Callable[[str, int], None],
    ) -> None:
        """`close`: ends a connection, for a reason. `sign_off`: tells its other end first (0800, DE70=002). `seen`: told of the
        set that a message is proved by, where it is not the one in use."""
        self._kernel = kernel
        self._close, self._sign_off, self._seen = close, sign_off, seen
        self.failures = 0
        """messages not processed for their MAC, since the start"""

    def check(self, session: Session, frames: list[bytes], now: int) -> list[bytes]:
        """Those of the frames that may be processed; the others are refused."""
        if session.sealing is not None:
            return self._prove(session, session.sealing, frames, now)
        sealings = self._kernel.sealings
        known = sealings.hosts_in if session.role == "host" else sealings.members
        if not known or session.host is not None or session.role == "terminal":
            return frames
        if session.source and all(name != session.source for name, _ in known.values()):
            return frames
        return self._of_whom_they_say(session, frames, known, now)

    def _of_whom_they_say(self, session: Session, frames: list[bytes], known: Parties, now: int) -> list[bytes]:
        """The frames that may be processed of a connection whose owner no MAC has proved yet."""
        sealings = self._kernel.sealings
        passed: list[bytes] = []
        for at, frame in enumerate(frames):
            claimed = known.get(significant(_claimed(session, frame)))
            if claimed is None:
                passed.append(frame)
                continue
            sealing = sealings.of(claimed[1], session.dialect)
            assert sealing is not None, "those known have a key"
            (verdict,) = sealing.check([frame])
            if verdict.good:
                session.sealing = sealing
                if verdict.key:
                    self._seen(verdict.key, now)
                return [*passed, sealing.readable(frame), *self._prove(session, sealing, frames[at + 1 :], now)]
            self._refuse(session, sealing, frame, verdict, now)
        return passed

    def _prove(self, session: Session, sealing: Sealing, frames: list[bytes], now: int) -> list[bytes]:
        verdicts = sealing.check(frames)
        self._kernel.proved_serials.clear()
        passed: list[bytes] = []
        for frame, said in zip(frames, verdicts, strict=True):
            verdict = self._counted(session, said, now) if said.ksn else said
            if verdict.good:
                session.unproved = 0
                passed.append(sealing.readable(frame))
                if verdict.key:
                    self._seen(verdict.key, now)
            else:
                self._refuse(session, sealing, frame, verdict, now)
        return passed

    def _counted(self, session: Session, verdict: Verdict, now: int) -> Verdict:
        """The verdict, unless a terminal's counter has gone back."""
        kernel = self._kernel
        kernel.wall_us(now)
        wrong = judge(kernel, verdict.ksn, session.link, again=True)
        if wrong:
            return Verdict(False, wrong)
        device, counter = device_and_counter(verdict.ksn)
        if counter > kernel.state.devices.get(device, 0):
            count(kernel, verdict.ksn, now)
            kernel.proved_serials.add(verdict.ksn)
        return verdict

    def _refuse(self, session: Session, sealing: Sealing, frame: bytes, verdict: Verdict, now: int) -> None:
        """Say so, answer a request, and end a link that sends nothing else."""
        kernel = self._kernel
        kernel.wall_us(now)
        self.failures += 1
        session.unproved += verdict.asked  # a module that is away says nothing of the other end
        try:
            raw = session.dialect.decode(frame)
        except DecodeError as error:
            raw = error.document
        mti = raw.get(DE.MTI, "")
        times = kernel.limit_times("mac", session.name)
        if times:
            kernel.log(
                "error",
                "mac.missing" if verdict.missing else "mac.wrong",
                link=session.link,
                mti=mti,
                de11=raw.get(DE.STAN, ""),
                reason=verdict.reason,
                in_a_row=session.unproved,
                times=times,
                hint=_HINT,
            )
        if len(mti) == 4 and mti.isdigit() and is_request(mti):
            self._answer(session, sealing, raw)
        limit = kernel.limits.mac_failures_per_link
        if session.unproved >= limit:
            kernel.log(
                "error",
                "limit.reached",
                limit="mac_failures_per_link",
                value=limit,
                link=session.link,
                hint="signed off and closed; raise mac_failures_per_link in [limits] if it is to go on",
            )
            if session.sealing is not None and session.state is SessionState.UP:
                self._sign_off(session, now)  # whose it is was proved once: it learns why, if it can still read it
            self._close(session, f"limit mac_failures_per_link={limit} reached")

    def _answer(self, session: Session, sealing: Sealing, raw: Document) -> None:
        """96, sealed as all that leaves the link; of the 1993 edition 916. An approval it can never be."""
        try:
            document = session.inward(raw)
        except (SubfieldError, ValueError, KeyError):
            return
        refused = answer(document, self._code(session, sealing, raw))
        before, session.sealing = session.sealing, sealing
        try:
            self._kernel.transmit(session, refused, raw)
        except EncodeError:
            return
        finally:
            session.sealing = before

    @staticmethod
    def _code(session: Session, sealing: Sealing, raw: Document) -> str:
        """DE39: the 1987 edition has no word for it."""
        if session.dialect.family != "iso93":
            return Answer.MALFUNCTION
        known = sealing.sets is None or sealing.sets.knows(raw)
        return Answer.MAC_INCORRECT if known else Answer.MAC_OUT_OF_STEP


def _claimed(session: Session, frame: bytes) -> str:
    """DE32 of a message; "" where it cannot be read."""
    try:
        return session.inward(decode_anyway(session.dialect, frame)).get(DE.ACQUIRER, "")
    except (DecodeError, SubfieldError, ValueError, KeyError):
        return ""
