"""A refusal, as commands tell people of it."""

import click


class NotDone(click.ClickException):
    """What the switch, or the way to it, refused: a sentence, below it what to do, last its code. Exit code 1."""

    def __init__(self, sentence: str, hint: str = "", *, code: str) -> None:
        super().__init__("\n".join(filter(None, (sentence, hint, f"code {code} (docs/errors.md)" if code else ""))))
        self.code = code
