"""How a part answers its peers: one address, messages of some types, an Erro with status 200 where one is not right."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from switch.threeds.peers import Report
from switch.threeds.protocol.encoding import Message, encode
from switch.threeds.protocol.errors import Component, ErroCode, ProtocolError, is_erro, make_erro, read_erro
from switch.threeds.protocol.messages import read_message

Answer = Callable[[Message], Awaitable[Mapping[str, Any]]]
"""a message, checked -> the answer; raises ProtocolError"""
TYPE = "application/json;charset=utf-8"


async def answer_peer(
    request: Request, answers: Mapping[str, Answer], component: Component, report: Report
) -> Response:
    """Read one message and answer it. An Erro of a peer's is reported, and answered with nothing."""
    client = request.client.host if request.client is not None else ""
    try:
        if request.url.scheme == "https" and request.scope["extensions"]["tls"]["client_cert_name"] is None:
            raise ProtocolError(ErroCode.ACCESS_DENIED, "no certificate was shown")
        message = read_message(await request.body(), {*answers, "Erro"})
        if is_erro(message):
            return _take_erro(message, client, report)
        made = await answers[message["messageType"]](message)
    except ProtocolError as error:
        if is_erro(error.about):
            return _take_erro(error.about, client, report)
        erro = make_erro(error, component)
        report("message.refused", {"from": client, "reason": str(error), "type": str(erro.get("errorMessageType", ""))})
        made = erro
    return Response(encode(made), media_type=TYPE)


def _take_erro(message: Mapping[str, Any], client: str, report: Report) -> Response:
    hint = "the peer could not take what we sent"
    report("erro.received", {"from": client, "reason": read_erro(message), "hint": hint})
    return Response(b"", media_type=TYPE)
