"""Counters of terminals that derive a key a transaction (DUKPT): they never go back.

A recorded PIN block that is sent again with its key serial number would be translated again, into a payment of whoever sends it.
So each counter is taken once: the highest of each device is a record, before the payment it came with is answered. Rule: only a
PIN block that held moves a counter, else anybody could lock a terminal out with a number of his own.
"""

from typing import NamedTuple

from switch.core.kernel import Kernel
from switch.core.links.session import Session
from switch.core.records.devices import DeviceCounted
from switch.core.transactions.transaction import Refusal, limit_reached
from switch.security.dukpt import KsnError, device_and_counter
from switch.wire.vocabulary import DE, Answer, Document


class Serial(NamedTuple):
    """A key serial number, taken apart."""

    ksn: bytes
    device: str
    counter: int


def serial_in(document: Document) -> bytes:
    """The key serial number of a message in internal format; b"": it has none, or no hex."""
    try:
        return bytes.fromhex(document.get(DE.SECURITY, ""))
    except ValueError:
        return b""


def check(kernel: Kernel, session: Session, document: Document, txn: int) -> Serial:
    """The serial number of a request with a PIN. Raises Refusal: it has none, or one that was used."""
    ksn = serial_in(document)
    try:
        device, counter = device_and_counter(ksn)
    except KsnError as error:
        said = str(error) if ksn else "it has none"
        raise Refusal(Answer.FORMAT_ERROR, f"key serial number of its PIN: {said}") from None
    known = kernel.state.devices
    highest = known.get(device, 0)
    if counter <= highest:
        hint = "a recorded PIN sent again, or a terminal whose counter was set back: give it a new initial key"
        about = {"txn": f"{txn:x}", "link": session.link, "device": device}
        kernel.log("error", "pin.counter_used", **about, counter=counter, highest=highest, hint=hint)
        said = f"device {device} has used counter {highest} already, this one is {counter}"
        raise Refusal(Answer.SECURITY_VIOLATION, f"key serial number of its PIN: {said}")
    if not highest and len(known) >= kernel.limits.pin_devices:
        raise limit_reached(kernel, "pin_devices", kernel.limits.pin_devices, Answer.MALFUNCTION, session.name)
    return Serial(ksn, device, counter)


def count(kernel: Kernel, serial: Serial) -> None:
    """Its PIN block held: this counter is used."""
    kernel.record(DeviceCounted(at_us=kernel.wall_us(kernel.now), device=serial.device, counter=serial.counter))
