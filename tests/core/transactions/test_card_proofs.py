"""Playbooks: cards proved by real cryptograms: through the switch and back, and by the switch while their issuer is away."""

import pytest
from msgspec.structs import replace

from switch.core.messages.chip import chip_tags
from switch.core.network import CardKeys, Network
from switch.core.records.records import Declined, StoodIn
from switch.security import emv
from switch.sim.playbook import Playbook
from switch.simulators.cards import TestCard, demo_cards
from switch.simulators.personalized import Chips, personalized
from switch.wire.vocabulary import Document
from tests.core.scripts import purchase
from tests.core.transactions.test_standin import Away, network
from tests.simulators.test_card_desk import BOTH, IMK, MODULE


def with_card_keys(keys: CardKeys, **rule: object) -> Network:
    """Atlas may be stood in for, and its cards are checked."""
    made = network(**rule)  # type: ignore[arg-type]
    return replace(made, hosts=tuple(replace(h, card_keys=keys) if h.name == "atlas" else h for h in made.hosts))


class Till:
    """Rif's terminal, where Atlas's cards pay by chip, while Atlas is away."""

    def __init__(self, keys: CardKeys = BOTH, **rule: object) -> None:
        network = with_card_keys(keys, **rule)
        self.cards = {card.name: card for card in personalized(demo_cards(network), network, MODULE)}
        self.card: TestCard = self.cards["atlas-approved"]
        self.chips = Chips(with_card_keys(BOTH), MODULE, {})
        self.away = Away(Playbook(network, module=MODULE))
        self._n = 400

    def asks(self, wrong: str = "", **changes: str) -> Document:
        self._n += 1
        plain = purchase(f"{self._n:06d}", de2=self.card.pan, de14=self.card.expiry, de52="")
        read = self.chips.read(plain | {"19": "504"}, self.card, "251125", bytes(4), wrong)
        return {de: value for de, value in (read | {f"{de[2:]}": v for de, v in changes.items()}).items() if value}


def test_a_chip_is_answered_by_the_switch_while_its_issuer_is_away() -> None:
    till = Till()
    asked = till.asks()
    answer = till.away.pays(asked)
    assert (answer["39"], answer["48"]) == ("00", "60041003")
    tags = chip_tags(asked)
    chip = emv.chip_of("visa", IMK, till.card.pan, "01", "A", tags)
    assert chip_tags(answer) == {"91": chip.arpc(tags["9F26"], b"00")}
    (record,) = till.away.book.recorded(StoodIn)
    assert isinstance(record, StoodIn)
    assert record.atc == 1
    again = till.away.pays(asked | {"t": "0201"})
    assert again["55"] == answer["55"], "a repeat is answered the same"
    assert "55" not in till.away.returns().gets(), "what the chip was told is none of the advice"


@pytest.mark.parametrize(
    ("wrong", "changes", "de39", "reason"),
    [
        ("cryptogram", {}, "63", "the chip's cryptogram does not hold"),
        ("amount", {}, "63", "and the chip was asked for 9F02="),
        ("stripe", {}, "63", "the iCVV of track 2 is not the card's"),
        ("", {"de55": ""}, "63", "its cryptogram is not there"),
        ("", {"de48": "9203999"}, "N7", "wrong CVV2"),
    ],
)
def test_what_is_not_proved_is_not_stood_in_for(wrong: str, changes: dict[str, str], de39: str, reason: str) -> None:
    till = Till()
    assert till.away.pays(till.asks(wrong, **changes))["39"] == de39
    (record,) = till.away.book.recorded(Declined)
    assert isinstance(record, Declined)
    assert reason in record.reason
    assert record.reason.startswith("host atlas is not signed on; no stand-in: ")
    assert not till.away.book.recorded(StoodIn)


def test_a_cryptogram_is_taken_once_also_after_a_restart() -> None:
    till = Till()
    first = till.asks()
    assert till.away.pays(first)["39"] == "00"
    other = {**first, "11": "000999", "37": "532912000999"}
    assert till.away.pays(other)["39"] == "63"
    book = till.away.book.crashes()
    rif = book.acquirer("acquirers", "504102")
    book.passes(60)
    later = {"7": book.switch.de7(book.now)}
    rif.sends({**other, "11": "000998", "37": "532912000998"} | later)
    assert rif.gets()["39"] == "63"
    rif.sends(till.asks() | later)
    assert rif.gets()["39"] == "00"


def test_where_the_module_is_away_nothing_is_stood_in_for() -> None:
    till = Till(CardKeys(chip_key="nobodys"))
    assert till.away.pays(till.asks())["39"] == "96"


def test_without_keys_all_is_as_before() -> None:
    till = Till(CardKeys())
    answer = till.away.pays(till.asks("cryptogram"))
    assert (answer["39"], "55" in answer) == ("00", False)


@pytest.mark.parametrize("host", ["atlas", "souss"])
def test_chip_data_and_scripts_go_both_ways_untouched(host: str) -> None:
    """The issuer's answer and its scripts (71, 72) are for the card alone."""
    book = Playbook(network())
    peer, rif = book.host(host), book.acquirer("acquirers", "504102")
    card = next(c for c in demo_cards(network()) if c.name == f"{host}-approved")
    data = "9F26081122334455667788" + "9F360200019F10070601120" + "3A00000"
    rif.sends(purchase(de2=card.pan, de52="", de55=data, de23="001"))
    request = peer.gets()
    assert (request["55"], request["23"]) == (data, "001")
    back = "910A00112233445566773030" + "710F9F180400000001860A8424000008AABBCCDD"[:34] + "72099F1804000000028600"
    peer.answers(request, "00", de38="123456", de55=back)
    assert rif.gets()["55"] == back
