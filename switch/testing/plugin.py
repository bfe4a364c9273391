"""The pytest plugin: fixtures for testing a host, a terminal or a network file of your own. docs/testing-your-host.md shows them.

It is loaded in every pytest run where the product is installed; so nothing of the product is imported before a fixture is used.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from switch.capture.replay import Report
    from switch.sim.playbook import Playbook
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
