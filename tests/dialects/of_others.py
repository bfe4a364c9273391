"""Specs that others have published, by what is particular of each: rewritten, and cut to it. The name says whose each is."""

from tests.dialects.jpos_files import ASCII_87, BINARY_87, DOCTYPE, fields

DTD = """<!DOCTYPE isopackager [
<!ELEMENT isopackager (isofield+, isofieldvalidator*, isofieldpackager*)*>
<!ATTLIST isopackager maxValidField CDATA #IMPLIED>
<!ATTLIST isofield id CDATA #REQUIRED>
<!ATTLIST isofield pad (true|false) #IMPLIED>
]>"""


def packager(body: str, *, head: str = DOCTYPE, attributes: str = "") -> bytes:
    """A packager file. A line of `body` is `id class length [pad]`, or XML as it stands."""
    lines = []
    for line in body.strip().splitlines():
        words = line.split()
        if line.lstrip().startswith("<"):
            lines.append(line)
            continue
        pad = f' pad="{words[3]}"' if len(words) > 3 else ""
        lines.append(
            f'<isofield id="{words[0]}" length="{words[2]}" name="Field {words[0]}"{pad} class="org.jpos.iso.{words[1]}"/>'
        )
    return "\n".join(
        ['<?xml version="1.0" encoding="UTF-8"?>', head, f"<isopackager {attributes}>", *lines, "</isopackager>"]
    ).encode()


def rows(form: dict[str, str]) -> str:
    """The lines of a form of `jpos_files`."""
    return "\n".join(f"{n} {kind} {size} {str(pad).lower()}" for n, kind, size, pad in fields(form))


def inside(number: int, kind: str, size: int, packer: str, lines: str, more: str = 'emitBitmap="false"') -> str:
    """A field of fields."""
    parts = packager(lines).decode().partition("<isopackager >")[2].partition("</isopackager>")[0] if lines else ""
    return (
        f'<isofieldpackager id="{number}" length="{size}" name="Field {number}" class="org.jpos.iso.{kind}" '
        f'packager="org.jpos.iso.packager.{packer}" {more}>{parts}</isofieldpackager>'.replace("\n", " ")
    )


PLAIN = "0 IFA_NUMERIC 4\n1 IFA_BITMAP 16\n"
BCD = "0 IFB_NUMERIC 4 true\n1 IFB_BITMAP 16\n"
EBCDIC = "0 IFE_NUMERIC 4 true\n1 IFB_BITMAP 16\n"
SUB = "GenericSubFieldPackager"

JPOS = {
    "yinheli/jpos_blue_potato": BCD
    + "2 IFB_LLCHAR 19\n3 IFB_NUMERIC 6 true\n22 IFB_NUMERIC 3 false\n23 IFB_NUMERIC 3 true\n28 IFB_AMOUNT 9 true\n"
    "32 IFB_LLNUM 11 false\n36 IFB_LLLNUM 104 false\n"
    "48 IFB_LLLBINARY 999\n60 IFB_LLLNUM 999\n62 IFB_LLLBINARY 999\n128 IFB_BINARY 8",
    "melah500/jpos-field-127.003": PLAIN
    + "2 IFA_LLNUM 19\n52 IFA_NUMERIC 16\n65 IFA_BINARY 1\n103 IFA_LLCHAR 10\n"
    + inside(127, "IFA_LLLLLLBINARY", 999999, SUB, "0 IF_CHAR 0\n1 IFB_BITMAP 8\n2 IFA_LLCHAR 32\n3 IF_CHAR 48", ""),
    "tilln/jmeter-iso8583 demo": PLAIN
    + inside(
        43,
        "IFB_BINARY",
        40,
        SUB,
        "0 IF_NOP 0 false\n1 IF_CHAR 25 false\n2 IF_CHAR 13 false\n3 IF_CHAR 2 false",
        'emitBitmap="false" maxValidField="3"',
    )
    + "\n"
    + inside(55, "IFA_LLLBINARY", 999, "BERTLVBinaryPackager", ""),
    "zaiidox/FE1": PLAIN
    + "2 IFB_LLNUM 19\n3 IFA_NUMERIC 6\n4 IFA_NUMERIC 12\n35 IFB_LLCHAR 3\n37 IF_CHAR 12\n44 IFA_LLCHAR 25",
    "SupunVirajDevendra/socket_chat_service": EBCDIC
    + "2 IFE_LLNUM 19 true\n8 IFB_NUMERIC 8 true\n29 IFA_AMOUNT 9 true\n30 IFB_AMOUNT 9 true\n34 IFB_LLHNUM 28 true\n"
    "35 IFE_LLCHAR 37 true\n36 IFB_LLLNUM 104 true\n46 IFB_LLCHAR 99 true\n"
    + inside(48, "IFE_LLLCHAR", 999, "EuroSubFieldPackager", "0 IF_CHAR 1\n1 IFMC_LLCHAR 99\n84 IFMC_LLCHAR 2", ""),
    "jPOS field59-truncate": BCD
    + inside(
        59,
        "IFB_LLHBINARY",
        14,
        SUB,
        "1 IFE_CHAR 2\n2 IFE_CHAR 3\n3 IFE_CHAR 9 true",
        'emitBitmap="false" firstField="1"',
    ),
    "jPOS gicc_60": BCD
    + inside(60, "IFE_LLLBINARY", 999, "GICCSubFieldPackager", "0 IF_CHAR 9\n40 IFEP_LLLBINARY 2", ""),
    "jPOS cmf": "0 IFB_NUMERIC 4 false\n1 IFB_BITMAP 16\n2 IFB_LLNUM 19 false\n3 IF_CHAR 6 false\n4 IFB_AMOUNT2003 16 false\n"
    "11 IFB_NUMERIC 12 false\n18 IFB_LLLCHAR 140 false\n22 IFB_BINARY 16\n24 IFB_NUMERIC 3 false\n34 IFB_LLLLBINARY 9999\n"
    "39 IFB_NUMERIC 4 false\n42 IFB_LLCHAR 35\n53 IFB_LLBINARY 48\n64 IFB_BINARY 4\n65 IFB_BINARY 8\n"
    + inside(
        21,
        "IFB_BINARY",
        19,
        SUB,
        "0 IF_CHAR 1\n1 IF_CHAR 15\n2 IFB_NUMERIC 2\n3 IFB_NUMERIC 4",
        'emitBitmap="false" firstField="0"',
    )
    + "\n"
    + inside(
        43,
        "IFB_LLLLBINARY",
        9999,
        SUB,
        "0 IFB_BITMAP 16\n2 IFB_LLCHAR 50\n5 IF_CHAR 3",
        'emitBitmap="true" bitmapField="0"',
    ),
    "lovisgod/lightpay-iso": PLAIN
    + "96 IFA_BINARY 16\n97 IFA_AMOUNT 17\n102 IFA_LLCHAR 28\n103 IFA_LLCHAR 10\n128 IF_CHAR 64",
    "omidp/vertxiso8583": "0 IFA_NUMERIC 4\n1 IFA_BITMAP 64\n"
    "3 IFA_NUMERIC 6\n41 IFA_LLCHAR 11\n44 IFA_LLCHAR 25\n105 IFA_LLLCHAR 999",
    "DrBlast/LT_ISO8583Generator": "000 IFB_NUMERIC 4\n001 IFB_BITMAP 16\n002 IFB_LLHNUM 19\n012 IFB_NUMERIC 12\n22 IFE_CHAR 12\n"
    "028 IFB_AMOUNT 9\n035 IFB_LLHNUM 37\n039 IFE_CHAR 3\n044 IFB_LLHECHAR 25\n046 IFB_LLHCHAR 99\n048 IFB_LLLHCHAR 999\n"
    "055 IFB_LLHBINARY 255\n060 IFB_LLHBINARY 6\n061 IFB_LLHNUM 36\n096 IFB_BINARY 8",
    "jPOS issue 233": PLAIN
    + inside(
        35,
        "IFE_LLNUM",
        37,
        SUB,
        "1 IF_CHAR 19\n2 IF_CHAR 1\n3 IF_CHAR 4\n4 IF_CHAR 3\n5 IF_CHAR 10",
        'emitBitmap="false" pad="true"',
    ),
    "jPOS issue 122": BCD + "35 IFB_LLNUM 37 false\n36 IFB_LLLNUM 104 false\n52 IFB_BINARY 8",
    "jPOS vapvip": BCD + "2 IFB_LLHNUM 19 true\n18 IFB_NUMERIC 4 true\n27 IFB_NUMERIC 1 true\n28 IFB_AMOUNT 9 true\n"
    "37 IFE_CHAR 12\n44 IFB_LLHECHAR 25\n45 IFB_LLCHAR 76\n48 IFB_LLHBINARY 99\n60 IFB_LLHNUM 4 true\n97 IFB_AMOUNT 17 true",
    "jPOS's test of Chase's tags": "0 IFA_NUMERIC 4 false\n1 IFB_BITMAP 16\n2 IFA_LLCHAR 19 false\n7 IFA_NUMERIC 14 false\n"
    "44 IFA_LLLLCHAR 9999\n55 IFB_LLLCHAR 513\n71 IFB_NUMERIC 7\n90 IF_CHAR 46 false",
    "jPOS issue 493": BCD + "72 IFB_LLLLLLCHAR 999999",
    "apache/jmeter issue 6371": BCD
    + "2 IFB_LLHNUM 19 false\n"
    + inside(
        123, "IFB_BINARY", 26, SUB, "1 IFB_BINARY 1 true\n2 IFE_CHAR 25 false", 'emitBitmap="false" maxValidField="2"'
    ),
    "jPOS iso87ascii and its copies": rows(ASCII_87),
    "jPOS iso87binary and its copies": rows(BINARY_87),
}
"""Those that come in whole, for the most part with notes."""

JPOS_FILES = {name: packager(body) for name, body in JPOS.items()} | {
    "Amit-TheDeveloper/paymenttransactiongatewayserv": packager(
        "0 IFB_NUMERIC 4 false\n1 IFB_BITMAP 16 false\n2 IFB_LLNUM 19 false\n"
        '<isofieldvalidator class="org.jpos.iso.IVA_NUM" break-on-error="false" maxlen="19" minlen="1" />\n'
        "4 IFB_AMOUNT2003 12 true\n42 IFB_LLNUM 12 true",
        head=DTD,
    ),
}

JPOS_REFUSED = {
    "tilln/jmeter-iso8583 test": (
        packager(PLAIN + "131 IF_CHAR 5\n192 IFA_BINARY 8"),
        ['id: expected 0 to 128, found "131"', 'id: expected 0 to 128, found "192"'],
    ),
    "dfredmota3873/destaxa": (
        packager("0 IFA_LLLCHAR 4\n1 IFA_LLLCHAR 32\n2 IFA_LLLCHAR 20", attributes='headerLength="14"'),
        ["expected an MTI of 4 digits, found IFA_LLLCHAR", "expected a bitmap of 16 bytes, or 8"],
    ),
    "params of jPOS's DTD": (
        packager(PLAIN + '<isofield id="48" length="9" name="x" class="my.Own" params="a,b"/>'),
        ["params: what Own makes of 'a,b' is code of its own"],
    ),
    "encoding of jPOS's DTD": (
        packager(PLAIN + '<isofield id="48" length="9" name="x" class="IF_CHAR" encoding="windows-1256"/>'),
        ["encoding: a character set of its own ('windows-1256')"],
    ),
}

JAVA = {
    "nugrahaga/MobilePayments": """
package com.rnd.pln.engine;
import jpa.jpos.iso.*;
public class ISO1987APackagerJ extends ISOBasePackager {
    protected static final ISOFieldPackager fld[] = {
    /* 000 */new IFA_NUMERIC(4, "MTI"),
    /* 001 */new IFA_BITMAP(16, "Bitmap"),
    /* 002 */new IFA_LLCHAR(19, "PAN"),
    /* 003 */new IFA_NUMERIC(6, "PROCESSING_CODE") };
    public ISO1987APackagerJ() { super(); setFieldPackager(fld); }
}""",
    "redcpt demohsm (Kotlin)": """
class ISO1987APackagerRedCPT : ISOBasePackager() {
    private var hp = HashMap<String, Int>()
    private var fld: Array<ISOFieldPackager> = arrayOf(
        /*000*/ IFA_NUMERIC(4, "MTI"),
        /*001*/ IFA_BITMAP(16, "BITMAP"),
        /*002*/ IFA_LLCHAR(19, "PAN"),
        IFA_NUMERIC(6, "CODE")
    )
}""",
    "SvfePackager (Kotlin)": """
internal open class SvfePackager : ISOBasePackager() {
    companion object {
        var fields = arrayOf( /*000*/ IFA_NUMERIC(4, "MTI"),  /*001*/
                IFA_BITMAP(16, "BIT MAP"),  /*002*/ IFA_LLCHAR(19, "PAN"),  /*003*/ IFA_NUMERIC(6, "CODE") )
    }
}""",
    "an array in the call": """
public class P extends ISOBasePackager {
    public P() {
        setFieldPackager(new ISOFieldPackager[] {
            new IFA_NUMERIC(4, "MTI"), new IFA_BITMAP(16, "BITMAP"), new IFA_LLCHAR(19, "PAN"), new IFA_NUMERIC(6, "CODE") });
    }
}""",
    "TransactionMapper (Kotlin)": """
val fieldPackagers = arrayOfNulls<ISOFieldPackager>(129)
fieldPackagers[0] = IFA_NUMERIC(4, "Message Type Indicator")
fieldPackagers[1] = IFA_BITMAP(8, "Bitmap")
fieldPackagers[2] = IFA_LLCHAR(19, "Primary Account Number (or \\"PAN\\")")
fieldPackagers[3] = IFA_NUMERIC(6, "Code")""",
    "jPOS PostPackager": """
public class PostPackager extends ISOBasePackager {
    private static final boolean pad = false; // new IFB_NUMERIC(4, "in a comment"),
    protected PostPrivatePackager p127 = new PostPrivatePackager();
    protected ISOFieldPackager fld[] = {
        new IFA_NUMERIC (  4, "MESSAGE, TYPE { INDICATOR"),
        new IFA_BITMAP  ( 16, "BIT MAP"),
        new IFA_LLCHAR  ( 19, "PAN - " + "PRIMARY ACCOUNT NUMBER"),
        new IFA_NUMERIC (  6, "CODE", pad),
        null,
        new ISOMsgFieldPackager(
            new IFA_LLLLLLBINARY (999, "RESERVED PRIVATE USE"),
            p127
        ),
    };
    protected class PostPrivatePackager extends ISOBasePackager {
        protected ISOFieldPackager fld127[] = { new IF_CHAR (0, "PLACEHOLDER"), new IFB_BITMAP  (8, "BITMAP") };
    }
}""",
}
"""All of them alike in elements 2 and 3."""

_DTD = '"-//J8583//DTD CONFIG 1.0//EN" "http://j8583.sourceforge.net/j8583.dtd"'
J8583_HEAD = f'<?xml version="1.0"?>\n<!DOCTYPE j8583-config PUBLIC {_DTD}>\n'


def guide(kind: str, of: str, *, tag: str = "parse", more: str = "", size: str = "") -> str:
    """A `parse` or `template`; a word of `of` is `num:TYPE:length`, without the length where there is none."""
    words = (word.split(":") for word in of.split())
    lines = "".join(
        f'<field num="{w[0]}" type="{w[1]}"' + (f' length="{w[2]}"' if len(w) > 2 else size) + "/>" for w in words
    )
    return f'<{tag} type="{kind}"{more}>{lines}</{tag}>\n'


J8583 = {
    "j8583's own example": "<j8583-config>"
    + '<template type="0200"><field num="3" type="NUMERIC" length="6">650000</field>'
    + '<field num="60" type="LLLVAR">B456</field></template>'
    + guide(
        "0200", "3:NUMERIC:6 4:AMOUNT 7:DATE10 12:TIME 17:DATE_EXP 35:LLVAR 41:ALPHA:16 48:LLLVAR 60:LLLVAR 70:ALPHA:3"
    )
    + guide("0800", "7:DATE10 11:NUMERIC:6 70:NUMERIC:3")
    + "</j8583-config>",
    "solnaranu/pretty8583": "<j8583-config>"
    + guide("0200", "2:LLVAR 3:ALPHA:6 15:ALPHA:4 15:ALPHA:4 28:ALPHA:8 52:ALPHA:16 127:LLLVAR")
    + guide("0210", "", more=' extends="200"')
    + guide("0800", "3:ALPHA:6 11:NUMERIC:6")
    + "</j8583-config>",
    "fcmorais/iso8583": "<iso8583-config>"
    + guide("0200", "3:NUMERIC:6 4:AMOUNT:12 7:DATE10:10 24:NUMERIC:3 32:LLVAR:11 48:LLLVAR:0")
    + guide("0800", "24:ALPHA:3 32:LLVAR:0 7:DATE10:0")
    + "</iso8583-config>",
    "aransword/van-server": "<j8583-config>"
    + guide("0200", "2:LLVAR 4:AMOUNT 37:NUMERIC:6 41:ALPHA:8")
    + "</j8583-config>",
    "rakhmad/camel-iso8583-json-demo": '<j8583-config><header length="0"/>'
    + guide("0200", "2:LLVAR 4:NUMERIC:12 49:NUMERIC:3")
    + '<template type="0200"><field num="3" type="NUMERIC" length="6" value="000000"/></template></j8583-config>',
    "abtesh/cardless-Integration": "<j8583-config>"
    + guide(
        "1200",
        "2:LLVAR:24 12:TIME:12 15:DATE4:6 22:LLVAR:12 52:LLVAR:16 62:LLLVAR:220 63:NUMERIC:12 64:BINARY:8 95:LLLVAR:999",
    )
    + guide("1804", "11:NUMERIC:6 12:TIME:12 24:NUMERIC:3")
    + "</j8583-config>",
    "j8583's test of composites and bytes": "<j8583-config>"
    + '<header type="0200">ISO015000050</header><header type="0800" ref="0200"/>'
    + '<parse type="0200"><field num="10" type="LLLVAR"><field num="1" type="ALPHA" length="5"/><field num="2" type="LLVAR"/>'
    + '</field><field num="55" type="LLLBIN"/><field num="53" type="LLBIN"/><field num="52" type="BINARY" length="8"/>'
    + '<field num="46" type="LLLLVAR"/></parse></j8583-config>',
}

J8583_REFUSED = {
    "satpathiprabhat/netty-iso8583-service": (
        "<j8583-config>" + guide("0200", "41:ALPHA:8") + guide("0210", "41:ALPHA:16") + "</j8583-config>",
        "field 41: ALPHA of 8 in parse 0200, ALPHA of 16 in parse 0210 (line 4): an element has one form in a dialect",
    ),
    "nodc/femock": (
        "<j8583-config>" + guide("1100", "2:ALPHA") + "</j8583-config>",
        "parse 1100, field 2: ALPHA without a length",
    ),
    "a type of a fork": (
        "<j8583-config>" + guide("0200", "2:LLVARBCD") + "</j8583-config>",
        'type "LLVARBCD" is not known here',
    ),
    "a type of digits in bytes": (
        "<j8583-config>" + guide("0200", "2:LLBCDBIN") + "</j8583-config>",
        "type LLBCDBIN: digits in BCD",
    ),
    "a guide that extends none": (
        "<j8583-config>" + guide("0210", "3:NUMERIC:6", more=' extends="0200"') + "</j8583-config>",
        'parse 0210: extends: there is no parse of type "0200"',
    ),
    "iso4team/switch": (
        "<j8583-config>" + guide("1804", "2:LLLVAR:30 2:LLVAR") + "</j8583-config>",
        "field 2: LLLVAR of 30 in parse 1804",
    ),
    "an entity": (
        '<!DOCTYPE j8583-config [<!ENTITY a "b">]><j8583-config><parse type="0200"/></j8583-config>',
        "declares the entity 'a'",
    ),
}

PYISO = {
    "a copy of the default, changed": """
import copy, iso8583
from iso8583.specs import default_ascii
spec = copy.deepcopy(default_ascii)
spec["p"]["data_enc"] = "b"
spec["p"]["max_len"] = 8
spec["1"].update(data_enc="b", max_len=8)
spec["2"] = {"data_enc": "b", "len_enc": "bcd", "len_type": 1, "max_len": 19, "desc": "PAN"}
spec["2"].update({"len_count": "nibbles", "left_pad": "0"})
encoded = iso8583.encode({"t": "0200"}, spec)
""",
    "EBCDIC throughout, but for bitmaps": """
import iso8583.specs as specs
mine = {**specs.default_ascii,
        "t": {"data_enc": "cp500", "len_enc": "cp500", "len_type": 0, "max_len": 4, "desc": "MTI"},
        "48": dict({"data_enc": "cp500", "len_enc": "cp500", "len_type": 3, "max_len": 999, "desc": "Private"})}
del mine["65"]
""",
}

OTHER_FORMATS = {
    "iso_8583 (npm)": (
        '{"0": {"ContentType": "n", "Label": "MTI", "LenType": "fixed", "MaxLen": 4}}',
        "leave open how lengths",
    ),
    "moov before v0.4": (
        '{"elements": {"2": {"Describe": "n..19", "Description": "PAN"}}}',
        "in the form that moov's library had before",
    ),
    "Chuckks/Iso8583Lib": (
        '{"version": "1.0.0", "fields": [{"field": 0, "format": "FIX_NUMERIC", "size": 4}]}',
        "a list of fields in a form",
    ),
    "moov-io/ftdc-from-tap-to-auth (Go)": (
        "var spec = &iso8583.MessageSpec{Fields: map[int]field.Field{0: field.NewString(",
        "ExportJSON",
    ),
    "juks/iso-8583-socket-queue": (
        "exports.packager = {'0': {length: 4, name: 'MTI', type: 'n'}, '2': {length: 19, type: 'lln'}}",
        "a packager of iso-8583's (JavaScript), which is code",
    ),
    "chochos/j8583, in JSON": (
        '{"parses": [{"type": "0210", "fields": [{"num": 3, "type": "NUMERIC", "length": 6}]}]}',
        "a configuration of j8583's in JSON, of which only the XML is read",
    ),
    "nikmes/iso8583net": (
        '<isopackager name="VISA"><isofields><isofield number="000" length="4" contentcoding="BCD"/></isofields></isopackager>',
        "its <isopackager> is not jPOS's",
    ),
    "py8583": (
        'class IsoSpec1987(IsoSpec):\n  ContentTypes[2] = {"ContentType": "n", "MaxLen": 19, "LenType": 2}',
        "leave open how lengths",
    ),
    "jPOS Q2 channel": (
        '<?xml version="1.0"?><!-- <isopackager> --><channel-adaptor name="x"/>',
        "a deployment of jPOS's Q2",
    ),
    "jPOS logged message": (
        '<isomsg direction="incoming"><field id="0" value="0800"/></isomsg>',
        "a message as jPOS logs it",
    ),
    "jPOS FSD": ('<schema id="base"><field id="a" type="A" length="2"/></schema>', "a schema of jPOS's FSDMsg"),
    "fields pasted without their packager": (
        '<isofield id="0" length="4" class="org.jpos.iso.IFA_NUMERIC"/><isofield id="2" length="19"/>',
        "put <isopackager> before them",
    ),
    "newland's BankTemplate": (
        '<iso8583><field id="0" type="bcd" length="4"/></iso8583>',
        "outermost element is <iso8583>",
    ),
    "chiknrice/jen8583": (
        '<iso xmlns="http://www.chiknrice.org/jen8583"><codecs/></iso>',
        "outermost element is <iso>",
    ),
    "an empty file": ("\n", "it is empty"),
    "nucleus8583": (
        '<iso-message xmlns="http://www.nucleus8583.org/schema/iso-message"/>',
        "a message of nucleus8583's",
    ),
    "OpenIso8583.Net": (
        "using System;\nclass T : Template { T() { Add(2, FieldDescriptor.AsciiVar(2, 19, FieldValidators.N)); } }",
        "C#",
    ),
    "erl8583": ('-module(my_packager).\n-include("erl8583.hrl").', "Erlang"),
    "moov spec in YAML": ("name: x\nfields:\n  0:\n    type: String\n", "yq -o json"),
}
"""What is no format that is read, and what is said of it."""
