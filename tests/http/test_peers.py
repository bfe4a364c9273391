"""Peers who both show a certificate: one that its authority has taken back is turned away, whichever end it is at."""

import ssl
from pathlib import Path

import pytest

from switch.core.credentials import Tls
from switch.http.listening import ListeningError, mutual_context
from tests.server.authority import Authority


def context(own: Tls, crl: str = "", *, server: bool) -> ssl.SSLContext:
    made = mutual_context(
        Path(own.certificate), Path(own.key), Path(own.ca), server=server, crl=Path(crl) if crl else None
    )
    made.check_hostname = False
    return made


def handshake(client: ssl.SSLContext, server: ssl.SSLContext) -> None:
    """Both ends to their end, in memory. Raises the first SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [client.wrap_bio(to_client, to_server), server.wrap_bio(to_server, to_client, server_side=True)]
    for _ in range(4):
        for end in ends:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                continue


@pytest.mark.parametrize("taken", ["client", "server"])
def test_who_was_taken_back_is_turned_away_by_the_other_end(tmp_path: Path, taken: str) -> None:
    authority = Authority(tmp_path)
    own = {name: authority.issue(name) for name in ("client", "server")}
    crl = authority.list_file(own[taken])
    lists = {name: "" if name == taken else crl for name in own}
    with pytest.raises(ssl.SSLCertVerificationError, match=f"CN={taken}.* was taken back by .* \\(key compromise\\)"):
        handshake(*(context(own[name], lists[name], server=name == "server") for name in own))
    good = {**own, taken: authority.issue(taken, file="another")}
    handshake(*(context(good[name], crl, server=name == "server") for name in own))


def test_a_list_that_is_nobodys_is_a_mistake_at_the_start(tmp_path: Path) -> None:
    own = Authority(tmp_path).issue("server")
    with pytest.raises(ListeningError, match="was signed by no authority"):
        context(own, Authority(tmp_path / "other", "other").list_file(), server=True)
