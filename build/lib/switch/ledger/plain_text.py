"""The ledger as plain text that programs of others check: beancount's and ledger's journals.

In: entries as they are posted, then the positions that they are said to come to. Out: pieces of text, in the order in which they
are to be written. An entry is a transaction of theirs, a line a posting. At the end stands what each account comes to: by the
positions where it settles, and not by the postings above, so that the program compares the two, and finds a minor unit too
many in either; by the moves where it is a merchant's, which no position has.

Accounts. `Assets:Settlement:Atlas:Rif:Interchange` is what atlas is owed by rif for interchange, and all that atlas settles,
networks included, is below `Assets:Settlement:Atlas`; `Assets:Acquiring:Rif:100200300:Service` is what rif is owed by a merchant,
and `Assets:Merchants:100200300:Rif:Service` the same from the merchant's side. Pure: knows no file.
"""

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Final

from switch.ledger.entries import MERCHANT, Account, Entry, Window, is_inner, is_merchant
from switch.ledger.netting import Cells
from switch.money.currency import currency, format_amount

LONE_LETTER: Final = "X"
"""what a part begins with whose own first character cannot"""


class Form(StrEnum):
    """Whose text."""

    BEANCOUNT = "beancount"
    LEDGER = "ledger"


class Journal:
    """A journal of theirs under way."""

    def __init__(self, form: Form) -> None:
        self._form = form
        self._sums: dict[tuple[str, str], int] = {}
        """by an account's name and currency, what it comes to: those in no settlement as they are posted, others' at the end"""

    def begin(self, network: str, which: str) -> str:
        """What stands above the entries. `which`: the windows, in words."""
        beancount = self._form is Form.BEANCOUNT
        title = f'option "title" "{network}, {which}"\n' if beancount else ""
        mark = ";;" if beancount else ";"
        return f"{mark} The ledger of {network}, {which}. An account above zero is owed to its owner.\n{title}\n"

    def post(self, entry: Entry) -> str:
        """One entry. One without moves is a comment: ledger knows no transaction without postings."""
        for payer, payee, kind, code, amount in entry.moves:
            if is_inner(payer) or is_inner(payee):
                self._add(payer, payee, kind, code, amount)
        return _beancount(entry) if self._form is Form.BEANCOUNT else _ledger(entry)

    def end(self, positions: Mapping[Window, Cells]) -> Iterator[str]:
        """What every account comes to over these windows, which are those of all entries, as assertions to the minor unit."""
        for cells in positions.values():
            for (payer, payee, kind, code), found in cells.items():
                self._add(payer, payee, kind, code, found.amount)
        if not self._sums:
            return
        first = min(window.day for window in positions)
        after = (date.fromisoformat(max(window.day for window in positions)) + timedelta(days=1)).isoformat()
        sums = sorted(self._sums.items())
        if self._form is Form.BEANCOUNT:
            yield from (f"{first} open {where}\n" for where in sorted({where for (where, _), _ in sums}))
            yield "\n"
            for (where, code), amount in sums:
                figure, unit = number(amount, code).split(" ")
                # Without a tolerance of its own, an amount may be off by as much as one minor unit.
                yield f"{after} balance {where}  {figure} ~ {number(0, code).split(' ')[0]} {unit}\n"
            return
        yield f"{after} * what every account comes to\n"
        for (where, code), amount in sums:
            yield f"    {where}  {number(0, code)} = {number(amount, code)}\n"

    def _add(self, payer: str, payee: str, kind: str, code: str, amount: int) -> None:
        for account, added in ((Account(payer, payee, kind), -amount), (Account(payee, payer, kind), amount)):
            key = (name(account), code)
            self._sums[key] = self._sums.get(key, 0) + added


def _beancount(entry: Entry) -> str:
    what, who = _said(entry)
    if not entry.moves:
        return f";; {entry.window.day} record {entry.sequence}, {what}, {who}: nothing to move\n\n"
    counters = f" ^record-{entry.counters}" if entry.counters else ""
    lines = [f"{entry.window.day} * {_quoted(who)} {_quoted(what)} ^record-{entry.sequence}{counters}"]
    lines += [f"  txn: {_quoted(f'{entry.txn:x}')}", f"  window: {_quoted(str(entry.window))}"]
    lines += [f"  unpriced: {_quoted(entry.unpriced)}"] if entry.unpriced else []
    lines += [f"  {name(line.account)}  {number(line.amount, line.currency)}" for line in entry.lines]
    return "\n".join(lines) + "\n\n"


def _ledger(entry: Entry) -> str:
    what, who = _said(entry)
    if not entry.moves:
        return f"; {entry.window.day} record {entry.sequence}, {what}, {who}: nothing to move\n\n"
    counters = f", counters {entry.counters}" if entry.counters else ""
    lines = [f"{entry.window.day} * ({entry.sequence}) {what}, {who}"]
    lines.append(f"    ; txn {entry.txn:x}, window {entry.window}{counters}")
    lines += [f"    ; unpriced: {_one_line(entry.unpriced)}"] if entry.unpriced else []
    lines += [f"    {name(line.account)}  {number(line.amount, line.currency)}" for line in entry.lines]
    return "\n".join(lines) + "\n\n"


def _said(entry: Entry) -> tuple[str, str]:
    """What it is, and between whom."""
    return f"{entry.what}{f' of {entry.of_day}' if entry.of_day else ''}", f"{entry.issuer} at {entry.acquirer}"


def name(account: Account) -> str:
    """An account as both programs write one; two accounts never share a name."""
    owner, counterpart, kind = account
    if is_merchant(owner):
        parts = ("Merchants", _number(owner), _part(counterpart))
    elif is_merchant(counterpart):
        parts = ("Acquiring", _part(owner), _number(counterpart))
    elif is_inner(owner) or is_inner(counterpart):
        parts = ("Exchange", _part(owner), _part(counterpart))
    else:
        parts = ("Settlement", _part(owner), _part(counterpart))
    return ":".join(("Assets", *parts, _part(kind)))


def number(minor: int, code: str) -> str:
    """`-123.45 MAD`, with all decimals that the currency has. CurrencyError: it is in no table."""
    currency(code)
    return format_amount(minor, code)


def _part(text: str) -> str:
    """A part of an account's name: letters, digits and hyphens, a capital or a digit first. What it cannot have is written as a
    hyphen and two hexadecimal digits a byte, so that no two texts become one."""
    first = text[:1]
    if first.isascii() and first.islower():
        return first.upper() + _plain(text[1:])
    return _plain(text) if _is_digit(first) else _begun(text)


def _number(merchant: str) -> str:
    """The same of DE42, whose letters are capitals as a rule: here these stay, and a small one is written out."""
    text = merchant.removeprefix(MERCHANT)
    first = text[:1]
    return _plain(text) if _is_digit(first) or (first.isascii() and first.isupper()) else _begun(text)


def _begun(text: str) -> str:
    """With a letter before it, for a text whose first character cannot be the first of a part."""
    return LONE_LETTER + (_escaped(text[:1]) or "-") + _plain(text[1:])


def _plain(text: str) -> str:
    return "".join(c if c.isascii() and c.isalnum() else _escaped(c) for c in text)


def _is_digit(character: str) -> bool:
    return character.isascii() and character.isdigit()


def _escaped(character: str) -> str:
    return "".join(f"-{byte:02X}" for byte in character.encode())


def _quoted(text: str) -> str:
    escaped = _one_line(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _one_line(text: str) -> str:
    return "".join(c if c.isprintable() else " " for c in text)
