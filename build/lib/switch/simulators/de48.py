"""DE48 of the internal format: numbered subelements, as hosts read and write them."""

from switch.core.messages.internal import PRIVATE, Private48
from switch.wire.subfields import SubfieldError
from switch.wire.vocabulary import DE, Document

__all__ = ["Private48", "private_elements", "with_private"]


def private_elements(document: Document) -> dict[str, str]:
    """The subelements of DE48 by id; empty where there is no DE48, or one that is not ours to read."""
    value = document.get(DE.PRIVATE_48)
    if not value:
        return {}
    try:
        return PRIVATE.read(value)
    except SubfieldError:
        return {}


def with_private(document: Document, elements: dict[str, str]) -> Document:
    """`document` with `elements` as its DE48; without one where there are none."""
    if elements:
        return {**document, DE.PRIVATE_48: PRIVATE.build(elements)}
    return document
