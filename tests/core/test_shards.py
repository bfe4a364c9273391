"""Playbooks: one shard of a network, as hosts, acquirers and other shards see it."""

import msgspec
import pytest

from switch.core.network import HostLink, Network, StandInRule
from switch.core.operator.command import Unable
from switch.core.records.day_records import Cutover
from switch.core.records.numbers import shard_of, stans_of, txn_of
from switch.core.records.records import Forwarded, Owed
from switch.core.routing.routing import Router
from switch.core.shards import PEER_LISTENER, called, divided, is_passed_on, of_shard
from switch.ledger.fold import LedgerFold
from switch.sim.playbook import Peer, Playbook
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import DE, Answer, Document
from tests.core.scripts import VISA_ABROAD, purchase, reversal
from tests.sharded import morocco_sharded

SOUSS_CARD = "950403000000001" + luhn_digit("950403000000001")


def of(shard: str) -> Network:
    return of_shard(morocco_sharded(), shard)


def host_of(network: Network, name: str) -> HostLink:
    return next(host for host in network.hosts if host.name == name)


def owner() -> tuple[Playbook, Peer, Peer]:
    """Shard a, which owns Visa: Visa, and shard b where it passes on to it."""
    book = Playbook(of("a"))
    visa = book.host("visa")
    guest = next(member for member in book.network.members if member.name == "shard-b-visa")
    return book, visa, book.acquirer(PEER_LISTENER, guest.institution)


def other() -> tuple[Playbook, Peer, Peer]:
    """Shard b, which passes on to shard a what is for Visa: that one, and Rif's acquiring host."""
    book = Playbook(of("b"))
    return book, book.host("visa"), book.acquirer("acquirers-b", "504102")


def ledger(book: Playbook) -> LedgerFold:
    found = LedgerFold("504")
    for number, entry in enumerate(book.entries, 1):
        found.fold(number, entry)
    return found


def test_a_switch_without_shards_numbers_as_ever() -> None:
    book = Playbook(morocco_sharded())
    switch = book.switch
    assert switch.stans == stans_of(0) == (1, 999_999)
    assert [switch.next_txn(book.now) - switch.next_txn(book.now) for _ in range(2)] == [-1, -1]


def test_the_numbers_of_a_shard_are_its_own_whatever_the_clock_says() -> None:
    book, visa, rif = other()
    rif.sends(purchase("000001", de2=VISA_ABROAD))
    rif.sends(purchase("000002", de2=VISA_ABROAD))
    asked = [visa.gets(), visa.gets()]
    assert [request[DE.STAN] for request in asked] == ["200000", "200001"]
    forwarded = book.recorded(Forwarded)
    assert [shard_of(entry.txn) for entry in forwarded] == [2, 2]
    assert forwarded[0].txn < forwarded[1].txn
    assert txn_of(2, 1_000, before=2_000_003) == 2_000_018, (
        "a clock that was set back, a journal from before there were shards"
    )


def test_de11_goes_round_within_the_span_of_the_shard() -> None:
    book, visa, rif = other()
    book.switch.state.stans["visa"] = 299_999
    rif.sends(purchase(de2=VISA_ABROAD))
    assert visa.gets()[DE.STAN] == "200000"


def test_a_member_of_another_shard_does_not_sign_on() -> None:
    book = Playbook(of("b"))
    atlas = book.acquirer("acquirers-b", "504101", sign_on=False)
    atlas.sends({"t": "0800", "7": "1125120000", "11": "000001", "32": "504101", "70": "001"})
    assert atlas.gets()[DE.RESPONSE_CODE] == Answer.NOT_PERMITTED_TERMINAL
    (refused,) = book.logged("link.sign_on_refused")
    assert refused.fields["reason"] == "atlas is in shard a, and this is shard b"
    assert "connects to a [[listener]] of shard a" in refused.fields["hint"]


def test_what_is_passed_on_comes_back_and_is_settled_where_its_acquirer_is() -> None:
    """The same payment, its repeat, and its reversal, in both shards."""
    b, to_owner, rif = other()
    a, visa, from_b = owner()
    first = purchase(de2=VISA_ABROAD)
    rif.sends(first)
    passed = to_owner.gets()
    assert passed[DE.FORWARDER] == passed[DE.ACQUIRER][:3] + "000"
    from_b.sends(passed)
    visa.answers(visa.gets(), de38="123456")
    to_owner.sends(from_b.gets())
    assert rif.gets()[DE.RESPONSE_CODE] == Answer.APPROVED
    rif.sends(first)
    assert rif.gets()[DE.RESPONSE_CODE] == Answer.APPROVED, "answered by its own shard, as before"
    assert to_owner.got_nothing()
    assert [entry.key[0] for entry in (*b.recorded(Forwarded), *a.recorded(Forwarded))] == ["rif", "shard-b-visa"]
    assert ledger(b).positions
    assert not ledger(a).positions

    rif.sends(reversal(first))
    assert rif.gets()[DE.RESPONSE_CODE] == Answer.APPROVED
    undone = to_owner.gets()
    from_b.sends(undone)
    at_visa = visa.gets()
    visa.answers(at_visa)
    accepted = from_b.gets()
    to_owner.sends(accepted)
    assert [entry.original for entry in a.recorded(Owed)] == [a.recorded(Forwarded)[0].txn]
    assert not ledger(a).positions
    assert ledger(b).positions == ledger(undivided(first)).positions


def test_what_was_passed_on_is_claimed_back_in_the_shard_where_it_stands() -> None:
    a, visa, from_b = owner()
    _, to_owner, rif = other()
    rif.sends(purchase(de2=VISA_ABROAD))
    from_b.sends(to_owner.gets())
    visa.answers(visa.gets(), de38="123456")
    (request,) = a.recorded(Forwarded)
    about = {"txn": f"{request.txn:x}", "acquirer": request.key[0], "rrn": request.elements[DE.RRN]}
    with pytest.raises(Unable, match="passed on by shard-b-visa, in whose journal it stands"):
        a.asks("disputes.open", **about, reason="10.4", by="tests")


def undivided(first: Document) -> Playbook:
    """The same payment and its reversal in a network without shards."""
    book = Playbook(morocco_sharded())
    visa, rif = book.host("visa"), book.acquirer("acquirers-b", "504102")
    for message in (first, reversal(first)):
        rif.sends(message)
        visa.answers(visa.gets(), de38="123456")
        assert rif.gets()[DE.RESPONSE_CODE] == Answer.APPROVED
    return book


def test_the_owner_takes_messages_of_any_acquirer_from_another_shard_and_of_its_members_only_from_others() -> None:
    book, visa, from_b = owner()
    from_b.sends(purchase(de2=VISA_ABROAD, de32="999999"))
    assert visa.gets()[DE.FORWARDER] == "504000"
    atlas = book.acquirer("acquirers", "504101")
    atlas.sends(purchase("000002", de2=VISA_ABROAD, de32="999999"))
    assert atlas.gets()[DE.RESPONSE_CODE] == Answer.NOT_PERMITTED_TERMINAL


def test_a_shard_signs_on_at_the_owner_by_a_name_for_each_host() -> None:
    network = of("b")
    book = Playbook(network)
    at_owner = book.host("visa", sign_on=False)
    assert at_owner.gets()[DE.ACQUIRER] == host_of(network, "visa").passed_by
    plain = book.host("rif", sign_on=False)
    assert plain.gets()[DE.ACQUIRER] == network.institution
    shards = morocco_sharded().shards
    names = [called(shard, host) for shard in shards for host in ("visa", "mastercard", "souss")]
    assert len(set(names)) == len(names)
    assert all(len(name) == 11 for name in names)


def test_a_close_of_the_business_day_goes_from_shard_to_shard_once() -> None:
    a, visa, from_b = owner()
    visa.sends({"t": "0800", "7": a.switch.de7(a.now), "11": "000077", "32": "400000", "70": "201", "15": "1126"})
    told = from_b.gets()
    assert (told[DE.NETWORK_CODE], told[DE.SETTLEMENT_DATE]) == ("201", "1126")
    b, to_owner, _ = other()
    to_owner.sends({**told, DE.STAN: "100001"})
    assert [(each.day, each.by) for each in b.recorded(Cutover)] == [("2025-11-26", "visa")]
    from_b.sends({**told, DE.STAN: "200001", DE.ACQUIRER: host_of(b.network, "visa").passed_by})
    assert [each.day for each in a.recorded(Cutover)] == ["2025-11-26"]
    assert a.logged("cutover.known")


def test_a_close_that_begins_in_another_shard_is_taken_from_it() -> None:
    a, _, from_b = owner()
    from_b.sends({"t": "0800", "7": a.switch.de7(a.now), "11": "200001", "32": "504000", "70": "201", "15": "1126"})
    assert [(each.day, each.by) for each in a.recorded(Cutover)] == [("2025-11-26", "shard-b-visa")]


def test_what_counts_in_each_shard_is_divided_and_what_one_owns_is_whole() -> None:
    rule = StandInRule(
        product="debit",
        floor=100_00,
        cash_floor=0,
        per_card_count=5,
        per_card_amount=600_00,
        ecommerce=False,
        unverified_pin=False,
    )
    host = msgspec.structs.replace(
        host_of(morocco_sharded(), "rif"),
        standin=(rule,),
        standin_total=50_000_00,
        max_pending=4_001,
        owed_per_second=5,
    )
    part = divided(host, 2)
    assert (part.standin[0].per_card_count, part.standin[0].per_card_amount) == (2, 300_00)
    assert (part.standin_total, part.max_pending, part.owed_per_second) == (25_000_00, 2_000, 2)
    whole = morocco_sharded()
    assert host_of(of("a"), "visa") == host_of(whole, "visa")
    passing = host_of(of("b"), "visa")
    assert passing.connect == whole.shards[0].address
    assert passing.timeout_ms == host_of(whole, "visa").timeout_ms + 1_000


@pytest.mark.parametrize("shard", ["a", "b"])
def test_cards_lead_to_the_same_hosts_in_each_shard(shard: str) -> None:
    whole, part = Router(morocco_sharded()), Router(of(shard))
    assert [part.usual_host(card) for card in (VISA_ABROAD, SOUSS_CARD)] == ["visa", "souss"]
    assert whole.usual_host(SOUSS_CARD) == "souss"


def test_files_of_a_shard_are_its_own() -> None:
    whole = msgspec.structs.replace(
        morocco_sharded(), journal=msgspec.structs.replace(morocco_sharded().journal, head_copy="/mnt/other/head.json")
    )
    part = of_shard(whole, "a")
    assert (part.state_dir, part.journal.head_copy) == ("var/morocco/a", "/mnt/other/head.a.json")


def test_only_names_of_shards_are_passed_on() -> None:
    assert [is_passed_on(name) for name in ("shard-b-visa", "rif", "")] == [True, False, False]
