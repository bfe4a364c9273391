"""One field of a jPOS packager file, as it stands there."""


class Field:
    """An `isofield` or `isofieldpackager` (or, outermost, the `isopackager`) and where it stands."""

    def __init__(self, attributes: dict[str, str], line: int, column: int, tag: str = "isopackager") -> None:
        self.attributes = attributes
        self.line = line
        self.column = column
        self.tag = tag
        self.inside: list[Field] = []

    @property
    def class_name(self) -> str:
        """The class without its package; white space around it is none of it (in the DTD it is an NMTOKEN)."""
        return self.attributes.get("class", "").strip().rpartition(".")[2]

    def number(self, key: str, default: int = -1) -> int:
        """An attribute that is a number; -1: it is no number; `default`: there is none."""
        if key not in self.attributes:
            return default
        value = self.attributes[key].strip()
        return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else -1

    def flag(self, key: str, default: bool = False) -> bool:
        """An attribute that is true or false."""
        value = self.attributes.get(key, "").strip().lower()
        return value == "true" if value else default
