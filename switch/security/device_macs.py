"""Keys of one transaction of a terminal (DUKPT), and MACs under them. Pure.

In: a base derivation key or the initial key of one device, a key serial number. Rule: a working key is for one purpose, and a
terminal's requests and its answers have different ones.
"""

from collections.abc import Callable
from typing import Final

from switch.security import dukpt
from switch.security.commands import BAD_REQUEST, WRONG, CheckDeviceMac, MakeDeviceMac, Reply
from switch.security.des import Transform
from switch.security.key_blocks import KeyBlock
from switch.security.key_source import RefusedError
from switch.security.macs import AES_CMAC, ALGORITHM_3, MAC_BYTES_MIN, agrees

BASES: Final = ("B0", "B1")


def device_key(base: KeyBlock, ksn: bytes, tdes_use: bytes, aes_use: int) -> bytes:
    """The working key of a transaction for one use. Raises KsnError."""
    initial = base.header.usage == "B1"
    if base.header.algorithm == "A":
        key = base.key if initial else dukpt.aes_initial_key(base.key, ksn[:8])
        one, counter = dukpt.aes_transaction_key(key, ksn), dukpt.aes_counter(ksn)
        return dukpt.aes_working_key(one, aes_use, dukpt.AES_OF_BYTES[len(key)], ksn[:8], counter)
    key = base.key if initial else dukpt.tdes_initial_key(base.key, ksn)
    return dukpt.tdes_working_key(dukpt.tdes_transaction_key(key, ksn), tdes_use)


class DeviceMacs:
    """What a module does about them."""

    def __init__(self, find: Callable[[str], KeyBlock], maker: Callable[[str, bytes, int], Transform]) -> None:
        """`find`: a base derivation key that may derive. Raises RefusedError. `maker`: see `macs.mac_maker`."""
        self._find, self._maker = find, maker

    def make(self, command: MakeDeviceMac) -> Reply:
        """See MakeDeviceMac."""
        if not MAC_BYTES_MIN <= command.size <= 8:
            raise RefusedError(BAD_REQUEST, f"a MAC of {command.size} bytes: {MAC_BYTES_MIN} to 8 are made")
        return Reply(True, self._mac(command)[: command.size])

    def check(self, command: CheckDeviceMac) -> Reply:
        """See CheckDeviceMac."""
        if len(command.mac) < MAC_BYTES_MIN:
            raise RefusedError(
                BAD_REQUEST, f"a MAC of {len(command.mac)} bytes proves nothing: at least {MAC_BYTES_MIN}"
            )
        if agrees(self._mac(command)[: len(command.mac)], command.mac):
            return Reply(True)
        return Reply(False, b"", WRONG, "the MAC does not hold: another base derivation key, or changed on the way")

    def _mac(self, command: MakeDeviceMac | CheckDeviceMac) -> bytes:
        base = self._find(command.key)
        uses = (
            (dukpt.MAC_RESPONSE, dukpt.MAC_VERIFICATION)
            if command.response
            else (dukpt.MAC_REQUEST, dukpt.MAC_GENERATION)
        )
        key = device_key(base, command.ksn, *uses)
        algorithm = AES_CMAC if base.header.algorithm == "A" else ALGORITHM_3
        return self._maker(algorithm, key, command.padding)(command.data)
