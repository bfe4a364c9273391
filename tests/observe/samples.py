"""A hop log to test with: what a switch writes of a few seconds' payments, made by the log itself."""

import pathlib
from collections.abc import Iterator

import msgspec

from switch.core.party import Hop, Log
from switch.observe.hoplog import HopLog

START_NS = 1_790_000_000_000_000_000
"""wall clock of the first line: 2026-09-21 14:13:20 UTC"""


def payment(
    txn: int,
    at_ms: float,
    took_us: int,
    *,
    route: str = "domestic",
    host: str = "atlas#1",
    de39: str = "00",
    amount: int = 12_345,
    currency: str = "504",
    cost: int = 0,
    note: str = "",
) -> Iterator[tuple[Hop, int]]:
    """The four hops of a payment, each with its wall-clock time; two where it is refused here (`host` "")."""
    first = int(at_ms * 1e6)
    stan = f"{txn % 1_000_000:06d}"

    def hop(
        event: str,
        link: str,
        mti: str,
        after_us: int,
        code: str = "",
        cost: int = 0,
        note: str = "",
        stan: str = stan,
        route: str = route,
    ) -> tuple[Hop, int]:
        at = first + after_us * 1000
        return (
            Hop(
                event=event,
                txn=txn,
                link=link,
                mti=mti,
                stan=stan,
                rrn="626414123456",
                pan="950401******1234",
                amount=amount,
                currency=currency,
                route=route,
                de39=code,
                cost=cost,
                at_ns=at,
                first_ns=first,
                note=note,
            ),
            START_NS + at,
        )

    yield hop("hop.received", "acquirers#3", "0200", 0, route="")
    if host:
        yield hop("hop.sent", host, "0200", 45, stan="000777", cost=cost)
        yield hop("hop.received", host, "0210", took_us - 60, de39, stan="000777")
    yield hop("hop.sent", "acquirers#3", "0210", took_us, de39, note=note)


def write(log: HopLog, *events: Iterator[tuple[Hop, int]] | tuple[Log, float]) -> None:
    """Write payments, and log events at so many ms after the start, in the order given."""
    for event in events:
        if isinstance(event, tuple):
            log.log(event[0], START_NS + int(event[1] * 1e6))
        else:
            for hop, wall_ns in event:
                log.hop(hop, hop.at_ns, wall_ns)


def reversal(txn: int, of: int, at_ms: float, *, mti: str = "0420") -> Iterator[tuple[Hop, int]]:
    """A reversal that the switch itself owes, and its acknowledgement."""
    first = int(at_ms * 1e6)
    sent = Hop(
        event="hop.sent",
        txn=txn,
        link="atlas#1",
        mti=mti,
        stan="000900",
        rrn="626414123456",
        pan="950401******1234",
        amount=12_345,
        currency="504",
        route="domestic",
        de39="",
        cost=0,
        at_ns=first,
        first_ns=first,
        note=f"reversal: timeout, of {of:x}",
    )
    got = msgspec.structs.replace(sent, event="hop.received", mti="0430", de39="00", at_ns=first + 900_000)
    yield sent, START_NS + sent.at_ns
    yield got, START_NS + got.at_ns


def an_afternoon(path: pathlib.Path) -> pathlib.Path:
    """Six links, eight payments over three seconds, a timeout with its reversal, a late answer."""
    log = HopLog(path)
    for n, name in enumerate(("atlas", "rif", "visa", "mastercard")):
        write(
            log,
            (Log("info", "link.connected", {"link": f"{name}#1"}), n),
            (Log("info", "link.up", {"link": f"{name}#1", "host": name}), n),
        )
    write(
        log,
        (Log("info", "link.connected", {"link": "acquirers#3"}), 5),
        (Log("info", "link.signed_on", {"link": "acquirers#3", "source": "atlas"}), 6),
        (Log("warning", "link.connect_failed", {"link": "souss", "reason": "Connection refused"}), 7),
        payment(0xA1, 100, 1_230),
        payment(0xA2, 200, 1_410),
        payment(0xA3, 900, 980, de39="51"),
        payment(0xA4, 1_000, 84_300, route="visa", host="visa#1", cost=166, amount=80_000),
        payment(0xA5, 1_100, 91_200, route="visa", host="visa#1", cost=90),
        payment(0xA6, 1_500, 121_900, route="mastercard", host="mastercard#1", cost=140, currency="978"),
        payment(0xA7, 2_000, 70, route="refused", host="", de39="15", note="no BIN range holds 999999"),
        payment(0xA8, 2_100, 10_000_250, de39="91", note="timeout at host atlas"),
        (Log("warning", "answer.missing", {"txn": "a8", "host": "atlas", "reason": "timeout", "waited_ms": 10_000}), 12_100),
        reversal(0xA9, 0xA8, 12_101),
        reversal(0xA9, 0xA8, 42_101, mti="0421"),
        (Log("warning", "answer.late", {"link": "atlas#1", "txn": "a8"}), 42_200),
        (Log("info", "link.closed", {"link": "mastercard#1", "reason": "closed by the peer"}), 42_300),
        (Log("warning", "link.down", {"link": "mastercard#1", "host": "mastercard"}), 42_300),
    )  # fmt: skip
    log.close()
    return path
