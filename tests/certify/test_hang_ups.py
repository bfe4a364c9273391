"""An endpoint that hangs up in the middle of its tests, several of which are under way."""

from switch.certify.findings import PASSED
from switch.certify.plan_file import parse_plan
from tests.certify.peers import CMI87, examiner

PLAN = """
name = "hangs-up"
title = "An issuer that hangs up"
plays = "issuer"
certifies = "a switch"
""" + "".join(
    f"""
[[test]]
id = "H{amount}"
title = "Pays {amount}"
[[test.step]]
expects = {{ t = "0200", 4 = "00000000000{amount}" }}
[test.step.reply]
elements = {{ t = "0210", 39 = "00" }}
echo = ["7", "11"]
[[test.step]]
hang_up = true
"""
    for amount in (1, 2, 3)
)


def sale(amount: int) -> bytes:
    data = CMI87.encode({"t": "0200", "4": f"{amount:012d}", "7": "1128110000", "11": f"{amount:06d}"})
    return len(data).to_bytes(2, "big") + data


def test_a_new_connection_is_what_every_test_waited_for_that_has_hung_up() -> None:
    one = examiner(parse_plan(PLAN, "hangs-up.toml"))
    for amount in (1, 2, 3):
        one.connected(f"peer#{amount}", 0)
    for amount in (1, 2, 3):
        one.received(f"peer#{amount}", sale(amount), amount)
    for amount in (1, 2, 3):
        one.disconnected(f"peer#{amount}", 4)
    one.connected("peer#4", 5)
    assert [(o.ident, o.verdict) for o in one.outcomes] == [("H1", PASSED), ("H2", PASSED), ("H3", PASSED)]
    assert one.over
