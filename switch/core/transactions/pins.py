"""The PIN of a request on its way to a host: as it came, translated, or not at all.

A PIN block belongs to one link. Where both links have a key (`pin_key`), the security module translates it, for the same PAN;
where both ends of the whole way share one (`pass_pin`), it goes out as it came; else the request is declined: without its PIN, an
issuer would take the payment for one that asked for none.
"""

from typing import NamedTuple

from switch.core.kernel import Kernel
from switch.core.links.awaited import Pending
from switch.core.links.session import HostState, Session
from switch.core.network import LinkKeys
from switch.core.transactions.incoming import Incoming
from switch.core.transactions.transaction import Refusal, pan_of
from switch.security.commands import BAD_BLOCK, TranslatePin
from switch.security.module import NO_MODULE
from switch.wire.vocabulary import DE, Answer, Document


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
    sets, to_key = message.session.sets, target.pin_key
    from_key, others = sets.of_pin(message.document) if sets is not None else (source.pin_key, ())
    if target.zone_key:
        to_key = kernel.sealings.valid.of(to_key).sending
    formats = source.pin_format, target.pin_format
    command = TranslatePin(from_key, to_key, encrypted, message.pan, *formats, others=others)
    (reply,) = (kernel.module or NO_MODULE).ask([command])
    if reply.ok:
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
