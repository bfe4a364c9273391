"""A simulated terminal that keeps what it was answered, so that a second answer that says otherwise is found."""

from switch.core.messages.internal import Private48, private_elements
from switch.core.messages.translator import translator_for
from switch.core.party import LinkId
from switch.sim.dates import Named, named
from switch.simulators.endpoint import Heard, Line
from switch.simulators.terminal import Terminal
from switch.simulators.under_way import match_key
from switch.simulators.unmatched import MatchKey
from switch.wire.framing import make_framing
from switch.wire.letters import decode_anyway
from switch.wire.vocabulary import APPROVALS, DE, Document


class WatchedTerminal(Terminal):
    """A terminal that notes what each of its requests was answered, and any second answer that says otherwise."""

    def __init__(self, *arguments: object, **options: object) -> None:
        super().__init__(*arguments, **options)  # type: ignore[arg-type]  # as Terminal's own
        self.answers: dict[MatchKey, str] = {}
        self.dated: dict[Named, tuple[str, str]] = {}
        """approvals -> DE15 and the number of the window (DE48.64, "" where its link has none), by its own book"""
        self.contradictions: list[str] = []

    def understand(self, data: bytes) -> Document | None:
        """A frame that one of these terminals sent, in internal format; None: none of its lines can read it."""
        speech = self._speech
        frames = make_framing(speech.framing, speech.frame_bytes_max).feed(data)
        translator = translator_for(speech.dialect, speech.peer, speech.own, self._today)
        return translator.inward(decode_anyway(speech.dialect, frames[0])) if len(frames) == 1 else None

    def on_message(self, line: Line, heard: Heard, now: int) -> None:
        """Compare with the first answer, then go on as any terminal."""
        internal = heard.internal
        if internal[DE.MTI] in ("0110", "0210"):
            key, de39 = match_key(internal), internal.get(DE.RESPONSE_CODE, "")
            first = self.answers.setdefault(key, de39)
            if de39 in APPROVALS and first not in APPROVALS:
                self.contradictions.append(f"{self.name}: {key} was answered {first}, and then {de39}")
            if de39 in APPROVALS:
                said = internal.get(DE.SETTLEMENT_DATE, ""), private_elements(internal).get(Private48.WINDOW, "")
                before = self.dated.setdefault(named(internal[DE.MTI][1], internal), said)
                if before != said:
                    self.contradictions.append(f"{self.name}: {key} was of {before}, and then of {said}")
        super().on_message(line, heard, now)

    def note_posed(self, link: LinkId, now: int) -> None:
        """No connection may become another's."""
        super().note_posed(link, now)
        self.contradictions.append(f"{self.name}: connection {link} signed on as another, and was taken for it")
