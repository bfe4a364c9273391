"""Libraries of others that nobody of ours has written to pay over the switch, as an acquirer's host, a till and a network.

py8583 1.3, iso8583sim 1.6.0 (with its own client), iso-8583-toolbox 0.1.0, starkbank-iso8583 0.7.1 (PyPI), iso_8583 2.6.7 (npm):
each packs what is sent and reads what is answered; here is only what they leave to their caller.
"""

import asyncio
import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path
from threading import Thread
from typing import Any, Final

import pytest

from switch.config import load_network
from switch.config.load import SHIPPED
from switch.loopback import free_ports
from tests.core.scripts import purchase, reversal
from tests.e2e.stage import Client, Stage, wait_for
from tests.tills import CLASSIC_PORT

NPM: Final = "iso_8583@2.6.7"
PYPI: Final = ("py8583==1.3", "iso8583sim==1.6.0", "iso-8583-toolbox==0.1.0", "starkbank-iso8583==0.7.1")
pytestmark = pytest.mark.outside("pip3")
RICH, POOR = "9504010000090010", "9504010000090028"
TPDU: Final = bytes.fromhex("6000030001")
Elements = dict[int, str]


def changed(name: str, **more: dict[str, Any]) -> dict[str, Any]:
    """The file of cmi87b under another name, with elements changed."""
    spec: dict[str, Any] = json.loads((SHIPPED.parent / "dialects" / "cmi87b.json").read_text())
    spec["dialect"]["name"] = name
    for key, change in more.items():
        spec[key.removeprefix("de")] |= change
    return spec


def binary_lengths() -> dict[str, Any]:
    """As iso-8583-toolbox writes: numbers in BCD, text in ASCII, lengths in binary, no header."""
    spec = changed("toolbox", h={"max_len": 0})
    for element in (value for key, value in spec.items() if not key.startswith("$")):
        if element.get("len_type"):
            element["len_enc"] = "b"
    return spec


@pytest.fixture(scope="module", autouse=True)
def libraries(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What comes from PyPI, in a directory of its own: one of them brings a package that is called `tests`."""
    directory = str(tmp_path_factory.mktemp("pypi"))
    command = [
        "pip3",
        "--disable-pip-version-check",
        "install",
        "-qq",
        "--no-input",
        "--no-deps",
        "--target",
        directory,
    ]
    subprocess.run([*command, *PYPI], check=True, timeout=180)
    sys.path.append(directory)
    yield
    sys.path.remove(directory)


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    """Listeners that say no fees in DE46, which none of these libraries knows, and tills. DE39 is a number to iso8583sim."""
    stage = Stage(tmp_path_factory.mktemp("foreign"), {r"backoff_max_ms = .*\n": "backoff_max_ms = 500\n"})
    text, raw, toolbox, tills, numbers = free_ports(5)
    files = {
        "toolbox": binary_lengths(),
        "numbers": changed("numbers", de39={"content": "n", "data_enc": "b", "len_count": "nibbles"}),
    }
    for name, spec in files.items():
        (stage.directory / f"{name}.json").write_text(json.dumps(spec))
    rows = "".join(
        f'\n[[listener]]\nname = "{name}"\nrole = "acquirer"\naddress = "127.0.0.1:{port}"\n'
        f'dialect = "{dialect}"\nframing = "length2"\n'
        for name, port, dialect in (
            ("text", text, "cmi87"),
            ("raw", raw, "ascii87"),
            ("toolbox", toolbox, stage.directory / "toolbox.json"),
        )
    )
    rows += CLASSIC_PORT.format(tills)
    of_numbers = CLASSIC_PORT.format(numbers).replace('"tills"', '"numbers"')
    rows += of_numbers.replace('"cmi87b"', f'"{stage.directory / "numbers.json"}"')
    stage.path.write_text(stage.path.read_text() + rows)
    stage.network = load_network(str(stage.path))
    try:
        stage.issuers("atlas")
        stage.serve()
        stage.event("link.up", link="atlas#1")
        yield stage
    finally:
        stage.close()


def elements(document: dict[str, str]) -> Elements:
    return {int(de): value for de, value in document.items() if de.isdigit()}


def day(stage: Stage) -> list[tuple[str, Elements, str]]:
    """A host's messages, and what each is answered: sign-on, a sale, one that is declined, the first taken back."""
    stans = [f"{next(stage.stans):06d}" for _ in range(4)]
    rrns = [f"5329{stan:>08s}" for stan in stans]
    bare = {"de52": "", "de35": "", "de14": "3112", "de43": ""}
    sale = purchase(stans[1], de2=RICH, de37=rrns[1], **bare)
    poor = purchase(stans[2], de2=POOR, de37=rrns[2], **bare)
    back = reversal(sale, stans[3])
    sign_on = {7: "1125120000", 11: stans[0], 32: "504102", 70: "001"}
    return [
        ("0800", sign_on, "00"),
        ("0200", elements(sale), "00"),
        ("0200", elements(poor), "51"),
        ("0400", elements(back), "00"),
    ]


def till_sale(stan: str, card: str = RICH) -> Elements:
    """As a terminal sends it: it knows neither DE7 nor DE32 nor DE37."""
    given = {2: card, 3: "000000", 4: "000000015000", 11: stan, 14: "3112", 22: "011", 24: "003", 25: "00"}
    return given | {41: "TILL0001", 42: "MERCHANT0000001"}


class Line:
    """A socket, and two bytes of length before each message: what these libraries leave to their callers."""

    def __init__(self, stage: Stage, listener: str, before: bytes = b"") -> None:
        at = stage.address(listener)
        self.sock = socket.create_connection((at.host, at.port), timeout=10)
        self.before = before

    def asks(self, message: bytes) -> bytes:
        data = self.before + message
        self.sock.sendall(len(data).to_bytes(2, "big") + data)
        return read_frame(self.sock, 2)[len(self.before) :]

    def close(self) -> None:
        self.sock.close()


def read_frame(sock: socket.socket, size: int) -> bytes:
    """b"" at the end. `size`: bytes before the message, of which the first two are its length."""
    head = sock.recv(size, socket.MSG_WAITALL)
    return sock.recv(int.from_bytes(head[:2], "big"), socket.MSG_WAITALL) if head else b""


def written_by_py8583(
    spec: str,
) -> tuple[Callable[[str, Elements], bytes], Callable[[bytes], tuple[str, dict[int, Any]]]]:
    """Pack, and read; it has numbers as int."""
    library, specs = import_module("py8583.py8583"), import_module("py8583.py8583spec")

    def pack(mti: str, given: Elements) -> bytes:
        message = library.Iso8583(IsoSpec=getattr(specs, spec)())
        message.MTI(mti)
        for number, value in given.items():
            message.FieldData(number, int(value) if message.ContentType(number) == "n" else value)
            message.Field(number, 1)
        return bytes(message.BuildIso())

    def read(data: bytes) -> tuple[str, dict[int, Any]]:
        message = library.Iso8583(data, getattr(specs, spec)())
        return message.MTI(), {n: message.FieldData(n) for n, bit in message.Bitmap().items() if bit and n > 1}

    return pack, read


def test_a_host_of_py8583_pays_is_declined_and_takes_back(stage: Stage) -> None:
    pack, read = written_by_py8583("IsoSpec1987ASCII")
    with closing(Line(stage, "text")) as line:
        for mti, given, says in day(stage):
            answered, answer = read(line.asks(pack(mti, given)))
            assert (answered, answer[39], answer[11]) == (f"{mti[:2]}10", says, int(given[11])), answer


def test_a_till_of_py8583_in_bcd_pays_and_is_declined(stage: Stage) -> None:
    pack, read = written_by_py8583("IsoSpec1987BCD")
    for card, says in ((RICH, "00"), (POOR, "51")):
        stan = f"{next(stage.stans):06d}"
        with closing(Line(stage, "tills", TPDU)) as line:
            answered, answer = read(line.asks(pack("0200", till_sale(stan, card))))
        assert (answered, answer[39], answer[11], answer[41]) == ("0210", says, int(stan), "TILL0001")


@pytest.mark.parametrize(("listener", "form"), [("text", "ascii_hex"), ("raw", "ascii_binary")])
def test_iso8583sims_own_client_pays_is_declined_and_takes_back(stage: Stage, listener: str, form: str) -> None:
    at = stage.address(listener)
    theirs = import_module("iso8583sim.net").ISO8583Client
    message = import_module("iso8583sim.core.types").ISO8583Message
    format_ = getattr(import_module("iso8583sim.wire").WireFormat, form)()

    async def play() -> None:
        async with theirs(at.host, at.port, wire_format=format_) as client:
            for mti, given, says in day(stage):
                answer = await client.send(message(mti=mti, fields=dict(given)))
                assert (answer.mti, answer.fields[39]) == (f"{mti[:2]}10", says), answer

    asyncio.run(play())


def test_iso8583sims_own_client_is_a_till_behind_a_tpdu(stage: Stage) -> None:
    at = stage.address("numbers")
    net, types = import_module("iso8583sim.net"), import_module("iso8583sim.core.types")
    format_ = import_module("iso8583sim.wire").WireFormat.bcd()

    async def play() -> None:
        for card, says in ((RICH, "00"), (POOR, "51")):
            framing = net.Framing(tpdu=TPDU)
            async with net.ISO8583Client(at.host, at.port, wire_format=format_, framing=framing) as client:
                fields = till_sale(f"{next(stage.stans):06d}", card)
                answer = await client.send(types.ISO8583Message(mti="0200", fields=fields))
                assert (answer.mti, answer.fields[39]) == ("0210", says), answer

    asyncio.run(play())


def test_a_host_of_iso_8583_toolbox_pays_is_declined_and_takes_back(stage: Stage) -> None:
    library, kinds = import_module("iso_8583"), import_module("iso_8583.fixed_formats").FieldFormat
    lengths = import_module("iso_8583.extendable_formats").LengthType
    numbers = {3: 6, 4: 12, 7: 10, 11: 6, 12: 6, 13: 4, 14: 4, 15: 4, 18: 4, 19: 3, 22: 3, 25: 2, 70: 3, 90: 42}
    texts = {37: 12, 38: 6, 39: 2, 41: 8, 42: 15, 49: 3}
    spec = {n: library.FieldSpec(lengths.FIXED, kinds.N, size) for n, size in numbers.items()}
    spec |= {n: library.FieldSpec(lengths.FIXED, kinds.ANSP, size) for n, size in texts.items()}
    spec |= {n: library.FieldSpec(lengths.LLVAR, kinds.N, size) for n, size in ((2, 19), (32, 11))}
    spec |= {n: library.FieldSpec(lengths.LLLVAR, kinds.ANSP, 120) for n in (54,)}
    with closing(Line(stage, "toolbox")) as line:
        for mti, given, says in day(stage):
            message = library.Message(spec, int(mti, 16))
            for number, value in given.items():
                message[number] = value
            answer = library.Message.unpack(spec, line.asks(message.pack()))
            assert (answer[39], answer[11], answer._mti) == (says, given[11], int(f"{mti[:2]}10", 16))


@pytest.mark.outside("node")
@pytest.mark.outside("npm")
def test_a_host_of_iso_8583_of_npm_pays_is_declined_and_takes_back(stage: Stage, tmp_path: Path) -> None:
    shutil.copy(Path(__file__).parent / "clients" / "iso_8583.js", tmp_path)
    (tmp_path / "package.json").write_text('{"private": true}')
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", NPM], cwd=tmp_path, check=True, timeout=180)
    asked = day(stage)
    messages = json.dumps([{"0": mti, **given} for mti, given, _ in asked])
    command = ["node", "iso_8583.js", str(stage.address("raw").port)]
    done = subprocess.run(
        command, cwd=tmp_path, input=messages, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    for (mti, given, says), answer in zip(asked, json.loads(done.stdout), strict=True):
        assert (answer["0"], answer["39"], answer["11"]) == (f"{mti[:2]}10", says, given[11]), answer


class Network(Thread):
    """A network whose host speaks by starkbank-iso8583: it signs on as asked, and approves up to 500.00."""

    def __init__(self, stage: Stage, name: str, framing: int, encoding: str | None) -> None:
        super().__init__(daemon=True)
        self.library = import_module("starkbank.iso8583")
        self.template = getattr(self.library, name)
        self.framing, self.encoding = framing, encoding
        self.heard: list[dict[str, Any]] = []
        at = next(host.connect for host in stage.network.hosts if host.name == name)
        assert at is not None
        self.port = socket.create_server((at.host, at.port))

    def run(self) -> None:
        with self.port, closing(self.port.accept()[0]) as line:
            while data := read_frame(line, self.framing):
                asked = self.library.parse(data, template=self.template, encoding=self.encoding)
                self.heard.append(asked)
                answer = self.library.unparse(self.answer(asked), template=self.template, encoding=self.encoding)
                line.sendall(len(answer).to_bytes(2, "big") + bytes(self.framing - 2) + answer)

    def answer(self, asked: dict[str, Any]) -> dict[str, Any]:
        mti = asked["MTI"]
        kept = "Header DE002 DE003 DE004 DE007 DE011 DE012 DE013 DE032 DE037 DE041 DE042 DE049 DE063 DE070 DE090"
        answer = {key: asked[key] for key in kept.split() if key in asked}
        dear = mti in ("0100", "0200") and int(asked["DE004"]) > 500_00
        says = "51" if dear else "00"
        if mti in ("0100", "0200") and not dear:
            answer |= {"DE038": "STARK1"}
        return answer | {"MTI": f"{mti[:2]}{int(mti[2]) + 1}0", "DE039": says}


@pytest.mark.parametrize(
    ("name", "framing", "encoding", "card"),
    [("visa", 4, None, "4548810000000003"), ("mastercard", 2, "cp500", "5489000000000009")],
)
def test_a_network_of_starkbanks_approves_declines_and_is_told_of_a_reversal(
    stage: Stage, name: str, framing: int, encoding: str | None, card: str
) -> None:
    network = Network(stage, name, framing, encoding)
    network.start()
    stage.event("link.up", link=f"{name}#1")
    with closing(Client(stage)) as host:
        paid = purchase(f"{next(stage.stans):06d}", de2=card, de52="", de37=f"5329{next(stage.stans):08d}")
        answer = host.asks(paid)
        assert (answer["39"], answer["38"]) == ("00", "STARK1"), answer
        dear = purchase(
            f"{next(stage.stans):06d}", de2=card, de52="", de4="000000060000", de37=f"5329{next(stage.stans):08d}"
        )
        assert host.asks(dear)["39"] == "51"
        assert host.asks(reversal(paid, f"{next(stage.stans):06d}"))["39"] == "00"
    told = wait_for(lambda: [m for m in network.heard if m["MTI"].startswith("04")])
    assert (told[0]["DE002"], told[0]["DE004"], told[0]["DE037"]) == (card, paid["4"], paid["37"])
    stage.event("hop.received", link=f"{name}#1", mti=f"04{int(told[0]['MTI'][2]) + 1}0")
