"""Several payments under one name: a reversal undoes the one it means, or none."""

from switch.core.records.records import Excepted
from tests.core.scripts import Scene, approved, purchase, reversal

ZEROS = "0" * 22


def test_another_payment_of_the_same_card_under_the_same_names_is_not_meant_by_another_second_and_amount() -> None:
    """Two terminals of one bank count DE11 and DE37 alike; what a crash took of the second is not told by the first."""
    scene = Scene()
    first = purchase(de12="130000", de41="RIF00001", de4="000000070000")
    request = approved(scene, first)
    second = {**first, "7": "1125120004", "12": "130004", "41": "RIF00002", "4": "000000009891"}
    changed = {**reversal(second), "90": "0200000123" + "1125120004" + ZEROS, "41": ""}
    scene.rif.sends({de: value for de, value in changed.items() if value})
    assert scene.book.logged("reversal.original_unknown")
    assert scene.atlas.gets()["90"][4:20] != request["11"] + request["7"], "its issuer is told of the second"


def test_of_several_payments_the_one_that_agrees_is_meant() -> None:
    scene = Scene()
    first, second = purchase(de41="RIF00001"), purchase(de41="RIF00002", de7="1125120005", de37="532912000777")
    approved(scene, first)
    request = approved(scene, second)
    scene.rif.sends({**reversal(second), "90": "0200000123" + "0" * 10 + ZEROS})
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["90"][4:20] == request["11"] + request["7"]


def test_a_reversal_that_may_mean_one_of_several_is_never_answered_as_done() -> None:
    scene = Scene()
    one, other = purchase(), purchase(de7="1125120005")
    approved(scene, one)
    approved(scene, other)
    asked = {**reversal(one), "90": "0200000123" + "0" * 10 + ZEROS}
    scene.rif.sends(asked)
    assert scene.rif.gets()["39"] == "21"
    assert scene.atlas.got_nothing()
    (row,) = scene.book.asks("exceptions.list").items
    assert (row.kind, row.amount, row.rrn) == ("ambiguous-reversal", 15_000, one["37"])
    scene.rif.sends({**asked, "t": "0401"})
    assert scene.rif.gets()["39"] == "21"
    assert len(scene.book.recorded(Excepted)) == 1
    after = Scene(scene.book.crashes())
    assert len(after.book.asks("exceptions.list").items) == 1
    after.book.asks("exceptions.resolve", txn=row.txn, reason="the second; reversed by name", by="amina")
    assert not after.book.asks("exceptions.list").items


def test_of_two_under_one_name_the_one_that_stands_is_meant() -> None:
    scene = Scene()
    one, other = purchase(), purchase(de7="1125120005")
    scene.rif.sends(one)
    scene.atlas.answers(scene.atlas.gets(), "51")
    scene.rif.gets()
    request = approved(scene, other)
    scene.rif.sends({**reversal(one), "90": "0200000123" + "0" * 10 + ZEROS})
    assert scene.rif.gets()["39"] == "00"
    assert scene.atlas.gets()["90"][4:20] == request["11"] + request["7"]
