"""The stop list: cards that their issuers have reported lost or stolen, and what stand-in answers for them.

Theory of operation. An issuer's host adds and deletes its own cards by file updates (0302, 1302; DE91 says which, DE101 names the
file), an operator does it for an issuer from a CSV (`core.operator.cards`). The list is asked only while the card's issuer is
away: an issuer that can be asked decides itself. Every change is one record, durable before it is acknowledged; saying again what
is on the list already changes nothing. A card is kept under its keyed digest, masked and sealed, never as it is.
"""

from typing import Final

from switch.core.kernel import Kernel
from switch.core.links.session import Session
from switch.core.messages.dates import date_mistake
from switch.core.messages.internal import answer
from switch.core.records.stop_lists import HotListed
from switch.core.routing.routing import Router
from switch.core.transactions.replies import reply
from switch.core.transactions.transaction import UP, Refusal, limit_reached, missing
from switch.wire.pans import luhn_valid
from switch.wire.vocabulary import ANSWER_NAMES, DE, Answer, Document, FileUpdate, mask_pan

REASONS: Final = frozenset({Answer.LOST, Answer.STOLEN})
"""What a listed card may be answered with (DE39)."""
_LISTS: Final = frozenset({FileUpdate.ADD, FileUpdate.CHANGE, FileUpdate.REPLACE})
_REQUIRED: Final = frozenset({DE.TRANSMISSION_TIME, DE.STAN, DE.PAN, DE.FILE_UPDATE})


def listed_reason(kernel: Kernel, pan: str) -> str:
    """DE39 of a card that its issuer has reported lost or stolen; "" for any other."""
    hot = kernel.state.hot_cards
    entry = hot.get(kernel.vault.digest(pan)) if hot and pan else None
    return entry.reason if entry is not None else ""


class HotCards:
    """Changes to the list, whoever asks for them."""

    def __init__(self, kernel: Kernel, router: Router) -> None:
        self._kernel = kernel
        self._router = router

    # -- an issuer's host

    def handle_update(self, session: Session, document: Document, raw: Document, now: int) -> None:
        """0302, 0322 and their repeats, of any origin: done, durable, answered 0312, 0332; or refused, and logged."""
        kernel, after, pan = self._kernel, 0, document.get(DE.PAN, "")
        try:
            issuer = self._check(session, document, raw, now)
            found = self._do(issuer, document, session.link, now)
            de39, after = Answer.APPROVED if found else Answer.RECORD_NOT_FOUND, kernel.position
        except Refusal as refusal:
            de39 = refusal.de39
            kernel.log("warning", "file_update.refused", link=session.link, de11=document.get(DE.STAN, ""), de39=de39,
                       pan=mask_pan(pan), reason=refusal.reason)  # fmt: skip
        extra: Document = {de: document[de] for de in (DE.FILE_UPDATE, DE.FILE_NAME) if de in document}
        reply(kernel, session, answer(document, de39, extra), raw, after=after)

    def _check(self, session: Session, document: Document, raw: Document, now: int) -> str:
        """The issuer whose host this is. Raises Refusal: nobody else changes a stop list, and not with half a message."""
        host = session.host
        if host is None or host.config.role != "issuer" or session.state is not UP:
            why = "only an issuer's own host that is signed on changes its stop list"
            raise Refusal(Answer.NOT_PERMITTED_TERMINAL, why)
        if not document.keys() >= _REQUIRED:
            raise missing(_REQUIRED.difference(document))
        mistake = date_mistake(raw, session.dialect.family, self._kernel.wall_us(now))
        if mistake:
            raise Refusal(Answer.FORMAT_ERROR, mistake)
        name, expected = document.get(DE.FILE_NAME, "").strip(), host.config.hot_file
        if expected and name != expected:
            why = f'DE101 names the file "{name}", and hot_file of [[host]] {host.name} is "{expected}"'
            raise Refusal(Answer.FILE_NOT_UPDATED, why)
        return host.config.member

    def _do(self, issuer: str, document: Document, by: str, now: int) -> bool:
        """What DE91 asks. False: the card it is about is not on the list. Raises Refusal."""
        what, pan = document[DE.FILE_UPDATE], document[DE.PAN]
        if what in _LISTS:
            self.add(issuer, pan, _reason(document), by, now)
            return True
        if what == FileUpdate.DELETE:
            return self.remove(issuer, pan, by, now)
        if what == FileUpdate.INQUIRE:
            self._check_owner(issuer, pan)
            return bool(listed_reason(self._kernel, pan))
        raise Refusal(Answer.FILE_FIELD_ERROR, f"DE91={what}: expected 1 to 5 (add, change, delete, replace, inquire)")

    # -- the list, for whoever may change it

    def add(self, issuer: str, pan: str, reason: str, by: str, now: int) -> bool:
        """List a card of `issuer` (a member; "": whosever it is). False: it was there, for the same reason. Raises Refusal."""
        kernel, hot = self._kernel, self._kernel.state.hot_cards
        owner = self.check(issuer, pan, reason)
        digest = kernel.vault.digest(pan)
        before = hot.get(digest)
        if before is not None and before.reason == reason:
            return False
        if before is None and len(hot) >= kernel.limits.hot_cards:
            raise limit_reached(kernel, "hot_cards", kernel.limits.hot_cards, Answer.FILE_NOT_UPDATED, owner)
        self._record(owner, pan, digest, reason, by, now)
        return True

    def check(self, issuer: str, pan: str, reason: str) -> str:
        """The member whose card it is. Raises Refusal where it cannot be listed, room for it apart."""
        if reason not in REASONS:
            why = f"DE39={reason} is no reason to list a card: {Answer.LOST} lost, {Answer.STOLEN} stolen"
            raise Refusal(Answer.FILE_FIELD_ERROR, why)
        return self._check_owner(issuer, pan)

    def remove(self, issuer: str, pan: str, by: str, now: int) -> bool:
        """Take a card off the list. False: it was not on it. Raises Refusal: it is not `issuer`'s."""
        owner = self._check_owner(issuer, pan)
        digest = self._kernel.vault.digest(pan)
        if digest not in self._kernel.state.hot_cards:
            return False
        self._record(owner, pan, digest, "", by, now)
        return True

    def _record(self, issuer: str, pan: str, digest: bytes, reason: str, by: str, now: int) -> None:
        kernel, txn, masked = self._kernel, self._kernel.next_txn(now), mask_pan(pan)
        kernel.record(
            HotListed(
                at_us=kernel.wall_us(now),
                txn=txn,
                card=digest,
                reason=reason,
                issuer=issuer,
                pan=masked,
                sealed=kernel.vault.seal(pan, txn),
                by=by,
            )
        )
        event = "card.listed" if reason else "card.unlisted"
        kernel.log("info", event, issuer=issuer, pan=masked, reason=ANSWER_NAMES.get(reason, ""), by=by)

    def _check_owner(self, issuer: str, pan: str) -> str:
        """The member whose card it is. Raises Refusal: it is no card, or not `issuer`'s; or no change can be kept now."""
        kernel = self._kernel
        if kernel.journal_down or kernel.journal_full():
            raise Refusal(Answer.MALFUNCTION, f"the journal cannot take it: {kernel.journal_down or 'too much waits'}")
        if not luhn_valid(pan):
            raise Refusal(Answer.FILE_FIELD_ERROR, "the PAN is not 12 to 19 digits with a right check digit")
        bin_range = self._router.lookup(pan)
        owner = bin_range.issuer if bin_range is not None else ""
        if not owner or (issuer and owner != issuer):
            whose = f"{owner}'s" if owner else "no member's"
            raise Refusal(
                Answer.FILE_NOT_UPDATED, f"card {mask_pan(pan)} is {whose}" + (f", not {issuer}'s" if issuer else "")
            )
        return owner


def _reason(document: Document) -> str:
    """Why its issuer lists a card: DE39; without one, 43 where DE101 is a file of stolen cards by its name, else 41."""
    named = Answer.STOLEN if "STOLEN" in document.get(DE.FILE_NAME, "").upper() else Answer.LOST
    return document.get(DE.RESPONSE_CODE) or named
