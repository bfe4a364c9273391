"""The Wireshark dissector made of a dialect shows, in tshark, what our decoder reads."""

import json
import struct
import subprocess
from itertools import pairwise
from pathlib import Path

import pytest

from switch.dialects import lua
from switch.wire import Dialect
from switch.wire.dialect import names
from switch.wire.framing import FRAMINGS, make_framing
from tests.wire.samples import ICC, changed, purchase

needs_tshark = pytest.mark.outside("tshark")
WHOLE_ICC = ICC.removesuffix("9F4104000001") + "9F410400000001"


def capture(path: Path, segments: list[bytes]) -> None:
    """A pcap file of TCP segments to port 8583."""
    out, sequence = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 1), 1_000
    for n, data in enumerate(segments):
        tcp = struct.pack(">HHIIBBHHH", 40_000, 8_583, sequence, 1, 5 << 4, 0x18, 65_535, 0, 0) + data
        ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), n, 0, 64, 6, 0, b"\x7f\0\0\1", b"\x7f\0\0\1")
        packet = b"\0" * 12 + b"\x08\0" + ip + tcp
        out += struct.pack("<IIII", n, 0, len(packet), len(packet)) + packet
        sequence += len(data)
    path.write_bytes(out)


def tshark(tmp_path: Path, dialect: Dialect, framing: str, stream: bytes, *options: str) -> str:
    cuts = [0, len(stream) // 3, len(stream) // 2, len(stream)]
    capture(tmp_path / "x.pcap", [stream[a:b] for a, b in pairwise(cuts)])
    (tmp_path / "x.lua").write_text(lua.write(dialect, framing), encoding="utf-8")
    found = subprocess.run(
        ["tshark", "-r", tmp_path / "x.pcap", "-X", f"lua_script:{tmp_path / 'x.lua'}",
         "-d", f"tcp.port==8583,{lua.protocol(dialect)}", *options],
        capture_output=True, text=True, timeout=60, check=True,
    )  # fmt: skip
    assert "error" not in found.stderr.lower(), found.stderr
    return found.stdout


def full(dialect: Dialect) -> dict[str, str]:
    """The purchase, with what each dialect has of its own inside elements."""
    document = {**purchase(dialect), "55": WHOLE_ICC}
    if dialect.name == "visa":
        document |= {"55": "01" + f"{len(WHOLE_ICC) // 2:04X}" + WHOLE_ICC, "62": "C000000000000000C50416329123456789"}
    if dialect.name == "mastercard":
        document["48"] = "T42070210321" + "9203123"
    return document


@needs_tshark
@pytest.mark.parametrize("name", names())
def test_tshark_reads_every_element_as_we_do(name: str, tmp_path: Path) -> None:
    dialect = Dialect.load(name)
    framing = make_framing(dialect.framing, 8_000)
    wire = dialect.encode(full(dialect))
    proto = lua.protocol(dialect)
    output = tshark(
        tmp_path,
        dialect,
        dialect.framing,
        framing.frame(wire) * 3,
        "-T",
        "json",
        "--no-duplicate-keys",
        "-o",
        f"{proto}.secrets:TRUE",
    )
    layers = [p["_source"]["layers"][proto] for p in json.loads(output) if proto in p["_source"]["layers"]]
    shown = [layer for found in layers for layer in (found if isinstance(found, list) else [found])]
    assert len(shown) == 3
    (sent,) = framing.feed(framing.frame(wire))  # a BASE I header has its length filled in
    labels = {"h": "header", "t": "mti", "p": "bitmap", "1": "bitmap2"}
    for layer in shown:
        assert f"{proto}.error" not in json.dumps(layer)
        read = {key: layer[f"{proto}.{labels.get(key, f'de{key}')}"] for key in dialect.decode(sent)}
        assert read == dialect.decode(sent)


@needs_tshark
@pytest.mark.parametrize("framing", sorted(FRAMINGS.keys() - {"tpdu", "base1", "gzip"}))
def test_every_framing_is_cut_where_we_cut(framing: str, tmp_path: Path) -> None:
    dialect = Dialect.load("cmi87")
    stream = make_framing(framing, 8_000).frame(dialect.encode(full(dialect))) * 3
    output = tshark(tmp_path, dialect, framing, stream, "-T", "fields", "-e", "iso8583_cmi87.de11")
    assert output.replace(",", " ").split() == ["000123"] * 3


@needs_tshark
@pytest.mark.parametrize("name", names())
def test_secrets_are_hidden_unless_asked_for(name: str, tmp_path: Path) -> None:
    dialect = Dialect.load(name)
    document = full(dialect)
    stream = make_framing(dialect.framing, 8_000).frame(dialect.encode(document))
    output = tshark(tmp_path, dialect, dialect.framing, stream, "-V", "-O", lua.protocol(dialect))
    assert "504739******7890" in output
    assert document.get("35", document["2"]) not in output
    assert document["2"] not in output
    assert "Application cryptogram: A1B2C3D4E5F60718" in output
    if name == "mastercard":
        assert ".92 CVC2: <3 characters>" in output


@needs_tshark
def test_a_message_of_another_dialect_is_told_with_its_element(tmp_path: Path) -> None:
    dialect = Dialect.load("cmi87")
    wire = dialect.encode(full(dialect))
    stream = make_framing("length2", 8_000).frame(wire[:-3])
    output = tshark(tmp_path, dialect, "length2", stream, "-V", "-O", "iso8583_cmi87")
    assert "DE102 at byte" in output
    assert "bytes are left" in output


@pytest.mark.parametrize("name", names())
def test_the_dissector_names_every_element_and_balances_its_quotes(name: str) -> None:
    dialect = Dialect.load(name)
    text = lua.write(dialect, dialect.framing, (8_583,))
    assert all(f'["{key}"] = ' in text for key in dialect.elements)
    assert text.isascii()
    assert "ports = {8583}" in text


@needs_tshark
@pytest.mark.parametrize("template", [False, True])
def test_chip_data_hides_its_card_where_no_annotation_says_so(tmp_path: Path, template: bool) -> None:
    spec = {key: dict(entry) for key, entry in Dialect.load("cmi87").spec.items()}
    del spec["55"]["subfields"]
    dialect = Dialect.from_spec({"dialect": {"name": "brought"}, **spec})
    card = "5A085047391234567890"
    wire = dialect.encode(
        {
            "t": "0200",
            "11": "000001",
            "55": "9F02060000000123459505" + "00" * 5 + f"700A{card}" * template + card * (not template),
        }
    )
    output = tshark(
        tmp_path, dialect, "length2", make_framing("length2", 8_000).frame(wire), "-V", "-O", lua.protocol(dialect)
    )
    assert "9F02 000000012345" in output
    assert "5047391234567890" not in output


@needs_tshark
def test_both_bitmaps_always_and_lengths_behind_a_bitmap_are_read_as_we_read_them(tmp_path: Path) -> None:
    parts = [{"id": "1", "len": 9, "enc": "ascii", "len_len": 2, "desc": "Name"}, {"id": "3", "len": 2, "enc": "b"}]
    form = {"form": "bitmapped", "bitmap": 1, "parts": parts}
    dialect = changed("ascii87", {"bitmaps": "both"}, de60={"content": "b", "data_enc": "b", "subfields": form})
    document = {"t": "0200", "11": "000001", "60": "A0" + b"04ABCD".hex() + "1234"}
    stream = make_framing("length2", 8_000).frame(dialect.encode(document))
    output = tshark(tmp_path, dialect, "length2", stream, "-V", "-O", lua.protocol(dialect))
    assert ".1 Name: ABCD" in output
    assert ".3 1234" in output
    assert "Not of this dialect" not in output
