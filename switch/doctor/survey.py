"""The doctor: bytes and what is configured in, findings out.

Theory of operation. First the configured way is tried with the very classes that run in the switch: what they read is healthy,
and nothing more is asked. Else the bytes are read in every way there is (`readings`): framing, bytes before the MTI, dialect; if
none comes out even, dialects with other habits, and one element of another form in the message that goes furthest (`fields`).
Among what comes out even the likeliest is that which changes least of what is configured and looks like payments.

What does not depend on the configuration is worked out once a `Survey`; `against` may be asked again and again.
"""

from collections.abc import Sequence
from functools import cached_property
from itertools import accumulate, pairwise

import msgspec

from switch.counting import counted
from switch.doctor import words
from switch.doctor.advice import diagnosis, named, names
from switch.doctor.attempt import Attempt
from switch.doctor.diagnosis import Cause, Configured, Diagnosis, Findings, Verdict
from switch.doctor.envelopes import FRAMES_MAX, LOOKED_AT, LOOKS_LIKE, NOTHING, WHOLE, Cut, Span, cuts
from switch.doctor.fields import faults, garbled, rather
from switch.doctor.foreign import foreign
from switch.doctor.letters import by_character, lettered
from switch.doctor.plausible import is_mti
from switch.doctor.readings import Reading, bare, begun, framed, lead_name
from switch.doctor.tables import ASCII_MTI, PACKED_MTI, Spoken, own, variants, walk
from switch.doctor.verdicts import GUESS, as_it_is_to_be, mtis_of, of_elements, what_is_read, without_noise
from switch.wire import DecodeError, Dialect
from switch.wire.framing import FramingError, make_framing
from switch.wire.vocabulary import DE

_GZIP = b"\x1f\x8b"
_SCORE_MIN = 0.15
"""a reading below it is an accident"""
_PLAIN_ENOUGH = 0.5
"""a reading in a dialect as it is, above it, makes those with other habits not worth the work"""
_SURE = 0.8
"""a reading with other habits below it stands beside single elements of another form"""
_HEAD_MAX = 8
"""bytes of which a length header may be"""
_BARE_MIN = 24
"""bytes of a message that may be taken for one without any framing"""


class Doctor:
    """Knows the candidate dialects. Made once, asked often; making it costs some ten milliseconds at its first hard case."""

    def __init__(self, candidates: Sequence[Dialect]) -> None:
        """`candidates`: what a peer may speak; of two with the same name the first counts."""
        self._dialects = {dialect.name: dialect for dialect in reversed(candidates)}
        self._own = {name: own(dialect) for name, dialect in self._dialects.items()}
        self._variants: dict[str, list[Spoken]] = {}

    def examine(self, data: bytes, configured: Configured) -> Findings:
        """What is wrong with the beginning of a link (`data`, one direction, from its first byte or from a frame's)."""
        return self.survey(data).against(configured)

    def message(self, data: bytes, dialect: Dialect | None) -> Findings:
        """What is wrong with one message that somebody has cut out of its frame."""
        return Survey(self, data, ((0, len(data)),)).against(Configured("", dialect))

    def survey(self, data: bytes, messages: tuple[Span, ...] | None = None) -> "Survey":
        """The same in two steps, for more than one configuration. `messages`: where they are, if that is known."""
        return Survey(self, data, messages)

    def spoken(self, configured: Dialect | None, altered: bool) -> list[Spoken]:
        """The dialects to try, that of the link first; as they are, or with other habits."""
        dialects = dict(self._dialects)
        if configured is not None:
            dialects = {configured.name: configured, **{k: d for k, d in dialects.items() if k != configured.name}}
        found = []
        for name, dialect in dialects.items():
            if self._dialects.get(name) is not dialect:
                found += list(variants(dialect)) if altered else [own(dialect)]
            elif not altered:
                found.append(self._own[name])
            else:
                if name not in self._variants:
                    self._variants[name] = list(variants(dialect))
                found += self._variants[name]
        return found


class Survey:
    """Some bytes, and every way to read them."""

    def __init__(self, doctor: Doctor, data: bytes, messages: tuple[Span, ...] | None = None) -> None:
        self.data = data[:LOOKED_AT]
        self._doctor = doctor
        self._messages = messages if messages is None else tuple(m for m in messages if m[1] <= LOOKED_AT)[:FRAMES_MAX]
        self._stores: dict[tuple[str, str], list[Reading]] = {}

    @cached_property
    def cuts(self) -> list[Cut]:
        """What every framing makes of the bytes."""
        if self._messages is not None:
            return [Cut(WHOLE, self._messages, tuple(start for start, _ in self._messages), None, 0, 0)]
        return list(cuts(self.data))

    def against(self, configured: Configured) -> Findings:
        """The findings for a link set to this."""
        data = self.data
        if not data:
            return Findings(Verdict.UNFINISHED, summary="nothing has come")
        if self._messages is None and data[2:4] == _GZIP:
            return self._unpacked(configured)
        tried = self._try(configured)
        settled = configured.dialect is not None and tried is not None
        if settled and tried is not None and tried.healthy and not self._odd(tried, configured):
            return self._healthy(tried, configured)
        if of_text := self._of_text(tried, configured):
            return of_text
        other = foreign(data, words.set_to(configured)) if self._messages is None else None
        if other is not None:
            return Findings(Verdict.ADVICE, (other,), "no ISO 8583")
        if tried is not None and tried.waiting and configured.framing == "stxetx" and self._may_end(configured):
            return self._unfinished(tried, configured)  # ETX and LRC may still come
        if settled and tried is not None and tried.error is None and not tried.frames and self._goes_on(configured):
            return self._unfinished(tried, configured)
        ranked = self._ranked(configured, tried)
        found = []
        unsettled = tried is None or tried.error is not None or bool(tried.frames)
        if unsettled and (
            not ranked or ranked[0][0] < (_SURE if _doubtful(ranked[0][1], configured) else _PLAIN_ENOUGH)
        ):
            found = self._faults(configured)
        if ranked:
            findings = self._of_readings(ranked, configured)
            if not findings.diagnoses:
                return findings
            both = sorted((*findings.diagnoses, *found), key=lambda one: -one.confidence)
            return msgspec.structs.replace(findings, diagnoses=tuple(without_noise(both)))
        if found and found[0].confidence <= GUESS and (begins := self._begins(configured, framed=True)):
            return begins
        if found:
            return of_elements(found)
        return self._left_over(tried, configured)

    def _of_text(self, tried: Attempt | None, configured: Configured) -> Findings | None:
        """Text in another character set than is configured, where all else is right; where no dialect is, in UTF-8 that
        is counted by characters: a byte a letter is found with what else one element may be."""
        if configured.dialect is None:
            return self._of_characters(configured)
        found: list[Diagnosis] = []
        healthy = tried is not None and tried.healthy
        if healthy:
            spoken = self._doctor.spoken(configured.dialect, altered=False)[0]
            found = garbled(self.data, self.cuts, spoken, configured)
        elif of_letters := self._of_letters(tried, configured):
            found = [of_letters]
        if not found:
            return None
        said = f"{found[0].dialect}, but for {'one thing' if healthy else 'letters'}"
        return Findings(Verdict.ADVICE, tuple(found), said, configured.framing, found[0].dialect)

    def _of_characters(self, configured: Configured) -> Findings | None:
        """UTF-8 whose lengths count characters, where no dialect is configured."""
        if self.data.isascii():
            return None
        dialects = [one.dialect for one in self._doctor.spoken(None, altered=False) if one.mti == ASCII_MTI]
        cut = [[self.data[start:stop] for start, stop in cut.frames] for cut in self.cuts if not cut.rest]
        found = by_character(self.data, [[self.data], *cut], dialects, configured.framing)
        if found is None:
            return None
        return Findings(
            Verdict.ADVICE, (found,), f"{found.dialect}, but for letters", configured.framing, found.dialect
        )

    def _of_letters(self, tried: Attempt | None, configured: Configured) -> Diagnosis | None:
        """Letters in text of messages cut as configured; where nothing is, in one message, or in any framing."""
        if tried is not None:
            return lettered(self.data, tried.frames, configured) if isinstance(tried.error, DecodeError) else None
        cut = (
            [self.data[start:stop] for start, stop in cut.frames] for cut in self.cuts if cut.frames and not cut.rest
        )
        found = (lettered(self.data, frames, configured) for frames in ([self.data], *cut))
        return next((one for one in found if one is not None), None)

    def _faults(self, configured: Configured) -> list[Diagnosis]:
        """Elements in another form; where none explains the bytes, those of the link's own dialect with other habits, too."""
        plain, name = (
            self._doctor.spoken(configured.dialect, altered=False),
            configured.dialect and configured.dialect.name,
        )
        found = faults(self.data, self.cuts, plain, configured)
        if found and found[0].confidence > GUESS:
            return found
        altered = [one for one in self._doctor.spoken(configured.dialect, altered=True) if one.dialect.name == name]
        again = faults(self.data, self.cuts, altered, configured)
        return again if again and again[0].confidence > GUESS else found

    def _unpacked(self, configured: Configured) -> Findings:
        """The findings for messages that come as gzip streams, each behind a length."""
        cutter = make_framing("gzip")
        try:
            frames = cutter.feed(self.data)
        except FramingError as error:
            frames = error.frames
        ends = list(accumulate(map(len, frames), initial=0))
        spans = tuple(pairwise(ends))
        inner = Survey(self._doctor, b"".join(frames), spans).against(Configured("", configured.dialect))
        if configured.framing in ("", "gzip"):
            return msgspec.structs.replace(inner, framing="gzip")
        says = (
            f"The peer sends a 2-byte length and a gzip stream (1F 8B) behind it; {configured.framing} is configured."
        )
        around = Diagnosis(Cause.FRAMING, says, (words.framing_setting("gzip"),), 0.97, "gzip", inner.dialect)
        return Findings(Verdict.ADVICE, (around, *inner.diagnoses[:1]), inner.summary, "gzip", inner.dialect)

    def _try(self, configured: Configured) -> Attempt | None:
        if self._messages is not None:
            return Attempt([self.data[start:stop] for start, stop in self._messages], configured.dialect)
        return Attempt.stream(self.data, configured.framing, configured.dialect) if configured.framing else None

    def _left_over(self, tried: Attempt | None, configured: Configured) -> Findings:
        """Nothing comes out even: a first message that has not come whole, or nothing known."""
        spoken = self._doctor.spoken(configured.dialect, altered=False)
        if tried is not None and tried.error is None and not tried.frames and self._may_go_on(configured, spoken[0]):
            return self._unfinished(tried, configured)
        if begins := self._begins(configured):
            return begins
        if tried is not None and tried.healthy:
            return self._healthy(tried, configured)
        if tried is not None and tried.error is None and not tried.frames and not self._text_for_a_length(configured):
            return self._unfinished(tried, configured)
        return Findings(Verdict.UNKNOWN, summary=words.unknown(self.data))

    def _begins(self, configured: Configured, *, framed: bool = False) -> Findings | None:
        """The findings for a first message that has not come whole, right as far as it goes; `framed`: behind a known length."""
        spoken = self._doctor.spoken(configured.dialect, altered=False)
        starts = begun(self.data, spoken, self.cuts) if self._messages is None else ()
        kept = (r for r in starts if r.kind.name or not framed)
        ranked = sorted(((self._score(r, configured), r) for r in kept), key=lambda pair: -pair[0])
        if not ranked or ranked[0][0] <= _PLAIN_ENOUGH:
            return None
        findings = self._of_readings(ranked, configured)
        said = f"begins as {findings.summary}"
        return findings if findings.diagnoses else Findings(Verdict.UNFINISHED, summary=said)

    @staticmethod
    def _unfinished(tried: Attempt, configured: Configured) -> Findings:
        said = f"{tried.waiting} bytes of a {configured.framing} frame that is not whole yet"
        return Findings(Verdict.UNFINISHED, summary=said)

    def _goes_on(self, configured: Configured) -> bool:
        """Whether a first message has begun as configured, MTI, bitmaps and all, and only has not come whole."""
        assert configured.dialect is not None
        spoken = own(configured.dialect)
        head = spoken.header + (2 if spoken.mti == PACKED_MTI else 4) + (8 if spoken.bitmap_raw else 16) + _HEAD_MAX
        return len(self.data) > head and self._may_go_on(configured, spoken)

    def _may_end(self, configured: Configured) -> bool:
        """Whether a message in STX/ETX is whole but for these."""
        return configured.dialect is not None and self._may_go_on(configured, own(configured.dialect), whole=True)

    def _may_go_on(self, configured: Configured, spoken: Spoken, whole: bool = False) -> bool:
        """Whether what has come of the first message is right as far as it goes; `whole`: or all of it, but for what ends it."""
        wanted = LOOKS_LIKE.get(configured.framing, configured.framing)
        for cut in self.cuts:
            if cut.kind.name == wanted and cut.rest is not None and configured.dialect is not None:
                read = walk(spoken.table, self.data, cut.rest[0] + spoken.header)
                mti = read.document.get(DE.MTI, "")
                ran_out = read.error is not None and read.error.found.endswith("before the message ends")
                ended = whole and read.error is None and self.data[read.end :] in (b"", b"\x03")
                return (ran_out or ended) and (not mti or (is_mti(mti) and mti[0] == configured.dialect.version))
        return len(self.data) < _HEAD_MAX and not words.is_text(self.data[:4])

    def _text_for_a_length(self, configured: Configured) -> bool:
        """Printable text where a binary length should be: nobody sends eight thousand bytes and more."""
        return configured.framing not in (
            *words.OF_DIGITS,
            "bcd2",
            "bcd2-inclusive",
            "stxetx",
            "gzip",
        ) and words.is_text(self.data[:4])

    # -- readings

    def _ranked(self, configured: Configured, tried: Attempt | None) -> list[tuple[float, Reading]]:
        """The whole readings with their scores, the best first. Those with other habits only where there are none without."""
        ranked: list[tuple[float, Reading]] = []
        for altered in (False, True):
            found = [(self._score(r, configured), r) for r in self._readings(configured.dialect, altered)]
            if tried is not None and len(tried.documents) > 1 and tried.documents[0]:
                found = [(score, r) for score, r in found if _keeps(r, configured)]
            ranked += [pair for pair in found if pair[0] > _SCORE_MIN]
            ranked.sort(key=lambda pair: -pair[0])
            if ranked and ranked[0][0] > _PLAIN_ENOUGH:
                break
        return ranked

    def _readings(self, dialect: Dialect | None, altered: bool) -> list[Reading]:
        """Kept by dialect, for those that are no candidates; all others share one list."""
        name = "" if dialect is None or self._is_shared(dialect) else dialect.name
        key = (name, "altered" if altered else "")
        if key not in self._stores:
            spoken = self._doctor.spoken(dialect if name else None, altered)
            found = list(framed(self.data, spoken, self.cuts))
            loose = self._messages is None and not any(not r.lead or lead_name(r.lead) for r in found)
            if loose and len(self.data) >= _BARE_MIN:
                found += bare(self.data, spoken)
            self._stores[key] = found
        return self._stores[key]

    def _is_shared(self, dialect: Dialect) -> bool:
        """Whether it is one of those that the doctor knows anyway."""
        return any(one.dialect is dialect for one in self._doctor.spoken(None, altered=False))

    def _score(self, reading: Reading, configured: Configured) -> float:
        """How likely a reading is, given what is configured: what changes less is likelier."""
        score = reading.likely
        if configured.framing and configured.framing not in names(reading):
            score -= 0.10
        if configured.dialect is not None and configured.dialect.name != reading.spoken.dialect.name:
            score -= 0.10
        if len(reading.lead) != reading.spoken.header:
            score -= 0.13 if lead_name(reading.lead) or not reading.lead else 0.2
        ours = configured.dialect is None or configured.dialect.name == reading.spoken.dialect.name
        score -= (0.08 if ours else 0.12) * len(reading.spoken.changed)
        if "charset" in reading.spoken.changed:
            score -= 0.01  # it is more elements that are otherwise than by any other habit
        if not reading.kind.name and reading.kind is not WHOLE:
            score -= 0.10 if reading.kind is NOTHING else 0.12
        if 0 < reading.unfinished < _HEAD_MAX:
            score -= 0.4  # a few bytes left over are seldom the beginning of one more message
        if _zero_led(self.data, reading):
            score -= 0.3
        return score

    def _of_readings(self, ranked: list[tuple[float, Reading]], configured: Configured) -> Findings:
        said: list[Diagnosis] = []
        for score, reading in ranked:
            made = diagnosis(self.data, reading, configured, score)
            if made is None:
                if not said and (found := self._by_accident(reading, configured)):
                    return of_elements(found)
                if not said:
                    dialect = reading.spoken.dialect.name
                    return as_it_is_to_be(what_is_read(reading), named(reading), dialect, reading.documents)
                continue
            if not any(set(one.settings) <= set(made.settings) for one in said):
                said.append(made)
        first = ranked[0][1]
        return Findings(
            Verdict.ADVICE, tuple(without_noise(said)), what_is_read(first), named(first), first.spoken.dialect.name
        )

    # -- healthy, or nearly

    def _by_accident(self, reading: Reading, configured: Configured) -> list[Diagnosis]:
        """What is wrong with one message somebody has pasted that reads as it is to be, and holds what nobody sends."""
        pasted = not configured.framing and configured.dialect is not None and len(reading.spans) == 1
        return rather(self.data, reading.spoken, reading.spans[0], configured) if pasted else []

    def _odd(self, tried: Attempt, configured: Configured) -> bool:
        """Readable as configured, and yet perhaps not what the peer sends."""
        dialect = configured.dialect
        assert dialect is not None
        if tried.empty and tried.empty == len(tried.frames) and configured.framing in ("length2", "tpdu"):
            return self.data.startswith(b"\0\0")
        editions = {document[DE.MTI][:1] for document in tried.documents}
        if editions and editions != {dialect.version}:
            return True
        return any(not "".join(document.values()).isprintable() for document in tried.documents)

    @staticmethod
    def _healthy(tried: Attempt, configured: Configured) -> Findings:
        mtis = mtis_of(tried.documents)
        count = len(tried.documents)
        said = f"{counted(count, 'message')} ({mtis}) as {words.set_to(configured)}"
        dialect = configured.dialect.name if configured.dialect else ""
        said = said if count else "keep-alives, and no message yet"
        return as_it_is_to_be(said, configured.framing, dialect, tried.documents)


def _doubtful(reading: Reading, configured: Configured) -> bool:
    """Whether one element in another form may explain as well what this reading does."""
    other = configured.dialect is not None and configured.dialect.name != reading.spoken.dialect.name
    return other or bool(reading.spoken.changed) or 0 < reading.unfinished < _HEAD_MAX


def _zero_led(data: bytes, reading: Reading) -> bool:
    """An empty length before every length: it is one of twice the size."""
    size = reading.kind.head
    zeros = (bytes(size), b"0" * size, b"\xf0" * size)
    return reading.empty == len(reading.spans) and all(data[head - size : head] in zeros for head in reading.heads)


def _keeps(reading: Reading, configured: Configured) -> bool:
    """A reading that does not contradict what the first messages were read with."""
    return configured.dialect is None or reading.spoken.dialect.name == configured.dialect.name
