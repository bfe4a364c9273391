"""One server asks another: a message posted, its answer read, and an Erro where the answer is none.

In: an address, a message. Out: the answer, checked against what was asked, or a PeerError. The one rule: whatever goes wrong ends
in one sentence and one code; nothing of the peer's is raised as it came.
"""

import ssl
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from switch.http.client import CallError, NoAnswerError, post_json
from switch.http.https_end import HttpsEnd
from switch.threeds.protocol.encoding import Message, encode
from switch.threeds.protocol.errors import Component, ErroCode, ProtocolError, is_erro, make_erro, read_erro
from switch.threeds.protocol.messages import check_answer, read_message

Post = Callable[[str, bytes, float], Awaitable[bytes]]
"""address, message, seconds -> the answer's body; raises CallError"""
Report = Callable[[str, dict[str, object]], None]
ANSWER_BYTES: Final = 4 << 20
"""a PRes of all ranges of a large directory server fits"""
ERRO_S: Final = 5.0


class PeerError(Exception):
    """No answer, or none that counts. One sentence, and the code that an Erro about it has."""

    def __init__(self, code: ErroCode, reason: str) -> None:
        super().__init__(reason)
        self.code = code


def poster(end: HttpsEnd | None) -> Post:
    """What posts with this side's certificate; None: on loopback only, in plain."""
    plain = ssl.create_default_context()

    async def post(url: str, body: bytes, seconds: float) -> bytes:
        reply = await post_json(url, body, end.context if end is not None else plain, seconds, ANSWER_BYTES)
        if reply.status != 200 and '"Erro"' not in reply.text:  # some send theirs with a status of its own
            raise CallError(f"answered {reply.status}, expected 200")
        return reply.text.encode()

    return post


async def ask(
    post: Post, url: str, message: Mapping[str, Any], expected: str, seconds: float, component: Component
) -> Message:
    """The answer. Raises PeerError. A peer whose answer is not right is told so with an Erro, in a call of its own."""
    try:
        body = await post(url, encode(message), seconds)
    except NoAnswerError as error:
        raise PeerError(ErroCode.TIMED_OUT, f"{url}: {error}") from None
    except CallError as error:
        raise PeerError(ErroCode.CONNECTION_FAILED, f"{url}: {error}") from None
    try:
        answer = read_message(body, {expected, "Erro"})
        if is_erro(answer):
            raise _refused(url, answer)
        return check_answer(dict(message), answer)
    except ProtocolError as error:
        if is_erro(error.about):
            raise _refused(url, error.about) from None
        with suppress(CallError):
            await post(url, encode(make_erro(error, component)), ERRO_S)
        raise PeerError(error.code, f"{url}: its {expected} cannot be taken: {error}") from None


def _refused(url: str, erro: Mapping[str, Any]) -> PeerError:
    return PeerError(_code_of(erro), f"{url}: answered with an Erro: {read_erro(erro)}")


def _code_of(erro: Mapping[str, Any]) -> ErroCode:
    code = str(erro.get("errorCode"))
    return ErroCode(code) if code in list(ErroCode) else ErroCode.PERMANENT
