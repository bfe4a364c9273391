"""`cmi-switch pay`, towards an issuer's own host: the outcome in one sentence, and an exit code to go by."""

import os
import re
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.cli import _outcome, pay
from switch.config import load_network
from switch.security.keyring import KeyRing
from switch.security.lmk import make_lmk
from switch.simulators.cards import demo_cards
from switch.simulators.clock import Calendar
from switch.simulators.messages import completion
from switch.wire import Dialect
from switch.wire.framing import make_framing
from switch.wire.vocabulary import DE, Document, is_request, response_mti

from .conftest import Running, run_in, write_network

Pay = Callable[..., Result]


@pytest.fixture
def atlas(here: Path, running: Running) -> Iterator[Pay]:
    """Pays at Atlas's issuer host."""
    with running("issuer", "atlas", "--network", "net.toml") as (_, ready):
        address = ready.listeners["atlas"]

        def run(*arguments: str, quiet: bool = True) -> Result:
            return pay_at(address, *(["--quiet"] if quiet else []), *arguments)

        yield run


def pay_at(address: str, *arguments: str) -> Result:
    where = ["--network", "net.toml", "--host", address, "--dialect", "cmi87"]
    return CliRunner().invoke(pay.command, [*where, *arguments])


@pytest.fixture(scope="module")
def standing_host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    directory = tmp_path_factory.mktemp("standing")
    write_network(directory)
    with run_in(directory, "issuer", "atlas", "--network", "net.toml") as (_, ready):
        yield directory, ready.listeners["atlas"]


@pytest.fixture
def standing_atlas(standing_host: tuple[Path, str], monkeypatch: pytest.MonkeyPatch) -> Pay:
    """As `atlas`, at one host for all tests that move no money: what is declined, and what is never sent."""
    directory, address = standing_host
    monkeypatch.chdir(directory)
    return partial(pay_at, address, "--quiet")


def test_an_approval_names_amount_card_and_code(atlas: Pay) -> None:
    result = atlas("--card", "atlas-approved", "--amount", "250.00")
    assert result.exit_code == 0
    assert re.fullmatch(
        r"Approved: purchase of 250.00 MAD with 950401\*{6}0010, approval code \d{6}\.\n", result.output
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--card", "51"], "DE39=51, not sufficient funds"),
        (["--card", "54"], "DE39=54, expired card"),
        (["--card", "57", "--type", "cash"], "DE39=57, not permitted to cardholder"),
        (["--card", "61", "--amount", "500.01"], "DE39=61, exceeds amount limit"),
        (["--card", "61-day", "--amount", "1000.01"], "DE39=61, exceeds amount limit"),
        (["--card", "62"], "DE39=62, restricted card"),
        (["--card", "05"], "DE39=05, do not honour"),
        (["--card", "14"], "DE39=14, invalid card number"),
        (["--card", "41"], "DE39=41, lost card"),
        (["--card", "43"], "DE39=43, stolen card"),
        (["--card", "1", "--expiry", "3001"], "DE39=54, expired card"),
    ],
)
def test_each_showcase_card_shows_what_it_is_there_to_show(
    standing_atlas: Pay, arguments: list[str], says: str
) -> None:
    result = standing_atlas(*arguments)
    assert result.exit_code == 3
    assert says in result.output


def test_another_cvv2_than_the_cards_own_is_n7(atlas: Pay) -> None:
    card = next(c for c in demo_cards(load_network("net.toml")) if c.name == "atlas-n7")
    assert atlas("--card", "n7", "--channel", "web").exit_code == 0
    other = f"{(int(card.cvv2) + 1) % 1000:03d}"
    assert "DE39=N7" in atlas("--card", "n7", "--channel", "web", "--cvv2", other).output


def test_a_purchase_can_be_voided_and_the_balance_tells(atlas: Pay) -> None:
    atlas("--card", "1", "--amount", "100")
    assert "available 49900.00 MAD" in atlas("--card", "1", "--type", "balance").output
    atlas("--card", "1", "--amount", "50")
    assert "Approved: void of 50.00 MAD" in atlas("--type", "void").output
    assert "Approved: void" in atlas("--type", "void").output
    assert "available 49900.00 MAD" in atlas("--card", "1", "--type", "balance").output


def test_a_preauthorization_is_completed_with_what_was_used(atlas: Pay) -> None:
    assert atlas("--type", "preauth", "--amount", "800").exit_code == 0
    result = atlas("--type", "completion", "--amount", "640.50")
    assert "Approved: completion of 640.50 MAD" in result.output
    assert "ledger balance 49359.50 MAD, available 49359.50 MAD" in atlas("--type", "balance").output


def test_a_preauthorization_is_added_to_and_completed_with_the_whole(atlas: Pay) -> None:
    atlas("--type", "preauth", "--amount", "300")
    assert "Approved: increment of 50.00 MAD" in atlas("--type", "increment", "--amount", "50").output
    assert "ledger balance 50000.00 MAD, available 49650.00 MAD" in atlas("--type", "balance").output
    atlas("--type", "preauth", "--amount", "300")
    atlas("--type", "increment", "--amount", "50")
    assert atlas("--type", "completion", "--amount", "402.51").exit_code == 3
    assert atlas("--type", "completion", "--amount", "402.50").exit_code == 0
    result = atlas("--type", "increment", "--amount", "50")
    assert result.exit_code == 1
    assert "the last payment was a completion: only a pre-authorization can be added to" in result.output


def test_a_completion_far_above_its_preauthorization_is_refused(atlas: Pay) -> None:
    atlas("--type", "preauth", "--amount", "300")
    result = atlas("--type", "completion", "--amount", "346")
    assert result.exit_code == 3
    assert "DE39=61, exceeds amount limit" in result.output
    assert atlas("--type", "completion", "--amount", "345").exit_code == 0


def test_a_part_is_taken_back_and_then_the_rest(atlas: Pay) -> None:
    atlas("--amount", "300")
    assert ", of which 120.00 MAD stand" in atlas("--type", "void", "--actual", "120").output
    assert atlas("--type", "void", "--actual", "50").exit_code == 0
    assert atlas("--type", "void").exit_code == 0
    assert "available 50000.00 MAD" in atlas("--type", "balance").output


def test_cash_back_names_its_part(atlas: Pay) -> None:
    result = atlas("--type", "cashback", "--amount", "350", "--cash", "200", quiet=False)
    assert result.exit_code == 0
    assert "0040504D000000020000" in result.output
    assert "DE39=13" in atlas("--type", "cashback", "--amount", "350", "--cash", "351").output


def test_less_may_be_approved_than_is_asked(atlas: Pay) -> None:
    result = atlas("--card", "51", "--amount", "80", "--partial")
    assert result.exit_code == 0
    assert result.output.startswith("Approved in part: 10.00 MAD of 80.00 MAD with 950401")
    assert "DE39=51" in atlas("--card", "51", "--amount", "80").output


def test_only_a_preauthorization_can_be_completed(atlas: Pay) -> None:
    assert "make one first" in atlas("--type", "void").output
    atlas("--amount", "10")
    result = atlas("--type", "completion", "--amount", "10")
    assert result.exit_code == 1
    assert "the last payment was a purchase" in result.output


def test_nothing_secret_of_the_last_payment_is_kept(atlas: Pay, here: Path) -> None:
    card = next(c for c in demo_cards(load_network("net.toml")) if c.name == "atlas-approved")
    atlas("--card", card.name, "--channel", "web")
    (kept,) = here.rglob("pay-last.json")
    assert card.pan not in kept.read_text()
    assert f"9203{card.cvv2}" not in kept.read_text()


def test_no_answer_is_taken_back(atlas: Pay, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pay, "ANSWER_S", 0.3)
    result = atlas("--card", "silent")
    assert result.exit_code == 1
    assert "No answer within 0.3 s: taking it back." in result.output
    assert "no answer; the reversal was accepted" in result.output


def test_all_dialects_of_a_host_can_be_paid_in(here: Path, running: Running) -> None:
    with running("network", "visa", "--network", "net.toml", "--latency", "0") as (_, ready):
        where = ["--network", "net.toml", "--host", ready.listeners["visa"], "--dialect", "visa"]
        result = CliRunner().invoke(pay.command, [*where, "--card", "fr-visa", "--channel", "web", "--quiet"])
    assert result.exit_code == 0
    assert re.search(r"billed 9\.\d\d EUR", result.output)


def test_a_host_is_paid_in_the_framing_it_has(here: Path, running: Running) -> None:
    file = here / "net.toml"
    before, host, behind = file.read_text().partition("[[host]]")
    file.write_text(before + host + behind.replace('framing = "length2"', 'framing = "gzip"', 1))
    with running("issuer", "atlas", "--network", "net.toml") as (_, ready):
        where = ["--network", "net.toml", "--host", ready.listeners["atlas"], "--dialect", "cmi87", "--quiet"]
        paid = CliRunner().invoke(pay.command, [*where, "--framing", "gzip"])
    assert paid.output.startswith("Approved: purchase of 100.00 MAD"), paid.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (
            ["--host", "127.0.0.1:1"],
            "nothing listens on 127.0.0.1:1: start the switch with `cmi-switch serve net.toml`",
        ),
        (["--card", "9999"], "'9999' is neither a test card"),
        (["--amount", "ten"], "'ten' is no amount"),
        (["--bank", "bnp"], "'bnp' is no member of"),
        (["--port", "web"], "'web' is no listener of"),
        (["--dialect", "cmi88"], "cmi88"),
        (["--framing", "length9"], "no framing is called 'length9'"),
        (["--type", "loan"], "'loan' is not one of"),
        (["--expiry", "12/31", "--card", "1"], "expected YYMM, found '12/31'"),
    ],
)
def test_what_is_wrong_is_said(standing_atlas: Pay, arguments: list[str], says: str) -> None:
    result = standing_atlas(*arguments)
    assert result.exit_code in (1, 2)
    assert says in result.output


def test_the_messages_are_shown_field_by_field_and_nothing_secret_in_them(atlas: Pay) -> None:
    card = next(c for c in demo_cards(load_network("net.toml")) if c.name == "atlas-approved")
    result = atlas("--card", card.name, "--channel", "web", quiet=False)
    assert result.exit_code == 0
    assert "-> 0200 to 127.0.0.1:" in result.output
    assert "<- 0210 after " in result.output
    assert re.search(r"DE39\s+Response Code\s+00", result.output)
    assert card.pan not in result.output
    assert not re.search(rf"\b{card.cvv2}\b", result.output)


def test_what_was_asked_has_no_sign_and_a_balance_may_be_below_zero() -> None:
    assert list(_outcome._balances("0057504D000000008000" + "0002504D000000001250")) == [
        ("asked", "80.00 MAD"),
        ("available", "-12.50 MAD"),
    ]


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        ({DE.RESPONSE_CODE: "10"}, "Approved in part: an unknown part (the answer has no DE4) of 100.00 MAD with"),
        (
            {DE.RESPONSE_CODE: "00", DE.ADDITIONAL_AMOUNTS: "0002504CNOBODY KNOWS"},
            "Approved: purchase of 100.00 MAD with",
        ),
        ({}, "Declined: purchase of 100.00 MAD with 950401******0010: DE39=, no meaning known"),
    ],
)
def test_what_other_hosts_leave_out_or_write_otherwise_is_no_defect(answer: Document, says: str) -> None:
    request = {DE.MTI: "0200", DE.PAN: "9504010000090010", DE.AMOUNT: "000000010000", DE.CURRENCY: "504"}
    assert says in _outcome.outcome_of("purchase", request, answer)


class Forgetful(threading.Thread):
    """An issuer's host by somebody else: it signs on, answers no payment, and reversals as it likes."""

    def __init__(self, de39: str) -> None:
        super().__init__(daemon=True)
        self._de39 = de39
        self._door = socket.create_server(("127.0.0.1", 0))
        self.address = "{}:{}".format(*self._door.getsockname())
        self.start()

    def run(self) -> None:
        dialect, framing = Dialect.load("cmi87"), make_framing("length2", 8_192)
        peer, _ = self._door.accept()
        with peer, self._door:
            while data := peer.recv(65_536):
                for frame in framing.feed(data):
                    asked = dialect.decode(frame)
                    if is_request(asked[DE.MTI]) and asked[DE.MTI] != "0200":
                        kept = (DE.STAN, DE.TRANSMISSION_TIME, DE.ACQUIRER, DE.NETWORK_CODE)
                        answer = {de: asked[de] for de in kept if de in asked} | {DE.MTI: response_mti(asked[DE.MTI])}
                        code = "00" if asked[DE.MTI] == "0800" else self._de39
                        peer.sendall(framing.frame(dialect.encode(answer | {DE.RESPONSE_CODE: code})))


@pytest.mark.parametrize(
    ("de39", "says"),
    [
        ("00", "no answer; the reversal was accepted"),
        ("25", "no answer, and the reversal was refused: DE39=25, unable to locate record; ask the issuer what stands"),
    ],
)
def test_a_reversal_that_is_refused_is_not_called_accepted(
    here: Path, monkeypatch: pytest.MonkeyPatch, de39: str, says: str
) -> None:
    monkeypatch.setattr(pay, "ANSWER_S", 0.2)
    result = pay_at(Forgetful(de39).address, "--quiet")
    assert (result.exit_code, says in result.output) == (1, True), result.output


def test_a_completion_after_an_approval_without_a_code_sends_none() -> None:
    original = {DE.MTI: "0100", DE.PROCESSING_CODE: "000000", DE.AMOUNT: "000000010000", DE.STAN: "000007",
                DE.TRANSMISSION_TIME: "1125120000", DE.ACQUIRER: "504101", DE.CURRENCY: "504"}  # fmt: skip
    at = Calendar().at(1_764_072_000_000_000_000)
    assert DE.APPROVAL_CODE not in completion(original, "", 10_000, at, "000008")
    assert completion(original, "007919", 10_000, at, "000008")[DE.APPROVAL_CODE] == "007919"


@pytest.fixture
def chips(here: Path, running: Running) -> Iterator[Pay]:
    """Pays at Atlas's issuer host, which has keys for its cards."""
    ring = KeyRing(here / "keys.json", make_lmk(here / "lmk.key", bytes(32)), os.urandom)
    with ring.audit.turn():
        for name, kind in (("atlas-cvk", "cvk"), ("atlas-imk", "imk-ac-test"), ("atlas-dyn", "imk-cvc3-test")):
            ring.generate(name, kind, "tdes2", exportable=False, at="2026-11-27T12:00:00Z", by="test")
    text = (here / "net.toml").read_text()
    named = 'cvv_key = "atlas-cvk"\nchip_key = "atlas-imk"\ndynamic_key = "atlas-dyn"\n'
    text = text.replace('[[host]]\nname = "atlas"\n', f'[[host]]\nname = "atlas"\n{named}')
    (here / "net.toml").write_text(text + '\n[security]\nkeys = "keys.json"\nlmk = "lmk.key"\n')
    with running("issuer", "atlas", "--network", "net.toml") as (_, ready):
        address = ready.listeners["atlas"]

        def run(*arguments: str) -> Result:
            where = ["--network", "net.toml", "--host", address, "--dialect", "cmi87", "--card", "atlas-approved"]
            return CliRunner().invoke(pay.command, [*where, "--amount", "80", *arguments])

        yield run


def test_a_chip_pays_by_its_cryptogram_and_only_as_it_is(chips: Pay) -> None:
    shown = chips("--chip")
    assert (shown.exit_code, "Application cryptogram" in shown.output) == (0, True), shown.output
    assert "Issuer authentication data" in shown.output, "and the card is answered"
    for arguments, code in (
        ((), 0),
        (("--stripe",), 0),
        (("--channel", "web"), 0),
        (("--tap",), 0),
        (("--tap", "--wrong", "counter"), 3),
        (("--tap", "--wrong", "stripe"), 3),
        (("--tap",), 0),
        (("--wrong", "cryptogram"), 3),
        (("--wrong", "counter"), 3),
        (("--wrong", "amount"), 3),
        (("--wrong", "stripe"), 3),
        (("--pin", ""), 0),
    ):
        result = chips("--quiet", *arguments)
        assert result.exit_code == code, (arguments, result.output)
        assert "DE39=63, security violation" in result.output or not code
    assert (
        chips("--quiet", "--channel", "web", "--chip").output.splitlines()[-1]
        == "Error: --chip, --tap, --wrong: a payment on the web reads no card"
    )
    for arguments in (("--tap", "--chip"), ("--tap", "--wrong", "amount")):
        assert "--tap: takes `dynamic_key` of the issuer's [[host]]" in chips(*arguments).output


def test_a_chip_needs_a_key_of_its_issuer(standing_atlas: Pay) -> None:
    result = standing_atlas("--chip")
    assert (result.exit_code, "no `chip_key` for [[host]] of atlas" in result.output) == (2, True)
