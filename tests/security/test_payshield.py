"""Host commands of hardware modules: the adapter against software that speaks them says what the software module says itself."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.security import commands as ask
from switch.security import emv, host_messages
from switch.security.commands import Command, Reply
from switch.security.host_server import HostServer
from switch.security.keyring import KeyRing
from switch.security.lmk import make_lmk
from switch.security.module import SoftwareModule
from switch.security.payshield import HostKey, HostKeysError, HostModule, read_host_keys

PAN = "9504011234560010"
KINDS = {
    "zak": "zak",
    "zak1": "zak1",
    "zak-cmac": "zak-cmac",
    "zak-other": "zak",
    "zpk-a": "zpk",
    "zpk-b": "zpk",
    "cvk": "cvk",
    "pvk": "pvk",
    "imk": "imk-ac",
}


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    place = tmp_path_factory.mktemp("hsm")
    made = KeyRing(place / "keys.json", make_lmk(place / "lmk.key", bytes(32)), os.urandom)
    with made.audit.turn():
        for name, kind in KINDS.items():
            made.generate(name, kind, "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
    return made


def wrapped(ring: KeyRing) -> dict[str, HostKey]:
    usages = {"zak": "M3", "zak-other": "M3", "zak1": "M1", "zak-cmac": "M6"}
    return {
        name: HostKey(key=f"S{entry.block}", usage=usages.get(name, "")) for name, entry in ring.entries.items()
    } | {
        "stranger": HostKey(key="U" + "0" * 32),
        "zak.previous": HostKey(key=f"S{ring.entries['zak-other'].block}", usage="M3"),
    }


@pytest.fixture(scope="module")
def server(ring: KeyRing) -> Iterator[HostServer]:
    made = HostServer(SoftwareModule(ring, os.urandom), ring, ("127.0.0.1", 0), lambda said: None)
    ended = threading.Event()
    thread = threading.Thread(target=made.serve, args=(ended.is_set,))
    thread.start()
    yield made
    ended.set()
    thread.join()
    made.close()


@pytest.fixture
def hard(ring: KeyRing, server: HostServer) -> Iterator[HostModule]:
    made = HostModule(server.address, wrapped(ring))
    yield made
    made.close()


def one(module: HostModule | SoftwareModule, command: Command) -> Reply:
    (reply,) = module.ask([command])
    return reply


def test_the_bytes_of_a_message_are_those_that_others_send() -> None:
    """The echo as softwaregroup-bg/ut-codec-payshield has it in its tests; CC field by field as iso8583tools lists it."""
    assert host_messages.echo("PING").message("9999")[2:] == b"9999B20004PING"
    made = host_messages.translate_pin("U" + "1" * 32, "U" + "2" * 32, bytes(8), PAN, (0, 3)).message("0001")
    body = b"0001CC" + b"U" + b"1" * 32 + b"U" + b"2" * 32 + b"12" + b"0" * 16 + b"01" + b"47" + PAN[3:15].encode()
    assert made == len(body).to_bytes(2, "big") + body
    assert [host_messages.answer_code(code) for code in ("M6", "M8", "CC", "EC", "CW", "CY", "KQ", "B2")] == [
        "M7",
        "M9",
        "CD",
        "ED",
        "CX",
        "CZ",
        "KR",
        "B3",
    ]


def test_all_that_it_speaks_is_what_the_software_says(ring: KeyRing, hard: HostModule) -> None:
    soft = SoftwareModule(ring, os.urandom)
    data = b"0200" + bytes(range(256)) * 2
    block = one(soft, ask.EncryptPin("zpk-a", "432187", PAN)).value
    same: list[Command] = [
        *(ask.MakeMac(name, data, 1, size) for name in ("zak", "zak1", "zak-cmac") for size in (4, 8)),
        ask.MakeMac("zak", data, 2),
        ask.TranslatePin("zpk-a", "zpk-b", block, PAN),
        ask.MakeCardValue("cvk", PAN, "3112", "201"),
    ]
    assert hard.ask(same) == soft.ask(same)
    mac = one(soft, ask.MakeMac("zak", data)).value
    value = one(soft, ask.MakeCardValue("cvk", PAN, "3112", "000")).value.decode()
    (made,) = soft.ask(
        [
            ask.MakePinReference(
                "zpk-a", "pvk", one(soft, ask.EncryptPin("zpk-a", "4321", PAN)).value, PAN, ask.PinReference("pvv", "")
            )
        ]
    )
    pin, other = (one(soft, ask.EncryptPin("zpk-a", typed, PAN)).value for typed in ("4321", "4322"))
    reference = ask.PinReference("pvv", made.value.decode())
    checks: list[Command] = [
        ask.CheckMac(("zak",), data, mac),
        ask.CheckMac(("zak",), data, mac[:4]),
        ask.CheckMac(("zak",), data + b"x", mac),
        ask.CheckCardValue("cvk", PAN, "3112", "000", value),
        ask.CheckCardValue("cvk", PAN, "3112", "999", value),
        ask.VerifyPin("zpk-a", "pvk", pin, PAN, reference),
        ask.VerifyPin("zpk-a", "pvk", other, PAN, reference),
        ask.TranslatePin("zpk-a", "zpk-b", bytes(8), PAN),
        ask.TranslatePin("zpk-a", "zak", block, PAN),
    ]
    assert [(r.ok, r.code) for r in hard.ask(checks)] == [(r.ok, r.code) for r in soft.ask(checks)]
    three = one(hard, ask.TranslatePin("zpk-a", "zpk-b", pin, PAN, 0, 3)).value
    assert one(soft, ask.VerifyPin("zpk-b", "pvk", three, PAN, reference, 3)).ok


@pytest.mark.parametrize(
    ("scheme", "data"),
    [("visa", "06010A03A00000"), ("mastercard", "0110A50003220000"), ("mastercard", "0111A50003220000" + "00" * 10)],
)
def test_cryptograms_are_checked_and_answered_alike(ring: KeyRing, hard: HostModule, scheme: str, data: str) -> None:
    soft = SoftwareModule(ring, os.urandom)
    tags = {name: bytes(2) for name in emv.DATA_TAGS} | {
        "9F10": bytes.fromhex(data),
        "9F37": b"\1\2\3\4",
        "9F36": b"\0\7",
    }
    key = ring.find("imk")
    assert key is not None
    arqc = emv.chip_of(scheme, key.key, PAN, "01", "A", tags).arqc(tags)
    for made in (arqc, bytes(8)):
        command = ask.CheckCryptogram("imk", scheme, PAN, "01", {**tags, "9F26": made}, b"00")
        assert (one(hard, command).ok, one(hard, command).value) == (one(soft, command).ok, one(soft, command).value)


def test_what_it_does_not_speak_is_refused_and_said_and_stops_nothing(hard: HostModule) -> None:
    data = b"0200"
    refused: list[tuple[Command, str, str]] = [
        (ask.MakeMac("nobodys", data), ask.UNKNOWN_KEY, "in the file of `hardware_keys`"),
        (ask.MakeMac("stranger", data), ask.BAD_REQUEST, "not with M6, M8"),
        (ask.MakeCardValue("stranger", PAN, "3112", "201"), ask.NOT_PERMITTED, "error 15"),
        (ask.EncryptPin("zpk-a", "1234", PAN), ask.NOT_PERMITTED, "EncryptPin: hardware modules are not asked"),
        (ask.TranslatePin("zpk-a", "zpk-b", bytes(16), PAN, 4, 4), ask.BAD_REQUEST, "PIN format 4"),
        (ask.TranslatePin("zpk-a", "zpk-b", bytes(8), PAN, ksn=bytes(10)), ask.BAD_REQUEST, "DUKPT"),
        (
            ask.VerifyPin("zpk-a", "pvk", bytes(8), PAN, ask.PinReference("ibm3624", "0000")),
            ask.BAD_REQUEST,
            "IBM 3624",
        ),
        (
            ask.CheckCryptogram("imk", "visa", PAN, "00", {"9F10": bytes.fromhex("06011203A00000")}),
            ask.BAD_REQUEST,
            "versions 10, 16 and 17",
        ),
    ]
    replies = hard.ask([*(command for command, _, _ in refused), ask.MakeMac("zak", data)])
    for (command, code, reason), reply in zip(refused, replies, strict=False):
        assert (reply.ok, reply.code, reason in reply.reason) == (False, code, True), (command, reply)
    assert replies[-1].ok


def test_a_mac_of_the_key_before_holds_and_says_whose_it_is(ring: KeyRing, hard: HostModule) -> None:
    mac = one(SoftwareModule(ring, os.urandom), ask.MakeMac("zak-other", b"0200")).value
    assert one(hard, ask.CheckMac(("zak", "zak.previous", "zak.nobodys"), b"0200", mac)) == Reply(True, b"zak.previous")
    assert one(hard, ask.CheckMac(("zak", "zak.nobodys"), b"0200", mac)).code == ask.WRONG


def test_a_batch_is_about_one_round_trip_however_long(hard: HostModule) -> None:
    replies = hard.ask([ask.MakeMac("zak", b"%d" % n) for n in range(300)])
    assert len({reply.value for reply in replies}) == 300


def test_answers_in_another_order_and_to_nothing(ring: KeyRing) -> None:
    """A module with several processors answers as they finish; one that answers what nobody asked is hung up on."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        module = HostModule(listening.getsockname()[:2], wrapped(ring), 1.0)

        def serve(header: bytes | None) -> None:
            sock, _ = listening.accept()
            with sock:
                data, asked = sock.recv(65_536), []
                while data:
                    size = int.from_bytes(data[:2], "big")
                    asked.append(data[2 : 2 + size])
                    data = data[2 + size :]
                for message in reversed(asked):
                    value = b"%08X%08X" % (int(message[-1:]), 0)
                    body = (header or message[:4]) + b"M700" + value
                    sock.sendall(len(body).to_bytes(2, "big") + body)

        for header, wanted in ((None, [bytes((0, 0, 0, n, 0, 0, 0, 0)) for n in (1, 2)]), (b"XXXX", [b"", b""])):
            thread = threading.Thread(target=serve, args=(header,))
            thread.start()
            replies = module.ask([ask.MakeMac("zak", b"%d" % n) for n in (1, 2)])
            thread.join()
            assert [reply.value for reply in replies] == wanted
            module.close()
        assert "an answer M7 that nothing was asked for" in replies[0].reason


def test_one_that_hangs_keeps_one_call_waiting_and_is_found_again_by_an_echo(ring: KeyRing) -> None:
    made = HostServer(SoftwareModule(ring, os.urandom), ring, ("127.0.0.1", 0), lambda said: None)
    module, ended, took = HostModule(made.address, wrapped(ring), 0.1), threading.Event(), []
    assert one(module, ask.MakeMac("zak", b"x")).code == ask.UNREACHABLE
    thread = threading.Thread(target=made.serve, args=(ended.is_set,))
    thread.start()
    ok = False
    while not ok:
        began = time.monotonic()
        ok = one(module, ask.MakeMac("zak", b"x")).ok
        took.append(time.monotonic() - began)
        time.sleep(0.005)
    assert max(took) < 0.09
    module.close()
    ended.set()
    thread.join()
    made.close()


@pytest.mark.parametrize("text", ["", "[]", '{"a": {"kee": "U1"}}'])
def test_a_file_of_keys_that_is_none_says_what_it_should_be(tmp_path: Path, text: str) -> None:
    (tmp_path / "keys.json").write_text(text)
    with pytest.raises(HostKeysError, match="expected"):
        read_host_keys(tmp_path / "keys.json")


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (b"0001ZZ", b"0001Z[68"),
        (b"0001M6xx", b"0001M715"),
        (b"0001B20004PINGmore", b"0001B315"),
        (b"0001CWU12", b"0001CX15"),
    ],
)
def test_the_software_that_speaks_them_refuses_what_is_no_command(
    server: HostServer, message: bytes, error: bytes
) -> None:
    assert server.answer(bytearray(message)) == error
