"""A network as the switch sees it: members, links, BIN table, tariffs, rates. Made by `switch.config` from a network file.

Frozen values, checked before they are made: whoever holds a `Network` need not ask whether its names resolve.
"""

from decimal import Decimal
from typing import Final, Literal, TypeAlias, get_args

import msgspec

from switch.core.authentication import AccessControl, ThreeDs
from switch.core.credentials import OperatorAccount, Pin, SecurityFiles, Tls
from switch.core.hooks import Hooks
from switch.core.limits import Limits
from switch.money.convert import DatedRate
from switch.money.dispute_rules import DisputeRules
from switch.money.fees import FeeRule
from switch.money.merchant_fees import MerchantFee

DOMESTIC_SCHEME: Final = "cmi"
"""Scheme of cards that are for use at home only."""
SCHEMES: Final = (DOMESTIC_SCHEME, "visa", "mastercard")
"""Those that need no host to be known; a network's host may be of any other."""


ListenerRole: TypeAlias = Literal["acquirer", "terminal", "host"]
"""Who connects there: a bank's host, POS terminals, or an issuer's or network's host."""
LISTENER_ROLES: Final[tuple[ListenerRole, ...]] = get_args(ListenerRole)
HostRole: TypeAlias = Literal["issuer", "network"]
"""Whose host it is."""
HOST_ROLES: Final[tuple[HostRole, ...]] = get_args(HostRole)


class Address(msgspec.Struct, frozen=True):
    """Where a socket listens or connects to. Port 0 in a listener: any free port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class LinkKeys(msgspec.Struct, frozen=True, kw_only=True):
    """The keys of one link, by name: what its messages are proved by, and what PINs on it are under. "": it has none."""

    mac_key: str = ""  # each message has a MAC of this key, both ways
    mac_padding: int = 1  # ISO 9797-1's method, of algorithms 1 and 3
    mac_bytes: int = 8  # 4 or 8 of them are proved
    pin_key: str = ""  # PIN blocks (DE52) are under this key, and the switch translates them
    pin_format: int = 0  # ISO 9564-1: 0, 1, 3 or 4
    ksn: str = ""  # of terminals that derive a key a transaction (DUKPT): where their messages have its serial number
    zone_key: str = ""  # under it the keys above change by message (0800); "": they do not
    key_form: str = "block"  # how they travel: a key block, or `ecb`, the bare key under the zone key
    key_keep_s: int = 120  # so long the set before is valid for what comes, once both ends have changed
    key_days: int = 0  # the switch changes a key of this age; 0: none is changed for its age
    key_uses: int = 0  # and one that has been used so often; 0: however often


class CardKeys(msgspec.Struct, frozen=True, kw_only=True):
    """An issuer's keys for what its cards carry, by name. "": it does not check that."""

    cvv_key: str = ""  # values of stripe, chip and print: CVV, iCVV, CVV2
    chip_key: str = ""  # cryptograms of chips (DE55)
    dynamic_key: str = ""  # dCVV, CVC3: what a chip says in the place of its stripe's value
    cavv_key: str = ""  # what says that a cardholder was authenticated on the web: CAVVs
    aav_key: str = ""  # and of Mastercard's cards AAVs
    on_behalf: tuple[str, ...] = ()  # of `card_proofs.CHECKS`: what the switch checks while the issuer is there, too
    wrong_goes_on: bool = False  # what does not hold goes on to the issuer, who is told; else it is declined


class PinRules(msgspec.Struct, frozen=True, kw_only=True):
    """How an issuer verifies PINs, beside its key."""

    pvki: str = "1"  # of PVVs: which of the issuer's pairs of keys it is, one digit
    decimalization_table: str = "0123456789012345"  # of IBM 3624: 16 digits, for 0 to F
    validation_data: str = (
        ""  # of IBM 3624: digits, N for the PAN's last five before its check digit; "": its first twelve
    )


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """A bank of the network. As acquirer it is known by `institution` in DE32; as issuer by the host link named for it."""

    name: str
    title: str
    institution: str
    """DE32: digits, up to 11"""
    country: str
    """ISO 3166 numeric, three digits"""
    institutions: tuple[str, ...] = ()
    """others whose messages its connections carry, as DE32 names them"""
    allow: tuple[str, ...] = ()
    """addresses it may sign on from, as networks (`10.0.0.0/8`); empty: any"""
    advice_amount_max: int = 10_000_00
    """one advice (0120, 0220) of its that follows no payment known here, at most: minor units of the home currency"""
    refund_amount_max: int = 10_000_00
    """one refund without such an original, at most"""
    bic: str = ""
    """ISO 9362: who it is to the settlement system; "": it is not named there"""
    pin: Pin | None = None
    """its certificates: it signs on with one of them only; None: on plain connections"""
    keys: LinkKeys = LinkKeys()
    """of its acquiring host's links"""
    shard: str = ""
    """where its acquiring host and its terminals connect; "": the network has no shards"""
    passes_on: bool = False
    """never from a file: another shard, which brings anybody's messages for a host that this one owns (`core.shards`)"""


class Shard(msgspec.Struct, frozen=True, kw_only=True):
    """One of the switches that a network is divided among: a process, a journal, listeners, connections to hosts of its own."""

    name: str
    number: int
    """1 to 9: transactions and DE11 of its messages carry it"""
    address: Address | None = None
    """where other shards pass on to it what is for a host that it owns; None: it owns none"""
    allow: tuple[str, ...] = ()
    """addresses that they may come from, as networks; empty: any"""
    keys: LinkKeys = LinkKeys()
    """of their links"""


class Listener(msgspec.Struct, frozen=True, kw_only=True):
    """A port others connect to. They sign on (0800, DE70=001) with a member's institution in DE32."""

    name: str
    role: ListenerRole
    address: Address
    dialect: str
    framing: str
    max_connections: int
    idle_s: int
    """a connection from which nothing came for so long is closed; 0: never"""
    members: tuple[str, ...] = ()
    """those that may sign on here; empty: any (of role `host`: any host that connects in)"""
    allow: tuple[str, ...] = ()
    """addresses that may connect, as networks (`10.0.0.0/8`); empty: any"""
    max_in_flight: int = 2_000
    """requests of one connection awaiting their answer; above it: DE39=96 at once"""
    business_day: str = "day"
    """what of the payment's business day answers say: `none`, `day` (DE15), `window` (and the number of its window)"""
    fees: bool = False
    """answers to advices and reversals say what the payment costs (DE46), and its window's number"""
    return_keepalives: bool = False
    """a keep-alive (a length of zero) is sent back"""
    tls: Tls | None = None
    """None: plain connections, unless an edge has its TLS"""
    edge: str = ""
    """path of the Unix socket that a TLS edge connects to, instead of `address`, where the edge listens; "": there is none"""
    keys: LinkKeys = LinkKeys()
    """of role `terminal`: of all terminals that connect here"""
    profile: str = ""
    """of role `terminal`: `classic`, terminals that never sign on and have no DE7 (`core.transactions.classic`), all of its one
    member; "": they sign on as acquirers do"""
    shard: str = ""
    """which opens it; "": the network has no shards"""

    @property
    def is_secure(self) -> bool:
        """True if whoever connects has shown a certificate."""
        return self.tls is not None or bool(self.edge)


class StandInRule(msgspec.Struct, frozen=True, kw_only=True):
    """Up to what the switch approves payments of one product itself while their issuer is away. Home currency, minor units."""

    product: str
    """of the BIN range"""
    floor: int
    """a purchase, at most"""
    cash_floor: int
    """cash, at most; 0: none"""
    per_card_count: int
    """payments of one card in 24 hours"""
    per_card_amount: int
    """their sum"""
    ecommerce: bool
    """web payments too, where the cardholder has been authenticated"""
    unverified_pin: bool
    """payments with an online PIN too, which nobody verifies then"""


class HostLink(msgspec.Struct, frozen=True, kw_only=True):
    """A link to an issuer's or network's host."""

    name: str
    role: HostRole
    member: str
    """the member whose host it is; "" for a network"""
    scheme: str
    """`visa` or `mastercard` for a network; "" for an issuer"""
    institution: str
    """what the host calls itself in DE32 of its sign-on, and what the switch puts in DE100 towards it"""
    institutions: tuple[str, ...] = ()
    """of a network: acquirers whose requests it brings, as DE32 names them; empty: anybody's"""
    connect: Address | None
    """where the switch connects to; None: the host connects in, on a listener with role `host`"""
    dialect: str
    framing: str
    timeout_ms: int
    """an answer not here by then: DE39=91 to the acquirer and a reversal to the host"""
    echo_s: int
    """idle time before an echo test (0800, DE70=301)"""
    retry_ms: int
    """an unanswered reversal or advice is repeated after so long, with back-off"""
    backoff_min_ms: int
    backoff_max_ms: int
    max_pending: int
    """requests awaiting an answer; above it: DE39=91 at once"""
    allow: tuple[str, ...] = ()
    """of one that connects in: addresses it may sign on from, as networks; empty: any"""
    connections: int = 1
    """that the switch makes and keeps, or that one that connects in may have; they share the traffic, and each takes over from
    one that is lost"""
    owed_per_second: int = 500
    """reversals and advices sent to it in a second, at most, repeats among them"""
    owed_tries_max: int = 50
    """a reversal or advice not acknowledged after so many tries of one process goes to the dead letters"""
    owed_give_up_s: int = 86_400
    """the same for one that is older, whatever restarts there were, once it has been tried a few times more"""
    completion_tolerance: Decimal = Decimal("0.15")
    """by which a completion may be above its pre-authorization, a fraction"""
    answers: dict[str, str] = {}
    """codes in DE39 of its answers that mean otherwise than in its dialect: `approved`, `partial`, `declined`, `unknown`"""
    receipts: dict[str, str] = {}
    """the same of its answers to reversals and advices: `accepted`, `nothing`, `later`, `refused`"""
    match: tuple[str, ...] = ("7", "37", "41")
    """elements an answer must have as its request had them, where it has them; without 7, its host stamps DE7 anew"""
    return_keepalives: bool = False
    """a keep-alive (a length of zero) is sent back"""
    pan_tokens: bool = False
    """its answers have tokens in DE2: another PAN than was asked about says nothing"""
    may_cut_over: bool = False
    """it may close the business day (0800, DE70=201)"""
    business_day: str = "day"
    """what answers to requests that it brings say of the payment's business day (`Listener.business_day`); with `window` it is
    told of the close of each window, too"""
    pass_pin: bool = False
    """DE52 and DE53 of a request go out to it as they came: both ends share the key. A request with DE52 is declined else"""
    hot_file: str = ""
    """what DE101 calls the stop list in file updates of this issuer; "": whatever it is called"""
    preauth_s: int = 604_800
    """a pre-authorization that is not completed by then is released by its (simulated) issuer"""
    standin: tuple[StandInRule, ...] = ()
    """by product; empty: nothing is approved in this issuer's place"""
    standin_total: int = 0
    """what may be approved in its place before it has been told, minor units of the home currency"""
    tls: Tls | None = None
    """of one the switch connects to; None: a plain connection, unless an edge has its TLS"""
    edge: str = ""
    """path of the Unix socket of a TLS edge, which connects to `connect`; "": there is none"""
    pin: Pin | None = None
    """the host's certificates; None: on plain connections"""
    keys: LinkKeys = LinkKeys()
    pvv_key: str = ""
    """what its (simulated) issuer verifies PINs with, by PVV or IBM 3624; "": it takes any PIN"""
    pin_rules: PinRules = PinRules()
    card_keys: CardKeys = CardKeys()
    """what its (simulated) issuer checks cards with, and the switch in its place"""
    leaving_since_us: int = 0
    """never from a file: when a reload found it gone from there, wall-clock microseconds; 0: it is in the file. It gets no new
    payment; what concerns those it had still reaches it (`core.link_control.leaving`)"""
    shard: str = ""
    """which owns it: its only one with connections to it, through which the others reach it; "": each shard has its own"""
    passed_by: str = ""
    """never from a file: another shard owns it, and this side signs on there by this name (DE32); "": it is reached itself"""


class BinRange(msgspec.Struct, frozen=True, kw_only=True):
    """Cards from `low` to `high`: digit strings of equal length, compared with as many leading digits of a PAN."""

    low: str
    high: str
    scheme: str
    """`cmi`, or that of a network's host: `visa`, `mastercard` …"""
    issuer: str
    """member name; "" for a foreign issuer, reached through the scheme's network"""
    country: str
    """of the issuer, ISO 3166 numeric"""
    currency: str
    """of the account, ISO 4217 numeric"""
    product: str
    """`debit`, `credit`, `prepaid` …"""
    line: int
    """in the network file, for explanations"""
    digits: int = 16
    """of its PANs: of the test cards that are made for it"""
    value_digits: int = 3
    """of the value printed on them (CVV2, CID)"""


class Tariff(msgspec.Struct, frozen=True, kw_only=True):
    """What a payment through a network costs: flat + (ad valorem + cross-border) of the amount."""

    network: str
    """host link name"""
    per_transaction: int
    """minor units of the network's currency"""
    ad_valorem: Decimal
    """a fraction: 0.0025 is 25 basis points"""
    cross_border: Decimal
    """added where acquirer's and issuer's countries differ"""
    conversion: Decimal
    """the network's margin on its exchange rates, where currencies differ"""
    line: int = 0
    """in the network file"""


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """What passes on the links is recorded in a pcapng file, its sensitive elements masked."""

    file: str
    """the newest file; the one before is called NAME.1.pcapng"""
    file_bytes: int
    """a file that reaches so many bytes is turned over"""
    files: int
    """so many are kept"""
    clear_cards: tuple[str, ...]
    """prefixes of test cards, 6 digits or more: their messages are kept as they came"""
    from_start: bool
    """False: recording begins when the process is sent SIGUSR1"""


class HopLogFiles(msgspec.Struct, frozen=True, kw_only=True):
    """How much of the hop log is kept."""

    file_bytes: int = 64 << 20
    """a file that reaches so many bytes is turned over"""
    files: int = 8
    """so many are kept, the one that is written among them"""
    days: int = 0
    """a file turned over longer ago is removed; 0: however old"""
    compress: bool = False
    """files that are turned over are compressed"""


class JournalFiles(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of the journal beside its own directory."""

    head_copy: str = ""
    """a file on another disk that says how far the journal was acknowledged; "": none"""
    store: str = ""
    """a PostgreSQL database that decides what is durable, as a URL without a password; "": the journal's own files do"""
    replicated: bool = True
    """nothing counts in that database that no standby has"""
    patroni: tuple[str, ...] = ()
    """addresses of the REST API of each Patroni that runs it, to be asked whether it does so safely; (): nobody is asked"""
    lease_ms: int = 1_000
    """so long after its owner was last heard of another node may own the journal"""


class CutoverWindow(msgspec.Struct, frozen=True, kw_only=True):
    """When hosts may close the business day: seconds since midnight, UTC. One that ends before it begins goes over midnight."""

    begin_s: int
    end_s: int

    def holds(self, second: int) -> bool:
        """True if this second of a day is in it; its end is not."""
        if self.begin_s <= self.end_s:
            return self.begin_s <= second < self.end_s
        return second >= self.begin_s or second < self.end_s

    def __str__(self) -> str:
        """`20:00 to 02:00 UTC`."""
        return f"{_clock(self.begin_s)} to {_clock(self.end_s)} UTC"


class CutoverSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """When the business day and its windows end by themselves, by the clocks of a place (`core.operator.schedule`)."""

    zone: str
    """as in tzdata: Africa/Casablanca"""
    close_s: int | None = None
    """the day: seconds since local midnight; None: not by the clock"""
    windows_s: tuple[int, ...] = ()
    """its windows, likewise"""
    offsets: tuple[tuple[int, int], ...]
    """of the zone: from when on (seconds since 1970, UTC), and how many seconds its clocks are ahead of UTC then"""

    def __str__(self) -> str:
        """`close 23:00, windows 12:00, Africa/Casablanca`."""
        close = f"close {_clock(self.close_s)}, " if self.close_s is not None else ""
        windows = f"windows {' '.join(map(_clock, self.windows_s))}, " if self.windows_s else ""
        return f"{close}{windows}{self.zone}"


def _clock(second: int) -> str:
    """HH:MM."""
    return f"{second // 3_600:02d}:{second % 3_600 // 60:02d}"


class Network(msgspec.Struct, frozen=True, kw_only=True):
    """All that a network file says, checked: names resolve, and amounts are minor units."""

    name: str
    title: str
    country: str
    """ISO 3166 numeric of the home country: 504"""
    country_alpha: str
    """as it stands at the end of DE43: MA"""
    currency: str
    """ISO 4217 numeric of the home currency: 504"""
    institution: str
    """the switch's own, in DE33 and in its sign-ons"""
    members: tuple[Member, ...]
    listeners: tuple[Listener, ...]
    hosts: tuple[HostLink, ...]
    bins: tuple[BinRange, ...]
    tariffs: tuple[Tariff, ...]
    rates: dict[str, Decimal]
    """ISO 4217 numeric -> units of the home currency one unit buys (978 EUR -> 10.84); the home currency is 1"""
    dated_rates: tuple[DatedRate, ...] = ()
    """rates that hold on some business days, before those"""
    duplicate_window_s: int
    state_dir: str
    """where journal and logs go unless the command line says otherwise; relative to the working directory"""
    limits: Limits
    source: str
    """the file it was read from"""
    capture: Capture | None = None
    """None: nothing is recorded, unless the command line says so"""
    cutover_window: CutoverWindow | None = None
    """None: hosts that may close the business day may do so at any time"""
    cutover_schedule: CutoverSchedule | None = None
    """None: nothing is closed by the clock"""
    hop_log: HopLogFiles = HopLogFiles()
    fees: tuple[FeeRule, ...] = ()
    merchant_fees: tuple[MerchantFee, ...] = ()
    regions: dict[str, str] = {}
    """country (ISO 3166 numeric) -> the region of the card networks it belongs to"""
    journal: JournalFiles = JournalFiles()
    security: SecurityFiles = SecurityFiles()
    operators: tuple[OperatorAccount, ...] = ()
    """none: whoever reaches the control socket may do everything"""
    operator_group: str = ""
    """whose members reach the control socket beside the switch's own user; "": nobody"""
    acquirers_wait_ms: int = 20_000
    """an acquirer's host gives up after so long"""
    console_user: str = ""
    """user of the machine that a console runs as, and speaks for operators who have logged in there; "": none may"""
    test: bool = False
    """no real card is in it: consoles show test cards and faults"""
    leaving_bins: tuple[BinRange, ...] = ()
    """never from a file: ranges that led to hosts that are leaving"""
    disputes: DisputeRules = DisputeRules()
    payees: dict[str, str] = {}
    """accounts that fees may go to beside merchants, members, networks and the switch: name -> BIC; "": it has none"""
    former_networks: dict[str, str] = {}
    """networks that no host leads to any more: name -> scheme; what windows had with them settles apart for ever"""
    bic: str = ""
    """ISO 9362: the switch's own in settlement files, and that of its account; "": it makes none"""
    hooks: Hooks | None = None
    """None: there are no rules but the file's"""
    threeds: ThreeDs | None = None
    """None: cardholders are not authenticated on the web"""
    acs: tuple[AccessControl, ...] = ()
    shards: tuple[Shard, ...] = ()
    """none: one switch has all of it"""
    shard: str = ""
    """never from a file: which of them this is the network of (`core.shards`); "": the whole"""
    shard_number: int = 0
    """its number; 0: the whole"""

    @property
    def issuing(self) -> tuple[Member, ...]:
        """Members that issue cards: each settles every window, at 0.00 if need be; one that only acquires, where it has."""
        issuers = {host.member for host in self.hosts}
        return tuple(member for member in self.members if member.name in issuers)

    @property
    def card_networks(self) -> tuple[HostLink, ...]:
        """Hosts that are Visa's, Mastercard's or another network's."""
        return tuple(host for host in self.hosts if host.role == "network")

    @property
    def networks(self) -> dict[str, str]:
        """Those that settle apart, by the name that the ledger knows them by: name -> scheme. Of now and of before."""
        return self.former_networks | {host.name: host.scheme for host in self.card_networks}
