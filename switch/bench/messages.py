"""What a load generator says: sign-on, purchases of many cards, and answers to a host's own network messages. Knows no clock."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final, Protocol, overload

import msgspec

from switch.bench.layout import Template
from switch.core.messages.internal import answer
from switch.core.messages.translator import Translator, translator_for
from switch.simulators.cards import EXPIRY
from switch.wire import Dialect, Document
from switch.wire.framing import Framing
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import DE, Answer, NetworkCode


class Card(msgspec.Struct, frozen=True):
    """What a purchase says of a card."""

    pan: str
    expiry: str
    """YYMM"""


class CardRange(Sequence[Card]):
    """`count` PANs of 16 digits under `prefix`, with right check digits, each made as it is asked for."""

    def __init__(self, prefix: str, count: int, expiry: str = EXPIRY) -> None:
        """`expiry`: YYMM. ValueError: the prefix leaves no room for them."""
        self._prefix, self._count, self._expiry = prefix, count, expiry
        self._room = 15 - len(prefix)
        if not prefix.isdigit() or self._room < 1 or count > 10**self._room:
            raise ValueError(f"{prefix!r} leaves no room for {count} card numbers of 16 digits")

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Card: ...

    @overload
    def __getitem__(self, index: slice) -> list[Card]: ...

    def __getitem__(self, index: int | slice) -> Card | list[Card]:
        """The card with this number, or those."""
        if isinstance(index, slice):
            return [self[n] for n in range(*index.indices(self._count))]
        if not -self._count <= index < self._count:
            raise IndexError(index)
        body = f"{self._prefix}{index % self._count:0{self._room}d}"
        return Card(body + luhn_digit(body), self._expiry)


def cards_of(prefix: str, count: int, expiry: str = EXPIRY) -> list[Card]:
    """The same, all made now."""
    return list(CardRange(prefix, count, expiry))


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What every message of a run says, whatever its card."""

    institution: str
    """DE32, in payments and in the sign-on"""
    local_time: str
    """YYMMDDhhmmss: DE12 and DE13, the same all through a run"""
    amount: int = 12_350
    """minor units"""
    currency: str = "504"
    terminal: str = "BENCH001"
    set: dict[str, str] = {}
    """elements to say otherwise, by number, in internal format (a 1987 document)"""
    without: Sequence[str] = ()
    """elements to leave out"""


class Speech:
    """A dialect with its translator and one run's settings."""

    def __init__(self, dialect: Dialect, settings: Settings) -> None:
        """ValueError: the dialect's family has no translator."""
        self.dialect = dialect
        self._settings = settings
        self._translator: Translator = translator_for(
            dialect,
            settings.institution,
            "",
            lambda: datetime.strptime(settings.local_time[:6], "%y%m%d").replace(tzinfo=UTC).date(),
        )

    def purchase(self, card: Card) -> Document:
        """A purchase as the link says it; DE7, DE11 and DE37 are to be filled in."""
        settings = self._settings
        internal: Document = {
            DE.MTI: "0200", DE.PAN: card.pan, DE.PROCESSING_CODE: "000000", DE.AMOUNT: f"{settings.amount:012d}",
            DE.TRANSMISSION_TIME: "0101000000", DE.STAN: "000001", DE.LOCAL_TIME: settings.local_time[6:],
            DE.LOCAL_DATE: settings.local_time[2:6], DE.EXPIRY: card.expiry, DE.MERCHANT_TYPE: "5411",
            DE.ACQUIRER_COUNTRY: "504", DE.ENTRY_MODE: "051", DE.CONDITION_CODE: "00", DE.ACQUIRER: settings.institution,
            DE.TRACK2: f"{card.pan}={card.expiry}2010000012300000"[:37], DE.RRN: "000000000001", DE.TERMINAL: settings.terminal,
            DE.MERCHANT: settings.institution.ljust(15, "0")[:15], DE.MERCHANT_NAME: "BENCH MARKET              RABAT       MA",
            DE.CURRENCY: settings.currency,
        }  # fmt: skip
        internal.update(settings.set)
        for de in settings.without:
            internal.pop(de, None)
        return self._translator.outward(internal, None)

    def template(self, card: Card, framing: Framing) -> Template:
        """Its purchase, encoded and framed, with holes. Raises EncodeError, FramingError; KeyError: DE7, 11 or 37 is left out."""
        return Template(self.purchase(card), self.dialect, framing.frame)

    def sign_on(self, time: str, stan: str) -> bytes:
        """0800 with DE70=001, not framed."""
        internal: Document = {
            DE.MTI: "0800", DE.TRANSMISSION_TIME: time, DE.STAN: stan, DE.ACQUIRER: self._settings.institution,
            DE.NETWORK_CODE: NetworkCode.SIGN_ON,
        }  # fmt: skip
        return self.dialect.encode(self._translator.outward(internal, None))

    def inward(self, document: Document) -> Document:
        """A link's document in internal format."""
        return self._translator.inward(document)

    def network_answer(self, raw: Document) -> bytes:
        """The answer to a host's 0800, not framed: granted."""
        return self.dialect.encode(self._translator.outward(answer(self.inward(raw), Answer.APPROVED), raw))


MADE_AT_ONCE: Final = 1_000
"""cards of which all templates are made before a run"""
_STRIDE: Final = 1_000_003
"""a prime: one card after the other, far from each other"""


class Templates(Protocol):
    """Templates by the number of their message; as many as there are cards."""

    def __len__(self) -> int: ...

    def __getitem__(self, index: int, /) -> Template: ...


class _LateTemplates:
    """Of more cards than memory is to hold templates: each is made as it is sent, some 10 µs of the load's own processor."""

    def __init__(self, speech: Speech, cards: Sequence[Card], framing: Framing) -> None:
        self._speech, self._cards = speech, cards
        self._first = speech.template(cards[0], framing)

    def __len__(self) -> int:
        return len(self._cards)

    def __getitem__(self, index: int, /) -> Template:
        card = self._cards[index * _STRIDE % len(self._cards)]
        return self._first.again(self._speech.purchase(card))


def make_templates(speech: Speech, cards: Sequence[Card], framing: Framing) -> Templates:
    """The templates of a run's cards: made now, or where there are many as they are sent, all over the range."""
    if len(cards) > MADE_AT_ONCE:
        return _LateTemplates(speech, cards, framing)
    return [speech.template(card, framing) for card in cards]
