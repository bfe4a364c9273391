"""Numbers that options take."""

import math
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


NUMBERED = click.IntRange(1, (1 << 63) - 1)
"""what a row of a database is numbered with"""
