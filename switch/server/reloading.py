"""The network file read again while the switch runs: checked whole first, then in effect at once, or refused whole.

In: a way to read the file. Out: what changed, in words, and a switch of the new file in the place of the old one, with the same
journal, connections and requests under way (`core.handover.succession`). Nothing is awaited between the last look at the old
switch and the first call of the new one, so that no message falls between them.
"""

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import msgspec
import trio

from switch.config import ConfigErrors
from switch.core.handover.changes import Obstacle, changes, obstacles
from switch.core.handover.leaving import keep_leaving, let_go, reasons_to_stay
from switch.core.handover.succession import hand_over, take_over
from switch.core.network import Network
from switch.core.operator.command import Arguments, Unable
from switch.core.operator.errors import ErrorCode
from switch.core.party import Log
from switch.core.switch import Switch
from switch.core.transactions.own_rules import keep_rules
from switch.doctor.explain import Explainer
from switch.security.certificates import CertificateError
from switch.server.keys import open_module
from switch.server.open_files import raise_open_files
from switch.server.operators import nobody_of
from switch.server.places import addresses_of, dials_of, links_ends
from switch.server.ports import time_rules, trio_clock
from switch.server.serving import Serving, dialects_of, shipped_dialects
from switch.server.tls import TlsConnection
from switch.wire import Dialect

LOOK_S = 1.0
"""between two looks whether a host that is leaving may go"""
TOLD_MAX = 200
"""changes named in one event"""


class ReloadArguments(Arguments, frozen=True):
    """Of the command `reload`."""

    dry_run: bool = False
    """only say what would change"""


class Reloaded(msgspec.Struct, frozen=True, kw_only=True):
    """What a reload has come to."""

    changes: list[str]
    failed: list[str] = []
    """what of them is not in effect, as files cannot be written"""


class Reloader:
    """Reads the file again at a command or at SIGHUP; ends hosts that are leaving once they may go."""

    def __init__(self, running: Serving, reread: Callable[[], Network]) -> None:
        """`reread`: the network as its file now says; raises ConfigErrors with all mistakes, or OSError."""
        self._running = running
        self._reread = reread

    async def command(self, arguments: dict[str, Any], by: str) -> dict[str, Any]:
        """What `reload` of the control socket does. Raises Unable: everything is as it was."""
        try:
            given = msgspec.convert(arguments, ReloadArguments)
        except msgspec.ValidationError as error:
            raise Unable(f"reload: {error}", "it takes: dry_run", code=ErrorCode.COMMAND_ARGUMENTS) from None
        done = await self.reload(by, dry_run=given.dry_run)
        return {"changes": done.changes, "failed": done.failed, "dry_run": given.dry_run}

    async def on_signal(self) -> None:
        """What SIGHUP does: the outcome is in the log."""
        with suppress(Unable):
            await self.reload("SIGHUP")

    async def reload(self, by: str, *, dry_run: bool = False) -> Reloaded:
        """Read, check, apply. Raises Unable: everything is as it was, and the reason is logged."""
        running, failed = self._running, list[str]()
        try:
            async with running.changing:
                network, dialects = await trio.to_thread.run_sync(self._read)
                now = trio_clock()
                staying = reasons_to_stay(running.switch, network, now)
                found = changes(running.network, network, staying)
                self._check(network, staying)
                if not dry_run:
                    kept = keep_leaving(running.network, network, running.switch.wall_us(now), staying)
                    failed = self._apply(kept, dialects)
        except Unable as error:
            running.driver.tell(Log("error", "network.reload_refused", {
                "by": by, "reason": str(error), "dry_run": dry_run, "hint": error.hint,
            }))  # fmt: skip
            raise
        if not dry_run:
            told = [*found[:TOLD_MAX], *([f"and {len(found) - TOLD_MAX} more"] if len(found) > TOLD_MAX else [])]
            event = {"by": by, "file": network.source, "changed": len(found), "changes": told}
            running.driver.tell(Log("info", "network.reloaded", event))
        return Reloaded(changes=found, failed=failed)

    def _read(self) -> tuple[Network, dict[str, Dialect]]:
        """In a thread of its own: the file, and the dialects it names."""
        try:
            network = self._reread()
            return network, dialects_of(network, self._running.dialects)
        except ConfigErrors as errors:
            raise Unable(
                str(errors), "nothing was changed; mend the file and ask again", code=ErrorCode.NETWORK_FILE
            ) from None
        except (OSError, ValueError) as error:
            raise Unable(
                str(error), "nothing was changed; mend the file and ask again", code=ErrorCode.NETWORK_FILE
            ) from None

    async def keep_looking(self) -> None:
        """Let hosts that are leaving go once nothing can come back to them; until cancelled."""
        while True:
            await trio.sleep(LOOK_S)
            if any(host.leaving_since_us for host in self._running.network.hosts):
                async with self._running.changing:
                    self._let_go()

    def _let_go(self) -> None:
        running = self._running
        if running.switch.draining:
            return
        gone = running.switch.leaving.may_go(trio_clock())
        if not gone:
            return
        try:
            self._apply(let_go(running.network, gone), {})
        except Unable as error:
            fields = {"hosts": sorted(gone), "reason": str(error), "hint": "tried again every second"}
            running.driver.tell(Log("error", "host.stays", fields))

    def _check(self, network: Network, staying: Mapping[str, str]) -> None:
        running = self._running
        if running.switch.draining:
            raise Unable("the switch is shutting down", code=ErrorCode.SWITCH_DRAINING)
        raise_obstacles(obstacles(running.network, network, staying))
        strangers = nobody_of(network)
        if strangers:
            raise Unable(
                f"no operator of the file is a user of this machine ({', '.join(strangers)}): nobody could give this switch a "
                "command any more",
                "nothing was changed; [[operator]] takes names of `getent passwd`, or `console_user` that of a console's user",
                code=ErrorCode.NETWORK_OBSTACLE,
            )

    def _apply(self, network: Network, dialects: dict[str, Dialect]) -> list[str]:
        """Without a pause. Returns what is not in effect. Raises Unable where an address cannot be had; nothing has been done
        then."""
        running, driver, old = self._running, self._running.driver, self._running.switch
        wanted = addresses_of(network)
        module = open_module(network.security)
        try:
            files = raise_open_files(network)
            opened = driver.listeners.prepare(wanted)
        except OSError as error:
            raise Unable(
                str(error),
                "free the address, or give the listener another; nothing was changed",
                code=ErrorCode.ADDRESS_UNAVAILABLE,
            ) from None
        try:
            ends = links_ends(network, driver.listeners.ends)
        except CertificateError as error:
            for listening in opened:
                listening.sock.close()
            raise Unable(str(error), error.hint, code=ErrorCode.CERTIFICATE_FILE) from None
        now = trio_clock()
        driver.carry_out(now)
        spoken = {**running.dialects, **dialects}
        try:
            new = Switch(
                network,
                spoken,
                old.state,
                old.position,
                running.vault,
                running.history,
                Explainer(shipped_dialects),
                module,
            )
        except Exception:
            for listening in opened:
                listening.sock.close()
            raise
        keep_rules(old, new)
        time_rules(new)
        new.wall_offset_ns = old.wall_offset_ns
        take_over(new, hand_over(old, whole=False), now)
        failed = running.follow(new, network, spoken)
        driver.follow(new, network.limits, now)
        driver.listeners.ends = ends
        driver.listeners.move(wanted, opened)
        for link in driver.listeners.dial(dials_of(network), running.nursery):
            new.retire(link, "fewer connections with this host are to be kept", now)
        driver.end_sealed(TlsConnection.taken_back, now)
        driver.listeners.files_max = files.connections_max
        if files.too_few is not None:
            driver.tell(files.too_few)
        return failed


def raise_obstacles(found: list[Obstacle]) -> None:
    """Raise Unable with all of them, one a line."""
    if found:
        lines = [f"{obstacle.sentence}: {obstacle.hint}" for obstacle in found]
        raise Unable("\n".join(lines), "nothing was changed", code=ErrorCode.NETWORK_OBSTACLE)
