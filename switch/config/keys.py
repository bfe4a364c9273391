"""Keys as a network file names them: `[security]`, and `mac_key`, `pin_key` of members and hosts. No key is in a network file.

Where the key file is at hand, each name is looked up in it: a key's use stands in the clear at the head of its block, so that no
master key is needed to find a PIN key named as a MAC key.
"""

import re
from collections import Counter
from pathlib import Path
from string import digits
from typing import Final

import msgspec

from switch.config.dialects import Dialects
from switch.config.draft import Draft
from switch.config.mistakes import did_you_mean
from switch.config.reader import Section
from switch.core.authentication import AccessControl, acs_of
from switch.core.credentials import SecurityFiles
from switch.core.network import CardKeys, HostLink, LinkKeys, Network, PinRules
from switch.core.transactions.card_proofs import CHECKS, CHIP, PRINT, STRIPE, WEB
from switch.security.key_file import Entry, KeyRingError, header_of, read_entries, title_of
from switch.security.key_sets import FORMS
from switch.security.lmk import LmkError
from switch.security.module import MAC_USAGES
from switch.security.pin_blocks import BLOCK_BYTES
from switch.security.pin_blocks import FORMATS as PIN_FORMATS
from switch.security.pins import check_table, validation_template
from switch.security.token import in_token, read_address
from switch.wire import Dialect
from switch.wire.mac_place import SIZES, MacPlace, NoMacPlaceError
from switch.wire.vocabulary import DE, MACS

_USES: Final = {
    "mac_key": (MAC_USAGES, "C", "makes and checks MACs"),
    "pin_key": (("P0",), "BED", "encrypts PINs"),
    "pvv_key": (("V0", "V1", "V2"), "C", "verifies PINs"),
    "cvv_key": (("C0",), "CV", "checks card values"),
    "chip_key": (("E0",), "X", "checks cryptograms of chips"),
    "dynamic_key": (("E4",), "X", "checks values of stripes that change (dCVV, CVC3)"),
    "ksn": (("B0", "B1"), "X", "derives terminals' keys (`ksn`: DUKPT)"),
    "zone_key": (("K0", "K1"), "BED", "carries other keys"),
    "cavv_key": (("C0",), "C", "makes and checks CAVVs"),
    "aav_key": (("C0",), "C", "makes and checks AAVs"),
    "cavv_check": (("C0",), "CV", "checks CAVVs"),
    "aav_check": (("C0",), "CV", "checks AAVs"),
}


_KEEPERS: Final = {"module", "keys", "hardware"}
"""keys of `[security]` that say where the keys are"""
CHECKED_WITH: Final = {CHIP: "chip_key", STRIPE: "cvv_key", PRINT: "cvv_key", WEB: "cavv_key"}
DECLINED, PASSED = "decline", "pass"
_ANY_PAN: Final = "4" * 16

_KSN_PLACE: Final = re.compile("(?:[2-9]|[1-9][0-9]|1[01][0-9]|12[0-7])|48[.][0-9]{2}")


def read_security(s: Section) -> SecurityFiles:
    """`[security]`: where the keys are."""
    files = SecurityFiles(
        module=s.text("module", ""),
        keys=s.text("keys", ""),
        lmk=s.text("lmk", ""),
        hardware=str(s.address("hardware")) if s.has("hardware") else "",
        hardware_keys=s.text("hardware_keys", ""),
        wait_ms=s.integer("wait_ms", 10, 10_000, 500),
    )
    if files.hardware and (files.module or files.keys):
        s.wrong_key(
            "hardware", "one of them has the keys: a hardware module, a process, or this one", "leave the other out"
        )
    if bool(files.hardware) != bool(files.hardware_keys):
        there, lacking = ("hardware", "hardware_keys") if files.hardware else ("hardware_keys", "hardware")
        s.wrong_key(
            there, f"`{there}` without `{lacking}`", "a hardware module is sent its keys as it has wrapped them"
        )
    if files.module and (files.keys or files.lmk):
        s.wrong_key(
            "module", "the module has the keys: `keys` and `lmk` are for a switch that has none", "leave one out"
        )
    if bool(files.keys) != bool(files.lmk):
        there, lacking = ("keys", "lmk") if files.keys else ("lmk", "keys")
        s.wrong_key(there, f"`{there}` without `{lacking}`", "a key file is read with its master key's file")
    try:
        if in_token(files.lmk):
            read_address(files.lmk)
    except LmkError as error:
        s.wrong("lmk", str(error))
    s.done()
    return files


def read_link_keys(s: Section, *, change: bool = True) -> LinkKeys:
    """`mac_key` … `pin_format` of a `[[member]]`, `[[host]]` or `[[listener]]`; with `change` `zone_key` … `key_uses`, too."""
    keys = read_fixed_keys(s)
    if change:
        return msgspec.structs.replace(
            keys,
            zone_key=s.text("zone_key", ""),
            key_form=s.choice("key_form", FORMS, FORMS[0]),
            key_keep_s=s.integer("key_keep_s", 1, 86_400, 120),
            key_days=s.integer("key_days", 0, 3_650, 0),
            key_uses=s.integer("key_uses", 0, 1_000_000_000, 0),
        )
    keys = msgspec.structs.replace(keys, ksn=s.text("ksn", ""))
    if keys.ksn and not _KSN_PLACE.fullmatch(keys.ksn):
        s.wrong(
            "ksn", f'"{keys.ksn}" is no place of a key serial number', 'an element, as "62", or of DE48, as "48.72"'
        )
    if keys.ksn and not (keys.pin_key or keys.mac_key):
        s.wrong("ksn", "there is no key it could be of", "`pin_key` or `mac_key` names the base derivation key")
    return keys


def read_fixed_keys(s: Section) -> LinkKeys:
    """`mac_key` … `pin_format`, of whatever has links."""
    keys = LinkKeys(
        mac_key=s.text("mac_key", ""),
        mac_padding=s.integer("mac_padding", 1, 3, 1),
        mac_bytes=s.integer("mac_bytes", min(SIZES), max(SIZES), max(SIZES)),
        pin_key=s.text("pin_key", ""),
        pin_format=s.integer("pin_format", 0, 4, 0),
    )
    if keys.mac_bytes not in SIZES:
        s.wrong("mac_bytes", f"a MAC of {keys.mac_bytes} bytes", "4 or 8 of them are proved")
    if keys.pin_format not in PIN_FORMATS:
        s.wrong("pin_format", f"format {keys.pin_format} is on no link", "ISO 9564-1: 0, 1, 3 or 4")
    return keys


def read_card_keys(s: Section) -> CardKeys:
    """`cvv_key` … `aav_key` of a `[[host]]`."""
    return CardKeys(
        cvv_key=s.text("cvv_key", ""),
        chip_key=s.text("chip_key", ""),
        dynamic_key=s.text("dynamic_key", ""),
        cavv_key=s.text("cavv_key", ""),
        aav_key=s.text("aav_key", ""),
        on_behalf=_read_on_behalf(s),
        wrong_goes_on=s.choice("on_behalf_wrong", (DECLINED, PASSED), DECLINED) == PASSED,
    )


def read_pin_rules(s: Section) -> PinRules:
    """`pvki`, `decimalization_table`, `validation_data` of a `[[host]]`."""
    plain = PinRules()
    rules = PinRules(
        pvki=s.text("pvki", plain.pvki),
        decimalization_table=s.text("decimalization_table", plain.decimalization_table),
        validation_data=s.text("validation_data", plain.validation_data),
    )
    if not (len(rules.pvki) == 1 and rules.pvki in digits):
        s.wrong("pvki", f'"{rules.pvki}" is no index of a pair of keys', "one digit; Visa gives out 0 to 6")
    try:
        check_table(rules.decimalization_table)
    except ValueError as error:
        s.wrong("decimalization_table", str(error), "a table of few digits tells of PINs, so that modules refuse it")
    try:
        if rules.validation_data:
            validation_template(_ANY_PAN, rules.validation_data, "F")
    except ValueError as error:
        s.wrong("validation_data", str(error), "as payShields have it: 4000N, or N alone")
    for key in ("pvki", "decimalization_table", "validation_data"):
        if s.has(key) and not s.has("pvv_key"):
            s.wrong_key(key, "no PINs are verified here", "add `pvv_key`")
    return rules


def _check_pin_rules(s: Section, host: HostLink, entries: "dict[str, Entry] | None") -> None:
    """Rules of the one method beside a key of the other say something else than what is done."""
    entry = (entries or {}).get(host.pvv_key)
    if entry is None:
        return
    of_others = {"V2": ("decimalization_table", "validation_data"), "V1": ("pvki",)}
    usage = header_of(entry).usage
    for key in of_others.get(usage, ()):
        if s.has(key):
            s.wrong_key(key, f'key "{host.pvv_key}" is a {title_of(header_of(entry))}: this is the other method\'s')


def _read_on_behalf(s: Section) -> tuple[str, ...]:
    """`on_behalf = ["chip", "web"]`: each with a key that it is checked with, of an issuer's host."""
    asked = s.texts("on_behalf")
    for check in asked:
        if check not in CHECKED_WITH:
            s.wrong_item(
                "on_behalf", check, f'"{check}" is nothing that can be checked', did_you_mean(check, CHECKED_WITH)
            )
        elif check != WEB and not s.has(CHECKED_WITH[check]):  # of the web its access control server may have keys
            key = CHECKED_WITH[check]
            s.wrong_item("on_behalf", check, f'"{check}" is checked with `{key}`, and there is none', f"add `{key}`")
    if asked and s.data.get("role") == "network":
        s.wrong_key("on_behalf", "a network checks cards of its issuers itself")
    if s.has("on_behalf_wrong") and not asked:
        s.wrong_key("on_behalf_wrong", "nothing is checked that could be wrong", "add `on_behalf`")
    return tuple(check for check in CHECKS if check in asked)


def with_acs_keys(host: HostLink, servers: tuple[AccessControl, ...]) -> HostLink:
    """A host that names no keys of its own for authentication values has those of the access control server that makes its
    cards' values."""
    keys, acs = host.card_keys, acs_of(servers, host.member or host.scheme)
    if acs is None or keys.cavv_key or keys.aav_key:
        return host
    return msgspec.structs.replace(
        host, card_keys=msgspec.structs.replace(keys, cavv_key=acs.cavv_key, aav_key=acs.aav_key)
    )


def check_keys(draft: Draft, network: Network, dialects: Dialects) -> None:
    """Names that are in no key file, keys of another use, dialects without room."""
    entries = _entries(network.security)
    parties = [(s, m.keys, _acquiring(draft, m.name)) for s, m in draft.members]
    parties += [(s, h.keys, [h.dialect]) for s, h in draft.hosts]
    parties += [(s, x.keys, [x.dialect]) for s, x in draft.listeners]
    parties += [(s, shard.keys, []) for s, shard in draft.shards]
    named = [
        (s, key, name, "ksn" if k.ksn else key)
        for s, k, _ in parties
        for key, name in (("mac_key", k.mac_key), ("pin_key", k.pin_key), ("zone_key", k.zone_key))
    ]
    named += [
        (s, key, name, key) for s, a in draft.acs for key, name in (("cavv_key", a.cavv_key), ("aav_key", a.aav_key))
    ]
    for s, key, name, use in named:
        if name:
            _named(s, key, name, network.security, entries, use)
    for s, keys, spoken in parties:
        for dialect in filter(None, map(dialects.get, spoken)):
            try:
                if keys.mac_key:
                    MacPlace(dialect, keys.mac_bytes if keys.mac_bytes in SIZES else max(SIZES))
            except NoMacPlaceError as error:
                s.wrong("mac_key", str(error), "its links can carry no MAC")
            _check_pin(s, keys, dialect)
    _check_changing(parties, dialects, hardware=bool(network.security.hardware))
    for s, host in draft.hosts:
        cards = host.card_keys
        of_cards = (
            ("cvv_key", cards.cvv_key, "cvv_key"),
            ("chip_key", cards.chip_key, "chip_key"),
            ("dynamic_key", cards.dynamic_key, "dynamic_key"),
            ("cavv_key", cards.cavv_key, "cavv_check"),
            ("aav_key", cards.aav_key, "aav_check"),
        )
        for key, name, use in (("pvv_key", host.pvv_key, "pvv_key"), *of_cards):
            if name:
                _named(s, key, name, network.security, entries, use)
        web = with_acs_keys(host, network.acs).card_keys
        if WEB in cards.on_behalf and not (web.cavv_key or web.aav_key):
            said = '"web" is checked with `cavv_key` or `aav_key`, here or of its [[acs]], and there is none'
            s.wrong("on_behalf", said, "add `cavv_key`")
        _check_pin_rules(s, host, entries)
        if host.pvv_key and not host.keys.pin_key:
            s.wrong("pvv_key", "PINs are verified, and no `pin_key` says what their blocks are under", "add `pin_key`")
        if host.keys.pin_key and host.pass_pin:
            s.wrong("pass_pin", "PINs go out as they came, and under `pin_key`: one or the other", "leave out pass_pin")


def _check_pin(s: Section, keys: LinkKeys, dialect: Dialect) -> None:
    """Room for PIN blocks, and for key serial numbers."""
    if keys.ksn and keys.ksn.partition(".")[0] not in dialect.elements:
        s.wrong("ksn", f'dialect "{dialect.name}" has no DE{keys.ksn.partition(".")[0]}', "name one that it has")
    element = dialect.spec.get(DE.PIN, {})
    needed = BLOCK_BYTES.get(keys.pin_format, 0)
    room = element.get("max_len", 0) // (1 if element.get("data_enc") == "b" else 2)
    if keys.pin_key and needed and needed != room:
        said = f'format {keys.pin_format} has blocks of {needed} bytes; DE52 of dialect "{dialect.name}" has {room}'
        s.wrong("pin_format", said, "format 4 needs a dialect of its own")


def _check_changing(
    parties: "list[tuple[Section, LinkKeys, list[str]]]", dialects: Dialects, *, hardware: bool
) -> None:
    """Keys that change by message: of one party only, and in dialects that say where."""
    whose: Counter[str] = Counter(k for _, keys, _ in parties for k in {keys.mac_key, keys.pin_key} if k)
    for s, keys, spoken in parties:
        if not keys.zone_key:
            continue
        if hardware:
            said = "keys of a hardware module do not change by message here: that has to keep each of them durably"
            s.wrong("zone_key", said, "change them at the module and in `hardware_keys`, and leave this out")
        if not (keys.mac_key or keys.pin_key):
            s.wrong("zone_key", "there is no key that could change", "add `mac_key` or `pin_key`, or leave it out")
        for key, name in (("mac_key", keys.mac_key), ("pin_key", keys.pin_key)):
            if whose[name] > 1:
                s.wrong(
                    key,
                    f'"{name}" is used by {whose[name]} sections',
                    "a key that changes by message is one party's own",
                )
        for dialect in filter(None, map(dialects.get, spoken)):
            if not (dialect.key_data in dialect.elements and dialect.key_sets and DE.SECURITY in dialect.elements):
                said = f'dialect "{dialect.name}" does not say where keys and the numbers of their sets stand'
                s.wrong("zone_key", said, "`key_data` and `key_sets` of a dialect file of your own do")
            elif said := _no_place(dialect, keys.key_form):
                s.wrong("zone_key", said, "name another element in `key_data` of a dialect file of your own")


_NEVER_KEYS: Final = frozenset(
    {
        DE.TRANSMISSION_TIME,
        DE.STAN,
        DE.ACQUIRER,
        DE.RESPONSE_CODE,
        DE.PRIVATE_48,
        DE.PIN,
        DE.SECURITY,
        DE.NETWORK_CODE,
        *MACS,
    }
)
"""elements of messages about keys that say something else"""
_KEY_CHARACTERS: Final = {"block": 80, "ecb": 32}
"""the least that a key needs: a double-length one, as a block of version B, or bare"""


def _no_place(dialect: Dialect, form: str) -> str:
    """Why new keys cannot travel in the element that the dialect names; "": they can."""
    de = dialect.key_data
    at = f'`key_data` of dialect "{dialect.name}" is DE{de}, which'
    if de in _NEVER_KEYS:
        return f"{at} says something else in an 0800 (DE48.70 which key is meant, DE53 the sets in use)"
    element = dialect.elements[de]
    room = element.digits if form == "ecb" or element.content != "b" else element.digits // 2
    if form in _KEY_CHARACTERS and room < _KEY_CHARACTERS[form]:
        return f'{at} has room for {room} characters: key_form "{form}" needs {_KEY_CHARACTERS[form]} or more'
    if not element.sensitive:
        return f"{at} is not `sensitive`: keys would stand in captures"
    return ""


def _acquiring(draft: Draft, member: str) -> list[str]:
    """Dialects in which this member's acquiring host may speak."""
    return [v.dialect for _, v in draft.listeners if v.role == "acquirer" and (not v.members or member in v.members)]


def _entries(files: SecurityFiles) -> dict[str, Entry] | None:
    """The keys by name; None where the file is not at hand, which `serve` says."""
    try:
        return read_entries(Path(files.keys)) if files.keys else None
    except KeyRingError:
        return None


def _named(
    s: Section, key: str, name: str, files: SecurityFiles, entries: dict[str, Entry] | None, use: str = ""
) -> None:
    if not (files.module or files.keys or files.hardware):
        if _KEEPERS & s.source.root.table("security").data.keys():
            return  # what it says is wrong, and has been noted
        s.wrong(key, f'key "{name}", and there is no [security]', "`[security]` says where the keys are")
        return
    if entries is None:
        return
    if name not in entries:
        s.wrong(
            key, f'no key is called "{name}" in {files.keys}', did_you_mean(name, entries) or "`cmi-switch keys list`"
        )
        return
    header = header_of(entries[name])
    usages, modes, does = _USES[use or key]
    if header.usage not in usages or header.mode not in modes + "N":
        s.wrong(key, f'"{name}" is a {title_of(header)}, mode {header.mode}', f"`{key}` is a key that {does}")
