"""A capture that runs, while another network file begins to hold."""

from pathlib import Path

import msgspec

from switch.core.network import Capture, Network
from switch.core.party import Log
from switch.server.recording import Recording
from tests.core.scripts import morocco


def asked(file: Path, hosts: int = 5) -> Network:
    capture = Capture(file=str(file), file_bytes=1 << 20, files=2, clear_cards=(), from_start=True)
    return msgspec.structs.replace(morocco(), capture=capture, hosts=morocco().hosts[:hosts])


def test_a_reload_leaves_a_running_capture_in_its_file_and_another_capture_begins_in_its_own(tmp_path: Path) -> None:
    logs: list[str] = []

    def log(event: Log, at_ns: int) -> None:
        del at_ns
        logs.append(event.event)

    first, other = tmp_path / "a.pcapng", tmp_path / "b.pcapng"
    recording = Recording(asked(first), log)
    recording.follow(asked(first, hosts=2))
    assert (logs, sorted(tmp_path.iterdir())) == (["capture.started"], [first])
    recording.follow(asked(other))
    assert (logs, sorted(tmp_path.iterdir())) == (
        ["capture.started", "capture.ended", "capture.started"],
        [first, other],
    )
    recording.follow(morocco())
    assert logs[-1] == "capture.ended"


def test_what_follows_a_reload_says_that_its_capture_cannot_be_written(tmp_path: Path) -> None:
    logs: list[Log] = []
    recording = Recording(morocco(), lambda event, _: logs.append(event))
    assert recording.follow(asked(tmp_path / "a.pcapng")) == ""
    blocked = tmp_path / "a file" / "b.pcapng"
    blocked.parent.write_text("in the way")
    said = recording.follow(asked(blocked))
    assert said.startswith(f"the capture {blocked} cannot be written: ")
    assert (logs[-1].event, logs[-1].fields["reason"]) == ("capture.failed", said)
    assert recording.follow(morocco()) == ""
