"""Forms that browsers post and addresses that they ask for, as pages of ours make them."""

from typing import Final
from urllib.parse import parse_qsl

from starlette.requests import Request

FIELDS_MAX: Final = 60
"""more than any page of ours has"""
NUMBER_DIGITS: Final = 15
"""of a number that a page names something by: what has more is none of ours, and more than a database can look for"""
Form = dict[str, str]


async def read_form(request: Request) -> Form:
    """A form's fields; of several with one name the last, and none that is empty. {}: it has more of them than any form of ours,
    so that nothing of it can be meant."""
    text = (await request.body()).decode("utf-8", "replace")
    try:
        return dict(parse_qsl(text, max_num_fields=FIELDS_MAX))
    except ValueError:
        return {}


def read_number(text: str) -> int:
    """The whole number above 0 that a form or an address names something by; 0: the text is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= NUMBER_DIGITS else 0
