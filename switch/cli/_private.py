"""What a server is given of its user's privacy before it opens anything."""

import click


def keep_private() -> None:
    """Files of this process are its user's alone, its libraries' too, and so is its memory. Raises ClickException."""
    import os

    from switch.security.files import PRIVATE_UMASK
    from switch.security.private_memory import keep_memory_private

    os.umask(PRIVATE_UMASK)
    try:
        keep_memory_private()
    except OSError as error:
        raise click.ClickException(f"the memory of this process cannot be kept private: {error}") from None
