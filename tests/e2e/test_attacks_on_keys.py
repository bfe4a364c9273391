"""What somebody on a link tries against MACs, PINs and cards, and what becomes of it: the second table of attacks in
docs/security.md, row by row, over plain links and over links with TLS. Real processes, real keys; after each attack a payment of
somebody else goes through.
"""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from switch.core.messages.chip import CHIP_DATA
from switch.simulators.clock import Moment
from switch.simulators.messages import Web, network_request, request
from tests.e2e.attacks import Attack, answered_again, page_has, reaction_to
from tests.e2e.canaries import files_in, found_in, secrets_of
from tests.e2e.pos import moment
from tests.e2e.sealed import NOBODY, RIF, SOUSS, Scene, Sealed, flip, told

pytestmark = pytest.mark.long  # MACs are written of once a second


def signs_on(scene: Scene, key: str, answered: str) -> None:
    at: Moment = moment()
    with closing(Sealed(scene, key, sign_on=False)) as client:
        assert client.asks(network_request("001", RIF, at, "000001"))["39"] == answered
        if answered != "00":
            assert client.asks(scene.payment("rif-approved"))["39"] != "00", "it is signed on for nobody"


def unsealed(scene: Scene) -> None:
    with closing(Sealed(scene)) as client:
        client.key = ""
        assert client.asks(scene.payment("rif-approved"))["39"] == "96"


def with_another_key(scene: Scene) -> None:
    with closing(Sealed(scene)) as client:
        client.key = "atlas-zak"
        assert client.asks(scene.payment("rif-approved"))["39"] == "96"


def with_two_places(scene: Scene) -> None:
    """DE64 with a good MAC, and DE128 with another one."""
    with closing(Sealed(scene)) as client:
        document = scene.payment("rif-approved")
        client.key = ""
        assert client.asks(document | {"64": "0" * 16, "128": "1" * 16})["39"] == "96"


def mac_of_another_message(scene: Scene) -> None:
    with closing(Sealed(scene)) as client:
        mac = client.frame(scene.payment("rif-approved"))[-16:]
        client.spoil = lambda framed: framed[:-16] + mac
        assert client.asks(scene.payment("rif-approved"))["39"] == "96"


def guesses(scene: Scene) -> None:
    """One after the other, until the link is closed."""
    with closing(Sealed(scene)) as client:
        client.spoil = lambda framed: framed[:-16] + b"00000000DEADBEEF"
        with suppress(EOFError, OSError):
            for _ in range(50):
                client.asks(scene.payment("rif-approved"))
            raise AssertionError("fifty guesses, and the link is still there")


def again(scene: Scene) -> None:
    with closing(Sealed(scene)) as client:
        answered_again(client, scene.stage, scene.payment("rif-approved"))


def tries_pins(scene: Scene) -> None:
    card = scene.cards["atlas-cmi-02"]
    wrong = [f"{(int(card.pin) + n) % 10_000:04d}" for n in (1, 2, 3)]
    for typed, answered in zip([*wrong, card.pin], ("55", "55", "55", "75"), strict=True):
        told(scene, scene.chip(card=card.name, de52=scene.pin(card, typed)), answered)


def again_by_chip(scene: Scene) -> None:
    """The same cryptogram in a message of its own."""
    first = scene.chip()
    told(scene, first, "00")
    fresh = scene.payment("atlas-approved")
    told(scene, first | {"11": fresh["11"], "37": fresh["37"], "7": fresh["7"]}, "63")


def printed(scene: Scene) -> None:
    value = f"{(int(scene.cards['atlas-approved'].cvv2) + 1) % 1000:03d}"
    at, stan = moment(), f"{next(scene.stage.stans):06d}"
    made = request(
        "purchase", scene.cards["atlas-approved"], 100_00, scene.place(RIF), at, stan, at.rrn_prefix + stan, Web(value)
    )
    told(scene, made, "N7")


def twice_in_chip(scene: Scene) -> None:
    """A tag for the check, and the same for who reads the last."""
    made = scene.chip()
    told(scene, made | {"55": made["55"] + CHIP_DATA.build({"9F02": "000000000001"})}, "63")


def answers_itself(scene: Scene) -> None:
    """Its own payment, which the issuer declines, approved in the issuer's place: on the heels of the request comes what the
    issuer would say, under the DE11 that the switch has asked it by. It counts them one by one."""
    with closing(Sealed(scene)) as client:
        before = scene.payment("rif-approved")
        client.asks(before)
        asked = scene.stage.event("hop.sent", mti="0200", link="rif#1", rrn=before["37"])
        refused = scene.payment("rif-62")
        forged = {**refused, "t": "0210", "11": f"{int(asked['stan']) + 1:06d}", "39": "00", "38": "123456"}
        forged.pop("7")
        client.sock.sendall(client.frame(refused) + client.frame(forged))
        assert client.gets()["39"] == "62"
        last = scene.stage.event("hop.sent", mti="0200", link="rif#1", rrn=refused["37"])
        assert last["stan"] == forged["11"], "else it was no attack"


def closes_the_day(scene: Scene) -> None:
    with closing(Sealed(scene)) as client:
        assert client.asks(network_request("201", RIF, moment(), f"{next(scene.stage.stans):06d}"))["39"] != "00"


def not_signed_on(scene: Scene) -> None:
    with closing(scene.client(SOUSS, "souss", sign_on=False)) as client:
        assert client.asks(scene.payment("rif-approved", SOUSS))["39"] == "58"


def nobody(scene: Scene) -> None:
    with closing(scene.client(NOBODY, "souss", sign_on=False)) as client:
        assert client.asks(network_request("001", NOBODY, moment(), "000001"))["39"] == "58"


def reverses_anothers(scene: Scene) -> None:
    """Souss takes back what Rif has been paid."""
    paid = scene.payment("rif-approved")
    told(scene, paid, "00")
    reversal = {
        **paid,
        "t": "0400",
        "11": f"{next(scene.stage.stans):06d}",
        "90": f"0200{paid['11']}{paid['7']}00000{RIF}".ljust(42, "0"),
    }
    answer = scene.good.asks({de: value for de, value in reversal.items() if de not in ("35", "52", "55")})
    assert answer["39"] == "58", answer


CARD = "atlas-approved"
ATTACKS: tuple[Attack[Scene], ...] = (
    Attack(
        "a sign-on without the member's MAC",
        "MAC",
        "96; signs nobody on",
        lambda s: signs_on(s, "", "96"),
        "mac.missing",
        "0800",
    ),
    Attack(
        "a sign-on with a MAC of another key",
        "MAC",
        "96; signs nobody on",
        lambda s: signs_on(s, "atlas-zak", "96"),
        "mac.wrong",
        "0800",
    ),
    Attack("a payment without a MAC on a proved link", "MAC", "96; not processed", unsealed, "mac.missing", "0200"),
    Attack(
        "a payment with a MAC of another link's key", "MAC", "96; not processed", with_another_key, "mac.wrong", "0200"
    ),
    Attack(
        "an amount changed behind its MAC",
        "MAC",
        "96; not processed",
        lambda s: told(s, s.payment("rif-approved"), "96", flip),
        "mac.wrong",
        "0200",
    ),
    Attack(
        "a MAC of zeros",
        "MAC",
        "96; not processed",
        lambda s: told(s, s.payment("rif-approved"), "96", lambda f: f[:-16] + b"0" * 16),
        "mac.wrong",
        "0200",
    ),
    Attack(
        "half a MAC where all of it is proved",
        "MAC",
        "96; not processed",
        lambda s: told(s, s.payment("rif-approved"), "96", lambda f: f[:-8] + b"0" * 8),
        "mac.wrong",
        "0200",
    ),
    Attack("the MAC of another message", "MAC", "96; not processed", mac_of_another_message, "mac.wrong", "0200"),
    Attack("a MAC in both places, DE64 and DE128", "MAC", "96; not processed", with_two_places, "mac.missing", "0200"),
    Attack(
        "MACs guessed one after the other",
        "MAC",
        "the link is closed after `mac_failures_per_link`",
        guesses,
        "limit.reached",
        "mac_failures_per_link",
    ),
    Attack("a proved payment sent again", "MAC", "answered as it was; paid once", again, "hop.sent", "0210"),
    Attack(
        "another member's DE32 under a good MAC",
        "MAC",
        "58; not processed",
        lambda s: told(s, s.payment("rif-approved", de32=SOUSS), "58"),
        "message.foreign_institution",
        SOUSS,
    ),
    Attack(
        "an answer that nobody asked for, under a good MAC",
        "MAC",
        "dropped",
        answers_itself,
        "answer.unmatched",
        "0210",
    ),
    Attack(
        "a business day closed by who may not",
        "MAC",
        "not 00; the day goes on",
        closes_the_day,
        "cutover.refused",
        "may_cut_over",
    ),
    Attack(
        "a PIN block of another card",
        "PIN",
        "96; not sent on",
        lambda s: told(s, s.chip(de52=s.pin(s.cards[CARD], pan="9504019999999994")), "96"),
        "pin.not_translated",
        "PIN block",
    ),
    Attack(
        "a PIN block under another link's key",
        "PIN",
        "96; not sent on",
        lambda s: told(s, s.chip(de52=s.pin(s.cards[CARD], key="atlas-zpk")), "96"),
        "pin.not_translated",
        "PIN block",
    ),
    Attack(
        "a PIN block that is none",
        "PIN",
        "96; not sent on",
        lambda s: told(s, s.chip(de52="0123456789ABCDEF"), "96"),
        "pin.not_translated",
        "PIN block",
    ),
    Attack(
        "a PIN on its way to a link that carries none",
        "PIN",
        "96; not sent without its PIN",
        lambda s: told(s, s.payment("souss-approved", de52=s.pin(s.cards["souss-approved"])), "96"),
        "pin.not_carried",
        "souss",
    ),
    Attack(
        "a PIN tried until it is right",
        "PIN",
        "55 three times, then 75 even for the right one",
        tries_pins,
        "hop.sent",
        "'75'",
    ),
    Attack(
        "a cryptogram that is none",
        "card",
        "63",
        lambda s: told(s, s.chip("cryptogram"), "63"),
        "hop.sent",
        "'63'",
    ),
    Attack("a cryptogram used twice", "card", "63", again_by_chip, "hop.sent", "'63'"),
    Attack(
        "an amount that the chip has not agreed to",
        "card",
        "63",
        lambda s: told(s, s.chip("amount"), "63"),
        "hop.sent",
        "'63'",
    ),
    Attack(
        "a chip payment without its cryptogram",
        "card",
        "63",
        lambda s: told(s, s.chip(de55=""), "63"),
        "hop.sent",
        "'63'",
    ),
    Attack("a tag of the chip twice", "card", "63", twice_in_chip, "hop.sent", "'63'"),
    Attack(
        "a stripe's value where a chip was read",
        "card",
        "63",
        lambda s: told(s, s.chip("stripe"), "63"),
        "hop.sent",
        "'63'",
    ),
    Attack("a printed value guessed", "card", "N7", printed, "hop.sent", "'N7'"),
    Attack("a payment before any sign-on", "plain", "58; not processed", not_signed_on, "hop.sent", "'58'"),
    Attack(
        "a sign-on of an institution that nobody knows",
        "plain",
        "58; signs nobody on",
        nobody,
        "link.sign_on_refused",
        NOBODY,
    ),
    Attack(
        "a reversal of another acquirer's payment",
        "plain",
        "58; nothing is taken back",
        reverses_anothers,
        "message.foreign_institution",
        RIF,
    ),
)


@pytest.fixture(scope="module", params=[False, True], ids=["plain", "tls"])
def scene(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    made = Scene(tmp_path_factory.mktemp("attacks-on-keys"), tls=request.param, on_behalf=request.param)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("attack", ATTACKS, ids=lambda attack: attack.what)
def test_an_attack_meets_its_reaction_and_others_go_on(scene: Scene, attack: Attack[Scene]) -> None:
    with reaction_to(scene.stage, attack):
        if attack.event.startswith("mac."):
            scene.said_again()
        attack.do(scene)
    if attack.on == "MAC":
        scene.quiet_at = time.monotonic() + 1.05
    scene.pays()


def test_what_is_as_it_should_be_is_taken(scene: Scene) -> None:
    """Else every attack would be met."""
    card = next(card for card in scene.cards.values() if card.issuer == "atlas" and card.plain)
    told(scene, scene.chip(card=card.name, de52=scene.pin(card)), "00")
    secured = [line for line in scene.stage.events("link.secured") if "acquirers" in str(line)]
    checked = [line for line in scene.stage.events("hop.sent") if "checked on behalf of atlas" in str(line)]
    assert (bool(secured), bool(checked)) == (scene.tls is not None, scene.tls is not None)


def test_after_all_of_it_and_an_abort_no_key_or_pin_or_track_is_in_any_file_or_stream(scene: Scene) -> None:
    """The last that needs the switch. Where a core dump would go, none is. The file `control` has what was sent."""
    card = scene.cards[CARD]
    told(scene, scene.chip(de52=scene.pin(card)), "00")
    told(scene, scene.payment(CARD), "00")
    os.kill(scene.switch.pid, signal.SIGABRT)
    scene.switch.wait(10)
    looked = files_in(scene.stage.directory)
    assert {".jsonl", ".out", ".log", ".sqlite"} <= {path.suffix for path in looked}
    assert not [path for path in (*looked, *Path.cwd().glob("core*")) if path.name.startswith("core")]
    assert found_in(looked, scene.planted | secrets_of([card])) == {
        ("lmk.key", "master key"),
        ("control", "PIN block"),
        ("control", f"track of {CARD}'s chip"),
        ("control", f"track of {CARD}'s stripe"),
    }, "where they are looked for and are, and nowhere else"


def test_the_page_has_every_attack_and_no_other() -> None:
    page_has("Attacks on keys, PINs and cards", ATTACKS)
