"""Store-and-forward whatever happens: issuers that refuse, fall silent and leave, operators, crashes, in any order."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from switch.core.records.records import Delivered, Owed
from switch.sim.playbook import Peer, Playbook
from switch.wire.vocabulary import Document
from tests.core.saf.test_forwarder import completion, network
from tests.core.scripts import purchase, reversal

FRESH = Playbook(network({"owed_in_flight": 2, "snapshot_records": 15}, owed_tries_max=1, owed_per_second=20))
"""made once, for what it costs to load"""


class Story:
    """An issuer, an acquirer and an operator, and what must be true of what passes between them."""

    def __init__(self) -> None:
        self.book = FRESH.crashes()
        self.rif = self.book.acquirer("acquirers", "504102")
        self.atlas: Peer | None = self.book.host("atlas")
        self.waiting: list[Document] = []
        """what the issuer has read and not answered"""
        self.stan = 900

    def asks(self, payment: int) -> None:
        """The acquirer completes a payment that the switch does not know, or takes it back."""
        self.stan += 1
        make = (completion, reversal)[self.stan % 2]
        self.rif.sends(make(purchase(stan=f"{payment:06d}"), f"{self.stan:06d}"))
        assert self.rif.gets()["39"] == "00"
        self.reads()

    def reads(self) -> None:
        """The issuer reads; what comes first of a message must not come before its turn."""
        while self.atlas is not None and not self.atlas.got_nothing():
            message = self.atlas.gets()
            if message["t"][1] == "8":
                self.atlas.answers(message, de70=message["70"])
                continue
            names = (message["37"], message["11"], message["7"])
            for entry in self.undelivered():
                if (entry.message["37"], entry.message["11"], entry.message["7"]) == names:
                    break
                assert entry.message["37"] != message["37"], "it came before an earlier one was acknowledged"
            self.waiting.append(message)

    def undelivered(self) -> list[Owed]:
        delivered = {entry.txn for entry in self.book.recorded(Delivered)}
        return [e for e in self.book.entries if isinstance(e, Owed) and e.txn not in delivered]

    def answers(self, nth: int, de39: str = "00") -> None:
        if self.atlas is None or not self.waiting:
            return
        message = self.waiting.pop(nth % len(self.waiting))
        self.atlas.answers(message, de39)
        self.reads()

    def refuses(self, nth: int) -> None:
        self.answers(nth, "91")

    def leaves(self, _: int) -> None:
        if self.atlas is not None:
            self.atlas.hangs_up()
            self.atlas, self.waiting = None, []

    def comes(self, _: int) -> None:
        if self.atlas is None:
            self.atlas = self.book.host("atlas")
            self.reads()

    def passes(self, seconds: int) -> None:
        self.book.passes(seconds)
        if self.atlas is not None and self.atlas.closed:  # an echo test that it did not answer
            self.atlas, self.waiting = None, []
        self.reads()

    def crashes(self, _: int) -> None:
        self.book = self.book.crashes()
        self.atlas, self.waiting = None, []
        self.rif = self.book.acquirer("acquirers", "504102")

    def operates(self, command: str, **arguments: Any) -> None:
        self.book.asks(command, **arguments)
        self.reads()

    def holds(self, _: int) -> None:
        self.operates("saf.hold", name="atlas")

    def releases(self, _: int) -> None:
        self.operates("saf.release", name="atlas")

    def retries(self, _: int) -> None:
        self.operates("saf.retry", all=True)

    def nothing_is_gone(self) -> None:
        state = self.book.switch.state
        assert list(state.owed) == [entry.txn for entry in self.undelivered()]
        assert state.shelved.keys() <= state.owed.keys()
        assert len(self.book.switch.forwarder.queues["atlas"]) == len(state.owed)


STEP = st.one_of(
    st.tuples(st.just("asks"), st.integers(1, 3)),
    st.tuples(st.just("asks"), st.integers(1, 3)),
    st.tuples(st.sampled_from(["answers", "refuses"]), st.integers(0, 5)),
    st.tuples(st.just("answers"), st.integers(0, 5)),
    st.tuples(st.just("passes"), st.integers(1, 40)),
    st.tuples(st.sampled_from(["leaves", "comes", "comes", "crashes", "holds", "releases", "retries"]), st.just(0)),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(STEP, max_size=40))
def test_what_is_owed_is_acknowledged_held_or_dead_and_never_overtakes(steps: list[tuple[str, int]]) -> None:
    story = Story()
    for step, number in steps:
        getattr(story, step)(number)
        story.nothing_is_gone()
    story.releases(0)
    for _ in range(3 * len(story.undelivered()) + 3):
        story.comes(0)
        story.retries(0)
        story.passes(1)
        while story.waiting:
            story.answers(0)
    assert not story.book.switch.state.owed
