"""For each attack of `test_attacks` and `test_attacks_on_keys` the change of the code that would let it through.

A test that goes by what is answered can be green for another reason than the defence it is about. So each row here takes one
defence away, in as few lines as stand between the attack and what it wants (where there are two walls, both); `test_mutants` then
expects the attack's own test to be red.
"""

from typing import Final, NamedTuple


class Edit(NamedTuple):
    """A piece of text that is in a file once, and what stands there instead."""

    file: str
    old: str
    new: str


def _edit(file: str, old: str, new: str) -> Edit:
    return Edit(f"switch/{file}.py", old, new)


_TLS = "server/tls"
_ASKS_FOR_NO_CERTIFICATE: Final = (
    _edit(_TLS, "verify_mode = ssl.CERT_REQUIRED", "verify_mode = ssl.CERT_NONE"),
    _edit(
        _TLS,
        "    if shown is None:\n        raise",
        '    if shown is None:\n        return Certificate(subject="")\n        raise',
    ),
)
_ANY_INSTITUTION: Final = (_edit("core/transactions/transaction", "if session.may_name(institution):", "if True:"),)
_REPEATS_ARE_NEW: Final = (
    _edit("core/transactions/duplicates", "    outcome = kernel.repeated(message.key)", "    outcome = None"),
    _edit("core/transactions/duplicates", "        first = find_first(kernel, message)", "        first = None"),
)
_NO_MAC_IS_GOOD: Final = (
    _edit("core/links/sealing", "return [MISSING if place is None else", "return [GOOD if place is None else"),
)
_ANY_MAC_IS_GOOD: Final = (
    _edit("security/module", "if agrees(made[: len(command.mac)], command.mac):", "if command.mac:"),
)
_UNPROVED_SIGN_ON: Final = (
    _edit("core/link_control/macs", "            if claimed is None:\n", "            if True:\n"),
)
_ANY_PIN_BLOCK: Final = (
    _edit(
        "security/pin_blocks",
        "if not _holds_pin_0(clear, pan):\n            read_clear",
        "if False:\n            read_clear",
    ),
)

LINKS: Final[dict[str, tuple[Edit, ...]]] = {
    "plain bytes to a port with TLS": (
        _edit("server/driver", "if end is None:\n            self._take", "if True:\n            self._take"),
    ),
    "no certificate": _ASKS_FOR_NO_CERTIFICATE,
    "a certificate of the same name, of another authority": _ASKS_FOR_NO_CERTIFICATE,
    "a certificate that its authority has taken back": (
        _edit(_TLS, "if end.revocations is not None and (refusal", "if False and (refusal"),
    ),
    "TLS 1.1": (
        _edit(_TLS, "minimum_version = VERSIONS[tls.minimum]", "minimum_version = ssl.TLSVersion.TLSv1"),
        _edit(_TLS, "set_ciphers(CIPHERS)", 'set_ciphers("ALL:@SECLEVEL=0")'),
    ),
    "a handshake that stalls": (
        _edit("server/negotiations", "for connection in self._overdue(now):", "for connection in ():"),
    ),
    "one member's certificate, another's DE32 in the sign-on": (
        _edit("core/link_control/certificates", "if not set(pin.names) & set(certificate.names):", "if False:"),
    ),
    "another member's DE32 in a payment": _ANY_INSTITUTION,
    "bytes put into a connection": (
        _edit(_TLS, "            ended = True\n            reason, hint", "            reason, hint"),
        _edit(_TLS, '            self.closing = self.closing or f"{reason}; {hint}".removesuffix("; ")\n', ""),
    ),
    "a member with a certificate, at a port without TLS": (
        _edit(
            "core/link_control/certificates",
            'if pin is None:\n            return "", ""\n        return (\n            f"{table}',
            'if True:\n            return "", ""\n        return (\n            f"{table}',
        ),
    ),
    "TLS to a plain port": (
        _edit("core/link_control/stalled", "self._partial, now - limits.frame_ms * 1_000_000", "self._partial, 0"),
    ),
    "a PROXY header that says to be a member, at a plain port": (
        _edit(
            "server/places",
            "return {**ends_of(",
            "return {'open': EdgeEnd(), **ends_of(",
        ),
    ),
    "an address that is not allowed": (
        _edit("core/link_control/admission", "if is_allowed(listener.allow, peer):", "if True:"),
    ),
    "a recorded payment sent again": _REPEATS_ARE_NEW,
    "no header at an edge's socket": (
        _edit(
            "server/edge_link",
            "    if not SIGNATURE.startswith(data[: len(SIGNATURE)]):\n        raise",
            "    if not SIGNATURE.startswith(data[: len(SIGNATURE)]):\n"
            '        return Told(peer="", certificate=Certificate(subject="")), 0\n        raise',
        ),
    ),
    "a header without a verified certificate": (
        _edit(
            "server/edge_link",
            "        if self._told.certificate is None:\n            raise",
            '        if self._told.certificate is None:\n            return Certificate(subject="")\n            raise',
        ),
    ),
}

KEYS: Final[dict[str, tuple[Edit, ...]]] = {
    "a sign-on without the member's MAC": _UNPROVED_SIGN_ON,
    "a sign-on with a MAC of another key": _UNPROVED_SIGN_ON,
    "a payment without a MAC on a proved link": _NO_MAC_IS_GOOD,
    "a payment with a MAC of another link's key": _ANY_MAC_IS_GOOD,
    "an amount changed behind its MAC": (
        _edit(
            "wire/mac_place",
            "return (message[self.begin : end], proved)",
            "return (message[self.begin : end].replace(b'000000910000', b'000000010000'), proved)",
        ),
    ),
    "a MAC of zeros": (
        _edit(
            "security/module",
            "if agrees(made[: len(command.mac)], command.mac):",
            "if agrees(made[: len(command.mac)], command.mac) or not any(command.mac):",
        ),
    ),
    "half a MAC where all of it is proved": (
        _edit(
            "security/module",
            "if agrees(made[: len(command.mac)], command.mac):",
            "if agrees(made[:4], command.mac[:4]):",
        ),
    ),
    "the MAC of another message": _ANY_MAC_IS_GOOD,
    "a MAC in both places, DE64 and DE128": _NO_MAC_IS_GOOD,
    "MACs guessed one after the other": (
        _edit("core/link_control/macs", "if session.unproved >= limit:", "if False:"),
    ),
    "a proved payment sent again": _REPEATS_ARE_NEW,
    "another member's DE32 under a good MAC": _ANY_INSTITUTION,
    "an answer that nobody asked for, under a good MAC": (
        _edit(
            "core/switch",
            "        host = session.host\n        if host is not None:\n            mti = doc",
            "        host = session.host or self.hosts['rif']\n        if host is not None:\n            mti = doc",
        ),
        _edit(
            "core/transactions/payments",
            "        kernel, host = self._kernel, session.host\n        assert host is not None\n        txn, request",
            "        kernel, host = self._kernel, session.host or self._kernel.hosts['rif']\n        txn, request",
        ),
    ),
    "a business day closed by who may not": (
        _edit(
            "core/operator/business_day",
            'return session.source if session.source in shards else ""',
            "return session.source",
        ),
    ),
    "a PIN block of another card": _ANY_PIN_BLOCK,
    "a PIN block under another link's key": _ANY_PIN_BLOCK,
    "a PIN block that is none": _ANY_PIN_BLOCK,
    "a PIN on its way to a link that carries none": (
        _edit(
            "core/transactions/pins", "        raise _not_carried(kernel, message, host, source)", '        return ""'
        ),
    ),
    "a PIN tried until it is right": (_edit("simulators/pins", "if account.pin_tries >= TRIES_MAX:", "if False:"),),
    "a cryptogram that is none": (
        _edit("security/card_commands", "if not emv.verify(chip, command.tags):", "if False:"),
    ),
    "a cryptogram used twice": (
        _edit(
            "core/transactions/card_proofs",
            "chip_says_otherwise(document, tags) or counter_goes_wrong(atc, card.atc)",
            "chip_says_otherwise(document, tags)",
        ),
    ),
    "an amount that the chip has not agreed to": (
        _edit(
            "core/transactions/card_proofs", "return chip_says_otherwise(document, tags) or counter", "return counter"
        ),
    ),
    "a chip payment without its cryptogram": (
        _edit(
            "core/transactions/card_proofs",
            "        if _by_chip(document):\n            raise",
            "        if False:\n            raise",
        ),
    ),
    "a tag of the chip twice": (_edit("core/messages/chip", "    if twice:\n", "    if False:\n"),),
    "a stripe's value where a chip was read": (
        _edit(
            "core/transactions/card_proofs",
            '(ICVV_SERVICE_CODE, "iCVV") if _by_chip(document) else',
            '(ICVV_SERVICE_CODE, "iCVV") if False else',
        ),
    ),
    "a printed value guessed": (
        _edit(
            "security/card_commands",
            'right = pins.same(self._card_value(command, "VC", "check card values"), command.value)',
            "right = True",
        ),
    ),
    "a payment before any sign-on": (
        _edit(
            "core/transactions/transaction",
            "    if session.state is not UP:\n        check_link_state",
            "    if False:\n        check_link_state",
        ),
    ),
    "a sign-on of an institution that nobody knows": (
        _edit(
            "core/link_control/network_management",
            "name = known.get(significant(institution))",
            "name = known.get(significant(institution), 'souss')",
        ),
    ),
    "a reversal of another acquirer's payment": _ANY_INSTITUTION,
}
