"""Text of strangers, made fit for a terminal: what a peer or a file says is shown, never obeyed.

A terminal takes C0 and C1 controls, DEL and what Unicode calls format characters (bidirectional overrides, zero-width ones) as
orders: to move, to recolour, to retitle, to hide. Everything that prints a value it did not make itself prints it through here.
"""


def printable(text: str, keep: str = "") -> str:
    """`text` with what a terminal would obey or hide written out: `\\x1b`, `\\u202e`. `keep`: what stays, such as a tab."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else _written_out(ord(c)) for c in text)


def printable_json(line: str) -> str:
    """A line of JSON with the same characters as JSON escapes, so that it reads as the same value."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else _escaped(ord(c)) for c in line)


def _written_out(code: int) -> str:
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _escaped(code: int) -> str:
    """As JSON says it: beyond 16 bits a pair of surrogates (RFC 8259, section 7)."""
    if code < 0x10000:
        return f"\\u{code:04x}"
    code -= 0x10000
    return f"\\u{0xD800 | code >> 10:04x}\\u{0xDC00 | code & 0x3FF:04x}"
