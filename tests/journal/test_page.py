"""docs/journal.md keeps its word: its tables name what there is. Its commands are typed by tests/docs."""

import re
from pathlib import Path

from click.testing import CliRunner
from msgspec.structs import replace

from switch.cli.journal import command
from switch.core.records.day_records import Cutover
from switch.core.records.records import SCHEMA, AnyEntry
from switch.journal.log import HEADER
from switch.journal.projections import STANDARD
from switch.journal.prune import KEEP_S
from tests.config.test_docs import PAGE as NETWORK_FILE
from tests.journal.samples import START_US, answered, booted, declined, forwarded, owed, stood_in, written

PAGE = (Path(__file__).parents[2] / "docs" / "journal.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.split(f"\n## {title}\n")[1], maxsplit=1, flags=re.MULTILINE)[0]


def test_every_schema_there_has_been_is_in_the_table() -> None:
    rows = re.findall(r"^\| (\d+) \|", section("How schemas move"), re.MULTILINE)
    assert rows == [str(n) for n in range(1, SCHEMA + 1)]


def test_its_numbers_hold() -> None:
    assert f"| {HEADER.size - 4} | 4 | CRC-32 of bytes 0 to {HEADER.size - 5} |" in PAGE
    assert f"the last {KEEP_S // 86_400} days" in section("Keeping it small")
    longest = re.search(r"`duplicate_window_s` \|.*?(\d+) s to (\d+) days", NETWORK_FILE)
    assert longest
    assert (int(longest[2]) + 1) * 86_400 == KEEP_S


def test_business_days_are_shown_as_they_are(tmp_path: Path) -> None:
    """A hold is completed, and a payment of the day before reversed; the switch stands in; a Tunisian card pays."""
    hour = 3_600_000_000

    def paid(n: int, amount: int, currency: str = "504") -> list[AnyEntry]:
        return [replace(forwarded(n), amount=amount, currency=currency), answered(n)]

    completion = replace(owed(12, 4), kind="advice", amount=270_00, message={"t": "0220", "3": "000000"})
    back = replace(owed(14, 2), amount=500_00)
    stand_in = stood_in(16)
    stand_in = replace(
        stand_in, request=replace(stand_in.request, amount=300_00), advice=replace(stand_in.advice, amount=300_00)
    )
    written(
        tmp_path,
        [
            booted(),
            *paid(2, 500_00),
            *paid(4, 400_00),
            declined(6),
            *paid(8, 12_345, "788"),
            Cutover(at_us=START_US + 10 * hour, day="2025-11-26", closed="2025-11-25", by="atlas"),
            completion,
            back,
            stand_in,
            Cutover(at_us=START_US + 67 * hour // 2, day="2025-11-27", closed="2025-11-26", by="operator"),
            *paid(20, 90_00),
        ],
    )
    shown = section("Business days").split("$ cmi-switch journal days\n")[1].split("```")[0]
    assert CliRunner().invoke(command, ["days", "--state", str(tmp_path)]).output == shown
    rebuilt = section("What is derived").split("$ cmi-switch journal rebuild days\n")[1].split("```")[0]
    said = CliRunner().invoke(command, ["rebuild", "days", "--state", str(tmp_path)]).output
    assert re.fullmatch(re.escape(rebuilt).replace("…", r"\d+"), said)
    assert CliRunner().invoke(command, ["days", "--state", str(tmp_path)]).output == shown


def test_every_projection_is_in_the_table() -> None:
    assert re.findall(r"^\| `(\w+)` \|", section("What is derived"), re.MULTILINE) == [each.name for each in STANDARD]
