"""Playbooks: the switch approves small payments itself while an issuer is away, and tells the issuer when it is back."""

import msgspec
import pytest

from switch.core.network import Network, StandInRule
from switch.core.records.records import Declined, Forwarded, Owed, Snapshot, StoodIn
from switch.sim.playbook import Peer, Playbook
from switch.simulators.reconciliation import journal_rows
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD, OTHER_CARD, Scene, morocco, purchase, reversal

DEBIT = StandInRule(
    product="debit", floor=300_00, cash_floor=0, per_card_count=3, per_card_amount=600_00, ecommerce=False, unverified_pin=False
)  # fmt: skip


def network(
    total: int = 50_000_00, dialect: str = "cmi87", limits: dict[str, int] | None = None, **rule: object
) -> Network:
    """Morocco, where Atlas's debit cards may be stood in for."""
    made = morocco()
    rules = (msgspec.structs.replace(DEBIT, **rule),)
    hosts = tuple(
        msgspec.structs.replace(h, standin=rules, standin_total=total, dialect=dialect) if h.name == "atlas" else h
        for h in made.hosts
    )
    return msgspec.structs.replace(made, hosts=hosts, limits=msgspec.structs.replace(made.limits, **(limits or {})))


def small(stan: str = "000123", **changes: str) -> Document:
    """A purchase of 150.00 with a chip card and no online PIN."""
    return purchase(stan, **{"de52": "", **changes})


class Away:
    """Atlas is not there; Rif's terminals pay."""

    def __init__(self, book: Playbook | None = None) -> None:
        self.book = book or Playbook(network())
        self.rif = self.book.acquirer("acquirers", "504102")

    def pays(self, document: Document) -> Document:
        self.rif.sends(document)
        return self.rif.gets()

    def returns(self) -> Peer:
        return self.book.host("atlas")


def test_a_small_purchase_is_approved_and_its_issuer_told_when_it_is_back() -> None:
    scene = Away()
    sent = small()
    answer = scene.pays(sent)
    assert (answer["t"], answer["39"], answer["4"]) == ("0210", "00", sent["4"])
    assert answer["38"].startswith("S")
    assert answer["48"] == "60041003", "the mark: approved by the switch, the issuer was unavailable"

    advice = scene.returns().gets()
    assert (advice["t"], advice["39"], advice["38"], advice["48"]) == ("0120", "00", answer["38"], "60041003")
    assert {de: advice[de] for de in ("2", "3", "4", "12", "13", "32", "37", "41", "42", "43", "49")} == {
        de: sent[de] for de in ("2", "3", "4", "12", "13", "32", "37", "41", "42", "43", "49")
    }
    assert advice["90"][:31] == "0200" + sent["11"] + sent["7"] + "00000504102", "DE90 names the request it tells of"
    assert "35" not in advice


def test_hop_and_record_say_that_it_was_stood_in_for() -> None:
    scene = Away()
    scene.pays(small())
    hop = scene.book.hops[-1]
    assert (hop.event, hop.route, hop.de39) == ("hop.sent", "stand-in", "00")
    assert hop.note == "stand-in for debit: host atlas is not signed on"
    (record,) = scene.book.recorded(StoodIn)
    assert isinstance(record, StoodIn)
    assert (record.product, record.request.route, record.advice.reason) == ("debit", "stand-in", "stand-in")
    assert record.advice.original == record.txn
    assert not scene.book.recorded(Forwarded)
    assert small()["35"] not in repr(scene.book.entries)
    (log,) = scene.book.logged("standin.approved")
    assert log.fields["product"] == "debit"


def test_an_issuer_of_the_1993_edition_is_told_the_reason_in_de25() -> None:
    scene = Away(Playbook(network(dialect="iso93")))
    assert scene.pays(small())["39"] == "00"
    atlas = scene.returns()
    advice = atlas.gets()
    raw = atlas._raw[advice["11"], advice["7"]]
    assert (raw["t"], raw["25"], raw["39"], raw["56"][:10]) == ("1120", "1003", "000", "1200000123")


def test_neither_approval_nor_advice_leaves_before_the_record_is_durable() -> None:
    scene = Away()
    scene.book.journal_holds()
    scene.rif.sends(small())
    atlas = scene.returns()
    assert scene.rif.got_nothing()
    assert atlas.got_nothing()
    scene.book.journal_flushes()
    assert scene.rif.gets()["39"] == "00"
    assert atlas.gets()["t"] == "0120"


def test_without_rules_nothing_is_stood_in_for() -> None:
    scene = Away(Playbook(morocco()))
    assert scene.pays(small())["39"] == "91"
    assert scene.book.hops[-1].note == "host atlas is not signed on"


@pytest.mark.parametrize(
    ("rule", "changes", "why"),
    [
        ({}, {"de4": "000000030001"}, "above floor of 300.00 MAD for product debit"),
        ({}, {"de4": "000000000000"}, "above floor"),
        ({}, {"de3": "010000"}, "above cash_floor of 0.00 MAD"),
        ({"cash_floor": 100_00}, {"de3": "010000"}, "above cash_floor of 100.00 MAD"),
        ({}, {"de3": "090000"}, "transaction type 09"),
        ({}, {"de3": "200000"}, "transaction type 20"),
        ({}, {"de3": "310000"}, "transaction type 31"),
        ({}, {"de3": "380000"}, "transaction type 38"),
        ({}, {"de49": "978"}, "currency 978"),
        ({}, {"de37": ""}, "without DE37"),
        ({}, {"de52": "0123456789ABCDEF"}, "only its issuer can verify the PIN"),
        ({}, {"de22": "012"}, "the card was not read (DE22 012)"),
        ({}, {"de22": ""}, "the card was not read (DE22 absent)"),
        ({}, {"de22": "812", "de48": "4202054328" + "A" * 28}, "without `ecommerce`"),
        ({"ecommerce": True}, {"de22": "812", "de48": "420207"}, "not authenticated"),
        ({}, {"de14": "2510"}, "the card has expired (2510"),
        ({}, {"de14": "", "de35": small()["35"].replace("=2912", "=2510")}, "the card has expired (2510"),
        ({}, {"de35": small()["35"].replace("=2912", "=2510")}, "the card has expired (2510"),
        ({}, {"de14": "", "de35": ""}, "nothing says until when the card is valid"),
        ({}, {"de14": "", "de35": small()["35"].replace("=2912", "==")}, "nothing says until when the card is valid"),
        ({"product": "credit"}, {}, "no stand-in for product debit"),
    ],
)
def test_what_is_its_issuers_to_decide_is_declined_and_says_why(
    rule: dict[str, object], changes: dict[str, str], why: str
) -> None:
    scene = Away(Playbook(network(**rule)))  # type: ignore[arg-type]
    assert scene.pays(small(**changes))["39"] == "91"
    (declined,) = scene.book.recorded(Declined)
    assert isinstance(declined, Declined)
    assert why in declined.reason, declined.reason
    assert scene.returns().got_nothing()


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        ({"cash_floor": 150_00}, {"de3": "010000"}),
        ({"unverified_pin": True}, {"de52": "0123456789ABCDEF"}),
        ({"ecommerce": True}, {"de22": "812", "de48": "4202054328" + "A" * 28, "de35": ""}),
        ({}, {"t": "0100", "de25": "06"}),
        ({}, {"de14": ""}),
        ({}, {"de4": "000000030000"}),
    ],
)
def test_what_its_rule_allows_is_approved(rule: dict[str, object], changes: dict[str, str]) -> None:
    scene = Away(Playbook(network(**rule)))  # type: ignore[arg-type]
    assert scene.pays(small(**changes))["39"] == "00"
    assert scene.returns().gets()["t"] == "0120"


def test_a_payment_that_a_card_network_brings_is_left_to_the_network() -> None:
    book = Playbook(network())
    visa = book.host("visa")
    visa.sends(
        small(
            de2="455041010000000" + luhn_digit("455041010000000"),
            de32="400001",
            de19="250",
            de43="BOULANGERIE              LYON         FR",
        )
    )
    assert visa.gets()["39"] == "91"
    assert "which stands in for issuers itself" in book.hops[-1].note


def test_a_request_that_has_left_is_never_stood_in_for() -> None:
    scene = Scene(Playbook(network()))
    scene.rif.sends(small())
    scene.atlas.gets()
    scene.book.passes(10)
    assert scene.rif.gets()["39"] == "91"
    scene.rif.sends(small("000124"))
    scene.atlas.hangs_up()
    assert scene.rif.gets()["39"] == "91"
    assert not scene.book.recorded(StoodIn)


def test_a_repeat_that_may_have_left_before_a_crash_is_taken_back_and_not_stood_in_for() -> None:
    scene = Away()
    assert scene.pays(small(t="0201"))["39"] == "91"
    assert scene.returns().gets()["t"] == "0420"


def test_a_host_with_too_much_pending_is_there_and_is_not_stood_in_for() -> None:
    made = network()
    hosts = tuple(msgspec.structs.replace(h, max_pending=1) for h in made.hosts)
    scene = Scene(Playbook(msgspec.structs.replace(made, hosts=hosts)))
    scene.rif.sends(small())
    scene.rif.sends(small("000124"))
    assert scene.rif.gets()["39"] == "91"


# -- counters


def test_a_card_has_so_many_payments_and_so_much_in_24_hours() -> None:
    scene = Away()
    stans = (f"{n:06d}" for n in range(1, 100))
    assert [scene.pays(small(next(stans)))["39"] for _ in range(4)] == ["00", "00", "00", "91"]
    assert "per_card_count=3" in scene.book.hops[-1].note
    assert scene.pays(small(next(stans), de2=OTHER_CARD, de4="000000030000"))["39"] == "00"
    assert scene.pays(small(next(stans), de2=OTHER_CARD, de4="000000030000"))["39"] == "00"
    assert scene.pays(small(next(stans), de2=OTHER_CARD, de4="000000000100"))["39"] == "91"
    assert "per_card_amount of 600.00 MAD in 24 hours: 600.00 MAD so far" in scene.book.hops[-1].note
    scene.book.passes(86_401)
    later = Away(scene.book)
    assert later.pays(small(next(stans), de7="1126120001"))["39"] == "00"


def test_an_issuer_is_exposed_to_so_much_until_it_has_been_told() -> None:
    scene = Away(Playbook(network(total=300_00)))
    assert scene.pays(small("000001"))["39"] == "00"
    assert scene.pays(small("000002", de2=OTHER_CARD))["39"] == "00"
    assert scene.pays(small("000003"))["39"] == "91"
    (reached,) = scene.book.logged("standin.limit")
    assert reached.fields["hint"] == "raise standin_total in [[host]] atlas of the network file"
    atlas = scene.returns()
    atlas.answers(atlas.gets(), "00")
    atlas.hangs_up()
    assert scene.pays(small("000004"))["39"] == "00"
    assert scene.pays(small("000005"))["39"] == "91"


def test_memory_of_stand_in_is_bounded() -> None:
    scene = Away(Playbook(network(limits={"standin_payments": 2})))
    assert [scene.pays(small(f"{n:06d}"))["39"] for n in (1, 2, 3)] == ["00", "00", "91"]
    assert scene.book.logged("standin.limit")[-1].fields["limit"] == "standin_payments"


def test_counters_survive_a_crash() -> None:
    scene = Away()
    for n in (1, 2, 3):
        assert scene.pays(small(f"{n:06d}"))["39"] == "00"
    book = scene.book.crashes()
    book.passes(5)
    after = Away(book)
    assert after.pays(small("000004", de7="1125120004"))["39"] == "91"
    assert book.switch.state.standin_counters == scene.book.switch.state.standin_counters
    assert book.switch.state.standin_counters.unadvised == {"atlas": 450_00}


def test_counters_and_advices_survive_a_snapshot() -> None:
    made = network(limits={"snapshot_records": 2})
    scene = Away(Playbook(made))
    for n in (1, 2):
        assert scene.pays(small(f"{n:06d}"))["39"] == "00"
    at = max(n for n, entry in enumerate(scene.book.entries) if isinstance(entry, Snapshot))
    tail = Playbook(made, scene.book.entries[at:])
    assert tail.switch.state.standin_counters == scene.book.switch.state.standin_counters
    assert [tail.host("atlas").gets()["t"]] == ["0120"]


# -- what follows


@pytest.mark.parametrize("mti", ["0200", "0201"])
def test_a_repeat_gets_the_same_answer_and_counts_once(mti: str) -> None:
    scene = Away()
    sent = small()
    first = scene.pays(sent)
    again = scene.pays({**sent, "t": mti})
    assert {de: again[de] for de in ("39", "38", "48")} == {de: first[de] for de in ("39", "38", "48")}
    assert len(scene.book.recorded(StoodIn)) == 1
    after = Away(scene.book.crashes())
    assert after.pays({**sent, "t": "0201"})["38"] == first["38"]


@pytest.mark.parametrize("when", ["before the advice", "while it is under way", "after it"])
def test_its_reversal_follows_the_advice(when: str) -> None:
    scene = Away()
    sent = small()
    code = scene.pays(sent)["38"]
    atlas = None
    if when != "before the advice":
        atlas = scene.returns()
        advice = atlas.gets()
        if when == "after it":
            atlas.answers(advice, "00")
    assert scene.pays(reversal(sent))["39"] == "00"
    if atlas is None:
        atlas = scene.returns()
        advice = atlas.gets()
    if when != "after it":
        atlas.answers(advice, "00")
    undo = atlas.gets()
    assert (undo["t"], undo["38"]) == ("0420", code)
    assert undo["90"][:20] == "0120" + advice["11"] + advice["7"], (
        "DE90 names the advice, which is all the issuer knows"
    )
    atlas.answers(undo, "00")
    assert not scene.book.switch.state.owed
    assert [(row.status, row.amount, row.owed) for row in journal_rows(scene.book.entries)] == [("reversed", 0, 0)]
    assert scene.pays({**sent, "t": "0201"})["39"] == "91"


def test_an_approval_that_did_not_reach_its_acquirer_is_reversed() -> None:
    scene = Away()
    scene.book.journal_holds()
    scene.rif.sends(small())
    scene.rif.hangs_up()
    scene.book.journal_flushes()
    owed = scene.book.recorded(Owed)
    assert [(o.reason, o.kind) for o in owed if isinstance(o, Owed)] == [("undelivered", "reversal")]
    atlas = scene.returns()
    advice = atlas.gets()
    atlas.answers(advice, "00")
    assert (advice["t"], atlas.gets()["t"]) == ("0120", "0420")


def test_a_pre_authorization_that_was_stood_in_for_is_completed() -> None:
    scene = Away()
    sent = small(t="0100", de25="06")
    code = scene.pays(sent)["38"]
    assert scene.pays(reversal(sent, t="0220", de38=code, de4="000000012000"))["39"] == "00"
    atlas = scene.returns()
    advice = atlas.gets()
    atlas.answers(advice, "00")
    completion = atlas.gets()
    assert (completion["t"], completion["4"]) == ("0220", "000000012000")
    assert completion["90"][4:20] == advice["11"] + advice["7"]


def test_the_journal_has_it_as_approved_and_owed_until_its_issuer_has_been_told() -> None:
    scene = Away()
    scene.pays(small())
    assert [(row.status, row.amount, row.de39, row.owed) for row in journal_rows(scene.book.entries)] == [
        ("approved", 150_00, "00", 1)
    ]
    atlas = scene.returns()
    atlas.answers(atlas.gets(), "00")
    assert journal_rows(scene.book.entries)[0].owed == 0
    assert ATLAS_CARD not in repr([e for e in scene.book.entries if not hasattr(e, "card")])
