"""Why the hash of a form is not right, for the merchant's log.

In: the form, the store key, what the merchant may deviate in. Out: one sentence that names the rule or the field, and what to do.
The one rule: it is for the merchant's log only (a browser learns nothing but that the form is not right), and holds neither the
key nor a value.
"""

import base64
import hmac
import html
import re
from itertools import combinations, islice
from typing import Final

from switch.gateway.protocol.fields import Fields
from switch.gateway.protocol.hashes import HASH_NAMES, VER1, VER2, VER3, any_rule, check, rules_of, text_of, version_of

_BASE64: Final = re.compile(r"[A-Za-z0-9+/]+={0,2}")
_HEX: Final = re.compile(r"[0-9A-Fa-f]{40,128}")
_LENGTHS: Final = {VER1: 28, VER2: 88, VER3: 88}
_KINDS: Final = {
    28: "a SHA-1, as ver1 has it; a client of ver3 makes a SHA-512",
    44: "a SHA-256, which no version has; ver3 is a SHA-512",
    88: "a SHA-512, as ver3 and ver2 have it; the form must say so in hashAlgorithm",
}
"""by their length in base64"""
_ELIDED: Final = re.compile(r"(?:^|\s)(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|aujourd|O)$", re.IGNORECASE)
"""ends where an apostrophe would follow: l'Été, d'Anfa, O'Brien"""
_ADDED: Final = "added after the hash was made, or left out of it; every field but hash and encoding counts"
_HASHES_MAX: Final = 3_000
"""made of one form at most: a tenth of a second or so"""
_TEXTS: Final = ("BillTo", "ShipTo", "description", "comments", "email")


def explain(fields: Fields, key: str, allowed: frozenset[str]) -> str:
    """Why `check` finds no rule by which the hash is right."""
    given, version = fields.get("hash"), version_of(fields)
    if not given:
        return "field hash: is missing or empty; sign the form with the store key"
    if version not in _LENGTHS:
        return f"field hashAlgorithm: expected ver3, ver2 or ver1, found {version[:20]!r}"
    return (
        _not_allowed(fields, key)
        or _shape(given, version)
        or _other_key(fields, key, allowed)
        or _keyed(fields, key)
        or _one_field(fields, key, allowed)
        or _some_fields(fields, key, allowed)
        or _not_utf8(fields)
        or _cut(fields)
        or f"the hash is none of {version} over these {len(fields.pairs)} fields with this merchant's store key; compare the "
        "key, and hash exactly what is posted, all of it, after the last change"
    )


def _not_allowed(fields: Fields, key: str) -> str:
    rule = any_rule(fields, key)
    if rule is None:
        return ""
    if rule.version != version_of(fields):
        return f"the hash is one of {rule.version}, and hashAlgorithm says {fields.get('hashAlgorithm') or 'nothing'}"
    names = ", ".join(rule.deviations)
    return f"the hash is right by rules that this merchant is not allowed: {names}; allow them, or correct the client"


def _shape(given: str, version: str) -> str:
    length = _LENGTHS[version]
    if " " in given:
        return "field hash: has blanks where base64 has +; encode the form (application/x-www-form-urlencoded) before posting it"
    if _HEX.fullmatch(given):
        return "field hash: is hexadecimal; expected base64 of the digest's bytes"
    if not _BASE64.fullmatch(given) or len(given) != length:
        kind = _KINDS.get(len(given), "looks cut or of another kind")
        return f"field hash: expected {length} characters of base64 for {version}, found {len(given)}: {kind}"
    return ""


def _other_key(fields: Fields, key: str, allowed: frozenset[str]) -> str:
    for other, what in (
        (key + "\n", "a line end behind it"),
        (key + " ", "a blank behind it"),
        ("", "nothing instead of it"),
    ):
        if check(fields, other, allowed):
            return f"the store key was taken with {what}; give the client the key alone"
    return ""


def _keyed(fields: Fields, key: str) -> str:
    """Clients of other gateways key the digest itself."""
    text = text_of(fields, key)
    for signed in (text, text.removesuffix("|" + key)):
        if fields.get("hash") == base64.b64encode(hmac.digest(key.encode(), signed.encode(), "sha512")).decode():
            return "the hash is an HMAC under the store key; ver3 is a plain SHA-512 of the values with the key behind them"
    return ""


def _one_field(fields: Fields, key: str, allowed: frozenset[str]) -> str:
    """One field that makes the hash right when it is left out, or read otherwise.

    Whoever knows a merchant's number can send a form: the work is bounded, whatever it holds.
    """
    most = _HASHES_MAX // (6 * len(tuple(rules_of(version_of(fields), allowed))) or 1)
    for at, (name, value) in enumerate(fields.pairs[:most]):
        if name.lower() in HASH_NAMES:
            continue
        without = fields.changed([*fields.pairs[:at], *fields.pairs[at + 1 :]])
        if check(without, key, allowed):
            return f"field {name}: {_ADDED}"
        for other, what in _readings(value):
            if check(fields.changed([*fields.pairs[:at], (name, other), *fields.pairs[at + 1 :]]), key, allowed):
                return f"field {name}: {what}"
    return ""


def _some_fields(fields: Fields, key: str, allowed: frozenset[str]) -> str:
    """Several fields that a client treats alike."""
    everything = fields.changed([(name, html.unescape(value)) for name, value in fields])
    if check(everything, key, allowed):
        return "HTML entities stand in values; the hash is right with what they mean: post the text itself"
    filled = fields.changed([(name, value) for name, value in fields if value])
    if check(filled, key, allowed):
        names = ", ".join(name for name, value in fields if not value)
        return (
            f"fields {names[:200]}: are empty and were left out of the hash; post none that is not in it, empty or not"
        )
    kept = [name for name, _ in fields if name.lower() not in HASH_NAMES]
    most = _HASHES_MAX // (len(tuple(rules_of(version_of(fields), allowed))) or 1)
    for one, other in islice(combinations(kept, 2), most):
        without = fields.changed([(name, value) for name, value in fields if name not in (one, other)])
        if check(without, key, allowed):
            return f"fields {one} and {other}: {_ADDED}"
    return ""


def _readings(value: str) -> list[tuple[str, str]]:
    """What else a sender may have hashed for this value."""
    found = [
        (html.unescape(value), "holds HTML entities; the hash was made of what they mean"),
        (html.escape(value), "was hashed as HTML (with entities), and posted without"),
        (value.replace("+", " "), "has + for blanks; it was encoded twice"),
        (value.replace("\r\n", "\n"), "has line ends that were changed on the way (CR LF for LF)"),
        (
            value.strip(),
            "has a blank of Unicode's at an end (such as U+00A0), which was not hashed; PHP's trim keeps it",
        ),
        ("", "was empty when the hash was made"),
    ]
    return [(other, what) for other, what in found if other != value]


def _not_utf8(fields: Fields) -> str:
    wrong = next((name for name, value in fields if "\ufffd" in value), "")
    said = "serve the page with the form as UTF-8 (a meta tag may say otherwise), or name its charset in field encoding"
    return f"field {wrong}: is not UTF-8; {said}" if wrong else ""


def _cut(fields: Fields) -> str:
    for name, value in fields:
        if name.startswith(_TEXTS) or name.lower().startswith("billto"):
            if _ELIDED.search(value.rstrip("\\")):
                return f"field {name}: its value looks cut at an apostrophe; escape ' in the form's HTML (&#39;)"
            if value.count('"') % 2:
                return f"field {name}: its value looks cut at a quotation mark; escape it in the form's HTML (&quot;)"
    return ""
