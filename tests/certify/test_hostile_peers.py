"""Peers that send anything at all: the certification goes on, ends, and passes nothing that was not right."""

from random import Random

import pytest

from switch.certify.findings import FAILED, NOT_RUN, PASSED, Report
from switch.certify.page import page
from switch.certify.reports import as_json, as_junit
from switch.core.messages.translator import translator_for
from switch.core.party import Effect, Send
from switch.wire import Dialect, EncodeError
from switch.wire.framing import make_framing
from tests.certify.peers import CMI87, Twisted, examiner, plan, run_against

MTIS = ("0110", "0200", "0210", "0211", "0310", "0400", "0430", "0800", "0810", "1210", "9999")
REQUEST = {
    "t": "0200",
    "2": "9504010000090010",
    "3": "000000",
    "7": "1128110000",
    "11": "000001",
    "12": "120000",
    "13": "1128",
    "14": "3112",
    "18": "5411",
    "19": "504",
    "22": "012",
    "25": "00",
    "32": "504102",
    "37": "633211000001",
    "41": "T0000001",
    "42": "MERCHANT0000001",
    "49": "504",
    "70": "001",
    "38": "123456",
    "43": "EPICERIE DU PORT         CASABLANCA   MA",
    "90": "020000000111281100000000050410200000000000",
}


class Mangling(Twisted):
    """An issuer of whose messages about half leave otherwise: damaged, cut, twice, not at all, as another type, as no message."""

    def __init__(self, random: Random) -> None:
        super().__init__(lambda document: document)
        self._random = random

    @property
    def effects(self) -> list[Effect]:
        return [made for effect in self._issuer.effects for made in self._mangled(effect)]

    @effects.setter
    def effects(self, effects: list[Effect]) -> None:
        self._issuer.effects = effects

    def _mangled(self, effect: Effect) -> list[Effect]:
        random = self._random
        if not isinstance(effect, Send) or random.random() < 0.5:
            return [effect]
        data, link, at = bytearray(effect.data), effect.link, random.randrange(1, len(effect.data))
        kind = random.randrange(9)
        if kind == 0:
            return [Send(link, random.randbytes(random.randrange(1, 80)))]
        if kind == 1:
            return [effect, effect]
        if kind == 2:
            return [Send(link, bytes(data[:at])), Send(link, bytes(data[at:]))]
        if kind == 3:
            return [Send(link, bytes(data[:at]))]
        if kind == 4:
            return []
        if kind == 5:
            return [Send(link, bytes(data[:2] + random.choice(MTIS).encode() + data[6:]))]
        if kind == 6:
            return [Send(link, b"HTTP/1.1 400 Bad Request\r\n\r\n")]
        if kind == 7:
            return [Send(link, self._without(bytes(data[2:])))]
        for _ in range(random.randrange(1, 6)):
            data[random.randrange(2, len(data))] = random.randrange(256)
        return [Send(link, bytes(data))]

    def _without(self, message: bytes) -> bytes:
        """The same with an element or two less."""
        document = {de: value for de, value in CMI87.decode(message).items() if de not in ("p", "1")}
        for _ in range(self._random.randrange(1, 4)):
            document.pop(self._random.choice([de for de in document if de != "t"]), None)
        made = CMI87.encode(document)
        return len(made).to_bytes(2, "big") + made


@pytest.mark.parametrize("seed", range(6))
def test_a_host_may_answer_with_anything(seed: int) -> None:
    one = run_against(plan("acquirer-basic"), Mangling(Random(seed)))
    verdicts = [outcome.verdict for outcome in one.outcomes]
    assert len(verdicts) == 11
    assert set(verdicts) <= {PASSED, FAILED, NOT_RUN}
    assert verdicts != [PASSED] * 11
    for outcome in one.outcomes:
        assert outcome.verdict != FAILED or outcome.failed or outcome.why, "a failure says on which point"
        assert outcome.verdict != PASSED or not outcome.failed
    report = Report(
        plan="p",
        title="P",
        plays="acquirer",
        certifies="c",
        peer="h",
        dialect="cmi87",
        framing="length2",
        began="2026-11-28T11:00:00Z",
        outcomes=one.outcomes,
        notes=one.notes,
    )
    for write in (page, as_json, as_junit):
        assert "9504010000090010" not in write(report)


@pytest.mark.parametrize("name", ["cmi87", "iso93", "visa", "mastercard"])
def test_an_acquirer_may_ask_anything_of_an_endpoint_that_is_always_up(name: str) -> None:
    random, spoken = Random(f"{name} 7"), Dialect.load(name)
    translator, framing = translator_for(spoken, "504102", ""), make_framing(spoken.framing)
    one, now = examiner(plan("issuer-basic"), name, goes_on=True), 10**9
    one.connected("in#1", now)
    for _ in range(30):
        now += random.randrange(1, 3 * 10**9)
        document = {
            **REQUEST,
            "t": random.choice(["0100", "0200", "0201", "0400", "0420", "0800", "0120", "0220", *MTIS]),
            "4": f"{random.choice([10_001, 10_002, 10_003, 10_004, 10_005, 10_006, 5]):012d}",
            "11": f"{random.randrange(1, 5):06d}",
        }
        for _ in range(random.randrange(3)):
            document.pop(random.choice([de for de in document if de != "t"]))
        try:
            message = bytearray(spoken.encode(translator.outward(document, None)))
        except EncodeError:
            continue
        for _ in range(random.choice((0, 0, 1, 3))):
            message[random.randrange(len(message))] = random.randrange(256)
        data = framing.frame(bytes(message)) if random.random() < 0.95 else random.randbytes(30)
        cut = random.randrange(len(data))
        one.received("in#1", data[:cut], now)
        one.received("in#1", data[cut:], now)
        one.tick(now + 10**6)
        if any(not isinstance(effect, Send) for effect in one.effects):
            one.disconnected("in#1", now)
            one.connected("in#1", now)
        one.effects = []
    one.disconnected("in#1", now)
    one.connected("in#1", now)
    one.received("in#1", framing.frame(spoken.encode(translator.outward({**REQUEST, "4": "000000010001"}, None))), now)
    assert [type(effect) for effect in one.effects] == [Send], "what can be read is answered all the same"
