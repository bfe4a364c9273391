"""How long somebody stays logged in on pages: one rule for the gateway's merchants and the console's operators."""

from typing import Final

IDLE_S: Final = 900.0
"""after the last request (PCI DSS 4.0, 8.2.8)"""
LONGEST_S: Final = 8 * 3_600.0
"""after the first, whatever goes on"""


def lasts(began: float, used: float, now: float) -> bool:
    """May a session of these times go on?"""
    return now - used < IDLE_S and now - began < LONGEST_S
