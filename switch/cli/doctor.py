"""`cmi-switch doctor`: why two hosts do not understand each other, and the one setting to change."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from switch.cli._dialects import asked_dialect, check_framing
from switch.cli._files import existing_file
from switch.cli._ready import prepare_ready, ready_option, say_ready

if TYPE_CHECKING:
    from switch.capture.streams import Stream
    from switch.core.network import Address
    from switch.doctor.diagnosis import Configured, Findings
    from switch.doctor.survey import Doctor

HEALTHY, ADVICE, NOTHING = 0, 1, 2
"""exit codes"""
_RANK = {"healthy": 0, "reads": 0.5, "advice": 1, "unfinished": 2, "unknown": 3}
_TEXT_MIN = 20
"""characters of the shortest message as text: MTI and bitmap"""


@click.command("doctor")
@click.argument("what", metavar="FILE|HEX|LISTEN-PORT|-")
@click.option("--dialect", metavar="NAME", help="The dialect that is configured: cmi87, visa … or a file's path.")
@click.option("--framing", metavar="NAME", help="The framing that is configured: length2, ascii4, tpdu …")
@click.option("--network", metavar="FILE", help="The network file that is configured; with --link.")
@click.option("--link", metavar="NAME", help="The listener or host of it whose settings are meant.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Only conversations of the capture with this port.")
@click.option("--keys", default="DE11,DE7", show_default=True, metavar="DE11,DE41",
              help="What answers are matched on, beside the MTI's class.")  # fmt: skip
@ready_option()
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def command(what: str, **options: Any) -> None:
    """Say what a peer really sends, what is configured, and the one setting to change.

    Reads a capture (pcapng, pcap, JSON lines, a hex dump, the raw bytes; each direction by itself), hex, or what comes on a
    port. Every framing, header, character set, bitmap form and dialect is tried; where one element has another form than the
    dialect says, it is named. Say what is configured with --dialect and --framing, or --network and --link; without, you hear
    what it is. In a capture, answers that find no request are explained too.

    \b
    Examples:
      cmi-switch doctor 003F3038303038323230… --framing ascii4 --dialect cmi87
      cmi-switch doctor theirs.pcap --port 5000 --dialect visa --framing base1
      cmi-switch doctor today.pcapng --network morocco --link pos
      cmi-switch doctor 9583 --dialect cmi87     listen on 127.0.0.1:9583; let the peer connect there
      xclip -o | cmi-switch doctor -

    Exit code: 0 healthy (or it reads, with doubts), 1 advice was given, 2 nothing was recognised (or a wrong option).
    """
    from switch.doctor.survey import Doctor
    from switch.wire import Dialect
    from switch.wire.dialect import names

    configured = _configured(options)
    keys = _keys(options["keys"])
    doctor = Doctor([*([configured.dialect] if configured.dialect else []), *map(Dialect.load, names())])
    port = _port(what)
    if port is not None:
        _listen(port, doctor, configured, as_json=options["as_json"], ready_path=options["ready_path"])
        return
    worst = HEALTHY
    for choice in _streams(what, options["port"] or 0, _in_text(configured)):
        stream, findings = min(
            ((one, _examined(doctor, one, configured)) for one in choice), key=lambda pair: _RANK[pair[1].verdict.value]
        )
        _say(stream.name if stream.name != "hex" else "", stream.from_client, findings, options["as_json"], stream.note)
        worst = _worse(worst, _code(findings))
    worst = _worse(worst, _matching(what, options, configured, keys))
    sys.exit(worst)


def _worse(one: int, other: int) -> int:
    """Advice counts more than nothing recognised: there is something to do."""
    return ADVICE if ADVICE in (one, other) else max(one, other)


def _code(findings: "Findings") -> int:
    return {"healthy": HEALTHY, "reads": HEALTHY, "unfinished": HEALTHY, "advice": ADVICE, "unknown": NOTHING}[
        findings.verdict.value
    ]


# -- what is configured


def _configured(options: dict[str, Any]) -> "Configured":
    from switch.doctor.diagnosis import Configured

    dialect, framing = options["dialect"], options["framing"]
    if options["network"]:
        dialect, framing = _of_link(options["network"], options["link"], dialect, framing)
    elif options["link"]:
        raise click.UsageError("--link names a link of a network file: give --network FILE with it")
    check_framing(framing)
    return Configured(framing or "", asked_dialect(dialect) if dialect else None)


def _of_link(file: str, name: str | None, dialect: str | None, framing: str | None) -> tuple[str, str]:
    from switch.cli._network import load

    network = load(file)
    links = {one.name: (one.dialect, one.framing) for one in network.listeners}
    links |= {one.name: (one.dialect, one.framing) for one in network.hosts}
    if name not in links:
        raise click.UsageError(f"--link is one of {', '.join(links)}" + (f", not {name!r}" if name else ""))
    return dialect or links[name][0], framing or links[name][1]


def _keys(text: str) -> tuple[str, ...]:
    from switch.wire.vocabulary import element_of

    keys = tuple(element_of(part.strip()) for part in text.split(",") if part.strip())
    if not keys or not all(key.isdecimal() for key in keys):
        raise click.UsageError(f"--keys is a list of data elements such as DE11,DE41, not {text!r}")
    return keys


# -- what is looked at


def _port(what: str) -> "Address | None":
    """A port to listen on: a number too short to be a message, or HOST:PORT."""
    from switch.core.addresses import HERE, AddressError, parse_address

    host, colon, _ = what.rpartition(":")
    if existing_file(what) or (colon and not _is_host(host)):
        return None
    try:
        address = parse_address(what if colon else f":{what}", HERE)
    except AddressError:
        return None
    return address if colon or address.port else None


def _is_host(text: str) -> bool:
    """`30:38:30` is hex with colons, not a host."""
    return not text or text.startswith("[") or "." in text or not all(c in "0123456789abcdefABCDEF: " for c in text)


def _in_text(configured: "Configured") -> bool:
    """True where the dialect that is configured begins a message with four digits in ASCII."""
    mti = configured.dialect.elements["t"].text if configured.dialect is not None else None
    return mti is not None and mti.to_latin is None


def _streams(what: str, port: int, in_text: bool) -> "list[list[Stream]]":
    """What is to be examined; each may be read in more than one way, the likelier first.

    `in_text`: text of nothing but hex digits is likelier the message itself than its hex.
    """
    from switch.capture.pcapng import MAGIC, CaptureError
    from switch.capture.streams import of_bytes, streams

    try:
        if what == "-":
            content = sys.stdin.buffer.read()
            if not content:
                raise click.UsageError("standard input is empty")
            found = _of_packets(content, port) if content[:2] in MAGIC else of_bytes(content, "hex")
            return _or_text(found, content, in_text)
        path = existing_file(what)
        if path is not None:
            found = streams(path, port)
            return _or_text(found, path.read_bytes() if len(found) == 1 else b"", in_text)
    except CaptureError as error:
        raise click.ClickException(str(error)) from None
    return [_of_argument(what, in_text)]


def _or_text(found: "list[Stream]", content: bytes, in_text: bool) -> "list[list[Stream]]":
    """Streams of a file, and the file's own text where it may be one message in ASCII."""
    from switch.capture.pasted import plain, unbroken
    from switch.capture.streams import Stream

    text = unbroken(plain(content.decode("latin-1")).rstrip("\n")).encode("latin-1", "replace")
    if len(found) != 1 or not _like_message(text.decode("latin-1")) or found[0].data == text:
        return [[one] for one in found]
    both = [found[0], Stream(found[0].name, None, text)]
    return [both[::-1] if in_text else both]


def _like_message(text: str) -> bool:
    """One line, long enough for MTI and bitmap, and it begins with an MTI."""
    return (
        len(text) >= _TEXT_MIN and text.isalnum() and text[:4].isascii() and text[:4].isdecimal() and text[0] in "0129"
    )


def _of_packets(content: bytes, port: int) -> "list[Stream]":
    """A packet capture on standard input: its reader wants a file."""
    import tempfile

    from switch.capture.streams import streams

    with tempfile.NamedTemporaryFile(suffix=".pcap") as file:
        file.write(content)
        file.flush()
        return streams(Path(file.name), port)


def _of_argument(what: str, in_text: bool) -> "list[Stream]":
    """Hex in any form, or a message's own text: one in ASCII may be made of digits alone."""
    from switch.capture.pasted import readings, tidied, unwrapped
    from switch.capture.streams import Stream, left_out, several_of

    several = several_of(what, "hex")
    if several is not None:
        return [several]
    pasted = readings(what)
    if pasted:
        return [Stream("hex", None, data, note=left_out(what)) for data in pasted]
    digits = tidied(what).translate({ord(c): None for c in " \t\r\n:,-\"'"})
    is_hex = bool(digits) and all(c in "0123456789abcdefABCDEF" for c in digits)
    found = [Stream("hex", None, unwrapped(bytes.fromhex(digits)))] if is_hex and len(digits) % 2 == 0 else []
    if len(what) >= _TEXT_MIN and what[:4].isascii() and what[:4].isdecimal():
        found.append(Stream("hex", None, what.encode("utf-8", "surrogateescape")))
    if found:
        return found[::-1] if in_text and _like_message(what) else found
    if is_hex:
        raise click.UsageError(f"hex comes in pairs: found {len(digits)} digits; one is missing or too many")
    if "/" in what or "." in what:
        raise click.UsageError(f"there is no file {what}, and it is not hex")
    raise click.UsageError("expected a file, hex, a port to listen on, or - for standard input")


def _examined(doctor: "Doctor", stream: "Stream", configured: "Configured") -> "Findings":
    """The findings for a stream; what the command line says counts more than what the file says of itself."""
    from switch.doctor.diagnosis import Configured

    dialect, framing = configured.dialect or stream.speaks, configured.framing or stream.framing
    survey = doctor.survey(stream.data, stream.messages)
    return survey.against(Configured("" if stream.messages is not None else framing, dialect))


def _say(name: str, side: bool | None, findings: "Findings", as_json: bool, note: str = "") -> None:
    from switch.cli import _doctor

    if as_json:
        click.echo(json.dumps(_doctor.as_json(name or "hex", side, findings), ensure_ascii=False))
    else:
        who = {True: ", the client", False: ", the server"}.get(side, "") if side is not None else ""
        click.echo(_doctor.as_text(f"{name}{who}", findings) + (f"\n  ({note})" if note else ""))
        click.echo()
    sys.stdout.flush()


# -- answers


def _matching(what: str, options: dict[str, Any], configured: "Configured", keys: tuple[str, ...]) -> int:
    """Answers in a capture that find no request; nothing where the capture cannot be read as configured."""
    from switch.capture.pcapng import CaptureError
    from switch.capture.talks import Known, load
    from switch.doctor.diagnosis import Findings, Verdict
    from switch.doctor.matching import Heard, unmatched

    path = existing_file(what) if what != "-" else None
    if path is None:
        return HEALTHY
    try:
        talks = load(path, Known(configured.dialect, configured.framing, options["port"] or 0))
    except CaptureError:
        return HEALTHY  # nobody says how it is to be read; what could be said is said
    code = HEALTHY
    for talk in talks:
        heard = [Heard(said.at_ns, said.document) for said in talk.said if not said.wrong]
        diagnoses = unmatched(heard, keys)
        if diagnoses:
            code = ADVICE
            count = len(diagnoses)
            summary = f"{count} answer{'s' if count > 1 else ''} without {'its' if count == 1 else 'their'} request"
            _say(talk.name, None, Findings(Verdict.ADVICE, tuple(diagnoses), summary), options["as_json"])
    return code


# -- listening


def _listen(
    address: "Address", doctor: "Doctor", configured: "Configured", *, as_json: bool, ready_path: Path | None
) -> None:
    import trio

    from switch.capture.waiting_room import receive

    file = prepare_ready(ready_path)

    def came(peer: str, data: bytes) -> None:
        _say(peer, True if as_json else None, doctor.examine(data, configured), as_json)

    def silent(peer: str, why: str) -> None:
        click.echo(f"{peer}: {why}", err=as_json)

    def ready(at: str) -> None:
        sentence = f"Ready: listening on {at}; let the peer connect there (Ctrl-C ends)"
        say_ready(file, {"doctor": at}, sentence, err=as_json)

    try:
        trio.run(receive, address, came, silent, ready)
    except* KeyboardInterrupt:
        pass
    except* OSError as errors:
        why = "; ".join(str(getattr(error, "strerror", "") or error) for error in errors.exceptions)
        raise click.ClickException(f"cannot listen on {address}: {why}") from None
