"""Playbooks: what one shard may have of a host that each shard reaches, and what it says where that is used up."""

from collections.abc import Iterator

import msgspec
import pytest

from switch.core.network import HostLink, StandInRule
from switch.core.shards import of_shard
from switch.sim.playbook import Peer, Playbook
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import Answer, Document
from tests.core.scripts import ATLAS_CARD, purchase, reversal
from tests.sharded import morocco_sharded

SOUSS_CARD = "950403000000001" + luhn_digit("950403000000001")
PART = "(each of 2 shards has an equal part)"
STANDS_IN = StandInRule(
    product="debit",
    floor=300_00,
    cash_floor=0,
    per_card_count=100,
    per_card_amount=9_000_00,
    ecommerce=False,
    unverified_pin=False,
)


class Shard:
    """Shard b, some hosts of which have other bounds, and Rif's acquiring host."""

    def __init__(self, host: dict[str, object] | None = None, **limits: int) -> None:
        whole = morocco_sharded()

        def changed(one: HostLink) -> HostLink:
            return msgspec.structs.replace(one, **(host or {})) if one.name in ("atlas", "souss") else one

        whole = msgspec.structs.replace(
            whole,
            hosts=tuple(map(changed, whole.hosts)),
            limits=msgspec.structs.replace(whole.limits, **limits),
        )
        self.book = Playbook(of_shard(whole, "b"))
        self.rif = self.book.acquirer("acquirers-b", "504102")
        self.stans = iter(f"{n:06d}" for n in range(1, 1_000))

    def pays(self, card: str) -> Document:
        return self.asks(purchase(next(self.stans), de2=card, de52=""))

    def asks(self, document: Document) -> Document:
        self.rif.sends(document)
        return self.rif.gets()

    def approved(self, host: Peer, card: str) -> Document:
        """A payment that its issuer has approved."""
        document = purchase(next(self.stans), de2=card, de52="")
        self.rif.sends(document)
        host.answers(host.gets(), de38="123456")
        assert self.rif.gets()["39"] == Answer.APPROVED
        return document


def all_of(peer: Peer) -> Iterator[Document]:
    while not peer.got_nothing():
        yield peer.gets()


@pytest.mark.parametrize(("host", "card", "at_once"), [("atlas", ATLAS_CARD, 2), ("souss", SOUSS_CARD, 4)])
def test_of_what_is_owed_to_a_host_that_each_reaches_a_part_is_in_flight(host: str, card: str, at_once: int) -> None:
    shard = Shard(owed_in_flight=4)
    issuer = shard.book.host(host)
    payments = [shard.approved(issuer, card) for _ in range(6)]
    for payment in payments:
        assert shard.asks(reversal(payment, next(shard.stans)))["39"] == Answer.APPROVED
    shard.book.passes(1)
    sent = list(all_of(issuer))
    assert len(sent) == at_once
    issuer.answers(sent[0])
    shard.book.passes(1)
    assert len(list(all_of(issuer))) == 1, "one answered gives its place to the next"


def test_a_host_that_has_a_shards_part_of_what_waits_says_that_it_is_a_part() -> None:
    shard = Shard({"max_pending": 3})
    shard.book.host("atlas")
    shard.rif.sends(purchase(next(shard.stans)))
    assert shard.pays(ATLAS_CARD)["39"] == Answer.ISSUER_INOPERATIVE
    (reached,) = shard.book.logged("limit.reached")
    assert (reached.fields["value"], reached.fields["hint"]) == (
        1,
        f"raise max_pending in [[host]] atlas of the network file {PART}",
    )


@pytest.mark.parametrize(
    ("rule", "total", "approved", "said"),
    [
        ({"per_card_count": 5}, 1_000_00, 2, "the card has had per_card_count=2 in 24 hours"),
        (
            {"per_card_amount": 900_00},
            1_000_00,
            3,
            "above per_card_amount of 450.00 MAD in 24 hours: 450.00 MAD so far",
        ),
        ({}, 700_00, 2, "limit standin_total=35000 reached"),
    ],
)
def test_stand_in_for_an_issuer_that_each_reaches_is_divided_and_says_so(
    rule: dict[str, object], total: int, approved: int, said: str
) -> None:
    shard = Shard({"standin": (msgspec.structs.replace(STANDS_IN, **rule),), "standin_total": total})
    assert [shard.pays(ATLAS_CARD)["39"] for _ in range(approved + 1)] == ["00"] * approved + ["91"]
    assert shard.book.hops[-1].note.endswith(f"{said} {PART}")


def test_stand_in_for_an_issuer_that_it_owns_is_whole() -> None:
    rule = msgspec.structs.replace(STANDS_IN, per_card_count=5)
    shard = Shard({"standin": (rule,), "standin_total": 1_000_00})
    assert [shard.pays(SOUSS_CARD)["39"] for _ in range(6)] == ["00"] * 5 + ["91"]
    assert shard.book.hops[-1].note.endswith("the card has had per_card_count=5 in 24 hours")
