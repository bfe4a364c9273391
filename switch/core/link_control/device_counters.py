"""Counters of terminals that derive a key a transaction (DUKPT): they never go back.

A recorded PIN block, or message, that is sent again with its key serial number would else pass for a new one. So each counter is
taken once: the highest of each device is a record, before the payment it came with is answered. Rule: only what is proved moves a
counter (a MAC, or a PIN block that holds), else anybody could lock a terminal out with a number of his own.
"""

from switch.core.kernel import Kernel
from switch.core.records.devices import DeviceCounted
from switch.security.dukpt import device_and_counter


def judge(kernel: Kernel, ksn: bytes, where: str, *, again: bool) -> str:
    """Why this serial number cannot be taken; "" where it can. `again`: the highest so far is good once more, as for a repeat.
    Raises KsnError."""
    device, counter = device_and_counter(ksn)
    known = kernel.state.devices
    highest = known.get(device, 0)
    if counter < highest or (counter == highest and not again):
        hint = "something recorded and sent again, or a terminal whose counter was set back: give it a new initial key"
        kernel.log("error", "pin.counter_used", link=where, device=device, counter=counter, highest=highest, hint=hint)
        return f"device {device} has used counter {highest} already, this one is {counter}"
    if not highest and len(known) >= kernel.limits.pin_devices:
        times = kernel.limit_times("pin_devices", where)
        if times:
            hint = "counters of so many terminals are remembered: raise pin_devices in [limits] of the network file"
            said = {"limit": "pin_devices", "value": kernel.limits.pin_devices, "link": where, "times": times}
            kernel.log("warning", "limit.reached", **said, hint=hint)
        return f"limit pin_devices={kernel.limits.pin_devices} reached"
    return ""


def count(kernel: Kernel, ksn: bytes, now: int) -> None:
    """Record that this counter is used: what it came with is proved."""
    device, counter = device_and_counter(ksn)
    if counter > kernel.state.devices.get(device, 0):
        kernel.record(DeviceCounted(at_us=kernel.wall_us(now), device=device, counter=counter))
