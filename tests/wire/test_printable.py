"""What strangers say is shown, never obeyed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.wire.printable import printable, printable_json


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("RABAT MA", "RABAT MA"),
        ("CAFÉ", "CAFÉ"),
        ("\x1b[2J", r"\x1b[2J"),
        ("a\r\nb\0\x7f\x9b", r"a\x0d\x0ab\x00\x7f\x9b"),
        ("\u202eabc", r"\u202eabc"),
        ("\U000e0001", r"\U000e0001"),
    ],
)
def test_controls_are_written_out(said: str, shown: str) -> None:
    assert printable(said) == shown


def test_what_is_asked_to_stay_stays() -> None:
    assert printable("a\tb\x1b", keep="\t") == "a\tb\\x1b"


@given(st.text())
def test_whatever_is_said_nothing_is_left_to_obey(said: str) -> None:
    assert printable(said).isprintable()


@given(st.text(alphabet=st.characters(exclude_categories=["Cs"])))
def test_a_line_of_json_reads_as_the_same_value(said: str) -> None:
    shown = printable_json(json.dumps({"note": said}, ensure_ascii=False))
    assert shown.isprintable()
    assert json.loads(shown) == {"note": said}
