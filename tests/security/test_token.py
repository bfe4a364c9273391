"""A master key in a token, as docs/security.md has it: SoftHSM makes and keeps it; what is derived there is what X9.143 says."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from switch.security import commands as ask
from switch.security.lmk import LmkError, clear_lmk, make_lmk
from switch.security.remote import RemoteModule
from switch.security.token import TokenAddress, open_lmk, read_address

PIN = "483920"
LIBRARIES = [
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib64/pkcs11/libsofthsm2.so"),
    Path("/usr/local/lib/softhsm/libsofthsm2.so"),
]
with_softhsm = pytest.mark.outside("softhsm2-util")
with_package = pytest.mark.outside("pkcs11", extra="pkcs11")


def test_an_address_as_rfc_7512_writes_it() -> None:
    there = "pkcs11:type=secret-key;token=Bank%20HSM;object=lmk%3B1?pin-source=file:/run/pin&module-path=/lib/x.so"
    assert read_address(there) == TokenAddress(
        token="Bank HSM", object="lmk;1", module_path="/lib/x.so", pin_source="/run/pin"
    )
    assert read_address("pkcs11:serial=12;object=k?module-path=/x").serial == "12"


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("pkcs11:token=a;object=k?module-path=/x&pin-value=1234", "a PIN here is read by everybody"),
        ("pkcs11:token=a?module-path=/x", "token, object and module-path are needed"),
        ("pkcs11:object=k?module-path=/x", "token, object and module-path are needed"),
        ("pkcs11:", "token, object and module-path are needed"),
        ("pkcs11:token=a;object=k", "token, object and module-path are needed"),
        ("pkcs11:token=a;token=b;object=k?module-path=/x", "'token' is not read there, or stands twice"),
        ("pkcs11:token=a;object=k;slot-id=1?module-path=/x", "'slot-id' is not read there"),
        ("pkcs11:token=a;object=k;module-path=/x", "'module-path' is not read there"),
    ],
)
def test_an_address_that_is_none(address: str, said: str) -> None:
    with pytest.raises(LmkError, match=said) as error:
        read_address(address)
    assert "1234" not in str(error.value)


def test_without_the_package_it_says_which(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pkcs11", None)
    with pytest.raises(LmkError, match=r"pip install 'cmi-switch\[pkcs11\]'"):
        open_lmk("pkcs11:token=a;object=k?module-path=/x")


# -- with SoftHSM


def library() -> Path:
    return next(path for path in LIBRARIES if path.exists())


class Token:
    """A SoftHSM of its own, and commands that are given it."""

    def __init__(self, place: Path, label: str) -> None:
        self.place, self.label = place, label
        (place / "tokens").mkdir()
        (place / "softhsm2.conf").write_text(f"directories.tokendir = {place}/tokens\n")
        self.environment = {**os.environ, "SOFTHSM2_CONF": f"{place}/softhsm2.conf"}
        self.pin = place / "pin"
        self.pin.write_text(PIN + "\n")
        self.pin.chmod(0o600)
        self.tool("--init-token", "--free", "--label", label, "--so-pin", "739184", "--pin", PIN)

    def tool(self, *arguments: str) -> None:
        subprocess.run(["softhsm2-util", *arguments], env=self.environment, check=True, capture_output=True)

    def has(self, *objects: str) -> None:
        """Objects made as its owner would make them by other means: statements about a session `s`."""
        opened = "t = p.lib(sys.argv[1]).get_token(token_label=sys.argv[2]); s = t.open(rw=True, user_pin=sys.argv[3])"
        code = "\n".join(("import sys, pkcs11 as p; A = p.Attribute", opened, *objects))
        line = [sys.executable, "-c", code, str(library()), self.label, PIN]
        subprocess.run(line, env=self.environment, check=True, capture_output=True)

    def address(self, key: str = "lmk", pin_source: bool = True, token: str = "") -> str:
        rest = f"&pin-source=file:{self.pin}" if pin_source else ""
        return f"pkcs11:token={(token or self.label).replace(' ', '%20')};object={key}?module-path={library()}{rest}"

    def start(self, *arguments: str, lmk: str) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "switch.cli.main", *arguments, "--keys", f"{self.place}/keys.json", "--lmk", lmk]
        pipe, joined = subprocess.PIPE, subprocess.STDOUT
        return subprocess.Popen(line, env=self.environment, text=True, stdin=pipe, stdout=pipe, stderr=joined)

    def keys(self, *arguments: str, lmk: str = "", typed: str = "") -> tuple[int, str]:
        with self.start("keys", *arguments, lmk=lmk or self.address()) as running:
            said, _ = running.communicate(typed)
        assert "Traceback" not in said
        assert PIN not in said
        return running.returncode, said


@pytest.fixture
def token(tmp_path: Path) -> Token:
    return Token(tmp_path, "cmi switch")


@with_softhsm
@with_package
def test_a_key_file_under_a_master_key_that_never_leaves_its_token(token: Token) -> None:
    code, said = token.keys("generate", "atlas-zak", "--kind", "zak")
    assert code == 0, said
    assert "A new master key is in token cmi switch, key 'lmk' (check value " in said
    code, said = token.keys("generate", "atlas-zpk", "--kind", "zpk", lmk=token.address(pin_source=False), typed=PIN)
    assert (code, "A new master key" in said) == (0, False), said
    assert token.keys("rotate", "atlas-zak")[0] == 0
    code, said = token.keys("check")
    assert "3 keys and 3 acts: all hold" in said
    token.pin.chmod(0o640)
    assert "the token's PIN has mode 0640, others may read it" in token.keys("list")[1]
    token.pin.chmod(0o600)
    token.pin.write_text("111111")
    assert "its PIN is another; a token locks itself" in token.keys("list")[1]
    token.pin.write_text(PIN)
    assert "there is no such key" in token.keys("list", lmk=token.address("other"))[1]
    assert "there is no such token" in token.keys("list", lmk=token.address(token="elsewhere"))[1]
    gone = token.address().replace("libsofthsm2.so", "libother.so")
    assert "there is no such library (module-path)" in token.keys("list", lmk=gone)[1]
    make_lmk(token.place / "file.lmk", bytes(32))
    assert "its master key has check value" in token.keys("list", lmk=f"{token.place}/file.lmk")[1]


@with_softhsm
@with_package
def test_a_security_module_makes_macs_with_keys_under_it(token: Token) -> None:
    assert token.keys("generate", "zak", "--kind", "zak-cmac", "--algorithm", "aes128")[0] == 0
    socket = token.place / "m.sock"
    running = token.start("security", "--socket", str(socket), lmk=token.address())
    try:
        assert running.stdout is not None
        assert "Ready: security module" in running.stdout.readline()
        module = RemoteModule(str(socket), 5.0)
        (made,) = module.ask([ask.MakeMac("zak", b"abc", 1, 8)])
        assert made.ok, made
        assert module.ask([ask.CheckMac(("zak",), b"abc", made.value, 1)])[0].ok
        module.close()
    finally:
        running.send_signal(signal.SIGTERM)
        running.communicate(timeout=10)


@with_softhsm
@with_package
def test_what_the_token_derives_is_what_the_key_itself_gives(token: Token) -> None:
    """A key file made with the key itself is read with the same key in a token; one that could leave its token is not used."""
    key = bytes(range(32))
    token.has(
        "s.create_object({A.CLASS: p.ObjectClass.SECRET_KEY, A.KEY_TYPE: p.KeyType.AES, A.TOKEN: True, A.LABEL: 'carried',"
        f" A.SIGN: True, A.SENSITIVE: True, A.EXTRACTABLE: False, A.VALUE: bytes.fromhex('{key.hex()}')}})"
    )
    code = (
        "import sys; from switch.security.token import open_lmk; m = open_lmk(sys.argv[1]);"
        "print(m.check_value, m.block_keys.encryption.hex(), m.block_keys.authentication.hex())"
    )
    line = [sys.executable, "-c", code, token.address("carried")]
    shown = subprocess.run(line, env=token.environment, check=True, capture_output=True, text=True)
    here = clear_lmk(key)
    wanted = [here.check_value, here.block_keys.encryption.hex(), here.block_keys.authentication.hex()]
    assert shown.stdout.split() == wanted
    token.has(
        "s.generate_key(p.KeyType.AES, 256, label='loose', store=True, capabilities=p.MechanismFlag.SIGN,"
        " template={A.EXTRACTABLE: True})",
        "s.generate_key(p.KeyType.AES, 128, label='short', store=True, capabilities=p.MechanismFlag.SIGN,"
        " template={A.SENSITIVE: True, A.EXTRACTABLE: False})",
    )
    assert "this key can leave its token" in token.keys("generate", "k", "--kind", "zak", lmk=token.address("loose"))[1]
    assert "a key of 128 bits" in token.keys("generate", "k", "--kind", "zak", lmk=token.address("short"))[1]
