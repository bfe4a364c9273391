"""What a load of payments is made of: kinds, cards, amounts, drawn by an injected random source."""

from collections.abc import Sequence

import msgspec

from switch.simulators import messages
from switch.simulators.cards import TestCard
from switch.simulators.faults import RandomSource
from switch.simulators.host import MS
from switch.simulators.messages import Web
from switch.simulators.proofs import demo_proof
from switch.simulators.under_way import Plan

VOID, PART = "void", "part"
_FAULTY_ENDINGS = ("silent", "late")
_PERCENT = frozenset({"less", "undone", "increments", "foreign", "showcase", "silent", "wrong_cvv2"})
_WEIGHT_MAX = 1_000_000


class MixError(ValueError):
    """A `--mix` that cannot be read: the key, its value, what was expected."""


class NoCardsError(ValueError):
    """A network file without a test card that payments could be made with."""


class Mix(msgspec.Struct, frozen=True, kw_only=True):
    """Weights of kinds, and shares (percent) of what is special."""

    purchase: float = 52
    web: float = 18
    cash: float = 10
    refund: float = 4
    balance: float = 5
    preauth: float = 6
    """with its completion"""
    void: float = 5
    """a purchase taken back"""
    part: float = 0
    """a purchase taken back in part"""
    cashback: float = 0
    """a purchase of which a part is paid out"""
    less: float = 0
    """percent of payments of terminals that can take an approval of a part"""
    undone: float = 0
    """percent of pre-authorizations that are taken back as soon as they have been completed: those captured for the least"""
    increments: float = 0
    """percent of pre-authorizations that are added to before they are completed; of these some increments, and some
    pre-authorizations with theirs, are taken back"""
    foreign: float = 15
    """percent of payments with a foreign card"""
    showcase: float = 4
    """percent with a card that is there to show a decline"""
    silent: float = 0
    """percent with a card whose issuer stays silent or answers late: each costs the switch's whole timeout"""
    wrong_cvv2: float = 3
    """percent of web payments with another CVV2 than the card's"""

    @classmethod
    def parse(cls, text: str) -> "Mix":
        """`purchase=60,web=20,silent=1`: what is named replaces the default. Kinds are weights, the others percent."""
        values: dict[str, float] = {}
        for item in filter(None, (part.strip() for part in text.split(","))):
            key, _, value = item.partition("=")
            if key not in cls.__struct_fields__:
                raise MixError(f"{key!r} is no part of a mix; there are {', '.join(cls.__struct_fields__)}")
            try:
                values[key] = float(value)
            except ValueError:
                raise MixError(f"{key}: expected a number, found {value!r}") from None
            most = 100 if key in _PERCENT else _WEIGHT_MAX
            if not 0 <= values[key] <= most:
                raise MixError(f"{key}: expected a number from 0 to {most:,}, found {value!r}")
        mix = cls(**values)
        if not any(weight for _, weight in mix.kinds()):
            raise MixError("a mix needs a kind with a weight above 0")
        if mix.foreign + mix.showcase + mix.silent > 100:
            raise MixError(
                f"foreign, showcase and silent are percent of the same payments: {text!r} makes them more than 100"
            )
        return mix

    def kinds(self) -> list[tuple[str, float]]:
        """Kinds and their weights."""
        return [
            (messages.PURCHASE, self.purchase), (messages.WEB, self.web), (messages.CASH, self.cash),
            (messages.REFUND, self.refund), (messages.BALANCE, self.balance), (messages.PREAUTH, self.preauth),
            (VOID, self.void), (PART, self.part), (messages.CASH_BACK, self.cashback),
        ]  # fmt: skip


class Job(msgspec.Struct, frozen=True):
    """One payment to make."""

    kind: str
    """of `messages.KINDS`"""
    card: TestCard
    amount: int
    """minor units of the terminal's currency"""
    web: Web | None
    plan: Plan


class Deck:
    """Cards by what a mix asks for."""

    def __init__(self, cards: Sequence[TestCard], home: str) -> None:
        """`home`: ISO 3166 numeric; cards of other countries are foreign. Raises NoCardsError."""
        self.domestic = [c for c in cards if c.plain and c.country == home]
        self.foreign = [c for c in cards if c.country != home and not c.fault and c.de39 == "00"]
        self.silent = [c for c in cards if c.fault in _FAULTY_ENDINGS]
        self.showcase = [c for c in cards if c.shows and c.fault not in _FAULTY_ENDINGS]
        self._ordinary = self.domestic or self.foreign
        if not self._ordinary:
            raise NoCardsError(
                "there is no card to pay with: the network file needs a [[bin]] with an issuer, or of a foreign one"
            )

    def deal(self, mix: Mix, rng: RandomSource) -> Job:
        """The next payment of a mix."""
        at = rng.random() * 100
        for share, cards in ((mix.silent, self.silent), (mix.foreign, self.foreign), (mix.showcase, self.showcase)):
            if at < share and cards:
                card = cards[rng.randrange(0, len(cards))]
                return _show(card, rng) if cards is self.showcase else _job(mix, card, rng)
            at -= share
        return _job(mix, self._ordinary[rng.randrange(0, len(self._ordinary))], rng)


def _kind(mix: Mix, rng: RandomSource) -> str:
    kinds = mix.kinds()
    at = rng.random() * sum(weight for _, weight in kinds)
    for kind, weight in kinds:
        if at < weight:
            return kind
        at -= weight
    return kinds[0][0]


def _amount(kind: str, rng: RandomSource) -> int:
    """Minor units: small purchases and few large ones; cash in round notes."""
    if kind == messages.BALANCE:
        return 0
    if kind == messages.CASH:
        return rng.randrange(1, 21) * 100_00
    return min(max(5_00, int(rng.lognormvariate(9.6, 0.8))), 5_000_00)


def _job(mix: Mix, card: TestCard, rng: RandomSource) -> Job:
    kind = _kind(mix, rng)
    amount = _amount(kind, rng)
    if kind == messages.WEB:
        return Job(kind, card, amount, _web(mix, card, rng), Plan())
    if kind == messages.PREAUTH:
        percent = rng.randrange(50, 101)
        pause = _pause(rng)
        undo = pause // 10 if 2 * (percent - 50) < mix.undone else 0
        captured = amount * percent // 100
        plan = Plan(complete_after_ns=pause, completed_amount=captured, undo_after_ns=undo)
        if mix.increments and rng.random() * 100 < mix.increments:
            plan = _added_to(plan, amount, rng)
        return Job(kind, card, amount, None, plan)
    if kind == VOID:
        return Job(messages.PURCHASE, card, amount, None, Plan(void_after_ns=_pause(rng)))
    if kind == PART:
        return Job(messages.PURCHASE, card, amount, None, Plan(void_after_ns=_pause(rng), left=amount // 2))
    return Job(kind, card, amount, None, Plan())


def _added_to(plan: Plan, amount: int, rng: RandomSource) -> Plan:
    """The plan with an increment of a tenth to a half of what is held."""
    ending = rng.random()
    return msgspec.structs.replace(
        plan,
        increment_after_ns=_pause(rng),
        increment=max(1, amount * rng.randrange(10, 51) // 100),
        increment_undone=ending < 0.2,
        cancelled=0.2 <= ending < 0.35,
    )


def _pause(rng: RandomSource) -> int:
    """Between an approval and what follows it: half a second to two and a half."""
    return rng.randrange(500, 2_500) * MS


def _web(mix: Mix, card: TestCard, rng: RandomSource) -> Web:
    if rng.random() * 100 < mix.wrong_cvv2:
        return Web(other_value(card.cvv2))
    if rng.random() < 0.5:
        return Web(card.cvv2, "05", demo_proof(card))
    return Web(card.cvv2)


def other_value(cvv2: str) -> str:
    """A CVV2 of as many digits that is not this one."""
    return f"{(int(cvv2) + 1) % 10 ** len(cvv2):0{len(cvv2)}d}"


def _show(card: TestCard, rng: RandomSource) -> Job:
    """The payment that brings out what a showcase card is there to show."""
    if card.forbidden:
        return Job(messages.CASH, card, 200_00, None, Plan())
    if card.name.endswith("-n7"):
        return Job(messages.WEB, card, 150_00, Web(other_value(card.cvv2)), Plan())
    limit = card.per_transaction or card.per_day
    amount = limit + 100_00 if limit else _amount(messages.PURCHASE, rng) + 20_00
    return Job(messages.PURCHASE, card, amount, None, Plan())
