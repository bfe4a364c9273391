"""`[[bin]]` of a network file: whose cards a range of numbers are."""

from switch.config.build import currency_numeric, schemes_of
from switch.config.draft import UNREAD, Draft
from switch.config.reader import Section
from switch.core.network import DOMESTIC_SCHEME, BinRange, Member
from switch.core.routing.routing import KEY_DIGITS
from switch.money.country import NUMERIC, country_numeric
from switch.money.currency import BY_ALPHA


def read_bounds(s: Section) -> tuple[str, str]:
    """`"9504 01"` or `"51-55"` -> lowest and highest prefix, of equal length; ("", "") after a mistake."""
    text = s.text("range")
    low, dash, high = (part.replace(" ", "") for part in text.partition("-"))
    if not dash:
        high = low
    problem = ""
    if not (low + high).isdigit() or not (low + high).isascii() or not low or not high:
        problem = "a range is digits, or two of equal length with a dash between"
    elif len(low) != len(high):
        problem = f"its ends have {len(low)} and {len(high)} digits"
    elif len(low) > KEY_DIGITS:
        problem = f"a prefix has at most {KEY_DIGITS} digits, the shortest PAN's length"
    elif low > high:
        problem = "its ends are the wrong way round"
    if not problem:
        return low, high
    if text:
        s.wrong("range", f'"{text}" is no BIN range: {problem}', 'such as "9504 01", "51-55" or "2221-2720"')
    return "", ""


def read_bin(s: Section, draft: Draft, members: dict[str, Member]) -> BinRange:
    """`[[bin]]`: whose cards a range of numbers are. A member's are of its country and the home currency by default."""
    low, high = read_bounds(s)
    scheme = s.choice("scheme", schemes_of(draft))
    issuer = s.choice("issuer", members, "")
    country, money = None, None
    if s.has("issuer"):
        country = members[issuer].country if issuer in members else UNREAD
        money = draft.currency or UNREAD
    elif scheme == DOMESTIC_SCHEME:
        s.wrong_key("scheme", "a cmi range needs an `issuer`: a domestic card has no network abroad that would know it")
        country = money = UNREAD
    value = BinRange(
        low=low,
        high=high,
        scheme=scheme,
        issuer=issuer,
        country=s.lookup("country", country_numeric, NUMERIC, country),
        currency=s.lookup("currency", currency_numeric, BY_ALPHA, money),
        product=s.text("product", "unknown"),
        line=s.line_of("range"),
        digits=s.integer("digits", 13, 19, 16),
        value_digits=s.integer("value_digits", 3, 4, 3),
    )
    s.done()
    return value
