"""The right sentence and the right setting for what peers are known to send."""

import sys
from collections.abc import Callable
from functools import partial
from itertools import islice
from types import FrameType
from typing import Any

import pytest

from switch.doctor.diagnosis import HIDDEN, Cause, Configured, Diagnosis, Findings, Verdict
from switch.doctor.survey import Doctor
from switch.wire import Dialect
from switch.wire.framing import make_framing
from tests.doctor.sent import (
    DIALECTS,
    DOCTOR,
    LEADS,
    bent,
    body,
    documents,
    foreign_framings,
    framed,
    named_framings,
    sign_on,
)
from tests.fuzz.mutate import inputs
from tests.wire.samples import changed, purchase

CMI87, CMI87B, VISA, MASTERCARD = (DIALECTS[name] for name in ("cmi87", "cmi87b", "visa", "mastercard"))
HELLO = body(CMI87, sign_on(CMI87))
BOUGHT = purchase(CMI87)


def examine(data: bytes, framing: str = "length2", dialect: Dialect | None = CMI87) -> Findings:
    return DOCTOR.examine(data, Configured(framing, dialect))


def first(data: bytes, framing: str = "length2", dialect: Dialect | None = CMI87) -> Diagnosis:
    found = examine(data, framing, dialect)
    assert found.verdict is Verdict.ADVICE, found
    return found.diagnoses[0]


# -- framing


def test_a_peer_that_sends_no_length_is_told_by_the_text_its_length_would_be() -> None:
    said = first(HELLO)
    assert said.sentence == (
        "Length 12344 is the text '08': the peer sends no length header, the bytes begin with MTI 0800."
    )
    assert said.settings[0].where == "peer"


def test_a_length_in_digits_is_shown_with_what_the_configured_framing_takes_it_for() -> None:
    said = first(framed("ascii4", [HELLO]))
    assert said.change == 'framing = "ascii4"'
    assert "a length of 4 ASCII digits (30 30 36 33 = '0063')" in said.sentence
    assert "takes 30 30 = '00' for a length of 12336" in said.sentence


def test_a_length_of_four_bytes_is_known_though_two_bytes_read_it_too() -> None:
    assert first(framed("length4", [HELLO])).change == 'framing = "length4"'
    assert first(framed("length4", [HELLO, HELLO])).change == 'framing = "length4"'
    keep_alive_then_two = b"\0\0" + framed("length2", [HELLO, HELLO])
    assert examine(keep_alive_then_two).verdict is Verdict.HEALTHY


@pytest.mark.parametrize(("words", "frame"), [*foreign_framings()])
def test_a_framing_that_is_none_of_ours_is_named_and_the_peer_is_to_change(
    words: str, frame: Callable[[bytes], bytes]
) -> None:
    message = body(MASTERCARD, sign_on(MASTERCARD)) if "EBCDIC" in words else HELLO
    said = first(frame(message) * 2, dialect=MASTERCARD if "EBCDIC" in words else CMI87)
    assert words in said.sentence
    assert [s.where for s in said.settings] == ["peer"]


@pytest.mark.parametrize(("words", "name", "frame"), [*named_framings()])
def test_a_framing_that_a_network_file_can_name_is_the_setting_to_change(
    words: str, name: str, frame: Callable[[bytes], bytes]
) -> None:
    spoken = MASTERCARD if "EBCDIC" in words else CMI87
    message = body(spoken, sign_on(spoken))
    said = first(frame(message) * 2, dialect=spoken)
    assert words in said.sentence
    assert said.change == f'framing = "{name}"'
    assert make_framing(name, 9_999).feed(frame(message) * 2) == [message] * 2


def test_gzip_is_told_by_its_own_bytes_and_looked_into() -> None:
    data = framed("gzip", [HELLO, body(CMI87, BOUGHT)])
    assert first(data).change == 'framing = "gzip"'
    assert examine(data, "gzip").verdict is Verdict.HEALTHY
    odd = framed("gzip", [body(CMI87, BOUGHT)[:-3]])
    assert DOCTOR.examine(odd, Configured("gzip", CMI87)).verdict is Verdict.ADVICE
    assert first(framed("length2", [HELLO]), "gzip").change == 'framing = "length2"'


def test_a_length_that_leaves_out_the_tpdu_is_found() -> None:
    said = first(len(HELLO).to_bytes(2, "big") + LEADS["TPDU"] + HELLO)
    assert "a 2-byte binary length that does not count the TPDU behind it (00 3F)" in said.sentence


# -- header, dialect, habits


def test_a_tpdu_before_the_mti_is_shown_byte_by_byte() -> None:
    said = first(framed("length2", [LEADS["TPDU"] + HELLO]))
    assert said.sentence == "The bytes 60 01 23 00 00 before the MTI are a TPDU; dialect cmi87 has no header."
    assert said.change == 'dialect file: "h": {"data_enc": "b", "len_type": 0, "max_len": 5}'


def test_a_missing_tpdu_is_missed() -> None:
    said = first(framed("length2", [body(CMI87B, sign_on(CMI87B))]), "length2", CMI87B)
    assert said.sentence == "No header stands before MTI 0800; dialect cmi87b wants a TPDU there."


@pytest.mark.parametrize("name", ["cmi87b", "visa", "mastercard", "iso93"])
def test_another_dialect_is_named_with_its_framing(name: str) -> None:
    theirs = DIALECTS[name]
    said = first(framed(theirs.framing, [theirs.encode(d) for d in documents(theirs)]))
    assert f'dialect = "{name}"' in said.change
    wanted = {"visa": 'framing = "base1" and dialect = "visa"'}.get(name, f'dialect = "{name}"')
    assert said.change == wanted


def test_raw_bitmaps_in_a_dialect_of_hex_digits_are_one_habit_to_change() -> None:
    message = HELLO[:4] + bytes.fromhex(HELLO[4:36].decode()) + HELLO[36:]
    said = first(framed("length2", [message]))
    assert said.cause is Cause.BITMAP
    assert said.change == 'dialect file: "p" and "1": {"data_enc": "b", "max_len": 8}'


def test_a_dialect_of_ones_own_is_tried_as_well_and_preferred() -> None:
    mine = Dialect.from_spec({"dialect": {"name": "mine"}, **CMI87.spec}, "mine")
    own = Doctor([mine, *DIALECTS.values()])
    said = own.examine(framed("ascii4", [HELLO]), Configured("length2", mine)).diagnoses[0]
    assert said.change == 'framing = "ascii4"'


# -- one element


def test_a_longer_element_is_named_and_not_the_one_behind_it_that_fails() -> None:
    document = {**BOUGHT, "43": BOUGHT["43"][:-2] + "   MA", "54": "0002504C000000010000"}
    del document["49"]
    said = first(framed("length2", [HELLO, bent(CMI87, document, "43", size=43)]))
    assert said.sentence == "DE43 is 3 characters longer than cmi87 says (43, not 40): DE54 only looks wrong."
    assert said.change == 'dialect file: "43": {"max_len": 43}'


@pytest.mark.parametrize(
    ("dialect", "value", "key", "changes", "words"),
    [
        ("cmi87", "0510", "22", {"size": 4}, "DE22 is 1 digit longer than cmi87 says (4, not 3)"),
        ("cmi87", "PRIVATE DATA", "48", {"length_bytes": 2, "size": 99}, "DE48 has a length of 2 ASCII digits before it"),
        ("cmi87", "MAD", "49", {"content": "ans"}, "DE49 holds other characters than digits"),
        ("cmi87", "MARJANE HAY RIAD RABAT MA", "43", {"length_bytes": 2}, "DE43 has a length of 2 ASCII digits before it"),
        ("cmi87b", None, "2", {"nibbles": False}, "DE2 has a length that counts bytes; cmi87b counts digits"),
        ("cmi87b", None, "22", {"nibbles": False, "text": CMI87.elements["22"].text, "left_pad": ""}, "DE22 is ASCII digits"),
        ("mastercard", None, "55", {"text": CMI87.elements["41"].text, "size": 510}, "DE55 is ASCII hex digits"),
        ("mastercard", None, "42", {"text": CMI87.elements["41"].text}, "DE42 is ASCII; mastercard says EBCDIC"),
    ],
)  # fmt: skip
def test_an_element_in_another_form_is_named(
    dialect: str, value: str | None, key: str, changes: dict[str, Any], words: str
) -> None:
    spoken = DIALECTS[dialect]
    document = {**purchase(spoken), **({key: value} if value else {})}
    said = first(framed(spoken.framing, [bent(spoken, document, key, **changes)]), spoken.framing, spoken)
    assert said.sentence.startswith(words), said


def test_an_element_the_dialect_has_not_is_read_all_the_same() -> None:
    spec = {k: v for k, v in CMI87.spec.items() if k != "48"}
    lacking = Dialect.from_spec({"dialect": {"name": "lacking"}, **spec}, "lacking")
    data = framed("length2", [body(CMI87, {**BOUGHT, "48": "WHATEVER THIS IS"})])
    said = Doctor([lacking]).examine(data, Configured("length2", lacking)).diagnoses[0]
    assert said.sentence.startswith("DE48 is no element of lacking; it reads as text behind a length of 3 ASCII digits")


# -- no ISO 8583


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "speaks HTTP (GET)"), (bytes.fromhex("16030100f4010000f00303"), "TLS handshake"),
        (bytes.fromhex("15030100020246"), "TLS alert"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "speaks SSH"), (b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n", "PROXY protocol"),
        (b"\r\n", "empty lines"), (b"\xff\xfb\x1f", "Telnet"), (b"<isomsg>", "XML"),
        (b'<log at="1"><isomsg direction="incoming"><field id="0" value="0800"/>', "as jPOS's XMLChannel sends it"),
        (b"ISO 8583 v1987 ASCII Message:\nMTI..........: 0100\nBitmap HEX...: 7000\n", "what Describe of moov-io/iso8583 prints"),
        (b"F2   Primary Account Number..........: 4242****4242\n", "what Describe of moov-io/iso8583 prints"),
        (b"t   Message Type                  : '0200'\np   Bitmap, Primary   : ''\n", "what pp of pyiso8583 prints"),
    ],
)  # fmt: skip
def test_other_protocols_are_called_by_their_names(data: bytes, words: str) -> None:
    said = first(data)
    assert said.cause is Cause.PROTOCOL
    assert words in said.sentence


# -- nothing to say


def test_what_is_right_gets_no_advice_however_much_of_it_came() -> None:
    data = framed("length2", [HELLO, body(CMI87, BOUGHT)])
    for end in range(1, len(data) + 1):
        found = examine(data[:end])
        assert found.verdict in (Verdict.HEALTHY, Verdict.UNFINISHED), (end, found)


def test_a_message_begun_in_another_framing_is_known_before_it_is_whole() -> None:
    said = first(framed("ascii4", [body(CMI87, BOUGHT)])[:-20])
    assert said.change == 'framing = "ascii4"'


def test_without_a_configuration_one_hears_what_it_is() -> None:
    found = DOCTOR.examine(framed("ascii4", [HELLO]), Configured())
    assert (found.verdict, found.framing, found.dialect) == (Verdict.HEALTHY, "ascii4", "cmi87")
    assert DOCTOR.examine(HELLO, Configured()).summary == "1 message (0800) of cmi87 with no length header"


def test_secrets_are_dots() -> None:
    data = framed("ascii4", [body(CMI87, BOUGHT)])
    seen = first(data).evidence
    assert seen is not None
    clear = bytes.fromhex("".join(cell for cell in seen.cells if cell != HIDDEN))
    assert clear == data[:40], "length, MTI, bitmaps"
    for key, changes in (("35", {"size": 99, "length_bytes": 3}), ("2", {"length_bytes": 3})):
        found = examine(framed("length2", [bent(CMI87, BOUGHT, key, **changes)]))
        text = repr(found) + "".join(c for d in found.diagnoses if d.evidence for c in d.evidence.cells)
        assert found.diagnoses[0].sentence.startswith(f"DE{key} ")
        assert BOUGHT["2"] not in text
        assert BOUGHT["2"].encode().hex().upper() not in text.replace(" ", "")


CALLS_MAX = 1_500_000
"""of functions, for one examination: a second or two of a slow machine. The dearest of 630 inputs took 523,314."""


def calls(examine: Callable[[], Findings]) -> tuple[Findings, int]:
    """What it finds, and how many functions it has called: its work, whatever else the machine does."""
    count = 0

    def called(frame: FrameType, event: str, arg: Any) -> None:
        nonlocal count
        del frame, arg
        count += event == "call"

    before = sys.getprofile()
    sys.setprofile(called)
    try:
        found = examine()
    finally:
        sys.setprofile(before)
    return found, count


@pytest.mark.parametrize("more", [4, pytest.param(40, marks=pytest.mark.long)])
def test_anything_gives_findings_and_with_little_work(more: int) -> None:
    seeds = [framed(d.framing, [d.encode(x)]) for d in DIALECTS.values() for x in documents(d)]
    dearest = 0
    for number, data in enumerate((*seeds[:: 40 // more], *islice(inputs(seeds, 5), more))):
        dialect = list(DIALECTS.values())[number % 5]
        configured = Configured(("length2", "ascii4", "tpdu", "base1", "stxetx", "")[number % 6], dialect)
        found, work = calls(partial(DOCTOR.examine, data, configured))
        dearest = max(dearest, work)
        assert isinstance(found, Findings)
        assert (found.verdict is Verdict.ADVICE) == bool(found.diagnoses)
    assert dearest < CALLS_MAX


def test_messages_that_always_have_both_bitmaps_are_read_as_their_dialect_says() -> None:
    dialect = changed("cmi87", {"name": "mine", "bitmaps": "both"})
    frame = make_framing("length2").frame(dialect.encode(purchase(dialect)))
    findings = Doctor([dialect]).examine(frame * 2, Configured("ascii4", dialect))
    assert [one.change for one in findings.diagnoses] == ['framing = "length2"']
    assert Doctor([dialect]).examine(frame, Configured("length2", dialect)).verdict is Verdict.HEALTHY


# -- both bitmaps in every message


@pytest.mark.parametrize("name", ["cmi87", "cmi87b", "mastercard"])
def test_a_peer_that_sends_both_bitmaps_in_every_message_is_told_how_a_dialect_says_so(name: str) -> None:
    """moov's `"length": 16` sends them so, and reads nothing else: to tell such a peer to set bit 1 helps nobody."""
    dialect, peer = DIALECTS[name], changed(name, {"bitmaps": "both"})
    message = peer.encode({k: v for k, v in purchase(dialect).items() if not k.isdecimal() or int(k) < 65})
    said = first(framed("length2", [message]), dialect=dialect)
    assert said.change == 'dialect file: "bitmaps": "both" in its "dialect"'
    assert examine(framed("length2", [message]), dialect=peer).verdict is Verdict.HEALTHY
    hello = first(framed("length2", [peer.encode(sign_on(dialect))]), dialect=dialect)
    assert "set bit 1" in hello.change, "which a second bitmap that is not empty may also mean"
    assert '"bitmaps": "both"' in hello.change
