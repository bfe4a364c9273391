"""jPOS packager files written for these tests, in jPOS's format: the four kinds that the recorded jPOS messages are in.

A field is `number: (class, length)`; those of the standard that are alike in a kind are listed as ranges.
"""

from collections.abc import Iterable

ASCII_87 = {
    "IFA_NUMERIC": "0:4 3:6 4-6:12 7:10 8-10:8 11-12:6 13-18:4 19-24:3 25-26:2 27:1 53:16 66:1 67:2 68-70:3 71-72:4 73:6 "
    "74-81:10 82-85:12 86-89:16 90:42",
    "IFA_LLNUM": "2:19 32-33:11 35:37 99-100:11",
    "IFA_LLCHAR": "34:28 44:25 45:76 101:17 102-103:28",
    "IFA_LLLCHAR": "36:104 46-48:999 54:120 55-63:999 104:100 105-127:999",
    "IFA_AMOUNT": "28-31:9 97:17",
    "IF_CHAR": "37:12 38:6 39:2 40:3 41:8 42:15 43:40 49-51:3 91:1 92:2 93:5 94:7 95:42 98:25",
    "IFA_BINARY": "52:8 64:8 65:1 96:16 128:8",
    "IFA_BITMAP": "1:16",
}
BINARY_87 = {
    "IFB_NUMERIC pad": ASCII_87["IFA_NUMERIC"],
    "IFB_LLNUM": ASCII_87["IFA_LLNUM"],
    "IFB_LLCHAR": ASCII_87["IFA_LLCHAR"],
    "IFB_LLLCHAR": ASCII_87["IFA_LLLCHAR"],
    "IFB_AMOUNT pad": ASCII_87["IFA_AMOUNT"],
    "IF_CHAR": ASCII_87["IF_CHAR"].replace("93:5", "93:6"),
    "IFB_BINARY": ASCII_87["IFA_BINARY"],
    "IFB_BITMAP": "1:16",
}
ASCII_93 = {
    "IFA_NUMERIC": "0:4 3:6 4-6:12 7:10 8-10:8 11:6 12:12 13-14:4 15:6 16-18:4 19-21:3 23-24:3 25-26:4 27:1 28:6 29:3 "
    "30:24 39-40:3 49-51:3 57:3 67:2 68-70:3 71:8 73:6 74-85:10 86-89:16 90:10 91-92:3 105-106:16 107-108:10",
    "IFA_BITMAP": "1:16",
    "IFA_LLNUM": "2:19 32-33:11 35:37 58:11 93-94:11 100:11",
    "IFA_LLCHAR": "31:99 34:28 43-44:99 45:76 56:35 95:99 99:11 101:17 102-103:28 109-110:84",
    "IFA_LLLCHAR": "36:104 46:204 47-48:999 54:120 59-63:999 66:204 72:999 104:100 111-127:999",
    "IF_CHAR": "22:12 37:12 38:6 41:8 42:15 98:25",
    "IFA_BINARY": "52:8 64-65:8 128:8",
    "IFA_LLBINARY": "53:48",
    "IFA_LLLBINARY": "55:255 96:999",
    "IFA_AMOUNT": "97:17",
}
BINARY_93 = {
    "IFB_NUMERIC": "0:4 3:6 4-6:12 7:10 8-10:8 11:6 12:12 13-14:4 15:6 16-18:4 19-21:3 23-24:3 25-26:4 27:1 28:6 29:3 30:24 "
    "39-40:3 57:3 67:2 68-70:3 71:8 73:6 74-85:10 86-89:16 90:10 91-92:3 105-106:16 107-108:10",
    "IFB_BITMAP": "1:16",
    "IFB_LLNUM": "2:19 32-33:11 56:35 58:11 93-94:11 100:11",
    "IFA_NUMERIC": "49-51:3",
    "IFB_LLCHAR": "31:99 34:28 35:37 43-44:99 45:76 95:99 99:11 101:17 102-103:28 109-110:84",
    "IFB_LLLCHAR": ASCII_93["IFA_LLLCHAR"],
    "IF_CHAR": ASCII_93["IF_CHAR"],
    "IFB_BINARY": ASCII_93["IFA_BINARY"],
    "IFB_LLBINARY": "53:48",
    "IFB_LLLBINARY": "55:255 96:999",
    "IFB_AMOUNT pad": "97:17",
}
FORMS = {
    "jpos-iso87-ascii-all-fields": ASCII_87,
    "jpos-iso87-binary-all-fields": BINARY_87,
    "jpos-iso93-ascii-all-fields": ASCII_93,
    "jpos-iso93-binary-all-fields": BINARY_93,
}

DOCTYPE = '<!DOCTYPE isopackager PUBLIC "-//jPOS/jPOS Generic Packager DTD 1.0//EN" "http://example.com/packager.dtd">'


def fields(form: dict[str, str]) -> Iterable[tuple[int, str, int, bool]]:
    """Number, class, length and pad of every field, ascending."""
    found = []
    for name, ranges in form.items():
        kind, _, pad = name.partition(" ")
        for piece in ranges.split():
            span, _, size = piece.partition(":")
            first, _, last = span.partition("-")
            found += [(n, kind, int(size), bool(pad)) for n in range(int(first), int(last or first) + 1)]
    return sorted(found)


def xml(form: dict[str, str], inside: str = "") -> bytes:
    """A packager file of a form."""
    lines = [
        f'<isofield id="{n}" length="{size}" name="Field {n}" pad="{str(pad).lower()}" class="org.jpos.iso.{kind}"/>'
        for n, kind, size, pad in fields(form)
    ]
    return "\n".join(['<?xml version="1.0"?>', DOCTYPE, "<isopackager>", *lines, inside, "</isopackager>"]).encode()


POSTILION = {
    **ASCII_87,
    "IFB_BITMAP": "1:16",
    "IFA_BITMAP": "",
    "IFB_BINARY": "52:8 53:48",
    "IFA_BINARY": "64:8 65:8 96:8",
    "IFA_NUMERIC": ASCII_87["IFA_NUMERIC"].replace("53:16 ", ""),
    "IFA_LLLCHAR": "36:104 46-48:999 54:120 55-63:999 104:100 105-126:999 128:999",
}
"""What jPOS's PostPackager has, by class; its element 127 is `POSTILION_127`."""

PARTS_127 = (
    "2 IFA_LLCHAR 32|3 IF_CHAR 48|4 IF_CHAR 22|5 IF_CHAR 73|6 IFA_NUMERIC 2|7 IFA_LLCHAR 50|8 IFA_LLLCHAR 128|"
    "9 IFA_LLLCHAR 255|10 IFA_NUMERIC 3|11 IFA_LLCHAR 32|12 IFA_LLCHAR 25|13 IF_CHAR 17|14 IF_CHAR 8|15 IFA_LLCHAR 29|"
    "16 IF_CHAR 1|17 IFA_LLCHAR 50|18 IFA_LLCHAR 50|19 IF_CHAR 45|20 IFA_NUMERIC 8|21 IFA_LLCHAR 12|22 IFA_LLLLLCHAR 99999|"
    "23 IF_CHAR 253|24 IFA_LLCHAR 28"
)
POSTILION_127 = (
    '<isofieldpackager id="127" length="999999" name="Postilion" class="org.jpos.iso.IFA_LLLLLLBINARY" emitBitmap="true"\n'
    '  packager="org.jpos.iso.packager.GenericPackager">\n'
    '<isofield id="0" length="0" name="Placeholder" class="org.jpos.iso.IF_CHAR"/>\n'
    '<isofield id="1" length="8" name="Bitmap" class="org.jpos.iso.IFB_BITMAP"/>\n'
    + "\n".join(
        f'<isofield id="{number}" length="{size}" name="Part {number}" class="org.jpos.iso.{kind}"/>'
        for number, kind, size in (part.split() for part in PARTS_127.split("|"))
    )
    + '\n<isofieldpackager id="25" length="8000" name="ICC data" class="org.jpos.iso.IFA_LLLLCHAR" emitBitmap="true"\n'
    '  packager="org.jpos.iso.packager.GenericPackager">\n'
    '<isofield id="1" length="16" name="Bitmap" class="org.jpos.iso.IFA_BITMAP"/>\n'
    '<isofield id="2" length="12" name="Amount" class="org.jpos.iso.IFA_NUMERIC"/>\n'
    "</isofieldpackager></isofieldpackager>"
)
