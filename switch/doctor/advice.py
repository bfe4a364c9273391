"""A reading as advice: what of the configuration is to be changed for it, and in which words."""

from typing import NamedTuple

from switch.doctor import words
from switch.doctor.diagnosis import Cause, Configured, Diagnosis, Setting
from switch.doctor.envelopes import NOTHING, WHOLE
from switch.doctor.readings import Reading, is_header, lead_name
from switch.wire.framing import BASE1_REJECT_BYTES


class Changes(NamedTuple):
    """What differs from the configuration: sentences' parts, settings, causes, in the order they are to be put right."""

    parts: list[str]
    settings: list[Setting]
    causes: list[Cause]


def changes(data: bytes, reading: Reading, configured: Configured) -> Changes:
    """All that a reading wants otherwise than it is configured."""
    spoken = reading.spoken
    cut_alike = names(reading)
    parts, settings, causes = Changes([], [], [])
    header_fits = len(reading.lead) == spoken.header
    wanted = configured.framing
    cut_right = reading.kind is WHOLE or wanted in cut_alike or (not wanted and (cut_alike or _bare_message(reading)))
    if not cut_right:
        name = named(reading)
        parts.append(words.framing_part(data, reading, wanted))
        settings.append(words.framing_setting(name))
        causes.append(Cause.FRAMING)
    if configured.dialect is not None and configured.dialect.name != spoken.dialect.name:
        parts.append(words.dialect_part(spoken, configured.dialect))
        settings.append(Setting("network file", f'dialect = "{spoken.dialect.name}"'))
        causes.append(Cause.DIALECT)
    rejected = rejected_by(reading)
    if rejected:
        parts.append(
            f"the peer rejects a message and sends it back: its BASE I header has 26 bytes, and the reject code is {rejected}"
        )
        settings.append(
            Setting(
                "peer",
                f"ask the network what reject code {rejected} says of the message; nothing is to be changed in its dialect",
            )
        )
        causes.append(Cause.HEADER)
    elif not header_fits:
        parts.append(words.header_part(reading))
        settings.append(words.header_setting(reading))
        causes.append(Cause.HEADER)
    if spoken.changed:
        parts.append(words.habits_part(spoken))
        settings += words.habit_settings(spoken)
        causes.append(Cause(spoken.changed[0]))
    return Changes(parts, settings, causes)


def diagnosis(data: bytes, reading: Reading, configured: Configured, score: float) -> Diagnosis | None:
    """The words for a reading; None where nothing is to be changed."""
    parts, settings, causes = changes(data, reading, configured)
    if not settings:
        return None
    sure = round(min(0.99, max(0.05, score + 0.05)), 2)
    return Diagnosis(causes[0], words.sentence(*parts), tuple(settings), sure, named(reading), reading.spoken.dialect.name,
                     words.evidence(data, reading))  # fmt: skip


def names(reading: Reading) -> list[str]:
    """The framings of a network file that cut so, the plainest last."""
    alike = [reading.kind.name] if reading.kind.name else []
    name = lead_name(reading.lead)
    if alike == ["length2"] and reading.lead[:1] and reading.lead[0] & 0xF0 == 0x60:
        return ["tpdu", *alike]
    if alike == ["visa4"] and name == "BASE I header" and _totals_fit(reading):
        return ["base1", *alike]
    return alike


def named(reading: Reading) -> str:
    """The framing to set for a reading: the one its dialect usually travels in, where that is one of them."""
    alike, usual = names(reading), reading.spoken.dialect.framing
    header_fits = len(reading.lead) == reading.spoken.header
    return usual if usual in alike and header_fits else alike[-1] if alike else ""


def _totals_fit(reading: Reading) -> bool:
    total = int.from_bytes(reading.lead[3:5], "big")
    start, stop = reading.spans[0]
    return total in (0, stop - start) or (reading.unfinished > 0 and total > stop - start)


def rejected_by(reading: Reading) -> str:
    """The reject code of a BASE I header of 26 bytes, in digits; "" where there is none. Bytes 25 and 26, BCD."""
    lead = reading.lead
    if len(lead) != BASE1_REJECT_BYTES or lead[0] != BASE1_REJECT_BYTES:
        return ""
    return lead[-2:].hex().upper()


def _bare_message(reading: Reading) -> bool:
    """A message without a frame."""
    return reading.kind is NOTHING and (not reading.lead or is_header(reading.lead, reading.spoken))
