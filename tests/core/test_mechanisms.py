"""Playbooks of every mechanism between an acquirer and a real (simulated) issuer: what is said, and what stands afterwards.

Each ends with the journal and the issuer's accounts in agreement, to the minor unit.
"""

import random
from collections import deque
from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from switch.core.messages.internal import Private48, additional_amounts, private_elements
from switch.core.network import StandInRule
from switch.core.party import Send
from switch.core.records.records import Owed
from switch.sim.clock import EPOCH_NS
from switch.sim.playbook import Playbook
from switch.simulators.build import find_listener, find_member, home_place, make_issuer
from switch.simulators.cards import TestCard, demo_cards, find_card
from switch.simulators.clock import Calendar, Moment
from switch.simulators.faults import Latency
from switch.simulators.messages import allow_partial, completion, increment, repeat, request, reversal
from switch.simulators.reconciliation import journal_rows
from switch.wire.vocabulary import Document
from tests.core.scripts import morocco, purchase


class Bank:
    """Atlas's host behind its link, with accounts that say what they hold."""

    closed = ""

    def __init__(self, scene: "Counter") -> None:
        self._scene = scene
        self._waiting: deque[bytes] = deque()
        self.party = make_issuer(scene.book.network, "atlas", random.Random(1), Latency(0))
        self.party.wall_offset_ns = EPOCH_NS
        self.comes()

    def comes(self) -> None:
        """Connect (again)."""
        self.link = self._scene.book.join("atlas", self)
        self.party.connected(self.link, self._scene.book.now)
        self.works()

    def leaves(self) -> None:
        self._scene.book.hang_up(self.link)
        self.party.disconnected(self.link, self._scene.book.now)

    def take(self, data: bytes) -> None:
        self._waiting.append(data)

    def works(self) -> None:
        """Answer all that has come."""
        book = self._scene.book
        while self._waiting or self.party.effects:
            effects, self.party.effects = self.party.effects, []
            for effect in effects:
                if isinstance(effect, Send):
                    book.deliver(effect.link, effect.data)
            if self._waiting:
                self.party.received(self.link, self._waiting.popleft(), book.now)

    def balance(self, card: TestCard) -> tuple[int, int]:
        """What was spent, and what is held."""
        account = self.party.ledger.accounts[card.pan]
        return card.balance - account.balance, account.held


class Counter:
    """A shop's counter of Rif's, Atlas's cards, and the switch between."""

    def __init__(self, **atlas: object) -> None:
        network = morocco()
        hosts = tuple(msgspec.structs.replace(h, **atlas) if h.name == "atlas" else h for h in network.hosts)
        network = msgspec.structs.replace(network, hosts=hosts)
        self.book = Playbook(network)
        self.cards = demo_cards(network)
        self.bank = Bank(self)
        self.rif = self.book.acquirer("acquirers", "504102")
        self._place = home_place(network, find_member(network, "rif"), find_listener(network, "acquirers"), 0)
        self._stan = 100

    def card(self, name: str) -> TestCard:
        found = find_card(self.cards, name)
        assert found is not None
        return found

    def at(self) -> Moment:
        return Calendar().at(EPOCH_NS + self.book.now)

    def stan(self) -> str:
        self._stan += 1
        return f"{self._stan:06d}"

    def passes(self, seconds: int) -> None:
        """Time goes by; the issuer answers the switch's echo tests."""
        until = self.book.now + seconds * 1_000_000_000
        while self.book.now < until:
            self.book.passes(min(5, (until - self.book.now) / 1_000_000_000))
            self.bank.works()

    def says(self, document: Document) -> Document:
        """Send it; the answer."""
        self.rif.sends(document)
        self.bank.works()
        return self.rif.gets()

    def asks(
        self, kind: str, card: str, amount: int, *, cash: int = 0, less: bool = False
    ) -> tuple[Document, Document]:
        at, stan = self.at(), self.stan()
        asked = request(kind, self.card(card), amount, self._place, at, stan, at.rrn_prefix + stan, cash=cash)
        asked = allow_partial(asked) if less else asked
        return asked, self.says(asked)

    def takes_back(self, asked: Document, left: int = 0) -> Document:
        return self.says(reversal(asked, "", self.at(), self.stan(), left))

    def completes(self, asked: Document, said: Document, amount: int) -> Document:
        return self.says(completion(asked, said["38"], amount, self.at(), self.stan()))

    def adds(self, asked: Document, said: Document, amount: int) -> tuple[Document, Document]:
        message = increment(asked, said["38"], amount, self.at(), self.stan())
        return message, self.says(message)

    def agree(self, *amounts: int) -> None:
        """These amounts stand, in the journal as on the accounts; nothing is owed."""
        self.bank.works()
        rows = [row for row in journal_rows(self.book.entries) if row.amount]
        debits = self.bank.party.book().debits
        assert sorted(row.amount for row in rows) == sorted(d.amount for d in debits) == sorted(amounts)
        assert not self.book.switch.state.owed


@pytest.fixture
def shop() -> Counter:
    return Counter()


# -- partial approval


def test_a_terminal_that_can_take_less_gets_what_there_is(shop: Counter) -> None:
    asked, said = shop.asks("purchase", "atlas-51", 80_00, less=True)
    assert (said["t"], said["39"], said["4"]) == ("0210", "10", "000000001000")
    assert additional_amounts(said) == {"57": 80_00}, "DE54 has what was asked"
    assert [hop.amount for hop in shop.book.hops] == [80_00, 80_00, 80_00, 10_00]
    again = shop.says(repeat(asked))
    assert {de: again[de] for de in ("39", "4", "38", "54")} == {de: said[de] for de in ("39", "4", "38", "54")}
    assert shop.bank.balance(shop.card("atlas-51")) == (10_00, 0)
    shop.agree(10_00)


def test_one_that_cannot_is_declined(shop: Counter) -> None:
    _, said = shop.asks("purchase", "atlas-51", 80_00)
    assert said["39"] == "51"
    shop.agree()


def test_what_was_approved_in_part_is_taken_back_in_part_and_then_whole(shop: Counter) -> None:
    asked, _ = shop.asks("purchase", "atlas-51", 80_00, less=True)
    assert shop.takes_back(asked, 4_00)["39"] == "00"
    shop.agree(4_00)
    assert shop.takes_back(asked)["39"] == "00"
    (part, whole) = (entry for entry in shop.book.recorded(Owed) if isinstance(entry, Owed))
    assert (part.amount, part.message["4"], part.message["95"][:12]) == (10_00, "000000001000", "000000000400")
    assert "95" not in whole.message
    shop.agree()
    assert shop.bank.balance(shop.card("atlas-51")) == (0, 0)


def test_a_partial_approval_survives_a_restart(shop: Counter) -> None:
    asked, said = shop.asks("purchase", "atlas-51", 80_00, less=True)
    after = shop.book.crashes()
    rif = after.acquirer("acquirers", "504102")
    rif.sends(repeat(asked))
    again = rif.gets()
    assert (again["39"], again["4"], again["38"]) == ("10", said["4"], said["38"])


@pytest.mark.parametrize(
    ("able", "amount", "why"),
    [
        ("", "000000001000", "has not said that it can take"),
        ("61011", "000000009000", "DE4=000000009000, and 8000 was asked"),
        ("61011", "", "of nothing"),
    ],
)
def test_a_partial_approval_that_its_acquirer_could_not_take_is_taken_back_and_declined(
    able: str, amount: str, why: str
) -> None:
    book = Playbook(morocco())
    atlas, rif = book.host("atlas"), book.acquirer("acquirers", "504102")
    rif.sends(purchase(de4="000000008000", de48=able))
    asked = atlas.gets()
    asked.pop("4")
    atlas.answers(asked, "10", **({"de4": amount} if amount else {}))
    assert rif.gets()["39"] == "91"
    assert atlas.gets()["t"] == "0420"
    (log,) = book.logged("answer.not_known")
    assert why in log.fields["reason"]
    rif.sends(purchase(de4="000000008000", de48=able, t="0201"))
    assert rif.gets()["39"] == "91"


# -- reversals


def test_a_partial_reversal_leaves_the_actual_amount_and_further_ones_less(shop: Counter) -> None:
    asked, _ = shop.asks("purchase", "atlas-approved", 300_00)
    assert shop.takes_back(asked, 120_00)["39"] == "00"
    assert shop.bank.balance(shop.card("atlas-approved")) == (120_00, 0)
    shop.agree(120_00)
    assert shop.says(repeat(asked))["39"] == "00", "the approval stands, of less"
    assert shop.takes_back(asked, 50_00)["39"] == "00"
    shop.agree(50_00)
    assert shop.takes_back(asked)["39"] == "00"
    shop.agree()
    assert shop.says(repeat(asked))["39"] == "91"


@pytest.mark.parametrize("left", [300_00, 400_00])
def test_one_that_would_leave_as_much_as_stands_changes_nothing(shop: Counter, left: int) -> None:
    asked, _ = shop.asks("purchase", "atlas-approved", 300_00)
    assert shop.takes_back(asked, left)["39"] == "00"
    assert shop.book.logged("reversal.nothing_to_undo")
    shop.agree(300_00)


def test_one_whose_amount_cannot_be_read_is_refused(shop: Counter) -> None:
    asked, _ = shop.asks("purchase", "atlas-approved", 300_00)
    assert shop.says(reversal(asked, "", shop.at(), shop.stan(), 5) | {"95": "SOMETHING".ljust(42)})["39"] == "30"
    shop.agree(300_00)


def test_a_partial_reversal_of_what_is_still_open_takes_back_all_of_it() -> None:
    shop = Counter()
    at, stan = shop.at(), shop.stan()
    asked = request("purchase", shop.card("atlas-approved"), 300_00, shop._place, at, stan, at.rrn_prefix + stan)
    shop.rif.sends(asked)
    shop.rif.sends(reversal(asked, "", shop.at(), shop.stan(), 120_00))
    shop.bank.works()
    assert shop.rif.gets()["t"] == "0410"
    shop.agree()


def test_a_reversal_of_a_reversal_is_refused_and_the_first_one_stands(shop: Counter) -> None:
    asked, _ = shop.asks("purchase", "atlas-approved", 300_00)
    back = reversal(asked, "", shop.at(), shop.stan())
    assert shop.says(back)["39"] == "00"
    assert shop.says(reversal(back, "", shop.at(), shop.stan()))["39"] == "12"
    shop.agree()


def test_a_refund_is_credited_and_its_reversal_debited(shop: Counter) -> None:
    asked, said = shop.asks("refund", "atlas-approved", 40_00)
    assert (said["39"], asked["3"][:2]) == ("00", "20")
    assert shop.bank.balance(shop.card("atlas-approved")) == (-40_00, 0)
    shop.agree(-40_00)
    assert shop.takes_back(asked, 10_00)["39"] == "00"
    shop.agree(-10_00)
    assert shop.takes_back(asked)["39"] == "00"
    shop.agree()


# -- pre-authorization and completion


@pytest.mark.parametrize(("amount", "de39", "stands"), [
    (250_00, "00", 250_00), (300_00, "00", 300_00), (345_00, "00", 345_00), (345_01, "61", 300_00),
])  # fmt: skip
def test_a_completion_takes_its_own_amount_up_to_the_tolerance(
    shop: Counter, amount: int, de39: str, stands: int
) -> None:
    asked, said = shop.asks("preauth", "atlas-approved", 300_00)
    assert shop.bank.balance(shop.card("atlas-approved")) == (0, 300_00)
    assert shop.completes(asked, said, amount)["39"] == de39
    held = 0 if de39 == "00" else 300_00
    assert shop.bank.balance(shop.card("atlas-approved")) == (stands - held, held)
    shop.agree(stands)


def test_an_issuer_has_a_tolerance_of_its_own() -> None:
    shop = Counter(completion_tolerance=Decimal("0.5"))
    asked, said = shop.asks("preauth", "atlas-approved", 100_00)
    assert shop.completes(asked, said, 150_00)["39"] == "00"
    shop.agree(150_00)


def test_after_a_completion_its_amount_is_what_reversals_are_about(shop: Counter) -> None:
    asked, said = shop.asks("preauth", "atlas-approved", 300_00)
    assert shop.completes(asked, said, 200_00)["39"] == "00"
    assert shop.takes_back(asked, 250_00)["39"] == "00"
    shop.agree(200_00)
    assert shop.takes_back(asked, 150_00)["39"] == "00"
    shop.agree(150_00)
    assert shop.takes_back(asked)["39"] == "00"
    shop.agree()


def test_a_completion_of_what_was_reversed_is_refused(shop: Counter) -> None:
    asked, said = shop.asks("preauth", "atlas-approved", 300_00)
    shop.takes_back(asked)
    assert shop.completes(asked, said, 200_00)["39"] == "77"
    shop.agree()


def test_a_pre_authorization_that_is_not_completed_is_released_and_a_late_completion_posted_and_marked() -> None:
    shop = Counter(preauth_s=3_600)
    card = shop.card("atlas-approved")
    asked, said = shop.asks("preauth", "atlas-approved", 300_00)
    shop.passes(3_599)
    shop.asks("balance", "atlas-approved", 0)
    assert shop.bank.balance(card) == (0, 300_00)
    shop.passes(1)
    _, balances = shop.asks("balance", "atlas-approved", 0)
    assert additional_amounts(balances) == {"01": 50_000_00, "02": 50_000_00}
    assert shop.bank.balance(card) == (0, 0)
    shop.agree(300_00)
    assert [(d.held, d.expired, d.billed) for d in shop.bank.party.book().debits] == [(True, True, 0)]
    assert shop.completes(asked, said, 280_00)["39"] == "00"
    assert shop.bank.balance(card) == (280_00, 0)
    shop.agree(280_00)
    assert [(d.held, d.expired) for d in shop.bank.party.book().debits] == [(False, True)]


def test_an_expired_pre_authorization_can_still_be_reversed() -> None:
    shop = Counter(preauth_s=60)
    asked, _ = shop.asks("preauth", "atlas-approved", 300_00)
    shop.passes(61)
    assert shop.takes_back(asked)["39"] == "00"
    assert shop.bank.balance(shop.card("atlas-approved")) == (0, 0)
    shop.agree()


# -- cash back


def test_cash_back_is_part_of_the_purchase_and_named_in_de54(shop: Counter) -> None:
    asked, said = shop.asks("cashback", "atlas-approved", 350_00, cash=200_00)
    assert (asked["3"][:2], asked["54"], said["39"]) == ("09", "0040504D000000020000", "00")
    assert shop.bank.balance(shop.card("atlas-approved")) == (350_00, 0)
    shop.agree(350_00)
    assert shop.takes_back(asked)["39"] == "00"
    (owed,) = shop.book.recorded(Owed)
    assert isinstance(owed, Owed)
    assert owed.message["54"] == asked["54"], "its reversal says how much of it was cash"
    shop.agree()


@pytest.mark.parametrize(("card", "cash", "de39"), [
    ("atlas-approved", 0, "13"), ("atlas-approved", 350_01, "13"), ("atlas-57", 100_00, "57"),
])  # fmt: skip
def test_cash_back_without_its_part_or_on_a_card_without_cash_is_declined(
    shop: Counter, card: str, cash: int, de39: str
) -> None:
    assert shop.asks("cashback", card, 350_00, cash=cash)[1]["39"] == de39
    shop.agree()


# -- inquiries


def test_a_balance_inquiry_has_both_balances_and_moves_nothing(shop: Counter) -> None:
    shop.asks("preauth", "atlas-approved", 300_00)
    _, said = shop.asks("balance", "atlas-approved", 0)
    assert (said["t"], said["39"]) == ("0110", "00")
    assert additional_amounts(said) == {"01": 50_000_00, "02": 49_700_00}
    shop.agree(300_00)


def test_a_card_verification_is_of_amount_zero_and_moves_nothing(shop: Counter) -> None:
    asked, said = shop.asks("verification", "atlas-approved", 0)
    assert (asked["t"], asked["3"][:2], int(asked["4"]), said["39"]) == ("0100", "38", 0, "85")
    assert shop.asks("verification", "atlas-41", 0)[1]["39"] == "41"
    shop.agree()


def never_answered(shop: Counter, asked: Document) -> None:
    shop.book.passes(10)
    assert shop.rif.gets()["39"] == "91"


def undeliverable(shop: Counter, asked: Document) -> None:
    shop.rif.hangs_up()
    shop.bank.works()


def answered_into_a_lost_connection(shop: Counter, asked: Document) -> None:
    shop.book.journal_holds()
    shop.bank.works()
    shop.rif.hangs_up()
    shop.book.journal_flushes()


def reversed_while_open(shop: Counter, asked: Document) -> None:
    shop.rif.sends(reversal(asked, "", shop.at(), shop.stan()))
    assert shop.rif.gets()["39"] == "00"
    shop.bank.works()
    assert shop.rif.got_nothing()


def reversed_afterwards(shop: Counter, asked: Document) -> None:
    shop.bank.works()
    shop.rif.gets()
    assert shop.takes_back(asked)["39"] == "00"


@pytest.mark.parametrize("kind", ["balance", "verification"])
@pytest.mark.parametrize(
    "how", [never_answered, undeliverable, answered_into_a_lost_connection, reversed_while_open, reversed_afterwards]
)
def test_an_inquiry_is_never_reversed(shop: Counter, kind: str, how: Callable[[Counter, Document], None]) -> None:
    at, stan = shop.at(), shop.stan()
    asked = request(kind, shop.card("atlas-approved"), 0, shop._place, at, stan, at.rrn_prefix + stan)
    shop.rif.sends(asked)
    how(shop, asked)
    assert not shop.book.recorded(Owed)
    assert shop.bank.party.book().early_reversals == 0


# -- stand-in, told to a real issuer


@pytest.mark.parametrize("card", ["atlas-approved", "atlas-51", "atlas-14"])
@pytest.mark.parametrize("follows", ["nothing", "a reversal", "a partial reversal"])
def test_what_was_approved_in_the_issuers_place_is_posted_when_it_is_back(card: str, follows: str) -> None:
    rule = StandInRule(product="debit", floor=300_00, cash_floor=0, per_card_count=3, per_card_amount=600_00, ecommerce=False,
                       unverified_pin=False)  # fmt: skip
    shop = Counter(standin=(rule,), standin_total=1_000_00)
    shop.bank.leaves()
    asked, said = shop.asks("purchase", card, 150_00)
    assert (said["39"], private_elements(said)[Private48.STAND_IN]) == ("00", "1003")
    if follows != "nothing":
        assert shop.takes_back(asked, 60_00 if follows == "a partial reversal" else 0)["39"] == "00"
    shop.bank.comes()
    shop.agree(*{"nothing": (150_00,), "a reversal": (), "a partial reversal": (60_00,)}[follows])
    assert shop.says(repeat(asked))["39"] == ("91" if follows == "a reversal" else "00")


def test_an_advice_of_a_refund_stands_beside_the_payment_that_it_names(shop: Counter) -> None:
    asked, _ = shop.asks("purchase", "atlas-approved", 100_00)
    told = {**completion(asked, "", 60_00, shop.at(), shop.stan()), "3": "200000", "37": "532912777777"}
    assert shop.says(told)["39"] == "00"
    assert shop.bank.balance(shop.card("atlas-approved")) == (40_00, 0)
    shop.agree(100_00, -60_00)
    (advice,) = shop.book.recorded(Owed)
    assert (advice.original, advice.posts) == (0, {"504": -60_00})
    assert shop.says({**told, "11": shop.stan(), "37": "532912777778", "4": "000000010001"})["39"] == "61"
    assert shop.takes_back(told)["39"] == "00"
    shop.agree(100_00)
