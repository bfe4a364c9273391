"""`[rates]` and `[[rate]]` of a network file: what currencies are worth, and on which business days."""

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise

from switch.config.build import currency_numeric
from switch.config.mistakes import did_you_mean
from switch.config.reader import Section
from switch.money.convert import DatedRate, RateError, rate_between
from switch.money.currency import BY_ALPHA, currency


def read_rates(s: Section, home: str) -> dict[str, Decimal]:
    """`[rates]`: currency -> units of the home currency that one unit buys. The home currency is 1."""
    rates: dict[str, Decimal] = {}
    for code in s.data:
        value = s.number(code)
        try:
            unit = currency(code)
        except ValueError:
            s.wrong_key(code, f'"{code}" is no ISO 4217 currency code', did_you_mean(code, BY_ALPHA))
            continue
        if unit.numeric == home and value != 1:
            s.wrong(code, f"{unit.alpha} is the home currency, and {value} of it are not 1", "leave it out")
        elif unit.numeric in rates and unit.numeric != home:
            s.wrong_key(code, f"a second rate for {unit.alpha}")
        else:
            _carried(s, code, value)
        rates[unit.numeric] = value
    if home:
        rates[home] = Decimal(1)
    return rates


def _carried(s: Section, code: str, value: Decimal) -> None:
    """Both directions of a rate must fit in DE9 and DE10."""
    for pair in ((code, "home"), ("home", code)):
        try:
            rate_between(*pair, {code: value, "home": Decimal(1)})
        except RateError as error:
            s.wrong(code, str(error), "DE9 and DE10 carry 7 digits, up to 9 of them decimals")
            return


def read_rate(s: Section, home: str) -> DatedRate:
    """`[[rate]]`: what a currency is worth on some business days."""
    code, value = s.lookup("currency", currency_numeric, BY_ALPHA), s.number("rate")
    rate = DatedRate(currency=code, rate=value, begin=s.day("from"), end=s.day("to"), line=s.line)
    if code and code == home:
        s.wrong("currency", "the home currency is worth 1 on every day", "leave the section out")
    elif s.has("rate"):
        _carried(s, "rate", value)
    if not rate.begin and not rate.end:
        s.wrong_key("currency", "it holds on every day", "give it `from` or `to`, or say it in [rates]")
    if rate.begin and rate.end and rate.end < rate.begin:
        s.wrong("to", f"`to` = {rate.end} is before `from`, {rate.begin}", "both days are included")
    s.done()
    return rate


def check_rates(rows: list[tuple[Section, DatedRate]], rates: dict[str, Decimal]) -> None:
    """No two rates of a currency hold on one day; between two that follow one another no day has none, unless [rates] has it."""
    ordered = sorted(rows, key=lambda row: (row[1].currency, row[1].begin))
    for (s, one), (t, following) in pairwise(ordered):
        if one.currency != following.currency:
            continue
        if not one.end or not following.begin or following.begin <= one.end:
            t.wrong_key(
                "currency", f"on some days the rate on line {s.line} holds, too", "let one end before the other begins"
            )
            continue
        gap = date.fromisoformat(one.end) + timedelta(1)
        if gap.isoformat() < following.begin and one.currency not in rates:
            t.wrong(
                "from",
                f"from {gap} until then there is no rate",
                "let the days follow one another, or say one in [rates]",
            )
