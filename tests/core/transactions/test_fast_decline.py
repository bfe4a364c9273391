"""Refusals by the bytes of their requests: what a plan holds for, and what is never learned."""

from collections.abc import Container

from switch.core.records.records import Key
from switch.core.records.refusals import Alike, Shared
from switch.core.transactions.fast_decline import FastDecline, Group
from switch.wire import Dialect
from switch.wire.framing import FRAMINGS, frames_alike, make_framing
from switch.wire.vocabulary import Document
from tests.core.scripts import purchase

CMI87 = Dialect.load("cmi87")
OTHERWISE = ["base1", "stxetx", "gzip", "length2-etx"]
"""framings with more than a header; the first is for messages that begin with one of their own"""


def refusal(request: Document) -> Document:
    return {de: v for de, v in request.items() if de in ("3", "7", "11", "32", "37", "41", "49")} | {
        "t": "0210",
        "39": "96",
    }


class Nothing:
    """Nothing is known, of anybody."""

    keys: tuple[Container[Key], Container[Key]] = (), ()

    def __init__(self) -> None:
        self.shared: list[Shared] = []

    def group_of(self, shared: Shared) -> Group:
        self.shared.append(shared)
        return Group(refused=Alike(), forgotten=False)


def refused_by(fast_decline: FastDecline, *requests: bytes) -> list[bytes]:
    """The refusals of these requests, up to the first that has none."""
    done, answers = fast_decline.refuse(requests, "rif", Nothing())
    assert done == len(answers)
    return answers


def test_a_plan_holds_for_its_own_lengths_only() -> None:
    fast_decline, nothing = FastDecline(CMI87), Nothing()
    known, longer = purchase(stan="000100"), purchase(stan="000100", de32="5041021")
    fast_decline.learn(CMI87.encode(known), CMI87.encode(refusal(known)))
    assert fast_decline.refuse([CMI87.encode(known)], "rif", nothing) == (1, [CMI87.encode(refusal(known))])
    assert nothing.shared == [("rif", "2", known["7"], "504102")]
    assert refused_by(fast_decline, CMI87.encode(longer)) == []
    assert refused_by(fast_decline, CMI87.encode(known)[:-120]) == []
    assert refused_by(fast_decline, b"") == []
    assert refused_by(fast_decline, CMI87.encode(purchase(t="0201"))) == []


def test_plans_of_several_lengths_stand_beside_each_other() -> None:
    """Cards of 16 and 19 digits, institutions of six and seven, with track 2 and without, in any order on one link."""
    fast_decline = FastDecline(CMI87)
    kinds = [
        purchase(de2=pan, de32=institution, **track)
        for pan in ("9504010000000003", "9504010000000000003")
        for institution in ("504102", "5041021")
        for track in ({}, {"de35": "9504010000000003=2912101"})
    ]
    for kind in kinds:
        fast_decline.learn(CMI87.encode(kind), CMI87.encode(refusal(kind)))
    requests = [{**kind, "11": f"{n:06d}"} for n, kind in enumerate(kinds * 3)]
    refused = refused_by(fast_decline, *map(CMI87.encode, requests))
    assert refused == [CMI87.encode(refusal(request)) for request in requests]


def test_a_refusal_has_the_frame_of_its_link() -> None:
    request = CMI87.encode(purchase())
    for name in ("length2", "length4-inclusive", "ascii4", "bcd2"):
        framing = make_framing(name)
        fast_decline = FastDecline(CMI87, framing.frame)
        fast_decline.learn(request, CMI87.encode(refusal(purchase())))
        assert refused_by(fast_decline, request) == [framing.frame(CMI87.encode(refusal(purchase())))]
        assert frames_alike(framing)
    assert [name for name in FRAMINGS if not frames_alike(make_framing(name))] == OTHERWISE


def test_an_answer_that_is_not_made_of_its_request_is_not_learned() -> None:
    fast_decline = FastDecline(CMI87)
    request = purchase()
    fast_decline.learn(CMI87.encode(request), CMI87.encode({**refusal(request), "37": "999999999999"}))
    assert refused_by(fast_decline, CMI87.encode(request)) == []


def test_a_dialect_with_a_header_or_digits_in_half_bytes_has_no_plans() -> None:
    dialect = Dialect.load("cmi87b")
    fast_decline, request = FastDecline(dialect), {**purchase(), "h": "6000010002"}
    del request["35"]
    wire = dialect.encode(request)
    fast_decline.learn(wire, dialect.encode({**refusal(request), "h": "6000020001"}))
    assert refused_by(fast_decline, wire) == []
