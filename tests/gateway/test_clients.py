"""Shops' clients as others wrote them: what they post, how they write it, what they answer.

The kinds are those of public clients: PHP shops of Turkey hash ISO-8859-9 and post `DATA=<?xml …` by curl, which calls any body a
form's; Symfony's serializer writes CDATA; pages saved with a byte order mark answer with it; scripts post FormData as multipart.
"""

import base64
import hashlib
from pathlib import Path
from urllib.parse import quote_plus

import pytest
import trio
from trio.testing import MockClock

from switch.gateway.orders.lifecycle import Stage
from switch.gateway.orders.order import Order
from switch.gateway.protocol import ordering
from switch.gateway.protocol.answers import Decision, Result, answer_fields, decide, why_not
from switch.gateway.protocol.bodies import read_fields
from switch.gateway.protocol.explain import explain
from switch.gateway.protocol.fields import Fields, FieldsError, Pairs
from switch.gateway.protocol.hashes import check
from switch.gateway.protocol.requests import REFRESH_S, SESSION_S, RequestError, read_request
from switch.gateway.protocol.xml_api import ApiError, read_api_request
from switch.gateway.web import Web
from switch.http.client import Reply
from tests.gateway.asgi import ask
from tests.gateway.test_flow import serving
from tests.gateway.test_kills import CARD, CLIENT, NETWORK, World, form

FORM = "application/x-www-form-urlencoded"
KEY = "TEST1234"


def signed(charset: str, **more: str) -> bytes:
    """A body as a client of this charset posts it: PHP's code, which knows bytes and nothing else, written anew."""
    fields = {**dict(form("A1").pairs), **more}
    del fields["hash"]
    names = sorted(fields, key=str.lower)  # the same as natcasesort's, of these names
    hashed = [fields[name].strip(" \t\n\r\0\v") for name in names if name.lower() != "encoding"]
    text = "".join(value.replace("\\", "\\\\").replace("|", "\\|") + "|" for value in hashed) + KEY
    fields["hash"] = base64.b64encode(hashlib.sha512(text.encode(charset)).digest()).decode()
    return "&".join(f"{name}={quote_plus(value, encoding=charset)}" for name, value in fields.items()).encode()


@pytest.mark.parametrize(
    ("charset", "named", "kept"),
    [
        ("utf-8", "UTF-8", "utf-8"),
        ("utf-8", "ISO-8859-9", "utf-8"),  # of pages whose meta tag says otherwise than they are
        ("iso8859-9", "iso-8859-9", "cp1254"),
        ("latin-1", "ISO-8859-1", "cp1252"),
        ("cp1256", "windows-1256", "cp1256"),
    ],
)
def test_a_form_is_hashed_as_its_bytes_came(charset: str, named: str, kept: str) -> None:
    name = "سلمى" if charset == "cp1256" else "Zoé Ünal|\\"
    fields = read_fields(signed(charset, BillToName=name, encoding=named), FORM, 150)
    assert (fields.get("BillToName"), fields.charset) == (name, kept)
    assert check(fields, KEY)


def test_a_charset_that_a_form_does_not_name_is_asked_for() -> None:
    fields = read_fields(signed("latin-1", BillToName="Zoé"), FORM, 150)
    assert check(fields, KEY) is None
    assert "field BillToName: is not UTF-8" in (said := explain(fields, KEY, frozenset()))
    assert "name its charset in field encoding" in said


async def test_a_shop_is_answered_in_its_own_charset(tmp_path: Path, autojump_clock: MockClock) -> None:
    told: list[tuple[Pairs, str]] = []

    async def post(url: str, pairs: Pairs, hosts: tuple[str, ...], charset: str) -> Reply:
        await trio.lowlevel.checkpoint()
        told.append((pairs, charset))
        return Reply(status=200, text="\ufeff\r\nACTION=POSTAUTH\r\n")

    world = World(lambda n: "")
    world.post = post  # type: ignore[method-assign]
    async with serving(tmp_path, world) as service:
        app = Web(service, NETWORK).app()
        body = signed("iso8859-9", BillToName="Ünal Şahin", encoding="ISO-8859-9")
        answer = await ask(app, "/fim/est3Dgate", body=body)
        assert answer.status == 303
        order = service.registry.store.by_id(CLIENT, "A1")
        assert order is not None
        await service.pay(order, CARD, "10.0.0.1")
        await trio.sleep(3)
        assert (await service.order(order.number)).stage is Stage.CAPTURED
        (pairs, charset), *_ = told
        assert (dict(pairs)["BillToName"], charset) == ("Ünal Şahin", "cp1254")
        values = [value for name, value in pairs if name.lower() not in ("hash", "encoding")]
        text = "|".join([*(value.strip() for value in values), KEY])
        digest = hashlib.sha512(text.encode("iso8859-9")).digest()
        assert pairs[-1] == ("HASH", base64.b64encode(digest).decode())
        page = await ask(app, answer.headers["location"])
        assert 'accept-charset="cp1254"' in page.text


async def taken(tmp_path: Path, body: bytes, kind: str) -> tuple[int, Order | None, str]:
    """What becomes of a post to the payment page: status, order, why not."""
    async with serving(tmp_path, World(lambda n: "")) as service:
        answer = await ask(Web(service, NETWORK).app(), "/fim/est3Dgate", body=body, kind=kind)
        said = [refusal.reason for refusal in service.refusals.take()]
        return answer.status, service.registry.store.by_id(CLIENT, "A1"), " ".join(said)


async def test_a_form_may_come_in_parts(tmp_path: Path) -> None:
    parts = [f'--x\r\nContent-Disposition: form-data; name="{n}"\r\n\r\n{v}\r\n' for n, v in form("A1").pairs]
    body = "".join([*parts, "--x--\r\n"]).encode()
    status, order, said = await taken(tmp_path, body, 'multipart/form-data; boundary="x"')
    assert (status, said) == (303, "")
    assert order is not None
    assert order.form == form("A1").pairs


@pytest.mark.parametrize(
    ("body", "kind", "why"),
    [
        (b'{"clientid":"600000001"}', "application/json", "Content-Type 'application/json': expected a form"),
        (b"--x\r\n\r\n--x--", "multipart/form-data", "has no boundary"),
        (b"&".join(b"a%d=1" % n for n in range(151)), FORM, "the form has 151 fields; expected at most 150"),
        (b"clientid=1&CLIENTID=2", FORM, "is there twice (as clientid, too) with two values"),
    ],
)
async def test_another_body_is_refused_with_what_was_expected(tmp_path: Path, body: bytes, kind: str, why: str) -> None:
    status, _, said = await taken(tmp_path, body, kind)
    assert status == 400
    assert why in said


def test_a_field_that_is_there_twice_with_one_value_is_one_field() -> None:
    once = form("A1").pairs
    assert check(Fields([*once, ("oid", "A1"), ("HASH", dict(once)["hash"])]), KEY)
    with pytest.raises(FieldsError, match="field OID: is there twice"):
        Fields([*once, ("OID", "A2")])


def test_a_blank_that_phps_trim_keeps_is_hashed() -> None:
    assert check(read_fields(signed("utf-8", BillToName=" Zoé\u00a0", BillToCity="\tFès \n"), FORM, 150), KEY)
    other = read_fields(signed("utf-8", BillToName="Zoé"), FORM, 150).pairs  # a script's trim takes it off
    posted = Fields([(name, value + "\u00a0" if name == "BillToName" else value) for name, value in other])
    assert "field BillToName: has a blank of Unicode's at an end" in explain(posted, KEY, frozenset())


@pytest.mark.parametrize(
    ("name", "text", "read"),
    [
        *(("lang", text, "en") for text in ("en", "EN", "en_US", "en-GB")),
        *(("lang", text, "ar") for text in ("ar", "ar_MA", "AR-MA")),
        *(("lang", text, "fr") for text in ("fr_FR", "tr", "zgh", "", "français")),
        *(("refreshtime", text, REFRESH_S) for text in ("", "-1", "soon", "1.5", "٣")),
        ("refreshtime", "0", 0),
        ("refreshtime", "120", 120),
        *(("sessiontimeout", text, SESSION_S) for text in ("", "0", "29", "2701", "30 min", "9" * 12)),
        ("sessiontimeout", "1800", 1800),
        *(("amount", text, 1_050) for text in ("10.5", "10.50", "10,5", "10,50", " 10.5 ", "0010.50")),
        ("amount", "10", 1_000),
        *(("currency", text, "504") for text in ("504", "MAD", "mad", " 504 ")),
        ("TranType", "PREAUTH", False),
        ("TranType", "auth ", True),
        ("storetype", "3d_pay_hosting", None),
        ("storetype", "3D_PAY_HOSTING ", None),
        ("okUrl", "https://shop.ma/réglé?n=a b", "https://shop.ma/r%C3%A9gl%C3%A9?n=a%20b"),
        ("okUrl", "https://shop.ma/ok?a=%20&b[]=1#x", "https://shop.ma/ok?a=%20&b[]=1#x"),
        ("shopurl", "www.shop.ma", None),
    ],
)
def test_what_clients_write_is_read(name: str, text: str, read: object) -> None:
    asked = read_request(Fields({**dict(form("A1").pairs), name: text}.items()))
    kept = {
        "lang": asked.language,
        "refreshtime": asked.refresh_s,
        "sessiontimeout": asked.session_s,
        "amount": asked.amount,
        "currency": asked.currency,
        "TranType": asked.sale,
        "okUrl": asked.ok_url,
    }
    assert kept.get(name) == read


@pytest.mark.parametrize(
    ("name", "text"),
    [
        *(("amount", text) for text in ("1 000.00", "1,000.00", "1.000,00", "-5", "1e3", "10.505", "٣", ".5", "0")),
        *(("currency", text) for text in ("0504", "DH", "")),
        *(("TranType", text) for text in ("", "PostAuth", "sale")),
        *(("storetype", text) for text in ("3d_pay", "", "3d_host")),
        *(
            ("okUrl", text)
            for text in ("shop.ma/ok", "javascript:alert(1)", "https://u@shop.ma/", "https://shop.ma\n/")
        ),
    ],
)
def test_what_could_be_read_two_ways_is_refused_by_its_name(name: str, text: str) -> None:
    """`1,000.00` is a thousand dirhams to one reader and an error or one dirham to another: nobody is charged a guess."""
    with pytest.raises(RequestError, match=f"field {name}"):
        read_request(Fields({**dict(form("A1").pairs), name: text}.items()))


@pytest.mark.parametrize(
    ("body", "decision", "why"),
    [
        ("ACTION=POSTAUTH", Decision.CAPTURE, ""),
        ("\ufeff\ufeff\r\n ACTION=POSTAUTH\n\n", Decision.CAPTURE, ""),
        ("\ufeffAPPROVED", Decision.HOLD, ""),
        ("", Decision.REVERSE, "is empty"),
        ("\ufeff \n", Decision.REVERSE, "is empty"),
        ("FAILURE", Decision.REVERSE, "another text"),
        ("action=postauth", Decision.REVERSE, "holds ACTION=POSTAUTH, but not that alone"),
        ('"ACTION=POSTAUTH"', Decision.REVERSE, "no quotes"),
        ("<html>APPROVED</html>", Decision.REVERSE, "holds APPROVED, but not that alone"),
        ("ACTION=POSTAUTH\nWarning: Undefined index in cb.php", Decision.REVERSE, "but not that alone"),
    ],
)
def test_what_a_shop_answers_decides_and_its_log_says_why_not(body: str, decision: Decision, why: str) -> None:
    assert decide(body) is decision
    assert not why or why in why_not(body)


def test_answers_are_in_one_order_for_verifiers_of_every_language() -> None:
    """PHP's natcasesort, a script's `toLowerCase` and `<`, its localeCompare: what we add stands nowhere that they differ."""
    pairs = answer_fields(form("A1"), Result(approved=True, code="00", text=""), to_server=True)
    names = [name for name, _ in pairs if name.lower() not in ("hash", "encoding")]
    assert ordering.natural(names) == ordering.ignoring_case(names) == ordering.as_icu(names)


XML = (
    "<CC5Request><Name>api</Name><Password>p&amp;é</Password><ClientId>6</ClientId><OrderId>A1</OrderId>"
    "<Type>PostAuth</Type><Total>1.00</Total></CC5Request>"
)
DOCUMENT = f'<?xml version="1.0" encoding="ISO-8859-9"?>\n{XML}'.encode("iso8859-9")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (XML.encode(), "text/xml"),
        (b"\xef\xbb\xbf" + XML.encode(), "application/xml; charset=utf-8"),
        (b"\r\n\r\n" + DOCUMENT + b"\n", "text/xml"),
        (DOCUMENT, FORM),  # curl, told of no type
        (b"DATA=" + DOCUMENT, FORM),
        (b"DATA=" + quote_plus(DOCUMENT).encode(), FORM),
        (b"x=1&data=" + quote_plus(DOCUMENT).encode(), ""),
        (
            b'--b\r\nContent-Disposition: form-data; name="DATA"\r\n\r\n' + DOCUMENT + b"\r\n--b--\r\n",
            "multipart/form-data; boundary=b",
        ),
        (f'<?xml version="1.0" encoding="UTF-16"?>{XML}'.encode("utf-16"), "text/xml"),
        (XML.replace("p&amp;é", "<![CDATA[p&é]]><!-- ours -->").encode(), "text/xml"),
        (
            XML.replace("Type>", "TYPE>").replace("PostAuth", "\n postauth\n").replace("OrderId", "orderid").encode(),
            FORM,
        ),
        (XML.replace("p&amp;é", "p&#38;&#xE9;").encode(), "text/xml"),
    ],
)
def test_an_api_request_is_read_however_it_is_written(body: bytes, kind: str) -> None:
    asked = read_api_request(body, kind)
    assert (asked.name, asked.password, asked.oid, asked.kind, asked.total) == ("api", "p&é", "A1", "PostAuth", "1.00")


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b'<!DOCTYPE x [<!ENTITY a "b">]><CC5Request>&a;</CC5Request>', "without a document type declaration"),
        ('<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE x><CC5Request/>'.encode("utf-16"), "document type"),
        (b"DATA=%3C%21DOCTYPE+x+SYSTEM+%22file%3A%2F%2F%2Fetc%2Fpasswd%22%3E%3CCC5Request%2F%3E", "document type"),
        (b"<CC5Request>&undefined;</CC5Request>", "undefined entity"),
        (b'<?xml version="1.0" encoding="klingon"?><CC5Request/>', "unknown encoding"),
        (b'<?xml version="1.0" encoding="big5"?><CC5Request/>', "multi-byte encodings"),
        (b"<CC5Request>" + b"<a>" * 100, "at most 8 elements within each other"),
        (b"<CC5Request>" + b" " * 40_000 + b"</CC5Request>", "at most 32768 bytes"),
        (b"<CC5Request><Name>a</CC5Request>", "mismatched tag"),
        (b"<CC5Response/>", "expected CC5Request, found CC5Response"),
        (b"DATA=", "no element found"),
        (b"", "no element found"),
        (b"&".join([b"DATA=x"] * 11), "expected at most 10"),
    ],
)
def test_what_is_no_api_request_is_said(body: bytes, why: str) -> None:
    with pytest.raises(ApiError, match=why):
        read_api_request(body, FORM)
