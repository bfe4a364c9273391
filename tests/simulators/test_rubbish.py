"""What others may send a simulated party: each element absent, or of the right form and without a meaning. It goes on."""

from collections.abc import Callable, Iterator
from contextlib import suppress

import pytest

from switch.core.messages.internal import answer
from switch.simulators.faults import FaultPlan, Faults
from switch.simulators.messages import completion, increment, network_request, repeat, reversal
from switch.simulators.network import Abroad
from switch.simulators.own_totals import Sums, compare
from switch.wire import EncodeError
from switch.wire.vocabulary import Document
from tests.simulators.far import Far
from tests.simulators.samples import CARD, at, pay
from tests.simulators.test_issuer import DIALECTS, host, speech
from tests.simulators.test_network import network
from tests.simulators.test_terminal import till

REQUEST = pay()
HELD = pay("preauth", number=2)
ASKED: dict[str, Document] = {
    "purchase": REQUEST,
    "pre-authorization": HELD,
    "increment": increment(HELD, "123456", 50_00, at(), "000003"),
    "completion": completion(HELD, "123456", 80_00, at(), "000004"),
    "reversal": reversal(REQUEST, "123456", at(), "000005"),
    "partial reversal": reversal(REQUEST, "123456", at(), "000006", 40_00),
    "sign-on": network_request("001", "504000", at(), "000007"),
    "cutover": network_request("201", "504000", at(), "000008") | {"15": "1126"},
}


def spoiled(message: Document) -> Iterator[Document]:
    """Without each element; with each as nines, as zeros, as letters, as blanks."""
    for de in message:
        if de == "t":
            continue
        yield {other: value for other, value in message.items() if other != de}
        for sign in "90X ":
            yield {**message, de: sign * len(message[de])}


def goes_on(far: Far, message: Document) -> None:
    """It is said, twice and as a repeat; whatever its dialect cannot say is not."""
    for sent in (message, message, repeat(message)):
        try:
            far.says(sent)
        except EncodeError:
            return
        far.passes(0.1)
    far.inbox.clear()


@pytest.mark.parametrize("kind", ASKED)
@pytest.mark.parametrize(("dialect", "framing"), DIALECTS)
def test_an_issuer_takes_whatever_can_be_said(kind: str, dialect: str, framing: str) -> None:
    far = host(FaultPlan(host=Faults(wrong=0.5)), says=speech(dialect, framing))
    goes_on(far, HELD)
    for message in spoiled(ASKED[kind]):
        goes_on(far, message)
    far.says(network_request("301", "504000", at(), "000999"))
    answered = far.hears()
    assert (answered["11"], answered["39"]) == ("000999", "00")


@pytest.mark.parametrize("kind", ASKED)
def test_a_network_takes_whatever_can_be_said(kind: str) -> None:
    far = network()
    for message in spoiled(ASKED[kind]):
        goes_on(far, message)


@pytest.mark.parametrize("de39", ["00", "10", "51"])
def test_a_terminal_takes_any_answer(de39: str) -> None:
    said = {"38": "123456", "15": "1125", "54": "0057504D000000014597"}
    for message in spoiled(answer(till().hears(), de39, said)):
        far = till()
        far.hears()
        with suppress(EncodeError):
            far.says(message)
        far.passes(40)


def test_a_terminal_takes_back_what_was_approved_in_part_without_saying_how_much() -> None:
    far = till()
    request = far.hears()
    far.says({de: value for de, value in answer(request, "10").items() if de != "4"})
    assert far.events("answer.without_amount")
    taken_back = far.hears()
    assert (taken_back["t"], taken_back["37"]) == ("0400", request["37"])


def test_an_answer_to_a_reconciliation_without_some_of_its_totals_disagrees_in_those() -> None:
    found = compare(Sums(), {"97": "C0000000000000005", "74": "ABC"})
    assert [(d.element, d.there) for d in found] == [("97", 5)]


@pytest.mark.parametrize("party", [till, lambda: network(abroad=Abroad(cards=(CARD,))), host])
def test_a_repeated_echo_test_is_answered(party: Callable[[], Far]) -> None:
    far = party()
    far.inbox.clear()
    far.says(repeat(network_request("301", "504000", at(), "000001")))
    assert (far.hears()["t"], far.events("message.unexpected")) == ("0810", [])
