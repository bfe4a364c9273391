"""Playbooks: what is made with one link's keys never travels to another: MACs not at all, PIN data where the link says so."""

from collections.abc import Sequence
from pathlib import Path
from threading import Event, Thread
from zlib import crc32

import msgspec
import pytest

from switch.core.network import LinkKeys, Network
from switch.core.records.records import Declined, Forwarded
from switch.security.commands import Command, EncryptPin, Reply
from switch.security.host_server import HostServer
from switch.security.key_blocks import Header, KeyBlock
from switch.security.keyring import KeyRing
from switch.security.lmk import make_lmk
from switch.security.module import ClearKeys, SecurityModule, SoftwareModule
from switch.security.payshield import HostKey, HostModule
from switch.security.simulated import SimulatedModule, counted
from switch.sim.playbook import Playbook
from switch.wire import Dialect
from switch.wire.framing import make_framing
from switch.wire.pans import luhn_digit
from tests.core.scripts import Scene, morocco, purchase, reversal

MACS = {"de64": "1122334455667788", "de128": "8877665544332211"}


def without_pins() -> Network:
    """Morocco, where no host's link carries PIN data."""
    network = morocco()
    hosts = tuple(msgspec.structs.replace(host, pass_pin=False) for host in network.hosts)
    return msgspec.structs.replace(network, hosts=hosts)


def test_a_mac_stays_on_its_link_either_way() -> None:
    scene = Scene()
    scene.rif.sends(purchase(**MACS))
    request = scene.atlas.gets()
    assert not {"64", "128"} & request.keys()
    scene.atlas.answers(request, "00", **MACS)
    answer = scene.rif.gets()
    assert answer["39"] == "00"
    assert not {"64", "128"} & answer.keys()


def test_neither_a_reversal_nor_an_advice_carries_a_mac_or_pin_data_on() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(sent)
    scene.atlas.answers(scene.atlas.gets(), "00")
    scene.rif.gets()
    scene.rif.sends(reversal(sent, **MACS, de53="1234567890123456"))
    scene.rif.sends(purchase(stan="000777", t="0220", **MACS, de53="1234567890123456"))
    for told in (scene.atlas.gets(), scene.atlas.gets()):
        assert not {"52", "53", "64", "128"} & told.keys()


def test_a_pin_goes_where_the_link_says_that_it_carries_pins() -> None:
    scene = Scene()
    scene.rif.sends(purchase(de53="1234567890123456"))
    request = scene.atlas.gets()
    assert (request["52"], request["53"]) == ("0123456789ABCDEF", "1234567890123456")


def test_an_answer_brings_no_pin_data_back() -> None:
    scene = Scene()
    scene.rif.sends(purchase())
    scene.atlas.answers(scene.atlas.gets(), "00", de52="FEDCBA9876543210", de53="1234567890123456")
    assert not {"52", "53"} & scene.rif.gets().keys()


def test_a_request_is_never_sent_without_its_pin() -> None:
    scene = Scene(Playbook(without_pins()))
    scene.rif.sends(purchase())
    assert scene.rif.gets()["39"] == "96"
    assert scene.atlas.got_nothing()
    assert not scene.book.recorded(Forwarded)
    (declined,) = scene.book.recorded(Declined)
    assert isinstance(declined, Declined)
    assert declined.reason == "it has a PIN (DE52), and the link of host atlas carries none"
    (event,) = scene.book.logged("pin.not_carried")
    assert (event.fields["host"], event.fields["link"]) == ("atlas", scene.rif.link)


@pytest.mark.parametrize("de53", ["", "1234567890123456"])
def test_one_without_a_pin_goes_on_without_what_would_say_how_it_was_made(de53: str) -> None:
    scene = Scene(Playbook(without_pins()))
    scene.rif.sends(purchase(de52="", de53=de53))
    assert "53" not in scene.atlas.gets()


def test_a_request_sent_again_on_another_connection_carries_no_more() -> None:
    scene = Scene()
    second = scene.book.host("atlas")
    scene.rif.sends(purchase(**MACS))
    first, other = (scene.atlas, second) if not scene.atlas.got_nothing() else (second, scene.atlas)
    assert "64" not in first.gets()
    first.hangs_up()
    again = other.gets()
    assert (again["t"], again["52"]) == ("0201", "0123456789ABCDEF")
    assert not {"64", "128"} & again.keys()


def test_nor_without_its_pin_where_a_reload_has_taken_it_from_the_link() -> None:
    scene = Scene()
    second = scene.book.host("atlas")
    scene.rif.sends(purchase())
    first, other = (scene.atlas, second) if not scene.atlas.got_nothing() else (second, scene.atlas)
    scene.book.reloads(without_pins())
    first.hangs_up()
    assert scene.rif.gets()["39"] == "91"
    assert other.gets()["t"] == "0420"


# -- PINs that the switch has keys for


def zpk(name: str, mode: str = "B", algorithm: str = "T") -> KeyBlock:
    key = counted(crc32(name.encode()))(16)
    return KeyBlock(Header(version="D", usage="P0", algorithm=algorithm, mode=mode), key)


KEYS = ClearKeys({"rif-zpk": zpk("rif"), "atlas-zpk": zpk("atlas"), "in-only": zpk("in", "D")})


def with_keys(to_key: str = "atlas-zpk") -> Network:
    """Rif's acquiring host and Atlas's link have PIN keys, each its own."""
    network, replace = without_pins(), msgspec.structs.replace
    return replace(
        network,
        members=tuple(replace(m, keys=LinkKeys(pin_key="rif-zpk")) if m.name == "rif" else m for m in network.members),
        hosts=tuple(replace(h, keys=LinkKeys(pin_key=to_key)) if h.name == "atlas" else h for h in network.hosts),
    )


def pin_block(module: SecurityModule, name: str, pin: str, pan: str) -> str:
    (reply,) = module.ask([EncryptPin(name, pin, pan)])
    return reply.value.hex().upper()


@pytest.mark.parametrize("software", [True, False])
def test_a_pin_is_translated_from_the_acquirers_key_to_the_issuers(software: bool) -> None:
    module = SoftwareModule(KEYS, counted(1)) if software else SimulatedModule.of(KEYS, 1)
    scene = Scene(Playbook(with_keys(), module=module))
    sent = purchase()
    sent["52"] = pin_block(module, "rif-zpk", "4321", sent["2"])
    scene.rif.sends({**sent, "53": "1234567890123456"})
    request = scene.atlas.gets()
    assert request["52"] == pin_block(module, "atlas-zpk", "4321", sent["2"]) != sent["52"]
    assert "53" not in request
    scene.atlas.answers(request, "00", de38="123456")
    assert scene.rif.gets()["39"] == "00"


@pytest.mark.parametrize(
    ("changes", "to_key", "reason"),
    [
        ({"de52": "0123456789ABCDEF"}, "atlas-zpk", "PIN block"),
        ({}, "in-only", "mode D: it does not encrypt a PIN"),
        ({}, "nobodys", "there is no key 'nobodys'"),
    ],
)
def test_a_pin_that_cannot_be_translated_is_no_wrong_pin_and_goes_nowhere(
    changes: dict[str, str], to_key: str, reason: str
) -> None:
    module = SimulatedModule.of(KEYS, 1)
    scene = Scene(Playbook(with_keys(to_key), module=module))
    sent = purchase()
    block = changes.get("de52") or pin_block(module, "rif-zpk", "4321", sent["2"])
    scene.rif.sends({**sent, "52": block})
    assert scene.rif.gets()["39"] == "96"
    assert scene.atlas.got_nothing()
    (event,) = scene.book.logged("pin.not_translated")
    assert reason in str(event.fields["reason"])
    (declined,) = scene.book.recorded(Declined)
    assert block not in repr(scene.book.entries)
    assert block not in repr(scene.book.logs)
    assert isinstance(declined, Declined)


def test_a_pin_of_another_card_is_refused_as_a_broken_block() -> None:
    """Else a PIN could be told by trying it with other cards."""
    module = SoftwareModule(KEYS, counted(1))
    scene = Scene(Playbook(with_keys(), module=module))
    sent = purchase()
    refused = 0
    for n in range(8):
        sent["52"] = pin_block(module, "rif-zpk", "4321", f"950401000007{n:03d}1")
        scene.rif.sends({**sent, "11": f"{n + 500:06d}"})
        refused += not scene.rif.got_nothing() and scene.rif.gets()["39"] == "96"
    assert refused >= 6, "formats 0 and 3 bind the PAN weakly: now and then another one passes"


def test_a_link_without_a_key_says_whose_is_lacking() -> None:
    scene = Scene(Playbook(with_keys(), module=SimulatedModule.of(KEYS, 1)))
    souss = scene.book.acquirer("acquirers", "504103")
    souss.sends(purchase(de32="504103"))
    assert souss.gets()["39"] == "96"
    (event,) = scene.book.logged("pin.not_carried")
    assert "`pin_key` of [[member]] souss" in str(event.fields["hint"])


def test_a_request_sent_again_on_another_connection_has_its_pin_translated_again() -> None:
    module = SoftwareModule(KEYS, counted(1))
    scene = Scene(Playbook(with_keys(), module=module))
    second = scene.book.host("atlas")
    sent = purchase()
    sent["52"] = pin_block(module, "rif-zpk", "4321", sent["2"])
    scene.rif.sends(sent)
    first, other = (scene.atlas, second) if not scene.atlas.got_nothing() else (second, scene.atlas)
    assert first.gets()["52"] == pin_block(module, "atlas-zpk", "4321", sent["2"])
    first.hangs_up()
    again = other.gets()
    assert (again["t"], again["52"]) == ("0201", pin_block(module, "atlas-zpk", "4321", sent["2"]))


class Far:
    """A module that is a process of its own, as far as who asks can tell."""

    far = True

    def __init__(self, module: SecurityModule) -> None:
        self.module = module
        self.batches: list[int] = []

    def ask(self, commands: Sequence[Command]) -> list[Reply]:
        self.batches.append(len(commands))
        return self.module.ask(commands)


def test_pins_of_one_reading_are_one_question_and_each_request_fares_by_itself() -> None:
    module = SoftwareModule(KEYS, counted(1))
    far = Far(module)
    scene = Scene(Playbook(with_keys(), module=far))
    pans = [f"95040100000{n:04d}" for n in range(5)]
    pans = [pan + luhn_digit(pan) for pan in pans]
    blocks = [pin_block(module, "rif-zpk", f"43{n:02d}", pan) for n, pan in enumerate(pans)]
    blocks[2] = "0123456789ABCDEF"
    requests = [
        purchase(f"{n + 500:06d}", de2=pan, de35="", de52=block)
        for n, (pan, block) in enumerate(zip(pans, blocks, strict=True))
    ]
    del requests[4]["52"]
    framing = make_framing("length2")
    dialect = Dialect.load("cmi87")
    scene.rif.sends_bytes(b"".join(framing.frame(dialect.encode(request)) for request in requests))
    assert far.batches == [4], "one question for all that have a PIN block"
    got = [scene.atlas.gets() for _ in range(4)]
    wanted = [pin_block(module, "atlas-zpk", f"43{n:02d}", pans[n]) for n in (0, 1, 3)]
    assert [request.get("52") for request in got] == [*wanted, None]
    assert scene.rif.gets()["39"] == "96", "the broken one"
    assert not scene.book.switch.translated, "no PIN block is kept"


def test_what_was_asked_for_ahead_in_vain_changes_nothing_and_is_not_kept() -> None:
    """Two for one card, the second of them a repeat: it is answered from memory; a third is for a host without a key."""
    module = SoftwareModule(KEYS, counted(1))
    far = Far(module)
    scene = Scene(Playbook(with_keys(), module=far))
    sent = purchase()
    sent["52"] = pin_block(module, "rif-zpk", "4321", sent["2"])
    souss = "950403000000001"
    framing, dialect = make_framing("length2"), Dialect.load("cmi87")
    messages = [sent, sent, {**sent, "11": "000777", "37": "532912000777", "2": souss + luhn_digit(souss), "35": ""}]
    messages = [{de: value for de, value in message.items() if value} for message in messages]
    scene.rif.sends_bytes(b"".join(framing.frame(dialect.encode(message)) for message in messages))
    assert far.batches == [2], "what a host without a key would get is not asked for"
    assert scene.atlas.gets()["52"] == pin_block(module, "atlas-zpk", "4321", sent["2"])
    assert scene.atlas.got_nothing()
    assert scene.rif.gets()["39"] == "91", "and its host is away"
    assert not scene.book.switch.translated


def test_a_hardware_modules_host_commands_carry_a_payment(tmp_path: Path) -> None:
    """MACs on both links and a PIN translated, by a module that is asked over TCP."""
    ring = KeyRing(tmp_path / "keys.json", make_lmk(tmp_path / "lmk.key", bytes(32)), counted(1))
    with ring.audit.turn():
        for name, kind in (("rif-zpk", "zpk"), ("atlas-zpk", "zpk"), ("rif-zak", "zak"), ("atlas-zak", "zak")):
            ring.generate(name, kind, "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
    software = SoftwareModule(ring, counted(2))
    server, ended = HostServer(software, ring, ("127.0.0.1", 0), lambda said: None), Event()
    thread = Thread(target=server.serve, args=(ended.is_set,))
    thread.start()
    keys = {name: HostKey(key=f"S{entry.block}", usage="M3" * ("zak" in name)) for name, entry in ring.entries.items()}
    hardware = HostModule(server.address, keys)
    network, replace = with_keys(), msgspec.structs.replace

    def proved(keys: LinkKeys) -> LinkKeys:
        return replace(keys, mac_key=keys.pin_key.replace("zpk", "zak"))

    network = replace(
        network,
        members=tuple(replace(m, keys=proved(m.keys)) for m in network.members),
        hosts=tuple(replace(h, keys=proved(h.keys)) for h in network.hosts),
    )
    try:
        scene = Scene(Playbook(network, module=hardware))
        sent = purchase()
        sent["52"] = pin_block(software, "rif-zpk", "4321", sent["2"])
        scene.rif.sends(sent)
        request = scene.atlas.gets()
        assert request["52"] == pin_block(software, "atlas-zpk", "4321", sent["2"])
        scene.atlas.answers(request, "00", de38="123456")
        answer = scene.rif.gets()
        assert (answer["39"], "64" in request, "64" in answer) == ("00", True, True)
    finally:
        hardware.close()
        ended.set()
        thread.join()
        server.close()
