"""What the attributes of a jPOS packager file say beside a field's class and length: each is read, or named as what cannot be.

Their meanings are those of jPOS's GenericPackager and its DTD.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from switch.config.mistakes import did_you_mean
from switch.dialects.jpos_field import Field

ELEMENTS_MAX: Final = 128

_PACKAGER: Final = ("maxValidField", "bitmapField", "thirdBitmapField", "firstField", "emitBitmap", "headerLength")
_FIELD: Final = ("id", "length", "name", "class", "pad", "token", "trim", "inclusive", "info", "params", "encoding")
KNOWN: Final[dict[str, tuple[str, ...]]] = {
    "isopackager": _PACKAGER,
    "isofield": _FIELD,
    "isofieldpackager": (*_FIELD, "packager", "tagMapper", "validator", *_PACKAGER),
}
_NO_THIRD: Final = ("", "-999")
"""What `thirdBitmapField` is in jPOS where there is none."""


class Fault(NamedTuple):
    """Something an attribute says."""

    message: str
    hint: str = ""
    refused: bool = True
    """False: it changes nothing of the bytes, and is only told"""


def of_field(field: Field) -> Iterator[Fault]:
    """What is to be said of a field's attributes, at any depth; those about its subfields are `jpos_subfields`'."""
    yield from _unknown(field)
    yield from _flags(field, ("pad", "trim", "inclusive", "emitBitmap"))
    package = field.said("class").rpartition(".")[0]
    if package and not package.startswith("org.jpos.") and not package.endswith("jpos.iso"):
        said = f"class: {field.said('class')} is taken for jPOS's {field.class_name}; what its own code does is not in this file"
        yield Fault(said, refused=False)
    if field.flag("inclusive"):
        yield Fault("inclusive: its length counts itself, which no element's does")
    if field.tag == "isofield" and field.said("params"):
        yield Fault(f"params: what {field.class_name} makes of {field.said('params')!r} is code of its own")
    if field.said("encoding"):
        said = f"encoding: a character set of its own ({field.said('encoding')!r})"
        yield Fault(said, 'leave it out, and write "data_enc" into the dialect that is made')
    if field.said("validator"):
        yield Fault("validator: what it checks is not checked here", refused=False)
    if field.flag("trim"):
        yield Fault("trim: its values keep their trailing blanks here", refused=False)
    tagged = field.class_name.startswith(("IF_T", "IFTA_")) or is_tagged_sequence(field)
    if field.attributes.get("token") and not tagged:
        yield Fault(f"token: {field.class_name} has none", refused=False)


def is_tagged_sequence(field: Field) -> bool:
    """True where `token` of the fields inside is the tag that each is led by."""
    return field.attributes.get("packager", "").endswith(".TaggedSequencePackager")


def of_packager(root: Field) -> Iterator[Fault]:
    """What is to be said of the packager's own attributes."""
    yield from _unknown(root)
    yield from _flags(root, ("emitBitmap",))
    if root.flag("emitBitmap", default=True) is False:
        yield Fault("emitBitmap: a message without a bitmap is none of ISO 8583")
    for key, only in (("bitmapField", 1), ("firstField", 0)):
        if key in root.attributes and root.number(key) != only:
            yield Fault(f"{key}: expected {only}, found {root.attributes[key]!r}")
    third = root.attributes.get("thirdBitmapField", "").strip()
    if third not in _NO_THIRD:
        yield Fault(f"thirdBitmapField: a third bitmap ({third!r}): no dialect has elements above {ELEMENTS_MAX}")
    if "headerLength" in root.attributes and root.number("headerLength") < 0:
        yield Fault(f"headerLength: expected a whole number, found {root.attributes['headerLength']!r}")
    last = root.attributes.get("maxValidField", str(ELEMENTS_MAX))
    if not 64 <= root.number("maxValidField", ELEMENTS_MAX) <= ELEMENTS_MAX:
        yield Fault(f"maxValidField: expected 64 to {ELEMENTS_MAX}, found {last!r}")


def in_other_letters(field: Field) -> Iterator[tuple[Field, str, str]]:
    """Names in a field, and at any depth in it, that are jPOS's but for capitals: where, as it stands, and jPOS's own."""
    tags = {tag.casefold(): tag for tag in KNOWN}
    tag = tags.get(field.tag.casefold())
    if tag is not None:
        names = {key.casefold(): key for key in KNOWN[tag]}
        for stands, meant in ((field.tag, tag), *((key, names.get(key.casefold(), key)) for key in field.attributes)):
            if stands != meant:
                yield field, stands, meant
    for inner in field.inside:
        yield from in_other_letters(inner)


def _unknown(field: Field) -> Iterator[Fault]:
    known = KNOWN.get(field.tag)
    for key in field.attributes if known else ():
        if key not in (known or ()) and not key.startswith(("xml", "xsi:")):
            yield Fault(f"{key}: no attribute of <{field.tag}> that is known here", did_you_mean(key, known or ()))


def _flags(field: Field, keys: tuple[str, ...]) -> Iterator[Fault]:
    for key in keys:
        value = field.attributes.get(key, "true").strip().lower()
        if value not in ("true", "false"):
            yield Fault(f'{key}: expected true or false, found "{value}"')
