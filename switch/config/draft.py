"""What has been read of a network file, before it is checked as a whole."""

from typing import Final

from switch.config.reader import Section
from switch.core.authentication import AccessControl
from switch.core.network import BinRange, HostLink, Listener, Member, Shard, Tariff
from switch.money.fees import FeeRule

UNREAD: Final = "504"
"""Morocco, and its dirham: what the rest of a file is read with where its own country or currency is a mistake"""


class Draft:
    """What has been read of one file: (section, value) pairs, in the file's order."""

    def __init__(self, country: str, currency: str) -> None:
        """The home country and currency, numeric; "" after a mistake."""
        self.country = country
        self.currency = currency
        self.shards: list[tuple[Section, Shard]] = []
        self.members: list[tuple[Section, Member]] = []
        self.listeners: list[tuple[Section, Listener]] = []
        self.hosts: list[tuple[Section, HostLink]] = []
        self.bins: list[tuple[Section, BinRange]] = []
        self.former_networks: dict[str, str] = {}
        self.tariffs: list[tuple[Section, Tariff]] = []
        self.fees: list[tuple[Section, FeeRule]] = []
        self.acs: list[tuple[Section, AccessControl]] = []
