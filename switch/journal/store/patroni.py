"""How Patroni keeps the database of a journal, asked by its REST API when a switch starts, and why what is unsafe is.

In: its addresses. Out: sentences. What Patroni says by this interface of which store it leans on, and of its watchdog, is little:
so its version is judged whatever the store, and a tag beside the watchdog's setting says that there is one.
"""

import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec

ANSWER_S: Final = 2.0
"""so long each is waited for; all are asked at once"""
VERSION_LEAST: Final = 4
TAG: Final = "watchdog"
_ANSWER_MAX: Final = 1 << 20
_LEADS: Final = ("primary", "master")
"""the second until version 4"""


class Program(msgspec.Struct, frozen=True, kw_only=True):
    """`patroni` of what a member says."""

    version: str = ""
    name: str = ""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """What one Patroni says of itself (`GET /patroni`)."""

    patroni: Program = Program()
    role: str = ""
    state: str = ""
    database_system_identifier: str = ""
    tags: dict[str, object] = {}
    watchdog_failed: bool = False
    """it is required, and does not work"""
    pause: bool = False

    @property
    def leads(self) -> bool:
        """Its PostgreSQL takes writes."""
        return self.role in _LEADS and self.state == "running"


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What holds in all of the cluster (`GET /config`)."""

    synchronous_mode: bool | str = False
    synchronous_mode_strict: bool | str = False


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """All that was heard."""

    members: tuple[Member, ...]
    settings: Settings
    silent: tuple[str, ...]
    """who has not answered, and why: a sentence each"""

    @property
    def leader(self) -> Member | None:
        """Who leads; None: that one has not answered, or there is none."""
        return next((member for member in self.members if member.leads), None)


T = TypeVar("T")


def cluster_at(urls: Sequence[str]) -> Cluster:
    """Ask all of these addresses. Never raises: what does not answer is in `silent`."""
    with ThreadPoolExecutor(len(urls)) as pool:
        heard = list(pool.map(_ask, urls))
    told = [found for found in heard if not isinstance(found, str)]
    leading = [settings for member, settings in told if member.leads]
    return Cluster(
        members=tuple(member for member, _ in told),
        settings=leading[0] if leading else Settings(),
        silent=tuple(found for found in heard if isinstance(found, str)),
    )


def _ask(url: str) -> tuple[Member, Settings] | str:
    """What is said there; a sentence where it is nothing."""
    parts = urlsplit(url)
    try:
        if parts.scheme == "https":
            context = ssl.create_default_context()
            link: HTTPConnection = HTTPSConnection(parts.netloc, timeout=ANSWER_S, context=context)
        else:
            link = HTTPConnection(parts.netloc, timeout=ANSWER_S)
        try:
            return _get(link, "/patroni", Member), _get(link, "/config", Settings)
        finally:
            link.close()
    except (OSError, HTTPException, msgspec.MsgspecError) as error:
        return f"{url}: {error or type(error).__name__}"


def _get(link: HTTPConnection, path: str, kind: type[T]) -> T:
    """A member that is not well says 503, and all the rest as ever."""
    link.request("GET", path, headers={"Connection": "keep-alive"})
    return msgspec.json.decode(link.getresponse().read(_ANSWER_MAX), type=kind)


def unsafe(cluster: Cluster, identifier: str) -> list[str]:
    """What must be otherwise, a sentence each. `identifier`: of the database that the journal is in."""
    leader = cluster.leader
    if leader is None:
        silent = f" ({'; '.join(cluster.silent)})" if cluster.silent else ""
        return [
            f"no Patroni that leads has answered{silent}: nobody would promote a standby, nor stop a deposed primary"
        ]
    if leader.database_system_identifier != identifier:
        return [
            f"[journal] patroni names the cluster of database {leader.database_system_identifier}, and the store is {identifier}"
        ]
    found = [sentence for member in cluster.members for sentence in _unsafe_member(member)]
    mode, strict = cluster.settings.synchronous_mode, cluster.settings.synchronous_mode_strict
    if mode != "quorum":
        found.append(
            f"synchronous_mode is {_word(mode)}: set it to quorum, so that only a server which has what was acknowledged is "
            "promoted, and any one standby may be away"
        )
    if _word(strict) not in ("true", "on"):
        found.append(
            "synchronous_mode_strict is not true: without a standby Patroni lets the primary commit alone, and what it "
            "acknowledges then is lost with it"
        )
    return found


def _unsafe_member(member: Member) -> list[str]:
    name, version = member.patroni.name or "a member", member.patroni.version
    found: list[str] = []
    major = version.split(".")[0]
    if not major.isdecimal() or int(major) < VERSION_LEAST:
        found.append(
            f"{name} runs Patroni {version or 'of no version'}: at least {VERSION_LEAST} is needed. Before it one that "
            "was asleep takes the leader's key back from its successor (etcd's v3 protocol), and with it what that had "
            "acknowledged"
        )
    if member.watchdog_failed:
        found.append(f"the watchdog of {name} does not work: look at /dev/watchdog there, and who may open it")
    elif member.tags.get(TAG) != "required":
        found.append(
            f"{name} does not say that it has a watchdog, and a primary that was asleep must not wake as one: set "
            f"watchdog: mode: required in its patroni.yml, and tags: {TAG}: required beside it (Patroni itself does not tell)"
        )
    return found


def _word(value: bool | str) -> str:
    """As YAML has it."""
    return str(value).lower()


def summary(cluster: Cluster) -> str:
    """Who answers, for people."""
    leader = cluster.leader
    assert leader is not None, "judged first"
    answered = len(cluster.members)
    said = f"patroni: {answered} of {answered + len(cluster.silent)} answer, {leader.patroni.name} leads"
    paused = "; paused: nobody is promoted, whatever happens" if leader.pause else ""
    return "; ".join((said + paused, *cluster.silent))
