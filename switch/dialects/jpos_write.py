"""Write a dialect as a jPOS GenericPackager XML file."""

from xml.sax.saxutils import escape, quoteattr

from switch.dialects.jpos_classes import UnlikeError, class_of
from switch.wire import Dialect
from switch.wire.stretches import wire_order


def write(dialect: Dialect) -> tuple[str, list[str]]:
    """The XML, and what it cannot say: a sentence an element, which stands in the file as a comment too."""
    notes = []
    header = dialect.elements.get("h")
    lead = ""
    if header is not None:
        size = (header.size + 1) // 2 if header.nibbles else header.size
        lead = f' headerLength="{size}"'
        notes.append(f"the header of {size} bytes: in jPOS the channel reads it, or headerLength does")
    if dialect.both:
        notes.append(
            "both bitmaps in every message: jPOS sends the second where an element needs it, and says so in bit 1"
        )
    fields = []
    for key in sorted(dialect.elements, key=wire_order):
        if key in ("h", "1"):
            continue
        e = dialect.elements[key]
        number = {"t": 0, "p": 1}.get(key) if key in ("t", "p") else int(key)
        name = "Bitmap" if key == "p" else e.name
        try:
            kind, size, pad = class_of(key, dialect.spec[key])
        except UnlikeError as error:
            notes.append(f"DE{key} ({e.name}) is left out: jPOS has no class for {error}")
            continue
        if key in dialect.subfields:
            notes.append(f"DE{key} ({e.name}) goes as a whole: its subfields are {dialect.subfields[key]['form']}")
        fields.append(
            f'  <isofield id="{number}" length="{size}" name={quoteattr(name)} pad="{"true" if pad else "false"}"'
            f' class="org.jpos.iso.{kind}"/>'
        )
    comments = [
        f"  <!-- {escape(note).replace('--', '- -')} -->"
        for note in [f"dialect {dialect.name}: {dialect.title}", *notes]
    ]
    text = "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', f"<isopackager{lead}>", *comments, *fields, "</isopackager>", ""]
    )
    return text, notes
