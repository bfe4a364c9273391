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
from typing import Any, Final, NamedTuple, Protocol

from switch.core.links.key_place import MAC, NO_SET, PIN, KeyWord
from switch.core.links.valid_sets import ValidSets
from switch.core.network import LinkKeys
from switch.security.check_values import same_key
from switch.security.commands import OF_SET, UNREACHABLE, Command, Reply
from switch.security.key_commands import DropKey, KeyOffer, KeySet, OfferKey, TakeKey, UseKey
from switch.security.key_sets import CHECK_DIGITS, decode_offer
from switch.wire.dates import DAY_US
from switch.wire.vocabulary import Answer, NetworkCode

SECOND_NS: Final = 1_000_000_000
RETRY_NS: Final = 10 * SECOND_NS
"""an 0800 about keys that is not answered is said again after so long, then after twice as long …"""
TRIES_MAX: Final = 5
LOOK_NS: Final = 60 * SECOND_NS
"""between two looks at the age and use of keys"""
_ASKED_OF_NOBODY: Final = frozenset({Answer.INVALID_TRANSACTION, Answer.FORMAT_ERROR, Answer.NOT_SUPPORTED})
"""answers of a host that does not know DE70=101"""


class Outside(Protocol):
    """The link and the log of an exchange, as it uses them."""

    def say(self, code: str, word: KeyWord, now: int) -> bool:
        """Send an 0800 with this DE70; False: no connection is up."""

    def log(self, level: str, event: str, **fields: Any) -> None:
        """An event, of this link."""

    def wall_us(self, now: int) -> int:
        """Wall clock."""


class _Doing(NamedTuple):
    """An 0800 about keys that was sent and is not answered."""

    purpose: str
    code: str
    word: KeyWord
    due_ns: int
    """when it is said again"""
    tries: int


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
        self._drop_at: dict[str, int] = {}
        """purpose -> when its previous set is destroyed"""
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
        if self._doing is not None:
            self._doing = self._doing._replace(tries=0, due_ns=now)
            return
        for purpose, key in self.keys.items():
            sets = self._valid.refresh(key).sets
            if sets.offered is not None:
                self._todo.append((purpose, NetworkCode.KEY_EXCHANGE))
            elif sets.in_use is not None and sets.in_use.set_id != NO_SET and sets.received is None:
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
        reply = self._ask(OfferKey(key, self._zone_key, self._form, self._outside.wall_us(now)))
        if not reply.ok:
            self._fail(
                "error",
                "keys.not_offered",
                key,
                reply.reason,
                "see to the key and its zone master key; nothing was changed",
            )
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

    def answered(self, code: str, de39: str, now: int) -> None:
        """0810 to an 0800 of this end's with this DE70."""
        doing = self._doing
        if doing is None or doing.code != code:
            return
        self._doing = None
        if code == NetworkCode.KEY_EXCHANGE:
            self._offer_answered(doing, de39, now)
        else:
            self._change_answered(doing, de39, now)
        self._go_on(now)

    def _offer_answered(self, doing: _Doing, de39: str, now: int) -> None:
        key, set_id = self.keys[doing.purpose], doing.word.set_id
        if de39 == Answer.APPROVED:
            if self._use(doing.purpose, set_id, now):
                self._todo.appendleft((doing.purpose, NetworkCode.KEY_CHANGE))
            return
        crossed = de39 == Answer.IN_PROGRESS
        self._drop(doing.purpose, set_id, now, "the other end's stands" if crossed else f"refused with {de39}")
        if crossed:
            self._outside.log(
                "info", "keys.crossed", key=key, set=set_id, reason="both ends offered a key: the other's stands"
            )
        else:
            hint = "the one in use stays; do both ends have the same zone master key (check values)?"
            self._fail("error", "keys.refused", key, f"set {set_id} was answered {de39 or 'without DE39'}", hint)

    def _change_answered(self, doing: _Doing, de39: str, now: int) -> None:
        key, set_id = self.keys[doing.purpose], doing.word.set_id
        if de39 == Answer.APPROVED or de39 in _ASKED_OF_NOBODY:
            self._changed(doing.purpose, now)
            self._outside.log("info", "keys.agreed", key=key, set=set_id, check_value=doing.word.check_value, de39=de39)
            return
        used = self._valid.of(key).sets.in_use
        if used is not None and used.set_id != set_id:
            return  # of a set that is in use no more: what is said of the next one counts
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
        self.failed = ""
        self._outside.log("info", "keys.received", key=key, set=word.set_id, check_value=reply.value.decode())
        return Answer.APPROVED

    def _verify(self, word: KeyWord, now: int) -> str:
        key = self.keys[word.purpose]
        sets = self._valid.of(key).sets

        def same(one: KeySet | None) -> bool:
            return one is not None and one.set_id == word.set_id and same_key(one.check_value, word.check_value)

        if same(sets.received) or same(sets.offered):
            return Answer.APPROVED if self._seen(word.purpose, word.set_id, now) else Answer.MALFUNCTION
        if same(sets.in_use):
            self._changed(word.purpose, now)
            return Answer.APPROVED
        if same(sets.previous):
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
        key = self.keys[purpose]
        reply = self._ask(UseKey(key, set_id, self._outside.wall_us(now)))
        used = self._valid.refresh(key).sets.in_use
        if not reply.ok or used is None:
            self._fail(
                "error",
                "keys.not_used",
                key,
                reply.reason,
                "see to the security module; the set before goes on being used",
            )
            return False
        self.failed = ""
        self._counted.add(key)
        self._valid.begin_count(key)
        self._drop_at.pop(purpose, None)  # another set is the one before now, and has all of its time
        self._outside.log("info", "keys.in_use", key=key, set=set_id, check_value=used.check_value)
        return True

    def _changed(self, purpose: str, now: int) -> None:
        """Both ends use the same set: the one before has its time."""
        if self._valid.of(self.keys[purpose]).sets.previous is not None:
            self._drop_at.setdefault(purpose, now + self._keep_ns)

    def _drop(self, purpose: str, set_id: str, now: int, why: str) -> None:
        key = self.keys[purpose]
        self._ask(DropKey(key, set_id, self._outside.wall_us(now), why))
        self._valid.refresh(key)

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
                self._go_on(now)
            else:
                self._say(now)
        for purpose in [purpose for purpose, at in self._drop_at.items() if now >= at]:
            del self._drop_at[purpose]
            before = self._valid.of(self.keys[purpose]).sets.previous
            if before is not None:
                self._drop(purpose, before.set_id, now, "its time is over")
        if (self._days or self._uses_max) and now >= self._look_at:
            self._look_at = now + LOOK_NS
            self._change_due(now)

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
        due = [*self._drop_at.values()]
        if self._resume_at is not None:
            due.append(self._resume_at)
        if self._doing is not None:
            due.append(self._doing.due_ns)
        if self._days or self._uses_max:
            due.append(self._look_at)
        return min(due, default=None)
