"""How a party's effects leave: in order, nothing before it is durable, an answer without a link reported."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from switch.core.outbox import EVERYTHING, Outbox, Ports
from switch.core.party import Close, Hop, LinkId, Log, Record, Send

OFFSET_NS = 1_000_000


def hop_named(note: str) -> Hop:
    return Hop(
        event="hop.sent", txn=1, link="pos#1", mti="0210", stan="", rrn="", pan="", amount=0, currency="", route="", de39="",
        cost=0, at_ns=40, first_ns=0, note=note,
    )  # fmt: skip


class World:
    """Notes what reaches each port; `gone` are links that there are no more."""

    def __init__(self, durable: int = 0) -> None:
        self.done: list[tuple[Any, ...]] = []
        self.gone: set[LinkId] = set()
        self.outbox = Outbox(self.ports(), durable)

    def ports(self) -> Ports:
        return Ports(
            send=self._send,
            record=lambda position, entry: self.done.append(("record", position, entry)),
            hop=lambda hop, at_ns, wall_ns: self.done.append(("hop", hop.note, at_ns, wall_ns)),
            sent=lambda hop, at_ns, wall_ns: self.done.append(("sent", hop.note, at_ns, wall_ns)),
            log=lambda log, wall_ns: self.done.append(("log", log.event, wall_ns)),
            close=lambda close, now: self.done.append(("close", close.link)),
            undelivered=lambda link, txn, now: self.done.append(("undelivered", link, txn, now)),
        )

    def _send(self, send: Send) -> bool:
        if send.link in self.gone:
            return False
        self.done.append(("send", send.data))
        return True

    def carry_out(self, *effects: Any, now: int = 50) -> None:
        self.outbox.carry_out(effects, now, OFFSET_NS)

    def release(self, position: int, now: int = 90) -> None:
        self.outbox.release(position, now, OFFSET_NS)

    def left(self) -> list[bytes]:
        return [what[1] for what in self.done if what[0] == "send"]


def test_every_effect_reaches_its_port_in_the_order_it_was_appended() -> None:
    world = World()
    world.carry_out(
        hop_named("came"), Record(1, "fact"), Send("pos#1", b"one"), Log("info", "link.up", {}), Close("pos#1", "done")
    )
    assert world.done == [
        ("hop", "came", 40, 40 + OFFSET_NS), ("record", 1, "fact"), ("send", b"one"), ("log", "link.up", 50 + OFFSET_NS),
        ("close", "pos#1"),
    ]  # fmt: skip


def test_a_send_waits_for_its_record_and_later_effects_overtake_it() -> None:
    world = World()
    world.carry_out(Record(1, "fact"), Send("pos#1", b"promise", after=1), Send("pos#1", b"at once"))
    assert world.left() == [b"at once"]
    assert world.outbox.waiting == 1
    world.release(1)
    assert world.left() == [b"at once", b"promise"]
    assert world.outbox.waiting == 0


def test_its_hop_is_logged_with_the_time_at_which_the_bytes_leave() -> None:
    world = World()
    world.carry_out(Send("pos#1", b"promise", after=1, hop=hop_named("answer")), now=50)
    assert world.done == []
    world.release(1, now=90)
    assert world.done == [("send", b"promise"), ("sent", "answer", 90, 90 + OFFSET_NS)]


def test_an_answer_whose_link_is_gone_is_reported_once_it_is_durable_and_has_no_hop() -> None:
    world = World()
    world.carry_out(Send("pos#1", b"promise", after=1, txn=7, hop=hop_named("answer")))
    world.gone.add("pos#1")
    assert world.done == []
    world.release(1)
    assert world.done == [("undelivered", "pos#1", 7, 90)]


def test_what_nobody_asks_about_is_not_reported() -> None:
    world = World()
    world.gone.add("pos#1")
    world.carry_out(Send("pos#1", b"echo"))
    assert world.done == []


def test_what_was_durable_before_is_not_waited_for() -> None:
    world = World(durable=41)
    world.carry_out(Send("pos#1", b"old", after=41), Send("pos#1", b"new", after=42))
    assert world.left() == [b"old"]


def test_where_records_need_not_be_waited_for_nothing_waits() -> None:
    world = World(durable=EVERYTHING)
    world.carry_out(Send("pos#1", b"x", after=1 << 40))
    assert world.left() == [b"x"]


def test_nothing_that_waited_in_a_process_that_died_is_ever_said() -> None:
    world = World()
    world.carry_out(Send("pos#1", b"promise", after=1))
    world.outbox.drop_waiting()
    world.release(1)
    assert world.done == []


def test_a_process_that_dies_in_the_middle_of_a_release_says_no_more() -> None:
    world = World()
    world.carry_out(*(Send("pos#1", b"%d" % n, after=1, txn=n) for n in (1, 2, 3)))

    def die(link: LinkId, txn: int, now: int) -> None:
        world.outbox.drop_waiting()

    world.outbox.ports = Ports(
        send=lambda send: send.data != b"2", record=print, hop=None, sent=None, log=print, close=print, undelivered=die
    )
    world.release(1)
    assert world.outbox.waiting == 0


@given(st.lists(st.one_of(st.integers(0, 12), st.none()), max_size=40), st.lists(st.integers(0, 12), max_size=12))
def test_nothing_leaves_early_twice_or_out_of_its_turn_and_in_the_end_all_of_it_has(
    wanted: list[int | None], flushes: list[int]
) -> None:
    """`wanted`: what a send waits for; None: a flush comes between two batches, of the next position in `flushes`."""
    world, rising, appended = World(), iter(sorted(flushes)), []
    for n, after in enumerate(wanted):
        if after is None:
            world.release(next(rising, world.outbox.durable))
        else:
            due, data = after <= world.outbox.durable, b"%d" % n
            before = len(world.left())
            world.carry_out(Send("pos#1", data, after=after))
            assert (world.left()[before:] == [data]) == due
            appended.append((data, after))
        held = [after for data, after in appended if data not in world.left()]
        assert world.outbox.waiting == len(held)
        assert not held or held[0] > world.outbox.durable, "the first that waits has a reason to"
    waited = [data for data, after in appended if data not in world.left()]
    before = len(world.left())
    world.release(12)
    assert world.left()[before:] == waited
    assert sorted(world.left()) == sorted(data for data, _ in appended)
