"""The facts the switch remembers: what its journal is made of. What they make of its state is `core.records.state`'s.

Records are small frozen structs, encoded as arrays (msgpack): new members go to the end, with a default.

Nothing secret is in a record: the PAN is masked and, beside it, sealed (`security.vault`); track data, CVV2 and PIN blocks
have no place at all.
"""

from typing import Final, TypeAlias

import msgspec

from switch.core.records.batch_records import BatchClosed, Batched, BatchUploaded, KeptBatches
from switch.core.records.day_records import Cutover, PartyTotals, Reconciled
from switch.core.records.devices import ChipCounted, DeviceCounted
from switch.core.records.disputes import Disputed
from switch.core.records.entry import Entry
from switch.core.records.merchant_charges import Charged
from switch.core.records.prices import Priced
from switch.core.records.standin_counters import Stood
from switch.core.records.stop_lists import HotListed
from switch.money.fee_line import Fee
from switch.money.fees import add_up, given_back
from switch.wire.vocabulary import Document

SCHEMA = 5
"""Of the records below; it stands in the header of every segment. How it moves:

- A release of schema N reads journals of every schema up to N, as they lie, and continues them in segments of its own.
- A journal of a newer schema is refused with a sentence: an older release would silently not see what it does not know.
- Only two changes are made, and either raises it by one: a member more at a record's end, with a default that means what its
  absence meant; a record of a new kind. Nothing is ever taken out, moved, or given another meaning.
- What records hold (`Priced`, `Fee`, `Stood`) is of the schema, too.

`tests/journal/schema1` and `schema3` are journals of schemas 1 and 3, which every later release must read and continue."""

Key: TypeAlias = tuple[str, str, str, str, str, str]
"""What makes two messages the same: acquirer, MTI class, DE11, DE7, DE32, DE41."""
ACQUIRER, MTI_CLASS, STAN, TRANSMISSION_TIME, INSTITUTION, TERMINAL = range(6)
"""Positions of a key."""
STAN_DIGITS: Final = 6
"""of DE11; DE37 has twelve characters"""

REVERSAL: Final = "reversal"
ADVICE: Final = "advice"
"""Kinds of what is owed."""

UNDELIVERED: Final = "undelivered"
REFUSED: Final = "refused"
UNMATCHED: Final = "unmatched-reversal"
AMBIGUOUS: Final = "ambiguous-reversal"
LATE_APPROVAL: Final = "late-approval"
"""Kinds of exceptions: what is owed and is not acknowledged; or is refused; a reversal whose original nobody knows; one that
could be of several; an approval that came when its request was no longer remembered."""
LATE: Final = "late"
"""Reason of a reversal that follows another one: its host approved after all."""
TAKEN, NOTHING = "taken", "nothing"


def own_key(mti_class: str, stan: str, sent_at: str) -> Key:
    """The key of a message of the switch's own making: it has no acquirer."""
    return ("", mti_class, stan, sent_at, "", "")


class Booted(Entry, frozen=True, kw_only=True, tag="boot"):
    """A switch started. Everything forwarded before, and not answered, is owed a reversal."""

    at_us: int
    schema: int
    network: str
    currency: str = ""
    """of its fees (ISO 4217, numeric); "": of an older journal"""


class HoldName(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A payment, as the record of what adds to it, or gives it back, names it."""

    txn: int
    key: Key


class Forwarded(Entry, frozen=True, kw_only=True, tag="fwd"):
    """A request went to an issuer's or network's host. Recorded, not waited for; but an increment leaves only when this is
    durable."""

    txn: int
    at_us: int
    key: Key
    link: str
    """the acquirer's link, by name"""
    host: str
    route: str
    mti: str
    """as the acquirer sent it, in 1987 form"""
    stan: str
    """DE11 towards the host"""
    sent_at: str
    """DE7 towards the host"""
    pan: str
    """masked"""
    sealed: bytes
    """the PAN, sealed"""
    amount: int
    currency: str
    elements: Document
    """what a reversal or a completion repeats of the request: DE3, 12, 13, 18, 22, 25, 32, 37, 41, 42, 49 …"""
    hold: HoldName | None = None
    """of an increment: the pre-authorization that it adds to; of an advice, in memory only: what it follows"""
    gives_back: HoldName | None = None
    """of a refund: the payment that it names"""


class Answered(Entry, frozen=True, kw_only=True, tag="ans"):
    """The host answered in time. An approval leaves only when this is durable."""

    txn: int
    at_us: int
    de39: str
    elements: Document
    """what the answer added: DE38, 44, 54, 55, 5, 6 …; a repeat gets it again"""
    cost: int
    """minor units of the home currency"""
    priced: Priced | None = None
    """of an approval that moves money, or holds it"""
    window: str = ""


class Declined(Entry, frozen=True, kw_only=True, tag="dec"):
    """Refused here, never forwarded. Not waited for."""

    txn: int
    at_us: int
    key: Key
    link: str
    mti: str
    pan: str
    amount: int
    currency: str
    rrn: str
    de39: str
    reason: str
    came: bool = True
    """False: it has not come; it is refused if it does, since its reversal was here first"""
    window: str = ""


class Owed(Entry, frozen=True, kw_only=True, tag="owe"):
    """A message that must arrive: a reversal (0420) or an advice (0120, 0220), repeated until acknowledged."""

    txn: int
    """its own"""
    at_us: int
    kind: str
    """`reversal` or `advice`"""
    reason: str
    """`timeout`, `restart`, `undelivered`, `acquirer`, `partial`, `stand-in` …"""
    host: str
    original: int
    """txn of what it undoes or follows; 0: unknown"""
    key: Key
    """of the acquirer's message that asked for it; for the switch's own, acquirer is "" and DE11, DE7 are its own"""
    link: str
    pan: str
    sealed: bytes
    amount: int
    currency: str
    message: Document
    """as it is sent, in 1987 form, without DE2"""
    undoes: Key | None = None
    """key of the original, where it is known or the acquirer has named it"""
    approved: bool = False
    """of a reversal: its host is known to have approved the original, so that it cannot know nothing of it"""
    heard_late: bool = False
    """that approval came while this was owed already: it may have been dealt with before"""
    stands: int = -1
    """of a further completion, or of the reversal of an approved increment: minor units that stand of the hold from here on.
    -1: of a completion, its own amount; of a reversal, it changes no hold"""
    priced: Priced | None = None
    """of an advice or a reversal of what was approved: the change"""
    window: str = ""
    posts: dict[str, int] = msgspec.field(default_factory=dict)
    """currency -> signed minor units by which it changes what is posted of a payment: above zero, the cardholder pays more.
    Before schema 5: not said"""
    returned: tuple[Fee, ...] = ()
    """of `priced`: interchange that a dispute of the payment gives back, or gives back no more, as another amount stands now; the
    payment's own fees are without it"""
    returned_by: int = 0
    """that dispute"""

    @property
    def own_price(self) -> Priced | None:
        """`priced` without what disputes give back."""
        if not self.returned or self.priced is None:
            return self.priced
        return msgspec.structs.replace(self.priced, fees=add_up(self.priced.fees, given_back(self.returned)))


class Delivered(Entry, frozen=True, kw_only=True, tag="dlv"):
    """What was owed has been taken by its host."""

    txn: int
    at_us: int
    de39: str
    nothing: bool = False
    """the host knows nothing that the reversal could undo, and may yet approve it"""


class LateApproval(Entry, frozen=True, kw_only=True, tag="lat"):
    """A host has approved a request that was given up, or had been declined by it before."""

    txn: int
    """of the request"""
    at_us: int
    host: str
    de39: str


class Abandoned(Entry, frozen=True, kw_only=True, tag="abn"):
    """Forwarded, given up without an answer, and nothing to undo (a balance inquiry, a link lost before anything left)."""

    txn: int
    at_us: int
    de39: str
    reason: str
    window: str = ""


class Shelved(Entry, frozen=True, kw_only=True, tag="shl"):
    """A dead letter: what was owed has been tried often enough. It stays owed, and is not sent until `Retried`; a person may end
    it otherwise (`Resolved`)."""

    txn: int
    at_us: int
    reason: str
    tries: int
    """of the process that gave it up"""
    kind: str = UNDELIVERED
    """of the exception that it is"""


class Renumbered(Entry, frozen=True, kw_only=True, tag="num"):
    """A reversal that its host has refused is sent anew, not as a repeat, which would only get the same answer again."""

    txn: int
    at_us: int
    stan: str
    """DE11 and DE7 from here on"""
    sent_at: str


class Excepted(Entry, frozen=True, kw_only=True, tag="exc"):
    """Something that no repeating ends, and no rule: a person must look at it. Open until `Resolved`."""

    txn: int
    """of the message it is about"""
    at_us: int
    kind: str
    reason: str
    host: str
    """"" where it is no host's"""
    link: str
    pan: str
    """masked"""
    amount: int
    currency: str
    rrn: str


class Resolved(Entry, frozen=True, kw_only=True, tag="res"):
    """A person has ended an exception (`txn`), and says why. What was owed by it is owed no more."""

    txn: int
    at_us: int
    reason: str
    by: str
    unpriced: bool = False  # True: a payment without a price, by which nothing was owed


class Retried(Entry, frozen=True, kw_only=True, tag="rty"):
    """An operator has put a dead letter back."""

    txn: int
    at_us: int


class Held(Entry, frozen=True, kw_only=True, tag="hld"):
    """An operator has said that nothing owed is to be sent to a host, or (`held` False) that it may be again."""

    host: str
    at_us: int
    held: bool


class Maintained(Entry, frozen=True, kw_only=True, tag="mnt"):
    """An operator keeps `host:NAME`, `acquirer:NAME` (a member) or `listener:NAME` from payments, or no longer does."""

    at_us: int
    target: str
    on: bool


class StoodIn(Entry, frozen=True, kw_only=True, tag="std"):
    """The switch approved a payment itself while its issuer was away. The approval leaves only when this is durable.

    A request, its answer and the advice owed about it in one record, so that no crash can part them.
    """

    request: Forwarded
    """as it would have gone to the host, which it has not; named by DE11 and DE7 of the advice"""
    de39: str
    elements: Document
    """what the answer added: DE38 of the switch's own making, DE48 with the mark"""
    advice: Owed
    card: bytes
    """keyed digest of the PAN: what counts against the card's limits"""
    product: str
    """of the BIN range, whose limits it was approved under"""
    priced: Priced | None = None
    """of the approval; its advice has none of its own"""
    window: str = ""
    atc: int = -1
    """the counter that the card's chip has proved; -1: none was"""

    @property
    def txn(self) -> int:
        """The request's."""
        return self.request.txn

    @property
    def at_us(self) -> int:
        """The request's."""
        return self.request.at_us

    @property
    def key(self) -> Key:
        """Of the acquirer's request."""
        return self.request.key

    @property
    def answer(self) -> Answered:
        """As the record of a host's answer would say it."""
        txn, at_us, de39, elements = self.request.txn, self.request.at_us, self.de39, self.elements
        return Answered(
            txn=txn, at_us=at_us, de39=de39, elements=elements, cost=0, priced=self.priced, window=self.window
        )


class Watched(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A request that was given up and is owed a reversal, or was: its host may yet approve it."""

    request: Forwarded
    reversal: int
    """txn of the `Owed` reversal"""
    ended: str = ""
    """`taken` or `nothing`, as its host said; "": it is still owed"""


class Snapshot(Entry, frozen=True, kw_only=True, tag="snp"):
    """What is open, so that a restart folds only what follows. Opens a new segment."""

    at_us: int
    schema: int
    network: str
    last_txn: int
    open: tuple[Forwarded, ...]
    owed: tuple[Owed, ...]
    stans: dict[str, int]
    horizons: dict[str, str]
    shelved: tuple[Shelved, ...] = ()
    held: tuple[Held, ...] = ()
    maintenance: dict[str, int] = msgspec.field(default_factory=dict)
    stood: tuple[Stood, ...] = ()  # approved in issuers' place in the last 24 hours
    cutover: Cutover | None = None
    watched: tuple[Watched, ...] = ()
    exceptions: tuple[Excepted, ...] = ()
    hot_cards: tuple[HotListed, ...] = ()
    totals: tuple[PartyTotals, ...] = ()
    totals_not_whole: str = ""
    totals_dropped: str = ""  # the newest days that are not counted whole, and that have made room
    totals_last: dict[str, int] = msgspec.field(default_factory=dict)  # closed days -> number of their last window
    reconciled: tuple[Reconciled, ...] = ()
    disputes: tuple[Disputed, ...] = ()  # of each, its newest step
    unpriced: tuple[Excepted, ...] = ()
    charged: tuple[Charged, ...] = ()  # of each merchant's fees without a payment, the newest
    batches: KeptBatches = KeptBatches()
    devices: dict[str, int] = msgspec.field(default_factory=dict)  # `DeviceCounted`: device -> its highest counter
    chips: tuple[tuple[bytes, int], ...] = ()  # `ChipCounted`, the one that was used longest ago first


AnyEntry: TypeAlias = (
    Booted | Forwarded | Answered | Declined | Owed | Delivered | Abandoned | Shelved | Retried | Held | Maintained |
    StoodIn | Cutover | Snapshot | LateApproval | Renumbered | Excepted | Resolved | HotListed | Reconciled | Disputed |
    Charged | Batched | BatchClosed | BatchUploaded | DeviceCounted | ChipCounted
)  # fmt: skip

ENCODER = msgspec.msgpack.Encoder()
DECODER: msgspec.msgpack.Decoder[AnyEntry] = msgspec.msgpack.Decoder(AnyEntry)
