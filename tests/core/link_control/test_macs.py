"""MACs on links: what is not proved is not processed, nothing leaves unproved, and no approval ever does."""

from collections.abc import Sequence
from zlib import crc32

import msgspec
import pytest

from switch.core.links.sealing import whole
from switch.core.network import LinkKeys, Network
from switch.security.commands import UNREACHABLE, Command, Reply
from switch.security.key_blocks import Header, KeyBlock
from switch.security.module import ClearKeys, SecurityModule, SoftwareModule
from switch.security.simulated import SimulatedModule, counted
from switch.sim.playbook import Peer, Playbook
from switch.wire.pans import luhn_digit
from switch.wire.vocabulary import Document
from tests.core.scripts import Scene, morocco, purchase


def key(name: str, usage: str = "M3", algorithm: str = "T") -> KeyBlock:
    made = counted(crc32(name.encode()))(16)
    return KeyBlock(Header(version="D", usage=usage, algorithm=algorithm, mode="C"), made)


def keys(*names: str) -> ClearKeys:
    found = {name: key(name) for name in names or ("atlas-zak", "rif-zak", "souss-zak", "visa-zak")}
    return ClearKeys(found)


def sealed(network: Network, *hosts: str, size: int = 8, limit: int = 10) -> Network:
    """The network with MACs towards these hosts, and Rif's acquiring host."""
    replace = msgspec.structs.replace

    def of(name: str) -> LinkKeys:
        return LinkKeys(mac_key=f"{name}-zak", mac_bytes=size)

    return replace(
        network,
        hosts=tuple(replace(h, keys=of(h.name)) if h.name in hosts else h for h in network.hosts),
        members=tuple(replace(m, keys=of(m.name)) if m.name == "rif" else m for m in network.members),
        limits=replace(network.limits, mac_failures_per_link=limit),
    )


def scene(module: SecurityModule | None = None, *hosts: str, size: int = 8, limit: int = 10) -> Scene:
    network = sealed(morocco(), *(hosts or ("atlas",)), size=size, limit=limit)
    return Scene(Playbook(network, module=module or SimulatedModule.of(keys(), 1)))


def unsealed(peer: Peer, document: Document) -> None:
    """The same message without a MAC."""
    peer.sealing, before = None, peer.sealing
    peer.sends(document)
    peer.sealing = before


def logged(script: Scene, event: str) -> list[dict[str, object]]:
    return [log.fields for log in script.book.logs if log.event == event]


@pytest.mark.parametrize("size", [4, 8])
@pytest.mark.parametrize("software", [True, False])
def test_a_payment_is_proved_on_each_link_by_its_own_key(size: int, software: bool) -> None:
    """Peers of a playbook check the MAC of all they get, sign-ons among it."""
    module = SoftwareModule(keys(), counted(1)) if software else SimulatedModule.of(keys(), 1)
    script = scene(module, size=size)
    script.rif.sends(purchase())
    request = script.atlas.gets()
    script.atlas.answers(request, "00", de38="123456")
    answer = script.rif.gets()
    assert answer["39"] == "00"
    assert request["64"] != "0" * 16 != answer["64"]
    assert (request["64"][8:] == "0" * 8) is (size == 4)


@pytest.mark.parametrize("host", ["visa", "souss", "atlas"])
def test_other_dialects_have_their_macs_in_their_own_place(host: str) -> None:
    """Binary, ASCII, with a network's header; DE128 where elements above 64 are there."""
    script = scene(SoftwareModule(keys(), counted(1)), host)
    peer = script.atlas if host == "atlas" else script.book.host(host)
    card = {"visa": "4970000000090017", "souss": "9504030000000019", "atlas": ""}[host]
    pan = card[:-1] + luhn_digit(card[:-1]) if card else purchase()["2"]
    script.rif.sends(purchase(de2=pan, de52=""))
    request = peer.gets()
    raw = peer.raw_of(request)
    above = any(de.isdecimal() and int(de) > 64 for de in raw if de != "128")
    assert ("128" in raw, "64" in raw) == (above, not above)
    peer.answers(request, "00", de38="123456")
    assert script.rif.gets()["39"] == "00"


def test_a_request_that_is_not_proved_is_not_processed_and_is_answered_96() -> None:
    script = scene()
    for tampered in (False, True):
        script.book.passes(seconds=2)
        if tampered:
            script.rif.sends_bytes(changed(script.rif, purchase(stan="000777")))
        else:
            unsealed(script.rif, purchase(stan="000777"))
        assert script.rif.gets()["39"] == "96"
        assert script.atlas.got_nothing()
    assert logged(script, "mac.missing")
    wrong = logged(script, "mac.wrong")
    assert "the MAC does not hold" in str(wrong[0]["reason"])
    assert "check values" in str(wrong[0]["hint"])
    assert not script.book.switch.state.recent
    script.rif.sends(purchase(stan="000778"))
    assert script.atlas.gets()["t"] == "0200", "what is proved goes on"


def changed(peer: Peer, document: Document) -> bytes:
    """The framed message with its amount changed after its MAC was made."""
    assert peer.sealing is not None
    data = whole(peer.sealing.seal(peer.dialect, document, peer._framing.frame))
    assert data.count(document["4"].encode()) == 1
    return data.replace(document["4"].encode(), b"000000000001")


def test_the_1993_edition_says_916() -> None:
    network = sealed(morocco(), "souss")
    listener = msgspec.structs.replace(network.listeners[0], dialect="iso93")
    network = msgspec.structs.replace(network, listeners=(listener, *network.listeners[1:]))
    script = Scene(Playbook(network, module=SimulatedModule.of(keys(), 1)))
    unsealed(script.rif, purchase())
    assert script.rif.raw_of(script.rif.gets())["39"] == "916"


def test_an_answer_that_is_not_proved_is_none_and_its_request_is_reversed() -> None:
    script = scene()
    script.rif.sends(purchase())
    request = script.atlas.gets()
    unsealed(script.atlas, {**request, "t": "0210", "39": "00", "38": "123456"})
    assert script.rif.got_nothing()
    script.book.passes(seconds=11)
    assert script.rif.gets()["39"] == "91"
    assert script.atlas.gets()["t"] == "0420"


def test_a_link_that_sends_nothing_else_is_ended() -> None:
    script = scene(limit=3)
    for stan in range(3):
        unsealed(script.rif, purchase(stan=f"{stan + 1:06d}"))
    assert script.rif.closed == "limit mac_failures_per_link=3 reached"
    (limit,) = logged(script, "limit.reached")
    assert limit["limit"] == "mac_failures_per_link"
    assert script.book.switch.macs.failures == 3
    assert [script.rif.gets()["39"] for _ in range(3)] == ["96"] * 3
    told = script.rif.gets()
    assert (told["t"], told["70"]) == ("0800", "002"), "its other end is signed off before it is closed"


def test_a_host_that_proves_nothing_is_signed_off_and_what_it_was_asked_is_reversed() -> None:
    script = scene(limit=2)
    script.rif.sends(purchase())
    request = script.atlas.gets()
    for _ in range(2):
        unsealed(script.atlas, {**request, "t": "0210", "39": "00", "38": "123456"})
    assert script.atlas.gets()["70"] == "002"
    assert script.atlas.closed == "limit mac_failures_per_link=2 reached"
    assert script.rif.gets()["39"] == "91", "nothing of it was taken for an answer"
    again = script.book.host("atlas")
    assert again.gets()["t"] == "0420"


def test_a_stranger_who_proves_nothing_is_told_nothing_but_that() -> None:
    script = scene(limit=2)
    stranger = script.book.connects("acquirers", "cmi87", "length2", "504102")
    for stan in range(2):
        stranger.sends({"t": "0800", "7": "1125120000", "11": f"{stan + 1:06d}", "32": "504102", "70": "001"})
    assert [stranger.gets()["39"] for _ in range(2)] == ["96"] * 2
    assert stranger.got_nothing()
    assert stranger.closed


def test_good_messages_between_bad_ones_keep_the_link() -> None:
    script = scene(limit=2)
    for stan in range(1, 9, 2):
        unsealed(script.rif, purchase(stan=f"{stan:06d}"))
        script.rif.sends(purchase(stan=f"{stan + 1:06d}"))
    assert script.rif.closed == ""


def test_nobody_signs_on_as_a_member_without_its_key() -> None:
    script = scene()
    stranger = script.book.connects("acquirers", "cmi87", "length2", "504102")
    sign_on = {"t": "0800", "7": "1125120000", "11": "000001", "32": "504102", "70": "001"}
    stranger.sends(sign_on)
    assert stranger.gets()["39"] == "96"
    stranger.sends(purchase())
    assert stranger.gets()["39"] == "96"
    assert script.atlas.got_nothing()
    assert script.book.switch.sessions[stranger.link].source == ""
    # leading zeros in DE32 are the same institution
    stranger.sends({**sign_on, "32": "00000504102", "11": "000002"})
    assert stranger.gets()["39"] == "96"


def test_a_sign_on_that_was_recorded_signs_on_and_brings_nothing_that_is_not_proved() -> None:
    """A MAC says who wrote, not when: TLS and `allow` keep who has recorded it from the port."""
    script = scene()
    sign_on = {"t": "0800", "7": "1125120000", "11": "000001", "32": "504102", "70": "001"}
    script.rif.sends(purchase())
    script.atlas.answers(script.atlas.gets(), "00", de38="123456")
    script.book.journal_flushes()
    assert script.rif.gets()["39"] == "00"
    replayer = script.book.connects("acquirers", "cmi87", "length2", "504102")
    replayer.sealing = script.rif.sealing  # what it has recorded has its MAC
    replayer.sends(sign_on)
    assert replayer.gets()["39"] == "00"
    replayer.sends(purchase())
    assert replayer.gets()["39"] == "00", "as it was answered"
    unsealed(replayer, purchase(stan="000002"))
    assert replayer.gets()["39"] == "96"
    assert script.atlas.got_nothing(), "paid once, and nothing else"


def test_a_member_without_a_key_signs_on_as_ever() -> None:
    script = scene()
    souss = script.book.acquirer("acquirers", "504103")
    souss.sends(purchase(de32="504103"))
    script.atlas.answers(script.atlas.gets(), "00", de38="123456")
    assert souss.gets()["39"] == "00"


class Broken:
    """A module that can be taken away."""

    far = True

    def __init__(self, module: SecurityModule) -> None:
        self.module = module
        self.away = False
        self.batches: list[int] = []

    def ask(self, commands: Sequence[Command]) -> list[Reply]:
        self.batches.append(len(commands))
        return (
            [Reply(False, b"", UNREACHABLE, "it is away")] * len(commands) if self.away else self.module.ask(commands)
        )


def test_an_approval_never_leaves_unproved_and_is_taken_back() -> None:
    module = Broken(SimulatedModule.of(keys(), 1))
    script = scene(module)
    script.rif.sends(purchase())
    request = script.atlas.gets()
    # the answer is proved, and then no MAC can be made for the acquirer's
    module.module = SimulatedModule.of(keys("atlas-zak"), 1)
    script.atlas.answers(request, "00", de38="123456")
    assert script.rif.got_nothing()
    assert logged(script, "mac.not_made")[0]["key"] == "rif-zak"
    assert script.atlas.gets()["t"] == "0420", "undelivered: reversed"


def test_a_module_that_is_away_refuses_and_nothing_is_lost_when_it_is_back() -> None:
    module = Broken(SimulatedModule.of(keys(), 1))
    script = scene(module, limit=1)
    assert script.rif.sealing is not None
    data = whole(script.rif.sealing.seal(script.rif.dialect, purchase(), script.rif._framing.frame))
    module.away = True
    script.rif.sends_bytes(data)
    assert script.rif.got_nothing()
    assert script.atlas.got_nothing()
    module.away = False
    script.rif.sends(purchase(stan="000124"))
    script.atlas.answers(script.atlas.gets(), "00", de38="123456")
    assert script.rif.gets()["39"] == "00"


def test_what_comes_together_is_asked_together() -> None:
    module = Broken(SimulatedModule.of(keys(), 1))
    script = scene(module)
    sealing = script.rif.sealing
    assert sealing is not None
    frame = script.rif._framing.frame
    data = b"".join(whole(sealing.seal(script.rif.dialect, purchase(stan=f"{n:06d}"), frame)) for n in range(200, 216))
    module.batches.clear()
    script.rif.sends_bytes(data)
    assert module.batches[:2] == [16, 16], "16 checked at once, and 16 made at once"


def test_a_key_before_a_rotation_still_proves_what_comes() -> None:
    old, new = key("rif-zak"), key("rif-zak-new")
    atlas = {"atlas-zak": key("atlas-zak")}
    script = scene(SimulatedModule.of(ClearKeys({**atlas, "rif-zak": new, "rif-zak.previous": old}), 1))
    before = Playbook(script.book.network, module=SimulatedModule.of(ClearKeys({"rif-zak": old}), 1))
    member = next(m for m in script.book.network.members if m.name == "rif")
    sealing = before.sealing_of(member.keys, "cmi87")
    assert sealing is not None
    script.rif.sends_bytes(whole(sealing.seal(script.rif.dialect, purchase(), script.rif._framing.frame)))
    assert script.atlas.gets()["t"] == "0200"


def test_a_restart_and_a_reload_go_on_with_macs() -> None:
    script = scene()
    script.book.hands_over()
    script.rif.sends(purchase())
    script.book.reloads(sealed(morocco(), "atlas", limit=4))
    request = script.atlas.gets()
    script.atlas.answers(request, "00", de38="123456")
    assert script.rif.gets()["39"] == "00"
    unsealed(script.rif, purchase(stan="000555"))
    assert script.rif.gets()["39"] == "96"


def test_requests_shed_in_overload_are_proved_too() -> None:
    script = scene()
    with script.book.turn(room=2):
        for n in range(8):
            script.rif.sends(purchase(stan=f"{n + 300:06d}"))
    answers = []
    while not script.rif.got_nothing():
        answers.append(script.rif.gets()["39"])
    assert answers == ["96"] * 6


def test_a_bank_has_a_key_as_acquirer_and_another_as_issuer() -> None:
    """Member and host have one name, and one dialect."""
    replace, network = msgspec.structs.replace, morocco()
    hosts = tuple(replace(h, keys=LinkKeys(mac_key="host")) if h.name == "atlas" else h for h in network.hosts)
    members = tuple(replace(m, keys=LinkKeys(mac_key="bank")) if m.name == "atlas" else m for m in network.members)
    found = ClearKeys({"host": key("host"), "bank": key("bank")})
    book = Playbook(replace(network, hosts=hosts, members=members), module=SoftwareModule(found, counted(1)))
    host, bank = book.host("atlas"), book.acquirer("acquirers", "504101")
    assert host.sealing is not bank.sealing is not None
    bank.sends(purchase(de32="504101"))
    host.answers(host.gets(), "00", de38="123456")
    assert bank.gets()["39"] == "00"
    document = purchase(stan="000555", de32="504101")
    assert host.sealing is not None
    bank.sends_bytes(whole(host.sealing.seal(bank.dialect, document, bank._framing.frame)))
    assert bank.gets()["39"] == "96"
    assert book.logged("mac.wrong")


def test_terminals_have_the_keys_of_their_port() -> None:
    replace, network = msgspec.structs.replace, morocco()
    listeners = tuple(
        replace(x, keys=LinkKeys(mac_key="pos-tak")) if x.role == "terminal" else x for x in network.listeners
    )
    found = ClearKeys({"pos-tak": key("pos-tak")})
    book = Playbook(replace(network, listeners=listeners), module=SoftwareModule(found, counted(1)))
    atlas, till = book.host("atlas"), book.acquirer("pos", "504102")
    till.sends(purchase())
    atlas.answers(atlas.gets(), "00", de38="123456")
    assert till.gets()["39"] == "00"
    unsealed(till, purchase(stan="000556"))
    assert till.gets()["39"] == "96"
    book.hands_over()
    till.sends(purchase(stan="000557"))
    assert atlas.gets()["t"] == "0200"
