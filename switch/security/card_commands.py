"""What a security module does for cards: values of stripe, chip and print, cryptograms, and what says that a cardholder was
authenticated on the web. Keys come by name from the module, which asks what each may do."""

from collections.abc import Callable, Sequence

from switch.security import card_values, cardholder_values, emv, pins
from switch.security.commands import (
    NOT_PERMITTED,
    WRONG,
    CheckAav,
    CheckCardValue,
    CheckCavv,
    CheckCryptogram,
    CheckDynamicValue,
    MakeAav,
    MakeCardValue,
    MakeCavv,
    MakeCryptogram,
    MakeDynamicValue,
    Reply,
)
from switch.security.key_blocks import KeyBlock
from switch.security.key_source import RefusedError

Authority = Callable[[str, Sequence[str], str, str], KeyBlock]
"""a key by its name, if its usage is one of these, its mode one of these letters, so that it may do this; else RefusedError"""


class CardCommands:
    """What these commands do, with the keys that one module has."""

    def __init__(self, key: Authority) -> None:
        self._key = key
        self.does: dict[type, Callable[..., Reply]] = {
            MakeCardValue: self._make_card_value,
            CheckCardValue: self._check_card_value,
            MakeDynamicValue: self._make_dynamic_value,
            CheckDynamicValue: self._check_dynamic_value,
            CheckCryptogram: self._check_cryptogram,
            MakeCryptogram: self._make_cryptogram,
            MakeCavv: self._make_cavv,
            CheckCavv: self._check_cavv,
            MakeAav: self._make_aav,
            CheckAav: self._check_aav,
        }
        """command -> what does it"""

    def _card_value(self, command: MakeCardValue | CheckCardValue, modes: str, what: str) -> str:
        found = self._key(command.key, ("C0",), modes, what)
        return card_values.card_value(found.key, command.pan, command.expiry, command.service_code)

    def _make_card_value(self, command: MakeCardValue) -> Reply:
        return Reply(True, self._card_value(command, "GC", "make card values").encode())

    def _check_card_value(self, command: CheckCardValue) -> Reply:
        right = pins.same(self._card_value(command, "VC", "check card values"), command.value)
        return Reply(True) if right else Reply(False, b"", WRONG, "the card value is another")

    def _dynamic_value(self, command: MakeDynamicValue, modes: str, what: str) -> str:
        found, c = self._key(command.key, ("E4",), modes, what), command
        card_key = emv.card_key(found.key, c.track.partition("D")[0], c.sequence)
        return card_values.value_of_track(card_key, c.scheme, c.track, c.atc, c.unpredictable)

    def _make_dynamic_value(self, command: MakeDynamicValue) -> Reply:
        made = self._dynamic_value(command, "", "make values of stripes that change, which chips of cards do")
        return Reply(True, made.encode())

    def _check_dynamic_value(self, command: CheckDynamicValue) -> Reply:
        right = pins.same(self._dynamic_value(command.made, "X", "check values of stripes that change"), command.value)
        return Reply(True) if right else Reply(False, b"", WRONG, "the card value is another")

    def _check_cryptogram(self, command: CheckCryptogram) -> Reply:
        chip = self._chip(command, "X", "check cryptograms")
        if not emv.verify(chip, command.tags):
            return Reply(False, b"", WRONG, "the cryptogram does not hold")
        return Reply(True, chip.arpc(command.tags["9F26"], command.code))

    def _make_cryptogram(self, command: MakeCryptogram) -> Reply:
        return Reply(True, self._chip(command, "", "make cryptograms, which chips of cards do").arqc(command.tags))

    def _chip(self, command: CheckCryptogram | MakeCryptogram, modes: str, what: str) -> emv.Chip:
        found = self._key(command.key, ("E0",), modes, what)
        return emv.chip_of(command.scheme, found.key, command.pan, command.sequence, command.option, command.tags)

    def _make_cavv(self, command: MakeCavv) -> Reply:
        found = self._key(command.key, ("C0",), "GC", "make CAVVs")
        c = command
        return Reply(
            True,
            cardholder_values.make_cavv(found.key, c.pan, c.atn, c.results_code, c.second_factor, c.key_indicator),
        )

    def _check_cavv(self, command: CheckCavv) -> Reply:
        found = self._key(command.key, ("C0",), "VC", "check CAVVs")
        right = cardholder_values.verify_cavv(found.key, command.pan, command.cavv)
        return Reply(True) if right else Reply(False, b"", WRONG, "the CAVV is not this card's")

    def _aav_key(self, name: str, modes: str, what: str) -> bytes:
        found = self._key(name, ("C0",), modes, what)
        if found.header.algorithm != "H":
            raise RefusedError(NOT_PERMITTED, f"key {name!r} is for card values and CAVVs: AAVs take an HMAC key")
        return found.key

    def _make_aav(self, command: MakeAav) -> Reply:
        c, key = command, self._aav_key(command.key, "GC", "make AAVs")
        made = cardholder_values.make_aav(key, c.pan, c.merchant, c.control, c.acs, c.method_and_key, c.number)
        return Reply(True, made)

    def _check_aav(self, command: CheckAav) -> Reply:
        key = self._aav_key(command.key, "VC", "check AAVs")
        right = cardholder_values.verify_aav(key, command.pan, command.aav)
        return Reply(True) if right else Reply(False, b"", WRONG, "the AAV is not this card's")
