"""PAN -> BIN range -> decision: a member's host, a card network, or a refusal with its DE39 and its reason.

The BIN table's ranges nest, and the longest wins. They are cut once into disjoint intervals over twelve digits, so that a
lookup is one binary search; what each range decides is made once too, so that a route is a lookup and a few comparisons.

The rules, in order:
  the PAN is no card number (12 to 19 digits with a right check digit)                      14
  no range holds it                                                                         15
  a card of the domestic scheme, from a network, from abroad or for a merchant abroad       57
  a member's card, of whatever scheme                                                       its host, `domestic`
  a foreign card that came from a network: it would go back where it came from              92
  a foreign card                                                                            its scheme's network

What names a payment that nobody here knows is asked for by `Router.route_back`: a crash may have taken what was known of it. That
was before any host left the file, so that the ranges of hosts that are leaving (`core.link_control.leaving`) come first.
"""

from bisect import bisect_right
from typing import Final

import msgspec

from switch.core.network import DOMESTIC_SCHEME, BinRange, Network
from switch.core.routing.decision import Choices, Decision
from switch.money.country import NUMERIC
from switch.wire.pans import luhn_valid
from switch.wire.vocabulary import Answer

KEY_DIGITS: Final = 12
"""leading digits that decide; the shortest PAN has as many"""

MEMBER: Final = "member"
NETWORK: Final = "network"
"""Who a message came from, as `Router.route` is told."""


def _span(b: BinRange) -> tuple[int, int]:
    """First number of the range and first after it, in twelve digits."""
    width = 10 ** (KEY_DIGITS - len(b.low))
    return int(b.low) * width, (int(b.high) + 1) * width


def _flatten(bins: tuple[BinRange, ...]) -> list[tuple[int, int]]:
    """Where a new interval begins, and the range (its place in `bins`, -1: none) that holds it, in ascending order.

    Longer prefixes come first, of equals the earlier in the file: each range takes what nobody before it has taken.
    Neighbours of one owner are joined.
    """
    order = sorted(range(len(bins)), key=lambda n: (-len(bins[n].low), n))
    cuts = sorted({0, *(edge for b in bins for edge in _span(b))})
    owners = [-1] * len(cuts)
    for n in order:
        low, high = _span(bins[n])
        at = bisect_right(cuts, low) - 1
        while at < len(cuts) and cuts[at] < high:
            if owners[at] < 0:
                owners[at] = n
            at += 1
    return [
        (cut, owner)
        for at, (cut, owner) in enumerate(zip(cuts, owners, strict=True))
        if not at or owners[at - 1] != owner
    ]


class Router:
    """A network's BIN table, ready to be asked. Knows nothing of links' states: a host that is down is not its affair."""

    def __init__(self, network: Network, *, leaving: bool = False) -> None:
        """A checked network: every range leads to a host of it. `leaving`: the ranges of hosts that are leaving only."""
        self._home = network.country
        self._home_alpha = network.country_alpha
        self._source = f"{network.source} as it was" if leaving else network.source
        hosts = sorted(
            (h for h in network.hosts if bool(h.leaving_since_us) is leaving), key=lambda h: h.leaving_since_us
        )
        bins = network.leaving_bins if leaving else network.bins
        self.leaving = Router(network, leaving=True) if network.leaving_bins and not leaving else None
        self._issuers = {h.member: h.name for h in hosts if h.role == "issuer"}
        self._networks = {h.scheme: h.name for h in hosts if h.role == "network"}
        choices = [self._choices(b) for b in bins]
        pieces = _flatten(bins)
        self._starts = [str(start).zfill(KEY_DIGITS) for start, _ in pieces if start < 10**KEY_DIGITS]
        """digits compared as text: a longer PAN stands right behind its own first twelve"""
        self._owners: list[Choices | None] = [choices[owner] if owner >= 0 else None for _, owner in pieces]
        self._invalid = Decision(
            host="",
            route="refused",
            de39=Answer.INVALID_CARD,
            rule="the PAN is not 12 to 19 digits with a right check digit",
            bin=None,
        )
        self._unknown = Decision(
            host="",
            route="refused",
            de39=Answer.NO_SUCH_ISSUER,
            rule=f"{self._source}: no BIN range holds this card",
            bin=None,
        )

    def lookup(self, pan: str) -> BinRange | None:
        """The longest range that holds `pan`, or None. A PAN under twelve digits, or not of digits, is in none."""
        if len(pan) < KEY_DIGITS or not (pan.isascii() and pan.isdigit()):
            return None
        found = self._owners[bisect_right(self._starts, pan) - 1]
        return found.bin if found is not None else None

    def usual_host(self, pan: str) -> str:
        """Where a member's request for `pan` goes where nothing speaks against it; "": nowhere."""
        if not luhn_valid(pan):
            return ""
        found = self._owners[bisect_right(self._starts, pan) - 1]
        return found.member.host if found is not None else ""

    def route(
        self, pan: str, *, source: str, source_host: str, acquirer_country: str, merchant_country: str
    ) -> Decision:
        """Where a request for `pan` goes.

        `source` is `member` or `network`, `source_host` the network's host link name ("" for a member), `acquirer_country`
        DE19 or "", `merchant_country` two letters, of DE43 (`messages.merchant`); what is no
        country of ISO 3166 refuses nothing.
        """
        if not luhn_valid(pan):
            return self._invalid
        found = self._owners[bisect_right(self._starts, pan) - 1]
        if found is None:
            return self._unknown
        if found.domestic_only:
            if source == NETWORK:
                return found.network
            if acquirer_country and acquirer_country != self._home:
                return _because(found.acquirer_abroad, acquirer_country)
            if merchant_country != self._home_alpha and merchant_country in NUMERIC:
                return _because(found.merchant_abroad, merchant_country)
            return found.member
        if source == NETWORK:
            return _because(found.network, source_host) if found.network.de39 else found.network
        return found.member

    def route_back(
        self, pan: str, *, source: str, source_host: str, acquirer_country: str, merchant_country: str
    ) -> Decision:
        """Where something went that is not known here: to a host that is leaving, if the card was its; else as `route`."""
        asked = {
            "source": source,
            "source_host": source_host,
            "acquirer_country": acquirer_country,
            "merchant_country": merchant_country,
        }
        before = self.leaving.route(pan, **asked) if self.leaving is not None else None
        return before if before is not None and not before.refused else self.route(pan, **asked)

    def _choices(self, b: BinRange) -> Choices:
        """All that range `b` can decide."""
        where = f"{self._source}:{b.line}"
        cards = f"{b.scheme} cards {b.low}" + (f" to {b.high}" if b.high != b.low else "")
        domestic_only = b.scheme == DOMESTIC_SCHEME
        if b.issuer:
            host = self._issuers[b.issuer]
            member = Decision(
                host=host, route="domestic", de39="", rule=f"{where}: {cards} are {b.issuer}'s: to its own host", bin=b
            )
            network = member
        else:
            host = self._networks[b.scheme]
            member = Decision(
                host=host,
                route=b.scheme,
                de39="",
                rule=f"{where}: {cards} are no member's: to the {b.scheme} network",
                bin=b,
            )
            rule = f"{where}: {cards} are no member's, and the message came from the network "
            network = Decision(host="", route="refused", de39=Answer.UNABLE_TO_ROUTE, rule=rule, bin=b)
        only = f"{where}: {cards} are for use in {self._home_alpha} only, and"
        if domestic_only:
            network = _refusal(f"{only} the message came from a card network", b)
        return Choices(
            bin=b,
            domestic_only=domestic_only,
            member=member,
            network=network,
            acquirer_abroad=_refusal(f"{only} the acquirer's country (DE19) is ", b),
            merchant_abroad=_refusal(f"{only} the merchant's country (end of DE43) is ", b),
        )


def _refusal(rule: str, b: BinRange) -> Decision:
    """A domestic card used abroad."""
    return Decision(host="", route="refused", de39=Answer.NOT_PERMITTED_CARDHOLDER, rule=rule, bin=b)


def _because(decision: Decision, what: str) -> Decision:
    """The decision with `what` at the end of its sentence; a refusal may take the time this takes."""
    return msgspec.structs.replace(decision, rule=decision.rule + what)
