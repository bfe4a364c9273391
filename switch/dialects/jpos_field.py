"""One field of a jPOS packager file, as it stands there."""


class Field:
    """An `isofield` or `isofieldpackager` and where it stands."""

    def __init__(self, attributes: dict[str, str], line: int, column: int) -> None:
        self.attributes = attributes
        self.line = line
        self.column = column
        self.inside: list[Field] = []

    @property
    def class_name(self) -> str:
        """The class without its package."""
        return self.attributes.get("class", "").rpartition(".")[2]

    def number(self, key: str) -> int:
        """An attribute that is a number; -1: there is none, or it is no number."""
        value = self.attributes.get(key, "").strip()
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 6 else -1
