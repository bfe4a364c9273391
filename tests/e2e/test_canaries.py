"""Secrets planted in every flow, faults included, and looked for in every file and stream of everybody that ran.

Planted: card numbers (whole), tracks 1 and 2 (in DE35, DE45 and tag 57 of DE55), PIN blocks, a CVV2 as its subelement of DE48,
the vault's key. Looked for: as text, in BCD, in hex and in EBCDIC, wherever a process has written: journal, index, hop log,
captures, defects, head copies, ready files, screens.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from switch.journal.keys import vault_key_path
from switch.simulators.cards import demo_cards
from switch.wire.vocabulary import Document
from tests.e2e.stage import QUICK, Client, Stage, wait_for

TRACK_2 = "9504010000000010D28122017719283746551"
TRACK_1 = "B9504010000000010^CANARY/YELLOW^28122017719283746551"
PIN_BLOCK = "C0FFEE5EC2E7B10C"
CVV2 = "9203731"
"""subelement 92 of DE48, three bytes"""
CHIP = "5713" + TRACK_2.rstrip("F").ljust(38, "F") + "9F02060000000010009F2608" + "DEADC0DE5EC2E7AA"
SILENT, GARBAGE = "silent=0.05", b"\x00\x60" + TRACK_2.encode() + PIN_BLOCK.encode() * 3


def canaries(pans: list[str], key: Path) -> dict[str, bytes]:
    """By what it is, each as any process might write it."""
    secrets = {
        "track 2": "28122017719283746551",
        "track 1": "CANARY/YELLOW",
        "PIN block": PIN_BLOCK,
        "CVV2": CVV2,
        "chip's track": "0010D28122017719283746551F",
        **{f"PAN {pan[:6]}{pan[-4:]}": pan for pan in pans},
    }
    found: dict[str, bytes] = {
        "vault key": key.read_bytes().split()[1],
        "vault key, raw": bytes.fromhex(key.read_text().split()[1]),
    }
    for what, text in secrets.items():
        found[what] = text.encode()
        found[f"{what} in hex"] = text.encode().hex().encode()
        found[f"{what} in EBCDIC"] = text.encode("cp037")
        if all(c in "0123456789ABCDEF" for c in text) and len(text) >= 16:
            found[f"{what}, packed"] = bytes.fromhex(text.ljust(len(text) + len(text) % 2, "F"))
    return found


def purchase(n: int, pan: str, **more: str) -> Document:
    """A payment with everything secret that one can have."""
    secret = {"35": TRACK_2.replace("D", "="), "45": TRACK_1, "52": PIN_BLOCK, "55": CHIP, "48": CVV2}
    return (
        {
            "t": "0200",
            "2": pan,
            "3": "000000",
            "4": f"{100 + n:012d}",
            "7": time.strftime("%m%d%H%M%S", time.gmtime()),
            "11": f"{n:06d}",
            "12": "120000",
            "13": "1127",
            "14": "2812",
            "18": "5411",
            "22": "051",
            "25": "00",
            "32": "504102",
            "37": f"6331{n:08d}",
            "41": "102T0001",
            "42": "504102000000001",
            "43": "SHOP".ljust(38) + "MA",
            "49": "504",
        }
        | secret
        | more
    )


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    one = Stage(tmp_path, QUICK)
    try:
        yield one
    finally:
        one.close()


def plant(stage: Stage, pans: list[str]) -> None:
    """Approved, declined, repeated, reversed, unspoken of, unreadable; on an ASCII and on a BCD link. The file `control` has
    what is sought."""
    for listener in ("acquirers", "pos"):
        with closing(Client(stage, listener)) as client, (stage.directory / "control").open("ab") as control:
            control.write(client.message(purchase(1, pans[0])))
            for n, pan in enumerate(pans, 1 if listener == "acquirers" else 101):
                message = purchase(n, pan)
                for document in (
                    message,
                    message,
                    message | {"t": "0420", "90": f"0200{n:06d}{message['7']}" + "0" * 22},
                ):
                    with suppress(TimeoutError):
                        client.sends(document)
            client.sends(purchase(90, "9504010000000099"))  # wrong check digit
            client.sends(purchase(91, pans[0], **{"49": "999"}))
            client.sends(purchase(92, pans[0]) | {"t": "0600"})
            client.sends(purchase(93, pans[0], **{"37": pans[0][:12]}))
            time.sleep(0.2)
            client.sock.sendall(client.framing.frame(client.message(purchase(94, pans[0]))[:-7]))
            client.sock.sendall(client.framing.frame(GARBAGE))
            with suppress(OSError, EOFError, TimeoutError):
                client.sock.settimeout(0.5)
                while True:
                    client.gets()


@pytest.mark.long
def test_no_secret_is_in_any_file_or_stream(stage: Stage) -> None:
    pans = [card.pan for card in demo_cards(stage.network)][::6]
    stage.issuers("--fault", SILENT, "--fault", "wrong=0.1", "--fault", "cut=0.05", "--verbose")
    switch = stage.start(
        "serve",
        str(stage.path),
        "--state",
        str(stage.state),
        "--show",
        "--capture",
        str(stage.directory / "all.pcapng"),
    )
    plant(stage, pans)
    os.kill(switch.pid, signal.SIGKILL)
    switch.wait(5)
    switch = stage.serve()
    plant(stage, pans)
    wait_for(lambda: stage.events("hop.sent", mti="0420"))
    assert [child.stop() for child in stage.children[::-1] if child.running()].count(0) == 2
    assert stage.events("message.refused"), "faults were among it"
    key = vault_key_path(stage.state)
    looked = [path for path in stage.directory.rglob("*") if path.is_file() and path != key]
    assert {".log", ".jsonl", ".pcapng", ".sqlite", ".out"} <= {path.suffix for path in looked}
    sought = canaries(pans, key)
    found = {
        (path.name, what)
        for path in looked
        for data in (path.read_bytes(),)
        for what, canary in sought.items()
        if canary in data
    }
    assert {name for name, _ in found} == {"control"}, "and nowhere else"
    assert {what.partition(",")[0].partition(" in ")[0] for _, what in found} >= {
        "track 2",
        "track 1",
        "PIN block",
        "CVV2",
        "chip's track",
        f"PAN {pans[0][:6]}{pans[0][-4:]}",
    }
