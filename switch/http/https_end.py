"""One end of HTTPS whose files are read again while it serves: another certificate, other authorities, a newer list of
certificates that were taken back.

In: what reads the files. Out: the context of each connection that begins. The one rule: files that cannot be used change nothing.
"""

import ssl
from collections.abc import Callable, Iterable
from typing import Final

import trio

_NO_TLS: Final = ("HTTP_REQUEST", "WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "PACKET_LENGTH_TOO_LONG")


class HttpsEnd:
    """The context in use, and how it is made."""

    def __init__(self, read: Callable[[], ssl.SSLContext]) -> None:
        """`read`: the files as they are now. Raises what it raises."""
        self._read = read
        self.context = read()
        self._renewed: list[Callable[[], None]] = []

    def when_renewed(self, act: Callable[[], None]) -> None:
        """Call `act` each time another context has come into use."""
        self._renewed.append(act)

    def take(self, context: ssl.SSLContext) -> None:
        """Connections that begin from now on have this one."""
        self.context = context
        for act in self._renewed:
            act()

    @staticmethod
    def renew(ends: Iterable["HttpsEnd"]) -> None:
        """Read the files of all of these again, and then take them all. Raises what reading raises: nothing has changed then."""
        for end, context in [(end, end._read()) for end in ends]:
            end.take(context)


def why_unsecured(error: BaseException) -> str:
    """What went wrong with a client's handshake, in a few words."""
    if isinstance(error, trio.TooSlowError):
        return "its TLS handshake was not done in time"
    while not isinstance(error, ssl.SSLError) and (cause := error.__cause__ or error.__context__) is not None:
        error = cause
    if not isinstance(error, ssl.SSLError):
        return "it went away in its TLS handshake"
    if isinstance(error, ssl.SSLCertVerificationError):
        said = getattr(error, "verify_message", "")  # a list's word has none (`listening`)
        return f"its certificate is not accepted: {said}" if said else str(error.strerror)
    reason = error.reason or "failed"
    if "EOF" in reason or isinstance(error, ssl.SSLEOFError | ssl.SSLZeroReturnError):
        return "it went away in its TLS handshake"
    if reason == "PEER_DID_NOT_RETURN_A_CERTIFICATE":
        return "it shows no certificate: TLS is mutual here"
    if reason in _NO_TLS:
        return "it speaks no TLS"
    if "_ALERT_" in reason:
        return f"it refuses this side's certificate: {reason.partition('_ALERT_')[2].replace('_', ' ').lower()}"
    return f"TLS: {reason.replace('_', ' ').lower()}"
