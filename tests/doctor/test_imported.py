"""Faults in messages of dialects that were brought in: jPOS's text is ISO 8859-1, and that is no fault of it."""

from collections import Counter

import msgspec
import pytest

from switch.dialects import kinds
from switch.dialects.foreign import Wanted
from switch.doctor.diagnosis import Configured
from switch.doctor.survey import Doctor
from switch.wire import Dialect
from tests.dialects.jpos_files import ASCII_87, BINARY_87
from tests.dialects.of_others import packager, rows
from tests.doctor.drawn import cases
from tests.doctor.planted import names
from tests.doctor.sent import SHIPPED

IN_EBCDIC = rows(ASCII_87).replace("IFA_BITMAP", "IFB_BITMAP").replace("IFA_BINARY", "IFB_BINARY")
BODIES = {
    "ascii": rows(ASCII_87),
    "binary": rows(BINARY_87),
    "ebcdic": IN_EBCDIC.replace("IFA_", "IFE_").replace("IF_CHAR", "IFE_CHAR"),
}


def imported(name: str) -> Dialect:
    found = kinds.read(name, packager(BODIES[name]), Wanted(name, family="cmi"), None)
    spec = msgspec.json.decode(found.text)
    return Dialect.from_spec({key: value for key, value in spec.items() if key != "$schema"}, name)


@pytest.mark.parametrize("name", BODIES)
def test_a_longer_element_of_a_dialect_that_was_brought_in_is_named(name: str) -> None:
    dialect = imported(name)
    doctor, found = Doctor([dialect, *SHIPPED.values()]), Counter[str]()
    for kind in ("one longer", "three longer"):
        for planted in cases(kind, dialect, 3):
            findings = doctor.examine(planted.header + planted.message, Configured("", dialect))
            found[names(planted, findings)] += 1
    assert found["first"] + found["listed"] >= 0.8 * found.total() > 0, found
