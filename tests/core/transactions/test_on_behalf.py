"""Playbooks: what the switch checks of cards while their issuer is there, where the issuer asks it to."""

import pytest
from msgspec.structs import replace

from switch.core.messages.chip import chip_tags
from switch.core.messages.internal import PRIVATE, Private48, private_elements
from switch.core.network import CardKeys, Network
from switch.core.records.devices import ChipCounted
from switch.core.transactions.card_proofs import CHIP, PRINT, STRIPE, WEB
from switch.security import emv
from switch.security.module import SecurityModule
from switch.sim.playbook import Playbook
from switch.simulators.proofs import AAV_KEY, CAVV_KEY, demo_proof, test_module
from switch.wire.vocabulary import Document
from tests.core.transactions.test_card_proofs import Till, with_card_keys
from tests.simulators.test_card_desk import BOTH, IMK, MODULE

ALL = replace(BOTH, on_behalf=(CHIP, STRIPE, PRINT))
TOLD = replace(ALL, wrong_goes_on=True)
WEB_KEYS = CardKeys(cavv_key=CAVV_KEY, aav_key=AAV_KEY, on_behalf=(WEB,))


class There(Till):
    """Rif's terminal, while Atlas is there."""

    def __init__(self, keys: CardKeys = ALL, module: SecurityModule = MODULE, network: Network | None = None) -> None:
        super().__init__(keys)
        self.book = Playbook(network or with_card_keys(keys), module=module)
        self.atlas, self.rif = self.book.host("atlas"), self.book.acquirer("acquirers", "504102")

    def arrives(self, asked: Document) -> Document:
        """The request as Atlas has it."""
        self.rif.sends(asked)
        return self.atlas.gets()

    def declines(self, asked: Document) -> str:
        """DE39 of who never asks Atlas."""
        self.rif.sends(asked)
        de39 = self.rif.gets()["39"]
        assert self.atlas.got_nothing()
        return de39


def test_an_issuer_is_told_what_was_checked_and_its_approval_answers_the_chip() -> None:
    there = There()
    asked = there.asks(de48="9203" + there.card.cvv2)
    request = there.arrives(asked)
    assert private_elements(request) == {"71": "02V", "87": "M", "92": there.card.cvv2}
    assert request["55"] == asked["55"], "it may check for itself"
    there.atlas.answers(request, "00", de38="123456")
    approval = there.rif.gets()
    tags = chip_tags(asked)
    chip = emv.chip_of("visa", IMK, there.card.pan, "01", "A", tags)
    assert chip_tags(approval) == {"91": chip.arpc(tags["9F26"], b"00")}
    assert private_elements(approval) == {"87": "M"}
    there.rif.sends(asked | {"t": "0201"})
    again = there.rif.gets()
    assert (again["55"], again["48"]) == (approval["55"], approval["48"]), "a repeat is answered the same"


def test_what_the_issuer_says_itself_stands() -> None:
    there = There()
    request = there.arrives(there.asks(de48="9203" + there.card.cvv2))
    there.atlas.answers(request, "00", de38="123456", de55="910A00112233445566773030", de48="8701P")
    approval = there.rif.gets()
    assert (approval["55"], approval["48"]) == ("910A00112233445566773030", "8701P")


def test_a_decline_answers_no_chip_and_says_the_printed_value_s_result() -> None:
    there = There()
    there.atlas.answers(there.arrives(there.asks(de48="9203" + there.card.cvv2)), "51")
    declined = there.rif.gets()
    assert ("55" in declined, private_elements(declined)) == (False, {"87": "M"})


def test_a_wrong_printed_value_is_declined_with_its_result_and_so_is_a_repeat() -> None:
    there = There()
    asked = there.asks(de48="9203999")
    for mti in ("0200", "0201"):
        there.rif.sends(asked | {"t": mti})
        declined = there.rif.gets()
        assert (declined["39"], private_elements(declined)) == ("N7", {"87": "N"})


WRONG = [
    ("cryptogram", {}, "63", {"71": "02I"}),
    ("amount", {}, "63", {"71": "02I"}),
    ("stripe", {}, "63", {"71": "02V", "87": "Y"}),
    ("", {"de55": ""}, "63", {"71": "02I"}),
    ("", {"de48": "9203999"}, "N7", {"71": "02V", "87": "N", "92": "999"}),
]


@pytest.mark.parametrize(("wrong", "changes", "de39", "told"), WRONG)
def test_what_is_wrong_is_declined_or_its_issuer_told(
    wrong: str, changes: dict[str, str], de39: str, told: dict[str, str]
) -> None:
    there = There()
    assert there.declines(there.asks(wrong, **changes)) == de39
    assert there.book.hops[-1].note.startswith("checked on behalf of atlas: ")
    there = There(TOLD)
    request = there.arrives(there.asks(wrong, **changes))
    assert private_elements(request) == told
    (logged,) = there.book.logged("card.not_proved")
    assert logged.fields["host"] == "atlas"
    there.atlas.answers(request, "00", de38="123456")
    assert ("55" in there.rif.gets()) == (told["71"] == "02V"), "a chip that proved nothing gets no answer from here"


def test_where_nobody_can_tell_it_is_declined_or_its_issuer_told_so() -> None:
    gone = CardKeys(chip_key="nobodys", on_behalf=(CHIP,))
    there = There(gone)
    assert there.declines(there.asks()) == "96"
    there = There(replace(gone, wrong_goes_on=True))
    assert private_elements(there.arrives(there.asks())) == {"71": "02U"}


def test_a_cryptogram_counts_once_also_after_a_restart_and_while_its_issuer_is_away() -> None:
    there = There()
    first = there.asks()
    there.atlas.answers(there.arrives(first), "00", de38="123456")
    there.rif.gets()
    other = {**first, "11": "000999", "37": "532912000999"}
    assert there.declines(other) == "63"
    assert [entry.counter for entry in there.book.recorded(ChipCounted) if isinstance(entry, ChipCounted)] == [1]
    book = there.book.crashes()
    rif = book.acquirer("acquirers", "504102")
    book.passes(60)
    later = {"7": book.switch.de7(book.now)}
    rif.sends({**other, "11": "000998", "37": "532912000998"} | later)
    assert rif.gets()["39"] == "63"
    rif.sends(there.asks() | later)
    assert (rif.gets()["39"], book.hops[-1].route) == ("00", "stand-in")


def test_one_cryptogram_is_no_good_for_many_guesses_of_a_printed_value() -> None:
    there = There()
    asked = there.asks(de48="9203999")
    assert there.declines(asked) == "N7"
    assert there.declines({**asked, "11": "000998", "37": "532912000998", "48": "9203" + there.card.cvv2}) == "63"


def test_the_cards_that_paid_longest_ago_make_room() -> None:
    made = with_card_keys(ALL)
    there = There(network=replace(made, limits=replace(made.limits, chips=1)))
    for name in ("atlas-approved", "atlas-cmi-01", "atlas-approved"):
        there.card = there.cards[name]
        there.atlas.answers(there.arrives(there.asks()), "00", de38="123456")
        there.rif.gets()
        assert list(there.book.switch.state.chips.values()) == [2 if name == "atlas-approved" and there._n > 402 else 1]


def on_the_web(there: There, eci: str = "05", made_for: str = "05") -> Document:
    parts = {Private48.ECI: eci, Private48.CAVV: demo_proof(there.card, made_for)}
    return there.asks(de48=PRIVATE.build(parts), de22="812", de35="", de55="")


def test_what_says_that_a_cardholder_was_authenticated_is_checked_too() -> None:
    there = There(WEB_KEYS, test_module())
    assert private_elements(there.arrives(on_the_web(there)))["71"] == "05V"
    assert there.declines(on_the_web(there, made_for="06")) == "05"
    there = There(replace(WEB_KEYS, wrong_goes_on=True), test_module())
    assert private_elements(there.arrives(on_the_web(there, made_for="06")))["71"] == "05I"


@pytest.mark.parametrize("keys", [CardKeys(), replace(BOTH, on_behalf=(STRIPE,)), ALL])
def test_results_that_an_acquirer_claims_go_no_further(keys: CardKeys) -> None:
    there = There(keys)
    request = there.arrives(there.asks(de48="710602V05V8701M6101" + "1"))
    assert private_elements(request).get("71", "") == ("02V" if CHIP in keys.on_behalf else "")
    assert "87" not in private_elements(request)
    assert private_elements(request)["61"] == "1"
    assert "48" not in there.arrives(there.asks(de48="710302V")) or CHIP in keys.on_behalf


def test_what_nobody_asks_for_is_not_checked() -> None:
    there = There(BOTH)
    request = there.arrives(there.asks("cryptogram"))
    assert "48" not in request
    assert not there.book.recorded(ChipCounted)
