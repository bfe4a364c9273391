"""`cmi-switch keys` and `cmi-switch security`: a key's life on the command line, and what others may not do."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from switch.cli import keys as keys_command
from switch.cli._master_key import open_ring
from switch.cli.main import main
from switch.core.credentials import SecurityFiles
from switch.core.operator.command import Unable
from switch.security import commands as ask
from switch.security.key_commands import OfferKey
from switch.security.payshield import HostModule
from switch.security.remote import RemoteModule
from switch.server.keys import open_module


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CMI_SWITCH_LMK", str(tmp_path / "lmk" / "lmk.key"))
    return tmp_path / "keys.json"


def keys(place: Path, *arguments: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, ["keys", *arguments, "--keys", str(place)], input=typed)


def done(place: Path, *arguments: str, typed: str = "") -> str:
    result = keys(place, *arguments, typed=typed)
    assert result.exit_code == 0, result.output
    return result.output


def refused(place: Path, *arguments: str, typed: str = "") -> str:
    result = keys(place, *arguments, typed=typed)
    assert result.exit_code != 0
    assert "Traceback" not in result.output
    return result.output


def listed(place: Path) -> dict[str, dict[str, str]]:
    return {row["name"]: row for row in json.loads(done(place, "list", "--json"))}


def acts(place: Path) -> list[dict[str, str]]:
    return [json.loads(line)["act"] for line in place.with_name(place.name + ".audit").read_text().splitlines()]


def test_a_keys_life(place: Path) -> None:
    made = done(place, "generate", "atlas-zak", "--kind", "zak")
    assert "atlas-zak: MAC key (ISO 9797-1 algorithm 3), T, check value " in made
    lmk = place.parent / "lmk" / "lmk.key"
    assert lmk.stat().st_mode & 0o777 == 0o600
    assert place.stat().st_mode & 0o777 == 0o600
    first = listed(place)["atlas-zak"]["check_value"]
    done(place, "rotate", "atlas-zak")
    rows = listed(place)
    assert rows["atlas-zak.previous"]["check_value"] == first != rows["atlas-zak"]["check_value"]
    assert rows["atlas-zak"]["version"] == "01"
    assert "has check value" in refused(place, "destroy", "atlas-zak.previous", "000000")
    done(place, "destroy", "atlas-zak.previous", first)
    assert list(listed(place)) == ["atlas-zak"]
    assert "1 key and 4 acts: all hold" in done(place, "check")
    assert [act["act"] for act in acts(place)] == ["generate", "rotate", "destroy", "destroy"]
    assert "refused: key 'atlas-zak.previous' has check value" in acts(place)[2]["note"]


def test_a_key_goes_to_a_partner_and_comes_back(place: Path, tmp_path: Path) -> None:
    """Two installations: the zone master key travels in components, the PIN key under it."""
    for kind in ("tdes2", "aes256"):
        name = f"zmk-{kind}"
        shown = done(place, "generate", name, "--kind", "zmk", "--algorithm", kind, "--components", "3")
        parts = [line.split()[4] for line in shown.splitlines() if line.startswith("component")]
        there = tmp_path / "there.json"
        typed = "".join(f"{who}\n{part}\n" for who, part in zip(("Amina", "Brahim", "Chama"), parts, strict=True))
        taken = done(there, "import", name, "--kind", "zmk", "--algorithm", kind, "--components", "3", typed=typed)
        assert f"check value {listed(place)[name]['check_value']}" in taken
        done(place, "generate", f"zpk-{kind}", "--kind", "zpk", "--algorithm", "tdes2", "--exportable")
        block = done(place, "export", f"zpk-{kind}", "--under", name).strip()
        assert block[0] == ("D" if kind == "aes256" else "B")
        value = listed(place)[f"zpk-{kind}"]["check_value"]
        said = refused(there, "import", f"zpk-{kind}", "--under", name, "--block", block, "--check-value", "AAAAAA")
        assert "not AAAAAA: not taken in" in said
        assert f"zpk-{kind}" not in listed(there)
        done(there, "import", f"zpk-{kind}", "--under", name, "--block", block, "--check-value", value)
        assert listed(there)[f"zpk-{kind}"]["check_value"] == value
        changed = block[:5] + "M3" + block[7:]
        assert "its MAC does not hold" in refused(there, "import", "x", "--under", name, "--block", changed)
    done(there, "check")
    log = (tmp_path / "there.json.audit").read_text()
    assert "components of Amina, Brahim, Chama" in log
    assert not any(part in log + there.read_text() for part in parts)


def test_on_a_terminal_each_component_is_shown_to_its_own_person(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keys_command, "_on_a_terminal", lambda: True)
    makes = ("generate", "zmk", "--kind", "zmk", "--components", "2")
    assert "each component is another person's" in refused(place, *makes, typed="Amina\nAmina\n")
    assert not place.exists(), "no key of which somebody knows all"
    screens = done(place, *makes, typed="Amina\nBrahim\n\n\n\n\n").split(keys_command._CLEARED)
    shown = [[part in screen for part in ("component 1 of 2: ", "component 2 of 2: ", "zmk: ")] for screen in screens]
    assert shown == [[True, False, False], [False, True, False], [False, False, True]]
    (act,) = acts(place)
    assert (act["act"], act["by"].partition("; ")[2]) == ("generate", "components for Amina, Brahim")


def test_what_is_refused(place: Path) -> None:
    assert "there is no key file" in refused(place, "list")
    done(place, "generate", "zmk2", "--kind", "zmk", "--algorithm", "tdes2")
    done(place, "generate", "zpk-aes", "--kind", "zpk", "--algorithm", "aes128", "--exportable")
    done(place, "generate", "zak", "--kind", "zak")
    said = refused(place, "export", "zpk-aes", "--under", "zmk2")
    assert "has 128 bits of security, 'zmk2' 80: a key never travels under a weaker one" in said
    assert "not exportable (N)" in refused(place, "export", "zak", "--under", "zmk2")
    assert "keys travel under a zone master key" in refused(place, "export", "zpk-aes", "--under", "zak")
    assert "there is a key 'zak' already" in refused(place, "generate", "zak", "--kind", "zak")
    assert "a zak is tdes2, not aes128" in refused(place, "generate", "z", "--kind", "zak", "--algorithm", "aes128")
    assert "no name for a key" in refused(place, "generate", "a b", "--kind", "zak")
    assert "--components is for a zmk" in refused(place, "generate", "z", "--kind", "zak", "--components", "2")
    assert "add --allow-ecb" in refused(place, "import", "z", "--under", "zmk2", "--ecb", "00" * 16)
    again = "Amina\n" + "01" * 16 + "\nAmina\n"
    said = refused(place, "import", "z", "--kind", "zmk", "--components", "2", typed=again)
    assert "each component is another person's" in said
    weak = "A\n" + "0123456789ABCDEF" * 2 + "\nB\n" + "1122334455667788" * 2 + "\n"
    assert "as weak as single DES" in refused(place, "import", "z", "--kind", "zmk", "--components", "2", typed=weak)
    assert set(listed(place)) == {"zmk2", "zpk-aes", "zak"}
    assert "there is no key" in refused(place, "destroy", "nobody" * 100, "000000")
    tried = [act for act in acts(place) if act["note"].startswith("refused: ")]
    assert [act["act"] for act in tried] == [*["export"] * 3, *["generate"] * 3, *["import"] * 2, "destroy"]
    assert "a key never travels under a weaker one" in tried[0]["note"]
    assert tried[0]["by"], "who tried it"
    assert max(len(act["key"] + act["note"]) for act in tried) < 400
    assert not any(typed.upper() in str(tried).upper() for typed in ("0123456789ABCDEF", "01" * 16)), "no component"
    assert "3 keys and 12 acts: all hold" in done(place, "check")


def test_a_key_without_a_block_is_taken_where_that_is_said(place: Path) -> None:
    """The published pair of the vectors: a PIN key under the zone master key of three components."""
    parts = ("6BE3A1C28F0D4B7591D3E5F708192A3B", "02468ACE13579BDFECA8642013579BDF", "A1B2C3D4E5F60718293A4B5C6D7E8F90")
    typed = "".join(f"{who}\n{part}\n" for who, part in zip("ABC", parts, strict=True))
    assert "check value 86C1F6" in done(place, "import", "zmk", "--kind", "zmk", "--components", "3", typed=typed)
    sent = ("--ecb", "D092D56BC0592D83B0A7E78EE54BD9BA", "--allow-ecb", "--check-value", "57C409")
    assert "check value 57C409" in done(place, "import", "zpk", "--kind", "zpk", "--under", "zmk", *sent)


def test_what_was_changed_is_found(place: Path) -> None:
    done(place, "generate", "a", "--kind", "zak")
    done(place, "generate", "b", "--kind", "zak")
    whole = json.loads(place.read_text())
    swapped = json.loads(place.read_text())
    swapped["keys"][0]["block"], swapped["keys"][1]["block"] = (whole["keys"][n]["block"] for n in (1, 0))
    place.write_text(json.dumps(swapped))
    assert "blocks changed places" in refused(place, "check")
    place.write_text(json.dumps(whole))
    log = place.parent / "keys.json.audit"
    lines = log.read_text().splitlines()
    log.write_text(lines[1] + "\n")
    assert "line 1 does not follow" in refused(place, "check")
    assert "line 1 does not follow" in refused(place, "generate", "c", "--kind", "zak")
    log.write_text("\n".join(lines).replace('"b"', '"c"') + "\n")
    assert "line 2 does not follow" in refused(place, "check")


def test_a_master_key_that_others_may_read_or_that_is_another_is_refused(place: Path, tmp_path: Path) -> None:
    done(place, "generate", "a", "--kind", "zak")
    lmk = place.parent / "lmk" / "lmk.key"
    lmk.chmod(0o640)
    assert "others may read it: chmod 600" in refused(place, "list")
    lmk.chmod(0o600)
    other = tmp_path / "other.key"
    other.write_text("cmi-switch-lmk-1 " + "00" * 32 + "\n")
    other.chmod(0o600)
    assert "another file or passphrase" in refused(place, "list", "--lmk", str(other))
    other.write_text("hello\n")
    assert "no master key: expected" in refused(place, "list", "--lmk", str(other))


def test_a_passphrase_is_a_master_key(tmp_path: Path) -> None:
    place = tmp_path / "keys.json"
    phrase = "four words of arabica\n"
    assert "at least 12 characters" in refused(place, "generate", "a", "--kind", "zak", typed="short\n")
    done(place, "generate", "a", "--kind", "zak", typed=phrase)
    assert "a " in done(place, "list", typed=phrase)
    assert "another file or passphrase" in refused(place, "list", typed="four words of robusta\n")
    assert "arabica" not in place.read_text()


def test_a_module_of_its_own_keeps_its_memory_and_reads_keys_again(place: Path, tmp_path: Path) -> None:
    done(place, "generate", "zak", "--kind", "zak")
    socket = tmp_path / "s"
    ready = tmp_path / "ready.json"
    with subprocess.Popen(
        [sys.executable, "-m", "switch.cli.main", "security", "--keys", place, "--socket", socket, "--ready", ready],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith(f"Ready: security module {socket}, 1 key of")
        module = RemoteModule(socket)
        assert module.ask([ask.MakeMac("zak", b"x"), ask.MakeMac("zak-2", b"x")])[0].ok
        if os.geteuid() != 0:  # root reads whatever it likes
            assert not os.access(f"/proc/{process.pid}/mem", os.R_OK)
        limits = Path(f"/proc/{process.pid}/limits").read_text().splitlines()
        assert [line.split()[4:6] for line in limits if line.startswith("Max core file size")] == [["0", "0"]]
        done(place, "generate", "zak-2", "--kind", "zak")
        process.send_signal(signal.SIGHUP)
        assert process.stderr is not None
        assert "2 keys read again" in process.stderr.readline()
        assert module.ask([ask.MakeMac("zak-2", b"x")])[0].ok
        module.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
        assert not socket.exists()


def test_a_module_that_stands_for_hardware_writes_what_its_callers_need(place: Path, tmp_path: Path) -> None:
    done(place, "generate", "zak", "--kind", "zak")
    done(place, "generate", "zpk", "--kind", "zpk")
    wrapped, ready = tmp_path / "hsm-keys.json", tmp_path / "ready.json"
    asked = ("security", "--keys", place, "--hardware", "127.0.0.1:0", "--hardware-keys", wrapped, "--ready", ready)
    with subprocess.Popen(
        [sys.executable, "-m", "switch.cli.main", *asked], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[3].rstrip(",")
        files = SecurityFiles(hardware=address, hardware_keys=str(wrapped))
        module = open_module(files)
        assert isinstance(module, HostModule)
        (reply, other) = module.ask([ask.MakeMac("zak", b"x"), ask.MakeMac("zpk", b"x")])
        assert (reply.ok, len(reply.value), other.ok) == (True, 8, False)
        module.close()
        process.terminate()
        assert process.wait(10) == 0
    with pytest.raises(Unable, match="expected"):
        open_module(SecurityFiles(hardware=address, hardware_keys=str(ready.with_name("nobody"))))
    both = CliRunner().invoke(main, ["security", "--keys", str(place)])
    assert "one of --socket and --hardware" in both.output


def test_an_end_of_the_audit_log_that_is_gone_is_found_by_its_witness(place: Path, tmp_path: Path) -> None:
    """Beside the master key's file, on a disk of its own: who has the key file's has no witness."""
    done(place, "generate", "atlas-zak", "--kind", "zak")
    before = {path: path.read_bytes() for path in (place, place.with_name("keys.json.audit"))}
    done(place, "rotate", "atlas-zak")
    assert "no witness" not in done(place, "check")
    for path, data in before.items():  # an older copy of both: each by itself is whole
        path.write_bytes(data)
    assert "ends with act 1, and act 2 was written to it" in refused(place, "check")
    assert "its end was cut off" in refused(place, "generate", "atlas-zpk", "--kind", "zpk")
    assert set(listed(place)) == {"atlas-zak"}
    (witness,) = (tmp_path / "lmk").glob("lmk.key.keys.json.*.head")
    witness.unlink()
    assert done(place, "check").splitlines()[0] == "1 key and 1 act: all hold"
    assert f"{witness} knows {place}.audit up to act 0, and it ends with act 1, chain " in done(place, "check")


def test_a_master_key_without_a_file_has_no_witness_and_says_what_to_note(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    said = "a passphrase that is long\n"
    made = CliRunner().invoke(main, ["keys", "generate", "zak", "--kind", "zak", "--keys", str(path)], input=said * 2)
    assert made.exit_code == 0, made.output
    checked = CliRunner().invoke(main, ["keys", "check", "--keys", str(path)], input=said)
    assert "note elsewhere that it ends with act 1, chain " in checked.output


def test_the_switch_and_a_module_of_its_own_have_the_same_witness_as_the_command(place: Path, tmp_path: Path) -> None:
    done(place, "generate", "atlas-zak", "--kind", "zak")
    done(place, "generate", "atlas-zmk", "--kind", "zmk")
    (witness,) = (tmp_path / "lmk").glob("*.head")
    files = SecurityFiles(keys=str(place), lmk=str(tmp_path / "lmk" / "lmk.key"))
    module = open_module(files)
    assert module is not None
    assert module.ask([OfferKey("atlas-zak", "atlas-zmk", "block", 0)])[0].ok
    assert b'"number":3' in witness.read_bytes()
    assert done(place, "check").startswith("3 keys and 3 acts")


def test_a_key_that_two_links_share_is_named(place: Path) -> None:
    parts = "0123456789ABCDEFFEDCBA9876543210", "11111111111111112222222222222222"
    for name in ("atlas-zak", "rif-zak"):
        ring = open_ring(place, os.environ["CMI_SWITCH_LMK"], make=True)
        with ring.audit.turn():
            components = [bytes.fromhex(part) for part in parts]
            ring.from_components(
                name, "zak", "tdes2", components, exportable=False, at="2026-11-28T00:00:00Z", by="test"
            )
        assert ("are one key" in done(place, "check")) == (name == "rif-zak")
    assert "atlas-zak and rif-zak are one key: give each link, and each purpose, its own" in done(place, "check")
