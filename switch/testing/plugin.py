"""The pytest plugin: fixtures for testing a host, a terminal or a network file of your own. docs/testing-your-host.md shows them.

It is loaded in every pytest run where the product is installed; so nothing of the product is imported before a fixture is used.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

try:
    from pytest_trio import trio_fixture
except ImportError:  # all but `switch_link` does without it
    trio_fixture = None

if TYPE_CHECKING:
    from switch.capture.replay import Report
    from switch.sim.playbook import Playbook
    from switch.testing.linked import Link
    from switch.testing.running import Running


@pytest.fixture(scope="session")
def switch_running(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[Running]":
    """The demo network as processes on free ports, one for the whole run: `.address(listener)`, `.client(listener)`."""
    from switch.testing.running import running

    with running(tmp_path_factory.mktemp("switch")) as made:
        yield made


@pytest.fixture
def switch_playbook() -> "Callable[..., Playbook]":
    """`switch_playbook("morocco")`: the pure switch of a network file, without sockets, in virtual time."""

    def make(network: str = "morocco") -> "Playbook":
        from switch.config import load_network
        from switch.sim.playbook import Playbook

        return Playbook(load_network(network))

    return make


@pytest.fixture
def switch_replay() -> "Callable[..., Report]":
    """Replays a capture and returns a report: `.same`, and as text what differs.

    `switch_replay(file, network="morocco")` plays everyone around the pure switch of that network file.
    `switch_replay(file, to="127.0.0.1:5000", dialect="cmi87")` plays the client against a live host. Further: `framing`, `port`,
    `ignore` ("DE7,DE37"), `rules` (("DE54=shape",)), `speed` (0: as fast as may be), `timeout_s`, `fresh` (new DE7, 11, 37).
    """
    return replay


async def links(request: pytest.FixtureRequest) -> "AsyncIterator[Callable[..., Awaitable[Link]]]":
    """What the fixture `switch_link` is; hangs up whatever the test has not."""
    from switch.testing.linked import connect

    made: list[Link] = []

    async def link(
        to: str = "acquirers", *, signs_on: str = "", dialect: str = "", framing: str = "", timeout_s: float = 10.0
    ) -> "Link":
        if ":" in to:
            from switch.core.addresses import parse_address

            new = await connect(parse_address(to), dialect or "cmi87", framing, timeout_s)
        else:
            found = request.getfixturevalue("switch_running").listener(to)
            new = await connect(found.address, dialect or found.dialect, framing or found.framing, timeout_s)
            new.there = f"{found.dialect} in {found.framing}"
        made.append(new)
        if signs_on:
            from switch.wire.vocabulary import DE, Answer

            answer = await new.signs_on(signs_on)
            code = answer[DE.RESPONSE_CODE]
            assert code == Answer.APPROVED, f"sign-on of {signs_on} at {to} was answered {code}"
        return new

    yield link
    for one in made:
        await one.aclose()


if trio_fixture is not None:

    @trio_fixture  # type: ignore[untyped-decorator]
    async def switch_link(request: pytest.FixtureRequest) -> "AsyncIterator[Callable[..., Awaitable[Link]]]":
        """For tests of pytest-trio: `acquirer = await switch_link("acquirers", signs_on="504102")`, `await acquirer.asks({…})`.

        The first argument is a listener of the demo's switch (`switch_running`), or "HOST:PORT" of your own. Further: `dialect`,
        `framing`, `timeout_s`. What is still connected when the test ends is hung up.
        """
        async for made in links(request):
            yield made

else:

    @pytest.fixture
    def switch_link() -> None:
        """For tests of pytest-trio, which is not installed."""
        pytest.fail("switch_link is for tests of pytest-trio, which is not installed: pip install pytest-trio")


def replay(capture: str | Path, *, network: str = "", to: str = "", **options: Any) -> "Report":
    """What the fixture `switch_replay` does. TypeError: neither `network` nor `to`, or both."""
    from switch.capture.compare import read_rules
    from switch.testing import against

    if bool(network) == bool(to):
        raise TypeError("replay needs network=FILE to play around a switch, or to='HOST:PORT' to play against a host")
    rules = read_rules(options.pop("ignore", ""), tuple(options.pop("rules", ())))
    if network:
        return against.around(Path(capture), network, rules, **options)
    return against.host(Path(capture), to, rules, **options)
