"""The web payment gateway beside a switch, as the console reaches it: its store, and the audit log of what is done there.

In: a desk, a question. Out: the store's answer. The one rule: what changes something is in the audit log before it is done.
"""

from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

from switch.console.desk import Desk
from switch.gateway.orders.beside import store_beside
from switch.gateway.orders.store import Store
from switch.journal.keys import open_vault, vault_key_path
from switch.security.audit import AuditError
from switch.server.operators import audit_of


async def ask_gateway(desk: Desk, question: Callable[[Store], Any]) -> Any:
    """What its store says; None: there is no gateway beside this switch. Raises StoreError, and what the question does."""
    file = store_beside(desk.state_dir)

    def ask() -> Any:
        if not file.exists():
            return None
        with closing(Store(file)) as store:
            return question(store)

    return await desk.read(ask)


def write_act(desk: Desk, user: str, act: str, what: str, reason: str) -> None:
    """Put into the audit log what is about to be done. Raises AuditError, VaultError: what nobody could know of is not done."""
    state = desk.state_dir
    if not vault_key_path(state).exists():
        raise AuditError(f"{vault_key_path(state)} is missing, and the audit log is chained with it")
    log = audit_of(state, open_vault(state).audit_secret)
    at = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    with log.turn():
        log.write(at=at, by=f"{user} (console)", act=act, key=what, note=reason)
