"""MACs as others write them: in lower case, and those of 4 bytes filled with blanks, zeros, or the rest of the MAC."""

import pytest

from switch.security.module import SoftwareModule
from switch.security.simulated import counted
from switch.sim.playbook import Peer
from tests.core.link_control.test_macs import keys, logged, scene
from tests.core.scripts import purchase


@pytest.mark.parametrize(("size", "fill"), [(4, b" " * 8), (4, b"0" * 8), (4, b"DEADBEEF"), (4, b"F F F F "), (8, b"")])
@pytest.mark.parametrize("lower", [False, True])
def test_a_mac_holds_however_its_digits_and_its_filling_are_written(size: int, fill: bytes, lower: bool) -> None:
    script = scene(SoftwareModule(keys(), counted(1)), size=size)
    written(script.rif, fill, lower)
    written(script.atlas, fill, lower)
    script.rif.sends(purchase())
    script.atlas.answers(script.atlas.gets(), "00", de38="123456")
    assert script.rif.gets()["39"] == "00"
    assert not logged(script, "mac.wrong") + logged(script, "mac.missing")


def written(peer: Peer, fill: bytes, lower: bool) -> None:
    """What it sends has its MAC in this form."""
    sends = peer.sends_bytes

    def otherwise(data: bytes) -> None:
        message, mac = data[:-16], data[-16 : len(data) - len(fill)]
        sends(message + (mac.lower() if lower else mac) + fill)

    peer.sends_bytes = otherwise  # type: ignore[method-assign]
