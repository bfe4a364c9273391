"""The recorder: what passed on links, as a capture; masked, split as messages are, said whose they are, never in the way."""

import json
from pathlib import Path

import pytest

from switch.capture.pcapng import CaptureError, Reading, Writer
from switch.capture.recorder import Recorder, Voice, voice_of
from switch.capture.streams import streams
from switch.capture.talks import Known, Talk, load
from switch.core.network import Address
from switch.core.party import Hop, Log
from switch.wire import Dialect
from switch.wire.framing import FRAMINGS, make_framing
from tests.hops import bare_hop
from tests.wire.samples import purchase

CMI87 = Dialect.load("cmi87")
SWITCH, PEER = Address("10.0.0.9", 8583), Address("10.0.0.1", 50_000)
PAN = "5047391234567890"
AT = 1_764_072_000_000_000_000


def hop(stan: str, mti: str = "0200", txn: int = 0x1F, event: str = "hop.received") -> Hop:
    return bare_hop(event=event, txn=txn, link="pos#1", mti=mti, stan=stan)


class Stage:
    def __init__(
        self,
        path: Path,
        dialect: Dialect = CMI87,
        framing: str = "length2",
        voice: Voice | None = None,
        **options: tuple[str, ...],
    ) -> None:
        self.path = path
        self.logs: list[Log] = []
        self.framing = make_framing(framing)
        self.voice = voice or voice_of(dialect.name, dialect, framing)
        self.recorder = Recorder(Writer(path), {"pos": self.voice}, self.logs.append, **options)

    def opens(self, dialed: bool = False) -> None:
        self.recorder.opened("pos#1", SWITCH, PEER, dialed, AT)

    def frame(self, document: dict[str, str]) -> bytes:
        return self.framing.frame(self.voice.dialect.encode(document))

    def talk(self) -> Talk:
        self.recorder.close(AT + 9)
        (talk,) = load(self.path, Known())
        return talk


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    one = Stage(tmp_path / "a.pcapng")
    one.opens()
    return one


def test_messages_come_one_a_packet_however_the_stream_split_them(stage: Stage) -> None:
    stream = b"".join(stage.frame({"t": "0800", "11": f"{n:06d}", "70": "301"}) for n in range(3))
    for n, byte in enumerate(stream):
        stage.recorder.received("pos#1", bytes([byte]), AT + n)
    talk = stage.talk()
    assert [m.document["11"] for m in talk.said] == ["000000", "000001", "000002"]
    assert [p.data[54:56] for p in Reading(stage.path) if len(p.data) > 54] == [b"\0\x2f"] * 3 or len(talk.said) == 3
    assert (talk.link, talk.dialect.name, talk.framing, talk.troubles) == ("pos", "cmi87", "length2", [])


@pytest.mark.parametrize("dialed", [False, True])
def test_who_dialed_is_the_client(tmp_path: Path, dialed: bool) -> None:
    stage = Stage(tmp_path / "a.pcapng")
    stage.opens(dialed)
    stage.recorder.received("pos#1", stage.frame({"t": "0800", "11": "000001"}), AT)
    talk = stage.talk()
    ends = [f"{x.host}:{x.port}" for x in ((SWITCH, PEER) if dialed else (PEER, SWITCH))]
    assert talk.name == " > ".join(ends)
    assert [m.from_client for m in talk.said] == [not dialed]


def test_a_message_is_kept_masked_and_the_log_says_that_a_capture_began(stage: Stage) -> None:
    document = purchase(CMI87)
    stage.recorder.received("pos#1", stage.frame(document), AT)
    (message,) = stage.talk().said
    assert len(message.data) == len(CMI87.encode(document))
    assert PAN.encode() not in stage.path.read_bytes()
    assert b"28122010000012300000" not in stage.path.read_bytes()
    assert message.document["4"] == document["4"]
    assert [log.event for log in stage.logs] == ["capture.started"]


def test_keeping_test_cards_as_they_came_is_said_in_the_log(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "a.pcapng", clear=("504739",))
    stage.opens()
    stage.recorder.received("pos#1", stage.frame(purchase(CMI87)), AT)
    assert stage.talk().said[0].document["2"] == PAN
    (log,) = [log for log in stage.logs if log.event == "capture.clear"]
    assert (log.level, log.fields["cards"]) == ("warning", "504739")


def test_a_packet_says_its_link_transaction_and_which_hop_it_is(stage: Stage) -> None:
    asked = stage.frame({"t": "0200", "11": "000002"})
    stage.recorder.received("pos#1", stage.frame({"t": "0800", "11": "000001"}) + asked, AT)
    stage.recorder.understood(hop("000002"))
    stage.recorder.sent(
        "pos#1", stage.frame({"t": "0210", "11": "000002"}), hop("000002", "0210", event="hop.sent"), AT
    )
    assert [m.comment for m in stage.talk().said] == [
        "link=pos#1",
        "link=pos#1 txn=1f hop=1",
        "link=pos#1 txn=1f hop=2",
    ]


def test_a_stream_that_breaks_is_kept_masked_and_said(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "a.pcapng", framing="ascii4")
    stage.opens()
    good = stage.frame({"t": "0800", "11": "000001"})
    for data in (good + b"\xff\xffPAN " + PAN[:8].encode(), PAN[8:].encode() + b" end"):
        stage.recorder.received("pos#1", data, AT)
    talk = stage.talk()
    assert [m.document["11"] for m in talk.said] == ["000001"]
    assert "the client's stream is no ascii4 after its message 1" in talk.troubles[0]
    kept = stage.path.read_bytes()
    assert b"PAN " in kept
    assert b" end" in kept
    assert PAN[:8].encode() not in kept
    assert PAN[8:].encode() not in kept


def test_a_message_that_is_not_finished_is_kept_as_far_as_it_came(stage: Stage) -> None:
    whole = stage.frame(purchase(CMI87))
    stage.recorder.received("pos#1", whole[:60], AT)
    stage.recorder.closed("pos#1", AT + 1)
    assert "the client's bytes at the end are an unfinished message" in stage.talk().troubles[0]
    assert PAN[:10].encode() not in stage.path.read_bytes()


@pytest.mark.parametrize("framing", ["length2", "ascii4", "gzip"])
@pytest.mark.parametrize("dialect", ["cmi87", "cmi87b"])
def test_nothing_of_an_unfinished_message_is_kept_that_may_be_a_secret(
    tmp_path: Path, dialect: str, framing: str
) -> None:
    """Wherever it breaks off: in its PIN block, behind it, in the middle of what the decoder has not reached."""
    spoken = Dialect.load(dialect)
    document = {**purchase(spoken), "52": "C0FFEE5EC2E7B10C", "53": "0100000000000000"}
    secret = bytes.fromhex(document["52"]) if dialect == "cmi87b" else document["52"].encode()
    whole = make_framing(framing).frame(spoken.encode(document))
    at = whole.find(secret) if framing != "gzip" else len(whole) - 30
    for cut in (at + 4, at + len(secret), at + len(secret) + 3, at + 20):
        stage = Stage(tmp_path / f"{cut}.pcapng", spoken, framing)
        stage.opens()
        stage.recorder.received("pos#1", whole[:cut], AT)
        stage.recorder.closed("pos#1", AT + 1)
        assert len(stage.talk().troubles) == 1, "an unfinished message, or no gzip stream"
        kept = stage.path.read_bytes()
        assert secret[:4] not in kept
        assert whole[cut - 12 : cut] not in kept


@pytest.mark.parametrize("framing", [name for name in FRAMINGS if name not in ("tpdu", "base1")])
def test_every_framing_is_written_as_it_came(tmp_path: Path, framing: str) -> None:
    stage = Stage(tmp_path / "a.pcapng", framing=framing)
    stage.opens()
    stage.recorder.sent("pos#1", stage.frame({"t": "0800", "11": "000001"}), None, AT)
    assert [m.document["11"] for m in stage.talk().said] == ["000001"]


@pytest.mark.parametrize("name", ["cmi87b", "visa", "mastercard", "iso93"])
def test_every_dialect_is_read_back_from_what_the_file_says_of_it(tmp_path: Path, name: str) -> None:
    dialect = Dialect.load(name)
    stage = Stage(tmp_path / "a.pcapng", dialect, dialect.framing)
    stage.opens()
    stage.recorder.received("pos#1", stage.frame(purchase(dialect)), AT)
    (message,) = stage.talk().said
    assert (message.wrong, message.document["4"]) == ("", "000000012350")


@pytest.mark.parametrize("padding", [0, 70_000])
def test_a_dialect_that_is_a_file_of_ones_own_goes_into_the_capture_whole(tmp_path: Path, padding: int) -> None:
    """Its name is a shipped dialect's, its amounts are not that dialect's: read by its name, the capture would be misread."""
    spec = {k: dict(v) for k, v in CMI87.spec.items()}
    spec["4"] |= {"data_enc": "b", "max_len": 6, "desc": "amount" + "t" * padding}
    file = tmp_path / "cmi87.json"
    file.write_text(json.dumps({"dialect": {"name": "cmi87"}, **spec}))
    own = Dialect.load(str(file))
    stage = Stage(tmp_path / "a.pcapng", voice=voice_of(str(file), own, "length2"))
    file.unlink()
    stage.opens()
    stage.recorder.received("pos#1", stage.frame({"t": "0200", "4": "000000012350", "11": "000001"}), AT)
    talk = stage.talk()
    assert (talk.dialect.name, talk.said[0].wrong) == ("cmi87", "")
    assert talk.said[0].document["4"] == "000000012350"
    found = streams(stage.path)[0].speaks
    assert found is not None
    assert found.spec == own.spec
    assert str(tmp_path) not in stage.path.read_bytes().decode("latin-1")


def test_a_capture_whose_dialect_file_is_damaged_says_so(tmp_path: Path) -> None:
    stage = Stage(
        tmp_path / "a.pcapng",
        voice=Voice(dialect=CMI87, framing="length2", about="dialect=x", carried="dialect file: {"),
    )
    stage.opens()
    stage.recorder.received("pos#1", stage.frame({"t": "0800", "11": "000001", "70": "301"}), AT)
    with pytest.raises(CaptureError, match=r"a\.pcapng carries a dialect file that cannot be read: Expecting"):
        stage.talk()


@pytest.mark.parametrize("name", ["cmi87", "cmi87+latin-1"])
def test_a_dialect_everybody_has_goes_into_the_capture_by_its_name(name: str) -> None:
    voice = voice_of(name, Dialect.load(name), "length2")
    assert (voice.about, voice.carried) == (f"dialect={name} framing=length2", "")


def test_a_disk_that_takes_no_more_ends_the_recording_and_nothing_else(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Writer) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Writer, "flush", full)
    for _ in range(3):
        stage.recorder.received("pos#1", stage.frame({"t": "0800", "11": "000001"}), AT)
        stage.recorder.flush()
    stage.recorder.opened("pos#2", SWITCH, PEER, False, AT)
    assert [log.event for log in stage.logs] == ["capture.started", "capture.stopped"]
    assert "No space left on device" in stage.logs[1].fields["reason"]


def test_a_capture_that_was_there_before_makes_room(tmp_path: Path) -> None:
    (tmp_path / "a.pcapng").write_bytes(b"the one before")
    Stage(tmp_path / "a.pcapng").recorder.close(AT)
    assert (tmp_path / "a.1.pcapng").read_bytes() == b"the one before"


def test_links_that_open_after_a_reload_speak_as_it_says_in_the_same_file(stage: Stage) -> None:
    stage.recorder.received("pos#1", stage.frame({"t": "0800", "11": "000001", "70": "301"}), AT)
    visa = Dialect.load("visa")
    stage.recorder.learn(
        {"pos": Voice(dialect=visa, framing="base1", about="dialect=visa framing=base1"), "new": stage.voice}
    )
    stage.recorder.opened("pos#2", SWITCH, Address("10.0.0.2", 50_001), False, AT)
    stage.recorder.opened("new#1", SWITCH, Address("10.0.0.3", 50_002), False, AT)
    stage.recorder.received("pos#2", make_framing("base1").frame(visa.encode(purchase(visa))), AT + 1)
    stage.recorder.received("new#1", stage.frame({"t": "0800", "11": "000002", "70": "301"}), AT + 2)
    stage.recorder.received("pos#1", stage.frame({"t": "0800", "11": "000003", "70": "301"}), AT + 3)
    stage.recorder.close(AT + 9)
    talks = load(stage.path, Known())
    assert [(talk.dialect.name, [said.document["11"] for said in talk.said]) for talk in talks] == [
        ("cmi87", ["000001", "000003"]),
        ("visa", [purchase(visa)["11"]]),
        ("cmi87", ["000002"]),
    ]


def test_a_stream_that_breaks_behind_keepalives_is_kept_once(tmp_path: Path) -> None:
    stage = Stage(tmp_path / "a.pcapng", framing="ascii4")
    stage.opens()
    asked = stage.frame({"t": "0800", "11": "000001", "70": "301"})
    stage.recorder.received("pos#1", b"0000" * 3 + asked + b"what is this", AT)
    stage.recorder.close(AT + 9)
    assert [p.data[54:] for p in Reading(stage.path) if len(p.data) > 54] == [asked, b"what is this"]


@pytest.mark.parametrize("cut", [-1, -3], ids=["unfinished", "broken"])
def test_what_is_left_of_a_compressed_message_is_zeros_for_it_can_be_unpacked(tmp_path: Path, cut: int) -> None:
    stage = Stage(tmp_path / "a.pcapng", framing="gzip")
    stage.opens()
    whole = stage.frame(purchase(CMI87))
    sent = whole[:cut] if cut == -1 else b"\0\x10" + whole[2:]
    stage.recorder.received("pos#1", sent, AT)
    stage.recorder.close(AT + 9)
    assert [set(p.data[54 + stage.framing.head :]) for p in Reading(stage.path) if len(p.data) > 54] == [{0}]
