"""Servers that are killed in the middle of a challenge: their successors go on, and nobody is told two things."""

import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest
import trio
from trio.testing import MockClock

from switch.threeds.challenges import Challenge, ChallengeLimits
from switch.threeds.directory import Passed
from switch.threeds.keeping import KeepingError, KeptFile
from switch.threeds.peers import PeerError
from switch.threeds.protocol.errors import ErroCode
from tests.threeds import world as w
from tests.threeds.test_flows import code_of, outcome, to_the_code
from tests.threeds.world import World, cres_of, page_path


async def test_the_code_that_was_sent_before_is_right_after() -> None:
    world = World()
    _, path, code = await to_the_code(world)
    after = World(before=world)
    back = await after.browse(path, code=code, do="confirm")
    (told,) = after.results
    assert (told["transStatus"], told["eci"]) == ("Y", "05")
    assert cres_of(back)["transStatus"] == "Y"
    assert cres_of(await World(before=after).browse(path)) == cres_of(back), "what was said is said again"


async def test_the_browser_that_had_not_come_yet_finds_its_challenge() -> None:
    world = World()
    answer = await outcome(world, w.CHALLENGED)
    after = World(before=world)
    await after.browse(page_path(await after.begin(answer)), code=code_of(after), do="confirm")
    assert after.results[0]["transStatus"] == "Y"


async def test_wrong_codes_and_messages_are_counted_on() -> None:
    world = World()
    _, path, _ = await to_the_code(world)
    await world.browse(path, code="1", do="confirm")
    await world.browse(path, do="again")
    again = World(before=world)
    await again.browse(path, code="2", do="confirm")
    await again.browse(path, do="again")
    await again.browse(path, do="again")
    assert len(again.texts) == 1, "two before, one after: three in all"
    last = World(before=again)
    assert cres_of(await last.browse(path, code="3", do="confirm"))["transStatus"] == "N"
    assert last.results[0]["transStatusReason"] == "19"


async def test_a_result_that_may_not_have_arrived_is_told_again(autojump_clock: MockClock) -> None:
    world = World()
    _, path, code = await to_the_code(world)
    kept: dict[str, bytes] = {}

    async def killed_here(body: bytes) -> bytes | None:
        kept.update(world.challenges[0].rows)
        return None

    world.trouble["7000"] = killed_here
    await world.browse(path, code=code, do="confirm")
    after = World(before=world)
    after.challenges[0].rows = kept
    after = World(before=after)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(after.acs.challenges.run)
        await trio.sleep(0.1)
        nursery.cancel_scope.cancel()
    assert after.results == world.results
    assert cres_of(await after.browse(path))["transStatus"] == "Y"
    assert ("challenges.resumed", 0, 1) in [(e, f.get("waiting"), f.get("told_again")) for e, f in after.log]


async def test_time_goes_on_while_the_server_is_away(autojump_clock: MockClock) -> None:
    world = World()
    _, path, _ = await to_the_code(world)
    await trio.sleep(ChallengeLimits().idle_s + 1)
    after = World(before=world)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(after.acs.challenges.run)
        await trio.sleep(1)
        assert after.results[0]["challengeCancel"] == "04"
        assert cres_of(await after.browse(path))["transStatus"] == "N"
        await trio.sleep(ChallengeLimits().ended_s)
        nursery.cancel_scope.cancel()
    assert not after.challenges[0].rows, "what ended long ago is kept no more"
    assert after.acs.challenges.of_page(path.rpartition("/")[2]) is None


async def test_a_disk_that_takes_nothing_authenticates_nobody() -> None:
    world = World()
    _, path, code = await to_the_code(world)
    world.challenges[0].full = True
    assert cres_of(await world.browse(path, code=code, do="confirm"))["transStatus"] == "N"
    assert (world.results[0]["transStatus"], world.results[0]["transStatusReason"]) == ("N", "22")
    answer = await outcome(world, w.CHALLENGED)
    assert (answer["transStatus"], answer["transStatusReason"]) == ("U", "22")
    assert any(event == "challenge.not_kept" and "disk is full" in str(fields["reason"]) for event, fields in world.log)
    world.challenges[0].full, world.passed.full = False, True
    with pytest.raises(PeerError) as raised:
        await outcome(world, w.CHALLENGED)
    assert raised.value.code is ErroCode.TRANSIENT, "the directory server could not say where the result goes"


async def test_a_code_or_a_try_that_cannot_be_kept_ends_the_challenge() -> None:
    for do in ({"do": "again"}, {"do": "confirm", "code": "1"}):
        world = World()
        _, path, _ = await to_the_code(world)
        world.challenges[0].full = True
        assert cres_of(await world.browse(path, **do))["transStatus"] == "N"
        assert world.results[0]["transStatusReason"] == "22"


async def test_nothing_of_a_card_is_kept_and_nothing_secret_once_it_is_over() -> None:
    world = World()
    _, path, code = await to_the_code(world)
    (row,) = world.challenges[0].rows.values()
    assert code.encode() in row
    await world.browse(path, code=code, do="confirm")
    value = world.results[0]["authenticationValue"].encode()
    (after,) = world.challenges[0].rows.values()
    for text in (row, after):
        assert w.CHALLENGED.encode() not in text
        assert b"cardExpiryDate" not in text
    assert value in row
    assert value not in after
    assert code.encode() not in after


async def test_only_so_many_are_kept() -> None:
    world = World(ChallengeLimits(kept=2))
    answers = [await outcome(world, w.CHALLENGED) for _ in range(3)]
    assert list(world.challenges[0].rows) == [answer["acsTransID"] for answer in answers[1:]]


def passed(name: str) -> Passed:
    return Passed(ds_trans_id=name, server_url="https://x.example/", trans_id="t", acs_trans_id="a")


async def test_a_file_keeps_what_was_put_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "state" / "directory.sqlite"
    file = KeptFile(path, Passed)
    for name in ("b", "a", "c"):
        await file.put(name, passed(name))
    changed = msgspec.structs.replace(passed("b"), trans_id="other")
    await file.put("b", changed)
    await file.drop(["c"])
    assert path.stat().st_mode & 0o777 == 0o600
    again = KeptFile(path, Passed)
    assert again.read() == [changed, passed("a")]
    file.close()
    again.close()


def challenge(path: Path) -> KeptFile[Challenge]:
    return KeptFile(path, Challenge)


@pytest.mark.parametrize("wrong", ["text", "foreign", "newer", "row"])
async def test_a_file_that_cannot_be_read_is_said_not_guessed(wrong: str, tmp_path: Path) -> None:
    path = tmp_path / "acs-atlas.sqlite"
    if wrong == "text":
        path.write_text("not a database" * 100)
    else:
        challenge(path).close()
        change = {
            "foreign": "PRAGMA application_id = 1",
            "newer": "PRAGMA user_version = 9",
            "row": "INSERT INTO kept (key, body) VALUES ('x', '{}')",
        }[wrong]
        with closing(sqlite3.connect(path, isolation_level=None)) as db:
            db.execute(change)
    told = r"acs-atlas\.sqlite: cannot be used: .*; end what uses it and move it away"
    with pytest.raises(KeepingError, match=told), closing(challenge(path)) as file:
        file.read()
