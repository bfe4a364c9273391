"""Hosts that a reload found gone from the network file: they stay, as *leaving*, until nothing can come back to them.

Theory of operation. No card leads to such a host any more, so that it gets no new payment. What concerns those it had reaches
it as before, over its own links: answers, repeats, reversals, completions, increments of holds, and whatever it is owed. It may
go once nothing is open with it or owed to it, nothing it may yet approve late is watched for (`late_s`), and the newest payment
that it approved is past its *time to come back*: the longer of `duplicate_window_s`, within which an acquirer repeats and
reverses, and the host's own `preauth_s`, within which a hold is completed. What names such a payment later still is owed to a
host that is not there, and an exception (`saf.forwarder`), as at a cold start with a file that has not got the host.

Derived from the state alone, so that a switch that follows another comes to the same. Who may go is let go by who runs the
switch, as by a reload of a network without it (`handover.leaving`).
"""

from datetime import UTC, datetime

from switch.core.kernel import Kernel
from switch.wire.dates import seconds_between

SECOND_US = 1_000_000


class Leaving:
    """Says which leaving hosts may go, and what keeps the others."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel
        self._until_us: dict[str, int] = {}
        """by host: its payments known then could come back until then; looked up anew once that has passed"""

    def reason(self, name: str, now: int) -> str:
        """What can still come back to this host, in words; "": nothing, it may go."""
        kernel, state = self._kernel, self._kernel.state
        open_at = sum(request.host == name for request in state.open.values())
        owed = sum(entry.host == name for entry in state.owed.values())
        if open_at or owed:
            return f"{open_at} open and {owed} owed"
        wall_us = kernel.wall_us(now)
        late_s = kernel.limits.late_s
        watched = state.watched.get(name, {}).values()
        if any(wall_us - each.reversal <= late_s * SECOND_US for each in watched):
            return f"a late approval, which it may give within {late_s} s (late_s)"
        until_us = self._until_us.get(name, 0)
        if until_us <= wall_us:
            until_us = self._until_us[name] = self._find_until(name, now)
        if until_us <= wall_us:
            return ""
        until = datetime.fromtimestamp(until_us // SECOND_US, UTC).strftime("%Y-%m-%d %H:%M:%S")
        return f"payments of its, which may be reversed or completed until {until} UTC"

    def may_go(self, now: int) -> frozenset[str]:
        """Names of those leaving that nothing can come back to."""
        leaving = [name for name, host in self._kernel.hosts.items() if host.config.leaving_since_us]
        return frozenset(name for name in leaving if not self.reason(name, now))

    def _find_until(self, name: str, now: int) -> int:
        """Until when something may come back of what it was asked, wall-clock microseconds. What memory has let go of, or a crash
        has taken, is as young as it can be."""
        kernel, state = self._kernel, self._kernel.state
        late_us = kernel.limits.late_s * SECOND_US
        window_s = max(kernel.network.duplicate_window_s, kernel.hosts[name].config.preauth_s)
        stays_us = max(window_s * SECOND_US, late_us)
        until_us = self._booted_us(now) + stays_us if kernel.booted_de7 else 0
        if name not in state.stans:
            return until_us  # nothing was sent to it that is known here
        packed_name = name.encode()
        for outcome in reversed(state.recent.values()):
            if packed_name not in outcome.packed:
                continue  # most are others': not worth unpacking
            request = outcome.request
            if request is None or request.host != name:
                continue
            if outcome.approved:
                return max(until_us, outcome.at_us + stays_us)
            until_us = max(until_us, outcome.at_us + late_us)
        if state.horizons:
            oldest = next(iter(state.recent.values()), None)
            until_us = max(until_us, (oldest.at_us if oldest is not None else kernel.wall_us(now)) + stays_us)
        return until_us

    def _booted_us(self, now: int) -> int:
        """When this process began, wall-clock microseconds; what one before it did last may not be known here."""
        kernel = self._kernel
        ago_s = seconds_between(kernel.booted_de7, kernel.de7(now), kernel.today()) or 0
        return kernel.wall_us(now) - ago_s * SECOND_US
