"""`cmi-switch pay`: a terminal that makes one payment and shows every message of it."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from msgspec.structs import replace as changed

from switch.cli._address import asked_address
from switch.cli._chip import reading_options
from switch.cli._dialects import check_framing
from switch.cli._network import PAY_PORT, asked_card, load, network_option, paint, spell
from switch.cli._outcome import outcome_of
from switch.cli._tls import dialling_end, tls_option

if TYPE_CHECKING:
    from switch.cli._pos import Last, Said, Till
    from switch.core.network import Address, Listener, Network
    from switch.simulators.cards import TestCard
    from switch.simulators.messages import Place
    from switch.wire.vocabulary import Document

TYPES = (
    "purchase",
    "cash",
    "balance",
    "refund",
    "preauth",
    "verification",
    "cashback",
    "increment",
    "completion",
    "void",
)
ANSWER_S = 45.0
_DECLINED = 3


@click.command
@click.option(
    "--card",
    default="",
    metavar="CARD",
    help="Number, name or scenario of `cmi-switch cards`, a PAN, or - (standard input). [default: 1]",
)
@click.option(
    "--amount", default="100.00", show_default=True, help="Of the payment; home currency unless it names one."
)
@click.option("--type", "kind", type=click.Choice(TYPES), default="purchase", show_default=True)
@click.option(
    "--channel",
    type=click.Choice(["pos", "web"]),
    default="pos",
    show_default=True,
    help="web: not present, with CVV2.",
)
@click.option("--cash", default="", metavar="AMOUNT", help="Of a cashback: the part that is paid out.")
@click.option("--partial", is_flag=True, help="Less may be approved than is asked (DE39=10).")
@click.option(
    "--actual", default="", metavar="AMOUNT", help="Of a void: what stands after it; a part is taken back (DE95)."
)
@click.option("--cvv2", default="", help="Of a web payment. [default: the test card's own]")
@click.option(
    "--pin", default="", metavar="PIN", help="Typed at the terminal: digits, or `card` for the test card's own."
)
@reading_options
@click.option("--expiry", default="", metavar="YYMM", help="DE14. [default: the test card's own]")
@click.option(
    "--merchant-country", default="", metavar="XX", help="Two letters or three, for the end of DE43. [default: home]"
)
@click.option("--bank", default="", metavar="NAME", help="Acquiring member. [default: the first]")
@click.option("--port", default=PAY_PORT, show_default=True, help="Listener of the network file: acquirers or pos.")
@click.option("--host", default="", metavar="HOST:PORT", help="Pay there instead; with --dialect, any ISO 8583 host.")
@click.option("--dialect", default="", help="Instead of the listener's own; its usual framing comes with it.")
@click.option("--framing", default="", metavar="NAME", help="Instead of the listener's or the dialect's own.")
@network_option
@tls_option
@click.option("--costs", is_flag=True, help="Say what an approved payment costs its merchant, by the network file.")
@click.option("--quiet", is_flag=True, help="Only the outcome.")
def command(**options: Any) -> None:
    """Make one payment, and show the messages field by field.

    Without any option, on a terminal, it asks. Void, increment and completion are about the last payment made with this command.
    Exit code 0: approved; 3: declined; 1: no answer, or no link.

    \b
    Examples:
      cmi-switch pay --card atlas-approved --amount 250.00
      cmi-switch pay --card 51                               a decline
      cmi-switch pay --card - <number.txt                    a number that nobody sees on the command line
      cmi-switch pay --pin card                              with the test card's PIN, where the network file has keys
      cmi-switch pay --chip --wrong amount                   63: the chip has agreed to another amount
      cmi-switch pay --card fr-visa --channel web            abroad, through Visa
      cmi-switch pay --card fr-visa --costs                  and what that costs its merchant
      cmi-switch pay --type preauth --amount 800, then
      cmi-switch pay --type increment --amount 100           100.00 more are held
      cmi-switch pay --type completion --amount 640.50
      cmi-switch pay --type void
      cmi-switch pay --amount 300, then
      cmi-switch pay --type void --actual 120                180.00 of it are taken back
      cmi-switch pay --type cashback --amount 350 --cash 200
      cmi-switch pay --card 51 --amount 80 --partial         what there is: 10.00
      cmi-switch pay --card atlas-approved --merchant-country FR      57: works at home only
      cmi-switch pay --port pos                              the same in BCD, behind a TPDU
    """
    asked = Asked(**(options | {"card": asked_card(options["card"])}))
    network = load(asked.network)
    desk = Desk(network, asked)
    context = click.get_current_context()
    given = any(context.get_parameter_source(name) is not click.core.ParameterSource.DEFAULT for name in options)
    if not given and sys.stdin.isatty() and sys.stdout.isatty():
        desk.converse()
        return
    code = desk.pay(asked)
    if code:
        raise SystemExit(code)


@dataclass(frozen=True)
class Asked:
    """What the command line, or the person at it, asked for."""

    card: str
    amount: str
    kind: str
    channel: str
    cvv2: str
    expiry: str
    merchant_country: str
    bank: str
    port: str
    host: str
    dialect: str
    network: str
    quiet: bool
    framing: str = ""
    tls_dir: Path | None = None
    pin: str = ""
    cash: str = ""
    partial: bool = False
    actual: str = ""
    costs: bool = False
    chip: bool | None = None
    tap: bool = False
    wrong: str | None = None


class Desk:
    """Payments of one acquirer at one address."""

    def __init__(self, network: "Network", asked: Asked) -> None:
        from switch.cli._network import module_of
        from switch.core.links.sealing import Sealings
        from switch.core.network import LinkKeys
        from switch.simulators.build import (
            PAY_LETTER,
            UnknownNameError,
            acquiring_keys,
            find_listener,
            find_member,
            home_place,
        )
        from switch.simulators.cards import demo_cards
        from switch.simulators.personalized import PersonalizationError, personalized
        from switch.simulators.pins import Fleet, PinPad
        from switch.wire import Dialect, DialectError

        self._network = network
        self._last_path = Path(network.state_dir) / "pay-last.json"
        try:
            self._member = find_member(network, asked.bank or network.members[0].name)
            listener: Listener = find_listener(network, asked.port)
            self._dialect = Dialect.load(asked.dialect or listener.dialect)
        except (UnknownNameError, DialectError) as error:
            raise click.UsageError(str(error)) from None
        self._module = module_of(network)
        try:
            self._cards = personalized(demo_cards(network), network, self._module)
        except PersonalizationError as error:
            raise click.ClickException(str(error)) from None
        self._keys = LinkKeys() if asked.host else acquiring_keys(self._member, listener)
        sealings = Sealings(network, self._module)
        fleet = Fleet(self._keys, int.from_bytes(os.urandom(4), "big"))
        self._sealing = fleet.sealing(self._dialect, self._module) or sealings.of(self._keys, self._dialect)
        self._pad = PinPad(self._module, self._keys, sealings.sets_of(self._keys, self._dialect), fleet)
        self._framing = asked.framing or (self._dialect.framing if asked.dialect else listener.framing)
        check_framing(self._framing)
        self._address: Address = asked_address(asked.host) if asked.host else listener.address
        self._end = dialling_end(asked.tls_dir, self._member.name, listener, self._address.host if asked.host else "")
        place = home_place(network, self._member, listener, 0)
        self._terminal = f"{self._member.institution[-3:]}{PAY_LETTER}0001"
        self._place = changed(place, terminal=self._terminal)

    # -- one payment

    def pay(self, asked: Asked) -> int:
        """Make it, show it. Returns the exit code."""
        from switch.cli._pos import TillError
        from switch.wire import EncodeError

        try:
            with self._till() as till:
                if asked.kind in ("void", "completion", "increment"):
                    return self._follow_up(till, asked)
                return self._request(till, asked)
        except (TillError, EncodeError) as error:
            raise click.ClickException(str(error)) from None

    @contextmanager
    def _till(self) -> "Iterator[Till]":
        """A link, signed on."""
        from switch.cli._pos import Till
        from switch.simulators.messages import network_request

        till = Till(
            self._address, self._dialect, self._framing, own=self._member.institution, peer=self._network.institution,
            counter=self._last_path.with_name("pay-stan"), end=self._end, hint=spell("serve", self._network),
        )  # fmt: skip
        till.sealing = self._sealing
        try:
            sign_on = network_request("001", self._member.institution, till.now(), till.next_stan(), self._terminal)
            till.sign_on(sign_on)
            yield till
        finally:
            till.close()

    def _request(self, till: "Till", asked: Asked) -> int:
        from switch.cli._chip import entered
        from switch.cli._costs import costs_sentence
        from switch.cli._pos import Last, kept
        from switch.simulators import messages
        from switch.wire.vocabulary import APPROVALS, DE, Answer, mask_pan

        card = self._card(asked)
        amount, place = self._money(asked)
        web = messages.Web(asked.cvv2 or card.cvv2) if asked.channel == "web" else None
        at, stan = till.now(), till.next_stan()
        amount = 0 if asked.kind in ("balance", "verification") else amount
        cash = self._money(replace(asked, amount=asked.cash), "--cash")[0] if asked.cash else 0
        request = messages.request(asked.kind, card, amount, place, at, stan, at.rrn_prefix + stan, web, cash=cash)
        request = messages.allow_partial(request) if asked.partial else request
        if asked.channel == "web" and (asked.chip or asked.tap or asked.wrong):
            raise click.UsageError("--chip, --tap, --wrong: a payment on the web reads no card")
        if asked.channel == "pos":
            file = self._last_path.with_name("pay-chips.json")
            request = entered(
                request,
                card,
                self._network,
                self._module,
                at.day,
                file,
                chip=asked.chip,
                tap=asked.tap,
                wrong=asked.wrong or "",
            )
        if asked.pin:
            request = self._with_pin(request, card, asked.pin)
        said = self._exchange(till, request, asked)
        if said is None:
            return self._take_back(till, request, asked)
        de39 = said.internal.get(DE.RESPONSE_CODE, "")
        click.echo(outcome_of(asked.kind, request, said.internal))
        if de39 not in APPROVALS:
            return _DECLINED
        approval = said.internal.get(DE.APPROVAL_CODE, "")
        if asked.costs:
            approved = int(said.internal.get(DE.AMOUNT, request.get(DE.AMOUNT, "0")))
            click.echo(costs_sentence(self._network, request, approved, self._member.name))
        part = {de: said.internal[de] for de in (DE.AMOUNT,) if de39 == Answer.PARTIAL and de in said.internal}
        standing = kept(request) | part
        last = Last(card=card.name, pan=mask_pan(card.pan), kind=asked.kind, request=standing, approval=approval)
        self._remember(last)
        return 0

    def _with_pin(self, request: "Document", card: "TestCard", typed: str) -> "Document":
        """The request with what was typed, under the acquirer's key; with DUKPT, of a device that is new each time."""
        if self._module is None or not self._keys.pin_key:
            lacking = f"no `pin_key` for {self._member.name} (or, of terminals, their port)"
            raise click.UsageError(f"--pin: {self._network.source} has {lacking}")
        request, reply = self._pad.type(request, card, "" if typed == "card" else typed)
        if not reply.ok:
            raise click.ClickException(f"--pin: {reply.reason}")
        return request

    def _take_back(self, till: "Till", request: "Document", asked: Asked) -> int:
        """Reverse what was not answered. Raises a click error that says what came of that."""
        from switch.simulators import messages
        from switch.wire.vocabulary import ANSWER_NAMES, DE, Answer

        click.echo(paint("error", f"No answer within {ANSWER_S:g} s: taking it back."))
        reversal = messages.reversal(request, "", till.now(), till.next_stan())
        said = self._exchange(till, reversal, asked)
        if said is None:
            raise click.ClickException("no answer, nor to the reversal: see the switch's log")
        de39 = said.internal.get(DE.RESPONSE_CODE, "")
        if de39 != Answer.APPROVED:
            meaning = ANSWER_NAMES.get(de39, "no meaning known")
            raise click.ClickException(
                f"no answer, and the reversal was refused: DE39={de39}, {meaning}; ask the issuer what stands"
            )
        raise click.ClickException("no answer; the reversal was accepted")

    def _follow_up(self, till: "Till", asked: Asked) -> int:
        from switch.cli._pos import Last
        from switch.simulators import messages
        from switch.wire.vocabulary import DE, Answer

        last = Last.read(self._last_path)
        if last is None:
            raise click.ClickException(f"no last payment in {self._last_path}: make one first, `{spell('pay')}`")
        wanted = asked.card or last.card
        if not wanted:
            raise click.ClickException(
                f"the last payment was with {last.pan}, which is no test card: say --card PAN again"
            )
        request = {DE.PAN: self._card(replace(asked, card=wanted)).pan} | last.request
        at, stan = till.now(), till.next_stan()
        if asked.kind == "void":
            left = self._money(replace(asked, amount=asked.actual), "--actual")[0] if asked.actual else 0
            message = messages.reversal(request, last.approval, at, stan, left)
        elif last.kind != "preauth":
            what = "added to" if asked.kind == "increment" else "completed"
            raise click.ClickException(f"the last payment was a {last.kind}: only a pre-authorization can be {what}")
        elif asked.kind == "increment":
            message = messages.increment(request, last.approval, self._money(asked)[0], at, stan)
        else:
            message = messages.completion(request, last.approval, self._money(asked)[0], at, stan)
        said = self._exchange(till, message, asked)
        if said is None and asked.kind == "increment":
            return self._take_back(till, message, asked)
        if said is None:
            raise click.ClickException(
                f"no answer within {ANSWER_S:g} s; say it again: it is done once however often it is said"
            )
        click.echo(outcome_of(asked.kind, message, said.internal))
        if said.internal.get(DE.RESPONSE_CODE) != Answer.APPROVED:
            return _DECLINED
        kind = last.kind if asked.kind == "increment" else asked.kind
        self._remember(Last(card=last.card, pan=last.pan, kind=kind, request=last.request, approval=last.approval))
        return 0

    def _exchange(self, till: "Till", message: "Document", asked: Asked) -> "Said | None":
        """Send, show, wait, show."""
        import time

        from switch.wire.vocabulary import DE

        began = time.perf_counter()
        sent = till.send(message)
        if not asked.quiet:
            self._show(f"-> {sent.link[DE.MTI]} to {self._address}, {self._dialect.name}, {sent.size} bytes", sent)
        said = till.answer_to(message, ANSWER_S)
        if said is not None and not asked.quiet:
            took_ms = (time.perf_counter() - began) * 1000
            self._show(f"<- {said.link[DE.MTI]} after {took_ms:.1f} ms, {said.size} bytes", said)
        return said

    def _show(self, head: str, said: "Said") -> None:
        from switch.wire.describe import describe

        click.echo(f"{paint('place', head)}\n{describe(self._dialect, said.link, paint)}\n")

    # -- what was asked for

    def _card(self, asked: Asked) -> "TestCard":
        from switch.simulators.cards import EXPIRY, TestCard, find_card

        card = find_card(self._cards, asked.card or "1")
        if card is None:
            pan = asked.card.replace(" ", "").replace("-", "")
            if not (pan.isascii() and pan.isdecimal() and 12 <= len(pan) <= 19):
                raise click.BadParameter(
                    f"{asked.card!r} is neither a test card (`cmi-switch cards`) nor a PAN", param_hint="--card"
                )
            card = TestCard(name="", pan=pan, expiry=EXPIRY, cvv2="", pin="", issuer="", scheme="", product="", country="",
                            currency="", balance=0)  # fmt: skip
        if not asked.expiry:
            return card
        if not (len(asked.expiry) == 4 and asked.expiry.isdecimal() and asked.expiry.isascii()):
            raise click.BadParameter(f"expected YYMM, found {asked.expiry!r}", param_hint="--expiry")
        return changed(card, expiry=asked.expiry)

    def _money(self, asked: Asked, option: str = "--amount") -> "tuple[int, Place]":
        """Amount in minor units, and the place with its currency and country."""
        from switch.money import CurrencyError, parse_money
        from switch.money.country import BY_THREE

        try:
            minor, currency = parse_money(asked.amount, self._network.currency)
        except CurrencyError as error:
            raise click.BadParameter(str(error), param_hint=option) from None
        if not 0 <= minor < 10**12:
            raise click.BadParameter("an amount has up to 12 digits and is not below 0", param_hint=option)
        place = changed(self._place, currency=currency)
        if asked.merchant_country:
            country = asked.merchant_country.upper()
            place = changed(place, country_alpha=BY_THREE.get(country, country))
        return minor, place

    def _remember(self, last: "Last") -> None:
        try:
            last.write(self._last_path)
        except OSError as error:
            click.echo(f"note: cannot keep the last payment ({error}); void and completion will not find it", err=True)

    # -- by conversation

    def converse(self) -> None:
        """Ask for a card, an amount, a type; pay; offer what can follow; again."""
        places = {c.name: i for i, c in enumerate((c for c in self._cards if c.shows), 1)}
        for card in self._cards:
            if card.shows and (card.issuer == self._member.name or (card.issuer == card.scheme and card.de39 == "00")):
                click.echo(f"{places[card.name]:>3}  {card.name:<18} {card.shows}")
        click.echo("More: `cmi-switch cards`.")
        asked = Asked(card="1", amount="100.00", kind="purchase", channel="pos", cvv2="", expiry="", merchant_country="",
                      bank="", port="", host="", dialect="", network="", quiet=False)  # fmt: skip
        while True:
            asked = self._ask(asked)
            approved = self._try(asked)
            while True:
                offer = "[n]ew payment, [v]oid it, [c]omplete it, [q]uit" if approved else "[n]ew payment, [q]uit"
                choice = click.prompt(f"Next: {offer}", default="n", show_default=False)[:1].lower()
                if choice == "q":
                    return
                if not (approved and choice in ("v", "c")):
                    break
                following = replace(asked, kind="void" if choice == "v" else "completion", card="")
                if choice == "c":
                    following = replace(following, amount=click.prompt("Amount", default=asked.amount))
                self._try(following)

    def _try(self, asked: Asked) -> bool:
        """Pay; True if approved. What goes wrong is said, and ends nothing."""
        try:
            return self.pay(asked) == 0
        except click.ClickException as error:
            click.echo(paint("error", f"Error: {error.format_message()}"))
            return False

    @staticmethod
    def _ask(base: Asked) -> Asked:
        card = click.prompt("Card", default=base.card)
        kind = click.prompt("Type", default=base.kind, type=click.Choice(TYPES[:6]))
        amount = base.amount if kind in ("balance", "verification") else click.prompt("Amount", default=base.amount)
        channel = click.prompt("Channel", default=base.channel, type=click.Choice(["pos", "web"]))
        cvv2 = click.prompt("CVV2 (empty: the card's own)", default="", show_default=False) if channel == "web" else ""
        return replace(base, card=card, kind=kind, amount=amount, channel=channel, cvv2=cvv2)
