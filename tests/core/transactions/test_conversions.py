"""Amounts in other currencies are what DE4 and the rate come to, in each currency's own decimals; what is not is said."""

import pytest

from switch.core.transactions.conversions import inconsistency
from switch.sim.playbook import Playbook
from tests.core.scripts import VISA_ABROAD, morocco, purchase

MAD, EUR, USD, JPY, TND = "504", "978", "840", "392", "788"


@pytest.mark.parametrize(
    ("amount", "code", "said", "rate", "target", "why"),
    [
        (80_00, MAD, 7_45, "89317343", EUR, ""),
        (80_00, MAD, 7_46, "89317343", EUR, ""),
        (80_00, MAD, 7_47, "89317343", EUR, "DE6 is 7.47 EUR, and 80.00 MAD at DE10, 0.09317343, are 7.45 EUR"),
        (80_00, MAD, 8_02, "71003009", USD, ""),
        (1_000, JPY, 6_12, "96121494", EUR, ""),
        (1_000, JPY, 612, "96121494", TND, "DE6 is 0.612 TND, and 1000 JPY at DE10, 0.006121494, are 6.121 TND"),
        (80_00, MAD, 80_00, "", MAD, ""),
        (80_00, MAD, 79_00, "", MAD, "DE6 is 79.00 MAD, and 80.00 MAD are 80.00 MAD"),
        (80_00, MAD, 7_45, "", EUR, "DE6 is in EUR, and DE10 says no rate: a conversion rate is 8 digits, not ''"),
        (
            80_00,
            MAD,
            7_45,
            "80000000",
            EUR,
            "DE6 is in EUR, and DE10 says no rate: a conversion rate of zero: '80000000'",
        ),
        (80_00, MAD, 7_45, "89317343", "", "DE6 is in DE51=(absent), which is no currency"),
        (80_00, MAD, 7_45, "89317343", "000", "DE6 is in DE51=000, which is no currency"),
    ],
)
def test_an_amount_is_what_its_rate_makes_of_it(
    amount: int, code: str, said: int, rate: str, target: str, why: str
) -> None:
    document = {"6": f"{said:012d}", "10": rate, "51": target}
    assert inconsistency({de: v for de, v in document.items() if v}, ("6", "10", "51"), amount, code) == why


@pytest.mark.parametrize("billed", [745, 754])
def test_it_is_logged_with_both_values_and_the_approval_goes_on(billed: int) -> None:
    book = Playbook(morocco())
    visa, rif = book.host("visa"), book.acquirer("acquirers", "504102")
    rif.sends(purchase(de2=VISA_ABROAD, de4="000000008000", de52=""))
    elements = {"de5": "000000000802", "de9": "71003009", "de16": "1125", "de50": USD, "de6": f"{billed:012d}"}
    visa.answers(visa.gets(), "00", de38="A12345", **elements, de10="89317343", de51=EUR)
    answer = rif.gets()
    assert (answer["39"], answer["6"], answer["50"], answer["16"]) == ("00", f"{billed:012d}", USD, "1125")
    reasons = [log.fields["reason"] for log in book.logged("conversion.inconsistent")]
    assert reasons == (["DE6 is 7.54 EUR, and 80.00 MAD at DE10, 0.09317343, are 7.45 EUR"] if billed == 754 else [])
