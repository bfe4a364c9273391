"""The PIN of a request on its way to a host: as it came, translated, or not at all.

A PIN block belongs to one link. Where both links have a key (`pin_key`), the security module translates it, for the same PAN;
where both ends of the whole way share one (`pass_pin`), it goes out as it came; else the request is declined: without its PIN, an
issuer would take the payment for one that asked for none.

A module that is far away is asked for all PINs of one reading at once, before its requests are dealt with (`PinsAhead`). What was
asked for so is found again by its question: what is decided about a request does not depend on it.
"""

from typing import NamedTuple

from switch.core.kernel import Kernel
from switch.core.link_control.device_counters import count
from switch.core.links.awaited import Pending
from switch.core.links.session import HostState, Session
from switch.core.network import LinkKeys
from switch.core.routing.routing import Router
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.pin_devices import check, serial_in
from switch.core.transactions.transaction import Refusal, pan_of
from switch.security.commands import BAD_BLOCK, TranslatePin
from switch.security.module import NO_MODULE
from switch.wire import DecodeError
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, REQUESTS, Answer, Document


class Carried(NamedTuple):
    """A request with its PIN: whose it is, on which connection it came, and for which card."""

    session: Session
    document: Document
    pan: str
    txn: int


def pin_again(kernel: Kernel, pending: Pending, host: HostState) -> str | None:
    """`pin_for` of a request that is to be sent again; None: it cannot be, with its PIN."""
    if DE.PIN not in pending.request:
        return ""
    session = kernel.sessions.get(pending.link)
    if session is None:
        return "" if host.config.pass_pin else None
    try:
        return pin_for(kernel, Carried(session, pending.request, pan_of(pending.request), pending.txn), host)
    except Refusal:
        return None


def pin_for(kernel: Kernel, message: Incoming | Carried, host: HostState) -> str:
    """DE52 as the host gets it, in hex; "" where the request has none, or where it goes out as it came. Raises Refusal."""
    block = message.document.get(DE.PIN)
    if block is None or host.config.pass_pin:
        return ""
    source, target = kernel.keys_of(message.session), host.config.keys
    if not (source.pin_key and target.pin_key):
        raise _not_carried(kernel, message, host, source)
    try:
        encrypted = bytes.fromhex(block)
    except ValueError:
        raise Refusal(Answer.FORMAT_ERROR, "DE52 is no hex digits") from None
    fresh = source.ksn and not isinstance(message, Carried)
    serial = check(kernel, message.session, message.document) if fresh else b""
    command = _question(kernel, message.session, message.document, host, encrypted, message.pan)
    reply = kernel.translated.pop(command, None) or (kernel.module or NO_MODULE).ask([command])[0]
    if reply.ok:
        for keys in (source, target):
            if keys.zone_key:
                kernel.sealings.valid.count(keys.pin_key)
        if serial:
            count(kernel, serial, kernel.now)
        return reply.value.hex().upper()
    broken = reply.code == BAD_BLOCK
    kernel.log(
        "warning" if broken else "error",
        "pin.not_translated",
        txn=f"{message.txn:x}",
        link=message.session.link,
        host=host.name,
        from_key=source.pin_key,
        to_key=target.pin_key,
        reason=reply.reason,
        hint="no PIN block under this key, in this format, for this card: the same key at both ends (check values)?"
        if broken
        else "see to the key, or to the security module",
    )
    raise Refusal(Answer.MALFUNCTION, f"its PIN cannot be translated: {reply.reason}")


class PinsAhead:
    """Has the PINs of a batch translated at once, before their flows decide."""

    def __init__(self, kernel: Kernel, router: Router) -> None:
        self._kernel, self._router = kernel, router

    def ask(self, session: Session, frames: list[bytes]) -> None:
        """Have the PINs of one reading translated, into `kernel.translated`. What cannot be read here is left to who deals with
        it."""
        kernel = self._kernel
        module = kernel.module
        if module is None or not module.far or not kernel.keys_of(session).pin_key:
            return
        found = (self._asked(session, frame) for frame in frames)
        commands = [command for command in found if command is not None]
        if len(commands) > 1:
            kernel.translated.update(zip(commands, module.ask(commands), strict=True))

    def _asked(self, session: Session, frame: bytes) -> TranslatePin | None:
        """None: it has no PIN, or none that is to be translated."""
        try:
            document = session.inward(session.dialect.decode(frame))
            block = document.get(DE.PIN, "") if document[DE.MTI] in REQUESTS else ""
            if not block:
                return None
            pan, encrypted = pan_of(document), bytes.fromhex(block)
        except (DecodeError, SubfieldError, ValueError, KeyError):
            return None
        host = self._kernel.hosts.get(self._router.usual_host(pan))
        if host is None or host.config.pass_pin or not host.config.keys.pin_key:
            return None
        return _question(self._kernel, session, document, host, encrypted, pan)


def _question(
    kernel: Kernel, session: Session, document: Document, host: HostState, encrypted: bytes, pan: str
) -> TranslatePin:
    """What the module is asked about a PIN block on its way to a host: both links have keys."""
    source, target, sets = kernel.keys_of(session), host.config.keys, session.sets
    from_key, others = sets.of_pin(document) if sets is not None else (source.pin_key, ())
    to_key = kernel.sealings.valid.of(target.pin_key).sending if target.zone_key else target.pin_key
    formats, ksn = (source.pin_format, target.pin_format), serial_in(document) if source.ksn else b""
    return TranslatePin(from_key, to_key, encrypted, pan, *formats, ksn, others)


def _not_carried(kernel: Kernel, message: Incoming | Carried, host: HostState, source: LinkKeys) -> Refusal:
    lacking = f"[[host]] {host.name}" if source.pin_key else _party(message.session)
    kernel.log(
        "warning",
        "pin.not_carried",
        txn=f"{message.txn:x}",
        link=message.session.link,
        host=host.name,
        hint=f"declined (96), never sent without its PIN; `pin_key` of {lacking} of the network file has it translated, "
        f"`pass_pin = true` in [[host]] {host.name} says that it shares the PIN's key with who sends them",
    )
    return Refusal(Answer.MALFUNCTION, f"it has a PIN (DE52), and the link of host {host.name} carries none")


def _party(session: Session) -> str:
    return f"[[host]] {session.host.name}" if session.host is not None else f"[[member]] {session.source}"
