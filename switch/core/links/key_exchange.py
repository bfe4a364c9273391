"""The keys of one link changed by message, as either of its ends sees it. Pure: what is said leaves by a call, time comes in.

Theory of operation. The end that begins makes a new set of a key, durably, and sends it under the zone master key (0800,
DE70=161). The other end compares its check value, keeps it durably, and only then answers 00. With that the first end begins to
use it, and says so (DE70=101, under the new set); the other end begins when it first sees the new set in use, by a MAC or a set's
number, or is told so. From offer to change both sets are valid for what comes; the one before is destroyed `key_keep_s` after it.

    begins:   offered ──0810 00──> in use ──101, 0810 00──> done        is told:   received ──first seen, or 101──> in use

What is lost is said again, with the same key: by time, and whenever the link comes up again (`resume`), after a crash as well, as
all that counts is in the security module. Where both ends begin at once, the end with the lower institution id goes on, and the
other's set is given up (assumed: no public rule). An end that is asked (DE70=162) begins.
"""

from collections import deque
from typing import Final, NamedTuple, Protocol

from switch.core.links.key_place import MAC, NO_SET, PIN, KeyWord, is_of
from switch.core.links.key_removal import KeyRemoval, Reports
from switch.core.links.valid_sets import ValidSets
from switch.core.network import LinkKeys
from switch.security.commands import OF_SET, UNREACHABLE, Command, Reply
from switch.security.key_commands import KeyOffer, OfferKey, TakeKey, UseKey
from switch.security.key_sets import CHECK_DIGITS, decode_offer
from switch.wire.dates import DAY_US
from switch.wire.vocabulary import Answer, NetworkCode

SECOND_NS: Final = 1_000_000_000
RETRY_NS: Final = 10 * SECOND_NS
"""an 0800 about keys that is not answered is said again after so long, then after twice as long …"""
TRIES_MAX: Final = 5
SETTLE_NS: Final = 2 * SECOND_NS
"""who has offered a PIN key says that it is in use (101) within so long, or never does"""
LOOK_NS: Final = 60 * SECOND_NS
"""between two looks at the age and use of keys"""
_ASKED_OF_NOBODY: Final = frozenset({Answer.INVALID_TRANSACTION, Answer.FORMAT_ERROR, Answer.NOT_SUPPORTED})
"""answers of a host that does not know DE70=101"""


class Outside(Reports, Protocol):
    """The link, log and clock of an exchange, as it uses them."""

    def say(self, code: str, word: KeyWord, now: int) -> bool:
        """Send an 0800 with this DE70; False: no connection is up."""


class _Doing(NamedTuple):
    """An 0800 about keys that was sent and is not answered."""

    purpose: str
    code: str
    word: KeyWord
    due_ns: int
    """when it is said again"""
    tries: int


class _Unused(NamedTuple):
    """A successor that is to be put in use at a time."""

    set_id: str
    due_ns: int
    refused: bool = True
    """the module could not, or not in time: it may have done so all the same. False: the other end has not shown yet that it
    uses it, and may never"""


class KeyExchange:
    """How the keys of one link, or of all links with one other party, are changed by message."""

    def __init__(self, keys: LinkKeys, valid: ValidSets, outside: Outside, *, wins: bool) -> None:
        """`wins`: this end has the lower institution id. `keys.zone_key` is not empty."""
        self.keys = {purpose: key for purpose, key in ((MAC, keys.mac_key), (PIN, keys.pin_key)) if key}
        self._zone_key, self._form, self._days = keys.zone_key, keys.key_form, keys.key_days
        self._uses_max = keys.key_uses
        self._counted: set[str] = set()
        """keys whose set in use came into use here: how often it was used is known"""
        self._keep_ns = keys.key_keep_s * SECOND_NS
        self._valid, self._outside, self._wins = valid, outside, wins
        self._todo: deque[tuple[str, str]] = deque()
        self._doing: _Doing | None = None
        self._removal = KeyRemoval(self.keys, valid, outside)
        self._unused: dict[str, _Unused] = {}
        """purpose -> a successor that is to be used, and is not yet"""
        self._resume_at: int | None = 0
        self._look_at = 0
        self.failed = ""
        """why the last exchange did not come about; "": it did, or there was none"""

    # -- what this end begins

    def begin(self, now: int, purposes: str = MAC + PIN) -> None:
        """Have the keys of these purposes change."""
        for purpose in purposes:
            if purpose in self.keys and (purpose, NetworkCode.KEY_EXCHANGE) not in self._todo:
                self._todo.append((purpose, NetworkCode.KEY_EXCHANGE))
        self._go_on(now)

    @property
    def overlaps(self) -> bool:
        """A set before is valid still: one more change would end that before its time."""
        return any(self._valid.of(key).sets.previous is not None for key in self.keys.values())

    @property
    def busy(self) -> bool:
        """Something is said and not answered yet, or still to be said."""
        return self._doing is not None or bool(self._todo)

    def link_up(self, now: int) -> None:
        """The other end is there (again): at the next `tick` what is not finished goes on."""
        self._resume_at = now

    def _resume(self, now: int) -> None:
        self._expect_no_pins(now + LOOK_NS)  # a host that has not had the 0810 has time to offer it again
        if self._doing is not None:
            self._doing = self._doing._replace(tries=0, due_ns=now)
            return
        for purpose, key in self.keys.items():
            sets = self._valid.refresh(key).sets
            if sets.offered is not None:
                self._todo.append((purpose, NetworkCode.KEY_EXCHANGE))
            elif sets.in_use is not None and sets.received is None and (sets.in_use.set_id != NO_SET or sets.previous):
                self._todo.append((purpose, NetworkCode.KEY_CHANGE))
        self._go_on(now)

    def _go_on(self, now: int) -> None:
        while self._doing is None and self._todo:
            purpose, code = self._todo.popleft()
            word = self._offer(purpose, now) if code == NetworkCode.KEY_EXCHANGE else self._in_use(purpose)
            if word is not None:
                self._doing = _Doing(purpose, code, word, now, 0)
                self._say(now)

    def _offer(self, purpose: str, now: int) -> KeyWord | None:
        key = self.keys[purpose]
        self._removal.again(purpose, now)
        reply = self._ask(OfferKey(key, self._zone_key, self._form, self._outside.wall_us(now)))
        if not reply.ok:
            hint = "see to the key and its zone master key; nothing was changed"
            self._fail("error", "keys.not_offered", key, reply.reason, hint)
            return None
        self._valid.refresh(key)
        offer = decode_offer(reply.value)
        return KeyWord(purpose, offer.set_id, offer.check_value, offer.data)

    def _in_use(self, purpose: str) -> KeyWord | None:
        used = self._valid.of(self.keys[purpose]).sets.in_use
        return KeyWord(purpose, used.set_id, used.check_value[:CHECK_DIGITS]) if used is not None else None

    def _say(self, now: int) -> None:
        doing = self._doing
        assert doing is not None
        if (
            doing.code == NetworkCode.KEY_CHANGE
        ):  # the set in use now: another one may have come into use since it was said first
            doing = doing._replace(word=self._in_use(doing.purpose) or doing.word)
        said = self._outside.say(doing.code, doing.word, now)
        tries = doing.tries + said
        self._doing = doing._replace(tries=tries, due_ns=now + (RETRY_NS << max(0, tries - 1)))

    def answered(self, code: str, de39: str, word: KeyWord | None, now: int) -> None:
        """0810 to an 0800 of this end's with this DE70. `word`: the key that it names, as some hosts do with its check value."""
        doing = self._doing
        if doing is None or doing.code != code:
            return
        self._doing = None
        if code == NetworkCode.KEY_EXCHANGE:
            self._offer_answered(doing, de39, word, now)
        else:
            self._change_answered(doing, de39, now)
        self._go_on(now)

    def _offer_answered(self, doing: _Doing, de39: str, word: KeyWord | None, now: int) -> None:
        key, set_id = self.keys[doing.purpose], doing.word.set_id
        another = self._means_another(doing, word) if de39 == Answer.APPROVED else ""
        if de39 == Answer.APPROVED and not another:
            if self._use(doing.purpose, set_id, now):
                self._todo.appendleft((doing.purpose, NetworkCode.KEY_CHANGE))
            return
        crossed = de39 == Answer.IN_PROGRESS
        why = "the other end's stands" if crossed else another or f"refused with {de39}"
        self._removal.give_up(doing.word, now, why)
        if crossed:
            reason = "both ends offered a key: the other's stands"
            self.failed = f"{key}: {reason}, and has not come yet"  # until it comes
            self._outside.log("info", "keys.crossed", key=key, set=set_id, reason=reason)
        else:
            hint = "the one in use stays; do both ends have the same zone master key (check values)?"
            said = another or f"set {set_id} was answered {de39 or 'without DE39'}"
            self._fail("error", "keys.refused", key, said, hint)

    def _means_another(self, doing: _Doing, word: KeyWord | None) -> str:
        """Why an answer to an offer is to another key's; "" where it is not, or does not say."""
        if word is None:
            return ""
        said, offered = doing.word, self._valid.of(self.keys[doing.purpose]).sets.offered
        full = word._replace(set_id=word.set_id or said.set_id, check_value=word.check_value or said.check_value)
        if word.purpose == said.purpose and (offered is None or is_of(offered, full)):
            return ""
        return (
            f"the answer says 00 to {word.purpose}, set {full.set_id}, check value {full.check_value}; "
            f"offered was {said.purpose}, set {said.set_id}, check value {said.check_value}"
        )

    def _change_answered(self, doing: _Doing, de39: str, now: int) -> None:
        key, set_id = self.keys[doing.purpose], doing.word.set_id
        if de39 == Answer.APPROVED or de39 in _ASKED_OF_NOBODY:
            self._changed(doing.purpose, now)
            self._outside.log("info", "keys.agreed", key=key, set=set_id, check_value=doing.word.check_value, de39=de39)
            return
        used = self._valid.of(key).sets.in_use
        if used is not None and used.set_id != set_id:
            return  # of a set that is in use no more: what is said of the next one counts
        if de39 == Answer.MALFUNCTION and doing.tries < TRIES_MAX:  # its module was late, and is asked again
            self._doing = doing._replace(due_ns=now + (RETRY_NS << max(0, doing.tries - 1)))
            return
        hint = "compare check values with `cmi-switch keys list` there and here; `cmi-switch keys exchange` offers a new key"
        self._fail(
            "error", "keys.differ", key, f"the other end answers {de39 or 'without DE39'} to set {set_id} in use", hint
        )

    # -- what the other end says

    def asked(self, code: str, word: KeyWord | None, now: int) -> str:
        """0800 of the other end's with this DE70: its DE39. An 00 to a new key means that it is durable here."""
        if code == NetworkCode.KEY_REQUEST:
            self.begin(now, word.purpose if word is not None else MAC + PIN)
            return Answer.APPROVED
        if word is None or word.purpose not in self.keys:
            said = (
                "which key is meant is not said" if word is None else f"this link has no key of purpose {word.purpose}"
            )
            hint = "DE48.70: M or P, the set's two digits, 4 to 16 hex digits of check value"
            self._outside.log("warning", "keys.not_understood", de70=code, reason=said, hint=hint)
            return Answer.FORMAT_ERROR
        if word.data:
            return self._take(word, now)
        return self._verify(word, now)

    def _take(self, word: KeyWord, now: int) -> str:
        key, doing = self.keys[word.purpose], self._doing
        crossing = doing is not None and (doing.purpose, doing.code) == (word.purpose, NetworkCode.KEY_EXCHANGE)
        if crossing and self._wins:
            reason = "both ends offered a key: this end's stands, as its institution id is the lower"
            self._outside.log("info", "keys.crossed", key=key, set=word.set_id, reason=reason)
            return Answer.IN_PROGRESS
        offer = KeyOffer(word.set_id, word.data, word.check_value)
        reply = self._ask(TakeKey(key, self._zone_key, self._form, offer, self._outside.wall_us(now)))
        if not reply.ok:
            hint = "the key in use stays; do both ends have the same zone master key (check values)?"
            self._fail("error", "keys.not_taken", key, reply.reason, hint)
            return Answer.MALFUNCTION if reply.code == UNREACHABLE else Answer.SECURITY_VIOLATION
        if crossing:
            self._doing = None
            reason = "both ends offered a key: the other's stands, as its institution id is the lower"
            self._outside.log("info", "keys.crossed", key=key, set=word.set_id, reason=reason)
        self._valid.refresh(key)
        if word.purpose == PIN:
            self._expect_no_pins(now + SETTLE_NS)
        self.failed = ""
        self._outside.log("info", "keys.received", key=key, set=word.set_id, check_value=reply.value.decode())
        return Answer.APPROVED

    def _expect_no_pins(self, until: int) -> None:
        """Use a PIN key that was taken, once its time has come: an issuer sends no PINs, by which it would be seen to use it."""
        received = self._valid.of(self.keys[PIN]).sets.received if PIN in self.keys else None
        if received is not None:
            self._unused[PIN] = _Unused(received.set_id, until, refused=False)

    def _verify(self, word: KeyWord, now: int) -> str:
        key = self.keys[word.purpose]
        sets = self._valid.of(key).sets

        if is_of(sets.received, word) or is_of(sets.offered, word):
            return Answer.APPROVED if self._seen(word.purpose, word.set_id, now) else Answer.MALFUNCTION
        if is_of(sets.in_use, word):
            self._changed(word.purpose, now)
            return Answer.APPROVED
        if is_of(sets.previous, word):
            return Answer.APPROVED
        here = sets.in_use.set_id if sets.in_use is not None else "none"
        said = f"the other end uses set {word.set_id}, check value {word.check_value or 'unsaid'}; here set {here} is in use"
        self._fail("error", "keys.differ", key, said, "`cmi-switch keys exchange` offers it a new key")
        return Answer.SECURITY_VIOLATION

    def seen(self, name: str, now: int) -> None:
        """A message has come under this set (`atlas-zak#08`): the first of a new one makes this end use it, too."""
        key, _, set_id = name.partition(OF_SET)
        if self._valid.coming(name) is not None:
            self._seen(next(purpose for purpose, mine in self.keys.items() if mine == key), set_id, now)

    def _seen(self, purpose: str, set_id: str, now: int) -> bool:
        doing = self._doing
        if doing is not None and doing.purpose == purpose and doing.code == NetworkCode.KEY_EXCHANGE:
            self._doing = None
        if not self._use(purpose, set_id, now):
            return False
        self._changed(purpose, now)
        return True

    # -- parts

    def _ask(self, command: Command) -> Reply:
        (reply,) = self._valid.module.ask([command])
        return reply

    def _use(self, purpose: str, set_id: str, now: int) -> bool:
        key, unused = self.keys[purpose], self._unused.get(purpose)
        if unused is not None and unused.refused and unused.set_id == set_id and now < unused.due_ns:
            return False  # not for every message that comes under it
        self._unused.pop(purpose, None)
        reply = self._ask(UseKey(key, set_id, self._outside.wall_us(now)))
        used = self._valid.refresh(key).sets.in_use
        if not reply.ok or used is None:
            hint = "see to the security module; the set before goes on being used, and this one is asked for again"
            self._fail("error", "keys.not_used", key, reply.reason, hint)
            if reply.ok or reply.code == UNREACHABLE:
                self._unused[purpose] = _Unused(set_id, now + RETRY_NS)
            return False
        self.failed = ""
        self._counted.add(key)
        self._valid.begin_count(key)
        self._removal.anew(purpose)
        self._outside.log("info", "keys.in_use", key=key, set=set_id, check_value=used.check_value)
        return True

    def _changed(self, purpose: str, now: int) -> None:
        """Both ends use the same set: the one before has its time."""
        self._removal.previous(purpose, now + self._keep_ns)

    def _fail(self, level: str, event: str, key: str, reason: str, hint: str) -> None:
        self.failed = f"{key}: {reason}"
        self._outside.log(level, event, key=key, reason=reason, hint=hint)

    # -- time

    def tick(self, now: int) -> None:
        """Say again what is not answered, destroy sets whose time is over, change keys that are old or worn."""
        if self._resume_at is not None and now >= self._resume_at:
            self._resume_at = None
            self._resume(now)
        doing = self._doing
        if doing is not None and now >= doing.due_ns:
            if doing.tries >= TRIES_MAX:
                self._doing = None
                reason = f"set {doing.word.set_id} was said {doing.tries} times (DE70={doing.code}) and not answered"
                hint = (
                    "it is said again when the link comes up, or with `cmi-switch keys exchange`; the key in use stays"
                )
                self._fail("error", "keys.unanswered", self.keys[doing.purpose], reason, hint)
                if doing.code == NetworkCode.KEY_CHANGE:
                    self._changed(doing.purpose, now)  # it has taken the set; its silence keeps no old one alive
                self._go_on(now)
            else:
                self._say(now)
        self._ask_again(now)
        self._removal.tick(now)
        if (self._days or self._uses_max) and now >= self._look_at:
            self._look_at = now + LOOK_NS
            self._change_due(now)

    def _ask_again(self, now: int) -> None:
        """Use what is due. What the module has done late is found done."""
        for purpose, unused in [(p, u) for p, u in self._unused.items() if now >= u.due_ns]:
            sets = self._valid.refresh(self.keys[purpose]).sets
            there = {one.set_id for one in (sets.in_use, sets.received, sets.offered) if one is not None}
            if there and unused.set_id not in there:
                del self._unused[purpose]  # another one has come in its place
            elif self._use(purpose, unused.set_id, now):
                self._todo.appendleft((purpose, NetworkCode.KEY_CHANGE))
                self._go_on(now)

    def _change_due(self, now: int) -> None:
        """Change what is old, or worn."""
        for purpose, key in self.keys.items():
            if (self._is_old(key, now) or self._is_worn(key)) and not self.busy and not self.overlaps:
                self.begin(now, purpose)

    def _is_old(self, key: str, now: int) -> bool:
        used, until_us = self._valid.of(key).sets.in_use, self._outside.wall_us(now) - self._days * DAY_US
        return bool(self._days) and used is not None and 0 < used.since_us <= until_us

    def _is_worn(self, key: str) -> bool:
        """Used as often as it may be; or used by a process before this one, and nobody knows how often."""
        return bool(self._uses_max) and (key not in self._counted or self._valid.uses(key) >= self._uses_max)

    def deadline(self) -> int | None:
        """When `tick` has something to do."""
        due = self._removal.deadlines() + [unused.due_ns for unused in self._unused.values()]
        if self._resume_at is not None:
            due.append(self._resume_at)
        if self._doing is not None:
            due.append(self._doing.due_ns)
        if self._days or self._uses_max:
            due.append(self._look_at)
        return min(due, default=None)
