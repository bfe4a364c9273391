"""`[threeds]` and `[[acs]]` of a network file: who authenticates cardholders on the web, and when their bank asks."""

from itertools import pairwise
from typing import Final

from switch.config.build import schemes_of
from switch.config.draft import UNREAD, Draft
from switch.config.mistakes import did_you_mean
from switch.config.ranges import read_bounds
from switch.config.reader import Section, has_port, split_url
from switch.core.authentication import AccessControl, AuthenticationRule, ThreeDs
from switch.money.currency import currency, parse_money

ASKS: Final = ("always", "never", "attempt", "refuse", "reject", "unavailable", "not-enrolled")
_ABOVE: Final = "above "
_LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


def read_threeds(root: Section) -> ThreeDs | None:
    """`[threeds]`: where the directory server is; None where there is none."""
    if not root.has("threeds"):
        root.ask("threeds")
        return None
    s = root.table("threeds")
    host, port, url = _reached(s)
    s.done()
    return ThreeDs(host=host, port=port, url=url)


def _reached(s: Section) -> tuple[str, int, str]:
    """Where it listens, and how others reach it: plain on loopback, else by HTTPS."""
    address = s.address("address")
    url = s.text("url", f"{'http' if address.host in _LOOPBACK else 'https'}://{address}")
    parts = split_url(url)
    if not has_port(parts):
        s.wrong("url", f'"{url}" has a port that is none', "1 to 65535")
    elif not parts.hostname or (
        parts.scheme != "https" and (parts.scheme != "http" or parts.hostname not in _LOOPBACK)
    ):
        s.wrong("url", f'"{url}" is no address by https', "plain http is for loopback only")
    elif "@" in parts.netloc:
        s.wrong(
            "url", "it has a user in it", "peers and logs are told this address; they prove themselves by certificate"
        )
    return address.host, address.port, url.rstrip("/")


def read_servers(root: Section, draft: Draft) -> tuple[AccessControl, ...]:
    """Every `[[acs]]`."""
    draft.acs = [(s, _read_acs(s, draft)) for s in root.tables("acs")]
    _check(draft.acs)
    return tuple(acs for _, acs in draft.acs)


def _read_acs(s: Section, draft: Draft) -> AccessControl:
    """`[[acs]]`: an access control server, with its `[[acs.range]]`s."""
    name = s.name()
    host, port, url = _reached(s)
    issuers = s.texts("issuers")
    known = [*(member.name for _, member in draft.members), *schemes_of(draft)]
    for issuer in issuers:
        if issuer not in known:
            s.wrong_item(
                "issuers", issuer, f'"{issuer}" is no member, and no scheme of a network', did_you_mean(issuer, known)
            )
    if not issuers:
        s.wrong("issuers", f"{s.title} has no cards", 'issuers = ["…"]: members; for foreign cards, schemes')
    ranges = [(table, _read_range(table, draft)) for table in s.tables("range")]
    _check_ranges(ranges)
    rules = [rule for _, rule in ranges]
    acs = AccessControl(
        name=name,
        issuers=tuple(issuers),
        host=host,
        port=port,
        url=url,
        rules=(*rules, _rule(s, draft, "", "")),
        method=s.truth("method", True),
        cavv_key=s.text("cavv_key", ""),
        aav_key=s.text("aav_key", ""),
    )
    s.done()
    return acs


def _read_range(s: Section, draft: Draft) -> AuthenticationRule:
    low, high = read_bounds(s)
    held = any(
        b.low <= low[: len(b.low)] and high[: len(b.low)] <= b.high for _, b in draft.bins if len(b.low) <= len(low)
    )
    if low and not held:
        s.wrong("range", f'no [[bin]] holds "{s.data["range"]}"', "no bank would have issued its cards")
    rule = _rule(s, draft, low, high)
    s.done()
    return rule


def _check_ranges(found: list[tuple[Section, AuthenticationRule]]) -> None:
    """Of ranges that hold a card the longest counts: between two of one length nothing would decide."""
    ordered = sorted(((s, rule) for s, rule in found if rule.low), key=lambda one: (len(one[1].low), one[1].low))
    for (s, one), (other, following) in pairwise(ordered):
        if len(one.low) == len(following.low) and following.low <= one.high:
            what = f"{other.data['range']} overlaps {s.data['range']} on line {s.line}, which has as many digits"
            other.wrong("range", what, "a longer range wins over a shorter one; between equals nothing decides")


def _rule(s: Section, draft: Draft, low: str, high: str) -> AuthenticationRule:
    """`asks = "above 500.00 MAD"`."""
    text = s.text("asks", None if low else "never")
    above = 0
    if text.startswith(_ABOVE):
        home = draft.currency or UNREAD
        try:
            above, unit = parse_money(text.removeprefix(_ABOVE), home)
            if unit != home or above < 0:
                s.wrong(
                    "asks", f'"{text}": expected an amount of the home currency, {currency(home).alpha}, not below 0'
                )
        except ValueError as error:
            s.wrong("asks", f"`asks`: {error}", 'such as "above 500.00 MAD"')
        text = _ABOVE.strip()
    elif text and text not in ASKS:
        s.wrong(
            "asks", f'"{text}" is no way to ask', did_you_mean(text, ASKS) or f'{", ".join(ASKS)}, "above 500.00 MAD"'
        )
    return AuthenticationRule(low=low, high=high, asks=text, above=above)


def _check(found: list[tuple[Section, AccessControl]]) -> None:
    """No name twice, no bank's cards at two servers."""
    names: set[str] = set()
    taken: dict[str, str] = {}
    for s, acs in found:
        if acs.name and acs.name in names:
            s.wrong("name", f'"{acs.name}" is the name of another [[acs]]')
        names.add(acs.name)
        for issuer in acs.issuers:
            if issuer in taken:
                s.wrong("issuers", f'the cards of "{issuer}" are known to [[acs]] "{taken[issuer]}" already')
            taken[issuer] = acs.name
