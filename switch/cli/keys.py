"""`cmi-switch keys`: the keys of an installation, from their making to their end."""

import os
import pwd
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from switch.cli._key_exchange import exchange
from switch.cli._key_requests import request
from switch.cli._master_key import key_options, open_ring, secret
from switch.counting import counted

if TYPE_CHECKING:
    from switch.security.key_file import Entry
    from switch.security.keyring import KeyRing

F = TypeVar("F", bound=Callable[..., Any])
_CLEARED = "\x1b[H\x1b[2J\x1b[3J"
"""the screen, and what can be scrolled back to"""
_NAME_MOST, _SAID_MOST = 40, 300
"""characters of a refused act that the audit log has: anything may stand in a name's place"""


@click.group("keys")
def command() -> None:
    """Make, import, export, rotate and destroy the keys that a switch uses. Each act is in an audit log beside the key file.

    Keys lie in one file as key blocks (ANSI X9.143) under a master key, which is a passphrase, a file of its own (keep it on
    another disk than the keys), or a key in a token that is asked by PKCS#11 (--lmk pkcs11:…). A key is for one purpose, and
    says so: a PIN key makes no MAC. No command shows a key in clear but `generate --components`, once, for the people who
    carry it to a partner.

    This is software, for test networks and development: real PINs need a hardware security module.

    \b
    Examples:
      cmi-switch keys generate atlas-zmk --kind zmk --components 3
      cmi-switch keys generate atlas-zpk --kind zpk --exportable
      cmi-switch keys export atlas-zpk --under atlas-zmk
      cmi-switch keys list
    """


def _who() -> str:
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"


def _at() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextmanager
def _turn(ring: "KeyRing", act: str, key: str) -> Iterator[None]:
    """One act: nobody else's meanwhile; what it cannot do is a sentence, and in the audit log, as what was tried."""
    from switch.security.audit import AuditError
    from switch.security.key_file import KeyRingError

    try:
        with ring.audit.turn():
            ring.reload()
            try:
                yield
            except (KeyRingError, click.ClickException) as error:
                said = error.message if isinstance(error, click.ClickException) else str(error)
                ring.audit.write(
                    at=_at(), by=_who(), act=act, key=key[:_NAME_MOST], note=f"refused: {said[:_SAID_MOST]}"
                )
                raise
    except (KeyRingError, AuditError) as error:
        raise click.ClickException(str(error)) from None


def _show_made(entry: "Entry") -> None:
    from switch.security.key_file import header_of, title_of

    header = header_of(entry)
    click.echo(f"{entry.name}: {title_of(header)}, {header.algorithm}, check value {entry.check_value}")


def _kind_options(function: F) -> F:
    from switch.security.key_kinds import ALGORITHMS, KINDS

    kinds = click.option("--kind", required=True, type=click.Choice(tuple(KINDS)), help="What it is for: `keys kinds`.")
    algorithms = click.option(
        "--algorithm", default=None, type=click.Choice(ALGORITHMS), help="Default: the first its kind can have."
    )
    exportable = click.option("--exportable", is_flag=True, help="It may be sent to a partner under a zone master key.")
    return kinds(algorithms(exportable(function)))


def _algorithm(kind: str, algorithm: str | None) -> str:
    from switch.security.key_kinds import KINDS

    return algorithm or KINDS[kind].algorithms[0]


@command.command("kinds")
def kinds() -> None:
    """List what keys can be for, with the algorithms each may have."""
    from switch.security.key_kinds import KINDS

    for name, kind in KINDS.items():
        click.echo(f"{name:10} {kind.usage} {kind.mode}  {kind.title} ({', '.join(kind.algorithms)})")


@command.command("generate")
@click.argument("name")
@_kind_options
@click.option("--components", type=click.IntRange(2, 3), default=None, help="Of a zmk: show it once, in so many parts.")
@key_options
def generate(
    name: str,
    kind: str,
    algorithm: str | None,
    exportable: bool,
    components: int | None,
    path: Path,
    lmk_place: str | None,
) -> None:
    """Draw a new key. The first one makes the key file, and the master key's where --lmk names none that is there.

    With --components, a zone master key is shown in parts, each for another person: write each down, show nobody two. On a
    terminal it asks whom each is for, shows one at a time, and clears the screen behind it.
    """
    if components and kind != "zmk":
        raise click.UsageError("--components is for a zmk: other keys travel under one, in key blocks")
    ring = open_ring(path, lmk_place, make=True)
    chosen = _algorithm(kind, algorithm)
    if not components:
        with _turn(ring, "generate", name):
            _show_made(ring.generate(name, kind, chosen, exportable=exportable, at=_at(), by=_who()))
        return
    from switch.security.key_kinds import drawn_components

    parts = drawn_components(chosen, components, os.urandom)
    people = _ask_people(components) if _on_a_terminal() else []
    by = f"{_who()}; components for {', '.join(people)}" if people else _who()
    with _turn(ring, "generate", name):
        entry = ring.from_components(name, kind, chosen, parts, exportable=exportable, at=_at(), by=by, act="generate")
    _show_components(chosen, parts, people)
    _show_made(entry)


def _on_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _ask_people(count: int) -> list[str]:
    people: list[str] = []
    for number in range(1, count + 1):
        person = click.prompt(f"Component {number} of {count} is for", err=True).strip()
        if person in people:
            raise click.ClickException(f"{person} has one already: each component is another person's")
        people.append(person)
    return people


def _show_components(algorithm: str, parts: list[bytes], people: list[str]) -> None:
    """Each once; to `people` one after the other, on a screen that is cleared behind each. None: all together, for a program."""

    def wait(what: str) -> None:
        click.prompt(what, default="", show_default=False, prompt_suffix=" ", err=True)

    for number, part in enumerate(parts, 1):
        if people:
            wait(f"{people[number - 1]} alone before the screen? Enter shows component {number}.")
        value = _component_value(algorithm, part)
        click.echo(f"component {number} of {len(parts)}: {part.hex().upper()}  check value {value}")
        if people:
            wait("Written down? Enter clears the screen.")
            click.echo(_CLEARED, nl=False, color=True)


def _component_value(algorithm: str, component: bytes) -> str:
    from switch.security.check_values import check_value

    return check_value("A" if algorithm.startswith("aes") else "T", component).hex().upper()


@command.command("import")
@click.argument("name")
@click.option("--kind", default=None, help="What it is for (a key block says so itself).")
@click.option("--algorithm", default=None, help="Of components: tdes2, tdes3, aes128 …")
@click.option("--exportable", is_flag=True, help="Of components: it may be sent to a partner.")
@click.option(
    "--components", type=click.IntRange(2, 3), default=None, help="So many parts are asked for, of different people."
)
@click.option("--under", default="", metavar="ZMK", help="The zone master key that --block is under.")
@click.option("--block", default="", metavar="TEXT", help="A key block (X9.143, versions A to D).")
@click.option("--ecb", default="", metavar="HEX", help="Instead: 32 hex digits under the zmk by ECB; see --allow-ecb.")
@click.option("--allow-ecb", is_flag=True, help="Take --ecb, though nothing proves what that key is for.")
@click.option("--check-value", default="", metavar="HEX", help="What the partner says it is; another is refused.")
@key_options
def import_(name: str, path: Path, lmk_place: str | None, components: int | None, under: str, **how: Any) -> None:
    """Take in a key: from a partner's key block under a zone master key, or from components that different people type.

    \b
    Examples:
      cmi-switch keys import rif-zmk --kind zmk --components 3
      cmi-switch keys import rif-zpk --under rif-zmk --block B0080P0TE00E0000…
    """
    if bool(components) == bool(under):
        raise click.UsageError("a key comes in --components, or --under a zone master key")
    if how["ecb"] and not how["allow_ecb"]:
        raise click.UsageError(
            "--ecb: a key without a block is proved by nothing; add --allow-ecb if there is no other way"
        )
    if under and bool(how["block"]) == bool(how["ecb"]):
        raise click.UsageError("--under takes the key as --block, or as --ecb")
    if (components or how["ecb"]) and not how["kind"]:
        raise click.UsageError("--kind: what is it for? `cmi-switch keys kinds`")
    ring = open_ring(path, lmk_place, make=bool(components))
    with _turn(ring, "import", name):
        before = dict(ring.entries)
        entry = _imported(ring, name, components, under, how)
        wanted = how["check_value"].upper()
        if wanted and not ring.has_check_value(name, wanted):
            ring.take_back(name, before, at=_at(), by=_who())
            raise click.ClickException(f"key {name!r} has check value {entry.check_value}, not {wanted}: not taken in")
        _show_made(entry)


def _imported(ring: "KeyRing", name: str, components: int | None, under: str, how: dict[str, Any]) -> "Entry":
    if components:
        algorithm = _algorithm(how["kind"], how["algorithm"])
        parts, people = _ask_components(components, algorithm)
        by = f"{_who()}; components of {', '.join(people)}"
        return ring.from_components(name, how["kind"], algorithm, parts, exportable=how["exportable"], at=_at(), by=by)
    if how["ecb"]:
        return ring.import_ecb(name, how["kind"], _hex(how["ecb"], "--ecb"), under, at=_at(), by=_who())
    return ring.import_block(name, how["block"], under, at=_at(), by=_who())


def _ask_components(count: int, algorithm: str) -> tuple[list[bytes], list[str]]:
    parts: list[bytes] = []
    people: list[str] = []
    for number in range(1, count + 1):
        person = click.prompt(f"Component {number} of {count} is brought by", err=True).strip()
        if person in people:
            raise click.ClickException(f"{person} has brought one already: each component is another person's")
        part = _hex(secret(f"Component {number}"), f"component {number}")
        click.echo(f"Component {number} has check value {_component_value(algorithm, part)}", err=True)
        parts.append(part)
        people.append(person)
    return parts, people


def _hex(text: str, what: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise click.ClickException(f"{what}: hex digits are expected, and there is another character") from None


@command.command("export")
@click.argument("name")
@click.option("--under", required=True, metavar="ZMK", help="The zone master key of the partner it goes to.")
@key_options
def export(name: str, under: str, path: Path, lmk_place: str | None) -> None:
    """Print a key as a key block for a partner: version D under an AES zone master key, B under a triple DES one.

    Only keys made with --exportable go, and never under a weaker key.
    """
    ring = open_ring(path, lmk_place)
    with _turn(ring, "export", name):
        click.echo(ring.export(name, under, at=_at(), by=_who()))


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="One JSON array instead of a table.")
@key_options
def list_(as_json: bool, path: Path, lmk_place: str | None) -> None:
    """List the keys: what each is for, number of its set, check value, since when it is there, age. No key is shown."""
    import msgspec

    from switch.security.key_file import header_of, title_of

    ring = open_ring(path, lmk_place)
    rows = []
    for entry in ring.entries.values():
        header = header_of(entry)
        rows.append(
            {
                "name": entry.name,
                "use": title_of(header),
                "usage": header.usage,
                "algorithm": header.algorithm,
                "mode": header.mode,
                "version": header.key_version,
                "exportability": header.exportability,
                "check_value": entry.check_value,
                "made": entry.made,
                "age": _age(entry.made),
            }
        )
    if as_json:
        click.echo(msgspec.json.encode(rows).decode())
        return
    for row in rows:
        flags = f"{row['usage']} {row['algorithm']} {row['mode']} {row['exportability']}"
        of_set = f"set {row['version']}"
        click.echo(
            f"{row['name']:24} {flags}  {of_set}  {row['check_value']:10}  {row['made']}  {row['age']:>6}  {row['use']}"
        )


def _age(made: str) -> str:
    """How old, in whole days; "" where that is not known."""
    try:
        return f"{(datetime.now(UTC) - datetime.fromisoformat(made)).days} d"
    except ValueError:
        return ""


@command.command("check")
@key_options
def check(path: Path, lmk_place: str | None) -> None:
    """Check that each key's block holds, is its own, and has its check value; and the audit log's chain. Exit code 1 if not."""
    from switch.security.audit import AuditError

    ring = open_ring(path, lmk_place)
    wrong = [reason for reason in ring.check().values() if reason]
    acts = 0
    try:
        acts = len(ring.audit.verify())
    except AuditError as error:
        wrong.append(str(error))
    for reason in wrong:
        click.echo(reason, err=True)
    if wrong:
        raise SystemExit(1)
    click.echo(f"{counted(len(ring.entries), 'key')} and {counted(acts, 'act')}: all hold")
    for same in ring.twins():
        click.echo(
            f"{' and '.join(same)} are one key: give each link, and each purpose, its own (PCI PIN 17)", err=True
        )
    if unseen := ring.audit.unseen():
        click.echo(unseen, err=True)


@command.command("rotate")
@click.argument("name")
@key_options
def rotate(name: str, path: Path, lmk_place: str | None) -> None:
    """Give a key a successor of its own kind. The one before is NAME.previous, still good for what comes in; destroy it later."""
    ring = open_ring(path, lmk_place)
    with _turn(ring, "rotate", name):
        _show_made(ring.rotate(name, at=_at(), by=_who()))


@command.command("destroy")
@click.argument("name")
@click.argument("check_value")
@key_options
def destroy(name: str, check_value: str, path: Path, lmk_place: str | None) -> None:
    """Forget a key for good. CHECK_VALUE, as the list shows it, says that it is the one you mean."""
    ring = open_ring(path, lmk_place)
    with _turn(ring, "destroy", name):
        ring.destroy(name, check_value, at=_at(), by=_who())
        click.echo(f"{name}: destroyed")


command.add_command(exchange)
command.add_command(request)
