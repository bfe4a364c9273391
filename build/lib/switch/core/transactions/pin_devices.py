"""The key serial number of a request with a PIN, from a terminal that derives a key a transaction (DUKPT)."""

from switch.core.kernel import Kernel
from switch.core.link_control.device_counters import judge
from switch.core.links.session import Session
from switch.core.transactions.transaction import Refusal
from switch.security.dukpt import KsnError
from switch.wire.vocabulary import DE, Answer, Document


def serial_in(document: Document) -> bytes:
    """The key serial number of a message in internal format; b"": it has none, or no hex."""
    try:
        return bytes.fromhex(document.get(DE.SECURITY, ""))
    except ValueError:
        return b""


def check(kernel: Kernel, session: Session, document: Document) -> bytes:
    """The serial number. Raises Refusal: it has none, or one that was used, but by the MAC of the very message."""
    ksn = serial_in(document)
    try:
        wrong = "" if ksn in kernel.proved_serials else judge(kernel, ksn, session.link, again=False)
    except KsnError as error:
        said = str(error) if ksn else "it has none"
        raise Refusal(Answer.FORMAT_ERROR, f"key serial number of its PIN: {said}") from None
    kernel.proved_serials.discard(ksn)
    if wrong:
        full = wrong.startswith("limit")
        raise Refusal(
            Answer.MALFUNCTION if full else Answer.SECURITY_VIOLATION, f"key serial number of its PIN: {wrong}"
        )
    return ksn
