"""`cmi-switch till`: a classic terminal at work: one message a connection, and what it has not settled kept in a file."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from switch.cli._network import load
from switch.cli._tls import dialling_end, tls_option
from switch.counting import counted

if TYPE_CHECKING:
    from switch.core.network import Listener, Network
    from switch.simulators.cards import TestCard
    from switch.simulators.classic import ClassicTerminal
    from switch.wire.vocabulary import Document

F = TypeVar("F", bound=Callable[..., Any])
ANSWER_S = 30.0
TERMINAL_MAX = 8
"""characters of DE41"""
_DECLINED = 3


@click.group
def command() -> None:
    """Play a classic terminal: no sign-on, no DE7, a connection for each message.

    It dials a [[listener]] with `profile = "classic"`, and remembers its batch in the network's state directory. What was not
    answered is sent once more, then reversed before anything else. Exit code 0: approved; 3: declined; 1: no answer.

    \b
    Examples:
      cmi-switch till sale --network tills.toml --amount 150
      cmi-switch till sale --network tills.toml --card 51          a decline
      cmi-switch till refund --network tills.toml --amount 20
      cmi-switch till void --network tills.toml                    the last sale that stands
      cmi-switch till settle --network tills.toml                  totals compared; uploaded where they differ
      cmi-switch till show --network tills.toml                    what it has not settled
    """


def options(of: F) -> F:
    """Which terminal, on which port."""
    for option in (
        click.option("--network", default="morocco", show_default=True, help="Network file."),
        click.option("--port", default="", metavar="NAME", help="Listener with the profile. [default: the first]"),
        click.option("--terminal", default="TILL0001", show_default=True, metavar="DE41", help="Which terminal it is."),
        click.option("--again", default=1, show_default=True, help="Sends so often again what is not answered."),
        tls_option,
    ):
        of = option(of)
    return of


@command.command
@options
@click.option("--card", default="1", show_default=True, help="Number, name or scenario of `cmi-switch cards`.")
@click.option("--amount", default="100.00", show_default=True, help="In the home currency.")
def sale(card: str, amount: str, **which: Any) -> None:
    """Sell."""
    _pay("sale", card, amount, which)


@command.command
@options
@click.option("--card", default="1", show_default=True, help="Number, name or scenario of `cmi-switch cards`.")
@click.option("--amount", default="100.00", show_default=True, help="In the home currency.")
def refund(card: str, amount: str, **which: Any) -> None:
    """Give money back."""
    _pay("refund", card, amount, which)


@command.command
@options
@click.option("--stan", default="", metavar="STAN", help="Which payment. [default: the last that stands]")
def void(stan: str, **which: Any) -> None:
    """Void a payment that has not been settled."""
    from switch.simulators.classic import APPROVED
    from switch.wire.vocabulary import Answer

    till = Counter(which)
    standing = [r for r in till.memory.receipts if r.status == APPROVED and stan.rjust(6, "0") in (r.stan, "000000")]
    if not standing:
        raise click.ClickException("nothing stands that has not been settled, with that STAN: `cmi-switch till show`")
    receipt = standing[-1]
    card = next((c for c in till.cards if _masked(c) == receipt.pan), None)
    if card is None:
        raise click.ClickException(f"{receipt.pan}, which paid, is no test card of {till.network.source} any more")
    with till as terminal:
        de39 = terminal.void(till.ask, receipt, card)
    if de39 != Answer.APPROVED:
        raise click.ClickException(f"not voided: {_meaning(de39)}")
    click.echo(f"Voided: {receipt.kind} of {till.money(receipt.amount)} with {receipt.pan}, STAN {receipt.stan}.")


@command.command
@options
def settle(**which: Any) -> None:
    """Compare totals with the switch, and begin the next batch."""
    from switch.wire.vocabulary import Answer

    till = Counter(which)
    batch = till.memory.batch
    with till as terminal:
        settled = terminal.settle(till.ask)
    if settled is None or settled.de39 != Answer.APPROVED:
        why = "a reversal is owed, and does not get through" if settled is None else _meaning(settled.de39)
        raise click.ClickException(f"not settled: {why}")
    sales, sold, refunds, refunded = settled.totals
    how = ", after an upload" if settled.uploaded else ""
    sums = f"{counted(sales, 'sale')} of {till.money(sold)}, {counted(refunds, 'refund')} of {till.money(refunded)}"
    click.echo(f"Settled: batch {batch}, {sums}{how}.")


@command.command
@options
def show(**which: Any) -> None:
    """Show what it has not settled."""
    from switch.wire.vocabulary import DE

    till = Counter(which)
    for r in till.memory.receipts:
        click.echo(f"{r.stan}  {r.kind:<6}  {r.pan}  {till.money(r.amount):>14}  {r.status}")
    if till.memory.owed:
        click.echo(f"a reversal of STAN {till.memory.owed[DE.STAN]} goes first")


def _pay(kind: str, card: str, amount: str, which: dict[str, Any]) -> None:
    from switch.money import CurrencyError, parse_money
    from switch.simulators.cards import find_card
    from switch.simulators.classic import APPROVED, NOT_KNOWN, BatchFullError

    till = Counter(which)
    found = find_card(till.cards, card)
    if found is None:
        raise click.BadParameter(f"{card!r} is no test card (`cmi-switch cards`)", param_hint="--card")
    try:
        minor, _ = parse_money(amount, till.network.currency)
    except CurrencyError as error:
        raise click.BadParameter(str(error), param_hint="--amount") from None
    with till as terminal:
        try:
            receipt = terminal.pay(till.ask, kind, found, minor)
        except BatchFullError as error:
            raise click.ClickException(f"{error} (`cmi-switch till settle`)") from None
    if receipt is None:
        raise click.ClickException("a reversal is owed, and is not acknowledged: nothing else is sent before it")
    about = f"{kind} of {till.money(minor)} with {receipt.pan}, STAN {receipt.stan}"
    if receipt.status == NOT_KNOWN:
        raise click.ClickException(f"no answer: {about}; it is reversed before the next payment")
    if receipt.status != APPROVED:
        click.echo(f"Declined: {about}: {_meaning(receipt.de39)}.")
        raise SystemExit(_DECLINED)
    click.echo(f"Approved: {about}, approval code {receipt.approval or 'none'}.")


class Counter:
    """A terminal, its file and its line. In a `with`, what it remembers is written at the end, whatever happens."""

    def __init__(self, which: dict[str, Any]) -> None:
        """`which`: the options. ClickException: its file cannot be read, or it has no such name."""
        import msgspec

        from switch.simulators.build import find_member
        from switch.simulators.cards import demo_cards
        from switch.simulators.classic import Memory
        from switch.wire import Dialect

        self.network: Network = load(which["network"])
        self._listener = _port(self.network, which["port"])
        member = find_member(self.network, self._listener.members[0])
        self._end = dialling_end(which["tls_dir"], member.name, self._listener)
        self.cards: tuple[TestCard, ...] = demo_cards(self.network)
        self._dialect = Dialect.load(self._listener.dialect)
        self._again = which["again"]
        self._merchant = f"{member.institution[-6:]}000001"
        name = which["terminal"]
        if not (1 <= len(name) <= TERMINAL_MAX and name.isascii() and name.isprintable() and "/" not in name):
            said = f"{name!r}: expected 1 to {TERMINAL_MAX} characters of ASCII without a slash, as DE41 has them"
            raise click.BadParameter(said, param_hint="--terminal")
        self._path = Path(self.network.state_dir) / f"till-{name}.json"
        try:
            self.memory: Memory = msgspec.json.decode(self._path.read_bytes(), type=Memory)
        except FileNotFoundError:
            self.memory = Memory(terminal=name)
        except (OSError, msgspec.DecodeError) as error:
            raise click.ClickException(
                f"{self._path}: what this terminal has not settled cannot be read ({error}): bring the file back, or "
                "move it away and settle by hand what it had"
            ) from None

    def __enter__(self) -> "ClassicTerminal":
        import time

        from switch.simulators.classic import ClassicTerminal

        return ClassicTerminal(
            self.memory,
            self._merchant,
            lambda: time.strftime("%m%d%H%M%S"),
            repeats=max(0, self._again),
            keep=self._write,
        )

    def __exit__(self, *_: object) -> None:
        self._write()

    def _write(self) -> None:
        import msgspec

        self._path.parent.mkdir(parents=True, exist_ok=True)
        aside = self._path.with_suffix(".part")
        aside.touch(mode=0o600)
        aside.write_bytes(msgspec.json.encode(self.memory))
        aside.replace(self._path)

    def money(self, minor: int) -> str:
        """An amount in words."""
        from switch.money import format_amount

        return format_amount(minor, self.network.currency)

    def ask(self, message: "Document") -> "Document | None":
        """One message on a connection of its own; None: no answer came."""
        from switch.wire import DecodeError
        from switch.wire.framing import FramingError, make_framing

        framing = make_framing(self._listener.framing)
        header = {"h": "6000030001"} if "h" in self._dialect.elements else {}
        data = framing.frame(self._dialect.encode({**header, **message}))
        try:
            with self._dial() as line:
                line.sendall(data)
                while not (frames := framing.feed(line.recv(65_536) or _hung_up())):
                    pass
            return self._dialect.decode(frames[0])
        except TimeoutError:
            return None
        except (OSError, FramingError, DecodeError) as error:
            click.echo(f"note: no answer: {error}", err=True)
            return None

    def _dial(self) -> Any:
        import socket

        address = self._listener.address
        line = socket.create_connection((address.host, address.port), timeout=ANSWER_S)
        if self._end is None:
            return line
        return self._end.context.wrap_socket(line, server_hostname=self._end.side.asks_for or None)


def _hung_up() -> bytes:
    raise ConnectionResetError("the other side hung up; the switch's log says why")


def _port(network: "Network", name: str) -> "Listener":
    ports = [x for x in network.listeners if x.profile == "classic" and name in ("", x.name)]
    if not ports:
        raise click.UsageError(
            f'{network.source} has no [[listener]]{f" {name}" if name else ""} with profile = "classic"; '
            "docs/classic-terminals.md shows one"
        )
    return ports[0]


def _masked(card: "TestCard") -> str:
    from switch.wire.vocabulary import mask_pan

    return mask_pan(card.pan)


def _meaning(de39: str) -> str:
    from switch.wire.vocabulary import ANSWER_NAMES

    return f"DE39={de39}, {ANSWER_NAMES.get(de39, 'no meaning known')}" if de39 else "no answer came"
