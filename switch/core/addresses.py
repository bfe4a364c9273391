"""`HOST:PORT`, as people write it, as an address."""

from typing import Final

from switch.core.network import Address

HERE: Final = "127.0.0.1"
PORT_MAX: Final = 65_535
SUCH_AS: Final = '"HOST:PORT", such as "127.0.0.1:8583"; ports go to 65535'
NAME: Final = (
    "labels of 1 to 63 letters, digits and -, with dots between, as the domain name system has them (RFC 1123)"
)


class AddressError(ValueError):
    """It is no address. Its text is what is wrong; `hint` says how one is written."""

    def __init__(self, sentence: str, hint: str) -> None:
        super().__init__(sentence)
        self.hint = hint


def parse_address(text: str, host: str = "") -> Address:
    """The address that `text` is; IPv6 in brackets, a path in a host's place. `host`: in the place of one left out (`:8583`).

    A host that no resolver takes is refused here: asked for later, it is an error of another kind than a name that nobody has.
    Raises AddressError.
    """
    named, colon, port = text.rpartition(":")
    bare = named[1:-1] if named.startswith("[") and named.endswith("]") else named or host
    if not (colon and bare and port.isascii() and port.isdecimal() and len(port) <= 5 and int(port) <= PORT_MAX):
        raise AddressError(f'"{text}" is no address', SUCH_AS)
    if ":" in bare and bare == named:
        raise AddressError(f'"{text}" does not tell host from port', f'brackets around IPv6: "[{bare}]:{port}"')
    if not _can_be_asked_for(bare):
        raise AddressError(f'"{bare}" is no name of a host', NAME)
    return Address(bare, int(port))


def _can_be_asked_for(host: str) -> bool:
    if not host.isprintable() or " " in host:
        return False
    try:
        host.encode("idna")  # as the socket module does first
    except UnicodeError:
        return "/" in host
    return True
