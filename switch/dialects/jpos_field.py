"""One field of a jPOS packager file, as it stands there."""

from switch.dialects.markup import Node


class Field(Node):
    """An `isofield` or `isofieldpackager` (or, outermost, the `isopackager`) and where it stands."""

    def __init__(self, attributes: dict[str, str], line: int, column: int, tag: str = "isopackager") -> None:
        super().__init__(attributes, line, column, tag)

    @property
    def class_name(self) -> str:
        """The class without its package; white space around it is none of it (in the DTD it is an NMTOKEN)."""
        return self.said("class").rpartition(".")[2]

    def flag(self, key: str, default: bool = False) -> bool:
        """An attribute that is true or false."""
        value = self.said(key).lower()
        return value == "true" if value else default
