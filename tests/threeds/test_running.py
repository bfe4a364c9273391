"""A 3DS server's address, as its process has it: where it tells banks that it is."""

import pytest
import trio

from switch.core.network import Address
from switch.http.listening import ListeningError
from switch.threeds.running import run_server
from tests.threeds.world import network


@pytest.mark.parametrize("address", [Address("0.0.0.0", 8455), Address("::", 8455), Address("127.0.0.1", 0)], ids=str)
async def test_banks_are_told_an_address_that_is_one(address: Address) -> None:
    with trio.fail_after(5), pytest.raises(ListeningError, match=r"no address that a card's bank could send a browser"):
        await run_server(network(), address, "504001", None, lambda _: None, lambda *_: None)
