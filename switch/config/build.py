"""A network file's sections -> the values of `core.network`, each beside the section it came from, for later checks."""

import re
from enum import StrEnum
from ipaddress import ip_network
from typing import Final

import msgspec

from switch.config.certificates import read_dialled, read_edge, read_pin, read_tls
from switch.config.dialects import Dialects
from switch.config.draft import UNREAD, Draft
from switch.config.keys import read_card_keys, read_link_keys, read_pin_rules
from switch.config.mistakes import did_you_mean, nearest
from switch.config.reader import Section
from switch.core.limits import Limits
from switch.core.links.pending import MATCHED
from switch.core.messages.answer_codes import Meaning, Receipt
from switch.core.network import (
    DOMESTIC_SCHEME,
    HOST_ROLES,
    LISTENER_ROLES,
    SCHEMES,
    HostLink,
    Listener,
    ListenerRole,
    Member,
    StandInRule,
    Tariff,
)
from switch.money.country import NUMERIC, country_numeric
from switch.money.currency import currency, parse_money
from switch.wire.framing import FRAME_BYTES_MAX

UNREFERENCED_MAX: Final = "10000"
FILE_NAME_LONGEST: Final = 17
INSTITUTION_LONGEST: Final = 11
KOSOVO: Final = "XK"
"""a country in BICs, and in ISO 3166 none"""
_BIC: Final = re.compile(r"[A-Z0-9]{4}[A-Z]{2}[A-Z0-9]{2}([A-Z0-9]{3})?")

LIMIT_BOUNDS: Final[dict[str, tuple[int, int]]] = {
    "frame_bytes": (256, FRAME_BYTES_MAX),
    "sign_on_ms": (1_000, 600_000),
    "frame_ms": (1_000, 600_000),
    "send_buffer_bytes": (1_024, 1 << 30),
    "owed_in_flight": (1, 10_000),
    "connections": (1, 200_000),
    "unsigned_connections": (1, 200_000),
    "unsigned_per_listener": (1, 200_000),
    "unsigned_per_address": (1, 200_000),
    "hot_cards": (1, 1_000_000),
    "chips": (1, 1_000_000),
}
"""Limits that are not simply 1 to ten million: a frame's length has two bytes in most framings, and a
snapshot holds every card of the stop lists."""


def currency_numeric(code: str) -> str:
    """`MAD` or `504` -> `504`. ValueError: no such currency."""
    return currency(code).numeric


def read_institutions(s: Section) -> tuple[str, ...]:
    """`institutions = ["504201"]`: whom a connection speaks for beside who signed on."""
    found = s.texts("institutions")
    for value in found:
        if not (value.isascii() and value.isdecimal() and len(value) <= INSTITUTION_LONGEST and value.strip("0")):
            s.wrong_item(
                "institutions", value, f'"{value}" is no institution', f"1 to {INSTITUTION_LONGEST} digits, as in DE32"
            )
    return tuple(found)


def read_allow(s: Section) -> tuple[str, ...]:
    """`allow = ["10.0.0.0/8", "192.0.2.7"]`: addresses, and networks of them."""
    found: list[str] = []
    for value in s.texts("allow"):
        try:
            found.append(str(ip_network(value)))
        except ValueError as error:
            s.wrong_item(
                "allow",
                value,
                f"`allow`: {error}",
                'an address or a network of them, such as "10.0.0.0/8" or "192.0.2.7"',
            )
    if s.data.get("allow") == []:
        s.wrong("allow", "`allow` is empty: nobody could connect", "leave the key out for any address")
    return tuple(found)


def read_bic(s: Section) -> str:
    """`bic = "AAAAMAM1XXX"`: ISO 9362, 8 or 11 characters; "" where there is none, and after a mistake."""
    text = s.text("bic", "")
    if text and not _BIC.fullmatch(text):
        form = "4 characters of the bank, 2 letters of a country, 2 of the place, and 3 of a branch or none"
        s.wrong("bic", f'"{text}" is no BIC: 8 or 11 capital letters and digits (ISO 9362)', form)
        return ""
    if text and text[4:6] not in (*NUMERIC, KOSOVO):
        s.wrong("bic", f'"{text}" is no BIC: {text[4:6]} is no country of ISO 3166', "its fifth and sixth characters")
        return ""
    return text


def read_member(s: Section, home: str, money: str, shard: str) -> Member:
    """`[[member]]`: a bank. `home`, `money`: the home country and currency, numeric. `shard`: what it says of that."""
    name = s.name()
    member = Member(
        name=name,
        title=s.text("title", name or "?"),
        institution=s.digits("institution", INSTITUTION_LONGEST),
        country=s.lookup("country", country_numeric, NUMERIC, home or UNREAD),
        institutions=read_institutions(s),
        allow=read_allow(s),
        advice_amount_max=home_money(s, "advice_amount_max", money, UNREFERENCED_MAX, "10000.00 MAD"),
        refund_amount_max=home_money(s, "refund_amount_max", money, UNREFERENCED_MAX, "10000.00 MAD"),
        bic=read_bic(s),
        pin=read_pin(s),
        keys=read_link_keys(s),
        shard=shard,
    )
    s.done()
    return member


def read_listener(s: Section, dialects: Dialects, limits: Limits, shard: str, *, files: bool = False) -> Listener:
    """`[[listener]]`: a port others connect to. `shard`: see `read_member`. `files`: those of its certificate are read."""
    name = s.name()
    role = s.choice("role", LISTENER_ROLES)
    dialect = dialects.read(s)
    listener = Listener(
        name=name,
        role=role,
        address=s.address("address"),
        dialect=dialect,
        framing=dialects.framing(s, dialect),
        max_connections=s.integer("max_connections", 1, 200_000, limits.connections),
        members=_read_welcome(s) if role != "host" else (),
        allow=read_allow(s),
        idle_s=s.integer("idle_s", 0, 86_400, 0),
        max_in_flight=s.integer("max_in_flight", 1, 1_000_000, min(2_000, limits.pending)),
        business_day=dialects.business_day(s, dialect, "day"),
        fees=dialects.fees(s, dialect),
        return_keepalives=read_keepalives(s),
        tls=read_tls(s, files=files),
        edge=read_edge(s),
        keys=read_link_keys(s, change=False),
        profile=read_profile(s, role),
        shard=shard,
    )
    for key in ("mac_key", "pin_key"):
        if role != "terminal" and s.has(key):
            s.wrong_key(
                key,
                "these are keys of terminals: banks' hosts have those of [[member]], hosts those of [[host]]",
            )
    s.done()
    return listener


def _read_welcome(s: Section) -> tuple[str, ...]:
    """`members = ["rif"]`: who may sign on; () for all. An empty array is refused: it reads as nobody, and would be everybody."""
    if s.data.get("members") == []:
        s.wrong("members", "`members` is empty: nobody could sign on", "leave the key out for all members")
    return tuple(s.texts("members"))


def read_keepalives(s: Section) -> bool:
    """`return_keepalives`: where a framing has a length, a keep-alive is one of zero."""
    wanted = s.truth("return_keepalives", False)
    if wanted and s.text("framing", "") == "stxetx":
        s.wrong("return_keepalives", 'framing "stxetx" has no lengths, and so none of zero', "leave it out")
    return wanted


def read_profile(s: Section, role: ListenerRole) -> str:
    """`profile = "classic"`: terminals that never sign on, so that the file says whose they are."""
    profile = s.choice("profile", ("classic",), "")
    if profile and role != "terminal":
        s.wrong("profile", f'terminals have a profile, and this listener is of role "{role}"', 'role = "terminal"')
    elif profile and len(s.texts("members")) != 1:
        s.wrong("profile", "classic terminals do not say whose they are", 'members = ["NAME"], one member, says it')
    return profile


def home_money(s: Section, key: str, home: str, default: str | None, example: str) -> int:
    """An amount of the home currency (numeric), such as `"0.55 MAD"`, in minor units; 0 after a mistake."""
    text = s.text(key, default)
    try:
        minor, unit = parse_money(text or "0", home or UNREAD)
    except ValueError as error:
        s.wrong(key, f"`{key}`: {error}", f'such as "{example}"')
        return 0
    if minor < 0:
        s.wrong(key, f'"{text}" is below 0')
    elif home and unit != home:
        alpha = currency(home).alpha
        s.wrong(key, f'"{text}" is not in the home currency, {alpha}', f"the home currency is {alpha}")
    return max(minor, 0)


def read_standin(s: Section, home: str) -> StandInRule:
    """`[[host.standin]]`: what the switch approves itself while this issuer is away, for one product."""
    rule = StandInRule(
        product=s.text("product"),
        floor=home_money(s, "floor", home, None, "300.00 MAD"),
        cash_floor=home_money(s, "cash_floor", home, "0", "200.00 MAD"),
        per_card_count=s.integer("per_card_count", 1, 1_000),
        per_card_amount=home_money(s, "per_card_amount", home, None, "600.00 MAD"),
        ecommerce=s.truth("ecommerce", False),
        unverified_pin=s.truth("unverified_pin", False),
    )
    s.done()
    return rule


def read_codes(s: Section, key: str, meanings: type[StrEnum]) -> dict[str, str]:
    """`answers = { "08" = "approved" }`: what codes of DE39 mean on this link, where its dialect's table says otherwise."""
    table, found = s.table(key), {}
    for code in table.data:
        if not (code.isascii() and code.isalnum() and len(code) in (2, 3)):
            table.wrong_key(code, f'"{code}" is no code of DE39', "two characters, or three digits in the 1993 edition")
        found[code] = table.choice(code, [meaning.value for meaning in meanings])
    return found


def read_match(s: Section) -> tuple[str, ...]:
    """`match = ["7", "37"]`: what of an answer must be its request's."""
    elements = s.texts("match")
    if not s.has("match"):
        return MATCHED
    for element in elements:
        if element not in MATCHED:
            known = ", ".join(f'"{known}"' for known in MATCHED)
            s.wrong_item("match", element, f'"{element}" is nothing that answers are matched on', f"some of {known}")
    return tuple(element for element in elements if element in MATCHED)


def _hot_file(s: Section) -> str:
    """`hot_file = "HOTCARDS"`: DE101, up to 17 characters."""
    name = s.text("hot_file", "")
    if name and s.data.get("role") == "network":
        s.wrong_key("hot_file", "a network keeps no stop list here: only issuers' hosts send theirs")
    if len(name) > FILE_NAME_LONGEST:
        s.wrong("hot_file", f'"{name}" is longer than DE101', f"up to {FILE_NAME_LONGEST} characters")
    elif not name.isascii():
        s.wrong("hot_file", f'"{name}" cannot stand in DE101', "letters, digits and marks of ASCII (type ans)")
    return name


def read_scheme(s: Section) -> str:
    """The scheme that a network's host is of: one that is known, or any other in lower case; no slip of one."""
    scheme = s.text("scheme")
    known = SCHEMES[1:]
    near = did_you_mean(scheme, known) if scheme not in known and nearest(scheme, known) else ""
    if not scheme:
        return ""
    if near or scheme == DOMESTIC_SCHEME or not (scheme.isascii() and scheme.isalnum() and scheme.islower()):
        s.wrong(
            "scheme",
            f'"{scheme}" is no scheme of a network',
            near or f"{', '.join(known)}, or another's name in lower case",
        )
    return scheme


def schemes_of(draft: Draft) -> tuple[str, ...]:
    """All that cards of a file may be of: those that are known, and those of its networks' hosts."""
    return (*SCHEMES, *sorted({h.scheme for _, h in draft.hosts} - {"", *SCHEMES}))


def read_host(
    s: Section, dialects: Dialects, draft: Draft, limits: Limits, shard: str, *, files: bool = False
) -> HostLink:
    """`[[host]]`: a link to an issuer's or network's host. `shard`, `files`: see `read_listener`."""
    name, home = s.name(), draft.currency
    role = s.choice("role", HOST_ROLES)
    members = {m.name: m for _, m in draft.members if m.name}
    member, scheme = "", ""
    if role == "issuer":
        member = s.choice("member", members, name if name in members else None)
    elif role == "network":
        scheme = read_scheme(s)
    else:
        s.ask("member", "scheme")
    dialect = dialects.read(s)
    timeout_ms = s.integer("timeout_ms", 100, 120_000, 10_000)
    institution = None if role == "network" else members[member].institution if member in members else "0"
    connect = s.address("connect") if s.has("connect") else None
    tls, pin = read_dialled(s, connect.host, files=files) if connect is not None else (None, read_pin(s))
    edge = read_edge(s)
    host = HostLink(
        name=name,
        role=role,
        member=member,
        scheme=scheme,
        institution=s.digits("institution", INSTITUTION_LONGEST, institution),
        institutions=read_institutions(s) if role != "issuer" else (),
        connect=connect,
        dialect=dialect,
        framing=dialects.framing(s, dialect),
        timeout_ms=timeout_ms,
        echo_s=s.integer("echo_s", 1, 3_600, 30),
        retry_ms=s.integer("retry_ms", 100, 3_600_000, 30_000),
        backoff_min_ms=s.integer("backoff_min_ms", 10, 600_000, 500),
        backoff_max_ms=s.integer("backoff_max_ms", 10, 3_600_000, 30_000),
        max_pending=s.integer("max_pending", 1, 1_000_000, min(4_000, limits.pending)),
        allow=read_allow(s),
        connections=s.integer("connections", 1, 64, 1),
        owed_per_second=s.integer("owed_per_second", 1, 100_000, 500),
        owed_tries_max=s.integer("owed_tries_max", 1, 100_000, 50),
        owed_give_up_s=s.integer("owed_give_up_s", 60, 31_536_000, 86_400),
        completion_tolerance=s.percent("completion_tolerance", "15 %"),
        answers=read_codes(s, "answers", Meaning),
        receipts=read_codes(s, "receipts", Receipt),
        match=read_match(s),
        return_keepalives=read_keepalives(s),
        pan_tokens=s.truth("pan_tokens", False),
        may_cut_over=s.truth("may_cut_over", False),
        business_day=dialects.business_day(s, dialect, "none" if role == "network" else "day"),
        pass_pin=s.truth("pass_pin", False),
        hot_file=_hot_file(s),
        preauth_s=s.integer("preauth_s", 1, 31_536_000, 604_800),
        standin=tuple(read_standin(rule, home) for rule in s.tables("standin")),
        keys=read_link_keys(s),
        pvv_key=s.text("pvv_key", ""),
        pin_rules=read_pin_rules(s),
        card_keys=read_card_keys(s),
        standin_total=home_money(s, "standin_total", home, None if s.has("standin") else "0", "50000.00 MAD"),
        tls=tls,
        edge=edge,
        pin=pin,
        shard=shard,
    )
    if host.connect is not None and s.has("allow"):
        s.wrong_key("allow", "`allow` says from where a host connects in, and the switch connects to this one itself")
    s.done()
    return host


def read_tariff(s: Section, draft: Draft, networks: set[str]) -> Tariff:
    """`[[tariff]]`: what a hop through a network costs."""
    value = Tariff(
        network=s.choice("network", networks),
        per_transaction=home_money(s, "per_transaction", draft.currency, "0", "0.55 MAD"),
        ad_valorem=s.percent("ad_valorem", "0 %"),
        cross_border=s.percent("cross_border", "0 %"),
        conversion=s.percent("conversion", "0 %"),
        line=s.line,
    )
    s.done()
    return value


def read_limits(s: Section) -> Limits:
    """`[limits]`: bounds that differ from `core.limits`, by the same names."""
    values: dict[str, int] = {}
    for field in msgspec.structs.fields(Limits):
        low, high = LIMIT_BOUNDS.get(field.name, (1, 10_000_000))
        values[field.name] = s.integer(field.name, low, high, field.default)
    s.done()
    return Limits(**values)
