"""Playbooks: a member speaks for itself. DE32 is who signed on, or one it says that it sends for, or the message is refused."""

import msgspec
import pytest

from switch.core.network import Network
from switch.core.records.records import Answered, Forwarded, Owed
from switch.sim.playbook import Peer, Playbook
from switch.wire.pans import luhn_digit
from tests.core.scripts import OTHER_CARD, Scene, morocco, purchase, reversal

RIF, SOUSS, SPONSORED = "504102", "504103", "504201"


def sponsoring() -> Network:
    """Morocco, where Rif sends for another bank, too."""
    network = morocco()
    members = tuple(
        msgspec.structs.replace(member, institutions=(SPONSORED,)) if member.name == "rif" else member
        for member in network.members
    )
    return msgspec.structs.replace(network, members=members)


class Two(Scene):
    """A scene in which Souss's acquiring host has signed on, too."""

    def __init__(self) -> None:
        super().__init__()
        self.souss = self.book.acquirer("acquirers", SOUSS)

    def pays(self) -> dict[str, str]:
        """Rif's approved payment, as Rif sent it."""
        sent = purchase()
        self.rif.sends(sent)
        self.atlas.answers(self.atlas.gets(), "00", de38="A12345")
        assert self.rif.gets()["39"] == "00"
        return sent

    def refuses(self, who: Peer, institution: str = RIF) -> None:
        """`who` is refused, the issuer hears nothing, nothing is owed, and the log names both."""
        assert who.gets()["39"] == "58"
        assert self.atlas.got_nothing()
        assert not self.book.recorded(Owed)
        event = self.book.logged("message.foreign_institution")[-1]
        assert (event.fields["source"], event.fields["institution"]) == ("souss", institution)


def test_a_member_cannot_pay_under_anothers_name() -> None:
    scene = Two()
    scene.souss.sends(purchase(de32=RIF))
    scene.refuses(scene.souss)
    assert not scene.book.recorded(Forwarded)
    assert scene.book.hops[-1].note == (
        "DE32 names institution 504102, and souss has signed on, which does not speak for it"
    )


@pytest.mark.parametrize("mti", ["0400", "0401", "0420", "0421"])
def test_a_member_cannot_reverse_what_another_sent(mti: str) -> None:
    scene = Two()
    sent = scene.pays()
    scene.souss.sends(reversal(sent, t=mti))
    scene.refuses(scene.souss)
    scene.rif.sends(purchase(t="0201"))
    assert scene.rif.gets()["39"] == "00", "the payment stands"


def test_nor_under_its_own_name_with_the_other_in_de90() -> None:
    scene = Two()
    sent = scene.pays()
    scene.souss.sends(reversal(sent, de32=SOUSS))
    scene.refuses(scene.souss)
    assert "DE90 names institution 504102" in scene.book.hops[-1].note


def test_what_names_anothers_payment_by_all_but_its_acquirer_goes_to_the_issuer_as_who_signed_on() -> None:
    scene = Two()
    sent = scene.pays()
    scene.souss.sends(reversal(sent, de32="", de90=sent["t"] + sent["11"] + sent["7"] + "0" * 22))
    told = scene.atlas.gets()
    assert (told["t"], told["32"]) == ("0420", SOUSS)
    scene.rif.sends(purchase(t="0201"))
    assert scene.rif.gets()["39"] == "00", "the payment stands"


def test_a_member_cannot_block_what_another_has_yet_to_send() -> None:
    scene = Two()
    to_come = purchase()
    scene.souss.sends(reversal(to_come))
    scene.refuses(scene.souss)
    scene.souss.sends(reversal(to_come, de32="", de90=to_come["t"] + to_come["11"] + to_come["7"] + "0" * 22))
    scene.souss.gets()
    scene.atlas.answers(scene.atlas.gets(), "25")
    scene.pays()


def test_a_member_cannot_complete_what_another_holds() -> None:
    scene = Two()
    hold = purchase(t="0100", de25="06")
    scene.rif.sends(hold)
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    scene.rif.gets()
    scene.souss.sends(purchase(stan="000200", t="0220", de38="A12345", de37=hold["37"]))
    scene.refuses(scene.souss)


def test_a_member_gets_no_repeat_of_anothers_answer() -> None:
    scene = Two()
    scene.pays()
    scene.souss.sends(purchase(t="0201"))
    scene.refuses(scene.souss)


@pytest.mark.parametrize("listener", ["acquirers", "pos"])
def test_terminals_speak_for_their_bank_as_its_host_does(listener: str) -> None:
    scene = Scene()
    souss = scene.book.acquirer(listener, SOUSS)
    souss.sends(purchase(de32=RIF))
    assert souss.gets()["39"] == "58"
    souss.sends(purchase(de32=SOUSS, stan="000124"))
    assert scene.atlas.gets()["32"] == SOUSS


@pytest.mark.parametrize("de32", ["", "0", "00000000000", "00000504102"], ids=["absent", "zero", "zeros", "padded"])
def test_a_bare_or_padded_de32_is_who_signed_on(de32: str) -> None:
    scene = Scene()
    sent = purchase(de32=de32)
    scene.rif.sends(sent)
    request = scene.atlas.gets()
    assert request["32"].lstrip("0") == RIF, "the issuer is told"
    scene.atlas.answers(request, "00")
    assert scene.rif.gets().get("32") == sent.get("32"), "the acquirer gets it back as it sent it"
    scene.rif.sends({**sent, "t": "0201"})
    assert scene.rif.gets()["39"] == "00"
    assert len(scene.book.recorded(Answered)) == 1
    scene.rif.sends(reversal({"32": "", **sent}, de32=de32))
    assert scene.atlas.gets()["t"] == "0420"
    assert scene.rif.gets().get("32") == sent.get("32")


ONE = ["", "00000000000", "504102", "00000504102"]
"""DE32 of one institution, from who signed on as it"""


@pytest.mark.parametrize("t", ["0200", "0201"], ids=["unmarked", "marked"])
@pytest.mark.parametrize("again", ONE, ids=["absent", "zeros", "bare", "padded"])
@pytest.mark.parametrize("first", ONE, ids=["absent", "zeros", "bare", "padded"])
def test_a_repeat_that_writes_its_institution_otherwise_is_charged_once(first: str, again: str, t: str) -> None:
    """As a host does whose second site has another packager."""
    scene = Scene()
    sent = purchase(de32=first)
    scene.rif.sends(sent)
    while_pending = {**purchase(de32=again), "t": t}
    scene.rif.sends(while_pending)
    scene.atlas.answers(scene.atlas.gets(), "00")
    assert scene.rif.gets()["39"] == "00"
    scene.rif.sends(while_pending)
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.got_nothing()
    assert len(scene.book.recorded(Answered)) == 1


@pytest.mark.parametrize("again", ["0504102", "00000504102"])
def test_another_institution_of_one_connection_is_another_payment(again: str) -> None:
    scene = Scene(Playbook(sponsoring()))
    for de32, answers in (("504102", 1), (SPONSORED, 2), (again, 2), (f"0{SPONSORED}", 2)):
        scene.rif.sends(purchase(de32=de32))
        if len(scene.book.recorded(Answered)) < answers:
            scene.atlas.answers(scene.atlas.gets(), "00")
        assert scene.rif.gets()["39"] == "00"
        assert len(scene.book.recorded(Answered)) == answers


def test_a_reversal_that_comes_first_with_zeros_before_its_institution_undoes_what_follows() -> None:
    scene = Scene()
    sent = purchase()
    scene.rif.sends(reversal(sent, de32="00000504102"))
    scene.atlas.gets()
    assert scene.rif.gets()["39"] == "00"
    scene.rif.sends(sent)
    assert scene.rif.gets()["39"] != "00"
    assert scene.atlas.got_nothing()


def test_a_member_may_send_for_institutions_of_its_section() -> None:
    scene = Scene(Playbook(sponsoring()))
    sent = purchase(de32=SPONSORED)
    scene.rif.sends(sent)
    request = scene.atlas.gets()
    assert request["32"] == SPONSORED
    scene.atlas.answers(request, "00")
    scene.rif.gets()
    scene.rif.sends(reversal(sent))
    assert scene.atlas.gets()["32"] == SPONSORED


def test_a_reversal_refused_for_its_name_is_taken_once_the_file_is_mended() -> None:
    scene = Scene()
    sent = purchase(de32=SPONSORED, de2=OTHER_CARD)
    scene.rif.sends(reversal(sent))
    assert scene.rif.gets()["39"] == "58"
    scene.book.reloads(sponsoring())
    scene.rif.sends(reversal(sent, t="0401"))
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["32"] == SPONSORED


def test_a_connection_cannot_sign_on_as_another() -> None:
    scene = Two()
    scene.souss.sends({"t": "0800", "7": "1125120000", "11": "000009", "32": RIF, "70": "001"})
    assert scene.souss.gets()["39"] == "58"
    (refused,) = scene.book.logged("link.sign_on_refused")
    assert (refused.fields["source"], refused.fields["institution"]) == ("souss", RIF)
    scene.souss.sends(purchase(de32=SOUSS, stan="000124"))
    assert scene.atlas.gets()["32"] == SOUSS, "it is who it was"
    scene.souss.sends({"t": "0800", "7": "1125120000", "11": "000010", "32": SOUSS, "70": "001"})
    assert scene.souss.gets()["39"] == "00", "and may say so again"


def test_nor_once_it_has_signed_off() -> None:
    scene = Two()
    for code, institution, de39 in (("002", SOUSS, "00"), ("001", RIF, "58"), ("001", SOUSS, "00")):
        scene.souss.sends({"t": "0800", "7": "1125120000", "11": "000009", "32": institution, "70": code})
        assert scene.souss.gets()["39"] == de39


@pytest.mark.parametrize(("de32", "de39"), [("400010", "91"), ("400011", "58"), ("400000", "91")])
def test_a_network_brings_acquirers_that_its_section_names(de32: str, de39: str) -> None:
    network = morocco()
    hosts = tuple(
        msgspec.structs.replace(host, institutions=("400010",)) if host.name == "visa" else host
        for host in network.hosts
    )
    book = Playbook(msgspec.structs.replace(network, hosts=hosts))
    visa = book.host("visa")
    visa.sends(purchase(de2="455041020000000" + luhn_digit("455041020000000"), de32=de32))
    assert visa.gets()["39"] == de39


@pytest.mark.parametrize("mti", ["0200", "0420"])
def test_a_network_does_not_speak_for_a_member(mti: str) -> None:
    scene = Two()
    visa = scene.book.host("visa")
    sent = scene.pays()
    visa.sends(purchase(t=mti, stan="000300", de37=sent["37"], de41=sent["41"]))
    assert visa.gets()["39"] == "58"
    assert scene.atlas.got_nothing()
    assert scene.book.logged("message.foreign_institution")[0].fields["institution"] == RIF
