"""Captures of other days and other networks: dialect files that have changed since, one name for two of them, files of an older
form, and a replay at a switch that knows none of the capture's parties."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from switch.capture.pcapng import CaptureError, Writer
from switch.capture.recorder import Recorder, Voice, voice_of
from switch.capture.talks import Known, Talk, as_lines, load
from switch.core.network import Address
from switch.core.party import Log
from switch.wire import Dialect
from switch.wire.framing import make_framing
from tests.capture.test_recorder import AT, CMI87, PEER, SWITCH
from tests.core.scripts import purchase
from tests.e2e.stage import Stage

ASK = {"t": "0200", "4": "000000012350", "11": "000001", "44": "TERMINAL"}


def own(path: Path, **changes: dict[str, object]) -> Voice:
    """A link that speaks the dialect of a file called `partner`, written now."""
    spec = {key: dict(value) for key, value in CMI87.spec.items()}
    for de, change in changes.items():
        spec[de.removeprefix("de")] |= change
    path.write_text(json.dumps({"dialect": {"name": "partner", "family": "cmi"}, **spec}))
    return voice_of(str(path), Dialect.load(str(path)), "length2")


def recorded(path: Path, voices: dict[str, Voice], document: dict[str, str]) -> None:
    """A capture in which each link says the document once."""
    recorder = Recorder(Writer(path), voices, list[Log]().append)
    for number, (name, voice) in enumerate(voices.items()):
        link = f"{name}#1"
        recorder.opened(link, SWITCH, Address(PEER.host, PEER.port + number), False, AT)
        framing = make_framing(voice.framing)
        recorder.received(link, framing.frame(voice.dialect.encode(document)), AT + number)
    recorder.close(AT + 99)


def said(talks: list[Talk]) -> list[tuple[str, str, str, str]]:
    return [(talk.link, m.wrong, m.document["4"], m.document["44"]) for talk in talks for m in talk.said]


def test_a_capture_says_what_its_dialects_file_said_then(tmp_path: Path) -> None:
    """Read with today's file, its DE44 would be of another length and its amount of other bytes."""
    file = tmp_path / "partner.json"
    recorded(tmp_path / "a.pcapng", {"pos": own(file)}, ASK)
    today = own(file, de44={"len_type": 3}).dialect
    assert said(load(tmp_path / "a.pcapng", Known())) == [("pos", "", "000000012350", "TERMINAL")]
    (talk,) = load(tmp_path / "a.pcapng", Known(dialect=today))
    assert "DE44" in talk.said[0].wrong, "who names today's file is told where it does not fit"


def test_links_of_several_files_of_one_name_are_each_read_as_theirs(tmp_path: Path) -> None:
    """Two partners' files may both be called `partner`; a shipped dialect stands between them."""
    voices = {
        "bank": own(tmp_path / "bank.json", de44={"len_type": 3}),
        "plain": voice_of("cmi87", CMI87, "length2"),
        "shop": own(tmp_path / "shop.json", de4={"data_enc": "b", "max_len": 6}),
        "visa": voice_of("iso93", Dialect.load("iso93"), "length2"),
    }
    for file in ("bank.json", "shop.json"):
        (tmp_path / file).unlink()
    recorded(tmp_path / "a.pcapng", voices, ASK)
    talks = load(tmp_path / "a.pcapng", Known())
    expected = [(link, "", "000000012350", "TERMINAL") for link in voices]
    assert said(talks) == expected
    (tmp_path / "a.jsonl").write_text("\n".join(as_lines(talks)))
    assert said(load(tmp_path / "a.jsonl", Known())) == expected, "exported, and read again"


def test_a_capture_of_an_older_form_names_the_file_that_it_lacks(tmp_path: Path) -> None:
    """Captures that were made before dialect files went into them have the name alone."""
    voice = own(tmp_path / "partner.json")
    older = Voice(dialect=voice.dialect, framing=voice.framing, about=voice.about)
    recorded(tmp_path / "a.pcapng", {"pos": older}, ASK)
    with pytest.raises(CaptureError, match=r"a\.pcapng: partner: no dialect .*: give it with --dialect"):
        load(tmp_path / "a.pcapng", Known())
    assert said(load(tmp_path / "a.pcapng", Known(dialect=voice.dialect))) == [("pos", "", "000000012350", "TERMINAL")]


def test_a_capture_that_says_no_framing_is_read_with_its_dialects_own(tmp_path: Path) -> None:
    recorded(tmp_path / "a.pcapng", {"pos": Voice(dialect=CMI87, framing="length2", about="dialect=cmi87")}, ASK)
    assert said(load(tmp_path / "a.pcapng", Known())) == [("pos", "", "000000012350", "TERMINAL")]


@pytest.mark.long
def test_a_replay_at_another_network_says_what_that_makes_of_it(tmp_path: Path) -> None:
    """Its members have other institutions; its other port speaks another dialect."""
    ask = purchase("000002", de2="9504010000090010", de52="", de14="3112")
    sign_on = {"t": "0800", "7": "1125120000", "11": "000001", "32": "504102", "70": "001"}
    recorder = Recorder(Writer(tmp_path / "a.pcapng"), {"pos": voice_of("cmi87", CMI87, "length2")}, list[Log]().append)
    recorder.opened("pos#1", SWITCH, PEER, False, AT)
    framing = make_framing("length2")
    for document in (sign_on, ask):
        kept = {de: value for de, value in document.items() if de in ("2", "3", "4", "7", "11", "32", "37", "41", "70")}
        answer = {**kept, "t": f"{document['t'][:2]}10", "39": "00"}
        recorder.received("pos#1", framing.frame(CMI87.encode(document)), AT)
        recorder.sent("pos#1", framing.frame(CMI87.encode(answer)), None, AT + 1)
    recorder.close(AT + 9)
    stage = Stage(tmp_path / "stage", {"504102": "604102"})
    try:
        stage.serve()
        told = {}
        for port in ("acquirers", "pos"):
            command = ["replay", str(tmp_path / "a.pcapng"), "--to", str(stage.address(port)), "--timeout", "5"]
            done = subprocess.run(
                [sys.executable, "-m", "switch.cli.main", *command], capture_output=True, text=True, check=False
            )
            assert (done.returncode, done.stderr) == (1, "")
            told[port] = done.stdout
        assert told["acquirers"].count("captured 00 approved, found 58 not permitted to terminal") == 2
        assert "found the host closed the connection" in told["pos"]
        assert told["pos"].endswith("0 of 2 as captured, 2 differ\n")
        stage.event("link.diagnosis", link="pos#1")
    finally:
        stage.close()
