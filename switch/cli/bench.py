"""`cmi-switch bench`: load for any ISO 8583 host, and what it made of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from switch.cli._address import asked_address
from switch.cli._dialects import asked_dialect, check_framing
from switch.cli._network import load as read_network
from switch.cli._numbers import Finite
from switch.cli._tls import end_of, tls_option

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from switch.bench.generator import Plan
    from switch.bench.messages import Card, Speech
    from switch.bench.process import Usage
    from switch.bench.report import Cpu, Report

_NS_PER_STAN: Final = 20_000
"""DE11 that a run begins with goes up faster than any run sends, so that the next one uses none of its numbers"""


@click.command()
@click.argument("host", metavar="HOST:PORT")
@click.option("--dialect", default="cmi87", show_default=True, help="Dialect's name, or its JSON file.")
@click.option("--framing", help="How messages are cut out of the stream. [default: the dialect's own]")
@click.option("--connections", "-c", type=click.IntRange(1, 1_000), default=4, show_default=True)
@click.option(
    "--in-flight", "-n", type=click.IntRange(1, 100_000), help="Closed loop: requests out at once. [default: 128]"
)
@click.option("--rate", "-r", type=Finite(min=0.1), help="Open loop: requests a second, whatever comes back.")
@click.option("--duration", "-d", type=Finite(min=0.1), default=10, show_default=True, help="Seconds measured.")
@click.option("--warmup", type=Finite(min=0), default=2, show_default=True, help="Seconds before that, not counted.")
@click.option("--timeout", type=Finite(min=0.1), default=30, show_default=True, help="Seconds an answer may take.")
@click.option(
    "--sign-on/--no-sign-on", default=True, show_default=True, help="0800 with DE70=001 on each connection first."
)
@click.option("--bank-institution", default="504101", show_default=True, help="DE32.")
@click.option("--cards", default="morocco", show_default=True, help="Plain domestic cards of this network file.")
@click.option("--bin", "prefix", metavar="DIGITS", help="--count cards with this prefix instead.")
@click.option(
    "--count", type=click.IntRange(1), default=100, show_default=True, help="How many; 3200000 is a country's."
)
@click.option("--card", "pans", multiple=True, metavar="PAN", help="This card instead; may be given several times.")
@click.option("--amount", type=click.IntRange(0), default=12_350, show_default=True, help="DE4, minor units.")
@click.option("--currency", default="504", show_default=True, help="DE49.")
@click.option("--set", "changes", multiple=True, metavar="DE=VALUE", help="Say this element otherwise (1987 form).")
@click.option("--without", multiple=True, metavar="DE", help="Leave this element out.")
@click.option("--pid", type=int, help="The host's process: its CPU (with its children's) and memory are measured, too.")
@click.option(
    "--state",
    type=click.Path(file_okay=False, path_type=Path),
    help="A cmi-switch that serves this state directory: it times payments inside, too.",
)
@click.option(
    "--fail", "fails", multiple=True, metavar="THRESHOLD", help="Exit with 1 if it is met: p99>5ms, errors>0 …"
)
@tls_option
@click.option(
    "--tls-as", default="", metavar="NAME", help="Whose certificate of --tls. [default: that of --bank-institution]"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of text.")
@click.option("--svg", type=click.Path(dir_okay=False, path_type=Path), help="Write a percentile plot.")
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), help="Write a page with plot and figures.")
def command(**options: Any) -> None:
    """Load an ISO 8583 host with purchases and measure what comes back.

    Each purchase has its own DE7, DE11 and DE37. Closed loop (--in-flight): a new request for each answer. Open loop (--rate):
    requests leave on a schedule, and latency counts from when each should have left, so that a host that stalls is
    charged for what it kept waiting.

    \b
    Measures for --fail: p50 p90 p99 p99.9 max mean (us, ms, s), throughput, errors, approved (%), cpu (us), rss (MB),
    inside (p99 inside the switch, us, ms).

    \b
    Examples:
      cmi-switch bench 127.0.0.1:8583
      cmi-switch bench 127.0.0.1:8583 --rate 1000 --duration 30 --fail 'p99>5ms' --fail 'errors>0'
      cmi-switch bench 127.0.0.1:8583 --in-flight 512 --pid $(pgrep -f 'cmi-switch serve') --html load.html
      cmi-switch bench 127.0.0.1:8583 --rate 1000 --state var/morocco --fail 'inside>1.2ms'
      cmi-switch bench 127.0.0.1:8583 --tls var/tls
      cmi-switch bench host.example:5000 --dialect visa --card 4970000000000005 --no-sign-on
    """
    import time

    from switch.bench.generator import STANS, Load, LoadError
    from switch.bench.report import ThresholdError, as_data, as_text, broken, parse_threshold
    from switch.wire import EncodeError
    from switch.wire.framing import FramingError

    if options["in_flight"] and options["rate"]:
        raise click.UsageError("--in-flight is a closed loop and --rate an open one: give one of them")
    try:
        thresholds = [parse_threshold(text) for text in options["fails"]]
    except ThresholdError as error:
        raise click.UsageError(str(error)) from None
    plan, speech, cards = _plan(options), _speech(options), _cards(options)
    try:
        first_stan = time.time_ns() // _NS_PER_STAN % STANS + 1
        load = Load(plan, speech, cards, first_stan, **_secured(options, plan))
    except (EncodeError, FramingError) as error:
        raise click.ClickException(f"the purchase cannot be said: {error}") from None
    except KeyError as error:
        raise click.UsageError(f"DE{error.args[0]} tells one request from another and cannot be left out") from None
    try:
        made = _run(load, plan, speech, options["pid"], options["state"], quiet=options["as_json"])
    except LoadError as error:
        raise click.ClickException(str(error)) from None
    finally:
        load.close()
    text = as_text(made)
    click.echo(_json(as_data(made)) if options["as_json"] else text)
    _draw(made, text, options["svg"], options["html"])
    failures = broken(thresholds, made)
    for failure in failures:
        click.echo(f"FAILED {failure}", err=True)
    if failures:
        raise SystemExit(1)


def _secured(options: dict[str, Any], plan: Plan) -> dict[str, Any]:
    """What makes connections ones with TLS, where that is asked for."""
    if options["tls_dir"] is None:
        return {}
    from switch.bench.tls_socket import securing

    name = options["tls_as"] or next(
        (m.name for m in read_network(options["cards"]).members if m.institution == options["bank_institution"]), ""
    )
    if not name:
        raise click.UsageError(
            "--tls-as NAME says whose certificate of --tls is shown: no member has this --bank-institution"
        )
    end = end_of(options["tls_dir"], name, str(plan.address), server=False, asks_for=plan.address.host)
    return {"secure": securing(end, plan.address)}


def _json(data: dict[str, Any]) -> bytes:
    import msgspec

    return msgspec.json.encode(data)


def _plan(options: dict[str, Any]) -> Plan:
    from switch.bench.generator import Plan

    framing = options["framing"] or asked_dialect(options["dialect"]).framing
    check_framing(framing)
    in_flight = options["in_flight"] or 128
    connections = options["connections"] if options["rate"] else min(options["connections"], in_flight)
    return Plan(
        address=asked_address(options["host"]), framing=framing, connections=connections, in_flight=in_flight,
        rate=options["rate"] or 0.0, duration_s=options["duration"], warmup_s=options["warmup"], timeout_s=options["timeout"],
        sign_on=options["sign_on"],
    )  # fmt: skip


def _speech(options: dict[str, Any]) -> Speech:
    import time

    from switch.bench.messages import Settings, Speech

    changes = {}
    for change in options["changes"]:
        de, equals, value = change.partition("=")
        if not equals or not de.isdigit() or not 2 <= int(de) <= 128:
            raise click.UsageError(f"--set {change!r}: expected DE=VALUE, such as 18=5812")
        changes[de] = value
    settings = Settings(
        institution=options["bank_institution"], local_time=time.strftime("%y%m%d%H%M%S"), amount=options["amount"],
        currency=options["currency"], set=changes, without=options["without"],
    )  # fmt: skip
    try:
        return Speech(asked_dialect(options["dialect"]), settings)
    except ValueError as error:
        raise click.ClickException(str(error)) from None


def _cards(options: dict[str, Any]) -> Sequence[Card]:
    from switch.bench.messages import Card, CardRange
    from switch.core.network import DOMESTIC_SCHEME
    from switch.simulators.cards import EXPIRY, demo_cards

    if options["pans"]:
        return [Card(pan.replace(" ", ""), EXPIRY) for pan in options["pans"]]
    if options["prefix"]:
        try:
            return CardRange(options["prefix"], options["count"])
        except ValueError as error:
            raise click.UsageError(f"--bin {error}") from None
    network = read_network(options["cards"])
    cards = [Card(c.pan, c.expiry) for c in demo_cards(network) if c.plain and c.scheme == DOMESTIC_SCHEME]
    if not cards:
        raise click.ClickException(f"{options['cards']} has no plain domestic cards; give --bin or --card")
    return cards


def _run(load: Any, plan: Plan, speech: Speech, pid: int | None, state: Path | None, *, quiet: bool) -> Report:
    import msgspec

    from switch.bench.generator import fine_timer
    from switch.bench.layout import decoder
    from switch.bench.process import usage
    from switch.bench.report import Inside, report
    from switch.cli._control import ask
    from switch.wire.vocabulary import DE

    seen: dict[str, Usage] = {}
    inside: list[Inside] = []

    def on_phase(phase: str) -> None:
        if state is not None and phase in ("start", "measure"):
            ask(state, "timing", on=True)
        elif state is not None and phase == "drain":
            inside.append(msgspec.convert(ask(state, "timing", on=False), Inside))
        if pid is not None:
            try:
                seen[phase] = usage(pid)
            except ProcessLookupError as error:
                raise click.ClickException(f"--pid: {error}") from None

    mode = f"open, {plan.rate:g}/s" if plan.rate else f"closed, {plan.in_flight} in flight"
    if not quiet:
        click.echo(f"{mode}: {plan.warmup_s:g} s to warm up, {plan.duration_s:g} s measured …", err=True)
    fine_timer()
    on_phase("start")
    load.connect()
    counts = load.run(on_phase)
    return report(
        counts, mode=mode, host=str(plan.address), dialect=speech.dialect.name, connections=plan.connections,
        decode_code=decoder(speech.dialect, DE.RESPONSE_CODE), cpu=_cpu(seen, counts.answered, counts.seconds),
        inside=inside[0] if inside else None,
    )  # fmt: skip


def _cpu(seen: dict[str, Usage], answered: int, seconds: float) -> Cpu | None:
    from switch.bench.report import Cpu

    if "drain" not in seen:
        return None
    before, after = seen["measure"], seen["drain"]
    used_us = (after.cpu_ns - before.cpu_ns) / 1000
    return Cpu(
        round(used_us / max(answered, 1), 2), round(used_us / 1e6 / seconds, 3), after.rss_bytes,
        after.rss_bytes - before.rss_bytes, after.processes,
    )  # fmt: skip


def _draw(made: Report, text: str, svg: Path | None, html: Path | None) -> None:
    from switch.bench.plot import page, percentile_svg

    if not svg and not html:
        return
    title = f"{made.host}: {made.mode}, {made.throughput:,.0f}/s"
    try:
        picture = percentile_svg(title, [(made.mode, made.curve_us)])
        writes: list[tuple[Path | None, Callable[[], str]]] = [
            (svg, lambda: picture),
            (html, lambda: page(title, text, picture)),
        ]
        for path, content in writes:
            if path is not None:
                path.write_text(content())
                click.echo(f"wrote {path}", err=True)
    except ValueError as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
