"""One element that has another form than the dialect says, found by what comes right behind it.

A message that decodes up to some element and then not: every element up to there is read in other forms (`forms`), and what is
kept lets the whole rest decode, to the last byte, into values that look like payments.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec

from switch.counting import counted
from switch.doctor.advice import changes, named
from switch.doctor.announced import announced
from switch.doctor.diagnosis import Cause, Configured, Diagnosis, Evidence, Setting
from switch.doctor.envelopes import LOOKS_LIKE, NOTHING, WHOLE, Cut, Span
from switch.doctor.forms import Form, forms, unknown
from switch.doctor.pairs import pairs
from switch.doctor.plausible import looks_right, plausibility
from switch.doctor.readings import Reading
from switch.doctor.shown import ROW, shown
from switch.doctor.suspects import Budget, Rest, Suspect, suspects_of
from switch.doctor.tables import Spoken, walk
from switch.doctor.tried import Fault, try_form
from switch.doctor.words import sentence
from switch.wire import DecodeError
from switch.wire.careful import Reader, Table
from switch.wire.vocabulary import NOT_SAID

_SUSPECTS: Final = 3
_SURE: Final = 0.85
"""an element likelier than so leaves no question of bits"""
_PLAIN: Final = 0.3
"""one element likelier than so leaves no question of a second"""
_NEAR: Final = 0.05
"""of the likeliest; what is less likely is not named"""
_SOFTLY: Final = 0.05
"""how much of what makes one explanation less likely than another is said as less confidence"""
_RIVAL_SURE: Final = 0.8
_REAL_MIN: Final = 1e-2
"""a message that reads whole and is less plausible than so may read by accident: one odd value or two are none"""
_BETTER: Final = 100
"""times that another explanation must be likelier than such a message as it stands"""
EXPLANATIONS_MAX: Final = 1_000
_RAN_OUT: Final = "before the message ends"
_LOOKS_WHOLE: Final = 0.1
"""what is read before a message's end is as plausible where it was only cut off"""
_NAMED: Final = 2
"""elements that have a sentence of their own where more than so many explain the bytes"""
_PACKED_RUN: Final = 6
"""bytes that could hold a PAN in BCD"""
_READABLE: Final = re.compile(r"[ -~]+")
_TEXT_MIN: Final = 4
_DIGIT_RUN: Final = re.compile(rb"[0-9]{12,}|[\xf0-\xf9]{12,}")


def faults(data: bytes, cuts: Sequence[Cut], spoken: Sequence[Spoken], configured: Configured) -> list[Diagnosis]:
    """What single element, read otherwise, puts the failing message right; the likeliest first."""
    suspects = sorted(suspects_of(data, cuts, spoken, configured), key=lambda s: -s.far)[:_SUSPECTS]
    budget = Budget()
    said: list[Diagnosis] = []
    for suspect in suspects:
        found = sorted(_faults(data, suspect, budget), key=lambda fault: -fault.rank)
        if not found or found[0].rank < _PLAIN:
            found = sorted((*found, *pairs(data, suspect)), key=lambda fault: -fault.rank)
        said = _explained(data, suspect, _one_each(found), configured)
        said += announced(data, suspect, configured) if not said or said[0].confidence < _SURE else []
        if said:
            break
    if not said and suspects and suspects[0].far >= 0.3 and len(suspects[0].read.document) > 4:
        said.append(_stuck(suspects[0], configured))
    return sorted(said, key=lambda d: -d.confidence)


def rather(data: bytes, spoken: Spoken, span: Span, configured: Configured) -> list[Diagnosis]:
    """What puts a message right that reads to its last byte, and holds far too much that nobody sends; the likeliest first.

    `span`: of the message, with its header. None where it is a real one, or nothing explains it much better.
    """
    start, stop = span
    read = walk(spoken.table, data[:stop], start + spoken.header)
    as_it_stands = plausibility(read.document)
    if as_it_stands >= _REAL_MIN:
        return []
    cut = Cut(NOTHING, (span,), (start,), None, 0, 0)
    suspect = Suspect(cut, spoken, start + spoken.header, stop, spoken.header, read, 1.0)
    found = [*_faults(data, suspect, Budget()), *pairs(data, suspect)]
    better = sorted((f for f in found if f.rank > _BETTER * as_it_stands), key=lambda fault: -fault.rank)
    return _explained(data, suspect, _one_each(better), configured) if better else []


def explanations(data: bytes, suspect: Suspect) -> Iterator[tuple[tuple[str, ...], float]]:
    """Every one element, and every two, that put a message right, and how likely each is beside the others."""
    for fault in (*_faults(data, suspect, Budget()), *pairs(data, suspect, most=EXPLANATIONS_MAX)):
        yield _keys(fault), fault.rank


# -- the search


def _one_each(found: Sequence[Fault]) -> list[Fault]:
    """The likeliest fault of each element, or of each two; those that are not much less likely than the first."""
    kept: dict[tuple[str, ...], Fault] = {}
    for fault in found:
        if fault.rank >= _NEAR * found[0].rank:
            kept.setdefault(_keys(fault), fault)
    return list(kept.values())


def _keys(fault: Fault) -> tuple[str, ...]:
    return (fault.key,) if fault.other is None else (fault.key, fault.other.key)


def _explained(data: bytes, suspect: Suspect, found: Sequence[Fault], configured: Configured) -> list[Diagnosis]:
    """The likeliest as sentences of their own, the others as one."""
    said: list[Diagnosis] = []
    for fault in found[: _NAMED if len(found) > _NAMED + 1 else _NAMED + 1]:
        sure = 0.9 * found[0].likely / (1 + 0.05 * min(3, len(found) - 1)) * (fault.rank / found[0].rank) ** _SOFTLY
        said.append(_diagnosis(data, suspect, fault, configured, sure))
    if len(found) > len(said):
        said += _rivals(said, found)
    return said


def _rivals(said: list[Diagnosis], found: Sequence[Fault]) -> list[Diagnosis]:
    """What explains the bytes about as well, beside the likeliest: digits among digits do not tell."""
    alike = [_keys(fault) for fault in found if len(_keys(fault)) == len(_keys(found[0]))]
    named = ", and ".join(
        " or ".join(f"DE{key}" for key in sorted({keys[n] for keys in alike}, key=int)) for n in range(len(alike[0]))
    )
    words = f"{named} in another form would explain it about as well."
    setting = Setting("dialect file", f"compare {named}, and those before, with the peer's manual")
    sure = round(max(0.05, _RIVAL_SURE * said[0].confidence), 2)
    return [msgspec.structs.replace(said[0], sentence=words, settings=(setting,), confidence=sure, evidence=None)]


def _faults(data: bytes, suspect: Suspect, budget: Budget) -> Iterator[Fault]:
    read, table = suspect.read, suspect.spoken.table
    message = data[: suspect.stop]
    keys = [str(number) for number in read.numbers]
    rest = Rest(message, table, keys, budget)
    strangers = [key for key in keys if key not in table.elements]
    if strangers:
        if len(strangers) == 1:
            yield from _stranger(message, suspect, keys, strangers[0], rest)
        return
    last = keys.index(read.error.field) if read.error is not None and read.error.field in keys else len(keys) - 1
    for index in range(last, -1, -1):
        key = keys[index]
        if key not in read.starts:
            continue
        before = {k: v for k, v in read.document.items() if k not in keys[index:]}
        for form in forms(table.elements[key], suspect.spoken.habits):
            if budget.left <= 0:
                return
            fault = try_form(suspect, message, rest, index, read.starts[key], form, before)
            if fault is not None and _others_too(data, suspect, key, form):
                yield fault


def _stranger(message: bytes, suspect: Suspect, keys: list[str], key: str, rest: Rest) -> Iterator[Fault]:
    """An element the dialect does not have."""
    table = suspect.spoken.table
    index = keys.index(key)
    reader = Reader(table, message)
    bitmaps = 2 if table.both or _second(keys) else 1
    reader.pos = suspect.at + table.elements["t"].size + bitmaps * table.elements["p"].size
    try:
        for one in keys[:index]:
            reader.element(table.elements[one])
    except DecodeError:
        return
    before = {"t": suspect.read.document["t"], **reader.document}
    for form in unknown(key, suspect.spoken.habits, len(message) - reader.pos):
        fault = try_form(suspect, message, rest, index, reader.pos, form, before)
        if fault is not None:
            yield fault


def _second(keys: list[str]) -> bool:
    return any(int(key) > 64 for key in keys)


def _others_too(data: bytes, suspect: Suspect, key: str, form: Form) -> bool:
    """Whether the other whole messages that have this element can be read with the form as well."""
    elements = {**suspect.spoken.table.elements, key: form.element}
    table = Table(suspect.spoken.table.dialect, elements, suspect.spoken.table.both)
    for start, stop in suspect.cut.frames:
        at = start + suspect.lead
        if at == suspect.at or form.bias:
            continue
        read = walk(suspect.spoken.table, data[:stop], at)
        right = read.error is None and read.end == stop
        if key not in map(str, read.numbers):
            continue
        if right:
            again = walk(table, data[:stop], at)
            if again.error is not None or again.end != stop:
                return False
    return True


# -- readable, and yet not text


def garbled(data: bytes, cuts: Sequence[Cut], spoken: Spoken, configured: Configured) -> list[Diagnosis]:
    """Text that decodes to what nobody writes, and is plain text in the other character set."""
    wanted = LOOKS_LIKE.get(configured.framing, configured.framing)
    frames = next((cut.frames for cut in cuts if cut.kind is WHOLE or cut.kind.name == wanted), ())
    found: dict[str, tuple[int, int]] = {}
    theirs = "ASCII" if spoken.habits.charset == "ebcdic" else "EBCDIC"
    for start, stop in frames:
        read = walk(spoken.table, data[:stop], start + spoken.header)
        if read.error is not None or read.end != stop:
            continue
        ends = [*list(read.starts.values())[1:], stop]
        for (key, at), end in zip(read.starts.items(), ends, strict=True):
            e = spoken.table.elements[key]
            if e.text is None or e.content == "b" or read.document[key].isprintable():
                continue
            chunk = data[at + e.length_bytes : end]
            other = chunk.decode("ascii" if theirs == "ASCII" else "cp037", "replace")
            if _READABLE.fullmatch(other) and sum(map(str.isalnum, other)) * 2 >= len(other) >= _TEXT_MIN:
                found.setdefault(key, (at, end))
    if not found:
        return []
    names = " and ".join(f"DE{key}" for key in found)
    ours = "EBCDIC" if theirs == "ASCII" else "ASCII"
    enc = "ascii" if theirs == "ASCII" else "cp037"
    text = f"{names} {'is' if len(found) == 1 else 'are'} {theirs}; {spoken.dialect.name} says {ours}."
    settings = tuple(Setting("dialect file", f'"{key}": {{"data_enc": "{enc}"}}') for key in found)
    return [Diagnosis(Cause.CHARSET, text, settings, 0.9, configured.framing, spoken.dialect.name)]


# -- words


def _diagnosis(data: bytes, suspect: Suspect, fault: Fault, configured: Configured, sure: float) -> Diagnosis:
    read, dialect = suspect.read, suspect.spoken.dialect
    said = f"DE{fault.key} {fault.form.words.replace('the dialect', dialect.name)}"
    left = suspect.stop - read.end
    if read.error is None and not left:
        odd = [f"DE{key}" for key, value in read.document.items() if key.isdecimal() and not looks_right(key, value)]
        said += f": {', '.join(odd)} hold what nobody sends where it is read as it stands"
    elif read.error is None:
        said += f": the {counted(left, 'byte')} left at the end only look{'s' if left == 1 else ''} too many"
    elif read.error.field != fault.key and read.error.field.isdecimal():
        said += f": DE{read.error.field} only looks wrong"
    own = [_own(fault)]
    if fault.other is not None:
        said += f", and DE{fault.other.key} {fault.other.form.words.replace('the dialect', dialect.name)}"
        own.append(_own(fault.other))
    reading = _reading(data, suspect)
    around = changes(data, reading, configured)
    sure -= 0.1 * len(around.settings)
    return Diagnosis(
        around.causes[0] if around.causes else Cause.FIELD, sentence(*around.parts, said), (*around.settings, *own),
        round(min(0.97, max(0.05, sure)), 2), named(reading), dialect.name, _evidence(data, suspect, fault),
    )  # fmt: skip


def _own(fault: Fault) -> Setting:
    """What to change for an element."""
    e = fault.form.element
    units = len(fault.value) if e.text is not None or e.nibbles else len(fault.value) // 2
    setting = fault.form.setting.replace("{n}", str(units))
    if setting:
        return Setting("dialect file", f'"{fault.key}": {{{setting}}}')
    return Setting(
        "peer", fault.form.peer or f"send DE{fault.key} with a length that counts all of it and nothing else"
    )


def _reading(data: bytes, suspect: Suspect) -> Reading:
    """A suspect as if it had come out even, for what stands around its message."""
    cut, header = suspect.cut, suspect.lead
    number = next((n for n, (start, _) in enumerate(cut.frames) if start + header == suspect.at), 0)
    start, _ = cut.frames[number]
    lead, spans = data[start : suspect.at], ((start, suspect.stop),)
    return Reading(
        cut.kind, suspect.spoken, lead, spans, (suspect.read.document,), (cut.heads[number],), cut.empty, 0.0
    )


def _stuck(suspect: Suspect, configured: Configured) -> Diagnosis:
    """No single element explains it: where it goes wrong, as the codec says."""
    read, dialect = suspect.read, suspect.spoken.dialect
    if read.error is None:
        last = f"DE{read.numbers[-1]}" if read.numbers else "the bitmap"
        left = suspect.stop - read.end
        why = f"{counted(left, 'byte')} stand{'s' if left == 1 else ''} behind {last}"
        hint = f"is {last} longer at the peer, or does its length header count something behind the message?"
    else:
        error = read.error
        place = error.offset - suspect.at + suspect.lead
        why = str(
            DecodeError(dialect.name, error.field, error.name, place, error.expected, error.found, error.document)
        )
        hint = f"compare DE{error.field} and the elements before it with the peer's manual"
        if error.found.endswith(_RAN_OUT) and plausibility(read.document) >= _LOOKS_WHOLE:
            read_so_far = f"The message reads as {dialect.name}, and ends within DE{error.field}"
            text = f"{read_so_far}, as if the rest had been cut off: {why}."
            ask = Setting("peer", f"send, or print, the whole message; if this is all of it, {hint}")
            return Diagnosis(Cause.FIELD, text, (ask,), 0.3, configured.framing, dialect.name)
    behind = f" behind a header of {counted(suspect.lead, 'byte')}" if suspect.lead != suspect.spoken.header else ""
    text = f"The message reads as {dialect.name}{behind} at first, and no one element in another form puts the rest right: {why}."
    return Diagnosis(Cause.FIELD, text, (Setting("dialect file", hint),), 0.3, configured.framing, dialect.name)


def _has_secret(annotation: Any) -> bool:
    """Whether a part of an element is marked sensitive."""
    if isinstance(annotation, dict):
        return bool(annotation.get("sensitive")) or any(map(_has_secret, annotation.values()))
    return isinstance(annotation, list) and any(map(_has_secret, annotation))


def _evidence(data: bytes, suspect: Suspect, fault: Fault) -> Evidence:
    e, dialect = fault.form.element, suspect.spoken.dialect
    chunk = data[fault.start : fault.end]
    secret = (
        fault.key in NOT_SAID or fault.key in dialect.sensitive or _has_secret(dialect.subfields.get(fault.key))
        or _DIGIT_RUN.search(chunk) is not None or (e.text is None and len(chunk) >= _PACKED_RUN)
    )  # fmt: skip
    size = e.length_bytes if secret else fault.end - fault.start
    words = f"DE{fault.key}" + (", its length" if secret and e.length_bytes else "")
    first = fault.start - fault.start % ROW
    last = min(suspect.stop, (fault.end // ROW + 1) * ROW)
    return shown(data, first, last, ((fault.start, size, words),), first)
