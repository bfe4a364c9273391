"""What is well and what is not: one verdict, its grades, and what is logged of it."""

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.core.operator.command import Unable
from switch.core.operator.keys import KeyRow
from switch.core.party import Log
from switch.server.health import (
    DISK_FULL_BYTES,
    DISK_LOW_BYTES,
    INDEX_FAR,
    Grade,
    Health,
    HealthMonitor,
    Stall,
    grade_of,
    judge,
)

WELL = Health(hosts_up=("atlas",), disk_free_bytes=10 << 30, connections=10, connections_max=12_000)


def but(**changes: object) -> Health:
    """A switch that is well, but for this."""
    return Health(**({name: getattr(WELL, name) for name in WELL.__struct_fields__} | changes))


def test_where_nothing_is_wrong_it_is_good() -> None:
    assert judge(WELL) == ()
    assert grade_of(()) is Grade.GOOD


@pytest.mark.parametrize(
    ("health", "part", "grade", "said"),
    [
        (but(journal_down="its writer is gone"), "journal", "critical", "declined"),
        (but(journal_down_ago_s=3), "journal", "critical", "was down 3 s ago"),
        (
            but(head_copy_trouble="No space left on device"),
            "journal",
            "warning",
            "not written: No space left on device",
        ),
        (but(journal_waits_s=3, unacknowledged_records=2), "journal", "critical", "has taken nothing for 3 s"),
        (but(disk_free_bytes=DISK_FULL_BYTES - 1), "disk", "critical", "4 MB are left"),
        (but(disk_free_bytes=0, disk_trouble="st: gone"), "disk", "critical", "cannot be looked at: st: gone"),
        (but(disk_free_bytes=DISK_LOW_BYTES - 1), "disk", "warning", "268 MB are left"),
        (but(index_ended_ago_s=0), "index", "warning", "index ended 0 s ago"),
        (but(index_behind_records=INDEX_FAR + 1), "index", "warning", "250,001 records behind"),
        (but(hosts_away=("rif", "visa")), "links", "warning", "rif, visa are away"),
        (but(hosts_up=(), hosts_away=("atlas",)), "links", "critical", "atlas is away"),
        (
            but(hosts_up=(), hosts_away=("atlas", "rif"), hosts_stood_in=("rif",)),
            "links",
            "warning",
            "atlas, rif are away; the switch stands in for rif",
        ),
        (but(owed=2, oldest_owed_s=601), "owed", "warning", "2 messages are owed, the oldest for 601 s"),
        (but(exceptions=1), "exceptions", "warning", "1 exception is open"),
        (but(unpriced=2, oldest_unpriced_s=90), "unpriced", "warning", "2 payments have no price, the oldest for 90 s"),
        (but(rules_off="3 overruns"), "rules", "warning", "off (3 overruns): payments go on without them"),
        (but(rules_off="3 overruns", rules_closed=True), "rules", "critical", "payments are declined (DE39=96)"),
        (but(connections=10_800), "connections", "warning", "10,800 of 12,000"),
    ],
)
def test_each_part_that_is_not_well_is_named_with_what_to_do(health: Health, part: str, grade: str, said: str) -> None:
    (problem,) = judge(health)
    assert (problem.part, problem.grade) == (part, grade)
    assert said in problem.sentence
    assert problem.hint


@pytest.mark.parametrize(
    "health",
    [
        but(journal_down_ago_s=15),
        but(index_ended_ago_s=60),
        but(unacknowledged_records=500, journal_waits_s=2),
        but(index_behind_records=INDEX_FAR),
        but(owed=9, oldest_owed_s=600),
        but(hosts_in_maintenance=("rif",)),
        but(hosts_up=(), hosts_in_maintenance=("atlas",)),
    ],
    ids=[
        "journal long up",
        "index long up",
        "a slow flush",
        "index near",
        "owed of late",
        "one in maintenance",
        "all in maintenance",
    ],
)
def test_what_has_mended_itself_or_is_meant_so_is_well(health: Health) -> None:
    assert judge(health) == ()


def test_a_journal_stands_still_while_records_wait_and_none_becomes_durable() -> None:
    stall, second = Stall(), 1_000_000_000
    looks = [
        (5, 5, 10),
        (7, 5, 20),
        (7, 5, 24),
        (9, 6, 25),
        (9, 6, 31),
        (9, 9, 40),
        (9, 9, 50),
        (10, 9, 51),
        (10, 9, 53),
    ]
    seen = [stall.seconds(position, durable, at * second) for position, durable, at in looks]
    assert seen == [0, 0, 4, 0, 6, 0, 0, 0, 2]


def test_the_worst_comes_first_and_is_the_verdict() -> None:
    problems = judge(but(exceptions=1, hosts_away=("rif",), disk_free_bytes=0))
    assert [problem.part for problem in problems] == ["disk", "links", "exceptions"]
    assert grade_of(problems) is Grade.CRITICAL


def test_a_change_is_logged_once_and_so_is_its_end() -> None:
    now, said = [WELL], list[Log]()
    doctor = HealthMonitor(lambda: now[0], said.append)
    doctor.look()
    assert said == [], "well from the start is nothing to say"
    now[0] = but(exceptions=1)
    doctor.look()
    now[0] = but(exceptions=2)
    doctor.look()
    now[0] = WELL
    doctor.look()
    assert [(log.level, log.event, log.fields["grade"]) for log in said] == [
        ("warning", "health.changed", "warning"),
        ("info", "health.changed", "good"),
    ]


def test_the_command_gives_verdict_and_figures_and_takes_nothing() -> None:
    doctor = HealthMonitor(lambda: but(exceptions=3), lambda _: None)
    answer = trio.run(doctor.command, {}, "uid 0")
    assert (answer["grade"], answer["exceptions"]) == ("warning", 3)
    assert [problem["part"] for problem in answer["problems"]] == ["exceptions"]
    with pytest.raises(Unable, match="health: "):
        trio.run(doctor.command, {"verbose": True}, "uid 0")


async def test_a_certificate_that_ends_is_a_warning_and_is_said_once_a_day(autojump_clock: MockClock) -> None:
    told: list[Log] = []
    health = but(certificates=("the certificate CN=a expires on 2026-12-01",))
    doctor = HealthMonitor(lambda: health, told.append)
    for _ in range(3):
        doctor.look()
        await trio.sleep(5)
    await trio.sleep(86_400)
    doctor.look()
    assert [event.event for event in told] == ["certificate.ending", "health.changed", "certificate.ending"]
    assert [(p.part, p.grade) for p in judge(health)] == [("certificates", "warning")]


async def test_a_list_that_is_out_of_date_is_a_warning_and_is_said_once_a_day(autojump_clock: MockClock) -> None:
    told: list[Log] = []
    health = but(revocations=("the list of revoked certificates a.crl is out of date",))
    doctor = HealthMonitor(lambda: health, told.append)
    for _ in range(3):
        doctor.look()
        await trio.sleep(5)
    assert [event.event for event in told] == ["certificate.list_old", "health.changed"]
    assert [(p.part, p.grade, p.hint[:3]) for p in judge(health)] == [("certificates", "warning", "put")]


def test_a_key_that_did_not_change_is_warned_of() -> None:
    row = KeyRow(
        party="atlas",
        acquirer=False,
        key="atlas-zak",
        purpose="mac",
        set="07",
        check_value="A1B2C3",
        since_us=0,
        age_s=-1,
        coming="08",
        previous="",
        changing=False,
        failed="atlas-zak: set 08 was answered 63",
    )
    (problem,) = judge(but(keys=(row,)))
    assert (problem.part, problem.grade) == ("keys", "warning")
    assert problem.sentence == "keys of atlas did not change: atlas-zak: set 08 was answered 63"
    assert not judge(but(keys=(msgspec.structs.replace(row, failed=""),)))
