"""A till for tests: payments as a bank's terminal makes them, over a blocking client."""

import time
from typing import Any

from switch.core.network import Listener, Member
from switch.simulators import messages
from switch.simulators.build import home_place
from switch.simulators.cards import TestCard, demo_cards, find_card
from switch.simulators.clock import Calendar, Moment
from switch.simulators.messages import Web
from switch.wire.vocabulary import DE, Document
from tests.e2e.stage import Client, Stage


def card_of(stage: Stage, name: str) -> TestCard:
    found = find_card(demo_cards(stage.network), name)
    assert found is not None, name
    return found


def moment() -> Moment:
    return Calendar().at(time.time_ns())


class Till:
    """One terminal of a member, on a listener. Each message has a STAN of its own over the whole stage."""

    def __init__(self, stage: Stage, bank: str, listener: str = "acquirers", number: int = 0, **options: Any) -> None:
        member: Member = next(m for m in stage.network.members if m.name == bank)
        port: Listener = next(x for x in stage.network.listeners if x.name == listener)
        self.stage = stage
        self.place = home_place(stage.network, member, port, number)
        self.client = Client(stage, listener, member.institution, **options)

    def request(
        self, kind: str, card: TestCard | str, amount: int = 150_00, web: Web | None = None, **changes: str
    ) -> Document:
        """A request, with elements changed as in `de4="…"`; an empty value removes one."""
        if isinstance(card, str):
            card = card_of(self.stage, card)
        at, stan = moment(), f"{next(self.stage.stans):06d}"
        document = messages.request(kind, card, amount, self.place, at, stan, at.rrn_prefix + stan, web)
        document.update((key.removeprefix("de"), value) for key, value in changes.items())
        return {de: value for de, value in document.items() if value}

    def pays(self, kind: str, card: TestCard | str, amount: int = 150_00, **more: Any) -> tuple[Document, Document]:
        """The request, and its answer."""
        request = self.request(kind, card, amount, **more)
        return request, self.client.asks(request)

    def voids(self, request: Document, answer: Document) -> tuple[Document, Document]:
        """Take a payment back: the 0400, and its answer."""
        document = messages.reversal(request, answer.get(DE.APPROVAL_CODE, ""), moment(), self.stan())
        return document, self.client.asks(document)

    def completes(self, request: Document, answer: Document, amount: int) -> tuple[Document, Document]:
        """Capture a pre-authorization: the 0220, and its answer."""
        document = messages.completion(request, answer.get(DE.APPROVAL_CODE, ""), amount, moment(), self.stan())
        return document, self.client.asks(document)

    def balance(self, card: TestCard | str) -> tuple[int, int]:
        """Ledger and available balance, as a balance inquiry (DE54) says."""
        request, answer = self.pays(messages.BALANCE, card, 0)
        assert answer[DE.RESPONSE_CODE] == "00", (request, answer)
        amounts = answer[DE.ADDITIONAL_AMOUNTS]
        found = {amounts[at + 2 : at + 4]: int(amounts[at + 8 : at + 20]) for at in range(0, len(amounts), 20)}
        return found["01"], found["02"]

    def stan(self) -> str:
        return f"{next(self.stage.stans):06d}"

    def close(self) -> None:
        self.client.close()
