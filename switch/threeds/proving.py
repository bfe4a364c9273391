"""Makes the value that proves an authentication, with the security module: a CAVV, of Mastercard's cards an AAV.

In: a card, a merchant's name, what is to be proved. Out: the value in base64. The one rule: keys stay in the module.
"""

from base64 import b64encode
from collections.abc import Callable
from typing import Final

from switch.core.authentication import AccessControl
from switch.core.messages.cardholder_proof import control_byte, results_code
from switch.security.commands import MakeAav, MakeCavv
from switch.security.module import SecurityModule
from switch.simulators.proofs import AAV_KEY, CAVV_KEY, test_module

_ATN_DIGITS: Final = 16


class NotProvedError(Exception):
    """The module makes no value; says why."""


class Prover:
    """Makes the authentication values of one access control server."""

    def __init__(self, acs: AccessControl, module: SecurityModule | None, draw: Callable[[int], int]) -> None:
        """`module`: None where the network file names no keys: the test keys. `draw`: a number below another, at random."""
        own = bool(acs.cavv_key or acs.aav_key) and module is not None
        self._module = module if own and module is not None else test_module()
        self._cavv_key, self._aav_key = (acs.cavv_key, acs.aav_key) if own else (CAVV_KEY, AAV_KEY)
        self.draw = draw

    def prove(self, pan: str, scheme: str, merchant: str, eci: str) -> str:
        """`eci`: 05 authenticated, 06 attempted, whatever the scheme calls them. Raises NotProvedError."""
        if scheme == "mastercard":
            number = self.draw(2**32).to_bytes(4, "big")
            asked: MakeAav | MakeCavv = MakeAav(self._aav_key, pan, merchant, control_byte(eci), number)
        else:
            atn = f"{self.draw(10**_ATN_DIGITS):0{_ATN_DIGITS}d}"
            asked = MakeCavv(self._cavv_key, pan, atn, results_code(eci), "00")
        (reply,) = self._module.ask([asked])
        if not reply.ok:
            raise NotProvedError(reply.reason)
        return b64encode(reply.value).decode()
