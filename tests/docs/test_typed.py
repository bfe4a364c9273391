"""What every page shows comes out as printed when it is typed line by line.

A console block that is not typed says why in a comment above it, `<!-- not run: … -->`, or which test runs it. What is a
reader's own (ports, times, ids, numbers drawn by chance) is replaced by its kind on both sides, and `…` is anything.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from switch.wire import Dialect
from tests.docs.reader import FILE, ROOT, Reader, blocks

PAGES = {
    str(path.relative_to(ROOT)): path.read_text()
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
}
BY_PROCESSES = ("README.md", "docs/tour.md")
"""typed into a shell throughout, as a newcomer does"""
AWAY = "docs/operating.md"
"""read while a network runs whose Visa and Mastercard are away"""
BESIDE = (
    "docs/hop-log.md",
    "docs/journal.md",
    "docs/mechanisms.md",
    "docs/store-and-forward.md",
    "docs/restart-and-reload.md",
)
"""read while a whole network runs, which they share"""
EXACT = ("docs/dialects.md", "docs/doctor.md")
"""compared to the byte: what they print points at columns"""
TYPED = [name for name, text in PAGES.items() if any(b.language == "console" and not b.elsewhere for b in blocks(text))]
NOT_RUN_MOST = 7

CMI87 = Dialect.load("cmi87")
MONDAY = (
    {"t": "0200", "2": "4111111111111111", "3": "000000", "4": "000000012345", "11": "000042", "38": "A*1234"},
    {
        "t": "0200",
        "3": "000000",
        "4": "000000009900",
        "11": "000043",
        "48": "420205990217",
        "55": "9F0206000000009900DF19010A",
    },
    {"t": "0200", "3": "000000", "4": "000000001000", "11": "000044", "55": "DF19010B"},
)
"""what a partner has sent, for docs/dialects.md"""


@pytest.fixture
def reader(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Reader]:
    someone = Reader(tmp_path, in_process=request.node.callspec.params["page"] not in BY_PROCESSES)
    try:
        yield someone
    finally:
        someone.close()


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """A reader beside a network that runs: the switch and three issuers, one of them on two connections."""
    someone = Reader(tmp_path_factory.mktemp("beside"), in_process=True)
    network = someone.directory / FILE
    text = re.sub(r'(name = "atlas"\nrole = "issuer"\n)', r"\1connections = 2\n", network.read_text())
    network.write_text(text)
    (someone.directory / "mine.toml").write_text(text)
    try:
        someone.start("cmi-switch issuer")
        someone.start("cmi-switch serve mine.toml --no-show")
        yield someone
    finally:
        someone.close()


@pytest.fixture(scope="module")
def beside_all(beside: Reader) -> Reader:
    """A reader beside that network once Visa and Mastercard are up, too, and the journal has more than a beginning."""
    beside.start("cmi-switch network visa mastercard")
    beside.type("cmi-switch health", "Good: …")
    for _ in range(2):
        said = beside.type("cmi-switch pay --card atlas-approved --quiet", "")
        assert said.startswith("Approved: "), said
    return beside


@pytest.mark.parametrize("page", [page for page in TYPED if page not in (AWAY, *BESIDE)])
def test_a_page_comes_out_as_printed(page: str, reader: Reader) -> None:
    (reader.directory / "monday.hex").write_text("".join(CMI87.encode(d).hex() + "\n" for d in MONDAY))
    assert reader.read(PAGES[page], exact=page in EXACT)


def test_the_page_for_operators_comes_out_as_printed_beside_a_network_in_part(beside: Reader) -> None:
    assert beside.read(PAGES[AWAY])


@pytest.mark.parametrize("page", BESIDE)
def test_a_page_comes_out_as_printed_beside_a_network_that_runs(page: str, beside_all: Reader) -> None:
    assert beside_all.read(PAGES[page])


@pytest.mark.parametrize("page", PAGES)
def test_whatever_can_be_typed_stands_in_a_console_block(page: str) -> None:
    text = PAGES[page]
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    assert re.findall(r"^ {4}(?:\$ |cmi-switch |tools/|pip |export ).*$", prose, re.MULTILINE) == []
    assert [
        block.text for block in blocks(text) if block.language != "console" and re.search(r"(?m)^\$ ", block.text)
    ] == []


def test_blocks_that_are_not_run_become_fewer() -> None:
    """A ratchet: nobody raises it."""
    notes = [(page, b.elsewhere) for page, text in PAGES.items() for b in blocks(text) if b.elsewhere]
    assert len([note for _, note in notes if note.startswith("not run")]) <= NOT_RUN_MOST, notes
    for page, note in notes:
        if note.startswith("run by "):
            test = (ROOT / note.removeprefix("run by ")).read_text()
            assert Path(page).name in test, note
