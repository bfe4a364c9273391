"""What a classic terminal asks of its acquirer beside payments (0800, 0820): a test, to sign on or off, something to load.

Two forms say it. UnionPay's has a network management code in DE60; the others have DE3: 99 or none is a test, 92 a sign-on, and
with all else a terminal wants data of its acquirer's (93 and 94 parameters, 95, 96, 50 and 51 keys, 97 ranges of cards). A test
and a sign-on are answered 00. What the switch has not to give is refused by name: a 00 without the data would be taken for it.

Sources: terminal specifications that banks and processors have published, and terminals' own source code.
"""

import re
from typing import Final

from switch.core.kernel import Kernel
from switch.core.links.session import Session
from switch.core.messages.internal import answer
from switch.core.transactions.replies import reply
from switch.wire.vocabulary import DE, Answer, Document

_NETWORK_60: Final = re.compile(r"00\d{6}(\d{3})\d*")
"""DE60 of UnionPay's form: kind of message, batch, network management code"""
_SIGN_ON_60: Final = frozenset({"001", "003", "004"})
"""they say how long the keys are that it asks for"""
_OTHERS_60: Final = frozenset({"002", "301"})
"""sign-off, echo"""
_TESTS_3: Final = frozenset({"", "00", "99"})
_SIGN_ON_3: Final = "92"


class TerminalServices:
    """Answers 0800 and 0820 of classic terminals."""

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def serve(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """A `Handler`: 00, or 40 and `terminal.refused`."""
        del now
        kernel = self._kernel
        coded = _NETWORK_60.fullmatch(document.get(DE.PRIVATE_60, "").strip())
        kind = document.get(DE.PROCESSING_CODE, "")[:2]
        asked = {"de60": coded[1]} if coded else {"de3": kind}
        who = {"link": session.link, "terminal": document[DE.TERMINAL]}
        signs_on = coded[1] in _SIGN_ON_60 if coded else kind == _SIGN_ON_3
        if signs_on:
            hint = "none are sent: load its keys by hand, and name the port's in pin_key and mac_key"
            kernel.log("info", "terminal.asked_keys", **who, **asked, hint=hint)
        known = signs_on or (coded[1] in _OTHERS_60 if coded else kind in _TESTS_3)
        if not known:
            hint = "load what it asks for by hand, or by its maker's own service"
            kernel.log("warning", "terminal.refused", **who, **asked, hint=hint)
        reply(kernel, session, answer(document, Answer.APPROVED if known else Answer.NOT_SUPPORTED), raw)
