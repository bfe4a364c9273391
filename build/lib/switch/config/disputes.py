"""Reasons and times of disputes: `specs/disputes.json`, as the switch goes by it."""

from functools import lru_cache

import msgspec

from switch.money.dispute_rules import DisputeRules
from switch.shipped import SPECS


@lru_cache(maxsize=1)
def dispute_rules() -> DisputeRules:
    """The shipped file. ValueError: it is not what it must be; the message says where."""
    path = SPECS / "disputes.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=DisputeRules)
    except (OSError, msgspec.MsgspecError) as error:
        raise ValueError(f"{path}: {error}; install cmi-switch again") from None
