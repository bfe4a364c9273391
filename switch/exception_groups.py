"""Groups of exceptions, as Trio raises them: what went wrong first is what a person is told."""


def first_of(error: BaseException) -> BaseException:
    """The first exception in a group, and in a group within it; any other is returned as it is."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
