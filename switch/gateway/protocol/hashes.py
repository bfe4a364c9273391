"""Hashes of payment forms: the three versions of est3Dgate, what clients make of them, and whether a form has a right one.

In: the fields of a form, a store key, what the merchant may deviate in. Out: by which rule the hash is right, or that it is not
(`explain` says why); for answers, the fields in their order with the hash last. The one rule: the standard of a version is always
taken, a deviation only where the merchant is allowed it by name.

ver3: every field but `hash` and `encoding` (any case), empty ones too, in natural order; values trimmed, `\\` and `|` escaped
with `\\`, each followed by `|`; then the key, escaped; base64 of SHA-512 of the bytes as they came. ver2: a fixed list joined
with `|`, escaped; SHA-512. ver1: a fixed list joined with nothing, the callback's address behind it or not; SHA-1, weak and
ambiguous. No manual of an acquirer was at hand: the rules are those that merchants' public clients follow, and
tests/vectors/web-payment.json holds what their own code computed.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import product
from typing import Final

import msgspec

from switch.gateway.protocol import ordering
from switch.gateway.protocol.fields import UTF_8, Fields, Pairs

VER1, VER2, VER3 = "ver1", "ver2", "ver3"
BYTE_ORDER, PLAIN_ORDER, ICU_ORDER = "byte-order", "plain-order", "icu-order"
PIPE_ONLY, NO_ESCAPING, PIPE_FIRST = "pipe-only", "no-escaping", "pipe-first"
RAW_KEY, UNTRIMMED = "raw-key", "untrimmed"
MTC = "mtc"
NATURAL, ESCAPED, ESCAPED_KEY, TRIMMED = "natural", "escaped", "escaped-key", "trimmed"

HASH_NAMES: Final = ("hash", "encoding")
"""not part of a ver3 hash, in any case"""
_BLANKS: Final = " \t\n\r\0\v"
"""what PHP's trim takes off, by which the standard is defined: not the no-break space, which other languages' takes off too"""


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace("|", "\\|")


def _pipe_only(value: str) -> str:
    return value.replace("|", "\\|")


def _pipe_first(value: str) -> str:
    return value.replace("|", "\\|").replace("\\", "\\\\")


def _as_it_is(value: str) -> str:
    return value


_ORDERS: Final[Mapping[str, ordering.Ordering]] = {
    NATURAL: ordering.natural,
    BYTE_ORDER: ordering.by_bytes,
    PLAIN_ORDER: ordering.ignoring_case,
    ICU_ORDER: ordering.as_icu,
}
_ESCAPES: Final[Mapping[str, Callable[[str], str]]] = {
    ESCAPED: _escaped,
    PIPE_ONLY: _pipe_only,
    NO_ESCAPING: _as_it_is,
    PIPE_FIRST: _pipe_first,
}
DEVIATIONS: Final = {
    VER2: "the fixed list of fields joined with pipes (hashAlgorithm ver2)",
    VER1: "the fixed list of fields joined with nothing, SHA-1 (hashAlgorithm ver1 or none): weak",
    BYTE_ORDER: "field names in byte order (PHP's ksort)",
    PLAIN_ORDER: "field names in order without regard to case, digits as text",
    ICU_ORDER: "field names in the order of JavaScript's localeCompare",
    PIPE_ONLY: "pipes escaped in values, backslashes not",
    NO_ESCAPING: "nothing escaped in values: two forms can have one hash",
    PIPE_FIRST: "pipes escaped before backslashes",
    RAW_KEY: "the store key is not escaped",
    UNTRIMMED: "blanks at the ends of values are hashed",
    MTC: "the older protocol of Maroc Telecommerce (cartId, bookURL; MD5): weak",
}
"""what a merchant may be allowed -> what it means"""


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How one hash is made."""

    version: str
    order: str = NATURAL
    escape: str = ESCAPED
    key: str = ESCAPED_KEY
    trim: str = TRIMMED
    callback: bool = False
    """ver1: callbackUrl stands before the key, as banks' own samples of hosted pages have it"""

    @property
    def deviations(self) -> tuple[str, ...]:
        """What a merchant must be allowed for it; none for the standard of ver3."""
        standard = {VER3, NATURAL, ESCAPED, ESCAPED_KEY, TRIMMED}
        parts = (self.version, self.order, self.escape, self.key, self.trim)
        return tuple(part for part in parts if part not in standard)


STANDARD: Final = Rule(version=VER3)


def make(fields: Fields, key: str, rule: Rule = STANDARD) -> str:
    """The hash of `fields` by `rule`, in base64."""
    if rule.version == VER3:
        return _sha512(text_of(fields, key, rule), fields.charset)
    if rule.version == VER2:
        escape = _ESCAPES[rule.escape]
        return _sha512("|".join(escape(value) for value in (*_ver2_values(fields), key)), fields.charset)
    callback = fields.get("callbackUrl") if rule.callback else ""
    return _sha1("".join((*_ver1_values(fields), callback, key)), fields.charset)


def version_of(fields: Fields) -> str:
    """What the form says it is hashed by, in small letters, any word; without `hashAlgorithm` it is ver1."""
    return fields.get("hashAlgorithm").lower() or VER1


def check(fields: Fields, key: str, allowed: frozenset[str] = frozenset()) -> Rule | None:
    """The rule by which the form's hash is right, the standard before what the merchant is `allowed`; None if none is."""
    given = fields.get("hash")
    if not given:
        return None
    return next(
        (rule for rule in rules_of(version_of(fields), allowed) if _equal(given, make(fields, key, rule))), None
    )


def any_rule(fields: Fields, key: str) -> Rule | None:
    """The rule by which the form's hash would be right, allowed or not; None if none is."""
    given = fields.get("hash")
    rules = (rule for version in (VER3, VER2, VER1) for rule in rules_of(version, frozenset(DEVIATIONS)))
    return next((rule for rule in rules if _equal(given, make(fields, key, rule))), None)


def sign_answer(fields: Iterable[tuple[str, str]], key: str, version: str = VER3, charset: str = UTF_8) -> Pairs:
    """The fields of an answer, in the order of its hash, which is added and comes last. `charset`: that it is posted in.

    ver3 by its standard only: clients that allow themselves deviations in what they send keep to it in what they check. ver2 and
    ver1 name what they hash (HASHPARAMS, HASHPARAMSVAL). A hash among `fields`, of the request they echo, is left out.
    """
    pairs = [(name, value) for name, value in fields if name.lower() not in ("hash", "hashparams", "hashparamsval")]
    by_name = dict(pairs)
    ordered = [(name, by_name[name]) for name in ordering.natural(by_name)]
    if version == VER3:
        return [*ordered, ("HASH", make(Fields(ordered, charset), key))]
    form = Fields(pairs)
    names = [name for name in _ANSWER_NAMES if name in form]
    values = [form.raw(name) for name in names]
    if version == VER2:
        value = "|".join(map(_escaped, values))
        params, proof = "|".join(names), _sha512(f"{value}|{_escaped(key)}", charset)
    else:
        value = "".join(values)
        params, proof = "".join(f"{name}:" for name in names), _sha1(value + key, charset)
    return [*ordered, ("HASHPARAMS", params), ("HASHPARAMSVAL", value), ("HASH", proof)]


_ANSWER_NAMES: Final = (
    "clientid",
    "oid",
    "AuthCode",
    "ProcReturnCode",
    "Response",
    "mdStatus",
    "cavv",
    "eci",
    "md",
    "rnd",
)
"""what a ver1 or ver2 hash of an answer is made of"""


def rules_of(version: str, allowed: frozenset[str]) -> Iterator[Rule]:
    """By which a merchant's forms may be hashed: the standard of `version`, then those whose deviations are all allowed."""
    if version == VER3:
        orders = [NATURAL, *(name for name in _ORDERS if name in allowed)]
        escapes = [ESCAPED, *(name for name in _ESCAPES if name in allowed)]
        keys = [ESCAPED_KEY, *(name for name in (RAW_KEY,) if name in allowed)]
        trims = [TRIMMED, *(name for name in (UNTRIMMED,) if name in allowed)]
        for order, escape, key, trim in product(orders, escapes, keys, trims):
            yield Rule(version=VER3, order=order, escape=escape, key=key, trim=trim)
    elif version == VER2 and VER2 in allowed:
        yield Rule(version=VER2)
        if NO_ESCAPING in allowed:
            yield Rule(version=VER2, escape=NO_ESCAPING)
    elif version == VER1 and VER1 in allowed:
        yield Rule(version=VER1)
        yield Rule(version=VER1, callback=True)


def text_of(fields: Fields, key: str, rule: Rule = STANDARD) -> str:
    """What a ver3 hash is made of."""
    values = {name: value for name, value in fields if name.lower() not in HASH_NAMES}
    escape = _ESCAPES[rule.escape]
    parts: Iterable[str] = map(values.__getitem__, _ORDERS[rule.order](values))
    if rule.trim == TRIMMED:
        parts = (value.strip(_BLANKS) for value in parts)
    return "|".join([*map(escape, parts), key if rule.key == RAW_KEY else escape(key)])


def _ver2_values(fields: Fields) -> tuple[str, ...]:
    get = fields.get
    head = (get("clientid"), get("oid"), get("amount"), get("okUrl"), get("failUrl"), get("TranType"))
    return (*head, get("Instalment", "taksit"), get("rnd"), "", "", "", get("currency"))


def _ver1_values(fields: Fields) -> tuple[str, ...]:
    get = fields.get
    head = (get("clientid"), get("oid"), get("amount"), get("okUrl"), get("failUrl"))
    return (*head, get("TranType", "islemtipi"), get("Instalment", "taksit"), get("rnd"))


def _sha512(text: str, charset: str) -> str:
    return base64.b64encode(hashlib.sha512(_bytes(text, charset)).digest()).decode()


def _sha1(text: str, charset: str) -> str:
    return base64.b64encode(hashlib.sha1(_bytes(text, charset)).digest()).decode()  # noqa: S324 - the protocol's, off by default


def _bytes(text: str, charset: str) -> bytes:
    """As browsers post it: what a charset lacks as HTML writes it."""
    return text.encode(charset, "xmlcharrefreplace")


def _equal(one: str, other: str) -> bool:
    """Without telling by its time how much is equal."""
    return hmac.compare_digest(one.encode(), other.encode())
