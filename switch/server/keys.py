"""The security module that a network file names, opened: a process of its own, or its keys in this process."""

import os
from pathlib import Path

from switch.core.addresses import parse_address
from switch.core.credentials import SecurityFiles
from switch.core.operator.command import Unable
from switch.core.operator.errors import ErrorCode
from switch.security.audit import AuditError
from switch.security.key_file import KeyRingError
from switch.security.keyring import KeyRing
from switch.security.lmk import LmkError
from switch.security.module import SecurityModule, SoftwareModule
from switch.security.payshield import HostKeysError, HostModule, read_host_keys
from switch.security.private_memory import keep_memory_private
from switch.security.remote import RemoteModule
from switch.security.token import open_lmk, witness_place


def open_module(files: SecurityFiles) -> SecurityModule | None:
    """None where the file names no keys. Raises Unable: which file, why, and what to do.

    A process that holds keys itself leaves no core dump from here on. One that is a client is connected with its first question,
    so that the module may start later: until then all that needs a key is refused.
    """
    if files.module:
        return RemoteModule(files.module, files.wait_ms / 1000)
    if files.hardware:
        at = parse_address(files.hardware)
        try:
            return HostModule((at.host, at.port), read_host_keys(Path(files.hardware_keys)), files.wait_ms / 1000)
        except HostKeysError as error:
            hint = "see `hardware_keys` in `[security]` of the network file"
            raise Unable(str(error), hint, code=ErrorCode.SECURITY_KEYS) from None
    if not files.keys:
        return None
    try:
        witness = witness_place(files.lmk, Path(files.keys))
        ring = KeyRing(Path(files.keys), open_lmk(files.lmk), os.urandom, witness=witness)
        keep_memory_private()
    except (KeyRingError, LmkError, AuditError) as error:
        raise Unable(str(error), "see `[security]` of the network file", code=ErrorCode.SECURITY_KEYS) from None
    except OSError as error:
        raise Unable(
            f"the memory of this process cannot be kept private: {error}", code=ErrorCode.SECURITY_KEYS
        ) from None
    return SoftwareModule(ring, os.urandom)
