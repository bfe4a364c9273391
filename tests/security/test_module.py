"""The security module: what it does, what it refuses, and that in process, simulated and behind a socket it says the same."""

import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from zlib import crc32

import msgspec
import pytest

from switch.security import commands as ask
from switch.security.commands import Reply
from switch.security.key_blocks import Header, KeyBlock
from switch.security.module import ClearKeys, SecurityModule, SoftwareModule
from switch.security.remote import BATCH_BYTES_MAX, ModuleServer, RemoteModule
from switch.security.simulated import SimulatedModule, counted

PAN = "9504011234560010"


def key(usage: str, mode: str, algorithm: str = "T", size: int = 16) -> KeyBlock:
    header = Header(version="D", usage=usage, algorithm=algorithm, mode=mode)
    return KeyBlock(header, counted(crc32(f"{usage}{mode}{size}".encode()))(size))


KEYS = ClearKeys(
    {
        "zpk-a": key("P0", "B"),
        "zpk-b": KeyBlock(key("P0", "B").header, bytes(range(16))),
        "zpk-aes": key("P0", "B", "A", 32),
        "zpk-in": key("P0", "D"),
        "zak": key("M3", "C"),
        "zak-verify": key("M3", "V"),
        "zak-aes": key("M6", "C", "A"),
        "zak-hmac": key("M7", "C", "H", 32),
        "zak-1": key("M1", "C"),
        "cvk": key("C0", "C"),
        "aavk": KeyBlock(Header(version="D", usage="C0", algorithm="H", mode="C"), bytes(range(32))),
        "pvk": key("V2", "C"),
        "pvk-ibm": key("V1", "C"),
        "imk": key("E0", "X"),
        "bdk": key("B0", "X"),
        "bdk-aes": key("B0", "X", "A"),
        "odd": key("M6", "C", "H"),
    }
)


@pytest.fixture(params=["software", "simulated", "remote"])
def module(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SecurityModule]:
    if request.param == "simulated":
        yield SimulatedModule.of(KEYS, 1)
        return
    software = SoftwareModule(KEYS, os.urandom)
    if request.param == "software":
        yield software
        return
    server = ModuleServer(software, tmp_path / "s", lambda said: None)
    ended = threading.Event()
    thread = threading.Thread(target=server.serve, args=(ended.is_set,))
    thread.start()
    remote = RemoteModule(tmp_path / "s")
    yield remote
    remote.close()
    ended.set()
    thread.join()
    server.close()


def one(module: SecurityModule, command: ask.Command) -> Reply:
    (reply,) = module.ask([command])
    return reply


def block(module: SecurityModule, pin: str = "4321", name: str = "zpk-a", pin_format: int = 0) -> bytes:
    reply = one(module, ask.EncryptPin(name, pin, PAN, pin_format))
    assert reply.ok, reply
    return reply.value


@pytest.mark.parametrize("name", ["zak", "zak-aes", "zak-hmac", "zak-1"])
def test_a_mac_is_made_and_holds_and_one_bit_more_does_not(module: SecurityModule, name: str) -> None:
    mac = one(module, ask.MakeMac(name, b"0200 and so on")).value
    assert len(mac) == 8
    other = bytes((mac[0] ^ 1,)) + mac[1:]
    replies = module.ask(
        [
            ask.CheckMac((name,), b"0200 and so on", mac),
            ask.CheckMac((name,), b"0200 and so on", mac[:4]),
            ask.CheckMac((name,), b"0200 and so on", other),
            ask.CheckMac((name,), b"0200 and so off", mac),
            ask.CheckMac((name,), b"0200 and so on", mac[:3]),
        ]
    )
    assert [(r.ok, r.code) for r in replies] == [
        (True, ""),
        (True, ""),
        (False, ask.WRONG),
        (False, ask.WRONG),
        (False, ask.BAD_REQUEST),
    ]


def test_of_two_keys_that_are_valid_either_makes_a_good_mac(module: SecurityModule) -> None:
    mac = one(module, ask.MakeMac("zak-1", b"message")).value
    assert one(module, ask.CheckMac(("zak", "zak-1"), b"message", mac)).ok
    assert one(module, ask.CheckMac(("zak-1", "zak-1.previous"), b"message", mac)).ok
    wrong = one(module, ask.CheckMac(("zak", "zak.previous"), b"message", mac))
    assert wrong.code == ask.WRONG
    assert one(module, ask.CheckMac(("zak.previous", "zak-1"), b"message", mac)).code == ask.UNKNOWN_KEY


@pytest.mark.parametrize("formats", [(0, "zpk-b", 0), (0, "zpk-b", 3), (0, "zpk-aes", 4)])
def test_a_pin_goes_from_zone_to_zone(module: SecurityModule, formats: tuple[int, str, int]) -> None:
    before, to_key, after = formats
    made = one(module, ask.TranslatePin("zpk-a", to_key, block(module), PAN, before, after))
    assert made.ok, made
    reference = ask.PinReference("pvv", "")
    pvv = one(module, ask.MakePinReference(to_key, "pvk", made.value, PAN, reference, after)).value.decode()
    right = msgspec.structs.replace(reference, value=pvv)
    replies = module.ask(
        [ask.VerifyPin("zpk-a", "pvk", block(module, pin), PAN, right) for pin in ("4321", "4322", "43215")]
    )
    assert [(r.ok, r.code) for r in replies] == [(True, ""), (False, ask.WRONG), (False, ask.WRONG)]


def test_an_offset_counts_every_digit(module: SecurityModule) -> None:
    like = ask.PinReference("ibm3624", "")
    offset = one(module, ask.MakePinReference("zpk-a", "pvk-ibm", block(module, "987654"), PAN, like)).value.decode()
    right = msgspec.structs.replace(like, value=offset)
    verdicts = [
        one(module, ask.VerifyPin("zpk-a", "pvk-ibm", block(module, pin), PAN, right)).ok
        for pin in ("987654", "987655", "98765")
    ]
    assert verdicts == [True, False, False]
    telling = msgspec.structs.replace(right, table="0" * 16)
    assert one(module, ask.VerifyPin("zpk-a", "pvk-ibm", block(module), PAN, telling)).code == ask.BAD_REQUEST


@pytest.mark.parametrize(
    ("bdk", "ksn", "pin_format"), [("bdk", "FFFF9876543210E00001", 0), ("bdk-aes", "123456789012345600000001", 4)]
)
def test_a_terminals_pin_is_translated_to_a_zone(module: SecurityModule, bdk: str, ksn: str, pin_format: int) -> None:
    serial = bytes.fromhex(ksn)
    typed = one(module, ask.EncryptPin(bdk, "4321", PAN, pin_format, serial)).value
    made = one(module, ask.TranslatePin(bdk, "zpk-a", typed, PAN, pin_format, 0, serial))
    assert made.value == block(module)
    nothing = one(module, ask.TranslatePin(bdk, "zpk-a", typed, PAN, pin_format, 0, b"\xff" * len(serial)))
    assert (nothing.code, "bits set" in nothing.reason) == (ask.BAD_REQUEST, True)


def test_card_values_and_cavvs(module: SecurityModule) -> None:
    value = one(module, ask.MakeCardValue("cvk", PAN, "3112", "000")).value.decode()
    assert len(value) == 3
    cavv = one(module, ask.MakeCavv("cvk", PAN, "9602231034727993", "0", "01")).value
    replies = module.ask(
        [
            ask.CheckCardValue("cvk", PAN, "3112", "000", value),
            ask.CheckCardValue("cvk", PAN, "3113", "000", value),
            ask.CheckCavv("cvk", PAN, cavv),
            ask.CheckCavv("cvk", "9504011234560028", cavv),
        ]
    )
    assert [r.ok for r in replies] == [True, False, True, False]


def test_aavs_take_a_key_of_their_own(module: SecurityModule) -> None:
    aav = one(module, ask.MakeAav("aavk", PAN, "Souk", 0x8C, b"\x00\x00\x00\x2f")).value
    assert (len(aav), aav[0]) == (20, 0x8C)
    replies = module.ask(
        [
            ask.CheckAav("aavk", PAN, aav),
            ask.CheckAav("aavk", "9504011234560028", aav),
            ask.CheckAav("aavk", PAN, b"\x86" + aav[1:]),
            ask.CheckAav("cvk", PAN, aav),
        ]
    )
    assert [(r.ok, r.code) for r in replies] == [
        (True, ""),
        (False, ask.WRONG),
        (False, ask.WRONG),
        (False, ask.NOT_PERMITTED),
    ]
    assert "AAVs take an HMAC key" in replies[-1].reason
    assert one(module, ask.MakeCavv("aavk", PAN, "9602231034727993", "0", "01")).code == ask.BAD_REQUEST


REFUSALS: list[tuple[ask.Command, str, str]] = [
    (ask.MakeMac("zpk-a", b""), ask.NOT_PERMITTED, "key 'zpk-a' is a PIN encryption key (P0): it does not make a MAC"),
    (ask.MakeMac("zak-verify", b""), ask.NOT_PERMITTED, "key 'zak-verify' has mode V: it does not make a MAC"),
    (ask.MakeMac("odd", b""), ask.NOT_PERMITTED, "M6 with algorithm H is no MAC"),
    (ask.MakeMac("zak", b"", 1, 3), ask.BAD_REQUEST, "4 to 8 bytes, not 3"),
    (ask.MakeMac("zak-x", b""), ask.UNKNOWN_KEY, "there is no key 'zak-x'"),
    (ask.EncryptPin("zak", "1234", PAN), ask.NOT_PERMITTED, "it does not encrypt a PIN"),
    (ask.EncryptPin("zpk-in", "1234", PAN), ask.NOT_PERMITTED, "mode D: it does not encrypt a PIN"),
    (ask.EncryptPin("zpk-a", "123", PAN), ask.BAD_BLOCK, "4 to 12 decimal digits"),
    (ask.EncryptPin("zpk-a", "1234", PAN, 4), ask.BAD_BLOCK, "not with a triple DES key"),
    (ask.TranslatePin("zpk-a", "zpk-b", bytes(8), PAN, 0, 1), ask.BAD_BLOCK, "format 0 never becomes 1"),
    (ask.TranslatePin("zpk-a", "zpk-b", bytes(8), PAN, 2, 0), ask.BAD_BLOCK, "only 0, 1, 3 and 4"),
    (ask.TranslatePin("zpk-a", "cvk", bytes(8), PAN), ask.NOT_PERMITTED, "card verification key"),
    (ask.TranslatePin("bdk", "zpk-b", bytes(8), PAN), ask.NOT_PERMITTED, "base derivation key"),
    (
        ask.VerifyPin("zpk-a", "pvk-ibm", bytes(8), PAN, ask.PinReference("pvv", "1")),
        ask.NOT_PERMITTED,
        "verify PINs by pvv",
    ),
    (
        ask.VerifyPin("zpk-a", "pvk", bytes(8), PAN, ask.PinReference("guess", "1")),
        ask.BAD_REQUEST,
        "by pvv or ibm3624",
    ),
    (ask.MakeCardValue("pvk", PAN, "3112", "000"), ask.NOT_PERMITTED, "it does not make card values"),
    (ask.MakeCardValue("cvk", PAN, "3112", "0"), ask.BAD_REQUEST, "service code of three"),
    (ask.CheckCryptogram("cvk", "visa", PAN, "00", {}), ask.NOT_PERMITTED, "it does not check cryptograms"),
    (ask.CheckCryptogram("imk", "visa", PAN, "00", {}), ask.BAD_REQUEST, "tag 9F10 is not there"),
    (ask.CheckCryptogram("imk", "cmi", PAN, "00", {"9F10": bytes(7)}), ask.BAD_REQUEST, "of 'cmi' are not known"),
    (
        ask.TranslatePin("bdk", "zpk-a", bytes(8), PAN, ksn=b"\xff" * 12),
        ask.BAD_REQUEST,
        "a KSN of triple DES has 10 bytes, or the last 8; this one 12",
    ),
]


def test_what_is_refused_and_in_which_words(module: SecurityModule) -> None:
    replies = module.ask([command for command, _, _ in REFUSALS])
    for (command, code, words), reply in zip(REFUSALS, replies, strict=True):
        assert (reply.ok, reply.code) == (False, code), command
        assert words in reply.reason
        assert PAN not in reply.reason


def test_another_card_makes_a_broken_block_and_no_wrong_pin(module: SecurityModule) -> None:
    moved = one(module, ask.TranslatePin("zpk-a", "zpk-b", block(module), "4012345678909999"))
    assert moved.code == ask.BAD_BLOCK


def test_a_cryptogram_is_answered(module: SecurityModule) -> None:
    from switch.security import emv

    tags = {name: bytes(2) for name in emv.DATA_TAGS} | {"9F10": bytes.fromhex("06011203A0B800"), "9F37": bytes(4)}
    found = KEYS.find("imk")
    assert found is not None
    arqc = emv.chip_of("visa", found.key, PAN, "00", "A", tags).arqc(tags)
    right, wrong = module.ask(
        [ask.CheckCryptogram("imk", "visa", PAN, "00", {**tags, "9F26": made}) for made in (arqc, bytes(8))]
    )
    assert (right.ok, len(right.value), wrong.code) == (True, 8, ask.WRONG)


def test_a_module_that_is_away_refuses_everything(tmp_path: Path) -> None:
    away = RemoteModule(tmp_path / "nobody")
    replies = away.ask([ask.MakeMac("zak", b"")] * 2)
    assert [r.code for r in replies] == [ask.UNREACHABLE] * 2
    assert "is `cmi-switch security` running?" in replies[0].reason
    assert away.ask([]) == []


def test_a_module_that_went_and_came_back_is_found_again(tmp_path: Path) -> None:
    remote = RemoteModule(tmp_path / "s")
    for _ in range(2):
        server = ModuleServer(SoftwareModule(KEYS, os.urandom), tmp_path / "s", lambda said: None)
        ended = threading.Event()
        thread = threading.Thread(target=server.serve, args=(ended.is_set,))
        thread.start()
        assert (tmp_path / "s").stat().st_mode & 0o777 == 0o600
        replies = [one(remote, ask.MakeMac("zak", b"x")) for _ in range(2)]
        assert replies[-1].ok
        ended.set()
        thread.join()
        server.close()
    remote.close()


def test_nonsense_on_the_socket_lets_its_sender_go_and_nobody_else(tmp_path: Path) -> None:
    said: list[str] = []
    server = ModuleServer(SoftwareModule(KEYS, os.urandom), tmp_path / "s", said.append)
    ended = threading.Event()
    thread = threading.Thread(target=server.serve, args=(ended.is_set,))
    thread.start()
    good = RemoteModule(tmp_path / "s")
    for nonsense in (b"\0\0\0\3abc", (BATCH_BYTES_MAX + 1).to_bytes(4, "big")):
        with socket.socket(socket.AF_UNIX) as bad:
            bad.connect(str(tmp_path / "s"))
            bad.sendall(nonsense)
            assert bad.recv(1) == b""
    assert one(good, ask.MakeMac("zak", b"x")).ok
    good.close()
    ended.set()
    thread.join()
    server.close()
    assert len(said) == 2


def test_a_batch_that_nobody_foresaw_costs_its_caller_and_nobody_else(tmp_path: Path) -> None:
    class Broken(SoftwareModule):
        def ask(self, commands: Sequence[ask.Command]) -> list[Reply]:
            if len(commands) == 2:
                raise KeyError("4111111111111111")
            return super().ask(commands)

    said: list[str] = []
    server = ModuleServer(Broken(KEYS, os.urandom), tmp_path / "s", said.append)
    ended = threading.Event()
    thread = threading.Thread(target=server.serve, args=(ended.is_set,))
    thread.start()
    remote, good = RemoteModule(tmp_path / "s"), ask.MakeMac("zak", b"x")
    assert [reply.code for reply in remote.ask([good, good])] == [ask.UNREACHABLE] * 2
    assert one(remote, good).ok
    remote.close()
    ended.set()
    thread.join()
    server.close()
    assert said[0].startswith("a caller is let go: KeyError at test_module.py:")
    assert "4111" not in said[0]


def test_a_module_that_hangs_keeps_one_call_waiting_and_no_other_until_it_is_back(tmp_path: Path) -> None:
    """It takes connections and answers nothing, as a process that is stopped; then it goes on."""
    server = ModuleServer(SoftwareModule(KEYS, os.urandom), tmp_path / "s", lambda said: None)
    remote, ended = RemoteModule(tmp_path / "s", timeout_s=0.2), threading.Event()
    thread = threading.Thread(target=server.serve, args=(ended.is_set,))
    took: list[float] = []

    def asks() -> Reply:
        began = time.monotonic()
        reply = one(remote, ask.MakeMac("zak", b"x"))
        took.append(time.monotonic() - began)
        return reply

    assert asks().code == ask.UNREACHABLE
    assert took.pop() >= 0.2
    for _ in range(20):
        reply = asks()
        assert (reply.code, "let a call wait for 0.2 s, and has not come back" in reply.reason) == (
            ask.UNREACHABLE,
            True,
        )
    thread.start()
    while not asks().ok:
        time.sleep(0.005)
    assert max(took) < 0.15, "nobody waits for it, also not to learn that it is back"
    assert asks().ok
    remote.close()
    ended.set()
    thread.join()
    server.close()


def test_a_module_whose_answer_comes_in_drops_is_one_that_hangs(tmp_path: Path) -> None:
    """Each drop in time, the whole of it not: all links of the switch would wait for the last one."""

    def drip() -> None:
        caller, _ = listening.accept()
        with caller, suppress(OSError):
            caller.recv(1_000)
            for byte in b"\0\0\0\x20" + bytes(32):
                caller.sendall(bytes([byte]))
                time.sleep(0.05)

    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        remote, thread = RemoteModule(tmp_path / "s", timeout_s=0.1), threading.Thread(target=drip)
        thread.start()
        began = time.monotonic()
        reply = one(remote, ask.MakeMac("zak", b"x"))
        assert time.monotonic() - began < 0.8
        assert "no whole answer within 0.1 s" in reply.reason
        assert "has not come back" in one(remote, ask.MakeMac("zak", b"x")).reason
        remote.close()
        thread.join()


@pytest.mark.parametrize("answer", [b"", b"\0\0\0\1\xc0"])
def test_a_module_that_hangs_and_then_goes_or_talks_nonsense_is_asked_anew(tmp_path: Path, answer: bytes) -> None:
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        remote = RemoteModule(tmp_path / "s", timeout_s=0.05)
        assert one(remote, ask.MakeMac("zak", b"x")).code == ask.UNREACHABLE
        listening.accept()[0].close()
        assert one(remote, ask.MakeMac("zak", b"x")).code == ask.UNREACHABLE
        probed, _ = listening.accept()
        with probed:
            assert probed.recv(100) == b"\0\0\0\1\x90", "an empty batch"
            probed.sendall(answer)
        assert one(remote, ask.MakeMac("zak", b"x")).code == ask.UNREACHABLE
        assert one(remote, ask.MakeMac("zak", b"x")).code == ask.UNREACHABLE
        with listening.accept()[0] as again:
            assert again.recv(100) == b"\0\0\0\1\x90"
        remote.close()
