"""An order and a merchant, as they are kept. The one rule: neither has a field for a card's number, CVV2 or key in clear."""

from enum import StrEnum

import msgspec

from switch.gateway.orders.lifecycle import Stage
from switch.gateway.payment_messages import Names
from switch.gateway.posting import Posted
from switch.gateway.protocol.fields import UTF_8, Fields
from switch.gateway.protocol.requests import PaymentRequest


class Authentication(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the cardholder's authentication (3-D Secure)."""

    trans_id: str
    """threeDSServerTransID"""
    status: str = ""
    """what it came to, in the end (`threeds.protocol.statuses.Status`); "": that is not known yet"""
    eci: str = ""
    """as the card's scheme has it"""
    value: str = ""
    """what proves it, for this one payment: CAVV or AAV, base64"""
    version: str = ""
    ds_trans_id: str = ""
    acs_trans_id: str = ""
    acs_url: str = ""
    """of the bank's page; "": no code was asked for"""
    result: str = ""
    """transStatus of the RReq; "": none has come"""


class Attempt(msgspec.Struct, frozen=True, kw_only=True):
    """A card submitted."""

    names: Names
    masked: str
    """first six and last four digits"""
    scheme: str
    client: str
    """the customer's address"""
    code: str = ""
    """DE39; "" as long as none is known"""
    approval: str = ""
    """DE38"""
    authentication: Authentication | None = None
    """None: 3-D Secure is not used"""


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One payment that a merchant has asked for."""

    number: int
    token: str
    """what its page is reached by: nobody can guess it"""
    asked: PaymentRequest
    form: list[tuple[str, str]]
    """as it came"""
    version: str
    """of the hash that answers are signed with"""
    opened_us: int
    stage: Stage = Stage.OPEN
    moved_us: int = 0
    due_us: int = 0
    """when it ends by itself, as nobody has paid or captured it; 0: it does not"""
    attempts: int = 0
    attempt: Attempt | None = None
    owed: Names | None = None
    """the message that is being sent until it is acknowledged"""
    captured: int = 0
    """minor units"""
    credited: int = 0
    posted: Posted | None = None
    """what the switch has said of the capture"""
    charset: str = UTF_8
    """that its form came in, and its answers go in"""

    @property
    def fields(self) -> Fields:
        """The form as it came."""
        return Fields(self.form, self.charset)

    @property
    def ends_us(self) -> int:
        """When its page does."""
        return self.opened_us + self.asked.session_s * 1_000_000

    @property
    def key(self) -> tuple[str, str]:
        """Merchant and order id."""
        return self.asked.clientid, self.asked.oid


class CallState(StrEnum):
    """Where a callback is."""

    DUE = "due"
    DONE = "done"
    DEAD = "dead"
    """tried often enough; somebody may have it sent again"""


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A callback that only informs; or, done, the one that has decided."""

    number: int
    order: int
    tries: int
    due_us: int
    state: CallState
    said: str
    """what the last try came to"""


class Merchant(msgspec.Struct, frozen=True, kw_only=True):
    """A shop that may ask for payments."""

    clientid: str
    title: str
    city: str
    category: str
    """DE18: merchant category code"""
    site: str
    """its address, for the list of secured sites"""
    hosts: tuple[str, ...]
    """where customers may be sent back and callbacks may go: `shop.example` or `shop.example:8443`"""
    sealed_key: bytes
    accepts: tuple[str, ...] = ()
    """deviations of its client's hashes"""
    api_name: str = ""
    api_password: bytes = b""
    """scrypt: 16 bytes of salt, 32 of digest; b"": it may not use the API"""
    country: str = ""
    """ISO 3166, two letters, where the shop is; "": the network's own. National cards are refused abroad"""
    page_password: bytes = b""
    """likewise, of the merchants' pages; b"": nobody may log in"""
    suspended: bool = False
    unauthenticated: str = "pay"
    """a card that is not enrolled or cannot be authenticated: `pay` without proof, bearing the loss of a fraud; or `refuse`"""
    hold_days: int = 7
    added_us: int = 0


class Refusal(msgspec.Struct, frozen=True):
    """Something a limit, a check or a merchant's settings did not let through; nothing in it is a card's or a secret."""

    at_us: int
    what: str
    """`form`, `card`, `login`, `api`"""
    clientid: str
    """the merchant it named, which need not be one"""
    oid: str
    client: str
    """address it came from"""
    reason: str
