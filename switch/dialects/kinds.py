"""What a file that somebody wants to bring in is: one of the formats that are read, or another, and what to do with that."""

import json
import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from switch.dialects import j8583, jpos, jpos_java, moov, pyiso
from switch.dialects.foreign import Brought, Wanted, whole

READERS: Final[dict[str, Callable[[str, bytes, Wanted], Brought]]] = {
    "jpos": jpos.read,
    "jpos-class": jpos_java.read,
    "moov": moov.read,
    "j8583": j8583.read,
    "pyiso8583": pyiso.read,
}
"""By the names that `--from` takes."""
_ROOT: Final = re.compile(rb"<([A-Za-z_][\w.:-]*)")
_ASIDE: Final = re.compile(rb"<!--.*?-->|<\?.*?\?>|<!DOCTYPE[^\[>]*(?:\[.*?\]\s*)?>", re.DOTALL)
_GUIDES: Final = re.compile(rb"<(?:parse|template)\s+type\s*=")
"""What a j8583 configuration has; j8583 does not look at the name of its outermost element."""
_DECLARED: Final = re.compile(r"(<\?xml\s[^>]*?encoding\s*=\s*[\"'])utf-16(?:[bl]e)?([\"'])", re.IGNORECASE)
_YAML: Final = re.compile(rb"^\"?fields\"?:\s*$", re.MULTILINE)
_LOOKED_AT: Final = 262_144


class Other(NamedTuple):
    """A format that is not read."""

    says: str
    hint: str


_BY_HAND: Final = "write its elements as a dialect file (cmi-switch dialect show cmi87 is one to begin with)"
_ELSEWHERE: Final = frozenset({"pattern", "encoding", "prefixEncoding", "subFields", "subFieldsData", "subFieldsFile"})
"""Keys of fields that moov's specs have not."""
_GO: Final = Other(
    "a spec of moov's in Go, which is code", "let it write JSON (specs.Builder.ExportJSON(spec)) and import that"
)
_UNKNOWN: Final = Other(
    "in none of the formats that are read: packagers of jPOS (XML, or a class that lists its fields), JSON of moov's,"
    " XML of j8583's, specs of pyiso8583",
    _BY_HAND,
)
_CHANGED: Final = Other(
    "a packager class that changes fields of another, which is not in this file",
    "make the change in the class it extends, and import that",
)
_ISO8583NET: Final = Other(
    "a dialect of iso8583net's: its <isopackager> is not jPOS's, though it is called so", _BY_HAND
)
_J8583_JSON: Final = Other(
    "a configuration of j8583's in JSON, of which only the XML is read",
    'write its fields as <parse type="0210"><field num="3" type="NUMERIC" length="6"/> …, and import that',
)
_TABLE: Final = Other(
    "formats as iso_8583 (JavaScript) and py8583 have them: they leave open how lengths and digits travel", _BY_HAND
)
_OTHER_ROOTS: Final = {
    b"isomsg": Other(
        "a message as jPOS logs it, no packager", "import the file that the channel's packager-config names"
    ),
    b"log": Other("a log of jPOS's, no packager", "import the file that the channel's packager-config names"),
    b"channel-adaptor": Other(
        "a deployment of jPOS's Q2, no packager", "import the file that its packager-config names"
    ),
    b"server": Other("a deployment of jPOS's Q2, no packager", "import the file that its packager-config names"),
    b"schema": Other("a schema of jPOS's FSDMsg, which is no ISO 8583", "ask for the packager of the ISO 8583 link"),
    b"isofield": Other(
        "a packager's fields without the packager", "put <isopackager> before them and </isopackager> behind"
    ),
    b"iso-message": Other("a message of nucleus8583's, which its own program reads", _BY_HAND),
}
_OTHERS: Final = (
    (re.compile(rb"iso8583\.MessageSpec|field\.New(?:String|Numeric|Composite|Bitmap)\("), _GO),
    (re.compile(rb"\bContentTypes?\b.{0,400}\b(?:LenType|MaxLen)\b", re.DOTALL), _TABLE),
    (
        re.compile(rb"\bOpenIso8583\b|\bFieldDescriptor\.|\bIsoModel\b|using\s+System;"),
        Other("a template in C#, which is code", _BY_HAND),
    ),
    (
        re.compile(rb"[\"']data_encoding[\"'].{0,200}[\"']max_len[\"']", re.DOTALL),
        Other(
            "a spec of pyiso8583 before 2.0",
            "name its keys data_enc and len_enc, as pyiso8583 does since, and import that",
        ),
    ),
    (
        re.compile(rb"[\"']?len_?type[\"']?\s*:.{0,200}[\"']?max_?len[\"']?\s*:", re.DOTALL | re.IGNORECASE),
        Other(
            "a table of fields in a form that is not known here: it leaves open how lengths and digits travel", _BY_HAND
        ),
    ),
    (
        re.compile(
            rb"\bpackager\b\s*=\s*\{.{0,400}?\btype[\"']?\s*:\s*[\"'](?:l{0,4}(?:n|an|ans|b|z|x))[\"']", re.DOTALL
        ),
        Other(
            "a packager of iso-8583's (JavaScript), which is code, and leaves open how digits and bitmaps travel",
            _BY_HAND,
        ),
    ),
    (re.compile(rb"\bfld\s*\[\s*\d+\s*\]\s*=\s*new\s+IF"), _CHANGED),
    (
        re.compile(rb"\bFieldBuilder\b.{0,400}\bMsgFieldType\b", re.DOTALL),
        Other("a packer of iso-8583-packer's, which is code", _BY_HAND),
    ),
    (re.compile(rb"-module\(|erl8583"), Other("a module in Erlang, which is code", _BY_HAND)),
)
"""Source and data of other libraries, by what stands in it."""


def kind_of(content: bytes) -> str | Other:
    """The reader of a file, by its look, or what else it is."""
    content = in_utf8(content)
    text = content[:_LOOKED_AT].lstrip(b"\xef\xbb\xbf \t\r\n")
    if not text:
        return Other("empty", "give the file that the partner's program reads")
    if text.startswith(b"<"):
        root = _ROOT.search(_ASIDE.sub(b" ", text))
        name = root[1] if root else b""
        if b"<isofields" in text and b"contentcoding" in text:
            return _ISO8583NET
        if name != b"isopackager" and _GUIDES.search(text):
            return "j8583"
        return _OTHER_ROOTS.get(name) or ("jpos" if b"<isofield" in text or not name else _xml(name))
    if text.startswith(b"{") and (found := _of_json(content)) is not None:
        return found
    if jpos_java.is_java(text):
        return "jpos-class"
    if re.search(rb"^\s*(?:from|import)\s+iso8583\b|[\"']data_enc[\"']", text, re.MULTILINE):
        return "pyiso8583"
    for pattern, other in _OTHERS:
        if pattern.search(text):
            return other
    return "moov" if text[:1] in (b"{", b"[") or _YAML.search(text) else _UNKNOWN


def _xml(root: bytes) -> "str | Other":
    """What XML without a jPOS field or a j8583 guide is."""
    if root.lower() == b"isopackager":
        return "jpos"
    said = f"XML whose outermost element is <{root.decode('ascii')}>, which no format that is read has"
    return Other(f"{said}: jPOS's is <isopackager>, and j8583's has <parse> or <template>", _BY_HAND)


def in_utf8(content: bytes) -> bytes:
    """A file of UTF-16, as Windows writes them, in UTF-8, and without the mark at its beginning; any other as it is."""
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        try:
            text = content.decode("utf-16")
        except UnicodeDecodeError:
            return content
        return _DECLARED.sub(r"\1utf-8\2", text, count=1).encode("utf-8", "replace")
    return content.removeprefix(b"\xef\xbb\xbf")


def _of_json(content: bytes) -> str | Other | None:
    """What a JSON object is; None: it is none, or none that is known."""
    try:
        value: Any = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        return None
    if pyiso.is_spec(value):
        return "pyiso8583"
    entries = value.get("elements")
    if isinstance(entries, dict) and any(isinstance(e, dict) and "Describe" in e for e in entries.values()):
        return Other(
            "a spec in the form that moov's library had before v0.4, which says no encodings of each element",
            "write it in today's (specs.Builder.ExportJSON(spec)) and import that",
        )
    if any(isinstance(e, dict) and {"ContentType", "MaxLen"} <= e.keys() for e in value.values()):
        return _TABLE
    fields = value.get("fields")
    if isinstance(fields, dict) and any(isinstance(e, dict) and e.keys() & _ELSEWHERE for e in fields.values()):
        return Other(
            "a packager in JSON of a library that is not known here, though its fields look like moov's", _BY_HAND
        )
    if isinstance(value.get("templates"), list) or isinstance(value.get("parses"), list):
        return _J8583_JSON
    if isinstance(value.get("fields"), list):
        return Other("a list of fields in a form that is not known here", _BY_HAND)
    return None


def read(source: str, content: bytes, wanted: Wanted, kind: str | None) -> Brought:
    """The dialect a file describes; `kind`: one of `READERS`, None: by its look."""
    content = in_utf8(content)
    found = kind or kind_of(content)
    if isinstance(found, Other):
        return Brought("", (whole(source, f"it is {found.says}", found.hint),), ())
    return READERS[found](source, content, wanted)
