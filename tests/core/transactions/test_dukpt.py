"""Playbooks: terminals that derive a key a transaction (DUKPT): PINs translated, counters that never go back."""

import msgspec
import pytest

from switch.core.links.sealing import whole
from switch.core.network import LinkKeys, Network
from switch.core.records.devices import DeviceCounted
from switch.core.records.records import Snapshot
from switch.security.commands import NOT_PERMITTED, WRONG, CheckDeviceMac, EncryptPin, MakeDeviceMac
from switch.security.dukpt import device_and_counter, next_counter, serial_of
from switch.security.key_blocks import Header, KeyBlock
from switch.security.module import ClearKeys, SoftwareModule
from switch.security.simulated import counted
from switch.sim.playbook import Playbook
from switch.simulators.cards import TestCard, demo_cards
from switch.simulators.pins import Fleet, PinPad
from switch.wire.vocabulary import Document
from tests.core.scripts import ATLAS_CARD, morocco, purchase
from tests.core.transactions.test_letters import writes
from tests.wire.letters import latin

BDK = bytes.fromhex("0123456789ABCDEFFEDCBA9876543210")


def module(algorithm: str = "T") -> SoftwareModule:
    keys = {
        "pos-bdk": KeyBlock(Header(version="D", usage="B0", algorithm=algorithm, mode="X"), BDK),
        "atlas-zpk": KeyBlock(Header(version="D", usage="P0", algorithm="T", mode="B"), counted(7)(16)),
    }
    return SoftwareModule(ClearKeys(keys), counted(1))


def network(place: str = "62") -> Network:
    replace, country = msgspec.structs.replace, morocco()
    pos = LinkKeys(pin_key="pos-bdk", ksn=place)
    return replace(
        country,
        listeners=tuple(replace(x, keys=pos) if x.role == "terminal" else x for x in country.listeners),
        hosts=tuple(
            replace(h, keys=LinkKeys(pin_key="atlas-zpk"), pass_pin=False) if h.name == "atlas" else h
            for h in country.hosts
        ),
    )


class Till:
    """Atlas's host, and a terminal with a PIN pad at the port."""

    def __init__(self, place: str = "62") -> None:
        self.module = module()
        self.book = Playbook(network(place), module=self.module)
        self.keys = LinkKeys(pin_key="pos-bdk", ksn=place)
        self.pad = PinPad(self.module, self.keys)
        self.joins()

    def joins(self) -> None:
        self.atlas, self.pos = self.book.host("atlas"), self.book.acquirer("pos", "504102")

    def typed(self, stan: str, **changes: str) -> Document:
        document, reply = self.pad.type(purchase(stan, **changes), card(), "4321")
        assert reply.ok, reply.reason
        return document

    def reads(self, request: Document) -> bool:
        """True if Atlas got that PIN under its own key, and nothing of the terminal's."""
        (reply,) = self.module.ask([EncryptPin("atlas-zpk", "4321", ATLAS_CARD)])
        return request["52"] == reply.value.hex().upper() and not {"53", "62"} & request.keys()


def card() -> TestCard:
    return next(c for c in demo_cards(morocco()) if c.pan == ATLAS_CARD)


def pays(till: Till, document: Document) -> None:
    till.pos.sends(document)
    request = till.atlas.gets()
    assert till.reads(request)
    till.atlas.answers(request, "00", de38="123456")
    assert till.pos.gets()["39"] == "00"


@pytest.mark.parametrize("place", ["62", "63", "48.72"])
def test_a_pin_is_translated_from_the_key_of_its_transaction(place: str) -> None:
    till = Till(place)
    for n in range(3):
        pays(till, till.typed(f"00010{n}"))
    counters = [entry.counter for entry in till.book.recorded(DeviceCounted)]
    assert counters == [1, 2, 3]


def refused(till: Till, document: Document, de39: str) -> str:
    till.pos.sends(document)
    assert till.pos.gets()["39"] == de39
    assert till.atlas.got_nothing()
    return str(till.book.recorded(DeviceCounted))


def test_a_recorded_pin_block_is_not_taken_again_whatever_it_comes_with() -> None:
    till = Till()
    first = till.typed("000201")
    pays(till, first)
    stolen = {**purchase("000202", de4="000000099900"), "52": first["52"], "62": first["62"]}
    refused(till, stolen, "63")
    (event,) = till.book.logged("pin.counter_used")
    assert (event.fields["counter"], event.fields["highest"]) == (1, 1)
    # nor after a crash, a reload, a restart
    till.book = till.book.crashes()
    till.joins()
    later = {**stolen, "7": "1125121000"}
    refused(till, {**later, "11": "000203"}, "63")
    till.book.hands_over()
    assert till.book.recorded(Snapshot)[-1].devices
    refused(till, {**later, "11": "000204"}, "63")
    pays(till, till.typed("000205", de7="1125121100"))


def test_a_counter_is_durable_before_the_payment_it_came_with_is_approved() -> None:
    till = Till()
    till.book.journal_holds()
    till.pos.sends(till.typed("000301"))
    till.atlas.answers(till.atlas.gets(), "00", de38="123456")
    assert till.pos.got_nothing()
    till.book.journal_flushes()
    assert till.pos.gets()["39"] == "00"
    assert till.book.recorded(DeviceCounted)


def test_a_repeat_of_the_message_is_answered_as_it_was() -> None:
    till = Till()
    document = till.typed("000401")
    pays(till, document)
    till.pos.sends({**document, "t": "0201"})
    assert till.pos.gets()["39"] == "00"
    assert till.atlas.got_nothing()


def test_a_request_sent_again_on_another_connection_needs_no_other_counter() -> None:
    till = Till()
    second = till.book.host("atlas")
    till.pos.sends(till.typed("000402"))
    first, other = (till.atlas, second) if not till.atlas.got_nothing() else (second, till.atlas)
    assert till.reads(first.gets())
    first.hangs_up()
    assert till.reads(other.gets())


@pytest.mark.parametrize(
    ("serial", "de39"),
    [
        ("", "30"),
        ("FFFF00", "30"),
        ("FFFF9876543210E00000", "30"),
        ("FFFF9876543210FFFFFF", "30"),
        ("FFFF9876543210E0000100", "30"),
        ("FFFF9876543210E000000001", "96"),
    ],
)
def test_a_pin_without_a_serial_number_that_a_device_has_is_refused(serial: str, de39: str) -> None:
    till = Till()
    document = {**till.typed("000501"), "62": serial}
    refused(till, {de: value for de, value in document.items() if value}, de39)


def test_a_serial_number_by_itself_locks_nobody_out() -> None:
    """Who has no key makes no PIN block, and moves no counter."""
    till = Till()
    document = till.typed("000601")
    device, _ = device_and_counter(bytes.fromhex(document["62"]))
    high = serial_of(device, 0x1F8000).hex().upper()
    assert refused(till, {**document, "62": high, "52": "0123456789ABCDEF"}, "96") == "[]"
    pays(till, till.typed("000602"))


def test_so_many_devices_and_no_more() -> None:
    till = Till()
    limits = msgspec.structs.replace(till.book.network.limits, pin_devices=1)
    till.book.reloads(msgspec.structs.replace(till.book.network, limits=limits))
    pays(till, till.typed("000701"))
    refused(till, till.typed("000702", de41="RIF00002"), "96")
    pays(till, till.typed("000703"))
    assert till.book.logged("limit.reached")


def test_counters_with_too_many_bits_are_left_out() -> None:
    assert next_counter(0, 10) == 1
    assert next_counter(0x3FF, 10) == 0x400
    assert next_counter(0x7FE, 10) == 0x800
    assert all(next_counter(n, 10).bit_count() <= 10 for n in range(0, 1 << 21, 4_099))


def test_published_serial_numbers_lead_to_published_blocks() -> None:
    """ANSI X9.24-1's example device, as public vectors have it: its PIN 1234 for 4012345678909 under counter 1."""
    (reply,) = module().ask([EncryptPin("pos-bdk", "1234", "4012345678909", 0, bytes.fromhex("FFFF9876543210E00001"))])
    assert reply.value.hex().upper() == "1B9C1845EB993A7A"


# -- MACs


class Proving(Till):
    """The same, where the port's messages have MACs under keys of the same devices."""

    def __init__(self) -> None:
        self.module = module()
        replace, file = msgspec.structs.replace, network()
        self.keys = LinkKeys(pin_key="pos-bdk", mac_key="pos-bdk", ksn="62")
        doors = tuple(replace(x, keys=self.keys) if x.role == "terminal" else x for x in file.listeners)
        self.book = Playbook(replace(file, listeners=doors), module=self.module)
        self.fleet = Fleet(self.keys)
        self.pad = PinPad(self.module, self.keys, None, self.fleet)
        self.joins()

    def joins(self) -> None:
        self.atlas = self.book.host("atlas")
        self.pos = self.book.acquirer("pos", "504102", sign_on=False)
        self.pos.sealing = self.fleet.sealing(self.pos.dialect, self.module)
        self.pos.sends({"t": "0800", "7": "1125120000", "11": "000001", "32": "504102", "41": "RIF00001", "70": "001"})
        assert self.pos.gets()["39"] == "00"


def whole_of(till: Proving, document: Document) -> bytes:
    sealing = till.pos.sealing
    assert sealing is not None
    return whole(sealing.seal(till.pos.dialect, till.pos._translator.outward(document, None), till.pos._framing.frame))


def test_messages_of_terminals_and_their_answers_are_proved_by_the_key_of_their_transaction() -> None:
    till = Proving()
    for n in range(3):
        pays(till, till.typed(f"00080{n}"))
    pays_without_a_pin = {de: value for de, value in purchase("000810", de41="RIF00001").items() if de != "52"}
    till.pos.sends(pays_without_a_pin)
    till.atlas.answers(till.atlas.gets(), "00", de38="123456")
    assert till.pos.gets()["39"] == "00", "its MAC held at the terminal: under the answer's key of the same transaction"
    counters = [entry.counter for entry in till.book.recorded(DeviceCounted)]
    assert counters == [1, 2, 3, 4, 5], "the sign-on's too"
    assert not till.book.logged("mac.wrong")


def test_a_letter_in_its_text_keeps_no_terminal_from_being_proved() -> None:
    """Its serial number is read whatever stands in a text, and its MAC is over the bytes as they came."""
    till = Proving()
    writes(till.pos, latin)
    document = till.typed("000820", de43="CAFÉ D'ÉTÉ".ljust(40))
    till.pos.sends(document)
    request = till.atlas.gets()
    assert request["43"] == "CAFE D'ETE".ljust(40)
    assert till.reads(request)
    till.atlas.answers(request, "00", de38="123456")
    assert till.pos.gets()["39"] == "00"


def test_a_message_recorded_before_is_not_taken_after_a_later_one() -> None:
    till = Proving()
    old = whole_of(till, till.typed("000901"))
    pays(till, till.typed("000902"))
    till.pos.sends_bytes(old)
    assert till.pos.gets()["39"] == "96"
    assert till.atlas.got_nothing()
    assert till.book.logged("pin.counter_used")


def test_what_is_changed_or_has_no_serial_number_is_not_processed() -> None:
    till = Proving()
    data = whole_of(till, till.typed("000903"))
    till.pos.sends_bytes(data.replace(b"\x00\x00\x00\x01\x50\x00", b"\x00\x00\x00\x99\x99\x00", 1))
    assert till.atlas.got_nothing()
    assert till.book.switch.macs.failures == 1
    till.pos.gets()
    till.pos.sealing, before = None, till.pos.sealing
    till.pos.sends({**purchase("000904"), "128": "0011223344556677"})
    assert till.atlas.got_nothing()
    assert till.book.switch.macs.failures == 2
    till.pos.sealing = before
    highest = max(till.book.switch.state.devices.values())
    assert highest == 1, "nothing that is not proved moves a counter"


@pytest.mark.parametrize("algorithm", ["T", "A"])
def test_requests_and_answers_have_different_keys(algorithm: str) -> None:
    ksn = bytes.fromhex("FFFF9876543210E00001" if algorithm == "T" else "123456789012345600000001")
    ask = module(algorithm).ask
    request, answer = (ask([MakeDeviceMac("pos-bdk", ksn, b"data", response)])[0] for response in (False, True))
    assert request.value != answer.value
    assert ask([CheckDeviceMac("pos-bdk", ksn, b"data", request.value, False)])[0].ok
    assert ask([CheckDeviceMac("pos-bdk", ksn, b"data", request.value, True)])[0].code == WRONG
    assert ask([MakeDeviceMac("atlas-zpk", ksn, b"data", False)])[0].code == NOT_PERMITTED


def test_published_mac() -> None:
    """ANSI X9.24-1 (2009), A.4.1: the MAC request of "4012345678909D987" under counter 1 begins 9CCC78173FC4FB64."""
    ksn = bytes.fromhex("FFFF9876543210E00001")
    (reply,) = module().ask([MakeDeviceMac("pos-bdk", ksn, b"4012345678909D987", False)])
    assert reply.value.hex().upper() == "9CCC78173FC4FB64"
