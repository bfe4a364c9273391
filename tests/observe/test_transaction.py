"""One transaction's lines, wherever in the files of a log they stand."""

from pathlib import Path

import pytest

from switch.observe import transaction
from switch.observe.transaction import read_transaction
from tests.observe.samples import START_NS

from .samples import an_afternoon


def test_its_hops_and_what_names_it_are_found_in_order(tmp_path: Path) -> None:
    hops, events = read_transaction(an_afternoon(tmp_path / "hops.jsonl"), "a8")
    assert [hop.event for hop in hops] == ["hop.received", "hop.sent", "hop.received", "hop.sent"]
    assert [event["event"] for event in events] == ["answer.missing", "answer.late"]


def line(second: int, txn: int) -> bytes:
    at = f"2026-09-21T14:{second // 60:02d}:{second % 60:02d}.000000Z"
    return b'{"at":"%s","event":"hop.sent","txn":"%x","mti":"0200"}\n' % (at.encode(), txn)


@pytest.mark.parametrize("least", [64, 65_536], ids=["by time", "as a whole"])
def test_in_files_that_were_turned_over_the_place_is_sought_by_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, least: int
) -> None:
    monkeypatch.setattr(transaction, "_LEAST", least)
    path = tmp_path / "hops.jsonl"
    begin = (START_NS // 1_000_000_000 // 3_600) * 3_600_000_000
    lines = [line(second, begin + second * 1_000_000) for second in range(900)]
    (tmp_path / "hops.jsonl.1").write_bytes(b"".join(lines[:500]))
    path.write_bytes(b"".join(lines[500:]) + lines[899][:40])
    for second in (0, 1, 250, 499, 500, 700, 899):
        hops, _ = read_transaction(path, f"{begin + second * 1_000_000:x}")
        assert [hop.at[14:19] for hop in hops] == [f"{second // 60:02d}:{second % 60:02d}"], second
    assert read_transaction(path, f"{begin + 5_000_000_000:x}") == ([], [])
    assert read_transaction(tmp_path / "none.jsonl", "a8") == ([], [])
