"""jPOS's own packager of Postilion's messages, and the message that jPOS's own test of it packs.

jPOS: `cfg/packager/postpack.xml` as it stands there and in later copies; `org/jpos/iso/packagers/post.xml`, which
`PackagerTestCase.testPostPackager` packs with `PostPackager` into `post.bin`. `POST_BIN` is put together here from the fields
of `post.xml`, by the classes of `PostPackager`: digits and text in ASCII, bitmaps raw, element 127 behind six digits.
"""

import json

import pytest

from switch.dialects import jpos
from switch.dialects.foreign import Wanted
from switch.wire import Dialect
from switch.wire.codec import COMPILE_AFTER
from switch.wire.subfields import read
from tests.dialects.jpos_files import ASCII_87, PARTS_127, xml

OWN = {
    **ASCII_87,
    "IFA_BITMAP": "",
    "IFB_BITMAP": "1:16",
    "IFB_BINARY": "52:8",
    "IFA_BINARY": "64-65:8 96:8",
    "IFA_LLLCHAR": "36:104 46-48:999 54:120 55-63:999 104:100 105-126:999 128:999",
}
"""jPOS's file, apart from element 127."""
WHOLE = '<isofield id="25" length="8000" name="ICC data" class="org.jpos.iso.IFA_LLLLCHAR"/>'
IN_PARTS = (
    '<isofieldpackager id="25" length="8000" name="ICC data" class="org.jpos.iso.IFA_LLLLCHAR"'
    ' packager="org.jpos.iso.packager.GenericSubFieldPackager">'
    '<isofield id="1" length="8" name="Bitmap" class="org.jpos.iso.IFB_BITMAP"/>'
    '<isofield id="2" length="12" name="Amount" class="org.jpos.iso.IFA_NUMERIC"/>'
    '<isofield id="4" length="32" name="Application" class="org.jpos.iso.IFA_LLCHAR"/></isofieldpackager>'
)
"""What is within part 25 in a bank's copy: a raw bitmap inside what jPOS calls characters."""

POST_BIN = (
    b"0620"
    + bytes.fromhex("A2380000008000000000000000000002")  # bits 3, 7, 11 to 13, 41; 127
    + b"000000"
    b"1117003616"
    b"375204"
    b"003616"
    b"1117"
    b"ATM00002"
    + b"000032"
    + bytes.fromhex("4000008000000000")  # parts 2, 25
    + b"10SWITCH_KEY"
    b"0008ICC_DATA"
)
SAYS = {"3": "000000", "7": "1117003616", "11": "375204", "12": "003616", "13": "1117", "41": "ATM00002"}


def element_127(room: int, icc: str) -> str:
    """Element 127 as the file has it: no `emitBitmap`, a bitmap among its fields."""
    parts = [part.split() for part in PARTS_127.split("|")]
    lines = [
        f'<isofield id="{n}" length="{size}" name="Part {n}" class="org.jpos.iso.{kind}"/>' for n, kind, size in parts
    ]
    return (
        f'<isofieldpackager id="127" length="{room}" name="RESERVED PRIVATE USE" class="org.jpos.iso.IFA_LLLLLLBINARY"'
        ' packager="org.jpos.iso.packager.GenericSubFieldPackager">'
        '<isofield id="0" length="0" name="PLACEHOLDER" class="org.jpos.iso.IF_CHAR"/>'
        '<isofield id="1" length="8" name="BITMAP" class="org.jpos.iso.IFB_BITMAP"/>'
        + "".join(lines)
        + icc
        + '<isofield id="26" length="20" name="ORIGINAL NODE" class="org.jpos.iso.IFA_LLCHAR"/></isofieldpackager>'
    )


def imported(room: int, icc: str, *notes: str) -> Dialect:
    found = jpos.read("postpack.xml", xml(OWN, element_127(room, icc)), Wanted("postpack", family="cmi"))
    assert not found.mistakes
    assert [note.message for note in found.notes] == list(notes)
    return Dialect.from_spec(json.loads(found.text), "postpack.xml")


def comes_back(made: Dialect, wire: bytes) -> dict[str, str]:
    """The document of a message, read and written often enough for its own compiled code, too."""
    for _ in range(COMPILE_AFTER + 2):
        document = made.decode(wire)
        assert made.encode(document) == wire
    return document


@pytest.mark.parametrize("room", [999, 999_999], ids=["as in jPOS", "as in later copies"])
def test_jpos_own_postpack_comes_in_and_reads_the_message_of_its_own_test(room: int) -> None:
    made = imported(room, WHOLE)
    document = comes_back(made, POST_BIN)
    assert {de: value for de, value in document.items() if de not in ("t", "p", "1", "127")} == SAYS
    assert read(made.subfields["127"], document["127"]) == {"2": "SWITCH_KEY", "25": "ICC_DATA"}


def test_a_raw_bitmap_within_characters_is_kept_as_its_bytes() -> None:
    made = imported(999_999, IN_PARTS, "field 127: subfield 25: kept whole, its own subfields are left out")
    icc = bytes.fromhex("D000000000000000").decode("latin-1") + "000000009447" + "14A0000000031010"
    body = bytes.fromhex("4000008000000000") + b"10SWITCH_KEY" + b"%04d" % len(icc) + icc.encode("latin-1")
    wire = POST_BIN[: POST_BIN.index(b"000032")] + b"%06d" % len(body) + body
    assert read(made.subfields["127"], comes_back(made, wire)["127"]) == {"2": "SWITCH_KEY", "25": icc}
