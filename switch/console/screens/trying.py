"""Test cards and what each is there to show, and a payment with one: only on networks that say they are for tests."""

import sys
from typing import Final

import trio
from starlette.requests import Request
from starlette.responses import Response

from switch.console.desk import Desk
from switch.console.rendering import see_other
from switch.console.sessions import Session
from switch.console.web import Screen
from switch.core.network import Network
from switch.http.forms import Form
from switch.money import CurrencyError, parse_money
from switch.simulators.cards import demo_cards

PAY_S: Final = 50.0
SAID_MAX: Final = 300


class TryingScreen:
    """Answers `/test`; it has no card where a real one might be."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._know(desk.network)
        desk.followers.append(self._know)

    def _know(self, network: Network) -> None:
        """The cards of its file as it is now."""
        self._cards = [card for card in demo_cards(network) if card.shows] if network.test else []

    def screens(self) -> list[Screen]:
        """See Part."""
        return [Screen("/test", self.show, self.pay)]

    async def show(self, request: Request, session: Session) -> Response:
        """The cards, by issuer; where a real card might be, that there is nothing here."""
        if not self._desk.network.test:
            return self._desk.renderer.page("nothing.html", request, session, status=404)
        faults = [card for card in self._cards if card.fault]
        return self._desk.renderer.page("test.html", request, session, cards=self._cards, faults=faults)

    async def pay(self, _: Request, session: Session, form: Form) -> Response:
        """One payment, by a terminal of its own, as `cmi-switch pay` makes it."""
        card = next((one for one in self._cards if one.name == form.get("card", "")), None)
        amount = form.get("amount", "").strip() or "100.00"
        try:
            parse_money(amount, self._desk.network.currency)
        except CurrencyError as error:
            session.said.append(("bad", str(error)))
            return see_other("/test")
        if card is None or not self._desk.may(session, "operator"):
            session.said.append(("bad", "Choose one of the cards; it takes the role operator."))
            return see_other("/test")
        asked = ["pay", "--card", card.name, "--amount", amount, "--network", self._desk.network.source, "--quiet"]
        command = [sys.executable, "-c", "from switch.cli.main import main; main()", *asked]
        said = "No answer came."
        with trio.move_on_after(PAY_S):
            done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
            said = (done.stdout + done.stderr).decode("utf-8", "replace").strip()[:SAID_MAX]
        session.said.append(("good" if said.startswith("Approved") else "waits", said))
        return see_other("/test")
