"""Statements of a period: of a merchant, of a member, of all. In: the ledger's entries and a settlement. Out: values, no text.

All sums are minor units of the home currency, signed: above zero is what the one who reads it gets. What a merchant was paid in
another currency is stated apart, and in no sum. Pure.
"""

from collections.abc import Iterable, Mapping

import msgspec

from switch.ledger.entries import DISPUTE, MERCHANT, PAYMENT, VAT, Entry, is_inner, is_merchant
from switch.ledger.levels import Costs, Level, by_level, level_of
from switch.ledger.netting import Settlement
from switch.ledger.rules import What


class Period(msgspec.Struct, frozen=True, kw_only=True):
    """What a statement is about."""

    name: str
    """a window `2026-11-27/1`, a day `2026-11-27` or a month `2026-11`"""
    windows: tuple[str, ...]
    """of it, oldest first"""
    open: bool = False
    """the last of them is not closed yet: more may come"""


class MerchantLine(msgspec.Struct, frozen=True, kw_only=True):
    """One entry as its merchant sees it."""

    day: str
    at_us: int
    """wall-clock µs"""
    txn: str
    """hexadecimal"""
    what: str
    of_day: str
    """business day of the payment that it changes, where that is another one"""
    card: str
    """`national`, `local` or `foreign`; "": a fee without a payment"""
    scheme: str
    currency: str
    """numeric, of `gross`"""
    gross: int
    charges: tuple[tuple[str, int], ...]
    """by kind; below zero: the merchant pays; of a month that is free, none"""
    vat: int
    net: int
    """what it comes to: gross and charges and tax; charges and tax alone where `currency` is not the home currency"""


class MerchantStatement(msgspec.Struct, frozen=True, kw_only=True):
    """What a merchant is paid, and what that costs it."""

    network: str
    merchant: str
    """DE42"""
    acquirers: tuple[str, ...]
    period: Period
    currency: str
    lines: tuple[MerchantLine, ...]
    levels: Mapping[str, Costs]
    """by `card`"""
    gross: int
    charges: tuple[tuple[str, int], ...]
    vat: int
    net: int
    """what the acquirer owes the merchant"""
    elsewhere: tuple[tuple[str, int], ...]
    """gross in other currencies, by numeric code"""
    standing: tuple[tuple[str, int], ...]
    """of `charges`, by kind, those without a payment; before tax"""


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What a party has with one other, in one currency."""

    party: str
    counterpart: str
    """"": all that settle multilaterally together; a network's name: with it"""
    currency: str
    owes: int
    owed: int
    kinds: tuple[tuple[str, int], ...]
    net: int


class MemberStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A member's positions, and what its merchants' payments cost."""

    network: str
    member: str
    period: Period
    currency: str
    parts: tuple[Part, ...]
    with_members: tuple[tuple[str, int], ...]
    """of the multilateral net in the home currency: by whom it is owed"""
    levels: Mapping[str, Costs]
    """of its merchants"""
    merchants: tuple[tuple[str, int], ...]
    """DE42 -> what the member owes it, the largest first"""
    standing: tuple[tuple[str, int], ...]
    """by kind, what its merchants are charged without a payment, before tax: below zero, they pay"""


class DayStatement(msgspec.Struct, frozen=True, kw_only=True):
    """All positions of a period."""

    network: str
    period: Period
    currency: str
    entries: int
    gross: int
    moved: int
    """instead of the gross"""
    parts: tuple[Part, ...]
    levels: Mapping[str, Costs]
    fees: tuple[tuple[str, str, int], ...]
    """by kind and numeric currency, what those get in all who get more of it than they pay; merchants are in none"""
    unpriced: int
    standing: tuple[tuple[str, int], ...]
    """by kind, what merchants are charged without a payment, before tax: below zero, they pay"""


def merchant_statement(
    network: str, merchant: str, period: Period, entries: Iterable[Entry], networks: Mapping[str, str], home: str
) -> MerchantStatement:
    """`networks`: name -> scheme. `home`: numeric currency. Of entries, those of the merchant count."""
    account, lines, own, acquirers = MERCHANT + merchant, [], [], dict[str, None]()
    charges: dict[str, int] = {}
    elsewhere: dict[str, int] = {}
    for entry in entries:
        of_entry = _merchant_lines(entry, account, networks, home)
        if not of_entry:
            continue
        lines += of_entry
        own.append(entry)
        acquirers[entry.acquirer] = None
        for line in of_entry:
            for kind, amount in line.charges:
                charges[kind] = charges.get(kind, 0) + amount
            if line.currency != home:
                elsewhere[line.currency] = elsewhere.get(line.currency, 0) + line.gross
    return MerchantStatement(
        network=network,
        merchant=merchant,
        acquirers=tuple(acquirers),
        period=period,
        currency=home,
        lines=tuple(lines),
        levels=_levels(own, networks, home),
        gross=sum(line.gross for line in lines if line.currency == home),
        charges=tuple(charges.items()),
        vat=sum(line.vat for line in lines),
        net=sum(line.net for line in lines),
        elsewhere=tuple(sorted(elsewhere.items())),
        standing=_standing(own),
    )


def _merchant_lines(entry: Entry, account: str, networks: Mapping[str, str], home: str) -> list[MerchantLine]:
    """One, and one more of each other currency that it moves: an advice may say another one than the payment's. None: it has
    nothing to do with the merchant."""
    gross = {entry.currency: 0}
    vat = 0
    charges: dict[str, int] = {}
    for payer, payee, kind, code, amount in entry.moves:
        if account not in (payer, payee):
            continue
        signed = amount if payee == account else -amount
        if kind in (PAYMENT, DISPUTE):
            gross[code] = gross.get(code, 0) + signed
        elif kind == VAT:
            vat += signed
        else:
            charges[kind] = charges.get(kind, 0) + signed
    if not (any(gross.values()) or vat or charges or _is_free(entry, account)):
        return []
    line = MerchantLine(
        day=entry.window.day,
        at_us=entry.at_us,
        txn=f"{entry.txn:x}",
        what=entry.what,
        of_day=entry.of_day,
        card="" if entry.what == What.CHARGE else level_of(entry, networks) or Level.FOREIGN,
        scheme=entry.scheme,
        currency=entry.currency,
        gross=gross[entry.currency],
        charges=tuple(charges.items()),
        vat=vat,
        net=(gross[entry.currency] if entry.currency == home else 0) + sum(charges.values()) + vat,
    )
    others = [
        msgspec.structs.replace(line, currency=code, gross=amount, charges=(), vat=0, net=amount if code == home else 0)
        for code, amount in gross.items()
        if code != entry.currency
    ]
    return [*others, line]


def _is_free(entry: Entry, account: str) -> bool:
    """True for a month of this merchant's that costs it nothing: it is told so all the same."""
    return entry.what == What.CHARGE and not entry.moves and MERCHANT + entry.merchant == account


def merchants_of(entries: Iterable[Entry]) -> dict[str, str]:
    """DE42 -> acquirer, of every merchant that has an entry."""
    found: dict[str, str] = {}
    for entry in entries:
        if entry.what == What.CHARGE:
            found[entry.merchant] = entry.acquirer
        for move in entry.moves:
            for party in move[:2]:
                if party.startswith(MERCHANT):
                    found[party.removeprefix(MERCHANT)] = entry.acquirer
    return found


def member_statement(
    network: str,
    member: str,
    period: Period,
    settlement: Settlement,
    entries: Iterable[Entry],
    networks: Mapping[str, str],
    home: str,
) -> MemberStatement:
    """`settlement`: of the whole period. KeyError: the member has no position in it."""
    parts = tuple(part for part in _parts(settlement) if part.party == member)
    if not parts:
        raise KeyError(member)
    own = [entry for entry in entries if member in (entry.acquirer, entry.issuer)]
    against: dict[str, int] = {}
    merchants: dict[str, int] = {}
    for entry in own:
        for account, code, amount in entry.lines:
            other = account.counterpart
            if account.owner != member or code != home or other in networks:
                continue
            if other.startswith(MERCHANT):
                merchants[other.removeprefix(MERCHANT)] = merchants.get(other.removeprefix(MERCHANT), 0) - amount
            elif not is_inner(other):
                against[other] = against.get(other, 0) + amount
    return MemberStatement(
        network=network,
        member=member,
        period=period,
        currency=home,
        parts=parts,
        with_members=tuple(sorted(against.items())),
        levels=_levels([entry for entry in own if entry.acquirer == member], networks, home),
        merchants=tuple(sorted(merchants.items(), key=lambda item: (-item[1], item[0]))),
        standing=_standing(entry for entry in own if entry.acquirer == member),
    )


def day_statement(
    network: str,
    period: Period,
    settlement: Settlement,
    entries: Iterable[Entry],
    networks: Mapping[str, str],
    home: str,
) -> DayStatement:
    """`settlement`: of the whole period."""
    entries = list(entries)
    (net, *_) = settlement.net
    parts = _parts(settlement)
    return DayStatement(
        network=network,
        period=period,
        currency=home,
        entries=len(entries),
        gross=net.gross,
        moved=net.moved,
        parts=parts,
        levels=_levels(entries, networks, home),
        fees=_charged(entries),
        unpriced=sum(bool(entry.unpriced) for entry in entries),
        standing=_standing(entries),
    )


def _charged(entries: Iterable[Entry]) -> tuple[tuple[str, str, int], ...]:
    """Kind, currency and amount of what those who settle have charged each other, less what was given back: not what is left of
    it once it is netted. Which way a kind is charged is which way more of it has gone, between acquirers and others."""
    sums: dict[tuple[str, str, str, str], int] = {}
    for entry in entries:
        sides = {entry.issuer: "issuer", entry.acquirer: "acquirer"}
        for payer, payee, kind, code, amount in entry.moves:
            if kind in (PAYMENT, DISPUTE) or is_inner(payer) or is_inner(payee):
                continue
            one, other = sides.get(payer, payer), sides.get(payee, payee)
            key, sign = ((one, other), 1) if one < other else ((other, one), -1)
            sums[kind, code, *key] = sums.get((kind, code, *key), 0) + sign * amount
    found: dict[tuple[str, str], int] = {}
    for (kind, code, *_), amount in sorted(sums.items()):
        found[kind, code] = found.get((kind, code), 0) + abs(amount)
    return tuple((kind, code, amount) for (kind, code), amount in found.items())


def _standing(entries: Iterable[Entry]) -> tuple[tuple[str, int], ...]:
    """By kind, as merchants see it."""
    sums: dict[str, int] = {}
    for entry in entries:
        if entry.what != What.CHARGE:
            continue
        for payer, payee, kind, _, amount in entry.moves:
            if kind != VAT and (is_merchant(payer) or is_merchant(payee)):
                sums[kind] = sums.get(kind, 0) + (amount if is_merchant(payee) else -amount)
    return tuple(sorted(sums.items()))


def _levels(entries: Iterable[Entry], networks: Mapping[str, str], home: str) -> dict[str, Costs]:
    return {str(level): costs for level, costs in by_level(entries, networks, home).items()}


def _parts(settlement: Settlement) -> tuple[Part, ...]:
    return tuple(
        Part(
            party=position.party,
            counterpart=netted.network,
            currency=netted.currency,
            owes=position.owes,
            owed=position.owed,
            kinds=position.kinds,
            net=position.net,
        )
        for netted in (*settlement.net, *settlement.bilateral)
        for position in netted.positions
    )
