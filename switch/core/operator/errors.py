"""The codes of what is refused to an operator: stable, so that programs need not read sentences.

A code never changes its meaning and is never given to anything else; sentences and hints may be worded anew in any release.
`docs/errors.md` says of each where it comes from and what to do.
"""

from enum import StrEnum


class ErrorCode(StrEnum):
    """`noun.problem`, as in the member's own name."""

    # -- of every command
    COMMAND_UNKNOWN = "command.unknown"
    COMMAND_UNREADABLE = "command.unreadable"
    COMMAND_ARGUMENTS = "command.arguments"
    COMMAND_FAILED = "command.failed"
    CLIENTS_TOO_MANY = "clients.too_many"
    NAME_UNKNOWN = "name.unknown"
    OPERATOR_FORBIDDEN = "operator.forbidden"
    OPERATOR_WAITS = "operator.waits"
    OPERATOR_SECOND = "operator.second"
    AUDIT_LOG = "audit.log"
    JOURNAL_DOWN = "journal.down"
    JOURNAL_LATE = "journal.late"
    SWITCH_DRAINING = "switch.draining"

    # -- of what is asked for
    LINK_IDLE = "link.idle"
    KEYS_FIXED = "keys.fixed"
    KEYS_REFUSED = "keys.refused"
    DAY_DATE = "day.date"
    DAY_CLOSED = "day.closed"
    DAY_WINDOW = "day.window"
    TXN_UNREADABLE = "txn.unreadable"
    TXN_NOT_OWED = "txn.not_owed"
    HOST_GONE = "host.gone"
    EXCEPTION_UNKNOWN = "exception.unknown"
    EXCEPTION_REASON = "exception.reason"
    CARD_REFUSED = "card.refused"
    CARDS_TOO_MANY = "cards.too_many"
    CARDS_FULL = "cards.full"
    DISPUTE_UNKNOWN = "dispute.unknown"
    DISPUTE_STEP = "dispute.step"
    DISPUTE_LATE = "dispute.late"
    DISPUTE_REFUSED = "dispute.refused"

    # -- of another network file, or another program
    NETWORK_FILE = "network.file"
    NETWORK_OBSTACLE = "network.obstacle"
    ADDRESS_UNAVAILABLE = "address.unavailable"
    PROGRAM_UNABLE = "program.unable"
    PROGRAM_SILENT = "program.silent"
    SYSTEM = "system"

    # -- of a program that does not start
    JOURNAL_UNUSABLE = "journal.unusable"
    VAULT_KEY = "vault.key"
    CERTIFICATE_FILE = "certificate.file"
    SECURITY_KEYS = "security.keys"
    CAPTURE_FILE = "capture.file"

    # -- of the way to a switch
    SWITCH_ABSENT = "switch.absent"
    SWITCH_SILENT = "switch.silent"
    SWITCH_GONE = "switch.gone"
    SWITCH_FORBIDDEN = "switch.forbidden"
    SWITCH_UNREACHABLE = "switch.unreachable"
