"""Playbooks: the shards of one network, each with the script's hold on it, and what they pass on to one another carried between
them: links with MACs, PINs, reloads, restarts, an issuer whose owner stands in for it."""

from collections.abc import Callable
from zlib import crc32

import msgspec
import pytest

from switch.core.handover.changes import changes, obstacles
from switch.core.network import LinkKeys, Network, StandInRule
from switch.core.records.day_records import Cutover
from switch.core.records.numbers import shard_of
from switch.core.records.records import Delivered, Forwarded, Owed, StoodIn
from switch.core.shards import PEER_LISTENER, of_shard
from switch.ledger.fold import LedgerFold
from switch.security.commands import EncryptPin
from switch.security.key_blocks import Header, KeyBlock
from switch.security.module import ClearKeys, SoftwareModule
from switch.security.simulated import counted
from switch.sim.playbook import Peer, Playbook
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import DE, Answer, Document
from tests.core.scripts import VISA_ABROAD, purchase, reversal
from tests.sharded import morocco_sharded

RIF_CARD = "950402000000001" + luhn_digit("950402000000001")
SOUSS_CARD = "950403000000001" + luhn_digit("950403000000001")
REPLACE = msgspec.structs.replace


class Between:
    """What one shard passes on to the owner of a host: its own end at each, what one says carried to the other."""

    def __init__(self, shard: Playbook, owner: Playbook, host: str) -> None:
        """Both ends have signed on, the one at the owner as `core.shards.called` says."""
        config = next(one for one in shard.network.hosts if one.name == host)
        self.here, self.there = shard.host(host), owner.acquirer(PEER_LISTENER, config.passed_by)
        self.seen: list[Document] = []
        """all that was carried, either way"""

    def carry(self) -> None:
        """All that either end has to say, until both are silent."""
        while not (self.here.got_nothing() and self.there.got_nothing()):
            for mine, other in ((self.here, self.there), (self.there, self.here)):
                if not mine.got_nothing():
                    self.seen.append(message := mine.gets())
                    other.sends(message)


class Shards:
    """Three shards: Rif's acquiring host at `b`, Atlas' at `a`; Visa, which `a` owns; Souss' host, which `c` owns."""

    def __init__(
        self, changed: Callable[[Network], Network] = lambda whole: whole, module: SoftwareModule | None = None
    ) -> None:
        self.whole = changed(morocco_sharded("abc"))
        self.a, self.b, self.c = (Playbook(of_shard(self.whole, name), module=module) for name in "abc")
        self.visa, self.souss = self.a.host("visa"), self.c.host("souss")
        self.atlas, self.rif = self.a.acquirer("acquirers", "504101"), self.b.acquirer("acquirers-b", "504102")
        self.to_visa, self.to_souss = Between(self.b, self.a, "visa"), Between(self.b, self.c, "souss")
        self.stans = iter(f"{n:06d}" for n in range(1, 1_000))

    def pays(self, card: str, between: Between, host: Peer | None, **changes: str) -> tuple[Document, Document]:
        """Rif's payment and its answer. `host`: approves it; None: it is away."""
        sent = purchase(next(self.stans), de2=card, **changes)
        self.rif.sends(sent)
        between.carry()
        if host is not None:
            host.answers(host.gets(), de38="123456")
            between.carry()
        return sent, self.rif.gets()


def posted(book: Playbook) -> LedgerFold:
    found = LedgerFold("504")
    for number, entry in enumerate(book.entries, 1):
        found.fold(number, entry)
    return found


def test_two_shards_pass_on_to_a_third_the_same_de11_and_neither_gets_the_others_answer() -> None:
    """What b and c have asked of Visa at a, both by their first DE11, answered in the other order."""
    shards = Shards()
    souss, from_c = shards.c.acquirer("acquirers-c", "504103"), Between(shards.c, shards.a, "visa")
    shards.rif.sends(purchase(de2=VISA_ABROAD))
    souss.sends(purchase(de2=VISA_ABROAD, de32="504103", de4="000000020000", de41="SOU00001"))
    shards.to_visa.carry()
    from_c.carry()
    first, second = shards.visa.gets(), shards.visa.gets()
    assert first[DE.STAN] != second[DE.STAN]
    shards.visa.answers(second, de38="222222")
    shards.visa.answers(first, de38="111111")
    shards.to_visa.carry()
    from_c.carry()
    assert (shards.rif.gets()[DE.APPROVAL_CODE], souss.gets()[DE.APPROVAL_CODE]) == ("111111", "222222")
    numbers = [entry.txn for book in (shards.a, shards.b, shards.c) for entry in book.recorded(Forwarded)]
    assert sorted(shard_of(txn) for txn in numbers) == [1, 1, 2, 3]
    assert len(set(numbers)) == 4
    assert not posted(shards.a).positions, "each is settled where its acquirer is"
    assert posted(shards.b).positions
    assert posted(shards.c).positions


# -- MACs and PINs


def key(usage: str, name: str) -> KeyBlock:
    mode = "C" if usage == "M3" else "B"
    return KeyBlock(Header(version="D", usage=usage, algorithm="T", mode=mode), counted(crc32(name.encode()))(16))


KEYS = ClearKeys(
    {"a-zak": key("M3", "a-zak")} | {name: key("P0", name) for name in ("rif-zpk", "a-zpk", "visa-zpk", "other")}
)


def sealed(whole: Network) -> Network:
    """What is passed on to shard a has MACs and its PINs are under a key of its own; Rif's and Visa's are under theirs."""
    pin = LinkKeys(pin_key="visa-zpk")
    return REPLACE(
        whole,
        shards=tuple(
            REPLACE(shard, keys=LinkKeys(mac_key="a-zak", pin_key="a-zpk")) if shard.name == "a" else shard
            for shard in whole.shards
        ),
        members=tuple(REPLACE(m, keys=LinkKeys(pin_key="rif-zpk")) if m.name == "rif" else m for m in whole.members),
        hosts=tuple(REPLACE(h, pass_pin=False, keys=pin) if h.name == "visa" else h for h in whole.hosts),
    )


def test_a_pin_is_translated_at_each_shard_that_it_passes_under_macs() -> None:
    module = SoftwareModule(KEYS, counted(1))
    shards = Shards(sealed, module)

    def block(name: str) -> str:
        (reply,) = module.ask([EncryptPin(name, "4321", VISA_ABROAD)])
        return reply.value.hex().upper()

    shards.rif.sends(purchase(de2=VISA_ABROAD, de52=block("rif-zpk")))
    shards.to_visa.carry()
    request = shards.visa.gets()
    assert (shards.to_visa.seen[-1]["52"], request["52"]) == (block("a-zpk"), block("visa-zpk"))
    assert "64" not in request, "the MAC was of the link between shards"
    shards.visa.answers(request, de38="123456")
    shards.to_visa.carry()
    assert shards.rif.gets()["39"] == Answer.APPROVED


def test_what_comes_between_shards_without_its_mac_is_not_processed() -> None:
    shards = Shards(sealed, SoftwareModule(KEYS, counted(1)))
    shards.to_visa.there.sealing = None
    shards.to_visa.there.sends(purchase(de2=VISA_ABROAD, de52=""))
    assert shards.visa.got_nothing()
    assert shards.a.logged("mac.missing")


# -- stand-in at an owner


def stands_in(whole: Network) -> Network:
    """For two payments of a card of Souss, whose host `c` owns."""
    rule = StandInRule(
        product="debit",
        floor=300_00,
        cash_floor=0,
        per_card_count=2,
        per_card_amount=600_00,
        ecommerce=False,
        unverified_pin=False,
    )
    hosts = (REPLACE(h, standin=(rule,), standin_total=900_00) if h.name == "souss" else h for h in whole.hosts)
    return REPLACE(whole, hosts=tuple(hosts))


def test_an_owner_stands_in_for_its_host_whichever_shard_asks_by_one_count() -> None:
    shards = Shards(stands_in)
    of_a = Between(shards.a, shards.c, "souss")
    shards.souss.hangs_up()
    sent, answer = shards.pays(SOUSS_CARD, shards.to_souss, None, de52="")
    assert (answer["39"], answer[DE.APPROVAL_CODE][0]) == (Answer.APPROVED, "S"), "of c, and said by b to its acquirer"
    shards.atlas.sends(purchase(de2=SOUSS_CARD, de52="", de32="504101", de41="ATL00001"))
    of_a.carry()
    assert shards.atlas.gets()["39"] == Answer.APPROVED
    assert shards.pays(SOUSS_CARD, shards.to_souss, None, de52="")[1]["39"] == Answer.ISSUER_INOPERATIVE
    assert "per_card_count=2 in 24 hours" in shards.c.hops[-1].note
    assert [len(book.recorded(StoodIn)) for book in (shards.a, shards.b, shards.c)] == [0, 0, 2], "at the owner alone"

    shards.rif.sends(reversal(sent))
    assert shards.rif.gets()["39"] == Answer.APPROVED
    shards.to_souss.carry()
    souss = shards.c.host("souss")
    for _ in range(3):
        souss.answers(souss.gets())
    shards.to_souss.carry()
    assert souss.got_nothing(), "two advices, and the reversal of one of them"
    for book in (shards.b, shards.c):
        assert len(book.recorded(Delivered)) == len(book.recorded(Owed)) + len(book.recorded(StoodIn))
    assert [bool(posted(book).positions) for book in (shards.a, shards.b, shards.c)] == [True, True, False]


# -- reload and restart


def moved(whole: Network, **changes: str) -> Network:
    """Visa's host otherwise."""
    return REPLACE(whole, hosts=tuple(REPLACE(h, **changes) if h.name == "visa" else h for h in whole.hosts))


def test_a_host_that_another_shard_is_to_own_is_another_host() -> None:
    """What it approved under one shard's DE11 it would not know under another's."""
    two = morocco_sharded("ab")
    for shard in "ab":
        (obstacle,) = obstacles(of_shard(two, shard), of_shard(moved(two, shard="b"), shard))
        assert obstacle.sentence == "shard of host visa is a and would become b"
        assert "another name" in obstacle.hint
        assert not obstacles(of_shard(two, shard), of_shard(moved(two, shard="b", name="visa2"), shard))


@pytest.mark.long
def test_what_was_passed_on_comes_back_by_the_owner_that_the_host_is_leaving() -> None:
    """Visa's host is called otherwise and owned by b from now on; a payment of before is taken back by the old way, and then that
    is closed."""
    two = morocco_sharded("ab")
    a, b = (Playbook(of_shard(two, name)) for name in "ab")
    visa, rif, between = a.host("visa"), b.acquirer("acquirers-b", "504102"), Between(b, a, "visa")
    sent = purchase(de2=VISA_ABROAD)
    rif.sends(sent)
    between.carry()
    visa.answers(visa.gets(), de38="123456")
    between.carry()
    assert rif.gets()["39"] == Answer.APPROVED
    after = moved(two, shard="b", name="visa2")
    for name, book in (("a", a), ("b", b)):
        book.reloads(of_shard(after, name))
        book.passes(1)
    assert (between.here.closed, between.there.closed) == ("", "")
    rif.sends(reversal(sent))
    assert rif.gets()["39"] == Answer.APPROVED
    between.carry()
    visa.answers(visa.gets())
    between.carry()
    assert not b.switch.state.owed
    for book in (a, b):
        book.passes(8 * 86_400)
        assert "visa" in book.drops_leaving()
    a.passes(1)
    assert not [member for member in a.network.members if member.passes_on]
    assert between.there.closed


def test_a_restart_of_either_shard_in_the_middle_of_what_is_passed_on_costs_nothing() -> None:
    shards = Shards()
    shards.rif.sends(purchase(de2=VISA_ABROAD))
    shards.b.hands_over()
    shards.to_visa.carry()
    shards.a.hands_over()
    shards.visa.answers(shards.visa.gets(), de38="123456")
    shards.b.hands_over()
    shards.to_visa.carry()
    assert shards.rif.gets()["39"] == Answer.APPROVED
    assert [len(book.recorded(Forwarded)) for book in (shards.a, shards.b)] == [1, 1]
    assert shards.pays(VISA_ABROAD, shards.to_visa, shards.visa)[1]["39"] == Answer.APPROVED
    numbers = [entry.txn for book in (shards.a, shards.b) for entry in book.recorded(Forwarded)]
    assert [shard_of(txn) for txn in numbers] == [1, 1, 2, 2]


def test_a_network_of_two_shards_becomes_one_of_three_by_reloads() -> None:
    """Each in its own time: what is under way between two of them goes on, and a part becomes a smaller part."""
    two, three = morocco_sharded("ab"), morocco_sharded("abc")
    said = changes(of_shard(two, "a"), of_shard(three, "a"))
    assert "[[shard]] c: added" in said
    assert not [line for line in said if "shard-c" in line or "listener" in line], "no file has what c signs on as"
    a, b = (Playbook(of_shard(two, name)) for name in "ab")
    visa, rif = a.host("visa"), b.acquirer("acquirers-b", "504102")
    between = Between(b, a, "visa")
    rif.sends(purchase(de2=VISA_ABROAD))
    b.reloads(of_shard(three, "b"))
    between.carry()
    a.reloads(of_shard(three, "a"))
    visa.answers(visa.gets(), de38="123456")
    between.carry()
    assert rif.gets()["39"] == Answer.APPROVED
    assert [next(h.max_pending for h in book.network.hosts if h.name == "rif") for book in (a, b)] == [1_333, 1_333]
    c = Playbook(of_shard(three, "c"))
    souss, from_c = c.acquirer("acquirers-c", "504103"), Between(c, a, "visa")
    souss.sends(purchase(de2=VISA_ABROAD, de32="504103", de41="SOU00001"))
    from_c.carry()
    visa.answers(visa.gets(), de38="654321")
    from_c.carry()
    assert souss.gets()[DE.APPROVAL_CODE] == "654321"


def test_a_member_that_moves_is_let_go_by_its_old_shard_once_it_is_answered_and_taken_by_its_new_one_only() -> None:
    two, three = morocco_sharded("ab"), morocco_sharded("abc")
    b, c = Playbook(of_shard(two, "b")), Playbook(of_shard(three, "c"))
    rif, souss = b.host("rif"), b.acquirer("acquirers-b", "504103")
    souss.sends(purchase(de2=RIF_CARD, de32="504103", de41="SOU00001"))
    b.reloads(of_shard(three, "b"))
    b.passes(1)
    rif.answers(rif.gets(), de38="123456")
    assert souss.gets()["39"] == Answer.APPROVED, "it was kept until it was answered"
    b.passes(1)
    assert souss.closed == "souss is not in `members` of listener acquirers-b any more"
    b.acquirer("acquirers-b", "504102")
    c.acquirer("acquirers-c", "504103")


# -- clocks


def set_clock(book: Playbook, days: int) -> None:
    book.switch.wall_offset_ns += days * 86_400 * 10**9
    book.now += 1


@pytest.mark.parametrize("days", [1, -1])
def test_a_shard_whose_clock_is_a_day_off_loses_and_doubles_nothing_and_closes_no_days_of_others(days: int) -> None:
    """Its own days are off by one, until its clock is set: each payment is in one day, of its acquirer's shard."""
    shards = Shards()
    a, b = shards.a, shards.b
    set_clock(b, days)
    first, answered = shards.pays(VISA_ABROAD, shards.to_visa, shards.visa)
    assert answered[DE.RESPONSE_CODE] == Answer.APPROVED
    shards.rif.sends(first)
    assert shards.rif.gets()[DE.APPROVAL_CODE] == answered[DE.APPROVAL_CODE], "a repeat is one"
    second, _ = shards.pays(VISA_ABROAD, shards.to_visa, shards.visa)
    shards.rif.sends(reversal(second))
    assert shards.rif.gets()[DE.RESPONSE_CODE] == Answer.APPROVED
    shards.to_visa.carry()
    shards.visa.answers(shards.visa.gets())
    shards.to_visa.carry()
    b.passes(seconds=2)
    shards.to_visa.carry()
    assert [each.day for each in b.recorded(Cutover)] == (["2025-11-26"] if days > 0 else [])
    assert not a.recorded(Cutover), "it closes none for the others"
    if days > 0:
        (refused,) = a.logged("cutover.refused")
        assert refused.fields["reason"] == "the clock of shard-b-visa is 1440 minutes ahead of this one's"

    before = [entry.txn for entry in b.recorded(Forwarded)]
    set_clock(b, -days)
    b.passes(seconds=2)
    while not shards.rif.got_nothing():
        assert shards.rif.gets()[DE.NETWORK_CODE] == "201"
    _, answered = shards.pays(VISA_ABROAD, shards.to_visa, shards.visa)
    assert answered[DE.RESPONSE_CODE] == Answer.APPROVED
    after = [entry.txn for entry in b.recorded(Forwarded)]
    assert len(set(after)) == len(after) == len(before) + 1
    assert max(before) < after[-1], "numbers never go back"
    paid = [
        sum_of.amount * (1 if cell.payee == "rif" else -1)
        for cells in posted(b).positions.values()
        for cell, sum_of in cells.items()
        if cell.kind == "payment"
    ]
    assert sum(paid) == 2 * int(first[DE.AMOUNT])
    assert not posted(a).positions
    a.passes(seconds=10.5 * 3_600)
    assert [each.day for each in a.recorded(Cutover)] == ["2025-11-26"], "its own clock closes it"
