"""Messages with a mistake in their form: what cannot be read, or makes no sense to the switch.

A request is answered with DE39=30 where its head can be read, an answer goes on without an element that cannot be, all else is
logged with its place. One bad message never costs a healthy link; many in a row, or nothing but such, end it.
"""

from collections.abc import Callable
from typing import Any, Final

from switch.core.kernel import Kernel
from switch.core.link_control.diagnosis import LinkDiagnosis
from switch.core.links.session import Session
from switch.core.messages.family import UnreadableError
from switch.core.messages.internal import answer
from switch.core.messages.texts import control_characters, letter_error, respell, spell
from switch.core.transactions.replies import reply
from switch.wire import DecodeError
from switch.wire.describe import error_fields
from switch.wire.letters import Lettered, Place, read_with_letters
from switch.wire.pans import misread_pan
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, EDITIONS, Answer, Document, is_request

LETTERS_US: Final = 60_000_000
"""letters on a link of ASCII are said once in so long"""


def _of_another_edition(session: Session, mti: str) -> str:
    """Which edition an MTI is of, where it is one and not the link's, in a sentence; else ""."""
    version, theirs = session.dialect.version, EDITIONS.get(mti[:1], "")
    if not theirs or mti[0] == version:
        return ""
    return (
        f"MTI {mti} is of the {theirs} edition; dialect {session.dialect.name} of this link is of the {EDITIONS[version]} "
        f"edition ({version}xxx): let the peer speak that one, or give the link another dialect"
    )


class FormatErrors:
    """Answers, logs and counts them; ends links that send nothing else."""

    def __init__(self, kernel: Kernel, diagnosis: LinkDiagnosis, close: Callable[[Session, str], None]) -> None:
        """`close`: ends a connection, for a reason."""
        self._kernel = kernel
        self._diagnosis = diagnosis
        self._close = close

    def without_controls(self, session: Session, frame: bytes, raw: Document, controls: list[UnreadableError]) -> bool:
        """Take elements of text with control characters out of a message; False: it is a request, refused for them."""
        changed = respell(session.dialect, raw, controls)
        if changed:
            hint = "bytes 80 to 9F are no text in ISO 8859-1, and were read as Windows-1252; the peer may send that, or UTF-8"
            elements = [f"DE{de}" for de in changed]
            self._kernel.log(
                "info", "text.respelled", link=session.link, de11=raw.get(DE.STAN, ""), elements=elements, hint=hint
            )
            controls = control_characters(session.dialect, raw)
            if not controls:
                return True
        mistaken = is_request(raw[DE.MTI])
        fields = error_fields(session.dialect, frame, controls[0], controls[0].byte(session.dialect))
        for error in controls:
            del raw[error.field]
            if not mistaken:
                self.say_dropped(session, raw, str(error))
        if mistaken:
            self.misformed(session, raw, str(controls[0]), fields)
        return not mistaken

    def with_letters(self, session: Session, frame: bytes, error: DecodeError, now: int) -> Document:
        """A frame that is no message of the dialect for letters in its text alone, with those spelled in ASCII; empty: it is
        none, and has been dealt with. What may not be spelled otherwise (`texts.SPELLED`) is taken out of an answer; a request
        with it is refused."""
        found = read_with_letters(session.dialect, frame, error)
        if found is None:
            self.unreadable(session, frame, error, now)
            return {}
        document = found.document
        spelled, kept = spell(session.dialect, found)
        if kept and is_request(document[DE.MTI]):
            self.unreadable(session, frame, letter_error(session.dialect, found, kept[0]), now)
            return {}
        if spelled:
            self._say_spelled(session, found, spelled, now)
        for place in kept:
            reason = str(letter_error(session.dialect, found, place))
            del document[place.element]
            self.say_dropped(session, document, reason)
        return document

    def _say_spelled(self, session: Session, found: Lettered, spelled: list[Place], now: int) -> None:
        """Say that letters came on a link of ASCII, once a minute a listener or host."""
        kernel, dialect = self._kernel, session.dialect.name
        kernel.wall_us(now)
        times = kernel.limit_times("letters", session.name, LETTERS_US)
        if times:
            hint = f"dialect {dialect} has ASCII only, and letters were read without accents; if the peer writes ISO 8859-1, "
            hint += 'say charset = "latin-1" in its section of the network file'
            if found.by_character:
                hint = "the peer writes UTF-8 and its lengths count characters, and letters were read without accents; "
                hint += "let it write ISO 8859-1"
            kernel.log(
                "info",
                "text.respelled",
                link=session.link,
                de11=found.document.get(DE.STAN, ""),
                elements=[f"DE{place.element}" for place in spelled],
                offsets=[place.offset for place in spelled],
                bytes=" ".join(f"{place.byte:02X}" for place in spelled),
                times=times,
                hint=hint,
            )

    def is_misread(self, session: Session, raw: Document) -> bool:
        """True, and refused, where a PAN stands in other elements as if the bitmap lacked bit 2; it is answered without them."""
        elements = misread_pan(raw)
        for de in elements:
            del raw[de]
        if elements:
            where = f"DE{', DE'.join(elements)}"
            self.misformed(session, raw, f"a PAN stands in {where}: the bitmap lacks bit 2, or a length is wrong")
        return bool(elements)

    def without_card(self, session: Session, raw: Document) -> bool:
        """Take DE37, which is digits of its own card number, out of a message; True: it is a request, refused for that."""
        del raw[DE.RRN]
        reason = (
            "DE37 has twelve digits of the card number: it is kept, searched and shown as it comes, and may have none"
        )
        if not is_request(raw[DE.MTI]):
            self.say_dropped(session, raw, reason)
            return False
        self.misformed(session, raw, reason)
        return True

    def say_dropped(self, session: Session, document: Document, reason: str) -> None:
        """Say that an answer goes on without an element that cannot be."""
        self._kernel.log("warning", "element.dropped", link=session.link, de11=document.get(DE.STAN, ""), reason=reason,
                         hint="the answer stands; it goes on without this element")  # fmt: skip

    def unreadable(self, session: Session, frame: bytes, error: DecodeError, now: int) -> None:
        """A frame that is no message of the dialect: answered with 30 if its head can be read, else logged, else the end."""
        session.bad += 1
        session.bad_in_a_row += 1
        partial = error.document
        mti = partial.get(DE.MTI, "")
        edition = _of_another_edition(session, mti)
        said = error_fields(session.dialect, frame, error) | ({"hint": edition} if edition else {})
        self._kernel.log("warning", "message.unreadable", link=session.link, de11=partial.get(DE.STAN, ""), **said)
        self._explain(session, frame, now)
        request = len(mti) == 4 and mti.isdigit() and is_request(mti)
        if request and DE.STAN in partial and (DE.TRANSMISSION_TIME in partial or session.classic):
            self._answer_format_error(session, partial)
        elif not session.good:
            self._close(session, f"nothing it sent could be read: {error}")
            return
        self._end_if_there_are_too_many(session)

    def misformed(self, session: Session, raw: Document, reason: str, fields: dict[str, Any] | None = None) -> None:
        """A message of the dialect that makes no sense to the switch; `fields`: where in it, if that can be said."""
        session.bad += 1
        session.bad_in_a_row += 1
        mti = raw[DE.MTI]
        said = fields or {"dialect": session.dialect.name, "mti": mti, "reason": reason}
        self._kernel.log("warning", "message.refused", link=session.link, de11=raw.get(DE.STAN, ""), **said)
        if is_request(mti):
            self._answer_format_error(session, raw)
        self._end_if_there_are_too_many(session)

    def unreadable_inside(
        self, session: Session, frame: bytes, raw: Document, error: UnreadableError, now: int
    ) -> None:
        """A message of the dialect with an element whose inside cannot be read; its MTI, where that is of another edition."""
        fields = error_fields(session.dialect, frame, error, error.byte(session.dialect))
        edition = _of_another_edition(session, raw[DE.MTI])
        self.misformed(session, raw, str(error), fields | ({"hint": edition} if edition else {}))
        if error.field == DE.MTI:
            self._explain(session, frame, now)

    def unspoken(self, session: Session, raw: Document, now: int) -> None:
        """A message whose MTI this link does not speak: misformed, and explained where nothing good has come on it."""
        mti = raw[DE.MTI]
        edition = _of_another_edition(session, mti)
        self.misformed(session, raw, edition or f"MTI {mti} is not one this switch speaks")
        if not session.good:
            self._diagnosis.explain_link(session, now)

    def _explain(self, session: Session, frame: bytes, now: int) -> None:
        if session.good:
            self._diagnosis.explain_message(session, frame, now)
        else:
            self._diagnosis.explain_link(session, now)

    def _answer_format_error(self, session: Session, raw: Document) -> None:
        try:
            document = session.inward(raw)
        except (SubfieldError, ValueError, KeyError):
            document = {de: raw[de] for de in (DE.MTI, DE.TRANSMISSION_TIME, DE.STAN, DE.RRN, DE.TERMINAL) if de in raw}
        reply(self._kernel, session, answer(document, Answer.FORMAT_ERROR), raw)

    def _end_if_there_are_too_many(self, session: Session) -> None:
        limit = self._kernel.limits.format_errors_per_link
        if session.bad_in_a_row >= limit:
            self._kernel.log("warning", "limit.reached", limit="format_errors_per_link", value=limit, link=session.link,
                             hint="raise format_errors_per_link in [limits] of the network file")  # fmt: skip
            self._close(session, f"limit format_errors_per_link={limit} reached")
