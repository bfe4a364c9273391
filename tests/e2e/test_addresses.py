"""Who may connect to a real switch: by the address that a socket comes from."""

import re
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from switch.simulators.messages import PURCHASE
from tests.e2e.pos import Till
from tests.e2e.stage import Client, Stage

ALLOWED, OTHER = "127.0.0.2", "127.0.0.3"


def test_only_addresses_that_the_file_names_get_a_word_in(tmp_path: Path) -> None:
    stage = Stage(
        tmp_path,
        {
            r'(name = "acquirers" .*\n)': rf'\1allow = ["{ALLOWED}"]\n',
            r'(name = "rif"\ntitle = .*\n)': rf'\1allow = ["{ALLOWED}", "127.0.0.4"]\n',
        },
    )
    try:
        stage.issuers()
        stage.serve()
        with closing(Client(stage, "acquirers", "504102", sign_on=False, address=OTHER)) as stranger:
            assert stranger.closed()
        assert stage.event("link.not_allowed")["peer"] == OTHER
        with closing(Client(stage, "pos", "504102", sign_on=False, address=OTHER)) as stranger:
            answer = stranger.asks({"t": "0800", "7": "1125120000", "11": "000001", "32": "504102", "70": "001"})
            assert answer["39"] == "58"
        assert stage.event("link.sign_on_refused")["peer"] == OTHER
        with closing(Till(stage, "rif", address=ALLOWED)) as till:
            assert till.pays(PURCHASE, "atlas-approved")[1]["39"] == "00"
            stage.path.write_text(
                re.sub(rf'(name = "acquirers" .*\nallow = )\["{ALLOWED}"\]', r'\1["127.0.0.4"]', stage.path.read_text())
            )
            reload = "from switch.cli.main import main; main()"
            options = ["reload", "--network", str(stage.path), "--state", str(stage.state)]
            subprocess.run([sys.executable, "-c", reload, *options], check=True, capture_output=True, timeout=60)
            assert till.client.closed(), "its address is not allowed any more"
    finally:
        stage.close()
