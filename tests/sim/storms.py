"""Weather made to measure: what a promise is about happens in it often, so that few days show whether it holds."""

from random import Random

import msgspec

from switch.sim.cast import Climate
from switch.sim.faults import Fault, Kind
from switch.simulators.mix import Mix

FAIR = Climate(
    rate=100.0, latency_ms=3.0, transit_us=500, split=0.1, roaming=False, narrow=False, mix=Mix(void=20), faults=0
)
SLOW_HOSTS = msgspec.structs.replace(FAIR, latency_ms=300.0, roaming=True)
AWAY = msgspec.structs.replace(FAIR, mix=Mix(void=60, preauth=20, foreign=0))
IN_PART = msgspec.structs.replace(FAIR, mix=Mix(void=20, part=30, cashback=15, preauth=15))
AWAY_SHOWCASE = msgspec.structs.replace(FAIR, mix=Mix(foreign=0, showcase=50), stop_lists=True)
AWAY_NARROW = msgspec.structs.replace(AWAY, narrow=True)
NARROW = msgspec.structs.replace(FAIR, narrow=True)
UNDONE = msgspec.structs.replace(FAIR, latency_ms=300.0, mix=Mix(preauth=100, undone=50, void=50))
TAKEN_BACK = msgspec.structs.replace(NARROW, rate=200.0, mix=Mix(void=200, foreign=0))


def lost_numbers(seed: int) -> tuple[Fault, ...]:
    """Slow hosts answer what a crash made forgotten, when its numbers have been given again."""
    rng = Random(seed)
    faults = [Fault(0, Kind.MOOD, host, 60_000, "slow=0.5") for host in ("atlas", "rif", "souss", "visa", "mastercard")]
    faults.append(Fault(400, Kind.DISK_SLOW, "", 3_000, "60000"))
    for n in range(6):
        at = 700 + n * 900 + rng.randrange(300)
        faults.append(Fault(at, Kind.CRASH, "", 1 + rng.randrange(20), "after any 1"))
    return tuple(faults)


def overtaken(seed: int) -> tuple[Fault, ...]:
    """Originals are lost on the way, reversed, and sent again while hosts that acknowledge little still lack the reversal."""
    rng = Random(seed)
    faults = [Fault(30_000, Kind.MOOD, host, 20_000, "silent=0.7") for host in ("atlas", "rif", "souss")]
    for n in range(20):
        at = 600 + n * 100
        acquirer, link = rng.choice(
            (("atlas-acquirers", "atlas-acquirers/1"), ("souss-acquirers", "souss-acquirers/1"))
        )
        faults.append(Fault(at, Kind.REPEAT, acquirer, 30_050 + rng.randrange(200), "same"))
        faults.append(Fault(at, Kind.HALF_OPEN, link, 25_000, "peer"))
    return tuple(sorted(faults, key=lambda fault: fault.at_ms))


def full_memory(seed: int) -> tuple[Fault, ...]:
    """A disk so slow that memory fills, while acquirers repeat."""
    rng = Random(seed)
    faults = [Fault(500, Kind.DISK_SLOW, "", 20_000, "60000")]
    for acquirer in ("atlas-acquirers", "souss-acquirers", "rif-pos"):
        faults += [Fault(600 + n * 50, Kind.REPEAT, acquirer, 200 + rng.randrange(2_000), "same") for n in range(20)]
    return tuple(sorted(faults, key=lambda fault: fault.at_ms))


def lost_promises(seed: int) -> tuple[Fault, ...]:
    """Hosts' connections are cut while the disk is slow, and then the switch crashes."""
    rng = Random(seed)
    faults = []
    for n in range(8):
        at = 600 + n * 1_000
        faults.append(Fault(at, Kind.DISK_SLOW, "", 3_000, "800"))
        faults += [Fault(at + 300, Kind.CUT, host, 10) for host in ("atlas", "rif", "souss")]
        faults += [
            Fault(at + 200 + rng.randrange(100), Kind.REPEAT, acquirer, 1 + rng.randrange(300), "marked")
            for acquirer in ("atlas-acquirers", "souss-acquirers", "rif-pos")
        ]
        faults.append(Fault(at + 310 + rng.randrange(200), Kind.CRASH, "", 50, f"after send {1 + rng.randrange(4)}"))
    return tuple(faults)


def lost_answers(seed: int) -> tuple[Fault, ...]:
    """Acquirers' connections are cut while their approvals wait for a slow disk."""
    rng = Random(seed)
    faults = []
    for n in range(10):
        at = 600 + n * 300
        faults.append(Fault(at, Kind.DISK_SLOW, "", 400, "200"))
        link = rng.choice(("atlas-acquirers/1", "souss-acquirers/1", "rif-pos/1", "rif-pos/2", "rif-pos/3"))
        faults.append(Fault(at + 50 + rng.randrange(100), Kind.CUT, link, 50))
    return tuple(faults)


def full_queues(seed: int) -> tuple[Fault, ...]:
    """Issuers are away while payments of theirs are taken back: what is owed to them fills its queue."""
    rng = Random(seed)
    return tuple(Fault(1_800 + rng.randrange(300), Kind.HOST_CRASH, host, 25_000) for host in ("atlas", "rif", "souss"))


def deaf_hosts(seed: int) -> tuple[Fault, ...]:
    """Hosts whose process is replaced behind a connection that stays: what they were about to answer is lost."""
    rng = Random(seed)
    hosts = ("atlas", "rif", "souss")
    return tuple(Fault(2_000 + n * 150, Kind.HOST_CRASH, rng.choice(hosts), 20, "keeps") for n in range(20))


def given_up(seed: int) -> tuple[Fault, ...]:
    """Hosts that answer nothing for a while, so that what they are owed is given up; an operator holds and retries; crashes."""
    rng = Random(seed)
    faults = [Fault(2_000, Kind.MOOD, host, 30_000, "silent=0.9") for host in ("atlas", "rif", "souss")]
    for n in range(6):
        at = 3_000 + n * 4_000
        faults.append(Fault(at, Kind.HOLD, rng.choice(("atlas", "rif", "souss")), 1 + rng.randrange(6_000)))
        faults.append(Fault(at + rng.randrange(4_000), Kind.CRASH, "", 50, f"after record {1 + rng.randrange(4)}"))
    return tuple(sorted(faults, key=lambda fault: fault.at_ms))


def issuers_away(seed: int) -> tuple[Fault, ...]:
    """Issuers are away again and again; the disk is slow, acquirers are cut off and repeat, and the switch crashes meanwhile."""
    rng = Random(seed)
    faults = []
    for n in range(8):
        at = 600 + n * 1_200
        faults += [Fault(at, Kind.HOST_CRASH, host, 800 + rng.randrange(400)) for host in ("rif", "souss")]
        faults.append(Fault(at + 100, Kind.DISK_SLOW, "", 900, "400"))
        faults += [
            Fault(at + 200 + rng.randrange(400), Kind.REPEAT, acquirer, 1 + rng.randrange(400), "same")
            for acquirer in ("atlas-acquirers", "souss-acquirers", "rif-pos")
        ]
        link = rng.choice(("atlas-acquirers/1", "souss-acquirers/1", "rif-pos/1", "rif-pos/2", "rif-pos/3"))
        faults.append(Fault(at + 300 + rng.randrange(300), Kind.CUT, link, 50))
        faults.append(Fault(at + 400 + rng.randrange(300), Kind.CRASH, "", 50, f"after send {1 + rng.randrange(4)}"))
    return tuple(sorted(faults, key=lambda fault: fault.at_ms))


def issuers_gone(seed: int) -> tuple[Fault, ...]:
    """Issuers are away for most of the day."""
    return tuple(Fault(700 + seed, Kind.HOST_CRASH, host, 30_000) for host in ("rif", "souss"))


def closing_windows(seed: int) -> tuple[Fault, ...]:
    """Windows are closed again and again, while acquirers repeat what was answered before, and the switch crashes."""
    rng = Random(seed)
    faults = [Fault(600 + n * 300, Kind.CUTOVER, "", detail="window") for n in range(9)]
    for n in range(12):
        acquirer, how = rng.choice(("atlas-acquirers", "souss-acquirers")), rng.choice(("same", "marked"))
        faults.append(Fault(600 + n * 200, Kind.REPEAT, acquirer, 300 + rng.randrange(1_500), how))
    faults.append(Fault(1_500 + rng.randrange(1_000), Kind.CRASH, "", 50, "after any 1"))
    return tuple(sorted(faults, key=lambda fault: fault.at_ms))
