"""One switch follows another: the memory taken from the first, and gone on with by the second.

In: the old switch, between two batches. Out: its `Memory`. In again: a new switch, of the same journal and perhaps another
network file. Rule: what the new file still knows goes on as it was; what it knows otherwise ends when it can be missed
(`core.link_control.retiring`); what it knows no more ends.
"""

from switch.core.handover.memory import KeptHost, KeptSession, Memory, Remembered
from switch.core.link_control.admission import allowed_of, is_allowed
from switch.core.link_control.certificates import mismatch, pin_of
from switch.core.links.session import Session
from switch.core.links.states import LinkEvent, SessionState
from switch.core.network import Network
from switch.core.party import Close
from switch.core.records.fold import limit, remember_all
from switch.core.switch import Switch
from switch.wire.framing import FramingError


def hand_over(switch: Switch, *, whole: bool) -> Memory:
    """What the switch after this one needs to know. The last call: nothing may happen to this one any more.

    `whole`: also what its state remembers beyond the journal's last snapshot.
    """
    state = switch.state
    hosts = (
        KeptHost(
            name=name,
            sessions=tuple(session.link for session in host.sessions),
            table=host.pending.export(),
            queue=switch.forwarder.queues[name].export(),
        )
        for name, host in switch.hosts.items()
    )
    return Memory(
        network=switch.network,
        position=switch.position,
        durable=switch.durable_position,
        last_txn=switch.last_txn,
        snapshot_at=switch.snapshot_at,
        network_stan=switch.management.stan,
        booted_de7=switch.booted_de7,
        journal_down=switch.journal_down,
        cutovers_looked_s=switch.scheduled.looked_s,
        sessions=tuple(_keep_session(switch, session) for session in switch.sessions.values()),
        hosts=tuple(hosts),
        copies=tuple(switch.copies.items()),
        refused=tuple(switch.refused.items()),
        remembered=Remembered(recent=tuple(state.recent.values()), horizons=dict(state.horizons)) if whole else None,
    )


def _keep_session(switch: Switch, session: Session) -> KeptSession:
    link = session.link
    return KeptSession(
        link=link,
        name=session.name,
        role=session.role,
        dialect=session.dialect.name,
        framing=session.framing_name,
        begun=session.framing.begun,
        state=session.state.value,
        source=session.source,
        host=session.host.name if session.host is not None else "",
        heard_ns=session.heard_ns,
        asked=tuple((stan, de7, code, at) for (stan, de7), (code, at) in session.asked.items()),
        since_de7=session.since_de7,
        good=session.good,
        bad=session.bad,
        bad_in_a_row=session.bad_in_a_row,
        network_messages=session.network_messages,
        network_from_ns=session.network_from_ns,
        sign_on_by_ns=switch.unsigned.get(link),
        begun_ns=switch.partial.get(link),
        dialled=session.name in switch.hosts,
        retiring=switch.retiring.links.get(link, ""),
        peer=session.peer,
        certificate=session.certificate,
    )


def take_over(switch: Switch, memory: Memory, now: int) -> None:
    """The first call of a switch that follows another, instead of `started`. Raises ValueError: the journal has gone on since.

    What was forwarded goes on waiting for its answer: nothing is reversed, and no request is taken for one that may have been
    forgotten.
    """
    if memory.position != switch.position:
        raise ValueError(f"the memory is of record {memory.position}, the journal of record {switch.position}")
    switch.durable_position = memory.durable
    switch.last_txn = max(switch.last_txn, memory.last_txn)
    switch.snapshot_at = min(switch.snapshot_at, memory.snapshot_at)
    switch.management.stan = memory.network_stan
    switch.booted_de7, switch.journal_down = memory.booted_de7, memory.journal_down
    switch.scheduled.resume(memory.cutovers_looked_s, now)
    switch.copies.update(memory.copies)
    for key, (at_us, de39) in memory.refused:
        switch.refused.add(key, at_us, de39)
    if memory.remembered is not None:
        remember_all(switch.state, memory.remembered.recent)
        switch.state.horizons = dict(memory.remembered.horizons)
    limit(switch.state, switch.limits)
    for session in memory.sessions:
        _take_session(switch, session, now)
    for kept in memory.hosts:
        host = switch.hosts.get(kept.name)
        if host is None:
            continue
        host.pending.restore(kept.table, now + host.timeout_ns)
        for pending in kept.table.waiting:
            if pending.link in switch.sessions:
                switch.sessions[pending.link].in_flight += 1
        switch.forwarder.queues[kept.name].restore(kept.queue)
        for link in kept.sessions:
            if link in switch.sessions:
                host.add(switch.sessions[link])
    _close_unwaited(switch, now)
    _retire_changed(switch, memory, now)
    _tell_leaving(switch, memory.network, now)


def _take_session(switch: Switch, kept: KeptSession, now: int) -> None:
    """The connection goes on; one whose unfinished frame is too long by the new file ends."""
    host = switch.hosts.get(kept.host)
    if kept.dialect not in switch.dialects:
        switch.effects.append(Close(kept.link, f"the network file knows no dialect {kept.dialect} any more"))
        return
    peer = host.config.institution if host is not None and kept.dialled else ""
    session = switch.session(kept.link, role=kept.role, dialect=kept.dialect, framing=kept.framing, peer=peer, now=now)
    session.resume_at(SessionState(kept.state))
    session.source, session.host = kept.source, host
    session.peer, session.certificate = kept.peer, kept.certificate
    switch.bind_to_peer(session)
    session.heard_ns, session.since_de7 = kept.heard_ns, kept.since_de7
    session.asked = {(stan, de7): (code, at) for stan, de7, code, at in kept.asked}
    session.good, session.bad, session.bad_in_a_row = kept.good, kept.bad, kept.bad_in_a_row
    session.network_messages, session.network_from_ns = kept.network_messages, kept.network_from_ns
    switch.sessions[kept.link] = session
    if kept.name in switch.listeners:
        switch.connections[kept.name] = switch.connections.get(kept.name, 0) + 1
    if host is not None:
        switch.with_hosts[kept.link] = session
    switch.maintenance.adopt(session)
    if kept.sign_on_by_ns is not None:
        switch.newcomers.add(session, kept.sign_on_by_ns)
    if kept.begun_ns is not None:
        switch.partial[kept.link] = kept.begun_ns
    if not kept.good:
        session.first = kept.begun
    try:
        session.framing.feed(kept.begun)
    except FramingError as error:
        session.move(LinkEvent.CLOSE)
        switch.effects.append(Close(kept.link, f"bad frame: {error}"))


def _close_unwaited(switch: Switch, now: int) -> None:
    """What is open and waits nowhere had a host that was not in the file: if it is back, it is owed what a restart owes."""
    waiting = {pending.txn for pending in switch.pending.values()}
    for request in list(switch.state.open.values()):
        if request.txn not in waiting:
            switch.close_unwaited(request, now)


def _tell_leaving(switch: Switch, before: Network, now: int) -> None:
    """Hosts that begin to leave, that are gone, or that are in the file again."""
    for host in before.hosts:
        there = switch.hosts.get(host.name)
        if there is None:
            owed = sum(entry.host == host.name for entry in switch.state.owed.values())
            hint = "something is still owed to it: put it back into the network file" if owed else ""
            switch.log("error" if owed else "info", "host.left", host=host.name, owed=owed, hint=hint)
        elif there.config.leaving_since_us and not host.leaving_since_us:
            reason = switch.leaving.reason(host.name, now)
            hint = "no longer in the network file: it gets no new payment, and goes once nothing can come back to it"
            switch.log("info", "host.leaving", host=host.name, reason=reason, hint=hint)
        elif host.leaving_since_us and not there.config.leaving_since_us:
            switch.log("info", "host.back", host=host.name)


def _retire_changed(switch: Switch, memory: Memory, now: int) -> None:
    """Connections that the new file does not know, or knows otherwise."""
    before, after = memory.network, switch.network
    members = {member.name for member in after.members}
    for kept in memory.sessions:
        session = switch.sessions.get(kept.link)
        if session is None or session.state is SessionState.CLOSING:
            continue
        reason = kept.retiring or _reason_to_retire(before, after, kept)
        if not reason and kept.role != "host" and kept.source and kept.source not in members:
            reason = f"member {kept.source} left the network file"
        if not reason and not kept.dialled:
            reason = _why_not_allowed(after, kept)
        untrusted = _why_not_theirs(after, kept)
        if kept.host and session.host is None:
            _end_removed(switch, session, now)
        elif untrusted:
            session.move(LinkEvent.CLOSE)
            if session.host is not None:
                session.host.remove(session)
            switch.effects.append(Close(session.link, untrusted))
        elif reason:
            switch.retiring.add(session, reason, now)


def _reason_to_retire(before: Network, after: Network, kept: KeptSession) -> str:
    """Why a connection does not fit the new file; "" where it does. One that did not fit the old one either stays as it is."""
    name = kept.name
    if kept.dialled:
        hosts = {host.name: host for host in after.hosts}
        was = next((host for host in before.hosts if host.name == name), None)
        now_is = hosts.get(name)
        if was is None or now_is is None:
            return ""
        changed = [k for k in ("connect", "dialect", "framing", "edge") if getattr(was, k) != getattr(now_is, k)]
        return f"{', '.join(changed)} of host {name} changed" if changed else ""
    listener = next((one for one in after.listeners if one.name == name), None)
    if listener is None:
        return f"listener {name} left the network file"
    changed = [
        what
        for what, was_so, is_so in (
            ("role", kept.role, listener.role),
            ("dialect", kept.dialect, listener.dialect),
            ("framing", kept.framing, listener.framing),
            ("tls", kept.certificate is not None, listener.is_secure),
        )
        if was_so != is_so
    ]
    return f"{', '.join(changed)} of listener {name} changed" if changed else ""


def _why_not_allowed(after: Network, kept: KeptSession) -> str:
    """Why the new file would not let it connect; "" where it would."""
    listener = next((one for one in after.listeners if one.name == kept.name), None)
    stays = any(host.name == kept.host and host.leaving_since_us for host in after.hosts)
    if listener is not None and listener.members and kept.source and kept.source not in listener.members and not stays:
        return f"{kept.source} is not in `members` of listener {kept.name} any more"
    if listener is not None and not is_allowed(listener.allow, kept.peer):
        return f"{kept.peer} is not in `allow` of listener {kept.name} any more"
    if kept.source and not is_allowed(allowed_of(after, kept.source, host=kept.role == "host"), kept.peer):
        return f"{kept.peer} is not in `allow` of {kept.source} any more"
    return ""


def _why_not_theirs(after: Network, kept: KeptSession) -> str:
    """Why the new file takes its certificate for another's; "" where it does not, or nobody has signed on."""
    is_host = bool(kept.host)
    whose = kept.host or kept.source
    sections = after.hosts if is_host else after.members
    if not whose or all(section.name != whose for section in sections):
        return ""
    where = f"{'[[host]]' if is_host else '[[member]]'} {whose}"
    return mismatch(pin_of(after, whose, host=is_host), kept.certificate, where)[0]


def _end_removed(switch: Switch, session: Session, now: int) -> None:
    """A host that left the file, and that nothing can come back to: goodbye."""
    if session.state is SessionState.UP:
        switch.management.sign_off(session, now)
    session.move(LinkEvent.CLOSE)
    switch.effects.append(Close(session.link, f"host {session.name} left the network file"))
