"""Hashes of web payments against what merchants' own clients computed: tests/vectors/web-payment.json."""

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any, Final

import pytest

from switch.gateway.protocol import hashes, maroc_telecommerce
from switch.gateway.protocol.answers import Decision
from switch.gateway.protocol.explain import explain
from switch.gateway.protocol.fields import Fields, FieldsError
from switch.gateway.protocol.hashes import Rule

Vector = dict[str, Any]
VECTORS: Final[list[Vector]] = json.loads((Path(__file__).parents[1] / "vectors" / "web-payment.json").read_text())[
    "vectors"
]
EST: Final = [v for v in VECTORS if not v["hashVersion"].startswith("MTC")]
MD5: Final = [v for v in VECTORS if v["hashVersion"].startswith("MTC")]
NOTHING: Final[frozenset[str]] = frozenset()
NAMES: Final = {
    "natural-case-insensitive": hashes.NATURAL,
    "case-insensitive": hashes.PLAIN_ORDER,
    "byte-order": hashes.BYTE_ORDER,
    "icu-numeric": hashes.ICU_ORDER,
    "backslash-and-pipe": hashes.ESCAPED,
    "pipe-only": hashes.PIPE_ONLY,
    "none": hashes.NO_ESCAPING,
    "pipe-then-backslash": hashes.PIPE_FIRST,
    "key-escaped": hashes.ESCAPED_KEY,
    "key-raw": hashes.RAW_KEY,
    "values-trimmed": hashes.TRIMMED,
    "values-as-is": hashes.UNTRIMMED,
}
"""as the file names rules -> as we do"""


def named(vector: Vector) -> str:
    return f"{vector['client']} {vector['case']}"


def form(part: Vector, key: str = "hash") -> Fields:
    return Fields([*part["fields"].items(), (part.get("hashFieldName", "HASH"), part[key])])


def allowed(vector: Vector) -> frozenset[str]:
    """What this client's merchant must be allowed."""
    if vector["hashVersion"] != hashes.VER3:
        return frozenset({vector["hashVersion"]})
    if vector["request"]["standardRuleMatches"]:
        return NOTHING
    names = [NAMES[name] for name in vector["request"]["rulesThatMatch"][0]]
    return frozenset(names) & frozenset(hashes.DEVIATIONS)


@pytest.mark.parametrize("vector", EST, ids=named)
def test_a_clients_request_is_known_by_the_rule_it_follows(vector: Vector) -> None:
    fields, key = form(vector["request"]), vector["storeKey"]
    rule = hashes.check(fields, key, allowed(vector))
    assert rule is not None
    assert set(rule.deviations) == set(allowed(vector))
    if allowed(vector):
        assert hashes.check(fields, key) is None
    assert hashes.check(fields, key + "x", frozenset(hashes.DEVIATIONS)) is None


@pytest.mark.parametrize(
    ("vector", "names"),
    [(v, names) for v in EST for names in v["request"].get("rulesThatMatch", [])],
    ids=lambda value: named(value) if isinstance(value, dict) else " ".join(value),
)
def test_each_rule_that_is_said_to_match_does(vector: Vector, names: list[str]) -> None:
    order, escape, key, trim = (NAMES[name] for name in names)
    rule = Rule(version=hashes.VER3, order=order, escape=escape, key=key, trim=trim)
    assert hashes.make(form(vector["request"]), vector["storeKey"], rule) == vector["request"]["hash"]


@pytest.mark.parametrize("vector", [v for v in EST if "callback" in v], ids=named)
def test_an_answer_is_signed_as_clients_check_it(vector: Vector) -> None:
    answer = vector["callback"]
    signed = hashes.sign_answer(answer["fields"].items(), vector["storeKey"], vector["hashVersion"])
    assert signed[-1] == ("HASH", answer["hash"])
    for name in ("HASHPARAMS", "HASHPARAMSVAL"):
        assert Fields(signed).get(name) == answer["fields"].get(name, "")
    if "bodyOrder" in answer:
        assert [name for name, _ in signed[:-1]] == list(answer["fields"])


@pytest.mark.parametrize("vector", MD5, ids=named)
def test_the_older_protocols_checksums(vector: Vector) -> None:
    asked, told, secret = vector["request"], vector["callback"], vector["storeKey"]
    fields = Fields([*asked["fields"].items(), (asked["hashFieldName"], asked["hash"])])
    assert maroc_telecommerce.check_request(fields, asked["action"], secret)
    assert not maroc_telecommerce.check_request(fields, asked["action"], secret + "x")
    request = Fields({**asked["fields"], "email": told["fields"]["email"]}.items())
    sent = Fields(maroc_telecommerce.confirmation(told["url"], request, secret, [("orderNumber", "900123")]))
    assert sent.get("checksum") == told["hash"]
    assert maroc_telecommerce.decide(told["clientAnswer"], "77") is Decision.CAPTURE
    assert maroc_telecommerce.decide(told["clientAnswer"], "78") is Decision.REVERSE
    assert maroc_telecommerce.decide(told["clientAnswerOnBadChecksum"], "77") is Decision.REVERSE


def signed(**changed: str) -> Fields:
    """A ver3 form, right but for what is `changed` after it was signed."""
    fields = {
        "clientid": "600000000",
        "oid": "A1",
        "amount": "10.00",
        "hashAlgorithm": "ver3",
        "BillToName": "Rue de l'Été",
    }
    proof = hashes.make(Fields(fields.items()), "TEST1234")
    return Fields(({**fields, "hash": proof} | changed).items())


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (signed(hash=""), "is missing"),
        (signed(hashAlgorithm="ver9"), "expected ver3, ver2 or ver1"),
        (signed(hash="a b"), "has blanks where base64 has +"),
        (signed(hash="ab" * 64), "is hexadecimal"),
        (signed(hash="abcd"), "looks cut"),
        (signed(hash="A" * 43 + "="), "a SHA-256, which no version has"),
        (signed(hash="A" * 86 + "==", hashAlgorithm=""), "the form must say so in hashAlgorithm"),
        (
            signed(tel="", sandbox="", BillToCity=""),
            "fields tel, sandbox, BillToCity: are empty and were left out of the hash",
        ),
        (signed(sandbox="1", tel="0522"), "fields sandbox and tel: added after"),
        (signed(sandbox="1"), "field sandbox: added after"),
        (signed(BillToName="Rue de l"), "field BillToName: its value looks cut at an apostrophe"),
        (signed(BillToName='Dar "'), "field BillToName: its value looks cut at a quotation mark"),
        (signed(BillToName="Rue de l&#x27;Été"), "field BillToName: holds HTML entities"),
        (signed(BillToName="Rue de l'\ufffdt\ufffd"), "field BillToName: is not UTF-8"),
        (signed(amount="11.00"), "compare the key"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_wrong_hash_is_explained(fields: Fields, said: str) -> None:
    assert hashes.check(fields, "TEST1234") is None
    assert said in explain(fields, "TEST1234", NOTHING)


def test_a_hash_that_is_keyed_is_recognised() -> None:
    text = hashes.text_of(signed(), "TEST1234")
    proof = base64.b64encode(hmac.digest(b"TEST1234", text.encode(), "sha512")).decode()
    assert "an HMAC" in explain(signed(hash=proof), "TEST1234", NOTHING)


def test_an_old_clients_hash_may_have_the_callback_in_it() -> None:
    """A bank's own sample of a hosted page: ... + instalment + rnd + callbackUrl + storekey."""
    head = {"clientid": "600000000", "oid": "A1", "amount": "10.00", "okUrl": "https://a/ok", "failUrl": "https://a/no"}
    values = {**head, "islemtipi": "Auth", "taksit": "", "rnd": "R", "callbackUrl": "https://a/cb"}
    proof = base64.b64encode(hashlib.sha1("".join([*values.values(), "TEST1234"]).encode()).digest()).decode()
    fields = Fields([*values.items(), ("hash", proof)])
    assert hashes.check(fields, "TEST1234", frozenset({hashes.VER1}))
    assert hashes.check(fields, "TEST1234") is None
    other = Fields([*(values | {"callbackUrl": "https://b/cb"}).items(), ("hash", proof)])
    assert hashes.check(other, "TEST1234", frozenset({hashes.VER1})) is None


def test_a_rule_that_is_not_allowed_is_named() -> None:
    node = next(v for v in EST if v["case"] == "pipe-and-backslash-not-escaped")
    assert "no-escaping" in explain(form(node["request"]), node["storeKey"], NOTHING)
    old = next(v for v in EST if v["hashVersion"] == "ver1")
    assert "ver1" in explain(form(old["request"]), old["storeKey"], NOTHING)


def test_a_key_with_a_line_end_is_recognised() -> None:
    fields = Fields([*[(n, v) for n, v in signed() if n != "hash"], ("hash", hashes.make(signed(hash=""), "K\n"))])
    assert "a line end behind it" in explain(fields, "K", NOTHING)


def test_neither_key_nor_values_are_told() -> None:
    said = explain(signed(BillToName="Secret Person l"), "TEST1234", NOTHING)
    assert "TEST1234" not in said
    assert "Secret" not in said


def test_a_name_that_is_there_twice_is_refused() -> None:
    with pytest.raises(FieldsError, match="amount: is there twice"):
        Fields([("Amount", "1"), ("amount", "2")])
