"""Files of errors that nobody foresaw."""

from pathlib import Path

from switch.core.party import Log
from switch.server.defects import FILES_MAX, keep_defects


def defect(name: str) -> Log:
    return Log("error", "switch.defect", {"defect": name, "report": f"{name}\nwhere it arose\n"})


def test_a_report_is_a_file_for_its_owner_and_the_event_names_it(tmp_path: Path) -> None:
    told: list[Log] = []
    keep_defects(lambda event, _: told.append(event), tmp_path)(defect("a1"), 0)
    path = tmp_path / "defects" / "a1.txt"
    assert told[0].fields == {"defect": "a1", "file": str(path)}
    assert path.read_text() == "a1\nwhere it arose\n"
    assert (path.stat().st_mode & 0o777, path.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_the_same_error_again_is_no_second_file_and_there_are_so_many_at_most(tmp_path: Path) -> None:
    log = keep_defects(lambda *_: None, tmp_path)
    for n in range(FILES_MAX + 20):
        log(defect(f"{n}"), 0)
        log(defect(f"{n}"), 0)
    assert len(list((tmp_path / "defects").iterdir())) == FILES_MAX


def test_where_no_file_can_be_written_the_event_is_told_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "defects").write_text("in the way")
    told: list[Log] = []
    keep_defects(lambda event, _: told.append(event), tmp_path)(defect("a1"), 0)
    assert told[0].fields["file"] == ""


def test_other_events_pass_as_they_are(tmp_path: Path) -> None:
    told: list[Log] = []
    keep_defects(lambda event, _: told.append(event), tmp_path)(Log("info", "link.up", {}), 0)
    assert told == [Log("info", "link.up", {})]
