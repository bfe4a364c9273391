"""What a merchant's server may ask about its orders: capture, void, credit, status, history.

In: a read CC5Request. Out: the pairs of a CC5Response. The one rule: whoever is not the merchant's API user learns nothing, not
even whether there is such a merchant or order.
"""

import time
from typing import Final

from switch.gateway.logins import log_in
from switch.gateway.merchants import check_password
from switch.gateway.orders.lifecycle import GOOD, IllegalMoveError, Stage
from switch.gateway.orders.order import Order
from switch.gateway.outcomes import result_of
from switch.gateway.owing import SETTLE_S
from switch.gateway.protocol.answers import Money, brand_of
from switch.gateway.protocol.fields import Pairs
from switch.gateway.protocol.xml_api import ApiRequest
from switch.gateway.service import Service
from switch.money.currency import CurrencyError, currency, parse_amount

_STATES: Final = {
    Stage.HELD: "A",
    Stage.APPROVED: "PN",
    Stage.AUTHORIZING: "PN",
    Stage.AUTHENTICATING: "PN",
    Stage.OPEN: "PN",
    Stage.CAPTURING: "PN",
    Stage.CREDITING: "PN",
    Stage.CAPTURED: "C",
    Stage.REVERSING: "V",
    Stage.REVERSED: "V",
    Stage.CANCELLED: "CNCL",
    Stage.EXPIRED: "CNCL",
    Stage.DECLINED: "D",
}
_TYPES: Final = {
    "submit": "PreAuth",
    "capture": "PostAuth",
    "posted": "PostAuth",
    "take_back": "Void",
    "credit": "Credit",
}


class _RefusedError(Exception):
    """What cannot be done; the sentence is for the merchant."""


async def answer_api(service: Service, request: ApiRequest, client: str) -> tuple[Pairs, Pairs]:
    """Do what is asked from address `client`; the elements of the response and those of its Extra."""
    try:
        order = await _order(service, request, client)
        if request.kind == "ORDERSTATUS":
            return _outcome(order, True, "", request), _status(order)
        if request.kind == "ORDERHISTORY":
            return _outcome(order, True, "", request), _history(
                order, await service.disk(service.registry.store.history, order)
            )
        done = await service.owing.settled(await _do(service, order, request), SETTLE_S)
        if request.kind == "PostAuth" and done.stage is Stage.HELD:
            raise _RefusedError("the issuer did not take the capture; the pre-authorization stands")
        if request.kind == "Credit" and done.stage is Stage.CAPTURED and done.credited == order.credited:
            raise _RefusedError("the issuer did not take the credit; nothing was given back")
        return _outcome(done, True, "", request), _extra(done)
    except (_RefusedError, IllegalMoveError, CurrencyError) as error:
        return _outcome(None, False, str(error), request), [("ERRORCODE", "CORE-2507"), ("NUMCODE", "99")]


async def _order(service: Service, request: ApiRequest, client: str) -> Order:
    name, password = request.name, request.password
    if await log_in(service, request.clientid, client, lambda it: check_password(it, name, password)) is None:
        raise _RefusedError("Name, Password or ClientId is not right, or the merchant is suspended")
    order: Order | None = await service.disk(service.registry.store.by_id, request.clientid, request.oid)
    if order is None:
        raise _RefusedError("no record found: the merchant has no such OrderId")
    return order


async def _do(service: Service, order: Order, request: ApiRequest) -> Order:
    if request.kind == "PostAuth":
        return await service.owing.capture(order, _amount(request, order, order.asked.amount))
    if request.kind == "Void":
        return await service.owing.void(order)
    if request.kind == "Credit":
        return await service.owing.credit(order, _amount(request, order, order.captured - order.credited))
    raise _RefusedError(
        f"Type {request.kind[:20]!r}: expected PostAuth, Void, Credit, or Extra with ORDERSTATUS or ORDERHISTORY"
    )


def _amount(request: ApiRequest, order: Order, otherwise: int) -> int:
    own = currency(order.asked.currency)
    if request.currency and currency(request.currency) != own:
        raise _RefusedError(f"Currency {request.currency[:20]}: the order is in {own.numeric} ({own.alpha})")
    if not request.total:
        return otherwise
    amount = parse_amount(request.total.replace(",", "."), own.numeric)
    if amount <= 0:
        raise _RefusedError("Total: expected an amount above 0")
    return amount


def _outcome(order: Order | None, good: bool, text: str, request: ApiRequest) -> Pairs:
    result = result_of(order) if order is not None else None
    return [
        ("OrderId", request.oid),
        ("GroupId", request.oid),
        ("Response", "Approved" if good else "Error"),
        ("AuthCode", result.approval if result else ""),
        ("HostRefNum", result.rrn if result else ""),
        ("ProcReturnCode", "00" if good else "99"),
        ("TransId", result.number if result else ""),
        ("ErrMsg", text),
    ]


def _extra(order: Order) -> Pairs:
    result = result_of(order)
    return [
        ("SETTLEID", result.money.window if result.money is not None else ""),
        ("TRXDATE", result.at),
        ("ERRORCODE", ""),
        ("NUMCODE", "00"),
        ("CARDBRAND", brand_of(result.scheme)),
        ("CARDISSUER", ""),
    ]


def _status(order: Order) -> Pairs:
    result = result_of(order)
    state = _STATES[order.stage]
    text = f"ORD_ID:{order.asked.oid}\tCHARGE_TYPE_CD:S\tORIG_TRANS_AMT:{order.asked.amount}\tTRANS_STAT:{state}"
    captured = order.captured - order.credited if order.stage in GOOD else 0
    money = result.money or Money(captured="")
    return [
        ("ORDERSTATUS", text),
        ("ORD_ID", order.asked.oid),
        ("TRANS_ID", result.number),
        ("PROC_RET_CD", result.code),
        ("AUTH_CODE", result.approval),
        ("HOST_REF_NUM", result.rrn),
        ("MDSTATUS", result.authentication.md_status),
        ("ECI", result.authentication.eci),
        ("CAVV", result.authentication.value),
        ("XID", result.authentication.xid),
        ("LIABILITY", result.authentication.liability),
        ("PAN", result.masked),
        ("NUMCODE", "00"),
        ("CHARGE_TYPE_CD", "C" if order.credited else "S"),
        ("TRANS_STAT", state),
        ("ORIG_TRANS_AMT", str(order.asked.amount)),
        ("CAPTURE_AMT", str(captured)),
        ("AUTH_DTTM", _time(order.opened_us)),
        ("CAPTURE_DTTM", _time(order.posted.at_us) if order.posted is not None else ""),
        ("SETTLEID", money.window),
        ("FEES", money.fees),
        ("NET", money.net),
        ("SETTLE_DTTM", money.settles),
        ("VOID_DTTM", _time(order.moved_us) if state == "V" else ""),
    ]


def _history(order: Order, moves: list[tuple[int, str, str, str, int]]) -> Pairs:
    """One line a move that a card or the merchant made: type, status, amount, captured, time, ..., RRN, code, return code, id."""
    result = result_of(order)
    rows = [row for row in moves if row[1] in _TYPES]
    lines = [
        "\t".join(
            (
                _TYPES[move],
                "A" if stage in GOOD else "PN",
                str(amount),
                str(order.captured),
                _time(at),
                "",
                "",
                result.rrn,
                result.approval,
                code or "00",
                result.number,
            )
        )
        for at, move, stage, code, amount in rows
    ]
    return [("TRXCOUNT", str(len(lines))), *((f"TRX{number}", line) for number, line in enumerate(lines, 1))]


def _time(us: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(us // 1_000_000))
