"""The fields of one form, as they were posted: names in any case, values untouched, in order.

In: name–value pairs, and in which charset they came. Out: a value by its name in any case, and everything as it was received, for
echoing and hashing. The one rule: nothing that was received is changed; a name that is there twice (in any case) with two values
is refused, because two readers could each take another one of them.
"""

from collections.abc import Iterable, Iterator
from typing import Final

Pairs = list[tuple[str, str]]
UTF_8: Final = "utf-8"


class FieldsError(ValueError):
    """A form that cannot be taken. The message names the field and says what to do; it holds no value."""


class Fields:
    """One form. Names are looked up without regard to case."""

    def __init__(self, pairs: Iterable[tuple[str, str]], charset: str = UTF_8) -> None:
        """`charset`: of its bytes, which hashes are made of. FieldsError if a name is there twice with two values."""
        self.pairs: Pairs = list(pairs)
        self.charset = charset
        self._at: dict[str, int] = {}
        for at, (name, value) in enumerate(self.pairs):
            first, said = self.pairs[self._at.setdefault(name.lower(), at)]
            if said != value:
                raise FieldsError(
                    f"field {name}: is there twice (as {first}, too) with two values; send each name once"
                )

    def changed(self, pairs: Iterable[tuple[str, str]]) -> "Fields":
        """A form with other fields, of the same charset."""
        return Fields(pairs, self.charset)

    def get(self, *names: str) -> str:
        """The trimmed value of the first of `names` that is there; "" if none is."""
        for name in names:
            at = self._at.get(name.lower())
            if at is not None:
                return self.pairs[at][1].strip()
        return ""

    def name(self, *names: str) -> str:
        """The first of `names` that is there, as the sender spells it; "" if none is."""
        for name in names:
            at = self._at.get(name.lower())
            if at is not None:
                return self.pairs[at][0]
        return ""

    def raw(self, name: str) -> str:
        """The value as it came, blanks and all; "" if there is none."""
        at = self._at.get(name.lower())
        return "" if at is None else self.pairs[at][1]

    def __contains__(self, name: str) -> bool:
        return name.lower() in self._at

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self.pairs)
