"""Playbooks: a payment is priced at the rate of its business day, in any currency's own decimals."""

from decimal import Decimal

import msgspec
import pytest

from switch.core.network import Network
from switch.core.records.records import Answered
from switch.money.convert import DatedRate
from switch.sim.playbook import Playbook
from tests.core.scripts import Scene, morocco, purchase

TODAY, TOMORROW = "2025-11-25", "2025-11-26"
EUR, JPY, TND = "978", "392", "788"


def network(*dated: DatedRate, without: str = "") -> Network:
    made = morocco()
    rates = {code: rate for code, rate in made.rates.items() if code != without}
    return msgspec.structs.replace(made, rates=rates, dated_rates=dated)


def service(scene: Scene, stan: str, currency: str, amount: int) -> tuple[int, str]:
    """The service charge of a purchase, centimes of MAD, and why there is none."""
    scene.rif.sends(purchase(stan, de49=currency, de4=f"{amount:012d}"))
    scene.atlas.answers(scene.atlas.gets(), "00", de38="A12345")
    while scene.rif.gets()["t"] != "0210":
        pass
    priced = scene.book.recorded(Answered)[-1].priced
    assert priced is not None
    return sum(fee.amount for fee in priced.fees if fee.kind == "service"), priced.unpriced


def close(scene: Scene) -> None:
    scene.book.asks("day.close", again=True)
    assert scene.atlas.gets()["t"] == "0800"


def test_a_rate_holds_on_its_days_and_the_files_own_on_others() -> None:
    dated = DatedRate(currency=EUR, rate=Decimal(20), begin=TOMORROW, end=TOMORROW)
    scene = Scene(Playbook(network(dated)))
    assert service(scene, "000001", EUR, 100_00) == (8_67, "")  # 0.8 % of 1,084.00
    close(scene)
    assert service(scene, "000002", EUR, 100_00) == (16_00, "")
    close(scene)
    assert service(scene, "000003", EUR, 100_00) == (8_67, "")


def test_on_a_day_without_a_rate_a_payment_is_unpriced_and_says_which_day() -> None:
    dated = DatedRate(currency=EUR, rate=Decimal("10.84"), end=TODAY)
    scene = Scene(Playbook(network(dated, without=EUR)))
    assert service(scene, "000001", EUR, 100_00) == (8_67, "")
    close(scene)
    assert service(scene, "000002", EUR, 100_00) == (0, f"no rate for currency EUR on {TOMORROW}")


@pytest.mark.parametrize(
    ("currency", "amount", "rate", "centimes"),
    [
        (JPY, 10_000, "0.0657", 5_26),  # 10,000 JPY: no decimals; 657.00 MAD
        (TND, 100_000, "3.21", 2_57),  # 100.000 TND: three decimals; 321.00 MAD
    ],
)
def test_a_currencys_own_decimals_count(currency: str, amount: int, rate: str, centimes: int) -> None:
    dated = DatedRate(currency=currency, rate=Decimal(rate), begin=TODAY)
    scene = Scene(Playbook(network(dated, without=currency)))
    assert service(scene, "000001", currency, amount) == (centimes, "")
