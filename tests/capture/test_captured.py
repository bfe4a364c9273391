"""A capture that the switch made of the demo network: whole, without a secret, and as others read it (docs/captures.md)."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

from switch.capture.pcapng import Reading
from switch.capture.talks import Known, load
from tests.capture.captured import Captured
from tests.e2e.stage import Client, Stage, wait_for

pytestmark = pytest.mark.long


def test_every_link_is_in_it_and_every_message_decodes(made: Captured) -> None:
    talks = load(made.path, Known())
    assert {talk.link for talk in talks} == {"acquirers", "pos", "atlas", "rif", "souss", "visa", "mastercard"}
    assert [trouble for talk in talks for trouble in talk.troubles] == []
    assert [message.wrong for talk in talks for message in talk.said if message.wrong] == []


def test_no_pan_track_pin_or_card_value_is_in_it(made: Captured) -> None:
    kept = made.path.read_bytes()
    assert [secret for secret in made.secrets if secret in kept] == []


def test_its_comments_name_each_hop_of_the_hop_log_once(made: Captured) -> None:
    comments = [dict(pair.split("=") for pair in p.comment.split()) for p in Reading(made.path) if "txn=" in p.comment]
    assert sorted((c["txn"], c["link"]) for c in comments) == sorted((str(h["txn"]), str(h["link"])) for h in made.hops)
    assert {c["hop"] for c in comments} >= {"1", "2", "3", "4"}


def test_times_never_go_back(made: Captured) -> None:
    times = [packet.at_ns for packet in Reading(made.path)]
    assert times == sorted(times)


def test_a_signal_ends_a_capture_and_the_next_begins_another_while_the_switch_runs(tmp_path: Path) -> None:
    stage = Stage(
        tmp_path,
        {r"\Z": '\n[capture]\nfile = "FILE"\nfrom_start = false\n'.replace("FILE", str(tmp_path / "c.pcapng"))},
    )
    try:
        serve = stage.serve()
        client = Client(stage)
        assert not (tmp_path / "c.pcapng").exists()
        os.kill(serve.pid, signal.SIGUSR1)
        stage.event("capture.started")
        client.asks({"t": "0800", "7": "1125120000", "11": "000002", "32": "504102", "70": "301"})
        os.kill(serve.pid, signal.SIGUSR1)
        assert stage.event("capture.ended")["packets"] == 2
        client.asks({"t": "0800", "7": "1125120000", "11": "000003", "32": "504102", "70": "301"})
        os.kill(serve.pid, signal.SIGUSR1)
        wait_for(lambda: len(stage.events("capture.started")) == 2)
        client.close()
        assert serve.stop() == 0
    finally:
        stage.close()
    (talk,) = load(tmp_path / "c.1.pcapng", Known())
    assert [m.document["11"] for m in talk.said] == ["000002", "000002"]


@pytest.mark.outside("tshark")
def test_wiresharks_own_dissector_reads_the_acquirers_link_as_we_do(made: Captured) -> None:
    wanted = [2, 3, 4, 7, 11, 12, 13, 14, 18, 22, 25, 32, 37, 38, 39, 41, 42, 43, 49, 70]
    command = ["tshark", "-r", str(made.path), "-d", f"tcp.port=={made.acquirers_port},iso8583",
               "-o", "iso8583.len_endian:Big endian", "-o", "iso8583.charset:Digits represented as ASCII Characters",
               "-o", "iso8583.binencode:Bin data represented as Hex Ascii characters",
               "-Y", f"tcp.port=={made.acquirers_port} && tcp.len > 0", "-T", "fields", "-E", "separator=|",
               "-e", "_ws.malformed", "-e", "tcp.srcport", "-e", "iso8583.mti"]  # fmt: skip
    for de in wanted:
        command += ["-e", f"iso8583.bit{de}"]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = [line.split("|") for line in run.stdout.splitlines()]
    (talk,) = [talk for talk in load(made.path, Known()) if talk.link == "acquirers"]
    assert len(rows) == len(talk.said) > 10
    for row, message in zip(rows, talk.said, strict=True):
        malformed, source, *fields = row
        assert malformed == ""
        assert (int(source) == made.acquirers_port) == (not message.from_client)
        ours = [message.mti, *(message.document.get(str(de), "") for de in wanted)]
        assert [field.strip() for field in fields] == [field.strip() for field in ours]


@pytest.mark.outside("tshark")
def test_wireshark_finds_no_fault_with_the_layers_we_make(made: Captured) -> None:
    command = ["tshark", "-r", str(made.path), "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
               "-Y", "tcp.checksum.status != 1 || ip.checksum.status != 1 || tcp.analysis.flags"]  # fmt: skip
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    assert run.stdout == ""
