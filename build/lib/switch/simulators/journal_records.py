"""The records that hosts keep in a journal: an issuer's postings, a card network's payments abroad."""

from typing import Final, TypeAlias

import msgspec

from switch.simulators.acquirer_records import Asked, Ended
from switch.simulators.postings import Taken

SCHEMA: Final = 1
"""Of these records. A journal of a newer schema is refused."""

HostEntry: TypeAlias = Taken | Asked | Ended

DECODER: Final[msgspec.msgpack.Decoder[HostEntry]] = msgspec.msgpack.Decoder(HostEntry)
