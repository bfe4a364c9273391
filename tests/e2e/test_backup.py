"""The journal of a running switch is copied, lost, and put back; the switch goes on from the copy."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from switch.core.records.records import Answered, Forwarded, Owed
from switch.simulators.messages import PURCHASE, repeat
from switch.wire.vocabulary import DE
from tests.e2e.pos import Till
from tests.e2e.stage import Stage


def journal(*arguments: str | Path) -> str:
    """`cmi-switch journal …`, as a user runs it."""
    command = [sys.executable, "-m", "switch.cli.main", "journal", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_a_lost_journal_is_restored_and_gone_on_from(stage: Stage) -> None:
    stage.issuers()
    switch = stage.serve()
    till = Till(stage, "rif")
    backup = stage.directory / "backup"
    first = [till.pays(PURCHASE, "atlas-cmi-01") for _ in range(5)]
    journal("backup", backup, "--state", stage.state, "--with-key")
    first += [till.pays(PURCHASE, "atlas-cmi-01") for _ in range(5)]
    said = journal("backup", backup, "--state", stage.state)
    lost, _ = till.pays(PURCHASE, "atlas-cmi-01")
    records = len(stage.entries())
    assert f"records 1 to {records - 2} of network morocco" in said, "the last payment came after it"

    os.kill(switch.pid, signal.SIGKILL)
    switch.wait(5)
    till.close()
    gone = stage.entries()
    shutil.move(stage.state, stage.directory / "lost")
    journal("restore", backup, "--state", stage.state)
    assert journal("verify", "--state", stage.state)
    stage.serve()
    with closing(Till(stage, "rif")) as till:
        for request, answer in first:
            again = till.client.asks(repeat(request))
            assert [again[de] for de in (DE.RESPONSE_CODE, DE.APPROVAL_CODE)] == ["00", answer[DE.APPROVAL_CODE]]
        assert not [e for e in stage.entries()[records - 2 :] if isinstance(e, Forwarded)], "repeats went nowhere"
        _, acknowledged = till.voids(*first[3])
        assert acknowledged[DE.RESPONSE_CODE] == "00"
        _, acknowledged = till.voids(lost, {})
        assert acknowledged[DE.RESPONSE_CODE] == "00", "reversed at the card's issuer, though it is not known here"
        _, answer = till.pays(PURCHASE, "atlas-cmi-01")
        assert answer[DE.RESPONSE_CODE] == "00"

    entries = stage.entries()
    known = next(e for e in entries if isinstance(e, Forwarded) and e.key[2] == first[3][0][DE.STAN])
    assert [e.original for e in entries if isinstance(e, Owed)] == [known.txn, 0]
    before = {(e.stan, e.sent_at) for e in gone if isinstance(e, Forwarded)}
    since = [e for e in entries[records - 2 :] if isinstance(e, Forwarded)]
    assert not before & {(e.stan, e.sent_at) for e in since}, "no host sees DE11 and DE7 of a lost payment again"
    assert min(e.txn for e in since) > max(e.txn for e in gone if isinstance(e, Answered))
