"""What is derived from the journal, each a fold of its own: `projection.py` says what that is.

`STANDARD` is what the index of a switch keeps. Rooms bring their own: whoever opens the index passes in all that it keeps.
"""

from typing import Final

from switch.journal.projections.days import Days
from switch.journal.projections.ledger import Ledger
from switch.journal.projections.projection import Projection
from switch.journal.projections.transactions import Transactions

STANDARD: Final[tuple[Projection, ...]] = (Transactions(), Days(), Ledger())
