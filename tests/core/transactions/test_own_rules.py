"""Own rules: what they decide, what they are given, and what they can cost. docs/hooks.md is where three of them come from."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from switch.config import ConfigErrors, load_network, parse_network
from switch.config.hooks import hooks_of
from switch.core.hooks import Hooks, RulesError, made
from switch.core.network import Network
from switch.core.records.records import Answered, Declined, Forwarded
from switch.sim.cast import Cast
from switch.sim.playbook import Playbook
from switch.sim.world import World
from switch.wire import Document

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "hooks.md").read_text()
WORKED = dict(re.findall(r"^```python (\w+\.py)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL))
BASE = (ROOT / "tests" / "config" / "base.toml").read_text()
CARD, VISA = "9504010000090010", "4550410100090015"


EXAMPLE = re.search(r"^```python\n# test_rules.py\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def with_rules(source: str, when_off: str = "open") -> Network:
    made(source, "rules.py")
    hooks = Hooks(file="rules.py", source=source, digest=str(hash(source)), when_off=when_off)
    return msgspec.structs.replace(load_network("morocco"), hooks=hooks)


class Till:
    """An acquirer at a switch with rules; its issuer answers when it is told to."""

    def __init__(self, source: str, when_off: str = "open") -> None:
        self.book = Playbook(with_rules(source, when_off))
        self.issuer = self.book.host("atlas")
        self.acquirer = self.book.acquirer("acquirers", "504102")
        self.stan = 0

    def sends(self, **changes: str) -> Document:
        self.stan += 1
        document = {
            "t": "0200",
            "2": CARD,
            "3": "000000",
            "4": "000000010000",
            "7": self.book.switch.de7(self.book.now),
            "11": f"{self.stan:06d}",
            "12": "130000",
            "13": "1125",
            "14": "3112",
            "18": "5411",
            "22": "012",
            "25": "00",
            "32": "504102",
            "37": f"5329120{self.stan:05d}",
            "41": "T0000001",
            "42": "M1             ",
            "49": "504",
        }
        document |= {name.removeprefix("de"): value for name, value in changes.items()}
        self.acquirer.sends(document)
        return document

    def pays(self, **changes: str) -> str:
        """DE39 of a payment that its issuer approves if it is asked."""
        self.sends(**changes)
        if not self.issuer.got_nothing():
            self.issuer.answers(self.issuer.gets(), **{"38": "123456"})
        return self.acquirer.gets()["39"]

    def passes(self, seconds: float) -> None:
        """Time passes; whoever has been silent is there again."""
        self.book.passes(seconds)
        self.issuer, self.acquirer = self.book.host("atlas"), self.book.acquirer("acquirers", "504102")


def rules(body: str, point: str = "before_forward(self, payment)") -> str:
    lines = "\n".join(f"        {line}" for line in body.splitlines())
    return f"from switch.core.hooks import Refuse\n\nclass Rules:\n    seen = []\n    def {point}:\n{lines}\n"


def test_the_page_s_own_test_runs(tmp_path: Path) -> None:
    assert EXAMPLE is not None
    names: dict[str, Any] = {}
    exec(EXAMPLE[1], names)
    names["test_a_blocked_merchant_is_refused"](tmp_path)


def test_velocity_ten_times_in_an_hour() -> None:
    till = Till(WORKED["velocity.py"])
    assert [till.pays() for _ in range(11)] == ["00"] * 10 + ["65"]
    assert till.pays(de2="9504010000090028") == "00"
    (declined,) = till.book.recorded(Declined)
    assert declined.reason == "own rule: ten payments of this card within an hour"
    till.passes(3_600)
    assert till.pays() == "00"


def test_a_merchant_is_blocked_and_a_casino_limited() -> None:
    till = Till(WORKED["merchants.py"])
    assert till.pays(de42="MERCHANT0000666") == "03"
    assert till.pays(de18="7995", de4="000000050001") == "61"
    assert till.pays(de18="7995", de4="000000050000") == "00"


def test_the_cheapest_host_that_is_up_is_asked() -> None:
    till = Till(WORKED["cheapest.py"])
    assert till.pays(de2=VISA) == "00"
    visa = till.book.host("visa")
    till.sends(de2=VISA, de4="000000010000")
    assert till.issuer.got_nothing()
    visa.answers(visa.gets(), **{"38": "123456"})
    answer = till.acquirer.gets()
    assert (answer["39"], answer["44"]) == ("00", "BY VISA")
    assert [entry.host for entry in till.book.recorded(Forwarded)] == ["atlas", "visa"]
    assert till.pays(de2=VISA, de4="000000040000") == "00"
    assert till.book.recorded(Forwarded)[-1].host == "atlas"
    assert till.pays() == "00", "a card of the national scheme goes where it always goes"


def test_what_an_answer_gets_a_repeat_gets_again() -> None:
    till = Till(WORKED["cheapest.py"])
    sent = till.sends()
    till.issuer.answers(till.issuer.gets(), **{"38": "123456"})
    first = till.acquirer.gets()
    till.acquirer.sends({**sent, "t": "0201"})
    again = till.acquirer.gets()
    assert first["44"] == again["44"] == "BY ATLAS"
    assert till.book.recorded(Answered)[0].elements["44"] == "BY ATLAS"


def test_a_refusal_holds_while_the_issuer_is_away_and_would_be_stood_in_for() -> None:
    till = Till(WORKED["merchants.py"])
    till.issuer.hangs_up()
    assert till.pays(de42="MERCHANT0000666") == "03"


def test_what_it_is_given_names_no_card() -> None:
    till = Till(rules("Rules.seen.append(payment)\nreturn None"))
    till.pays(de35=f"{CARD}=31122010000000000")
    (payment,) = till.book.switch.own_rules._rules.seen
    assert (payment.amount, payment.merchant, payment.host, payment.issuer, payment.acquirer, payment.pan) == (
        100_00,
        "M1",
        "atlas",
        "atlas",
        "rif",
        "950401******0010",
    )
    assert CARD not in str(payment)
    assert payment.hosts == {"atlas": True, "rif": False, "souss": False, "visa": False, "mastercard": False}


@pytest.mark.parametrize(
    ("source", "said"),
    [
        (rules("return {}['x']"), "KeyError in rules.py:6"),
        (rules("return Refuse('00', 'an approval')"), "it says Refuse, and not Refuse with a DE39"),
        (rules("return 'no'"), "it says str"),
        (rules("return Refuse(51, 'a number')"), "it says Refuse, and not Refuse with a DE39"),
        (rules("return Refuse('51', None)"), "it says Refuse, and not Refuse with a DE39"),
        (rules("raise SystemExit"), "SystemExit in rules.py:6"),
        (rules("raise KeyboardInterrupt"), "KeyboardInterrupt in rules.py:6"),
        (rules("class Own(BaseException): ...\nraise Own"), "Own in rules.py:7"),
        (rules("return self.before_forward(payment)"), "RecursionError in rules.py:6"),
        (rules("payment.amount = 1"), "AttributeError in rules.py:6"),
        (rules("yield 1"), "it says generator"),
        (rules("return type('Odd', (), {'__repr__': 0})()", "route(self, payment)"), "a Odd is no host"),
        (rules("return 'x' * 1_000_000", "route(self, payment)"), "x' is no host"),
        (rules("return 'nowhere'", "route(self, payment)"), "'nowhere' is no host"),
    ],
)
def test_an_error_costs_its_message_and_nothing_else(source: str, said: str) -> None:
    till = Till(source)
    assert till.pays() == "96"
    assert till.issuer.got_nothing()
    reason = till.book.recorded(Declined)[0].reason
    assert said in reason
    assert len(reason) < 300
    (event,) = till.book.logged("hook.failed")
    assert CARD not in str(event.fields)
    assert till.acquirer.closed == ""


@pytest.mark.parametrize(
    "body",
    [
        "raise ValueError(payment.pan)",
        "return {'39': '05'}",
        "return {'44': ''}",
        "return 7",
        "raise SystemExit",
        "raise KeyboardInterrupt",
    ],
)
def test_an_error_about_an_answer_leaves_it_as_it_is(body: str) -> None:
    till = Till(rules(body, "before_answer(self, payment, answer)"))
    assert till.pays() == "00"
    assert len(till.book.logged("hook.failed")) == 1


def slow(when_off: str) -> Till:
    till = Till(WORKED["merchants.py"], when_off)
    ticks = iter(range(0, 10**15, 21_000_000))
    till.book.switch.own_rules.clock = lambda: next(ticks)
    return till


@pytest.mark.parametrize(("when_off", "then"), [("open", "00"), ("closed", "96")])
def test_three_overruns_switch_them_off_open_or_closed(when_off: str, then: str) -> None:
    till = slow(when_off)
    assert [till.pays(de42="MERCHANT0000666") for _ in range(3)] == ["03"] * 3
    assert till.pays(de42="MERCHANT0000666") == then
    assert [event.fields["times"] for event in till.book.logged("hook.overrun")] == [1, 2, 3]
    (off,) = till.book.logged("hook.off")
    assert off.level == "error"


def test_overruns_ten_minutes_apart_switch_nothing_off() -> None:
    till = slow("closed")
    for _ in range(5):
        assert till.pays() == "00"
        till.passes(301)
    assert till.book.logged("hook.off") == []


def test_a_reload_keeps_what_they_remember_unless_the_file_has_changed_or_they_are_off() -> None:
    till = Till(WORKED["velocity.py"])
    assert [till.pays() for _ in range(10)] == ["00"] * 10
    till.book.reloads(till.book.network)
    assert till.pays() == "65"
    changed = with_rules(WORKED["velocity.py"] + "\n# changed\n")
    till.book.reloads(changed)
    assert till.pays() == "00"
    till.book.switch.own_rules.off = "overruns"
    till.book.reloads(changed)
    assert till.book.switch.own_rules.off == ""
    till.book.reloads(load_network("morocco"))
    assert till.book.switch.own_rules is None
    assert till.pays() == "00"


@pytest.mark.parametrize(
    ("source", "line", "said"),
    [
        ("class Rules:\n    def route(self, payment):\n        return\n    x = (", 4, "no Python"),
        ("import time\n" + rules("return None"), 1, "it imports time"),
        ("from switch.core import kernel\n" + rules("return None"), 1, "it imports switch.core"),
        (rules("return open('x')"), 6, "it uses open"),
        (rules("exit()"), 6, "it uses exit"),
        ("raise SystemExit\n" + rules("return None"), 1, "SystemExit"),
        (rules("return payment.__class__"), 6, "it uses __class__"),
        ("def route(payment):\n    return None\n", 0, "there is no class Rules"),
        ("class Rules:\n    pass\n", 1, "class Rules has no point"),
        ("raise KeyboardInterrupt\n" + rules("return None"), 1, "KeyboardInterrupt"),
        ("x = " + "-" * 100_000 + "1" + "\n" + rules("return None"), 0, "no Python"),
        ("class Rules:\n    async def route(self, payment):\n        return None\n", 2, "route is async"),
        ("class Rules:\n    def before_answer(self, payment):\n        return None\n", 2, "takes 1 values"),
        (
            "class Rules:\n    def __init__(self):\n        1 / 0\n    def route(self, payment):\n        return None\n",
            3,
            "ZeroDivisionError",
        ),
    ],
)
def test_a_file_that_makes_no_rules_says_where(tmp_path: Path, source: str, line: int, said: str) -> None:
    (tmp_path / "rules.py").write_text(source)
    with pytest.raises(RulesError) as error:
        hooks_of(tmp_path / "rules.py")
    assert (error.value.line, said in error.value.message) == (line, True)
    with pytest.raises(ConfigErrors) as errors:
        parse_network(f'{BASE}\n[hooks]\nfile = "rules.py"\n', str(tmp_path / "small.toml"))
    assert f"rules.py:{line}:" in str(errors.value) or not line


def test_the_section_is_read_with_its_defaults(tmp_path: Path) -> None:
    (tmp_path / "rules.py").write_text(WORKED["velocity.py"])
    network = parse_network(f'{BASE}\n[hooks]\nfile = "rules.py"\n', str(tmp_path / "small.toml"))
    assert network.hooks is not None
    assert (network.hooks.when_off, network.hooks.budget_ms, network.hooks.file) == (
        "open",
        20,
        str(tmp_path / "rules.py"),
    )
    with pytest.raises(ConfigErrors, match="cannot be read: No such file"):
        parse_network(f'{BASE}\n[hooks]\nfile = "else.py"\n', str(tmp_path / "small.toml"))


@pytest.mark.long
@pytest.mark.parametrize("name", sorted(WORKED))
def test_a_day_with_each_of_them_loses_nothing_and_is_the_same_again(name: str) -> None:
    days = [World(Cast(with_rules(WORKED[name])), seed=26, transactions=30).run() for _ in range(2)]
    assert [day.failures for day in days] == [(), ()]
    assert days[0].approved == days[1].approved
    assert days[0].declined == days[1].declined
