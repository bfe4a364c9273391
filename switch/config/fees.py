"""`[[fee]]` and `[regions]` of a network file, and whether each payment that it can route has a price.

A file without `[[fee]]` prices nothing, and nothing is missing from it. With one, what no rule is for would be an unpriced item
in the journal: said here instead, as far as cards, channels and days tell.
"""

from collections.abc import Collection, Iterable, Iterator
from datetime import date, timedelta
from typing import Final

from switch.config.accounts import SWITCH
from switch.config.build import home_money, schemes_of
from switch.config.draft import Draft
from switch.config.mistakes import did_you_mean
from switch.config.reader import Section
from switch.core.messages.meaning import CHANNELS
from switch.core.network import Network
from switch.core.routing.fee_table import fee_table
from switch.money.country import country_numeric
from switch.money.fees import ACQUIRER, REGIONS, ROLES, FeeRule, Payment, Refunds, region_of
from switch.money.merchant_fees import EVERY, MONTH, ONCE, MerchantFee

MCC_DIGITS: Final = 4
_EVER: Final = "0001-01-01"


def read_fee(s: Section, draft: Draft, payees: Collection[str]) -> FeeRule:
    """`[[fee]]`: one row of the fee table. `payees`: accounts that the file names beside members and networks. Networks that have
    left may be named: what follows their payments is priced, too."""
    members = [m.name for _, m in draft.members]
    networks = [*(h.name for _, h in draft.hosts if h.role == "network"), *draft.former_networks]
    accounts = [*ROLES, SWITCH, *members, *networks, *payees]
    percent, fixed = s.percent("percent", "0 %"), home_money(s, "fixed", draft.currency, "0", "0.30 MAD")
    value = FeeRule(
        id=s.name(),
        kind=s.text("kind"),
        payer=s.choice("payer", accounts),
        payee=s.choice("payee", accounts),
        percent=percent,
        fixed=fixed,
        least=home_money(s, "min", draft.currency, None, "1.00 MAD") if s.has("min") else -1,
        most=home_money(s, "max", draft.currency, None, "10.00 MAD") if s.has("max") else -1,
        vat=s.percent("vat", "0 %"),
        refund=Refunds(s.choice("refund", list(Refunds), "mirror" if percent else "charge") or "none"),
        begin=s.day("from"),
        end=s.day("to"),
        schemes=_some(s, "scheme", schemes_of(draft)),
        products=_some(s, "product"),
        channels=_some(s, "channel", CHANNELS),
        regions=_some(s, "region", REGIONS),
        mccs=_mccs(s),
        merchants=_some(s, "merchant"),
        acquirers=_some(s, "acquirer", [*members, *networks]),
        issuers=_some(s, "issuer", [*members, *networks]),
        networks=_some(s, "network", networks),
        line=s.line,
    )
    s.ask("min", "max")
    if not percent and not fixed and value.least <= 0 and not s.has("percent") and not s.has("fixed"):
        s.source.note(s.source.index.key(s.path), f"{s.title} charges nothing", "give it `percent`, `fixed` or both")
    _check_days(s, value.begin, value.end)
    if 0 <= value.most < value.least:
        s.wrong("max", "`max` is below `min`")
    if value.payer and value.payer == value.payee:
        s.wrong("payee", f'"{value.payee}" pays itself')
    s.done()
    return value


def read_merchant_fee(s: Section, draft: Draft, payees: Collection[str]) -> MerchantFee:
    """`[[merchant_fee]]`: what merchants owe without a payment. `payees`: see `read_fee`."""
    members = [m.name for _, m in draft.members]
    every = s.choice("every", EVERY, MONTH)
    s.ask("merchant", "free_months")
    value = MerchantFee(
        id=s.name(),
        kind=s.text("kind"),
        payee=s.choice("payee", [ACQUIRER, SWITCH, *members, *payees]),
        amount=home_money(s, "amount", draft.currency, None, "250.00 MAD"),
        vat=s.percent("vat", "0 %"),
        every=every,
        free=s.integer("free_months", 0, 120, 0) if every == MONTH else 0,
        begin=s.day("from"),
        end=s.day("to"),
        merchants=_some(s, "merchant"),
        acquirer=s.choice("acquirer", members),
        line=s.line,
    )
    if not s.has("merchant"):
        s.source.note(
            s.source.index.key(s.path), f"{s.title} is for nobody", 'name merchants: merchant = ["100200300"]'
        )
    if every == ONCE and s.has("free_months"):
        s.wrong("free_months", "`free_months` of what is charged once", 'leave it out, or every = "month"')
    _check_days(s, value.begin, value.end)
    s.done()
    return value


def _check_days(s: Section, begin: str, end: str) -> None:
    if begin and end and end < begin:
        s.wrong("to", f"`to` = {end} is before `from`, {begin}", "both days are included")


def read_regions(s: Section) -> dict[str, str]:
    """`[regions]`: `africa = ["MA", "TN"]` -> country (numeric) -> region."""
    found: dict[str, str] = {}
    for region in s.data:
        for country in s.texts(region):
            try:
                numeric = country_numeric(country)
            except ValueError as error:
                s.wrong_item(region, country, f"`{region}`: {error}", "two letters, or three digits (ISO 3166)")
                continue
            other = found.setdefault(numeric, region)
            if other != region:
                s.wrong_item(region, country, f"{country} is in region {other} already")
    s.done()
    return found


def check_fees(draft: Draft, network: Network, owed: Iterable[tuple[Section, MerchantFee]]) -> None:
    """No two rules of one name; each card the file can route has a price, at each of its members' channels, on each day since the
    table begins."""
    taken: dict[str, Section] = {}
    named: list[tuple[Section, FeeRule | MerchantFee]] = [*draft.fees, *owed]
    for s, rule in named:
        other = taken.setdefault(rule.id, s)
        if rule.id and other is not s:
            s.wrong("name", f'the fee name "{rule.id}" is taken: on line {other.line}')
    if draft.fees and not any(s.source.mistakes for s, _ in draft.fees):
        _check_coverage(draft, network)


def _some(s: Section, key: str, known: Collection[str] = ()) -> tuple[str, ...]:
    """A string or an array of strings; of `known`, where that is given."""
    if not s.has(key):
        s.ask(key)
        return ()
    values = [s.text(key)] if isinstance(s.data[key], str) else s.texts(key)
    for value in values:
        if known and value and value not in known:
            s.wrong_item(key, value, f'"{value}" is no {key}', did_you_mean(value, known))
    if s.data[key] == []:
        s.wrong(key, f"`{key}` is empty: the rule would be for nothing", "leave the key out for any")
    return tuple(values)


def _mccs(s: Section) -> tuple[str, ...]:
    found = _some(s, "mcc")
    for value in found:
        ends = value.split("-")
        digits = all(len(end) == MCC_DIGITS and end.isascii() and end.isdecimal() for end in ends)
        if not digits or len(ends) > 2 or ends[0] > ends[-1]:
            s.wrong_item(
                "mcc",
                value,
                f'"{value}" is no category code',
                'four digits as in DE18, "5411", or a range, "5811-5814"',
            )
    return found


def _check_coverage(draft: Draft, network: Network) -> None:
    rules = sorted((rule for _, rule in draft.fees), key=lambda rule: len(_choosers(rule)))
    table = fee_table(network)
    days = _days(rules)
    said: set[tuple[str, str, str]] = set()
    asked: set[Payment] = set()
    for s, payment in _payments(draft, network, rules):
        named = (payment.scheme, payment.product, payment.channel)
        if payment in asked or named in said:
            continue
        asked.add(payment)
        for day in days:
            if not any(rule.listed for rule in table.fitting(payment, day)):
                said.add(named)
                cards = f"{payment.scheme} {s.data.get('product', 'unknown')} cards"
                where = f"{payment.channel}, {payment.region}, brought by {payment.acquirer}"
                s.wrong(
                    "range",
                    f"no [[fee]] is for {cards}, {where}" + (f", from {day} on" if day > _EVER else ""),
                    'they would be unpriced items; add a rule for them, with percent = "0 %" if they cost nothing',
                )
                break


def _choosers(rule: FeeRule) -> list[tuple[str, ...]]:
    every = (rule.schemes, rule.products, rule.channels, rule.regions, rule.mccs, rule.merchants, rule.acquirers)
    return [each for each in (*every, rule.issuers, rule.networks) if each]


def _days(rules: list[FeeRule]) -> list[str]:
    """Days on which something may begin to be missing: from the first that a rule names."""
    first = {rule.begin for rule in rules}
    ends = {date.fromisoformat(rule.end) for rule in rules if rule.end}
    after = {(end + timedelta(1)).isoformat() for end in ends if end < date.max}  # no day follows 9999-12-31
    begin = min(first)
    return sorted({begin, *first, *after}) if begin else sorted({_EVER, *(first - {""}), *after})


def _payments(draft: Draft, network: Network, rules: list[FeeRule]) -> Iterator[tuple[Section, Payment]]:
    """What members may bring, as far as rules tell one from another: categories and merchants are not known here, so that a rule
    for some of them is none for all."""
    out = {h.scheme: h.name for h in network.card_networks}
    told_apart = {name for rule in rules for name in (*rule.acquirers, *rule.issuers)}
    products = {name for rule in rules for name in rule.products}
    for s, b in draft.bins:
        for member in network.members:
            region = region_of(b.country, member.country, network.regions)
            for channel in CHANNELS:
                yield (
                    s,
                    Payment(
                        scheme=b.scheme,
                        product=b.product if b.product in products else "other",
                        channel=channel,
                        region=region,
                        mcc="",
                        merchant="",
                        acquirer=member.name if member.name in told_apart else "members",
                        issuer=b.issuer if b.issuer in told_apart else "others",
                        out="" if b.issuer else out.get(b.scheme, ""),
                        into="",
                        currency=network.currency,
                    ),
                )
