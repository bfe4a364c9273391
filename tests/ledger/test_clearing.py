"""Clearing files: rows that come to the position, and a trailer that no changed byte passes."""

import csv
import hashlib
import io
from collections.abc import Callable

import msgspec
import pytest

from switch.ledger.clearing import ClearingError, ClearingFiles, check_file
from switch.ledger.comparison import Unreadable, clearing_lines, compare, read_clearing
from switch.ledger.entries import Entry, Window
from switch.ledger.fold import LedgerFold
from switch.ledger.netting import Settlement, settle
from tests.ledger.stories import MAD, Sides, moved, records

WINDOW = Window("2026-11-27", 1)
MEMBERS = ("atlas", "rif", "souss")


def made(merchant: str = "M1") -> tuple[Settlement, list[Entry]]:
    """A purchase, taken back in part; one from a network's card."""
    entries: list[Entry] = []
    ledger = LedgerFold(MAD, entries.append)
    story = [
        *records("0200 100.00, 0420 left 30.00", Sides(merchant=merchant), 10),
        *records("0200 80.00", Sides(issuer="visa", acquirer="atlas"), 40),
    ]
    for number, entry in enumerate(story, 1):
        ledger.fold(number, entry)
    return settle(WINDOW, ledger.positions[WINDOW], members=MEMBERS, networks={"visa"}, home=MAD), entries


def write(settlement: Settlement, entries: list[Entry]) -> dict[str, bytes]:
    parts: dict[str, list[bytes]] = {}

    def begin(name: str) -> Callable[[bytes], object]:
        parts[name] = []
        return parts[name].append

    files = ClearingFiles(WINDOW, MEMBERS, begin)
    for entry in entries:
        files.add(entry)
    digests = files.end(settlement, MEMBERS, MAD)
    found = {name: b"".join(parts[name]) for name in sorted(parts)}
    assert digests == {name: hashlib.sha256(data).hexdigest() for name, data in found.items()}
    return found


def files(merchant: str = "M1") -> dict[str, bytes]:
    return write(*made(merchant))


def test_a_members_file_has_each_of_its_moves_and_sums_of_them() -> None:
    found = files()
    assert list(found) == [f"2026-11-27-1.{name}.MAD.clearing.csv" for name in MEMBERS]
    lines = found["2026-11-27-1.atlas.MAD.clearing.csv"].decode().splitlines()
    assert lines[0] == "H,2026-11-27-1.atlas.MAD.clearing.csv,2026-11-27/1,atlas,MAD,1"
    rows = [line.split(",") for line in lines[1:-1]]
    assert [(r[3], r[7], r[9], r[10]) for r in rows] == [
        ("purchase", "rif", "payment", "-10000"),
        ("reversal", "rif", "payment", "7000"),
        ("purchase", "visa", "payment", "8000"),
    ]
    above = "".join(f"{line}\n" for line in lines[:-1]).encode()
    assert lines[-1] == f"T,3,{10000:016d},{15000:016d},{hashlib.sha256(above).hexdigest()}"


def test_a_member_without_traffic_gets_a_file_without_rows() -> None:
    data = files()["2026-11-27-1.souss.MAD.clearing.csv"]
    assert check_file(data.splitlines(keepends=True)) == 0
    assert b"\nT,0,0000000000000000,0000000000000000," in data


def test_a_merchants_name_may_have_any_characters() -> None:
    name = 'CAFÉ, "LE\nCOIN'
    data = files(name)["2026-11-27-1.rif.MAD.clearing.csv"]
    rows = list(csv.reader(io.StringIO(data.decode(), newline="")))
    assert rows[1][8] == name
    assert check_file(data.splitlines(keepends=True)) == 2


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        (b"-10000", b"-10001", "the trailer's debits is 0000000000010000, that of the lines above it 0000000000010001"),
        (b"purchase", b"cash", "the trailer's sha256 is"),
        (b"T,3,", b"T,4,", "the trailer's rows is 4, that of the lines above it 3"),
        (b"T,3,", b"X,3,", "no clearing file"),
        (b"\nR,", b"\nQ,", "a line between header and trailer is no row"),
    ],
)
def test_a_changed_file_does_not_pass(was: bytes, now: bytes, says: str) -> None:
    data = files()["2026-11-27-1.atlas.MAD.clearing.csv"]
    assert was in data
    with pytest.raises(ClearingError, match=says):
        check_file(data.replace(was, now, 1).splitlines(keepends=True))


def sealed(head: bytes, row: bytes) -> bytes:
    """A file of one row that its trailer is true of."""
    above = head + b"\n" + row + b"\n"
    return above + f"T,1,{5:016d},{0:016d},{hashlib.sha256(above).hexdigest()}\n".encode()


OURS, ROW_OF_OURS = b"H,f,2026-11-27/1,atlas,MAD,1", b"R,1,a,purchase,,,cmi,rif,M1,payment,-5"


@pytest.mark.parametrize(
    ("head", "row", "says"),
    [
        (OURS, b'R,1,a,purchase,,,cmi,rif,"M,1",-5', "a line between header and trailer is no row"),
        (OURS, ROW_OF_OURS.replace(b"M1", b"M\xe9"), "byte 55 is no UTF-8"),
        (OURS[:-1] + b"2", ROW_OF_OURS, "it is of version 2 of the form, and this release reads 1"),
        (OURS.replace(b"MAD", b"MAX"), ROW_OF_OURS, "its header is not that of a clearing file of ours"),
    ],
)
def test_a_file_whose_sums_are_right_and_which_is_none_of_ours_is_refused_in_a_sentence(
    head: bytes, row: bytes, says: str
) -> None:
    assert len(read_clearing(sealed(OURS, ROW_OF_OURS))[2]) == 1
    with pytest.raises(Unreadable, match=says):
        read_clearing(sealed(head, row))


def test_a_part_of_a_file_does_not_pass() -> None:
    data = files()["2026-11-27-1.atlas.MAD.clearing.csv"]
    for length in (0, 5, len(data) // 2, data.rindex(b"T,")):
        with pytest.raises(ClearingError, match=r"no clearing file|is no row|trailer"):
            check_file(data[:length].splitlines(keepends=True))


def test_rows_that_do_not_come_to_the_position_make_no_file() -> None:
    settlement, entries = made()
    with pytest.raises(ClearingError, match="atlas: rows come to"):
        write(settlement, entries[1:])
    (first, *rest) = entries
    wrong = Entry(
        sequence=first.sequence,
        at_us=first.at_us,
        window=WINDOW,
        txn=first.txn,
        what=first.what,
        acquirer="rif",
        issuer="atlas",
        currency=MAD,
        amount=1,
        moves=moved("atlas", "rif", "payment", MAD, 1),
    )
    with pytest.raises(ClearingError, match="atlas: rows come to"):
        write(settlement, [wrong, *rest])


def test_each_file_agrees_with_the_ledger_that_wrote_it_move_by_move() -> None:
    """What is a member's own business (its merchants, its positions in foreign currency) is in no file, and is not compared."""
    settlement, entries = made()
    inner = (*moved("fx:atlas", "atlas", "fx", MAD, 79_96), *moved("fx-difference:atlas", "atlas", "fx", MAD, 4))
    entries = [msgspec.structs.replace(e, moves=(*e.moves, *inner)) if e.issuer == "visa" else e for e in entries]
    for data in write(settlement, entries).values():
        _, member, theirs = read_clearing(data)
        assert compare(theirs, clearing_lines(entries, member, MAD), {}) == []
