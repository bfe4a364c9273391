"""A network file becomes a `Network`, or all of its mistakes; nothing else, whatever it holds."""

import json
import os
import threading
import time
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from switch.config import ConfigErrors, load_network, parse_network
from switch.config.load import FILE_BYTES_MAX
from switch.config.positions import scan
from switch.core.limits import Limits
from switch.core.network import Address
from switch.wire.dialect import DIRECTORY

BASE = (Path(__file__).parent / "base.toml").read_text()


def test_the_shipped_network_has_no_mistake_and_every_scheme_at_every_bank() -> None:
    network = load_network("morocco")
    assert (network.country, network.country_alpha, network.currency) == ("504", "MA", "504")
    assert {m.name for m in network.members} == {"atlas", "rif", "souss", "cmi"}
    for member in network.issuing:
        assert {b.scheme for b in network.bins if b.issuer == member.name} == {"cmi", "visa", "mastercard"}
    assert {h.scheme for h in network.hosts if h.role == "network"} == {"visa", "mastercard"}
    assert {b.currency for b in network.bins} <= set(network.rates)


def test_what_is_left_out_has_the_documented_default() -> None:
    network = parse_network(BASE, "small.toml")
    atlas, rif, visa = network.hosts
    assert (atlas.member, atlas.institution, atlas.framing) == ("atlas", "504101", "length2")
    assert (atlas.timeout_ms, atlas.echo_s, atlas.retry_ms) == (10_000, 30, 30_000)
    assert (rif.member, rif.timeout_ms, rif.connect) == ("rif", 12_000, Address("127.0.0.1", 8592))
    assert (visa.framing, visa.institution) == ("base1", "400000")
    assert network.bins[0].country == "504"
    assert network.bins[0].currency == "504"
    assert network.bins[2].country == "840"
    assert network.tariffs[0].per_transaction == 55
    assert network.tariffs[0].ad_valorem == Decimal("0.0011")
    assert network.rates == {"840": Decimal("9.97"), "504": Decimal(1)}
    assert network.limits == Limits()
    assert network.state_dir == "var/small"


def test_a_range_knows_the_line_it_is_written_on() -> None:
    network = parse_network(BASE, "small.toml")
    lines = BASE.split("\n")
    assert [lines[b.line - 1] for b in network.bins] == ['range = "9504 01"', 'range = "4550 4102"', 'range = "4"']


def test_a_limit_is_raised_by_its_name() -> None:
    assert parse_network(BASE + "[limits]\npending = 50_000\n", "x").limits == Limits(pending=50_000)


def test_an_ipv6_address_stands_in_brackets() -> None:
    network = parse_network(BASE.replace("127.0.0.1:8583", "[::1]:8583"), "x")
    assert network.listeners[0].address == Address("::1", 8583)


def test_carriage_returns_change_nothing_but_line_ends(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_bytes(BASE.replace("\n", "\r\n").encode())
    assert load_network(str(path)).bins == parse_network(BASE, "x").bins


def test_a_dialect_that_lacks_what_a_link_needs_is_named_with_it(tmp_path: Path) -> None:
    spec = json.loads((DIRECTORY / "cmi87.json").read_text())
    del spec["90"], spec["37"]
    path = tmp_path / "mine.json"
    path.write_text(json.dumps(spec))
    with pytest.raises(ConfigErrors) as caught:
        parse_network(BASE.replace('"iso93"', f'"{path}"'), "small.toml")
    (mistake,) = caught.value.mistakes
    assert "lacks DE37, DE90, which a link needs" in mistake.message
    assert mistake.line == 31


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("maroc", 'maroc: no shipped network has this name\n  did you mean "morocco"? Any other file is'),
        (
            "nowhere/x.toml",
            "nowhere/x.toml: there is no such file\n  shipped networks are named without .toml: bench, morocco",
        ),
        ("/", "cannot be read: Is a directory"),
    ],
)
def test_a_file_that_is_not_there_is_said_so(name: str, said: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load_network(name)
    assert said in str(caught.value)


def test_a_file_in_another_encoding_is_named_with_its_first_wrong_byte(tmp_path: Path) -> None:
    path = tmp_path / "latin.toml"
    path.write_bytes(b'title = "caf\xe9"\n')
    with pytest.raises(ConfigErrors, match="is not UTF-8: byte 0xe9 at offset 12"):
        load_network(str(path))


def test_a_dialect_that_no_link_can_speak_is_a_mistake(tmp_path: Path) -> None:
    spoken = json.loads((DIRECTORY / "cmi87.json").read_text())
    path = tmp_path / "cmi99.json"
    spoken["dialect"] = {
        "name": "cmi99",
        "version": "0",
        "framing": "length2",
    }  # no family: its own, as of one that was imported
    path.write_text(json.dumps(spoken))
    text = BASE.replace('dialect = "cmi87"', f'dialect = "{path}"', 1)
    assert text != BASE
    with pytest.raises(ConfigErrors, match=r"no link can speak it: .* no translation for family"):
        parse_network(text, "x")


def test_a_byte_order_mark_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert load_network(str(path)).bins == parse_network(BASE, "x").bins


HOSTILE_FILES = {
    "arrays in arrays": "x = " + "[" * 5000,
    "tables in tables": "x = " + "{a = " * 5000,
    "a key of fifty thousand parts": "a" + ".a" * 50_000 + " = 1",
    "a header of fifty thousand parts": "[a" + ".a" * 50_000 + "]",
    "a string without an end, full of ends": 'x = """' + r'\"""' * 25_000,
    "a number of thousands of digits": "x = " + "9" * 5000,
    "a number of thousands of digits where one is asked for": BASE.replace("12_000", "9" * 4000),
    "a NUL": "\x00",
    "an escape sequence": 'x = "\x1b[2J"',
    "a number without end": "[rates]\nUSD = 1e999999\n",
    "a hundred thousand tables": "[[a]]\n" * 100_000,
    "one key twenty thousand times": "x = 1\n" * 20_000,
    "ranges that lack all else": BASE + '[[bin]]\nrange = "4"\n' * 20_000,
}


@pytest.mark.parametrize("text", HOSTILE_FILES.values(), ids=HOSTILE_FILES)
def test_a_hostile_file_is_soon_a_mistake_with_its_place(text: str) -> None:
    began = time.process_time()
    with pytest.raises(ConfigErrors) as caught:
        parse_network(text, "x")
    said = str(caught.value)
    assert said.startswith("x:")
    assert said.replace("\n", "").isprintable()
    assert len(said) < 400_000
    assert time.process_time() - began < 5


def test_a_file_too_large_to_be_a_network_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "large.toml"
    with path.open("wb") as file:
        file.truncate(FILE_BYTES_MAX + 1)
    with pytest.raises(ConfigErrors, match="has more than 16,777,216 bytes, the most that a network file may have"):
        load_network(str(path))


def test_checks_cost_by_the_line_not_by_its_square() -> None:
    def seconds(ranges: int) -> float:
        blocks = (f'[[bin]]\nrange = "7{n:07d}"\nscheme = "cmi"\nissuer = "rif"\n' for n in range(ranges))
        text, began = BASE + "".join(blocks), time.process_time()
        assert len(parse_network(text, "x").bins) == ranges + 3
        return time.process_time() - began

    assert seconds(8_000) < 20 * seconds(1_000)


VALUES = [
    "{}",
    "[]",
    "[{}]",
    "[[]]",
    '""',
    '"\\u0000\\u001b[2J"',
    "0",
    "-1",
    "1e400",
    "nan",
    "true",
    "2026-01-01",
    "[1]",
]


@pytest.mark.long
def test_a_value_of_any_other_kind_at_any_key_is_a_mistake_at_that_key_or_taken() -> None:
    spans = [span for span in scan(BASE).spans.values() if span.value_end > span.value_start]
    assert len(spans) > 30
    for span in spans:
        for value in VALUES:
            text = BASE[: span.value_start] + value + BASE[span.value_end :]
            try:
                parse_network(text, "x")
            except ConfigErrors as errors:
                assert str(errors).replace("\n", "").isprintable()  # noqa: PT017 - a value may be right, too


WHOLE = (Path(__file__).parent / "whole.toml").read_text()
ODD_VALUES = [
    *VALUES,
    '" "',
    '"é"',
    '"٣"',
    '"[::1"',
    '"http://[::1"',
    '"postgresql://[::1/db"',
    '"https://a℀b"',
    '"127.0.0.1:99999"',
    '"/"',
    '"NaN %"',
    '"1e999999 %"',
    '"1E-999999 MAD"',
    '"99999999999999999999 MAD"',
    '"24:00"',
    '"4-"',
    '["http://[::1"]',
    '["", ""]',
    "{a = {b = 1}}",
    '{"" = 1}',
    '"../etc/passwd"',
    '"above 1e999 MAD"',
    "9999-12-31",
    "20:00:00",
    "9223372036854775808",
]
SPOILED_EACH = 2
"""values tried at each key: the next two of the list, so that every one is tried in many places"""


@pytest.mark.long
def test_an_odd_value_at_any_key_of_any_section_is_a_mistake_or_taken() -> None:
    spans = [span for span in scan(WHOLE).spans.values() if span.value_end > span.value_start]
    assert len(spans) > 250
    refused = 0
    for n, span in enumerate(spans):
        for value in (ODD_VALUES * 2)[n * SPOILED_EACH % len(ODD_VALUES) :][:SPOILED_EACH]:
            try:
                parse_network(WHOLE[: span.value_start] + value + WHOLE[span.value_end :], "x", files=True)
            except ConfigErrors as errors:
                refused += 1
                assert str(errors).replace("\n", "").isprintable()  # noqa: PT017 - a value may be right, too
    assert refused > SPOILED_EACH * len(spans) * 0.8


@pytest.mark.parametrize(
    ("section", "key", "value"),
    [
        ("journal", "store", '"postgresql://[::1/db"'),
        ("journal", "patroni", '["http://[::1", "http://b:port", "http://c"]'),
        ("threeds", "url", '"https://a℀b"'),
        ("security", "module", '"\\u0000"'),
    ],
)
def test_what_the_standard_library_refuses_with_its_own_error_is_a_mistake_at_its_key(
    section: str, key: str, value: str
) -> None:
    span = scan(WHOLE).spans[section, key]
    with pytest.raises(ConfigErrors) as caught:
        parse_network(WHOLE[: span.value_start] + value + WHOLE[span.value_end :], "x", files=True)
    line = WHOLE.count("\n", 0, span.value_start) + 1
    assert {mistake.line for mistake in caught.value.mistakes} == {line}


PIECES = st.sampled_from(
    ["", '"', "[", "]]", "=", "\n", "#", "1", "-1", "1e400", '""', "{a=1}", '"é"', "[[host]]\n", "inf", "\t"]
)


@given(st.lists(st.tuples(st.integers(0, len(BASE)), st.integers(0, 12), PIECES), min_size=1, max_size=3))
def test_a_spoiled_file_is_a_network_or_its_mistakes(edits: list[tuple[int, int, str]]) -> None:
    text = BASE
    for at, cut, piece in edits:
        text = text[:at] + piece + text[at + cut :]
    said = "none"
    try:
        parse_network(text, "x")
    except ConfigErrors as errors:
        said = str(errors)
    assert said


def test_a_link_to_itself_and_a_directory_that_is_gone_are_said_not_thrown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    circle, gone = tmp_path / "circle.toml", tmp_path / "gone"
    circle.symlink_to(circle)
    with pytest.raises(ConfigErrors, match="cannot be read: Too many levels of symbolic links"):
        load_network(str(circle))
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert load_network("morocco").name == "morocco"


def test_a_file_in_utf_16_is_named_so_with_what_to_do(tmp_path: Path) -> None:
    path = tmp_path / "notepad.toml"
    path.write_bytes(BASE.encode("utf-16"))
    with pytest.raises(ConfigErrors, match=r"on line 1; it is UTF-16\n  save it as UTF-8"):
        load_network(str(path))


def test_a_fee_until_the_last_day_there_is_holds_for_ever() -> None:
    fee = '\n[[fee]]\nname = "f"\nkind = "interchange"\npayer = "acquirer"\npayee = "issuer"\npercent = "1 %"\n'
    (rule,) = parse_network(BASE + fee + "to = 9999-12-31\n", "x").fees
    assert rule.end == "9999-12-31"
    with pytest.raises(ConfigErrors, match=r"no \[\[fee\]\] is for .* from 9999-12-31 on"):
        parse_network(BASE + fee + "to = 9999-12-30\n", "x")


@pytest.mark.parametrize(
    ("state_dir", "copy"), [("var/x", "{cwd}/var/x/head"), ("{cwd}/var", "var/x/head"), ("/", "/h"), ("v", "v")]
)
def test_a_copy_of_the_journals_head_lies_outside_the_state_directory_however_either_is_written(
    state_dir: str, copy: str
) -> None:
    cwd = Path.cwd()
    text = f'state_dir = "{state_dir.format(cwd=cwd)}"\n{BASE}\n[journal]\nhead_copy = "{copy.format(cwd=cwd)}"\n'
    with pytest.raises(ConfigErrors, match="lies in the state directory"):
        parse_network(text, "x")


def test_a_title_may_have_what_french_and_arabic_write() -> None:
    title = "Société\u00a0: \u200fالبنك"
    assert parse_network(f'title = "{title}"\n{BASE}', "x").title == title


def test_a_file_that_is_a_pipe_is_read_to_its_end_and_waited_for_by_nobody(tmp_path: Path) -> None:
    pipe = tmp_path / "network.toml"
    os.mkfifo(pipe)
    with pytest.raises(ConfigErrors):
        load_network(str(pipe))
    reading, writing = os.pipe()  # as a shell has `check <(…)`

    def write() -> None:
        with open(writing, "wb") as file:
            file.write(BASE.encode())
            file.flush()
            time.sleep(0.02)
            file.write(b"\n# the rest comes later\n" * 10_000)

    thread = threading.Thread(target=write)
    thread.start()
    assert load_network(f"/dev/fd/{reading}").name == parse_network(BASE, "base.toml").name
    thread.join()
    os.close(reading)
