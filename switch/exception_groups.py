"""Groups of exceptions, as Trio raises them: what went wrong first is what a person is told."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


@asynccontextmanager
async def alone_raised(*kinds: type[Exception]) -> AsyncIterator[None]:
    """Where what went wrong first is one of these, it is raised by itself: who calls knows of no group."""
    try:
        yield
    except BaseExceptionGroup as group:
        cause = first_of(group)
        if isinstance(cause, kinds):
            raise cause from None
        raise


def first_of(error: BaseException) -> BaseException:
    """The first exception in a group, and in a group within it; any other is returned as it is."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
