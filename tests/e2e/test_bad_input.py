"""What no peer should send, and how little it costs: a good payment still goes through after each, and the log names the byte."""

import itertools
import os
import random
import resource
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from switch.core.network import Address
from switch.simulators.messages import PURCHASE
from switch.wire import Dialect
from switch.wire.describe import start_of
from switch.wire.vocabulary import DE
from tests.e2e.pos import Till
from tests.e2e.stage import Stage, wait_for

CONNECTIONS = 10_000
FRAME_MS, SIGN_ON_MS = 1_000, 1_200
SEND_BUFFER_BYTES = 65_536


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """A switch that is impatient, with one issuer."""
    stage = Stage(
        tmp_path_factory.mktemp("strict"),
        {
            r"\[limits\]\n": f"[limits]\nframe_ms = {FRAME_MS}\nsign_on_ms = {SIGN_ON_MS}\n"
            f"send_buffer_bytes = {SEND_BUFFER_BYTES}\nformat_errors_per_link = 5\nnetwork_messages_per_10s = 20\n",
        },
    )
    try:
        stage.start("issuer", "atlas", "--network", str(stage.path))
        stage.serve()
        yield stage
    finally:
        stage.close()


@pytest.fixture(scope="module")
def healthy(strict: Stage) -> Iterator[Till]:
    """A link that does nothing wrong, open all the time."""
    with closing(Till(strict, "rif")) as till:
        yield till


@pytest.fixture(autouse=True)
def a_good_payment_goes_through_afterwards(healthy: Till) -> Iterator[None]:
    yield
    assert healthy.pays(PURCHASE, "atlas-approved", 1_00)[1][DE.RESPONSE_CODE] == "00"


def address(stage: Stage, listener: str = "acquirers") -> Address:
    return next(x.address for x in stage.network.listeners if x.name == listener)


def connect(stage: Stage, listener: str = "acquirers") -> socket.socket:
    """From a port that no connection before had: the log knows each by that."""
    at = address(stage, listener)
    while True:
        sock = socket.create_connection((at.host, at.port), timeout=10)
        if not stage.events("link.closed", peer=local(sock)):
            return sock
        sock.close()


def local(sock: socket.socket) -> str:
    host, port = sock.getsockname()
    return f"{host}:{port}"


def hung_up(sock: socket.socket) -> bool:
    """Wait until the switch closes the connection; what it says before is read and thrown away."""
    try:
        while sock.recv(65_536):
            pass
    except ConnectionResetError:
        pass
    return True


def peer_link(stage: Stage, sock: socket.socket) -> str:
    """The link the switch knows this (closed) connection by."""
    return str(stage.event("link.closed", peer=local(sock))["link"])


# -- bytes that are no frames


@pytest.mark.parametrize("listener", ["acquirers", "pos"])
def test_a_web_browser_is_told_from_a_host_and_hung_up_on(strict: Stage, listener: str) -> None:
    with closing(connect(strict, listener)) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert hung_up(sock)
        bad = strict.event("frame.bad", link=peer_link(strict, sock))
    assert (bad["offset"], bad["found"]) == (0, "47 45 54 20")
    assert "is the peer speaking HTTP?" in bad["reason"]


def test_a_length_beyond_the_limit_ends_the_link_and_names_the_byte(strict: Stage) -> None:
    with closing(Till(strict, "rif", number=1)) as till:
        before = len(till.client.frame({"t": "0800", "7": "1125120000", "11": "000001", "32": "504102", "70": "001"}))
        till.client.sock.sendall(struct.pack(">H", 8_193) + b"0200")
        assert hung_up(till.client.sock)
        bad = strict.event("frame.bad", link=peer_link(strict, till.client.sock))
    assert (bad["offset"], bad["found"]) == (before, "20 01 30 32")
    assert bad["expected"] == "a length2 length from 1 to 8192"


def test_a_tpdu_that_is_none_ends_the_link(strict: Stage) -> None:
    with closing(connect(strict, "pos")) as sock:
        sock.sendall(struct.pack(">H", 20) + b"\x02\x00" + bytes(18))
        assert hung_up(sock)
        bad = strict.event("frame.bad", link=peer_link(strict, sock))
    assert (bad["offset"], bad["expected"]) == (2, "a TPDU id from 60 to 6f")


def test_empty_frames_are_keepalives(strict: Stage) -> None:
    with closing(Till(strict, "rif", number=2)) as till:
        till.client.sock.sendall(bytes(2) * 50)
        assert till.pays(PURCHASE, "atlas-approved")[1][DE.RESPONSE_CODE] == "00"


@pytest.mark.parametrize("seed", range(6))
def test_noise_ends_its_link_and_only_that(strict: Stage, seed: int) -> None:
    rng = random.Random(seed)
    with closing(connect(strict, rng.choice(["acquirers", "pos"]))) as sock:
        try:
            for _ in range(40):
                sock.sendall(rng.randbytes(rng.randrange(1, 2_000)))
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert hung_up(sock)
        link = peer_link(strict, sock)
    lines = [line for line in strict.log() if line.get("link") == link]
    assert any(line["event"] in ("frame.bad", "message.unreadable") and "offset" in line for line in lines)


# -- frames that are no messages


def test_a_first_message_in_no_dialect_ends_the_link_with_the_field_and_byte(strict: Stage) -> None:
    with closing(connect(strict)) as sock:
        sock.sendall(struct.pack(">H", 12) + b"hello, world")
        assert hung_up(sock)
        bad = strict.event("message.unreadable", link=peer_link(strict, sock))
    assert (bad["field"], bad["offset"], bad["dialect"]) == ("t", 0, "cmi87")


def lying(till: Till) -> bytes:
    """A payment whose bitmap has DE55 too, where the message has already ended."""
    frame = till.client.frame(till.request(PURCHASE, "atlas-approved"))
    message = bytearray(frame[2:])
    bits = int(message[4:20], 16) | 1 << (64 - 55)
    message[4:20] = f"{bits:016X}".encode()
    return struct.pack(">H", len(message)) + message


def test_a_bitmap_that_lies_is_answered_30_and_costs_the_link_nothing(strict: Stage) -> None:
    with closing(Till(strict, "rif", number=3)) as till:
        till.client.sock.sendall(lying(till))
        assert till.client.gets()[DE.RESPONSE_CODE] == "30"
        assert till.pays(PURCHASE, "atlas-approved")[1][DE.RESPONSE_CODE] == "00"
        bad = strict.events("message.unreadable", field="55")[-1]
    assert bad["link"].startswith("acquirers#")
    assert bad["offset"] > 100


@pytest.mark.parametrize(("de", "bad"), [(DE.ENTRY_MODE, "0x1"), (DE.CURRENCY, "MAD"), (DE.MERCHANT_TYPE, "54 1")])
def test_letters_where_digits_belong_are_answered_30_and_the_log_names_the_byte(
    strict: Stage, de: str, bad: str
) -> None:
    with closing(Till(strict, "rif", number=4)) as till:
        request = till.request(PURCHASE, "atlas-approved")
        frame = till.client.frame(request)
        cmi87 = Dialect.load("cmi87")
        at = 2 + start_of(cmi87, cmi87.decode(frame[2:]), de)
        till.client.sock.sendall(frame[:at] + bad.encode() + frame[at + len(bad) :])
        assert till.client.gets()[DE.RESPONSE_CODE] == "30"
        event = strict.event("message.unreadable", field=de, de11=request[DE.STAN])
        assert 0 <= event["offset"] - (at - 2) < len(bad)
        assert till.pays(PURCHASE, "atlas-approved")[1][DE.RESPONSE_CODE] == "00"


def test_an_mti_the_switch_does_not_speak_and_a_missing_element_are_answered_30(strict: Stage) -> None:
    with closing(Till(strict, "rif", number=5)) as till:
        request = till.request(PURCHASE, "atlas-approved")
        assert till.client.asks({**request, "t": "0600"})[DE.RESPONSE_CODE] == "30"
        assert "0600" in strict.event("message.refused", de11=request[DE.STAN])["reason"]
        request, answer = till.pays(PURCHASE, "atlas-approved", de4="")
        assert answer[DE.RESPONSE_CODE] == "30"
        assert strict.hops(request[DE.RRN], 2)[-1]["note"] == "required and missing: DE4"


def test_a_link_that_sends_nothing_but_bad_messages_is_closed_at_its_limit(strict: Stage) -> None:
    with closing(Till(strict, "rif", number=6)) as till:
        for _ in range(5):
            till.client.sock.sendall(lying(till))
        assert hung_up(till.client.sock)
        link = peer_link(strict, till.client.sock)
    assert strict.event("limit.reached", limit="format_errors_per_link", link=link)["value"] == 5


def test_two_hosts_that_echo_at_each_other_are_noticed(strict: Stage) -> None:
    with closing(Till(strict, "rif", number=7)) as till:
        echo = {"t": "0800", "7": "1125120000", "32": "504102", "70": "301"}
        for n in range(30):
            till.client.sends({**echo, "11": f"{n:06d}"})
        assert till.pays(PURCHASE, "atlas-approved")[1][DE.RESPONSE_CODE] == "00", "payments are not held back"
        strict.event("limit.reached", limit="network_messages_per_10s", value=20)


# -- slow and silent peers


def test_a_frame_begun_and_hung_up_on_leaves_nothing_behind(strict: Stage) -> None:
    with closing(Till(strict, "rif", number=8)) as till:
        till.client.sock.sendall(till.client.frame(till.request(PURCHASE, "atlas-approved"))[:-1])
        till.client.sock.shutdown(socket.SHUT_WR)
        assert hung_up(till.client.sock)
        assert peer_link(strict, till.client.sock)


def test_a_peer_that_sends_byte_by_byte_is_closed_once_its_frame_is_overdue(strict: Stage) -> None:
    with closing(Till(strict, "rif", number=9)) as till:
        sock = till.client.sock
        sock.settimeout(0.1)
        for byte in till.client.frame(till.request(PURCHASE, "atlas-approved")):
            try:
                sock.sendall(bytes([byte]))
                if not sock.recv(100):
                    break
            except TimeoutError:
                continue
            except (BrokenPipeError, ConnectionResetError):
                break
        link = peer_link(strict, sock)
    reached = strict.event("limit.reached", limit="frame_ms", link=link)
    assert reached["value"] == FRAME_MS
    assert "raise frame_ms" in reached["hint"]


def test_bytes_one_at_a_time_are_a_payment_all_the_same_when_they_come_in_time(strict: Stage) -> None:
    with closing(Till(strict, "rif", number=10)) as till:
        request = till.request(PURCHASE, "atlas-approved")
        for byte in till.client.frame(request):
            till.client.sock.sendall(bytes([byte]))
        assert till.client.gets()[DE.RESPONSE_CODE] == "00"


def test_a_connection_that_never_signs_on_is_closed(strict: Stage) -> None:
    with closing(connect(strict)) as sock:
        assert hung_up(sock)
        link = peer_link(strict, sock)
    assert strict.event("limit.reached", limit="sign_on_ms", link=link)["value"] == SIGN_ON_MS


def test_a_peer_that_floods_and_never_reads_loses_its_link_and_slows_nobody(strict: Stage, healthy: Till) -> None:
    with closing(Till(strict, "rif", number=11)) as till:
        sock = till.client.sock
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        sock.settimeout(5)
        request = till.request(PURCHASE, "atlas-approved", de2="3600000000000008", de35="")
        head, tail = till.client.frame({**request, DE.STAN: "999999"}).split(b"999999", 1)
        waits = []
        try:
            for first in itertools.count(0, 500):
                assert first < 400_000, "the switch takes in without end what it cannot answer"
                sock.sendall(b"".join(b"%b%06d%b" % (head, first + n, tail) for n in range(500)))
                if first % 5_000 == 0:
                    began = time.monotonic()
                    assert healthy.pays(PURCHASE, "atlas-approved", 1_00)[1][DE.RESPONSE_CODE] == "00"
                    waits.append(time.monotonic() - began)
        except (BrokenPipeError, ConnectionResetError):
            pass
        peer = local(sock)
    reached = strict.event("limit.reached", limit="send_buffer_bytes", peer=peer)
    assert reached["value"] == SEND_BUFFER_BYTES
    assert reached["waiting_bytes"] < 64 * SEND_BUFFER_BYTES
    assert sorted(waits)[len(waits) // 2] < 2.0, "half of the others' payments took longer than two seconds"


# -- very many


def place_for_files(pid: int) -> int:
    """As many files as a process has ever had open have room in so much, which is a power of two; anybody may read it."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("FDSize:")[2].split()[0])


def memory_kib(pid: int) -> int:
    """Resident memory of a process."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise AssertionError("no VmRSS")


@pytest.fixture
def many_files() -> Iterator[None]:
    """This process may hold ten thousand sockets."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < CONNECTIONS + 500:
        pytest.skip(f"the hard limit of open files is {hard}: {CONNECTIONS} connections need {CONNECTIONS + 500}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, CONNECTIONS + 500), hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Stage]:
    """A switch that lets one address hold as many unsigned connections as there may be at all."""
    stage = Stage(
        tmp_path, {r"\[limits\]\n": "[limits]\nunsigned_per_address = 12_000\nunsigned_per_listener = 12_000\n"}
    )
    try:
        stage.issuers()
        stage.serve()
        yield stage
    finally:
        stage.close()


@pytest.mark.alone
def test_ten_thousand_open_connections_leave_room_for_payments(roomy: Stage, many_files: None) -> None:
    running = roomy
    switch = next(child for child in running.children if child.name == "serve")
    before_kib = memory_kib(switch.pid)
    at = address(running)
    with closing(Till(running, "rif", number=12)) as till, ExitStack() as stack:
        for _ in range(CONNECTIONS):
            sock = stack.enter_context(socket.socket())
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.settimeout(10)
            sock.connect((at.host, at.port))
        assert till.pays(PURCHASE, "atlas-approved")[1][DE.RESPONSE_CODE] == "00"
        wait_for(lambda: place_for_files(switch.pid) > CONNECTIONS)
        assert till.pays(PURCHASE, "atlas-approved")[1][DE.RESPONSE_CODE] == "00"
        grown_kib = memory_kib(switch.pid) - before_kib
        assert grown_kib < CONNECTIONS * 16, f"{grown_kib / CONNECTIONS:.1f} KiB a connection"
    files = Path(f"/proc/{switch.pid}/fd")
    if os.access(files, os.R_OK):  # of a process that keeps its memory private, root alone sees them
        wait_for(lambda: sum(1 for _ in files.iterdir()) < 200)
    with closing(Till(running, "rif", number=13)) as till:
        assert till.pays(PURCHASE, "atlas-approved")[1][DE.RESPONSE_CODE] == "00"


def test_one_connection_too_many_takes_the_place_of_the_oldest_unsigned_one_and_the_log_says_which_limit(
    tmp_path: Path,
) -> None:
    stage = Stage(tmp_path, {r"connections = 12_000": "connections = 20"})
    try:
        stage.serve()
        with ExitStack() as stack:
            socks = [stack.enter_context(closing(connect(stage))) for _ in range(25)]
            reached = stage.event("limit.reached", limit="connections")
            assert (reached["value"], reached["peer"]) == (20, "127.0.0.1")
            assert hung_up(socks[0])
    finally:
        stage.close()


def test_one_address_that_only_connects_displaces_itself_and_nobody_else(tmp_path: Path) -> None:
    stage = Stage(tmp_path, {r"\[limits\]\n": "[limits]\nunsigned_per_address = 5\n"})
    try:
        stage.issuers()
        stage.serve()
        with closing(Till(stage, "rif")) as till, ExitStack() as stack:
            idle = [stack.enter_context(closing(connect(stage))) for _ in range(7)]
            assert stage.event("limit.reached", limit="unsigned_per_address")["value"] == 5
            assert hung_up(idle[0])
            assert hung_up(idle[1])
            assert till.pays(PURCHASE, "atlas-approved")[1][DE.RESPONSE_CODE] == "00"
    finally:
        stage.close()


def test_when_no_descriptor_is_left_newcomers_are_turned_away_and_the_others_served(tmp_path: Path) -> None:
    stage = Stage(tmp_path)
    try:
        stage.start("issuer", "atlas", "--network", str(stage.path))
        switch = stage.serve()
        with closing(Till(stage, "rif")) as till, ExitStack() as stack:
            room = place_for_files(switch.pid)
            resource.prlimit(switch.pid, resource.RLIMIT_NOFILE, (room, room))
            socks = [stack.enter_context(closing(connect(stage))) for _ in range(room)]
            assert hung_up(socks[-1])
            assert "ulimit -Hn" in stage.event("limit.reached", limit="open files")["hint"]
            assert till.pays(PURCHASE, "atlas-approved")[1][DE.RESPONSE_CODE] == "00"
    finally:
        stage.close()
