import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.cli.dialect import command
from switch.wire import Dialect
from switch.wire.dialect import DIRECTORY
from switch.wire.framing import make_framing
from tests.dialects.jpos_files import ASCII_87, xml
from tests.dialects.test_lua import capture
from tests.dialects.test_moov import ISO87

CMI87 = Dialect.load("cmi87")


def run(*args: str, stdin: bytes = b"") -> Result:
    return CliRunner().invoke(command, list(args), input=stdin)


def test_show_prints_a_table_and_single_elements() -> None:
    whole, one = run("show", "visa"), run("show", "visa", "-e", "62", "-e", "DE3")
    assert "DE126" in whole.output
    assert "DE62" in one.output
    assert "DE126" not in one.output
    assert run("show", "visa", "-e", "200").exit_code == 2
    assert "did you mean cmi87?" in run("show", "cmi78").output


def test_lint_shows_mistakes_of_all_files_and_how_many(tmp_path: Path) -> None:
    good = DIRECTORY / "cmi87.json"
    bad = tmp_path / "bad.json"
    bad.write_text(
        good.read_text(encoding="utf-8")
        .replace('"form": "tlv"', '"form": "tvl"')
        .replace('"version": "0"', '"version": 0')
    )
    result = run("lint", str(good), str(bad))
    assert result.exit_code == 1
    assert f"{good}: right" in result.output
    assert "did you mean tlv?" in result.output
    assert "dialect.version" in result.output
    assert result.output.rstrip().endswith("3 mistakes")
    assert run("lint", str(good)).exit_code == 0
    assert "cannot be read: No such file" in run("lint", "none.json").output


def test_diff_says_what_differs_and_its_exit_code_tells_whether() -> None:
    result = run("diff", "cmi87", "mastercard")
    assert result.exit_code == 1
    assert "on the wire" in result.output
    assert run("diff", "visa", "visa").exit_code == 0
    lines = [json.loads(line) for line in run("diff", "cmi87", "cmi87b", "--json").output.splitlines()]
    assert {"element": "", "name": "", "what": "framing", "a": "length2", "b": "tpdu", "touches": "wire"} in lines


def test_import_writes_a_file_that_loads_and_guesses_what_it_reads(tmp_path: Path) -> None:
    (tmp_path / "p.xml").write_bytes(xml(ASCII_87))
    (tmp_path / "m.json").write_text(json.dumps({"name": "m", "fields": ISO87}))
    for source in ("p.xml", "m.json"):
        out = tmp_path / f"out-{source}.json"
        result = run(
            "import", str(tmp_path / source), "--name", "mine", "--framing", "tpdu", "--header", "5", "-o", str(out)
        )
        assert (result.exit_code, result.stdout) == (0, "")
        assert result.stderr.startswith("no link can speak it yet: --family says whose forms it has")
        made = Dialect.load(str(out))
        assert (made.name, made.framing, made.elements["h"].size) == ("mine", "tpdu", 5)
        assert run("lint", str(out)).exit_code == 0


def test_import_checks_that_a_link_can_speak_what_is_of_a_family(tmp_path: Path) -> None:
    (tmp_path / "p.xml").write_bytes(xml(ASCII_87))
    (tmp_path / "s.xml").write_bytes(xml({**ASCII_87, "IFA_NUMERIC": "0:4 3:6 4-6:12 7:10 11:6"}))
    whole = run("import", str(tmp_path / "p.xml"), "--family", "cmi")
    assert (whole.exit_code, whole.stderr, json.loads(whole.stdout)["dialect"]["family"]) == (0, "", "cmi")
    short = run("import", str(tmp_path / "s.xml"), "--family", "cmi")
    assert short.stderr == "no link can speak it yet: it lacks DE90, DE70, which a link needs\n"
    other = run("import", str(tmp_path / "p.xml"), "--family", "visa")
    assert (other.exit_code, other.stdout) == (1, "")
    assert "nothing is written: it is not of family visa: dialect p: DE60 needs a subfields annotation" in other.stderr
    assert 'did you mean "cmi"?' in run("import", str(tmp_path / "p.xml"), "--family", "cim").stderr


def test_import_refuses_what_cannot_be_said_or_leaves_it_out(tmp_path: Path) -> None:
    path = tmp_path / "p.xml"
    path.write_bytes(xml({**ASCII_87, "IF_TCHAR": "66:9", "IFA_NUMERIC": ASCII_87["IFA_NUMERIC"].replace("66:1 ", "")}))
    result = run("import", str(path))
    assert result.exit_code == 1
    assert "class IF_TCHAR: it ends at a token" in result.output
    assert "--skip leaves out the 1 that cannot be said" in result.output
    left = run("import", str(path), "--skip")
    assert left.exit_code == 0
    assert "66" not in json.loads(left.stdout)
    assert run("import", str(path), "--framing", "length9").exit_code == 2


def test_export_writes_jpos_and_lua(tmp_path: Path) -> None:
    assert 'class="org.jpos.iso.IFA_LLNUM"' in run("export", "cmi87", "--jpos").stdout
    out = tmp_path / "v.lua"
    assert run("export", "visa", "--lua", "--port", "8584", "-o", str(out)).exit_code == 0
    assert "iso8583_visa" in out.read_text()
    assert "say what to write: --jpos or --lua" in run("export", "visa").output
    assert run("export", "visa", "--lua", "--framing", "x").exit_code == 2
    assert "cannot be written" in run("export", "visa", "--lua", "-o", str(tmp_path / "none" / "x.lua")).output


def test_drift_reports_what_messages_use_beyond_the_dialect(tmp_path: Path) -> None:
    wire = CMI87.encode({"t": "0200", "4": "000000012345", "11": "000042", "55": "DF19010A"})
    hexes, stream = tmp_path / "m.hex", tmp_path / "m.bin"
    hexes.write_text(wire.hex() + "\n")
    stream.write_bytes(make_framing("length2", 8_000).frame(wire) * 2)
    result = run("drift", str(hexes), "--dialect", "cmi87")
    assert result.exit_code == 1
    assert "subfield: DF19  1×, first in message 1" in result.output
    found = json.loads(run("drift", str(stream), "--dialect", "cmi87", "--framing", "length2", "--json").output)
    assert (found["element"], found["what"], found["count"]) == ("55", "DF19", 2)
    plain = CMI87.encode({"t": "0800", "11": "000042", "70": "301"})
    assert run("drift", "-", "--dialect", "cmi87", stdin=plain.hex().encode()).exit_code == 0
    assert run("drift", "-", "--dialect", "cmi87", stdin=b"zz").exit_code == 2


def test_drift_reads_captures_and_tells_where_a_stream_cannot_be_cut(tmp_path: Path) -> None:
    wire = CMI87.encode({"t": "0200", "4": "000000012345", "11": "000042", "55": "DF19010A"})
    stream = make_framing("length2", 8_000).frame(wire) * 3
    path = tmp_path / "m.pcap"
    capture(path, [stream[:50], stream[50:]])
    found = json.loads(run("drift", str(path), "--dialect", "cmi87", "--json").stdout)
    assert (found["what"], found["count"]) == ("DF19", 3)
    assert run("drift", str(path), "--dialect", "cmi87", "--port", "9").exit_code == 0
    broken = run("drift", str(path), "--dialect", "cmi87", "--framing", "tpdu")
    assert "the client's stream is read no further: tpdu frame, byte 0" in broken.stderr


@pytest.mark.parametrize("name", ["show", "lint", "diff", "import", "export", "drift"])
def test_help_of_each_teaches_by_examples(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    assert "Examples:" in result.output
