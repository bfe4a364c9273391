"""Letters in the text of a link that is set to ASCII: a switch reads them, and spells them without accents.

Asked where the bytes are cut as configured and only letters keep the messages from being read; what else may be wrong with such
messages the search for elements in another form finds (`fields`).
"""

from collections.abc import Sequence
from typing import Final

from switch.doctor.diagnosis import Cause, Configured, Diagnosis, Setting
from switch.doctor.plausible import is_ebcdic
from switch.doctor.shown import ROW, shown
from switch.wire import DecodeError, Dialect
from switch.wire.letters import Lettered, Place, read_with_letters

_NAMED: Final = 4
_SURE: Final = 0.95


def by_character(
    data: bytes, cut: Sequence[Sequence[bytes]], dialects: Sequence[Dialect], framing: str
) -> Diagnosis | None:
    """Letters of UTF-8 whose lengths count characters, where nobody says which dialect it is: in one, all else is right.

    `cut`: ways to cut `data` into messages.
    """
    for frames in cut:
        if not frames or all(map(bytes.isascii, frames)) or not all(map(_is_utf_8, frames)):
            continue
        for dialect in dialects:
            if frames[0][: len(dialect.version)] == dialect.version.encode():
                found = lettered(data, frames, Configured(framing, dialect), characters_only=True)
                if found is not None:
                    return found
    return None


def _is_utf_8(frame: bytes) -> bool:
    try:
        frame.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def lettered(
    data: bytes, frames: Sequence[bytes], configured: Configured, *, characters_only: bool = False
) -> Diagnosis | None:
    """What the peer writes its letters in; None: there are none, or they are not all that is wrong.

    `frames`: messages in `data`, all that are to be read. `characters_only`: nor is it for who counts bytes.
    """
    dialect = configured.dialect
    if dialect is None:
        return None
    first: tuple[bytes, Lettered] | None = None
    places: dict[str, Place] = {}
    for frame in frames:
        try:
            dialect.decode(frame)
            continue
        except DecodeError as error:
            found = read_with_letters(dialect, frame, error)
        if found is None or not (found.by_character or all(map(_is_text, _values(found)))):
            return None
        if characters_only and not found.by_character:
            return None
        first = first or (frame, found)
        for place in found.places:
            places.setdefault(place.element, place)
    return None if first is None else _said(data, *first, list(places), configured, dialect)


def _values(found: Lettered) -> list[str]:
    return [found.document[place.element] for place in found.places]


def _is_text(value: str) -> bool:
    """False for a value that is in another character set as a whole, or is data."""
    return not is_ebcdic(value) and all(char >= " " for char in value)


def _said(
    data: bytes, frame: bytes, found: Lettered, elements: list[str], configured: Configured, dialect: Dialect
) -> Diagnosis:
    place = found.places[0]
    names = [f"DE{de}" for de in elements[:_NAMED]] + ["others"] * (len(elements) > _NAMED)
    where = " and ".join([", ".join(names[:-1]), names[-1]]) if len(names) > 1 else names[0]
    text = f"The peer writes letters outside ASCII in {where} ({place.byte:02X} at byte {place.offset} of a message); "
    if found.by_character:
        text += "they are UTF-8, and lengths count characters, not bytes. A switch spells such text without accents."
        setting = Setting(
            "peer", 'write ISO 8859-1 (charset = "latin-1" of the link then takes it), or count the bytes of UTF-8'
        )
    else:
        text += f"{dialect.name} has ASCII only. A switch spells such text without accents."
        setting = Setting("network file", 'charset = "latin-1"')
    at = max(0, data.find(frame)) + place.offset
    row = at - at % ROW
    evidence = shown(data, row, row + ROW, ((at, 1, f"DE{place.element}"),), row)
    return Diagnosis(Cause.CHARSET, text, (setting,), _SURE, configured.framing, dialect.name, evidence)
