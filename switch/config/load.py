"""`load_network`: a name or path -> a `Network` whose names all resolve, or `ConfigErrors` with every mistake."""

import os
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from pathlib import Path
from typing import Final

from switch.config import build, checks, fees, keys
from switch.config.accounts import check_accounts, read_former_networks, read_payees
from switch.config.authentication import read_servers, read_threeds
from switch.config.business_day import read_business_day
from switch.config.dialects import Dialects
from switch.config.disputes import dispute_rules
from switch.config.draft import Draft
from switch.config.files import read_capture, read_hop_log, read_journal
from switch.config.hooks import read_hooks
from switch.config.mistakes import ConfigErrors, Mistake, did_you_mean
from switch.config.operators import read_operators
from switch.config.ranges import read_bin
from switch.config.rates import check_rates, read_rate, read_rates
from switch.config.reader import Section, Source
from switch.config.shards import check_shards, read_shards
from switch.core.limits import Limits
from switch.core.network import Network
from switch.money.country import ALPHA, NUMERIC, country_numeric
from switch.money.currency import BY_ALPHA
from switch.shipped import shipped

FILE_BYTES_MAX: Final = 16 << 20
"""a network file's size: more than two hundred thousand BIN ranges need"""

BYTE_ORDER_MARK: Final = "\ufeff"
"""Some editors begin a file with it; it means nothing in UTF-8."""
SHIPPED: Final = shipped("networks")


def load_network(name_or_path: str, *, files: bool = False) -> Network:
    """The network of a shipped file (`morocco`: specs/networks/morocco.toml) or of any path (with a slash or ending .toml).

    `files`: certificates and keys that it names are read and judged too: by who uses them, and by `check`.
    ConfigErrors: the file is missing, is no TOML, or has mistakes; all of them are in it.
    """
    path = Path(name_or_path)
    if "/" not in name_or_path and path.suffix != ".toml":
        path = SHIPPED / f"{name_or_path}.toml"
        if not os.path.isfile(path):  # False, too, of what is no name a file can have
            hint = did_you_mean(name_or_path, [p.stem for p in SHIPPED.glob("*.toml")])
            raise _whole(
                name_or_path,
                "no shipped network has this name",
                f"{hint}{'' if hint.endswith('?') else '.'} Any other file is given by its path, ending .toml",
            )
    shown = _shown(path)
    try:
        with open(path, "rb", opener=_at_once) as stream:
            data = stream.read(FILE_BYTES_MAX + 1)
        if len(data) > FILE_BYTES_MAX:
            raise _whole(shown, f"has more than {FILE_BYTES_MAX:,} bytes, the most that a network file may have")
        text = data.decode("utf-8")
    except FileNotFoundError:
        there = ", ".join(sorted(p.stem for p in SHIPPED.glob("*.toml")))
        raise _whole(shown, "there is no such file", f"shipped networks are named without .toml: {there}") from None
    except OSError as error:
        raise _whole(shown, f"cannot be read: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise _whole(shown, *_not_utf8(error)) from None
    return parse_network(text.removeprefix(BYTE_ORDER_MARK).replace("\r\n", "\n"), shown, files=files)


def parse_network(text: str, file: str, *, files: bool = False) -> Network:
    """The network in `text`; `file` is what mistakes call it. ConfigErrors as above."""
    source = Source(file, text)
    network = _read(source, files=files)
    if source.mistakes:
        raise ConfigErrors(source.mistakes)
    return network


def _whole(file: str, message: str, hint: str = "") -> ConfigErrors:
    return ConfigErrors([Mistake(file=file, line=0, column=0, width=0, message=message, hint=hint)])


def _not_utf8(error: UnicodeDecodeError) -> tuple[str, str]:
    """What is wrong with a file's bytes, and what to do: its first two may say which encoding an editor chose."""
    data, at = error.object, error.start
    line = data.count(b"\n", 0, at) + 1
    what = f"is not UTF-8: byte 0x{data[at]:02x} at offset {at}, on line {line}"
    if data[:2] in (BOM_UTF16_LE, BOM_UTF16_BE):
        return f"{what}; it is UTF-16", 'save it as UTF-8, which some editors call it beside "Unicode"'
    return what, "save it as UTF-8, as other encodings of accents are not TOML"


def _at_once(path: str, flags: int) -> int:
    """Opens a FIFO that nobody writes to as the empty file it is, and one that somebody does (`<(…)` of a shell) to its end."""
    handle = os.open(path, flags | os.O_NONBLOCK)
    os.set_blocking(handle, True)
    return handle


def _shown(path: Path) -> str:
    """The path as people know it: relative to the working directory where it is below it."""
    try:
        return str(path.resolve().relative_to(Path.cwd()))
    except (ValueError, OSError, RuntimeError):  # elsewhere; no working directory any more; links in a circle
        return str(path)


def _read_parts(root: Section, draft: Draft, dialects: Dialects, limits: Limits, *, files: bool) -> None:
    """Who takes part, over which links, whose cards are whose, what a network takes: into `draft`."""
    shard_of = read_shards(root, draft)
    draft.members = [
        (s, build.read_member(s, draft.country, draft.currency, shard_of(s))) for s in root.tables("member")
    ]
    members = {m.name: m for _, m in draft.members if m.name}
    draft.listeners = [
        (s, build.read_listener(s, dialects, limits, shard_of(s), files=files)) for s in root.tables("listener")
    ]
    draft.hosts = [
        (s, build.read_host(s, dialects, draft, limits, shard_of(s), files=files)) for s in root.tables("host")
    ]
    draft.bins = [(s, read_bin(s, draft, members)) for s in root.tables("bin")]
    draft.former_networks = read_former_networks(root.table("former_networks"))
    networks = {h.name for _, h in draft.hosts if h.role != "issuer"} | draft.former_networks.keys()
    draft.tariffs = [(s, build.read_tariff(s, draft, networks)) for s in root.tables("tariff")]


def _read(source: Source, *, files: bool) -> Network:
    """Everything of the file, with every mistake noted in `source`; the value counts only if there is none."""
    root, dialects = source.root, Dialects()
    name, title = root.name(), root.text("title", "")
    country = root.lookup("country", country_numeric, NUMERIC)
    money = root.lookup("currency", build.currency_numeric, BY_ALPHA)
    draft = Draft(country, money)
    limits = build.read_limits(root.table("limits"))
    _read_parts(root, draft, dialects, limits, files=files)
    payees = read_payees(root.table("payees"))
    draft.fees = [(s, fees.read_fee(s, draft, payees)) for s in root.tables("fee")]
    owed = [(s, fees.read_merchant_fee(s, draft, payees)) for s in root.tables("merchant_fee")]
    rates = read_rates(root.table("rates"), money)
    dated = [(s, read_rate(s, money)) for s in root.tables("rate")]
    check_rates(dated, rates)
    state_dir = root.text("state_dir", f"var/{name or 'network'}")
    capture = read_capture(root.table("capture"), state_dir) if root.has("capture") else None
    cut_by = read_business_day(root.table("business_day")) if root.has("business_day") else (None, None)
    root.ask("capture", "business_day")
    journal = read_journal(root.table("journal"), state_dir)
    wait_ms = root.integer("acquirers_wait_ms", 1_000, 300_000, 20_000)
    servers = read_servers(root, draft)
    network = Network(
        name=name,
        title=title or name,
        country=country,
        country_alpha=ALPHA.get(country, ""),
        currency=money,
        institution=root.digits("institution", build.INSTITUTION_LONGEST),
        members=tuple(m for _, m in draft.members),
        listeners=tuple(v for _, v in draft.listeners),
        hosts=tuple(keys.with_acs_keys(h, servers) for _, h in draft.hosts),
        bins=tuple(b for _, b in draft.bins),
        tariffs=tuple(t for _, t in draft.tariffs),
        rates=rates,
        dated_rates=tuple(rate for _, rate in dated),
        duplicate_window_s=root.integer("duplicate_window_s", 60, 7 * 86_400, 86_400),
        state_dir=state_dir,
        limits=limits,
        source=source.file,
        capture=capture,
        cutover_window=cut_by[0],
        cutover_schedule=cut_by[1],
        hop_log=read_hop_log(root.table("hop_log")),
        fees=tuple(f for _, f in draft.fees),
        merchant_fees=tuple(rule for _, rule in owed),
        regions=fees.read_regions(root.table("regions")),
        journal=journal,
        bic=build.read_bic(root),
        payees=payees,
        former_networks=draft.former_networks,
        disputes=dispute_rules(),
        operators=read_operators(root),
        operator_group=root.text("operator_group", ""),
        acquirers_wait_ms=wait_ms,
        console_user=root.text("console_user", ""),
        test=root.truth("test", False),
        security=keys.read_security(root.table("security")),
        hooks=read_hooks(root),
        threeds=read_threeds(root),
        acs=servers,
        shards=tuple(shard for _, shard in draft.shards),
    )
    root.done()
    checks.check(source, draft, network, wait_ms)
    check_accounts(draft, root.table("payees"), root.table("former_networks"), network)
    check_shards(source, draft, network)
    fees.check_fees(draft, network, owed)
    keys.check_keys(draft, network, dialects)
    return network
