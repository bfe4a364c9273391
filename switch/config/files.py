"""`[capture]`, `[hop_log]` and `[journal]` of a network file: what the switch writes, and how much of it is kept."""

from os.path import abspath, commonpath
from typing import Final
from urllib.parse import parse_qsl

from switch.config.reader import Section, has_port, split_url
from switch.core.network import Capture, HopLogFiles, JournalFiles

CLEAR_PREFIX_MIN: Final = 6
PATRONI_MIN: Final = 3


def read_capture(s: Section, state_dir: str) -> Capture:
    """`[capture]`: recording of what passes on the links."""
    cards = s.texts("clear_cards")
    for card in cards:
        digits = card.replace(" ", "")
        if not (digits.isascii() and digits.isdecimal() and len(digits) >= CLEAR_PREFIX_MIN):
            s.wrong_item(
                "clear_cards",
                card,
                f'"{card}" names no test cards',
                f"at least the first {CLEAR_PREFIX_MIN} digits of a PAN",
            )
    capture = Capture(
        file=s.text("file", f"{state_dir}/capture.pcapng"),
        file_bytes=s.integer("file_bytes", 4_096, 1 << 40, 64 << 20),
        files=s.integer("files", 1, 10_000, 8),
        clear_cards=tuple(card.replace(" ", "") for card in cards),
        from_start=s.truth("from_start", True),
    )
    s.done()
    return capture


def read_hop_log(s: Section) -> HopLogFiles:
    """`[hop_log]`: how much of the hop log is kept."""
    files = HopLogFiles(
        file_bytes=s.integer("file_bytes", 65_536, 1 << 40, 64 << 20),
        files=s.integer("files", 1, 10_000, 8),
        days=s.integer("days", 0, 3_650, 0),
        compress=s.truth("compress", False),
    )
    s.done()
    return files


def read_journal(s: Section, state_dir: str) -> JournalFiles:
    """`[journal]`: what is kept of it elsewhere. `state_dir`: where the journal is."""
    copy = s.text("head_copy", "")
    if copy.endswith("/"):
        s.wrong("head_copy", f'"{copy}" is a directory', f'name a file in it, such as "{copy}head"')
    elif copy and commonpath([abspath(copy), abspath(state_dir)]) == abspath(state_dir):
        s.wrong(
            "head_copy",
            f'"{copy}" lies in the state directory, {state_dir}',
            "a copy is for what takes that away: name a file on another disk",
        )
    store = s.text("store", "")
    if store:
        _check_store(s, store)
    files = JournalFiles(
        head_copy=copy,
        store=store,
        replicated=s.truth("replicated", True),
        patroni=_read_patroni(s, store),
        lease_ms=s.integer("lease_ms", 300, 60_000, 1_000),
    )
    s.done()
    return files


def _read_patroni(s: Section, store: str) -> tuple[str, ...]:
    """Addresses that are asked, and no more than asked."""
    urls = s.texts("patroni")
    for url in urls:
        parts = split_url(url)
        if "@" in parts.netloc:
            s.wrong_item(
                "patroni", url, "it has a user in it", "what is asked here is told to everybody: http://HOST:8008"
            )
        elif (
            parts.scheme not in ("http", "https")
            or not (parts.hostname and has_port(parts))
            or parts.path not in ("", "/")
        ):
            s.wrong_item("patroni", url, f'"{url}" is no address of Patroni\'s REST API', "http://HOST:8008")
    if urls and not store:
        s.wrong("patroni", "there is no store that it could run", 'name the database, too: store = "postgresql://…"')
    elif urls and len(urls) < PATRONI_MIN:
        s.wrong(
            "patroni",
            f"{len(urls)} is too few: of two machines neither can tell whether the other is lost or it is cut off itself",
            f"the address of each, at least {PATRONI_MIN}",
        )
    return tuple(urls)


def _check_store(s: Section, url: str) -> None:
    """Nothing here may be secret: what a network file says is shown, and handed over to the next program."""
    parts = split_url(url)
    if parts.scheme not in ("postgresql", "postgres"):
        named = f'"{parts.scheme}:…"' if parts.scheme else "this"
        s.wrong("store", f"{named} is no database that a journal is kept in", "postgresql://USER@HOST/DATABASE")
    elif parts.password is not None or any("password" in name.lower() for name, _ in parse_qsl(parts.query)):
        s.wrong(
            "store",
            "it has a password in it",
            "leave it out: libpq reads ~/.pgpass, the file that PGPASSFILE names, or a client certificate",
        )
