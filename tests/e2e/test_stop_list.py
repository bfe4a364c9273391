"""Issuers send their stop lists to a real switch, go away, and the switch is killed: lost and stolen cards stay what they are."""

import json
import os
import signal
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from switch.cli.cards import command as cards
from switch.simulators.messages import PURCHASE
from switch.wire.vocabulary import DE
from tests.e2e.pos import Till
from tests.e2e.stage import QUICK, Stage, wait_for


def answer_to(stage: Stage, card: str) -> str:
    with closing(Till(stage, "rif")) as till:
        return till.pays(PURCHASE, card)[1][DE.RESPONSE_CODE]


@pytest.mark.long
def test_a_stolen_card_is_one_while_its_issuer_is_away_and_after_the_switch_was_killed(tmp_path: Path) -> None:
    stage = Stage(tmp_path, QUICK)
    try:
        issuers, switch = stage.issuers("--stop-list"), stage.serve()
        wait_for(lambda: len(stage.events("card.listed", issuer="atlas")) == 2)
        issuers.stop()
        stage.event("link.down", host="atlas")
        assert answer_to(stage, "atlas-43") == "43"
        os.kill(switch.pid, signal.SIGKILL)
        switch.wait(5)
        switch = stage.serve()
        assert [answer_to(stage, card) for card in ("atlas-41", "atlas-43", "atlas-approved")] == ["41", "43", "91"]

        options = ("--network", str(stage.path), "--state", str(stage.state))
        listed = CliRunner().invoke(cards, ["hot", "list", *options, "--issuer", "atlas", "--json"])
        assert {row["reason"] for row in json.loads(listed.output)["cards"]} == {"41", "43"}
        assert switch.stop() == 0
        verified = stage.start("journal", "verify", "--state", str(stage.state), ready=False)
        assert verified.wait(30) == 0, verified.text()
    finally:
        stage.close()
