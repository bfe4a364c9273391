"""Networks' files: what each member settles with a network, in the network's currency."""

import hashlib

from switch.ledger.bilateral import bilateral_files
from switch.ledger.entries import PAYMENT
from tests.ledger.test_netting import MAD, settled

USD = "840"


def test_a_file_a_network_and_currency_with_each_members_kinds_and_net() -> None:
    found = bilateral_files(
        settled(
            [
                ("visa", "A", PAYMENT, USD, 8_02),
                ("A", "visa", "scheme", USD, 13),
                ("visa", "R", PAYMENT, USD, 5_00),
                ("R", "visa", PAYMENT, USD, 6_00),
                ("visa", "R", PAYMENT, MAD, 1),
                ("A", "R", PAYMENT, MAD, 7),
            ]
        )
    )
    assert list(found) == ["2026-11-27-1.visa.MAD.bilateral.csv", "2026-11-27-1.visa.USD.bilateral.csv"]
    lines = found["2026-11-27-1.visa.USD.bilateral.csv"].decode().splitlines()
    assert lines[:-1] == [
        "H,2026-11-27-1.visa.USD.bilateral.csv,2026-11-27/1,visa,USD,1",
        "R,A,payment,802",
        "R,A,scheme,-13",
        "N,A,13,802,789",
        "R,R,payment,-100",
        "N,R,600,500,-100",
    ]
    above = "".join(f"{line}\n" for line in lines[:-1]).encode()
    assert lines[-1] == f"T,2,{6_13:016d},{13_02:016d},{hashlib.sha256(above).hexdigest()}"


def test_without_traffic_with_networks_there_is_no_file() -> None:
    assert bilateral_files(settled([("A", "R", PAYMENT, MAD, 7)])) == {}
