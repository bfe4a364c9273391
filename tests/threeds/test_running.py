"""Servers of 3-D Secure as their processes have them: where a 3DS server tells banks that it is, and what is left at the end."""

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

import msgspec
import pytest
import trio

from switch.core.network import Address
from switch.http.listening import ListeningError
from switch.loopback import free_ports
from switch.threeds.challenges import ChallengeLimits
from switch.threeds.running import Ready, run_acs, run_directory, run_server
from tests.open_files import open_below
from tests.threeds.world import network


@pytest.mark.parametrize("address", [Address("0.0.0.0", 8455), Address("::", 8455), Address("127.0.0.1", 0)], ids=str)
async def test_banks_are_told_an_address_that_is_one(address: Address) -> None:
    with trio.fail_after(5), pytest.raises(ListeningError, match=r"no address that a card's bank could send a browser"):
        await run_server(network(), address, "504001", None, lambda _: None, lambda *_: None)


def silent(*_: object) -> None:
    """A report, or a text to a card holder, that nobody reads."""


async def directory_below(state: Path, port: int, ready: Ready) -> str:
    rules = network()
    assert rules.threeds is not None
    here = msgspec.structs.replace(rules, threeds=msgspec.structs.replace(rules.threeds, host="127.0.0.1", port=port))
    return await run_directory(here, None, ready, silent, state)


async def acs_below(state: Path, port: int, ready: Ready) -> str:
    rules = network()
    acs = msgspec.structs.replace(rules.acs[0], host="127.0.0.1", port=port)
    return await run_acs(rules, acs, None, None, ready, silent, state, silent, ChallengeLimits())


@pytest.mark.parametrize("server", [directory_below, acs_below])
async def test_a_server_leaves_no_file_open(
    server: Callable[[Path, int, Ready], Awaitable[str]], tmp_path: Path
) -> None:
    (port,) = free_ports(1)
    async with trio.open_nursery() as nursery:
        while_served: list[str] = []

        def ready(_: Address) -> None:
            while_served.extend(open_below(tmp_path))
            nursery.cancel_scope.cancel()

        nursery.start_soon(partial(server, tmp_path, port, ready))
    assert any(name.endswith(".sqlite") for name in while_served)
    assert not open_below(tmp_path)
