"""Hosts that change keys as other houses do, over real sockets: with books, and cryptography, of their own.

Each holds every message that comes against the set that it names: MAC and PIN. What does not hold stands in `wrong`.
"""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes

from switch.core.messages.translator import translator_for
from switch.core.network import HostLink
from switch.wire import Dialect
from switch.wire.framing import make_framing
from switch.wire.vocabulary import Document
from tests.e2e.stage import Stage

PIN = "4321"
ECHOED = ("2", "3", "4", "7", "11", "12", "32", "37", "41", "49", "70")
_FILLING = "0000000000000000"


def des(key: bytes, data: bytes, *, back: bool = False) -> bytes:
    """Triple DES by ECB."""
    cipher = Cipher(TripleDES((key * 3)[:24] if len(key) == 8 else key + key[:8]), modes.ECB())
    step = cipher.decryptor() if back else cipher.encryptor()
    return step.update(data) + step.finalize()


def retail_mac(key: bytes, data: bytes) -> str:
    """ISO 9797-1 algorithm 3, padding 1, in hex."""
    chain = bytes(8)
    data += bytes(-len(data) % 8)
    for at in range(0, len(data), 8):
        chain = des(key[:8], bytes(a ^ b for a, b in zip(chain, data[at : at + 8], strict=True)))
    return des(key[:8], des(key[8:], chain, back=True)).hex().upper()


def pin_block(key: bytes, pan: str, pin: str = PIN) -> str:
    """Format 0, under the key."""
    account = bytes.fromhex("0000" + pan[-13:-1])
    field = bytes.fromhex(f"0{len(pin)}{pin}".ljust(16, "F"))
    return des(key, bytes(a ^ b for a, b in zip(field, account, strict=True))).hex().upper()


def check_value(key: bytes, digits: int = 6) -> str:
    """Zeros under the key."""
    return des(key, bytes(8)).hex().upper()[:digits]


class OtherHost(threading.Thread):
    """One host. A subclass says how it goes about keys: `asked` and `told`."""

    sets_in_53 = "PPMM"

    def __init__(self, stage: Stage, name: str, keys: dict[str, bytes], zone_key: bytes) -> None:
        """`keys`: set 00, by purpose."""
        super().__init__(name=name, daemon=True)
        config: HostLink = next(h for h in stage.network.hosts if h.name == name)
        assert config.connect is not None
        self.dialect, self._framed = Dialect.load(config.dialect), config.framing
        self.translator = translator_for(self.dialect, config.institution, stage.network.institution)
        self.institution, self.zone_key = config.institution, zone_key
        self.sets = {purpose: {"00": key} for purpose, key in keys.items()}
        self.sending = dict.fromkeys(keys, "00")
        self.used: list[tuple[str, str]] = []
        """purpose and set of each change, in order"""
        self.approved: list[str] = []
        """DE37"""
        self.wrong: list[str] = []
        self.heard: list[Document] = []
        """what was said of keys, and answered about them"""
        self.stan = 700_000
        self.lock = threading.RLock()
        self.sock: socket.socket | None = None
        self._door = socket.create_server((config.connect.host, config.connect.port))
        self._ended = False

    # -- how it goes about keys

    def asked(self, request: Document, code: str) -> None:
        """0800 about keys; `code`: its DE70."""
        raise NotImplementedError

    def told(self, answer: Document) -> None:
        """0810 about keys."""

    def use(self, purpose: str, number: str) -> None:
        """Send under this set from here on."""
        if self.sending[purpose] != number:
            self.sending[purpose] = number
            self.used.append((purpose, number))

    def says_keys(self, code: str, more: Document) -> Document:
        """An 0800 about keys."""
        self.stan += 1
        head = {"t": "0800", "7": "1128120000", "11": str(self.stan), "32": self.institution, "70": code}
        self.sends({**head, **more})
        return {**head, **more}

    def answers(self, request: Document, code: str, more: Document | None = None) -> None:
        """The answer to a request."""
        made = {de: request[de] for de in ECHOED if de in request}
        mti = request["t"]
        self.sends({**made, "t": mti[:2] + "1" + mti[3], "39": code, **(more or {})})

    # -- the link

    def sends(self, document: Document) -> None:
        """With a MAC under the set that its DE53 names."""
        with self.lock:
            numbers = {"M": self.sending["M"], "P": "00"}
            sets = self.sets_in_53.replace("PP", numbers["P"]).replace("MM", numbers["M"])
            link = self.translator.outward({**document, "53": sets.ljust(16, "0")}, None)
            place = "128" if any(int(de) > 64 for de in link if de.isdecimal()) else "64"
            message = self.dialect.encode({**link, place: _FILLING})[:-16]
            mac = retail_mac(self.sets["M"][numbers["M"]], message).encode()
            assert self.sock is not None
            with suppress(OSError):
                self.sock.sendall(make_framing(self._framed).frame(message + mac))

    def _takes(self, message: bytes) -> None:
        document = self.translator.inward(self.dialect.decode(message))
        said, form = document.get("53", ""), self.sets_in_53
        number = {p: said[form.find(2 * p) : form.find(2 * p) + 2] for p in "MP"}
        key = self.sets["M"].get(number["M"])
        if key is None or retail_mac(key, message[:-16]) != message[-16:].decode():
            self.wrong.append(f"MAC of {document['t']} {document.get('11')} under set {number['M'] or 'unsaid'}")
            return
        mti, code = document["t"], document.get("70", "")
        if code in ("101", "161", "162"):
            self.heard.append(document)
            if mti[2] == "1":
                self.told(document)
            else:
                self.asked(document, code)
        elif mti[1] == "8":
            if mti[2] == "0":
                self.answers(document, "00")
        else:
            self._pays(document, number["P"])

    def _pays(self, document: Document, number: str) -> None:
        block, key = document.get("52", ""), self.sets["P"].get(number)
        if mti_is_payment(document) and (key is None or block != pin_block(key, document["2"])):
            self.wrong.append(f"PIN of {document['11']} under set {number or 'unsaid'}")
            self.answers(document, "55")
            return
        self.approved += [document["37"]] if mti_is_payment(document) else []
        self.answers(document, "00", {"38": "A00001"})

    def run(self) -> None:
        """Take the switch's connections, one after the other."""
        while not self._ended:
            try:
                sock, _ = self._door.accept()
            except OSError:
                return
            self.sock, framing = sock, make_framing(self._framed)
            with sock, suppress(OSError):
                while data := sock.recv(1 << 16):
                    for frame in framing.feed(data):
                        with self.lock:
                            self._takes(frame)

    def close(self) -> None:
        """Hang up, and listen no more."""
        self._ended = True
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        if self.sock is not None:
            with suppress(OSError):
                self.sock.shutdown(socket.SHUT_RDWR)
        self.join()


def mti_is_payment(document: Document) -> bool:
    """True for a request or a repeat of one; else it is a reversal or an advice."""
    return document["t"] in ("0200", "0201")


def word(purpose: str, number: str, value: str) -> Document:
    """DE48.70."""
    said = purpose + number + value
    return {"48": f"70{len(said):02d}{said}"}


class Telling(threading.Thread):
    """A Unix socket before another one. `when` is called once the answer to a change of keys has come, and is not passed on."""

    def __init__(self, path: str, behind: str) -> None:
        super().__init__(daemon=True)
        self._behind = behind
        self._door = socket.socket(socket.AF_UNIX)
        self._door.bind(path)
        self._door.listen()
        self.when: tuple[bytes, Callable[[], object]] | None = None
        self.done = threading.Event()
        self._open: list[threading.Thread | socket.socket] = []

    def run(self) -> None:
        """Each connection has a thread for each way."""
        while True:
            try:
                here, _ = self._door.accept()
            except OSError:
                return
            there = socket.socket(socket.AF_UNIX)
            there.connect(self._behind)
            seen = threading.Event()
            ways = (
                threading.Thread(target=self._asks, args=(here, there, seen), daemon=True),
                threading.Thread(target=self._replies, args=(there, here, seen), daemon=True),
            )
            for way in ways:
                way.start()
            self._open += [*ways, here, there]

    def close(self) -> None:
        """Once both its ends have gone."""
        with suppress(OSError):
            self._door.shutdown(socket.SHUT_RDWR)
        self._door.close()
        for one in self._open:
            if isinstance(one, threading.Thread):
                one.join(10)
        for one in self._open:
            if isinstance(one, socket.socket):
                one.close()

    def _asks(self, here: socket.socket, there: socket.socket, seen: threading.Event) -> None:
        with suppress(OSError):
            while data := here.recv(1 << 16):
                if self.when is not None and self.when[0] in data:
                    seen.set()
                there.sendall(data)
        with suppress(OSError):
            there.shutdown(socket.SHUT_RDWR)

    def _replies(self, there: socket.socket, here: socket.socket, seen: threading.Event) -> None:
        with suppress(OSError):
            while data := there.recv(1 << 16):
                if seen.is_set() and self.when is not None:
                    self.when[1]()
                    self.when = None
                    self.done.set()
                    break
                here.sendall(data)
        with suppress(OSError):
            here.shutdown(socket.SHUT_RDWR)
