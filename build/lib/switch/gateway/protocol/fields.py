"""The fields of one form, as they were posted: names in any case, values untouched, in order.

In: name–value pairs. Out: a value by its name in any case, and everything as it was received, for echoing and hashing. The one
rule: nothing that was received is changed; a name that is there twice (in any case) is refused, because two readers could each
take another one of its values.
"""

from collections.abc import Iterable, Iterator

Pairs = list[tuple[str, str]]


class FieldsError(ValueError):
    """A form that cannot be taken. The message names the field and says what to do; it holds no value."""


class Fields:
    """One form. Names are looked up without regard to case."""

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        """FieldsError if a name is there twice."""
        self.pairs: Pairs = list(pairs)
        self._at: dict[str, int] = {}
        for at, (name, _) in enumerate(self.pairs):
            if self._at.setdefault(name.lower(), at) != at:
                first = self.pairs[self._at[name.lower()]][0]
                raise FieldsError(f"field {name}: is there twice (as {first}, too); send each name once")

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
