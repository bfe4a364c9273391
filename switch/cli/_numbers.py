"""Numbers that options and arguments take."""

import math
import string
from typing import Any

import click


class Finite(click.FloatRange):
    """A number within bounds. `nan` is within any, and `inf` above none: neither is a number of seconds or of payments."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """See click.ParamType."""
        found = super().convert(value, param, ctx)
        if not math.isfinite(found):
            self.fail(f"{value!r} is no number here", param, ctx)
        return found


TXN_DIGITS = 15
"""hexadecimal, of any transaction: what a row of a database can be numbered with"""


def asked_txn(text: str) -> int:
    """A transaction's number, as lists show it: hexadecimal. UsageError: it is none."""
    if not (0 < len(text) <= TXN_DIGITS and all(c in string.hexdigits for c in text)):
        raise click.UsageError(
            f"{text!r} is no transaction: expected 1 to {TXN_DIGITS} hexadecimal digits, as `cmi-switch journal list` shows them"
        )
    return int(text, 16)


NUMBERED = click.IntRange(1, (1 << 63) - 1)
"""what a row of a database is numbered with"""
