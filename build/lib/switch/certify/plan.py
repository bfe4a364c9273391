"""What a certification plan says, as values. Knows no file, no link, no clock; docs/certification.md has the words.

Elements are those of the internal format (1987, as `cmi87` writes them) whatever the link speaks, or the link's own where the
plan says `format = "link"`. Values may have names in braces, filled in when a message is made (`words.fill`).
"""

from collections.abc import Mapping
from typing import Final, TypeAlias

import msgspec

ACQUIRER: Final = "acquirer"
ISSUER: Final = "issuer"
INTERNAL: Final = "internal"
LINK: Final = "link"
NOTHING: Final = "none"
"""of an answer: none may come"""

Elements: TypeAlias = Mapping[str, str]
"""key of an element (`t`, `2` … `128`) -> its value, names in braces"""
Wanted: TypeAlias = Mapping[str, tuple[str, ...]]
"""key of an element -> the values it may have"""


class Points(msgspec.Struct, frozen=True, kw_only=True):
    """What one message that comes is looked at for."""

    mti: str = ""
    """of an answer; "": that of the request's answer; `none`: nothing may come"""
    within_ms: int = 0
    """0: the plan's"""
    echo: tuple[str, ...] = ()
    """elements that must be there as they were sent, where they were"""
    echo_if_there: tuple[str, ...] = ()
    has: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()
    equals: Wanted = {}
    starts: Elements = {}
    """element -> what its value begins with"""
    form: Elements = {}
    """element -> a regular expression that its whole value fits"""
    save: Elements = {}
    """name -> the element whose value it is from now on"""
    look_at: str = ""
    """what to look at first where one of these fails"""


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """What is answered to a message that came."""

    elements: Elements
    echo: tuple[str, ...] = ()
    """elements taken from what came, where it has them"""
    after_ms: int = 0


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that happens. One of `send`, `expects`, `hang_up`, `wait_ms`, `quiet_ms` says what."""

    name: str
    send: Elements | None = None
    """a message of ours; with `again`, what of it is other than then"""
    again: str = ""
    """the step whose message is sent once more"""
    without: tuple[str, ...] = ()
    """elements of that message that are left out"""
    expects: Wanted | None = None
    """a request of theirs: the elements that tell it"""
    points: Points = Points()
    reply: Reply | None = None
    """to what came; None: nothing is answered"""
    echo_of: str = ""
    """the step whose message `points.echo` compares with; "": the one that was answered"""
    hang_up: bool = False
    wait_ms: int = 0
    quiet_ms: int = 0
    """for so long nothing may come that belongs to this test"""


class Test(msgspec.Struct, frozen=True, kw_only=True):
    """One case of a plan."""

    ident: str
    title: str
    about: str = ""
    do: str = ""
    """what the people at the other end have to do for it"""
    essential: bool = False
    """where it fails, nothing after it is run"""
    steps: tuple[Step, ...]


class Always(msgspec.Struct, frozen=True, kw_only=True):
    """What the other side may ask at any time, and what it is answered."""

    when: Wanted
    reply: Reply


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A whole plan."""

    name: str
    title: str
    plays: str
    """`acquirer` asks, `issuer` answers"""
    certifies: str
    """who is looked at, in words"""
    dialect: str
    framing: str
    """"": the dialect's own"""
    own: str
    """institution of this end, for headers that name it; "" for none"""
    format: str
    within_ms: int
    values: Mapping[str, str]
    always: tuple[Always, ...]
    otherwise: Reply | None
    """to a request that no test is for; None: nothing"""
    tests: tuple[Test, ...]
    source: str
    """the file, as it is called in messages"""
