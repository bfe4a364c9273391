"""Whether the switch is well, and what to do where it is not; of a shard, how the others are, too."""

from starlette.requests import Request
from starlette.responses import Response

from switch.console.desk import Desk
from switch.console.neighbours import ask_each, others
from switch.console.sessions import Session
from switch.console.web import Screen


class HealthScreen:
    """Answers `/health`."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def screens(self) -> list[Screen]:
        """See Part."""
        return [Screen("/health", self.show)]

    async def show(self, request: Request, session: Session) -> Response:
        """The page."""
        shards = await ask_each(others(self._desk.network, self._desk.state_dir))
        return self._desk.renderer.page("health_page.html", request, session, shards=shards)
