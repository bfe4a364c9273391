"""Talks made fit to be given away: masked; and a talk as a pytest file that replays it."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import msgspec

from switch.capture.masking import Mask
from switch.capture.talks import Talk, as_lines, said
from switch.security.files import open_private

_TEST = '''"""Replays {source} and expects the answers captured in it."""

import os
from pathlib import Path

import pytest

CAPTURE = Path(__file__).with_name({lines!r})
HOST = os.environ.get("REPLAY_TO", {to!r})


@pytest.mark.skipif(not HOST, reason="REPLAY_TO=HOST:PORT says which host to replay against")
def test_{name}(switch_replay):
    report = switch_replay(CAPTURE, to=HOST)
    assert report.same, str(report)
'''

_AROUND = '''"""Replays {source} around the switch of a network file and expects what was captured."""

from pathlib import Path

CAPTURE = Path(__file__).with_name({lines!r})
NETWORK = {network}


def test_{name}(switch_replay):
    report = switch_replay(CAPTURE, network=NETWORK)
    assert report.same, str(report)
'''


def masked(talks: Iterable[Talk], clear: tuple[str, ...] = ()) -> list[Talk]:
    """The talks with every message masked, but those of test cards that begin with one of `clear`."""
    made = []
    for talk in talks:
        mask = Mask(talk.dialect, clear)
        messages = [said(talk.dialect, mask.message(m.data), m.at_ns, m.from_client, m.comment) for m in talk.said]
        made.append(msgspec.structs.replace(talk, said=messages))
    return made


def _from_beside(target: Path, network: str) -> str:
    """An expression for the network: a file is found from the test's own place, wherever pytest is started."""
    if not network.endswith(".toml"):
        return repr(network)
    return f"str(Path(__file__).parent / {os.path.relpath(network, target.parent)!r})"


def as_test(talks: list[Talk], target: Path, source: str, network: str = "", to: str = "") -> list[Path]:
    """Write `target` (test_NAME.py) and beside it the messages as JSON lines. `source`: the capture's file, for the docstring.
    Returns the files. OSError."""
    name = re.sub(r"\W", "_", target.stem.removeprefix("test_")) or "capture"
    source = re.sub(r'[\\"\n]', "_", source)  # a docstring would end with it, or read it otherwise
    lines = target.with_suffix(".jsonl")
    with open(open_private(lines, os.O_WRONLY | os.O_TRUNC), "w", encoding="utf-8") as file:
        file.writelines(f"{line}\n" for line in as_lines(talks))
    template = _AROUND if network else _TEST
    network = _from_beside(target, network)
    target.write_text(
        template.format(source=source, lines=lines.name, name=name, network=network, to=to), encoding="utf-8"
    )
    return [target, lines]
