"""What a hop log adds up to."""

import io
import itertools
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from switch.core.party import Hop, Log
from switch.observe.hoplog import HopLog
from switch.observe.lines import second_of
from switch.observe.live import plain_line, sparkline, summary, view
from switch.observe.model import NOTABLE_KEPT, SECONDS_KEPT, Model, route_order

from .samples import START_NS, an_afternoon, payment, reversal, write


@pytest.fixture
def afternoon(tmp_path: Path) -> Model:
    model = Model()
    model.feed_all(an_afternoon(tmp_path / "hops.jsonl").read_bytes().splitlines())
    return model


def fed(tmp_path: Path, *events: Iterator[tuple[Hop, int]] | tuple[Log, float]) -> Model:
    log = HopLog(tmp_path / "hops.jsonl")
    write(log, *events)
    log.close()
    model = Model()
    model.feed_all((tmp_path / "hops.jsonl").read_bytes().splitlines())
    return model


def test_payments_are_counted_by_route_when_their_answer_leaves(afternoon: Model) -> None:
    counts = {name: (r.approved, r.declined, r.reversed) for name, r in afternoon.routes.items()}
    assert counts == {"domestic": (2, 2, 1), "visa": (2, 0, 0), "mastercard": (1, 0, 0), "refused": (0, 1, 0)}
    total = afternoon.total
    assert (total.total, total.approved, total.declined, total.reversed) == (8, 5, 3, 1)
    assert afternoon.codes == {"00": 5, "51": 1, "15": 1, "91": 1}


def test_a_repeated_reversal_is_one_reversal(afternoon: Model) -> None:
    assert afternoon.routes["domestic"].reversed == 1


def test_an_acquirer_s_reversal_counts_once_though_it_is_acknowledged_on_one_side_and_sent_on_the_other(
    tmp_path: Path,
) -> None:
    ask, _, _, acknowledge = payment(0xB1, 0, 900)
    ask = (ask[0].__class__(**{f: getattr(ask[0], f) for f in ask[0].__struct_fields__} | {"mti": "0400"}), ask[1])
    acknowledge = (
        acknowledge[0].__class__(
            **{f: getattr(acknowledge[0], f) for f in acknowledge[0].__struct_fields__} | {"mti": "0410"}
        ),
        acknowledge[1],
    )
    model = fed(tmp_path, iter([ask, acknowledge]), reversal(0xB1, 0xB0, 1))
    assert model.total.reversed == 1
    assert model.total.total == 0


def test_latency_is_the_elapsed_time_of_the_last_hop(afternoon: Model) -> None:
    assert afternoon.routes["visa"].latency.lowest == 84_300
    assert afternoon.routes["visa"].latency.highest == 91_200
    assert afternoon.total.latency.total == 8


def test_costs_add_up_by_route(afternoon: Model) -> None:
    assert {name: r.cost for name, r in afternoon.routes.items()} == {
        "domestic": 0, "visa": 256, "mastercard": 140, "refused": 0,
    }  # fmt: skip


def test_amounts_approved_are_kept_by_currency(afternoon: Model) -> None:
    assert afternoon.total.amounts == {"MAD": 2 * 12_345 + 80_000 + 12_345, "EUR": 12_345}


def test_links_have_the_state_their_last_event_gave_them(afternoon: Model) -> None:
    assert {name: link.state for name, link in afternoon.links.items()} == {
        "atlas": "signed on", "rif": "signed on", "visa": "signed on", "acquirers": "signed on",
        "souss": "unreachable: Connection refused", "mastercard": "down: closed by the peer",
    }  # fmt: skip


def test_what_an_old_connection_says_is_not_taken_for_the_new_one_s(tmp_path: Path) -> None:
    model = fed(
        tmp_path,
        (Log("info", "link.up", {"link": "visa#1"}), 0),
        (Log("info", "link.up", {"link": "visa#2"}), 1),
        (Log("warning", "link.down", {"link": "visa#1"}), 2),
    )
    assert model.links["visa"].state == "signed on"
    assert list(model.links["visa"].connections) == ["visa#2"]


def test_many_connections_behind_one_name_are_counted(tmp_path: Path) -> None:
    events = [
        (Log("info", "link.signed_on" if n % 2 else "link.connected", {"link": f"pos#{n}"}), n) for n in range(10)
    ]
    model = fed(tmp_path, *events, (Log("info", "link.signed_off", {"link": "pos#1"}), 11))
    assert (model.links["pos"].signed_on, len(model.links["pos"].connections)) == (4, 10)


def test_payments_of_a_second_stand_in_that_second(afternoon: Model) -> None:
    first = START_NS // 1_000_000_000
    assert afternoon.rates(first + 3, 3) == [3, 3, 1]
    assert second_of(afternoon.last_at) == first + 42


def test_warnings_and_errors_are_kept_newest_last_and_the_same_ones_together(tmp_path: Path) -> None:
    late = [(Log("warning", "answer.late", {"n": n, "hint": "long"}), n) for n in range(3)]
    model = fed(tmp_path, (Log("error", "journal.down", {"reason": "full"}), 0), (Log("info", "link.up", {}), 0), *late)
    assert [(n.event, n.count, n.text) for n in model.notable] == [
        ("journal.down", 1, "reason=full"),
        ("answer.late", 3, "n=2"),
    ]
    assert model.warnings == {"journal.down": 1, "answer.late": 3}


def test_1993_action_codes_read_as_their_1987_answers(tmp_path: Path) -> None:
    model = fed(tmp_path, payment(1, 0, 10, de39="000"), payment(2, 1, 10, de39="116"))
    assert model.codes == {"00": 1, "51": 1}


def test_memory_is_bounded(tmp_path: Path) -> None:
    model = fed(
        tmp_path,
        *[payment(n, n * 1_000, 10) for n in range(SECONDS_KEPT + 50)],
        *[(Log("warning", f"w{n}", {}), n) for n in range(NOTABLE_KEPT + 50)],
    )
    assert len(model.seconds) == SECONDS_KEPT
    assert len(model.notable) == NOTABLE_KEPT


@given(
    st.one_of(
        st.binary(max_size=60),
        st.sampled_from([b"{}", b"[]", b'{"event":1}', b'{"event":"hop.sent","amount":"x"}', b'{"at":1}']),
    )
)
def test_a_line_that_is_no_event_is_counted_and_costs_nothing_else(line: bytes) -> None:
    model = Model()
    model.feed(line)
    assert model.hops == 0
    assert model.unreadable + sum(model.events.values()) == 1


def test_forgetting_payments_keeps_the_links(afternoon: Model) -> None:
    afternoon.forget_payments()
    assert afternoon.total.total == 0
    assert afternoon.rates(second_of(afternoon.last_at), 60) == [0] * 60
    assert afternoon.links["atlas"].state == "signed on"


def test_domestic_stands_before_the_networks_and_refusals_last() -> None:
    for routes in itertools.permutations(["refused", "visa", "other", "domestic"]):
        assert route_order(routes) == ["domestic", "visa", "other", "refused"]


# -- pictures


def shown(renderable: RenderableType, width: int = 120) -> str:
    drawn = io.StringIO()
    console = Console(file=drawn, width=width)
    console.print(renderable)
    return drawn.getvalue()


@pytest.mark.parametrize("width", [80, 120])
def test_the_view_fits_its_width_and_shows_each_route_beside_the_others(afternoon: Model, width: int) -> None:
    text = shown(view(afternoon, second_of(afternoon.last_at), "MAD", "hops.jsonl", width), width)
    assert max(map(len, text.splitlines())) <= width
    (visa,) = [line for line in text.splitlines() if line.startswith("│ visa  ") and "MAD" in line]
    assert visa.split()[2:8] == ["2", "100.0", "0", "0", "84.48", "91.20"]
    assert "…" not in visa
    assert "2.56 MAD" in text
    assert "unreachable" in text
    assert "answer.late" in text


def test_an_empty_log_has_a_view_too() -> None:
    text = shown(view(Model(), 0, "MAD", "nothing yet"))
    assert "0/s" in text
    assert "nothing to report" in text


def test_the_summary_names_warnings_by_event(afternoon: Model) -> None:
    text = shown(summary(afternoon))
    assert "Warnings and errors: answer.late 1, answer.missing 1, link.connect_failed 1, link.down 1" in text


def test_the_plain_line(afternoon: Model) -> None:
    assert plain_line(afternoon, START_NS // 10**9 + 3, 3) == (
        "14:14:02 2/s | 8 payments | 62.5 % approved, 3 declined, 1 reversed | domestic 4 1.23/10000 ms | visa 2 "
        "84.48/91.20 ms | mastercard 1 122/122 ms | refused 1 0.07/0.07 ms | links 4 of 6 up | last: link.down"
    )


def test_a_sparkline_shows_zero_as_nothing_and_one_as_something() -> None:
    assert sparkline([0, 1, 500, 1000]) == " ▁▄█"
    assert sparkline([]) == ""


def link_event(event: str, link: str, **more: str) -> bytes:
    return json.dumps(
        {"at": "2026-11-25T01:50:57.370940Z", "level": "info", "event": event, "link": link} | more
    ).encode()


def test_what_is_not_well_is_shown_until_it_is_well_again() -> None:
    model = Model()
    said = {
        "at": "2026-11-25T01:50:57.370940Z",
        "level": "error",
        "event": "health.changed",
        "problems": ["atlas is away"],
    }
    model.feed(json.dumps(said).encode())
    assert model.unwell == ("atlas is away",)
    assert "not well: atlas is away" in plain_line(model, 0, 1)
    model.feed(json.dumps(said | {"level": "info", "problems": []}).encode())
    assert "not well" not in plain_line(model, 0, 1)


def test_an_acquirer_that_hung_up_is_forgotten_and_a_host_that_is_away_is_not() -> None:
    model = Model()
    model.feed_all([
        link_event("link.connected", "acquirers#1"),
        link_event("link.signed_on", "acquirers#1", source="rif"),
        link_event("link.up", "atlas#1", host="atlas"),
        link_event("link.down", "acquirers#1", source="rif"),
        link_event("link.closed", "acquirers#1", reason="the peer closed it"),
        link_event("link.down", "atlas#1", host="atlas"),
    ])  # fmt: skip
    assert list(model.links) == ["atlas"]
    assert model.links["atlas"].last == "down"
